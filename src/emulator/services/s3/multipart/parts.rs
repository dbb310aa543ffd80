//! UploadPart and UploadPartCopy.

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::Part;
use crate::emulator::service::FileBody;
use crate::emulator::services::s3::bucket::Store;
use crate::emulator::services::s3::checksum::{Digests, s3_claim, s3_set_checksum};
use crate::emulator::services::s3::conditions::s3_source_conditions;
use crate::emulator::services::s3::object::{ETag, moment};
use crate::emulator::services::s3::objects::encryption;

const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

impl Store {
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
        self.add_part(&bucket, &input.key, &input.upload_id, input.part_number, part)?;
        Ok(output)
    }

    /// UploadPart with a run of bytes of an open file.
    pub async fn upload_file_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: i32,
        body: FileBody,
    ) -> S3Result<ETag> {
        check_number(number)?;
        let bucket = self.bucket(bucket)?;
        let algorithm = bucket.open()?.uploads.get(key, upload_id)?.algorithm;
        let received = self.spill.take_file(body, Digests::new(algorithm)).await?;
        let etag = ETag::of_bytes(received.digested.md5);
        let part = Part {
            blob: received.blob,
            size: received.digested.len,
            etag,
            checksum: received.digested.checksum,
            modified: self.now(),
        };
        bucket.open()?.uploads.get(key, upload_id)?.parts.insert(number, part);
        Ok(etag)
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
        let (start, len) = match input.copy_source_range.as_deref() {
            None => (0, from.size),
            Some(range) => copy_range(range, from.size)?,
        };
        let part = if len == from.size && !from.etag.is_multipart() && from.checksum.algorithm == algorithm {
            // The bytes of an object that is taken whole have been digested already.
            let (blob, checksum) = (from.blob.clone(), from.checksum.clone());
            Part { blob, size: len, etag: from.etag, checksum, modified: self.now() }
        } else {
            let blob = from.blob.slice(start, len);
            let digested = blob.digest(Digests::new(algorithm)).await?;
            let (etag, checksum) = (ETag::of_bytes(digested.md5), digested.checksum);
            Part { blob, size: digested.len, etag, checksum, modified: self.now() }
        };
        let mut result = dto::CopyPartResult {
            e_tag: Some(part.etag.to_dto()),
            last_modified: Some(moment(part.modified)),
            ..Default::default()
        };
        if named {
            s3_set_checksum!(result, part.checksum);
        }
        self.add_part(&bucket, &input.key, &input.upload_id, input.part_number, part)?;
        Ok(dto::UploadPartCopyOutput {
            copy_part_result: Some(result),
            copy_source_version_id: source.shown_id(),
            server_side_encryption: Some(encryption()),
            ..Default::default()
        })
    }
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
