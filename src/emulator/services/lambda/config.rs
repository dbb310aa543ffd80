//! What a function is configured to be: the members of CreateFunction and UpdateFunctionConfiguration, checked, and the
//! `FunctionConfiguration` that answers show.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::LambdaError;
use super::interpreter::{Interpreter, Readiness};
use super::interpreters;
use super::package::Package;
use super::scalar::number;
use crate::model::{Arn, Timestamp};

/// Bytes of names and values that a function's environment may have.
const ENVIRONMENT_LIMIT: usize = 4 * 1024;

/// Names that Lambda sets itself and lets nobody change.
const RESERVED_NAMES: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogFormat {
    /// Lines as people read them.
    #[default]
    #[serde(rename = "Text")]
    Text,
    /// One JSON object a line.
    Json,
}

/// `LoggingConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Logging {
    /// `LogFormat`.
    #[serde(default, rename = "LogFormat")]
    pub format: LogFormat,
    /// Kept and shown; a function filters its own lines by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_log_level: Option<String>,
    /// With `WARN` and format JSON, Lambda's own lines are left out when an invocation succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_log_level: Option<String>,
    /// The log group; `/aws/lambda/<name>` unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
}

impl Logging {
    /// Whether Lambda itself tells of each start and end.
    pub fn tells_start_and_report(&self) -> bool {
        self.format == LogFormat::Text || self.system_log_level.as_deref() != Some("WARN")
    }
}

/// `Environment` of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnvironmentInput {
    #[serde(default)]
    variables: IndexMap<String, String>,
}

/// The members that CreateFunction and UpdateFunctionConfiguration share.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfigInput {
    runtime: Option<String>,
    role: Option<String>,
    handler: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "number")]
    timeout: Option<u32>,
    #[serde(default, deserialize_with = "number")]
    memory_size: Option<u32>,
    environment: Option<EnvironmentInput>,
    dead_letter_config: Option<Value>,
    logging_config: Option<Logging>,
    tracing_config: Option<Value>,
    ephemeral_storage: Option<Value>,
    layers: Option<Vec<String>>,
    vpc_config: Option<Value>,
    file_system_configs: Option<Vec<Value>>,
    image_config: Option<Value>,
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: Option<String>,
}

/// A function's configuration; a new one replaces it when it changes.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name.
    pub name: Arc<str>,
    /// The ARN.
    pub arn: Arc<str>,
    /// Such as `provided.al2023`.
    pub runtime: String,
    /// The role's ARN.
    pub role: String,
    /// `_HANDLER`.
    pub handler: String,
    /// The description.
    pub description: String,
    /// Seconds of real time that an invocation may take.
    pub timeout: u32,
    /// Megabytes; told to the function and shown, not enforced.
    pub memory: u32,
    /// The function's own variables.
    pub environment: IndexMap<String, String>,
    /// Where events go that could not be worked off.
    pub dead_letter: Option<Arn>,
    /// How it logs.
    pub logging: Logging,
    /// `PassThrough` or `Active`; shown only.
    pub tracing: String,
    /// Megabytes of `/tmp`; shown only.
    pub ephemeral_mb: u64,
    /// Such as `x86_64`; shown only.
    pub architectures: Vec<String>,
    /// The unpacked code.
    pub package: Arc<Package>,
    /// What a function of an interpreted runtime runs on.
    pub interpreter: Option<Arc<Interpreter>>,
    /// Whether it has been changed since it was made.
    pub updated: bool,
    /// Changes with each change.
    pub revision: String,
    /// When it was changed last.
    pub modified: Timestamp,
}

impl Config {
    /// A configuration with AWS's defaults.
    pub fn new(name: &str, arn: &str, package: Arc<Package>, architectures: Vec<String>) -> Self {
        Self {
            name: name.into(),
            arn: arn.into(),
            runtime: String::new(),
            role: String::new(),
            handler: String::new(),
            description: String::new(),
            timeout: 3,
            memory: 128,
            environment: IndexMap::new(),
            dead_letter: None,
            logging: Logging::default(),
            tracing: "PassThrough".to_owned(),
            ephemeral_mb: 512,
            architectures,
            package,
            interpreter: None,
            updated: false,
            revision: String::new(),
            modified: Timestamp::default(),
        }
    }

    /// Takes the members that a request names.
    ///
    /// # Errors
    /// `InvalidParameterValueException` naming the first one that AWS or the endpoint refuses.
    pub fn apply(&mut self, input: ConfigInput) -> Result<(), LambdaError> {
        let named = [
            ("Layers", input.layers.is_some_and(|layers| !layers.is_empty())),
            ("VpcConfig", input.vpc_config.as_ref().is_some_and(names_subnets)),
            ("FileSystemConfigs", input.file_system_configs.is_some_and(|list| !list.is_empty())),
            ("ImageConfig", input.image_config.is_some()),
            ("KMSKeyArn", input.kms_key_arn.is_some_and(|arn| !arn.is_empty())),
        ];
        if let Some((name, _)) = named.iter().find(|(_, named)| *named) {
            return Err(LambdaError::unsupported(&format!("{name} of a function")));
        }
        if let Some(runtime) = input.runtime {
            self.runtime = known_runtime(runtime)?;
        }
        if let Some(role) = input.role {
            if !role.starts_with("arn:") {
                return Err(LambdaError::InvalidParameter(format!("{role:?} is not the ARN of a role")));
            }
            self.role = role;
        }
        self.handler = input.handler.unwrap_or(std::mem::take(&mut self.handler));
        self.description = input.description.unwrap_or(std::mem::take(&mut self.description));
        self.timeout = in_range("timeout", input.timeout, 1..=900, self.timeout)?;
        self.memory = in_range("memorySize", input.memory_size, 128..=10_240, self.memory)?;
        if let Some(environment) = input.environment {
            self.environment = checked_environment(environment.variables)?;
        }
        if let Some(config) = input.dead_letter_config {
            self.dead_letter = destination(config.get("TargetArn"), &["sqs", "sns"])?;
        }
        if let Some(logging) = input.logging_config {
            let levels = logging.application_log_level.is_some() || logging.system_log_level.is_some();
            if levels && logging.format == LogFormat::Text {
                return Err(LambdaError::InvalidParameter(
                    "ApplicationLogLevel and SystemLogLevel can be set only when LogFormat is JSON".to_owned(),
                ));
            }
            self.logging = logging;
        }
        if let Some(mode) = input.tracing_config.as_ref().and_then(|config| config.get("Mode")).and_then(Value::as_str)
        {
            mode.clone_into(&mut self.tracing);
        }
        if let Some(size) = input.ephemeral_storage.as_ref().and_then(|storage| storage.get("Size")) {
            self.ephemeral_mb = size.as_u64().unwrap_or(self.ephemeral_mb);
        }
        Ok(())
    }

    /// The log group's name.
    pub fn log_group(&self) -> String {
        self.logging.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", self.name))
    }

    /// `FunctionConfiguration` as AWS shows it.
    pub fn shown(&self) -> Value {
        let mut shown = json!({
            "FunctionName": &*self.name,
            "FunctionArn": &*self.arn,
            "Runtime": self.runtime,
            "Role": self.role,
            "Handler": self.handler,
            "CodeSize": self.package.size,
            "Description": self.description,
            "Timeout": self.timeout,
            "MemorySize": self.memory,
            "LastModified": self.modified.iso_millis().replace('Z', "+0000"),
            "CodeSha256": self.package.sha256,
            "Version": "$LATEST",
            "TracingConfig": { "Mode": self.tracing },
            "RevisionId": self.revision,
            "PackageType": "Zip",
            "Architectures": self.architectures,
            "EphemeralStorage": { "Size": self.ephemeral_mb },
            "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
            "LoggingConfig": self.logging,
        });
        shown["LoggingConfig"]["LogGroup"] = Value::from(self.log_group());
        self.show_state(&mut shown);
        if !self.environment.is_empty() {
            shown["Environment"] = json!({ "Variables": self.environment });
        }
        if let Some(arn) = &self.dead_letter {
            shown["DeadLetterConfig"] = json!({ "TargetArn": arn.to_string() });
        }
        shown
    }
}

impl Config {
    /// `Pending` or `Failed` while its runtime is not there; else `None`.
    pub fn hindrance(&self) -> Option<(&'static str, String)> {
        match self.interpreter.as_ref()?.readiness() {
            Readiness::Ready(_) => None,
            Readiness::Preparing => Some(("Pending", "The function is being created.".to_owned())),
            Readiness::Failed(why) => Some(("Failed", why)),
        }
    }

    /// Adds `State` and `LastUpdateStatus`, each with its reason. A function that runs on another version of its language
    /// than the one that it asks for is active and says so in its `StateReason`.
    fn show_state(&self, shown: &mut Value) {
        let state = |shown: &mut Value, state: &str| shown["State"] = Value::from(state);
        let updated = |shown: &mut Value, status: &str| shown["LastUpdateStatus"] = Value::from(status);
        match self.hindrance() {
            Some((hindrance, why)) if self.updated => {
                state(shown, "Active");
                updated(shown, if hindrance == "Failed" { "Failed" } else { "InProgress" });
                shown["LastUpdateStatusReason"] = Value::from(why);
                let code = if hindrance == "Failed" { "InternalError" } else { "Updating" };
                shown["LastUpdateStatusReasonCode"] = Value::from(code);
            }
            Some((hindrance, why)) => {
                state(shown, hindrance);
                shown["StateReason"] = Value::from(why);
                let code = if hindrance == "Failed" { "InternalError" } else { "Creating" };
                shown["StateReasonCode"] = Value::from(code);
                updated(shown, "Successful");
            }
            None => {
                state(shown, "Active");
                updated(shown, "Successful");
                if let Some(remark) = self.interpreter.as_ref().and_then(|interpreter| interpreter.remark.as_deref()) {
                    shown["StateReason"] = Value::from(remark);
                }
            }
        }
    }
}

fn names_subnets(config: &Value) -> bool {
    config.get("SubnetIds").and_then(Value::as_array).is_some_and(|ids| !ids.is_empty())
}

fn known_runtime(runtime: String) -> Result<String, LambdaError> {
    match runtime.as_str() {
        "provided.al2023" | "provided.al2" | "provided" => Ok(runtime),
        other if interpreters::interprets(other) => Ok(runtime),
        other => Err(LambdaError::unsupported(&format!(
            "the runtime {other}: use python3.x, nodejs….x, or provided.al2023 with an executable named bootstrap in the package"
        ))),
    }
}

fn in_range(
    name: &str,
    value: Option<u32>,
    range: std::ops::RangeInclusive<u32>,
    now: u32,
) -> Result<u32, LambdaError> {
    match value {
        Some(value) if !range.contains(&value) => Err(LambdaError::InvalidParameter(format!(
            "Value '{value}' at '{name}' failed to satisfy constraint: Member must have value between {} and {}",
            range.start(),
            range.end(),
        ))),
        value => Ok(value.unwrap_or(now)),
    }
}

fn checked_environment(variables: IndexMap<String, String>) -> Result<IndexMap<String, String>, LambdaError> {
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED_NAMES.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(LambdaError::InvalidParameter(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. Reserved keys used in \
             this request: {}",
            reserved.join(", ")
        )));
    }
    let valid = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_')
    };
    if let Some((name, _)) = variables.iter().find(|(name, value)| !valid(name) || value.contains('\0')) {
        return Err(LambdaError::InvalidParameter(format!("{name:?} is no valid environment variable")));
    }
    if variables.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > ENVIRONMENT_LIMIT {
        return Err(LambdaError::InvalidParameter(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the {ENVIRONMENT_LIMIT} bytes limit"
        )));
    }
    Ok(variables)
}

/// The ARN of a destination, of one of `services`; none when it is missing or empty.
///
/// # Errors
/// `InvalidParameterValueException` when it is no ARN or of another service.
pub fn destination(arn: Option<&Value>, services: &[&str]) -> Result<Option<Arn>, LambdaError> {
    let Some(text) = arn.and_then(Value::as_str).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let arn: Arn =
        text.parse().map_err(|error: crate::model::ArnError| LambdaError::InvalidParameter(error.to_string()))?;
    if !services.contains(&arn.service.as_str()) {
        return Err(LambdaError::unsupported(&format!("a destination of the service {:?}", arn.service)));
    }
    Ok(Some(arn))
}
