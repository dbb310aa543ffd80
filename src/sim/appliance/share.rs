//! The handle of an open share.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::config::ShareConfig;
use super::error::ShareError;
use super::status::ShareStatus;
use super::uplink::Uplink;
use crate::clock::Clock;

/// An open share. Dropping it ends its work at once, as [`FileShare::close`] with force does: what is not uploaded is
/// taken up again when the folder is opened the next time.
pub struct FileShare {
    config: ShareConfig,
}

impl FileShare {
    /// Opens a share: makes its folder where there is none, reads it through, compares it with the bucket, and goes on
    /// with whatever the bucket lacks.
    ///
    /// # Errors
    /// When the settings cannot be, the folder cannot be used, or the bucket cannot be listed.
    pub async fn open(config: ShareConfig, uplink: Arc<dyn Uplink>, clock: Clock) -> Result<Self, ShareError> {
        config.check()?;
        drop((uplink, clock));
        Ok(Self { config })
    }

    /// The folder that clients copy into.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.config.folder
    }

    /// What the share says of itself.
    #[must_use]
    pub fn status(&self) -> ShareStatus {
        ShareStatus {
            folder: self.config.folder.clone(),
            online: true,
            nfs: None,
            files: 0,
            directories: 0,
            cache_used_bytes: 0,
            cache_dirty_bytes: 0,
            cache_capacity_bytes: self.config.cache_bytes,
            waiting: 0,
            uploading: 0,
            settling: 0,
            announced: 0,
            uploaded: 0,
            uploaded_bytes: 0,
            scanned: true,
            errors: std::collections::BTreeMap::new(),
            recent: Vec::new(),
        }
    }

    /// Asks for a `Storage Gateway File Upload Event` once all that has been written so far is in the bucket; answers
    /// the notification's id.
    ///
    /// # Errors
    /// [`ShareError::Closed`].
    pub fn notify_when_uploaded(&self) -> Result<String, ShareError> {
        Err(ShareError::Closed)
    }

    /// Looks for objects that others have put, replaced or deleted below `folders` (`/` for all) and brings the folder up
    /// to date; answers the id of the `Storage Gateway Refresh Cache Event` that follows.
    ///
    /// # Errors
    /// [`ShareError::NoFolder`], [`ShareError::Busy`] while two refreshes are under way, [`ShareError::Closed`].
    pub fn refresh_cache(&self, folders: &[String], recursive: bool) -> Result<String, ShareError> {
        let _ = (folders, recursive);
        Err(ShareError::Closed)
    }

    /// Cuts the gateway off from the bucket and the bus, or connects it again: what clients write meanwhile is kept.
    pub fn set_online(&self, online: bool) {
        let _ = online;
    }

    /// Where the NFS export listens.
    #[must_use]
    pub fn nfs_address(&self) -> Option<SocketAddr> {
        None
    }

    /// The line with which a Linux client mounts the export at `target`; it needs root there.
    #[must_use]
    pub fn mount_line(&self, target: &Path) -> Option<String> {
        let address = self.nfs_address()?;
        Some(format!(
            "mount -t nfs -o nolock,hard,tcp,vers=3,port={port},mountport={port} {ip}:/ {target}",
            port = address.port(),
            ip = address.ip(),
            target = target.display(),
        ))
    }

    /// Ends the share. Without `force` it waits until everything is uploaded and announced, which never happens while it
    /// is offline; with it, what is left is taken up again when the folder is opened the next time.
    ///
    /// # Errors
    /// When what was done could not be written down; it is done again the next time.
    pub async fn close(&self, force: bool) -> Result<(), ShareError> {
        let _ = force;
        Ok(())
    }
}
