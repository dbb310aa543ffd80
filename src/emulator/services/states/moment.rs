//! Timestamps as the language takes them: RFC 3339 with an upper-case `T`, and `Z` or an offset, to the nanosecond.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::Timestamp;

/// A moment to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(OffsetDateTime);

impl Moment {
    /// The moment that a text names; `None` when it names none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.as_bytes().get(10) != Some(&b'T') {
            return None;
        }
        OffsetDateTime::parse(text, &Rfc3339).ok().map(Self)
    }

    /// The moment in microseconds, as the clock counts.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        let micros = self.0.unix_timestamp_nanos() / 1_000;
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc_3339_with_a_zone_is_a_moment() {
        for good in ["2016-03-14T01:59:00Z", "2016-03-05T21:29:29.243167252Z", "2016-03-05T21:29:29+01:00"] {
            assert!(Moment::parse(good).is_some(), "{good}");
        }
        for bad in
            ["2016-12-05 21:29:29Z", "2016-12-05T21:29:29", "2016-13-05T21:29:29Z", "2016-12-05T25:29:29Z", "", "x"]
        {
            assert!(Moment::parse(bad).is_none(), "{bad}");
        }
    }
}
