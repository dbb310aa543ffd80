//! How often a source is asked: fast while it changes, slower while it does not, and backing off while it fails.
//!
//! Pollers of one service share a [`Brake`]: a throttled call slows all of them down, since the service counts the calls
//! of all together. Their rate follows TCP: it is halved when a call is throttled, at most once for all calls that were
//! planned before the cut was known, and grows by a fixed step with each answer. Who was throttled backs off besides.
//!
//! Pure: it says how long to wait and leaves the waiting to others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Each quiet answer lengthens the interval by this factor.
const SLOWING: f64 = 1.5;
/// Intervals vary by this share to both sides, so that tailers do not march in step.
const JITTER: f64 = 0.15;
/// The first and the longest wait after a failure; each further failure doubles it.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(20));

/// A throttled call cuts the rate of its service's pollers to this share of what it was.
const CUT: f64 = 0.5;
/// The least share of full speed.
const LEAST: f64 = 1.0 / 16.0;
/// Each answer gives this share of full speed back.
const RECOVERY: f64 = 0.02;

/// How fast the pollers of one service may go; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Brake {
    speed: Arc<Mutex<Speed>>,
}

#[derive(Debug, Clone, Copy)]
struct Speed {
    /// Share of full speed, between [`LEAST`] and 1.
    share: f64,
    cuts: u64,
    throttled: u64,
}

impl Default for Speed {
    fn default() -> Self {
        Self { share: 1.0, cuts: 0, throttled: 0 }
    }
}

impl Brake {
    /// Calls that were throttled so far.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.read().throttled
    }

    fn read(&self) -> Speed {
        *self.speed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) {
        let mut speed = self.speed.lock().unwrap_or_else(PoisonError::into_inner);
        speed.share = (speed.share + RECOVERY).min(1.0);
    }

    /// A call was throttled that was planned when there had been `cuts` cuts.
    fn cut(&self, cuts: u64) {
        let mut speed = self.speed.lock().unwrap_or_else(PoisonError::into_inner);
        speed.throttled += 1;
        if speed.cuts == cuts {
            speed.share = (speed.share * CUT).max(LEAST);
            speed.cuts += 1;
        }
    }
}

/// The interval of one poller.
#[derive(Debug)]
pub struct Pace {
    fast: Duration,
    slow: Duration,
    current: Duration,
    backoff: (Duration, Duration),
    failures: u32,
    brake: Brake,
    /// Cuts of the brake when the last wait was planned.
    cuts: u64,
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
            brake: Brake::default(),
            cuts: 0,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// The same pace with the brake of its service.
    #[must_use]
    pub fn braked_by(mut self, brake: &Brake) -> Self {
        self.brake = brake.clone();
        self
    }

    /// The same pace with another first and longest wait after a failure.
    #[must_use]
    pub fn backing_off(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest.max(first));
        self
    }

    /// Another longest interval, for what runs and for what does not.
    pub fn limit(&mut self, slow: Duration) {
        self.slow = slow.max(self.fast);
        self.current = self.current.min(self.slow);
    }

    /// News are expected: the next interval is the shortest.
    pub fn hurry(&mut self) {
        self.current = self.fast;
    }

    /// The last answer had something new.
    pub fn changed(&mut self) -> Duration {
        self.failures = 0;
        self.current = self.fast;
        self.brake.answered();
        self.planned(self.current)
    }

    /// The last answer had nothing new.
    pub fn quiet(&mut self) -> Duration {
        self.failures = 0;
        let wait = self.current;
        self.current = self.current.mul_f64(SLOWING).min(self.slow);
        self.brake.answered();
        self.planned(wait)
    }

    /// The last call failed.
    pub fn failed(&mut self) -> Duration {
        let (first, longest) = self.backoff;
        let wait = first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.current = self.fast;
        self.planned(wait.max(self.fast))
    }

    /// The last call was throttled.
    pub fn throttled(&mut self) -> Duration {
        self.brake.cut(self.cuts);
        self.failed()
    }

    fn planned(&mut self, wait: Duration) -> Duration {
        let Speed { share, cuts, .. } = self.brake.read();
        self.cuts = cuts;
        wait.mul_f64((1.0 + JITTER * self.random.random_range(-1.0..=1.0)) / share)
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

    #[test]
    fn a_throttled_call_slows_every_poller_of_its_service_and_answers_give_the_speed_back() {
        let brake = Brake::default();
        let mut paces: Vec<Pace> = (0..4).map(|seed| Pace::new(FAST, SLOW, seed).braked_by(&brake)).collect();
        let mut other = Pace::new(FAST, SLOW, 9).braked_by(&Brake::default());
        for pace in &mut paces {
            assert!(about(pace.changed(), FAST));
        }
        // Calls that were planned before anybody knew are one burst: the speed is cut once.
        for pace in &mut paces {
            pace.throttled();
        }
        assert_eq!(brake.throttled(), 4);
        let slowed = paces[3].changed();
        assert!(slowed > FAST.mul_f64((1.0 - JITTER) / (CUT + 5.0 * RECOVERY)), "{slowed:?}");
        assert!(about(other.changed(), FAST), "another service goes on as it did");
        let needed = ((1.0 - CUT) / RECOVERY).ceil();
        let mut answers = 0.0;
        while !about(paces[0].changed(), FAST) || brake.read().share < 1.0 {
            answers += 1.0;
            assert!(answers <= needed, "{brake:?}");
        }
        assert!(answers >= needed / 2.0, "recovered within {answers} answers");
    }

    #[test]
    fn lasting_throttling_slows_down_to_a_limit() {
        let brake = Brake::default();
        let mut pace = Pace::new(FAST, SLOW, 3).braked_by(&brake);
        (0..50).for_each(|_| {
            pace.throttled();
        });
        assert!((brake.read().share - LEAST).abs() < f64::EPSILON);
        assert!(about(pace.changed(), FAST.mul_f64(1.0 / (LEAST + RECOVERY))));
    }

    #[test]
    fn what_is_expected_is_asked_for_at_once_and_what_does_not_run_rarely() {
        let mut pace = Pace::new(FAST, SLOW, 4);
        pace.limit(SLOW * 10);
        let waits: Vec<Duration> = (0..40).map(|_| pace.quiet()).collect();
        assert!(about(waits[39], SLOW * 10), "{waits:?}");
        pace.limit(SLOW);
        assert!(about(pace.quiet(), SLOW));
        pace.hurry();
        assert!(about(pace.quiet(), FAST));
    }
}
