//! A logical dataset as it is seen to land: what its manifest expects, what is present, and how its reconciliation
//! ended. Folded from [`FlowEvent`]s; seeing the same thing twice changes nothing.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::flow::{ExecutionStatus, FlowEvent, GatewayStepKind, JobState, LogRole, Seen};
use super::{SetId, Timestamp};

/// How a dataset's reconciliation ended, from its log group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// `File Upload Reconciliation Successful`.
    Successful,
    /// `File Upload Reconciliation Timeout`.
    Timeout,
}

/// Numbers of keys, by comparison of the items with the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Lines of the manifest; 0 until it was read.
    pub expected: usize,
    /// Lines that have an item.
    pub present: usize,
    /// Lines that have none.
    pub missing: usize,
    /// Items that no line names.
    pub unexpected: usize,
}

/// One dataset.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    /// The job of the simulated gateway: keys and bytes that it will announce.
    pub announced: Option<(u64, u64)>,
    /// How the job goes.
    pub job: Option<JobState>,
    /// Files that the simulated gateway has, by their furthest step.
    pub written: u64,
    /// Whole uploads.
    pub uploaded: u64,
    /// Accepted notifications; more than one a file where there are duplicates.
    pub notified: u64,
    /// Lines of the manifest.
    pub manifest: HashSet<String>,
    /// Keys that have an item.
    pub items: HashSet<String>,
    /// Manifest lines that have an item.
    present: usize,
    /// When the first and the last item was seen.
    pub first_item: Option<Timestamp>,
    /// When the last item was seen.
    pub last_item: Option<Timestamp>,
    /// How the reconciliation ended, and when.
    pub outcome: Option<(Outcome, Timestamp)>,
    /// The execution that reconciles it, and its status.
    pub execution: Option<(String, ExecutionStatus)>,
    /// Entries into the iterator state so far.
    pub iterations: u64,
}

impl Dataset {
    /// Numbers of keys.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            expected: self.manifest.len(),
            present: self.present,
            missing: self.manifest.len() - self.present,
            unexpected: if self.manifest.is_empty() { 0 } else { self.items.len() - self.present },
        }
    }

    /// Whether every item equals a manifest line and every line has its item.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        !self.manifest.is_empty() && self.present == self.manifest.len() && self.items.len() == self.present
    }

    /// Up to `limit` keys that the manifest names and the table lacks, in order.
    #[must_use]
    pub fn missing(&self, limit: usize) -> Vec<&str> {
        first(self.manifest.difference(&self.items), limit)
    }

    /// Up to `limit` keys that the table has and the manifest does not name, in order.
    #[must_use]
    pub fn unexpected(&self, limit: usize) -> Vec<&str> {
        if self.manifest.is_empty() { Vec::new() } else { first(self.items.difference(&self.manifest), limit) }
    }
}

fn first<'a>(keys: impl Iterator<Item = &'a String>, limit: usize) -> Vec<&'a str> {
    let mut keys: Vec<&str> = keys.map(String::as_str).collect();
    keys.sort_unstable();
    keys.truncate(limit);
    keys
}

/// Every dataset that was seen, in the order in which they were.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Datasets {
    sets: IndexMap<SetId, Dataset>,
    /// Execution ARN to dataset, for history events.
    executions: IndexMap<String, SetId>,
    /// The furthest history event seen of each execution: history is read again from the start after an outage.
    histories: IndexMap<String, i64>,
}

impl Datasets {
    /// The dataset of that id.
    #[must_use]
    pub fn get(&self, id: &SetId) -> Option<&Dataset> {
        self.sets.get(id)
    }

    /// Every dataset with its id, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&SetId, &Dataset)> + ExactSizeIterator {
        self.sets.iter()
    }

    /// The dataset that an execution reconciles.
    #[must_use]
    pub fn of_execution(&self, arn: &str) -> Option<&SetId> {
        self.executions.get(arn)
    }

    /// Takes in one event; events that say nothing of a dataset change nothing.
    pub fn see(&mut self, event: &FlowEvent) {
        match &event.what {
            Seen::Job(job) => {
                let set = self.set(&job.set_id);
                set.announced = Some((job.keys, job.bytes));
                set.job = Some(job.state.clone());
            }
            Seen::Gateway(step) => {
                let set = self.set(&step.set_id);
                match step.step {
                    GatewayStepKind::Written => set.written += 1,
                    GatewayStepKind::PartialUploaded => {}
                    GatewayStepKind::Uploaded => set.uploaded += 1,
                    GatewayStepKind::Notified => set.notified += 1,
                }
            }
            Seen::Item(item) => {
                let set = self.set(&item.set_id);
                if !set.items.contains(&item.object_key) {
                    set.items.insert(item.object_key.clone());
                    set.present += usize::from(set.manifest.contains(&item.object_key));
                    set.first_item.get_or_insert(event.at);
                    set.last_item = Some(event.at);
                }
            }
            Seen::Manifest(read) => {
                let set = self.set(&read.set_id);
                set.manifest = read.keys.iter().cloned().collect();
                set.present = set.manifest.intersection(&set.items).count();
            }
            Seen::Log(line) => {
                let outcome = match line.role {
                    LogRole::ReconcileSuccessful => Outcome::Successful,
                    LogRole::ReconcileTimeout => Outcome::Timeout,
                    LogRole::DataFileUpload | LogRole::ManifestFileUpload => return,
                };
                if let Some(upload) = &line.upload {
                    self.set(&upload.set_id).outcome = Some((outcome, event.at));
                }
            }
            Seen::Execution(execution) => {
                if let Some(id) = &execution.set_id {
                    self.executions.insert(execution.arn.clone(), id.clone());
                    self.set(id).execution = Some((execution.arn.clone(), execution.status));
                }
            }
            Seen::History(history) => {
                let furthest = self.histories.entry(history.execution.clone()).or_default();
                if history.id <= *furthest {
                    return;
                }
                *furthest = history.id;
                if history.kind == "TaskStateEntered"
                    && history.state.as_deref() == Some("iteratorState")
                    && let Some(id) = self.executions.get(&history.execution).cloned()
                {
                    self.set(&id).iterations += 1;
                }
            }
            Seen::Object(_)
            | Seen::Queue(_)
            | Seen::Machine(_)
            | Seen::Stack(_)
            | Seen::StackEvent(_)
            | Seen::Source(_) => {}
        }
    }

    fn set(&mut self, id: &SetId) -> &mut Dataset {
        self.sets.entry(id.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow::{ManifestRead, UploadItem};

    fn item(key: &str) -> FlowEvent {
        FlowEvent {
            at: Timestamp::from_secs(1),
            what: Seen::Item(UploadItem {
                set_id: "s".into(),
                object_key: key.to_owned(),
                bucket_name: "b".to_owned(),
                object_size: 1,
                event_time: 1,
            }),
        }
    }

    fn manifest(keys: &[&str]) -> FlowEvent {
        FlowEvent {
            at: Timestamp::from_secs(1),
            what: Seen::Manifest(ManifestRead {
                set_id: "s".into(),
                object_key: "s-vaultjob/s.manifest".to_owned(),
                keys: keys.iter().map(|&key| key.to_owned()).collect(),
            }),
        }
    }

    #[test]
    fn items_and_manifest_are_compared_in_either_order_and_seen_twice() {
        let events = [item("a"), manifest(&["a", "b", "c"]), item("x"), item("b"), item("b")];
        for order in [[0, 1, 2, 3, 4], [1, 0, 3, 2, 4], [3, 2, 4, 0, 1]] {
            let mut sets = Datasets::default();
            order.iter().chain(&order).for_each(|&n| sets.see(&events[n]));
            let set = sets.get(&"s".into()).expect("the dataset was seen");
            assert_eq!(set.tally(), Tally { expected: 3, present: 2, missing: 1, unexpected: 1 });
            assert_eq!((set.missing(9), set.unexpected(9)), (vec!["c"], vec!["x"]));
            assert!(!set.is_equal());
        }
    }

    #[test]
    fn a_dataset_is_equal_only_when_both_sides_are() {
        let mut sets = Datasets::default();
        sets.see(&item("a"));
        assert!(!sets.get(&"s".into()).expect("seen").is_equal(), "no manifest yet");
        sets.see(&manifest(&["a"]));
        assert!(sets.get(&"s".into()).expect("seen").is_equal());
        sets.see(&item("x"));
        assert!(!sets.get(&"s".into()).expect("seen").is_equal(), "an unexpected item");
    }
}
