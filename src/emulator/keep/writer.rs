//! The thread that commits what services write: everything that has come since its last commit, in one transaction.

use std::collections::HashMap;
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

/// Something to be done after a commit.
pub type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Waiting {
    /// The changes by row: of several to one row the last one counts, since they are committed together.
    rows: HashMap<(&'static str, &'static str, String), Change>,
    jobs: Vec<Job>,
    /// How many changes have ever been pushed.
    pushed: u64,
    finished: bool,
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
        let mut waiting = self.desk.waiting();
        waiting.rows.insert((service, kind, id.to_owned()), change);
        waiting.pushed += 1;
        drop(waiting);
        self.desk.filled.notify_one();
    }

    /// Queues something to be done after the commit of everything that was pushed before it.
    pub fn afterwards(&self, job: Job) {
        let mut waiting = self.desk.waiting();
        waiting.jobs.push(job);
        waiting.pushed += 1;
        drop(waiting);
        self.desk.filled.notify_one();
    }

    /// Waits until everything that was pushed before this call is committed.
    pub async fn settled(&self) -> Result<(), KeepError> {
        let pushed = self.desk.waiting().pushed;
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| progress.as_ref().map_or(true, |done| *done >= pushed)).await;
        match reached {
            Ok(progress) => progress.clone().map(|_| ()),
            Err(_) => Err(KeepError::Write("the writing thread has ended".to_owned())),
        }
    }

    /// Commits what waits and ends the thread.
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
        while waiting.rows.is_empty() && waiting.jobs.is_empty() && !waiting.finished {
            waiting = desk.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let (rows, jobs) = (std::mem::take(&mut waiting.rows), std::mem::take(&mut waiting.jobs));
        let (pushed, finished) = (waiting.pushed, waiting.finished);
        drop(waiting);
        if !rows.is_empty() {
            let mut rows: Vec<Row> =
                rows.into_iter().map(|((service, kind, id), change)| Row { service, kind, id, change }).collect();
            let now = serde_json::to_vec(&clock.now()).map_err(|error| error.to_string());
            rows.push(Row { service: OWN, kind: CLOCK, id: String::new(), change: Change::Put(now) });
            if let Err(error) = database.commit(rows) {
                tracing::error!(%error, "state is not kept any more");
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
