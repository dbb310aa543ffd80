//! The commands, one file each, and the only place that wires the parts together.
//!
//! Everything that is printed is printed here: results on standard output, one sentence on standard error when
//! something went wrong. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

mod args;
mod config;
mod control;
mod dashboard;
mod deploy;
mod destroy;
mod doctor;
mod effects;
mod emulator;
mod gateway_port;
mod generate;
mod interrupt;
mod job;
mod journal;
mod memory;
mod output;
mod pipeline;
mod progress;
mod report;
mod rollout;
mod run;
mod serve_function;
mod server;
mod session;
mod settings;
mod sim;
mod stacks;
mod steps;
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
}

/// A command that was given in a way that cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;

/// Runs a command to its end and says with which code the process ends.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let ended = carry_out(args);
    match ended {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Negative) => ExitCode::from(FAILED),
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
    journal::start(args.global.log.as_deref())?;
    let settings = settings::Settings::of(&args.global)?;
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
            Some(Command::Watch(args)) => watch::run(&settings, &args, cancel).await,
            Some(Command::Destroy(args)) => destroy::run(&settings, &args, cancel).await,
            Some(Command::Doctor(args)) => doctor::run(&settings, &args, cancel).await,
            Some(Command::Emulator(args)) => emulator::run(&settings, &args, cancel).await,
            None => dashboard::run(&settings, cancel).await,
            Some(Command::ServeFunction) => Ok(Exit::Done),
        }
    });
    // A read of standard input cannot be cancelled and must not keep the process.
    runtime.shutdown_background();
    ended
}
