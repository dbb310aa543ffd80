//! The log lines: a bounded ring in order of time, with a filter over all of it and a cursor that new lines never move.
//! What is searched for is marked among the lines, a filter leaves the others out, and the context of a line shows them
//! for as long as it is looked at: three things that do not touch one another.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
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
    lines: BTreeMap<Key, Arc<LogLine>>,
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
    /// Of the lines that group and filter let through.
    histogram: Histogram,
    /// The line whose neighbours are shown as well, and whether the end was followed before.
    context: Option<(Key, bool)>,
    /// What had arrived when the end was followed last.
    followed: u64,
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

/// Whether a line tells of a failure: what `e` goes to.
pub(crate) fn is_failure(line: &LogLine) -> bool {
    line.role == LogRole::ReconcileTimeout || (line.role == LogRole::Task && line.message.starts_with("vaultscope: "))
}

impl Logs {
    /// Takes in a line; tells whether it is new.
    pub(crate) fn insert(&mut self, at: Timestamp, line: &LogLine) -> bool {
        if !self.ids.insert(hash(&line.event_id)) {
            return false;
        }
        self.arrived += 1;
        let key = (at, self.arrived);
        let is_let_through = self.shows(line);
        if is_let_through && self.is_narrow() {
            self.matches.insert(key);
        }
        if self.cursor.is_none() {
            self.followed = self.arrived;
        } else if is_let_through || self.context.is_some() {
            self.fresh += 1;
        }
        self.bytes += line.message.len();
        self.lines.insert(key, Arc::new(line.clone()));
        let mut is_kept = true;
        while self.lines.len() > KEPT_LINES || self.bytes > KEPT_BYTES {
            let Some((oldest, line)) = self.lines.pop_first() else { break };
            self.ids.remove(&hash(&line.event_id));
            let was_shown = self.matches.remove(&oldest) || !self.is_narrow();
            self.bytes -= line.message.len();
            self.dropped += 1;
            if oldest == key {
                is_kept = false;
            } else if was_shown {
                self.histogram.remove(oldest.0, is_failure(&line));
            }
        }
        if is_let_through && is_kept {
            self.histogram.add(at, is_failure(line));
        }
        if self.histogram.is_coarse() {
            self.count();
        }
        true
    }

    /// Counts anew what group and filter let through.
    fn count(&mut self) {
        let of = |(key, line): (Key, &LogLine)| (key.0, is_failure(line));
        self.histogram = Histogram::of(self.let_through(Bound::Unbounded, Bound::Unbounded).map(of));
    }

    /// Whether a group or a filter leaves lines out.
    pub(crate) fn is_narrow(&self) -> bool {
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
        self.count();
        self.context = None;
        self.follow();
    }

    /// Every kept line of a group, whatever is shown.
    pub(crate) fn of_role(&self, role: LogRole) -> impl DoubleEndedIterator<Item = (Timestamp, &LogLine)> {
        self.lines.iter().filter(move |(_, line)| line.role == role).map(|(key, line)| (key.0, &**line))
    }

    pub(crate) fn kept(&self) -> usize {
        self.lines.len()
    }

    /// Lines that group and filter let through, shown among others or alone.
    pub(crate) fn passing(&self) -> usize {
        if self.is_narrow() { self.matches.len() } else { self.lines.len() }
    }

    /// Whether group and filter let a line through.
    pub(crate) fn passes(&self, key: Key) -> bool {
        !self.is_narrow() || self.matches.contains(&key)
    }

    /// Shown lines between two bounds, from either end.
    pub(crate) fn between(
        &self,
        from: Bound<Key>,
        to: Bound<Key>,
    ) -> Box<dyn DoubleEndedIterator<Item = (Key, &LogLine)> + '_> {
        if self.context.is_some() {
            Box::new(self.lines.range((from, to)).map(|(key, line)| (*key, &**line)))
        } else {
            self.let_through(from, to)
        }
    }

    fn let_through(
        &self,
        from: Bound<Key>,
        to: Bound<Key>,
    ) -> Box<dyn DoubleEndedIterator<Item = (Key, &LogLine)> + '_> {
        if self.is_narrow() {
            Box::new(self.matches.range((from, to)).filter_map(|key| Some((*key, &**self.lines.get(key)?))))
        } else {
            Box::new(self.lines.range((from, to)).map(|(key, line)| (*key, &**line)))
        }
    }

    /// Every line that is shown, oldest first.
    pub(crate) fn all(&self) -> Vec<(Timestamp, Arc<LogLine>)> {
        if self.is_narrow() && self.context.is_none() {
            self.matches.iter().filter_map(|key| Some((key.0, Arc::clone(self.lines.get(key)?)))).collect()
        } else {
            self.lines.iter().map(|(key, line)| (key.0, Arc::clone(line))).collect()
        }
    }

    /// Lines over time, of those that group and filter let through, with the moments of the first one and the last.
    pub(crate) fn over_time(&self) -> Option<(&Histogram, Timestamp, Timestamp)> {
        let (first, last) = if self.is_narrow() {
            (self.matches.first()?, self.matches.last()?)
        } else {
            (self.lines.first_key_value()?.0, self.lines.last_key_value()?.0)
        };
        Some((&self.histogram, first.0, last.0))
    }

    /// The first line, at a moment or after it, that group and filter let through.
    pub(crate) fn since(&self, at: Timestamp) -> Option<Key> {
        let from = Bound::Included((at, 0));
        if self.is_narrow() {
            self.matches.range((from, Bound::Unbounded)).next().copied()
        } else {
            self.lines.range((from, Bound::Unbounded)).next().map(|(key, _)| *key)
        }
    }

    /// Whether the lines that group and filter leave out are shown as well.
    pub(crate) fn is_context(&self) -> bool {
        self.context.is_some()
    }

    /// Shows the selected line among all of its neighbours; tells whether there is a line.
    pub(crate) fn open_context(&mut self) -> bool {
        let Some((key, _)) = self.selected() else { return false };
        self.context = Some((key, self.cursor.is_none()));
        self.cursor = Some(key);
        self.recount();
        true
    }

    /// Shows only what group and filter let through again. The line that is nearest to the selected one stays selected; an
    /// end that was followed is followed again where nobody moved.
    pub(crate) fn close_context(&mut self) {
        let Some((from, followed)) = self.context.take() else { return };
        let Some(at) = self.cursor else { return };
        if followed && at == from {
            return self.follow();
        }
        let before = self.let_through(Bound::Unbounded, Bound::Included(at)).next_back().map(|(key, _)| key);
        self.cursor = before.or_else(|| self.let_through(Bound::Included(at), Bound::Unbounded).next().map(|it| it.0));
        if self.cursor.is_none() {
            self.follow();
        }
        self.recount();
    }

    /// Counts what came since the end was followed, of what is shown now.
    fn recount(&mut self) {
        let fresh = self.between(Bound::Unbounded, Bound::Unbounded).filter(|(key, _)| key.1 > self.followed).count();
        self.fresh = if self.cursor.is_some() { u64::try_from(fresh).unwrap_or(u64::MAX) } else { 0 };
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
        self.followed = self.arrived;
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
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Key, LogLine};

    pub(super) fn serialize<S: Serializer>(lines: &BTreeMap<Key, Arc<LogLine>>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(lines)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<BTreeMap<Key, Arc<LogLine>>, D::Error> {
        Ok(Vec::<(Key, Arc<LogLine>)>::deserialize(from)?.into_iter().collect())
    }
}
