//! How long a dataset that has no news is left alone: each read without news doubles the pause, which bounds what a
//! dataset costs that waits for hours for a file that never comes.

use std::time::{Duration, Instant};

/// The pause after the first read without news.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(300);

/// A pause between reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lull {
    quiet: u32,
    until: Option<Instant>,
}

impl Lull {
    /// A read has ended, with news or without.
    pub fn read(&mut self, news: bool, now: Instant) {
        if news {
            *self = Self::default();
            return;
        }
        let pause = FIRST.saturating_mul(1_u32.checked_shl(self.quiet).unwrap_or(u32::MAX)).min(LONGEST);
        self.quiet = self.quiet.saturating_add(1);
        self.until = now.checked_add(pause);
    }

    /// Whether it is time for another read.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::real_now;

    #[test]
    fn eight_hours_without_news_cost_about_a_hundred_reads() {
        let start = real_now();
        let mut lull = Lull::default();
        let reads = (0..8 * 3_600_u64).filter(|&second| {
            let now = start + Duration::from_secs(second);
            let due = lull.is_over(now);
            if due {
                lull.read(false, now);
            }
            due
        });
        assert_eq!(reads.count(), 103);
        lull.read(true, start);
        assert!(lull.is_over(start), "news are followed up at once");
    }
}
