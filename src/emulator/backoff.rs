//! How long AWS waits before it tries a delivery again: the same for EventBridge's rules and the Scheduler's schedules.

use std::time::Duration;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause: 185 of them, with jitter, fill AWS's 24 hours.
const LONGEST: Duration = Duration::from_secs(600);

/// How long to wait after `retries` retries: exponential, between half and all of it as `fraction` goes from 0 to 1.
#[must_use]
pub fn pause(retries: u32, fraction: f64) -> Duration {
    let whole = FIRST.saturating_mul(2_u32.saturating_pow(retries.min(20))).min(LONGEST);
    whole.mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        assert_eq!(pause(0, 1.0), Duration::from_secs(1));
        assert_eq!(pause(3, 0.0), Duration::from_secs(4));
        assert_eq!(pause(184, 1.0), LONGEST);
    }
}
