//! Serves a Lambda function from our own executable, so that the embedded endpoint needs nothing else built. Lean on
//! purpose: one thread and nothing of the commands, for many such processes run at once.

use super::Exit;

/// Serves until the Runtime API goes away.
pub fn run() -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(crate::functions::serve())?;
    Ok(Exit::Done)
}
