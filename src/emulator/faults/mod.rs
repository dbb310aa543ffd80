//! Faults that are put in on purpose over `/_vaultscope/faults`: refused, late and failed calls, deliveries that come
//! twice or later, functions that fail.
//!
//! Every fault draws from a generator of its own, so that the same faults and the same calls give the same outcome
//! again. Without a fault everything costs one relaxed load; what a fault means to a service is not decided here.

mod fault;
mod refusal;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::error::ServiceError;
use super::service::{Delivery, Service};
use fault::{Fault, FaultInput, Kind};

/// The access key that functions of the endpoint sign with, by which their calls are told from those of clients.
pub const FUNCTION_ACCESS_KEY: &str = "ASIAVAULTSCOPELAMBDA";

/// Faults that there may be at once.
const MOST_FAULTS: usize = 100;

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Anybody outside.
    Client,
    /// A function that the endpoint runs.
    Function,
}

impl Caller {
    /// The caller of a request, by the access key of its signature.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let signed = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if signed.is_some_and(|signature| signature.contains(FUNCTION_ACCESS_KEY)) {
            Self::Function
        } else {
            Self::Client
        }
    }
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Once,
    /// It arrives, and then once more.
    Twice,
    /// It is lost; the fault's number says to whom.
    Lost(u64),
}

/// The faults of one endpoint.
#[derive(Debug)]
pub struct Faults {
    /// Whether any fault can still strike.
    armed: AtomicBool,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<Fault>,
    added: u64,
}

impl Faults {
    /// No faults; those that name no seed of their own take `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { armed: AtomicBool::new(false), seed, state: Mutex::default() }
    }

    /// Whether there is any fault to think of.
    #[must_use]
    pub fn armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
    }

    /// Adds the fault that a request's body describes, and returns it as [`Faults::list`] does.
    ///
    /// # Errors
    /// `SerializationException` and `ValidationException` that say what is wrong with it.
    pub fn add<'a>(
        &self,
        body: &Bytes,
        services: impl Iterator<Item = &'a dyn Service>,
    ) -> Result<Value, ServiceError> {
        let input: FaultInput = serde_json::from_slice(body)
            .map_err(|error| ServiceError::serialization(format!("the fault cannot be read: {error}")))?;
        input.check(services).map_err(ServiceError::validation)?;
        let mut state = self.lock();
        if state.faults.len() >= MOST_FAULTS {
            return Err(ServiceError::validation(format!(
                "there are {MOST_FAULTS} faults already: clear them with DELETE /_vaultscope/faults"
            )));
        }
        state.added += 1;
        let fault = Fault::new(state.added, input, self.seed);
        let added = json!(fault);
        state.faults.push(fault);
        self.rearm(&state);
        Ok(added)
    }

    /// Every fault with how often it has struck, in the order in which they were added.
    #[must_use]
    pub fn list(&self) -> Value {
        json!({ "faults": self.lock().faults })
    }

    /// Removes one fault, or all of them; how many that were.
    pub fn remove(&self, id: Option<u64>) -> usize {
        let mut state = self.lock();
        let before = state.faults.len();
        state.faults.retain(|fault| id.is_some_and(|id| fault.id != id));
        self.rearm(&state);
        before - state.faults.len()
    }

    /// What faults make of a call: it may have to wait, in real time, and it may be refused.
    ///
    /// # Errors
    /// The service's own throttling error or internal failure.
    pub async fn strike(&self, service: &'static str, operation: &str, caller: Caller) -> Result<(), ServiceError> {
        let (wait, refused) = self.judge(service, operation, caller);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        refused.map_or(Ok(()), Err)
    }

    fn judge(&self, service: &'static str, operation: &str, caller: Caller) -> (Duration, Option<ServiceError>) {
        let mut wait = Duration::ZERO;
        let refused = self.find(|fault| {
            if !fault.concerns_call(service, operation, caller) || !fault.strikes() {
                return None;
            }
            match fault.kind() {
                Kind::Delay => {
                    wait += fault.delay();
                    None
                }
                Kind::Throttle => Some(refusal::throttled(service, operation)),
                _ => Some(refusal::failed(service)),
            }
        });
        (wait, refused)
    }

    /// What becomes of a delivery; what was lost once is not lost again.
    #[must_use]
    pub fn fate(&self, delivery: &Delivery) -> Fate {
        self.fate_at(&delivery.target.service, || delivery.target.to_string(), delivery.retries == 0)
    }

    /// The same for a hop that is no [`Delivery`]: `target` is the ARN of what is delivered to.
    #[must_use]
    pub fn fate_at(&self, service: &str, target: impl Fn() -> String, first: bool) -> Fate {
        if !self.armed() {
            return Fate::Once;
        }
        self.find(|fault| {
            let wanted = match fault.kind() {
                Kind::Duplicate => true,
                Kind::Drop => first,
                _ => false,
            };
            if !wanted || !fault.concerns_delivery(service, &target) || !fault.strikes() {
                return None;
            }
            Some(if fault.kind() == Kind::Drop { Fate::Lost(fault.id) } else { Fate::Twice })
        })
        .unwrap_or(Fate::Once)
    }

    /// The number of the fault that makes an invocation of this function fail, if there is one.
    #[must_use]
    pub fn failing(&self, function: &str) -> Option<u64> {
        if !self.armed() {
            return None;
        }
        self.find(|fault| (fault.concerns_function(function) && fault.strikes()).then_some(fault.id))
    }

    /// What the first fault decides.
    fn find<T>(&self, decide: impl FnMut(&mut Fault) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        let found = state.faults.iter_mut().find_map(decide);
        self.rearm(&state);
        found
    }

    fn rearm(&self, state: &State) {
        self.armed.store(state.faults.iter().any(Fault::is_live), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(bodies: &[Value]) -> Faults {
        let faults = Faults::new(0);
        for body in bodies {
            faults.add(&Bytes::from(body.to_string()), std::iter::empty()).expect("a valid fault");
        }
        faults
    }

    fn struck(faults: &Faults, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| faults.judge("logs", "FilterLogEvents", Caller::Client).1.is_some()).collect()
    }

    #[test]
    fn a_seed_gives_the_same_outcome_again_and_about_the_rate_that_was_asked_for() {
        let fault = json!({"kind": "throttle", "rate": 0.3, "seed": 7});
        let first = struck(&faults(std::slice::from_ref(&fault)), 1_000);
        assert_eq!(first, struck(&faults(&[fault]), 1_000));
        assert_ne!(first, struck(&faults(&[json!({"kind": "throttle", "rate": 0.3, "seed": 8})]), 1_000));
        let hits = first.iter().filter(|hit| **hit).count();
        assert!((250..350).contains(&hits), "{hits}");
    }

    #[test]
    fn a_count_that_has_run_out_disarms() {
        let faults = faults(&[json!({"kind": "error", "count": 2})]);
        assert!(faults.armed());
        assert_eq!(struck(&faults, 4), [true, true, false, false]);
        assert!(!faults.armed());
        let listed = faults.list();
        assert_eq!((&listed["faults"][0]["remaining"], &listed["faults"][0]["struck"]), (&json!(0), &json!(2)));
    }

    #[test]
    fn a_fault_strikes_what_it_names_and_nothing_else() {
        let faults =
            faults(&[json!({"kind": "throttle", "callers": "functions"}), json!({"kind": "fail", "function": "f"})]);
        assert!(faults.judge("s3", "GetObject", Caller::Client).1.is_none());
        assert!(faults.judge("s3", "GetObject", Caller::Function).1.is_some());
        assert_eq!((faults.failing("g"), faults.failing("f")), (None, Some(2)));
        assert_eq!((faults.remove(Some(9)), faults.remove(Some(2)), faults.failing("f")), (0, 1, None));
        assert_eq!((faults.remove(None), faults.armed()), (1, false));
    }

    #[test]
    fn delays_add_up_and_what_was_lost_is_not_lost_again() {
        let faults = faults(&[
            json!({"kind": "delay", "delay_ms": 20}),
            json!({"kind": "delay", "delay_ms": 30}),
            json!({"kind": "drop", "target": "*:lost*"}),
            json!({"kind": "duplicate", "target": "*:lost"}),
        ]);
        assert_eq!(faults.judge("s3", "GetObject", Caller::Client), (Duration::from_millis(50), None));
        let fate = |target: &str, first| faults.fate_at("sqs", || format!("arn:aws:sqs:::{target}"), first);
        assert_eq!((fate("other", true), fate("lost", true)), (Fate::Once, Fate::Lost(3)));
        assert_eq!((fate("lost", false), fate("lost2", false)), (Fate::Twice, Fate::Once));
    }

    #[test]
    fn a_function_is_known_by_its_access_key() {
        let headers = |key: &str| {
            let signature =
                format!("AWS4-HMAC-SHA256 Credential={key}/20261121/us-east-1/s3/aws4_request, Signature=0");
            HeaderMap::from_iter([(AUTHORIZATION, signature.parse().expect("a header"))])
        };
        assert_eq!(Caller::of(&headers(FUNCTION_ACCESS_KEY)), Caller::Function);
        assert_eq!(Caller::of(&headers("test")), Caller::Client);
        assert_eq!(Caller::of(&HeaderMap::new()), Caller::Client);
    }
}
