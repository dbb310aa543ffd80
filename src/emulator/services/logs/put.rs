//! `PutLogEvents`: what a batch may be, and which of its events are taken.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Logs;
use super::error::LogsError;
use super::group;
use super::log::{DAY_MILLIS, EVENT_OVERHEAD};
use crate::emulator::Context;

/// Bytes of a batch, the overhead of its events included; one event cannot be larger either.
pub const LARGEST_BATCH_BYTES: usize = 1_048_576;
/// Events of a batch.
const LARGEST_BATCH: usize = 10_000;
/// How far in the future an event may be.
const FUTURE_MILLIS: i64 = 2 * 3_600_000;
/// How old an event may be.
const PAST_MILLIS: i64 = 14 * DAY_MILLIS;

#[expect(clippy::struct_field_names, reason = "members as AWS spells them")]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutLogEventsInput {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<InputLogEvent>,
}

#[derive(Debug, Deserialize)]
pub struct InputLogEvent {
    timestamp: i64,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutLogEventsOutput {
    next_sequence_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_log_events_info: Option<Rejected>,
}

/// Which events of a batch were not taken; the ends are exclusive.
#[expect(clippy::struct_field_names, reason = "members as AWS spells them")]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rejected {
    #[serde(skip_serializing_if = "Option::is_none")]
    too_new_log_event_start_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    too_old_log_event_end_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expired_log_event_end_index: Option<usize>,
}

impl Rejected {
    /// What a batch in chronological order is not taken of.
    fn of(events: &[InputLogEvent], now: i64, cutoff: i64) -> Self {
        let before = |moment: i64| events.partition_point(|event| event.timestamp < moment);
        let too_new = before(now.saturating_add(FUTURE_MILLIS).saturating_add(1));
        Self {
            too_new_log_event_start_index: Some(too_new).filter(|start| *start < events.len()),
            too_old_log_event_end_index: Some(before(now.saturating_sub(PAST_MILLIS))).filter(|end| *end > 0),
            expired_log_event_end_index: Some(before(cutoff)).filter(|end| *end > 0),
        }
    }

    /// The range of the batch that is taken.
    fn taken(self, len: usize) -> std::ops::Range<usize> {
        let start = self.too_old_log_event_end_index.max(self.expired_log_event_end_index).unwrap_or(0);
        let end = self.too_new_log_event_start_index.unwrap_or(len);
        start.min(end)..end
    }
}

impl Logs {
    pub(super) async fn put_log_events(
        &self,
        input: PutLogEventsInput,
        _: &Context,
    ) -> Result<PutLogEventsOutput, LogsError> {
        group::check_name(&input.log_group_name)?;
        group::check_stream_name(&input.log_stream_name)?;
        check(&input.log_events)?;
        let group = self.by_name(&input.log_group_name)?;
        let now = self.now_millis();
        let mut log = group.log_mut();
        let stream = log.stream_id(&input.log_stream_name).ok_or(LogsError::StreamNotFound)?;
        log.expire(now);
        let rejected = Rejected::of(&input.log_events, now, log.cutoff(now));
        let taken = rejected.taken(input.log_events.len());
        for event in input.log_events.into_iter().take(taken.end).skip(taken.start) {
            log.append(stream, event.timestamp, now, Arc::from(event.message));
        }
        let taken = log.stream(stream).map_or(0, |stream| stream.taken);
        Ok(PutLogEventsOutput {
            next_sequence_token: sequence_token(taken),
            rejected_log_events_info: Some(rejected).filter(|rejected| *rejected != Rejected::default()),
        })
    }
}

/// The token that AWS still hands out and takes, and looks at no more.
pub fn sequence_token(taken: u64) -> String {
    format!("49{taken:054}")
}

fn check(events: &[InputLogEvent]) -> Result<(), LogsError> {
    if events.is_empty() {
        return Err(LogsError::constraint("[]", "logEvents", "have length greater than or equal to 1"));
    }
    if events.len() > LARGEST_BATCH {
        let constraint = format!("have length less than or equal to {LARGEST_BATCH}");
        return Err(LogsError::constraint(format!("[{} events]", events.len()), "logEvents", constraint));
    }
    let mut size = 0;
    for (index, event) in (1..).zip(events) {
        if event.message.is_empty() {
            let member = format!("logEvents.{index}.member.message");
            return Err(LogsError::constraint("", &member, "have length greater than or equal to 1"));
        }
        if event.timestamp < 0 {
            let member = format!("logEvents.{index}.member.timestamp");
            return Err(LogsError::constraint(event.timestamp, &member, "have value greater than or equal to 0"));
        }
        let own = event.message.len() + EVENT_OVERHEAD;
        if own > LARGEST_BATCH_BYTES {
            return Err(LogsError::invalid(format!(
                "Log event too large: {own} bytes exceeds limit of {LARGEST_BATCH_BYTES}"
            )));
        }
        size += own;
    }
    if size > LARGEST_BATCH_BYTES {
        return Err(LogsError::invalid(format!(
            "Upload too large: {size} bytes exceeds limit of {LARGEST_BATCH_BYTES}"
        )));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(LogsError::invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let span = events.last().zip(events.first()).map_or(0, |(last, first)| last.timestamp - first.timestamp);
    if span > DAY_MILLIS {
        return Err(LogsError::invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(timestamps: &[i64]) -> Vec<InputLogEvent> {
        timestamps.iter().map(|at| InputLogEvent { timestamp: *at, message: "m".to_owned() }).collect()
    }

    fn refusal(events: &[InputLogEvent]) -> String {
        check(events).expect_err("refused").to_string()
    }

    #[test]
    fn a_batch_keeps_the_limits_of_aws() {
        assert_eq!(check(&events(&[1, 1, DAY_MILLIS + 1])), Ok(()));
        assert!(refusal(&[]).contains("logEvents"));
        assert!(refusal(&events(&[2, 1])).contains("chronological order"));
        assert!(refusal(&events(&[0, DAY_MILLIS + 1])).contains("24 hours"));
        assert!(refusal(&events(&[-1])).contains("timestamp"));
        assert!(refusal(&events(&vec![1; LARGEST_BATCH + 1])).contains("10000"));
        let sized = |len: usize| InputLogEvent { timestamp: 1, message: "m".repeat(len) };
        assert_eq!(check(&[sized(LARGEST_BATCH_BYTES - EVENT_OVERHEAD)]), Ok(()));
        assert!(refusal(&[sized(LARGEST_BATCH_BYTES - EVENT_OVERHEAD + 1)]).starts_with("Log event too large"));
        assert!(
            refusal(&[sized(LARGEST_BATCH_BYTES / 2), sized(LARGEST_BATCH_BYTES / 2)]).starts_with("Upload too large")
        );
        assert!(refusal(&[sized(0)]).contains("message"));
    }

    #[test]
    fn events_too_old_expired_or_too_new_are_named_and_the_others_taken() {
        let now = 100 * DAY_MILLIS;
        let given = events(&[
            now - PAST_MILLIS - 1,
            now - PAST_MILLIS,
            now - DAY_MILLIS,
            now,
            now + FUTURE_MILLIS,
            now + FUTURE_MILLIS + 1,
        ]);
        let rejected = Rejected::of(&given, now, now - DAY_MILLIS);
        assert_eq!(
            rejected,
            Rejected {
                too_new_log_event_start_index: Some(5),
                too_old_log_event_end_index: Some(1),
                expired_log_event_end_index: Some(2),
            }
        );
        assert_eq!(rejected.taken(given.len()), 2..5);
        assert_eq!(Rejected::of(&given[1..5], now, 0), Rejected::default());
    }
}
