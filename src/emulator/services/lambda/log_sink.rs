//! Brings the lines of a function's environments to CloudWatch Logs, many in one call.
//!
//! Group and streams are made when they are missing. A function never waits for its logs: past a bound the oldest
//! lines go, and the log says how many.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::model::Timestamp;

const PRINCIPAL: &str = "lambda.amazonaws.com";

/// How long lines are gathered before they are sent, in real time: dashboards tail them.
const GATHERING: Duration = Duration::from_millis(100);

/// Bytes of lines that wait at the most.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// PutLogEvents takes 10,000 events and 1,048,576 bytes, 26 of them for each event.
const EVENTS_PER_CALL: usize = 10_000;
const BYTES_PER_CALL: usize = 1_048_576;
const EVENT_OVERHEAD: usize = 26;

/// One line of one stream.
#[derive(Debug)]
struct Line {
    stream: Arc<str>,
    at: Timestamp,
    message: String,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    dropped: u64,
    sending: bool,
}

/// Where a log group's lines wait to be sent.
pub struct LogSink {
    fabric: Fabric,
    group: Arc<str>,
    waiting: Mutex<Waiting>,
    known: Mutex<HashSet<Arc<str>>>,
    sent: Notify,
}

impl LogSink {
    /// The sink of a log group.
    pub fn new(fabric: Fabric, group: &str) -> Arc<Self> {
        Arc::new(Self {
            fabric,
            group: group.into(),
            waiting: Mutex::default(),
            known: Mutex::default(),
            sent: Notify::new(),
        })
    }

    /// The group's name.
    pub fn group(&self) -> &Arc<str> {
        &self.group
    }

    /// Adds the lines of one invocation.
    pub fn push(self: &Arc<Self>, stream: &Arc<str>, lines: impl IntoIterator<Item = (Timestamp, String)>) {
        let start = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for (at, message) in lines.into_iter().filter(|(_, message)| !message.is_empty()) {
                waiting.bytes += message.len() + EVENT_OVERHEAD;
                waiting.lines.push_back(Line { stream: Arc::clone(stream), at, message });
            }
            while waiting.bytes > WAITING_BYTES {
                let Some(oldest) = waiting.lines.pop_front() else { break };
                waiting.bytes -= oldest.message.len() + EVENT_OVERHEAD;
                waiting.dropped += 1;
            }
            let start = !waiting.sending && !waiting.lines.is_empty();
            waiting.sending |= start;
            start
        };
        if start {
            tokio::spawn(Arc::clone(self).send());
        }
    }

    /// Waits until every line that was pushed before has been sent.
    pub async fn flush(&self) {
        loop {
            let sent = self.sent.notified();
            if !self.waiting.lock().unwrap_or_else(PoisonError::into_inner).sending {
                return;
            }
            sent.await;
        }
    }

    async fn send(self: Arc<Self>) {
        let shutdown = self.fabric.shutdown_token();
        loop {
            tokio::select! {
                () = tokio::time::sleep(GATHERING) => {}
                () = shutdown.cancelled() => {}
            }
            let (lines, dropped) = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.bytes = 0;
                if waiting.lines.is_empty() {
                    waiting.sending = false;
                    break;
                }
                (std::mem::take(&mut waiting.lines), std::mem::take(&mut waiting.dropped))
            };
            if dropped > 0 {
                tracing::warn!(group = %self.group, dropped, "log lines were dropped: the function writes too much");
            }
            for (stream, events) in batches(lines) {
                if let Err(error) = self.put(&stream, events).await {
                    tracing::debug!(group = %self.group, %error, "log lines cannot be written");
                }
            }
        }
        self.sent.notify_waiters();
    }

    async fn put(&self, stream: &Arc<str>, events: Vec<Value>) -> Result<(), ServiceError> {
        if !self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(stream) {
            self.make(stream).await?;
        }
        let input = json!({ "logGroupName": &*self.group, "logStreamName": &**stream, "logEvents": events });
        match self.fabric.call(PRINCIPAL, "logs", "PutLogEvents", input.clone()).await {
            // Somebody has deleted the group or the stream in between.
            Err(error) if error.code == "ResourceNotFoundException" => {
                self.make(stream).await?;
                self.fabric.call(PRINCIPAL, "logs", "PutLogEvents", input).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    async fn make(&self, stream: &Arc<str>) -> Result<(), ServiceError> {
        let there = |outcome: Result<Value, ServiceError>| match outcome {
            Err(error) if error.code != "ResourceAlreadyExistsException" => Err(error),
            _ => Ok(()),
        };
        let group = json!({ "logGroupName": &*self.group });
        there(self.fabric.call(PRINCIPAL, "logs", "CreateLogGroup", group).await)?;
        let input = json!({ "logGroupName": &*self.group, "logStreamName": &**stream });
        there(self.fabric.call(PRINCIPAL, "logs", "CreateLogStream", input).await)?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(stream));
        Ok(())
    }
}

/// Sorts lines by stream, keeps their order in each, and cuts them into calls that PutLogEvents takes.
fn batches(lines: VecDeque<Line>) -> Vec<(Arc<str>, Vec<Value>)> {
    let mut open: HashMap<Arc<str>, (usize, usize)> = HashMap::new();
    let mut batches: Vec<(Arc<str>, Vec<Value>)> = Vec::new();
    for line in lines {
        let size = line.message.len() + EVENT_OVERHEAD;
        let event = json!({ "timestamp": line.at.millis(), "message": line.message });
        match open.get_mut(&line.stream) {
            Some((index, bytes)) if *bytes + size <= BYTES_PER_CALL && batches[*index].1.len() < EVENTS_PER_CALL => {
                *bytes += size;
                batches[*index].1.push(event);
            }
            _ => {
                open.insert(Arc::clone(&line.stream), (batches.len(), size));
                batches.push((line.stream, vec![event]));
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sent_by_stream_in_order_and_within_the_limits() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let line = |stream: &Arc<str>, n: i64, message: String| Line {
            stream: Arc::clone(stream),
            at: Timestamp::from_millis(n),
            message,
        };
        let mut lines: VecDeque<Line> = (0..10_001).map(|n| line(&a, n, n.to_string())).collect();
        lines.insert(1, line(&b, 0, "x".repeat(600_000)));
        lines.insert(3, line(&b, 1, "y".repeat(600_000)));
        let sizes: Vec<(String, usize)> =
            batches(lines).iter().map(|(stream, events)| (stream.to_string(), events.len())).collect();
        let expected = [("a", 10_000), ("b", 1), ("b", 1), ("a", 1)].map(|(stream, n)| (stream.to_owned(), n));
        assert_eq!(sizes, expected);
    }
}
