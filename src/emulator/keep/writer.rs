//! The thread that commits what services write: everything that has come since its last commit, in one transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::database::{Database, Row};
use super::{CLOCK, KeepError, OWN};
use crate::clock::Clock;

/// What becomes of a row.
pub enum Change {
    /// It is this, or what kept it from being written down.
    Put(Result<Vec<u8>, String>),
    /// It is gone.
    Delete,
}

/// The rows of a kind whose ids begin with `prefix`, which are gone.
pub struct Erased {
    pub service: &'static str,
    pub kind: &'static str,
    pub prefix: String,
}

/// Something to be done after a commit.
pub type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Waiting {
    /// Carried out before the changes, which are those that came after.
    erased: Vec<Erased>,
    /// The changes by row: of several to one row the last one counts, since they are committed together.
    rows: BTreeMap<(&'static str, &'static str, String), Change>,
    jobs: Vec<Job>,
    /// How many changes have ever been pushed.
    pushed: u64,
    /// Nothing is taken any more.
    finished: bool,
    /// Something came after that, and is lost.
    refused: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.erased.is_empty() && self.rows.is_empty() && self.jobs.is_empty()
    }

    /// Forgets everything that waits and takes nothing more.
    fn fail(&mut self) {
        (self.erased, self.rows, self.jobs) = (Vec::new(), BTreeMap::new(), Vec::new());
        self.finished = true;
    }
}

#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues something; it is dropped when nothing is taken any more.
    fn add(&self, add: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting();
        if waiting.finished {
            waiting.refused = true;
            return;
        }
        // The thread sleeps only while nothing waits.
        let was_empty = waiting.is_empty();
        add(&mut waiting);
        waiting.pushed += 1;
        drop(waiting);
        if was_empty {
            self.filled.notify_one();
        }
    }
}

/// How far the writer is: so many changes are committed, or why none will be any more.
type Progress = Result<u64, KeepError>;

/// The way to the writing thread.
pub struct Writer {
    desk: Arc<Desk>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(database: Database, clock: Clock) -> Self {
        let desk = Arc::new(Desk::default());
        let (done, progress) = watch::channel(Ok(0));
        let thread = std::thread::spawn({
            let desk = Arc::clone(&desk);
            move || write(&desk, &database, &clock, &done)
        });
        Self { desk, progress, thread: Mutex::new(Some(thread)) }
    }

    /// Queues a change.
    pub fn push(&self, service: &'static str, kind: &'static str, id: &str, change: Change) {
        self.desk.add(|waiting| drop(waiting.rows.insert((service, kind, id.to_owned()), change)));
    }

    /// Queues the removal of every row of a kind whose id begins with `prefix`.
    pub fn erase(&self, service: &'static str, kind: &'static str, prefix: &str) {
        self.desk.add(|waiting| {
            let from = (service, kind, prefix.to_owned());
            let meant = |key: &(&str, &str, String)| key.0 == service && key.1 == kind && key.2.starts_with(prefix);
            let before: Vec<_> =
                waiting.rows.range(from..).map(|(key, _)| key).take_while(|key| meant(key)).cloned().collect();
            for key in before {
                waiting.rows.remove(&key);
            }
            waiting.erased.push(Erased { service, kind, prefix: prefix.to_owned() });
        });
    }

    /// Queues something to be done after the commit of everything that was pushed before it.
    pub fn afterwards(&self, job: Job) {
        self.desk.add(|waiting| waiting.jobs.push(job));
    }

    /// Waits until everything that was pushed before this call is committed.
    pub async fn settled(&self) -> Result<(), KeepError> {
        let pushed = {
            let waiting = self.desk.waiting();
            if waiting.refused && self.progress.borrow().is_ok() {
                return Err(KeepError::Closed);
            }
            waiting.pushed
        };
        if self.progress.borrow().as_ref().is_ok_and(|done| *done >= pushed) {
            return Ok(());
        }
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| progress.as_ref().map_or(true, |done| *done >= pushed)).await;
        match reached {
            Ok(progress) => progress.clone().map(|_| ()),
            Err(_) => Err(KeepError::Closed),
        }
    }

    /// Commits what waits, ends the thread and takes nothing more. It blocks.
    pub fn finish(&self) {
        self.desk.waiting().finished = true;
        self.desk.filled.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the data folder has panicked");
        }
    }
}

fn write(desk: &Desk, database: &Database, clock: &Clock, done: &watch::Sender<Progress>) {
    loop {
        let mut waiting = desk.waiting();
        while waiting.is_empty() && !waiting.finished {
            waiting = desk.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let erased = std::mem::take(&mut waiting.erased);
        let (rows, jobs) = (std::mem::take(&mut waiting.rows), std::mem::take(&mut waiting.jobs));
        let (pushed, finished) = (waiting.pushed, waiting.finished);
        drop(waiting);
        if !rows.is_empty() || !erased.is_empty() {
            let now = serde_json::to_vec(&clock.now()).map_err(|error| error.to_string());
            let now = Row { service: OWN, kind: CLOCK, id: String::new(), change: Change::Put(now) };
            let rows = rows.into_iter().map(|((service, kind, id), change)| Row { service, kind, id, change });
            if let Err(error) = database.commit(&erased, rows.chain([now])) {
                tracing::error!(%error, "state is not kept any more");
                desk.waiting().fail();
                drop(done.send_replace(Err(error)));
                return;
            }
        }
        for job in jobs {
            job();
        }
        drop(done.send_replace(Ok(pushed)));
        if finished {
            return;
        }
    }
}
