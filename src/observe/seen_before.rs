//! Whether something was read before: fingerprints of the last so many things, by the moment that they carry.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::model::Timestamp;

/// Fingerprints kept at the most: 16 bytes each.
const CAPACITY: usize = 200_000;

/// Sixty-four bits of anything.
pub fn fingerprint(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

/// Things that were read, by fingerprint.
#[derive(Debug, Default)]
pub struct SeenBefore {
    order: VecDeque<(Timestamp, u64)>,
    known: HashSet<u64>,
}

impl SeenBefore {
    /// Whether a thing was read before.
    pub fn contains(&self, id: &str) -> bool {
        self.known.contains(&fingerprint(&id))
    }

    /// Keeps a thing as read.
    pub fn insert(&mut self, at: Timestamp, id: &str) {
        let print = fingerprint(&id);
        if !self.known.insert(print) {
            return;
        }
        self.order.push_back((at, print));
        if self.order.len() > CAPACITY
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Forgets what is older than `floor` and will not be read again.
    pub fn forget_before(&mut self, floor: Timestamp) {
        let known = &mut self.known;
        self.order.retain(|(at, print)| {
            let keep = *at >= floor;
            if !keep {
                known.remove(print);
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut seen = SeenBefore::default();
        for n in 0..=CAPACITY {
            seen.insert(Timestamp::from_millis(i64::try_from(n).expect("small")), &n.to_string());
        }
        assert!(!seen.contains("0") && seen.contains("1"));
        seen.forget_before(Timestamp::from_millis(10));
        assert!(!seen.contains("9") && seen.contains("10"));
    }
}
