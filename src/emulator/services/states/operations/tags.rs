//! Tags of state machines and activities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::States;
use super::super::error::StatesError;
use super::super::kept;
use super::{machine_name, required};
use crate::emulator::Context;

/// Tags that a resource has at most.
const MOST_TAGS: usize = 50;

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagResourceInput {
    resource_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UntagResourceInput {
    resource_arn: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListTagsForResourceInput {
    resource_arn: Option<String>,
}

pub(super) fn tag_map(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, StatesError> {
    let map: BTreeMap<String, String> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    if map.len() > MOST_TAGS {
        return Err(StatesError::TooManyTags(map.len().to_string()));
    }
    Ok(map)
}

impl States {
    fn with_tags<T>(
        &self,
        arn: Option<String>,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<T, StatesError>,
    ) -> Result<T, StatesError> {
        let arn = required(arn, "resourceArn")?;
        if arn.contains(":activity:") {
            let mut activities = self.shared.callbacks.activities();
            let Some(activity) = activities.get_mut(&arn) else { return Err(StatesError::ResourceNotFound(arn)) };
            let changed = change(&mut activity.tags)?;
            kept::keep_activity(&self.shared.shelf, &arn, activity);
            return Ok(changed);
        }
        let name = machine_name(&arn)?;
        let mut registry = self.registry();
        let machine = registry.machine_mut(&name).ok_or(StatesError::ResourceNotFound(arn))?;
        let changed = change(&mut machine.tags)?;
        kept::keep_machine(&self.shared.shelf, machine);
        Ok(changed)
    }

    fn read_tags<T>(
        &self,
        arn: Option<String>,
        read: impl FnOnce(&BTreeMap<String, String>) -> Result<T, StatesError>,
    ) -> Result<T, StatesError> {
        let arn = required(arn, "resourceArn")?;
        if arn.contains(":activity:") {
            let activities = self.shared.callbacks.activities();
            let activity = activities.get(&arn).ok_or(StatesError::ResourceNotFound(arn))?;
            return read(&activity.tags);
        }
        let name = machine_name(&arn)?;
        let registry = self.registry();
        let machine = registry.machine(&name).ok_or(StatesError::ResourceNotFound(arn))?;
        read(&machine.tags)
    }

    pub(crate) async fn tag_resource(&self, input: TagResourceInput, _: &Context) -> Result<Value, StatesError> {
        let added = tag_map(input.tags)?;
        self.with_tags(input.resource_arn, |tags| {
            let mut all = tags.clone();
            all.extend(added);
            if all.len() > MOST_TAGS {
                return Err(StatesError::TooManyTags(all.len().to_string()));
            }
            *tags = all;
            Ok(json!({}))
        })
    }

    pub(crate) async fn untag_resource(&self, input: UntagResourceInput, _: &Context) -> Result<Value, StatesError> {
        self.with_tags(input.resource_arn, |tags| {
            tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(json!({}))
        })
    }

    pub(crate) async fn list_tags_for_resource(
        &self,
        input: ListTagsForResourceInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        self.read_tags(input.resource_arn, |tags| {
            let tags: Vec<_> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
            Ok(json!({ "tags": tags }))
        })
    }
}
