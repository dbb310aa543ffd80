//! `DescribeStackResource`, `DescribeStackResources` and `ListStackResources`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::CloudFormation;
use super::super::error::Error;
use super::super::stack::{Stack, StackResource};
use super::super::template::invalid;
use super::listed;
use crate::emulator::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Which {
    #[serde(default)]
    stack_name: Option<String>,
    #[serde(default)]
    logical_resource_id: Option<String>,
    #[serde(default)]
    physical_resource_id: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
}

fn shown(logical: &str, resource: &StackResource, time: &str) -> Value {
    let mut shown = json!({
        "LogicalResourceId": logical,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.kind,
        "ResourceStatus": resource.status.as_str(),
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    });
    shown[time] = Value::from(resource.changed.iso_millis());
    if let Some(reason) = &resource.reason {
        shown["ResourceStatusReason"] = Value::from(reason.as_str());
    }
    shown
}

fn of_stack(stack: &Stack, logical: &str, resource: &StackResource, time: &str) -> Value {
    let mut shown = shown(logical, resource, time);
    shown["StackId"] = Value::from(stack.id.as_str());
    shown["StackName"] = Value::from(stack.name.as_str());
    shown
}

pub async fn describe_stack_resource(service: &CloudFormation, input: Which, _: &Context) -> Result<Value, Error> {
    let (name, logical) = (input.stack_name.unwrap_or_default(), input.logical_resource_id.unwrap_or_default());
    service
        .shared
        .stack(&name, |stack| {
            let Some(resource) = stack.resources.get(&logical) else {
                return Err(invalid(format!("Resource {logical} does not exist for stack {name}")));
            };
            let mut detail = of_stack(stack, &logical, resource, "LastUpdatedTimestamp");
            detail["Metadata"] =
                Value::from(resource.metadata.as_object().map_or("{}".to_owned(), |_| resource.metadata.to_string()));
            Ok(json!({"StackResourceDetail": detail}))
        })
        .map_err(|_| invalid(format!("Stack '{name}' does not exist")))?
}

pub async fn describe_stack_resources(service: &CloudFormation, input: Which, _: &Context) -> Result<Value, Error> {
    let state = service.shared.state();
    let stack = match (&input.stack_name, &input.physical_resource_id) {
        (Some(name), _) => state.find(name).ok_or_else(|| invalid(format!("Stack with id {name} does not exist")))?,
        (None, Some(physical)) => state
            .all()
            .find(|stack| stack.resources.values().any(|one| one.is_there() && one.physical_id == *physical))
            .ok_or_else(|| invalid(format!("Stack for {physical} does not exist")))?,
        (None, None) => return Err(invalid("Either StackName or PhysicalResourceId must be specified")),
    };
    let wanted = |(logical, resource): &(&String, &StackResource)| {
        input.logical_resource_id.as_ref().is_none_or(|one| one == *logical)
            && (input.stack_name.is_some()
                || input.physical_resource_id.as_ref().is_none_or(|one| *one == resource.physical_id))
    };
    let resources = stack.resources.iter().filter(wanted);
    let resources: Vec<Value> =
        resources.take(super::PAGE).map(|(logical, one)| of_stack(stack, logical, one, "Timestamp")).collect();
    Ok(json!({"StackResources": resources}))
}

pub async fn list_stack_resources(service: &CloudFormation, input: Which, _: &Context) -> Result<Value, Error> {
    let name = input.stack_name.unwrap_or_default();
    let resources = service.shared.stack(&name, |stack| {
        stack.resources.iter().map(|(logical, one)| shown(logical, one, "LastUpdatedTimestamp")).collect()
    })?;
    listed("StackResourceSummaries", resources, input.next_token.as_deref())
}
