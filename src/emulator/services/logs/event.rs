//! Log events, and the index by time that groups and streams keep of them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// When an event happened, in milliseconds, and its number: unique, and in the order of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub millis: i64,
    pub number: u64,
}

/// Digits of an event's id.
const ID_DIGITS: usize = 56;

impl Key {
    /// Before every event.
    pub const FIRST: Self = Self { millis: i64::MIN, number: 0 };
    /// Behind every event.
    pub const LAST: Self = Self { millis: i64::MAX, number: u64::MAX };

    /// The first key of a millisecond.
    pub const fn at(millis: i64) -> Self {
        Self { millis, number: 0 }
    }

    /// The event's id: digits that order as events do.
    pub fn id(self) -> String {
        let ordered = u128::from(self.millis.unsigned_abs()) << 64 | u128::from(self.number);
        format!("{ordered:0ID_DIGITS$}")
    }

    /// Reads an id.
    pub fn of_id(id: &str) -> Option<Self> {
        if id.len() != ID_DIGITS {
            return None;
        }
        let ordered: u128 = id.parse().ok()?;
        Some(Self {
            millis: i64::try_from(ordered >> 64).ok()?,
            number: u64::try_from(ordered & u128::from(u64::MAX)).ok()?,
        })
    }
}

/// An event.
#[derive(Debug)]
pub struct LogEvent {
    pub key: Key,
    pub message: Arc<str>,
    pub stream: Arc<str>,
    /// Milliseconds at which it came.
    pub ingested: i64,
}

/// Events by time.
pub type Index = BTreeMap<Key, Arc<LogEvent>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_order_as_their_events_do() {
        let keys = [Key { millis: 5, number: 9 }, Key { millis: 6, number: 1 }, Key { millis: 6, number: 2 }];
        let ids: Vec<String> = keys.iter().map(|key| key.id()).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == ID_DIGITS));
        assert_eq!(Key::of_id(&ids[1]), Some(keys[1]));
        assert_eq!(Key::of_id("7"), None);
    }
}
