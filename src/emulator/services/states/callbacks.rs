//! Tasks that wait for somebody outside the execution: by a task token, or as the task of an activity.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::error::StatesError;
use super::history::Failure;
use super::kept::{SIGNAL, SignalRow};
use crate::emulator::Fabric;
use crate::emulator::keep::Shelf;
use crate::model::Timestamp;

/// The first line of every token, in its plain form.
const MARK: &str = "vaultscope task token";

/// What somebody says of a task.
#[derive(Debug)]
pub enum Signal {
    /// A worker took it: its name.
    Taken(Option<String>),
    /// It lives.
    Beat,
    /// It yields this.
    Succeeded(Value),
    /// It failed.
    Failed(Failure),
}

/// The task of an activity that waits for a worker.
#[derive(Debug, Clone)]
pub struct ActivityTask {
    /// Its token.
    pub token: Arc<str>,
    /// Its input.
    pub input: Arc<str>,
}

/// An activity.
#[derive(Debug)]
pub struct Activity {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    tasks: VecDeque<ActivityTask>,
    arrived: Arc<Notify>,
}

impl Activity {
    /// An activity without tasks.
    #[must_use]
    pub fn new(name: String, created: Timestamp, tags: BTreeMap<String, String>) -> Self {
        Self { name, created, tags, tasks: VecDeque::new(), arrived: Arc::default() }
    }
}

/// What tasks wait for.
#[derive(Debug, Default)]
pub struct Callbacks {
    open: Mutex<HashMap<Arc<str>, UnboundedSender<Signal>>>,
    /// By ARN.
    activities: Mutex<BTreeMap<String, Activity>>,
    /// Counts what is told of resources that tasks wait for, such as tasks of ECS that have stopped.
    news: watch::Sender<u64>,
    /// Where the last word about a task is kept until its execution has heard of it.
    kept: Option<Kept>,
}

/// Where signals are kept, and whether the endpoint ends.
struct Kept {
    shelf: Shelf,
    ending: CancellationToken,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

/// The waiting end of a token; the token is void when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    /// The token.
    pub token: Arc<str>,
    signals: UnboundedReceiver<Signal>,
    callbacks: Arc<Callbacks>,
}

impl Ticket {
    /// The next thing that is said of the task.
    pub async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Some(signal) => signal,
            // Its other end is kept until the ticket is dropped.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.callbacks.open();
        open.remove(&self.token);
        // A wait that ends with the endpoint goes on with the next one.
        if let Some(kept) = self.callbacks.kept.as_ref().filter(|kept| !kept.ending.is_cancelled()) {
            kept.shelf.delete(SIGNAL, &self.token);
        }
        drop(open);
        self.callbacks.forget(&self.token);
    }
}

impl Callbacks {
    /// Those of which the last words are kept.
    #[must_use]
    pub fn kept(shelf: Shelf, ending: CancellationToken) -> Self {
        let kept = shelf.is_kept().then_some(Kept { shelf, ending });
        Self { kept, ..Self::default() }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Arc<str>, UnboundedSender<Signal>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The activities, by ARN.
    pub fn activities(&self) -> MutexGuard<'_, BTreeMap<String, Activity>> {
        self.activities.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a token for a task of an execution.
    pub fn ticket(self: &Arc<Self>, fabric: &Fabric, execution: &str) -> Ticket {
        let token: Arc<str> = STANDARD.encode(format!("{MARK}\n{execution}\n{}", fabric.uuid())).into();
        self.reopened(token, None)
    }

    /// The waiting end of a token that was given out before, with the last word where that was said already.
    pub fn reopened(self: &Arc<Self>, token: Arc<str>, said: Option<Signal>) -> Ticket {
        let (sender, signals) = unbounded_channel();
        let is_open = match said {
            // The other end is in the ticket that is made here.
            Some(signal) => sender.send(signal).is_err(),
            None => true,
        };
        if is_open {
            self.open().insert(Arc::clone(&token), sender);
        }
        Ticket { token, signals, callbacks: Arc::clone(self) }
    }

    /// Says something of the task that a token is for.
    ///
    /// # Errors
    /// `InvalidToken` for what is no token, `TaskTimedOut` for a task that nobody waits for any more.
    pub fn signal(&self, token: &str, signal: Signal) -> Result<(), StatesError> {
        let mut open = self.open();
        let Some(sender) = open.get(token) else {
            let plain = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            return Err(match plain {
                Some(plain) if plain.starts_with(MARK) => StatesError::TaskTimedOut,
                _ => StatesError::InvalidToken("Invalid token".to_owned()),
            });
        };
        let row = match &signal {
            Signal::Succeeded(value) => Some(SignalRow::Succeeded(value.clone())),
            Signal::Failed(failure) => Some(SignalRow::Failed(failure.clone())),
            Signal::Taken(_) | Signal::Beat => None,
        };
        if sender.send(signal).is_err() {
            return Err(StatesError::TaskTimedOut);
        }
        if let Some(row) = row {
            if let Some(kept) = &self.kept {
                kept.shelf.put(SIGNAL, token, &row);
            }
            open.remove(token);
        }
        Ok(())
    }

    /// Leaves a task for the workers of an activity; `false` when there is no such activity.
    pub fn leave(&self, activity: &str, task: ActivityTask) -> bool {
        let mut activities = self.activities();
        let Some(activity) = activities.get_mut(activity) else { return false };
        activity.tasks.push_back(task);
        activity.arrived.notify_one();
        true
    }

    /// The next task of an activity, if there is one, and what tells that another came.
    ///
    /// # Errors
    /// When there is no such activity.
    pub fn take(&self, arn: &str) -> Result<(Option<ActivityTask>, Arc<Notify>), StatesError> {
        let mut activities = self.activities();
        let activity = activities.get_mut(arn).ok_or_else(|| StatesError::ActivityDoesNotExist(arn.to_owned()))?;
        let task = activity.tasks.pop_front();
        if !activity.tasks.is_empty() {
            activity.arrived.notify_one();
        }
        Ok((task, Arc::clone(&activity.arrived)))
    }

    /// Takes a task away that nobody waits for any more.
    fn forget(&self, token: &str) {
        for activity in self.activities().values_mut() {
            activity.tasks.retain(|task| *task.token != *token);
        }
    }

    /// Tells everybody who waits for a resource to look again.
    pub fn tell(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    /// What changes with every [`Callbacks::tell`].
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::Identity;

    #[tokio::test]
    async fn a_token_is_good_once_and_void_when_nobody_waits() {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        let callbacks = Arc::new(Callbacks::default());
        let mut ticket = callbacks.ticket(&fabric, "arn");
        let token = ticket.token.to_string();
        callbacks.signal(&token, Signal::Beat).expect("it is open");
        callbacks.signal(&token, Signal::Succeeded(Value::from(1))).expect("it is open");
        assert!(matches!(ticket.next().await, Signal::Beat));
        assert!(matches!(ticket.next().await, Signal::Succeeded(_)));
        assert_eq!(callbacks.signal(&token, Signal::Beat), Err(StatesError::TaskTimedOut));
        let other = callbacks.ticket(&fabric, "arn");
        let token = other.token.to_string();
        drop(other);
        assert_eq!(callbacks.signal(&token, Signal::Beat), Err(StatesError::TaskTimedOut));
        assert!(matches!(callbacks.signal("x", Signal::Beat), Err(StatesError::InvalidToken(_))));
    }
}
