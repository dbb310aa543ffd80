//! `GetLogEvents` and `FilterLogEvents`: pages by time.

use std::collections::HashSet;
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Logs;
use super::error::LogsError;
use super::event::{Index, Key, LogEvent};
use super::filter::Filter;
use super::group::page_size;
use crate::emulator::Context;

/// Events and bytes of a page at the most.
const MOST_EVENTS: usize = 10_000;
const LARGEST_PAGE: usize = 1_048_576;
/// Bytes that each event counts besides its message.
const BYTES_AN_EVENT: usize = 26;
/// Events that one page of a filter looks at: a rare match gives empty pages with a token instead of a long wait.
const MOST_LOOKED_AT: usize = 50_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetLogEventsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    start_from_head: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEventsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    #[serde(default)]
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// Where a page begins and which way it goes.
enum From {
    After(Key),
    Before(Key),
}

impl From {
    fn parse(token: &str) -> Result<Self, LogsError> {
        let invalid = || LogsError::invalid("The specified nextToken is invalid.");
        let key = |rest: &str| rest.strip_suffix("/s").and_then(Key::of_id).ok_or_else(invalid);
        match (token.strip_prefix("f/"), token.strip_prefix("b/")) {
            (Some(rest), _) => key(rest).map(Self::After),
            (_, Some(rest)) => key(rest).map(Self::Before),
            _ => Err(invalid()),
        }
    }
}

impl Logs {
    pub(super) async fn get_log_events(&self, input: GetLogEventsInput, _: &Context) -> Result<Value, LogsError> {
        let group = self.group_of(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let most = page_size(input.limit, MOST_EVENTS)?;
        let from = input.next_token.as_deref().map(From::parse).transpose()?;
        let content = group.content(self.now());
        let stream = content.streams.get(&input.log_stream_name).ok_or(LogsError::NotFound("log stream"))?;
        let low = input.start_time.map_or(Key::FIRST, Key::at);
        // Events at the end time are outside.
        let high = input.end_time.map_or(Key::LAST, Key::at);
        let forward = match &from {
            None => input.start_from_head,
            Some(From::After(_)) => true,
            Some(From::Before(_)) => false,
        };
        let (low, high) = match from {
            Some(From::After(key)) => (low.max(Key { number: key.number.saturating_add(1), ..key }), high),
            Some(From::Before(key)) => (low, high.min(key)),
            None => (low, high),
        };
        let mut page: Vec<&Arc<LogEvent>> = Vec::new();
        let mut bytes = 0;
        let mut take = |event: &Arc<LogEvent>| {
            bytes += event.message.len() + BYTES_AN_EVENT;
            bytes <= LARGEST_PAGE
        };
        if low < high {
            let events = stream.events.range((Included(low), Excluded(high))).map(|(_, event)| event);
            if forward {
                page.extend(events.take(most).take_while(|event| take(event)));
            } else {
                page.extend(events.rev().take(most).take_while(|event| take(event)));
                page.reverse();
            }
        }
        // At either end the token that was given comes back.
        let here = input.next_token.as_deref().and_then(|token| Key::of_id(token.get(2..token.len() - 2)?));
        let edge = here.or_else(|| content.newest()).unwrap_or(Key::at(0));
        let first = page.first().map_or(edge, |event| event.key);
        let last = page.last().map_or(edge, |event| event.key);
        let events: Vec<Value> = page
            .iter()
            .map(|event| {
                json!({ "timestamp": event.key.millis, "message": &*event.message, "ingestionTime": event.ingested })
            })
            .collect();
        Ok(json!({
            "events": events,
            "nextForwardToken": format!("f/{}/s", last.id()),
            "nextBackwardToken": format!("b/{}/s", first.id()),
        }))
    }

    pub(super) async fn filter_log_events(&self, input: FilterLogEventsInput, _: &Context) -> Result<Value, LogsError> {
        let group = self.group_of(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let most = page_size(input.limit, MOST_EVENTS)?;
        if !input.log_stream_names.is_empty() && input.log_stream_name_prefix.is_some() {
            return Err(LogsError::invalid(
                "LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.",
            ));
        }
        if input.log_stream_names.len() > 100 {
            return Err(LogsError::invalid("at most 100 logStreamNames can be given"));
        }
        let filter = Filter::parse(input.filter_pattern.as_deref().unwrap_or_default())
            .map_err(|problem| LogsError::invalid(format!("Invalid filter pattern: {problem}")))?;
        let after = match input.next_token.as_deref().map(Key::of_id) {
            None => None,
            Some(Some(key)) => Some(key),
            Some(None) => return Err(LogsError::invalid("The specified nextToken is invalid.")),
        };
        let low = input.start_time.map_or(Key::FIRST, Key::at);
        let low = after.map_or(low, |key| low.max(Key { number: key.number.saturating_add(1), ..key }));
        let high = input.end_time.map_or(Key::LAST, |millis| Key { millis, number: u64::MAX });
        let content = group.content(self.now());
        for name in &input.log_stream_names {
            if !content.streams.contains_key(name) {
                return Err(LogsError::NotFound("log stream"));
            }
        }
        // One stream has an index of its own.
        let index: &Index = match input.log_stream_names.as_slice() {
            [name] => content.streams.get(name).map_or(&content.events, |stream| &stream.events),
            _ => &content.events,
        };
        let names: HashSet<&str> = input.log_stream_names.iter().map(String::as_str).collect();
        let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
        let wanted =
            |event: &LogEvent| (names.is_empty() || names.contains(&*event.stream)) && event.stream.starts_with(prefix);
        let (mut page, mut bytes, mut next) = (Vec::new(), 0, None);
        let range = (low <= high).then(|| index.range(low..=high));
        let mut last = None;
        for (looked_at, (key, event)) in range.into_iter().flatten().enumerate() {
            let size = event.message.len() + BYTES_AN_EVENT;
            let matched = wanted(event) && filter.matches(&event.message);
            let full = page.len() == most || looked_at == MOST_LOOKED_AT || matched && bytes + size > LARGEST_PAGE;
            if full {
                next = last;
                break;
            }
            last = Some(*key);
            if matched {
                bytes += size;
                page.push(json!({
                    "logStreamName": &*event.stream,
                    "timestamp": key.millis,
                    "message": &*event.message,
                    "ingestionTime": event.ingested,
                    "eventId": key.id(),
                }));
            }
        }
        let mut answer = json!({ "events": page, "searchedLogStreams": [] });
        if let Some(key) = next {
            answer["nextToken"] = key.id().into();
        }
        Ok(answer)
    }
}
