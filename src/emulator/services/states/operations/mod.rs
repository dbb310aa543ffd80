//! The operations, a file for each subject, and what they share: names, ARNs and page tokens.

mod activities;
mod callbacks;
mod execution_history;
mod executions;
mod machines;
mod map_runs;
mod sync_executions;
mod tags;
mod test_state;
mod validate;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::StatesError;
use super::registry::{Machine, Registry};
use super::{Execution, States};
use crate::model::Arn;

/// Entries of a page unless the caller asks for fewer.
const PAGE: usize = 100;
/// Entries that a page has at most.
const LARGEST_PAGE: usize = 1_000;
/// Characters that a name has at most.
const LONGEST_NAME: usize = 80;

fn check_name(name: &str) -> Result<(), StatesError> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(forbidden) {
        return Err(StatesError::InvalidName(name.to_owned()));
    }
    Ok(())
}

fn required<T>(value: Option<T>, member: &str) -> Result<T, StatesError> {
    value.ok_or_else(|| {
        StatesError::Validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn page_size(asked: Option<usize>) -> Result<usize, StatesError> {
    match asked {
        None | Some(0) => Ok(PAGE),
        Some(size) if size <= LARGEST_PAGE => Ok(size),
        Some(size) => Err(StatesError::Validation(format!(
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have \
             value less than or equal to {LARGEST_PAGE}"
        ))),
    }
}

/// A page token: what it continues and where. Callers are to take it as it is.
fn write_token(subject: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{subject}\n{place}"))
}

fn read_token(subject: &str, token: &str) -> Result<String, StatesError> {
    let bad = || StatesError::InvalidToken("Invalid token".to_owned());
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?).map_err(|_| bad())?;
    match text.rsplit_once('\n') {
        Some((known, place)) if known == subject => Ok(place.to_owned()),
        _ => Err(bad()),
    }
}

/// The parts after the resource type of an ARN of Step Functions.
fn resource<'a>(arn: &'a Arn, kind: &str) -> Option<&'a str> {
    if arn.service == "states" { arn.resource.strip_prefix(kind)?.strip_prefix(':') } else { None }
}

/// The name of the machine that an ARN is of. What has a version or an alias is no machine that the endpoint knows.
fn machine_name(text: &str) -> Result<String, StatesError> {
    let bad = || StatesError::InvalidArn(format!("Invalid ARN: {text}"));
    let arn: Arn = text.parse().map_err(|_| StatesError::InvalidArn(format!("Invalid ARN prefix: {text}")))?;
    resource(&arn, "stateMachine").map(str::to_owned).ok_or_else(bad)
}

fn find_machine<'a>(registry: &'a Registry, arn: &str) -> Result<&'a Machine, StatesError> {
    let name = machine_name(arn)?;
    let machine = registry.machine(&name).filter(|machine| &*machine.revision.arn == arn);
    machine.ok_or_else(|| StatesError::StateMachineDoesNotExist(arn.to_owned()))
}

impl States {
    fn execution(&self, arn: &str) -> Result<Arc<Execution>, StatesError> {
        let parsed: Arn = arn.parse().map_err(|_| StatesError::InvalidArn(format!("Invalid ARN prefix: {arn}")))?;
        let bad = || StatesError::InvalidArn(format!("Invalid ARN: {arn}"));
        let (machine, name) = resource(&parsed, "execution").and_then(|rest| rest.split_once(':')).ok_or_else(bad)?;
        let registry = self.registry();
        let found = registry.machine(machine).and_then(|machine| machine.execution(name));
        let found = found.filter(|execution| &*execution.arn == arn);
        found.cloned().ok_or_else(|| StatesError::ExecutionDoesNotExist(arn.to_owned()))
    }

    /// The execution of that ARN, for what Express Workflows do not have.
    fn standard_execution(&self, arn: &str) -> Result<Arc<Execution>, StatesError> {
        let execution = self.execution(arn)?;
        if &*execution.revision.kind == "EXPRESS" {
            let message = "This operation is not supported by this type of state machine";
            return Err(StatesError::StateMachineTypeNotSupported(message.to_owned()));
        }
        Ok(execution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_forbidden_characters_are_refused() {
        assert!(check_name("reconcileStateMachine-7_x.y").is_ok());
        for bad in ["", "a b", "a/b", "a:b", "a?", "\u{7}", &"x".repeat(81)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_continues_only_what_it_was_cut_from() {
        let token = write_token("history arn", "120");
        assert_eq!(read_token("history arn", &token), Ok("120".to_owned()));
        assert!(read_token("history other", &token).is_err());
        assert!(read_token("history arn", "nonsense").is_err());
    }
}
