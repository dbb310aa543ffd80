//! Running a definition. A [`Run`] is what every line of one execution shares; a `Strand` is one line: the machine's
//! own, a branch's, an item's. State types have files of their own.

mod catching;
mod data;
mod fail;
mod map;
mod parallel;
mod reader;
mod run;
mod strand;
mod task;
#[cfg(test)]
mod tests;
mod trial;
mod wait;
mod writer;

pub use run::Run;
pub(super) use run::execute;
pub use trial::{Mock, Trial};

use std::sync::Arc;

use serde_json::Value;

use super::asl::{Next, State};
use super::callbacks::Ticket;
use super::history::Failure;
use super::kept::Pending;
use crate::model::Timestamp;

/// Bytes that the input or output of a state may have.
pub const LARGEST_PAYLOAD: usize = 262_144;

/// A JSON value that goes from state to state, with its text, which the history keeps.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The value.
    pub value: Arc<Value>,
    /// The same as compact JSON.
    pub text: Arc<str>,
}

impl Payload {
    /// A payload of `value`.
    #[must_use]
    pub fn new(value: Arc<Value>) -> Self {
        let text = Arc::from(value.to_string());
        Self { value, text }
    }
}

/// Why a state, a branch or the whole execution does not go on.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Error and cause.
    pub failure: Failure,
    /// Whether nothing can retry or catch it.
    pub terminal: bool,
    /// Whether it is the failure of a task, whose state a Parallel state then reports as aborted.
    pub of_task: bool,
    /// Whether it is that no heartbeat came, which has a name of its own for handlers.
    pub without_heartbeat: bool,
}

impl Fault {
    /// A failure that can be retried and caught.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self { failure, terminal: false, of_task: false, without_heartbeat: false }
    }

    /// A failure of that name.
    pub fn named(error: &str, cause: impl Into<String>) -> Self {
        Self::failed(Failure { error: Some(error.to_owned()), cause: Some(cause.into()) })
    }

    /// `States.Runtime`, which ends the execution.
    pub fn runtime(cause: impl Into<String>) -> Self {
        Self { terminal: true, ..Self::named("States.Runtime", cause) }
    }
}

/// One stay in a state.
struct Visit<'r> {
    state: &'r State,
    input: Payload,
    /// The id of the event that entered it.
    entered: u64,
    /// The event before that.
    before: u64,
    at: Timestamp,
    /// Retries so far.
    retries: u64,
    /// The same by retrier.
    spent: Vec<u64>,
    /// The token of the task, where it waits for one to come back.
    token: Option<Arc<str>>,
    /// What it waited for when the process before this one ended, with the token's waiting end.
    pending: Option<(Pending, Option<Ticket>)>,
}

impl<'r> Visit<'r> {
    /// A stay that begins, by the event `entered`, which follows `before`.
    fn new(state: &'r State, input: Payload, entered: u64, before: u64, at: Timestamp) -> Self {
        let spent = vec![0; state.retry.len()];
        Self { state, input, entered, before, at, retries: 0, spent, token: None, pending: None }
    }

    /// The cause of an error that the state itself makes.
    fn cause(&self, problem: &str) -> String {
        format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {problem}",
            self.state.name, self.entered
        )
    }

    /// `States.Runtime` in this state.
    fn runtime(&self, problem: &str) -> Fault {
        Fault::runtime(self.cause(problem))
    }
}

/// How a state is left.
struct Exit {
    output: Payload,
    next: Next,
    assigned: Vec<(String, Value)>,
}
