//! How the sources of what is seen answer, and whether so many of them do not that the target itself is away. Pure:
//! moments are milliseconds since the dashboard opened.

use serde::{Deserialize, Serialize};

use crate::model::{LogRole, Source, SourceReport, SourceState};

/// How long it is said that the target answers again.
const BACK_MS: u64 = 15_000;
/// Sources that ceased to answer within this time of one another did so together; one that failed long before did not.
const TOGETHER_MS: u64 = 30_000;

/// How a source of events is, and when it last gave one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SourceView {
    pub(crate) source: Source,
    pub(crate) state: SourceState,
    pub(crate) last_ms: Option<u64>,
    /// Since when it is in a state of this kind.
    pub(crate) since_ms: u64,
    /// When it last said how it is.
    told_ms: u64,
}

impl SourceView {
    /// Milliseconds until a throttled source is asked again; `None` for others.
    pub(crate) fn next_look_ms(&self, now: u64) -> Option<u64> {
        match self.state {
            SourceState::Throttled { retry_ms } => Some(self.told_ms.saturating_add(retry_ms).saturating_sub(now)),
            _ => None,
        }
    }
}

/// What is said of a target that was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Back {
    pub(crate) away_ms: u64,
    since_ms: u64,
}

/// A turn that a report brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Most sources have ceased to answer.
    Away,
    /// They answer again, after so many milliseconds.
    Back(u64),
}

/// How well what a number is made of can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All of it.
    Clear,
    /// A part of it is never seen on this target.
    Part,
    /// Something of it does not answer now; the number is from before.
    Stale,
    /// The target does not have it.
    Never,
}

/// The sources that were heard of.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sources {
    list: Vec<SourceView>,
    away_since_ms: Option<u64>,
    back: Option<Back>,
}

impl Sources {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SourceView> {
        self.list.iter()
    }

    pub(crate) fn get(&self, source: Source) -> Option<&SourceView> {
        self.list.iter().find(|view| view.source == source)
    }

    /// The log groups that were heard of, in the order of their roles.
    pub(crate) fn logs(&self, only: Option<LogRole>) -> Vec<&SourceView> {
        let roles =
            LogRole::ALL.into_iter().chain(LogRole::ARCHIVING).filter(|role| only.is_none_or(|only| only == *role));
        roles.filter_map(|role| self.get(Source::Logs(role))).collect()
    }

    /// Something came from a source.
    pub(crate) fn heard(&mut self, source: Source, now: u64) {
        self.view(source, now).last_ms = Some(now);
    }

    /// A source says how it is.
    pub(crate) fn report(&mut self, report: &SourceReport, now: u64) -> Option<Turn> {
        let view = self.view(report.source, now);
        if std::mem::discriminant(&view.state) != std::mem::discriminant(&report.state) {
            view.since_ms = now;
        }
        view.state = report.state.clone();
        view.told_ms = now;
        let failing = self.list.iter().filter(|view| matches!(view.state, SourceState::Failing { .. }));
        let together =
            failing.clone().map(|view| view.since_ms).filter(|since| now.saturating_sub(*since) < TOGETHER_MS);
        let begun = together.min().unwrap_or(now);
        let failing = failing.count();
        let whole = self.list.iter().filter(|view| !matches!(view.state, SourceState::Unavailable { .. })).count();
        match (self.away_since_ms, failing >= 2 && failing * 2 > whole) {
            (None, true) => {
                self.away_since_ms = Some(begun);
                self.back = None;
                Some(Turn::Away)
            }
            (Some(since), false) => {
                let away_ms = now.saturating_sub(since);
                self.away_since_ms = None;
                self.back = Some(Back { away_ms, since_ms: now });
                Some(Turn::Back(away_ms))
            }
            _ => None,
        }
    }

    /// Since when most sources do not answer.
    pub(crate) fn away_since_ms(&self) -> Option<u64> {
        self.away_since_ms
    }

    /// That the target was away and answers again, for a while after it came back.
    pub(crate) fn back(&self, now: u64) -> Option<Back> {
        self.back.filter(|back| now.saturating_sub(back.since_ms) < BACK_MS)
    }

    /// How well a number that is made of these sources can be seen; what was not heard of yet counts as seen.
    pub(crate) fn sight(&self, of: &[Source]) -> Sight {
        let mut never = 0;
        let mut stale = false;
        for state in of.iter().filter_map(|source| self.get(*source)).map(|view| &view.state) {
            match state {
                SourceState::Live | SourceState::Tailing { .. } => {}
                SourceState::Throttled { .. } | SourceState::Failing { .. } => stale = true,
                SourceState::Unavailable { .. } => never += 1,
            }
        }
        match (never, stale) {
            (never, _) if never > 0 && never == of.len() => Sight::Never,
            (_, true) => Sight::Stale,
            (0, false) => Sight::Clear,
            _ => Sight::Part,
        }
    }

    /// Forgets them: what they belong to is gone.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn view(&mut self, source: Source, now: u64) -> &mut SourceView {
        let known = self.list.iter().position(|view| view.source == source);
        let at = known.unwrap_or_else(|| {
            let state = SourceState::Live;
            self.list.push(SourceView { source, state, last_ms: None, since_ms: now, told_ms: now });
            self.list.len() - 1
        });
        &mut self.list[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing() -> SourceState {
        SourceState::Failing { problem: "no answer".to_owned() }
    }

    fn unavailable() -> SourceState {
        SourceState::Unavailable { problem: "not there".to_owned() }
    }

    fn told(sources: &mut Sources, source: Source, state: SourceState, now: u64) -> Option<Turn> {
        sources.report(&SourceReport { source, state }, now)
    }

    #[test]
    fn the_target_is_away_while_most_of_what_it_has_fails() {
        let mut sources = Sources::default();
        for source in [Source::Queue, Source::Table, Source::Executions, Source::Bucket] {
            assert_eq!(told(&mut sources, source, SourceState::Live, 0), None);
        }
        for role in LogRole::ALL {
            assert_eq!(told(&mut sources, Source::Logs(role), unavailable(), 0), None, "n/a is no outage");
        }
        assert_eq!(told(&mut sources, Source::Queue, failing(), 1_000), None);
        assert_eq!(told(&mut sources, Source::Table, failing(), 2_000), None, "half is not most");
        assert_eq!(told(&mut sources, Source::Bucket, failing(), 3_000), Some(Turn::Away));
        assert_eq!(sources.away_since_ms(), Some(1_000));
        assert_eq!(told(&mut sources, Source::Bucket, failing(), 4_000), None);
        assert_eq!(told(&mut sources, Source::Bucket, SourceState::Live, 9_000), Some(Turn::Back(8_000)));
        assert_eq!(sources.away_since_ms(), None);
        assert_eq!(sources.back(9_000).map(|back| back.away_ms), Some(8_000));
        assert_eq!(sources.back(9_000 + BACK_MS), None, "it is said for a while only");
    }

    #[test]
    fn an_outage_does_not_begin_with_a_source_that_failed_long_before() {
        let mut sources = Sources::default();
        let all = [Source::Stack, Source::Queue, Source::Table];
        assert!(all.into_iter().all(|source| told(&mut sources, source, SourceState::Live, 0).is_none()));
        assert_eq!(told(&mut sources, Source::Stack, failing(), 1_000), None);
        assert_eq!(told(&mut sources, Source::Table, failing(), 400_000), Some(Turn::Away));
        assert_eq!(sources.away_since_ms(), Some(400_000));
        assert_eq!(told(&mut sources, Source::Table, SourceState::Live, 460_000), Some(Turn::Back(60_000)));
    }

    #[test]
    fn one_source_that_fails_is_no_outage_and_all_of_two_are() {
        let mut sources = Sources::default();
        assert_eq!(told(&mut sources, Source::Stack, failing(), 0), None);
        assert_eq!(told(&mut sources, Source::Bucket, failing(), 0), Some(Turn::Away));
    }

    #[test]
    fn a_state_lasts_while_only_its_words_change() {
        let mut sources = Sources::default();
        told(&mut sources, Source::Table, SourceState::Throttled { retry_ms: 3_000 }, 1_000);
        let table = |sources: &Sources, now| sources.get(Source::Table).and_then(|view| view.next_look_ms(now));
        assert_eq!(table(&sources, 2_500), Some(1_500));
        assert_eq!(table(&sources, 9_000), Some(0));
        told(&mut sources, Source::Table, SourceState::Throttled { retry_ms: 500 }, 9_000);
        assert_eq!(table(&sources, 9_100), Some(400));
        assert_eq!(sources.get(Source::Table).map(|view| view.since_ms), Some(1_000));
        told(&mut sources, Source::Table, failing(), 10_000);
        assert_eq!(sources.get(Source::Table).map(|view| view.since_ms), Some(10_000));
        assert_eq!(table(&sources, 10_000), None);
    }

    #[test]
    fn a_number_is_seen_as_well_as_its_sources_are() {
        let mut sources = Sources::default();
        let of = [Source::Logs(LogRole::DataFileUpload), Source::Logs(LogRole::ManifestFileUpload)];
        assert_eq!(sources.sight(&of), Sight::Clear);
        told(&mut sources, of[0], unavailable(), 0);
        assert_eq!((sources.sight(&of), sources.sight(&of[..1])), (Sight::Part, Sight::Never));
        told(&mut sources, of[1], failing(), 0);
        assert_eq!(sources.sight(&of), Sight::Stale);
        told(&mut sources, of[1], unavailable(), 0);
        assert_eq!(sources.sight(&of), Sight::Never);
    }
}
