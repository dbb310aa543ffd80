//! What happens on a deployed pipeline, read from its services and told as one stream of flow events.
//!
//! One tailer a source. Each reads incrementally and bounded, removes what it has read before, paces itself by what
//! changes, backs off when it is asked to, and goes on after an outage from where it was: what was not told yet is told
//! then. Nothing here writes to a service, and nothing scans a table.

mod bucket;
mod drive;
mod executions;
mod interest;
mod logs;
mod queue;
mod seen_before;
mod stack;
mod table;
mod verify;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use interest::Interest;
pub use verify::{Verdict, verify};

use crate::aws::{Clients, Pace};
use crate::clock::Clock;
use crate::model::{FlowEvent, LogRole, Timestamp};
use drive::{Out, Tailer, drive};

/// Flow events that may wait to be read; a tailer waits when there are more.
pub const CHANNEL_CAPACITY: usize = 8_192;

/// What of a pipeline is watched: physical names; what is absent is not watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// The stack, by name.
    pub stack: Option<String>,
    /// The bucket that the gateway uploads to.
    pub bucket: Option<String>,
    /// The queue of notifications, by URL.
    pub queue: Option<String>,
    /// Its dead-letter queue, by URL.
    pub dead_letter_queue: Option<String>,
    /// Log groups by role.
    pub log_groups: Vec<(LogRole, String)>,
    /// The table.
    pub table: Option<String>,
    /// The state machine, by ARN.
    pub machine: Option<String>,
    /// How the name of a dataset's root directory ends.
    pub job_dir_suffix: String,
    /// Log lines and executions before this are left aside; `None` for none.
    pub since: Option<Timestamp>,
}

/// The shortest and the longest interval of a source.
#[derive(Debug, Clone, Copy)]
struct Intervals {
    fast: Duration,
    slow: Duration,
}

const fn intervals(fast_ms: u64, slow_ms: u64) -> Intervals {
    Intervals { fast: Duration::from_millis(fast_ms), slow: Duration::from_millis(slow_ms) }
}

/// Intervals of the sources; over a network they are longer, since calls cost money and quota there.
struct Tempo {
    logs: Intervals,
    table: Intervals,
    executions: Intervals,
    bucket: Intervals,
    queue: Intervals,
    stack: Intervals,
}

const LOCAL: Tempo = Tempo {
    logs: intervals(150, 600),
    table: intervals(250, 2_000),
    executions: intervals(200, 1_000),
    bucket: intervals(500, 3_000),
    queue: intervals(250, 1_500),
    stack: intervals(1_000, 5_000),
};

const REMOTE: Tempo = Tempo {
    logs: intervals(1_000, 5_000),
    table: intervals(1_500, 15_000),
    executions: intervals(1_500, 10_000),
    bucket: intervals(3_000, 20_000),
    queue: intervals(2_000, 10_000),
    stack: intervals(5_000, 30_000),
};

/// Running tailers; they end with [`Observer::stop`], or when it is dropped.
#[derive(Debug)]
pub struct Observer {
    interest: Interest,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Observer {
    /// Starts a tailer for each source of `watched`; `clock` gives the moment where a source has none of its own.
    #[must_use]
    pub fn start(clients: &Clients, watched: &Watched, clock: &Clock, out: &mpsc::Sender<FlowEvent>) -> Self {
        let observer =
            Self { interest: Interest::default(), cancel: CancellationToken::new(), tasks: TaskTracker::new() };
        let tempo = if clients.target.is_local() { LOCAL } else { REMOTE };
        // A tailer backs off by itself and says so: the SDK's own retries would hide it.
        let clients = clients.without_retries();
        let out = Out::new(out.clone(), clock.clone());
        let interest = &observer.interest;
        for (role, group) in &watched.log_groups {
            let tailer = logs::Logs::new(clients.clone(), *role, group.clone(), watched.since, interest.clone());
            observer.spawn(tailer, tempo.logs, &out);
        }
        if let Some(table) = &watched.table {
            observer.spawn(table::Table::new(clients.clone(), table.clone(), interest.clone()), tempo.table, &out);
        }
        if let Some(machine) = &watched.machine {
            let tailer = executions::Executions::new(clients.clone(), machine.clone(), watched.since, interest.clone());
            observer.spawn(tailer, tempo.executions, &out);
        }
        if let Some(bucket) = &watched.bucket {
            let tailer =
                bucket::Bucket::new(clients.clone(), bucket.clone(), watched.job_dir_suffix.clone(), interest.clone());
            observer.spawn(tailer, tempo.bucket, &out);
        }
        if let Some(queue) = &watched.queue {
            let tailer = queue::Queue::new(clients.clone(), queue.clone(), watched.dead_letter_queue.clone());
            observer.spawn(tailer, tempo.queue, &out);
        }
        if let Some(stack) = &watched.stack {
            observer.spawn(stack::StackStatus::new(clients.clone(), stack.clone()), tempo.stack, &out);
        }
        observer.tasks.close();
        observer
    }

    /// The datasets that are looked at; a job's own may be added before anything of it is seen.
    #[must_use]
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Ends every tailer.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tasks.wait().await;
    }

    fn spawn<T: Tailer>(&self, tailer: T, intervals: Intervals, out: &Out) {
        let seed = self.tasks.len() as u64;
        let pace = Pace::new(intervals.fast, intervals.slow, seed);
        self.tasks.spawn(drive(tailer, pace, out.clone(), self.interest.clone(), self.cancel.clone()));
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
