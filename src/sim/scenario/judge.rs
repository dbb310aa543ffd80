//! What was found, held against what was expected. Pure.

use super::{Announced, Bounds, Expect, ExpectSet, ManifestPlace, Scenario, Told};
use crate::model::{Check, Outcome, SetId};
use crate::sim::Tally;

/// What was found of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSet {
    /// Its id.
    pub set_id: SetId,
    /// How its reconciliation ended; `None` where no event was found.
    pub outcome: Option<Outcome>,
    /// Lines of the manifest.
    pub expected: u64,
    /// Lines that have an item.
    pub present: u64,
    /// Keys that have none.
    pub missing: Vec<String>,
    /// Keys of items that no line names.
    pub unexpected: Vec<String>,
    /// Of `missing`, those that the scenario did not keep back itself.
    pub lost: u64,
    /// Comparisons that were begun.
    pub iterations: u64,
    /// Whether it was announced in the order of its writes.
    pub is_in_order: bool,
    /// Where its manifest was announced.
    pub manifest: Option<ManifestPlace>,
}

/// What was found in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The datasets, one a job.
    pub sets: Vec<FoundSet>,
    /// Notifications that were accepted.
    pub notifications: u64,
    /// Notifications beyond the first of their file.
    pub repeated: u64,
    /// Objects below the roots.
    pub objects: u64,
    /// Objects of which only a part is there.
    pub partial_objects: u64,
    /// Messages in the dead-letter queue.
    pub dead_letters: u64,
    /// How often faults struck.
    pub faults_struck: u64,
    /// What happened at the gateway.
    pub tally: Tally,
}

/// Values that differ and are named for a person.
const NAMED: usize = 3;

/// Holds what was found against what the scenario expects.
#[must_use]
pub fn judge(scenario: &Scenario, found: &Found) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut first = 0;
    // Clients that are alike are judged together.
    for alike in scenario.sets.chunk_by(|a, b| a == b) {
        let sets = found.sets.get(first..(first + alike.len()).min(found.sets.len())).unwrap_or_default();
        let of = match scenario.sets.len() {
            1 => String::new(),
            _ => format!(" of each of {} datasets", alike.len()),
        };
        if let Some(expected) = alike.first() {
            checks.extend(judge_sets(expected, sets, alike.len(), &of));
        }
        first += alike.len();
    }
    checks.extend(judge_all(&scenario.expect, found));
    checks
}

fn judge_sets(expected: &ExpectSet, sets: &[FoundSet], count: usize, of: &str) -> Vec<Check> {
    let word = |outcome: Option<Outcome>| outcome.map_or("no reconciliation event", Told::word).to_owned();
    let each = |what: &str, wanted: String, tell: &dyn Fn(&FoundSet) -> (String, bool)| {
        let mut values: Vec<String> = Vec::new();
        let mut holds = sets.len() == count;
        for set in sets {
            let (value, will_do) = tell(set);
            holds &= will_do;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let more = values.len().saturating_sub(NAMED);
        values.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} other values") } else { String::new() };
        Check { what: format!("{what}{of}"), expected: wanted, found: format!("{}{more}", values.join(", ")), holds }
    };
    let outcome = expected.outcome.outcome();
    let mut checks =
        vec![each("outcome", word(Some(outcome)), &|set| (word(set.outcome), set.outcome == Some(outcome)))];
    let mut number = |what: &str, bounds: Option<Bounds>, tell: &dyn Fn(&FoundSet) -> u64| {
        if let Some(bounds) = bounds {
            checks.push(each(what, bounds.to_string(), &|set| (tell(set).to_string(), bounds.hold(tell(set)))));
        }
    };
    number("manifest lines", expected.expected, &|set| set.expected);
    number("present", expected.present, &|set| set.present);
    number("missing", expected.missing, &|set| set.missing.len() as u64);
    number("missing by accident", Some(Bounds::exactly(0)), &|set| set.lost);
    number("unexpected", expected.unexpected, &|set| set.unexpected.len() as u64);
    number("iterations", expected.iterations, &|set| set.iterations);
    if let Some(announced) = expected.announced {
        let word = |is_in_order| if is_in_order { "in the order of the writes" } else { "in another order" }.to_owned();
        let wanted = announced == Announced::InOrder;
        checks.push(each("announced", word(wanted), &|set| (word(set.is_in_order), set.is_in_order == wanted)));
    }
    if let Some(place) = expected.manifest {
        let word = |place| {
            match place {
                None => "never",
                Some(ManifestPlace::BeforeFiles) => "before every file",
                Some(ManifestPlace::AmongFiles) => "among the files",
                Some(ManifestPlace::AfterFiles) => "after every file",
            }
            .to_owned()
        };
        let wanted = Some(place);
        checks.push(each("manifest announced", word(wanted), &|set| (word(set.manifest), set.manifest == wanted)));
    }
    checks
}

fn judge_all(expected: &Expect, found: &Found) -> Vec<Check> {
    let Tally { blocked_writes, held_notifications, most_dirty_bytes, .. } = found.tally;
    [
        ("notifications", expected.notifications, found.notifications),
        ("notified again", expected.repeated, found.repeated),
        ("objects in the bucket", expected.objects, found.objects),
        ("objects in part", expected.partial_objects, found.partial_objects),
        ("dead letters", expected.dead_letters, found.dead_letters),
        ("writes that waited for the cache", expected.blocked_writes, blocked_writes),
        ("most bytes in the cache", expected.most_cache_bytes, most_dirty_bytes),
        ("notifications that waited for the connection", expected.held_notifications, held_notifications),
        ("faults that struck", expected.faults_struck, found.faults_struck),
    ]
    .into_iter()
    .filter_map(|(what, bounds, number)| {
        let bounds = bounds?;
        let holds = bounds.hold(number);
        Some(Check { what: what.to_owned(), expected: bounds.to_string(), found: number.to_string(), holds })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(present: u64, outcome: Outcome) -> FoundSet {
        FoundSet {
            set_id: "s".into(),
            outcome: Some(outcome),
            expected: 5,
            present,
            missing: vec!["k".to_owned(); usize::try_from(5 - present).expect("a few")],
            unexpected: Vec::new(),
            lost: 0,
            iterations: 2,
            is_in_order: true,
            manifest: Some(ManifestPlace::AfterFiles),
        }
    }

    fn scenario(count: usize) -> Scenario {
        let text = format!(
            "about = \"it\"\n[[client]]\ncount = {count}\n[client.expect]\noutcome = \"reconciled\"\npresent = 5\n\
             iterations = {{ least = 1, most = 3 }}\nannounced = \"in-order\"\nmanifest = \"after-files\"\n\
             [expect]\nnotifications = {{ least = 5 }}\n"
        );
        Scenario::read("x.toml", &text).expect("a scenario")
    }

    fn failing(checks: &[Check]) -> Vec<&str> {
        checks.iter().filter(|check| !check.holds).map(|check| check.what.as_str()).collect()
    }

    #[test]
    fn each_thing_that_is_not_as_expected_is_told() {
        let found = |sets| Found { sets, notifications: 5, ..Found::default() };
        let one = scenario(1);
        let good = judge(&one, &found(vec![set(5, Outcome::Successful)]));
        assert_eq!((good.len(), failing(&good)), (7, vec![]));
        assert_eq!((good[3].expected.as_str(), good[3].found.as_str()), ("1 to 3", "2"));
        let bad = FoundSet { lost: 1, is_in_order: false, manifest: None, iterations: 4, ..set(4, Outcome::Timeout) };
        let bad = judge(&one, &Found { notifications: 4, ..found(vec![bad]) });
        let all = [
            "outcome",
            "present",
            "missing by accident",
            "iterations",
            "announced",
            "manifest announced",
            "notifications",
        ];
        assert_eq!(failing(&bad), all);
        assert_eq!(bad[6].expected, "5 or more");
    }

    #[test]
    fn clients_that_are_alike_are_told_together_and_none_is_forgotten() {
        let (two, good) = (scenario(2), set(5, Outcome::Successful));
        let both =
            judge(&two, &Found { sets: vec![good.clone(), good.clone()], notifications: 10, ..Found::default() });
        assert_eq!((both.len(), failing(&both)), (7, vec![]));
        assert_eq!(both[1].what, "present of each of 2 datasets");
        let one = judge(&two, &Found { sets: vec![good.clone()], notifications: 10, ..Found::default() });
        assert_eq!(failing(&one).len(), 6, "one was not found");
        let differ = judge(
            &two,
            &Found { sets: vec![good, set(3, Outcome::Successful)], notifications: 10, ..Found::default() },
        );
        assert_eq!(failing(&differ), ["present of each of 2 datasets"]);
        assert_eq!(differ[1].found, "5, 3");
    }
}
