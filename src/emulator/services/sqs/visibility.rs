//! `DeleteMessage`, `ChangeMessageVisibility` and their batches.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Sqs;
use super::error::SqsError;
use super::queue::Queue;
use super::receipt::Receipt;
use super::send::{batch_answer, check_batch};
use super::wire::Number;
use crate::emulator::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteMessageInput {
    queue_url: String,
    receipt_handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteMessageBatchInput {
    queue_url: String,
    #[serde(default, alias = "DeleteMessageBatchRequestEntry")]
    entries: Vec<DeleteEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeMessageVisibilityInput {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: Number,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeMessageVisibilityBatchInput {
    queue_url: String,
    #[serde(default, alias = "ChangeMessageVisibilityBatchRequestEntry")]
    entries: Vec<VisibilityEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VisibilityEntry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<Number>,
}

/// Checks a visibility timeout.
///
/// # Errors
/// When it is not between 0 and 12 hours.
pub fn visibility_of(seconds: Number) -> Result<Duration, SqsError> {
    match u64::try_from(seconds.0) {
        Ok(seconds @ 0..=43_200) => Ok(Duration::from_secs(seconds)),
        _ => Err(SqsError::InvalidParameterValue {
            name: "VisibilityTimeout",
            value: seconds.0.to_string(),
            reason: "Must be between 0 and 43200, if provided.".to_owned(),
        }),
    }
}

impl Sqs {
    pub(super) async fn delete_message(&self, input: DeleteMessageInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        queue.delete(Receipt::parse(&input.receipt_handle, queue.number)?);
        Ok(json!({}))
    }

    pub(super) async fn delete_message_batch(
        &self,
        input: DeleteMessageBatchInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        check_batch("DeleteMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        Ok(batch_answer(input.entries.into_iter().map(|entry| {
            let outcome = Receipt::parse(&entry.receipt_handle, queue.number).map(|receipt| {
                queue.delete(receipt);
                json!({})
            });
            (entry.id, outcome)
        })))
    }

    pub(super) async fn change_message_visibility(
        &self,
        input: ChangeMessageVisibilityInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        self.change(&queue, &input.receipt_handle, Some(input.visibility_timeout))?;
        Ok(json!({}))
    }

    pub(super) async fn change_message_visibility_batch(
        &self,
        input: ChangeMessageVisibilityBatchInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        check_batch("ChangeMessageVisibilityBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        Ok(batch_answer(input.entries.into_iter().map(|entry| {
            let outcome = self.change(&queue, &entry.receipt_handle, entry.visibility_timeout).map(|()| json!({}));
            (entry.id, outcome)
        })))
    }

    fn change(&self, queue: &Queue, handle: &str, seconds: Option<Number>) -> Result<(), SqsError> {
        let receipt = Receipt::parse(handle, queue.number)?;
        let visibility = match seconds {
            Some(seconds) => visibility_of(seconds)?,
            None => queue.settings().visibility,
        };
        queue.change_visibility(receipt, visibility, self.fabric.clock().now())
    }
}
