//! `Publish` and `PublishBatch`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Sns;
use super::error::SnsError;
use super::message::{LARGEST_MESSAGE, Message, MessageInput};
use crate::emulator::{Context, ServiceError, form};

/// Entries of a batch at the most.
const MOST_ENTRIES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublishInput {
    topic_arn: Option<String>,
    target_arn: Option<String>,
    phone_number: Option<String>,
    #[serde(flatten)]
    message: MessageInput,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublishBatchInput {
    #[serde(default)]
    topic_arn: String,
    #[serde(default, deserialize_with = "form::list")]
    publish_batch_request_entries: Vec<BatchEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchEntry {
    #[serde(default)]
    id: String,
    #[serde(flatten)]
    message: MessageInput,
}

impl Sns {
    fn read_message(&self, input: MessageInput) -> Result<Message, SnsError> {
        Message::read(input, self.fabric.uuid(), self.fabric.clock().now())
    }

    pub(super) async fn publish(&self, input: PublishInput, _: &Context) -> Result<Value, SnsError> {
        if input.phone_number.is_some() {
            return Err(SnsError::Unsupported("text messages (PhoneNumber)".to_owned()));
        }
        let Some(arn) = input.topic_arn.or(input.target_arn) else {
            return Err(SnsError::parameter("TopicArn or TargetArn Reason: no value for required parameter"));
        };
        if arn.contains(":endpoint/") {
            return Err(SnsError::Unsupported("mobile push (a TargetArn of an endpoint)".to_owned()));
        }
        let name = self.topic_name(&arn)?;
        let message = self.read_message(input.message)?;
        let id = message.id.clone();
        if !self.send(name, message) {
            return Err(SnsError::NoSuchTopic);
        }
        Ok(json!({ "MessageId": &*id }))
    }

    pub(super) async fn publish_batch(&self, input: PublishBatchInput, _: &Context) -> Result<Value, SnsError> {
        let name = self.topic_name(&input.topic_arn)?;
        let entries = input.publish_batch_request_entries;
        if entries.is_empty() {
            return Err(SnsError::EmptyBatch);
        }
        if entries.len() > MOST_ENTRIES {
            return Err(SnsError::TooManyEntries(MOST_ENTRIES));
        }
        for (index, entry) in entries.iter().enumerate() {
            let id = &entry.id;
            if !(1..=80).contains(&id.len()) || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
                return Err(SnsError::BadEntryId(id.clone()));
            }
            if entries[..index].iter().any(|earlier| earlier.id == *id) {
                return Err(SnsError::EntriesNotDistinct);
            }
        }
        if !self.topics().contains_key(name) {
            return Err(SnsError::NoSuchTopic);
        }
        let read: Vec<(String, Result<Message, SnsError>)> =
            entries.into_iter().map(|entry| (entry.id, self.read_message(entry.message))).collect();
        if read.iter().filter_map(|(_, message)| Some(message.as_ref().ok()?.size())).sum::<usize>() > LARGEST_MESSAGE {
            return Err(SnsError::BatchTooLong);
        }
        let (mut successful, mut failed) = (vec![], vec![]);
        for (id, message) in read {
            match message {
                Ok(message) => {
                    successful.push(json!({ "Id": id, "MessageId": &*message.id }));
                    self.send(name, message);
                }
                Err(error) => {
                    let error = ServiceError::from(error);
                    let code = error.query_code.unwrap_or(&error.code);
                    failed.push(json!({ "Id": id, "Code": code, "Message": error.message, "SenderFault": true }));
                }
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }
}
