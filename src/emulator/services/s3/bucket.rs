//! The buckets of the endpoint and the state of each, behind one short lock a bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use s3s::dto;
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::{Deserialize, Serialize};

use super::blob::Spill;
use super::contents::{Contents, Versioning};
use super::events::Notifier;
use super::kept::Kept;
use super::multipart::Uploads;
use super::object::{Tags, Version, WithStatus};
use crate::emulator::fabric::Fabric;
use crate::emulator::keep::KeepError;
use crate::model::Timestamp;

/// Characters of a version id.
const VERSION_ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
/// How many buckets an account has at the most.
const MOST_BUCKETS: usize = 10_000;

/// What was put on a bucket besides objects.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    pub versioning: Versioning,
    /// Whether object events go to EventBridge.
    pub event_bridge: bool,
    pub tags: Tags,
    pub policy: Option<String>,
    pub public_access_block: Option<dto::PublicAccessBlockConfiguration>,
    pub encryption: Option<dto::ServerSideEncryptionConfiguration>,
    pub lifecycle: Option<Vec<dto::LifecycleRule>>,
    pub cors: Option<Vec<dto::CORSRule>>,
    #[serde(with = "ownership")]
    pub ownership: Option<dto::OwnershipControls>,
}

/// Ownership controls as they are written down: the names of their rules. The protocol crate cannot write them.
mod ownership {
    use s3s::dto::{OwnershipControls, OwnershipControlsRule};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde's shape")]
    pub fn serialize<S: Serializer>(given: &Option<OwnershipControls>, to: S) -> Result<S::Ok, S::Error> {
        let names = |given: &OwnershipControls| -> Vec<String> {
            given.rules.iter().map(|rule| rule.object_ownership.as_str().to_owned()).collect()
        };
        given.as_ref().map(names).serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<OwnershipControls>, D::Error> {
        let names: Option<Vec<String>> = Option::deserialize(from)?;
        let rule = |name: String| OwnershipControlsRule { object_ownership: name.into() };
        Ok(names.map(|names| OwnershipControls { rules: names.into_iter().map(rule).collect() }))
    }
}

/// A bucket's state.
#[derive(Debug, Default)]
pub struct State {
    pub contents: Contents,
    pub uploads: Uploads,
    pub configuration: Configuration,
    /// Set when the bucket is deleted, so that a put that was under way does not land in it.
    closed: bool,
}

impl State {
    /// That of a bucket that is empty.
    pub fn configured(configuration: Configuration) -> Self {
        Self { configuration, ..Self::default() }
    }
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    pub name: String,
    pub created: Timestamp,
    state: Mutex<State>,
}

impl Bucket {
    pub fn new(name: String, created: Timestamp, state: State) -> Self {
        Self { name, created, state: Mutex::new(state) }
    }

    /// The state, for a short look or change.
    ///
    /// # Errors
    /// `NoSuchBucket` when it has been deleted meanwhile.
    pub fn open(&self) -> S3Result<MutexGuard<'_, State>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(no_such_bucket()) } else { Ok(state) }
    }
}

/// All buckets, and what they share.
pub struct Store {
    pub fabric: Fabric,
    pub spill: Spill,
    pub notifier: Notifier,
    pub kept: Kept,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
}

impl Drop for Store {
    fn drop(&mut self) {
        // What goes now goes with the process, not because somebody deleted it.
        if let Err(error) = self.spill.close() {
            tracing::debug!(%error, "the folder of S3's bodies could not be removed");
        }
    }
}

impl Store {
    /// The buckets that were kept, else none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(fabric: Fabric, spill: Spill, notifier: Notifier, kept: Kept) -> Result<Self, KeepError> {
        let buckets = RwLock::new(kept.load(&spill)?);
        Ok(Self { fabric, spill, notifier, kept, buckets })
    }

    /// Changes what was put on a bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`, and what the change says.
    pub fn reconfigure<E: From<S3Error>>(
        &self,
        bucket: &str,
        change: impl FnOnce(&mut Configuration) -> Result<(), E>,
    ) -> Result<(), E> {
        let bucket = self.bucket(bucket)?;
        let mut state = bucket.open()?;
        change(&mut state.configuration)?;
        self.kept.put_bucket(&bucket, &state.configuration);
        Ok(())
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).cloned().ok_or_else(no_such_bucket)
    }

    /// Every bucket, by name.
    pub fn buckets(&self) -> Vec<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Makes a bucket; `Ok(false)` when it is there already, which `us-east-1` alone lets pass.
    ///
    /// # Errors
    /// `BucketAlreadyOwnedByYou`, `TooManyBuckets`, `IllegalLocationConstraintException`.
    pub fn create(&self, name: &str, location: Option<&str>) -> S3Result<bool> {
        let region = self.fabric.identity().region.as_str();
        let given = location.filter(|location| !location.is_empty());
        if given.unwrap_or("us-east-1") != region {
            let message = match given {
                Some(location) => format!(
                    "The {location} location constraint is incompatible for the region specific endpoint this request was sent to."
                ),
                None => "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.".to_owned(),
            };
            return Err(S3Error::with_message(S3ErrorCode::IllegalLocationConstraintException, message));
        }
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        if buckets.contains_key(name) {
            if region == "us-east-1" {
                return Ok(false);
            }
            return Err(S3Error::with_message(
                S3ErrorCode::BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it.",
            ));
        }
        if buckets.len() == MOST_BUCKETS {
            return Err(S3Error::with_message(
                S3ErrorCode::TooManyBuckets,
                "You have attempted to create more buckets than allowed",
            ));
        }
        let created = self.fabric.clock().now();
        let bucket = Bucket::new(name.to_owned(), created, State::default());
        self.kept.put_bucket(&bucket, &Configuration::default());
        buckets.insert(name.to_owned(), Arc::new(bucket));
        Ok(true)
    }

    /// Deletes an empty bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`, `BucketNotEmpty`.
    pub fn delete(&self, name: &str) -> S3Result<()> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get(name).ok_or_else(no_such_bucket)?;
        let mut state = bucket.open()?;
        if !state.contents.is_empty() {
            let message = if state.configuration.versioning == Versioning::Off {
                "The bucket you tried to delete is not empty"
            } else {
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            };
            return Err(S3Error::with_message(S3ErrorCode::BucketNotEmpty, message));
        }
        self.kept.delete_bucket(bucket, &state);
        state.closed = true;
        drop(state);
        buckets.remove(name);
        Ok(())
    }

    pub fn now(&self) -> Timestamp {
        self.fabric.clock().now()
    }

    /// The id of a version that is about to be stored.
    pub fn version_id(&self, versioning: Versioning) -> Option<Box<str>> {
        (versioning == Versioning::Enabled).then(|| self.fabric.token(VERSION_ID_ALPHABET, 32).into_boxed_str())
    }

    /// The account as owner of everything.
    pub fn owner(&self) -> dto::Owner {
        dto::Owner { display_name: None, id: Some(self.owner_id()) }
    }

    /// The canonical user id that stands for the account.
    pub fn owner_id(&self) -> String {
        format!("{:0>64}", self.fabric.identity().account)
    }
}

/// What an answer says of a version's id: nothing in a bucket that never had versioning.
pub fn shown_id(versioning: Versioning, version: &Version) -> Option<String> {
    (versioning != Versioning::Off).then(|| version.id().to_owned())
}

pub fn no_such_bucket() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist")
}

/// An error with a code that the protocol crate does not know.
pub fn custom(code: &'static str, status: http::StatusCode, message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::Custom(code.into()), message.into()).with_status(status)
}
