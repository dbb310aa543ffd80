//! Finds an interpreter of this machine.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::super::interpreter::{self, on};

/// The minor versions that the runtime client has builds for.
const SUPPORTED: std::ops::RangeInclusive<u8> = 9..=14;

/// Prints the version, and what is missing for a virtual environment.
const PROBE: &str = "import sys, importlib.util as u
print('.'.join(map(str, sys.version_info[:3])), \
all(u.find_spec(m) for m in ('venv', 'ensurepip')) and 'complete' or 'lacks-venv')";

/// An interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Where it is.
    pub program: PathBuf,
    /// Such as `3.11.7`.
    pub version: String,
    /// Such as 11.
    pub minor: u8,
}

/// The interpreter that functions of Python 3.`wanted` run on: of that version, else the system's own, else the newest.
///
/// # Errors
/// What this machine lacks.
pub async fn find(search: &OsStr, wanted: u8) -> Result<Interpreter, String> {
    let names = [format!("python3.{wanted}"), "python3".to_owned()];
    let names = names.into_iter().chain(SUPPORTED.rev().map(|minor| format!("python3.{minor}")));
    let mut problem = None;
    for name in names {
        let Some(program) = on(search, &name) else { continue };
        match probe(program).await {
            Ok(found) => return Ok(found),
            Err(why) => problem = problem.or(Some(why)),
        }
    }
    Err(problem
        .unwrap_or_else(|| "there is no python3 on the PATH: install Python 3.9 or later with venv and pip".to_owned()))
}

async fn probe(program: PathBuf) -> Result<Interpreter, String> {
    let shown = program.display().to_string();
    let told = interpreter::probe(&program, &["-c", PROBE]).await?;
    let (version, state) = told.split_once(' ').unwrap_or((told.as_str(), "complete"));
    let minor = version.strip_prefix("3.").and_then(|rest| rest.split('.').next()?.parse::<u8>().ok());
    let newest = SUPPORTED.end();
    match minor {
        Some(minor) if SUPPORTED.contains(&minor) => {
            if state.contains("lacks-venv") {
                return Err(format!(
                    "{shown} lacks the modules venv and ensurepip: install them (Debian's package python3-venv)"
                ));
            }
            Ok(Interpreter { program, version: version.to_owned(), minor })
        }
        Some(minor) if minor > *newest => {
            Err(format!("{shown} is {version}, newer than Python 3.{newest} for which there is a runtime client"))
        }
        _ => Err(format!("{shown} {version} is too old: install Python 3.9 or later")),
    }
}
