//! Events of a stack: what happened to it or to one of its resources, as the two operations that list them show it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{Stack, Status};

/// The type of a stack in its own events.
pub const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// Something that happened to a stack or to one of its resources.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackEvent {
    pub(super) stack_id: String,
    pub(super) event_id: String,
    pub(super) stack_name: String,
    pub(super) logical_resource_id: String,
    pub(super) physical_resource_id: String,
    pub(super) resource_type: String,
    pub(super) timestamp: String,
    pub(super) resource_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource_status_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource_properties: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_request_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation_id: Option<String>,
    /// What the operation is, which `DescribeStackEvents` does not show.
    #[serde(skip)]
    pub(super) operation: &'static str,
}

impl StackEvent {
    /// The event as it is written down.
    #[must_use]
    pub fn row(&self) -> EventRow {
        let status = Status::ALL.iter().find(|status| status.as_str() == self.resource_status);
        EventRow {
            id: self.event_id.clone(),
            logical: self.logical_resource_id.clone(),
            physical: self.physical_resource_id.clone(),
            kind: self.resource_type.clone(),
            timestamp: self.timestamp.clone(),
            status: status.copied().unwrap_or(Status::ReviewInProgress),
            reason: self.resource_status_reason.clone(),
            properties: self.resource_properties.clone(),
            token: self.client_request_token.clone(),
            operation_id: self.operation_id.clone(),
            operation: self.operation,
        }
    }

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its own id.
    pub id: String,
    /// Such as `CREATE_STACK`.
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
}

/// A kind of operation.
type Kind = &'static str;

/// Every [`Kind`]; the empty one is of events before the first operation.
const KINDS: [Kind; 5] = ["", "CREATE_CHANGESET", "CREATE_STACK", "DELETE_STACK", "UPDATE_STACK"];

fn kind<'a, D: Deserializer<'a>>(from: D) -> Result<Kind, D::Error> {
    let text = String::deserialize(from)?;
    let known = KINDS.into_iter().find(|kind| *kind == text);
    known.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no kind of operation")))
}

/// An event as it is written down: what its stack tells of it is left out.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventRow {
    id: String,
    logical: String,
    physical: String,
    kind: String,
    timestamp: String,
    status: Status,
    reason: Option<String>,
    properties: Option<String>,
    token: Option<String>,
    operation_id: Option<String>,
    #[serde(deserialize_with = "kind")]
    operation: Kind,
}

impl EventRow {
    /// The event that was written down.
    #[must_use]
    pub fn event(self, stack: &Stack) -> StackEvent {
        StackEvent {
            stack_id: stack.id.clone(),
            event_id: self.id,
            stack_name: stack.name.clone(),
            logical_resource_id: self.logical,
            physical_resource_id: self.physical,
            resource_type: self.kind,
            timestamp: self.timestamp,
            resource_status: self.status.as_str(),
            resource_status_reason: self.reason,
            resource_properties: self.properties,
            client_request_token: self.token,
            operation_id: self.operation_id,
            operation: self.operation,
        }
    }
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
