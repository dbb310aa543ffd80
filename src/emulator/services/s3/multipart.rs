//! Multipart uploads: parts are kept as they come, the finished object is made of their bytes without copying them.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::blob::Blob;
use super::bucket::Store;
use super::checksum::{self, Algorithm, Checksum, Digests, s3_claim, s3_set_checksum};
use super::conditions::s3_source_conditions;
use super::contents::Versioning;
use super::listing::{Filter, Found, walk};
use super::lists::encoder;
use super::object::{ETag, Headers, Object, Tags, moment, s3_headers, tags_of_header};
use super::objects::{encryption, malformed_xml, refuse_customer_keys};
use crate::model::Timestamp;

/// Bytes that every part but the last has at the least.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;
const MOST_LISTED: i32 = 1_000;
const UPLOAD_ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// A part as it was taken in.
#[derive(Debug, Clone)]
struct Part {
    blob: Blob,
    size: u64,
    etag: ETag,
    checksum: Checksum,
    modified: Timestamp,
}

/// An upload that has begun.
#[derive(Debug)]
pub struct Upload {
    initiated: Timestamp,
    headers: Headers,
    tags: Tags,
    algorithm: Algorithm,
    /// Whether the client named the algorithm: only then do answers name it.
    named: bool,
    full_object: bool,
    parts: BTreeMap<i32, Part>,
}

impl Upload {
    fn kind(&self) -> dto::ChecksumType {
        let kind = if self.full_object { dto::ChecksumType::FULL_OBJECT } else { dto::ChecksumType::COMPOSITE };
        dto::ChecksumType::from_static(kind)
    }
}

/// Uploads by key and id.
#[derive(Debug, Default)]
pub struct Uploads {
    by_key: BTreeMap<Box<str>, BTreeMap<Box<str>, Upload>>,
}

impl Uploads {
    fn get(&mut self, key: &str, id: &str) -> S3Result<&mut Upload> {
        self.by_key.get_mut(key).and_then(|uploads| uploads.get_mut(id)).ok_or_else(no_such_upload)
    }

    fn remove(&mut self, key: &str, id: &str) -> S3Result<Upload> {
        let uploads = self.by_key.get_mut(key).ok_or_else(no_such_upload)?;
        let upload = uploads.remove(id).ok_or_else(no_such_upload)?;
        if uploads.is_empty() {
            self.by_key.remove(key);
        }
        Ok(upload)
    }
}

impl Store {
    pub async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> S3Result<dto::CreateMultipartUploadOutput> {
        let mut input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        refuse_customer_keys(input.sse_customer_algorithm.as_deref())?;
        let named = input.checksum_algorithm.as_ref().map(|name| Algorithm::of_name(name.as_str())).transpose()?;
        let algorithm = named.unwrap_or(Algorithm::Crc64Nvme);
        let full_object = match input.checksum_type.as_ref().map(dto::ChecksumType::as_str) {
            Some(dto::ChecksumType::FULL_OBJECT) if !algorithm.combines() => {
                return Err(S3Error::with_message(
                    S3ErrorCode::InvalidRequest,
                    format!(
                        "The FULL_OBJECT checksum type cannot be used with the {} checksum algorithm.",
                        algorithm.name().to_lowercase()
                    ),
                ));
            }
            Some(dto::ChecksumType::COMPOSITE) if algorithm == Algorithm::Crc64Nvme => {
                return Err(S3Error::with_message(
                    S3ErrorCode::InvalidRequest,
                    "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
                ));
            }
            Some(kind) => kind == dto::ChecksumType::FULL_OBJECT,
            None => algorithm == Algorithm::Crc64Nvme,
        };
        let headers = s3_headers!(input);
        headers.check()?;
        let tags = tags_of_header(input.tagging.as_deref())?;
        let upload = Upload {
            initiated: self.now(),
            headers,
            tags,
            algorithm,
            named: named.is_some(),
            full_object,
            parts: BTreeMap::new(),
        };
        let id = self.fabric.token(UPLOAD_ID_ALPHABET, 64);
        let kind = upload.kind();
        bucket.open()?.uploads.by_key.entry(input.key.as_str().into()).or_default().insert(id.as_str().into(), upload);
        Ok(dto::CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: named.map(|algorithm| dto::ChecksumAlgorithm::from_static(algorithm.name())),
            checksum_type: named.map(|_| kind),
            server_side_encryption: Some(encryption()),
            ..Default::default()
        })
    }

    pub async fn upload_part(&self, mut request: S3Request<dto::UploadPartInput>) -> S3Result<dto::UploadPartOutput> {
        let input = &mut request.input;
        check_number(input.part_number)?;
        let bucket = self.bucket(&input.bucket)?;
        let claim = s3_claim!(input, input.checksum_algorithm.take(), input.content_md5.take());
        let (algorithm, named) = {
            let mut state = bucket.open()?;
            let upload = state.uploads.get(&input.key, &input.upload_id)?;
            (upload.algorithm, upload.named)
        };
        if named && claim.algorithm.is_some_and(|claimed| claimed != algorithm) {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidRequest,
                format!(
                    "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                    algorithm.name().to_lowercase(),
                    claim.algorithm_or_default().name().to_lowercase()
                ),
            ));
        }
        let (body, length) = (input.body.take(), input.content_length);
        let mut received = self.receive(&request, body, length, claim, Some(algorithm)).await?;
        let shown = received.digested.checksum.clone();
        if shown.algorithm != algorithm {
            // The upload keeps the checksums of its own algorithm, so that they add up to the whole's.
            received.digested.checksum = received.blob.digest(Digests::new(algorithm)).await?.checksum;
        }
        let part = Part {
            blob: received.blob,
            size: received.digested.len,
            etag: ETag::of_bytes(received.digested.md5),
            checksum: received.digested.checksum,
            modified: self.now(),
        };
        let mut output = dto::UploadPartOutput {
            e_tag: Some(part.etag.to_dto()),
            server_side_encryption: Some(encryption()),
            ..Default::default()
        };
        s3_set_checksum!(output, shown);
        let input = request.input;
        bucket.open()?.uploads.get(&input.key, &input.upload_id)?.parts.insert(input.part_number, part);
        Ok(output)
    }

    pub async fn upload_part_copy(
        &self,
        request: S3Request<dto::UploadPartCopyInput>,
    ) -> S3Result<dto::UploadPartCopyOutput> {
        let mut input = request.input;
        check_number(input.part_number)?;
        let bucket = self.bucket(&input.bucket)?;
        let (algorithm, named) = {
            let mut state = bucket.open()?;
            let upload = state.uploads.get(&input.key, &input.upload_id)?;
            (upload.algorithm, upload.named)
        };
        let conditions = s3_source_conditions!(input);
        let source = self.source(&input.copy_source, &conditions)?;
        let from = source.object()?;
        let blob = match input.copy_source_range.as_deref() {
            None => from.blob.clone(),
            Some(range) => {
                let (start, len) = copy_range(range, from.size)?;
                from.blob.slice(start, len)
            }
        };
        let digested = blob.digest(Digests::new(algorithm)).await?;
        let part = Part {
            blob,
            size: digested.len,
            etag: ETag::of_bytes(digested.md5),
            checksum: digested.checksum,
            modified: self.now(),
        };
        let mut result = dto::CopyPartResult {
            e_tag: Some(part.etag.to_dto()),
            last_modified: Some(moment(part.modified)),
            ..Default::default()
        };
        if named {
            s3_set_checksum!(result, part.checksum);
        }
        bucket.open()?.uploads.get(&input.key, &input.upload_id)?.parts.insert(input.part_number, part);
        Ok(dto::UploadPartCopyOutput {
            copy_part_result: Some(result),
            copy_source_version_id: source.shown_id(),
            server_side_encryption: Some(encryption()),
            ..Default::default()
        })
    }

    pub async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<dto::CompleteMultipartUploadOutput> {
        let mut input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let claim = s3_claim!(input, None::<dto::ChecksumAlgorithm>, None);
        claim.check_form()?;
        let wanted = input.multipart_upload.take().and_then(|upload| upload.parts).unwrap_or_default();
        if wanted.is_empty() {
            return Err(malformed_xml());
        }
        let object;
        let tags;
        {
            let mut state = bucket.open()?;
            let upload = state.uploads.get(&input.key, &input.upload_id)?;
            let parts = chosen(upload, &wanted)?;
            let size = parts.iter().map(|part| part.size).sum();
            if input.mpu_object_size.is_some_and(|announced| u64::try_from(announced).ok() != Some(size)) {
                return Err(S3Error::with_message(
                    S3ErrorCode::InvalidRequest,
                    "The provided 'x-amz-mp-object-size' header value does not match what was computed.",
                ));
            }
            let sums = parts.iter().map(|part| (&part.checksum, part.size));
            let checksum = checksum::of_parts(upload.algorithm, upload.full_object, sums);
            if claim.algorithm == Some(checksum.algorithm)
                && claim.value.as_deref().is_some_and(|value| *value != *checksum.value)
            {
                return Err(S3Error::with_message(
                    S3ErrorCode::BadDigest,
                    format!("The {} you specified did not match the calculated checksum.", checksum.algorithm.name()),
                ));
            }
            object = Object {
                size,
                etag: ETag::of_parts(parts.iter().map(|part| &part.etag)),
                blob: Blob::joined(parts.iter().map(|part| &part.blob)),
                checksum,
                headers: Some(Box::new(upload.headers.clone())),
                parts: Some(parts.iter().map(|part| part.size).collect()),
            };
            tags = upload.tags.clone();
        }
        let conditions = (input.if_match.take(), input.if_none_match.take());
        let found = self.store(&bucket, &input.key, object, tags, conditions, "CompleteMultipartUpload").await?;
        // An upload that somebody else has ended meanwhile is gone as it should be.
        let _ = bucket.open()?.uploads.remove(&input.key, &input.upload_id);
        let object = found.object()?;
        let mut output = dto::CompleteMultipartUploadOutput {
            location: Some(format!("{}/{}/{}", self.fabric.url(), input.bucket, encoder(true)(&input.key))),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(object.etag.to_dto()),
            checksum_type: Some(object.checksum.kind()),
            server_side_encryption: Some(encryption()),
            version_id: found.shown_id().filter(|_| found.versioning == Versioning::Enabled),
            ..Default::default()
        };
        s3_set_checksum!(output, object.checksum);
        Ok(output)
    }

    pub async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> S3Result<dto::AbortMultipartUploadOutput> {
        let input = request.input;
        self.bucket(&input.bucket)?.open()?.uploads.remove(&input.key, &input.upload_id)?;
        Ok(dto::AbortMultipartUploadOutput::default())
    }

    pub async fn list_parts(&self, request: S3Request<dto::ListPartsInput>) -> S3Result<dto::ListPartsOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let mut state = bucket.open()?;
        let upload = state.uploads.get(&input.key, &input.upload_id)?;
        let marker = input.part_number_marker.unwrap_or_default();
        let max = input.max_parts.unwrap_or(MOST_LISTED).clamp(0, MOST_LISTED);
        let mut rest = upload.parts.range((Bound::Excluded(marker), Bound::Unbounded));
        let page: Vec<dto::Part> = rest
            .by_ref()
            .take(usize::try_from(max).unwrap_or_default())
            .map(|(number, part)| {
                let mut shown = dto::Part {
                    e_tag: Some(part.etag.to_dto()),
                    last_modified: Some(moment(part.modified)),
                    part_number: Some(*number),
                    size: i64::try_from(part.size).ok(),
                    ..Default::default()
                };
                if upload.named {
                    s3_set_checksum!(shown, part.checksum);
                }
                shown
            })
            .collect();
        let truncated = max > 0 && rest.next().is_some();
        Ok(dto::ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(marker),
            next_part_number_marker: Some(page.last().and_then(|part| part.part_number).unwrap_or_default()),
            max_parts: Some(max),
            is_truncated: Some(truncated),
            checksum_algorithm: upload.named.then(|| dto::ChecksumAlgorithm::from_static(upload.algorithm.name())),
            checksum_type: upload.named.then(|| upload.kind()),
            storage_class: Some(dto::StorageClass::from(upload.headers.storage_class().to_owned())),
            owner: Some(self.owner()),
            initiator: Some(dto::Initiator { display_name: None, id: Some(self.owner_id()) }),
            parts: Some(page),
            ..Default::default()
        })
    }

    pub async fn list_multipart_uploads(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> S3Result<dto::ListMultipartUploadsOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let state = bucket.open()?;
        let encode = encoder(input.encoding_type.is_some());
        let max = input.max_uploads.unwrap_or(MOST_LISTED).clamp(0, MOST_LISTED);
        let most = usize::try_from(max).unwrap_or_default();
        let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
        let id_marker = input.upload_id_marker.as_deref().filter(|_| key_marker.is_some());
        let filter = Filter {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: key_marker,
            again: id_marker.is_some(),
        };
        let mut uploads = Vec::new();
        let mut prefixes = Vec::new();
        let mut last = (None, None);
        let mut truncated = false;
        let by_key = &state.uploads.by_key;
        walk(
            filter,
            |from| by_key.range::<str, _>((from, Bound::Unbounded)).map(|(key, value)| (&**key, value)),
            |_| true,
            |found| {
                let (key, ids) = match found {
                    Found::Prefix(prefix) => {
                        if uploads.len() + prefixes.len() == most {
                            truncated = most > 0;
                            return ControlFlow::Break(());
                        }
                        prefixes.push(dto::CommonPrefix { prefix: Some(encode(prefix)) });
                        last = (Some(prefix.to_owned()), None);
                        return ControlFlow::Continue(());
                    }
                    Found::Key(key, ids) => (key, ids),
                };
                for (id, upload) in ids {
                    if Some(key) == key_marker && id_marker.is_some_and(|marker| **id <= *marker) {
                        continue;
                    }
                    if uploads.len() + prefixes.len() == most {
                        truncated = most > 0;
                        return ControlFlow::Break(());
                    }
                    uploads.push(dto::MultipartUpload {
                        initiated: Some(moment(upload.initiated)),
                        key: Some(encode(key)),
                        upload_id: Some(id.to_string()),
                        owner: Some(self.owner()),
                        initiator: Some(dto::Initiator { display_name: None, id: Some(self.owner_id()) }),
                        storage_class: Some(dto::StorageClass::from(upload.headers.storage_class().to_owned())),
                        ..Default::default()
                    });
                    last = (Some(key.to_owned()), Some(id.to_string()));
                }
                ControlFlow::Continue(())
            },
        );
        let (next_key, next_id) = if truncated { last } else { (None, None) };
        Ok(dto::ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix.as_deref().map(&encode),
            delimiter: input.delimiter.as_deref().map(&encode),
            key_marker: Some(input.key_marker.as_deref().map(&encode).unwrap_or_default()),
            upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
            next_key_marker: next_key.as_deref().map(&encode),
            next_upload_id_marker: next_id,
            max_uploads: Some(max),
            is_truncated: Some(truncated),
            encoding_type: input.encoding_type,
            uploads: Some(uploads),
            common_prefixes: Some(prefixes),
            ..Default::default()
        })
    }
}

/// The parts that a completion names, checked.
fn chosen(upload: &Upload, wanted: &[dto::CompletedPart]) -> S3Result<Vec<Part>> {
    let mut before = 0;
    let mut parts = Vec::with_capacity(wanted.len());
    for (index, part) in wanted.iter().enumerate() {
        let number = part.part_number.ok_or_else(malformed_xml)?;
        if number <= before {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            ));
        }
        before = number;
        let etag = part.e_tag.as_ref().map(dto::ETag::value);
        let stored = upload.parts.get(&number).filter(|stored| etag.is_none_or(|etag| stored.etag.to_string() == etag));
        let stored = stored.ok_or_else(|| {
            S3Error::with_message(
                S3ErrorCode::InvalidPart,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag.",
            )
        })?;
        if index + 1 < wanted.len() && stored.size < SMALLEST_PART {
            return Err(S3Error::with_message(
                S3ErrorCode::EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size",
            ));
        }
        parts.push(stored.clone());
    }
    Ok(parts)
}

/// `bytes=first-last`, which must lie within the source.
fn copy_range(range: &str, size: u64) -> S3Result<(u64, u64)> {
    let invalid = || {
        S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )
    };
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(invalid)?;
    let first: u64 = first.parse().map_err(|_| invalid())?;
    let last: u64 = last.parse().map_err(|_| invalid())?;
    if first > last {
        return Err(invalid());
    }
    if last >= size {
        return Err(S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            format!("Range specified is not valid for source object of size: {size}"),
        ));
    }
    Ok((first, last - first + 1))
}

fn check_number(number: i32) -> S3Result<()> {
    if PART_NUMBERS.contains(&number) {
        return Ok(());
    }
    Err(S3Error::with_message(
        S3ErrorCode::InvalidArgument,
        "Part number must be an integer between 1 and 10000, inclusive",
    ))
}

fn no_such_upload() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed.",
    )
}
