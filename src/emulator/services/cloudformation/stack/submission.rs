//! What a stack is made from: a template with its values, as a caller submits them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::emulator::services::cloudformation::template::Template;
use crate::emulator::services::cloudformation::template::parameters::MASKED;

/// A tag of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// At most 128 characters.
    pub key: String,
    /// At most 256 characters.
    #[serde(default)]
    pub value: String,
}

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterValue {
    /// As given, or the default.
    pub value: String,
    /// The value of the SSM parameter that it names.
    pub resolved: Option<String>,
    /// Whether it is never shown.
    pub no_echo: bool,
}

/// What a caller submits: everything that a stack is made from.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Read and checked.
    pub template: Arc<Template>,
    /// By name.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// Of the stack.
    pub tags: Vec<Tag>,
    /// As given.
    pub capabilities: Vec<String>,
    /// As given.
    pub notification_arns: Vec<String>,
    /// As given.
    pub role_arn: Option<String>,
}

impl Submission {
    /// Plain values of the parameters.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, String> {
        let plain = |value: &ParameterValue| value.resolved.clone().unwrap_or_else(|| value.value.clone());
        self.parameters.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
    }

    /// As `Parameters` of an answer shows them.
    #[must_use]
    pub fn shown_parameters(&self) -> Value {
        let shown = self.parameters.iter().map(|(name, value)| {
            let mask = |text: &str| if value.no_echo { MASKED.to_owned() } else { text.to_owned() };
            let mut entry = json!({"ParameterKey": name, "ParameterValue": mask(&value.value)});
            if let Some(resolved) = &value.resolved {
                entry["ResolvedValue"] = Value::from(mask(resolved));
            }
            entry
        });
        shown.collect()
    }
}
