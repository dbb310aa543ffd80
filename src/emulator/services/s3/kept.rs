//! What S3 keeps beyond the process: a row a bucket with its configuration, a row a version of an object, a row an
//! upload and a row each of its parts. A row is pushed before what it replaces is let go, so that a file is removed only
//! when no row names it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blob::{BlobRow, Spill};
use super::bucket::{Bucket, Configuration, State};
use super::checksum::Checksum;
use super::multipart::{PartRow, UploadRow};
use super::object::{ETag, Headers, Object, Tags, Version};
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

const BUCKET: &str = "bucket";
const VERSION: &str = "version";
const UPLOAD: &str = "upload";
const PART: &str = "part";

#[derive(Serialize, Deserialize)]
struct BucketRow<C> {
    created: Timestamp,
    configuration: C,
}

#[derive(Serialize, Deserialize)]
struct VersionRow {
    modified: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Tags,
    /// None of a delete marker.
    object: Option<ObjectRow>,
}

#[derive(Serialize, Deserialize)]
struct ObjectRow {
    size: u64,
    etag: ETag,
    blob: BlobRow,
    checksum: Checksum,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<Box<Headers>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<u64>>,
}

/// The rows of S3. Names of buckets and ids have no slash, so that they stand before keys, which may have any.
pub struct Kept {
    shelf: Shelf,
}

impl Kept {
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf }
    }

    pub fn put_bucket(&self, bucket: &Bucket, configuration: &Configuration) {
        self.shelf.put(BUCKET, &bucket.name, &BucketRow { created: bucket.created, configuration });
    }

    /// Removes the rows of a bucket that has no object any more.
    pub fn delete_bucket(&self, bucket: &Bucket, state: &State) {
        for (id, parts) in state.uploads.ids() {
            self.delete_upload(bucket, id, parts);
        }
        self.shelf.delete(BUCKET, &bucket.name);
    }

    pub fn put_version(&self, bucket: &Bucket, key: &str, version: &Version) {
        if !self.shelf.is_kept() {
            return;
        }
        let object = version.object.as_ref().map(|object| ObjectRow {
            size: object.size,
            etag: object.etag,
            blob: object.blob.row(),
            checksum: object.checksum.clone(),
            headers: object.headers.clone(),
            parts: object.parts.as_ref().map(|parts| parts.to_vec()),
        });
        let row = VersionRow { modified: version.modified, tags: version.tags.clone(), object };
        self.shelf.put(VERSION, &format!("{}/{}/{key}", bucket.name, version.id()), &row);
    }

    pub fn delete_version(&self, bucket: &Bucket, key: &str, id: &str) {
        if self.shelf.is_kept() {
            self.shelf.delete(VERSION, &format!("{}/{id}/{key}", bucket.name));
        }
    }

    pub fn put_upload(&self, bucket: &Bucket, key: &str, id: &str, upload: &UploadRow) {
        self.shelf.put(UPLOAD, &format!("{}/{id}/{key}", bucket.name), upload);
    }

    pub fn put_part(&self, bucket: &Bucket, id: &str, number: i32, part: impl FnOnce() -> PartRow) {
        if self.shelf.is_kept() {
            self.shelf.put(PART, &format!("{}/{id}/{number:05}", bucket.name), &part());
        }
    }

    /// Removes the rows of an upload, which is known by its key and id, and of its parts.
    pub fn delete_upload(&self, bucket: &Bucket, (key, id): (&str, &str), parts: impl Iterator<Item = i32>) {
        if self.shelf.is_kept() {
            for number in parts {
                self.shelf.delete(PART, &format!("{}/{id}/{number:05}", bucket.name));
            }
            self.shelf.delete(UPLOAD, &format!("{}/{id}/{key}", bucket.name));
        }
    }

    /// Everything that was kept; files that no row names are removed.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn load(&self, spill: &Spill) -> Result<BTreeMap<String, Arc<Bucket>>, KeepError> {
        let mut files = HashMap::new();
        let mut states: BTreeMap<String, (Timestamp, State)> = BTreeMap::new();
        for (name, row) in self.shelf.all::<BucketRow<Configuration>>(BUCKET)? {
            states.insert(name, (row.created, State::configured(row.configuration)));
        }
        let mut versions: HashMap<(String, String), Vec<Arc<Version>>> = HashMap::new();
        for (id, row) in self.shelf.all::<VersionRow>(VERSION)? {
            let Some((bucket, version, key)) = split(&id) else { continue };
            let object = row.object.map(|object| Object {
                size: object.size,
                etag: object.etag,
                blob: spill.restore(object.blob, &mut files),
                checksum: object.checksum,
                headers: object.headers,
                parts: object.parts.map(Into::into),
            });
            let id = (version != super::object::NULL_VERSION).then(|| version.into());
            let version = Arc::new(Version { id, modified: row.modified, object, tags: row.tags });
            versions.entry((bucket.to_owned(), key.to_owned())).or_default().push(version);
        }
        for ((bucket, key), versions) in versions {
            if let Some((_, state)) = states.get_mut(&bucket) {
                state.contents.restore(&key, versions);
            }
        }
        let mut parts: HashMap<(String, String), Vec<(i32, PartRow)>> = HashMap::new();
        for (id, row) in self.shelf.all::<PartRow>(PART)? {
            let Some((bucket, upload, number)) = split(&id) else { continue };
            let Ok(number) = number.parse() else { continue };
            parts.entry((bucket.to_owned(), upload.to_owned())).or_default().push((number, row));
        }
        for (id, row) in self.shelf.all::<UploadRow>(UPLOAD)? {
            let Some((bucket, upload, key)) = split(&id) else { continue };
            let parts = parts.remove(&(bucket.to_owned(), upload.to_owned())).unwrap_or_default();
            if let Some((_, state)) = states.get_mut(bucket) {
                let parts = parts.into_iter().map(|(number, part)| (number, part.part(spill, &mut files)));
                state.uploads.restore(key, upload, row, parts.collect());
            }
        }
        spill.sweep(&files);
        let bucket =
            |(name, (created, state)): (String, _)| (name.clone(), Arc::new(Bucket::new(name, created, state)));
        Ok(states.into_iter().map(bucket).collect())
    }
}

/// The three parts of a row's id, of which the last may have slashes.
fn split(id: &str) -> Option<(&str, &str, &str)> {
    let mut parts = id.splitn(3, '/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}
