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
mod folder;
mod outbox;
mod snapshot;
mod writer;

pub use folder::Folder;
pub use outbox::{Outbox, Ticket};
pub use snapshot::Snapshot;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use database::Database;
use writer::{Change, Writer};

use super::error::ServiceError;
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
    /// The endpoint ends, or is emptied: what was asked of it meanwhile is not kept.
    #[error("the endpoint is being reset, restored or ended: try again")]
    Closed,
    /// A name that snapshots cannot have.
    #[error("a snapshot cannot be called {0:?}: use 1 to 64 letters, digits, '-', '_' or '.', and no dot at the start")]
    SnapshotName(String),
    /// The name is taken.
    #[error(
        "there is a snapshot {0:?} already: delete it with DELETE /_vaultscope/snapshot/{0}, or choose another name"
    )]
    SnapshotExists(String),
    /// There is none of that name.
    #[error("there is no snapshot {0:?}: GET /_vaultscope/snapshot lists them")]
    NoSuchSnapshot(String),
    /// There is no folder to keep snapshots in.
    #[error("the endpoint keeps its state in memory only: start it with --data-dir to take snapshots of it")]
    NotKept,
}

impl From<KeepError> for ServiceError {
    fn from(error: KeepError) -> Self {
        let (code, status) = match error {
            KeepError::Closed | KeepError::Write(_) => ("ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE),
            KeepError::NoSuchSnapshot(_) => ("NotFound", StatusCode::NOT_FOUND),
            KeepError::SnapshotExists(_) => ("Conflict", StatusCode::CONFLICT),
            KeepError::SnapshotName(_) | KeepError::NotKept => ("ValidationException", StatusCode::BAD_REQUEST),
            KeepError::Taken(_) | KeepError::Folder { .. } | KeepError::Row { .. } => {
                ("InternalFailure", StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        Self::client(code, error.to_string()).with_status(status)
    }
}

/// The endpoint's memory beyond its process; cheap to clone. The default one keeps nothing.
#[derive(Clone, Default)]
pub struct Keep {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    folder: Folder,
    clock: Clock,
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
        Self::on(&Folder::hold(folder)?, clock, 0)
    }

    /// The same for a folder that is held already; it counts as the start after number `starts` at the least.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn on(folder: &Folder, clock: &Clock, starts: u64) -> Result<Self, KeepError> {
        let database = Database::open(folder)?;
        let kept: Option<Timestamp> = database.row(OWN, CLOCK, "")?;
        if let Some(ahead) = kept.and_then(|kept| kept.since(clock.now())) {
            clock.step(ahead);
        }
        let starts = database.row::<u64>(OWN, STARTS, "")?.unwrap_or_default().max(starts) + 1;
        let writer = Writer::start(database.clone(), clock.clone());
        let inner = Inner { folder: folder.clone(), clock: clock.clone(), database, writer, starts };
        let keep = Self { inner: Some(Arc::new(inner)) };
        keep.own().put(STARTS, "", &starts);
        Ok(keep)
    }

    /// Commits what was written so far and lets go of the database; what is written later is lost, and nothing is
    /// acknowledged any more ([`KeepError::Closed`]).
    pub async fn close(&self) {
        if let Some(inner) = self.inner.clone() {
            let closed = tokio::task::spawn_blocking(move || {
                inner.writer.finish();
                inner.database.close();
            });
            if let Err(error) = closed.await {
                tracing::error!(%error, "the data folder was not closed");
            }
        }
    }

    /// Copies the whole state as it is now under a name.
    ///
    /// # Errors
    /// When nothing is kept, the name is none or taken, or the copy cannot be written.
    pub async fn take_snapshot(&self, name: &str) -> Result<Snapshot, KeepError> {
        let inner = self.inner.as_ref().ok_or(KeepError::NotKept)?;
        snapshot::check_name(name)?;
        if snapshot::exists(&inner.folder, name) {
            return Err(KeepError::SnapshotExists(name.to_owned()));
        }
        let snapshot = Snapshot { name: name.to_owned(), taken: inner.clock.now() };
        let (done, outcome) = tokio::sync::oneshot::channel();
        let (folder, database, wanted) = (inner.folder.clone(), inner.database.clone(), snapshot.clone());
        inner.writer.afterwards(Box::new(move || {
            // Whoever asked may have gone.
            let _ = done.send(snapshot::take(&folder, &database, &wanted));
        }));
        outcome.await.unwrap_or(Err(KeepError::Closed))?;
        Ok(snapshot)
    }

    /// The snapshots in the data folder, by name.
    ///
    /// # Errors
    /// When nothing is kept, or the folder cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, KeepError> {
        snapshot::list(&self.inner.as_ref().ok_or(KeepError::NotKept)?.folder)
    }

    /// Finds out whether there is a snapshot of that name.
    ///
    /// # Errors
    /// When nothing is kept or there is none.
    pub fn find_snapshot(&self, name: &str) -> Result<(), KeepError> {
        let inner = self.inner.as_ref().ok_or(KeepError::NotKept)?;
        snapshot::check_name(name)?;
        if snapshot::exists(&inner.folder, name) { Ok(()) } else { Err(KeepError::NoSuchSnapshot(name.to_owned())) }
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// When nothing is kept, there is none of that name, or it cannot be removed.
    pub fn remove_snapshot(&self, name: &str) -> Result<(), KeepError> {
        self.find_snapshot(name)?;
        snapshot::remove(&self.inner.as_ref().ok_or(KeepError::NotKept)?.folder, name)
    }

    /// The folder in which services may keep files of their own, each in one named after its id; `None` where nothing
    /// is kept. A snapshot links to them: a file never changes once it has its name, but for SQLite databases, whose
    /// names end in `.sqlite`, and for what is in [`Keep::live_folder`]. A file that a row named is removed with [`Shelf::afterwards`].
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.inner.as_deref().map(|inner| inner.folder.path())
    }

    /// The folder, whole path and all, in which a service keeps folders that others write into as they like, such as file
    /// shares; `None` where nothing is kept. A snapshot copies them as it finds them.
    ///
    /// # Errors
    /// When the present directory is gone, below which the folder would be.
    pub fn live_folder(&self, service: &str) -> Result<Option<PathBuf>, KeepError> {
        let live = self.folder().map(|folder| std::path::absolute(folder.join(service).join(folder::LIVE)));
        live.transpose().map_err(|error| KeepError::Folder {
            folder: self.folder().map(Path::to_owned).unwrap_or_default(),
            problem: error.to_string(),
        })
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

    /// The endpoint's own rows.
    pub(super) fn own(&self) -> Shelf {
        self.shelf(OWN)
    }

    /// Has the moment kept that the clock shows, as each commit has: for a clock that was set while nothing else changed.
    pub fn keep_moment(&self) {
        self.own().put(STARTS, "", &self.starts());
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

    /// Removes every entity of a kind whose id begins with `prefix`; all of them when it is empty.
    pub fn delete_all(&self, kind: &'static str, prefix: &str) {
        if let Some(inner) = &self.keep.inner {
            inner.writer.erase(self.service, kind, prefix);
        }
    }

    /// Where numbers may begin that are never to be used twice, not even those of things that are gone: 0 at the first start,
    /// beyond everything that earlier starts can have reached at each further one.
    #[must_use]
    pub fn first_number(&self) -> u64 {
        self.keep.starts().saturating_sub(1) << 40
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
    async fn all_of_a_prefix_go_and_what_comes_after_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::default();
        let keep = Keep::open(folder.path(), &clock).expect("opened");
        let shelf = keep.shelf("sqs");
        for id in ["a/1", "a/2", "b/1"] {
            shelf.put("message", id, &1);
        }
        keep.settled().await.expect("committed");
        shelf.put("message", "a/3", &1);
        shelf.delete_all("message", "a/");
        shelf.put("message", "a/4", &1);
        shelf.put("message", "aa", &1);
        keep.settled().await.expect("committed");
        let ids: Vec<String> = shelf.all::<u64>("message").expect("read").into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["a/4", "aa", "b/1"]);
    }

    #[tokio::test]
    async fn what_comes_after_the_end_is_not_acknowledged() {
        let folder = tempfile::tempdir().expect("a folder");
        let keep = Keep::open(folder.path(), &Clock::default()).expect("opened");
        let shelf = keep.shelf("sqs");
        shelf.put("queue", "a", &1);
        keep.close().await;
        keep.settled().await.expect("it was committed at the end");
        shelf.put("queue", "b", &1);
        assert!(matches!(keep.settled().await, Err(KeepError::Closed)));
    }

    #[tokio::test]
    async fn a_snapshot_is_a_copy_of_rows_and_files_and_replaces_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::default();
        let held = Folder::hold(folder.path()).expect("held");
        let keep = Keep::on(&held, &clock, 0).expect("opened");
        let blobs = folder.path().join("s3").join("blobs");
        std::fs::create_dir_all(&blobs).expect("a folder");
        std::fs::write(blobs.join("1"), "one").expect("a file");
        let shelf = keep.shelf("s3");
        shelf.put("object", "o", "1");
        let taken = keep.take_snapshot("before").await.expect("a snapshot");
        assert_eq!(keep.snapshots().expect("listed"), [taken]);
        for (name, refused) in [("before", "already"), ("../x", "cannot be called"), ("", "cannot be called")] {
            let error = keep.take_snapshot(name).await.expect_err("refused").to_string();
            assert!(error.contains(refused), "{error}");
        }
        shelf.put("object", "o", "2");
        std::fs::remove_file(blobs.join("1")).expect("removed");
        std::fs::write(blobs.join("2"), "two").expect("a file");
        keep.close().await;
        held.replace(Some("before")).expect("replaced");
        let keep = Keep::on(&held, &clock, 7).expect("opened");
        assert_eq!(keep.starts(), 8, "numbers of the state that is gone are not used again");
        assert_eq!(keep.shelf("s3").all::<String>("object").expect("read"), [("o".to_owned(), "1".to_owned())]);
        assert_eq!(std::fs::read_to_string(blobs.join("1")).expect("the file"), "one");
        assert!(!blobs.join("2").exists());
        keep.close().await;
        held.replace(None).expect("emptied");
        let keep = Keep::on(&held, &clock, 0).expect("opened");
        assert_eq!(keep.shelf("s3").all::<String>("object").expect("read"), []);
        keep.remove_snapshot("before").expect("removed");
        assert!(matches!(keep.remove_snapshot("before"), Err(KeepError::NoSuchSnapshot(_))));
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
