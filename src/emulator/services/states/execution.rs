//! One execution of a state machine: what is known of it while it runs and after.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::callbacks::Ticket;
use super::eval::Variables;
use super::history::{Event, Failure, History};
use super::interpreter::Payload;
use super::kept::{ExecutionRow, Kept, Pending};
use crate::model::Timestamp;

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

impl Revision {
    /// What tells it from every other revision of any machine.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{:020}/{}", self.name, self.made.micros(), self.id.as_deref().unwrap_or_default())
    }
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
    /// How it is kept, if it is.
    kept: Option<Arc<Kept>>,
    /// Where it goes on, if it ran when the process before this one ended.
    standing: Mutex<Option<Box<Standing>>>,
}

/// Where an execution stands in a state of its machine's own flow.
#[derive(Debug)]
pub struct Standing {
    /// The state, its input, and the variables.
    pub resume: Resume,
    /// The event that entered it, the one before that, and when it was.
    pub entered: (u64, u64, Timestamp),
    /// The event that the next one follows.
    pub cursor: u64,
    /// Retries so far, and by retrier.
    pub retries: (u64, Vec<u64>),
    /// When it is tried again, if it waits for that.
    pub retry_at: Option<Timestamp>,
    /// What it waits for, if it does.
    pub pending: Option<Pending>,
    /// The task's token, where that has one.
    pub ticket: Option<Ticket>,
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
            kept: None,
            standing: Mutex::default(),
        }
    }

    /// The same, kept.
    #[must_use]
    pub fn keeping(self, kept: Arc<Kept>) -> Self {
        let history = Mutex::new(History::kept(Arc::clone(&kept), Vec::new()));
        Self { kept: Some(kept), history, ..self }
    }

    /// An execution that was kept. What it did after the last place that it can go on from is to be cut by the caller.
    #[must_use]
    pub fn restored(
        (arn, name): (Arc<str>, Arc<str>),
        revision: Arc<Revision>,
        kept: Arc<Kept>,
        row: ExecutionRow,
        events: Vec<Event>,
    ) -> Self {
        let execution = Self::new(arn, name, revision, row.started, row.input);
        if row.outcome.status != Status::Running {
            execution.done().cancel();
        } else if row.stopping {
            execution.stop().cancel();
        }
        Self {
            outcome: Mutex::new(row.outcome),
            history: Mutex::new(History::kept(Arc::clone(&kept), events)),
            redrives: Mutex::new(row.redrives),
            kept: Some(kept),
            ..execution
        }
    }

    /// How it is kept, if it is.
    pub fn kept(&self) -> Option<&Arc<Kept>> {
        self.kept.as_ref()
    }

    /// Writes it down; `outcome` is its own, locked.
    fn keep(&self, outcome: &Outcome) {
        if let Some(kept) = &self.kept {
            kept.execution(|number| ExecutionRow {
                number,
                revision: self.revision.key(),
                started: self.started,
                input: Arc::clone(&self.input),
                outcome: outcome.clone(),
                stopping: self.stop().is_cancelled(),
                redrives: self.redrives(),
            });
        }
    }

    /// Writes it down for the first time, with its place among all executions.
    pub fn begin(&self, number: u64) {
        if let Some(kept) = &self.kept {
            kept.place(number);
            self.keep(&self.outcome_lock());
        }
    }

    /// Takes it out of what is kept.
    pub fn forget(&self) {
        if let Some(kept) = &self.kept {
            kept.forget(self.history().count());
        }
    }

    /// Says where it goes on.
    pub fn stand(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(standing));
    }

    /// Where it goes on, said once.
    pub fn standing(&self) -> Option<Box<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).take()
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
        drop(redrives);
        self.keep(&outcome);
        true
    }

    /// Stops it, for that reason.
    pub fn halt(&self, failure: Failure) {
        let mut outcome = self.outcome_lock();
        self.stop().cancel();
        if outcome.status == Status::Running {
            outcome.failure = failure;
            self.keep(&outcome);
        }
    }

    /// Ends it.
    pub fn end(&self, status: Status, at: Timestamp, output: Option<Arc<str>>, failure: Failure) {
        self.history().finish();
        let mut outcome = self.outcome_lock();
        *outcome = Outcome { status, stopped: Some(at), output, failure };
        self.keep(&outcome);
        drop(outcome);
        if let Some(kept) = self.kept.as_ref().filter(|_| status == Status::Succeeded) {
            kept.leave();
        }
        self.done().cancel();
    }
}
