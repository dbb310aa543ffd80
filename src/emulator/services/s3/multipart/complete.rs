//! CompleteMultipartUpload: the parts that it names become an object.

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::{Part, Upload};
use crate::emulator::services::s3::blob::Blob;
use crate::emulator::services::s3::bucket::Store;
use crate::emulator::services::s3::checksum::{self, s3_claim, s3_set_checksum};
use crate::emulator::services::s3::contents::Versioning;
use crate::emulator::services::s3::lists::encoder;
use crate::emulator::services::s3::object::{ETag, Object};
use crate::emulator::services::s3::objects::{encryption, malformed_xml};

/// Bytes that every part but the last has at the least.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;

impl Store {
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
        let _ = self.end_upload(&bucket, &input.key, &input.upload_id);
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
}

fn invalid_part() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::InvalidPart,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified \
         entity tag may not match the part's entity tag.",
    )
}

/// Whether the checksum that a completion gives for a part, if it gives one, is the part's. It may give one only where the
/// upload began with an algorithm, and must where the whole's checksum is made of the parts'.
fn check_sum(upload: &Upload, stored: &Part, wanted: &dto::CompletedPart, number: i32) -> S3Result {
    let mut wanted = wanted.clone();
    let claim = s3_claim!(wanted, None::<dto::ChecksumAlgorithm>, None);
    let lower = upload.algorithm.name().to_lowercase();
    match (claim.algorithm, claim.value) {
        (Some(_), _) if !upload.named => Err(invalid_part()),
        (Some(algorithm), Some(value)) if algorithm == upload.algorithm => {
            if *value == *stored.checksum.value {
                Ok(())
            } else {
                Err(invalid_part())
            }
        }
        (Some(other), _) => Err(S3Error::with_message(
            S3ErrorCode::BadDigest,
            format!(
                "The {} you specified for part {number} did not match what we received.",
                other.name().to_lowercase()
            ),
        )),
        (None, _) if upload.named && !upload.full_object => Err(S3Error::with_message(
            S3ErrorCode::InvalidRequest,
            format!(
                "The upload was created using a {lower} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {number} in the request."
            ),
        )),
        (None, _) => Ok(()),
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
        let stored = stored.ok_or_else(invalid_part)?;
        check_sum(upload, stored, part, number)?;
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
