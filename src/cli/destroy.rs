//! `vaultscope destroy`: the stack and what its buckets hold, removed.

use std::io::BufRead;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::deploy::{describe, destroy};

use super::args::DestroyArgs;
use super::session::{Session, needs_endpoint};
use super::settings::Settings;
use super::{Exit, Usage, deploy, output};

/// Events of the stack that may wait to be printed.
const EVENTS: usize = 256;

/// Runs the command.
pub async fn run(settings: &Settings, args: &DestroyArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_endpoint(&settings.target, "destroy")?;
    let stack = &settings.stack;
    settings.needs_write("destroying a stack")?;
    let session = Session::open(settings).await?;
    if describe(&session.clients, stack).await?.is_none() {
        output::line(&format!("there is no stack {stack} on {}: nothing to destroy", settings.target))?;
        return Ok(Exit::Done);
    }
    if !args.yes && !confirm(settings, &cancel).await? {
        output::remark(&format!("stack {stack} was left as it is"));
        return Ok(Exit::Negative);
    }
    let (sink, mut events) = mpsc::channel(EVENTS);
    let rows = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let Some(row) = deploy::row(&event) {
                output::line(&row)?;
            }
        }
        std::io::Result::Ok(())
    });
    let removed = destroy(&session.clients, stack, &sink, &cancel).await;
    drop(sink);
    rows.await??;
    let objects = removed?.objects;
    output::line(&format!("stack {stack} is gone, and {objects} objects of its buckets with it"))?;
    Ok(Exit::Done)
}

/// Asks for the stack's name; anything else means no.
async fn confirm(settings: &Settings, cancel: &CancellationToken) -> anyhow::Result<bool> {
    let (stack, target) = (&settings.stack, &settings.target);
    if !output::is_terminal() {
        return Err(Usage(format!(
            "destroying stack {stack} on {target} has to be confirmed, and there is no terminal to ask on: add --yes"
        ))
        .into());
    }
    output::remark(&format!(
        "stack {stack} on {target} and everything in its buckets will be deleted. type its name to go on:"
    ));
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        () = cancel.cancelled() => Ok(false),
        answer = answer => Ok(answer??.trim() == stack),
    }
}
