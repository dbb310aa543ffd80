//! The order in which files were written and announced, folded from what the gateway told.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::super::dataset::{Dataset, EntryKind};
use crate::model::{FlowEvent, GatewayStepKind, Seen, SetId};

/// Where the manifest's notification stands among those of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestPlace {
    /// Before every file's.
    BeforeFiles,
    /// Before some and after others.
    AmongFiles,
    /// After every file's.
    AfterFiles,
}

/// What the gateway did with the files of each dataset, in its order.
#[derive(Debug, Clone, Default)]
pub struct Course {
    sets: HashMap<SetId, Order>,
    notified: u64,
}

/// Fingerprints of keys.
#[derive(Debug, Clone, Default)]
struct Order {
    written: Vec<u64>,
    announced: Vec<u64>,
    known: HashSet<(GatewayStepKind, u64)>,
}

fn print(key: &str) -> u64 {
    let mut print = DefaultHasher::new();
    key.hash(&mut print);
    print.finish()
}

impl Course {
    /// Takes in an event.
    pub fn see(&mut self, event: &FlowEvent) {
        let Seen::Gateway(step) = &event.what else { return };
        if !matches!(step.step, GatewayStepKind::Written | GatewayStepKind::Notified) {
            return;
        }
        self.notified += u64::from(step.step == GatewayStepKind::Notified);
        let print = print(&step.object_key);
        let order = self.sets.entry(step.set_id.clone()).or_default();
        if order.known.insert((step.step, print)) {
            let list = if step.step == GatewayStepKind::Written { &mut order.written } else { &mut order.announced };
            list.push(print);
        }
    }

    /// Notifications that were accepted.
    #[must_use]
    pub fn notified(&self) -> u64 {
        self.notified
    }

    /// Notifications beyond the first of their file.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.notified - self.sets.values().map(|order| order.announced.len() as u64).sum::<u64>()
    }

    /// Whether files were announced first in the order in which they were written first.
    #[must_use]
    pub fn is_in_order(&self, set: &SetId) -> bool {
        let Some(order) = self.sets.get(set) else { return false };
        let announced: HashSet<u64> = order.announced.iter().copied().collect();
        order.written.iter().filter(|print| announced.contains(print)).eq(&order.announced)
    }

    /// Where the manifest stands; `None` while it was not announced.
    #[must_use]
    pub fn manifest(&self, set: &Dataset) -> Option<ManifestPlace> {
        let order = self.sets.get(&set.set_id)?;
        let manifest = print(&set.manifest()?.key);
        let files: HashSet<u64> =
            set.entries.iter().filter(|entry| entry.kind == EntryKind::File).map(|entry| print(&entry.key)).collect();
        let at = order.announced.iter().position(|print| *print == manifest)?;
        let is_before = order.announced[..at].iter().any(|print| files.contains(print));
        let is_after = order.announced[at..].iter().any(|print| files.contains(print));
        Some(match (is_before, is_after) {
            (false, _) => ManifestPlace::BeforeFiles,
            (true, true) => ManifestPlace::AmongFiles,
            (true, false) => ManifestPlace::AfterFiles,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::GatewayStepKind::{Notified, Written};
    use super::*;
    use crate::model::{GatewayStep, Timestamp};
    use crate::sim::JobSpec;

    #[test]
    fn order_and_repetitions_are_told_by_key() {
        let set = Dataset::of(&JobSpec { files: 3, dirs: 0, ..JobSpec::default() }).expect("a dataset");
        let mut course = Course::default();
        let mut step = |entries: &[usize], kind| {
            for at in entries {
                let step = GatewayStep {
                    set_id: set.set_id.clone(),
                    step: kind,
                    object_key: set.entries[*at].key.to_string(),
                    object_size: 1,
                    modified: None,
                };
                course.see(&FlowEvent { at: Timestamp::default(), what: Seen::Gateway(step) });
            }
            (course.is_in_order(&set.set_id), course.manifest(&set), course.repeated())
        };
        step(&[0, 1, 2, 3, 4, 1], Written);
        assert_eq!(step(&[0, 1], Notified), (true, None, 0));
        assert_eq!(step(&[1], Notified), (true, None, 1));
        assert_eq!(step(&[4], Notified), (true, Some(ManifestPlace::AfterFiles), 1));
        assert_eq!(step(&[3, 2], Notified), (false, Some(ManifestPlace::AmongFiles), 1));
        assert_eq!(course.notified(), 6);
    }
}
