//! Amazon CloudWatch Logs: groups, streams and events, filter patterns, and log groups as targets of EventBridge.
//!
//! Events are indexed by time, for each group and each stream: whoever asks for the newest pays for the newest only.

mod error;
mod event;
mod filter;
mod group;
mod policy;
mod put;
mod read;
mod stream;
mod tags;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use futures::future::BoxFuture;

use crate::emulator::Fabric;
use crate::emulator::service::{Delivery, DeliveryError, Interface, Service};
use error::LogsError;
use group::Group;

static INTERFACE: Interface = Interface {
    id: "logs",
    title: "Amazon CloudWatch Logs",
    target_prefix: Some("Logs_20140328"),
    json_version: "1.1",
    query: None,
    rest: false,
};

/// The log groups of the endpoint.
pub struct Logs {
    fabric: Fabric,
    groups: RwLock<BTreeMap<String, Arc<Group>>>,
    policies: RwLock<policy::Policies>,
    /// Numbers events in the order in which they came.
    next_event: AtomicU64,
}

impl Logs {
    /// The service without groups.
    #[must_use]
    pub fn new(fabric: Fabric) -> Arc<Self> {
        Arc::new(Self { fabric, groups: RwLock::default(), policies: RwLock::default(), next_event: AtomicU64::new(1) })
    }

    fn group(&self, name: &str) -> Result<Arc<Group>, LogsError> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(name).cloned().ok_or(LogsError::NotFound("log group"))
    }

    /// The group of a name, or of an identifier that is a name or an ARN.
    fn group_of(&self, name: Option<&str>, identifier: Option<&str>) -> Result<Arc<Group>, LogsError> {
        match (name, identifier) {
            (Some(name), None) => self.group(name),
            (None, Some(identifier)) => {
                let name = identifier.split_once(":log-group:").map_or(identifier, |(_, name)| name);
                self.group(name.strip_suffix(":*").unwrap_or(name))
            }
            _ => Err(LogsError::invalid("Exactly one of logGroupName or logGroupIdentifier is required.")),
        }
    }
}

impl Service for Logs {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        CreateLogGroup => Self::create_log_group,
        DeleteLogGroup => Self::delete_log_group,
        DescribeLogGroups => Self::describe_log_groups,
        PutRetentionPolicy => Self::put_retention_policy,
        DeleteRetentionPolicy => Self::delete_retention_policy,
        CreateLogStream => Self::create_log_stream,
        DeleteLogStream => Self::delete_log_stream,
        DescribeLogStreams => Self::describe_log_streams,
        PutLogEvents => Self::put_log_events,
        GetLogEvents => Self::get_log_events,
        FilterLogEvents => Self::filter_log_events,
        PutResourcePolicy => Self::put_resource_policy,
        DescribeResourcePolicies => Self::describe_resource_policies,
        DeleteResourcePolicy => Self::delete_resource_policy,
        TagResource => Self::tag_resource,
        UntagResource => Self::untag_resource,
        ListTagsForResource => Self::list_tags_for_resource,
        TagLogGroup => Self::tag_log_group,
        UntagLogGroup => Self::untag_log_group,
        ListTagsLogGroup => Self::list_tags_log_group,
        PutSubscriptionFilter => Self::put_subscription_filter,
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move { self.take_delivery(&delivery) })
    }
}
