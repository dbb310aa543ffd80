//! What a stack is: its template and values, its resources, its events. It changes under the state's lock only.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::changes::ResourceChange;
use super::error::Error;
use super::template::evaluate::{Pseudo, Resources};
use super::template::parameters::MASKED;
use super::template::{Policy, Template, invalid};
use crate::model::Timestamp;

macro_rules! statuses {
    ($($variant:ident $text:literal),+ $(,)?) => {
        /// The status of a stack or of a resource.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Status {
            $(#[doc = $text] $variant),+
        }

        impl Status {
            /// As AWS spells it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

statuses! {
    ReviewInProgress "REVIEW_IN_PROGRESS",
    CreateInProgress "CREATE_IN_PROGRESS",
    CreateComplete "CREATE_COMPLETE",
    CreateFailed "CREATE_FAILED",
    RollbackInProgress "ROLLBACK_IN_PROGRESS",
    RollbackComplete "ROLLBACK_COMPLETE",
    RollbackFailed "ROLLBACK_FAILED",
    UpdateInProgress "UPDATE_IN_PROGRESS",
    UpdateCompleteCleanupInProgress "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateComplete "UPDATE_COMPLETE",
    UpdateFailed "UPDATE_FAILED",
    UpdateRollbackInProgress "UPDATE_ROLLBACK_IN_PROGRESS",
    UpdateRollbackCompleteCleanupInProgress "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateRollbackComplete "UPDATE_ROLLBACK_COMPLETE",
    UpdateRollbackFailed "UPDATE_ROLLBACK_FAILED",
    DeleteInProgress "DELETE_IN_PROGRESS",
    DeleteComplete "DELETE_COMPLETE",
    DeleteFailed "DELETE_FAILED",
    DeleteSkipped "DELETE_SKIPPED",
}

impl Status {
    /// Whether an operation is under way.
    #[must_use]
    pub fn is_in_progress(self) -> bool {
        self.as_str().ends_with("IN_PROGRESS")
    }

    /// Whether a stack in this status can be updated.
    #[must_use]
    pub fn is_updatable(self) -> bool {
        matches!(
            self,
            Self::CreateComplete
                | Self::UpdateComplete
                | Self::UpdateRollbackComplete
                | Self::CreateFailed
                | Self::UpdateFailed
        )
    }
}

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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What a stack does when its creation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// What was made is deleted.
    #[default]
    Rollback,
    /// What was made stays.
    DoNothing,
    /// The stack is deleted.
    Delete,
}

/// A resource of a stack.
#[derive(Debug, Clone)]
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

/// Something that happened to a stack or to one of its resources.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackEvent {
    stack_id: String,
    event_id: String,
    stack_name: String,
    logical_resource_id: String,
    physical_resource_id: String,
    resource_type: String,
    timestamp: String,
    resource_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_status_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_properties: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_request_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
    /// What the operation is, which `DescribeStackEvents` does not show.
    #[serde(skip)]
    operation: &'static str,
}

impl StackEvent {
    /// The operation that it is of.
    #[must_use]
    pub fn operation_id(&self) -> Option<&str> {
        self.operation_id.as_deref()
    }

    /// Whether it tells of a failure.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.resource_status.ends_with("_FAILED")
    }

    /// As `DescribeEvents` shows it.
    #[must_use]
    pub fn as_operation_event(&self) -> Value {
        let is_stack = self.resource_type == STACK_TYPE && self.physical_resource_id == self.stack_id;
        let kind = match (is_stack, self.is_failure()) {
            (true, _) => "STACK_EVENT",
            (false, true) => "PROVISIONING_ERROR",
            (false, false) => "PROGRESS_EVENT",
        };
        let mut shown = json!({
            "EventId": self.event_id,
            "StackId": self.stack_id,
            "OperationId": self.operation_id,
            "OperationType": self.operation,
            "EventType": kind,
            "LogicalResourceId": self.logical_resource_id,
            "PhysicalResourceId": self.physical_resource_id,
            "ResourceType": self.resource_type,
            "Timestamp": self.timestamp,
            "StartTime": self.timestamp,
            "ResourceStatus": self.resource_status,
            "ResourceStatusReason": self.resource_status_reason,
            "ResourceProperties": self.resource_properties,
            "ClientRequestToken": self.client_request_token,
        });
        if is_stack {
            let status = match self.resource_status {
                status if status.contains("ROLLBACK") || status.ends_with("_FAILED") => "FAILED",
                status if status.ends_with("IN_PROGRESS") => "IN_PROGRESS",
                _ => "SUCCEEDED",
            };
            shown["OperationStatus"] = Value::from(status);
        }
        shown
    }
}

/// What is done to a stack from one call on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its own id.
    pub id: String,
    /// Such as `CREATE_STACK`.
    pub kind: &'static str,
}

/// One line of an event before the stack stamps it.
pub struct Happening<'a> {
    /// The stack's name for the stack itself.
    pub logical: &'a str,
    /// Empty where there is none yet.
    pub physical: &'a str,
    /// The resource's type.
    pub kind: &'a str,
    /// What it came to.
    pub status: Status,
    /// Why.
    pub reason: Option<String>,
    /// Evaluated properties, for a resource.
    pub properties: Option<&'a Value>,
}

/// An output, evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A change set.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    /// Its ARN.
    pub id: String,
    /// Unique in its stack.
    pub name: String,
    /// For a reader.
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Why it cannot be executed; `None` when it can.
    pub failure: Option<String>,
    /// `AVAILABLE`, `UNAVAILABLE`, `EXECUTE_IN_PROGRESS`, `EXECUTE_COMPLETE`, `OBSOLETE`.
    pub execution_status: &'static str,
    /// What it would make of the stack.
    pub submission: Submission,
    /// What it would change.
    pub changes: Vec<ResourceChange>,
    /// As given.
    pub on_failure: OnFailure,
    /// `IncludeNestedStacks`.
    pub nested: bool,
    /// `ImportExistingResources`.
    pub imports: Option<bool>,
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
    pub resources: IndexMap<String, StackResource>,
    /// Oldest first.
    pub events: Vec<StackEvent>,
    /// By id.
    pub change_sets: IndexMap<String, ChangeSet>,
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

/// The type of a stack in its own events.
pub const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

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
