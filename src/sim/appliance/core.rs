//! What the parts of an open share have in common: the books behind one lock, and who is to be woken when they change.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::book::{Book, Sight, is_directory};
use super::config::ShareConfig;
use super::disk::{self, Entry};
use super::notes::Notes;
use super::register::Register;
use super::status::ShareStatus;
use super::uplink::Uplink;
use crate::clock::Clock;
use crate::model::Timestamp;
use crate::sim::REAL_SOURCE;

/// The longest key that S3 takes, in bytes.
const LONGEST_KEY: usize = 1_024;

/// Somebody who asked to be told when all is uploaded.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub id: String,
    pub received: Timestamp,
}

/// What changes while a share is open.
pub(super) struct State {
    pub book: Book<Asked>,
    pub notes: Notes,
    pub register: Register,
    /// Events that wait to be sent, besides announcements.
    pub events: u64,
    /// Refreshes that are under way.
    pub refreshes: u32,
}

/// An open share.
pub(super) struct Core {
    pub config: ShareConfig,
    pub uplink: Arc<dyn Uplink>,
    pub clock: Clock,
    state: Mutex<State>,
    ids: Mutex<StdRng>,
    /// There may be a job.
    pub work: Notify,
    /// There may be something to announce, or another moment to wait for.
    pub agenda: Notify,
    /// Counts changes: for who waits until the books are as they want them.
    pub changes: watch::Sender<u64>,
    /// Bytes that clients of the NFS export have written to files that are still open there.
    pub unclosed: AtomicU64,
    pub scanned: AtomicBool,
    pub stop: CancellationToken,
}

/// What was found at a path, as the books took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    File { linked: bool },
    Directory,
    Nothing,
}

impl Core {
    pub fn new(config: ShareConfig, uplink: Arc<dyn Uplink>, clock: Clock, state: State) -> Arc<Self> {
        Arc::new(Self {
            ids: Mutex::new(StdRng::seed_from_u64(config.seed)),
            config,
            uplink,
            clock,
            state: Mutex::new(state),
            work: Notify::new(),
            agenda: Notify::new(),
            changes: watch::Sender::new(0),
            unclosed: AtomicU64::new(0),
            scanned: AtomicBool::new(false),
            stop: CancellationToken::new(),
        })
    }

    /// The books, for a short look or change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who may have something to do.
    pub fn wake(&self) {
        self.work.notify_one();
        self.agenda.notify_one();
        self.changes.send_modify(|count| *count += 1);
    }

    /// The path of a key or of what a client calls it.
    pub fn path(&self, key: &str) -> PathBuf {
        self.config.folder.join(key.trim_end_matches('/'))
    }

    /// The whole key of an object.
    pub fn object_key(&self, key: &str) -> String {
        format!("{}{key}", self.config.prefix)
    }

    /// A random id.
    pub fn id(&self) -> String {
        let mut bytes = [0_u8; 16];
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// Notes what is wrong with a path.
    pub fn problem(&self, path: &str, problem: String, retried: bool) {
        let now = self.clock.now();
        self.state().notes.problem(path, problem, retried, now);
    }

    /// Looks at a path and brings the books up to date.
    pub fn look(&self, path: &str, closed: bool) -> Looked {
        let entry = match disk::look(&self.path(path)) {
            Ok(entry) => entry,
            Err(error) => {
                self.problem(path, format!("it cannot be looked at: {error}"), false);
                return Looked::Nothing;
            }
        };
        let now = self.clock.now();
        let directory = format!("{path}/");
        let mut state = self.state();
        let State { book, notes, .. } = &mut *state;
        let too_long = self.config.prefix.len() + path.len() + usize::from(matches!(entry, Entry::Directory { .. }));
        let looked = match entry {
            Entry::File { .. } | Entry::Directory { .. } if too_long > LONGEST_KEY => {
                book.gone(path);
                book.gone_below(&directory);
                let problem =
                    format!("its key would have {too_long} bytes: S3 takes {LONGEST_KEY}, give a shorter name");
                notes.problem(path, problem, false, now);
                Looked::Nothing
            }
            Entry::File { stamp, racy, linked } => {
                book.gone_below(&directory);
                let sight = if closed { Sight::Closed { racy } } else { Sight::Found };
                book.wrote(path, stamp, sight, now);
                if closed || notes.has(path) {
                    book.retry(path);
                }
                Looked::File { linked }
            }
            Entry::Directory { stamp } => {
                book.gone(path);
                book.wrote(&directory, stamp, Sight::Found, now);
                Looked::Directory
            }
            Entry::Other(what) => {
                book.gone(path);
                book.gone_below(&directory);
                let problem =
                    format!("it is {what}, which has no object in S3: copy a file or a directory in its place");
                notes.problem(path, problem, false, now);
                Looked::Nothing
            }
            Entry::Absent => {
                book.gone(path);
                book.gone_below(&directory);
                notes.clear(path);
                notes.clear(&directory);
                Looked::Nothing
            }
        };
        drop(state);
        self.wake();
        looked
    }

    /// A file has another name now; `false` when it is to be looked at as a new one.
    pub fn renamed(&self, from: &str, to: &str) -> bool {
        if self.config.prefix.len() + to.len() > LONGEST_KEY {
            return false;
        }
        let Ok(Entry::File { stamp, .. }) = disk::look(&self.path(to)) else { return false };
        let now = self.clock.now();
        let mut state = self.state();
        state.notes.clear(from);
        let known = state.book.renamed(from, to, stamp, now);
        drop(state);
        self.wake();
        known
    }

    /// Whether a file waits for the end of a write, so that somebody has to look after it.
    pub fn is_unsettled(&self, path: &str) -> bool {
        self.state().book.is_unsettled(path)
    }

    /// A directory has another name now.
    pub fn renamed_directory(&self, from: &str, to: &str) {
        let now = self.clock.now();
        self.state().book.renamed_directory(&format!("{from}/"), &format!("{to}/"), now);
        self.wake();
    }

    /// The paths that the books know at or below a directory; the share's root is empty.
    pub fn known_below(&self, path: &str) -> Vec<String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let keys = self.state().book.wanted_below(&prefix);
        keys.iter().map(|key| key.trim_end_matches('/').to_owned()).collect()
    }

    /// Writes down what is remembered of a key.
    pub fn remember(&self, state: &mut State, key: &str) {
        let memory = state.book.memory(key);
        if let Err(error) = state.register.note(key, memory.as_ref()) {
            let problem = format!("the share cannot write down what it has done, and will do it again: {error}");
            state.notes.problem(key, problem, true, self.clock.now());
        }
    }

    /// Writes down that a promise was kept.
    pub fn kept(&self, id: &str) {
        let noted = self.state().register.kept(id);
        if let Err(error) = noted {
            self.problem(
                "",
                format!("the share cannot write down what it has told, and will tell it again: {error}"),
                true,
            );
        }
    }

    /// An entry of `PutEvents` from this share.
    pub fn entry(&self, kind: &str, detail: &Value) -> Value {
        json!({
            "Source": REAL_SOURCE,
            "DetailType": kind,
            "Detail": detail.to_string(),
            "Resources": self.config.share.resources(),
        })
    }

    /// What the share says of itself.
    pub fn status(&self, nfs: Option<std::net::SocketAddr>) -> ShareStatus {
        let state = self.state();
        let totals = state.book.totals();
        let unclosed = self.unclosed.load(Ordering::Relaxed);
        ShareStatus {
            folder: self.config.folder.clone(),
            online: state.book.online(),
            nfs,
            files: totals.files,
            directories: totals.directories,
            cache_used_bytes: totals.used,
            cache_dirty_bytes: totals.dirty + unclosed,
            cache_capacity_bytes: self.config.cache_bytes,
            waiting: totals.waiting,
            uploading: totals.at_work,
            settling: totals.settling,
            announced: state.notes.announced,
            uploaded: state.notes.uploaded,
            uploaded_bytes: state.notes.uploaded_bytes,
            scanned: self.scanned.load(Ordering::Relaxed),
            errors: state.notes.errors().collect(),
            recent: state.notes.recent(),
        }
    }
}

/// The path below the share's root that a key is of.
pub(super) fn path_of(key: &str) -> &str {
    key.strip_suffix('/').filter(|_| is_directory(key)).unwrap_or(key)
}

/// The path of an entry in a directory of the share; the root is empty.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// A path as it is shown when it is not UTF-8.
pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
