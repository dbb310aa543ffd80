//! What a share says of itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::model::Timestamp;

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileError {
    /// One sentence that names the remedy where there is one.
    pub problem: String,
    /// When it was last seen, on the endpoint's clock.
    pub at: Timestamp,
    /// Whether the share tries again by itself.
    pub retried: bool,
}

/// One upload or announcement that ended, the newest last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// When, on the endpoint's clock.
    pub at: Timestamp,
    /// `uploaded`, `copied`, `deleted`, `announced`, `fetched`.
    pub what: &'static str,
    /// The path below the share's root.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
}

/// What a share says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShareStatus {
    /// The folder.
    pub folder: PathBuf,
    /// Whether uploads go on.
    pub online: bool,
    /// Where the NFS export listens.
    pub nfs: Option<SocketAddr>,
    /// Files and directories of the folder that the share knows.
    pub files: u64,
    /// See [`ShareStatus::files`].
    pub directories: u64,
    /// Bytes of all files: what the cache holds.
    pub cache_used_bytes: u64,
    /// Bytes of files that the bucket does not hold yet.
    pub cache_dirty_bytes: u64,
    /// How many may be dirty before clients of the NFS export wait.
    pub cache_capacity_bytes: u64,
    /// Objects to put, copy or delete.
    pub waiting: u64,
    /// Of those, the ones under way.
    pub uploading: u64,
    /// Files that are in the bucket and wait for their settling time, or to be announced.
    pub settling: u64,
    /// Notifications that were sent since the share was opened.
    pub announced: u64,
    /// Objects that were put since then.
    pub uploaded: u64,
    /// Their bytes.
    pub uploaded_bytes: u64,
    /// Whether the folder's changes are all known: false while it is read through.
    pub scanned: bool,
    /// What is wrong, by path below the share's root; the newest hundred.
    pub errors: BTreeMap<String, FileError>,
    /// The last things that were done; the newest fifty.
    pub recent: Vec<Activity>,
}
