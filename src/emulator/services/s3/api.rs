//! The operations of the protocol crate's trait, each handed to its handler of [`Store`].

use std::sync::Arc;

use futures::StreamExt;
#[allow(clippy::wildcard_imports, reason = "the table below names over a hundred shapes")]
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::INTERFACE;
use super::bucket::Store;
use crate::emulator::error::ServiceError;
use crate::emulator::faults::Caller;

/// The store as the protocol crate calls it. What is not listed here is refused by name.
pub struct Api(pub Arc<Store>);

/// The operation of an input's type: `PutObjectInput` is of `PutObject`.
const fn operation(input: &'static str) -> &'static str {
    input.split_at(input.len() - "Input".len()).0
}

macro_rules! operations {
    ($($method:ident: $input:ident => $output:ident;)+) => {
        /// The operations over HTTP, as AWS spells them.
        pub const OPERATIONS: &[&str] = &["GetObject", "PutObject", "UploadPart", $(operation(stringify!($input))),+];

        #[async_trait::async_trait]
        impl S3 for Api {
            $(async fn $method(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                self.strike(operation(stringify!($input)), &request).await?;
                self.0.$method(request).await.map(S3Response::new)
            })+

            async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
                if let Err(refused) = self.strike("PutObject", &request).await {
                    return Err(after_reading(request.input.body.take(), refused).await);
                }
                self.0.put_object(request).await.map(S3Response::new)
            }

            async fn upload_part(&self, mut request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
                if let Err(refused) = self.strike("UploadPart", &request).await {
                    return Err(after_reading(request.input.body.take(), refused).await);
                }
                self.0.upload_part(request).await.map(S3Response::new)
            }

            async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
                self.strike("GetObject", &request).await?;
                self.0.get_object(request).await.map(|output| {
                    // Parts and ranges are answered as partial content.
                    let status = output.content_range.as_ref().map(|_| http::StatusCode::PARTIAL_CONTENT);
                    let mut response = S3Response::new(output);
                    response.status = status;
                    response
                })
            }
        }
    };
}

impl Api {
    /// Lets faults strike a request; its caller was put down when there were any.
    async fn strike<T>(&self, operation: &str, request: &S3Request<T>) -> S3Result<()> {
        let Some(caller) = request.extensions.get::<Caller>() else { return Ok(()) };
        self.0.fabric.faults().strike(INTERFACE.id, operation, *caller).await.map_err(refusal)
    }
}

fn refusal(error: ServiceError) -> S3Error {
    let mut refused = S3Error::with_message(S3ErrorCode::Custom(error.code.as_ref().into()), error.message);
    refused.set_status_code(error.status);
    refused
}

/// Reads a body that nobody wants to its end: a client that still sends would not see an answer before that.
async fn after_reading(body: Option<StreamingBlob>, refused: S3Error) -> S3Error {
    let mut body = body;
    while let Some(body) = &mut body
        && let Some(Ok(_)) = body.next().await
    {}
    refused
}

operations! {
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput;
    copy_object: CopyObjectInput => CopyObjectOutput;
    create_bucket: CreateBucketInput => CreateBucketOutput;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput;
    delete_bucket: DeleteBucketInput => DeleteBucketOutput;
    delete_bucket_cors: DeleteBucketCorsInput => DeleteBucketCorsOutput;
    delete_bucket_encryption: DeleteBucketEncryptionInput => DeleteBucketEncryptionOutput;
    delete_bucket_lifecycle: DeleteBucketLifecycleInput => DeleteBucketLifecycleOutput;
    delete_bucket_ownership_controls: DeleteBucketOwnershipControlsInput => DeleteBucketOwnershipControlsOutput;
    delete_bucket_policy: DeleteBucketPolicyInput => DeleteBucketPolicyOutput;
    delete_bucket_tagging: DeleteBucketTaggingInput => DeleteBucketTaggingOutput;
    delete_object: DeleteObjectInput => DeleteObjectOutput;
    delete_object_tagging: DeleteObjectTaggingInput => DeleteObjectTaggingOutput;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput;
    delete_public_access_block: DeletePublicAccessBlockInput => DeletePublicAccessBlockOutput;
    get_bucket_acl: GetBucketAclInput => GetBucketAclOutput;
    get_bucket_cors: GetBucketCorsInput => GetBucketCorsOutput;
    get_bucket_encryption: GetBucketEncryptionInput => GetBucketEncryptionOutput;
    get_bucket_lifecycle_configuration: GetBucketLifecycleConfigurationInput => GetBucketLifecycleConfigurationOutput;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput;
    get_bucket_notification_configuration: GetBucketNotificationConfigurationInput => GetBucketNotificationConfigurationOutput;
    get_bucket_ownership_controls: GetBucketOwnershipControlsInput => GetBucketOwnershipControlsOutput;
    get_bucket_policy: GetBucketPolicyInput => GetBucketPolicyOutput;
    get_bucket_tagging: GetBucketTaggingInput => GetBucketTaggingOutput;
    get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput;
    get_object_acl: GetObjectAclInput => GetObjectAclOutput;
    get_object_attributes: GetObjectAttributesInput => GetObjectAttributesOutput;
    get_object_tagging: GetObjectTaggingInput => GetObjectTaggingOutput;
    get_public_access_block: GetPublicAccessBlockInput => GetPublicAccessBlockOutput;
    head_bucket: HeadBucketInput => HeadBucketOutput;
    head_object: HeadObjectInput => HeadObjectOutput;
    list_buckets: ListBucketsInput => ListBucketsOutput;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput;
    list_object_versions: ListObjectVersionsInput => ListObjectVersionsOutput;
    list_objects: ListObjectsInput => ListObjectsOutput;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output;
    list_parts: ListPartsInput => ListPartsOutput;
    put_bucket_cors: PutBucketCorsInput => PutBucketCorsOutput;
    put_bucket_encryption: PutBucketEncryptionInput => PutBucketEncryptionOutput;
    put_bucket_lifecycle_configuration: PutBucketLifecycleConfigurationInput => PutBucketLifecycleConfigurationOutput;
    put_bucket_notification_configuration: PutBucketNotificationConfigurationInput => PutBucketNotificationConfigurationOutput;
    put_bucket_ownership_controls: PutBucketOwnershipControlsInput => PutBucketOwnershipControlsOutput;
    put_bucket_policy: PutBucketPolicyInput => PutBucketPolicyOutput;
    put_bucket_tagging: PutBucketTaggingInput => PutBucketTaggingOutput;
    put_bucket_versioning: PutBucketVersioningInput => PutBucketVersioningOutput;
    put_object_tagging: PutObjectTaggingInput => PutObjectTaggingOutput;
    put_public_access_block: PutPublicAccessBlockInput => PutPublicAccessBlockOutput;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput;
}
