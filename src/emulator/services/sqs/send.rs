//! `SendMessage`, `SendMessageBatch`, and how anything gets into a queue.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Sqs;
use super::error::SqsError;
use super::message::{self, AttributeInput, Draft, LARGEST_MESSAGE, Message};
use super::queue::Queue;
use super::wire::{self, Number};
use crate::emulator::{Context, ServiceError};

/// Entries of a batch at the most.
pub const LARGEST_BATCH: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendMessageInput {
    queue_url: String,
    #[serde(flatten)]
    message: MessageInput,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageInput {
    #[serde(default)]
    message_body: String,
    delay_seconds: Option<Number>,
    #[serde(default, alias = "MessageAttribute", deserialize_with = "wire::map")]
    message_attributes: BTreeMap<String, AttributeInput>,
    #[serde(default, alias = "MessageSystemAttribute", deserialize_with = "wire::map")]
    message_system_attributes: BTreeMap<String, AttributeInput>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendMessageBatchInput {
    queue_url: String,
    #[serde(default, alias = "SendMessageBatchRequestEntry")]
    entries: Vec<BatchEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchEntry {
    id: String,
    #[serde(flatten)]
    message: MessageInput,
}

#[derive(Debug, Serialize)]
pub struct SendMessageOutput {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
}

impl MessageInput {
    fn read(self) -> Result<Draft, SqsError> {
        if self.message_deduplication_id.is_some() {
            return Err(SqsError::InvalidParameterValue {
                name: "MessageDeduplicationId",
                value: self.message_deduplication_id.unwrap_or_default(),
                reason: "The request includes a parameter that is not valid for this queue type.".to_owned(),
            });
        }
        if let Some(group) = &self.message_group_id {
            return Err(SqsError::Unsupported(format!(
                "the embedded endpoint does not implement fair queues: MessageGroupId {group:?} was given"
            )));
        }
        Draft::read(
            self.message_body,
            self.message_attributes,
            self.message_system_attributes,
            self.delay_seconds.map(|Number(seconds)| seconds),
        )
    }
}

impl Sqs {
    /// Puts a checked message into a queue.
    ///
    /// # Errors
    /// When it is larger than the queue takes.
    pub(super) fn put(&self, queue: &Queue, draft: Draft) -> Result<SendMessageOutput, SqsError> {
        let settings = queue.settings();
        if draft.size() > settings.largest {
            return Err(SqsError::InvalidParameterValue {
                name: "MessageBody",
                value: format!("of {} bytes", draft.size()),
                reason: format!("Message must be shorter than {} bytes.", settings.largest),
            });
        }
        let now = self.fabric.clock().now();
        let delay = draft.delay.map_or(settings.delay, |seconds| Duration::from_secs(seconds.into()));
        let md5_of_body = message::md5_of_body(&draft.body);
        let md5_of_attributes =
            (!draft.attributes.is_empty()).then(|| message::md5_of_attributes(draft.attributes.iter()));
        let message_id = self.fabric.uuid();
        let message = Message {
            id: message_id.clone(),
            draft,
            md5_of_body: md5_of_body.clone(),
            sent: now,
            first_received: None,
            receives: 0,
            moved_from: None,
        };
        queue.put(message, delay, now);
        Ok(SendMessageOutput { message_id, md5_of_body, md5_of_attributes })
    }

    pub(super) async fn send_message(
        &self,
        input: SendMessageInput,
        _: &Context,
    ) -> Result<SendMessageOutput, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        self.put(&queue, input.message.read()?)
    }

    pub(super) async fn send_message_batch(
        &self,
        input: SendMessageBatchInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        check_batch("SendMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let drafts: Vec<(String, Result<Draft, SqsError>)> =
            input.entries.into_iter().map(|entry| (entry.id, entry.message.read())).collect();
        let sent = drafts.iter().filter_map(|(_, draft)| draft.as_ref().ok()).map(Draft::size).sum();
        if sent > LARGEST_MESSAGE {
            return Err(SqsError::BatchRequestTooLong { limit: LARGEST_MESSAGE, sent });
        }
        Ok(batch_answer(drafts.into_iter().map(|(id, draft)| {
            let outcome = draft.and_then(|draft| self.put(&queue, draft)).map(|sent| json!(sent));
            (id, outcome)
        })))
    }
}

/// Checks what holds of every batch: 1 to 10 entries with ids of their own.
///
/// # Errors
/// When that is not so.
pub fn check_batch<'a>(element: &'static str, ids: impl Iterator<Item = &'a str>) -> Result<(), SqsError> {
    let mut seen = HashSet::new();
    let mut entries = 0;
    for id in ids {
        entries += 1;
        let named_well = (1..=80).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !named_well {
            return Err(SqsError::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(SqsError::BatchEntryIdsNotDistinct(id.to_owned()));
        }
    }
    match entries {
        0 => Err(SqsError::EmptyBatchRequest(element)),
        1..=LARGEST_BATCH => Ok(()),
        _ => Err(SqsError::TooManyEntriesInBatchRequest(entries)),
    }
}

/// The answer of a batch operation: each entry's own result or refusal.
pub fn batch_answer(outcomes: impl Iterator<Item = (String, Result<Value, SqsError>)>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in outcomes {
        match outcome {
            Ok(mut entry) => {
                entry["Id"] = Value::from(id);
                successful.push(entry);
            }
            Err(error) => {
                let error = ServiceError::from(error);
                let code = error.query_code.unwrap_or(&error.code);
                failed.push(json!({ "Id": id, "SenderFault": true, "Code": code, "Message": error.message }));
            }
        }
    }
    let mut answer = serde_json::Map::new();
    answer.insert("Successful".to_owned(), successful.into());
    if !failed.is_empty() {
        answer.insert("Failed".to_owned(), failed.into());
    }
    Value::Object(answer)
}
