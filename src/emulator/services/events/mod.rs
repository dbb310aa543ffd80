//! Amazon EventBridge: buses, rules, targets, and the way of an event from `PutEvents` to every target that wants it.
//!
//! Patterns and targets are read when a rule changes, never when an event comes; an event is written once and shared.

mod bus;
mod delivery;
mod error;
mod input;
mod kept;
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
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use futures::future::BoxFuture;

use crate::emulator::service::{Delivery, DeliveryError, Interface, Service};
use crate::emulator::{Fabric, KeepError, Outbox, Shelf};
use crate::model::Timestamp;
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

/// What was under way when an earlier start ended.
#[derive(Default)]
struct Left {
    schedules: Vec<(Arc<Bus>, String, kept::Progress)>,
    /// Each with the moment at which it is tried again, after it has failed.
    deliveries: Vec<(delivery::Attempt, Option<Timestamp>)>,
}

/// The buses of the endpoint.
pub struct Events {
    fabric: Fabric,
    buses: RwLock<BTreeMap<String, Arc<Bus>>>,
    shelf: Shelf,
    retries: Arc<retry::Retries>,
    /// Events on their way to a target.
    outbox: Outbox,
    /// What was under way when an earlier start ended, until it is taken up.
    left: Mutex<Left>,
    /// The service itself, for tasks that must not keep it.
    own: Weak<Self>,
}

impl Events {
    /// The service with the buses that were kept, or with its default bus.
    ///
    /// # Errors
    /// When the buses cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let (mut buses, schedules) = kept::buses(&shelf)?;
        if !buses.contains_key(DEFAULT_BUS) {
            let arn = fabric.arn("events", "event-bus/default").to_string();
            let rows = kept::Rows::new(shelf.clone(), DEFAULT_BUS.to_owned());
            let bus = Bus::new(DEFAULT_BUS.to_owned(), arn, fabric.clock().now(), rows);
            bus.note(&bus.about());
            buses.insert(DEFAULT_BUS.to_owned(), Arc::new(bus));
        }
        let outbox = Outbox::new(shelf.clone(), kept::DELIVERY);
        let mut deliveries = Vec::new();
        for (ticket, kept) in outbox.left::<kept::FoundAttempt>()? {
            match kept.found(ticket) {
                Ok(attempt) => deliveries.push(attempt),
                Err(problem) => tracing::error!(%problem, "an event that was on its way cannot be read"),
            }
        }
        let retries = retry::Retries::new(fabric.clone());
        Ok(Arc::new_cyclic(|own| Self {
            fabric,
            buses: RwLock::new(buses),
            shelf,
            retries,
            outbox,
            left: Mutex::new(Left { schedules, deliveries }),
            own: Weak::clone(own),
        }))
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

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let buses = self.buses.read().unwrap_or_else(PoisonError::into_inner);
        vec![("buses", buses.len()), ("rules", buses.values().map(|bus| bus.rules().len()).sum())]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        let Left { schedules, deliveries } =
            std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        for (bus, rule, progress) in schedules {
            self.keep_schedule(&bus, &rule, Some(progress));
        }
        let mut first = Vec::new();
        for (attempt, due) in deliveries {
            match due {
                Some(due) => Arc::clone(&self.retries).wait(attempt, due),
                None => first.push(attempt),
            }
        }
        self.begin(first);
        Box::pin(async {})
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.take_delivery(delivery))
    }
}
