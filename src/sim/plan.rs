//! Every step of a load in the order of time, as it comes about while nobody intervenes. Pure: the same load gives the
//! same plan.

use std::time::Duration;

use super::dataset::Dataset;
use super::engine::{Engine, Step, Tally};
use super::load::Load;

/// Every step of a load in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What happened in all.
    pub tally: Tally,
    /// Whether clients wait at the end for room in the cache that nothing makes.
    pub is_stuck: bool,
}

impl Plan {
    /// The plan of `load` with `sets`, which were made from it.
    #[must_use]
    pub fn of(load: &Load, sets: &[Dataset]) -> Self {
        let mut engine = Engine::new(load, sets);
        let steps = std::iter::from_fn(|| engine.next_until(Duration::MAX)).collect();
        Self { steps, tally: engine.tally(), is_stuck: engine.is_stuck() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::sim::dataset::{EntryKind, Fate};
    use crate::sim::engine::{Action, File};
    use crate::sim::gateway::{GatewaySpec, Offline, UploadOrder, secs};
    use crate::sim::job::{JobSpec, ManifestOrder};

    fn plan_of(load: &Load) -> (Vec<Dataset>, Plan) {
        let sets = load.datasets().expect("a load that can be done");
        let plan = Plan::of(load, &sets);
        (sets, plan)
    }

    fn plan(job: JobSpec, gateway: GatewaySpec) -> (Dataset, Plan) {
        let (mut sets, plan) = plan_of(&Load::of(job, gateway));
        (sets.remove(0), plan)
    }

    fn files(plan: &Plan, of: fn(&Action) -> Option<File>) -> Vec<File> {
        plan.steps.iter().filter_map(|step| of(&step.action)).collect()
    }

    fn times(plan: &Plan, of: fn(&Action) -> Option<File>) -> HashMap<File, Vec<Duration>> {
        let mut times: HashMap<File, Vec<Duration>> = HashMap::new();
        for step in &plan.steps {
            if let Some(file) = of(&step.action) {
                times.entry(file).or_default().push(step.at);
            }
        }
        times
    }

    fn written(action: &Action) -> Option<File> {
        if let Action::Write(file) = action { Some(*file) } else { None }
    }

    fn uploaded(action: &Action) -> Option<File> {
        if let Action::Upload(file) = action { Some(*file) } else { None }
    }

    fn notified(action: &Action) -> Option<File> {
        if let Action::Notify(file) = action { Some(*file) } else { None }
    }

    fn when(plan: &Plan, action: Action) -> Vec<Duration> {
        plan.steps.iter().filter(|step| step.action == action).map(|step| step.at).collect()
    }

    #[test]
    fn uploads_are_in_the_order_of_the_writes_only_where_that_is_asked_for() {
        let (_, shuffled) = plan(JobSpec::default(), GatewaySpec::default());
        assert_eq!(files(&shuffled, written).len(), files(&shuffled, uploaded).len());
        assert_ne!(files(&shuffled, written), files(&shuffled, uploaded));
        let gateway = GatewaySpec { upload_order: UploadOrder::Written, upload_workers: 1, ..GatewaySpec::default() };
        let (_, ordered) = plan(JobSpec::default(), gateway);
        assert_eq!(files(&ordered, written), files(&ordered, uploaded));
        assert_eq!(files(&ordered, written), files(&ordered, notified));
    }

    #[test]
    fn a_file_written_again_within_the_settling_time_is_announced_once_else_twice() {
        let count = |rewrite_gap_secs, settling_secs| {
            let job = JobSpec { rewrites: 20, rewrite_gap_secs, ..JobSpec::default() };
            let (set, plan) = plan(job, GatewaySpec { settling_secs, ..GatewaySpec::default() });
            let notified = times(&plan, notified);
            let rewritten = |file: &&File| set.entries[file.entry].fate == Fate::Rewritten;
            notified.keys().filter(rewritten).map(|file| notified[file].len()).collect::<Vec<_>>()
        };
        assert_eq!(count(5.0, 60.0), vec![1; 20]);
        assert_eq!(count(600.0, 0.0), vec![2; 20]);
    }

    #[test]
    fn an_early_manifest_is_written_before_the_files() {
        let job = JobSpec { manifest: ManifestOrder::Early, ..JobSpec::default() };
        let (set, plan) = plan(job, GatewaySpec::default());
        let kinds: Vec<EntryKind> = files(&plan, written).iter().map(|file| set.entries[file.entry].kind).collect();
        let manifest = kinds.iter().position(|kind| *kind == EntryKind::Manifest).expect("a manifest");
        assert!(kinds[manifest + 1..].iter().all(|kind| *kind == EntryKind::File));
        assert_eq!(kinds.len() - manifest - 1, 200);
    }

    #[test]
    fn late_files_come_after_the_manifest_and_their_delay() {
        let job = JobSpec { late: 3, late_by_secs: 45.0, ..JobSpec::default() };
        let (set, plan) = plan(job, GatewaySpec::default());
        let writes = times(&plan, written);
        let manifest = writes[&File { set: 0, entry: set.entries.len() - 1 }][0];
        let late: Vec<Duration> = writes
            .iter()
            .filter(|(file, _)| set.entries[file.entry].fate == Fate::Late)
            .map(|(_, times)| times[0])
            .collect();
        assert_eq!(late.len(), 3);
        assert!(late.iter().all(|at| *at >= manifest + Duration::from_secs(45)));
    }

    #[test]
    fn an_upload_that_never_completes_leaves_a_part_and_is_never_announced() {
        let job = JobSpec { stuck: 4, ..JobSpec::default() };
        let (set, plan) = plan(job, GatewaySpec { partial_from_bytes: 0, ..GatewaySpec::default() });
        for (entry, _) in set.entries.iter().enumerate().filter(|(_, entry)| entry.fate == Fate::Stuck) {
            let file = File { set: 0, entry };
            let parts = plan.steps.iter().filter(
                |step| matches!(step.action, Action::PartialUpload(of, bytes) if of == file && bytes < set.entries[entry].content.size()),
            );
            assert_eq!(parts.count(), 1);
            assert!(!times(&plan, uploaded).contains_key(&file) && !times(&plan, notified).contains_key(&file));
            assert_eq!(when(&plan, Action::Stalled(file)).len(), 1);
        }
        assert_eq!(plan.tally.stalled, 4);
    }

    #[test]
    fn a_file_that_is_announced_twice_is_uploaded_once() {
        let job = JobSpec { duplicates: 7, ..JobSpec::default() };
        let (set, plan) = plan(job, GatewaySpec::default());
        assert_eq!(files(&plan, uploaded).len(), set.entries.len());
        assert_eq!(files(&plan, notified).len(), set.entries.len() + 7);
    }

    #[test]
    fn nothing_reaches_aws_while_the_gateway_is_offline_and_all_of_it_afterwards() {
        let offline = vec![Offline { from_secs: 2.0, for_secs: 90.0 }];
        let (set, plan) = plan(JobSpec::default(), GatewaySpec { offline, ..GatewaySpec::default() });
        let (from, to) = (Duration::from_secs(2), Duration::from_secs(92));
        assert_eq!((when(&plan, Action::Offline), when(&plan, Action::Online)), (vec![from], vec![to]));
        let reaches =
            |action: &Action| matches!(action, Action::Upload(_) | Action::PartialUpload(..) | Action::Notify(_));
        assert!(plan.steps.iter().any(|step| reaches(&step.action) && step.at < from));
        assert!(!plan.steps.iter().any(|step| reaches(&step.action) && step.at > from && step.at < to));
        assert_eq!(files(&plan, notified).len(), set.entries.len());
        assert!(plan.tally.held_notifications > 0);
    }

    #[test]
    fn a_full_cache_lets_the_client_wait_and_is_never_fuller_than_full() {
        let cache_bytes = Some(400_000);
        let gateway = GatewaySpec { cache_bytes, upload_workers: 2, ..GatewaySpec::default() };
        let (set, bounded) = plan(JobSpec::default(), gateway);
        let (_, free) = plan(JobSpec::default(), GatewaySpec { upload_workers: 2, ..GatewaySpec::default() });
        assert!(bounded.tally.blocked_writes > 50 && free.tally.blocked_writes == 0);
        assert!(bounded.tally.most_dirty_bytes <= 400_000 && free.tally.most_dirty_bytes > 1_000_000);
        assert_eq!(files(&bounded, notified).len(), set.entries.len());
        let last_write =
            |plan: &Plan| plan.steps.iter().rev().find(|step| written(&step.action).is_some()).map(|it| it.at);
        assert!(last_write(&bounded) > last_write(&free));
    }

    #[test]
    fn a_cache_full_of_what_never_uploads_is_told_and_ends() {
        let job = JobSpec { stuck: 150, ..JobSpec::default() };
        let (_, plan) = plan(job, GatewaySpec { cache_bytes: Some(400_000), ..GatewaySpec::default() });
        assert!(plan.is_stuck);
    }

    #[test]
    fn many_clients_are_served_at_once() {
        let job = |seed| JobSpec { seed, files: 20, ..JobSpec::default() };
        let load = Load { jobs: (0..12).map(job).collect(), gateway: GatewaySpec::default() };
        let (sets, plan) = plan_of(&load);
        let order: Vec<usize> = files(&plan, notified).iter().map(|file| file.set).collect();
        assert_eq!(order.len(), sets.iter().map(|set| set.entries.len()).sum::<usize>());
        let turns = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(turns > 100, "the datasets are not interleaved: {turns}");
    }

    #[test]
    fn a_hundred_thousand_files_are_planned() {
        let job = JobSpec { files: 100_000, dirs: 100, ..JobSpec::default() };
        let (set, plan) = plan(job, GatewaySpec::default());
        assert_eq!(files(&plan, notified).len(), set.entries.len());
    }

    proptest! {
        #[test]
        fn every_written_entry_is_uploaded_whole_and_then_announced(
            seed in any::<u64>(), files in 1_u32..60, missing in 0_u32..4, rewrites in 0_u32..10, stuck in 0_u32..4,
            duplicates in 0_u32..4, settling in 0.0_f64..30.0, gap in 0.0_f64..30.0, workers in 1_u32..9,
            offline_from in 0.0_f64..20.0, offline_for in 0.1_f64..60.0, cache in prop::option::of(70_000_u64..900_000),
        ) {
            let mut left = files;
            let mut some = |wanted: u32| { let got = wanted.min(left); left -= got; got };
            let job = JobSpec {
                seed, files, missing: some(missing), rewrites: some(rewrites), stuck: some(stuck),
                duplicates: some(duplicates), rewrite_gap_secs: gap, largest_bytes: 30_000, ..JobSpec::default()
            };
            let gateway = GatewaySpec {
                settling_secs: settling, upload_workers: workers,
                // What is stuck never leaves the cache.
                cache_bytes: cache.map(|cache| cache + u64::from(stuck) * 30_000),
                offline: vec![Offline { from_secs: offline_from, for_secs: offline_for }],
                ..GatewaySpec::default()
            };
            let load = Load::of(job, gateway);
            let (sets, plan) = plan_of(&load);
            prop_assert!(plan.steps.is_sorted_by_key(|step| step.at) && !plan.is_stuck);
            prop_assert!(plan.tally.most_dirty_bytes <= load.gateway.cache_bytes.unwrap_or(u64::MAX));
            let (written, uploaded, notified) =
                (times(&plan, written), times(&plan, uploaded), times(&plan, notified));
            for (entry, of) in sets[0].entries.iter().enumerate() {
                let file = File { set: 0, entry };
                if of.is_kept_back() {
                    prop_assert_eq!(written.contains_key(&file), of.fate == Fate::Stuck);
                    prop_assert!(!uploaded.contains_key(&file) && !notified.contains_key(&file));
                    continue;
                }
                let (written, uploaded, notified) = (&written[&file], &uploaded[&file], &notified[&file]);
                let last_write = *written.last().expect("a write");
                let last_upload = *uploaded.last().expect("an upload");
                let last_notified = *notified.last().expect("a notification");
                prop_assert!(uploaded[0] >= written[0] && last_upload >= last_write);
                prop_assert!(last_notified >= last_upload && last_notified >= last_write + secs(settling));
                let most = match of.fate { Fate::Rewritten => written.len(), Fate::Repeated => 2, _ => 1 };
                prop_assert!(notified.len() <= most);
                prop_assert!(of.fate != Fate::Repeated || notified.len() == 2);
            }
            prop_assert_eq!(&plan, &Plan::of(&load, &sets));
        }
    }
}
