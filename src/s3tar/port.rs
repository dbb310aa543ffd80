//! The calls of S3 that archives need, over the SDK: what they answer is turned into words of this module, and failures
//! into sentences that name the object.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption, StorageClass};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::aws::{Clients, Kind, Problem};
use crate::model::Timestamp;

use super::error::S3TarError;
use super::location::Location;
use super::member::bare_etag;

/// What stays as it is in the source of a copy.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const CONNECT: Duration = Duration::from_secs(5);
/// A copy of 5 GiB is answered when it is done.
const READ: Duration = Duration::from_secs(600);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// S3, with the patience that copies of gigabytes need.
#[derive(Debug, Clone)]
pub struct Port {
    client: Client,
}

/// An upload that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Where the object will be.
    pub place: Location,
    /// Its id.
    pub id: String,
}

/// A part that S3 has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number, from 1 on.
    pub number: i32,
    /// Its ETag, as it came.
    pub etag: String,
    /// Its bytes, where S3 says them.
    pub size: Option<u64>,
}

/// What an object is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its bytes.
    pub size: u64,
    /// Its ETag without quotes.
    pub etag: String,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
    /// Its storage class; S3 names `STANDARD` in lists only.
    pub class: Option<String>,
}

/// How an archive is to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Storing {
    /// `STANDARD` and the like.
    pub class: Option<String>,
    /// `key=value&key=value`, encoded.
    pub tagging: Option<String>,
    /// `aws:kms` or `AES256`.
    pub sse: Option<String>,
    /// The key of `aws:kms`.
    pub kms_key: Option<String>,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
}

/// One page of a bucket's objects.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Key, size, ETag without quotes, and moment of the last change.
    pub objects: Vec<(String, Head)>,
    /// Prefixes up to the delimiter, where one was given.
    pub folders: Vec<String>,
    /// What to go on with; `None` on the last page.
    pub next: Option<String>,
}

fn failed<E>(operation: &str, place: &Location, error: &SdkError<E>) -> S3TarError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    let problem = Problem::of(&format!("s3 {operation}"), error);
    let object = place.clone();
    match (problem.code.as_deref(), status) {
        (Some("PreconditionFailed"), _) | (_, Some(412)) => {
            S3TarError::Changed { object, how: "its ETag is another one".to_owned() }
        }
        (Some("InvalidObjectState"), _) => S3TarError::Frozen { object },
        (Some("NoSuchUpload"), _) => S3TarError::Overtaken { archive: object },
        (Some("NoSuchBucket"), _) => {
            S3TarError::Missing { object, remedy: "make the bucket first, or name another one" }
        }
        _ => S3TarError::Call { what: place.to_string(), problem },
    }
}

/// The same of a call that reads an object: not found is gone.
fn unreadable<E>(operation: &str, place: &Location, error: &SdkError<E>) -> S3TarError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match failed(operation, place, error) {
        S3TarError::Call { problem, .. } if problem.kind == Kind::NotFound => {
            S3TarError::Gone { object: place.clone() }
        }
        other => other,
    }
}

fn moment(at: &aws_sdk_s3::primitives::DateTime) -> Timestamp {
    Timestamp::from_secs(at.secs())
}

fn as_metadata(metadata: BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!metadata.is_empty()).then(|| metadata.into_iter().collect())
}

fn number(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default()
}

impl Port {
    /// S3 of these clients; a call is tried `attempts` times.
    #[must_use]
    pub fn of(clients: &Clients, attempts: u32) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(attempts.max(1)).with_max_backoff(LONGEST_BACKOFF);
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build();
        let config = clients.s3.config().to_builder().retry_config(retries).timeout_config(timeouts);
        Self { client: Client::from_conf(config.build()) }
    }

    /// What an object is like; `None` when it is not there.
    pub(crate) async fn head(&self, place: &Location) -> Result<Option<Head>, S3TarError> {
        Ok(self.head_with_metadata(place).await?.map(|(head, _)| head))
    }

    /// The same, with its metadata.
    pub(crate) async fn head_with_metadata(
        &self,
        place: &Location,
    ) -> Result<Option<(Head, HashMap<String, String>)>, S3TarError> {
        match self.client.head_object().bucket(&place.bucket).key(&place.key).send().await {
            Ok(it) => {
                let head = Head {
                    size: number(it.content_length),
                    etag: bare_etag(it.e_tag().unwrap_or_default()).to_owned(),
                    modified: it.last_modified().map(moment),
                    class: it.storage_class().map(|class| class.as_str().to_owned()),
                };
                Ok(Some((head, it.metadata.unwrap_or_default())))
            }
            Err(error) => match failed("HeadObject", place, &error) {
                S3TarError::Call { problem, .. } if problem.kind == Kind::NotFound => Ok(None),
                other => Err(other),
            },
        }
    }

    /// Opens an object, or `range` of it as first byte and length, if its ETag is `etag` (when that is not empty).
    pub(crate) async fn get(
        &self,
        place: &Location,
        etag: &str,
        range: Option<(u64, u64)>,
    ) -> Result<ByteStream, S3TarError> {
        let range = range.map(|(start, len)| format!("bytes={start}-{}", start + len.max(1) - 1));
        let quoted = (!etag.is_empty()).then(|| format!("\"{etag}\""));
        let get = self.client.get_object().bucket(&place.bucket).key(&place.key).set_range(range).set_if_match(quoted);
        match get.send().await {
            Ok(answer) => Ok(answer.body),
            Err(error) => Err(unreadable("GetObject", place, &error)),
        }
    }

    /// The bytes of a whole object that is small.
    pub(crate) async fn read(&self, place: &Location) -> Result<Bytes, S3TarError> {
        super::fetch::read_whole(self, place).await
    }

    /// Puts a whole object; its ETag without quotes.
    pub(crate) async fn put(&self, place: &Location, body: Bytes, content_type: &str) -> Result<String, S3TarError> {
        self.put_with_metadata(place, body, content_type, BTreeMap::new()).await
    }

    /// The same, with metadata.
    pub(crate) async fn put_with_metadata(
        &self,
        place: &Location,
        body: Bytes,
        content_type: &str,
        metadata: BTreeMap<String, String>,
    ) -> Result<String, S3TarError> {
        let put = self.client.put_object().bucket(&place.bucket).key(&place.key).content_type(content_type);
        match put.set_metadata(as_metadata(metadata)).body(body.into()).send().await {
            Ok(answer) => Ok(bare_etag(answer.e_tag().unwrap_or_default()).to_owned()),
            Err(error) => Err(failed("PutObject", place, &error)),
        }
    }

    /// Deletes an object.
    pub(crate) async fn delete(&self, place: &Location) -> Result<(), S3TarError> {
        let deleted = self.client.delete_object().bucket(&place.bucket).key(&place.key).send().await;
        deleted.map(drop).map_err(|error| failed("DeleteObject", place, &error))
    }

    /// One page of the objects whose keys begin with the place's key.
    pub(crate) async fn list(
        &self,
        prefix: &Location,
        delimiter: Option<&str>,
        after: Option<String>,
    ) -> Result<Page, S3TarError> {
        let list = self.client.list_objects_v2().bucket(&prefix.bucket).prefix(&prefix.key);
        let list = list.set_delimiter(delimiter.map(str::to_owned)).set_continuation_token(after);
        let answer = list.send().await.map_err(|error| failed("ListObjectsV2", prefix, &error))?;
        let objects = answer.contents().iter().filter_map(|object| {
            let head = Head {
                size: number(object.size()),
                etag: bare_etag(object.e_tag().unwrap_or_default()).to_owned(),
                modified: object.last_modified().map(moment),
                class: object.storage_class().map(|class| class.as_str().to_owned()),
            };
            Some((object.key()?.to_owned(), head))
        });
        Ok(Page {
            objects: objects.collect(),
            folders: answer.common_prefixes().iter().filter_map(|it| it.prefix().map(str::to_owned)).collect(),
            next: answer.next_continuation_token().map(str::to_owned),
        })
    }

    /// Begins an upload.
    pub(crate) async fn begin(&self, place: &Location, storing: &Storing) -> Result<Upload, S3TarError> {
        let begin = self.client.create_multipart_upload().bucket(&place.bucket).key(&place.key);
        let begin = begin
            .content_type("application/x-tar")
            .set_metadata(as_metadata(storing.metadata.clone()))
            .set_storage_class(storing.class.as_deref().map(StorageClass::from))
            .set_tagging(storing.tagging.clone())
            .set_server_side_encryption(storing.sse.as_deref().map(ServerSideEncryption::from))
            .set_ssekms_key_id(storing.kms_key.clone());
        let answer = begin.send().await.map_err(|error| failed("CreateMultipartUpload", place, &error))?;
        Ok(Upload { place: place.clone(), id: answer.upload_id.unwrap_or_default() })
    }

    /// Uploads a part.
    pub(crate) async fn upload(&self, upload: &Upload, number: i32, body: Bytes) -> Result<Stored, S3TarError> {
        let size = body.len() as u64;
        let call = self.client.upload_part().bucket(&upload.place.bucket).key(&upload.place.key);
        let call = call.upload_id(&upload.id).part_number(number).body(body.into());
        let answer = call.send().await.map_err(|error| failed("UploadPart", &upload.place, &error))?;
        Ok(Stored { number, etag: answer.e_tag.unwrap_or_default(), size: Some(size) })
    }

    /// Lets S3 copy `range` of an object, as first byte and length, if its ETag is `etag`; `None` takes the whole.
    pub(crate) async fn copy(
        &self,
        upload: &Upload,
        number: i32,
        from: &Location,
        etag: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Stored, S3TarError> {
        let source = utf8_percent_encode(&format!("{}/{}", from.bucket, from.key), COPY_SOURCE).to_string();
        let range = range.map(|(start, len)| format!("bytes={start}-{}", start + len.max(1) - 1));
        let call = self.client.upload_part_copy().bucket(&upload.place.bucket).key(&upload.place.key);
        let call = call.upload_id(&upload.id).part_number(number).copy_source(source).set_copy_source_range(range);
        let call = call.set_copy_source_if_match((!etag.is_empty()).then(|| format!("\"{etag}\"")));
        let answer = call.send().await.map_err(|error| match unreadable("UploadPartCopy", from, &error) {
            S3TarError::Overtaken { .. } => S3TarError::Overtaken { archive: upload.place.clone() },
            other => other,
        })?;
        let part = answer.copy_part_result.unwrap_or_else(|| aws_sdk_s3::types::CopyPartResult::builder().build());
        Ok(Stored { number, etag: part.e_tag.unwrap_or_default(), size: None })
    }

    /// Makes the object of its parts; its ETag without quotes.
    pub(crate) async fn complete(&self, upload: &Upload, parts: &[Stored], size: u64) -> Result<String, S3TarError> {
        let parts = parts.iter().map(|part| {
            // Of an upload that began without an algorithm S3 takes no checksums of parts here.
            CompletedPart::builder().part_number(part.number).e_tag(&part.etag).build()
        });
        let whole = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let call = self.client.complete_multipart_upload().bucket(&upload.place.bucket).key(&upload.place.key);
        let call = call.upload_id(&upload.id).multipart_upload(whole).set_mpu_object_size(i64::try_from(size).ok());
        let answer = call.send().await.map_err(|error| failed("CompleteMultipartUpload", &upload.place, &error))?;
        Ok(bare_etag(answer.e_tag().unwrap_or_default()).to_owned())
    }

    /// Ends an upload without its object; one that is gone already is as it should be.
    pub(crate) async fn abort(&self, upload: &Upload) -> Result<(), S3TarError> {
        let call = self.client.abort_multipart_upload().bucket(&upload.place.bucket).key(&upload.place.key);
        match call.upload_id(&upload.id).send().await {
            Ok(_) => Ok(()),
            Err(error) => match failed("AbortMultipartUpload", &upload.place, &error) {
                S3TarError::Overtaken { .. } => Ok(()),
                other => Err(other),
            },
        }
    }

    /// The uploads under way whose keys begin with the place's key.
    pub(crate) async fn uploads(&self, prefix: &Location) -> Result<Vec<Upload>, S3TarError> {
        let mut found = Vec::new();
        let (mut key, mut id) = (None, None);
        loop {
            let call = self.client.list_multipart_uploads().bucket(&prefix.bucket).prefix(&prefix.key);
            let call = call.set_key_marker(key).set_upload_id_marker(id);
            let answer = call.send().await.map_err(|error| failed("ListMultipartUploads", prefix, &error))?;
            for upload in answer.uploads() {
                if let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) {
                    found.push(Upload { place: prefix.at(key), id: id.to_owned() });
                }
            }
            if answer.is_truncated() != Some(true) || answer.next_key_marker().is_none() {
                return Ok(found);
            }
            (key, id) = (answer.next_key_marker, answer.next_upload_id_marker);
        }
    }

    /// The parts that S3 has of an upload; `None` when the upload is gone.
    pub(crate) async fn parts(&self, upload: &Upload) -> Result<Option<Vec<Stored>>, S3TarError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let call = self.client.list_parts().bucket(&upload.place.bucket).key(&upload.place.key);
            let answer = match call.upload_id(&upload.id).set_part_number_marker(marker).send().await {
                Ok(answer) => answer,
                Err(error) => {
                    return match failed("ListParts", &upload.place, &error) {
                        S3TarError::Overtaken { .. } => Ok(None),
                        other => Err(other),
                    };
                }
            };
            found.extend(answer.parts().iter().filter_map(|part| {
                Some(Stored {
                    number: part.part_number()?,
                    etag: part.e_tag()?.to_owned(),
                    size: part.size().and_then(|size| u64::try_from(size).ok()),
                })
            }));
            if answer.is_truncated() != Some(true) || answer.next_part_number_marker().is_none() {
                return Ok(Some(found));
            }
            marker = answer.next_part_number_marker;
        }
    }
}
