//! What the share needs of the world: a bucket, and somebody to announce files to.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

/// A run of bytes of an open file. It is read where it lies: nobody holds a whole file in memory.
#[derive(Debug, Clone)]
pub struct FileBytes {
    /// The open file; it is read at positions, its own position is not used.
    pub file: Arc<File>,
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
}

/// User metadata of an object, names without `x-amz-meta-`.
pub type Metadata = Vec<(String, String)>;

/// The id of a multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadId(pub String);

/// A part that the bucket has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartDone {
    /// From 1 on.
    pub number: u32,
    /// Its entity tag, without quotes.
    pub etag: String,
}

/// An object as a listing names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundObject {
    /// The whole key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its entity tag, without quotes.
    pub etag: String,
}

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects, in key order.
    pub objects: Vec<FoundObject>,
    /// Common prefixes, where a delimiter was given.
    pub prefixes: Vec<String>,
    /// What to ask the next page with; `None` at the end.
    pub next: Option<String>,
}

/// An object that was fetched into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFetched {
    /// Bytes.
    pub size: u64,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// Its user metadata.
    pub metadata: Metadata,
}

/// Why a call of the uplink failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UplinkError {
    /// One sentence.
    pub message: String,
    /// Whether another try may succeed. What cannot is named in the status and left alone until the file changes.
    pub retryable: bool,
}

/// The share's side of S3 and of the event bus. Keys are whole object keys, a directory's with a trailing slash.
#[async_trait]
pub trait Uplink: Send + Sync + 'static {
    /// Puts an object; answers its entity tag without quotes. No body is an empty object.
    async fn put_object(&self, key: &str, body: Option<FileBytes>, metadata: &Metadata) -> Result<String, UplinkError>;

    /// Begins a multipart upload.
    async fn create_multipart(&self, key: &str, metadata: &Metadata) -> Result<UploadId, UplinkError>;

    /// Uploads one part, from number 1 on.
    async fn upload_part(
        &self,
        key: &str,
        upload: &UploadId,
        number: u32,
        body: FileBytes,
    ) -> Result<PartDone, UplinkError>;

    /// Makes the object of its parts; answers its entity tag without quotes.
    async fn complete(&self, key: &str, upload: &UploadId, parts: Vec<PartDone>) -> Result<String, UplinkError>;

    /// Gives a multipart upload up with all its parts.
    async fn abort(&self, key: &str, upload: &UploadId) -> Result<(), UplinkError>;

    /// Deletes an object; one that is not there is no error.
    async fn delete_object(&self, key: &str) -> Result<(), UplinkError>;

    /// Copies an object inside the bucket with its metadata; answers the copy's entity tag without quotes.
    async fn copy_object(&self, from: &str, to: &str) -> Result<String, UplinkError>;

    /// One page of the objects whose keys begin with `prefix`; with `shallow`, what lies below a further slash is rolled
    /// up into prefixes.
    async fn list_objects(&self, prefix: &str, shallow: bool, from: Option<String>) -> Result<Listing, UplinkError>;

    /// Writes an object's bytes into an empty file.
    async fn fetch_object(&self, key: &str, into: Arc<File>) -> Result<ObjectFetched, UplinkError>;

    /// Puts up to ten entries of `PutEvents` as the gateway; answers the positions of those that may be sent again.
    async fn announce(&self, entries: Vec<Value>) -> Result<Vec<usize>, UplinkError>;
}
