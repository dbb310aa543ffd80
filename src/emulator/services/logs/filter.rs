//! `FilterLogEvents`: the events of a group, or of some of its streams, that match a pattern, page by page.
//!
//! The group is locked for a few hundred events at a time, never while patterns are matched, and the thread is left in
//! between, so that a search through everything does not hold up those who write.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Logs;
use super::error::LogsError;
use super::get::{LARGEST_PAGE, LARGEST_PAGE_BYTES, time_range};
use super::group::Group;
use super::log::{Found, Selection};
use super::page;
use super::pattern::Pattern;
use super::position::Position;
use crate::emulator::Context;

/// Streams that a request names at the most.
pub const MOST_STREAMS: usize = 100;
/// The longest pattern, in characters.
const LONGEST_PATTERN: usize = 1_024;
/// Events looked at under one lock.
const STEP: usize = 512;
/// Events looked at for one page, which may so be empty and yet have a successor.
const PAGE_BUDGET: usize = 50_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEventsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEventsOutput {
    events: Vec<FilteredLogEvent>,
    /// Empty on AWS as well since 2020.
    searched_log_streams: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilteredLogEvent {
    log_stream_name: Arc<str>,
    timestamp: i64,
    message: Arc<str>,
    ingestion_time: i64,
    event_id: String,
}

impl Logs {
    pub(super) async fn filter_log_events(
        &self,
        input: FilterLogEventsInput,
        _: &Context,
    ) -> Result<FilterLogEventsOutput, LogsError> {
        let limit = page::limit(input.limit, LARGEST_PAGE)?;
        time_range(input.start_time, input.end_time)?;
        let pattern = read_pattern(input.filter_pattern.as_deref().unwrap_or_default(), "filterPattern")?;
        let group =
            self.by_name_or_identifier(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let selection = select(&group, input.log_stream_names, input.log_stream_name_prefix)?;
        let start = Position::start_of(input.start_time.unwrap_or(0).max(group.log().cutoff(self.now_millis())));
        let end = input.end_time.map_or(Position::END, |end| Position::start_of(end.saturating_add(1)));
        let start = match &input.next_token {
            Some(token) => {
                let id = page::read(token)?;
                start.max(Position::of_id(&id, group.number).ok_or_else(page::invalid)?)
            }
            None => start,
        };
        let (found, next) = search(&group, &selection, start..end, &pattern, limit).await;
        let event = |found: Found| FilteredLogEvent {
            event_id: found.position.id(group.number),
            log_stream_name: found.stream,
            timestamp: found.position.millis,
            message: found.message,
            ingestion_time: found.ingested,
        };
        Ok(FilterLogEventsOutput {
            events: found.into_iter().map(event).collect(),
            searched_log_streams: Vec::new(),
            next_token: next.map(|next| page::token(&next.id(group.number))),
        })
    }
}

/// Reads a filter pattern that was given as `member`.
///
/// # Errors
/// When it is too long, or none.
pub fn read_pattern(text: &str, member: &str) -> Result<Pattern, LogsError> {
    if text.chars().count() > LONGEST_PATTERN {
        let constraint = format!("have length less than or equal to {LONGEST_PATTERN}");
        return Err(LogsError::constraint(text, member, constraint));
    }
    Pattern::parse(text).map_err(|problem| LogsError::invalid(problem.to_string()))
}

fn select(group: &Group, names: Option<Vec<String>>, prefix: Option<String>) -> Result<Selection, LogsError> {
    let names = names.unwrap_or_default();
    let prefix = prefix.unwrap_or_default();
    if !names.is_empty() && !prefix.is_empty() {
        return Err(LogsError::invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters."));
    }
    if names.len() > MOST_STREAMS {
        let constraint = format!("have length less than or equal to {MOST_STREAMS}");
        return Err(LogsError::constraint(format!("[{} names]", names.len()), "logStreamNames", constraint));
    }
    let log = group.log();
    if !names.is_empty() {
        let ids: Result<Vec<_>, _> =
            names.iter().map(|name| log.stream_id(name).ok_or(LogsError::StreamNotFound)).collect();
        let mut ids = ids?;
        ids.sort_unstable();
        ids.dedup();
        return Ok(Selection::of(ids));
    }
    if prefix.is_empty() {
        return Ok(Selection::All);
    }
    Ok(Selection::of(log.streams(&prefix).map(|(id, _)| id).collect()))
}

/// One page of what matches, and where the next one starts.
async fn search(
    group: &Group,
    selection: &Selection,
    mut range: Range<Position>,
    pattern: &Pattern,
    limit: usize,
) -> (Vec<Found>, Option<Position>) {
    let (mut page, mut bytes, mut budget) = (Vec::new(), 0, PAGE_BUDGET);
    loop {
        // Without a pattern no more is looked at than the page can take.
        let step = if matches!(pattern, Pattern::All) { STEP.min(limit - page.len()) } else { STEP };
        let scan = group.log().scan(selection, range.clone(), step);
        let mut found = scan.found.into_iter().filter(|found| pattern.matches(&found.message));
        while let Some(event) = found.next() {
            if !page.is_empty() && bytes + event.size() > LARGEST_PAGE_BYTES {
                return (page, Some(event.position));
            }
            bytes += event.size();
            page.push(event);
            if page.len() == limit {
                return (page, found.next().map(|event| event.position).or(scan.next));
            }
        }
        let Some(next) = scan.next else {
            return (page, None);
        };
        range.start = next;
        budget = budget.saturating_sub(scan.examined);
        if budget == 0 {
            return (page, Some(next));
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::group::Tags;
    use super::super::kept::Rows;
    use super::*;

    fn group(messages: impl Iterator<Item = String>) -> Group {
        let group = Group::new("g".to_owned(), "arn".to_owned(), 1, 0, None, Tags::new(), Rows::default());
        let mut log = group.log_mut();
        let stream = log.create_stream("s", 0).expect("a new stream");
        for (at, message) in (0..).zip(messages) {
            log.append(stream, at, at, message.into());
        }
        drop(log);
        group
    }

    async fn pages(group: &Group, pattern: &str, limit: usize) -> Vec<usize> {
        let pattern = Pattern::parse(pattern).expect("a valid pattern");
        let (mut pages, mut range) = (Vec::new(), Position::start_of(0)..Position::END);
        loop {
            let (page, next) = search(group, &Selection::All, range.clone(), &pattern, limit).await;
            pages.push(page.len());
            match next {
                Some(next) => range.start = next,
                None => return pages,
            }
        }
    }

    #[tokio::test]
    async fn pages_end_at_their_limit_and_the_last_one_has_no_successor() {
        let group =
            group((0..2_000).map(|number| format!("n{number} {}", if number % 2 == 0 { "even" } else { "odd" })));
        assert_eq!(pages(&group, "", 1_000).await, [1_000, 1_000]);
        assert_eq!(pages(&group, "", 1_500).await, [1_500, 500]);
        assert_eq!(pages(&group, "even", 400).await, [400, 400, 200]);
        assert_eq!(pages(&group, "neither", 400).await, [0]);
    }

    #[tokio::test]
    async fn a_page_ends_at_one_megabyte() {
        let group = group((0..10).map(|_| "m".repeat(LARGEST_PAGE_BYTES / 4 - 26)));
        assert_eq!(pages(&group, "", 100).await, [4, 4, 2]);
    }

    #[tokio::test]
    async fn a_search_for_what_is_rare_gives_empty_pages_with_a_successor() {
        let rare = |number: usize| if number == PAGE_BUDGET + 1_000 { "needle".to_owned() } else { "hay".to_owned() };
        let group = group((0..PAGE_BUDGET + 2_000).map(rare));
        assert_eq!(pages(&group, "needle", 100).await, [0, 1]);
    }
}
