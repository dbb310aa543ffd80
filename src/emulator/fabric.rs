//! Where the services of the endpoint meet: one clock, one source of ids, calls and deliveries by name, and the trace
//! of every delivery hop.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use indexmap::IndexMap;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::faults::{Fate, Faults};
use super::keep::{Keep, KeepError};
use super::service::{Call, Context, Delivery, DeliveryError, Service};
use crate::clock::Clock;
use crate::model::{Arn, Timestamp};

/// Hops that the trace keeps; older ones are dropped and counted.
pub const TRACE_CAPACITY: usize = 100_000;

/// Access keys that are remembered; the oldest one goes first.
const MOST_KEYS: usize = 10_000;

/// What a kept access key is.
const KEY: &str = "key";

/// The access key and secret that everything the endpoint starts is given, and that users are told to configure.
const OWN_KEY: &str = "test";

/// Whose account and which region the endpoint answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self { account: "000000000000".to_owned(), region: "us-east-1".to_owned() }
    }
}

/// One hop of one delivery.
#[derive(Debug, Clone, Serialize)]
pub struct Hop {
    /// When it ended, in simulated time.
    pub at: Timestamp,
    /// The principal that sent it.
    pub from: &'static str,
    /// The ARN that it was sent to.
    pub to: String,
    /// The id of the event or message.
    pub subject: Arc<str>,
    /// `None` when it arrived, else why not.
    pub error: Option<String>,
}

/// A ring of hops with a count of what it had to drop.
#[derive(Debug, Default)]
pub struct Trace {
    /// Each with the hash of the object's key that it is about; 0 where it is about none.
    hops: VecDeque<(Hop, u64)>,
    dropped: u64,
}

impl Trace {
    fn push(&mut self, hop: Hop, about: u64) {
        if self.hops.len() == TRACE_CAPACITY {
            self.hops.pop_front();
            self.dropped += 1;
        }
        self.hops.push_back((hop, about));
    }
}

/// What the trace knows an object's key by.
fn about(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish().max(1)
}

/// The object's key that an event speaks of, found without reading all of it: every delivery is looked at.
fn key_of(payload: &str) -> Option<String> {
    const MEMBER: &str = "\"object-key\"";
    let rest = &payload[payload.find(MEMBER)? + MEMBER.len()..];
    let text = rest.trim_start().strip_prefix(':')?.trim_start();
    // The first value, whatever comes after it.
    serde_json::Deserializer::from_str(text).into_iter::<String>().next()?.ok()
}

/// The meeting place of the services; cheap to clone.
#[derive(Clone)]
pub struct Fabric {
    inner: Arc<Inner>,
}

struct Inner {
    services: RwLock<HashMap<&'static str, Arc<dyn Service>>>,
    clock: Clock,
    identity: Identity,
    /// The endpoint's own URL, once it listens: functions are told it.
    url: OnceLock<String>,
    ids: Mutex<StdRng>,
    trace: Mutex<Trace>,
    faults: Faults,
    keep: Keep,
    /// Secrets of the access keys that were handed out.
    keys: Mutex<IndexMap<String, Arc<str>>>,
    shutdown: CancellationToken,
}

impl Fabric {
    /// A fabric without services, which keeps nothing; services are joined once with [`Fabric::join`].
    #[must_use]
    pub fn new(clock: Clock, identity: Identity, seed: u64) -> Self {
        Self::keeping(clock, identity, seed, Keep::default())
    }

    /// A fabric without services, whose services write their state to `keep` and begin with what is there.
    #[must_use]
    pub fn keeping(clock: Clock, identity: Identity, seed: u64, keep: Keep) -> Self {
        // A start of its own draws ids of its own.
        let drawn = seed.wrapping_add(keep.starts().saturating_sub(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            inner: Arc::new(Inner {
                services: RwLock::default(),
                clock,
                identity,
                url: OnceLock::new(),
                ids: Mutex::new(StdRng::seed_from_u64(drawn)),
                trace: Mutex::default(),
                faults: Faults::new(seed),
                keep,
                keys: Mutex::default(),
                shutdown: CancellationToken::new(),
            }),
        }
    }

    /// Joins the services.
    pub fn join(&self, services: Vec<Arc<dyn Service>>) {
        let by_id = services.into_iter().map(|service| (service.interface().id, service)).collect();
        *self.inner.services.write().unwrap_or_else(PoisonError::into_inner) = by_id;
    }

    /// Tells the fabric where the endpoint listens; a second call changes nothing.
    pub fn set_url(&self, url: String) {
        let _ = self.inner.url.set(url);
    }

    /// The URL of the endpoint, such as `http://127.0.0.1:4566`; empty before it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.inner.url.get().map_or("", String::as_str)
    }

    /// The one clock of the endpoint.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Account and region.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Where state is kept beyond the process.
    #[must_use]
    pub fn keep(&self) -> &Keep {
        &self.inner.keep
    }

    /// The faults that were put in on purpose.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Ends when the endpoint shuts down: background tasks stop on it.
    #[must_use]
    pub fn shutdown_token(&self) -> &CancellationToken {
        &self.inner.shutdown
    }

    /// The service of that id.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<Arc<dyn Service>> {
        self.inner.services.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Every service, ordered by id.
    #[must_use]
    pub fn services(&self) -> Vec<Arc<dyn Service>> {
        let services = self.inner.services.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = services.values().cloned().collect();
        all.sort_by_key(|service| service.interface().id);
        all
    }

    /// An ARN of this account and region.
    #[must_use]
    pub fn arn(&self, service: &str, resource: impl Into<String>) -> Arn {
        Arn {
            partition: "aws".to_owned(),
            service: service.to_owned(),
            region: self.inner.identity.region.clone(),
            account: self.inner.identity.account.clone(),
            resource: resource.into(),
        }
    }

    /// A random UUID from the endpoint's seed.
    #[must_use]
    pub fn uuid(&self) -> String {
        let mut bytes = [0_u8; 16];
        self.rng(|rng| rng.fill_bytes(&mut bytes));
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// `len` random characters of `alphabet`, from the endpoint's seed.
    #[must_use]
    pub fn token(&self, alphabet: &[u8], len: usize) -> String {
        self.rng(|rng| (0..len).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect())
    }

    /// A random number in `0.0..1.0`, from the endpoint's seed: for jitter.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.rng(RngExt::random)
    }

    fn rng<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.inner.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes the secret of an access key that the endpoint hands out.
    pub fn issue(&self, access_key: &str, secret: &str) {
        let mut keys = self.inner.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.inner.keep.own();
        if keys.len() == MOST_KEYS
            && let Some((oldest, _)) = keys.shift_remove_index(0)
        {
            shelf.delete(KEY, &oldest);
        }
        shelf.put(KEY, access_key, secret);
        keys.insert(access_key.to_owned(), secret.into());
    }

    /// Takes up the access keys that were handed out before this start.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load_keys(&self) -> Result<(), KeepError> {
        let kept = self.inner.keep.own().all::<Arc<str>>(KEY)?;
        self.inner.keys.lock().unwrap_or_else(PoisonError::into_inner).extend(kept);
        Ok(())
    }

    /// The secret of an access key, if it is one of the endpoint's.
    #[must_use]
    pub fn secret(&self, access_key: &str) -> Option<Arc<str>> {
        if access_key == OWN_KEY {
            return Some(OWN_KEY.into());
        }
        self.inner.keys.lock().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned()
    }

    /// Calls an operation of a service from inside the endpoint, as `principal`.
    ///
    /// # Errors
    /// What the operation answers; `NotImplemented` when there is no such service.
    pub async fn call(
        &self,
        principal: &'static str,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, ServiceError> {
        let Some(service) = self.service(service) else {
            return Err(ServiceError::not_implemented(service, operation));
        };
        service.call(Call { operation: operation.to_owned(), input, context: Context::internal(principal) }).await
    }

    /// Hands `delivery` to the resource that its ARN names, and keeps the hop in the trace. A fault may have it arrive
    /// twice, or be lost.
    ///
    /// # Errors
    /// Why it did not arrive.
    pub async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        match self.faults().fate(&delivery) {
            Fate::Once => self.hand_over(delivery, None).await,
            Fate::Lost(fault) => self.hand_over(delivery, Some(fault)).await,
            Fate::Twice => {
                self.hand_over(delivery.clone(), None).await?;
                // The first one has arrived: what becomes of the second is in the trace.
                let _ = self.hand_over(delivery, None).await;
                Ok(())
            }
        }
    }

    async fn hand_over(&self, delivery: Delivery, lost: Option<u64>) -> Result<(), DeliveryError> {
        let (from, subject) = (delivery.principal, Arc::clone(&delivery.subject));
        let payload = Arc::clone(&delivery.payload);
        let to = delivery.target.to_string();
        let outcome = match (lost, self.service(&delivery.target.service)) {
            (Some(fault), _) => {
                Err(DeliveryError::transient("InternalFailure", format!("the delivery was lost by fault {fault}")))
            }
            (None, Some(service)) => service.deliver(delivery).await,
            (None, None) => {
                Err(DeliveryError::permanent("InvalidTarget", format!("no service of the endpoint owns {to}")))
            }
        };
        let error = outcome.as_ref().err().map(ToString::to_string);
        let hop = Hop { at: self.clock().now(), from, to, subject, error };
        let about = key_of(&payload).map_or(0, |key| about(&key));
        self.inner.trace.lock().unwrap_or_else(PoisonError::into_inner).push(hop, about);
        outcome
    }

    /// Adds a hop to the trace.
    pub fn record(&self, hop: Hop) {
        self.inner.trace.lock().unwrap_or_else(PoisonError::into_inner).push(hop, 0);
    }

    /// Adds a hop that is no delivery to the trace, where its payload speaks of an object: it is a part of that one's way.
    pub fn record_about(&self, hop: Hop, payload: &str) {
        if let Some(key) = key_of(payload) {
            self.inner.trace.lock().unwrap_or_else(PoisonError::into_inner).push(hop, about(&key));
        }
    }

    /// The newest `limit` hops of events that speak of the object of that key, oldest first.
    #[must_use]
    pub fn hops_about(&self, key: &str, limit: usize) -> Vec<Hop> {
        let wanted = about(key);
        let trace = self.inner.trace.lock().unwrap_or_else(PoisonError::into_inner);
        // What became of such an event where its payload was not at hand has its id.
        let of_it = trace.hops.iter().filter(|(_, about)| *about == wanted);
        let subjects: HashSet<&str> = of_it.map(|(hop, _)| &*hop.subject).collect();
        let is_meant =
            |(hop, about): &&(Hop, u64)| *about == wanted || (*about == 0 && subjects.contains(&*hop.subject));
        let mut hops: Vec<Hop> =
            trace.hops.iter().rev().filter(is_meant).take(limit).map(|(hop, _)| hop.clone()).collect();
        hops.reverse();
        hops
    }

    /// The newest `limit` hops, oldest first, and how many the ring has dropped since the start.
    #[must_use]
    pub fn hops(&self, limit: usize) -> (Vec<Hop>, u64) {
        let trace = self.inner.trace.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = trace.hops.len().saturating_sub(limit);
        (trace.hops.iter().skip(skip).map(|(hop, _)| hop.clone()).collect(), trace.dropped)
    }

    /// Ends every service's background work. What services write from here on is not kept and not acknowledged, so that
    /// it is taken up at the next start as it stands now.
    pub async fn shutdown(&self) {
        self.inner.shutdown.cancel();
        self.inner.keep.close().await;
        for service in self.services() {
            service.shutdown().await;
        }
        // The services hold the fabric and the fabric the services: somebody must let go first.
        let services = std::mem::take(&mut *self.inner.services.write().unwrap_or_else(PoisonError::into_inner));
        drop(services);
    }
}
