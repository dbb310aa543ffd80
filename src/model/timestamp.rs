//! A moment in time, in microseconds since the Unix epoch, with the forms that AWS writes it in.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Microseconds since 1970-01-01T00:00:00Z; serialised as that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `micros` microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The moment `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// The moment `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, as CloudWatch Logs counts.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch, as `event-time` counts.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the epoch with a fraction of milliseconds, as the JSON protocols write timestamps.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any year that AWS can name fit in 53 bits")]
    pub fn epoch_seconds(self) -> f64 {
        self.millis() as f64 / 1_000.0
    }

    /// How long after `earlier` this moment is; `None` when it is before it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        u64::try_from(self.0.saturating_sub(earlier.0)).ok().map(Duration::from_micros)
    }

    /// This moment less `by`.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// `2020-11-05T12:34:56Z`, as EventBridge writes the time of an event.
    #[must_use]
    pub fn iso_seconds(self) -> String {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        self.date_time().format(form).unwrap_or_default()
    }

    /// `2020-11-05T12:34:56.789Z`, as Step Functions and CloudFormation write moments.
    #[must_use]
    pub fn iso_millis(self) -> String {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        self.date_time().format(form).unwrap_or_default()
    }

    /// `12:34:56.789`, for lists on a screen.
    #[must_use]
    pub fn clock_millis(self) -> String {
        let form = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
        self.date_time().format(form).unwrap_or_default()
    }

    /// The moment that an RFC 3339 text names; `None` when it names none.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok().map(Self)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_the_forms_of_aws() {
        let moment = Timestamp::parse_rfc3339("2020-11-05T12:34:56.789Z").expect("a valid moment");
        assert_eq!(moment.iso_seconds(), "2020-11-05T12:34:56Z");
        assert_eq!(moment.iso_millis(), "2020-11-05T12:34:56.789Z");
        assert_eq!(moment.secs(), 1_604_579_696);
        assert_eq!(moment.millis(), 1_604_579_696_789);
        assert_eq!(moment.clock_millis(), "12:34:56.789");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let last = Timestamp::from_micros(i64::MAX);
        assert_eq!(last + Duration::from_secs(1), last);
        assert_eq!(Timestamp::from_micros(1).since(Timestamp::from_micros(2)), None);
    }
}
