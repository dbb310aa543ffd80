//! Schedules, and the operations on one of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::error::SchedulerError;
use super::settings::{Plan, Settings, check_name};
use super::{DEFAULT_GROUP, Scheduler};
use crate::emulator::Context;
use crate::model::Timestamp;

/// What a kept schedule is, and how far it is.
pub const SCHEDULE: &str = "schedule";
pub const FIRED: &str = "fired";

/// A schedule as it is kept.
#[derive(Serialize, Deserialize)]
pub struct KeptSchedule {
    name: String,
    group: String,
    arn: Arc<str>,
    created: Timestamp,
    modified: Timestamp,
    settings: Settings,
    token: Option<String>,
}

/// How far a schedule is that was made, or changed, at `modified`.
#[derive(Serialize, Deserialize)]
pub struct Fired {
    pub modified: Timestamp,
    /// What was due before that is done.
    pub from: Timestamp,
}

/// A schedule; it never changes, changes make a new one.
pub struct Schedule {
    pub name: String,
    pub group: String,
    pub arn: Arc<str>,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub settings: Settings,
    pub plan: Plan,
    token: Option<String>,
    /// Ends its task.
    pub ended: CancellationToken,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduleInput {
    #[serde(default)]
    name: String,
    group_name: Option<String>,
    client_token: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameInput {
    #[serde(default)]
    name: String,
    group_name: Option<String>,
}

impl Schedule {
    /// The id of its rows.
    pub fn row(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// What is kept of it.
    pub fn kept(&self) -> KeptSchedule {
        KeptSchedule {
            name: self.name.clone(),
            group: self.group.clone(),
            arn: Arc::clone(&self.arn),
            created: self.created,
            modified: self.modified,
            settings: self.settings.clone(),
            token: self.token.clone(),
        }
    }

    /// The schedule again; `ended` ends its task.
    ///
    /// # Errors
    /// When its settings cannot be read.
    pub fn found(kept: KeptSchedule, ended: CancellationToken) -> Result<Self, SchedulerError> {
        let KeptSchedule { name, group, arn, created, modified, settings, token } = kept;
        let plan = settings.read()?;
        Ok(Self { name, group, arn, created, modified, settings, plan, token, ended })
    }

    fn described(&self) -> Value {
        let mut told = json!(self.settings);
        told["Arn"] = (&*self.arn).into();
        told["Name"] = self.name.as_str().into();
        told["GroupName"] = self.group.as_str().into();
        told["CreationDate"] = self.created.epoch_seconds().into();
        told["LastModificationDate"] = self.modified.epoch_seconds().into();
        told
    }

    /// What `ListSchedules` says of it.
    pub fn summary(&self) -> Value {
        json!({
            "Arn": &*self.arn, "Name": self.name, "GroupName": self.group, "State": self.settings.state,
            "CreationDate": self.created.epoch_seconds(), "LastModificationDate": self.modified.epoch_seconds(),
            "Target": self.settings.target.as_ref().map(super::target::TargetInput::summary),
        })
    }
}

impl Scheduler {
    fn make(&self, input: ScheduleInput, created: Option<Timestamp>) -> Result<Schedule, SchedulerError> {
        check_name("name", &input.name)?;
        let group = input.group_name.unwrap_or_else(|| DEFAULT_GROUP.to_owned());
        let settings = input.settings.with_defaults();
        let plan = settings.read()?;
        let now = self.fabric.clock().now();
        let arn = self.fabric.arn("scheduler", format!("schedule/{group}/{}", input.name)).to_string();
        Ok(Schedule {
            name: input.name,
            group,
            arn: arn.into(),
            created: created.unwrap_or(now),
            modified: now,
            settings,
            plan,
            token: input.client_token,
            ended: self.fabric.shutdown_token().child_token(),
        })
    }

    pub(super) async fn create_schedule(&self, input: ScheduleInput, _: &Context) -> Result<Value, SchedulerError> {
        let schedule = Arc::new(self.make(input, None)?);
        let mut groups = self.groups();
        let group = groups.get_mut(&schedule.group);
        let group = group.ok_or_else(|| SchedulerError::NoSuchGroup(schedule.group.clone()))?;
        if let Some(known) = group.schedules.get(&schedule.name) {
            // The same request, sent again by a client that did not get its answer.
            if schedule.token.is_some() && known.token == schedule.token {
                return Ok(json!({ "ScheduleArn": &*known.arn }));
            }
            return Err(SchedulerError::ScheduleExists(schedule.name.clone()));
        }
        group.schedules.insert(schedule.name.clone(), Arc::clone(&schedule));
        self.note(&schedule);
        drop(groups);
        let arn = Arc::clone(&schedule.arn);
        let from = schedule.modified;
        self.begin(schedule, from);
        Ok(json!({ "ScheduleArn": &*arn }))
    }

    /// Keeps a schedule; to be called under the lock of the groups.
    fn note(&self, schedule: &Schedule) {
        if self.shelf.is_kept() {
            self.shelf.put(SCHEDULE, &schedule.row(), &schedule.kept());
        }
    }

    fn find(&self, name: &str, group: Option<&str>) -> Result<Arc<Schedule>, SchedulerError> {
        let groups = self.groups();
        let found = groups.get(group.unwrap_or(DEFAULT_GROUP)).and_then(|group| group.schedules.get(name));
        found.cloned().ok_or_else(|| SchedulerError::NoSuchSchedule(name.to_owned()))
    }

    pub(super) async fn get_schedule(&self, input: NameInput, _: &Context) -> Result<Value, SchedulerError> {
        Ok(self.find(&input.name, input.group_name.as_deref())?.described())
    }

    /// Puts everything anew: what the request leaves out gets its default, as on AWS.
    pub(super) async fn update_schedule(&self, input: ScheduleInput, _: &Context) -> Result<Value, SchedulerError> {
        let known = self.find(&input.name, input.group_name.as_deref())?;
        let schedule = Arc::new(self.make(input, Some(known.created))?);
        let mut groups = self.groups();
        let group = groups.get_mut(&schedule.group);
        let group = group.ok_or_else(|| SchedulerError::NoSuchGroup(schedule.group.clone()))?;
        let before = group.schedules.insert(schedule.name.clone(), Arc::clone(&schedule));
        self.note(&schedule);
        drop(groups);
        if let Some(before) = before {
            before.ended.cancel();
        }
        let arn = Arc::clone(&schedule.arn);
        let from = schedule.modified;
        self.begin(schedule, from);
        Ok(json!({ "ScheduleArn": &*arn }))
    }

    pub(super) async fn delete_schedule(&self, input: NameInput, _: &Context) -> Result<Value, SchedulerError> {
        let mut groups = self.groups();
        let group = groups.get_mut(input.group_name.as_deref().unwrap_or(DEFAULT_GROUP));
        let removed = group.and_then(|group| group.schedules.remove(&input.name));
        let removed = removed.ok_or(SchedulerError::NoSuchSchedule(input.name))?;
        self.shelf.delete(SCHEDULE, &removed.row());
        self.shelf.delete(FIRED, &removed.row());
        drop(groups);
        removed.ended.cancel();
        Ok(json!({}))
    }
}
