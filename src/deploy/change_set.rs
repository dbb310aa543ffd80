//! A change set: made, awaited, and what it would change.

use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, Parameter, Tag};
use tokio_util::sync::CancellationToken;

use super::error::{DeployError, Left};
use super::plan::{ChangeSetKind, ChangeSetRequest};
use super::stack::{OWN_TAG, Stack};
use crate::aws::{Clients, Pace, Problem};
use crate::model::preview::{ChangePreview, ChangeRow};

/// Types whose resources hold what nobody can make again.
const HOLDERS: [&str; 2] = ["AWS::S3::Bucket", "AWS::DynamoDB::Table"];

/// A resource's part in a change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is shown of it.
    pub row: ChangeRow,
    /// What becomes of the resource that is removed or replaced: `Delete`, `Retain`, `ReplaceAndRetain`, …
    pub policy: Option<String>,
}

impl Change {
    /// Whether data may be lost: a bucket or a table is removed or replaced, and not retained.
    #[must_use]
    pub fn loses_data(&self) -> bool {
        let ChangeRow { action, resource_type, replacement, .. } = &self.row;
        let goes = action == "Remove" || replacement.as_deref().is_some_and(|replaced| replaced != "False");
        let stays = self.policy.as_deref().is_some_and(|policy| policy.contains("Retain"));
        goes && !stays && HOLDERS.contains(&resource_type.as_str())
    }
}

/// A change set that can be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// Its ARN.
    pub id: String,
    /// The stack's name.
    pub stack: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// The stack as it was; `None` where the change set makes it.
    pub before: Option<Box<Stack>>,
    /// What it will do.
    pub changes: Vec<Change>,
}

impl ChangeSet {
    /// What is shown of it.
    #[must_use]
    pub fn preview(&self) -> ChangePreview {
        ChangePreview {
            stack: self.stack.clone(),
            is_new: self.before.is_none(),
            changes: self.changes.iter().map(|change| change.row.clone()).collect(),
        }
    }

    /// The buckets and tables whose data would be lost, each with what becomes of it.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        let describe = |change: &Change| {
            let deed = if change.row.action == "Remove" { "removed" } else { "replaced" };
            format!("{} ({}, {deed})", change.row.logical_id, change.row.resource_type)
        };
        self.changes.iter().filter(|change| change.loses_data()).map(describe).collect()
    }
}

/// Creates the change set, in the place of one of the same content that an interruption left.
pub(super) async fn create(clients: &Clients, request: &ChangeSetRequest) -> Result<(), DeployError> {
    match try_create(clients, request).await {
        Err(problem) if problem.is(&["AlreadyExistsException"]) => {
            delete(clients, request).await?;
            Ok(try_create(clients, request).await?)
        }
        answer => Ok(answer?),
    }
}

async fn try_create(clients: &Clients, request: &ChangeSetRequest) -> Result<(), Problem> {
    let parameters = request.parameters.iter().map(|(key, value)| {
        let parameter = Parameter::builder().parameter_key(key);
        match value {
            Some(value) => parameter.parameter_value(value).build(),
            None => parameter.use_previous_value(true).build(),
        }
    });
    let kind = match request.kind {
        ChangeSetKind::Create => ChangeSetType::Create,
        ChangeSetKind::Update => ChangeSetType::Update,
    };
    clients
        .cloudformation
        .create_change_set()
        .stack_name(&request.stack)
        .change_set_name(&request.name)
        .change_set_type(kind)
        .template_body(&request.template)
        .set_parameters(Some(parameters.collect()))
        .capabilities(Capability::CapabilityIam)
        .capabilities(Capability::CapabilityNamedIam)
        .tags(Tag::builder().key(OWN_TAG.0).value(OWN_TAG.1).build())
        .send()
        .await
        .map(|_| ())
        .map_err(|error| Problem::of("cloudformation CreateChangeSet", &error))
}

async fn delete(clients: &Clients, request: &ChangeSetRequest) -> Result<(), Problem> {
    clients
        .cloudformation
        .delete_change_set()
        .stack_name(&request.stack)
        .change_set_name(&request.name)
        .send()
        .await
        .map(|_| ())
        .map_err(|error| Problem::of("cloudformation DeleteChangeSet", &error))
}

/// Waits until the change set can be executed; `None` when it has no changes.
pub(super) async fn wait_for(
    clients: &Clients,
    request: &ChangeSetRequest,
    cancel: &CancellationToken,
) -> Result<Option<ChangeSet>, DeployError> {
    let fast = if clients.target.is_local() { Duration::from_millis(20) } else { Duration::from_millis(500) };
    let mut pace = Pace::new(fast, Duration::from_secs(3), 1);
    loop {
        let (status, reason, set) = describe_changes(clients, request).await?;
        match status {
            ChangeSetStatus::CreateComplete => return Ok(Some(set)),
            ChangeSetStatus::Failed if is_no_change(&reason) => {
                delete(clients, request).await?;
                return Ok(None);
            }
            ChangeSetStatus::Failed => {
                // The reason is what counts; a failed change set that stays is replaced by the next one.
                let _ = delete(clients, request).await;
                return Err(DeployError::ChangeSet { stack: request.stack.clone(), reason });
            }
            _ => {}
        }
        tokio::select! {
            () = cancel.cancelled() => {
                delete(clients, request).await?;
                return Err(DeployError::Interrupted { stack: request.stack.clone(), left: Left::Nothing });
            }
            () = tokio::time::sleep(pace.quiet()) => {}
        }
    }
}

fn is_no_change(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

async fn describe_changes(
    clients: &Clients,
    request: &ChangeSetRequest,
) -> Result<(ChangeSetStatus, String, ChangeSet), DeployError> {
    let mut token = None;
    let mut changes = Vec::new();
    loop {
        let answer = clients
            .cloudformation
            .describe_change_set()
            .stack_name(&request.stack)
            .change_set_name(&request.name)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| Problem::of("cloudformation DescribeChangeSet", &error))?;
        changes.extend(answer.changes.unwrap_or_default().into_iter().filter_map(|change| {
            let change = change.resource_change?;
            let row = ChangeRow {
                action: change.action?.as_str().to_owned(),
                logical_id: change.logical_resource_id.unwrap_or_default(),
                resource_type: change.resource_type.unwrap_or_default(),
                replacement: change.replacement.map(|replacement| replacement.as_str().to_owned()),
            };
            Some(Change { row, policy: change.policy_action.map(|policy| policy.as_str().to_owned()) })
        }));
        token = answer.next_token;
        if token.is_none() {
            let set = ChangeSet {
                id: answer.change_set_id.unwrap_or_else(|| request.name.clone()),
                stack: request.stack.clone(),
                stack_id: answer.stack_id.unwrap_or_else(|| request.stack.clone()),
                before: None,
                changes,
            };
            let status = answer.status.unwrap_or(ChangeSetStatus::CreatePending);
            return Ok((status, answer.status_reason.unwrap_or_default(), set));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, kind: &str, replacement: Option<&str>, policy: Option<&str>) -> Change {
        let row = ChangeRow {
            action: action.to_owned(),
            logical_id: "it".to_owned(),
            resource_type: kind.to_owned(),
            replacement: replacement.map(str::to_owned),
        };
        Change { row, policy: policy.map(str::to_owned) }
    }

    #[test]
    fn only_buckets_and_tables_that_go_lose_data() {
        const BUCKET: &str = "AWS::S3::Bucket";
        for (action, kind, replacement, policy, loses) in [
            ("Remove", BUCKET, None, None, true),
            ("Remove", BUCKET, None, Some("Retain"), false),
            ("Modify", "AWS::DynamoDB::Table", Some("True"), Some("ReplaceAndDelete"), true),
            ("Modify", "AWS::DynamoDB::Table", Some("Conditional"), None, true),
            ("Modify", "AWS::DynamoDB::Table", Some("True"), Some("ReplaceAndRetain"), false),
            ("Modify", BUCKET, Some("False"), None, false),
            ("Add", BUCKET, None, None, false),
            ("Remove", "AWS::SQS::Queue", None, None, false),
        ] {
            assert_eq!(
                change(action, kind, replacement, policy).loses_data(),
                loses,
                "{action} {kind} {replacement:?}"
            );
        }
    }

    #[test]
    fn both_wordings_of_no_change_are_known_and_nothing_else_is() {
        for reason in [
            "The submitted information didn't contain changes. Submit different information to create a change set.",
            "No updates are to be performed.",
        ] {
            assert!(is_no_change(reason), "{reason}");
        }
        assert!(!is_no_change("Template error: no such parameter"));
    }
}
