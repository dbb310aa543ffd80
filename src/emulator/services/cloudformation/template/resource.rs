//! A resource of a template: its members, and what AWS checks of them without values.

use serde_json::{Map, Value};

use super::{format_error, invalid};
use crate::emulator::services::cloudformation::error::Error;

const RESOURCE_MEMBERS: [&str; 10] = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Description",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

/// What happens to the physical resource when its stack lets go of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Policy {
    /// It is deleted.
    #[default]
    Delete,
    /// It stays.
    Retain,
    /// It stays, unless the operation that made it is rolled back.
    RetainExceptOnCreate,
}

/// One entry of `Resources`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceDefinition {
    /// Such as `AWS::SQS::Queue`.
    pub kind: String,
    /// As in the template, functions not yet evaluated.
    pub properties: Value,
    /// The condition that it is made under.
    pub condition: Option<String>,
    /// Resources that must be there first, as `DependsOn` says.
    pub depends_on: Vec<String>,
    /// When the stack no longer has it.
    pub deletion_policy: Policy,
    /// When another physical resource takes its place.
    pub update_replace_policy: Policy,
    /// As in the template.
    pub metadata: Value,
}

pub(super) fn read_resource(logical: &str, definition: &Value) -> Result<ResourceDefinition, Error> {
    let at = format!("[/Resources/{logical}]");
    let Value::Object(members) = definition else {
        return Err(format_error(format!("{at} Every Resources member must be an object.")));
    };
    if let Some(unknown) = members.keys().find(|member| !RESOURCE_MEMBERS.contains(&member.as_str())) {
        return Err(invalid(format!("Invalid template resource property '{unknown}'")));
    }
    let Some(kind) = members.get("Type") else {
        return Err(format_error(format!("{at} Every Resources object must contain a Type member.")));
    };
    let Some(kind) = kind.as_str() else {
        return Err(format_error(format!("{at} The Type of a resource must be a string.")));
    };
    for unsupported in ["CreationPolicy", "UpdatePolicy"] {
        if members.contains_key(unsupported) {
            return Err(invalid(format!(
                "the embedded endpoint does not implement {unsupported} (resource {logical})"
            )));
        }
    }
    let properties = match members.get("Properties") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(Value::Object(properties)) => Value::Object(properties.clone()),
        Some(_) => {
            return Err(format_error(format!("[/Resources/{logical}/Properties] Properties must be an object.")));
        }
    };
    let condition = match members.get("Condition") {
        None => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => return Err(format_error(format!("{at} Condition must be a string."))),
    };
    Ok(ResourceDefinition {
        kind: kind.to_owned(),
        properties,
        condition,
        depends_on: depends_on(&at, members.get("DependsOn"))?,
        deletion_policy: policy(kind, "DeletionPolicy", members.get("DeletionPolicy"))?,
        update_replace_policy: policy(kind, "UpdateReplacePolicy", members.get("UpdateReplacePolicy"))?,
        metadata: members.get("Metadata").cloned().unwrap_or_default(),
    })
}

fn depends_on(at: &str, value: Option<&Value>) -> Result<Vec<String>, Error> {
    let refused = || format_error(format!("{at} DependsOn must be a string or a list of strings."));
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(many)) => {
            many.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(refused)).collect()
        }
        Some(_) => Err(refused()),
    }
}

fn policy(kind: &str, member: &str, value: Option<&Value>) -> Result<Policy, Error> {
    match value.map(|value| value.as_str().unwrap_or_default()) {
        None | Some("Delete") => Ok(Policy::Delete),
        Some("Retain") => Ok(Policy::Retain),
        Some("RetainExceptOnCreate") if member == "DeletionPolicy" => Ok(Policy::RetainExceptOnCreate),
        Some("Snapshot") => {
            Err(invalid(format!("Template error: resource type {kind} does not support {member} Snapshot")))
        }
        Some(other) => Err(format_error(format!("Unrecognized {member} {other}"))),
    }
}
