//! Amazon CloudWatch Logs: groups, streams, events with filter patterns, live tails, and log groups
//! as targets of EventBridge.
//!
//! A group keeps one index of its events ordered by (timestamp, sequence): whoever asks for the newest events pays for
//! these alone. Only the standard class is here; metric filters, subscriptions and queries are refused by name.

mod arrivals;
mod deliver;
mod error;
mod filter;
mod get;
mod grant;
mod group;
mod groups;
mod kept;
mod live_tail;
mod log;
mod page;
mod pattern;
mod policy;
mod position;
mod put;
mod retention;
mod streams;
mod tags;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use futures::future::BoxFuture;
use serde_json::Value;

use crate::emulator::service::{Call, Delivery, DeliveryError, EventStream, Interface, Service, parse_input};
use crate::emulator::{Fabric, KeepError, ServiceError, Shelf};
use crate::model::Arn;
use error::LogsError;
use group::Group;
use policy::Policies;

static INTERFACE: Interface = Interface {
    id: "logs",
    title: "Amazon CloudWatch Logs",
    target_prefix: Some("Logs_20140328"),
    json_version: "1.1",
    query: None,
    rest: false,
};

/// What the resource of a log group's ARN begins with.
const GROUP_RESOURCE: &str = "log-group:";

/// The log groups and resource policies of the endpoint.
pub struct Logs {
    fabric: Fabric,
    shelf: Shelf,
    groups: RwLock<BTreeMap<String, Arc<Group>>>,
    next_group: AtomicU64,
    policies: Policies,
    tails: live_tail::Sessions,
}

impl Logs {
    /// The service with the groups and policies that were kept.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let groups = kept::groups(&shelf)?;
        let last = groups.values().map(|group| group.number).max().unwrap_or_default();
        Ok(Arc::new(Self {
            groups: RwLock::new(groups),
            next_group: AtomicU64::new(last + 1),
            policies: Policies::load(&shelf)?,
            tails: live_tail::Sessions::default(),
            shelf,
            fabric,
        }))
    }

    crate::operations! {
        CreateLogGroup => Self::create_log_group,
        DeleteLogGroup => Self::delete_log_group,
        DescribeLogGroups => Self::describe_log_groups,
        CreateLogStream => Self::create_log_stream,
        DeleteLogStream => Self::delete_log_stream,
        DescribeLogStreams => Self::describe_log_streams,
        PutLogEvents => Self::put_log_events,
        GetLogEvents => Self::get_log_events,
        FilterLogEvents => Self::filter_log_events,
        PutRetentionPolicy => Self::put_retention_policy,
        DeleteRetentionPolicy => Self::delete_retention_policy,
        PutResourcePolicy => Self::put_resource_policy,
        DescribeResourcePolicies => Self::describe_resource_policies,
        DeleteResourcePolicy => Self::delete_resource_policy,
        TagResource => Self::tag_resource,
        UntagResource => Self::untag_resource,
        ListTagsForResource => Self::list_tags_for_resource,
        TagLogGroup => Self::tag_log_group,
        UntagLogGroup => Self::untag_log_group,
        ListTagsLogGroup => Self::list_tags_log_group,
    }

    fn now_millis(&self) -> i64 {
        self.fabric.clock().now().millis()
    }

    fn by_name(&self, name: &str) -> Result<Arc<Group>, LogsError> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(name).cloned().ok_or(LogsError::GroupNotFound)
    }

    /// The group that an ARN of this account and region names, with or without `:*` at its end.
    fn by_arn(&self, arn: &Arn) -> Result<Arc<Group>, LogsError> {
        let own = self.fabric.identity();
        let name = arn.resource.strip_prefix(GROUP_RESOURCE).ok_or(LogsError::GroupNotFound)?;
        if arn.service != INTERFACE.id || arn.region != own.region || arn.account != own.account {
            return Err(LogsError::GroupNotFound);
        }
        self.by_name(name.strip_suffix(":*").unwrap_or(name))
    }

    /// The group of an operation that takes either its name or an identifier, which is a name or an ARN.
    fn by_name_or_identifier(&self, name: Option<&str>, identifier: Option<&str>) -> Result<Arc<Group>, LogsError> {
        match (name, identifier) {
            (Some(name), None) => {
                group::check_name(name)?;
                self.by_name(name)
            }
            (None, Some(identifier)) => match identifier.parse::<Arn>() {
                Ok(arn) => self.by_arn(&arn),
                Err(_) => self.by_name(identifier),
            },
            _ => Err(LogsError::invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")),
        }
    }
}

impl Service for Logs {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn operations(&self) -> &'static [&'static str] {
        Logs::operations(self)
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
        Logs::call(self, call)
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        let events = groups.values().map(|group| group.log().count()).sum();
        vec![("groups", groups.len()), ("events", events), ("policies", self.policies.count())]
    }

    fn streams(&self) -> &'static [&'static str] {
        &["StartLiveTail"]
    }

    fn stream(&self, call: Call) -> BoxFuture<'_, Result<EventStream, ServiceError>> {
        Box::pin(async move { Ok(self.start_live_tail(parse_input(call.input)?)?) })
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move { self.take(&delivery) })
    }
}
