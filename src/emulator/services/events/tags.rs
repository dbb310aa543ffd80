//! Tags of buses and rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Events;
use super::error::EventsError;
use crate::emulator::Context;

/// A tag as AWS writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

#[derive(Debug, Deserialize)]
pub struct TagResourceInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
pub struct UntagResourceInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "TagKeys")]
    keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct ListTagsInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

impl Events {
    /// Changes the tags of the bus or rule that the ARN names.
    fn with_tags<T>(
        &self,
        arn: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> T,
    ) -> Result<T, EventsError> {
        let gone = || EventsError::NoSuchResource(arn.to_owned());
        if let Some((_, bus)) = arn.split_once(":event-bus/") {
            let bus = self.bus(Some(bus)).map_err(|_| gone())?;
            let mut about = bus.about();
            let changed = change(&mut about.tags);
            bus.note(&about);
            return Ok(changed);
        }
        let (_, resource) = arn.split_once(":rule/").ok_or_else(gone)?;
        let (bus, rule) = resource.rsplit_once('/').map_or((None, resource), |(bus, rule)| (Some(bus), rule));
        let bus = self.bus(bus).map_err(|_| gone())?;
        let mut changed = None;
        bus.change_rule(rule, |rule| {
            changed = Some(change(&mut rule.tags));
            Ok(())
        })
        .map_err(|_| gone())?;
        changed.ok_or_else(gone)
    }

    pub(super) async fn tag_resource(&self, input: TagResourceInput, _: &Context) -> Result<Value, EventsError> {
        self.with_tags(&input.arn, |tags| tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value))))?;
        Ok(json!({}))
    }

    pub(super) async fn untag_resource(&self, input: UntagResourceInput, _: &Context) -> Result<Value, EventsError> {
        self.with_tags(&input.arn, |tags| tags.retain(|key, _| !input.keys.contains(key)))?;
        Ok(json!({}))
    }

    pub(super) async fn list_tags_for_resource(&self, input: ListTagsInput, _: &Context) -> Result<Value, EventsError> {
        let tags = self.with_tags(&input.arn, |tags| tags.clone())?;
        let tags: Vec<Value> = tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": tags }))
    }
}
