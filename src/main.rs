//! The vaultscope command: reads the command line and leaves the rest to the library.

use std::process::ExitCode;

use clap::Parser;
use vaultscope::cli::{self, Args};

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    with_a_frugal_allocator();
    cli::main(Args::parse())
}

/// Starts this program again, in the same process, with settings of glibc's allocator that can only be given by
/// environment: by default half of the memory that the endpoint has at its peak is holes in the arenas of its threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn with_a_frugal_allocator() {
    use std::os::unix::process::CommandExt;

    const SETTINGS: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "2"), ("MALLOC_TRIM_THRESHOLD_", "65536")];
    if SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into_os_string());
    // Comes back only where it fails; then everything works with more memory.
    let _ = std::process::Command::new(program).arg0(name).args(arguments).envs(SETTINGS).exec();
}
