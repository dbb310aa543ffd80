//! The events of an upload as the functions read and write them: the gateway's notification, the vault application's
//! events and what a key says of itself. Pure: no I/O, no clock.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// `source` of every event that the functions put.
pub const SOURCE: &str = "vault.application";
/// A data file, or a directory, of a vault job has arrived.
pub const DATA_FILE_UPLOAD: &str = "Data File Upload Event";
/// The manifest of a vault job has arrived.
pub const MANIFEST_FILE_UPLOAD: &str = "Manifest File Upload Event";
/// Every line of the manifest has its item, and no item is unexpected.
pub const RECONCILIATION_SUCCESSFUL: &str = "File Upload Reconciliation Successful";
/// The iterations ran out before the dataset was whole.
pub const RECONCILIATION_TIMEOUT: &str = "File Upload Reconciliation Timeout";

/// What a File Gateway says of an uploaded object; members that nobody reads are left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GatewayNotification {
    /// When, as RFC 3339.
    pub time: String,
    /// The object.
    pub detail: UploadedObject,
}

/// The object of a [`GatewayNotification`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UploadedObject {
    /// The bucket.
    pub bucket_name: String,
    /// The key as it is, not URL-encoded; directories come without a trailing slash.
    pub object_key: String,
    /// Bytes; 0 for a directory.
    pub object_size: u64,
}

/// `detail` of every event on the custom bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UploadDetail {
    /// The dataset: the first segment of the key without the job suffix.
    pub set_id: String,
    /// Seconds since the epoch, of the notification.
    pub event_time: i64,
    /// The bucket.
    pub bucket_name: String,
    /// The key.
    pub object_key: String,
    /// Bytes.
    pub object_size: u64,
}

/// An event of the custom bus as a target receives it; the envelope's other members are left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UploadEvent {
    /// The upload.
    pub detail: UploadDetail,
}

/// The suffixes by which a key is told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// `JOB_DIR_SUFFIX_NAME`, such as `-vaultjob`.
    pub job_dir_suffix: String,
    /// `MANIFEST_SUFFIX_NAME`, such as `.manifest`.
    pub manifest_suffix: String,
}

/// What a notification announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upload {
    /// A data file or a directory of a job.
    Data(UploadDetail),
    /// The manifest of a job.
    Manifest(UploadDetail),
    /// Something outside every job directory.
    Foreign,
}

/// A notification whose time is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the notification's time {0:?} is not an RFC 3339 moment")]
pub struct TimeError(pub String);

impl Naming {
    /// The set-id of a key: what precedes the job suffix in its first segment. A set-id may hold the suffix's own
    /// characters, `-` among them, so only the end of the segment counts.
    #[must_use]
    pub fn set_id<'a>(&self, key: &'a str) -> Option<&'a str> {
        let first = key.split_once('/').map_or(key, |(first, _)| first);
        first.strip_suffix(self.job_dir_suffix.as_str()).filter(|set_id| !set_id.is_empty())
    }

    /// Whether a key names its set's manifest: its last segment is the set-id and the manifest suffix, nothing else.
    #[must_use]
    pub fn is_manifest(&self, key: &str, set_id: &str) -> bool {
        key.rsplit_once('/').is_some_and(|(_, name)| {
            name.strip_suffix(self.manifest_suffix.as_str()).is_some_and(|stem| stem == set_id)
        })
    }

    /// What a notification announces.
    ///
    /// # Errors
    /// When its time is no moment.
    pub fn classify(&self, notification: GatewayNotification) -> Result<Upload, TimeError> {
        let object = notification.detail;
        let Some(set_id) = self.set_id(&object.object_key).map(str::to_owned) else {
            return Ok(Upload::Foreign);
        };
        let Some(time) = Timestamp::parse_rfc3339(&notification.time) else {
            return Err(TimeError(notification.time));
        };
        let is_manifest = self.is_manifest(&object.object_key, &set_id);
        let detail = UploadDetail {
            set_id,
            event_time: time.secs(),
            bucket_name: object.bucket_name,
            object_key: object.object_key,
            object_size: object.object_size,
        };
        Ok(if is_manifest { Upload::Manifest(detail) } else { Upload::Data(detail) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming() -> Naming {
        Naming { job_dir_suffix: "-vaultjob".to_owned(), manifest_suffix: ".manifest".to_owned() }
    }

    #[test]
    fn fault_5_a_set_id_with_hyphens_is_kept_whole() {
        let naming = naming();
        for (key, set_id) in [
            ("a-b-c-vaultjob/f", Some("a-b-c")),
            ("x-vaultjob-vaultjob/f", Some("x-vaultjob")),
            ("plain-vaultjob", Some("plain")),
            ("-vaultjob/f", None),
            ("other/a-vaultjob/f", None),
            ("", None),
        ] {
            assert_eq!(naming.set_id(key), set_id, "{key}");
        }
    }

    #[test]
    fn a_manifest_is_named_by_its_whole_set_id() {
        let naming = naming();
        assert!(naming.is_manifest("a-b-vaultjob/a-b.manifest", "a-b"));
        assert!(!naming.is_manifest("b-vaultjob/a-b.manifest", "b"), "a data file that ends in the manifest's name");
        assert!(!naming.is_manifest("b-vaultjob/b.manifest.bak", "b"));
        assert!(!naming.is_manifest("b-vaultjob", "b"));
    }
}
