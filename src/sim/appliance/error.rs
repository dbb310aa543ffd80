//! Why a share cannot be opened or asked.

use std::io;
use std::path::PathBuf;

use super::uplink::UplinkError;

/// Why a share cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// A setting that cannot be.
    #[error("the file share cannot be set up: {problem}")]
    Config {
        /// What is wrong.
        problem: String,
    },
    /// The folder or what is remembered of it cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// Which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another share works on the folder.
    #[error("{} is the folder of another file share that is open: choose another folder, or close that share", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Changes in a folder cannot be noticed here.
    #[error("a file share needs inotify: run it on Linux")]
    NoWatch,
    /// The bucket cannot be read.
    #[error("the file share cannot read its bucket {bucket}: {source}")]
    Bucket {
        /// The bucket.
        bucket: String,
        /// What it answered.
        source: UplinkError,
    },
    /// The export's port cannot be had.
    #[error("cannot serve NFS on 127.0.0.1:{port}: {source}")]
    Nfs {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A path that a caller names is no folder of the share.
    #[error("{path:?} is no folder of the share: name one as /folder/below, or / for all")]
    NoFolder {
        /// What was named.
        path: String,
    },
    /// Two refreshes are under way already, which is what a gateway takes.
    #[error("two cache refreshes are under way already: wait for their notifications")]
    Busy,
    /// The share is closed.
    #[error("the file share is closed")]
    Closed,
}
