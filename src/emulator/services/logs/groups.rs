//! `CreateLogGroup`, `DeleteLogGroup` and `DescribeLogGroups`.

use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Logs;
use super::error::LogsError;
use super::group::{self, Group, Tags};
use super::kept::Rows;
use super::{GROUP_RESOURCE, page, tags};
use crate::emulator::Context;

/// Groups that one page lists at the most.
const LARGEST_PAGE: usize = 50;
/// Groups of one account and region.
const MOST_GROUPS: usize = 1_000_000;
/// The one class of groups that is here.
const STANDARD: &str = "STANDARD";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateLogGroupInput {
    log_group_name: String,
    kms_key_id: Option<String>,
    tags: Option<Tags>,
    log_group_class: Option<String>,
    deletion_protection_enabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupNameInput {
    pub log_group_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogGroupsInput {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_class: Option<String>,
    log_group_identifiers: Option<Vec<String>>,
    account_identifiers: Option<Vec<String>>,
    next_token: Option<String>,
    limit: Option<i64>,
}

impl Logs {
    pub(super) async fn create_log_group(&self, input: CreateLogGroupInput, _: &Context) -> Result<Value, LogsError> {
        let name = input.log_group_name;
        group::check_name(&name)?;
        if name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws/")) {
            return Err(LogsError::invalid("Log groups starting with AWS/ are reserved for AWS."));
        }
        if input.log_group_class.is_some_and(|class| class != STANDARD) {
            return Err(LogsError::Unsupported("CreateLogGroup with a logGroupClass other than STANDARD"));
        }
        if input.deletion_protection_enabled == Some(true) {
            return Err(LogsError::Unsupported("CreateLogGroup with deletionProtectionEnabled"));
        }
        let given = input.tags.unwrap_or_default();
        tags::check(&given)?;
        let arn = self.fabric.arn("logs", format!("{GROUP_RESOURCE}{name}")).to_string();
        let now = self.now_millis();
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        if groups.contains_key(&name) {
            return Err(LogsError::GroupExists);
        }
        if groups.len() >= MOST_GROUPS {
            return Err(LogsError::LimitExceeded);
        }
        let number = self.next_group.fetch_add(1, Ordering::Relaxed);
        let rows = Rows::new(&self.shelf, number);
        let group = Group::new(name.clone(), arn, number, now, input.kms_key_id, given, rows);
        group.rows.group(&group);
        groups.insert(name, Arc::new(group));
        Ok(json!({}))
    }

    pub(super) async fn delete_log_group(&self, input: GroupNameInput, _: &Context) -> Result<Value, LogsError> {
        group::check_name(&input.log_group_name)?;
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        let removed = groups.remove(&input.log_group_name).ok_or(LogsError::GroupNotFound)?;
        removed.rows.group_gone(&removed.name);
        drop(groups);
        removed.delete();
        Ok(json!({}))
    }

    pub(super) async fn describe_log_groups(
        &self,
        input: DescribeLogGroupsInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        let size = page::limit(input.limit, LARGEST_PAGE)?;
        let prefix = input.log_group_name_prefix.unwrap_or_default();
        let pattern = input.log_group_name_pattern.unwrap_or_default();
        if !prefix.is_empty() && !pattern.is_empty() {
            return Err(LogsError::invalid(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            ));
        }
        let class = input.log_group_class.unwrap_or_else(|| STANDARD.to_owned());
        let own = &self.fabric.identity().account;
        let accounts = input.account_identifiers.unwrap_or_default();
        let none = class != STANDARD || (!accounts.is_empty() && !accounts.contains(own));
        let identifiers = input.log_group_identifiers.unwrap_or_default();
        let after = input.next_token.as_deref().map(page::read).transpose()?;

        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        let start = match &after {
            Some(last) if *last >= prefix => Bound::Excluded(last.as_str()),
            _ => Bound::Included(prefix.as_str()),
        };
        let mut listed = groups
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(name, _)| !none && name.starts_with(&prefix))
            .map(|(_, group)| group)
            .filter(|group| pattern.is_empty() || group.name.contains(&pattern))
            .filter(|group| {
                identifiers.is_empty() || identifiers.iter().any(|known| *known == group.name || *known == group.arn)
            });
        let page: Vec<Arc<Group>> = listed.by_ref().take(size).cloned().collect();
        let more = listed.next().is_some();
        drop(listed);
        drop(groups);

        let mut answer = Map::new();
        if let Some(last) = page.last().filter(|_| more) {
            answer.insert("nextToken".to_owned(), page::token(&last.name).into());
        }
        answer.insert("logGroups".to_owned(), page.iter().map(|group| self.describe(group)).collect());
        Ok(answer.into())
    }

    fn describe(&self, group: &Group) -> Value {
        let (retention, stored_bytes) = {
            let mut log = group.log_mut();
            log.expire(self.now_millis());
            (log.retention, log.stored_bytes())
        };
        let mut described = json!({
            "logGroupName": group.name,
            "creationTime": group.created,
            "metricFilterCount": 0,
            "arn": format!("{}:*", group.arn),
            "storedBytes": stored_bytes,
            "logGroupClass": STANDARD,
            "logGroupArn": group.arn,
            "deletionProtectionEnabled": false,
        });
        if let Some(days) = retention {
            described["retentionInDays"] = days.into();
        }
        if let Some(key) = &group.kms_key {
            described["kmsKeyId"] = key.as_str().into();
        }
        described
    }
}
