//! Multipart uploads: parts are kept as they come, the finished object is made of their bytes without copying them.

mod complete;
mod lists;
mod parts;

use std::collections::BTreeMap;

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};
use serde::{Deserialize, Serialize};

use super::blob::{Blob, BlobRow, Files, Spill};
use super::bucket::{Bucket, Store};
use super::checksum::{Algorithm, Checksum};
use super::object::{ETag, Headers, Tags, s3_headers, tags_of_header};
use super::objects::{encryption, refuse_customer_keys};
use crate::model::Timestamp;

const UPLOAD_ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// A part as it was taken in.
#[derive(Debug, Clone)]
pub struct Part {
    blob: Blob,
    size: u64,
    etag: ETag,
    checksum: Checksum,
    modified: Timestamp,
}

impl Part {
    /// The part as it is written down.
    fn row(&self) -> PartRow {
        let Self { blob, size, etag, checksum, modified } = self;
        PartRow { blob: blob.row(), size: *size, etag: *etag, checksum: checksum.clone(), modified: *modified }
    }
}

/// A part as it is written down.
#[derive(Serialize, Deserialize)]
pub struct PartRow {
    blob: BlobRow,
    size: u64,
    etag: ETag,
    checksum: Checksum,
    modified: Timestamp,
}

impl PartRow {
    /// The part that was written down.
    pub fn part(self, spill: &Spill, files: &mut Files) -> Part {
        let Self { blob, size, etag, checksum, modified } = self;
        Part { blob: spill.restore(blob, files), size, etag, checksum, modified }
    }
}

/// What an upload began with, which is also how it is written down: its parts are written apart.
#[derive(Debug, Serialize, Deserialize)]
pub struct UploadRow {
    initiated: Timestamp,
    headers: Headers,
    tags: Tags,
    algorithm: Algorithm,
    /// Whether the client named the algorithm: only then do answers name it.
    named: bool,
    full_object: bool,
}

/// An upload that has begun.
#[derive(Debug)]
pub struct Upload {
    begun: UploadRow,
    parts: BTreeMap<i32, Part>,
}

impl std::ops::Deref for Upload {
    type Target = UploadRow;

    fn deref(&self) -> &UploadRow {
        &self.begun
    }
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

    /// Key and id of every upload, with the numbers of its parts.
    pub fn ids(&self) -> impl Iterator<Item = ((&str, &str), impl Iterator<Item = i32>)> {
        self.by_key.iter().flat_map(|(key, uploads)| {
            uploads.iter().map(|(id, upload)| ((&**key, &**id), upload.parts.keys().copied()))
        })
    }

    /// Puts an upload back.
    pub fn restore(&mut self, key: &str, id: &str, begun: UploadRow, parts: BTreeMap<i32, Part>) {
        self.by_key.entry(key.into()).or_default().insert(id.into(), Upload { begun, parts });
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
        let begun = UploadRow { initiated: self.now(), headers, tags, algorithm, named: named.is_some(), full_object };
        let upload = Upload { begun, parts: BTreeMap::new() };
        let id = self.fabric.token(UPLOAD_ID_ALPHABET, 64);
        let kind = upload.kind();
        let mut state = bucket.open()?;
        self.kept.put_upload(&bucket, &input.key, &id, &upload.begun);
        state.uploads.by_key.entry(input.key.as_str().into()).or_default().insert(id.as_str().into(), upload);
        drop(state);
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

    pub async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> S3Result<dto::AbortMultipartUploadOutput> {
        let input = request.input;
        self.end_upload(&*self.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
        Ok(dto::AbortMultipartUploadOutput::default())
    }
}

impl Store {
    /// Forgets an upload with its parts.
    fn end_upload(&self, bucket: &Bucket, key: &str, id: &str) -> S3Result<()> {
        let mut state = bucket.open()?;
        let upload = state.uploads.remove(key, id)?;
        self.kept.delete_upload(bucket, (key, id), upload.parts.keys().copied());
        Ok(())
    }

    /// Takes a part into an upload.
    fn add_part(&self, bucket: &Bucket, key: &str, id: &str, number: i32, part: Part) -> S3Result<()> {
        let mut state = bucket.open()?;
        let upload = state.uploads.get(key, id)?;
        self.kept.put_part(bucket, id, number, || part.row());
        upload.parts.insert(number, part);
        Ok(())
    }
}

fn no_such_upload() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed.",
    )
}
