//! Whether the target brings events to log groups at all: inferred from what else it did, never from its name.
//!
//! Some endpoints take a log group as the target of a rule and never write a line to it. Three rules of the pipeline have
//! a log group beside another target, or as their only one; so once an item shows that the first rule delivered, an
//! execution that the second did, and that execution has put the event of the third, lines must be there. EventBridge
//! hands an event to all targets of a rule at the same time, and the execution ended after every other hop: what has not
//! come [`PATIENCE`] later, in two whole reads of each group, does not come. A single line refutes all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::real_now;
use crate::model::{LogRole, SetId};

/// Real time that lines may be late: endpoints deliver within a second, a busy one within a few.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Whole reads of every group that must have found nothing since the evidence was complete.
const READS: u32 = 2;
/// Items of a dataset that show that its rule delivers: the manifest's own, and one of another rule.
const ITEMS: usize = 2;

/// What is known of the delivery to log groups; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether it is judged at all: never on AWS and on the embedded endpoint, where a missing line is a fault.
    judged: bool,
    /// Whether any line was ever seen.
    delivered: bool,
    items: HashMap<SetId, usize>,
    put: HashMap<SetId, Instant>,
    /// What shows that lines must be there: the items of a dataset, and since when.
    evidence: Option<(SetId, Instant)>,
    /// Whole reads without a line that began since then.
    reads: HashMap<LogRole, u32>,
    groups: Vec<LogRole>,
}

impl Delivery {
    /// Judges by the reads of these groups.
    pub fn judging(groups: impl IntoIterator<Item = LogRole>) -> Self {
        let known = Known { judged: true, groups: groups.into_iter().collect(), ..Known::default() };
        Self { known: Arc::new(Mutex::new(known)) }
    }

    /// A line was seen, in any group.
    pub fn line(&self) {
        self.change(|known| known.delivered = true);
    }

    /// A dataset has so many items.
    pub fn items(&self, set: &SetId, count: usize) {
        self.change(|known| {
            known.items.insert(set.clone(), count);
            known.weigh(set, real_now());
        });
    }

    /// An execution ended well and had put its reconciliation event.
    pub fn event_put(&self, set: &SetId) {
        let now = real_now();
        self.change(|known| {
            known.put.entry(set.clone()).or_insert(now);
            known.weigh(set, now);
        });
    }

    /// A group was read from its start to its end and has no line; the read began then.
    pub fn found_empty(&self, role: LogRole, began: Instant) {
        self.change(|known| known.found_empty(role, began));
    }

    /// Whether lines must be there and none was found yet: then groups are to be read soon.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.evidence.is_some() && !known.delivered && known.problem(real_now()).is_none()
    }

    /// Why no line comes, once that is certain enough.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.problem(real_now())
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.judged && !known.delivered {
            change(&mut known);
        }
    }
}

impl Known {
    fn weigh(&mut self, set: &SetId, now: Instant) {
        let items = self.items.get(set).copied().unwrap_or_default();
        if self.evidence.is_none() && items >= ITEMS && self.put.contains_key(set) {
            self.evidence = Some((set.clone(), now));
        }
    }

    fn found_empty(&mut self, role: LogRole, began: Instant) {
        if self.evidence.as_ref().is_some_and(|(_, since)| began >= *since) {
            *self.reads.entry(role).or_default() += 1;
        }
    }

    fn problem(&self, now: Instant) -> Option<String> {
        let (set, since) = self.evidence.as_ref().filter(|_| !self.delivered)?;
        let items = self.items.get(set).copied().unwrap_or_default();
        let read = self.groups.iter().all(|role| self.reads.get(role).is_some_and(|&reads| reads >= READS));
        (read && now.saturating_duration_since(*since) >= PATIENCE).then(|| {
            format!(
                "this endpoint brings no events to log groups (inferred: {items} items were written and the reconciliation event was put, but {} s later none of {} groups has a line)",
                PATIENCE.as_secs(),
                self.groups.len()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(items: usize, put: bool) -> (Known, Instant) {
        let start = real_now();
        let mut known = Known { judged: true, groups: LogRole::ALL.to_vec(), ..Known::default() };
        let set = SetId::from("s");
        known.items.insert(set.clone(), items);
        if put {
            known.put.insert(set.clone(), start);
        }
        known.weigh(&set, start);
        (known, start)
    }

    fn read_all(known: &mut Known, began: Instant, times: u32) {
        (0..times).for_each(|_| LogRole::ALL.into_iter().for_each(|role| known.found_empty(role, began)));
    }

    #[test]
    fn two_whole_reads_of_each_group_and_patience_are_needed() {
        let (mut known, start) = known(200, true);
        let late = start + PATIENCE;
        read_all(&mut known, start, 1);
        assert_eq!(known.problem(late), None, "read once");
        LogRole::ALL.into_iter().skip(1).for_each(|role| known.found_empty(role, start));
        assert_eq!(known.problem(late), None, "one group was read once");
        known.found_empty(LogRole::ALL[0], start);
        assert_eq!(known.problem(late.checked_sub(Duration::from_millis(1)).expect("later")), None, "too soon");
        let problem = known.problem(late).expect("certain enough");
        assert!(problem.contains("200 items") && problem.contains("inferred"), "{problem}");
    }

    #[test]
    fn reads_that_began_before_the_evidence_do_not_count() {
        let before = real_now();
        let (mut known, start) = known(200, true);
        read_all(&mut known, before.checked_sub(Duration::from_secs(1)).expect("later"), 5);
        assert_eq!(known.problem(start + PATIENCE), None);
    }

    #[test]
    fn a_line_an_unfinished_execution_or_a_lone_item_leave_the_groups_as_they_are() {
        for (items, put, delivered) in [(200, true, true), (200, false, false), (1, true, false), (0, true, false)] {
            let (mut known, start) = known(items, put);
            known.delivered = delivered;
            read_all(&mut known, start, 9);
            assert_eq!(known.problem(start + PATIENCE * 9), None, "{items} {put} {delivered}");
        }
    }

    #[test]
    fn where_a_missing_line_is_a_fault_nothing_is_inferred() {
        let delivery = Delivery::default();
        delivery.items(&"s".into(), 200);
        delivery.event_put(&"s".into());
        for role in LogRole::ALL {
            delivery.found_empty(role, real_now());
        }
        assert!(delivery.known.lock().expect("no panic before").evidence.is_none());
        assert_eq!(delivery.problem(), None);
    }
}
