//! A resource of a stack, and what the functions of a template see of it.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Status;
use crate::emulator::services::cloudformation::error::Error;
use crate::emulator::services::cloudformation::template::evaluate::Resources;
use crate::emulator::services::cloudformation::template::{Policy, invalid};
use crate::model::Timestamp;

/// A resource of a stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackResource {
    /// Such as `AWS::SQS::Queue`.
    pub kind: String,
    /// Empty until it is made.
    pub physical_id: String,
    /// What `Ref` gives.
    pub reference: Value,
    /// What `Fn::GetAtt` gives.
    pub attributes: Map<String, Value>,
    /// Whether the attributes are never shown.
    pub no_echo: bool,
    /// As they were when it was made or last changed, evaluated.
    pub properties: Value,
    /// As its last event says.
    pub status: Status,
    /// As its last event says.
    pub reason: Option<String>,
    /// Of its last event.
    pub changed: Timestamp,
    /// What must be deleted after it.
    pub dependencies: BTreeSet<String>,
    /// When the stack no longer has it.
    pub deletion_policy: Policy,
    /// When another physical resource takes its place.
    pub update_replace_policy: Policy,
    /// As in the template.
    pub metadata: Value,
}

impl StackResource {
    /// Whether there is something to delete.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.physical_id.is_empty() && self.status != Status::DeleteComplete
    }
}

/// The resources of a stack as functions see them.
pub struct Made<'a>(pub &'a IndexMap<String, StackResource>);

impl Resources for Made<'_> {
    fn reference(&self, logical: &str) -> Result<Value, Error> {
        match self.0.get(logical) {
            Some(resource) => Ok(resource.reference.clone()),
            None => Err(invalid(format!(
                "Template format error: Unresolved resource dependencies [{logical}] in the Resources block of the template"
            ))),
        }
    }

    fn attribute(&self, logical: &str, attribute: &str) -> Result<Value, Error> {
        let Some(resource) = self.0.get(logical) else {
            return Err(invalid(format!(
                "Template error: instance of Fn::GetAtt references undefined resource {logical}"
            )));
        };
        resource.attributes.get(attribute).cloned().ok_or_else(|| {
            invalid(format!("Requested attribute {attribute} does not exist in schema for {}", resource.kind))
        })
    }
}
