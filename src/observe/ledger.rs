//! Each line told once, whichever way it came first: sent by a live tail, which gives lines no id, or read by
//! FilterLogEvents.
//!
//! A line is known by its stream, its moment and its text. Of each, both ways are counted: the n-th one that either way
//! brings is new only when n is more than was told. So two equal lines are two, a line that comes both ways is one, and
//! what a sampled session leaves out is told when it is read. Both ways must each bring a line once: polls are freed from
//! repetitions by event id before they come here, and a session sends what is ingested while it lasts.

use std::collections::HashMap;

use super::seen_before::fingerprint;
use crate::model::Timestamp;

/// How a line came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Sent by a live tail.
    Sent,
    /// Read by FilterLogEvents.
    Read,
}

/// What was told of equal lines.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    at: Timestamp,
    sent: u32,
    read: u32,
    told: u32,
}

/// Lines of one log group that were told.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: HashMap<u64, Count>,
    /// Lines that were read before they were sent, since the last [`Ledger::missed`].
    unsent: Vec<u64>,
}

impl Ledger {
    /// Takes in a line; the id to tell it by, or `None` when it was told before.
    pub fn enter(&mut self, way: Way, stream: &str, at: Timestamp, message: &str) -> Option<String> {
        let print = fingerprint(&(stream, at, message));
        let count = self.counts.entry(print).or_insert(Count { at, ..Count::default() });
        let number = match way {
            Way::Sent => {
                count.sent += 1;
                count.sent
            }
            Way::Read => {
                count.read += 1;
                if count.read > count.sent {
                    self.unsent.push(print);
                }
                count.read
            }
        };
        if number <= count.told {
            return None;
        }
        count.told = number;
        Some(format!("{print:016x}-{number}"))
    }

    /// How many of the lines that were read before they were sent have not been sent since; asked a while after they
    /// were read. Begins anew.
    pub fn missed(&mut self) -> usize {
        let counts = &self.counts;
        let unsent = std::mem::take(&mut self.unsent);
        unsent.iter().filter(|print| counts.get(print).is_some_and(|count| count.read > count.sent)).count()
    }

    /// Forgets what is older than `floor` and comes no more by either way.
    pub fn forget_before(&mut self, floor: Timestamp) {
        self.counts.retain(|_, count| count.at >= floor);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_line_that_comes_both_ways_is_told_once_and_equal_lines_are_told_each() {
        for (first, second) in [(Way::Sent, Way::Read), (Way::Read, Way::Sent)] {
            let mut ledger = Ledger::default();
            let one = ledger.enter(first, "s", at(1), "x").expect("new");
            let other = ledger.enter(first, "s", at(1), "x").expect("an equal one");
            assert_ne!(one, other);
            assert_eq!(ledger.enter(second, "s", at(1), "x"), None);
            assert_eq!(ledger.enter(second, "s", at(1), "x"), None);
            assert_eq!(ledger.enter(second, "s", at(1), "x").as_deref().map(|id| id.ends_with("-3")), Some(true));
            for (stream, when, text) in [("t", 1, "x"), ("s", 2, "x"), ("s", 1, "y")] {
                assert!(ledger.enter(second, stream, at(when), text).is_some(), "{stream} {when} {text}");
            }
        }
    }

    #[test]
    fn what_is_read_and_never_sent_is_missed_once() {
        let mut ledger = Ledger::default();
        ledger.enter(Way::Read, "s", at(1), "late");
        ledger.enter(Way::Read, "s", at(1), "lost");
        ledger.enter(Way::Sent, "s", at(1), "sent first");
        ledger.enter(Way::Read, "s", at(1), "sent first");
        ledger.enter(Way::Sent, "s", at(1), "late");
        assert_eq!(ledger.missed(), 1);
        assert_eq!(ledger.missed(), 0);
    }

    proptest! {
        /// Reads bring every line in the end, a session brings some of them, in any order of both.
        #[test]
        fn nothing_is_lost_and_nothing_is_told_twice(
            lines in prop::collection::vec(0_u8..6, 1..40),
            sampled in prop::collection::vec(any::<bool>(), 40),
            order in prop::collection::vec(any::<u16>(), 80),
        ) {
            let mut arrivals: Vec<(u16, Way, u8)> = Vec::new();
            for (n, &line) in lines.iter().enumerate() {
                arrivals.push((order[n], Way::Read, line));
                if sampled[n] {
                    arrivals.push((order[40 + n], Way::Sent, line));
                }
            }
            arrivals.sort_by_key(|(when, ..)| *when);
            let mut ledger = Ledger::default();
            let mut told: Vec<String> = arrivals
                .iter()
                .filter_map(|(_, way, line)| ledger.enter(*way, "s", at(1), &line.to_string()))
                .collect();
            prop_assert_eq!(told.len(), lines.len());
            told.sort();
            told.dedup();
            prop_assert_eq!(told.len(), lines.len(), "ids are told apart");
        }
    }
}
