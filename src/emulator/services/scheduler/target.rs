//! What a schedule calls: templated targets, named by the ARN of a resource, and universal ones, which name an operation.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::SchedulerError;
use crate::emulator::sdk::{Sdk, capitalised};
use crate::model::Arn;

/// Attempts after the first at most, and how old an invocation may grow meanwhile: AWS's defaults.
const RETRIES: u32 = 185;
const OLDEST: u64 = 86_400;

/// A target as callers write it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetInput {
    #[serde(default)]
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(default)]
    role_arn: String,
    /// The parameters of single kinds of targets.
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u32>,
}

/// How a target is called.
#[derive(Debug, Clone)]
pub enum Way {
    /// The input is handed to the resource.
    Deliver(Arn),
    /// The input is the detail of an event.
    PutEvents { bus: String, source: String, detail_type: String },
    /// A task is run.
    RunTask { cluster: String, parameters: Map<String, Value> },
    /// The input is that of an operation.
    Call { sdk: &'static Sdk, operation: String },
}

/// A target, read once.
#[derive(Debug, Clone)]
pub struct Target {
    pub arn: String,
    pub way: Way,
    pub input: Option<String>,
    pub dead_letters: Option<Arn>,
    pub retries: u32,
    pub oldest: Duration,
}

impl TargetInput {
    /// AWS returns its retry policy whether or not it was given.
    pub fn with_defaults(&mut self) {
        let policy = self.retry_policy.get_or_insert_with(RetryPolicy::default);
        policy.maximum_event_age_in_seconds.get_or_insert(OLDEST);
        policy.maximum_retry_attempts.get_or_insert(RETRIES);
    }

    /// What `ListSchedules` says of it.
    pub fn summary(&self) -> Value {
        json!({ "Arn": self.arn })
    }
}

impl Target {
    /// Reads a target.
    pub fn read(given: &TargetInput) -> Result<Self, SchedulerError> {
        let bad_arn = || SchedulerError::validation("Provided Arn is not in correct format.");
        let arn: Arn = given.arn.parse().map_err(|_| bad_arn())?;
        let role: Option<Arn> = given.role_arn.parse().ok();
        if role.is_none_or(|role| role.service != "iam") {
            return Err(SchedulerError::validation(format!(
                "Value '{}' at 'target.roleArn' failed to satisfy constraint: Member must be the ARN of a role",
                given.role_arn
            )));
        }
        let dead_letters = match given.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref()) {
            None => None,
            Some(text) => Some(text.parse().ok().filter(|arn: &Arn| arn.service == "sqs").ok_or_else(bad_arn)?),
        };
        let policy = given.retry_policy.clone().unwrap_or_default();
        let retries = policy.maximum_retry_attempts.unwrap_or(RETRIES);
        let oldest = policy.maximum_event_age_in_seconds.unwrap_or(OLDEST);
        if retries > RETRIES || !(60..=OLDEST).contains(&oldest) {
            return Err(SchedulerError::validation(
                "RetryPolicy is out of range: MaximumRetryAttempts is 0 to 185, MaximumEventAgeInSeconds 60 to 86400.",
            ));
        }
        let way = Way::read(arn, given)?;
        let is_json = |text: &String| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        if !matches!(&way, Way::Deliver(arn) if arn.service == "sqs" || arn.service == "sns")
            && given.input.as_ref().is_some_and(|input| !is_json(input))
        {
            return Err(SchedulerError::validation("Invalid request provided: Input is not valid JSON."));
        }
        let (input, oldest) = (given.input.clone(), Duration::from_secs(oldest));
        Ok(Self { arn: given.arn.clone(), way, input, dead_letters, retries, oldest })
    }
}

impl Way {
    fn read(arn: Arn, given: &TargetInput) -> Result<Self, SchedulerError> {
        let wrong = |what: &str| SchedulerError::validation(format!("Invalid request provided: {what}"));
        let parameter = |name: &str| given.parameters.get(name).and_then(Value::as_object);
        let text = |of: &Map<String, Value>, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        if arn.service == "scheduler" {
            let (service, action) =
                arn.resource.strip_prefix("aws-sdk:").and_then(|rest| rest.split_once(':')).ok_or_else(|| {
                    wrong("a universal target has the form arn:aws:scheduler:::aws-sdk:service:apiAction")
                })?;
            let sdk = Sdk::named(service).ok_or_else(|| {
                SchedulerError::Unsupported(format!("universal targets of the service {service} ({action})"))
            })?;
            return Ok(Self::Call { sdk, operation: capitalised(action) });
        }
        match (arn.service.as_str(), arn.resource.split([':', '/']).next().unwrap_or_default()) {
            ("sqs" | "sns", _) if arn.resource.strip_suffix(".fifo").is_some() => {
                Err(SchedulerError::Unsupported("targets that are FIFO queues or topics".to_owned()))
            }
            ("lambda", "function") | ("states", "stateMachine") | ("sqs" | "sns", _) => Ok(Self::Deliver(arn)),
            ("events", "event-bus") => {
                let event = parameter("EventBridgeParameters")
                    .ok_or_else(|| wrong("EventBridgeParameters is required for an event bus."))?;
                match (text(event, "Source"), text(event, "DetailType")) {
                    (Some(source), Some(detail_type)) => {
                        Ok(Self::PutEvents { bus: arn.to_string(), source, detail_type })
                    }
                    _ => Err(wrong("EventBridgeParameters needs Source and DetailType.")),
                }
            }
            ("ecs", "cluster") => {
                let task =
                    parameter("EcsParameters").ok_or_else(|| wrong("EcsParameters is required for a cluster."))?;
                if text(task, "TaskDefinitionArn").is_none() {
                    return Err(wrong("EcsParameters needs TaskDefinitionArn."));
                }
                Ok(Self::RunTask { cluster: arn.to_string(), parameters: task.clone() })
            }
            (service, _) => Err(SchedulerError::Unsupported(format!("templated targets of the service {service}"))),
        }
    }
}
