//! Log groups and the operations on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Logs;
use super::error::LogsError;
use super::event::{Index, Key, LogEvent};
use super::stream::Stream;
use crate::emulator::Context;

/// Days of retention that AWS knows.
const RETENTION_DAYS: &[i64] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;
/// Entries of a page of groups or streams.
pub const PAGE: usize = 50;

/// A group.
pub struct Group {
    pub name: String,
    /// Without the `:*`.
    pub arn: String,
    created: i64,
    content: Mutex<Content>,
}

/// What a group holds.
#[derive(Default)]
pub struct Content {
    pub retention_days: Option<i64>,
    pub tags: BTreeMap<String, String>,
    class: Option<String>,
    kms_key: Option<String>,
    pub streams: BTreeMap<String, Stream>,
    pub events: Index,
    bytes: usize,
    /// Streams that EventBridge made, by rule.
    pub delivered: BTreeMap<Arc<str>, String>,
}

impl Group {
    /// The content; what is past the retention is gone by then.
    pub fn content(&self, now: i64) -> MutexGuard<'_, Content> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(days) = content.retention_days {
            content.expire(now.saturating_sub(days * DAY));
        }
        content
    }

    fn described(&self, now: i64) -> Value {
        let content = self.content(now);
        let mut described = Map::new();
        described.insert("logGroupName".to_owned(), self.name.as_str().into());
        described.insert("creationTime".to_owned(), self.created.into());
        if let Some(days) = content.retention_days {
            described.insert("retentionInDays".to_owned(), days.into());
        }
        if let Some(key) = &content.kms_key {
            described.insert("kmsKeyId".to_owned(), key.as_str().into());
        }
        described.insert("metricFilterCount".to_owned(), 0.into());
        described.insert("arn".to_owned(), format!("{}:*", self.arn).into());
        described.insert("logGroupArn".to_owned(), self.arn.as_str().into());
        described.insert("storedBytes".to_owned(), content.bytes.into());
        described.insert("logGroupClass".to_owned(), content.class.as_deref().unwrap_or("STANDARD").into());
        described.into()
    }
}

impl Content {
    /// Adds an event to a stream that is there.
    pub fn add(&mut self, event: LogEvent) {
        let event = Arc::new(event);
        if let Some(stream) = self.streams.get_mut(&*event.stream) {
            self.bytes += event.message.len();
            stream.last_ingestion = Some(event.ingested);
            stream.events.insert(event.key, Arc::clone(&event));
            self.events.insert(event.key, event);
        }
    }

    /// Forgets a stream's events.
    pub fn forget(&mut self, stream: &Stream) {
        for (key, event) in &stream.events {
            if self.events.remove(key).is_some() {
                self.bytes -= event.message.len();
            }
        }
    }

    fn expire(&mut self, before: i64) {
        while let Some((key, _)) = self.events.first_key_value()
            && key.millis < before
            && let Some((key, event)) = self.events.pop_first()
        {
            self.bytes -= event.message.len();
            if let Some(stream) = self.streams.get_mut(&*event.stream) {
                stream.events.remove(&key);
            }
        }
    }

    /// The newest key, to place tokens in an empty page.
    pub fn newest(&self) -> Option<Key> {
        self.events.last_key_value().map(|(key, _)| *key)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateLogGroupInput {
    log_group_name: String,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    log_group_class: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupName {
    log_group_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogGroupsInput {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRetentionPolicyInput {
    log_group_name: String,
    retention_in_days: i64,
}

/// The size of a page that a caller asks for.
///
/// # Errors
/// When it is out of range.
pub fn page_size(limit: Option<usize>, most: usize) -> Result<usize, LogsError> {
    match limit {
        None => Ok(most),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(LogsError::invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and {most}"
        ))),
    }
}

impl Logs {
    /// Milliseconds now.
    pub(super) fn now(&self) -> i64 {
        self.fabric.clock().now().millis()
    }

    pub(super) async fn create_log_group(&self, input: CreateLogGroupInput, _: &Context) -> Result<Value, LogsError> {
        let name = input.log_group_name;
        let named_well =
            (1..=512).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/#".contains(c));
        if !named_well {
            return Err(LogsError::invalid(format!(
                "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
            )));
        }
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        if groups.contains_key(&name) {
            return Err(LogsError::Exists("log group"));
        }
        let content =
            Content { tags: input.tags, class: input.log_group_class, kms_key: input.kms_key_id, ..Content::default() };
        let arn = self.fabric.arn("logs", format!("log-group:{name}")).to_string();
        let group = Group { name: name.clone(), arn, created: self.now(), content: Mutex::new(content) };
        groups.insert(name, Arc::new(group));
        Ok(json!({}))
    }

    pub(super) async fn delete_log_group(&self, input: GroupName, _: &Context) -> Result<Value, LogsError> {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        match groups.remove(&input.log_group_name) {
            Some(_) => Ok(json!({})),
            None => Err(LogsError::NotFound("log group")),
        }
    }

    pub(super) async fn describe_log_groups(
        &self,
        input: DescribeLogGroupsInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        let size = page_size(input.limit, PAGE)?;
        let now = self.now();
        let prefix = input.log_group_name_prefix.unwrap_or_default();
        let part = input.log_group_name_pattern.unwrap_or_default().to_lowercase();
        let after = input.next_token.unwrap_or_default();
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        let mut chosen = groups
            .values()
            .filter(|group| group.name.starts_with(&prefix) && group.name.to_lowercase().contains(&part))
            .filter(|group| group.name > after);
        let page: Vec<&Arc<Group>> = chosen.by_ref().take(size).collect();
        let described: Vec<Value> = page.iter().map(|group| group.described(now)).collect();
        let mut answer = json!({ "logGroups": described });
        if chosen.next().is_some()
            && let Some(last) = page.last()
        {
            answer["nextToken"] = last.name.as_str().into();
        }
        Ok(answer)
    }

    pub(super) async fn put_retention_policy(
        &self,
        input: PutRetentionPolicyInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        if !RETENTION_DAYS.contains(&input.retention_in_days) {
            return Err(LogsError::invalid(format!(
                "1 validation error detected: Value '{}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: {RETENTION_DAYS:?}",
                input.retention_in_days
            )));
        }
        let group = self.group(&input.log_group_name)?;
        group.content(self.now()).retention_days = Some(input.retention_in_days);
        Ok(json!({}))
    }

    pub(super) async fn delete_retention_policy(&self, input: GroupName, _: &Context) -> Result<Value, LogsError> {
        self.group(&input.log_group_name)?.content(self.now()).retention_days = None;
        Ok(json!({}))
    }

    pub(super) async fn put_subscription_filter(&self, _: Value, _: &Context) -> Result<Value, LogsError> {
        Err(LogsError::Unsupported("subscription filters of CloudWatch Logs (PutSubscriptionFilter)"))
    }
}
