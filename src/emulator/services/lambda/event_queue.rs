//! Asynchronous invocations of one function: accepted at once, carried out in turn, tried again after one and two
//! minutes, and handed to a destination or dead-letter queue when that does not help.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::environment::Outcome;
use super::error::LambdaError;
use super::function::Function;
use super::pool::WAITING_ENVIRONMENTS;
use crate::emulator::service::Delivery;
use crate::model::{Arn, Timestamp};

const PRINCIPAL: &str = "lambda.amazonaws.com";

/// Bytes of payloads that one function's queue holds at the most; more is throttled, and the sender tries again.
pub const QUEUE_BYTES: usize = 256 * 1024 * 1024;

/// What an event takes besides its payload.
const EVENT_OVERHEAD: usize = 128;

/// Retries after a function error, and the pauses before them.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];

/// The first and the longest pause after a throttled attempt.
const THROTTLE_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// Further attempts to hand a record to a destination that fails for the moment, and the pause before the first.
const DESTINATION_RETRIES: u32 = 2;
const DESTINATION_PAUSE: Duration = Duration::from_secs(1);

/// `EventInvokeConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventInvokeConfig {
    /// 0 to 2.
    pub retries: u32,
    /// 60 seconds to 6 hours.
    pub max_age: Duration,
    /// Where successes are told.
    #[serde(with = "arn")]
    pub on_success: Option<Arn>,
    /// Where failures are told.
    #[serde(with = "arn")]
    pub on_failure: Option<Arn>,
    /// When it was changed last.
    pub modified: Timestamp,
}

impl Default for EventInvokeConfig {
    fn default() -> Self {
        Self {
            retries: 2,
            max_age: Duration::from_secs(21_600),
            on_success: None,
            on_failure: None,
            modified: Timestamp::default(),
        }
    }
}

/// ARNs as they are written down: texts.
mod arn {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::model::Arn;

    #[expect(clippy::ref_option, reason = "serde's shape")]
    pub fn serialize<S: Serializer>(arn: &Option<Arn>, to: S) -> Result<S::Ok, S::Error> {
        arn.as_ref().map(ToString::to_string).serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Arn>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// An event as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventRow {
    payload: String,
    /// When it was accepted.
    pub accepted: Timestamp,
    attempts: u32,
    throttled: u32,
    /// When it is due, if it waits for another attempt.
    due: Option<Timestamp>,
}

/// One event and how often it was tried.
#[derive(Debug)]
pub struct Event {
    request_id: Arc<str>,
    payload: Bytes,
    accepted: Timestamp,
    attempts: u32,
    throttled: u32,
}

/// An event that waits for its next attempt; ordered by when that is due.
#[derive(Debug)]
struct Later {
    due: Timestamp,
    number: u64,
    event: Event,
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.number) == (other.due, other.number)
    }
}

impl Eq for Later {}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Event>,
    bytes: usize,
    workers: usize,
    later: BinaryHeap<Reverse<Later>>,
    numbers: u64,
    timer: bool,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// The event has come to its end.
    Last,
    /// It is to be tried again.
    Again,
}

/// The queue of one function.
#[derive(Debug, Default)]
pub struct EventQueue {
    state: Mutex<State>,
    earlier: Notify,
}

impl Event {
    /// The event as it is written down.
    fn row(&self, due: Option<Timestamp>) -> EventRow {
        EventRow {
            payload: String::from_utf8_lossy(&self.payload).into_owned(),
            accepted: self.accepted,
            attempts: self.attempts,
            throttled: self.throttled,
            due,
        }
    }

    fn size(&self) -> usize {
        self.payload.len() + EVENT_OVERHEAD
    }
}

impl State {
    fn push_later(&mut self, due: Timestamp, event: Event) {
        self.bytes += event.size();
        self.numbers += 1;
        self.later.push(Reverse(Later { due, number: self.numbers, event }));
    }
}

impl EventQueue {
    /// The ids of the events that wait.
    pub fn waiting(&self) -> Vec<Arc<str>> {
        let state = self.lock();
        let later = state.later.iter().map(|Reverse(later)| &later.event);
        state.ready.iter().chain(later).map(|event| Arc::clone(&event.request_id)).collect()
    }

    /// Puts an event back that was kept; [`Function::complete`] takes it up.
    pub fn restore(&self, request_id: Arc<str>, row: EventRow) {
        let EventRow { payload, accepted, attempts, throttled, due } = row;
        let event = Event { request_id, payload: payload.into(), accepted, attempts, throttled };
        self.lock().push_later(due.unwrap_or(accepted), event);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets every event.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.ready.clear();
        state.later.clear();
        state.bytes = 0;
        drop(state);
        self.earlier.notify_one();
    }
}

impl Function {
    /// Accepts an event and returns; it is carried out later.
    ///
    /// # Errors
    /// When the queue is full.
    pub fn accept(self: &Arc<Self>, request_id: Arc<str>, payload: Bytes) -> Result<(), LambdaError> {
        let event = Event { request_id, payload, accepted: self.fabric().clock().now(), attempts: 0, throttled: 0 };
        let mut state = self.events.lock();
        let size = event.size();
        if state.bytes + size > QUEUE_BYTES {
            return Err(LambdaError::Throttled { reason: "FunctionInvocationRateLimitExceeded" });
        }
        state.bytes += size;
        self.keep_event(&event.request_id, || event.row(None));
        self.enqueue(&mut state, event);
        Ok(())
    }

    /// Takes up the events that were kept.
    pub fn resume_events(self: &Arc<Self>) {
        let mut state = self.events.lock();
        if !state.later.is_empty() && !state.timer {
            state.timer = true;
            tokio::spawn(Arc::clone(self).bring_back());
        }
    }

    fn enqueue(self: &Arc<Self>, state: &mut State, event: Event) {
        state.ready.push_back(event);
        let most = self.reserved().map_or(WAITING_ENVIRONMENTS, |reserved| (reserved as usize).max(1));
        if state.workers < most && state.workers < state.ready.len() {
            state.workers += 1;
            tokio::spawn(Arc::clone(self).work());
        }
    }

    /// Carries out events until none is ready.
    async fn work(self: Arc<Self>) {
        let shutdown = self.fabric().shutdown_token().clone();
        loop {
            let event = {
                let mut state = self.events.lock();
                match state.ready.pop_front() {
                    Some(event) if !shutdown.is_cancelled() => {
                        state.bytes = state.bytes.saturating_sub(event.size());
                        event
                    }
                    _ => {
                        state.workers -= 1;
                        return;
                    }
                }
            };
            let request_id = Arc::clone(&event.request_id);
            if self.attempt(event).await == Attempt::Last {
                self.forget_event(&request_id);
            }
        }
    }

    async fn attempt(self: &Arc<Self>, mut event: Event) -> Attempt {
        let config = self.event_invoke.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        let clock = self.fabric().clock();
        if clock.now().since(event.accepted).is_some_and(|age| age > config.max_age) {
            self.give_up(&event, &config, "EventAgeExceeded", None).await;
            return Attempt::Last;
        }
        match self.invoke(&event.request_id, event.payload.clone(), true).await {
            Ok(outcome) if outcome.failed => {
                let pause = RETRY_PAUSES.get(event.attempts as usize).filter(|_| event.attempts < config.retries);
                event.attempts += 1;
                let Some(pause) = pause else {
                    self.give_up(&event, &config, "RetriesExhausted", Some(&outcome)).await;
                    return Attempt::Last;
                };
                if clock.now().since(event.accepted).is_some_and(|age| age + *pause > config.max_age) {
                    self.give_up(&event, &config, "EventAgeExceeded", Some(&outcome)).await;
                    return Attempt::Last;
                }
                self.try_later(event, *pause);
                Attempt::Again
            }
            Ok(outcome) => {
                event.attempts += 1;
                if let Some(target) = &config.on_success {
                    self.tell(target, &event, &record(self, &event, "Success", Some(&outcome))).await;
                }
                Attempt::Last
            }
            // A function that may never run does not keep its events.
            Err(LambdaError::Throttled { .. }) if self.reserved() == Some(0) => {
                self.give_up(&event, &config, "RetriesExhausted", None).await;
                Attempt::Last
            }
            Err(LambdaError::ShuttingDown) => Attempt::Again,
            Err(_) => {
                let pause = THROTTLE_PAUSES.0 * 2_u32.saturating_pow(event.throttled.min(16));
                event.throttled += 1;
                self.try_later(event, pause.min(THROTTLE_PAUSES.1));
                Attempt::Again
            }
        }
    }

    fn try_later(self: &Arc<Self>, event: Event, pause: Duration) {
        let due = self.fabric().clock().now() + pause;
        let mut state = self.events.lock();
        self.keep_event(&event.request_id, || event.row(Some(due)));
        state.push_later(due, event);
        if !state.timer {
            state.timer = true;
            tokio::spawn(Arc::clone(self).bring_back());
        }
        drop(state);
        self.events.earlier.notify_one();
    }

    /// Brings events back when they are due: one task, however many wait.
    async fn bring_back(self: Arc<Self>) {
        let shutdown = self.fabric().shutdown_token().clone();
        loop {
            let due = {
                let mut state = self.events.lock();
                let now = self.fabric().clock().now();
                while state.later.peek().is_some_and(|later| later.0.due <= now) {
                    if let Some(Reverse(later)) = state.later.pop() {
                        // Its bytes stay counted: it waits on, among those that are ready.
                        self.enqueue(&mut state, later.event);
                    }
                }
                let Some(next) = state.later.peek() else {
                    state.timer = false;
                    return;
                };
                next.0.due
            };
            tokio::select! {
                () = self.fabric().clock().sleep_until(due) => {}
                () = self.events.earlier.notified() => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn give_up(&self, event: &Event, config: &EventInvokeConfig, condition: &str, outcome: Option<&Outcome>) {
        if let Some(target) = &config.on_failure {
            self.tell(target, event, &record(self, event, condition, outcome)).await;
        }
        let Some(target) = self.config().dead_letter.clone() else { return };
        let message = outcome.map(|outcome| error_message(&outcome.payload)).unwrap_or_default();
        let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
        let attributes = json!({
            "RequestID": text(&event.request_id),
            "ErrorCode": { "DataType": "Number", "StringValue": if outcome.is_some() { "200" } else { "429" } },
            "ErrorMessage": text(message.get(..1024).unwrap_or(&message)),
        });
        self.hand_over(
            &target,
            event,
            &String::from_utf8_lossy(&event.payload),
            json!({ "MessageAttributes": attributes }),
        )
        .await;
    }

    async fn tell(&self, target: &Arn, event: &Event, record: &Value) {
        self.hand_over(target, event, &record.to_string(), Value::Null).await;
    }

    async fn hand_over(&self, target: &Arn, event: &Event, payload: &str, parameters: Value) {
        let mut delivery = Delivery {
            target: target.clone(),
            payload: payload.into(),
            principal: PRINCIPAL,
            source_arn: Arc::clone(&self.arn),
            subject: Arc::clone(&event.request_id),
            parameters,
            retries: 0,
        };
        loop {
            let Err(error) = self.fabric().deliver(delivery.clone()).await else { return };
            if !error.retryable || delivery.retries >= DESTINATION_RETRIES {
                // The hop is in the trace too; AWS counts it in a metric and goes on.
                tracing::warn!(function = %self.name, %target, %error, "an event cannot be handed to its destination");
                return;
            }
            delivery.retries += 1;
            self.fabric().clock().sleep(DESTINATION_PAUSE * delivery.retries).await;
        }
    }
}

fn error_message(payload: &Bytes) -> String {
    serde_json::from_slice::<Value>(payload)
        .ok()
        .and_then(|document| document.get("errorMessage")?.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The record that a destination receives.
fn record(function: &Function, event: &Event, condition: &str, outcome: Option<&Outcome>) -> Value {
    let json_of = |bytes: &Bytes| {
        serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes).into_owned()))
    };
    let mut record = json!({
        "version": "1.0",
        "timestamp": function.fabric().clock().now().iso_millis(),
        "requestContext": {
            "requestId": &*event.request_id,
            "functionArn": format!("{}:$LATEST", function.arn),
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": json_of(&event.payload),
    });
    if let Some(outcome) = outcome {
        record["responseContext"] = json!({ "statusCode": 200, "executedVersion": "$LATEST" });
        if outcome.failed {
            record["responseContext"]["functionError"] = json!("Unhandled");
        }
        record["responsePayload"] = json_of(&outcome.payload);
    }
    record
}
