//! `ReceiveMessage`: long polling, and the move of what was received too often to the dead-letter queue.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Sqs;
use super::error::SqsError;
use super::message::{self, Message};
use super::queue::{Pulled, Queue, Received};
use super::visibility::visibility_of;
use super::wire::Number;
use crate::emulator::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReceiveMessageInput {
    queue_url: String,
    max_number_of_messages: Option<Number>,
    visibility_timeout: Option<Number>,
    wait_time_seconds: Option<Number>,
    #[serde(default, alias = "AttributeName")]
    attribute_names: Vec<String>,
    #[serde(default, alias = "MessageSystemAttributeName")]
    message_system_attribute_names: Vec<String>,
    #[serde(default, alias = "MessageAttributeName")]
    message_attribute_names: Vec<String>,
}

impl Sqs {
    pub(super) async fn receive_message(&self, input: ReceiveMessageInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        let settings = queue.settings();
        let invalid = |name, Number(value): Number, reason: &str| SqsError::InvalidParameterValue {
            name,
            value: value.to_string(),
            reason: reason.to_owned(),
        };
        let most = match input.max_number_of_messages {
            None => 1,
            Some(Number(most @ 1..=10)) => usize::try_from(most).unwrap_or(1),
            Some(other) => return Err(invalid("MaxNumberOfMessages", other, "Must be between 1 and 10, if provided.")),
        };
        let wait = match input.wait_time_seconds {
            None => settings.wait,
            Some(Number(seconds @ 0..=20)) => Duration::from_secs(seconds.unsigned_abs()),
            Some(other) => return Err(invalid("WaitTimeSeconds", other, "Must be >= 0 and <= 20, if provided.")),
        };
        let visibility = input.visibility_timeout.map(visibility_of).transpose()?;
        let received = self.poll(&queue, most, visibility, wait).await?;
        if received.is_empty() {
            return Ok(json!({}));
        }
        let system: Vec<&str> =
            input.attribute_names.iter().chain(&input.message_system_attribute_names).map(String::as_str).collect();
        let messages: Vec<Value> =
            received.iter().map(|received| self.written(received, &system, &input.message_attribute_names)).collect();
        Ok(json!({ "Messages": messages }))
    }

    /// Takes messages, waiting up to `wait` for the first: by the endpoint's clock, and never longer in real time,
    /// because a client's socket waits too.
    async fn poll(
        &self,
        queue: &Arc<Queue>,
        most: usize,
        visibility: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<Received>, SqsError> {
        let clock = self.fabric.clock();
        let deadline = clock.now() + wait;
        let real_deadline = tokio::time::sleep(wait);
        tokio::pin!(real_deadline);
        loop {
            let arrived = queue.arrived.notified();
            tokio::pin!(arrived);
            // From here on a ring is not missed, although nobody listens yet.
            arrived.as_mut().enable();
            let settings = queue.settings();
            let taken = queue.take(most, visibility.unwrap_or(settings.visibility), &settings, clock.now())?;
            for dead in &taken.dead {
                self.redrive(queue, settings.redrive.as_ref().map(|policy| policy.target_arn.as_str()), dead);
            }
            if !taken.received.is_empty() || wait.is_zero() || clock.now() >= deadline {
                return Ok(taken.received);
            }
            let until = taken.next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = arrived => {}
                () = clock.sleep_until(until) => {}
                () = &mut real_deadline => return Ok(Vec::new()),
                () = queue.deleted.cancelled() => return Err(SqsError::QueueDoesNotExist),
                () = self.fabric.shutdown_token().cancelled() => return Ok(Vec::new()),
            }
        }
    }

    /// Moves a message that was received too often; it keeps its id and the moment at which it was sent. Without the
    /// dead-letter queue it stays where it is, as on AWS.
    fn redrive(&self, from: &Arc<Queue>, to: Option<&str>, dead: &Pulled) {
        let now = self.fabric.clock().now();
        let message = dead.message.clone();
        match to.and_then(|arn| self.by_arn(arn)) {
            Some(target) => {
                let moved = Message {
                    receives: 0,
                    first_received: None,
                    moved_from: Some(from.arn.as_str().into()),
                    ..message
                };
                target.put(moved, Duration::ZERO, now);
            }
            None => from.put(message, from.settings().visibility, now),
        }
        from.forget(dead);
    }

    fn written(&self, received: &Received, system: &[&str], names: &[String]) -> Value {
        let Received { receipt, message } = received;
        let mut written = Map::new();
        written.insert("MessageId".to_owned(), message.id.as_str().into());
        written.insert("ReceiptHandle".to_owned(), receipt.handle().into());
        written.insert("MD5OfBody".to_owned(), message.md5_of_body.as_str().into());
        written.insert("Body".to_owned(), Value::from(&*message.draft.body));
        let attributes = self.system_attributes(message, system);
        if !attributes.is_empty() {
            written.insert("Attributes".to_owned(), attributes.into());
        }
        let chosen: Vec<_> = message.draft.attributes.iter().filter(|(name, _)| wanted(names, name)).collect();
        if !chosen.is_empty() {
            let digest = message::md5_of_attributes(chosen.iter().copied());
            let attributes: Map<String, Value> =
                chosen.iter().map(|(name, attribute)| ((*name).clone(), attribute.to_json())).collect();
            written.insert("MD5OfMessageAttributes".to_owned(), digest.into());
            written.insert("MessageAttributes".to_owned(), attributes.into());
        }
        written.into()
    }

    fn system_attributes(&self, message: &Message, names: &[&str]) -> Map<String, Value> {
        let mut attributes = Map::new();
        if names.is_empty() {
            return attributes;
        }
        let all = names.contains(&"All");
        let mut add = |name: &str, value: &dyn Fn() -> Option<String>| {
            if (all || names.contains(&name))
                && let Some(value) = value()
            {
                attributes.insert(name.to_owned(), value.into());
            }
        };
        add("SenderId", &|| Some(self.fabric.identity().account.clone()));
        add("SentTimestamp", &|| Some(message.sent.millis().to_string()));
        add("ApproximateReceiveCount", &|| Some(message.receives.to_string()));
        add("ApproximateFirstReceiveTimestamp", &|| message.first_received.map(|moment| moment.millis().to_string()));
        add("AWSTraceHeader", &|| message.draft.trace_header.clone());
        add("DeadLetterQueueSourceArn", &|| message.moved_from.as_deref().map(str::to_owned));
        attributes
    }
}

/// Whether a message attribute was asked for: by name, by `prefix.*`, by `All` or `.*`.
fn wanted(names: &[String], attribute: &str) -> bool {
    names.iter().any(|name| {
        name == "All"
            || name == ".*"
            || name == attribute
            || name.strip_suffix(".*").is_some_and(|prefix| attribute.starts_with(prefix))
    })
}
