//! S3 for the other services of the endpoint: the same handlers, with AWS's member names as JSON and bodies in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Uri};
use s3s::dto::{self, StreamingBlob};
use s3s::{Body, S3Error, S3Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::bucket::{Configuration, Store};
use super::object::Tags;
use crate::emulator::error::ServiceError;

/// What [`Store::call`] knows.
pub const OPERATIONS: [&str; 28] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateBucket",
    "CreateMultipartUpload",
    "DeleteBucket",
    "DeleteBucketCors",
    "DeleteBucketEncryption",
    "DeleteBucketLifecycle",
    "DeleteBucketOwnershipControls",
    "DeleteBucketPolicy",
    "DeleteBucketTagging",
    "DeleteObject",
    "DeletePublicAccessBlock",
    "GetObject",
    "HeadBucket",
    "HeadObject",
    "ListObjectsV2",
    "PutBucketCors",
    "PutBucketEncryption",
    "PutBucketLifecycleConfiguration",
    "PutBucketNotificationConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutObject",
    "PutPublicAccessBlock",
];

impl Store {
    /// Carries out one operation for another service.
    ///
    /// # Errors
    /// What the operation answers over HTTP, and `InvalidArgument` for an input that is not of its shape.
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let input = Input::of(input)?;
        let bucket = input.text("Bucket")?;
        let none = |()| Value::Object(Map::new());
        match operation {
            "CreateBucket" => {
                let location =
                    input.0.get("CreateBucketConfiguration").and_then(|given| given.get("LocationConstraint"));
                let location = location.and_then(Value::as_str).map(str::to_owned);
                s3s::path::check_bucket_name(&bucket).then_some(()).ok_or_else(|| {
                    of(S3Error::with_message(s3s::S3ErrorCode::InvalidBucketName, "The specified bucket is not valid."))
                })?;
                if !self.create(&bucket, location.as_deref()).map_err(of)? {
                    let message = "Your previous request to create the named bucket succeeded and you already own it.";
                    return Err(ServiceError::client("BucketAlreadyOwnedByYou", message)
                        .with_status(http::StatusCode::CONFLICT));
                }
                Ok(json!({ "Location": format!("/{bucket}") }))
            }
            "DeleteBucket" => self.delete(&bucket).map(none).map_err(of),
            "HeadBucket" => {
                self.bucket(&bucket).map_err(of)?;
                Ok(json!({ "BucketRegion": self.fabric.identity().region }))
            }
            "DeleteBucketPolicy" => {
                let input = dto::DeleteBucketPolicyInput { bucket, ..Default::default() };
                self.delete_bucket_policy(request(input)).await.map(|_| none(())).map_err(of)
            }
            "GetObject" | "HeadObject" => self.read(operation, &bucket, &input).await,
            "PutObject" => self.write(bucket, &input).await,
            "DeleteObject" => {
                let input = dto::DeleteObjectInput {
                    bucket,
                    key: input.text("Key")?,
                    version_id: input.optional("VersionId")?,
                    ..Default::default()
                };
                let output = self.delete_object(request(input)).await.map_err(of)?;
                Ok(json!({ "DeleteMarker": output.delete_marker, "VersionId": output.version_id }))
            }
            "ListObjectsV2" => self.list(bucket, &input).await,
            "CopyObject" => self.copy(bucket, &input).await,
            "CreateMultipartUpload" | "CompleteMultipartUpload" | "AbortMultipartUpload" => {
                self.multipart(operation, bucket, &input).await
            }
            _ => self.configure(operation, bucket, &input).await,
        }
    }

    async fn read(&self, operation: &str, bucket: &str, input: &Input) -> Result<Value, ServiceError> {
        let version_id: Option<String> = input.optional("VersionId")?;
        let found = self.find(bucket, &input.text("Key")?, version_id.as_deref()).map_err(of)?;
        let object = found.object().map_err(of)?;
        let mut output = json!({
            "ContentLength": object.size,
            "ContentType": object.headers().content_type(),
            "ETag": format!("\"{}\"", object.etag),
            "LastModified": found.version.modified.secs(),
            "Metadata": object.headers().metadata.as_deref().cloned().unwrap_or_default(),
        });
        if let Some(id) = found.shown_id() {
            output["VersionId"] = Value::from(id);
        }
        if operation == "GetObject" {
            output["Body"] = Value::from(STANDARD.encode(object.blob.to_bytes().await.map_err(of)?));
        }
        Ok(output)
    }

    async fn write(&self, bucket: String, input: &Input) -> Result<Value, ServiceError> {
        let body = STANDARD
            .decode(input.optional::<String>("Body")?.unwrap_or_default())
            .map_err(|error| invalid(&format!("Body is not base64: {error}")))?;
        let put = dto::PutObjectInput {
            bucket,
            key: input.text("Key")?,
            content_length: i64::try_from(body.len()).ok(),
            body: Some(StreamingBlob::from(Body::from(Bytes::from(body)))),
            content_type: input.optional("ContentType")?,
            metadata: input.optional("Metadata")?,
            ..Default::default()
        };
        let output = self.put_object(request(put)).await.map_err(of)?;
        Ok(json!({
            "ETag": output.e_tag.map(|etag| format!("\"{}\"", etag.value())),
            "VersionId": output.version_id,
        }))
    }

    async fn copy(&self, bucket: String, input: &Input) -> Result<Value, ServiceError> {
        let named = input.text("CopySource")?;
        let copy_source = dto::CopySource::parse(&named)
            .map_err(|error| invalid(&format!("CopySource is not of its shape: {error}")))?;
        let copy = dto::CopyObjectInput::builder()
            .bucket(bucket)
            .key(input.text("Key")?)
            .copy_source(copy_source)
            .build()
            .map_err(ServiceError::internal)?;
        let output = self.copy_object(request(copy)).await.map_err(of)?;
        let etag = output.copy_object_result.and_then(|result| result.e_tag);
        Ok(json!({ "CopyObjectResult": { "ETag": etag.as_ref().map(quoted) }, "VersionId": output.version_id }))
    }

    async fn multipart(&self, operation: &str, bucket: String, input: &Input) -> Result<Value, ServiceError> {
        let key = input.text("Key")?;
        if operation == "CreateMultipartUpload" {
            let metadata = input.optional("Metadata")?;
            let create = dto::CreateMultipartUploadInput { bucket, key, metadata, ..Default::default() };
            let output = self.create_multipart_upload(request(create)).await.map_err(of)?;
            return Ok(json!({ "Bucket": output.bucket, "Key": output.key, "UploadId": output.upload_id }));
        }
        let upload_id = input.text("UploadId")?;
        if operation == "AbortMultipartUpload" {
            let abort = dto::AbortMultipartUploadInput { bucket, key, upload_id, ..Default::default() };
            self.abort_multipart_upload(request(abort)).await.map_err(of)?;
            return Ok(json!({}));
        }
        let parts: Vec<CompletedPart> =
            input.optional::<MultipartUpload>("MultipartUpload")?.map(|upload| upload.parts).unwrap_or_default();
        let parts = parts.into_iter().map(|part| dto::CompletedPart {
            part_number: Some(part.part_number),
            e_tag: Some(dto::ETag::Strong(part.e_tag.trim_matches('"').to_owned())),
            ..Default::default()
        });
        let complete = dto::CompleteMultipartUploadInput {
            bucket,
            key,
            upload_id,
            multipart_upload: Some(dto::CompletedMultipartUpload { parts: Some(parts.collect()) }),
            ..Default::default()
        };
        let output = self.complete_multipart_upload(request(complete)).await.map_err(of)?;
        Ok(json!({
            "Bucket": output.bucket,
            "Key": output.key,
            "ETag": output.e_tag.as_ref().map(quoted),
            "VersionId": output.version_id,
        }))
    }

    async fn list(&self, bucket: String, input: &Input) -> Result<Value, ServiceError> {
        let list = dto::ListObjectsV2Input {
            bucket,
            prefix: input.optional("Prefix")?,
            delimiter: input.optional("Delimiter")?,
            continuation_token: input.optional("ContinuationToken")?,
            start_after: input.optional("StartAfter")?,
            max_keys: input.optional("MaxKeys")?,
            ..Default::default()
        };
        let output = self.list_objects_v2(request(list)).await.map_err(of)?;
        let contents: Vec<Value> = output
            .contents
            .unwrap_or_default()
            .into_iter()
            .map(|object| json!({ "Key": object.key, "Size": object.size, "ETag": object.e_tag.map(|etag| format!("\"{}\"", etag.value())) }))
            .collect();
        let prefixes: Vec<Value> = output
            .common_prefixes
            .unwrap_or_default()
            .into_iter()
            .map(|common| json!({ "Prefix": common.prefix }))
            .collect();
        Ok(json!({
            "Contents": contents,
            "CommonPrefixes": prefixes,
            "KeyCount": output.key_count,
            "IsTruncated": output.is_truncated,
            "NextContinuationToken": output.next_continuation_token,
        }))
    }

    async fn configure(&self, operation: &str, bucket: String, input: &Input) -> Result<Value, ServiceError> {
        let done = match operation {
            "PutBucketVersioning" => self
                .put_bucket_versioning(request(dto::PutBucketVersioningInput {
                    bucket,
                    versioning_configuration: input.shape("VersioningConfiguration")?,
                    checksum_algorithm: None,
                    content_md5: None,
                    expected_bucket_owner: None,
                    mfa: None,
                }))
                .await
                .map(drop),
            "PutBucketNotificationConfiguration" => self
                .put_bucket_notification_configuration(request(dto::PutBucketNotificationConfigurationInput {
                    bucket,
                    notification_configuration: input.shape("NotificationConfiguration")?,
                    expected_bucket_owner: None,
                    skip_destination_validation: None,
                }))
                .await
                .map(drop),
            "PutBucketTagging" => self
                .put_bucket_tagging(request(dto::PutBucketTaggingInput {
                    bucket,
                    tagging: input.shape("Tagging")?,
                    checksum_algorithm: None,
                    content_md5: None,
                    expected_bucket_owner: None,
                }))
                .await
                .map(drop),
            "PutBucketPolicy" => {
                let policy = match input.0.get("Policy") {
                    Some(Value::String(policy)) => policy.clone(),
                    Some(document) => document.to_string(),
                    None => return Err(invalid("Policy is missing")),
                };
                let put = dto::PutBucketPolicyInput { bucket, policy, ..Default::default() };
                self.put_bucket_policy(request(put)).await.map(drop)
            }
            _ => return self.keep(operation, &bucket, input),
        };
        done.map(|()| Value::Object(Map::new())).map_err(of)
    }

    /// Settings that are kept as they came.
    fn keep(&self, operation: &str, bucket: &str, input: &Input) -> Result<Value, ServiceError> {
        let change = |configuration: &mut Configuration| set(configuration, operation, input).map_err(Refused::Call);
        match self.reconfigure(bucket, change) {
            Ok(()) => Ok(Value::Object(Map::new())),
            Err(Refused::Call(error)) => Err(error),
            Err(Refused::Bucket(error)) => Err(of(error)),
        }
    }
}

/// The parts that make an object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MultipartUpload {
    #[serde(default)]
    parts: Vec<CompletedPart>,
}

#[derive(Debug, Deserialize)]
struct CompletedPart {
    #[serde(rename = "PartNumber")]
    part_number: i32,
    #[serde(rename = "ETag")]
    e_tag: String,
}

/// Why a setting was not taken.
enum Refused {
    Bucket(S3Error),
    Call(ServiceError),
}

impl From<S3Error> for Refused {
    fn from(error: S3Error) -> Self {
        Self::Bucket(error)
    }
}

/// Sets what is kept as it came.
fn set(configuration: &mut Configuration, operation: &str, input: &Input) -> Result<(), ServiceError> {
    match operation {
        "PutPublicAccessBlock" => {
            configuration.public_access_block = Some(input.shape("PublicAccessBlockConfiguration")?);
        }
        "PutBucketEncryption" => {
            configuration.encryption = Some(input.shape("ServerSideEncryptionConfiguration")?);
        }
        "PutBucketLifecycleConfiguration" => {
            let given: dto::BucketLifecycleConfiguration = input.shape("LifecycleConfiguration")?;
            configuration.lifecycle = Some(given.rules);
        }
        "PutBucketCors" => {
            let given: dto::CORSConfiguration = input.shape("CORSConfiguration")?;
            configuration.cors = Some(given.cors_rules);
        }
        "PutBucketOwnershipControls" => {
            let rules = input.0.get("OwnershipControls").and_then(|given| given.get("Rules"));
            let rules = rules.and_then(Value::as_array).ok_or_else(|| invalid("OwnershipControls.Rules is missing"))?;
            let rules = rules
                .iter()
                .map(|rule| {
                    let ownership = rule.get("ObjectOwnership").and_then(Value::as_str);
                    let ownership = ownership.ok_or_else(|| invalid("ObjectOwnership is missing"))?.to_owned();
                    Ok(dto::OwnershipControlsRule { object_ownership: ownership.into() })
                })
                .collect::<Result<_, ServiceError>>()?;
            configuration.ownership = Some(dto::OwnershipControls { rules });
        }
        "DeletePublicAccessBlock" => configuration.public_access_block = None,
        "DeleteBucketEncryption" => configuration.encryption = None,
        "DeleteBucketLifecycle" => configuration.lifecycle = None,
        "DeleteBucketCors" => configuration.cors = None,
        "DeleteBucketOwnershipControls" => configuration.ownership = None,
        "DeleteBucketTagging" => configuration.tags = Tags::default(),
        _ => return Err(ServiceError::not_implemented("Amazon S3", operation)),
    }
    Ok(())
}

/// An operation's input.
pub struct Input(Map<String, Value>);

impl Input {
    /// # Errors
    /// `InvalidArgument` when it is no object.
    pub fn of(input: Value) -> Result<Self, ServiceError> {
        match input {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(invalid("the input is not an object")),
        }
    }

    pub fn text(&self, member: &str) -> Result<String, ServiceError> {
        self.required(member)
    }

    pub fn required<T: DeserializeOwned>(&self, member: &str) -> Result<T, ServiceError> {
        self.optional(member)?.ok_or_else(|| invalid(&format!("{member} is missing")))
    }

    pub fn optional<T: DeserializeOwned>(&self, member: &str) -> Result<Option<T>, ServiceError> {
        let Some(value) = self.0.get(member) else { return Ok(None) };
        serde_json::from_value(value.clone())
            .map_err(|error| invalid(&format!("{member} is not of its shape: {error}")))
    }

    /// A member of one of the protocol crate's shapes, whose fields are named in snake case.
    fn shape<T: DeserializeOwned>(&self, member: &str) -> Result<T, ServiceError> {
        let value = self.0.get(member).ok_or_else(|| invalid(&format!("{member} is missing")))?;
        serde_json::from_value(with_snake_case(value))
            .map_err(|error| invalid(&format!("{member} is not of its shape: {error}")))
    }
}

fn with_snake_case(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(with_snake_case).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (snake_case(name), with_snake_case(value))).collect()
        }
        other => other.clone(),
    }
}

/// `KMSMasterKeyID` is `kms_master_key_id`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in letters.iter().enumerate() {
        let after_lower = index > 0 && !letters[index - 1].is_uppercase();
        let before_lower = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && index > 0 && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: Method::POST,
        uri: Uri::default(),
        headers: HeaderMap::new(),
        extensions: Extensions::new(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

fn quoted(etag: &dto::ETag) -> String {
    format!("\"{}\"", etag.value())
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::client("InvalidArgument", message)
}

/// An error of S3 as other services see it.
pub fn of(error: S3Error) -> ServiceError {
    let message = error.message().unwrap_or_default().to_owned();
    let status = error.status_code().unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    ServiceError::client(error.code().as_str().to_owned(), message).with_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_names_become_field_names() {
        for (name, field) in [
            ("KMSMasterKeyID", "kms_master_key_id"),
            ("SSEAlgorithm", "sse_algorithm"),
            ("CORSRules", "cors_rules"),
            ("AbortIncompleteMultipartUpload", "abort_incomplete_multipart_upload"),
            ("ID", "id"),
            ("Status", "status"),
        ] {
            assert_eq!(snake_case(name), field);
        }
    }
}
