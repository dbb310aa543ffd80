//! `DescribeStackEvents` and `DescribeEvents`, newest first.

use serde::Deserialize;
use serde_json::Value;

use super::super::CloudFormation;
use super::super::error::Error;
use super::super::stack::Stack;
use super::super::template::invalid;
use super::{PAGE, listed, listing};
use crate::emulator::{Context, ServiceError, form};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStackEvents {
    stack_name: String,
    #[serde(default)]
    next_token: Option<String>,
}

pub async fn describe_stack_events(
    service: &CloudFormation,
    input: DescribeStackEvents,
    _: &Context,
) -> Result<Value, Error> {
    let token = input.next_token.filter(|token| !token.is_empty());
    let older = token.as_deref().map(str::parse::<usize>).transpose();
    let older = older.map_err(|_| Error::Validation(format!("NextToken {} is invalid", token.unwrap_or_default())))?;
    let page = |stack: &mut Stack| {
        // Counted from the oldest, so that events that come meanwhile move nothing.
        let end = older.unwrap_or(stack.events.len()).min(stack.events.len());
        let start = end.saturating_sub(PAGE);
        let page = stack.events.iter().take(end).skip(start).rev().map(serde_json::to_value).collect();
        (page, (start > 0).then(|| start.to_string()))
    };
    let (events, next): (Result<Vec<Value>, serde_json::Error>, _) = service
        .shared
        .stack(&input.stack_name, page)
        .map_err(|_| invalid(format!("Stack [{}] does not exist", input.stack_name)))?;
    Ok(listing("StackEvents", events.map_err(ServiceError::internal)?, next))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub struct Filters {
    #[serde(default, deserialize_with = "form::flag")]
    failed_events: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeEvents {
    #[serde(default)]
    stack_name: Option<String>,
    #[serde(default)]
    change_set_name: Option<String>,
    #[serde(default)]
    operation_id: Option<String>,
    #[serde(default)]
    filters: Filters,
    #[serde(default)]
    next_token: Option<String>,
}

/// Events of a stack, of the operations on it, or of one of them. A change set has none of its own: it is there when
/// the call that makes it returns.
pub async fn describe_events(service: &CloudFormation, input: DescribeEvents, _: &Context) -> Result<Value, Error> {
    let state = service.shared.state();
    let stack = match (&input.stack_name, &input.change_set_name, &input.operation_id) {
        (Some(name), _, _) => Some(state.find(name).ok_or_else(|| invalid(format!("Stack [{name}] does not exist")))?),
        (None, Some(set), _) => {
            let owner = state.all().find(|stack| stack.change_sets.contains_key(set));
            Some(owner.ok_or_else(|| Error::ChangeSetNotFound(set.clone()))?)
        }
        (None, None, Some(id)) => {
            state.all().find(|stack| stack.events.iter().any(|event| event.operation_id() == Some(id)))
        }
        (None, None, None) => {
            return Err(invalid("At least one of StackName, ChangeSetName and OperationId must be specified"));
        }
    };
    if let (Some(stack), Some(set)) = (stack, &input.change_set_name)
        && stack.change_set(set).is_none()
    {
        return Err(Error::ChangeSetNotFound(set.clone()));
    }
    let events =
        stack.filter(|_| input.change_set_name.is_none()).into_iter().flat_map(|stack| stack.events.iter().rev());
    let shown = events
        .filter(|event| input.operation_id.as_deref().is_none_or(|id| event.operation_id() == Some(id)))
        .filter(|event| input.filters.failed_events != Some(true) || event.is_failure())
        .map(super::super::stack::StackEvent::as_operation_event)
        .collect();
    listed("OperationEvents", shown, input.next_token.as_deref())
}
