//! The uplink of a simulated appliance inside the endpoint: its S3 and its event bus, reached through the fabric.
//!
//! Files go to S3 as open files, not through HTTP. This is the one way to events whose source begins with `aws.`.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::error::ServiceError;
use super::fabric::Fabric;
use super::service::{Call, Context, FileBody, Origin, Protocol};
use crate::sim::appliance::{
    FileBytes, FoundObject, Listing, Metadata, ObjectFetched, PartDone, Uplink, UplinkError, UploadId,
};

/// What a key keeps as it is in the source of a copy.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Puts events as the endpoint's own simulated gateway, which alone may use sources that begin with `aws.`.
///
/// # Errors
/// What `PutEvents` answers; `ServiceUnavailable` when what it accepted cannot be kept.
pub async fn put_gateway_events(fabric: &Fabric, entries: Value) -> Result<Value, ServiceError> {
    let Some(events) = fabric.service("events") else {
        return Err(ServiceError::not_implemented("Amazon EventBridge", "PutEvents"));
    };
    let context = Context { protocol: Protocol::Internal, origin: Origin::Gateway };
    let answer = events.call(Call { operation: "PutEvents".to_owned(), input: entries, context }).await;
    // An appliance forgets what it has announced.
    fabric.keep().settled().await.map_err(ServiceError::from)?;
    answer
}

/// A bucket and the event bus of the endpoint.
#[derive(Clone)]
pub struct FabricUplink {
    fabric: Fabric,
    bucket: String,
}

impl FabricUplink {
    /// The uplink of a share over `bucket`.
    #[must_use]
    pub fn new(fabric: Fabric, bucket: &str) -> Self {
        Self { fabric, bucket: bucket.to_owned() }
    }

    /// Calls S3 with the bucket added to the input.
    async fn s3(&self, operation: &str, mut input: Value, body: Option<FileBytes>) -> Result<Value, UplinkError> {
        let Some(s3) = self.fabric.service("s3") else {
            return Err(refused(&ServiceError::not_implemented("Amazon S3", operation)));
        };
        input["Bucket"] = Value::from(self.bucket.as_str());
        let context = Context { protocol: Protocol::Internal, origin: Origin::Gateway };
        let call = Call { operation: operation.to_owned(), input, context };
        let answer = match body {
            Some(FileBytes { file, offset, len }) => s3.call_with_file(call, FileBody { file, offset, len }).await,
            None => s3.call(call).await,
        };
        // An appliance forgets what it has uploaded.
        let kept = self.fabric.keep().settled().await;
        kept.map_err(|error| refused(&error.into()))?;
        answer.map_err(|error| refused(&error))
    }
}

/// What the bucket refuses a gateway is tried again, as most of it can be mended in the bucket: only a key or a body that
/// no bucket takes is not.
fn refused(error: &ServiceError) -> UplinkError {
    let for_good = matches!(
        &*error.code,
        "KeyTooLongError" | "EntityTooLarge" | "InvalidArgument" | "MetadataTooLarge" | "NotImplemented"
    );
    UplinkError { message: error.to_string(), retryable: !for_good }
}

fn text(answer: &Value, pointer: &str) -> String {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().trim_matches('"').to_owned()
}

fn metadata_of(metadata: &Metadata) -> Value {
    metadata.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

#[async_trait]
impl Uplink for FabricUplink {
    async fn put_object(&self, key: &str, body: Option<FileBytes>, metadata: &Metadata) -> Result<String, UplinkError> {
        let input = json!({ "Key": key, "Metadata": metadata_of(metadata) });
        Ok(text(&self.s3("PutObject", input, body).await?, "/ETag"))
    }

    async fn create_multipart(&self, key: &str, metadata: &Metadata) -> Result<UploadId, UplinkError> {
        let input = json!({ "Key": key, "Metadata": metadata_of(metadata) });
        Ok(UploadId(text(&self.s3("CreateMultipartUpload", input, None).await?, "/UploadId")))
    }

    async fn upload_part(
        &self,
        key: &str,
        upload: &UploadId,
        number: u32,
        body: FileBytes,
    ) -> Result<PartDone, UplinkError> {
        let input = json!({ "Key": key, "UploadId": upload.0, "PartNumber": number });
        Ok(PartDone { number, etag: text(&self.s3("UploadPart", input, Some(body)).await?, "/ETag") })
    }

    async fn complete(&self, key: &str, upload: &UploadId, parts: Vec<PartDone>) -> Result<String, UplinkError> {
        let parts: Vec<Value> =
            parts.into_iter().map(|part| json!({ "PartNumber": part.number, "ETag": part.etag })).collect();
        let input = json!({ "Key": key, "UploadId": upload.0, "MultipartUpload": { "Parts": parts } });
        Ok(text(&self.s3("CompleteMultipartUpload", input, None).await?, "/ETag"))
    }

    async fn abort(&self, key: &str, upload: &UploadId) -> Result<(), UplinkError> {
        self.s3("AbortMultipartUpload", json!({ "Key": key, "UploadId": upload.0 }), None).await.map(drop)
    }

    async fn delete_object(&self, key: &str) -> Result<(), UplinkError> {
        self.s3("DeleteObject", json!({ "Key": key }), None).await.map(drop)
    }

    async fn copy_object(&self, from: &str, to: &str) -> Result<String, UplinkError> {
        let source = format!("{}/{}", self.bucket, utf8_percent_encode(from, KEPT));
        let answer = self.s3("CopyObject", json!({ "Key": to, "CopySource": source }), None).await?;
        Ok(text(&answer, "/CopyObjectResult/ETag"))
    }

    async fn list_objects(&self, prefix: &str, shallow: bool, from: Option<String>) -> Result<Listing, UplinkError> {
        let mut input = json!({ "Prefix": prefix });
        if shallow {
            input["Delimiter"] = Value::from("/");
        }
        if let Some(token) = from {
            input["ContinuationToken"] = Value::from(token);
        }
        let answer = self.s3("ListObjectsV2", input, None).await?;
        let list = |name: &str| answer[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let object = |found: &Value| FoundObject {
            key: found["Key"].as_str().unwrap_or_default().to_owned(),
            size: found["Size"].as_u64().unwrap_or_default(),
            etag: text(found, "/ETag"),
        };
        Ok(Listing {
            objects: list("Contents").iter().map(object).collect(),
            prefixes: list("CommonPrefixes")
                .iter()
                .filter_map(|found| found["Prefix"].as_str().map(str::to_owned))
                .collect(),
            next: answer["NextContinuationToken"].as_str().map(str::to_owned),
        })
    }

    async fn fetch_object(&self, key: &str, into: Arc<File>) -> Result<ObjectFetched, UplinkError> {
        let body = FileBytes { file: into, offset: 0, len: 0 };
        let answer = self.s3("GetObject", json!({ "Key": key }), Some(body)).await?;
        let metadata: HashMap<String, String> = serde_json::from_value(answer["Metadata"].clone()).unwrap_or_default();
        Ok(ObjectFetched {
            size: answer["ContentLength"].as_u64().unwrap_or_default(),
            etag: text(&answer, "/ETag"),
            metadata: metadata.into_iter().collect(),
        })
    }

    async fn announce(&self, entries: Vec<Value>) -> Result<Vec<usize>, UplinkError> {
        let answer = put_gateway_events(&self.fabric, json!({ "Entries": entries })).await;
        let answer = answer.map_err(|error| refused(&error))?;
        let entries = answer["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let failed = entries.iter().enumerate().filter(|(_, entry)| entry.get("ErrorCode").is_some());
        Ok(failed.map(|(place, _)| place).collect())
    }
}
