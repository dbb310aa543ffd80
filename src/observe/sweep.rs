//! When a log group is read once more since the last such sweep: lines may be ingested late, behind newer ones.

use std::time::{Duration, Instant};

use crate::clock::real_now;
use crate::model::Timestamp;

/// How far before the last sweep's end the next one begins.
pub const OVERLAP: Duration = Duration::from_secs(10);
/// Looks without news after which a sweep follows.
const QUIET_BEFORE: u32 = 4;
/// Real time between sweeps while lines go on coming.
const EVERY: Duration = Duration::from_secs(30);

/// When everything is read once more.
#[derive(Debug)]
pub struct Sweep {
    /// Up to where the last one read.
    done_to: Option<Timestamp>,
    last: Instant,
    quiet: u32,
    dirty: bool,
}

impl Sweep {
    /// None is due before something comes; the first one begins at `from`.
    pub fn new(from: Option<Timestamp>) -> Self {
        Self { done_to: from, last: real_now(), quiet: 0, dirty: false }
    }

    /// Where it begins.
    pub fn start(&self) -> Option<Timestamp> {
        self.done_to.map(|to| to.minus(OVERLAP))
    }

    /// Whether it is time for one: something came, and then nothing, or for long.
    pub fn is_due(&self) -> bool {
        self.dirty && (self.quiet >= QUIET_BEFORE || self.last.elapsed() >= EVERY)
    }

    /// A look has ended, with news or without.
    pub fn note(&mut self, news: bool) {
        self.dirty |= news;
        self.quiet = if news { 0 } else { self.quiet + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_follows_news_once_they_cease() {
        let mut sweep = Sweep::new(None);
        (0..10).for_each(|_| sweep.note(false));
        assert!(!sweep.is_due(), "nothing came, nothing can have come late");
        sweep.note(true);
        assert!(!sweep.is_due());
        (0..QUIET_BEFORE).for_each(|_| sweep.note(false));
        assert!(sweep.is_due());
    }
}
