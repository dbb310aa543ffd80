//! What is seen while a job lands, folded for a headless command: datasets, counts, and moments of real time.

use std::time::Instant;

use crate::clock::real_now;
use crate::model::{
    Dataset, Datasets, ExecutionStatus, FlowEvent, GatewayStepKind, QueueDepth, Seen, SetId, SourceState,
};

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
    /// Error and cause of the last failure that a history told of.
    pub failure: Option<String>,
}

impl Progress {
    /// Takes in an event.
    pub fn see(&mut self, event: &FlowEvent) {
        let now = real_now();
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
                // A source that fails or answers again is no progress of the job.
                return;
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
