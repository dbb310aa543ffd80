//! `vaultscope emulator`: the embedded endpoint alone, for SDKs, the AWS CLI and our own commands.

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::emulator::{Emulator, EmulatorConfig, catalogue};

use super::args::EmulatorArgs;
use super::{Exit, Usage, output};

/// Runs the endpoint until it is interrupted.
pub async fn run(args: &EmulatorArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    let clock = Clock::default();
    if let Some(rate) = args.time_scale {
        clock.set_rate(rate).map_err(|error| Usage(error.to_string()))?;
    }
    // Whoever asks for the operations need not have the port free.
    let port = if args.operations { 0 } else { args.port };
    let emulator = Emulator::start(EmulatorConfig { port, clock, ..EmulatorConfig::default() }).await?;
    if args.operations {
        output::line(catalogue::markdown(&emulator.fabric()).trim_end())?;
        emulator.shutdown().await;
        return Ok(Exit::Done);
    }
    output::line(&format!("vaultscope emulator ready at {}", emulator.url()))?;
    cancel.cancelled().await;
    emulator.shutdown().await;
    output::remark("vaultscope emulator ended, and what it held with it");
    Ok(Exit::Done)
}
