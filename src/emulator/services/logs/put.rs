//! `PutLogEvents`, and log groups as targets of other services.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Logs;
use super::error::LogsError;
use super::event::{Key, LogEvent};
use super::group::DAY;
use super::stream::Stream;
use crate::emulator::Context;
use crate::emulator::service::{Delivery, DeliveryError};

/// Bytes of a call at the most, with those that each event adds.
const LARGEST_CALL: usize = 1_048_576;
const BYTES_AN_EVENT: usize = 26;
/// Events of a call at the most.
const MOST_EVENTS: usize = 10_000;
/// Milliseconds that an event may lie ahead, and days that it may be old.
const AHEAD: i64 = 2 * 3_600_000;
const OLDEST_DAYS: i64 = 14;

#[derive(Debug, Deserialize)]
pub struct PutLogEventsInput {
    #[serde(rename = "logGroupName")]
    group: String,
    #[serde(rename = "logStreamName")]
    stream: String,
    #[serde(rename = "logEvents")]
    events: Vec<InputLogEvent>,
}

#[derive(Debug, Deserialize)]
struct InputLogEvent {
    timestamp: i64,
    message: String,
}

impl Logs {
    fn event(&self, millis: i64, message: Arc<str>, stream: Arc<str>, ingested: i64) -> LogEvent {
        let number = self.next_event.fetch_add(1, Ordering::Relaxed);
        LogEvent { key: Key { millis, number }, message, stream, ingested }
    }

    pub(super) async fn put_log_events(&self, input: PutLogEventsInput, _: &Context) -> Result<Value, LogsError> {
        let events = input.events;
        check(&events)?;
        let group = self.group(&input.group)?;
        let now = self.now();
        let mut content = group.content(now);
        if !content.streams.contains_key(&input.stream) {
            return Err(LogsError::NotFound("log stream"));
        }
        // Events are in order, so each reason rejects a run at one end.
        let old = events.partition_point(|event| event.timestamp < now - OLDEST_DAYS * DAY);
        let expired =
            content.retention_days.map_or(0, |days| events.partition_point(|event| event.timestamp < now - days * DAY));
        let new = events.partition_point(|event| event.timestamp <= now + AHEAD);
        let mut rejected = json!({});
        if old > 0 {
            rejected["tooOldLogEventEndIndex"] = old.into();
        }
        if expired > old {
            rejected["expiredLogEventEndIndex"] = expired.into();
        }
        if new < events.len() {
            rejected["tooNewLogEventStartIndex"] = new.into();
        }
        let kept = old.max(expired)..new;
        let stream: Arc<str> = input.stream.into();
        for (index, event) in events.into_iter().enumerate() {
            if kept.contains(&index) {
                content.add(self.event(event.timestamp, event.message.into(), Arc::clone(&stream), now));
            }
        }
        let mut answer = json!({ "nextSequenceToken": self.next_event.load(Ordering::Relaxed).to_string() });
        if rejected.as_object().is_some_and(|rejected| !rejected.is_empty()) {
            answer["rejectedLogEventsInfo"] = rejected;
        }
        Ok(answer)
    }

    /// Writes what a service delivers as one event; a rule of EventBridge has a stream of its own in each group.
    pub(super) fn take_delivery(&self, delivery: &Delivery) -> Result<(), DeliveryError> {
        let name = delivery.target.resource.strip_prefix("log-group:").unwrap_or_default();
        let group = self.group(name.strip_suffix(":*").unwrap_or(name)).map_err(|_| {
            DeliveryError::permanent("ResourceNotFoundException", "The specified log group does not exist.")
        })?;
        if !self.allows(delivery.principal, &group.arn) {
            return Err(DeliveryError::permanent(
                "AccessDeniedException",
                format!(
                    "no resource policy of CloudWatch Logs lets {} write to {}: put one that allows logs:CreateLogStream and logs:PutLogEvents",
                    delivery.principal, group.arn
                ),
            ));
        }
        if delivery.payload.is_empty() || delivery.payload.len() + BYTES_AN_EVENT > LARGEST_CALL {
            return Err(DeliveryError::permanent("InvalidParameterException", "Log event too large or empty."));
        }
        let now = self.now();
        let mut content = group.content(now);
        let stream = if let Some(stream) = content.delivered.get(&delivery.source_arn) {
            stream.clone()
        } else {
            let stream = self.fabric.uuid();
            content.streams.insert(stream.clone(), Stream::new(now));
            content.delivered.insert(Arc::clone(&delivery.source_arn), stream.clone());
            stream
        };
        content.add(self.event(now, Arc::clone(&delivery.payload), stream.into(), now));
        Ok(())
    }
}

fn check(events: &[InputLogEvent]) -> Result<(), LogsError> {
    if !(1..=MOST_EVENTS).contains(&events.len()) {
        return Err(LogsError::invalid(format!(
            "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and {MOST_EVENTS}"
        )));
    }
    if events.iter().any(|event| event.message.is_empty()) {
        return Err(LogsError::invalid(
            "1 validation error detected: Value '' at 'logEvents.1.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    if events.iter().any(|event| event.timestamp < 0) {
        return Err(LogsError::invalid("Log event timestamps must be greater than or equal to 0."));
    }
    let size: usize = events.iter().map(|event| event.message.len() + BYTES_AN_EVENT).sum();
    if size > LARGEST_CALL {
        return Err(LogsError::invalid(format!("Upload too large: {size} bytes exceeds limit of {LARGEST_CALL}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(LogsError::invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let span = match (events.first(), events.last()) {
        (Some(first), Some(last)) => last.timestamp.saturating_sub(first.timestamp),
        _ => 0,
    };
    if span > DAY {
        return Err(LogsError::invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}
