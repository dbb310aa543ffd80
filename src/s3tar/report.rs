//! What an archive turned out to be.

use super::location::Location;

/// An archive that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Where it is.
    pub place: Location,
    /// Its members, without the table of contents.
    pub members: usize,
    /// Its bytes.
    pub bytes: u64,
    /// Its bytes that went through this process.
    pub in_memory: u64,
    /// Parts of its upload.
    pub parts: usize,
    /// Parts that an earlier run had uploaded.
    pub resumed: usize,
    /// Its ETag.
    pub etag: String,
}
