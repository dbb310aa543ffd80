//! What is kept of queues and messages, and how both are found again.
//!
//! A message is one row from its sending to its end; what a receive changes of it is a small row of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::attributes::{self, Given};
use super::message::Message;
use super::queue::{Config, Queue};
use crate::emulator::{KeepError, Shelf};
use crate::model::Timestamp;

const QUEUE: &str = "queue";
const MESSAGE: &str = "message";
const RECEIVE: &str = "receive";

/// A queue without its messages.
#[derive(Serialize, Deserialize)]
struct KeptQueue {
    number: u64,
    arn: String,
    created: Timestamp,
    given: Given,
    tags: BTreeMap<String, String>,
    modified: Timestamp,
    purged: Option<Timestamp>,
}

/// A message as it was sent.
#[derive(Serialize)]
struct SentRow<'a> {
    #[serde(flatten)]
    message: &'a Message,
    /// When it becomes visible for the first time, where that is later.
    visible: Option<Timestamp>,
}

#[derive(Deserialize)]
struct FoundMessage {
    #[serde(flatten)]
    message: Message,
    visible: Option<Timestamp>,
}

/// What the receives of a message have changed.
#[derive(Serialize, Deserialize)]
struct Receives {
    count: u32,
    first: Option<Timestamp>,
    /// When it becomes visible again.
    visible: Option<Timestamp>,
}

/// A message as it was found again.
pub struct Found {
    pub sequence: u64,
    pub message: Message,
    /// When it becomes visible, and whether it was received before.
    pub visible: Option<(Timestamp, bool)>,
}

/// The rows of the messages of one queue.
pub struct Rows {
    shelf: Shelf,
    queue: u64,
}

impl Rows {
    /// Those of the queue with that number.
    pub fn new(shelf: Shelf, queue: u64) -> Self {
        Self { shelf, queue }
    }

    fn id(&self, sequence: u64) -> String {
        format!("{}{sequence:016x}", self.prefix())
    }

    fn prefix(&self) -> String {
        format!("{:016x}/", self.queue)
    }

    /// The first number that a message may have.
    pub fn first_number(&self) -> u64 {
        self.shelf.first_number()
    }

    /// Notes a message that was sent.
    pub fn sent(&self, sequence: u64, message: &Message, visible: Option<Timestamp>) {
        if self.shelf.is_kept() {
            self.shelf.put(MESSAGE, &self.id(sequence), &SentRow { message, visible });
        }
    }

    /// Notes that a message was received, or when it becomes visible again.
    pub fn received(&self, sequence: u64, message: &Message, visible: Option<Timestamp>) {
        if self.shelf.is_kept() {
            let row = Receives { count: message.receives, first: message.first_received, visible };
            self.shelf.put(RECEIVE, &self.id(sequence), &row);
        }
    }

    /// A message is gone that was received so often.
    pub fn gone(&self, sequence: u64, receives: u32) {
        if self.shelf.is_kept() {
            let id = self.id(sequence);
            self.shelf.delete(MESSAGE, &id);
            if receives > 0 {
                self.shelf.delete(RECEIVE, &id);
            }
        }
    }

    /// All messages are gone.
    pub fn all_gone(&self) {
        if self.shelf.is_kept() {
            self.shelf.delete_all(MESSAGE, &self.prefix());
            self.shelf.delete_all(RECEIVE, &self.prefix());
        }
    }

    /// Notes the queue itself.
    pub fn queue(&self, queue: &Queue, config: &Config) {
        if self.shelf.is_kept() {
            let row = KeptQueue {
                number: queue.number,
                arn: queue.arn.clone(),
                created: queue.created,
                given: config.given.clone(),
                tags: config.tags.clone(),
                modified: config.modified,
                purged: config.purged,
            };
            self.shelf.put(QUEUE, &queue.name, &row);
        }
    }

    /// The queue is gone with its messages.
    pub fn queue_gone(&self, name: &str) {
        self.shelf.delete(QUEUE, name);
        self.all_gone();
    }
}

/// The queues that were kept, by name.
///
/// # Errors
/// When they cannot be read.
pub fn queues(shelf: &Shelf) -> Result<BTreeMap<String, Arc<Queue>>, KeepError> {
    let mut messages = messages(shelf)?;
    let mut queues = BTreeMap::new();
    for (name, kept) in shelf.all::<KeptQueue>(QUEUE)? {
        let settings = attributes::settings(&kept.given).map_err(|problem| KeepError::Row {
            service: super::INTERFACE.id,
            kind: QUEUE,
            id: name.clone(),
            problem: problem.to_string(),
        })?;
        let rows = Rows::new(shelf.clone(), kept.number);
        let queue = Queue::new(name.clone(), kept.arn, kept.number, kept.given, settings, kept.created, rows);
        {
            let mut config = queue.config();
            (config.tags, config.modified, config.purged) = (kept.tags, kept.modified, kept.purged);
        }
        queue.fill(messages.remove(&kept.number).unwrap_or_default());
        queues.insert(name, Arc::new(queue));
    }
    // What was sent to a queue while it was deleted.
    for number in messages.into_keys() {
        Rows::new(shelf.clone(), number).all_gone();
    }
    Ok(queues)
}

/// The messages by the number of their queue, in the order in which they were sent.
fn messages(shelf: &Shelf) -> Result<BTreeMap<u64, Vec<Found>>, KeepError> {
    let mut receives: BTreeMap<String, Receives> = shelf.all(RECEIVE)?.into_iter().collect();
    let mut by_queue: BTreeMap<u64, Vec<Found>> = BTreeMap::new();
    for (id, FoundMessage { mut message, visible }) in shelf.all::<FoundMessage>(MESSAGE)? {
        let numbers = id.split_once('/').and_then(|(queue, sequence)| {
            Some((u64::from_str_radix(queue, 16).ok()?, u64::from_str_radix(sequence, 16).ok()?))
        });
        let Some((queue, sequence)) = numbers else { continue };
        let mut visible = visible.map(|due| (due, false));
        if let Some(receives) = receives.remove(&id) {
            message.receives = receives.count;
            message.first_received = receives.first;
            visible = receives.visible.map(|due| (due, true));
        }
        by_queue.entry(queue).or_default().push(Found { sequence, message, visible });
    }
    Ok(by_queue)
}
