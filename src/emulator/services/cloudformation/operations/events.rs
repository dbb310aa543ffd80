//! `DescribeStackEvents`, newest first.

use serde::Deserialize;
use serde_json::Value;

use super::super::CloudFormation;
use super::super::error::Error;
use super::super::stack::Stack;
use super::super::template::invalid;
use super::{PAGE, listing};
use crate::emulator::{Context, ServiceError};

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
