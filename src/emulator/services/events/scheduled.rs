//! Rules with a schedule: when one is due, its targets get an event that EventBridge makes itself.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::json;

use super::bus::Bus;
use super::error::EventsError;
use super::kept::Progress;
use super::put::Envelope;
use super::rule::Rule;
use super::{DEFAULT_BUS, Events};
use crate::model::Timestamp;
use crate::model::schedule::Schedule;

/// Reads a rule's schedule expression.
///
/// # Errors
/// When it is none of a rule's, or the rule is on another bus than the default one.
pub fn read(bus: &Bus, text: Option<String>) -> Result<Option<(String, Arc<Schedule>)>, EventsError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    if bus.name != DEFAULT_BUS {
        return Err(EventsError::validation("ScheduleExpression is supported only on the default event bus."));
    }
    // Rules know no `at(…)` and no time zone but UTC.
    match Schedule::parse(&text, "UTC") {
        Ok(schedule) if !schedule.is_once() => Ok(Some((text, Arc::new(schedule)))),
        _ => Err(EventsError::validation("Parameter ScheduleExpression is not valid.")),
    }
}

impl Events {
    /// Sets the task of a rule's schedule going, from where an earlier start has left it; it ends when the rule gets another
    /// one or none.
    pub(super) fn keep_schedule(&self, bus: &Arc<Bus>, name: &str, left: Option<Progress>) {
        let Ok(rule) = bus.rule(name) else { return };
        let Some((_, schedule)) = &rule.schedule else { return };
        let bus_of = bus;
        let (own, bus, schedule) = (Weak::clone(&self.own), Arc::downgrade(bus), Arc::clone(schedule));
        let (clock, shutdown) = (self.fabric.clock().clone(), self.fabric.shutdown_token().clone());
        let name = name.to_owned();
        let now = clock.now();
        let Progress { start, mut from } =
            left.unwrap_or_else(|| Progress { start: now, from: now + Duration::from_micros(1) });
        if left.is_none() {
            bus_of.rows.progress(&name, Progress { start, from });
        }
        tokio::spawn(async move {
            while let Some(due) = schedule.next(start, from) {
                tokio::select! {
                    () = clock.sleep_until(due) => {}
                    () = shutdown.cancelled() => return,
                }
                // What went by meanwhile is not made up for.
                from = clock.now().max(due + Duration::from_micros(1));
                let (Some(events), Some(bus)) = (own.upgrade(), bus.upgrade()) else { return };
                let Ok(rule) = bus.rule(&name) else { return };
                if !rule.schedule.as_ref().is_some_and(|(_, current)| Arc::ptr_eq(current, &schedule)) {
                    return;
                }
                if rule.enabled {
                    events.fire(&rule, due);
                }
                // After the event: whoever dies between the two sends it twice, never not at all.
                bus.rows.progress(&name, Progress { start, from });
            }
        });
    }

    fn fire(&self, rule: &Arc<Rule>, due: Timestamp) {
        let identity = self.fabric.identity();
        let id: Arc<str> = self.fabric.uuid().into();
        let event = json!({
            "version": "0", "id": &*id, "detail-type": "Scheduled Event", "source": "aws.events",
            "account": identity.account, "time": due.iso_seconds(), "region": identity.region,
            "resources": [&*rule.arn], "detail": {},
        });
        let text = event.to_string().into();
        let envelope = Envelope { id, text, ingested: self.fabric.clock().now(), forwarded: false };
        self.hand_out(std::slice::from_ref(rule), &envelope);
    }
}
