//! An object that is to be a member of an archive.

use std::sync::Arc;

use crate::model::Timestamp;

use super::error::S3TarError;
use super::location::Location;
use super::posix::Posix;

/// An object as a list, an inventory or a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its bucket.
    pub bucket: Arc<str>,
    /// Its key, which is its name in the archive.
    pub key: Box<str>,
    /// Its bytes.
    pub size: u64,
    /// Its ETag without quotes; empty where the list has none.
    pub etag: Box<str>,
    /// When it was last modified; `None` where the list does not say.
    pub modified: Option<Timestamp>,
    /// What its metadata says of the file that it was; only where that is wanted.
    pub posix: Option<Box<Posix>>,
}

impl Member {
    /// Where the object is.
    #[must_use]
    pub fn location(&self) -> Location {
        Location { bucket: self.bucket.to_string(), key: self.key.to_string() }
    }

    /// Whether it stands for a folder: S3's console makes such objects.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.key.ends_with('/')
    }

    /// Refuses what no tar program could extract.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn check(&self) -> Result<(), S3TarError> {
        let refuse = |problem| Err(S3TarError::Name { object: self.location(), problem });
        if self.key.is_empty() {
            return refuse("it has no name");
        }
        if self.key.contains('\0') {
            return refuse("its name has a byte of zero in it");
        }
        if self.is_folder() && self.size > 0 {
            return refuse("it has the name of a folder and bytes of its own");
        }
        Ok(())
    }
}

/// An ETag as it is compared: without the quotes that some answers and lists put around it.
#[must_use]
pub fn bare_etag(etag: &str) -> &str {
    etag.trim().trim_matches('"')
}
