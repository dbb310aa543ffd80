//! Buckets themselves and what is put on them: versioning, notification, tags, policy and the rest.

use s3s::dto;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};
use serde_json::Value;

use super::bucket::{Store, custom};
use super::contents::Versioning;
use super::object::{NULL_VERSION, object_tags, tags_of, to_tag_set};
use super::objects::malformed_xml;

const MOST_BUCKET_TAGS: usize = 50;
/// Bytes of a bucket policy, at the most.
const LARGEST_POLICY: usize = 20 * 1024;

impl Store {
    pub async fn create_bucket(&self, request: S3Request<dto::CreateBucketInput>) -> S3Result<dto::CreateBucketOutput> {
        let input = request.input;
        if input.object_lock_enabled_for_bucket == Some(true) {
            return Err(lacking("object lock"));
        }
        let location = input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
        let made = self.create(&input.bucket, location.as_ref().map(dto::BucketLocationConstraint::as_str))?;
        if let Some(ownership) = input.object_ownership.filter(|_| made) {
            let rules = vec![dto::OwnershipControlsRule { object_ownership: ownership }];
            self.reconfigure(&input.bucket, |configuration| {
                configuration.ownership = Some(dto::OwnershipControls { rules });
                Ok::<_, S3Error>(())
            })?;
        }
        Ok(dto::CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
    }

    pub async fn head_bucket(&self, request: S3Request<dto::HeadBucketInput>) -> S3Result<dto::HeadBucketOutput> {
        self.bucket(&request.input.bucket)?;
        let bucket_region = Some(self.fabric.identity().region.clone());
        Ok(dto::HeadBucketOutput { bucket_region, ..Default::default() })
    }

    pub async fn delete_bucket(&self, request: S3Request<dto::DeleteBucketInput>) -> S3Result<dto::DeleteBucketOutput> {
        self.delete(&request.input.bucket)?;
        Ok(dto::DeleteBucketOutput::default())
    }

    pub async fn get_bucket_location(
        &self,
        request: S3Request<dto::GetBucketLocationInput>,
    ) -> S3Result<dto::GetBucketLocationOutput> {
        self.bucket(&request.input.bucket)?;
        let region = &self.fabric.identity().region;
        let location_constraint = (region != "us-east-1").then(|| dto::BucketLocationConstraint::from(region.clone()));
        Ok(dto::GetBucketLocationOutput { location_constraint })
    }

    pub async fn put_bucket_versioning(
        &self,
        request: S3Request<dto::PutBucketVersioningInput>,
    ) -> S3Result<dto::PutBucketVersioningOutput> {
        let input = request.input;
        let wanted = input.versioning_configuration;
        if wanted.mfa_delete.as_ref().is_some_and(|mfa| mfa.as_str() == dto::MFADelete::ENABLED) {
            return Err(lacking("MFA delete"));
        }
        let versioning = match wanted.status.as_ref().map(dto::BucketVersioningStatus::as_str) {
            Some(dto::BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(dto::BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            _ => return Err(malformed_xml()),
        };
        self.reconfigure(&input.bucket, |configuration| {
            configuration.versioning = versioning;
            Ok::<_, S3Error>(())
        })?;
        Ok(dto::PutBucketVersioningOutput::default())
    }

    pub async fn get_bucket_versioning(
        &self,
        request: S3Request<dto::GetBucketVersioningInput>,
    ) -> S3Result<dto::GetBucketVersioningOutput> {
        let status = match self.bucket(&request.input.bucket)?.open()?.configuration.versioning {
            Versioning::Off => None,
            Versioning::Enabled => Some(dto::BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(dto::BucketVersioningStatus::SUSPENDED),
        };
        Ok(dto::GetBucketVersioningOutput {
            status: status.map(dto::BucketVersioningStatus::from_static),
            mfa_delete: None,
        })
    }

    pub async fn put_bucket_notification_configuration(
        &self,
        request: S3Request<dto::PutBucketNotificationConfigurationInput>,
    ) -> S3Result<dto::PutBucketNotificationConfigurationOutput> {
        let input = request.input;
        let wanted = input.notification_configuration;
        let lacks = [
            (wanted.queue_configurations.is_some_and(|list| !list.is_empty()), "notifications to Amazon SQS"),
            (wanted.topic_configurations.is_some_and(|list| !list.is_empty()), "notifications to Amazon SNS"),
            (wanted.lambda_function_configurations.is_some_and(|list| !list.is_empty()), "notifications to AWS Lambda"),
        ];
        if let Some((_, what)) = lacks.into_iter().find(|(given, _)| *given) {
            return Err(lacking(what));
        }
        let event_bridge = wanted.event_bridge_configuration.is_some();
        self.reconfigure(&input.bucket, |configuration| {
            configuration.event_bridge = event_bridge;
            Ok::<_, S3Error>(())
        })?;
        Ok(dto::PutBucketNotificationConfigurationOutput::default())
    }

    pub async fn get_bucket_notification_configuration(
        &self,
        request: S3Request<dto::GetBucketNotificationConfigurationInput>,
    ) -> S3Result<dto::GetBucketNotificationConfigurationOutput> {
        let on = self.bucket(&request.input.bucket)?.open()?.configuration.event_bridge;
        Ok(dto::GetBucketNotificationConfigurationOutput {
            event_bridge_configuration: on.then(dto::EventBridgeConfiguration::default),
            ..Default::default()
        })
    }

    pub async fn put_bucket_policy(
        &self,
        request: S3Request<dto::PutBucketPolicyInput>,
    ) -> S3Result<dto::PutBucketPolicyOutput> {
        let input = request.input;
        let malformed = |message: &'static str| Err(S3Error::with_message(S3ErrorCode::MalformedPolicy, message));
        if input.policy.len() > LARGEST_POLICY {
            return malformed("Policy exceeds the maximum allowed document size.");
        }
        match serde_json::from_str::<Value>(&input.policy) {
            Ok(Value::Object(document)) if document.contains_key("Statement") => {}
            Ok(Value::Object(_)) => return malformed("Missing required field Statement"),
            _ => return malformed("Policies must be valid JSON and the first byte must be '{'"),
        }
        self.reconfigure(&input.bucket, |configuration| {
            configuration.policy = Some(input.policy);
            Ok::<_, S3Error>(())
        })?;
        Ok(dto::PutBucketPolicyOutput::default())
    }

    pub async fn put_bucket_tagging(
        &self,
        request: S3Request<dto::PutBucketTaggingInput>,
    ) -> S3Result<dto::PutBucketTaggingOutput> {
        let input = request.input;
        let tags = tags_of(input.tagging.tag_set, MOST_BUCKET_TAGS)?;
        self.reconfigure(&input.bucket, |configuration| {
            configuration.tags = tags;
            Ok::<_, S3Error>(())
        })?;
        Ok(dto::PutBucketTaggingOutput::default())
    }

    pub async fn get_bucket_tagging(
        &self,
        request: S3Request<dto::GetBucketTaggingInput>,
    ) -> S3Result<dto::GetBucketTaggingOutput> {
        let bucket = self.bucket(&request.input.bucket)?;
        let state = bucket.open()?;
        if state.configuration.tags.is_empty() {
            return Err(S3Error::with_message(S3ErrorCode::NoSuchTagSet, "The TagSet does not exist"));
        }
        Ok(dto::GetBucketTaggingOutput { tag_set: to_tag_set(&state.configuration.tags) })
    }

    pub async fn delete_bucket_tagging(
        &self,
        request: S3Request<dto::DeleteBucketTaggingInput>,
    ) -> S3Result<dto::DeleteBucketTaggingOutput> {
        self.reconfigure(&request.input.bucket, |configuration| {
            configuration.tags.clear();
            Ok::<_, S3Error>(())
        })?;
        Ok(dto::DeleteBucketTaggingOutput::default())
    }

    pub async fn put_object_tagging(
        &self,
        request: S3Request<dto::PutObjectTaggingInput>,
    ) -> S3Result<dto::PutObjectTaggingOutput> {
        let input = request.input;
        let tags = object_tags(input.tagging.tag_set)?;
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        let bucket = self.bucket(&input.bucket)?;
        let mut state = bucket.open()?;
        let changed = state.contents.replace(&input.key, Some(found.version.id()), |version| version.tags = tags);
        if let Some(changed) = changed {
            self.kept.put_version(&bucket, &input.key, &changed);
        }
        Ok(dto::PutObjectTaggingOutput { version_id: found.shown_id() })
    }

    pub async fn get_object_tagging(
        &self,
        request: S3Request<dto::GetObjectTaggingInput>,
    ) -> S3Result<dto::GetObjectTaggingOutput> {
        let input = request.input;
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        Ok(dto::GetObjectTaggingOutput { tag_set: to_tag_set(&found.version.tags), version_id: found.shown_id() })
    }

    pub async fn delete_object_tagging(
        &self,
        request: S3Request<dto::DeleteObjectTaggingInput>,
    ) -> S3Result<dto::DeleteObjectTaggingOutput> {
        let input = request.input;
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        let bucket = self.bucket(&input.bucket)?;
        let mut state = bucket.open()?;
        let changed = state.contents.replace(&input.key, Some(found.version.id()), |version| version.tags.clear());
        if let Some(changed) = changed {
            self.kept.put_version(&bucket, &input.key, &changed);
        }
        let version_id = found.shown_id().filter(|id| id != NULL_VERSION);
        Ok(dto::DeleteObjectTaggingOutput { version_id })
    }

    pub async fn get_bucket_acl(
        &self,
        request: S3Request<dto::GetBucketAclInput>,
    ) -> S3Result<dto::GetBucketAclOutput> {
        self.bucket(&request.input.bucket)?;
        Ok(dto::GetBucketAclOutput { grants: Some(self.grants()), owner: Some(self.owner()) })
    }

    pub async fn get_object_acl(
        &self,
        request: S3Request<dto::GetObjectAclInput>,
    ) -> S3Result<dto::GetObjectAclOutput> {
        let input = request.input;
        self.find(&input.bucket, &input.key, input.version_id.as_deref())?;
        Ok(dto::GetObjectAclOutput { grants: Some(self.grants()), owner: Some(self.owner()), ..Default::default() })
    }

    fn grants(&self) -> Vec<dto::Grant> {
        let grantee = dto::Grantee {
            display_name: None,
            email_address: None,
            id: Some(self.owner_id()),
            type_: dto::Type::from_static(dto::Type::CANONICAL_USER),
            uri: None,
        };
        let permission = dto::Permission::from_static(dto::Permission::FULL_CONTROL);
        vec![dto::Grant { grantee: Some(grantee), permission: Some(permission) }]
    }

    pub async fn put_bucket_lifecycle_configuration(
        &self,
        request: S3Request<dto::PutBucketLifecycleConfigurationInput>,
    ) -> S3Result<dto::PutBucketLifecycleConfigurationOutput> {
        let input = request.input;
        let rules = input.lifecycle_configuration.ok_or_else(malformed_xml)?.rules;
        self.reconfigure(&input.bucket, |configuration| {
            configuration.lifecycle = Some(rules);
            Ok::<_, S3Error>(())
        })?;
        Ok(dto::PutBucketLifecycleConfigurationOutput::default())
    }
}

/// Writes the put, get and delete of a setting that is kept as it came.
macro_rules! settings {
    ($($field:ident: $put:ident($put_input:ident) -> $put_output:ident, $get:ident($get_input:ident) -> $get_output:ident,
        $delete:ident($delete_input:ident) -> $delete_output:ident;
        |$given:ident| $taken:expr; |$kept:ident| $shown:expr; $absent:expr;)+) => {
        impl Store {$(
            pub async fn $put(&self, request: S3Request<dto::$put_input>) -> S3Result<dto::$put_output> {
                let $given = request.input;
                let bucket = $given.bucket.clone();
                let taken = $taken;
                self.reconfigure(&bucket, |configuration| {
                    configuration.$field = Some(taken);
                    Ok::<_, S3Error>(())
                })?;
                Ok(dto::$put_output::default())
            }
            settings!(@rest $field, $get, $get_input, $get_output, $delete, $delete_input, $delete_output, $kept, $shown, $absent);
        )+}
    };
    (@rest $field:ident, $get:ident, $get_input:ident, $get_output:ident, $delete:ident, $delete_input:ident,
        $delete_output:ident, $kept:ident, $shown:expr, $absent:expr) => {
        pub async fn $get(&self, request: S3Request<dto::$get_input>) -> S3Result<dto::$get_output> {
            let bucket = self.bucket(&request.input.bucket)?;
            let kept = bucket.open()?.configuration.$field.clone();
            match kept {
                Some($kept) => Ok($shown),
                None => Err($absent),
            }
        }

        pub async fn $delete(&self, request: S3Request<dto::$delete_input>) -> S3Result<dto::$delete_output> {
            self.reconfigure(&request.input.bucket, |configuration| {
                configuration.$field = None;
                Ok::<_, S3Error>(())
            })?;
            Ok(dto::$delete_output::default())
        }
    };
}

settings! {
    public_access_block: put_public_access_block(PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput,
        get_public_access_block(GetPublicAccessBlockInput) -> GetPublicAccessBlockOutput,
        delete_public_access_block(DeletePublicAccessBlockInput) -> DeletePublicAccessBlockOutput;
        |input| input.public_access_block_configuration;
        |kept| dto::GetPublicAccessBlockOutput { public_access_block_configuration: Some(kept) };
        custom("NoSuchPublicAccessBlockConfiguration", http::StatusCode::NOT_FOUND, "The public access block configuration was not found");
    encryption: put_bucket_encryption(PutBucketEncryptionInput) -> PutBucketEncryptionOutput,
        get_bucket_encryption(GetBucketEncryptionInput) -> GetBucketEncryptionOutput,
        delete_bucket_encryption(DeleteBucketEncryptionInput) -> DeleteBucketEncryptionOutput;
        |input| input.server_side_encryption_configuration;
        |kept| dto::GetBucketEncryptionOutput { server_side_encryption_configuration: Some(kept) };
        custom("ServerSideEncryptionConfigurationNotFoundError", http::StatusCode::NOT_FOUND, "The server side encryption configuration was not found");
    cors: put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput,
        get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput,
        delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput;
        |input| input.cors_configuration.cors_rules;
        |kept| dto::GetBucketCorsOutput { cors_rules: Some(kept) };
        S3Error::with_message(S3ErrorCode::NoSuchCORSConfiguration, "The CORS configuration does not exist");
    ownership: put_bucket_ownership_controls(PutBucketOwnershipControlsInput) -> PutBucketOwnershipControlsOutput,
        get_bucket_ownership_controls(GetBucketOwnershipControlsInput) -> GetBucketOwnershipControlsOutput,
        delete_bucket_ownership_controls(DeleteBucketOwnershipControlsInput) -> DeleteBucketOwnershipControlsOutput;
        |input| input.ownership_controls;
        |kept| dto::GetBucketOwnershipControlsOutput { ownership_controls: Some(kept) };
        S3Error::with_message(S3ErrorCode::OwnershipControlsNotFoundError, "The bucket ownership controls were not found");
}

impl Store {
    settings!(@rest policy, get_bucket_policy, GetBucketPolicyInput, GetBucketPolicyOutput, delete_bucket_policy,
        DeleteBucketPolicyInput, DeleteBucketPolicyOutput, kept, dto::GetBucketPolicyOutput { policy: Some(kept) },
        S3Error::with_message(S3ErrorCode::NoSuchBucketPolicy, "The bucket policy does not exist"));
    settings!(@rest lifecycle, get_bucket_lifecycle_configuration, GetBucketLifecycleConfigurationInput,
        GetBucketLifecycleConfigurationOutput, delete_bucket_lifecycle, DeleteBucketLifecycleInput,
        DeleteBucketLifecycleOutput, kept,
        dto::GetBucketLifecycleConfigurationOutput { rules: Some(kept), ..Default::default() },
        S3Error::with_message(S3ErrorCode::NoSuchLifecycleConfiguration, "The lifecycle configuration does not exist"));
}

/// The refusal of a feature that the endpoint lacks.
fn lacking(what: &str) -> S3Error {
    S3Error::with_message(
        S3ErrorCode::NotImplemented,
        format!("the embedded endpoint does not implement Amazon S3 {what}; see docs/emulator.md"),
    )
}
