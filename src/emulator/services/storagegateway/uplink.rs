//! A file share's way to its bucket and to the event bus: objects over the endpoint's own port, as a gateway puts them,
//! notifications as the one caller that may use the source of AWS.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::emulator::{Call, Context as CallContext, Fabric, Origin, Protocol};
use crate::sim::appliance::{
    FileBytes, FoundObject, Listing, Metadata, ObjectFetched, PartDone, Uplink, UplinkError, UploadId,
};

/// Bytes that are read from a file at once.
const CHUNK: u64 = 256 * 1024;
/// What a copy's source leaves as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// The access key that the endpoint knows as its own.
const OWN_KEY: &str = "test";

/// The uplink of one share.
pub struct S3Uplink {
    client: Client,
    bucket: String,
    fabric: Fabric,
}

impl S3Uplink {
    /// An uplink to a bucket of the endpoint.
    #[must_use]
    pub fn new(fabric: &Fabric, bucket: &str) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(fabric.url())
            .region(Region::new(fabric.identity().region.clone()))
            .credentials_provider(Credentials::new(OWN_KEY, OWN_KEY, None, None, "storagegateway"))
            .force_path_style(true)
            // The entity tag tells already whether the bytes arrived.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // A paused machine is no stalled stream.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { client: Client::from_conf(config), bucket: bucket.to_owned(), fabric: fabric.clone() }
    }
}

/// The bytes of a run of a file, read as they are sent.
struct Reading {
    bytes: FileBytes,
    pending: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Reading {
    fn body(bytes: FileBytes) -> ByteStream {
        let again = move || SdkBody::from_body_1_x(Self { bytes: bytes.clone(), pending: None });
        ByteStream::new(SdkBody::retryable(again))
    }
}

/// Reads at a position; a file that has become shorter is an error.
fn read(file: &File, offset: u64, len: u64) -> io::Result<Bytes> {
    let mut chunk = vec![0; usize::try_from(len).unwrap_or_default()];
    file.read_exact_at(&mut chunk, offset)?;
    Ok(chunk.into())
}

impl Body for Reading {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.bytes.len == 0 {
            return Poll::Ready(None);
        }
        let FileBytes { offset, len, .. } = self.bytes;
        let file = Arc::clone(&self.bytes.file);
        let start = || tokio::task::spawn_blocking(move || read(&file, offset, len.min(CHUNK)));
        let pending = self.pending.get_or_insert_with(start);
        let ended = ready!(Pin::new(pending).poll(cx));
        self.pending = None;
        let chunk = match ended {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => return Poll::Ready(Some(Err(error))),
            Err(error) => return Poll::Ready(Some(Err(io::Error::other(error)))),
        };
        self.bytes.offset += chunk.len() as u64;
        self.bytes.len -= chunk.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.len == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len)
    }
}

fn length(body: &FileBytes) -> i64 {
    i64::try_from(body.len).unwrap_or(i64::MAX)
}

/// One sentence, and whether another try may succeed: not when the bucket itself has refused.
fn failed<E>(operation: &str, error: &SdkError<E>) -> UplinkError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let retryable =
        status.is_none_or(|status| status >= 500 || status == 429) || error.code() == Some("RequestTimeout");
    let message = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("s3 {operation} answers {code}: {message}"),
        (Some(code), None) => format!("s3 {operation} answers {code}"),
        _ => format!("s3 {operation}: {}", aws_smithy_types::error::display::DisplayErrorContext(error)),
    };
    let id = error.request_id().unwrap_or_default();
    tracing::debug!(%message, id, "a call of a file share failed");
    UplinkError { message, retryable }
}

fn plain(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

#[async_trait]
impl Uplink for S3Uplink {
    async fn put_object(&self, key: &str, body: Option<FileBytes>, metadata: &Metadata) -> Result<String, UplinkError> {
        let mut put = self.client.put_object().bucket(&self.bucket).key(key);
        for (name, value) in metadata {
            put = put.metadata(name, value);
        }
        if let Some(body) = body.filter(|body| body.len > 0) {
            put = put.content_length(length(&body)).body(Reading::body(body));
        }
        let answer = put.send().await.map_err(|error| failed("PutObject", &error))?;
        Ok(plain(answer.e_tag()))
    }

    async fn create_multipart(&self, key: &str, metadata: &Metadata) -> Result<UploadId, UplinkError> {
        let mut create = self.client.create_multipart_upload().bucket(&self.bucket).key(key);
        for (name, value) in metadata {
            create = create.metadata(name, value);
        }
        let answer = create.send().await.map_err(|error| failed("CreateMultipartUpload", &error))?;
        Ok(UploadId(answer.upload_id.unwrap_or_default()))
    }

    async fn upload_part(
        &self,
        key: &str,
        upload: &UploadId,
        number: u32,
        body: FileBytes,
    ) -> Result<PartDone, UplinkError> {
        let part = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(&upload.0);
        let part = part.part_number(i32::try_from(number).unwrap_or(i32::MAX)).content_length(length(&body));
        let answer = part.body(Reading::body(body)).send().await.map_err(|error| failed("UploadPart", &error))?;
        Ok(PartDone { number, etag: plain(answer.e_tag()) })
    }

    async fn complete(&self, key: &str, upload: &UploadId, parts: Vec<PartDone>) -> Result<String, UplinkError> {
        let parts = parts.into_iter().map(|part| {
            let number = i32::try_from(part.number).unwrap_or(i32::MAX);
            CompletedPart::builder().part_number(number).e_tag(format!("\"{}\"", part.etag)).build()
        });
        let all = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(&upload.0);
        let answer = complete.multipart_upload(all).send().await;
        Ok(plain(answer.map_err(|error| failed("CompleteMultipartUpload", &error))?.e_tag()))
    }

    async fn abort(&self, key: &str, upload: &UploadId) -> Result<(), UplinkError> {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(&upload.0);
        match abort.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(failed("AbortMultipartUpload", &error)),
        }
    }

    async fn delete_object(&self, key: &str) -> Result<(), UplinkError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        deleted.map(drop).map_err(|error| failed("DeleteObject", &error))
    }

    async fn copy_object(&self, from: &str, to: &str) -> Result<String, UplinkError> {
        let source = format!("{}/{}", self.bucket, utf8_percent_encode(from, PATH));
        let copied = self.client.copy_object().bucket(&self.bucket).key(to).copy_source(source).send().await;
        let answer = copied.map_err(|error| failed("CopyObject", &error))?;
        Ok(plain(answer.copy_object_result().and_then(|result| result.e_tag())))
    }

    async fn list_objects(&self, prefix: &str, shallow: bool, from: Option<String>) -> Result<Listing, UplinkError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).set_continuation_token(from);
        let list = list.set_delimiter(shallow.then(|| "/".to_owned()));
        let answer = list.send().await.map_err(|error| failed("ListObjectsV2", &error))?;
        let objects = answer.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(FoundObject {
                size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                etag: plain(object.e_tag.as_deref()),
                key: object.key?,
            })
        });
        let prefixes = answer.common_prefixes.unwrap_or_default().into_iter().filter_map(|one| one.prefix);
        Ok(Listing { objects: objects.collect(), prefixes: prefixes.collect(), next: answer.next_continuation_token })
    }

    async fn fetch_object(&self, key: &str, into: Arc<File>) -> Result<ObjectFetched, UplinkError> {
        let got = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let mut answer = got.map_err(|error| failed("GetObject", &error))?;
        let broken = |error: &dyn std::fmt::Display, retryable: bool| UplinkError {
            message: format!("s3 GetObject of {key}: {error}"),
            retryable,
        };
        let mut size = 0;
        while let Some(chunk) = answer.body.next().await {
            let chunk = chunk.map_err(|error| broken(&error, true))?;
            let (file, offset) = (Arc::clone(&into), size);
            size += chunk.len() as u64;
            let written = tokio::task::spawn_blocking(move || file.write_all_at(&chunk, offset)).await;
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(broken(&error, false)),
                Err(error) => return Err(broken(&error, true)),
            }
        }
        let metadata = answer.metadata.take().unwrap_or_default().into_iter().collect();
        Ok(ObjectFetched { size, etag: plain(answer.e_tag()), metadata })
    }

    async fn announce(&self, entries: Vec<Value>) -> Result<Vec<usize>, UplinkError> {
        let Some(events) = self.fabric.service("events") else {
            return Err(UplinkError { message: "the endpoint has no event bus".to_owned(), retryable: false });
        };
        let context = CallContext { protocol: Protocol::Internal, origin: Origin::Gateway };
        let call = Call { operation: "PutEvents".to_owned(), input: json!({ "Entries": entries }), context };
        let answer = events
            .call(call)
            .await
            .map_err(|error| UplinkError { retryable: error.status.is_server_error(), message: error.to_string() })?;
        let mut again = Vec::new();
        for (position, entry) in answer["Entries"].as_array().into_iter().flatten().enumerate() {
            match entry["ErrorCode"].as_str() {
                None => {}
                Some("ThrottlingException" | "InternalException" | "InternalFailure") => again.push(position),
                Some(code) => {
                    let problem = entry["ErrorMessage"].as_str().unwrap_or_default();
                    tracing::warn!(code, problem, "the event bus refuses a notification");
                }
            }
        }
        Ok(again)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_run_of_a_file_is_read_as_it_is_sent_and_again_for_another_try() {
        let file = tempfile::tempfile().expect("a file");
        let bytes: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
        file.write_all_at(&bytes, 0).expect("written");
        let run = FileBytes { file: Arc::new(file), offset: 5, len: 2_000_003 };
        let body = Reading::body(run);
        assert_eq!(body.size_hint(), (2_000_003, Some(2_000_003)));
        let again = body.into_inner().try_clone().expect("it can be sent again");
        let sent = again.collect().await.expect("bytes").to_bytes();
        assert_eq!(sent, bytes[5..2_000_008]);
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_an_error_and_no_short_object() {
        let file = tempfile::tempfile().expect("a file");
        file.write_all_at(b"short", 0).expect("written");
        let run = FileBytes { file: Arc::new(file), offset: 0, len: 500 };
        assert!(Reading::body(run).collect().await.is_err());
    }
}
