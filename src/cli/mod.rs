//! The commands, one file each, and the only place that wires the parts together.
//!
//! Everything that is printed is printed here: results on standard output, one sentence on standard error when
//! something went wrong. Exit codes: 0 done, 1 failed, 2 wrong usage (of `s3tar-task`: may succeed when it is tried again),
//! 130 interrupted.

mod archiving;
mod args;
mod changes;
mod cleanup;
mod config;
mod control;
mod dashboard;
mod deploy;
mod destroy;
mod doctor;
mod effects;
mod emulator;
mod export;
mod gateway;
mod gateway_port;
mod generate;
mod guide;
mod interrupt;
mod inventory;
mod job;
mod job_request;
mod journal;
mod landing;
mod log_data;
mod look;
mod looks;
mod manual;
mod memory;
mod observed;
mod output;
mod past;
mod pipeline;
mod play;
mod progress;
mod record;
mod replay;
mod report;
mod rollout;
mod run;
mod s3tar;
mod s3tar_task;
mod save;
mod scenario;
mod serve_function;
mod server;
mod session;
mod settings;
mod show;
mod sim;
mod stacks;
mod stage;
mod steps;
mod svg;
mod template;
mod transfer;
mod vault;
mod watch;

pub use args::{Args, Command};

use std::process::ExitCode;

use crate::deploy::DeployError;

/// How a command ended, where that is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As it should.
    Done,
    /// It did its work, and what it found is not as it should be.
    Negative,
    /// The user ended it before it was over.
    Interrupted,
    /// It failed, and the same may succeed a little later.
    Retryable,
}

/// A command that was given in a way that cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
const RETRYABLE: u8 = 2;
const INTERRUPTED: u8 = 130;

/// Runs a command to its end and says with which code the process ends.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let ended = carry_out(args);
    match ended {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Negative) => ExitCode::from(FAILED),
        Ok(Exit::Retryable) => ExitCode::from(RETRYABLE),
        Ok(Exit::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::from(code_of(&error))
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    let interrupted = error.chain().any(|cause| matches!(cause.downcast_ref(), Some(DeployError::Interrupted { .. })));
    if interrupted {
        INTERRUPTED
    } else if error.chain().any(<dyn std::error::Error>::is::<Usage>) {
        WRONG_USAGE
    } else {
        FAILED
    }
}

fn carry_out(args: Args) -> anyhow::Result<Exit> {
    if let Some(Command::ServeFunction) = args.command {
        return serve_function::run();
    }
    match &args.command {
        Some(Command::Completions(args)) => return manual::completions(args),
        Some(Command::Man(args)) => return manual::man(args),
        _ => {}
    }
    journal::start(args.global.log.as_deref())?;
    let settings = settings::Settings::of(&s3tar::global(&args))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let cancel = interrupt::listen()?;
        match args.command {
            Some(Command::Run(args)) => run::run(&settings, &args, cancel).await,
            Some(Command::Sim(args)) => sim::run(&settings, &args, cancel).await,
            Some(Command::Deploy(args)) => deploy::run(&settings, &args, cancel).await,
            Some(Command::Stacks(args)) => stacks::run(&settings, &args).await,
            Some(Command::Template(args)) => template::run(&settings, &args).await,
            Some(Command::Generate(args)) => generate::run(args, cancel).await,
            Some(Command::Vault(args)) => vault::run(args, cancel).await,
            Some(Command::S3tar(args)) => s3tar::run(&settings, &args, cancel).await,
            Some(Command::S3tarTask(args)) => s3tar_task::run(&settings, &args, cancel).await,
            Some(Command::Inventory(args)) => inventory::run(&settings, &args).await,
            Some(Command::LogData(args)) => log_data::run(&settings, &args).await,
            Some(Command::Guide(args)) => guide::run(&settings, &args, cancel).await,
            Some(Command::Show(args)) => show::run(&settings, &args, cancel).await,
            Some(Command::Watch(args)) => watch::run(&settings, &args, cancel).await,
            Some(Command::Gateway(args)) => gateway::run(&settings, args, cancel).await,
            Some(Command::Destroy(args)) => destroy::run(&settings, &args, cancel).await,
            Some(Command::Cleanup(args)) => cleanup::run(&settings, &args, cancel).await,
            Some(Command::Doctor(args)) => doctor::run(&settings, &args, cancel).await,
            Some(Command::Emulator(args)) => emulator::run(&settings, &args, cancel).await,
            Some(Command::Replay(args)) => replay::run(&args, &settings, cancel).await,
            None => dashboard::run(&settings, &args.look, args.record.as_deref(), cancel).await,
            Some(Command::ServeFunction | Command::Completions(_) | Command::Man(_)) => Ok(Exit::Done),
        }
    });
    // A read of standard input cannot be cancelled and must not keep the process.
    runtime.shutdown_background();
    ended
}
