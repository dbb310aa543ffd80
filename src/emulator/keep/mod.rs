//! Where the endpoint keeps its state, so that what was acknowledged is there after the process was killed.
//!
//! Services hold their state in memory and write each entity that a call changes to their [`Shelf`], in the order in
//! which they change it, under the lock that guards it. Writing only queues: one thread commits everything that
//! has come, in order, in one transaction of an SQLite database. An answer leaves the endpoint only when what
//! was written before it is committed ([`Keep::settled`]). So a process that dies loses a suffix of what nobody has
//! been told of, and what it finds at its next start is a state that once was, of all services together. Without a
//! folder nothing is kept and nothing is serialised.
//!
//! It holds no service's shapes and decides nothing about them.

mod database;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use database::Database;
use writer::{Change, Writer};

use crate::clock::Clock;
use crate::model::Timestamp;

/// The service under which the endpoint's own rows stand.
const OWN: &str = "vaultscope";
const CLOCK: &str = "clock";
const STARTS: &str = "starts";

/// Why state cannot be kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeepError {
    /// Another process holds the folder.
    #[error("the data folder {0} is used by another endpoint: stop that one, or name another folder with --data-dir")]
    Taken(PathBuf),
    /// The folder cannot be made or opened.
    #[error("the data folder {folder} cannot be used: {problem}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        problem: String,
    },
    /// A row that cannot be read back, which is damage or another version's shape.
    #[error(
        "{service} has a {kind} {id:?} in the data folder that this version cannot read ({problem}): use the version \
         that wrote it, or another folder"
    )]
    Row {
        /// The service's id.
        service: &'static str,
        /// What sort of thing it is.
        kind: &'static str,
        /// Which one.
        id: String,
        /// What does not fit.
        problem: String,
    },
    /// The database does not take what is written.
    #[error("the data folder cannot be written: {0}; nothing more is acknowledged until the endpoint is started again")]
    Write(String),
}

/// The endpoint's memory beyond its process; cheap to clone. The default one keeps nothing.
#[derive(Clone, Default)]
pub struct Keep {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    folder: PathBuf,
    database: Database,
    writer: Writer,
    starts: u64,
}

impl Keep {
    /// Opens the folder, which is made when it is not there, and takes hold of it. `clock` is moved to the
    /// last moment that was kept, where it stands before that one: simulated time never runs back.
    ///
    /// # Errors
    /// When another endpoint holds the folder, or it cannot be used.
    pub fn open(folder: &Path, clock: &Clock) -> Result<Self, KeepError> {
        let database = Database::open(folder)?;
        let kept: Option<Timestamp> = database.row(OWN, CLOCK, "")?;
        if let Some(ahead) = kept.and_then(|kept| kept.since(clock.now())) {
            clock.step(ahead);
        }
        let starts = database.row::<u64>(OWN, STARTS, "")?.unwrap_or_default() + 1;
        let writer = Writer::start(database.clone(), clock.clone());
        let inner = Inner { folder: folder.to_owned(), database, writer, starts };
        let keep = Self { inner: Some(Arc::new(inner)) };
        keep.shelf(OWN).put(STARTS, "", &starts);
        Ok(keep)
    }

    /// The folder in which services may keep files of their own, each in one named after its id; `None` where nothing
    /// is kept.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.inner.as_deref().map(|inner| inner.folder.as_path())
    }

    /// How many times an endpoint was started on this folder, this time included; 0 where nothing is kept. Ids that
    /// were drawn before a restart must not be drawn again after it.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.inner.as_deref().map_or(0, |inner| inner.starts)
    }

    /// What a service writes to and reads from.
    #[must_use]
    pub fn shelf(&self, service: &'static str) -> Shelf {
        Shelf { service, keep: self.clone() }
    }

    /// Waits until everything that was written before this call is committed; at once where nothing is kept or waiting.
    ///
    /// # Errors
    /// When the database does not take it: then nothing may be acknowledged.
    pub async fn settled(&self) -> Result<(), KeepError> {
        match &self.inner {
            Some(inner) => inner.writer.settled().await,
            None => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.writer.finish();
    }
}

/// The rows of one service, by kind and id.
#[derive(Clone)]
pub struct Shelf {
    service: &'static str,
    keep: Keep,
}

impl Shelf {
    /// Whether what is written here is kept: without it, work that only serves the writing can be left out.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.keep.inner.is_some()
    }

    /// How many times an endpoint was started on the folder; see [`Keep::starts`].
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.keep.starts()
    }

    /// Writes an entity, in the place of the one with that kind and id. To be called under the lock that guards it.
    pub fn put<T: Serialize + ?Sized>(&self, kind: &'static str, id: &str, entity: &T) {
        if let Some(inner) = &self.keep.inner {
            // A shape of ours that JSON cannot write would be a fault of ours; the writer then refuses to go on.
            let value = serde_json::to_vec(entity).map_err(|error| format!("{} {kind} {id:?}: {error}", self.service));
            inner.writer.push(self.service, kind, id, Change::Put(value));
        }
    }

    /// Removes an entity; one that is not there is none the less removed.
    pub fn delete(&self, kind: &'static str, id: &str) {
        if let Some(inner) = &self.keep.inner {
            inner.writer.push(self.service, kind, id, Change::Delete);
        }
    }

    /// Does `job` once everything that was written before is committed, such as the removal of a file that no row
    /// names any more; at once where nothing is kept. It runs on the writer's thread and must be short.
    pub fn afterwards(&self, job: impl FnOnce() + Send + 'static) {
        match &self.keep.inner {
            Some(inner) => inner.writer.afterwards(Box::new(job)),
            None => job(),
        }
    }

    /// Every entity of a kind in the order of their ids (bytewise): what a service begins with. Only for the start: it does
    /// not see what still waits to be committed.
    ///
    /// # Errors
    /// When the database or one of the rows cannot be read.
    pub fn all<T: DeserializeOwned>(&self, kind: &'static str) -> Result<Vec<(String, T)>, KeepError> {
        match &self.keep.inner {
            Some(inner) => inner.database.rows(self.service, kind),
            None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_settled_is_there_again_and_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::starting_at(Timestamp::from_secs(1_000));
        let keep = Keep::open(folder.path(), &clock).expect("opened");
        let shelf = keep.shelf("sqs");
        for id in ["b", "a", "c"] {
            shelf.put("queue", id, &id.repeat(2));
        }
        shelf.put("queue", "b", "new");
        shelf.delete("queue", "c");
        keep.settled().await.expect("committed");
        drop((shelf, keep));
        let keep = Keep::open(folder.path(), &clock).expect("opened again");
        let rows: Vec<(String, String)> = keep.shelf("sqs").all("queue").expect("read");
        assert_eq!(rows, [("a".to_owned(), "aa".to_owned()), ("b".to_owned(), "new".to_owned())]);
        assert_eq!(keep.shelf("sns").all::<String>("queue").expect("read"), [], "another service's");
        assert_eq!(keep.starts(), 2);
    }

    #[tokio::test]
    async fn time_does_not_run_back_over_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::starting_at(Timestamp::from_secs(1_000));
        let keep = Keep::open(folder.path(), &clock).expect("opened");
        clock.step(Duration::from_secs(500));
        keep.shelf("sqs").put("queue", "a", &1);
        keep.settled().await.expect("committed");
        drop(keep);
        let later = Clock::starting_at(Timestamp::from_secs(1_000));
        let _keep = Keep::open(folder.path(), &later).expect("opened again");
        assert!(later.now() >= Timestamp::from_secs(1_500), "{:?}", later.now());
    }

    #[test]
    fn a_folder_serves_one_endpoint_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::default();
        let keep = Keep::open(folder.path(), &clock).expect("opened");
        let refused = Keep::open(folder.path(), &clock).err().expect("refused");
        assert!(matches!(refused, KeepError::Taken(_)), "{refused}");
        drop(keep);
        assert!(Keep::open(folder.path(), &clock).is_ok());
    }

    #[tokio::test]
    async fn a_row_of_another_shape_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::default();
        let keep = Keep::open(folder.path(), &clock).expect("opened");
        keep.shelf("sqs").put("queue", "q", "text");
        keep.settled().await.expect("committed");
        let error = keep.shelf("sqs").all::<u64>("queue").expect_err("no number").to_string();
        assert!(error.contains("sqs has a queue \"q\""), "{error}");
    }

    #[tokio::test]
    async fn without_a_folder_nothing_waits_and_jobs_are_done_at_once() {
        let keep = Keep::default();
        let shelf = keep.shelf("sqs");
        shelf.put("queue", "a", &1);
        let (done, was_done) = std::sync::mpsc::channel();
        shelf.afterwards(move || done.send(()).expect("heard"));
        assert!(was_done.try_recv().is_ok());
        keep.settled().await.expect("nothing to wait for");
        assert!(!shelf.is_kept());
        assert_eq!(shelf.all::<u64>("queue").expect("empty"), []);
    }
}
