//! From a message to its subscribers: what each gets, how often it is tried, and where it ends when it cannot arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::kept::KeptAttempt;
use super::message::Message;
use super::permission::allows;
use super::retry::{DeliveryPolicy, pause_of_services};
use super::subscription::{Protocol, Subscription};
use super::{HEADERS, POST, PRINCIPAL, Sns, envelope};
use crate::emulator::service::{Delivery, DeliveryError};
use crate::emulator::{Fabric, Hop, ServiceError, Ticket};
use crate::model::Timestamp;

/// Deliveries that wait at the most; beyond that a failed one is given up at once, so that memory stays bounded.
const MOST_WAITING: usize = 10_000;
/// Attributes that a queue's message can have.
const MOST_QUEUE_ATTRIBUTES: usize = 10;
/// Services that publish by a role of theirs, not by the topic's policy.
const WITH_ROLE: [&str; 2] = ["scheduler.amazonaws.com", "states.amazonaws.com"];

/// One message for one subscriber.
pub struct Attempt {
    pub topic: Arc<str>,
    pub subscription: Arc<Subscription>,
    pub message: Arc<Message>,
    /// How it is tried again, where it is posted.
    pub policy: DeliveryPolicy,
    /// What the program is asked, where it is no message.
    pub ask: Option<Ask>,
}

/// What a program is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Whether it wants the messages.
    Subscribe { token: String },
    /// Whether it wants them after all.
    Unsubscribe { token: String },
}

impl Ask {
    /// As AWS spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "SubscriptionConfirmation",
            Self::Unsubscribe { .. } => "UnsubscribeConfirmation",
        }
    }

    /// What answers it.
    pub fn token(&self) -> &str {
        match self {
            Self::Subscribe { token } | Self::Unsubscribe { token } => token,
        }
    }

    /// The message with the question.
    pub fn message(&self, topic: &str, subscription: &Subscription, id: String, at: Timestamp) -> Message {
        let text = match self {
            Self::Subscribe { .. } => format!(
                "You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the SubscribeURL \
                 included in this message."
            ),
            Self::Unsubscribe { .. } => format!(
                "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, \
                 visit the SubscribeURL included in this message.",
                subscription.arn
            ),
        };
        Message::own(text, id, at)
    }
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
        let policy = topic.policy();
        let attempts: Vec<(Ticket, Attempt)> = topic
            .subscriptions
            .values()
            .filter(wants)
            .map(|subscription| Attempt {
                topic: Arc::clone(&topic.arn),
                subscription: Arc::clone(subscription),
                message: Arc::clone(&message),
                policy: subscription.policy().filter(|_| !policy.prevails).unwrap_or(&policy).clone(),
                ask: None,
            })
            .map(|attempt| (self.outbox.add(|| KeptAttempt::of(&attempt)), attempt))
            .collect();
        drop(topics);
        self.begin(attempts);
        true
    }

    /// Delivers, one after another; what fails goes on by itself, and so does what is posted: programs may be slow.
    pub(super) fn begin(&self, attempts: Vec<(Ticket, Attempt)>) {
        if attempts.is_empty() {
            return;
        }
        let (fabric, waiting) = (self.fabric.clone(), Arc::clone(&self.waiting));
        tokio::spawn(async move {
            for (ticket, attempt) in attempts {
                if attempt.is_posted() {
                    tokio::spawn(attempt.post(ticket, fabric.clone(), Arc::clone(&waiting)));
                    continue;
                }
                match attempt.deliver(&fabric, 0).await {
                    Ok(()) => ticket.done(),
                    Err(error) => {
                        tokio::spawn(attempt.go_on(ticket, fabric.clone(), Arc::clone(&waiting), error));
                    }
                }
            }
        });
    }

    /// Posts what a program gets.
    pub(super) async fn post(&self, url: &str, delivery: &Delivery) -> Result<(), DeliveryError> {
        let closed = |_| DeliveryError::transient("ServiceUnavailable", "the endpoint ends");
        let _slot = self.posts.acquire().await.map_err(closed)?;
        let none = Map::new();
        let headers = delivery.parameters[HEADERS].as_object().unwrap_or(&none);
        tokio::select! {
            posted = super::http::post(url, headers, &delivery.payload) => posted,
            () = self.fabric.shutdown_token().cancelled() => {
                Err(DeliveryError::transient("ServiceUnavailable", "the endpoint ends"))
            }
        }
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
        let Self { topic, subscription, message, ask, .. } = self;
        if let Some(ask) = ask {
            return envelope::for_question(fabric, topic, message, ask).into();
        }
        match subscription.protocol {
            Protocol::Lambda => envelope::for_function(fabric, topic, subscription, message).into(),
            _ if subscription.raw => Arc::clone(message.text_for(subscription.protocol.name())),
            Protocol::Sqs | Protocol::Http | Protocol::Email | Protocol::EmailJson => {
                envelope::for_queue(fabric, topic, subscription, message).into()
            }
        }
    }

    /// The attributes of the message as a queue has them, when it is delivered raw.
    fn queue_attributes(&self) -> Map<String, Value> {
        if !self.subscription.raw || self.is_posted() {
            return Map::new();
        }
        self.message.attributes.iter().map(|(name, attribute)| (name.clone(), attribute.to_sqs())).collect()
    }

    async fn deliver(&self, fabric: &Fabric, retries: u32) -> Result<(), DeliveryError> {
        let Self { topic, subscription, message, .. } = self;
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
        let endpoint = if self.is_posted() { &*subscription.arn } else { subscription.endpoint.as_str() };
        let target = endpoint
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
        let parameters = match subscription.protocol {
            Protocol::Http => json!({ POST: subscription.endpoint, HEADERS: self.headers() }),
            _ if attributes.is_empty() => Value::Null,
            _ => json!({ "MessageAttributes": attributes }),
        };
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

    /// Whether a program gets it by a post.
    fn is_posted(&self) -> bool {
        self.subscription.protocol == Protocol::Http
    }

    /// The headers of a post.
    fn headers(&self) -> Map<String, Value> {
        let kind = self.ask.as_ref().map_or("Notification", Ask::name);
        let mut headers = Map::new();
        let mut set = |name: &str, value: &str| drop(headers.insert(name.to_owned(), value.into()));
        set("x-amz-sns-message-type", kind);
        set("x-amz-sns-message-id", &self.message.id);
        set("x-amz-sns-topic-arn", &self.topic);
        if !matches!(self.ask, Some(Ask::Subscribe { .. })) {
            set("x-amz-sns-subscription-arn", &self.subscription.arn);
        }
        if self.ask.is_none() {
            if self.subscription.raw {
                set("x-amz-sns-rawdelivery", "true");
            }
            if let Some(kind) = &self.policy.content_type {
                set("content-type", kind);
            }
        }
        headers
    }

    /// Posts it for the first time, and goes on when that fails.
    async fn post(self, ticket: Ticket, fabric: Fabric, waiting: Arc<AtomicUsize>) {
        let outcome = if waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            self.deliver(&fabric, 0).await
        } else {
            Err(DeliveryError::permanent("ThrottlingException", "too many deliveries wait"))
        };
        waiting.fetch_sub(1, Ordering::Relaxed);
        match outcome {
            Ok(()) => ticket.done(),
            // It is in the outbox, and taken up at the next start.
            Err(_) if fabric.shutdown_token().is_cancelled() => {}
            Err(error) => self.go_on(ticket, fabric, waiting, error).await,
        }
    }

    /// The pause before the next retry; `None` when it is given up.
    fn pause(&self, retries: u32) -> Option<Duration> {
        if self.is_posted() { self.policy.retry.pause(retries) } else { pause_of_services(retries) }
    }

    /// Tries again until it arrives or is given up.
    async fn go_on(self, ticket: Ticket, fabric: Fabric, waiting: Arc<AtomicUsize>, mut error: DeliveryError) {
        if waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            let mut retries = 0;
            while error.retryable
                && let Some(pause) = self.pause(retries)
            {
                tokio::select! {
                    () = fabric.clock().sleep(pause) => {}
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
        let queue = self.subscription.dead_letters.as_ref().filter(|_| self.ask.is_none());
        let Some(queue) = queue else {
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
