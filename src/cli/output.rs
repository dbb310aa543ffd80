//! Standard output and standard error. A reader that has gone away (`| head`) ends a command quietly.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::model::Check;

/// Prints a line of results.
///
/// # Errors
/// When standard output is closed or full.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Prints what was expected, and what came of it.
///
/// # Errors
/// When standard output is closed or full.
pub fn checks(checks: &[Check]) -> io::Result<()> {
    for Check { what, expected, found, holds } in checks {
        line(&match (holds, expected == found) {
            (true, true) => format!("  ✓ {what}: {found}"),
            (true, false) => format!("  ✓ {what}: {found} (expected {expected})"),
            (false, _) => format!("  ✗ {what}: {found}, expected {expected}"),
        })?;
    }
    Ok(())
}

/// Prints one JSON document over several lines.
///
/// # Errors
/// When standard output is closed or full.
pub fn document(document: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string_pretty(document)?)
}

/// Prints a line of progress or a remark, which is no result.
pub fn remark(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints what went wrong.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "vaultscope: {text}");
}

/// Whether a person sits at both ends.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether an error says that the reader of standard output has gone.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
