//! Tags of log groups, by ARN and by name.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Logs;
use super::error::LogsError;
use super::group::{Group, Tags};
use super::groups::GroupNameInput;
use crate::emulator::Context;
use crate::model::Arn;

/// Tags of one group.
const MOST_TAGS: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceInput {
    resource_arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResourceInput {
    resource_arn: String,
    tags: Tags,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResourceInput {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagLogGroupInput {
    log_group_name: String,
    tags: Tags,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagLogGroupInput {
    log_group_name: String,
    tags: Vec<String>,
}

/// Checks tags as a caller gives them.
///
/// # Errors
/// When there are too many, or a key or value is not of AWS's length.
pub fn check(tags: &Tags) -> Result<(), LogsError> {
    if tags.len() > MOST_TAGS {
        return Err(LogsError::TooManyTags(MOST_TAGS));
    }
    for (key, value) in tags {
        if !(1..=128).contains(&key.chars().count()) {
            return Err(LogsError::constraint(key, "tags", "have length between 1 and 128"));
        }
        if value.chars().count() > 256 {
            return Err(LogsError::constraint(value, "tags", "have length less than or equal to 256"));
        }
    }
    Ok(())
}

fn tag(group: &Group, given: Tags) -> Result<Value, LogsError> {
    check(&given)?;
    let mut tags = group.tags();
    let added = given.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + added > MOST_TAGS {
        return Err(LogsError::TooManyTags(MOST_TAGS));
    }
    tags.extend(given);
    group.rows.tags(&tags);
    Ok(json!({}))
}

fn untag(group: &Group, keys: &[String]) -> Value {
    let mut tags = group.tags();
    tags.retain(|key, _| !keys.contains(key));
    group.rows.tags(&tags);
    json!({})
}

impl Logs {
    fn tagged(&self, arn: &str) -> Result<std::sync::Arc<Group>, LogsError> {
        let arn: Arn = arn.parse().map_err(|_| LogsError::invalid(format!("Invalid resource arn: {arn}")))?;
        self.by_arn(&arn)
    }

    pub(super) async fn tag_resource(&self, input: TagResourceInput, _: &Context) -> Result<Value, LogsError> {
        tag(&*self.tagged(&input.resource_arn)?, input.tags)
    }

    pub(super) async fn untag_resource(&self, input: UntagResourceInput, _: &Context) -> Result<Value, LogsError> {
        Ok(untag(&*self.tagged(&input.resource_arn)?, &input.tag_keys))
    }

    pub(super) async fn list_tags_for_resource(&self, input: ResourceInput, _: &Context) -> Result<Value, LogsError> {
        Ok(json!({ "tags": *self.tagged(&input.resource_arn)?.tags() }))
    }

    pub(super) async fn tag_log_group(&self, input: TagLogGroupInput, _: &Context) -> Result<Value, LogsError> {
        tag(&*self.by_name(&input.log_group_name)?, input.tags)
    }

    pub(super) async fn untag_log_group(&self, input: UntagLogGroupInput, _: &Context) -> Result<Value, LogsError> {
        Ok(untag(&*self.by_name(&input.log_group_name)?, &input.tags))
    }

    pub(super) async fn list_tags_log_group(&self, input: GroupNameInput, _: &Context) -> Result<Value, LogsError> {
        Ok(json!({ "tags": *self.by_name(&input.log_group_name)?.tags() }))
    }
}
