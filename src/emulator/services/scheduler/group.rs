//! Groups of schedules, and their tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::SchedulerError;
use super::schedule::{FIRED, SCHEDULE, Schedule};
use super::settings::check_name;
use super::{DEFAULT_GROUP, Scheduler};
use crate::emulator::{Context, Fabric};
use crate::model::Timestamp;

/// What a kept group is.
pub const GROUP: &str = "group";

/// A group.
#[derive(Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub arn: String,
    created: Timestamp,
    modified: Timestamp,
    tags: BTreeMap<String, String>,
    token: Option<String>,
    #[serde(skip)]
    pub schedules: BTreeMap<String, Arc<Schedule>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    key: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateGroupInput {
    #[serde(default)]
    name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    client_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupInput {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagInput {
    #[serde(default)]
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Group {
    /// A group without schedules.
    pub fn new(fabric: &Fabric, name: &str, tags: BTreeMap<String, String>) -> Self {
        let now = fabric.clock().now();
        Self {
            name: name.to_owned(),
            arn: fabric.arn("scheduler", format!("schedule-group/{name}")).to_string(),
            created: now,
            modified: now,
            tags,
            token: None,
            schedules: BTreeMap::new(),
        }
    }

    pub(super) fn described(&self) -> Value {
        json!({
            "Arn": self.arn, "Name": self.name, "State": "ACTIVE", "CreationDate": self.created.epoch_seconds(),
            "LastModificationDate": self.modified.epoch_seconds(),
        })
    }
}

impl Scheduler {
    pub(super) async fn create_schedule_group(
        &self,
        input: CreateGroupInput,
        _: &Context,
    ) -> Result<Value, SchedulerError> {
        check_name("name", &input.name)?;
        let tags = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        let mut groups = self.groups();
        if let Some(known) = groups.get(&input.name) {
            // The same request, sent again by a client that did not get its answer.
            if input.client_token.is_some() && known.token == input.client_token {
                return Ok(json!({ "ScheduleGroupArn": known.arn }));
            }
            return Err(SchedulerError::GroupExists(input.name));
        }
        let group = Group { token: input.client_token, ..Group::new(&self.fabric, &input.name, tags) };
        let arn = group.arn.clone();
        self.shelf.put(GROUP, &input.name, &group);
        groups.insert(input.name, group);
        Ok(json!({ "ScheduleGroupArn": arn }))
    }

    pub(super) async fn get_schedule_group(&self, input: GroupInput, _: &Context) -> Result<Value, SchedulerError> {
        let groups = self.groups();
        groups.get(&input.name).map(Group::described).ok_or(SchedulerError::NoSuchGroup(input.name))
    }

    /// Takes a group away with all its schedules.
    pub(super) async fn delete_schedule_group(&self, input: GroupInput, _: &Context) -> Result<Value, SchedulerError> {
        if input.name == DEFAULT_GROUP {
            return Err(SchedulerError::validation("Cannot delete the default schedule group."));
        }
        let mut groups = self.groups();
        let Some(group) = groups.remove(&input.name) else {
            return Err(SchedulerError::NoSuchGroup(input.name));
        };
        self.shelf.delete(GROUP, &input.name);
        self.shelf.delete_all(SCHEDULE, &format!("{}/", input.name));
        self.shelf.delete_all(FIRED, &format!("{}/", input.name));
        drop(groups);
        for schedule in group.schedules.values() {
            schedule.ended.cancel();
        }
        Ok(json!({}))
    }

    /// Changes the tags of the group that the ARN names; schedules have none.
    fn with_tags<T>(
        &self,
        arn: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> T,
    ) -> Result<T, SchedulerError> {
        let mut groups = self.groups();
        let group = groups.values_mut().find(|group| group.arn == arn);
        let group = group.ok_or_else(|| SchedulerError::NoSuchResource(format!("Schedule group {arn}")))?;
        let before = group.tags.clone();
        let answer = change(&mut group.tags);
        if group.tags != before {
            self.shelf.put(GROUP, &group.name, group);
        }
        Ok(answer)
    }

    pub(super) async fn tag_resource(&self, input: TagInput, _: &Context) -> Result<Value, SchedulerError> {
        self.with_tags(&input.resource_arn, |tags| {
            tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value)));
            json!({})
        })
    }

    pub(super) async fn untag_resource(&self, input: TagInput, _: &Context) -> Result<Value, SchedulerError> {
        self.with_tags(&input.resource_arn, |tags| {
            tags.retain(|key, _| !input.tag_keys.contains(key));
            json!({})
        })
    }

    pub(super) async fn list_tags_for_resource(&self, input: TagInput, _: &Context) -> Result<Value, SchedulerError> {
        self.with_tags(&input.resource_arn, |tags| {
            let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            json!({ "Tags": tags })
        })
    }
}
