//! The change of one resource, its causes one by one, and how `DescribeChangeSet` shows them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::emulator::services::cloudformation::stack::StackResource;
use crate::emulator::services::cloudformation::template::Policy;

/// Whether the physical resource is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replacement {
    /// It is changed in place.
    False,
    /// That depends on a value that is known only later.
    Conditional,
    /// Another one takes its place.
    True,
}

/// One cause of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) attribute: &'static str,
    pub(super) name: Option<String>,
    pub(super) recreation: &'static str,
    pub(super) evaluation: &'static str,
    pub(super) source: &'static str,
    pub(super) entity: Option<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    /// Shown only where values are asked for.
    pub(super) with_values_only: bool,
}

/// The change of one resource.
#[derive(Debug, Clone)]
pub struct ResourceChange {
    pub(super) action: &'static str,
    pub(super) logical: String,
    pub(super) physical: Option<String>,
    pub(super) kind: String,
    pub(super) replacement: Option<Replacement>,
    pub(super) policy_action: Option<&'static str>,
    pub(super) scope: BTreeSet<&'static str>,
    pub(super) details: Vec<Detail>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

impl ResourceChange {
    /// As `DescribeChangeSet` shows it.
    #[must_use]
    pub fn shown(&self, with_values: bool) -> Value {
        let details: Vec<Value> = self
            .details
            .iter()
            .filter(|detail| with_values || !detail.with_values_only)
            .map(|detail| detail.shown(with_values))
            .collect();
        let mut change = json!({
            "Action": self.action,
            "LogicalResourceId": self.logical,
            "ResourceType": self.kind,
            "Scope": self.scope,
            "Details": details,
        });
        if let Some(physical) = &self.physical {
            change["PhysicalResourceId"] = Value::from(physical.as_str());
        }
        if let Some(replacement) = self.replacement {
            change["Replacement"] = Value::from(match replacement {
                Replacement::False => "False",
                Replacement::Conditional => "Conditional",
                Replacement::True => "True",
            });
        }
        if let Some(action) = self.policy_action {
            change["PolicyAction"] = Value::from(action);
        }
        if with_values {
            for (name, properties) in [("BeforeContext", &self.before), ("AfterContext", &self.after)] {
                if let Some(properties) = properties {
                    change[name] = Value::from(json!({"Properties": as_text(properties)}).to_string());
                }
            }
        }
        json!({"Type": "Resource", "ResourceChange": change})
    }
}

impl Detail {
    fn shown(&self, with_values: bool) -> Value {
        let mut target = json!({"Attribute": self.attribute, "RequiresRecreation": self.recreation});
        if let Some(name) = &self.name {
            target["Name"] = Value::from(name.as_str());
        }
        if with_values && let Some(name) = &self.name {
            target["Path"] = Value::from(format!("/Properties/{name}"));
            for (member, value) in [("BeforeValue", &self.before), ("AfterValue", &self.after)] {
                if let Some(value) = value {
                    target[member] = Value::from(value.as_str());
                }
            }
            target["AttributeChangeType"] = Value::from(match (&self.before, &self.after) {
                (None, _) => "Add",
                (_, None) => "Remove",
                _ => "Modify",
            });
        }
        let mut detail = json!({"Target": target, "Evaluation": self.evaluation, "ChangeSource": self.source});
        if let Some(entity) = &self.entity {
            detail["CausingEntity"] = Value::from(entity.as_str());
        }
        detail
    }
}

/// Contexts hold texts: numbers and flags are written as such.
pub fn as_text(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => Value::from(value.to_string()),
        Value::Array(entries) => entries.iter().map(as_text).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), as_text(value))).collect(),
        other => other.clone(),
    }
}

pub(super) fn shown_value(value: Option<&Value>) -> Option<String> {
    value.map(|value| value.as_str().map_or_else(|| as_text(value).to_string(), str::to_owned))
}

pub(super) fn added(logical: &str, kind: &str, after: Value) -> ResourceChange {
    ResourceChange {
        action: "Add",
        logical: logical.to_owned(),
        physical: None,
        kind: kind.to_owned(),
        replacement: None,
        policy_action: None,
        scope: BTreeSet::new(),
        details: Vec::new(),
        before: None,
        after: Some(after),
    }
}

pub(super) fn removed(logical: &str, resource: &StackResource) -> ResourceChange {
    let policy = if resource.deletion_policy == Policy::Delete { "Delete" } else { "Retain" };
    ResourceChange {
        action: "Remove",
        logical: logical.to_owned(),
        physical: Some(resource.physical_id.clone()),
        kind: resource.kind.clone(),
        replacement: None,
        policy_action: Some(policy),
        scope: BTreeSet::new(),
        details: Vec::new(),
        before: Some(resource.properties.clone()),
        after: None,
    }
}

pub(super) fn metadata_detail() -> Detail {
    Detail {
        attribute: "Metadata",
        name: None,
        recreation: "Never",
        evaluation: "Static",
        source: "DirectModification",
        entity: None,
        before: None,
        after: None,
        with_values_only: false,
    }
}

impl Detail {
    pub(super) fn replacement(&self) -> Replacement {
        match (self.recreation, self.evaluation, self.source) {
            ("Never", ..) => Replacement::False,
            // A direct modification that accompanies a changed parameter is as sure as the parameter.
            (_, "Dynamic", _) => Replacement::Conditional,
            _ => Replacement::True,
        }
    }
}
