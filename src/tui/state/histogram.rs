//! Lines over time, counted as they come and go: buckets that double in width as the span grows. It keeps a bounded number
//! of counts, never the lines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// Buckets at the most: more than a terminal has columns, so that each column is told from several.
const BUCKETS: i64 = 1_024;
/// Fewer buckets than these over the span tell too little of it.
const TELLING: i64 = BUCKETS / 8;

/// Lines of a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    lines: u64,
    failures: u64,
}

/// How many lines there were when.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Histogram {
    /// Each bucket is 2 to the power of this milliseconds wide.
    doubled: u32,
    /// By the milliseconds that they begin at, divided by their width; none is empty.
    buckets: BTreeMap<i64, Bucket>,
    failures: u64,
}

/// A column of the strip.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Column {
    /// Lines: parts of one where its bucket lies over several columns.
    pub(crate) lines: f64,
    /// Whether a failure is among them.
    pub(crate) failed: bool,
}

impl Histogram {
    /// Of lines that are there already, by their time and whether they tell of a failure.
    pub(crate) fn of(lines: impl Iterator<Item = (Timestamp, bool)>) -> Self {
        let mut all = Self::default();
        lines.for_each(|(at, failed)| all.add(at, failed));
        all
    }

    fn place(&self, at: Timestamp) -> i64 {
        at.millis() >> self.doubled
    }

    /// Buckets from the first to the last one.
    fn span(&self) -> i64 {
        let (first, last) = (self.buckets.first_key_value(), self.buckets.last_key_value());
        first.zip(last).map_or(0, |((first, _), (last, _))| last - first + 1)
    }

    /// Counts a line.
    pub(crate) fn add(&mut self, at: Timestamp, failed: bool) {
        let bucket = self.buckets.entry(self.place(at)).or_default();
        bucket.lines += 1;
        bucket.failures += u64::from(failed);
        self.failures += u64::from(failed);
        while self.span() > BUCKETS {
            self.doubled += 1;
            let mut wider: BTreeMap<i64, Bucket> = BTreeMap::new();
            for (at, bucket) in &self.buckets {
                let sum = wider.entry(at >> 1).or_default();
                sum.lines += bucket.lines;
                sum.failures += bucket.failures;
            }
            self.buckets = wider;
        }
    }

    /// Takes back a line that was counted.
    pub(crate) fn remove(&mut self, at: Timestamp, failed: bool) {
        let place = self.place(at);
        let Some(bucket) = self.buckets.get_mut(&place) else { return };
        bucket.lines = bucket.lines.saturating_sub(1);
        bucket.failures = bucket.failures.saturating_sub(u64::from(failed));
        self.failures = self.failures.saturating_sub(u64::from(failed));
        if bucket.lines == 0 {
            self.buckets.remove(&place);
        }
    }

    /// Whether so much was taken back that the buckets are too wide for what is left: it has to be counted anew, which
    /// makes room for eight times the lines before that happens again.
    pub(crate) fn is_coarse(&self) -> bool {
        self.doubled > 0 && self.span() < TELLING
    }

    /// Failures among the lines.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// The lines from `first` to `last` over so many columns.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cells of a strip: below a part of one nothing is seen, and what lies outside is clamped"
    )]
    pub(crate) fn columns(&self, first: Timestamp, last: Timestamp, count: usize) -> Vec<Column> {
        let mut columns = vec![Column::default(); count];
        let (from, to) = (first.millis(), last.millis().max(first.millis()) + 1);
        let scale = count as f64 / (to - from) as f64;
        for (at, bucket) in &self.buckets {
            let begin = (at << self.doubled).clamp(from, to);
            let end = ((at + 1) << self.doubled).clamp(from, to);
            let (begin, end) = ((begin - from) as f64 * scale, (end - from) as f64 * scale);
            if end <= begin {
                continue;
            }
            let each = bucket.lines as f64 / (end - begin);
            let mut widest = (0.0, 0);
            for column in begin as usize..=(end as usize).min(count.saturating_sub(1)) {
                let part = (end.min((column + 1) as f64) - begin.max(column as f64)).max(0.0);
                if let Some(column) = columns.get_mut(column) {
                    column.lines += part * each;
                }
                if part > widest.0 {
                    widest = (part, column);
                }
            }
            if bucket.failures > 0
                && let Some(column) = columns.get_mut(widest.1)
            {
                column.failed = true;
            }
        }
        columns
    }
}

/// The column that a moment lies in.
pub(crate) fn column(at: Timestamp, first: Timestamp, last: Timestamp, count: usize) -> usize {
    let count = i128::try_from(count).unwrap_or(0);
    let (from, to) = (i128::from(first.millis()), i128::from(last.millis().max(first.millis())) + 1);
    let column = (i128::from(at.millis()) - from) * count / (to - from);
    usize::try_from(column.clamp(0, (count - 1).max(0))).unwrap_or(0)
}

/// The moment that a column begins at.
pub(crate) fn moment(column: usize, first: Timestamp, last: Timestamp, count: usize) -> Timestamp {
    let (from, to) = (i128::from(first.millis()), i128::from(last.millis().max(first.millis())) + 1);
    let count = i128::try_from(count.max(1)).unwrap_or(1);
    let passed = (i128::try_from(column).unwrap_or(0) * (to - from) + count - 1) / count;
    Timestamp::from_millis(i64::try_from(from + passed).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn sum(columns: &[Column]) -> f64 {
        columns.iter().map(|column| column.lines).sum()
    }

    #[test]
    fn a_steady_rate_is_a_flat_strip_and_a_burst_a_peak() {
        let steady = Histogram::of((0..200_000).map(|n| (at(n * 7), false)));
        assert!(steady.buckets.len() <= 1_024, "{}", steady.buckets.len());
        let columns = steady.columns(at(0), at(199_999 * 7), 133);
        let (low, high) = columns
            .iter()
            .fold((f64::MAX, 0.0_f64), |(low, high), column| (low.min(column.lines), high.max(column.lines)));
        assert!(high / low < 1.05, "{low} {high}");
        let mut burst = steady.clone();
        (0..50_000).for_each(|n| burst.add(at(700_000 + n % 100), n == 0));
        let columns = burst.columns(at(0), at(199_999 * 7), 133);
        let highest = columns.iter().position(|column| column.lines > 10.0 * high).expect("a peak");
        assert_eq!(highest, column(at(700_000), at(0), at(199_999 * 7), 133));
        assert_eq!(columns.iter().filter(|column| column.failed).count(), 1);
        assert_eq!(burst.failures(), 1);
    }

    #[test]
    fn of_what_was_dropped_nothing_stays_and_what_is_left_is_told_finely_again() {
        let moments = |from: i64, to: i64| (from..to).map(|n| (at(n * 1_000), n % 100 == 0));
        let mut all = Histogram::of(moments(0, 100_000));
        assert_eq!(all.failures(), 1_000);
        for (at, failed) in moments(0, 99_950) {
            all.remove(at, failed);
        }
        assert_eq!(all.failures(), 0);
        assert!(all.is_coarse(), "50 s in buckets of two minutes");
        let again = Histogram::of(moments(99_950, 100_000));
        assert!(!again.is_coarse());
        assert!((sum(&again.columns(at(99_950_000), at(99_999_000), 60)) - 50.0).abs() < 1e-6);
    }

    #[test]
    fn one_moment_fills_the_strip() {
        let one = Histogram::of([(at(5), true), (at(5), false)].into_iter());
        let columns = one.columns(at(5), at(5), 10);
        assert!(columns.iter().all(|column| column.lines > 0.0), "{columns:?}");
        assert!(Histogram::default().columns(at(0), at(9), 0).is_empty());
    }

    proptest! {
        /// Whatever comes and goes: the strip has as many lines as there are, and as few buckets as were promised.
        #[test]
        fn counts_are_those_of_the_lines(
            lines in prop::collection::vec((-9_000_000_000_000_i64..9_000_000_000_000, any::<bool>()), 1..200),
            dropped in 0_usize..200,
            width in 1_usize..300,
        ) {
            let mut lines = lines;
            let mut counts = Histogram::of(lines.iter().map(|(millis, failed)| (at(*millis), *failed)));
            lines.sort_unstable();
            let gone: Vec<_> = lines.drain(..dropped.min(lines.len() - 1)).collect();
            for (millis, failed) in &gone {
                counts.remove(at(*millis), *failed);
            }
            prop_assert!(counts.buckets.len() <= 1_024);
            prop_assert_eq!(counts.failures(), lines.iter().filter(|(_, failed)| *failed).count() as u64);
            let (first, last) = (at(lines[0].0), at(lines[lines.len() - 1].0));
            let columns = counts.columns(first, last, width);
            let (told, there) = (sum(&columns), f64::from(u32::try_from(lines.len()).expect("a small number")));
            prop_assert!((told - there).abs() < 1e-3, "{told} {there}");
            for (millis, _) in &lines {
                let column = column(at(*millis), first, last, width);
                prop_assert!(column < width);
                prop_assert!(moment(column, first, last, width).millis() <= *millis);
            }
        }
    }
}
