//! The log lines: a bounded ring in order of time, with a filter over all of it and a cursor that new lines never move.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::model::{LogLine, LogRole, Timestamp};

/// Lines that are kept.
pub(crate) const KEPT_LINES: usize = 100_000;
/// Bytes of messages that are kept.
const KEPT_BYTES: usize = 64 << 20;

/// Where a line stands: its time, then the order of arrival.
pub(crate) type Key = (Timestamp, u64);

/// The lines and how they are looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Logs {
    #[serde(with = "pairs")]
    lines: BTreeMap<Key, LogLine>,
    ids: HashSet<u64>,
    bytes: usize,
    arrived: u64,
    /// Lines that made room.
    pub(crate) dropped: u64,
    /// Only this group.
    pub(crate) group: Option<LogRole>,
    /// Only lines that hold this, in lower case; empty for all.
    pub(crate) filter: String,
    /// What hits are marked of, in lower case.
    pub(crate) search: String,
    matches: BTreeSet<Key>,
    /// The selected line; `None` follows the end.
    pub(crate) cursor: Option<Key>,
    /// Lines that came since the cursor was set.
    pub(crate) fresh: u64,
    pub(crate) wrap: bool,
    pub(crate) hide_time: bool,
    pub(crate) detail: bool,
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// Whether `text` holds `wanted` (in lower case), whatever the case of `text`.
pub(crate) fn holds(text: &str, wanted: &str) -> bool {
    if wanted.is_ascii() {
        let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
        wanted.is_empty() || text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
    } else {
        text.to_lowercase().contains(wanted)
    }
}

impl Logs {
    /// Takes in a line; tells whether it is new.
    pub(crate) fn insert(&mut self, at: Timestamp, line: &LogLine) -> bool {
        if !self.ids.insert(hash(&line.event_id)) {
            return false;
        }
        self.arrived += 1;
        let key = (at, self.arrived);
        if self.shows(line) {
            if self.is_narrow() {
                self.matches.insert(key);
            }
            self.fresh += u64::from(self.cursor.is_some());
        }
        self.bytes += line.message.len();
        self.lines.insert(key, line.clone());
        while self.lines.len() > KEPT_LINES || self.bytes > KEPT_BYTES {
            let Some((key, line)) = self.lines.pop_first() else { break };
            self.ids.remove(&hash(&line.event_id));
            self.matches.remove(&key);
            self.bytes -= line.message.len();
            self.dropped += 1;
        }
        true
    }

    fn is_narrow(&self) -> bool {
        self.group.is_some() || !self.filter.is_empty()
    }

    fn shows(&self, line: &LogLine) -> bool {
        self.group.is_none_or(|group| group == line.role) && holds(&line.message, &self.filter)
    }

    /// Shows only that group and only lines that hold `filter`, of all that are kept.
    pub(crate) fn narrow(&mut self, group: Option<LogRole>, filter: &str) {
        self.group = group;
        self.filter = filter.to_lowercase();
        self.matches = if self.is_narrow() {
            self.lines.iter().filter(|(_, line)| self.shows(line)).map(|(key, _)| *key).collect()
        } else {
            BTreeSet::new()
        };
        self.cursor = None;
        self.fresh = 0;
    }

    /// Every kept line of a group, whatever is shown.
    pub(crate) fn of_role(&self, role: LogRole) -> impl DoubleEndedIterator<Item = (Timestamp, &LogLine)> {
        self.lines.iter().filter(move |(_, line)| line.role == role).map(|(key, line)| (key.0, line))
    }

    pub(crate) fn kept(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn len(&self) -> usize {
        if self.is_narrow() { self.matches.len() } else { self.lines.len() }
    }

    /// Shown lines between two bounds, from either end.
    pub(crate) fn between(
        &self,
        from: Bound<Key>,
        to: Bound<Key>,
    ) -> Box<dyn DoubleEndedIterator<Item = (Key, &LogLine)> + '_> {
        if self.is_narrow() {
            Box::new(self.matches.range((from, to)).filter_map(|key| Some((*key, self.lines.get(key)?))))
        } else {
            Box::new(self.lines.range((from, to)).map(|(key, line)| (*key, line)))
        }
    }

    /// The selected line, or the last one while the end is followed.
    pub(crate) fn selected(&self) -> Option<(Key, &LogLine)> {
        match self.cursor {
            Some(key) => self.between(Bound::Included(key), Bound::Unbounded).next(),
            None => None,
        }
        .or_else(|| self.between(Bound::Unbounded, Bound::Unbounded).next_back())
    }

    /// Moves the cursor; past the last line the end is followed again.
    pub(crate) fn step(&mut self, by: isize) {
        let Some((at, _)) = self.selected() else { return };
        let count = by.unsigned_abs();
        let target = if by < 0 {
            self.between(Bound::Unbounded, Bound::Excluded(at)).rev().take(count).last().map(|(key, _)| key)
        } else if self.cursor.is_some() {
            self.between(Bound::Excluded(at), Bound::Unbounded).take(count).last().map(|(key, _)| key)
        } else {
            return;
        };
        match target {
            Some(key) => self.cursor = Some(key),
            None if by < 0 => self.cursor = Some(at),
            None => self.follow(),
        }
    }

    pub(crate) fn follow(&mut self) {
        self.cursor = None;
        self.fresh = 0;
    }

    /// Selects a line that is kept.
    pub(crate) fn choose(&mut self, key: Key) {
        if self.lines.contains_key(&key) {
            self.cursor = Some(key);
        }
    }

    pub(crate) fn top(&mut self) {
        let first = self.between(Bound::Unbounded, Bound::Unbounded).next().map(|(key, _)| key);
        self.cursor = first;
    }

    /// Moves to the next line (or the one before) that `wanted` picks; tells whether there is one.
    pub(crate) fn seek(&mut self, forwards: bool, wanted: impl Fn(&LogLine) -> bool) -> bool {
        let Some((at, _)) = self.selected() else { return false };
        let hit = |(_, line): &(Key, &LogLine)| wanted(line);
        let found = if forwards {
            self.between(Bound::Excluded(at), Bound::Unbounded).find(hit)
        } else {
            self.between(Bound::Unbounded, Bound::Excluded(at)).rev().find(hit)
        }
        .map(|(key, _)| key);
        self.cursor = found.or(self.cursor);
        found.is_some()
    }
}

/// JSON has no keys but text: the ring is written as pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Key, LogLine};

    pub(super) fn serialize<S: Serializer>(lines: &BTreeMap<Key, LogLine>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(lines)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<BTreeMap<Key, LogLine>, D::Error> {
        Ok(Vec::<(Key, LogLine)>::deserialize(from)?.into_iter().collect())
    }
}
