//! A rule's targets: how callers write them, and how they are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::EventsError;
use super::input::Input;
use crate::model::Arn;

/// Attempts after the first at the most, and how old an event may grow meanwhile: AWS's defaults.
const RETRIES: u32 = 185;
const OLDEST: Duration = Duration::from_secs(86_400);

/// A target as `PutTargets` takes it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetInput {
    pub id: String,
    pub arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_transformer: Option<InputTransformerInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    /// Roles and the parameters of single kinds of targets.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InputTransformerInput {
    #[serde(default)]
    pub input_paths_map: BTreeMap<String, String>,
    pub input_template: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u64>,
}

/// A target, read once.
#[derive(Debug, Clone)]
pub struct Target {
    pub given: TargetInput,
    pub arn: Arn,
    pub input: Input,
    /// The target's own parameters, such as `SqsParameters`; null without any.
    pub parameters: Value,
    /// The dead-letter queue.
    pub dead_letters: Option<Arn>,
    pub retries: u32,
    pub oldest: Duration,
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// When its ARNs, input or retry policy are not valid.
    pub fn read(given: TargetInput) -> Result<Self, EventsError> {
        let bad_arn = |id: &str| {
            EventsError::validation(format!(
                "Parameter {id} is not valid. Reason: Provided Arn is not in correct format."
            ))
        };
        let arn = given.arn.parse::<Arn>().map_err(|_| bad_arn(&given.id))?;
        let dead_letters = match given.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref()) {
            None => None,
            Some(text) => match text.parse::<Arn>() {
                Ok(arn) if arn.service == "sqs" => Some(arn),
                _ => return Err(bad_arn(&given.id)),
            },
        };
        let policy = given.retry_policy.as_ref();
        let retries = policy.and_then(|policy| policy.maximum_retry_attempts).unwrap_or(RETRIES);
        let age = policy.and_then(|policy| policy.maximum_event_age_in_seconds);
        if retries > RETRIES || age.is_some_and(|age| !(60..=86_400).contains(&age)) {
            return Err(EventsError::validation(format!(
                "RetryPolicy of target {} is out of range: MaximumRetryAttempts is 0 to 185, MaximumEventAgeInSeconds 60 to 86400.",
                given.id
            )));
        }
        let parameters: Map<String, Value> = given
            .rest
            .iter()
            .filter(|(name, _)| name.ends_with("Parameters"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Ok(Self {
            arn,
            input: Input::read(&given)?,
            parameters: if parameters.is_empty() { Value::Null } else { parameters.into() },
            dead_letters,
            retries,
            oldest: age.map_or(OLDEST, Duration::from_secs),
            given,
        })
    }
}
