//! From a message to its subscribers: what each gets, how often it is tried, and where it ends when it cannot arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::kept::KeptAttempt;
use super::message::Message;
use super::permission::allows;
use super::subscription::{Protocol, Subscription};
use super::{PRINCIPAL, Sns, envelope};
use crate::emulator::service::{Delivery, DeliveryError};
use crate::emulator::{Fabric, Hop, ServiceError, Ticket};

/// Attempts that AWS makes at its own services: 3 at once, 2 after a second, 10 that back off, 100,000 every 20 s.
const MOST_RETRIES: u32 = 100_014;
/// The longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Deliveries that wait at the most; beyond that a failed one is given up at once, so that memory stays bounded.
const MOST_WAITING: usize = 10_000;
/// Attributes that a queue's message can have.
const MOST_QUEUE_ATTRIBUTES: usize = 10;
/// Services that publish by a role of theirs, not by the topic's policy.
const WITH_ROLE: [&str; 2] = ["scheduler.amazonaws.com", "states.amazonaws.com"];

/// How long to wait before the retry that has `retries` retries before it.
fn pause(retries: u32) -> Duration {
    match retries {
        0..=2 => Duration::ZERO,
        3 | 4 => Duration::from_secs(1),
        5..=14 => Duration::from_secs(1 << (retries - 4).min(5)).min(LONGEST_PAUSE),
        _ => LONGEST_PAUSE,
    }
}

/// One message for one subscriber.
pub struct Attempt {
    pub topic: Arc<str>,
    pub subscription: Arc<Subscription>,
    pub message: Arc<Message>,
}

impl Sns {
    /// Begins the deliveries of a message to everybody who wants it. `false` when there is no such topic.
    pub(super) fn send(&self, topic_name: &str, message: Message) -> bool {
        let message = Arc::new(message);
        let topics = self.topics();
        let Some(topic) = topics.get(topic_name) else { return false };
        let wants = |subscription: &&Arc<Subscription>| {
            let text = message.text_for(subscription.protocol.name());
            let filter = subscription.filter.as_ref();
            !subscription.is_pending() && filter.is_none_or(|filter| filter.wants(&message.attributes, text))
        };
        let attempts: Vec<(Ticket, Attempt)> = topic
            .subscriptions
            .values()
            .filter(wants)
            .map(|subscription| Attempt {
                topic: Arc::clone(&topic.arn),
                subscription: Arc::clone(subscription),
                message: Arc::clone(&message),
            })
            .map(|attempt| (self.outbox.add(|| KeptAttempt::of(&attempt)), attempt))
            .collect();
        drop(topics);
        self.begin(attempts);
        true
    }

    /// Delivers, one after another; what fails goes on by itself.
    pub(super) fn begin(&self, attempts: Vec<(Ticket, Attempt)>) {
        if attempts.is_empty() {
            return;
        }
        let (fabric, waiting) = (self.fabric.clone(), Arc::clone(&self.waiting));
        tokio::spawn(async move {
            for (ticket, attempt) in attempts {
                match attempt.deliver(&fabric, 0).await {
                    Ok(()) => ticket.done(),
                    Err(error) => {
                        tokio::spawn(attempt.go_on(ticket, fabric.clone(), Arc::clone(&waiting), error));
                    }
                }
            }
        });
    }

    /// Publishes what another service hands to a topic.
    pub(super) fn take_delivery(&self, delivery: &Delivery) -> Result<(), DeliveryError> {
        let refused = |error| DeliveryError::from(ServiceError::from(error));
        let target = delivery.target.to_string();
        let name = self.topic_name(&target).map_err(refused)?;
        let allowed = self.with_topic(&target, |topic| {
            let by_policy = || allows(&topic.policy, &topic.arn, delivery.principal, &delivery.source_arn);
            Ok(WITH_ROLE.contains(&delivery.principal) || by_policy())
        });
        if !allowed.map_err(refused)? {
            return Err(DeliveryError::permanent(
                "AuthorizationError",
                format!(
                    "User: {} is not authorized to perform: SNS:Publish on resource: {target} because no \
                     resource-based policy allows the SNS:Publish action",
                    delivery.principal
                ),
            ));
        }
        let now = self.fabric.clock().now();
        let message = Message::handed_over(Arc::clone(&delivery.payload), self.fabric.uuid(), now).map_err(refused)?;
        self.send(name, message);
        Ok(())
    }
}

impl Attempt {
    fn payload(&self, fabric: &Fabric) -> Arc<str> {
        let Self { topic, subscription, message } = self;
        match subscription.protocol {
            Protocol::Lambda => envelope::for_function(fabric, topic, subscription, message).into(),
            _ if subscription.raw => Arc::clone(message.text_for(subscription.protocol.name())),
            Protocol::Sqs | Protocol::Email | Protocol::EmailJson => {
                envelope::for_queue(fabric, topic, subscription, message).into()
            }
        }
    }

    /// The attributes of the message as a queue has them, when it is delivered raw.
    fn queue_attributes(&self) -> Map<String, Value> {
        if !self.subscription.raw {
            return Map::new();
        }
        self.message.attributes.iter().map(|(name, attribute)| (name.clone(), attribute.to_sqs())).collect()
    }

    async fn deliver(&self, fabric: &Fabric, retries: u32) -> Result<(), DeliveryError> {
        let Self { topic, subscription, message } = self;
        if matches!(subscription.protocol, Protocol::Email | Protocol::EmailJson) {
            // Nobody is written to: that it was due is all there is to see.
            fabric.record(Hop {
                at: fabric.clock().now(),
                from: PRINCIPAL,
                to: subscription.arn.to_string(),
                subject: Arc::clone(&message.id),
                error: None,
            });
            return Ok(());
        }
        let target = subscription
            .endpoint
            .parse()
            .map_err(|error: crate::model::ArnError| DeliveryError::permanent("InvalidTarget", error.to_string()))?;
        let attributes = self.queue_attributes();
        if attributes.len() > MOST_QUEUE_ATTRIBUTES {
            return Err(DeliveryError::permanent(
                "InvalidParameterValue",
                format!(
                    "a queue's message has at most {MOST_QUEUE_ATTRIBUTES} attributes, this one has {}",
                    attributes.len()
                ),
            ));
        }
        let parameters = if attributes.is_empty() { Value::Null } else { json!({ "MessageAttributes": attributes }) };
        fabric
            .deliver(Delivery {
                target,
                payload: self.payload(fabric),
                principal: PRINCIPAL,
                source_arn: Arc::clone(topic),
                subject: Arc::clone(&message.id),
                parameters,
                retries,
            })
            .await
    }

    /// Tries again until it arrives or is given up.
    async fn go_on(self, ticket: Ticket, fabric: Fabric, waiting: Arc<AtomicUsize>, mut error: DeliveryError) {
        if waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            let mut retries = 0;
            while error.retryable && retries < MOST_RETRIES {
                tokio::select! {
                    () = fabric.clock().sleep(pause(retries)) => {}
                    () = fabric.shutdown_token().cancelled() => return,
                }
                retries += 1;
                match self.deliver(&fabric, retries).await {
                    Ok(()) => {
                        waiting.fetch_sub(1, Ordering::Relaxed);
                        ticket.done();
                        return;
                    }
                    Err(next) => error = next,
                }
            }
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
        self.give_up(&fabric, &error).await;
        ticket.done();
    }

    /// The message goes to the subscription's dead-letter queue, or is dropped, and the trace says which.
    async fn give_up(&self, fabric: &Fabric, error: &DeliveryError) {
        let hop = |to: String, problem: String| Hop {
            at: fabric.clock().now(),
            from: PRINCIPAL,
            to,
            subject: Arc::clone(&self.message.id),
            error: Some(problem),
        };
        let Some(queue) = &self.subscription.dead_letters else {
            fabric.record(hop(self.subscription.endpoint.clone(), format!("the message was dropped: {error}")));
            return;
        };
        let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
        let mut attributes = self.queue_attributes();
        attributes.insert("RequestID".to_owned(), text(&fabric.uuid()));
        attributes.insert("ErrorCode".to_owned(), text(&error.code));
        attributes.insert("ErrorMessage".to_owned(), text(&error.message));
        let letter = Delivery {
            target: queue.clone(),
            payload: self.payload(fabric),
            principal: PRINCIPAL,
            source_arn: Arc::clone(&self.topic),
            subject: Arc::clone(&self.message.id),
            parameters: json!({ "MessageAttributes": attributes }),
            retries: 0,
        };
        if let Err(refused) = fabric.deliver(letter).await {
            fabric.record(hop(queue.to_string(), format!("the message was dropped: {refused} (after {error})")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_twenty_seconds() {
        let seconds: Vec<u64> = (0..12).map(|retries| pause(retries).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 1, 1, 2, 4, 8, 16, 20, 20, 20]);
    }
}
