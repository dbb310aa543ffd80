//! The events of one group: an index over the group and one a stream, both ordered by (timestamp, sequence).
//!
//! Nothing here looks at an event that was not asked for. Expired events leave when something is written; readers start
//! behind them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::arrivals::Arrivals;
use super::deliver::Sender;
use super::kept::{FoundEvent, Rows};
use super::position::Position;

/// Bytes that CloudWatch Logs counts for an event besides its message.
pub const EVENT_OVERHEAD: usize = 26;
/// Milliseconds of a day.
pub const DAY_MILLIS: i64 = 86_400_000;
/// Selected streams up to which their own indexes are merged; with more of them the group's index is read.
const MERGED_STREAMS: usize = 16;

/// The number of a stream in its group; never used twice.
pub type StreamId = u32;

/// One event, without its place.
#[derive(Debug)]
struct Event {
    stream: StreamId,
    ingested: i64,
    message: Arc<str>,
}

/// An event as readers get it.
#[derive(Debug, Clone)]
pub struct Found {
    pub position: Position,
    pub stream: Arc<str>,
    pub ingested: i64,
    pub message: Arc<str>,
}

impl Found {
    /// What it counts towards a page.
    pub fn size(&self) -> usize {
        self.message.len() + EVENT_OVERHEAD
    }
}

/// What one step of a scan gave.
#[derive(Debug, Default)]
pub struct Scan {
    pub found: Vec<Found>,
    /// How many events the step looked at.
    pub examined: usize,
    /// Where the next step goes on; `None` when nothing is left.
    pub next: Option<Position>,
}

/// Which streams a reader wants.
#[derive(Debug)]
pub enum Selection {
    All,
    /// Few enough to merge their indexes.
    Few(Vec<StreamId>),
    Many(HashSet<StreamId>),
}

impl Selection {
    /// These streams.
    pub fn of(streams: Vec<StreamId>) -> Self {
        if streams.len() <= MERGED_STREAMS { Self::Few(streams) } else { Self::Many(streams.into_iter().collect()) }
    }
}

/// A stream and the places of its events.
#[derive(Debug)]
pub struct Stream {
    pub name: Arc<str>,
    pub created: i64,
    pub last_ingestion: Option<i64>,
    /// Events that it ever took.
    pub taken: u64,
    positions: BTreeSet<Position>,
}

impl Stream {
    /// The timestamps of its first and its last event that are not before `cutoff`.
    pub fn span(&self, cutoff: i64) -> Option<(i64, i64)> {
        let first = self.positions.range(Position::start_of(cutoff)..).next()?;
        Some((first.millis, self.positions.last()?.millis))
    }
}

/// The events and streams of one group.
#[derive(Debug, Default)]
pub struct Log {
    /// Days that events are kept; `None` keeps them.
    pub retention: Option<u16>,
    /// Who delivers here, by the ARN of the rule.
    pub senders: HashMap<Arc<str>, Sender>,
    events: BTreeMap<Position, Event>,
    streams: HashMap<StreamId, Stream>,
    names: BTreeMap<Arc<str>, StreamId>,
    next_stream: StreamId,
    last_sequence: u64,
    stored_bytes: u64,
    /// Who is told of every new event, with the number that they know this group by.
    listeners: Vec<(usize, Arc<Arrivals>)>,
    /// Where what changes is kept, under the log's own lock.
    pub rows: Rows,
}

impl Log {
    /// An empty log that is kept in these rows.
    pub fn new(rows: Rows) -> Self {
        Self { last_sequence: rows.first_number(), rows, ..Self::default() }
    }

    /// Puts in what was found again; the events by their sequence.
    pub fn fill(
        &mut self,
        retention: Option<u16>,
        streams: Vec<(StreamId, String, i64)>,
        events: Vec<(u64, FoundEvent)>,
        senders: Vec<(String, Option<StreamId>)>,
    ) {
        self.retention = retention;
        for (id, name, created) in streams {
            let name = Arc::<str>::from(name);
            self.next_stream = self.next_stream.max(id + 1);
            self.names.insert(Arc::clone(&name), id);
            let stream = Stream { name, created, last_ingestion: None, taken: 0, positions: BTreeSet::new() };
            self.streams.insert(id, stream);
        }
        for (sequence, FoundEvent { stream, millis, ingested, message }) in events {
            let position = Position { millis, sequence };
            let Some(slot) = self.streams.get_mut(&stream) else {
                self.rows.event_gone(position);
                continue;
            };
            slot.positions.insert(position);
            slot.last_ingestion = slot.last_ingestion.max(Some(ingested));
            slot.taken += 1;
            self.stored_bytes += size_of(&message);
            self.events.insert(position, Event { stream, ingested, message });
        }
        let known = |stream: &Option<StreamId>| stream.is_none_or(|stream| self.streams.contains_key(&stream));
        let senders = senders.into_iter().filter(|(_, stream)| known(stream));
        self.senders = senders.map(|(source, stream)| (source.into(), Sender::undecided(stream))).collect();
    }
    /// The moment before which events are expired.
    pub fn cutoff(&self, now: i64) -> i64 {
        self.retention.map_or(0, |days| now.saturating_sub(i64::from(days) * DAY_MILLIS).max(0))
    }

    /// Bytes of the events that are kept.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// How many events there are.
    pub fn count(&self) -> usize {
        self.events.len()
    }

    /// Makes a stream; `None` when there is one of that name.
    pub fn create_stream(&mut self, name: &str, now: i64) -> Option<StreamId> {
        if self.names.contains_key(name) {
            return None;
        }
        let (id, name) = (self.next_stream, Arc::<str>::from(name));
        self.next_stream += 1;
        self.names.insert(Arc::clone(&name), id);
        self.rows.stream(id, &name, now);
        let stream = Stream { name, created: now, last_ingestion: None, taken: 0, positions: BTreeSet::new() };
        self.streams.insert(id, stream);
        Some(id)
    }

    /// Deletes a stream with its events; whether there was one.
    pub fn delete_stream(&mut self, name: &str) -> bool {
        let Some(stream) = self.names.remove(name).and_then(|id| {
            self.senders.retain(|_, sender| sender.stream != Some(id));
            self.rows.stream_gone(id);
            self.streams.remove(&id)
        }) else {
            return false;
        };
        for position in stream.positions {
            self.rows.event_gone(position);
            if let Some(event) = self.events.remove(&position) {
                self.stored_bytes -= size_of(&event.message);
            }
        }
        true
    }

    /// The stream of that name.
    pub fn stream_id(&self, name: &str) -> Option<StreamId> {
        self.names.get(name).copied()
    }

    /// A stream by its number.
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(&id)
    }

    /// The streams whose names begin with `prefix`, by name.
    pub fn streams(&self, prefix: &str) -> impl Iterator<Item = (StreamId, &Stream)> {
        self.names
            .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter_map(|(_, id)| self.streams.get(id).map(|stream| (*id, stream)))
    }

    /// Adds an event to a stream; one of a stream that is gone is dropped.
    pub fn append(&mut self, stream: StreamId, millis: i64, ingested: i64, message: Arc<str>) {
        let Some(slot) = self.streams.get_mut(&stream) else {
            return;
        };
        self.last_sequence += 1;
        let position = Position { millis, sequence: self.last_sequence };
        slot.positions.insert(position);
        slot.last_ingestion = Some(ingested);
        slot.taken += 1;
        self.stored_bytes += size_of(&message);
        self.rows.event(position, stream, ingested, &message);
        self.events.insert(position, Event { stream, ingested, message });
        for (group, listener) in &self.listeners {
            listener.push(*group, position);
        }
    }

    /// Tells `listener` of every event that is added from now on, as one of its group `group`.
    pub fn listen(&mut self, group: usize, listener: &Arc<Arrivals>) {
        self.listeners.push((group, Arc::clone(listener)));
    }

    /// Ends what [`Log::listen`] began.
    pub fn leave(&mut self, listener: &Arc<Arrivals>) {
        self.listeners.retain(|(_, other)| !Arc::ptr_eq(other, listener));
        self.listeners.shrink_to_fit();
    }

    /// How many listen.
    #[cfg(test)]
    pub fn listeners(&self) -> usize {
        self.listeners.len()
    }

    /// The event at a place, if it is still there.
    pub fn event_at(&self, position: Position) -> Option<Found> {
        self.found(position, self.events.get(&position)?)
    }

    /// Drops the events that are expired at `now`.
    pub fn expire(&mut self, now: i64) {
        let cutoff = self.cutoff(now);
        while let Some(first) = self.events.first_entry()
            && first.key().millis < cutoff
        {
            let (position, event) = first.remove_entry();
            self.rows.event_gone(position);
            self.stored_bytes -= size_of(&event.message);
            if let Some(stream) = self.streams.get_mut(&event.stream) {
                stream.positions.remove(&position);
            }
        }
    }

    /// Looks at up to `most` events of `range`, oldest first, and returns those of the selected streams.
    pub fn scan(&self, selection: &Selection, range: Range<Position>, most: usize) -> Scan {
        if range.start >= range.end {
            return Scan::default();
        }
        match selection {
            Selection::All => self.collect(self.events.range(range), most, |_| true),
            Selection::Many(streams) => {
                self.collect(self.events.range(range), most, |event| streams.contains(&event.stream))
            }
            Selection::Few(streams) => {
                let mut places: Vec<&Position> = streams
                    .iter()
                    .filter_map(|id| self.streams.get(id))
                    .flat_map(|stream| stream.positions.range(range.clone()).take(most + 1))
                    .collect();
                places.sort_unstable();
                self.collect(places.into_iter().filter_map(|place| self.events.get_key_value(place)), most, |_| true)
            }
        }
    }

    fn collect<'a>(
        &'a self,
        mut events: impl Iterator<Item = (&'a Position, &'a Event)>,
        most: usize,
        selected: impl Fn(&Event) -> bool,
    ) -> Scan {
        let mut scan = Scan::default();
        for (position, event) in events.by_ref().take(most) {
            scan.examined += 1;
            if selected(event) {
                scan.found.extend(self.found(*position, event));
            }
        }
        scan.next = events.next().map(|(position, _)| *position);
        scan
    }

    /// The events of one stream in `range`, oldest first or newest first.
    pub fn walk(&self, stream: StreamId, range: Range<Position>, newest_first: bool) -> impl Iterator<Item = Found> {
        let range = (range.start < range.end).then_some(range);
        let mut positions =
            range.and_then(|range| self.streams.get(&stream).map(|stream| stream.positions.range(range)));
        std::iter::from_fn(move || {
            let positions = positions.as_mut()?;
            if newest_first { positions.next_back() } else { positions.next() }
        })
        .filter_map(|position| self.found(*position, self.events.get(position)?))
    }

    fn found(&self, position: Position, event: &Event) -> Option<Found> {
        let stream = Arc::clone(&self.streams.get(&event.stream)?.name);
        Some(Found { position, stream, ingested: event.ingested, message: Arc::clone(&event.message) })
    }
}

fn size_of(message: &str) -> u64 {
    u64::try_from(message.len() + EVENT_OVERHEAD).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(events: &[(&str, i64)]) -> Log {
        let mut log = Log::default();
        for (stream, millis) in events {
            let id = log.stream_id(stream).or_else(|| log.create_stream(stream, 0)).expect("a stream");
            log.append(id, *millis, *millis, format!("{stream}@{millis}").into());
        }
        log
    }

    fn messages(scan: &Scan) -> Vec<&str> {
        scan.found.iter().map(|found| &*found.message).collect()
    }

    const EVERYTHING: Range<Position> = Position::start_of(0)..Position::END;

    #[test]
    fn events_of_all_streams_are_in_one_order() {
        let log = log(&[("a", 30), ("b", 10), ("a", 20), ("b", 20)]);
        let scan = log.scan(&Selection::All, EVERYTHING, 10);
        assert_eq!(messages(&scan), ["b@10", "a@20", "b@20", "a@30"]);
        assert_eq!(scan.next, None);
    }

    #[test]
    fn a_scan_goes_on_where_it_stopped_whichever_index_it_reads() {
        let names: Vec<String> = (0..20).map(|name| format!("s{name:02}")).collect();
        let events: Vec<(&str, i64)> =
            (0..200).map(|at| (names[at % 20].as_str(), i64::try_from(at).expect("small"))).collect();
        let log = log(&events);
        for streams in [vec![3_u32, 17], (0..18).collect()] {
            let wanted: Vec<String> = (0..200_u32)
                .filter(|at| streams.contains(&(at % 20)))
                .map(|at| format!("s{:02}@{at}", at % 20))
                .collect();
            let selection = Selection::of(streams);
            let (mut seen, mut range) = (Vec::new(), EVERYTHING);
            loop {
                let scan = log.scan(&selection, range.clone(), 7);
                assert!(scan.examined <= 7);
                seen.extend(scan.found.iter().map(|found| found.message.to_string()));
                match scan.next {
                    Some(next) => range.start = next,
                    None => break,
                }
            }
            assert_eq!(seen, wanted);
        }
    }

    #[test]
    fn expired_events_leave_every_index() {
        let mut log = log(&[("a", 10), ("b", DAY_MILLIS), ("a", 2 * DAY_MILLIS)]);
        log.retention = Some(1);
        log.expire(DAY_MILLIS + 11);
        assert_eq!(
            messages(&log.scan(&Selection::All, EVERYTHING, 10)),
            [format!("b@{DAY_MILLIS}"), format!("a@{}", 2 * DAY_MILLIS)]
        );
        let a = log.stream_id("a").expect("the stream stays");
        assert_eq!(log.walk(a, EVERYTHING, false).count(), 1);
        assert_eq!(
            log.stored_bytes(),
            2 * 26 + u64::try_from(format!("b@{DAY_MILLIS}a@{}", 2 * DAY_MILLIS).len()).expect("small")
        );
    }

    #[test]
    fn a_deleted_stream_takes_its_events_and_its_name_with_it() {
        let mut log = log(&[("a", 1), ("b", 2)]);
        assert!(log.delete_stream("a"));
        assert!(!log.delete_stream("a"));
        assert_eq!(messages(&log.scan(&Selection::All, EVERYTHING, 10)), ["b@2"]);
        assert!(log.create_stream("a", 0).is_some());
        assert!(log.create_stream("a", 0).is_none());
        assert_eq!(log.streams("a").count(), 1);
    }
}
