//! What a container writes, on its way to CloudWatch Logs: every line, in order. The pipe is not read while lines are
//! being put, so that a process which writes faster than the log takes waits, and memory stays bounded.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio_util::sync::CancellationToken;

use crate::emulator::{Fabric, ServiceError};

const PRINCIPAL: &str = "ecs-tasks.amazonaws.com";

/// The longest event; longer lines are cut into several.
const LONGEST: usize = 256 * 1024 - OVERHEAD;
/// PutLogEvents takes 10,000 events and 1,048,576 bytes, 26 of them for each event.
const EVENTS_PER_CALL: usize = 10_000;
const BYTES_PER_CALL: usize = 1_048_576;
const OVERHEAD: usize = 26;

/// How long lines are gathered, in real time: dashboards tail them.
const GATHERING: Duration = Duration::from_millis(50);

/// How long a pipe is read after the end of its process, when something that it started still holds the pipe.
const AFTERLIFE: Duration = Duration::from_secs(2);

/// A log stream of a container.
#[derive(Clone)]
pub struct LogStream {
    fabric: Fabric,
    /// The log group.
    pub group: String,
    /// The stream in it.
    pub stream: String,
}

impl LogStream {
    /// Makes the stream `prefix/container/task` that a log configuration asks for.
    ///
    /// # Errors
    /// Why it cannot be made, as Fargate words it.
    pub async fn open(fabric: &Fabric, configuration: &Value, container: &str, task: &str) -> Result<Self, String> {
        let option = |name: &str| configuration["options"][name].as_str().unwrap_or_default();
        let group = option("awslogs-group").to_owned();
        let stream = match option("awslogs-stream-prefix") {
            "" => task.to_owned(),
            prefix => format!("{prefix}/{container}/{task}"),
        };
        let there = |outcome: Result<Value, ServiceError>| match outcome {
            Err(error) if error.code != "ResourceAlreadyExistsException" => Err(format!(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
                 failed to create Cloudwatch log stream: {}: {} : exit status 1",
                error.code, error.message
            )),
            _ => Ok(()),
        };
        if option("awslogs-create-group").eq_ignore_ascii_case("true") {
            there(fabric.call(PRINCIPAL, "logs", "CreateLogGroup", json!({ "logGroupName": group })).await)?;
        }
        let input = json!({ "logGroupName": group, "logStreamName": stream });
        there(fabric.call(PRINCIPAL, "logs", "CreateLogStream", input).await)?;
        Ok(Self { fabric: fabric.clone(), group, stream })
    }

    /// Brings everything from the pipe to the stream; returns when the last writer has gone, or a moment after `ended`.
    pub async fn follow(self, mut pipe: Receiver, ended: CancellationToken) {
        let mut lines = Lines::default();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let limit = async {
                if lines.events.is_empty() {
                    ended.cancelled().await;
                    tokio::time::sleep(AFTERLIFE).await;
                    true
                } else {
                    tokio::time::sleep(GATHERING).await;
                    false
                }
            };
            let read = tokio::select! {
                read = pipe.read(&mut buffer) => read,
                over = limit => {
                    self.put(lines.take()).await;
                    if over {
                        break;
                    }
                    continue;
                }
            };
            match read {
                Ok(count) if count > 0 => lines.add(&buffer[..count], self.fabric.clock().now().millis()),
                _ => break,
            }
            if lines.events.len() >= EVENTS_PER_CALL / 2 || lines.bytes >= BYTES_PER_CALL / 2 {
                self.put(lines.take()).await;
            }
        }
        lines.finish(self.fabric.clock().now().millis());
        self.put(lines.take()).await;
    }

    async fn put(&self, events: Vec<(i64, String)>) {
        let mut open = Vec::new();
        let mut bytes = 0;
        for (at, message) in events {
            let size = message.len() + OVERHEAD;
            if open.len() == EVENTS_PER_CALL || bytes + size > BYTES_PER_CALL {
                self.call(std::mem::take(&mut open)).await;
                bytes = 0;
            }
            bytes += size;
            open.push(json!({ "timestamp": at, "message": message }));
        }
        if !open.is_empty() {
            self.call(open).await;
        }
    }

    async fn call(&self, events: Vec<Value>) {
        let input = json!({ "logGroupName": self.group, "logStreamName": self.stream, "logEvents": events });
        if let Err(error) = self.fabric.call(PRINCIPAL, "logs", "PutLogEvents", input).await {
            tracing::debug!(group = %self.group, stream = %self.stream, %error, "log lines of a task cannot be written");
        }
    }
}

/// Lines as they are put together.
#[derive(Default)]
struct Lines {
    partial: Vec<u8>,
    events: Vec<(i64, String)>,
    bytes: usize,
}

impl Lines {
    fn add(&mut self, mut bytes: &[u8], at: i64) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.finish(at);
        }
        self.partial.extend_from_slice(bytes);
        while self.partial.len() >= LONGEST {
            let rest = self.partial.split_off(cut(&self.partial));
            let piece = std::mem::replace(&mut self.partial, rest);
            self.event(&piece, at);
        }
    }

    /// Ends the open line; an empty one is no event.
    fn finish(&mut self, at: i64) {
        let line = std::mem::take(&mut self.partial);
        self.event(line.strip_suffix(b"\r").unwrap_or(&line), at);
    }

    fn event(&mut self, line: &[u8], at: i64) {
        let text = String::from_utf8_lossy(line);
        let mut rest = text.as_ref();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cut(rest.as_bytes()));
            self.bytes += piece.len() + OVERHEAD;
            self.events.push((at, piece.to_owned()));
            rest = after;
        }
    }

    fn take(&mut self) -> Vec<(i64, String)> {
        self.bytes = 0;
        std::mem::take(&mut self.events)
    }
}

/// Where to cut a line that is too long: not in the middle of a character.
fn cut(line: &[u8]) -> usize {
    let most = LONGEST.min(line.len());
    let is_boundary = |at: &usize| line.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80);
    (most.saturating_sub(3)..=most).rev().find(is_boundary).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        for piece in pieces {
            lines.add(piece, 0);
        }
        lines.finish(0);
        lines.take().into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn lines_are_put_together_and_empty_ones_left_out() {
        assert_eq!(messages(&[b"one\ntw", b"", b"o\r\n\n", b"\nend"]), ["one", "two", "end"]);
        assert_eq!(messages(&[b"\n", b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_characters() {
        let long = "ü".repeat(300_000);
        for step in [1_000_000, 65_537] {
            let pieces: Vec<&[u8]> = long.as_bytes().chunks(step).collect();
            let found = messages(&pieces);
            assert!(found.len() > 2 && found.iter().all(|one| one.len() <= LONGEST), "{}", found.len());
            assert_eq!(found.concat(), long);
        }
        // Bytes that are no characters take three times their room once they are text.
        let found = messages(&[&vec![0xFF; 300_000]]);
        assert!(found.iter().all(|one| one.len() <= LONGEST), "{}", found.len());
    }
}
