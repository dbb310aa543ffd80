//! How often a source is asked: fast while it changes, slower while it does not, and backing off while it fails.
//!
//! Pure: it says how long to wait and leaves the waiting to others.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Each quiet answer lengthens the interval by this factor.
const SLOWING: f64 = 1.5;
/// Intervals vary by this share to both sides, so that tailers do not march in step.
const JITTER: f64 = 0.15;
/// The first and the longest wait after a failure; each further failure doubles it.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(20));

/// The interval of one poller.
#[derive(Debug)]
pub struct Pace {
    fast: Duration,
    slow: Duration,
    current: Duration,
    backoff: (Duration, Duration),
    failures: u32,
    random: StdRng,
}

impl Pace {
    /// A pace between `fast` and `slow`; `seed` tells the jitter of several pollers apart.
    #[must_use]
    pub fn new(fast: Duration, slow: Duration, seed: u64) -> Self {
        Self {
            fast,
            slow: slow.max(fast),
            current: fast,
            backoff: BACKOFF,
            failures: 0,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// The same pace with another first and longest wait after a failure.
    #[must_use]
    pub fn backing_off(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest.max(first));
        self
    }

    /// The last answer had something new.
    pub fn changed(&mut self) -> Duration {
        self.failures = 0;
        self.current = self.fast;
        self.jittered(self.current)
    }

    /// The last answer had nothing new.
    pub fn quiet(&mut self) -> Duration {
        self.failures = 0;
        let wait = self.current;
        self.current = self.current.mul_f64(SLOWING).min(self.slow);
        self.jittered(wait)
    }

    /// The last call failed or was throttled.
    pub fn failed(&mut self) -> Duration {
        let (first, longest) = self.backoff;
        let wait = first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.current = self.fast;
        self.jittered(wait.max(self.fast))
    }

    fn jittered(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(1.0 + JITTER * self.random.random_range(-1.0..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(100);
    const SLOW: Duration = Duration::from_secs(2);

    fn about(wait: Duration, expected: Duration) -> bool {
        (expected.mul_f64(1.0 - JITTER)..=expected.mul_f64(1.0 + JITTER)).contains(&wait)
    }

    #[test]
    fn a_quiet_source_is_asked_less_often_and_a_changing_one_at_once_again() {
        let mut pace = Pace::new(FAST, SLOW, 1);
        assert!(about(pace.quiet(), FAST));
        let waits: Vec<Duration> = (0..20).map(|_| pace.quiet()).collect();
        assert!(about(waits[19], SLOW), "{waits:?}");
        assert!(about(pace.changed(), FAST));
        assert!(about(pace.quiet(), FAST));
    }

    #[test]
    fn failures_double_the_wait_up_to_a_limit_and_one_answer_ends_that() {
        let mut pace = Pace::new(FAST, SLOW, 2);
        let (first, longest) = BACKOFF;
        assert!(about(pace.failed(), first));
        assert!(about(pace.failed(), first * 2));
        assert!(about(pace.failed(), first * 4));
        let many: Vec<Duration> = (0..80).map(|_| pace.failed()).collect();
        assert!(many.iter().skip(8).all(|&wait| about(wait, longest)), "{many:?}");
        pace.changed();
        assert!(about(pace.failed(), first));
    }

    #[test]
    fn two_pollers_do_not_march_in_step() {
        let waits = |seed| -> Vec<Duration> {
            let mut pace = Pace::new(FAST, SLOW, seed);
            (0..5).map(|_| pace.changed()).collect()
        };
        assert_ne!(waits(1), waits(2));
        assert_eq!(waits(3), waits(3), "a seed gives the same waits again");
    }
}
