//! Deliveries that failed and will be tried again: one task for all of them, waiting on the endpoint's clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::delivery::Attempt;
use crate::emulator::Fabric;
use crate::emulator::service::DeliveryError;
use crate::model::Timestamp;

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: 185 of them, with jitter, fill AWS's 24 hours.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
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
    due: BTreeMap<(Timestamp, u64), (Attempt, DeliveryError)>,
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
        let due = now + pause(attempt.retries, self.fabric.fraction());
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
        let mut waiting = self.waiting();
        let key = (due, waiting.next);
        waiting.next += 1;
        waiting.due.insert(key, (attempt, error));
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
            for (attempt, _) in ready.into_values() {
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

/// How long to wait after `retries` retries: exponential, between half and all of it.
fn pause(retries: u32, fraction: f64) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(retries.min(20))).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        assert_eq!(pause(0, 1.0), Duration::from_secs(1));
        assert_eq!(pause(3, 0.0), Duration::from_secs(4));
        assert_eq!(pause(184, 1.0), LONGEST_PAUSE);
    }
}
