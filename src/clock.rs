//! The one reader of wall time, and the one clock that everything of the pipeline waits on.
//!
//! A [`Clock`] maps real time to simulated time by a rate that can change while others wait: it can be scaled, paused
//! and stepped, and never runs back. State machine waits, visibility timeouts, settling times, retries and every
//! timestamp that is handed out follow it. Sockets, request signatures and a function's own timeout do not: they use
//! [`real_now`] and [`real_timestamp`].

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::model::Timestamp;

/// The slowest and the fastest rate that a clock accepts, besides 0 (paused).
pub const RATE_RANGE: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;

/// The longest real sleep between two looks at the clock, so that a rate close to 0 never overflows a timer.
const LONGEST_NAP: Duration = Duration::from_secs(3_600);

/// Monotonic real time, for measuring how long something took.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this module is the one place that reads time")]
pub fn real_now() -> Instant {
    Instant::now()
}

/// Real time of day, for what must agree with the world outside (signatures, file names).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this module is the one place that reads time")]
pub fn real_timestamp() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// A rate outside [`RATE_RANGE`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("clock rate {0} is out of range: use 0 to pause, or 0.1 to 10000")]
pub struct RateError(pub f64);

/// Where simulated time stood at a moment of real time, and how fast it has run since.
#[derive(Debug, Clone, Copy)]
struct Base {
    real: Instant,
    simulated: Timestamp,
    rate: f64,
    paused: bool,
}

impl Base {
    fn now(&self, real: Instant) -> Timestamp {
        if self.paused {
            return self.simulated;
        }
        let passed = real.saturating_duration_since(self.real);
        self.simulated + passed.mul_f64(self.rate)
    }
}

/// A clock that can be scaled, paused and stepped; clones share one time.
#[derive(Debug, Clone)]
pub struct Clock {
    base: Arc<watch::Sender<Base>>,
}

/// What a clock says of itself, for screens and for `/_vaultscope/clock`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Reading {
    /// Simulated time now.
    pub now: Timestamp,
    /// Simulated seconds per real second while the clock runs.
    pub rate: f64,
    /// Whether time stands still.
    pub paused: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self::starting_at(real_timestamp())
    }
}

impl Clock {
    /// A clock that shows `start` now and runs at the speed of real time.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        let base = Base { real: real_now(), simulated: start, rate: 1.0, paused: false };
        Self { base: Arc::new(watch::Sender::new(base)) }
    }

    /// Simulated time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.base.borrow().now(real_now())
    }

    /// Simulated time, rate and whether the clock is paused, read at once.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let base = *self.base.borrow();
        Reading { now: base.now(real_now()), rate: base.rate, paused: base.paused }
    }

    /// Runs at `rate` simulated seconds per real second from now on; a paused clock stays paused until
    /// [`Clock::resume`].
    ///
    /// # Errors
    /// When `rate` is outside [`RATE_RANGE`].
    pub fn set_rate(&self, rate: f64) -> Result<(), RateError> {
        if !RATE_RANGE.contains(&rate) {
            return Err(RateError(rate));
        }
        self.rebase(|base| base.rate = rate);
        Ok(())
    }

    /// Stops time.
    pub fn pause(&self) {
        self.rebase(|base| base.paused = true);
    }

    /// Lets time run again at the rate it had.
    pub fn resume(&self) {
        self.rebase(|base| base.paused = false);
    }

    /// Moves simulated time forward by `by`, paused or not.
    pub fn step(&self, by: Duration) {
        self.rebase(|base| base.simulated = base.simulated + by);
    }

    /// Begins anew: at the present, at the speed of real time. The one way in which simulated time can come to an earlier
    /// moment; whoever waited for a later one waits on.
    pub fn restart(&self) {
        let start = Base { real: real_now(), simulated: real_timestamp(), rate: 1.0, paused: false };
        self.base.send_modify(|base| *base = start);
    }

    fn rebase(&self, change: impl FnOnce(&mut Base)) {
        self.base.send_modify(|base| {
            let real = real_now();
            base.simulated = base.now(real);
            base.real = real;
            change(base);
        });
    }

    /// Waits for `simulated` time to pass on this clock.
    pub async fn sleep(&self, simulated: Duration) {
        self.sleep_until(self.now() + simulated).await;
    }

    /// Waits until this clock shows `deadline`.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        let mut changes = self.base.subscribe();
        loop {
            let base = *changes.borrow_and_update();
            let Some(remaining) = deadline.since(base.now(real_now())).filter(|left| !left.is_zero()) else {
                return;
            };
            let nap = if base.paused {
                LONGEST_NAP
            } else {
                Duration::try_from_secs_f64(remaining.as_secs_f64() / base.rate)
                    .unwrap_or(LONGEST_NAP)
                    .clamp(Duration::from_micros(500), LONGEST_NAP)
            };
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_paused_clock_stands_still_until_it_is_stepped() {
        let clock = Clock::starting_at(Timestamp::from_micros(0));
        clock.pause();
        let paused_at = clock.now();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(paused_at + Duration::from_secs(3_600)).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(clock.now(), paused_at);
        assert!(!sleeper.is_finished());
        clock.step(Duration::from_secs(3_600));
        sleeper.await.expect("the sleeper wakes when the clock is stepped past its deadline");
    }

    #[tokio::test]
    async fn a_new_rate_shortens_a_sleep_that_has_begun() {
        let clock = Clock::starting_at(Timestamp::from_micros(0));
        let began = real_now();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(1_000)).await }
        });
        tokio::task::yield_now().await;
        clock.set_rate(10_000.0).expect("10,000 is the largest rate");
        sleeper.await.expect("the sleeper ends");
        assert!(began.elapsed() < Duration::from_secs(60));
        assert!(clock.now() >= Timestamp::from_micros(1_000_000_000));
    }

    #[test]
    fn rates_outside_the_range_are_refused() {
        let clock = Clock::default();
        for rate in [-1.0, 0.0, 0.05, 20_000.0, f64::NAN] {
            assert!(clock.set_rate(rate).is_err(), "{rate}");
        }
    }

    #[test]
    fn time_never_runs_back_when_the_rate_changes() {
        let clock = Clock::default();
        let mut last = clock.now();
        for rate in [10_000.0, 0.1, 50.0, 1.0] {
            clock.set_rate(rate).expect("a rate in range");
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }
}
