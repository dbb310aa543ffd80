//! How a share is set up.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ShareError;
use crate::sim::Share;

/// The smallest part that S3 takes, but for the last one.
const SMALLEST_PART_BYTES: u64 = 5 * 1024 * 1024;

/// A share over a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareConfig {
    /// The share's and the gateway's ARNs, and the bucket.
    pub share: Share,
    /// The folder; it is made when it is not there. What the share remembers lies beside it, in `.NAME.vaultscope`.
    pub folder: PathBuf,
    /// What precedes every key: empty, or ending in a slash.
    pub prefix: String,
    /// After how much time without a write a file is announced, on the endpoint's clock; `None` announces nothing.
    pub settling: Option<Duration>,
    /// How many bytes may wait for their upload before clients of the NFS export have to wait.
    pub cache_bytes: u64,
    /// Files that are uploaded at a time.
    pub workers: usize,
    /// Files from this size on go up in parts.
    pub multipart_from_bytes: u64,
    /// Bytes of a part.
    pub part_bytes: u64,
    /// Parts of one file that are uploaded at a time.
    pub part_workers: usize,
    /// Real time without a change after which a file counts as written though nobody closed it.
    pub patience: Duration,
    /// Whether to serve the folder over NFSv3, on a free port of 127.0.0.1 (0) or on a given one.
    pub nfs_port: Option<u16>,
    /// Where the gateway's own arbitrary order and its ids come from.
    pub seed: u64,
}

impl ShareConfig {
    /// A share as the workshop makes it: 60 s of settling time, and a cache of 150 GiB.
    #[must_use]
    pub fn new(share: Share, folder: PathBuf) -> Self {
        Self {
            share,
            folder,
            prefix: String::new(),
            settling: Some(Duration::from_secs(60)),
            cache_bytes: 150 * 1024 * 1024 * 1024,
            workers: 4,
            multipart_from_bytes: 16 * 1024 * 1024,
            part_bytes: 8 * 1024 * 1024,
            part_workers: 2,
            patience: Duration::from_secs(5),
            nfs_port: Some(0),
            seed: 0,
        }
    }

    /// Checks that the share can work so.
    ///
    /// # Errors
    /// [`ShareError::Config`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), ShareError> {
        let wrong = |problem: String| Err(ShareError::Config { problem });
        if !self.folder.is_absolute() || self.folder.file_name().is_none() {
            return wrong(format!("{} is no absolute path of a folder", self.folder.display()));
        }
        if !self.prefix.is_empty() && (!self.prefix.ends_with('/') || self.prefix.starts_with('/')) {
            return wrong(format!("the prefix {:?} must end in a slash and not begin with one", self.prefix));
        }
        for (what, positive) in [
            ("workers", self.workers > 0),
            ("part workers", self.part_workers > 0),
            ("the cache", self.cache_bytes > 0),
        ] {
            if !positive {
                return wrong(format!("{what} must be more than 0"));
            }
        }
        if self.part_bytes < SMALLEST_PART_BYTES {
            return wrong(format!("parts of {} bytes are too small: S3 takes {SMALLEST_PART_BYTES}", self.part_bytes));
        }
        Ok(())
    }
}
