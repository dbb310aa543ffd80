//! What is seen while a job lands, folded for a headless command: datasets, counts, and moments of real time.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use crate::clock::real_now;
use crate::model::{
    Dataset, Datasets, ExecutionStatus, FlowEvent, GatewayStepKind, LogRole, QueueDepth, Seen, SetId, Source,
    SourceState,
};
use crate::sim::scenario::Course;

/// What is seen while a job lands.
#[derive(Debug, Default)]
pub struct Progress {
    /// Datasets as they land.
    pub datasets: Datasets,
    /// Accepted notifications.
    pub notified: u64,
    /// When the first one was accepted.
    pub first_notified: Option<Instant>,
    /// When the last one was accepted.
    pub last_notified: Option<Instant>,
    /// When the last new item was seen.
    pub last_item: Option<Instant>,
    /// The queue as it was seen last.
    pub queue: QueueDepth,
    /// When anything was seen last.
    pub last_seen: Option<Instant>,
    /// The last thing that a source of events said of its trouble.
    pub trouble: Option<String>,
    /// Each source that has reported: how it is, and since when.
    sources: BTreeMap<Source, (SourceState, Instant)>,
    /// Fingerprints of the keys that have a line, by log group and dataset.
    lines: BTreeMap<(LogRole, SetId), HashSet<u64>>,
    /// The stack that was observed and is no more.
    pub lost_stack: Option<String>,
    /// The order of what the gateway did, where that is asked for.
    pub course: Option<Course>,
    /// Error and cause of the last failure that a history told of.
    pub failure: Option<String>,
}

impl Progress {
    /// Keeps the order of what the gateway does as well.
    pub fn with_course() -> Self {
        Self { course: Some(Course::default()), ..Self::default() }
    }

    /// Takes in an event.
    pub fn see(&mut self, event: &FlowEvent) {
        let now = real_now();
        if let Some(course) = &mut self.course {
            course.see(event);
        }
        match &event.what {
            Seen::Gateway(step) if step.step == GatewayStepKind::Notified => {
                self.notified += 1;
                self.first_notified.get_or_insert(now);
                self.last_notified = Some(now);
            }
            Seen::Item(_) => self.last_item = Some(now),
            Seen::Queue(depth) => self.queue = *depth,
            Seen::Source(report) => {
                if let SourceState::Failing { problem } | SourceState::Unavailable { problem } = &report.state {
                    self.trouble = Some(problem.clone());
                }
                self.report(report.source, &report.state, now);
                self.datasets.see(event);
                // A source that fails or answers again is no progress of the job.
                return;
            }
            Seen::Log(line) => {
                if let Some(upload) = &line.upload {
                    let mut print = DefaultHasher::new();
                    upload.object_key.hash(&mut print);
                    self.lines.entry((line.role, upload.set_id.clone())).or_default().insert(print.finish());
                }
            }
            Seen::Stack(stack) => {
                let is_gone = stack.status.as_deref().is_none_or(|status| status.starts_with("DELETE"));
                self.lost_stack = is_gone.then(|| stack.name.clone());
            }
            Seen::History(event) if event.details.get("error").is_some() => {
                let of = |name: &str| event.details.get(name).map(ToString::to_string).unwrap_or_default();
                self.failure = Some(format!("{} {} {}", event.kind, of("error"), of("cause")));
            }
            _ => {}
        }
        self.last_seen = Some(now);
        self.datasets.see(event);
    }

    fn report(&mut self, source: Source, state: &SourceState, now: Instant) {
        let fails = |state: &SourceState| matches!(state, SourceState::Failing { .. });
        let since = match self.sources.get(&source) {
            Some((before, since)) if fails(before) && fails(state) => *since,
            _ => now,
        };
        self.sources.insert(source, (state.clone(), since));
    }

    /// Since when none of the sources answers, and what one of them says.
    pub fn outage(&self) -> Option<(Instant, &str)> {
        let mut outage: Option<(Instant, &str)> = None;
        for (state, since) in self.sources.values() {
            match state {
                SourceState::Unavailable { .. } => {}
                SourceState::Failing { problem } => {
                    if outage.is_none_or(|(first, _)| *since < first) {
                        outage = Some((*since, problem));
                    }
                }
                SourceState::Live | SourceState::Tailing { .. } | SourceState::Throttled { .. } => return None,
            }
        }
        outage
    }

    /// Why no lines come to a log group, where the target brings none.
    pub fn unavailable(&self, role: LogRole) -> Option<&str> {
        match self.sources.get(&Source::Logs(role)) {
            Some((SourceState::Unavailable { problem }, _)) => Some(problem),
            _ => None,
        }
    }

    /// How many keys of a dataset have a line in a log group.
    pub fn lines(&self, role: LogRole, set: &SetId) -> usize {
        self.lines.get(&(role, set.clone())).map_or(0, HashSet::len)
    }

    /// How far a dataset came, in a few words.
    pub fn reached(&self, set: &SetId) -> String {
        let Some(dataset) = self.datasets.get(set) else {
            return "nothing of it was seen".to_owned();
        };
        let keys = match (dataset.manifest.len(), dataset.announced) {
            (0, Some((keys, _))) => keys.to_string(),
            (0, None) => "?".to_owned(),
            (lines, _) => lines.to_string(),
        };
        format!("{} of {keys} uploaded, {} announced, {} items", dataset.uploaded, self.notified, dataset.items.len())
    }

    /// How far several datasets came, in a few words.
    pub fn reached_of(&self, sets: &[SetId]) -> String {
        let known = || sets.iter().filter_map(|set| self.datasets.get(set));
        let uploaded: u64 = known().map(|dataset| dataset.uploaded).sum();
        let items: usize = known().map(|dataset| dataset.items.len()).sum();
        format!("{uploaded} uploaded, {} announced, {items} items", self.notified)
    }

    /// One line on several datasets for a person.
    pub fn sentence_of(&self, sets: &[SetId]) -> String {
        let told = sets.iter().filter(|set| self.datasets.get(set).is_some_and(|dataset| dataset.outcome.is_some()));
        format!("{} · {} of {} datasets told", self.reached_of(sets), told.count(), sets.len())
    }

    /// One line for a person.
    pub fn sentence(&self, set: &SetId) -> String {
        let Some(dataset) = self.datasets.get(set) else {
            return "nothing was seen yet".to_owned();
        };
        let tally = dataset.tally();
        let expected = if tally.expected > 0 { tally.expected.to_string() } else { "?".to_owned() };
        format!(
            "uploaded {} · notified {} · queue {} · items {}/{expected} · iteration {}",
            dataset.uploaded,
            self.notified,
            self.queue.visible + self.queue.in_flight,
            dataset.items.len(),
            dataset.iterations
        )
    }
}

/// How the execution of a dataset stands.
pub fn execution_status(dataset: &Dataset) -> Option<ExecutionStatus> {
    dataset.execution.as_ref().map(|(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SourceReport, StackSeen, Timestamp};

    fn source(source: Source, state: SourceState) -> FlowEvent {
        FlowEvent { at: Timestamp::default(), what: Seen::Source(SourceReport { source, state }) }
    }

    fn failing(problem: &str) -> SourceState {
        SourceState::Failing { problem: problem.to_owned() }
    }

    #[test]
    fn an_outage_is_when_nothing_answers_and_it_lasts_since_the_first_failure() {
        let mut progress = Progress::default();
        assert!(progress.outage().is_none(), "nothing has reported");
        progress.see(&source(Source::Table, SourceState::Live));
        progress.see(&source(Source::Bucket, failing("refused")));
        assert!(progress.outage().is_none(), "the table answers");
        let (_, first) = progress.sources[&Source::Bucket].clone();
        progress.see(&source(Source::Table, failing("refused too")));
        progress.see(&source(Source::Bucket, failing("timed out")));
        let unavailable = SourceState::Unavailable { problem: "none".to_owned() };
        progress.see(&source(Source::Logs(LogRole::DataFileUpload), unavailable));
        assert_eq!(progress.outage(), Some((first, "timed out")));
        assert_eq!(progress.unavailable(LogRole::DataFileUpload), Some("none"));
        assert_eq!(progress.unavailable(LogRole::ManifestFileUpload), None);
        progress.see(&source(Source::Bucket, SourceState::Throttled { retry_ms: 1 }));
        assert!(progress.outage().is_none(), "who throttles answers");
        assert!(progress.last_seen.is_none(), "none of this is progress");
    }

    #[test]
    fn a_stack_that_is_gone_or_goes_is_lost() {
        let stack = |status: Option<&str>| FlowEvent {
            at: Timestamp::default(),
            what: Seen::Stack(StackSeen { status: status.map(str::to_owned), ..StackSeen::gone("s") }),
        };
        for (status, lost) in [
            (Some("CREATE_COMPLETE"), None),
            (None, Some("s")),
            (Some("UPDATE_COMPLETE"), None),
            (Some("DELETE_IN_PROGRESS"), Some("s")),
        ] {
            let mut progress = Progress::default();
            progress.see(&stack(status));
            assert_eq!(progress.lost_stack.as_deref(), lost, "{status:?}");
        }
    }
}
