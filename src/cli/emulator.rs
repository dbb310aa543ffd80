//! `vaultscope emulator`: the embedded endpoint alone, for SDKs, the AWS CLI and our own commands.

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::emulator::{Emulator, EmulatorConfig, Fabric, catalogue};

use super::args::EmulatorArgs;
use super::settings::Settings;
use super::{Exit, Usage, output};

/// Runs the endpoint until it is interrupted.
pub async fn run(settings: &Settings, args: &EmulatorArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    let clock = Clock::default();
    if let Some(rate) = args.time_scale {
        clock.set_rate(rate).map_err(|error| Usage(error.to_string()))?;
    }
    // Whoever asks for the operations need not have the port free, nor the folder.
    let (port, data_dir) = if args.operations { (0, None) } else { (args.port, settings.data_dir.clone()) };
    let emulator = Emulator::start(EmulatorConfig { port, clock, data_dir, ..EmulatorConfig::default() }).await?;
    if args.operations {
        output::line(catalogue::markdown(&emulator.fabric()).trim_end())?;
        emulator.shutdown().await;
        return Ok(Exit::Done);
    }
    output::line(&format!("vaultscope emulator ready at {}", emulator.url()))?;
    if let Some(kept) = kept(&emulator.fabric()) {
        output::remark(&kept);
    }
    cancel.cancelled().await;
    let end = match emulator.fabric().keep().folder() {
        Some(folder) => format!("vaultscope emulator ended; what it held is kept in {}", folder.display()),
        None => "vaultscope emulator ended, and what it held with it".to_owned(),
    };
    emulator.shutdown().await;
    output::remark(&end);
    Ok(Exit::Done)
}

/// Where the state is kept and what was found there; `None` when it is in memory.
fn kept(fabric: &Fabric) -> Option<String> {
    let keep = fabric.keep();
    let folder = keep.folder()?;
    let found: Vec<String> = fabric
        .services()
        .iter()
        .flat_map(|service| {
            let id = service.interface().id;
            let held = service.summary().into_iter().filter(|(_, count)| *count > 0);
            held.map(move |(what, count)| format!("{count} {what} of {id}")).collect::<Vec<_>>()
        })
        .collect();
    let found = match keep.starts() {
        1 => "which is new".to_owned(),
        starts => {
            format!("start {starts}, found {}", if found.is_empty() { "nothing".to_owned() } else { found.join(", ") })
        }
    };
    Some(format!("its state is kept in {} ({found})", folder.display()))
}
