//! Events of a stack: what happened to it or to one of its resources, as the two operations that list them show it.

use serde::Serialize;
use serde_json::{Value, json};

use super::Status;

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
