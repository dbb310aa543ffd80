//! Whether something was read before: fingerprints of the last so many things, by the moment that they carry.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::model::Timestamp;

/// Fingerprints kept at the most: some 40 bytes each.
const CAPACITY: usize = 400_000;

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
    /// The newest moment of what had to go for want of room.
    lost_to: Option<Timestamp>,
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
            && let Some((at, oldest)) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            self.lost_to = self.lost_to.max(Some(at));
        }
    }

    /// From when on it knows everything that was read: what is older and read again would be taken for new.
    pub fn knows_from(&self) -> Option<Timestamp> {
        self.lost_to.map(|to| Timestamp::from_millis(to.millis() + 1))
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
        assert_eq!(seen.knows_from(), Some(Timestamp::from_millis(1)));
        seen.forget_before(Timestamp::from_millis(10));
        assert!(!seen.contains("9") && seen.contains("10"));
    }
}
