//! When a group is read while a live tail session sends what is new: at its start, to catch up; soon after a sampled
//! update, to fill in what it left out; and now and then, ever more rarely, to confirm that it leaves out nothing else.
//!
//! Pure: it is told the time.

use std::time::{Duration, Instant};

/// The interval of the first reads, and the longest while lines come and while none do.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
const LONGEST_STILL: Duration = Duration::from_secs(300);
/// The time between a sampled update, or something that is expected, and the read.
const SOON: Duration = Duration::from_secs(1);
/// Reads that find what was ingested before the session or at its begin: a line of theirs that was not sent is no fault.
const SETTLING_READS: u32 = 3;

/// The reads of one session.
#[derive(Debug, Default)]
pub struct Tailing {
    number: u64,
    due: Option<Instant>,
    interval: Duration,
    reads: u32,
    /// Whether updates since the last whole read were sampled, and since the one before it.
    sampled: bool,
    was_sampled: bool,
    lines: bool,
}

impl Tailing {
    /// The session that is up; another one than before begins with a read.
    pub fn session(&mut self, number: u64, now: Instant) {
        if self.number != number {
            *self = Self { number, due: Some(now), interval: FIRST, ..Self::default() };
        }
    }

    /// When the next read is due.
    pub fn due(&self) -> Instant {
        self.due.unwrap_or_else(crate::clock::real_now)
    }

    /// An update came.
    pub fn sent(&mut self, lines: bool, sampled: bool, now: Instant) {
        self.lines |= lines;
        if sampled {
            self.sampled = true;
            self.hasten(now + SOON);
        } else if lines {
            self.hasten(now + LONGEST);
        }
    }

    /// Something is expected to come.
    pub fn expect(&mut self, now: Instant) {
        self.hasten(now + SOON);
    }

    /// A read has ended; `whole` when it came to the end.
    pub fn read(&mut self, news: bool, whole: bool, now: Instant) {
        if !whole {
            self.due = Some(now);
            return;
        }
        self.reads = self.reads.saturating_add(1);
        let longest = if news || self.lines { LONGEST } else { LONGEST_STILL };
        self.due = Some(now + self.interval.min(longest));
        self.interval = (self.interval * 2).min(longest);
        (self.was_sampled, self.sampled, self.lines) = (self.sampled, false, false);
    }

    /// Whether the session leaves lines out.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Whether a line that was read and never sent is a fault of the session.
    pub fn is_judged(&self) -> bool {
        self.reads >= SETTLING_READS && !self.sampled && !self.was_sampled
    }

    fn hasten(&mut self, to: Instant) {
        self.due = Some(self.due.map_or(to, |due| due.min(to)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::real_now;

    #[test]
    fn a_session_begins_with_a_read_and_reads_become_rare() {
        let start = real_now();
        let mut tailing = Tailing::default();
        tailing.session(1, start);
        assert_eq!(tailing.due(), start);
        let mut now = start;
        let mut gaps = Vec::new();
        for _ in 0..9 {
            tailing.read(false, true, now);
            gaps.push((tailing.due() - now).as_secs());
            now = tailing.due();
        }
        assert_eq!(gaps, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        tailing.read(false, true, now);
        tailing.sent(true, false, now);
        assert_eq!(tailing.due() - now, LONGEST, "late lines follow others");
        tailing.session(1, now);
        assert_ne!(tailing.due(), now, "the same session");
        tailing.session(2, now);
        assert_eq!(tailing.due(), now);
    }

    #[test]
    fn a_sampled_update_is_filled_in_soon_and_shown_until_then() {
        let now = real_now();
        let mut tailing = Tailing::default();
        tailing.session(1, now);
        (0..SETTLING_READS).for_each(|_| tailing.read(true, true, now));
        assert!(tailing.is_judged() && !tailing.is_sampled());
        tailing.sent(true, true, now);
        assert!(tailing.is_sampled() && !tailing.is_judged());
        assert_eq!(tailing.due() - now, SOON);
        tailing.read(true, false, now);
        assert!(tailing.is_sampled(), "there is more to read");
        assert_eq!(tailing.due(), now);
        tailing.read(true, true, now);
        assert!(!tailing.is_sampled() && !tailing.is_judged(), "what it read was left out as announced");
        tailing.read(true, true, now);
        assert!(tailing.is_judged());
    }
}
