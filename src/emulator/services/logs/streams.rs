//! `CreateLogStream`, `DeleteLogStream` and `DescribeLogStreams`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Logs;
use super::error::LogsError;
use super::group::{self, Group};
use super::log::Stream;
use super::{page, put};
use crate::emulator::Context;

/// Streams that one page lists at the most.
const LARGEST_PAGE: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamInput {
    log_group_name: String,
    log_stream_name: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OrderBy {
    #[default]
    LogStreamName,
    LastEventTime,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogStreamsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<OrderBy>,
    descending: Option<bool>,
    next_token: Option<String>,
    limit: Option<i64>,
}

impl Logs {
    pub(super) async fn create_log_stream(&self, input: StreamInput, _: &Context) -> Result<Value, LogsError> {
        group::check_name(&input.log_group_name)?;
        group::check_stream_name(&input.log_stream_name)?;
        let group = self.by_name(&input.log_group_name)?;
        let created = group.log_mut().create_stream(&input.log_stream_name, self.now_millis());
        created.map(|_| json!({})).ok_or(LogsError::StreamExists)
    }

    pub(super) async fn delete_log_stream(&self, input: StreamInput, _: &Context) -> Result<Value, LogsError> {
        let group = self.by_name(&input.log_group_name)?;
        let deleted = group.log_mut().delete_stream(&input.log_stream_name);
        if deleted { Ok(json!({})) } else { Err(LogsError::StreamNotFound) }
    }

    pub(super) async fn describe_log_streams(
        &self,
        input: DescribeLogStreamsInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        let size = page::limit(input.limit, LARGEST_PAGE)?;
        let prefix = input.log_stream_name_prefix.unwrap_or_default();
        let order = input.order_by.unwrap_or_default();
        let descending = input.descending.unwrap_or_default();
        if order == OrderBy::LastEventTime && !prefix.is_empty() {
            return Err(LogsError::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let after = input.next_token.as_deref().map(read_token).transpose()?;
        let group =
            self.by_name_or_identifier(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;

        let log = group.log();
        let cutoff = log.cutoff(self.now_millis());
        let key = |stream: &Stream| match order {
            OrderBy::LogStreamName => 0,
            OrderBy::LastEventTime => stream.span(cutoff).map_or(0, |(_, last)| last),
        };
        let mut listed: Vec<(i64, &Stream)> = log.streams(&prefix).map(|(_, stream)| (key(stream), stream)).collect();
        listed.sort_unstable_by(|(a, one), (b, other)| (a, &one.name).cmp(&(b, &other.name)));
        if descending {
            listed.reverse();
        }
        let follows = |(time, stream): &(i64, &Stream)| {
            after.as_ref().is_none_or(|(last, name)| {
                let ordering = (*time, &*stream.name).cmp(&(*last, name.as_str()));
                if descending { ordering.is_lt() } else { ordering.is_gt() }
            })
        };
        let mut rest = listed.into_iter().filter(follows);
        let page: Vec<(i64, &Stream)> = rest.by_ref().take(size).collect();
        let mut answer = Map::new();
        if let Some((time, last)) = page.last()
            && rest.next().is_some()
        {
            answer.insert("nextToken".to_owned(), page::token(&format!("{time} {}", last.name)).into());
        }
        let described = page.iter().map(|(_, stream)| describe(&group, stream, cutoff)).collect();
        answer.insert("logStreams".to_owned(), described);
        Ok(answer.into())
    }
}

fn read_token(token: &str) -> Result<(i64, String), LogsError> {
    let held = page::read(token)?;
    let (time, name) = held.split_once(' ').ok_or_else(page::invalid)?;
    Ok((time.parse().map_err(|_| page::invalid())?, name.to_owned()))
}

fn describe(group: &Group, stream: &Stream, cutoff: i64) -> Value {
    let mut described = json!({
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "uploadSequenceToken": put::sequence_token(stream.taken),
        "arn": format!("{}:log-stream:{}", group.arn, stream.name),
        "storedBytes": 0,
    });
    if let Some((first, last)) = stream.span(cutoff) {
        described["firstEventTimestamp"] = first.into();
        described["lastEventTimestamp"] = last.into();
    }
    if let Some(ingestion) = stream.last_ingestion {
        described["lastIngestionTime"] = ingestion.into();
    }
    described
}
