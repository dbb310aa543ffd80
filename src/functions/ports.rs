//! What the handlers call, as traits: a handler never sees an SDK client, so that a test can stand in for AWS.

use std::future::Future;

use tokio::io::AsyncBufRead;

use super::upload_event::UploadDetail;

/// Entries that one PutEvents call takes at the most.
pub const ENTRIES_PER_CALL: usize = 10;

/// Bytes that the entries of one PutEvents call may have together (1 MB, less room for the request around them).
pub const BYTES_PER_CALL: usize = 1_000_000;

/// A call of AWS that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {problem}")]
pub struct PortError {
    /// The operation, such as `PutItem`.
    pub operation: &'static str,
    /// What was answered, or why nothing was.
    pub problem: String,
}

/// One entry of a PutEvents call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusEntry {
    /// `DetailType`.
    pub detail_type: &'static str,
    /// `Detail`, a JSON object as text.
    pub detail: String,
}

impl BusEntry {
    /// The size that EventBridge counts for this entry.
    #[must_use]
    pub fn size(&self) -> usize {
        super::upload_event::SOURCE.len() + self.detail_type.len() + self.detail.len()
    }
}

/// Why the bus refused one entry of a call that it took otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// `ErrorCode`.
    pub code: String,
    /// `ErrorMessage`.
    pub message: String,
}

/// The custom event bus.
pub trait EventBus {
    /// Puts up to [`ENTRIES_PER_CALL`] entries in one call; the answer has one place an entry, in their order, `None`
    /// where it was taken.
    fn put_events(
        &self,
        entries: &[BusEntry],
    ) -> impl Future<Output = Result<Vec<Option<Rejection>>, PortError>> + Send;
}

/// One page of a set's keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<String>,
    /// The key to go on after; `None` on the last page.
    pub next: Option<String>,
}

/// The table of upload events.
pub trait Items {
    /// Writes the item of an upload; one that is there is overwritten.
    fn put(&self, upload: &UploadDetail) -> impl Future<Output = Result<(), PortError>> + Send;

    /// One page of a set's keys, read consistently, from after `after` on.
    fn keys(&self, set_id: &str, after: Option<&str>) -> impl Future<Output = Result<KeyPage, PortError>> + Send;
}

/// The bucket, as far as manifests go.
pub trait Manifest {
    /// The manifest's bytes as they arrive.
    type Reader: AsyncBufRead + Unpin + Send;

    /// Opens a manifest.
    fn read(&self, bucket: &str, key: &str) -> impl Future<Output = Result<Self::Reader, PortError>> + Send;
}
