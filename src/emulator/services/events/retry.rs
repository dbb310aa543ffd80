//! Deliveries that failed and will be tried again: one task for all of them, waiting on the endpoint's clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::delivery::Attempt;
use super::kept::KeptAttempt;
use crate::emulator::Fabric;
use crate::emulator::backoff;
use crate::emulator::service::DeliveryError;
use crate::model::Timestamp;

/// Deliveries that wait at the most; beyond that a failed one is given up at once, so that memory stays bounded.
const MOST_WAITING: usize = 100_000;

/// The deliveries that wait for another attempt.
pub struct Retries {
    fabric: Fabric,
    waiting: Mutex<Waiting>,
    changed: Notify,
    running: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    due: BTreeMap<(Timestamp, u64), Attempt>,
    next: u64,
}

impl Retries {
    /// Nothing waits yet.
    pub fn new(fabric: Fabric) -> Arc<Self> {
        Arc::new(Self { fabric, waiting: Mutex::default(), changed: Notify::new(), running: AtomicBool::new(false) })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides what becomes of a failed attempt: another one later, or the end.
    pub fn failed(self: &Arc<Self>, attempt: Attempt, error: DeliveryError) -> BoxFuture<'static, ()> {
        // Boxed, because an attempt that fails again comes back here.
        Arc::clone(self).decide(attempt, error).boxed()
    }

    async fn decide(self: Arc<Self>, mut attempt: Attempt, error: DeliveryError) {
        if !error.retryable {
            attempt.give_up(&self.fabric, &error, None).await;
            return;
        }
        let now = self.fabric.clock().now();
        let due = now + backoff::pause(attempt.retries, self.fabric.fraction());
        let expires = attempt.envelope.ingested + attempt.target.oldest;
        let condition = if attempt.retries >= attempt.target.retries {
            Some("MaximumRetryAttempts")
        } else if due > expires {
            Some("MaximumEventAgeInSeconds")
        } else if self.waiting().due.len() >= MOST_WAITING {
            Some("TooManyDeliveriesWaiting")
        } else {
            None
        };
        if condition.is_some() {
            attempt.give_up(&self.fabric, &error, condition).await;
            return;
        }
        attempt.retries += 1;
        attempt.ticket.update(|| KeptAttempt::of(&attempt, Some(due)));
        self.wait(attempt, due);
    }

    /// Lets an attempt wait until it is due.
    pub fn wait(self: Arc<Self>, attempt: Attempt, due: Timestamp) {
        let mut waiting = self.waiting();
        let key = (due, waiting.next);
        waiting.next += 1;
        waiting.due.insert(key, attempt);
        drop(waiting);
        if self.running.swap(true, Ordering::Relaxed) {
            self.changed.notify_one();
        } else {
            tokio::spawn(self.run());
        }
    }

    async fn run(self: Arc<Self>) {
        let shutdown = self.fabric.shutdown_token().clone();
        loop {
            let now = self.fabric.clock().now();
            let (ready, next) = {
                let mut waiting = self.waiting();
                let later = waiting.due.split_off(&(now + Duration::from_micros(1), 0));
                let ready = std::mem::replace(&mut waiting.due, later);
                (ready, waiting.due.first_key_value().map(|((due, _), _)| *due))
            };
            for attempt in ready.into_values() {
                let retries = Arc::clone(&self);
                tokio::spawn(async move {
                    if let Err((attempt, error)) = attempt.deliver(&retries.fabric).await {
                        retries.failed(attempt, error).await;
                    }
                });
            }
            let wake = async {
                match next {
                    Some(next) => self.fabric.clock().sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wake => {}
                () = self.changed.notified() => {}
                () = shutdown.cancelled() => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;
    use crate::emulator::service::{Call, Delivery, Interface, Service};
    use crate::emulator::services::events::Events;
    use crate::emulator::{Identity, ServiceError};

    /// A queue service of which every delivery fails for the moment, and which keeps what is sent to it.
    struct Failing {
        attempts: AtomicUsize,
        sent: tokio::sync::mpsc::UnboundedSender<Value>,
    }

    impl Service for Failing {
        fn interface(&self) -> &'static Interface {
            static INTERFACE: Interface = Interface {
                id: "sqs",
                title: "failing",
                target_prefix: None,
                json_version: "1.0",
                query: None,
                rest: false,
            };
            &INTERFACE
        }

        fn operations(&self) -> &'static [&'static str] {
            &["SendMessage"]
        }

        fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
            let kept = self.sent.send(call.input).map(|()| Value::Null).map_err(ServiceError::internal);
            async move { kept }.boxed()
        }

        fn deliver(&self, _: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            async { Err(DeliveryError::transient("InternalFailure", "not now")) }.boxed()
        }
    }

    #[tokio::test]
    async fn a_failing_target_is_tried_again_and_then_the_event_is_a_dead_letter() {
        let clock = Clock::default();
        clock.set_rate(1_000.0).expect("a rate in range");
        let fabric = Fabric::new(clock, Identity::default(), 1);
        let (sent, mut letters) = tokio::sync::mpsc::unbounded_channel();
        let failing = Arc::new(Failing { attempts: AtomicUsize::new(0), sent });
        fabric.join(vec![
            Arc::clone(&failing) as Arc<dyn Service>,
            Events::new(fabric.clone()).expect("nothing is kept"),
        ]);
        let call = |operation: &'static str, input: Value| fabric.call("test", "events", operation, input);
        call("PutRule", json!({"Name": "r", "EventPattern": "{\"source\":[\"s\"]}"})).await.expect("a rule");
        let arn = "arn:aws:sqs:us-east-1:000000000000:q";
        let target = json!({
            "Id": "1", "Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": 3}, "DeadLetterConfig": {"Arn": arn},
        });
        call("PutTargets", json!({"Rule": "r", "Targets": [target]})).await.expect("a target");
        let entry = json!({"Source": "s", "DetailType": "t", "Detail": "{}"});
        call("PutEvents", json!({"Entries": [entry]})).await.expect("put");
        let letter = letters.recv().await.expect("a dead letter");
        assert_eq!(failing.attempts.load(Ordering::Relaxed), 4);
        let attribute = |name: &str| letter["MessageAttributes"][name]["StringValue"].clone();
        assert_eq!(attribute("EXHAUSTED_RETRY_CONDITION"), "MaximumRetryAttempts");
        assert_eq!(attribute("RETRY_ATTEMPTS"), "3");
        assert_eq!(attribute("ERROR_CODE"), "InternalFailure");
        fabric.shutdown().await;
    }
}
