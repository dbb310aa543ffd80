//! The runs of distributed maps: what `DescribeMapRun` tells of them, and their children.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::execution::Status;
use super::history::Failure;
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

/// What sort of row a run is.
const KIND: &str = "map-run";
/// Runs that are remembered at most, the newest ones.
const MOST_RUNS: usize = 1_000;
/// Children that a run remembers at most, the first ones.
const MOST_CHILDREN: usize = 10_000;

/// An execution that a run started for an item or a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Child {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Timestamp,
    /// How it ended.
    pub status: Status,
    /// Its input.
    pub input: Arc<str>,
    /// Its output, when it ended well.
    pub output: Option<Arc<str>>,
    /// Error and cause, when it did not.
    pub failure: Failure,
    /// Items of its batch.
    pub items: usize,
}

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub struct MapRun {
    /// Its ARN.
    pub arn: Arc<str>,
    /// The execution that it is of.
    pub execution: Arc<str>,
    /// The ARN of the machine, with the map's label.
    pub machine: String,
    /// When it started.
    pub started: Timestamp,
    /// Children side by side at most.
    pub width: u64,
    /// `ToleratedFailureCount` and `ToleratedFailurePercentage`.
    pub tolerated: (u64, f64),
    progress: Mutex<Progress>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    status: Status,
    stopped: Option<Timestamp>,
    /// Executions and items: all of them, those that ended well, those that failed.
    executions: [usize; 3],
    items: [usize; 3],
    written: usize,
    children: Vec<Child>,
}

impl MapRun {
    /// A run that begins.
    #[must_use]
    pub fn new(
        arn: Arc<str>,
        execution: Arc<str>,
        machine: String,
        started: Timestamp,
        width: u64,
        tolerated: (u64, f64),
    ) -> Self {
        let progress = Progress {
            status: Status::Running,
            stopped: None,
            executions: [0; 3],
            items: [0; 3],
            written: 0,
            children: Vec::new(),
        };
        Self { arn, execution, machine, started, width, tolerated, progress: Mutex::new(progress) }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how much there is to do.
    pub fn plan(&self, executions: usize, items: usize) {
        let mut progress = self.progress();
        (progress.executions[0], progress.items[0]) = (executions, items);
    }

    /// Notes that a child has ended.
    pub fn note(&self, child: Child) {
        let mut progress = self.progress();
        let at = if child.status == Status::Succeeded { 1 } else { 2 };
        progress.executions[at] += 1;
        progress.items[at] += child.items;
        if progress.children.len() < MOST_CHILDREN {
            progress.children.push(child);
        }
    }

    /// Notes that the results were written.
    pub fn wrote(&self) {
        let mut progress = self.progress();
        progress.written = progress.items[1] + progress.items[2];
    }

    /// Ends it, unless it has ended.
    pub fn end(&self, status: Status, at: Timestamp) {
        let mut progress = self.progress();
        if progress.status == Status::Running {
            (progress.status, progress.stopped) = (status, Some(at));
        }
    }

    /// The children that have ended.
    pub fn children(&self) -> Vec<Child> {
        self.progress().children.clone()
    }

    /// As `ListMapRuns` has it.
    pub fn summary(&self) -> Value {
        let mut told = json!({
            "executionArn": &*self.execution, "mapRunArn": &*self.arn, "stateMachineArn": self.machine,
            "startDate": self.started.epoch_seconds(),
        });
        if let Some(stopped) = self.progress().stopped {
            told["stopDate"] = stopped.epoch_seconds().into();
        }
        told
    }

    /// As `DescribeMapRun` has it.
    pub fn described(&self) -> Value {
        let progress = self.progress();
        let running = progress.status == Status::Running;
        let counts = |[total, succeeded, failed]: [usize; 3], written: usize| {
            let open = total.saturating_sub(succeeded + failed);
            json!({
                "pending": if running { open } else { 0 }, "running": 0, "succeeded": succeeded, "failed": failed,
                "timedOut": 0, "aborted": if running { 0 } else { open }, "total": total, "resultsWritten": written,
                "failuresNotRedrivable": 0, "pendingRedrive": 0,
            })
        };
        let mut told = json!({
            "mapRunArn": &*self.arn, "executionArn": &*self.execution, "status": progress.status,
            "startDate": self.started.epoch_seconds(), "maxConcurrency": self.width,
            "toleratedFailureCount": self.tolerated.0, "toleratedFailurePercentage": self.tolerated.1,
            "itemCounts": counts(progress.items, progress.written),
            "executionCounts": counts(progress.executions, progress.written), "redriveCount": 0,
        });
        if let Some(stopped) = progress.stopped {
            told["stopDate"] = stopped.epoch_seconds().into();
        }
        told
    }
}

/// The runs that are remembered.
pub struct MapRuns(Mutex<VecDeque<Arc<MapRun>>>, Shelf);

impl MapRuns {
    /// Those that were kept.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn kept(shelf: Shelf) -> Result<Self, KeepError> {
        let mut runs: Vec<Arc<MapRun>> = shelf.all(KIND)?.into_iter().map(|(_, run)| Arc::new(run)).collect();
        runs.sort_by_key(|run| run.started);
        Ok(Self(Mutex::new(runs.into()), shelf))
    }

    /// Writes down a run that has ended; one that has not begins again, with its state.
    pub fn keep(&self, run: &MapRun) {
        self.1.put(KIND, &run.arn, run);
    }

    fn runs(&self) -> MutexGuard<'_, VecDeque<Arc<MapRun>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a run.
    pub fn add(&self, run: &Arc<MapRun>) {
        let mut runs = self.runs();
        if runs.len() == MOST_RUNS
            && let Some(oldest) = runs.pop_front()
        {
            self.1.delete(KIND, &oldest.arn);
        }
        runs.push_back(Arc::clone(run));
    }

    /// The run of that ARN.
    pub fn get(&self, arn: &str) -> Option<Arc<MapRun>> {
        self.runs().iter().find(|run| &*run.arn == arn).cloned()
    }

    /// The runs of an execution, the newest first.
    pub fn of(&self, execution: &str) -> Vec<Arc<MapRun>> {
        self.runs().iter().rev().filter(|run| &*run.execution == execution).cloned().collect()
    }
}
