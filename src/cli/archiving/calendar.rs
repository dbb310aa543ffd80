//! When the schedule is due, and the day before on which an inventory has to be made for it. Pure.

use std::time::Duration;

use crate::model::Timestamp;
use crate::model::schedule::Schedule;

pub const DAY: Duration = Duration::from_secs(86_400);
/// A day's files and their inventory are made within this time, or on the next day.
const MARGIN: Duration = Duration::from_secs(600);
/// A rate beyond this one has no moment that is known from outside.
const LONGEST_RATE: Duration = Duration::from_secs(6 * 3_600);

/// A firing of the schedule that finds an inventory of the day before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// What the clock has to be put to before files and inventory are made; `None` where today will do.
    pub eve: Option<Timestamp>,
    /// When the schedule is due; of a rate the latest moment.
    pub at: Timestamp,
}

/// The first firing on a day after the one on which files and inventory can be made.
pub fn due(schedule: &Schedule, now: Timestamp) -> Option<Due> {
    let tomorrow = midnight(now + MARGIN) + DAY;
    let at = match schedule {
        Schedule::Rate(every) if *every > LONGEST_RATE => return None,
        Schedule::Rate(every) => tomorrow + *every,
        calendar => calendar.next(tomorrow, tomorrow)?,
    };
    let day_before = midnight(at).minus(DAY);
    let eve = (now < day_before).then_some(day_before + DAY / 2);
    Some(Due { eve, at })
}

/// The midnight that the moment's day begins with, in UTC.
pub fn midnight(moment: Timestamp) -> Timestamp {
    Timestamp::from_secs(moment.secs() - moment.secs().rem_euclid(DAY.as_secs().cast_signed()))
}

/// `2026-11-22`
pub fn date(moment: Timestamp) -> String {
    moment.iso_seconds().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firing_is_on_the_day_after_its_inventory() {
        let moment = |text: &str| Timestamp::parse_rfc3339(text).expect(text);
        for (expression, now, eve, at) in [
            ("cron(0 0 ? * MON-SUN *)", "2026-11-21T12:00:00Z", None, "2026-11-22T00:00:00Z"),
            ("cron(0 0 ? * MON-SUN *)", "2026-11-21T23:55:00Z", Some("2026-11-22T12:00:00Z"), "2026-11-23T00:00:00Z"),
            ("cron(0 1 ? * MON-SUN *)", "2026-11-21T00:30:00Z", None, "2026-11-22T01:00:00Z"),
            ("cron(0 3 1 * ? *)", "2026-11-21T12:00:00Z", Some("2026-11-30T12:00:00Z"), "2026-12-01T03:00:00Z"),
            ("rate(5 minutes)", "2026-11-21T12:00:00Z", None, "2026-11-22T00:05:00Z"),
        ] {
            let schedule = Schedule::parse(expression, "UTC").expect(expression);
            let due = due(&schedule, moment(now)).expect("a firing");
            assert_eq!((due.eve, due.at), (eve.map(moment), moment(at)), "{expression} {now}");
            let made = due.eve.unwrap_or(moment(now));
            assert_eq!(midnight(made) + DAY, midnight(due.at), "{expression} {now}");
        }
        for never in ["at(2020-01-01T00:00:00)", "rate(1 day)"] {
            let schedule = Schedule::parse(never, "UTC").expect(never);
            assert_eq!(due(&schedule, moment("2026-11-21T12:00:00Z")), None, "{never}");
        }
    }
}
