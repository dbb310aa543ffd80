//! Objects from and into open files, for the endpoint's own gateway: what goes through HTTP elsewhere goes from file to file
//! here, one buffer at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use s3s::{S3Error, S3ErrorCode, S3Result};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::blob::Spill;
use super::bucket::Store;
use super::checksum::{Algorithm, Digests};
use super::json::{Input, of};
use super::object::{ETag, Headers, Object};
use super::objects::{Received, boxed, check_key};
use crate::emulator::error::ServiceError;
use crate::emulator::service::FileBody;

/// Bytes that are read or written at once.
const CHUNK: usize = 256 * 1024;
/// How far long work gives way, of 19.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

impl Store {
    /// Carries out an operation whose body is a run of bytes of an open file.
    ///
    /// # Errors
    /// What the operation answers over HTTP; `NotImplemented` for one that has no body.
    pub async fn call_with_file(&self, operation: &str, input: Input, body: FileBody) -> Result<Value, ServiceError> {
        let bucket = input.text("Bucket")?;
        let key = input.text("Key")?;
        match operation {
            "PutObject" => self.put_file(&bucket, &key, body, &input).await,
            "UploadPart" => {
                let (upload, number) = (input.text("UploadId")?, input.required("PartNumber")?);
                let etag = self.upload_file_part(&bucket, &key, &upload, number, body).await.map_err(of)?;
                Ok(json!({ "ETag": format!("\"{etag}\"") }))
            }
            "GetObject" => self.get_file(&bucket, &key, body).await.map_err(of),
            _ => Err(ServiceError::not_implemented("Amazon S3", operation)),
        }
    }

    async fn put_file(&self, bucket: &str, key: &str, body: FileBody, input: &Input) -> Result<Value, ServiceError> {
        let metadata = input.optional::<std::collections::HashMap<String, String>>("Metadata")?;
        let metadata = metadata.filter(|metadata| !metadata.is_empty()).map(Box::new);
        let headers = Headers { metadata, ..Headers::default() };
        let bucket = self.bucket(bucket).map_err(of)?;
        check_key(key).and_then(|()| headers.check()).map_err(of)?;
        let received = self.spill.take_file(body, Digests::new(Algorithm::Crc64Nvme)).await.map_err(of)?;
        let object = Object {
            size: received.digested.len,
            etag: ETag::of_bytes(received.digested.md5),
            blob: received.blob,
            checksum: received.digested.checksum,
            headers: boxed(headers),
            parts: None,
        };
        let etag = object.etag;
        let found = self.store(&bucket, key, object, Vec::new(), (None, None), "PutObject").await.map_err(of)?;
        Ok(json!({ "ETag": format!("\"{etag}\""), "VersionId": found.shown_id() }))
    }

    async fn get_file(&self, bucket: &str, key: &str, body: FileBody) -> S3Result<Value> {
        use futures::StreamExt;
        let found = self.find(bucket, key, None)?;
        let object = found.object()?;
        let mut stream = object.blob.read(0, u64::MAX);
        let mut at = body.offset;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| S3Error::with_source(S3ErrorCode::InternalError, error))?;
            let (file, len) = (std::sync::Arc::clone(&body.file), chunk.len() as u64);
            blocking(move || file.write_all_at(&chunk, at)).await?;
            at += len;
        }
        Ok(json!({
            "ContentLength": object.size,
            "ETag": format!("\"{}\"", object.etag),
            "Metadata": object.headers().metadata.as_deref().cloned().unwrap_or_default(),
        }))
    }
}

impl Spill {
    /// Takes in a run of bytes of a file, digesting it on the way.
    ///
    /// # Errors
    /// `IncompleteBody` when the file has become shorter.
    pub async fn take_file(&self, body: FileBody, mut digests: Digests) -> S3Result<Received> {
        if body.len <= super::blob::LARGEST_IN_MEMORY as u64 {
            let (bytes, digested) = blocking(move || {
                let mut bytes = vec![0; usize::try_from(body.len).unwrap_or_default()];
                body.file.read_exact_at(&mut bytes, body.offset)?;
                digests.update(&bytes);
                Ok((bytes, digests.finish()))
            })
            .await?;
            let blob = self.hold(bytes).await.map_err(S3Error::internal_error)?;
            return Ok(Received { blob, digested });
        }
        let spilled = self.name().map_err(S3Error::internal_error)?;
        let path = spilled.path().to_owned();
        let len = body.len;
        let digested = aside(move || {
            let target = File::create_new(path)?;
            let mut buffer = vec![0; CHUNK];
            let mut at = 0;
            while at < len {
                let wanted = usize::try_from(len - at).map_or(CHUNK, |left| left.min(CHUNK));
                let chunk = &mut buffer[..wanted];
                body.file.read_exact_at(chunk, body.offset + at)?;
                digests.update(chunk);
                target.write_all_at(chunk, at)?;
                at += wanted as u64;
            }
            Ok(digests.finish())
        })
        .await?;
        Ok(Received { blob: spilled.whole(len), digested })
    }
}

/// Does what waits for a disk on a thread for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> S3Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(S3Error::internal_error)?;
    done.map_err(refusal)
}

/// Does long work on a thread of its own that gives way to others: who copies into a share comes before what is uploaded.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> S3Result<T> {
    let (done, is_done) = oneshot::channel();
    let thread = std::thread::Builder::new().name("s3-file".to_owned()).spawn(move || {
        #[cfg(target_os = "linux")]
        {
            // Where the system does not let it, it competes as everybody does.
            let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        }
        // Whoever asked may have gone.
        let _ = done.send(work());
    });
    thread.map_err(S3Error::internal_error)?;
    is_done.await.map_err(S3Error::internal_error)?.map_err(refusal)
}

fn refusal(error: io::Error) -> S3Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => S3Error::with_message(
            S3ErrorCode::IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ),
        io::ErrorKind::StorageFull => {
            tracing::warn!(%error, "the endpoint's temporary folder is full: give it room, or set TMPDIR");
            S3Error::with_message(
                S3ErrorCode::ServiceUnavailable,
                "the disk of the endpoint's temporary folder is full: give it room, or set TMPDIR",
            )
        }
        _ => S3Error::internal_error(error),
    }
}
