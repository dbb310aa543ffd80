//! Tags of log groups, in the present and the older form of their operations.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Logs;
use super::error::LogsError;
use crate::emulator::Context;

type Tags = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagInput {
    #[serde(alias = "logGroupName")]
    resource_arn: String,
    tags: Tags,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagInput {
    #[serde(alias = "logGroupName")]
    resource_arn: String,
    #[serde(alias = "tags")]
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListInput {
    #[serde(alias = "logGroupName")]
    resource_arn: String,
}

impl Logs {
    fn with_tags<T>(&self, group: &str, change: impl FnOnce(&mut Tags) -> T) -> Result<T, LogsError> {
        let group = self.group_of(None, Some(group))?;
        Ok(change(&mut group.content(self.now()).tags))
    }

    pub(super) async fn tag_resource(&self, input: TagInput, _: &Context) -> Result<Value, LogsError> {
        self.with_tags(&input.resource_arn, |tags| tags.extend(input.tags))?;
        Ok(json!({}))
    }

    pub(super) async fn untag_resource(&self, input: UntagInput, _: &Context) -> Result<Value, LogsError> {
        self.with_tags(&input.resource_arn, |tags| tags.retain(|key, _| !input.tag_keys.contains(key)))?;
        Ok(json!({}))
    }

    pub(super) async fn list_tags_for_resource(&self, input: ListInput, _: &Context) -> Result<Value, LogsError> {
        Ok(json!({ "tags": self.with_tags(&input.resource_arn, |tags| tags.clone())? }))
    }

    pub(super) async fn tag_log_group(&self, input: TagInput, context: &Context) -> Result<Value, LogsError> {
        self.tag_resource(input, context).await
    }

    pub(super) async fn untag_log_group(&self, input: UntagInput, context: &Context) -> Result<Value, LogsError> {
        self.untag_resource(input, context).await
    }

    pub(super) async fn list_tags_log_group(&self, input: ListInput, context: &Context) -> Result<Value, LogsError> {
        self.list_tags_for_resource(input, context).await
    }
}
