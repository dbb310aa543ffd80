//! The vaultscope command: reads the command line and leaves the rest to the library.

use std::process::ExitCode;

use clap::Parser;
use vaultscope::cli::{self, Args};

fn main() -> ExitCode {
    cli::main(Args::parse())
}
