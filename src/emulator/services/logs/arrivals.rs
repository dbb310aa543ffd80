//! What has arrived in some log groups since somebody looked last: places only, in the order of arrival.
//!
//! A writer leaves a place here under its group's lock and goes on; whoever listens reads the events later, on time of
//! its own.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::position::Position;

/// Places that are kept for a listener who does not come; older ones are forgotten, which is said.
pub const MOST_ARRIVALS: usize = 100_000;

/// The arrivals of one listener.
#[derive(Debug, Default)]
pub struct Arrivals(Mutex<Batch>);

/// What has arrived.
#[derive(Debug, Default)]
pub struct Batch {
    /// Group and place of each event.
    pub places: VecDeque<(usize, Position)>,
    /// Whether older ones were forgotten.
    pub forgot: bool,
}

impl Arrivals {
    /// Adds an event of a group.
    pub fn push(&self, group: usize, position: Position) {
        let mut batch = self.lock();
        if batch.places.len() >= MOST_ARRIVALS {
            batch.places.pop_front();
            batch.forgot = true;
        }
        batch.places.push_back((group, position));
    }

    /// Takes what has arrived since the last time.
    pub fn take(&self) -> Batch {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_who_stays_away_finds_the_newest() {
        let arrivals = Arrivals::default();
        let last = i64::try_from(MOST_ARRIVALS).expect("small") + 1;
        for millis in 0..=last {
            arrivals.push(0, Position { millis, sequence: 1 });
        }
        let batch = arrivals.take();
        assert_eq!((batch.places.len(), batch.forgot), (MOST_ARRIVALS, true));
        assert_eq!(batch.places.front().map(|(_, place)| place.millis), Some(2));
        assert!(arrivals.take().places.is_empty());
    }
}
