//! From an event to its targets: which rules match, what each target gets, and what becomes of a delivery that fails.

use std::sync::{Arc, OnceLock};

use futures::future::join_all;
use serde_json::{Value, json};

use super::bus::Bus;
use super::input::{Input, Surroundings};
use super::kept::KeptAttempt;
use super::pattern::Event;
use super::put::Envelope;
use super::rule::Rule;
use super::target::Target;
use super::{Events, PRINCIPAL};
use crate::emulator::service::{Delivery, DeliveryError};
use crate::emulator::{Fabric, Hop, Ticket};

/// One event for one target.
pub struct Attempt {
    pub rule_arn: Arc<str>,
    pub target: Arc<Target>,
    pub envelope: Envelope,
    pub payload: Arc<str>,
    /// Attempts after the first so far.
    pub retries: u32,
    /// Its row, until it has arrived or was given up.
    pub ticket: Ticket,
}

impl Events {
    /// Finds the rules that want the event and begins its deliveries.
    pub(super) fn route(&self, bus: &Bus, envelope: &Envelope) {
        let Some(event) = Event::parse(&envelope.text) else { return };
        let matched: Vec<Arc<Rule>> = bus
            .rules()
            .values()
            .filter(|rule| rule.enabled && !rule.targets.is_empty())
            .filter(|rule| rule.pattern.as_ref().is_some_and(|(_, pattern)| pattern.matches(&event)))
            .cloned()
            .collect();
        self.hand_out(&matched, envelope);
    }

    /// Begins the deliveries of an event to the targets of these rules.
    pub(super) fn hand_out(&self, matched: &[Arc<Rule>], envelope: &Envelope) {
        let parsed: OnceLock<Arc<Value>> = OnceLock::new();
        let mut ingestion_time = None;
        let mut attempts = Vec::new();
        for rule in matched {
            for target in &rule.targets {
                if envelope.forwarded && target.arn.service == "events" {
                    continue;
                }
                let time = match &target.input {
                    Input::Template(_) => &**ingestion_time.get_or_insert_with(|| envelope.ingested.iso_seconds()),
                    _ => "",
                };
                let around = Surroundings { rule_arn: &rule.arn, rule_name: &rule.name, ingestion_time: time };
                let value = || {
                    Arc::clone(
                        parsed.get_or_init(|| Arc::new(serde_json::from_str(&envelope.text).unwrap_or_default())),
                    )
                };
                let mut attempt = Attempt {
                    rule_arn: Arc::clone(&rule.arn),
                    target: Arc::clone(target),
                    envelope: envelope.clone(),
                    payload: target.input.of(&envelope.text, value, &around),
                    retries: 0,
                    ticket: Ticket::default(),
                };
                attempt.ticket = self.outbox.add(|| KeptAttempt::of(&attempt, None));
                attempts.push(attempt);
            }
        }
        self.begin(attempts);
    }

    /// Delivers, all at once; what fails waits for its next attempt.
    pub(super) fn begin(&self, attempts: Vec<Attempt>) {
        if attempts.is_empty() {
            return;
        }
        let (fabric, retries) = (self.fabric.clone(), Arc::clone(&self.retries));
        tokio::spawn(async move {
            join_all(attempts.into_iter().map(|attempt| async {
                if let Err((attempt, error)) = attempt.deliver(&fabric).await {
                    retries.failed(attempt, error).await;
                }
            }))
            .await;
        });
    }

    /// Takes an event that a rule of another bus, or a service, sends to one of these buses.
    pub(super) async fn take_delivery(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        let name = delivery.target.resource.strip_prefix("event-bus/");
        let bus = match name {
            Some(name) => self.bus(Some(name)),
            None => {
                return Err(DeliveryError::permanent("InvalidTarget", "only event buses of EventBridge are targets"));
            }
        }
        .map_err(|error| DeliveryError::permanent("ResourceNotFoundException", error.to_string()))?;
        if Event::parse(&delivery.payload).is_none_or(|event| event.at("source").is_empty()) {
            return Err(DeliveryError::permanent("MalformedDetail", "what was delivered to the bus is no event"));
        }
        let envelope = Envelope {
            id: delivery.subject,
            text: delivery.payload,
            ingested: self.fabric.clock().now(),
            forwarded: delivery.principal == PRINCIPAL,
        };
        self.route(&bus, &envelope);
        Ok(())
    }
}

impl Attempt {
    /// Delivers; gives itself back with the error when that fails.
    pub async fn deliver(self, fabric: &Fabric) -> Result<(), (Self, DeliveryError)> {
        let delivery = Delivery {
            target: self.target.arn.clone(),
            payload: Arc::clone(&self.payload),
            principal: PRINCIPAL,
            source_arn: Arc::clone(&self.rule_arn),
            subject: Arc::clone(&self.envelope.id),
            parameters: self.target.parameters.clone(),
            retries: self.retries,
        };
        match fabric.deliver(delivery).await {
            Ok(()) => {
                self.ticket.done();
                Ok(())
            }
            Err(error) => Err((self, error)),
        }
    }

    /// Gives up: the event goes to the target's dead-letter queue, or is dropped, and the trace says which.
    pub async fn give_up(self, fabric: &Fabric, error: &DeliveryError, condition: Option<&str>) {
        self.bury(fabric, error, condition).await;
        self.ticket.done();
    }

    async fn bury(&self, fabric: &Fabric, error: &DeliveryError, condition: Option<&str>) {
        let why = match condition {
            Some(condition) => format!("{error} ({condition} after {} retries)", self.retries),
            None => error.to_string(),
        };
        let hop = |to: String, error: String| Hop {
            at: fabric.clock().now(),
            from: PRINCIPAL,
            to,
            subject: Arc::clone(&self.envelope.id),
            error: Some(error),
        };
        let Some(queue) = &self.target.dead_letters else {
            fabric.record(hop(self.target.given.arn.clone(), format!("the event was dropped: {why}")));
            return;
        };
        let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
        let mut attributes = json!({
            "RULE_ARN": text(&self.rule_arn),
            "TARGET_ARN": text(&self.target.given.arn),
            "ERROR_CODE": text(&error.code),
            "ERROR_MESSAGE": text(if error.message.is_empty() { &error.code } else { &error.message }),
            "RETRY_ATTEMPTS": { "DataType": "Number", "StringValue": self.retries.to_string() },
        });
        if let Some(condition) = condition {
            attributes["EXHAUSTED_RETRY_CONDITION"] = text(condition);
        }
        let identity = fabric.identity();
        if queue.account != identity.account || queue.region != identity.region {
            fabric
                .record(hop(queue.to_string(), "the event was dropped: the dead-letter queue is elsewhere".to_owned()));
            return;
        }
        let message = json!({
            "QueueUrl": format!("{}/{}/{}", fabric.url(), queue.account, queue.resource),
            "MessageBody": &*self.envelope.text,
            "MessageAttributes": attributes,
        });
        let outcome = fabric.call(PRINCIPAL, "sqs", "SendMessage", message).await;
        let mut sent = hop(queue.to_string(), String::new());
        sent.error = outcome
            .err()
            .map(|refused| format!("the event was dropped: {refused} (it was sent here because of {why})"));
        fabric.record(sent);
    }
}
