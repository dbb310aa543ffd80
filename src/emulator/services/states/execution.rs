//! One execution of a state machine: what is known of it while it runs and after.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::eval::Variables;
use super::history::{Failure, History};
use super::interpreter::Payload;
use crate::model::Timestamp;

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
    /// It took longer than its machine allows.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

/// How an execution stands, and how it ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it stands.
    pub status: Status,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// Its output, when it ended well.
    pub output: Option<Arc<str>>,
    /// Error and cause, when it did not.
    pub failure: Failure,
}

/// The machine as it was when an execution started.
#[derive(Debug)]
pub struct Revision {
    /// The machine's ARN.
    pub arn: Arc<str>,
    /// The machine's name.
    pub name: Arc<str>,
    /// The role it was given.
    pub role: Arc<str>,
    /// The compiled definition.
    pub definition: super::asl::Definition,
    /// `STANDARD` or `EXPRESS`.
    pub kind: Arc<str>,
    /// Changes with every update; empty before the first.
    pub id: Option<String>,
    /// When this revision was made.
    pub made: Timestamp,
    /// `loggingConfiguration`, returned as it was given.
    pub logging: Option<serde_json::Value>,
    /// `tracingConfiguration`, returned as it was given.
    pub tracing: Option<serde_json::Value>,
    /// `encryptionConfiguration`, returned as it was given.
    pub encryption: Option<serde_json::Value>,
}

/// One execution.
#[derive(Debug)]
pub struct Execution {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The machine that it runs.
    pub revision: Arc<Revision>,
    /// When it started.
    pub started: Timestamp,
    /// Its input as it was given.
    pub input: Arc<str>,
    /// Ends it when somebody stops it.
    stop: Mutex<CancellationToken>,
    /// Cancelled when it has ended.
    done: Mutex<CancellationToken>,
    outcome: Mutex<Outcome>,
    history: Mutex<History>,
    /// Where a redrive begins, as long as it can be redriven.
    resume: Mutex<Option<Resume>>,
    redrives: Mutex<Redrives>,
}

/// Where an execution that did not end well can go on.
#[derive(Debug, Clone)]
pub struct Resume {
    /// The state of the machine's own flow that did not end.
    pub state: usize,
    /// Its input.
    pub input: Payload,
    /// The variables as they were.
    pub variables: Variables,
}

/// How often an execution was redriven.
#[derive(Debug, Clone, Default)]
pub struct Redrives {
    /// How often.
    pub count: u64,
    /// When last.
    pub last: Option<Timestamp>,
}

impl Execution {
    /// An execution that is about to run.
    #[must_use]
    pub fn new(arn: Arc<str>, name: Arc<str>, revision: Arc<Revision>, started: Timestamp, input: Arc<str>) -> Self {
        let outcome = Outcome { status: Status::Running, stopped: None, output: None, failure: Failure::default() };
        Self {
            arn,
            name,
            revision,
            started,
            input,
            stop: Mutex::default(),
            done: Mutex::default(),
            outcome: Mutex::new(outcome),
            history: Mutex::default(),
            resume: Mutex::default(),
            redrives: Mutex::default(),
        }
    }

    /// How it stands.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome_lock().clone()
    }

    /// How it stands, without the rest.
    #[must_use]
    pub fn status(&self) -> Status {
        self.outcome_lock().status
    }

    fn outcome_lock(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its events.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it when somebody stops it; another one after a redrive.
    pub fn stop(&self) -> CancellationToken {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cancelled when it has ended; another one after a redrive.
    pub fn done(&self) -> CancellationToken {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the state that is about to run, for a redrive.
    pub fn reach(&self, resume: Resume) {
        *self.resume.lock().unwrap_or_else(PoisonError::into_inner) = Some(resume);
    }

    /// How often it was redriven.
    pub fn redrives(&self) -> Redrives {
        self.redrives.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it goes on, if it was redriven.
    pub fn resumed(&self) -> Option<Resume> {
        if self.redrives().count == 0 {
            return None;
        }
        self.resume.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes it run again from the state that it did not get beyond; `false` when it cannot.
    pub fn redrive(&self, at: Timestamp) -> bool {
        let mut outcome = self.outcome_lock();
        let ended_badly = matches!(outcome.status, Status::Failed | Status::TimedOut | Status::Aborted);
        if !ended_badly || self.resume.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return false;
        }
        let mut redrives = self.redrives.lock().unwrap_or_else(PoisonError::into_inner);
        *redrives = Redrives { count: redrives.count + 1, last: Some(at) };
        *outcome = Outcome { status: Status::Running, stopped: None, output: None, failure: Failure::default() };
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
        true
    }

    /// Leaves word why it is to be stopped.
    pub fn blame(&self, failure: Failure) {
        let mut outcome = self.outcome_lock();
        if outcome.status == Status::Running {
            outcome.failure = failure;
        }
    }

    /// Ends it.
    pub fn end(&self, status: Status, at: Timestamp, output: Option<Arc<str>>, failure: Failure) {
        self.history().finish();
        *self.outcome_lock() = Outcome { status, stopped: Some(at), output, failure };
        self.done().cancel();
    }
}
