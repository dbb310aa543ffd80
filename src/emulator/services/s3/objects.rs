//! How an object comes to be: a body is taken in, and stored under the conditions of its write. PutObject.

use std::sync::Arc;

use s3s::dto::{self, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::blob::Blob;
use super::bucket::{Bucket, Store};
use super::checksum::{Algorithm, Claim, Digested, Digests, s3_claim, s3_set_checksum};
use super::conditions::check_write;
use super::contents::Versioning;
use super::events::{EventKind, ObjectEvent};
use super::object::{ETag, Headers, Object, Tags, Version, s3_headers, tags_of_header};
use super::read::Found;
use super::wire::Trailers;

/// Bytes of an object that one PutObject, UploadPart or CopyObject can carry.
pub const LARGEST_PUT: i64 = 5 * 1024 * 1024 * 1024;

/// The encryption that AWS gives every object.
pub fn encryption() -> dto::ServerSideEncryption {
    dto::ServerSideEncryption::from_static(dto::ServerSideEncryption::AES256)
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
            let modified = state.contents.moment(key, self.now());
            let version = Arc::new(Version { id, modified, object: Some(object), tags });
            self.kept.put_version(bucket, key, &version);
            state.contents.put(versioning, key, Arc::clone(&version));
            (Found { version, versioning }, state.configuration.event_bridge)
        };
        if notified {
            self.notifier
                .notify(ObjectEvent {
                    bucket: bucket.name.clone(),
                    key: key.to_owned(),
                    kind: EventKind::Created(reason.into()),
                    version_id: found.shown_id(),
                    stored: found.version.object.as_ref().map(|object| (object.size, object.etag)),
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
}

pub(super) fn boxed(headers: Headers) -> Option<Box<Headers>> {
    (headers != Headers::default()).then(|| Box::new(headers))
}

pub(super) fn check_key(key: &str) -> S3Result<()> {
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

pub fn malformed_xml() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}
