//! A function: its configuration of now with the environments made for it, and what stays when that changes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::environment::{Outcome, Setting};
use super::error::LambdaError;
use super::event_queue::{EventInvokeConfig, EventQueue};
use super::interpreter::Interpreter;
use super::kept::Gone;
use super::log_sink::LogSink;
use super::policy::Policy;
use super::pool::{Pool, UNRESERVED};
use crate::emulator::fabric::Fabric;
use crate::emulator::keep::Shelf;

/// A configuration and its environments.
#[derive(Clone)]
pub struct Version {
    /// The configuration.
    pub config: Arc<Config>,
    pool: Arc<Pool>,
    logs: Arc<LogSink>,
}

/// A function.
pub struct Function {
    fabric: Fabric,
    /// The name.
    pub name: Arc<str>,
    /// The ARN.
    pub arn: Arc<str>,
    version: RwLock<Version>,
    reserved: Arc<AtomicU32>,
    /// Who may invoke it.
    pub policy: RwLock<Policy>,
    /// Tags.
    pub tags: Mutex<IndexMap<String, String>>,
    /// What becomes of asynchronous invocations; `None` where nothing was said.
    pub event_invoke: RwLock<Option<EventInvokeConfig>>,
    /// Asynchronous invocations that wait.
    pub events: EventQueue,
    /// Whether it is kept no more.
    pub gone: Gone,
    /// Cancelled when it can run: at once, or of one that was kept when what it runs on was found.
    complete: CancellationToken,
}

impl Function {
    /// A function of that configuration, without environments.
    pub fn new(fabric: Fabric, config: Config) -> Arc<Self> {
        let function = Self::restored(fabric, config);
        function.complete.cancel();
        function
    }

    /// A function that was kept: its invocations wait until it is [`complete`](Self::complete).
    pub fn restored(fabric: Fabric, config: Config) -> Arc<Self> {
        let reserved = Arc::new(AtomicU32::new(UNRESERVED));
        let (name, arn) = (Arc::clone(&config.name), Arc::clone(&config.arn));
        let version = Version::new(&fabric, config, None, &reserved);
        Arc::new(Self {
            fabric,
            name,
            arn,
            version: RwLock::new(version),
            reserved,
            policy: RwLock::default(),
            tags: Mutex::default(),
            event_invoke: RwLock::default(),
            events: EventQueue::default(),
            gone: Gone::default(),
            complete: CancellationToken::new(),
        })
    }

    /// Lets the function run on `interpreter`, as one that was kept, and takes up the events that wait.
    pub fn complete(self: &Arc<Self>, interpreter: Option<Arc<Interpreter>>) {
        if interpreter.is_some() {
            self.replace(Config { interpreter, ..Config::clone(&self.config()) });
        }
        self.complete.cancel();
        self.resume_events();
    }

    /// Where it is kept.
    pub fn shelf(&self) -> Shelf {
        self.fabric.keep().shelf("lambda")
    }

    /// The fabric.
    pub fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// The configuration of now.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.version.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    /// Replaces the configuration; invocations that run end as they began.
    pub fn replace(&self, config: Config) {
        let old = {
            let mut version = self.version.write().unwrap_or_else(PoisonError::into_inner);
            let new = Version::new(&self.fabric, config, Some(&version.logs), &self.reserved);
            std::mem::replace(&mut *version, new)
        };
        old.pool.retire();
    }

    /// Reserved concurrency; `None` where none is set.
    pub fn reserved(&self) -> Option<u32> {
        Some(self.reserved.load(Ordering::Relaxed)).filter(|reserved| *reserved != UNRESERVED)
    }

    /// Sets or lifts the reserved concurrency.
    pub fn reserve(&self, concurrency: Option<u32>) {
        self.reserved.store(concurrency.unwrap_or(UNRESERVED), Ordering::Relaxed);
    }

    /// How many invocations may run at once now.
    pub fn concurrency(&self) -> usize {
        self.version().pool.limit()
    }

    /// Carries out one invocation; see [`Pool::invoke`].
    ///
    /// # Errors
    /// When it is throttled.
    pub async fn invoke(&self, request_id: &Arc<str>, payload: Bytes, wait: bool) -> Result<Outcome, LambdaError> {
        if !self.complete.is_cancelled() {
            self.complete.cancelled().await;
        }
        let pool = self.version().pool;
        pool.invoke(request_id, payload, wait).await
    }

    /// Ends environments that have been idle for long.
    pub fn end_idle(&self) {
        self.version().pool.end_idle();
    }

    /// Ends every environment, forgets what waits, and waits for the last log lines.
    pub async fn end(&self) {
        self.events.clear();
        let version = self.version();
        version.pool.retire();
        version.logs.flush().await;
    }

    fn version(&self) -> Version {
        self.version.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Version {
    fn new(fabric: &Fabric, config: Config, logs: Option<&Arc<LogSink>>, reserved: &Arc<AtomicU32>) -> Self {
        let group = config.log_group();
        let logs = logs
            .filter(|logs| **logs.group() == *group)
            .map_or_else(|| LogSink::new(fabric.clone(), &group), Arc::clone);
        let config = Arc::new(config);
        let setting = Setting { config: Arc::clone(&config), fabric: fabric.clone(), logs: Arc::clone(&logs) };
        Self { config, pool: Pool::new(setting, Arc::clone(reserved)), logs }
    }
}
