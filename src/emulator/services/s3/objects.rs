//! PutObject, GetObject, HeadObject, CopyObject and the deletes.

use std::sync::Arc;

use s3s::dto::{self, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::blob::Blob;
use super::bucket::{Bucket, Store, custom, shown_id};
use super::checksum::{Algorithm, Claim, Digested, Digests, s3_claim, s3_set_checksum};
use super::conditions::{ReadConditions, check_write, no_such_key, s3_read_conditions, s3_source_conditions};
use super::contents::{Deleted, Versioning, is_version_id};
use super::events::{EventKind, ObjectEvent};
use super::object::{ETag, Headers, Object, Tags, Version, moment, s3_headers, s3_set_headers, tags_of_header};
use super::wire::Trailers;

/// Bytes of an object that one PutObject, UploadPart or CopyObject can carry.
pub const LARGEST_PUT: i64 = 5 * 1024 * 1024 * 1024;
/// Keys of one DeleteObjects.
const MOST_DELETES: usize = 1_000;

/// The encryption that AWS gives every object.
pub fn encryption() -> dto::ServerSideEncryption {
    dto::ServerSideEncryption::from_static(dto::ServerSideEncryption::AES256)
}

/// A version of a key, found for a read.
pub struct Found {
    pub version: Arc<Version>,
    pub versioning: Versioning,
}

impl Found {
    /// The object; markers were refused when the version was found.
    ///
    /// # Errors
    /// `NoSuchKey` for a marker.
    pub fn object(&self) -> S3Result<&Object> {
        self.version.object.as_ref().ok_or_else(no_such_key)
    }

    pub fn shown_id(&self) -> Option<String> {
        shown_id(self.versioning, &self.version)
    }
}

/// What a body brought in.
pub struct Received {
    pub blob: Blob,
    pub digested: Digested,
}

impl Store {
    /// Takes in the body of a PutObject or UploadPart and verifies what the client says of it.
    pub async fn receive<T>(
        &self,
        request: &S3Request<T>,
        body: Option<StreamingBlob>,
        length: Option<i64>,
        mut claim: Claim,
        default: Option<Algorithm>,
    ) -> S3Result<Received> {
        let trailers = request.extensions.get::<Trailers>();
        let trailing = Algorithm::ALL.into_iter().find(|algorithm| {
            let declared = request.headers.get_all("x-amz-trailer");
            declared
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|value| value.split(',').any(|name| name.trim().eq_ignore_ascii_case(algorithm.header())))
        });
        claim.algorithm = claim.algorithm.or(trailing).or(default);
        claim.check_form()?;
        if length.is_none() && body.is_some() && request.headers.contains_key(http::header::TRANSFER_ENCODING) {
            return Err(S3Error::with_message(
                S3ErrorCode::MissingContentLength,
                "You must provide the Content-Length HTTP header.",
            ));
        }
        if length.is_some_and(|length| length > LARGEST_PUT) {
            return Err(S3Error::with_message(
                S3ErrorCode::EntityTooLarge,
                "Your proposed upload exceeds the maximum allowed size",
            ));
        }
        let algorithm = claim.algorithm_or_default();
        let (blob, digested) = self.spill.take(body, length, Digests::new(algorithm)).await?;
        let trailer = trailers.and_then(|trailers| trailers.get(algorithm.header()));
        claim.verify(&digested, trailer)?;
        Ok(Received { blob, digested })
    }

    /// Finds what a read is about.
    ///
    /// # Errors
    /// `NoSuchKey`, `NoSuchVersion`, `MethodNotAllowed` for the version of a delete marker.
    pub fn find(&self, bucket: &str, key: &str, version_id: Option<&str>) -> S3Result<Found> {
        let bucket = self.bucket(bucket)?;
        let state = bucket.open()?;
        let versioning = state.configuration.versioning;
        check_version_id(version_id)?;
        let Some(version) = state.contents.version(key, version_id) else {
            return Err(if version_id.is_some() { no_such_version() } else { no_such_key() });
        };
        if version.is_marker() {
            let mut error = match version_id {
                Some(_) => S3Error::with_message(
                    S3ErrorCode::MethodNotAllowed,
                    "The specified method is not allowed against this resource.",
                ),
                None => no_such_key(),
            };
            let mut headers = http::HeaderMap::new();
            headers.insert("x-amz-delete-marker", http::HeaderValue::from_static("true"));
            if let Ok(id) = http::HeaderValue::from_str(version.id()) {
                headers.insert("x-amz-version-id", id);
            }
            error.set_headers(headers);
            return Err(error);
        }
        Ok(Found { version: Arc::clone(version), versioning })
    }

    /// Stores an object under the conditions of its write, and tells EventBridge.
    pub async fn store(
        &self,
        bucket: &Bucket,
        key: &str,
        object: Object,
        tags: Tags,
        conditions: (Option<dto::ETagCondition>, Option<dto::ETagCondition>),
        reason: &'static str,
    ) -> S3Result<Found> {
        let (found, notified) = {
            let mut state = bucket.open()?;
            let current = state.contents.current_object(key).map(Arc::as_ref);
            check_write(current, conditions.0.as_ref(), conditions.1.as_ref())?;
            let versioning = state.configuration.versioning;
            let id = self.version_id(versioning);
            let version = Arc::new(Version { id, modified: self.now(), object: Some(object), tags });
            state.contents.put(versioning, key, Arc::clone(&version));
            (Found { version, versioning }, state.configuration.event_bridge)
        };
        if notified {
            self.notifier
                .notify(ObjectEvent {
                    bucket: bucket.name.clone(),
                    key: key.to_owned(),
                    kind: EventKind::Created(reason),
                    version_id: found.shown_id(),
                    version: Some(Arc::clone(&found.version)),
                })
                .await;
        }
        Ok(found)
    }

    pub async fn put_object(&self, mut request: S3Request<dto::PutObjectInput>) -> S3Result<dto::PutObjectOutput> {
        let bucket = self.bucket(&request.input.bucket)?;
        check_key(&request.input.key)?;
        let input = &mut request.input;
        refuse_customer_keys(input.sse_customer_algorithm.as_deref())?;
        let claim = s3_claim!(input, input.checksum_algorithm.take(), input.content_md5.take());
        let headers = s3_headers!(input);
        headers.check()?;
        let tags = tags_of_header(input.tagging.as_deref())?;
        let conditions = (input.if_match.take(), input.if_none_match.take());
        let (body, length) = (input.body.take(), input.content_length);
        // A condition that fails already is answered before the body is taken; it is checked again when it is stored.
        check_write(
            bucket.open()?.contents.current_object(&request.input.key).map(Arc::as_ref),
            conditions.0.as_ref(),
            conditions.1.as_ref(),
        )?;
        let received = self.receive(&request, body, length, claim, None).await?;
        let object = Object {
            size: received.digested.len,
            etag: ETag::of_bytes(received.digested.md5),
            blob: received.blob,
            checksum: received.digested.checksum,
            headers: boxed(headers),
            parts: None,
        };
        let found = self.store(&bucket, &request.input.key, object, tags, conditions, "PutObject").await?;
        let object = found.object()?;
        let mut output = dto::PutObjectOutput {
            e_tag: Some(object.etag.to_dto()),
            checksum_type: Some(object.checksum.kind()),
            server_side_encryption: Some(encryption()),
            version_id: found.shown_id().filter(|_| found.versioning == Versioning::Enabled),
            ..Default::default()
        };
        s3_set_checksum!(output, object.checksum);
        Ok(output)
    }

    pub async fn get_object(&self, request: S3Request<dto::GetObjectInput>) -> S3Result<dto::GetObjectOutput> {
        let mut input = request.input;
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        let conditions = s3_read_conditions!(input);
        conditions.check(&found.version)?;
        let object = found.object()?;
        let span = span(object, input.range, input.part_number)?;
        let mut output = dto::GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(object.blob.read(span.start, span.len)),
            content_length: i64::try_from(span.len).ok(),
            content_range: span.header,
            e_tag: Some(object.etag.to_dto()),
            last_modified: Some(moment(found.version.modified)),
            parts_count: span.parts,
            server_side_encryption: Some(encryption()),
            tag_count: i32::try_from(found.version.tags.len()).ok().filter(|count| *count > 0),
            version_id: found.shown_id(),
            ..Default::default()
        };
        s3_set_headers!(output, object.headers());
        if wants_checksum(input.checksum_mode.as_ref()) && output.content_range.is_none() {
            output.checksum_type = Some(object.checksum.kind());
            s3_set_checksum!(output, object.checksum);
        }
        Ok(output)
    }

    pub async fn head_object(&self, request: S3Request<dto::HeadObjectInput>) -> S3Result<dto::HeadObjectOutput> {
        let mut input = request.input;
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        let conditions = s3_read_conditions!(input);
        conditions.check(&found.version)?;
        let object = found.object()?;
        let span = span(object, input.range, input.part_number)?;
        let mut output = dto::HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(span.len).ok(),
            content_range: span.header,
            e_tag: Some(object.etag.to_dto()),
            last_modified: Some(moment(found.version.modified)),
            parts_count: span.parts,
            server_side_encryption: Some(encryption()),
            version_id: found.shown_id(),
            ..Default::default()
        };
        s3_set_headers!(output, object.headers());
        if wants_checksum(input.checksum_mode.as_ref()) && output.content_range.is_none() {
            output.checksum_type = Some(object.checksum.kind());
            s3_set_checksum!(output, object.checksum);
        }
        Ok(output)
    }

    /// Finds the source of a copy.
    pub fn source(&self, source: &dto::CopySource, conditions: &ReadConditions) -> S3Result<Found> {
        let dto::CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(S3Error::with_message(
                S3ErrorCode::NotImplemented,
                "the embedded endpoint does not implement Amazon S3 access points; see docs/emulator.md",
            ));
        };
        let found = self.find(bucket, key, version_id.as_deref()).map_err(|error| {
            if *error.code() == S3ErrorCode::MethodNotAllowed {
                S3Error::with_message(
                    S3ErrorCode::InvalidRequest,
                    "The source of a copy request may not specifically refer to a delete marker by version id.",
                )
            } else {
                error
            }
        })?;
        conditions.check_source(&found.version)?;
        Ok(found)
    }

    pub async fn copy_object(&self, request: S3Request<dto::CopyObjectInput>) -> S3Result<dto::CopyObjectOutput> {
        let mut input = request.input;
        check_key(&input.key)?;
        let bucket = self.bucket(&input.bucket)?;
        let conditions = s3_source_conditions!(input);
        let source = self.source(&input.copy_source, &conditions)?;
        let from = source.object()?;
        if i64::try_from(from.size).map_or(true, |size| size > LARGEST_PUT) {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidRequest,
                format!(
                    "The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST_PUT}"
                ),
            ));
        }
        let replaces = |directive: Option<&str>| directive == Some("REPLACE");
        let new_metadata = replaces(input.metadata_directive.as_ref().map(dto::MetadataDirective::as_str));
        let new_tags = replaces(input.tagging_directive.as_ref().map(dto::TaggingDirective::as_str));
        let is_itself = matches!(&input.copy_source, dto::CopySource::Bucket { bucket, key, version_id: None }
            if **bucket == *input.bucket && **key == *input.key);
        if is_itself && !new_metadata && input.storage_class.is_none() && input.website_redirect_location.is_none() {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata, storage class, website redirect location or encryption attributes.",
            ));
        }
        let given = s3_headers!(input);
        given.check()?;
        let headers = if new_metadata {
            given
        } else {
            Headers {
                storage_class: given.storage_class,
                website_redirect_location: given.website_redirect_location,
                ..from.headers().clone()
            }
        };
        let tags = if new_tags { tags_of_header(input.tagging.as_deref())? } else { source.version.tags.clone() };
        let wanted = input.checksum_algorithm.as_ref().map(|name| Algorithm::of_name(name.as_str())).transpose()?;
        let algorithm = wanted.unwrap_or(from.checksum.algorithm);
        let (etag, checksum) = if from.etag.is_multipart() || algorithm != from.checksum.algorithm {
            let digested = from.blob.digest(Digests::new(algorithm)).await?;
            (ETag::of_bytes(digested.md5), digested.checksum)
        } else {
            (from.etag, from.checksum.clone())
        };
        let object =
            Object { size: from.size, etag, blob: from.blob.clone(), checksum, headers: boxed(headers), parts: None };
        let found = self.store(&bucket, &input.key, object, tags, (None, None), "CopyObject").await?;
        let object = found.object()?;
        let mut result = dto::CopyObjectResult {
            e_tag: Some(object.etag.to_dto()),
            last_modified: Some(moment(found.version.modified)),
            ..Default::default()
        };
        if wanted.is_some() {
            s3_set_checksum!(result, object.checksum);
            result.checksum_type = Some(object.checksum.kind());
        }
        Ok(dto::CopyObjectOutput {
            copy_object_result: Some(result),
            copy_source_version_id: source.shown_id(),
            server_side_encryption: Some(encryption()),
            version_id: found.shown_id().filter(|_| found.versioning == Versioning::Enabled),
            ..Default::default()
        })
    }

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
                state.contents.delete_version(key, id)
            } else {
                let id = self.version_id(versioning);
                let marker = Version { id, modified: self.now(), object: None, tags: Vec::new() };
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
                    version: None,
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

    pub async fn get_object_attributes(
        &self,
        request: S3Request<dto::GetObjectAttributesInput>,
    ) -> S3Result<dto::GetObjectAttributesOutput> {
        let input = request.input;
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        let object = found.object()?;
        // Clients write the attributes as one header with commas or as several headers.
        let wanted = || input.object_attributes.iter().flat_map(|wanted| wanted.as_str().split(','));
        let wants = |name: &str| wanted().any(|wanted| wanted.trim() == name);
        let mut output = dto::GetObjectAttributesOutput {
            last_modified: Some(moment(found.version.modified)),
            version_id: found.shown_id(),
            ..Default::default()
        };
        if wants(dto::ObjectAttributes::ETAG) {
            output.e_tag = Some(object.etag.to_dto());
        }
        if wants(dto::ObjectAttributes::OBJECT_SIZE) {
            output.object_size = i64::try_from(object.size).ok();
        }
        if wants(dto::ObjectAttributes::STORAGE_CLASS) {
            output.storage_class = Some(dto::StorageClass::from(object.headers().storage_class().to_owned()));
        }
        if wants(dto::ObjectAttributes::CHECKSUM) {
            let mut sums = dto::Checksum { checksum_type: Some(object.checksum.kind()), ..Default::default() };
            s3_set_checksum!(sums, object.checksum);
            output.checksum = Some(sums);
        }
        if wants(dto::ObjectAttributes::OBJECT_PARTS)
            && let Some(parts) = &object.parts
        {
            output.object_parts = Some(dto::GetObjectAttributesParts {
                total_parts_count: i32::try_from(parts.len()).ok(),
                ..Default::default()
            });
        }
        Ok(output)
    }
}

/// The bytes that a read is about.
struct Span {
    start: u64,
    len: u64,
    /// `Content-Range`, for a part of the whole.
    header: Option<String>,
    parts: Option<i32>,
}

fn span(object: &Object, range: Option<dto::Range>, part: Option<i32>) -> S3Result<Span> {
    let whole = Span { start: 0, len: object.size, header: None, parts: None };
    let unsatisfiable = || S3Error::with_message(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    let bounds = match (range, part) {
        (Some(_), Some(_)) => {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        (None, None) => return Ok(whole),
        (Some(range), None) => range.check(object.size).map_err(|_| unsatisfiable())?,
        (None, Some(part)) => {
            let sizes: &[u64] = object.parts.as_deref().unwrap_or(std::slice::from_ref(&object.size));
            let index = usize::try_from(part - 1).ok().filter(|index| *index < sizes.len()).ok_or_else(|| {
                custom(
                    "InvalidPartNumber",
                    http::StatusCode::RANGE_NOT_SATISFIABLE,
                    "The requested partnumber is not satisfiable",
                )
            })?;
            let start: u64 = sizes[..index].iter().sum();
            start..start + sizes[index]
        }
    };
    let parts = part.and(object.parts.as_ref()).and_then(|parts| i32::try_from(parts.len()).ok());
    if bounds.is_empty() {
        return Ok(Span { parts, ..whole });
    }
    let header = format!("bytes {}-{}/{}", bounds.start, bounds.end - 1, object.size);
    Ok(Span { start: bounds.start, len: bounds.end - bounds.start, header: Some(header), parts })
}

fn wants_checksum(mode: Option<&dto::ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED)
}

fn boxed(headers: Headers) -> Option<Box<Headers>> {
    (headers != Headers::default()).then(|| Box::new(headers))
}

/// # Errors
/// `InvalidArgument` for what no version can be named.
fn check_version_id(id: Option<&str>) -> S3Result<()> {
    if id.is_some_and(|id| !is_version_id(id)) {
        return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, "Invalid version id specified"));
    }
    Ok(())
}

fn check_key(key: &str) -> S3Result<()> {
    if key.len() > 1_024 {
        return Err(S3Error::with_message(S3ErrorCode::KeyTooLongError, "Your key is too long"));
    }
    Ok(())
}

/// # Errors
/// `NotImplemented` when an encryption key comes with the request: the endpoint would store the object in the clear.
pub fn refuse_customer_keys(algorithm: Option<&str>) -> S3Result<()> {
    if algorithm.is_some() {
        return Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "the embedded endpoint does not implement Amazon S3 server-side encryption with customer-provided keys; \
             see docs/emulator.md",
        ));
    }
    Ok(())
}

fn no_such_version() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchVersion, "The specified version does not exist.")
}

pub fn malformed_xml() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}
