//! `DescribeStacks` and `ListStacks`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::CloudFormation;
use super::super::error::Error;
use super::super::stack::{Stack, Status};
use super::super::state::not_found;
use super::listed;
use crate::emulator::{Context, form};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStacks {
    #[serde(default)]
    stack_name: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
}

pub async fn describe_stacks(service: &CloudFormation, input: DescribeStacks, _: &Context) -> Result<Value, Error> {
    let state = service.shared.state();
    if let Some(name) = input.stack_name.filter(|name| !name.is_empty()) {
        let stack = state.find(&name).ok_or_else(|| not_found(&name))?;
        return Ok(json!({"Stacks": [stack.described()]}));
    }
    let stacks = state.all().rev().filter(|stack| stack.status != Status::DeleteComplete).map(Stack::described);
    listed("Stacks", stacks.collect(), input.next_token.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListStacks {
    #[serde(default, deserialize_with = "form::list")]
    stack_status_filter: Vec<String>,
    #[serde(default)]
    next_token: Option<String>,
}

pub async fn list_stacks(service: &CloudFormation, input: ListStacks, _: &Context) -> Result<Value, Error> {
    let state = service.shared.state();
    let wanted = |stack: &&Stack| {
        input.stack_status_filter.is_empty()
            || input.stack_status_filter.iter().any(|status| status == stack.status.as_str())
    };
    let summary = |stack: &Stack| {
        json!({
            "StackId": stack.id,
            "StackName": stack.name,
            "TemplateDescription": stack.submission.template.description,
            "CreationTime": stack.created.iso_millis(),
            "LastUpdatedTime": stack.updated.map(crate::model::Timestamp::iso_millis),
            "DeletionTime": stack.deleted.map(crate::model::Timestamp::iso_millis),
            "StackStatus": stack.status.as_str(),
            "StackStatusReason": stack.reason,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        })
    };
    let summaries = state.all().rev().filter(wanted).map(summary).collect();
    listed("StackSummaries", summaries, input.next_token.as_deref())
}
