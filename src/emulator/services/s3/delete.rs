//! DeleteObject and DeleteObjects.

use std::sync::Arc;

use s3s::{S3Request, S3Result, dto};

use super::bucket::{Bucket, Store, shown_id};
use super::conditions::check_write;
use super::contents::{Deleted, Versioning};
use super::events::{EventKind, ObjectEvent};
use super::object::{NULL_VERSION, Version};
use super::objects::malformed_xml;
use super::read::check_version_id;

/// Keys of one DeleteObjects.
const MOST_DELETES: usize = 1_000;

impl Store {
    /// Deletes a key or one of its versions, and tells EventBridge.
    pub async fn remove(
        &self,
        bucket: &Bucket,
        key: &str,
        version_id: Option<&str>,
        if_match: Option<&dto::ETagCondition>,
    ) -> S3Result<(Deleted, Versioning)> {
        let (deleted, versioning, notified) = {
            let mut state = bucket.open()?;
            check_version_id(version_id)?;
            if if_match.is_some() {
                check_write(state.contents.version(key, version_id).map(Arc::as_ref), if_match, None)?;
            }
            let versioning = state.configuration.versioning;
            let deleted = if let Some(id) = version_id {
                self.kept.delete_version(bucket, key, id);
                state.contents.delete_version(key, id)
            } else {
                let id = self.version_id(versioning);
                let modified = state.contents.moment(key, self.now());
                let marker = Version { id, modified, object: None, tags: Vec::new() };
                if versioning == Versioning::Off {
                    self.kept.delete_version(bucket, key, NULL_VERSION);
                } else {
                    self.kept.put_version(bucket, key, &marker);
                }
                state.contents.delete(versioning, key, marker)
            };
            (deleted, versioning, state.configuration.event_bridge)
        };
        let (kind, version) = match &deleted {
            Deleted::Nothing => return Ok((deleted, versioning)),
            Deleted::Removed(version) => (EventKind::DeletedForGood, version),
            Deleted::Marked(version) => (EventKind::MarkedDeleted, version),
        };
        if notified {
            self.notifier
                .notify(ObjectEvent {
                    bucket: bucket.name.clone(),
                    key: key.to_owned(),
                    kind,
                    version_id: shown_id(versioning, version),
                    stored: None,
                })
                .await;
        }
        Ok((deleted, versioning))
    }

    pub async fn delete_object(&self, request: S3Request<dto::DeleteObjectInput>) -> S3Result<dto::DeleteObjectOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let version_id = input.version_id.as_deref();
        let (deleted, _) = self.remove(&bucket, &input.key, version_id, input.if_match.as_ref()).await?;
        Ok(match deleted {
            Deleted::Marked(marker) => dto::DeleteObjectOutput {
                delete_marker: Some(true),
                version_id: Some(marker.id().to_owned()),
                ..Default::default()
            },
            Deleted::Removed(version) => dto::DeleteObjectOutput {
                delete_marker: version.is_marker().then_some(true),
                version_id: input.version_id,
                ..Default::default()
            },
            Deleted::Nothing => dto::DeleteObjectOutput { version_id: input.version_id, ..Default::default() },
        })
    }

    pub async fn delete_objects(
        &self,
        request: S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<dto::DeleteObjectsOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        if input.delete.objects.is_empty() || input.delete.objects.len() > MOST_DELETES {
            return Err(malformed_xml());
        }
        let quiet = input.delete.quiet.unwrap_or_default();
        let mut gone = Vec::new();
        let mut errors = Vec::new();
        for object in input.delete.objects {
            let if_match = object.e_tag.map(dto::ETagCondition::ETag);
            match self.remove(&bucket, &object.key, object.version_id.as_deref(), if_match.as_ref()).await {
                Ok((deleted, _)) => {
                    if quiet {
                        continue;
                    }
                    let marker = match &deleted {
                        Deleted::Marked(marker) => Some(marker),
                        Deleted::Removed(version) if version.is_marker() => Some(version),
                        _ => None,
                    };
                    gone.push(dto::DeletedObject {
                        delete_marker: marker.map(|_| true),
                        delete_marker_version_id: marker.map(|marker| marker.id().to_owned()),
                        key: Some(object.key),
                        version_id: object.version_id,
                    });
                }
                Err(error) => errors.push(dto::Error {
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    key: Some(object.key),
                    version_id: object.version_id,
                }),
            }
        }
        Ok(dto::DeleteObjectsOutput { deleted: Some(gone), errors: Some(errors), ..Default::default() })
    }
}
