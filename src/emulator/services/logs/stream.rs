//! Log streams and the operations on them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Logs;
use super::error::LogsError;
use super::event::Index;
use super::group::{Group, PAGE, page_size};
use crate::emulator::Context;

/// A stream.
pub struct Stream {
    created: i64,
    pub last_ingestion: Option<i64>,
    pub events: Index,
}

impl Stream {
    /// A stream without events.
    pub fn new(created: i64) -> Self {
        Self { created, last_ingestion: None, events: Index::new() }
    }

    fn last_event(&self) -> Option<i64> {
        self.events.last_key_value().map(|(key, _)| key.millis)
    }

    fn described(&self, name: &str, group: &Group) -> Value {
        let mut described = Map::new();
        described.insert("logStreamName".to_owned(), name.into());
        described.insert("creationTime".to_owned(), self.created.into());
        if let (Some((first, _)), Some(last)) = (self.events.first_key_value(), self.last_event()) {
            described.insert("firstEventTimestamp".to_owned(), first.millis.into());
            described.insert("lastEventTimestamp".to_owned(), last.into());
        }
        if let Some(moment) = self.last_ingestion {
            described.insert("lastIngestionTime".to_owned(), moment.into());
        }
        described.insert("uploadSequenceToken".to_owned(), "0".into());
        described.insert("arn".to_owned(), format!("{}:log-stream:{name}", group.arn).into());
        described.insert("storedBytes".to_owned(), 0.into());
        described.into()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamName {
    log_group_name: String,
    log_stream_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogStreamsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    #[serde(default)]
    log_stream_name_prefix: String,
    order_by: Option<String>,
    #[serde(default)]
    descending: bool,
    next_token: Option<String>,
    limit: Option<usize>,
}

impl Logs {
    pub(super) async fn create_log_stream(&self, input: StreamName, _: &Context) -> Result<Value, LogsError> {
        let group = self.group(&input.log_group_name)?;
        let name = input.log_stream_name;
        if !(1..=512).contains(&name.len()) || name.contains([':', '*']) {
            return Err(LogsError::invalid(format!(
                "1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"
            )));
        }
        let now = self.now();
        let mut content = group.content(now);
        if content.streams.contains_key(&name) {
            return Err(LogsError::Exists("log stream"));
        }
        content.streams.insert(name, Stream::new(now));
        Ok(json!({}))
    }

    pub(super) async fn delete_log_stream(&self, input: StreamName, _: &Context) -> Result<Value, LogsError> {
        let group = self.group(&input.log_group_name)?;
        let mut content = group.content(self.now());
        let stream = content.streams.remove(&input.log_stream_name).ok_or(LogsError::NotFound("log stream"))?;
        content.forget(&stream);
        content.delivered.retain(|_, name| *name != input.log_stream_name);
        Ok(json!({}))
    }

    pub(super) async fn describe_log_streams(
        &self,
        input: DescribeLogStreamsInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        let group = self.group_of(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let size = page_size(input.limit, PAGE)?;
        let by_time = match input.order_by.as_deref() {
            None | Some("LogStreamName") => false,
            Some("LastEventTime") if input.log_stream_name_prefix.is_empty() => true,
            Some("LastEventTime") => {
                return Err(LogsError::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
            }
            Some(other) => {
                return Err(LogsError::invalid(format!(
                    "orderBy {other:?} is neither LogStreamName nor LastEventTime"
                )));
            }
        };
        let content = group.content(self.now());
        let mut chosen: Vec<(&String, &Stream)> =
            content.streams.iter().filter(|(name, _)| name.starts_with(&input.log_stream_name_prefix)).collect();
        if by_time {
            chosen.sort_by_key(|(_, stream)| stream.last_event());
        }
        if input.descending {
            chosen.reverse();
        }
        // The token is the number of streams that were listed before.
        let skip = match input.next_token.as_deref().map(str::parse::<usize>) {
            None => 0,
            Some(Ok(skip)) => skip,
            Some(Err(_)) => return Err(LogsError::invalid("The specified nextToken is invalid.")),
        };
        let described: Vec<Value> =
            chosen.iter().skip(skip).take(size).map(|(name, stream)| stream.described(name, &group)).collect();
        let mut answer = json!({ "logStreams": described });
        if chosen.len() > skip.saturating_add(size) {
            answer["nextToken"] = (skip + size).to_string().into();
        }
        Ok(answer)
    }
}
