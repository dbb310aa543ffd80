//! The vaultscope command: reads the command line and leaves the rest to the library.

use std::process::ExitCode;

use clap::Parser;
use vaultscope::cli::{self, Args};

/// The endpoint makes and frees small things on many threads: with the system's allocator half of its memory was holes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(Args::parse())
}
