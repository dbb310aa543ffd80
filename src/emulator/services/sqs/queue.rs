//! The messages of one queue: what can be received now, what becomes visible when, and what is in flight.
//!
//! Every step costs O(log n) of the messages that wait for a moment, never a scan of all messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::attributes::{Given, RedrivePolicy, Settings};
use super::error::SqsError;
use super::kept::{Found, Rows};
use super::message::Message;
use super::receipt::Receipt;
use crate::model::Timestamp;

/// Messages that a standard queue may have in flight.
const MOST_IN_FLIGHT: usize = 120_000;

/// A queue.
pub struct Queue {
    pub name: String,
    pub arn: String,
    /// The queue's number in this endpoint, for receipt handles.
    pub number: u64,
    pub created: Timestamp,
    /// Rings when a message can be received that could not before, or earlier than was known.
    pub arrived: Notify,
    /// Ends with the queue.
    pub deleted: CancellationToken,
    pub config: Mutex<Config>,
    messages: Mutex<Messages>,
    /// Where what changes is kept; messages are noted under their lock.
    rows: Rows,
}

/// What callers can change of a queue.
pub struct Config {
    pub given: Given,
    pub settings: Arc<Settings>,
    pub tags: BTreeMap<String, String>,
    pub modified: Timestamp,
    pub purged: Option<Timestamp>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Delayed(Timestamp),
    InFlight(Timestamp),
}

struct Held {
    message: Message,
    place: Place,
}

#[derive(Default)]
struct Messages {
    held: BTreeMap<u64, Held>,
    /// In the order in which they became visible; may name messages that are gone.
    ready: VecDeque<u64>,
    /// Delayed messages and those in flight, by the moment at which they become visible.
    waiting: BTreeSet<(Timestamp, u64)>,
    next: u64,
    delayed: usize,
    in_flight: usize,
}

/// A message as one receive hands it out.
pub struct Received {
    pub receipt: Receipt,
    pub message: Message,
}

/// A message that has left the queue but is kept as if it were there, until it is somewhere else.
pub struct Pulled {
    sequence: u64,
    pub message: Message,
}

/// What a look into the queue gave.
#[derive(Default)]
pub struct Taken {
    pub received: Vec<Received>,
    /// Messages that were received too often and now belong to the dead-letter queue; once they are there, this one is to
    /// [`Queue::forget`] them.
    pub dead: Vec<Pulled>,
    /// When the next message becomes visible by itself.
    pub next: Option<Timestamp>,
}

/// Approximate numbers of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub visible: usize,
    pub delayed: usize,
    pub in_flight: usize,
}

impl Counts {
    /// All of them.
    pub fn all(self) -> usize {
        self.visible + self.delayed + self.in_flight
    }
}

impl Queue {
    /// An empty queue.
    pub fn new(
        name: String,
        arn: String,
        number: u64,
        given: Given,
        settings: Settings,
        now: Timestamp,
        rows: Rows,
    ) -> Self {
        let messages = Mutex::new(Messages { next: rows.first_number(), ..Messages::default() });
        Self {
            name,
            arn,
            number,
            created: now,
            arrived: Notify::new(),
            deleted: CancellationToken::new(),
            config: Mutex::new(Config {
                given,
                settings: Arc::new(settings),
                tags: BTreeMap::new(),
                modified: now,
                purged: None,
            }),
            messages,
            rows,
        }
    }

    /// Puts in what was found again, in the order in which it was sent.
    pub fn fill(&self, found: Vec<Found>) {
        let mut messages = self.messages();
        for Found { sequence, message, visible } in found {
            let place = match visible {
                None => Place::Ready,
                Some((due, true)) => Place::InFlight(due),
                Some((due, false)) => Place::Delayed(due),
            };
            match place {
                Place::Ready => messages.ready.push_back(sequence),
                Place::Delayed(_) => messages.delayed += 1,
                Place::InFlight(_) => messages.in_flight += 1,
            }
            if let Some((due, _)) = visible {
                messages.waiting.insert((due, sequence));
            }
            messages.held.insert(sequence, Held { message, place });
        }
    }

    /// Notes the queue itself as it is now.
    pub fn note(&self, config: &Config) {
        self.rows.queue(self, config);
    }

    /// Notes that the queue is gone.
    pub fn note_gone(&self) {
        self.rows.queue_gone(&self.name);
    }

    /// The configuration.
    pub fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the queue does with its messages.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.config().settings)
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message into the queue, visible after `delay`.
    pub fn put(&self, message: Message, delay: Duration, now: Timestamp) {
        let mut messages = self.messages();
        let sequence = messages.next;
        messages.next += 1;
        self.rows.sent(sequence, &message, (!delay.is_zero()).then(|| now + delay));
        if delay.is_zero() {
            messages.held.insert(sequence, Held { message, place: Place::Ready });
            messages.ready.push_back(sequence);
            drop(messages);
            self.arrived.notify_one();
        } else {
            let due = now + delay;
            messages.held.insert(sequence, Held { message, place: Place::Delayed(due) });
            messages.delayed += 1;
            let earlier = messages.wait(due, sequence);
            drop(messages);
            self.ring_if(earlier);
        }
    }

    /// Hands out up to `most` messages that become visible again after `visibility`.
    pub fn take(
        &self,
        most: usize,
        visibility: Duration,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Taken, SqsError> {
        let mut messages = self.messages();
        messages.expire(settings.retention, now, &self.rows);
        messages.promote(now);
        let mut taken = Taken::default();
        let mut earlier = false;
        while taken.received.len() < most {
            let Some(sequence) = messages.ready.pop_front() else { break };
            let Some(held) = messages.held.get_mut(&sequence).filter(|held| held.place == Place::Ready) else {
                continue;
            };
            if held.message.sent + settings.retention <= now {
                self.rows.gone(sequence, held.message.receives);
                messages.held.remove(&sequence);
                continue;
            }
            if exceeds(settings.redrive.as_ref(), held.message.receives) {
                taken
                    .dead
                    .extend(messages.held.remove(&sequence).map(|held| Pulled { sequence, message: held.message }));
                continue;
            }
            if messages.in_flight >= MOST_IN_FLIGHT {
                messages.ready.push_front(sequence);
                if taken.received.is_empty() {
                    return Err(SqsError::OverLimit(self.name.clone()));
                }
                break;
            }
            let Some(held) = messages.held.get_mut(&sequence) else { continue };
            held.message.receives = held.message.receives.saturating_add(1);
            held.message.first_received.get_or_insert(now);
            let message = held.message.clone();
            let receipt = Receipt { queue: self.number, message: sequence, receive: message.receives };
            taken.received.push(Received { receipt, message });
            earlier |= messages.hide(sequence, visibility, now, &self.rows);
        }
        taken.next = messages.waiting.first().map(|(due, _)| *due);
        let more = !messages.ready.is_empty();
        drop(messages);
        self.ring_if(earlier);
        // One ring may have stood for several messages: whoever waits besides us takes the rest.
        if more && !taken.received.is_empty() {
            self.arrived.notify_one();
        }
        Ok(taken)
    }

    /// Deletes the message that the receipt is the newest of; an older receipt or a message that is gone changes
    /// nothing.
    pub fn delete(&self, receipt: Receipt) {
        let mut messages = self.messages();
        let newest = messages.held.get(&receipt.message).is_some_and(|held| held.message.receives == receipt.receive);
        if newest {
            messages.remove(receipt.message, &self.rows);
        }
    }

    /// Sets when a message in flight becomes visible again, from now.
    ///
    /// # Errors
    /// When the message is gone or not in flight.
    pub fn change_visibility(&self, receipt: Receipt, visibility: Duration, now: Timestamp) -> Result<(), SqsError> {
        let mut messages = self.messages();
        messages.promote(now);
        let Some(held) = messages.held.get(&receipt.message) else {
            return Err(SqsError::InvalidParameterValue {
                name: "ReceiptHandle",
                value: receipt.handle(),
                reason: "Message does not exist or is not available for visibility timeout change.".to_owned(),
            });
        };
        let Place::InFlight(due) = held.place else { return Err(SqsError::MessageNotInflight) };
        if held.message.receives != receipt.receive {
            return Err(SqsError::MessageNotInflight);
        }
        messages.waiting.remove(&(due, receipt.message));
        messages.in_flight -= 1;
        let earlier = messages.hide(receipt.message, visibility, now, &self.rows);
        drop(messages);
        self.ring_if(earlier);
        Ok(())
    }

    /// Deletes every message.
    pub fn purge(&self) {
        let mut messages = self.messages();
        let next = messages.next;
        *messages = Messages { next, ..Messages::default() };
        self.rows.all_gone();
    }

    /// How many messages there are.
    pub fn counts(&self, retention: Duration, now: Timestamp) -> Counts {
        let mut messages = self.messages();
        messages.expire(retention, now, &self.rows);
        messages.promote(now);
        let (delayed, in_flight) = (messages.delayed, messages.in_flight);
        Counts { visible: messages.held.len().saturating_sub(delayed + in_flight), delayed, in_flight }
    }

    /// Takes one visible message out of the queue, for a move task; once it is elsewhere, this queue is to
    /// [`Queue::forget`] it.
    pub fn pull(&self, now: Timestamp) -> Option<Pulled> {
        let mut messages = self.messages();
        messages.promote(now);
        while let Some(sequence) = messages.ready.pop_front() {
            if messages.held.get(&sequence).is_some_and(|held| held.place == Place::Ready) {
                return messages.held.remove(&sequence).map(|held| Pulled { sequence, message: held.message });
            }
        }
        None
    }

    /// Notes that a message that was taken out is kept elsewhere. Whoever dies between the two has it twice, never not at
    /// all.
    pub fn forget(&self, pulled: &Pulled) {
        self.rows.gone(pulled.sequence, pulled.message.receives);
    }

    fn ring_if(&self, earlier: bool) {
        if earlier {
            self.arrived.notify_waiters();
        }
    }
}

fn exceeds(policy: Option<&RedrivePolicy>, receives: u32) -> bool {
    policy.is_some_and(|policy| receives >= policy.max_receives)
}

impl Messages {
    /// Lets `sequence` wait until `due`; true when nothing waited for an earlier moment.
    fn wait(&mut self, due: Timestamp, sequence: u64) -> bool {
        let earlier = self.waiting.first().is_none_or(|(first, _)| due < *first);
        self.waiting.insert((due, sequence));
        earlier
    }

    /// Puts a message in flight for `visibility`, or makes it visible at once when that is zero; true when whoever
    /// waits for messages must look again.
    fn hide(&mut self, sequence: u64, visibility: Duration, now: Timestamp, rows: &Rows) -> bool {
        let Some(held) = self.held.get_mut(&sequence) else { return false };
        rows.received(sequence, &held.message, (!visibility.is_zero()).then(|| now + visibility));
        if visibility.is_zero() {
            held.place = Place::Ready;
            self.ready.push_back(sequence);
            return true;
        }
        let due = now + visibility;
        held.place = Place::InFlight(due);
        self.in_flight += 1;
        self.wait(due, sequence)
    }

    /// Makes visible what is due.
    fn promote(&mut self, now: Timestamp) {
        while let Some((due, sequence)) = self.waiting.first().copied().filter(|(due, _)| *due <= now) {
            self.waiting.remove(&(due, sequence));
            if let Some(held) = self.held.get_mut(&sequence) {
                match std::mem::replace(&mut held.place, Place::Ready) {
                    Place::Delayed(_) => self.delayed -= 1,
                    Place::InFlight(_) => self.in_flight -= 1,
                    Place::Ready => continue,
                }
                self.ready.push_back(sequence);
            }
        }
    }

    /// Drops the oldest messages that are past the retention period.
    fn expire(&mut self, retention: Duration, now: Timestamp, rows: &Rows) {
        while let Some((sequence, held)) = self.held.first_key_value() {
            if held.message.sent + retention > now {
                return;
            }
            let sequence = *sequence;
            self.remove(sequence, rows);
        }
    }

    fn remove(&mut self, sequence: u64, rows: &Rows) {
        let Some(held) = self.held.remove(&sequence) else { return };
        rows.gone(sequence, held.message.receives);
        match held.place {
            // Its number in `ready` is skipped when it comes up; too many of them are swept out at once.
            Place::Ready => {
                if self.ready.len() > 64 && self.ready.len() > self.held.len() * 2 {
                    let held = &self.held;
                    self.ready.retain(|sequence| held.get(sequence).is_some_and(|held| held.place == Place::Ready));
                }
            }
            Place::Delayed(due) => {
                self.waiting.remove(&(due, sequence));
                self.delayed -= 1;
            }
            Place::InFlight(due) => {
                self.waiting.remove(&(due, sequence));
                self.in_flight -= 1;
            }
        }
    }
}
