//! `DescribeStackEvents`, newest first.

use serde::Deserialize;
use serde_json::Value;

use super::super::CloudFormation;
use super::super::error::Error;
use super::super::template::invalid;
use super::listed;
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
    let events = service
        .shared
        .stack(&input.stack_name, |stack| stack.events.iter().rev().map(serde_json::to_value).collect())
        .map_err(|_| invalid(format!("Stack [{}] does not exist", input.stack_name)))?;
    let events: Result<Vec<Value>, serde_json::Error> = events;
    listed("StackEvents", events.map_err(ServiceError::internal)?, input.next_token.as_deref())
}
