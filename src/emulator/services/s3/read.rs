//! GetObject, HeadObject and GetObjectAttributes: a version is found, and the bytes of it that are asked for.

use std::sync::Arc;

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::bucket::{Store, custom, shown_id};
use super::checksum::s3_set_checksum;
use super::conditions::{no_such_key, s3_read_conditions};
use super::contents::{Versioning, is_version_id};
use super::object::{Object, Version, moment, s3_set_headers};
use super::objects::encryption;

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

impl Store {
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

/// # Errors
/// `InvalidArgument` for what no version can be named.
pub(super) fn check_version_id(id: Option<&str>) -> S3Result<()> {
    if id.is_some_and(|id| !is_version_id(id)) {
        return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, "Invalid version id specified"));
    }
    Ok(())
}

fn no_such_version() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchVersion, "The specified version does not exist.")
}
