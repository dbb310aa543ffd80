//! Activities: tasks that workers come for.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::States;
use super::super::callbacks::{Activity, Signal};
use super::super::error::StatesError;
use super::super::kept;
use super::tags::{Tag, tag_map};
use super::{check_name, page_size, read_token, required, write_token};
use crate::emulator::Context;

/// How long a worker waits for a task, in real time: it holds a connection open.
const LONGEST_POLL: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateActivityInput {
    name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    encryption_configuration: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityInput {
    activity_arn: Option<String>,
    worker_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListActivitiesInput {
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn checked(arn: Option<String>) -> Result<String, StatesError> {
    let arn = required(arn, "activityArn")?;
    let parts: Vec<&str> = arn.split(':').collect();
    if parts.len() != 7 || parts[2] != "states" || parts[5] != "activity" {
        return Err(StatesError::InvalidArn(format!("Invalid ARN: {arn}")));
    }
    Ok(arn)
}

impl States {
    pub(crate) async fn create_activity(&self, input: CreateActivityInput, _: &Context) -> Result<Value, StatesError> {
        let name = required(input.name, "name")?;
        check_name(&name)?;
        if input.encryption_configuration.is_some_and(|given| given["type"] == "CUSTOMER_MANAGED_KMS_KEY") {
            return Err(StatesError::Lacking("encryption with keys of customers".to_owned()));
        }
        let tags = tag_map(input.tags)?;
        let arn = self.fabric().arn("states", format!("activity:{name}")).to_string();
        let now = self.fabric().clock().now();
        let mut activities = self.shared.callbacks.activities();
        let activity = activities.entry(arn.clone()).or_insert_with(|| {
            let activity = Activity::new(name, now, tags);
            kept::keep_activity(&self.shared.shelf, &arn, &activity);
            activity
        });
        Ok(json!({"activityArn": arn, "creationDate": activity.created.epoch_seconds()}))
    }

    pub(crate) async fn delete_activity(&self, input: ActivityInput, _: &Context) -> Result<Value, StatesError> {
        let arn = checked(input.activity_arn)?;
        let mut activities = self.shared.callbacks.activities();
        activities.remove(&arn);
        kept::forget_activity(&self.shared.shelf, &arn);
        Ok(json!({}))
    }

    pub(crate) async fn describe_activity(&self, input: ActivityInput, _: &Context) -> Result<Value, StatesError> {
        let arn = checked(input.activity_arn)?;
        let activities = self.shared.callbacks.activities();
        let activity = activities.get(&arn).ok_or_else(|| StatesError::ActivityDoesNotExist(arn.clone()))?;
        Ok(json!({
            "activityArn": arn, "name": activity.name, "creationDate": activity.created.epoch_seconds(),
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        }))
    }

    pub(crate) async fn list_activities(&self, input: ListActivitiesInput, _: &Context) -> Result<Value, StatesError> {
        let size = page_size(input.max_results)?;
        let after = input.next_token.map(|token| read_token("activities", &token)).transpose()?;
        let activities = self.shared.callbacks.activities();
        let mut left =
            activities.iter().skip_while(|(arn, _)| after.as_ref().is_some_and(|after| arn.as_str() <= after.as_str()));
        let mut last = None;
        let mut entries = Vec::new();
        for (arn, activity) in left.by_ref().take(size) {
            last = Some(arn);
            entries.push(json!({
                "activityArn": arn, "name": activity.name, "creationDate": activity.created.epoch_seconds(),
            }));
        }
        let mut answer = json!({ "activities": entries });
        if let Some(last) = last.filter(|_| left.next().is_some()) {
            answer["nextToken"] = write_token("activities", last).into();
        }
        Ok(answer)
    }

    /// Waits for a task; without one in time the token is null.
    pub(crate) async fn get_activity_task(&self, input: ActivityInput, _: &Context) -> Result<Value, StatesError> {
        let arn = checked(input.activity_arn)?;
        let callbacks = &self.shared.callbacks;
        let mut out_of_time = std::pin::pin!(tokio::time::sleep(LONGEST_POLL));
        loop {
            let (task, arrived) = callbacks.take(&arn)?;
            // One whose execution has ended meanwhile is nobody's.
            if let Some(task) = task {
                if callbacks.signal(&task.token, Signal::Taken(input.worker_name.clone())).is_ok() {
                    return Ok(json!({"taskToken": &*task.token, "input": &*task.input}));
                }
                continue;
            }
            tokio::select! {
                () = arrived.notified() => {}
                () = &mut out_of_time => return Ok(json!({"taskToken": null, "input": null})),
            }
        }
    }
}
