//! `StartMessageMoveTask` and `ListMessageMoveTasks`: dead letters back to where they came from.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Sqs;
use super::error::SqsError;
use super::message::Message;
use super::wire::Number;
use crate::emulator::{Context, KeepError, Shelf};

/// Tasks that are remembered for each queue together.
const REMEMBERED: usize = 100;

/// The move tasks that were run, newest first.
pub type MoveTasks = VecDeque<MoveTask>;

/// A move task that has ended.
#[derive(Serialize, Deserialize)]
pub struct MoveTask {
    source: String,
    answer: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartMessageMoveTaskInput {
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListMessageMoveTasksInput {
    source_arn: String,
    max_results: Option<Number>,
}

/// What the kept list of tasks is.
const MOVES: &str = "moves";

/// The tasks that were kept.
///
/// # Errors
/// When they cannot be read.
pub fn load(shelf: &Shelf) -> Result<MoveTasks, KeepError> {
    Ok(shelf.all(MOVES)?.pop().map(|(_, moves)| moves).unwrap_or_default())
}

impl Sqs {
    /// Moves what is visible in the source at once: a queue of this endpoint takes no time worth a task.
    pub(super) async fn start_message_move_task(
        &self,
        input: StartMessageMoveTaskInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let source = self.by_arn(&input.source_arn).ok_or(SqsError::NoSuchSource)?;
        if self.sources_of(&source.arn).is_empty() {
            return Err(SqsError::InvalidParameterValue {
                name: "SourceArn",
                value: input.source_arn,
                reason: "Source queue must be configured as a Dead Letter Queue.".to_owned(),
            });
        }
        if input.max_number_of_messages_per_second.is_some() {
            return Err(SqsError::Unsupported(
                "the embedded endpoint does not implement MaxNumberOfMessagesPerSecond of StartMessageMoveTask"
                    .to_owned(),
            ));
        }
        let destination = match &input.destination_arn {
            Some(arn) => Some(self.by_arn(arn).ok_or(SqsError::QueueDoesNotExist)?),
            None => None,
        };
        let clock = self.fabric.clock();
        let started = clock.now();
        let visible = source.counts(source.settings().retention, started).visible;
        let (mut moved, mut stuck) = (0_usize, Vec::new());
        for _ in 0..visible {
            let Some(pulled) = source.pull(started) else { break };
            let target = match &destination {
                Some(target) => Some(Arc::clone(target)),
                None => pulled.message.moved_from.as_deref().and_then(|arn| self.by_arn(arn)),
            };
            match target {
                Some(target) => {
                    let message = pulled.message.clone();
                    let back = Message { receives: 0, first_received: None, moved_from: None, ..message };
                    target.put(back, Duration::ZERO, started);
                    source.forget(&pulled);
                    moved += 1;
                }
                None => stuck.push(pulled),
            }
        }
        let failed = !stuck.is_empty();
        for pulled in stuck {
            source.put(pulled.message.clone(), Duration::ZERO, started);
            source.forget(&pulled);
        }
        let handle = self.fabric.uuid();
        let mut answer = json!({
            "Status": if failed { "FAILED" } else { "COMPLETED" },
            "SourceArn": source.arn,
            "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": visible,
            "StartedTimestamp": started.millis(),
        });
        if let Some(arn) = input.destination_arn {
            answer["DestinationArn"] = arn.into();
        }
        if failed {
            answer["FailureReason"] = "CouldNotDetermineMessageSource".into();
        }
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        moves.push_front(MoveTask { source: source.arn.clone(), answer });
        moves.truncate(REMEMBERED);
        self.shelf.put(MOVES, "", &*moves);
        Ok(json!({ "TaskHandle": handle }))
    }

    pub(super) async fn list_message_move_tasks(
        &self,
        input: ListMessageMoveTasksInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let source = self.by_arn(&input.source_arn).ok_or(SqsError::NoSuchSource)?;
        let most = usize::try_from(input.max_results.map_or(1, |Number(most)| most.clamp(1, 10))).unwrap_or(1);
        let moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let results: Vec<&Value> =
            moves.iter().filter(|task| task.source == source.arn).take(most).map(|task| &task.answer).collect();
        Ok(json!({ "Results": results }))
    }
}
