//! CopyObject, and the source of any copy.

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::bucket::Store;
use super::checksum::{Algorithm, Digests, s3_set_checksum};
use super::conditions::{ReadConditions, s3_source_conditions};
use super::contents::Versioning;
use super::object::{ETag, Headers, Object, moment, s3_headers, tags_of_header};
use super::objects::{LARGEST_PUT, boxed, check_key, encryption};
use super::read::Found;

impl Store {
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
}
