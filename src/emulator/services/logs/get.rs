//! `GetLogEvents`: one stream, walked in both directions.
//!
//! A token names a gap between events: `f/<id>/s` goes on right after that place, `b/<id>/s` right before it. A walk that
//! finds nothing answers the token that it was given, which is how callers know the end.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Logs;
use super::error::LogsError;
use super::log::Found;
use super::page;
use super::position::Position;
use crate::emulator::Context;

/// Events of a page.
pub const LARGEST_PAGE: usize = 10_000;
/// Bytes of a page.
pub const LARGEST_PAGE_BYTES: usize = 1_048_576;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetLogEventsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<i64>,
    start_from_head: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetLogEventsOutput {
    events: Vec<OutputLogEvent>,
    next_forward_token: String,
    next_backward_token: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputLogEvent {
    timestamp: i64,
    message: Arc<str>,
    ingestion_time: i64,
}

/// A direction and the place that it starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Events after this place.
    Forward(Position),
    /// Events before this place.
    Backward(Position),
}

impl Token {
    fn parse(text: &str, group: u64) -> Option<Self> {
        let (direction, rest) = text.split_once('/')?;
        let position = Position::of_id(rest.strip_suffix("/s")?, group)?;
        match direction {
            "f" => Some(Self::Forward(position)),
            "b" => Some(Self::Backward(position)),
            _ => None,
        }
    }

    fn text(self, group: u64) -> String {
        match self {
            Self::Forward(position) => format!("f/{}/s", position.id(group)),
            Self::Backward(position) => format!("b/{}/s", position.id(group)),
        }
    }
}

/// The range of a request: the start included; the end as the operation takes it.
///
/// # Errors
/// When a moment is negative or the end is before the start.
pub fn time_range(start: Option<i64>, end: Option<i64>) -> Result<(), LogsError> {
    for (moment, member) in [(start, "startTime"), (end, "endTime")] {
        if let Some(moment) = moment.filter(|moment| *moment < 0) {
            return Err(LogsError::constraint(moment, member, "have value greater than or equal to 0"));
        }
    }
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        return Err(LogsError::invalid("End time should not be less than start time."));
    }
    Ok(())
}

/// As many of `events` as one page holds, in their order; one event always fits.
fn one_page(events: impl Iterator<Item = Found>, limit: usize) -> Vec<Found> {
    let mut bytes = 0;
    let fits = |found: &Found| {
        let first = bytes == 0;
        bytes += found.size();
        first || bytes <= LARGEST_PAGE_BYTES
    };
    events.take(limit).take_while(fits).collect()
}

impl Logs {
    pub(super) async fn get_log_events(
        &self,
        input: GetLogEventsInput,
        _: &Context,
    ) -> Result<GetLogEventsOutput, LogsError> {
        let limit = page::limit(input.limit, LARGEST_PAGE)?;
        time_range(input.start_time, input.end_time)?;
        let group =
            self.by_name_or_identifier(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let token = match &input.next_token {
            Some(text) => Some(Token::parse(text, group.number).ok_or_else(page::invalid)?),
            None => None,
        };
        let log = group.log();
        let stream = log.stream_id(&input.log_stream_name).ok_or(LogsError::StreamNotFound)?;
        let cutoff = log.cutoff(self.now_millis());
        let mut range: Range<Position> = Position::start_of(input.start_time.unwrap_or(0).max(cutoff))
            ..input.end_time.map_or(Position::END, Position::start_of);
        let backward = match token {
            Some(Token::Forward(place)) => {
                range.start = range.start.max(place.next());
                false
            }
            Some(Token::Backward(place)) => {
                range.end = range.end.min(place);
                true
            }
            None => !input.start_from_head.unwrap_or(false),
        };
        let start = range.start;
        let mut events = one_page(log.walk(stream, range, backward), limit);
        drop(log);
        if backward {
            events.reverse();
        }
        let (forward, back) = match (events.first().zip(events.last()), token) {
            (Some((first, last)), _) => (Token::Forward(last.position), Token::Backward(first.position)),
            (None, Some(Token::Forward(place))) => (Token::Forward(place), Token::Backward(place.next())),
            (None, Some(Token::Backward(place))) => (Token::Forward(place.previous()), Token::Backward(place)),
            (None, None) => (Token::Forward(start), Token::Backward(start)),
        };
        Ok(GetLogEventsOutput {
            next_forward_token: forward.text(group.number),
            next_backward_token: back.text(group.number),
            events: events
                .into_iter()
                .map(|found| OutputLogEvent {
                    timestamp: found.position.millis,
                    message: found.message,
                    ingestion_time: found.ingested,
                })
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(size: usize) -> Found {
        Found { position: Position::start_of(1), stream: "s".into(), ingested: 1, message: "m".repeat(size).into() }
    }

    #[test]
    fn a_page_ends_at_its_limit_or_one_megabyte_and_holds_one_event_at_least() {
        assert_eq!(one_page((0..9).map(|_| found(10)), 3).len(), 3);
        assert_eq!(one_page((0..9).map(|_| found(LARGEST_PAGE_BYTES / 2 - 26)), 10).len(), 2);
        assert_eq!(one_page((0..9).map(|_| found(2 * LARGEST_PAGE_BYTES)), 10).len(), 1);
    }

    #[test]
    fn tokens_of_another_group_or_shape_are_refused() {
        let token = Token::Backward(Position { millis: 1_700_000_000_000, sequence: 9 });
        assert_eq!(Token::parse(&token.text(7), 7), Some(token));
        assert_eq!(Token::parse(&token.text(7), 8), None);
        for text in ["", "f", "f//s", "x/1/s", "f/12/s", "b/ü/s"] {
            assert_eq!(Token::parse(text, 7), None, "{text}");
        }
    }
}
