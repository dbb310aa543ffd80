//! The operations on what a function has besides its configuration: permissions, concurrency, asynchronous invocation
//! and tags.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Lambda;
use super::config::destination;
use super::error::LambdaError;
use super::event_queue::EventInvokeConfig;
use super::function::Function;
use super::functions::NamedInput;
use super::policy::PermissionInput;
use super::scalar::number;
use crate::emulator::service::Context;

/// The services that a result can be handed to.
const DESTINATIONS: &[&str] = &["sqs", "sns", "lambda"];

/// The input of AddPermission.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddPermissionInput {
    #[serde(flatten)]
    function: NamedInput,
    #[serde(flatten)]
    permission: PermissionInput,
}

/// The input of RemovePermission.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemovePermissionInput {
    #[serde(flatten)]
    function: NamedInput,
    statement_id: String,
}

/// The input of PutFunctionConcurrency.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutConcurrencyInput {
    function_name: String,
    #[serde(default, deserialize_with = "number")]
    reserved_concurrent_executions: Option<u32>,
}

/// The input of PutFunctionEventInvokeConfig and UpdateFunctionEventInvokeConfig.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventInvokeInput {
    #[serde(flatten)]
    function: NamedInput,
    #[serde(default, deserialize_with = "number")]
    maximum_retry_attempts: Option<u32>,
    #[serde(default, deserialize_with = "number")]
    maximum_event_age_in_seconds: Option<u32>,
    destination_config: Option<Value>,
}

/// The input of TagResource.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagInput {
    resource: String,
    #[serde(default)]
    tags: IndexMap<String, String>,
}

/// The input of UntagResource.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagInput {
    resource: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// The input of ListTags.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsInput {
    resource: String,
}

impl Lambda {
    /// AddPermission.
    pub(super) async fn add_permission(&self, input: AddPermissionInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.named(&input.function)?;
        let mut policy = function.policy.write().unwrap_or_else(PoisonError::into_inner);
        let statement = policy.add(input.permission, &function.arn)?;
        drop(policy);
        function.keep();
        Ok(json!({ "Statement": statement.to_string() }))
    }

    /// RemovePermission.
    pub(super) async fn remove_permission(
        &self,
        input: RemovePermissionInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let function = self.named(&input.function)?;
        if function.policy.write().unwrap_or_else(PoisonError::into_inner).remove(&input.statement_id) {
            function.keep();
            return Ok(Value::Null);
        }
        Err(LambdaError::NotFound(format!("Statement {} is not found in resource policy.", input.statement_id)))
    }

    /// GetPolicy.
    pub(super) async fn get_policy(&self, input: NamedInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.named(&input)?;
        let policy = function.policy.read().unwrap_or_else(PoisonError::into_inner).shown();
        match policy {
            Some(policy) => Ok(json!({ "Policy": policy.to_string(), "RevisionId": function.config().revision })),
            None => Err(LambdaError::NotFound("The resource you requested does not exist.".to_owned())),
        }
    }

    /// PutFunctionConcurrency.
    pub(super) async fn put_function_concurrency(
        &self,
        input: PutConcurrencyInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.function_name)?;
        let Some(reserved) = input.reserved_concurrent_executions.filter(|reserved| *reserved <= 1_000) else {
            return Err(LambdaError::InvalidParameter(
                "ReservedConcurrentExecutions must be between 0 and 1000".to_owned(),
            ));
        };
        function.reserve(Some(reserved));
        function.keep();
        Ok(json!({ "ReservedConcurrentExecutions": reserved }))
    }

    /// GetFunctionConcurrency.
    pub(super) async fn get_function_concurrency(&self, input: NamedInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.function_name)?;
        Ok(function.reserved().map_or(json!({}), |reserved| json!({ "ReservedConcurrentExecutions": reserved })))
    }

    /// DeleteFunctionConcurrency.
    pub(super) async fn delete_function_concurrency(
        &self,
        input: NamedInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.function_name)?;
        function.reserve(None);
        function.keep();
        Ok(Value::Null)
    }

    /// PutFunctionEventInvokeConfig: what is not named goes back to its default.
    pub(super) async fn put_function_event_invoke_config(
        &self,
        input: EventInvokeInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        self.change_event_invoke(input, EventInvokeConfig::default())
    }

    /// UpdateFunctionEventInvokeConfig: what is not named stays.
    pub(super) async fn update_function_event_invoke_config(
        &self,
        input: EventInvokeInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let function = self.named(&input.function)?;
        let before = event_invoke_of(&function)?;
        self.change_event_invoke(input, before)
    }

    /// GetFunctionEventInvokeConfig.
    pub(super) async fn get_function_event_invoke_config(
        &self,
        input: NamedInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let function = self.named(&input)?;
        Ok(shown(&function, &event_invoke_of(&function)?))
    }

    /// DeleteFunctionEventInvokeConfig.
    pub(super) async fn delete_function_event_invoke_config(
        &self,
        input: NamedInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let function = self.named(&input)?;
        event_invoke_of(&function)?;
        *function.event_invoke.write().unwrap_or_else(PoisonError::into_inner) = None;
        function.keep();
        Ok(Value::Null)
    }

    /// TagResource.
    pub(super) async fn tag_resource(&self, input: TagInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.resource)?;
        function.tags.lock().unwrap_or_else(PoisonError::into_inner).extend(input.tags);
        function.keep();
        Ok(Value::Null)
    }

    /// UntagResource.
    pub(super) async fn untag_resource(&self, input: UntagInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.resource)?;
        let mut tags = function.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.retain(|key, _| !input.tag_keys.contains(key));
        drop(tags);
        function.keep();
        Ok(Value::Null)
    }

    /// ListTags.
    pub(super) async fn list_tags(&self, input: ListTagsInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.resource)?;
        let tags = function.tags.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(json!({ "Tags": *tags }))
    }

    fn change_event_invoke(
        &self,
        input: EventInvokeInput,
        mut config: EventInvokeConfig,
    ) -> Result<Value, LambdaError> {
        let function = self.named(&input.function)?;
        if let Some(retries) = input.maximum_retry_attempts {
            if retries > 2 {
                return Err(LambdaError::InvalidParameter("MaximumRetryAttempts must be between 0 and 2".to_owned()));
            }
            config.retries = retries;
        }
        if let Some(age) = input.maximum_event_age_in_seconds {
            if !(60..=21_600).contains(&age) {
                return Err(LambdaError::InvalidParameter(
                    "MaximumEventAgeInSeconds must be between 60 and 21600".to_owned(),
                ));
            }
            config.max_age = Duration::from_secs(u64::from(age));
        }
        if let Some(destinations) = &input.destination_config {
            config.on_success = destination(destinations.pointer("/OnSuccess/Destination"), DESTINATIONS)?;
            config.on_failure = destination(destinations.pointer("/OnFailure/Destination"), DESTINATIONS)?;
        }
        config.modified = self.registry.fabric.clock().now();
        let answer = shown(&function, &config);
        *function.event_invoke.write().unwrap_or_else(PoisonError::into_inner) = Some(config);
        function.keep();
        Ok(answer)
    }
}

fn event_invoke_of(function: &Arc<Function>) -> Result<EventInvokeConfig, LambdaError> {
    function.event_invoke.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(|| {
        LambdaError::NotFound(format!("The function {}:$LATEST doesn't have an EventInvokeConfig", function.arn))
    })
}

fn shown(function: &Function, config: &EventInvokeConfig) -> Value {
    let destination = |arn: &Option<crate::model::Arn>| {
        arn.as_ref().map_or(json!({}), |arn| json!({ "Destination": arn.to_string() }))
    };
    json!({
        "LastModified": config.modified.epoch_seconds(),
        "FunctionArn": format!("{}:$LATEST", function.arn),
        "MaximumRetryAttempts": config.retries,
        "MaximumEventAgeInSeconds": config.max_age.as_secs(),
        "DestinationConfig": {
            "OnSuccess": destination(&config.on_success),
            "OnFailure": destination(&config.on_failure),
        },
    })
}
