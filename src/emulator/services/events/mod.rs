//! Amazon EventBridge: buses, rules, targets, and the way of an event from `PutEvents` to every target that wants it.
//!
//! Patterns and targets are read when a rule changes, never when an event comes; an event is written once and shared.

mod bus;
mod delivery;
mod error;
mod input;
mod path;
mod pattern;
mod put;
mod retry;
mod rule;
mod scheduled;
mod tags;
mod target;

pub use pattern::{PatternError, takes as pattern_takes};

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use futures::future::BoxFuture;

use crate::emulator::Fabric;
use crate::emulator::service::{Delivery, DeliveryError, Interface, Service};
use bus::Bus;
use error::EventsError;

static INTERFACE: Interface = Interface {
    id: "events",
    title: "Amazon EventBridge",
    target_prefix: Some("AWSEvents"),
    json_version: "1.1",
    query: None,
    rest: false,
};

/// The principal of deliveries.
const PRINCIPAL: &str = "events.amazonaws.com";
/// The bus that is always there.
const DEFAULT_BUS: &str = "default";

/// The buses of the endpoint.
pub struct Events {
    fabric: Fabric,
    buses: RwLock<BTreeMap<String, Arc<Bus>>>,
    retries: Arc<retry::Retries>,
    /// The service itself, for tasks that must not keep it.
    own: Weak<Self>,
}

impl Events {
    /// The service with its default bus.
    #[must_use]
    pub fn new(fabric: Fabric) -> Arc<Self> {
        let now = fabric.clock().now();
        let bus = Bus::new(DEFAULT_BUS.to_owned(), fabric.arn("events", "event-bus/default").to_string(), now);
        let retries = retry::Retries::new(fabric.clone());
        Arc::new_cyclic(|own| Self {
            fabric,
            buses: RwLock::new(BTreeMap::from([(DEFAULT_BUS.to_owned(), Arc::new(bus))])),
            retries,
            own: Weak::clone(own),
        })
    }

    /// The bus of a name or ARN; the default bus without one.
    fn bus(&self, name: Option<&str>) -> Result<Arc<Bus>, EventsError> {
        let given = name.unwrap_or(DEFAULT_BUS);
        let name = given.rsplit_once("event-bus/").map_or(given, |(_, name)| name);
        let buses = self.buses.read().unwrap_or_else(PoisonError::into_inner);
        buses.get(name).cloned().ok_or_else(|| EventsError::NoSuchBus(name.to_owned()))
    }
}

impl Service for Events {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        CreateEventBus => Self::create_event_bus,
        DeleteEventBus => Self::delete_event_bus,
        DescribeEventBus => Self::describe_event_bus,
        ListEventBuses => Self::list_event_buses,
        PutPermission => Self::put_permission,
        RemovePermission => Self::remove_permission,
        PutRule => Self::put_rule,
        DeleteRule => Self::delete_rule,
        DescribeRule => Self::describe_rule,
        ListRules => Self::list_rules,
        EnableRule => Self::enable_rule,
        DisableRule => Self::disable_rule,
        ListRuleNamesByTarget => Self::list_rule_names_by_target,
        PutTargets => Self::put_targets,
        RemoveTargets => Self::remove_targets,
        ListTargetsByRule => Self::list_targets_by_rule,
        PutEvents => Self::put_events,
        TestEventPattern => Self::test_event_pattern,
        TagResource => Self::tag_resource,
        UntagResource => Self::untag_resource,
        ListTagsForResource => Self::list_tags_for_resource,
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.take_delivery(delivery))
    }
}
