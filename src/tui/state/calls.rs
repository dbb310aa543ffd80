//! The calls that were made, as the Activity page lists them: most first, the selected one by name, so that it stays
//! selected when the order changes.

use std::cmp::Reverse;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::model::activity::{Activity, CallRow};

/// Seconds that calls are counted over.
const WINDOW_SECONDS: u64 = 60;

/// The calls so far and how many there were when.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) now: Activity,
    /// Milliseconds, and calls until then: what the last minute is told from.
    counted: VecDeque<(u64, u64)>,
    /// Service and operation of the selected row; `None` for the first one.
    selected: Option<(String, String)>,
    /// Whether what was called last stands first, rather than what was called most.
    #[serde(default)]
    is_latest_first: bool,
}

/// Sums over rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    pub(crate) throttled: u64,
    pub(crate) micros: u64,
    pub(crate) slowest_micros: u64,
    pub(crate) nano_usd: u64,
}

impl Sum {
    fn with(self, row: &CallRow) -> Self {
        Self {
            calls: self.calls.saturating_add(row.calls),
            errors: self.errors.saturating_add(row.errors),
            throttled: self.throttled.saturating_add(row.throttled),
            micros: self.micros.saturating_add(row.micros),
            slowest_micros: self.slowest_micros.max(row.slowest_micros),
            nano_usd: self.nano_usd.saturating_add(row.nano_usd),
        }
    }

    /// Microseconds of a call; `None` before the first one.
    pub(crate) fn mean_micros(&self) -> Option<u64> {
        self.micros.checked_div(self.calls)
    }
}

/// Whether a moment is not within the last minute any more.
fn is_old(at: u64, now: u64) -> bool {
    at.saturating_add(WINDOW_SECONDS * 1_000) <= now
}

impl Calls {
    /// Takes in the calls so far.
    pub(crate) fn see(&mut self, mut activity: Activity, now: u64) {
        for row in &mut activity.rows {
            // A command that was told before is not told again.
            let is_same = |known: &&CallRow| (&known.service, &known.operation) == (&row.service, &row.operation);
            let Some(known) = self.now.rows.iter().find(is_same).filter(|known| known.last <= row.last) else {
                continue;
            };
            row.command = row.command.take().or_else(|| known.command.clone());
            row.failed_command = row.failed_command.take().or_else(|| known.failed_command.clone());
        }
        self.now = activity;
        let calls = self.sum().calls;
        if self.counted.back().is_none_or(|(_, before)| *before > calls) {
            // Before the first count, and after counting began anew, there were none.
            self.counted.clear();
            self.counted.push_back((now, 0));
        }
        self.counted.push_back((now, calls));
        while self.counted.get(1).is_some_and(|(at, _)| is_old(*at, now)) {
            self.counted.pop_front();
        }
    }

    /// Calls of the last minute.
    pub(crate) fn last_minute(&self, now: u64) -> u64 {
        let before = self.counted.iter().take_while(|(at, _)| is_old(*at, now)).last().or(self.counted.front());
        let (Some((_, before)), Some((_, calls))) = (before, self.counted.back()) else { return 0 };
        calls.saturating_sub(*before)
    }

    /// All rows together.
    pub(crate) fn sum(&self) -> Sum {
        self.now.rows.iter().fold(Sum::default(), Sum::with)
    }

    /// Each service with the sum of its rows, most calls first.
    pub(crate) fn services(&self) -> Vec<(&str, Sum)> {
        let mut services: Vec<(&str, Sum)> = Vec::new();
        for row in &self.now.rows {
            match services.iter_mut().find(|(service, _)| *service == row.service) {
                Some((_, sum)) => *sum = sum.with(row),
                None => services.push((&row.service, Sum::default().with(row))),
            }
        }
        services.sort_by_key(|(service, sum)| (Reverse(sum.calls), *service));
        services
    }

    /// The rows, most calls first; or the latest first, and before them those that change something, since what only reads
    /// goes on without anybody's doing.
    pub(crate) fn sorted(&self) -> Vec<&CallRow> {
        let mut rows: Vec<&CallRow> = self.now.rows.iter().collect();
        let by = |row: &CallRow| if self.is_latest_first { (row.changes, row.last) } else { (false, row.calls) };
        rows.sort_by(|a, b| {
            by(b).cmp(&by(a)).then_with(|| (&a.service, &a.operation).cmp(&(&b.service, &b.operation)))
        });
        rows
    }

    /// What stands first.
    pub(crate) fn order(&self) -> &'static str {
        if self.is_latest_first { "latest changes" } else { "most" }
    }

    /// Changes the order; what stands first then is selected.
    pub(crate) fn turn(&mut self) {
        self.is_latest_first = !self.is_latest_first;
        self.selected = None;
    }

    /// Where the selected row stands among the sorted ones.
    pub(crate) fn place(&self) -> usize {
        let Some((service, operation)) = &self.selected else { return 0 };
        let is_selected = |row: &&CallRow| row.service == *service && row.operation == *operation;
        self.sorted().iter().position(is_selected).unwrap_or(0)
    }

    /// The selected row.
    pub(crate) fn row(&self) -> Option<&CallRow> {
        self.sorted().get(self.place()).copied()
    }

    /// Selects the row at a place.
    pub(crate) fn select(&mut self, place: usize) {
        self.selected = self.sorted().get(place).map(|row| (row.service.clone(), row.operation.clone()));
    }

    /// Selects the next row, or the one before, that had an error; tells whether there is one.
    pub(crate) fn seek_error(&mut self, forwards: bool) -> bool {
        let (place, rows) = (self.place(), self.sorted());
        let failed = |at: &usize| rows.get(*at).is_some_and(|row| row.errors > 0);
        let found = if forwards && self.selected.is_some() {
            (place + 1..rows.len()).find(failed)
        } else if forwards {
            (0..rows.len()).find(failed)
        } else {
            (0..place).rev().find(failed)
        };
        if let Some(at) = found {
            self.select(at);
        }
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(rows: &[(&str, &str, u64, u64)]) -> Activity {
        let row = |&(service, operation, calls, errors): &(&str, &str, u64, u64)| CallRow {
            service: service.to_owned(),
            operation: operation.to_owned(),
            calls,
            errors,
            micros: calls * 10,
            nano_usd: calls * 400,
            ..CallRow::default()
        };
        Activity { rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn the_last_minute_is_what_came_in_it() {
        let mut calls = Calls::default();
        assert_eq!(calls.last_minute(0), 0);
        calls.see(activity(&[("s3", "PutObject", 5, 0)]), 1_000);
        assert_eq!(calls.last_minute(1_000), 5);
        calls.see(activity(&[("s3", "PutObject", 25, 0)]), 31_000);
        assert_eq!(calls.last_minute(31_000), 25);
        assert_eq!(calls.last_minute(61_500), 20, "the first five are older than a minute");
        assert_eq!(calls.last_minute(200_000), 0, "nothing came since");
        for second in 0..10_000 {
            calls.see(activity(&[("s3", "PutObject", 25 + second, 0)]), 31_000 + second * 1_000);
        }
        assert!(calls.counted.len() < 70, "{}", calls.counted.len());
        assert_eq!(calls.last_minute(31_000 + 9_999_000), 60);
        calls.see(activity(&[("s3", "PutObject", 3, 0)]), 20_000_000);
        assert_eq!(calls.last_minute(20_000_000), 3, "counting began anew");
    }

    #[test]
    fn the_selected_row_stays_selected_when_the_order_changes() {
        let mut calls = Calls::default();
        calls.see(activity(&[("s3", "PutObject", 9, 0), ("sqs", "SendMessage", 5, 1), ("logs", "A", 5, 0)]), 0);
        let names = |calls: &Calls| calls.sorted().iter().map(|row| row.service.clone()).collect::<Vec<_>>();
        assert_eq!(names(&calls), ["s3", "logs", "sqs"], "most calls first, then by name");
        assert_eq!(calls.row().map(|row| row.service.as_str()), Some("s3"));
        calls.select(2);
        calls.see(activity(&[("s3", "PutObject", 9, 0), ("sqs", "SendMessage", 50, 1)]), 1);
        assert_eq!(calls.place(), 0);
        assert_eq!(calls.row().map(|row| row.service.as_str()), Some("sqs"));
        assert_eq!(calls.services()[1], ("s3", Sum { calls: 9, micros: 90, nano_usd: 3_600, ..Sum::default() }));
        assert_eq!(calls.sum().mean_micros(), Some(10));
        assert_eq!(Sum::default().mean_micros(), None);
    }

    #[test]
    fn errors_are_found_forwards_and_back() {
        let mut calls = Calls::default();
        calls.see(activity(&[("a", "A", 9, 1), ("b", "B", 8, 0), ("c", "C", 7, 2)]), 0);
        let at = |calls: &Calls| calls.row().map(|row| row.service.clone());
        assert!(calls.seek_error(true));
        assert_eq!(at(&calls).as_deref(), Some("a"), "the first row may be one");
        assert!(calls.seek_error(true));
        assert_eq!(at(&calls).as_deref(), Some("c"));
        assert!(!calls.seek_error(true));
        assert!(calls.seek_error(false));
        assert_eq!(at(&calls).as_deref(), Some("a"));
    }
}
