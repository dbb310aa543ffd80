//! What a stack is: its template and values, its resources, its events. It changes under the state's lock only.

mod change_set;
mod event;
mod resource;
mod status;
mod submission;
mod tracked;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub use self::change_set::ChangeSet;
pub use self::event::{EventRow, Happening, Operation, STACK_TYPE, StackEvent};
pub use self::resource::{Made, StackResource};
pub use self::status::Status;
pub use self::submission::{ParameterValue, Submission, Tag};
pub use self::tracked::Tracked;
use super::template::Template;
use super::template::evaluate::Pseudo;
use crate::model::Timestamp;

/// What a stack does when its creation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnFailure {
    /// What was made is deleted.
    #[default]
    Rollback,
    /// What was made stays.
    DoNothing,
    /// The stack is deleted.
    Delete,
}

/// An output, evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The key in the template.
    #[serde(rename = "OutputKey")]
    pub key: String,
    /// Its value.
    #[serde(rename = "OutputValue")]
    pub value: String,
    /// For a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name that other stacks import it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_name: Option<String>,
}

/// A stack.
pub struct Stack {
    /// Its ARN.
    pub id: String,
    /// Unique among stacks that are not deleted.
    pub name: String,
    /// As its last event says.
    pub status: Status,
    /// As its last event says.
    pub reason: Option<String>,
    /// What it is made from; before the first execution of a change set, what would be.
    pub submission: Submission,
    /// When a creation fails.
    pub on_failure: OnFailure,
    /// Whether it refuses to be deleted.
    pub termination_protection: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When its last update began.
    pub updated: Option<Timestamp>,
    /// When its deletion began.
    pub deleted: Option<Timestamp>,
    /// Evaluated.
    pub outputs: Vec<Output>,
    /// Exports of other stacks that it uses.
    pub imports: BTreeSet<String>,
    /// By logical id.
    pub resources: Tracked<StackResource>,
    /// Oldest first.
    pub events: Vec<StackEvent>,
    /// By id.
    pub change_sets: Tracked<ChangeSet>,
    /// The change set that was executed last.
    pub change_set_id: Option<String>,
    /// The token of the operation under way, and that of the creation.
    pub token: Option<String>,
    /// What was begun last.
    pub operation: Option<Operation>,
    /// One operation at a time.
    pub gate: Arc<tokio::sync::Mutex<()>>,
    /// Stops a creation whose stack is to be deleted.
    pub cancel: CancellationToken,
    /// How what is under way was asked for.
    pub under: Under,
    /// What of it was written down last.
    pub kept: Kept,
}

/// How an update or a deletion was asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Under {
    /// An update that fails stays as it is.
    pub disable_rollback: bool,
    /// What a deletion leaves.
    pub retain: Vec<String>,
    /// Whether a deletion ends well whatever fails.
    pub force: bool,
}

/// What was written down last of a stack.
#[derive(Debug, Default)]
pub struct Kept {
    /// Its place among all stacks.
    pub number: u64,
    /// The template.
    pub template: Option<Arc<Template>>,
    /// The stack's own row.
    pub row: String,
    /// So many events.
    pub events: usize,
}

fn without(value: &Value, secrets: &[&str]) -> Value {
    match value {
        Value::String(text) => {
            Value::from(secrets.iter().fold(text.clone(), |text, secret| text.replace(secret, "*****")))
        }
        Value::Array(entries) => entries.iter().map(|entry| without(entry, secrets)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), without(member, secrets))).collect()
        }
        other => other.clone(),
    }
}

impl Stack {
    /// What pseudo parameters tell of it.
    #[must_use]
    pub fn pseudo(&self, account: &str, region: &str) -> Pseudo {
        Pseudo {
            account: account.to_owned(),
            region: region.to_owned(),
            stack_name: self.name.clone(),
            stack_id: self.id.clone(),
            notification_arns: self.submission.notification_arns.clone(),
        }
    }

    /// Adds an event, and carries status and reason over to the resource or to the stack itself.
    pub fn record(&mut self, now: Timestamp, event_id: String, happening: Happening<'_>) {
        let Happening { logical, physical, kind, status, reason, properties } = happening;
        if kind == STACK_TYPE {
            self.status = status;
            self.reason.clone_from(&reason);
        } else if let Some(resource) = self.resources.get_mut(logical)
            && (resource.physical_id == physical || resource.physical_id.is_empty())
        {
            resource.status = status;
            resource.reason.clone_from(&reason);
            resource.changed = now;
        }
        self.events.push(StackEvent {
            stack_id: self.id.clone(),
            event_id,
            stack_name: self.name.clone(),
            logical_resource_id: logical.to_owned(),
            physical_resource_id: physical.to_owned(),
            resource_type: kind.to_owned(),
            timestamp: now.iso_millis(),
            resource_status: status.as_str(),
            resource_status_reason: reason,
            resource_properties: properties.map(Value::to_string),
            client_request_token: self.token.clone(),
            operation_id: self.operation.as_ref().map(|operation| operation.id.clone()),
            operation: self.operation.as_ref().map_or("", |operation| operation.kind),
        });
    }

    /// Properties as they may be shown: without what custom resources gave and do not want to be seen.
    #[must_use]
    pub fn masked<'a>(&self, properties: &'a Value) -> Cow<'a, Value> {
        let given = self.resources.values().filter(|resource| resource.no_echo);
        let secrets: Vec<&str> = given
            .flat_map(|resource| resource.attributes.values().filter_map(Value::as_str))
            .filter(|secret| !secret.is_empty())
            .collect();
        if secrets.is_empty() { Cow::Borrowed(properties) } else { Cow::Owned(without(properties, &secrets)) }
    }

    /// The change set of that name or ARN.
    #[must_use]
    pub fn change_set(&self, name: &str) -> Option<&ChangeSet> {
        self.change_sets.values().find(|set| set.name == name || set.id == name)
    }

    fn last_operations(&self) -> Value {
        let shown = |operation: &Operation| json!({"OperationType": operation.kind, "OperationId": operation.id});
        self.operation.iter().map(shown).collect()
    }

    /// As `DescribeStacks` shows it.
    #[must_use]
    pub fn described(&self) -> Value {
        let mut shown = json!({
            "StackId": self.id,
            "StackName": self.name,
            "CreationTime": self.created.iso_millis(),
            "RollbackConfiguration": {},
            "StackStatus": self.status.as_str(),
            "DisableRollback": self.on_failure == OnFailure::DoNothing,
            "NotificationARNs": self.submission.notification_arns,
            "Tags": self.submission.tags,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        });
        let time = |moment: Option<Timestamp>| moment.map_or(Value::Null, |moment| Value::from(moment.iso_millis()));
        let list = |entries: Value| if entries.as_array().is_some_and(Vec::is_empty) { Value::Null } else { entries };
        let more = [
            ("ChangeSetId", json!(self.change_set_id)),
            ("Description", json!(self.submission.template.description)),
            ("Parameters", list(self.submission.shown_parameters())),
            ("LastUpdatedTime", time(self.updated)),
            ("DeletionTime", time(self.deleted)),
            ("StackStatusReason", json!(self.reason)),
            ("Capabilities", list(json!(self.submission.capabilities))),
            ("Outputs", list(json!(self.outputs))),
            ("RoleARN", json!(self.submission.role_arn)),
            ("LastOperations", list(self.last_operations())),
        ];
        for (name, value) in more {
            if !value.is_null() {
                shown[name] = value;
            }
        }
        if self.deleted.is_none() {
            shown["EnableTerminationProtection"] = Value::from(self.termination_protection);
        }
        shown
    }
}
