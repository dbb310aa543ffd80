//! What happens on a deployed pipeline, read from its services and told as one stream of flow events.
//!
//! One tailer a source. Each reads incrementally and bounded, removes what it has read before, paces itself by what
//! changes, backs off when it is asked to, and goes on after an outage from where it was: what was not told yet is told
//! then. Nothing here writes to a service, and nothing scans a table.

mod archives;
mod bucket;
mod delivery;
mod drive;
mod executions;
mod history;
mod interest;
mod item;
mod ledger;
mod live_tail;
mod logs;
mod lull;
pub mod objects;
mod queue;
mod schedule;
mod seen_before;
mod stack;
mod sweep;
mod table;
mod tailing;
mod tempo;
mod told;
mod verify;

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

pub use archives::Prefix;
pub use history::whole_history;
pub use interest::Interest;
pub use item::item;
pub use live_tail::{LiveTail, LiveTailState};
pub use verify::{Verdict, verify};

use crate::aws::{Brake, Clients, Pace, Target};
use crate::clock::Clock;
use crate::model::{FlowEvent, LogRole, Source, StackKind, Timestamp};
use delivery::Delivery;
use drive::{Absent, End, Out, Tailer, drive};
use live_tail::{Feed, Tail};
use tempo::{Intervals, Tempo};

/// Flow events that may wait to be read; a tailer waits when there are more.
pub const CHANNEL_CAPACITY: usize = 8_192;

/// What of a stack is watched: physical names; what is absent is not watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// What the stack does.
    pub kind: StackKind,
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
    /// Group and name of the schedule of an archiving stack; without a group in the default one.
    pub schedule: Option<(Option<String>, String)>,
    /// Where an archiving stack puts its archives.
    pub archives: Option<Prefix>,
    /// Where its inventories are delivered.
    pub inventories: Option<Prefix>,
    /// How the name of a dataset's root directory ends.
    pub job_dir_suffix: String,
    /// Log lines and executions before this are left aside; `None` for none, and on AWS for those of the last day.
    pub since: Option<Timestamp>,
    /// Whether a live tail is used.
    pub live_tail: LiveTail,
}

/// A line is ingested within so long of its moment on AWS.
const INGESTED_WITHIN: Duration = Duration::from_secs(600);

/// One brake a service: what throttles one of its pollers slows down all of them.
#[derive(Debug, Clone, Default)]
struct Brakes {
    logs: Brake,
    table: Brake,
    executions: Brake,
    bucket: Brake,
    queue: Brake,
    stack: Brake,
    schedule: Brake,
}

/// Running tailers; they end with [`Observer::stop`], or when it is dropped.
#[derive(Debug)]
pub struct Observer {
    interest: Interest,
    brakes: Brakes,
    live_tail: watch::Receiver<LiveTailState>,
    end: End,
    tasks: TaskTracker,
}

impl Observer {
    /// Starts a tailer for each source of `watched`; `clock` gives the moment where a source has none of its own.
    #[must_use]
    pub fn start(clients: &Clients, watched: &Watched, clock: &Clock, out: &mpsc::Sender<FlowEvent>) -> Self {
        let tempo = Tempo::of(&clients.target);
        // A tailer backs off by itself and says so: the SDK's own retries would hide it.
        let clients = clients.without_retries();
        let delivery = match clients.target {
            Target::Endpoint { .. } if watched.kind == StackKind::EventProcessing => {
                Delivery::judging(watched.log_groups.iter().map(|(role, _)| *role))
            }
            // Events come to log groups there: a line that is missing is a fault. An archiving stack has no such groups.
            Target::Endpoint { .. } | Target::Embedded | Target::Aws { .. } => Delivery::default(),
        };
        let since = watched.since.or_else(|| tempo.look_back.map(|back| clock.now().minus(back)));
        let mut observer = Self {
            interest: Interest::default(),
            brakes: Brakes::default(),
            live_tail: watch::channel(LiveTailState::Off).1,
            end: End::default(),
            tasks: TaskTracker::new(),
        };
        let out = Out::new(out.clone(), clock.clone()).finishing(observer.end.finish.clone());
        let feeds = observer.tail(&clients, watched);
        let interest = observer.interest.clone();
        let brakes = observer.brakes.clone();
        let around = logs::Around {
            clients: clients.clone(),
            interest: interest.clone(),
            delivery: delivery.clone(),
            since,
            ingested_within: matches!(clients.target, Target::Aws { .. }).then_some(INGESTED_WITHIN),
        };
        for ((role, group), feed) in watched.log_groups.iter().zip(feeds) {
            let intervals = match role {
                LogRole::DataFileUpload | LogRole::ManifestFileUpload | LogRole::Task => tempo.uploads,
                LogRole::ReconcileSuccessful
                | LogRole::ReconcileTimeout
                | LogRole::ErrorHandler
                | LogRole::StateMachine => tempo.reconciliations,
            };
            let tailer = logs::Logs::new(around.clone(), *role, group.clone(), feed);
            observer.spawn(tailer, intervals, tempo.backoff, &brakes.logs, &out);
        }
        if let Some(table) = &watched.table {
            let tailer = table::Table::new(clients.clone(), table.clone(), interest.clone(), delivery.clone());
            observer.spawn(tailer, tempo.table, tempo.backoff, &brakes.table, &out);
        }
        if let Some(machine) = &watched.machine {
            let (clients, machine) = (clients.clone(), machine.clone());
            let tailer =
                executions::Executions::new(clients, machine, since, tempo.list, interest.clone(), delivery.clone());
            observer.spawn(tailer, tempo.executions, tempo.backoff, &brakes.executions, &out);
        }
        if let Some(bucket) = &watched.bucket {
            let suffix = watched.job_dir_suffix.clone();
            let tailer = bucket::Bucket::new(clients.clone(), bucket.clone(), suffix, interest.clone());
            observer.spawn(tailer, tempo.bucket, tempo.backoff, &brakes.bucket, &out);
        }
        if let Some(queue) = &watched.queue {
            let tailer = queue::Queue::new(clients.clone(), queue.clone(), watched.dead_letter_queue.clone());
            observer.spawn(tailer, tempo.queue, tempo.backoff, &brakes.queue, &out);
        }
        if let Some(stack) = &watched.stack {
            let tailer = stack::StackStatus::new(clients.clone(), stack.clone());
            observer.spawn(tailer, tempo.stack, tempo.backoff, &brakes.stack, &out);
        }
        if watched.kind == StackKind::S3Tar {
            observer.watch_archiving(&clients, watched, &tempo, &out);
        }
        observer.tasks.close();
        observer
    }

    /// The datasets that are looked at; a job's own may be added before anything of it is seen.
    #[must_use]
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Looks that were throttled so far.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        let Brakes { logs, table, executions, bucket, queue, stack, schedule } = &self.brakes;
        [logs, table, executions, bucket, queue, stack, schedule].into_iter().map(Brake::throttled).sum()
    }

    /// How the live tail is, for those who want to say so.
    #[must_use]
    pub fn live_tail(&self) -> watch::Receiver<LiveTailState> {
        self.live_tail.clone()
    }

    /// Lets every tailer tell what there is to tell; the channel of events is closed when all have.
    pub fn finish(&self) {
        self.end.finish.cancel();
    }

    /// Ends every tailer.
    pub async fn stop(self) {
        self.end.cancel.cancel();
        self.tasks.wait().await;
    }

    /// Starts the live tail, where it is wanted; the feed of each log group.
    fn tail(&mut self, clients: &Clients, watched: &Watched) -> Vec<Option<Feed>> {
        let is_wanted = match (watched.live_tail, &clients.target) {
            (LiveTail::Off, _) | (LiveTail::Auto, Target::Aws { .. } | Target::Embedded) => false,
            (LiveTail::On, _) | (LiveTail::Auto, Target::Endpoint { .. }) => !watched.log_groups.is_empty(),
        };
        if !is_wanted {
            return watched.log_groups.iter().map(|_| None).collect();
        }
        let is_billed = matches!(clients.target, Target::Aws { .. });
        let (tail, feeds, state) = Tail::of(clients.clone(), &watched.log_groups, self.interest.clone(), is_billed);
        self.live_tail = state;
        self.tasks.spawn(tail.run(self.end.cancel.clone()));
        feeds.into_iter().map(Some).collect()
    }

    /// What only an archiving stack has; what such a stack lacks is said to be unavailable.
    fn watch_archiving(&self, clients: &Clients, watched: &Watched, tempo: &Tempo, out: &Out) {
        let (brakes, backoff) = (&self.brakes, tempo.backoff);
        if let Some((group, name)) = watched.schedule.clone() {
            let tailer = schedule::Schedule::new(clients.clone(), group, name);
            self.spawn(tailer, tempo.schedule, backoff, &brakes.schedule, out);
        } else {
            let absent = Absent::new(Source::Schedule, "the stack has no schedule");
            self.spawn(absent, tempo.schedule, backoff, &brakes.schedule, out);
        }
        if watched.archives.is_some() {
            let (archives, inventories) = (watched.archives.clone(), watched.inventories.clone());
            let tailer = archives::Archives::new(clients.clone(), archives, inventories);
            self.spawn(tailer, tempo.archives, backoff, &brakes.bucket, out);
        } else {
            let absent = Absent::new(Source::Archives, "the stack does not say where its archives are put");
            self.spawn(absent, tempo.archives, backoff, &brakes.bucket, out);
        }
    }

    fn spawn<T: Tailer>(
        &self,
        tailer: T,
        intervals: Intervals,
        backoff: (Duration, Duration),
        brake: &Brake,
        out: &Out,
    ) {
        let seed = self.tasks.len() as u64;
        let pace = Pace::new(intervals.fast, intervals.busy, seed).backing_off(backoff.0, backoff.1).braked_by(brake);
        self.tasks.spawn(drive(tailer, pace, intervals, out.clone(), self.interest.clone(), self.end.clone()));
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.end.cancel.cancel();
    }
}
