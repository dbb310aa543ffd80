//! What is kept of groups, streams, events and policies, and how all of it is found again.
//!
//! An event is one row from its arrival until it expires or its stream is deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::group::{Group, Tags};
use super::log::StreamId;
use super::position::Position;
use crate::emulator::{KeepError, Shelf};

const GROUP: &str = "group";
const RETENTION: &str = "retention";
const TAGS: &str = "tags";
const STREAM: &str = "stream";
const EVENT: &str = "event";
const SENDER: &str = "sender";

/// A group as it was made.
#[derive(Serialize, Deserialize)]
struct KeptGroup {
    number: u64,
    arn: String,
    created: i64,
    kms_key: Option<String>,
}

#[derive(Serialize)]
struct EventRow<'a> {
    stream: StreamId,
    millis: i64,
    ingested: i64,
    message: &'a str,
}

/// An event as it was found again.
#[derive(Deserialize)]
pub struct FoundEvent {
    pub stream: StreamId,
    pub millis: i64,
    pub ingested: i64,
    pub message: Arc<str>,
}

/// The rows of one group. The default ones keep nothing.
#[derive(Clone, Default)]
pub struct Rows {
    /// The shelf, and what the ids of the group's rows begin with.
    kept: Option<Arc<(Shelf, String)>>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Rows").field("is_kept", &self.kept.is_some()).finish()
    }
}

impl Rows {
    /// Those of the group with that number.
    pub fn new(shelf: &Shelf, number: u64) -> Self {
        Self { kept: shelf.is_kept().then(|| Arc::new((shelf.clone(), format!("{number:016x}/")))) }
    }

    fn put<T: Serialize>(&self, kind: &'static str, id: impl FnOnce() -> String, row: impl FnOnce() -> T) {
        if let Some((shelf, prefix)) = self.kept.as_deref() {
            shelf.put(kind, &format!("{prefix}{}", id()), &row());
        }
    }

    fn delete(&self, kind: &'static str, id: impl FnOnce() -> String) {
        if let Some((shelf, prefix)) = self.kept.as_deref() {
            shelf.delete(kind, &format!("{prefix}{}", id()));
        }
    }

    /// The number before the first that an event may have.
    pub fn first_number(&self) -> u64 {
        self.kept.as_deref().map_or(0, |(shelf, _)| shelf.first_number())
    }

    /// Notes a group that was made.
    pub fn group(&self, group: &Group) {
        if let Some((shelf, _)) = self.kept.as_deref() {
            let row = KeptGroup {
                number: group.number,
                arn: group.arn.clone(),
                created: group.created,
                kms_key: group.kms_key.clone(),
            };
            shelf.put(GROUP, &group.name, &row);
            self.tags(&group.tags());
        }
    }

    /// The group is gone with everything in it.
    pub fn group_gone(&self, name: &str) {
        if let Some((shelf, prefix)) = self.kept.as_deref() {
            shelf.delete(GROUP, name);
            for kind in [RETENTION, TAGS, STREAM, EVENT, SENDER] {
                shelf.delete_all(kind, prefix);
            }
        }
    }

    /// Notes its tags.
    pub fn tags(&self, tags: &Tags) {
        self.put(TAGS, String::new, || tags.clone());
    }

    /// Notes how many days events are kept.
    pub fn retention(&self, days: Option<u16>) {
        self.put(RETENTION, String::new, || days);
    }

    /// Notes a stream that was made.
    pub fn stream(&self, id: StreamId, name: &str, created: i64) {
        self.put(STREAM, || format!("{id:08x}"), || (name.to_owned(), created));
    }

    /// A stream is gone.
    pub fn stream_gone(&self, id: StreamId) {
        self.delete(STREAM, || format!("{id:08x}"));
    }

    /// Notes an event that has arrived.
    pub fn event(&self, position: Position, stream: StreamId, ingested: i64, message: &str) {
        let row = || EventRow { stream, millis: position.millis, ingested, message };
        self.put(EVENT, || format!("{:016x}", position.sequence), row);
    }

    /// An event is gone.
    pub fn event_gone(&self, position: Position) {
        self.delete(EVENT, || format!("{:016x}", position.sequence));
    }

    /// Notes the stream of somebody who delivers here.
    pub fn sender(&self, source: &str, stream: Option<StreamId>) {
        self.put(SENDER, || source.to_owned(), || stream);
    }
}

/// Everything of one group besides itself.
#[derive(Default)]
pub struct Contents {
    pub tags: Tags,
    pub retention: Option<u16>,
    pub streams: Vec<(StreamId, String, i64)>,
    /// By their sequence.
    pub events: Vec<(u64, FoundEvent)>,
    pub senders: Vec<(String, Option<StreamId>)>,
}

/// Number and rest of an id.
fn parts(id: &str) -> Option<(u64, &str)> {
    let (number, rest) = id.split_once('/')?;
    Some((u64::from_str_radix(number, 16).ok()?, rest))
}

/// The groups that were kept, by name.
///
/// # Errors
/// When they cannot be read.
pub fn groups(shelf: &Shelf) -> Result<BTreeMap<String, Arc<Group>>, KeepError> {
    let mut contents: BTreeMap<u64, Contents> = BTreeMap::new();
    for (id, tags) in shelf.all(TAGS)? {
        if let Some((number, _)) = parts(&id) {
            contents.entry(number).or_default().tags = tags;
        }
    }
    for (id, days) in shelf.all(RETENTION)? {
        if let Some((number, _)) = parts(&id) {
            contents.entry(number).or_default().retention = days;
        }
    }
    for (id, (name, created)) in shelf.all(STREAM)? {
        if let Some((number, stream)) = parts(&id)
            && let Ok(stream) = StreamId::from_str_radix(stream, 16)
        {
            contents.entry(number).or_default().streams.push((stream, name, created));
        }
    }
    for (id, event) in shelf.all(EVENT)? {
        if let Some((number, sequence)) = parts(&id)
            && let Ok(sequence) = u64::from_str_radix(sequence, 16)
        {
            contents.entry(number).or_default().events.push((sequence, event));
        }
    }
    for (id, stream) in shelf.all(SENDER)? {
        if let Some((number, source)) = parts(&id) {
            contents.entry(number).or_default().senders.push((source.to_owned(), stream));
        }
    }
    let mut groups = BTreeMap::new();
    for (name, kept) in shelf.all::<KeptGroup>(GROUP)? {
        let found = contents.remove(&kept.number).unwrap_or_default();
        let rows = Rows::new(shelf, kept.number);
        let group = Group::new(name.clone(), kept.arn, kept.number, kept.created, kept.kms_key, Tags::new(), rows);
        group.fill(found);
        groups.insert(name, Arc::new(group));
    }
    // What was written to a group while it was deleted.
    for number in contents.into_keys() {
        Rows::new(shelf, number).group_gone("");
    }
    Ok(groups)
}
