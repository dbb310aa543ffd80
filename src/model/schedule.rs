//! Schedule expressions, as EventBridge's rules and EventBridge Scheduler write them: `rate(…)`, `cron(…)`, `at(…)`.
//!
//! Pure: it says when, and waits for nothing. Cron fields and summer time are croner's and jiff's work.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Timestamp;

/// A moment that exists twice or not at all is looked for this often before a search is given up.
const MOST_SKIPS: usize = 400;

/// Why a text is no schedule expression, or a name no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not of the form `rate(…)`, `cron(…)` or `at(…)`, or what is in the brackets does not fit.
    #[error("Invalid Schedule Expression {0}.")]
    Expression(String),
    /// No zone of the IANA database.
    #[error("Invalid Schedule Expression Timezone {0}.")]
    Zone(String),
}

/// When something is due.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// Again and again after the same time, from a start.
    Rate(Duration),
    /// At moments of the calendar of a time zone.
    Cron(Box<Cron>, TimeZone),
    /// Once.
    At(Timestamp),
}

impl Schedule {
    /// Reads an expression; `zone` is a name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// When the expression or the zone is none.
    pub fn parse(text: &str, zone: &str) -> Result<Self, ScheduleError> {
        let bad = || ScheduleError::Expression(text.to_owned());
        let zone = TimeZone::get(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        let (kind, rest) = text.split_once('(').ok_or_else(bad)?;
        let inner = rest.strip_suffix(')').ok_or_else(bad)?.trim();
        match kind {
            "rate" => rate(inner).map(Self::Rate).ok_or_else(bad),
            "cron" => cron(inner).map(|cron| Self::Cron(Box::new(cron), zone)).ok_or_else(bad),
            "at" => at(inner, &zone).map(Self::At).ok_or_else(bad),
            _ => Err(bad()),
        }
    }

    /// The first moment that is due at `from` or later; a rate counts from `start`.
    #[must_use]
    pub fn next(&self, start: Timestamp, from: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Rate(every) => {
                let Some(passed) = from.since(start) else { return Some(start) };
                let periods = passed.as_micros().div_ceil(every.as_micros());
                let passed = u64::try_from(periods.checked_mul(every.as_micros())?).ok()?;
                Some(start + Duration::from_micros(passed))
            }
            Self::Cron(cron, zone) => {
                // Seconds are the finest that a calendar has here.
                let from = from.micros().div_euclid(1_000_000) + i64::from(from.micros().rem_euclid(1_000_000) > 0);
                let mut moment = jiff::Timestamp::from_second(from).ok()?.to_zoned(zone.clone());
                let mut inclusive = true;
                for _ in 0..MOST_SKIPS {
                    let found = cron.find_next_occurrence(&moment, inclusive).ok()?;
                    // What a clock that is put forward leaps over is not made up for.
                    if cron.is_time_matching(&found).unwrap_or(false) {
                        return Some(Timestamp::from_secs(found.timestamp().as_second()));
                    }
                    (moment, inclusive) = (found, false);
                }
                None
            }
            Self::At(moment) => (*moment >= from).then_some(*moment),
        }
    }

    /// Whether it is due once only.
    #[must_use]
    pub const fn is_once(&self) -> bool {
        matches!(self, Self::At(_))
    }
}

fn rate(text: &str) -> Option<Duration> {
    let (value, unit) = text.split_once(char::is_whitespace)?;
    let value: u64 = value.parse().ok().filter(|value| (1..=1_000_000).contains(value))?;
    let seconds = match (unit.trim(), value) {
        ("minute", 1) | ("minutes", _) => 60,
        ("hour", 1) | ("hours", _) => 3_600,
        ("day", 1) | ("days", _) => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(value * seconds))
}

fn cron(text: &str) -> Option<Cron> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday, year] = fields[..] else { return None };
    // One of the two says nothing, and says so.
    if (day == "?") == (weekday == "?") {
        return None;
    }
    let years = year.split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() >= 4);
    if years.into_iter().any(|year| !year.parse().is_ok_and(|year: u32| (1970..=2199).contains(&year))) {
        return None;
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .dom_and_dow(true)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    let weekday = unwrapped(weekday);
    parser.parse(&format!("0 {minute} {hour} {day} {month} {weekday} {year}")).ok()
}

/// Days of the week whose ranges go beyond Saturday, as `MON-SUN` does, as two ranges: `2-7,1-1`.
fn unwrapped(weekdays: &str) -> String {
    const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let number = |day: &str| {
        let named = DAYS.iter().position(|name| name.eq_ignore_ascii_case(day)).map(|index| index + 1);
        named.or_else(|| day.parse().ok().filter(|day| (1..=7).contains(day)))
    };
    let range = |part: &str| {
        let (first, last) = part.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        (first > last).then(|| format!("{first}-7,1-{last}"))
    };
    let parts: Vec<String> = weekdays.split(',').map(|part| range(part).unwrap_or_else(|| part.to_owned())).collect();
    parts.join(",")
}

fn at(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    // `2026-11-21T10:00:00`, no more and no less.
    if text.len() != 19 || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let local: DateTime = text.parse().ok()?;
    let zoned = zone.to_ambiguous_zoned(local).compatible().ok()?;
    Some(Timestamp::from_secs(zoned.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a moment")
    }

    fn next(expression: &str, zone: &str, from: &str) -> Option<String> {
        let schedule = Schedule::parse(expression, zone).expect("an expression");
        schedule.next(moment("2026-01-01T00:00:30Z"), moment(from)).map(Timestamp::iso_seconds)
    }

    #[test]
    fn expressions_name_their_next_moment() {
        for (expression, zone, from, expected) in [
            ("rate(5 minutes)", "UTC", "2025-06-01T00:00:00Z", "2026-01-01T00:00:30Z"),
            ("rate(5 minutes)", "UTC", "2026-01-01T00:00:31Z", "2026-01-01T00:05:30Z"),
            ("rate(1 day)", "UTC", "2026-01-02T00:00:30Z", "2026-01-02T00:00:30Z"),
            ("cron(0/15 * * * ? *)", "UTC", "2026-01-01T00:01:00.5Z", "2026-01-01T00:15:00Z"),
            ("cron(15 10 ? * 6L 2026-2027)", "UTC", "2026-01-01T00:00:00Z", "2026-01-30T10:15:00Z"),
            ("cron(0 8 1W * ? *)", "UTC", "2026-02-01T00:00:00Z", "2026-02-02T08:00:00Z"),
            ("cron(0 0 ? * MON-SUN *)", "UTC", "2026-01-03T10:00:00Z", "2026-01-04T00:00:00Z"),
            ("cron(0 0 ? * FRI-2 *)", "UTC", "2026-01-05T10:00:00Z", "2026-01-09T00:00:00Z"),
            ("cron(0 12 ? * MON#2 *)", "UTC", "2026-01-01T00:00:00Z", "2026-01-12T12:00:00Z"),
            ("cron(0 12 L * ? *)", "UTC", "2026-02-01T00:00:00Z", "2026-02-28T12:00:00Z"),
            ("cron(0 9 ? * 2-6 *)", "Europe/Berlin", "2026-07-04T00:00:00Z", "2026-07-06T07:00:00Z"),
            ("at(2026-07-01T10:00:00)", "America/New_York", "2026-01-01T00:00:00Z", "2026-07-01T14:00:00Z"),
        ] {
            assert_eq!(next(expression, zone, from).as_deref(), Some(expected), "{expression}");
        }
        assert_eq!(next("at(2026-01-01T00:00:00)", "UTC", "2026-01-01T00:00:01Z"), None);
        assert_eq!(next("cron(0 0 1 1 ? 2020)", "UTC", "2026-01-01T00:00:01Z"), None);
    }

    #[test]
    fn an_hour_that_is_skipped_is_not_made_up_for_and_one_that_comes_twice_counts_once() {
        // In Berlin the clocks go from 2 to 3 on 29 March 2026 and from 3 to 2 on 25 October.
        let next = |from| next("cron(30 2 * * ? *)", "Europe/Berlin", from);
        assert_eq!(next("2026-03-28T12:00:00Z").as_deref(), Some("2026-03-30T00:30:00Z"));
        assert_eq!(next("2026-10-24T12:00:00Z").as_deref(), Some("2026-10-25T00:30:00Z"));
        assert_eq!(next("2026-10-25T00:30:01Z").as_deref(), Some("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in [
            "",
            "rate",
            "rate()",
            "rate(0 minutes)",
            "rate(2 minute)",
            "rate(1 second)",
            "rate(-1 days)",
            "cron(* * * * *)",
            "cron(0 0 * * * *)",
            "cron(0 0 ? * ? *)",
            "cron(61 0 * * ? *)",
            "cron(0 0 * * ? 1900)",
            "at(2026-01-01)",
            "at(2026-01-01T00:00:00Z)",
            "at(2026-13-01T00:00:00)",
            "every(1 day)",
            "rate(1 day",
        ] {
            assert!(matches!(Schedule::parse(text, "UTC"), Err(ScheduleError::Expression(_))), "{text}");
        }
        assert!(matches!(Schedule::parse("rate(1 day)", "Mars/Base"), Err(ScheduleError::Zone(_))));
    }
}
