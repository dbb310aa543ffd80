//! The write-back cache of the gateway, as a plan: when the client writes what, when which object stands in the bucket,
//! and when which notification is due. Pure: the same job gives the same plan.
//!
//! The cache uploads several files at a time and not in the order in which they were written. A large file stands in
//! the bucket with a part of its bytes first. A notification is sent once the upload is complete and the settling time
//! since the client's last write is over; a file that is written again before that is announced once, later ones twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::dataset::{Dataset, EntryKind};
use super::job::{JobSpec, ManifestOrder};

/// Something that is done with an entry of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The client has written it to the share.
    Write,
    /// So many of its bytes stand in the bucket.
    PartialUpload(u64),
    /// All of it stands in the bucket.
    Upload,
    /// Its notification is sent.
    Notify,
}

/// One step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Simulated time since the start of the job.
    pub at: Duration,
    /// The entry's position in the dataset.
    pub entry: usize,
    /// What is done.
    pub action: Action,
}

/// Every step of a job in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

/// A write by the client that has to be uploaded.
#[derive(Debug, Clone, Copy)]
struct Write {
    at: Duration,
    entry: usize,
}

impl Plan {
    /// The plan of `job` with `dataset`, which was made from it.
    #[must_use]
    pub fn of(job: &JobSpec, dataset: &Dataset) -> Self {
        let writes = writes(job, dataset);
        let mut steps: Vec<Step> =
            writes.iter().map(|write| Step { at: write.at, entry: write.entry, action: Action::Write }).collect();
        let uploads = uploads(job, dataset, &writes, &mut steps);
        notifications(job, &writes, &uploads, &mut steps);
        steps.sort_by_key(|step| step.at);
        Self { steps }
    }
}

fn secs(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs).unwrap_or_default()
}

fn transfer(bytes: u64, bytes_per_sec: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(1_000_000) / bytes_per_sec.max(1))
}

/// What the client writes, in the order of time.
fn writes(job: &JobSpec, dataset: &Dataset) -> Vec<Write> {
    let mut order: Vec<usize> = (0..dataset.entries.len()).collect();
    if job.manifest == ManifestOrder::Early {
        // After the directories: the manifest stands in the root, which must be there.
        let directories = dataset.entries.iter().take_while(|entry| entry.kind == EntryKind::Directory).count();
        if let Some(manifest) = order.pop() {
            order.insert(directories, manifest);
        }
    }
    let mut now = Duration::ZERO;
    let mut writes = Vec::with_capacity(order.len());
    for index in order {
        let entry = &dataset.entries[index];
        if entry.is_missing {
            continue;
        }
        now += secs(job.copy_secs_per_file) + transfer(entry.content.size(), job.copy_bytes_per_sec);
        writes.push(Write { at: now, entry: index });
        if entry.is_rewritten {
            writes.push(Write { at: now + secs(job.rewrite_gap_secs), entry: index });
        }
    }
    writes.sort_by_key(|write| write.at);
    writes
}

/// When each upload ended, by entry, with the time of the write that it carries; its steps are added to `steps`.
fn uploads(
    job: &JobSpec,
    dataset: &Dataset,
    writes: &[Write],
    steps: &mut Vec<Step>,
) -> Vec<Vec<(Duration, Duration)>> {
    // A generator of its own: names and sizes of a dataset do not depend on how it is uploaded.
    let mut rng = StdRng::seed_from_u64(job.seed ^ 0x9e37_79b9_7f4a_7c15);
    let mut ended: Vec<Vec<(Duration, Duration)>> = vec![Vec::new(); dataset.entries.len()];
    let mut free: BinaryHeap<Reverse<Duration>> =
        (0..job.upload_workers.min(1_024)).map(|_| Reverse(Duration::ZERO)).collect();
    let mut cached: Vec<Write> = Vec::new();
    let mut coming = writes.iter().copied().peekable();
    while let Some(Reverse(idle_since)) = free.pop() {
        let now = match (cached.is_empty(), coming.peek()) {
            (true, None) => break,
            (true, Some(next)) => idle_since.max(next.at),
            (false, _) => idle_since,
        };
        while let Some(write) = coming.next_if(|write| write.at <= now) {
            // A file that still waits is uploaded once, as it was written last.
            let again = dataset.entries[write.entry].is_rewritten;
            match again.then(|| cached.iter_mut().find(|waiting| waiting.entry == write.entry)).flatten() {
                Some(waiting) => *waiting = write,
                None => cached.push(write),
            }
        }
        let write = cached.swap_remove(rng.random_range(0..cached.len()));
        let size = dataset.entries[write.entry].content.size();
        let start = ended[write.entry].last().map_or(now, |(_, end)| now.max(*end));
        let takes = secs(job.upload_secs_per_file) + transfer(size, job.upload_bytes_per_sec);
        let end = start + takes;
        if job.partial_from_bytes > 0 && size >= job.partial_from_bytes && size > 1 {
            let part = rng.random_range(1..size);
            steps.push(Step { at: start + takes / 2, entry: write.entry, action: Action::PartialUpload(part) });
        }
        steps.push(Step { at: end, entry: write.entry, action: Action::Upload });
        ended[write.entry].push((write.at, end));
        free.push(Reverse(end));
    }
    ended
}

/// One notification an upload, save where the file was written again before it was due.
fn notifications(job: &JobSpec, writes: &[Write], uploads: &[Vec<(Duration, Duration)>], steps: &mut Vec<Step>) {
    let settling = secs(job.settling_secs);
    let mut last_write = vec![Duration::ZERO; uploads.len()];
    for write in writes {
        last_write[write.entry] = last_write[write.entry].max(write.at);
    }
    for (entry, ended) in uploads.iter().enumerate() {
        for (written, end) in ended {
            let due = (*end).max(*written + settling);
            if *written == last_write[entry] || last_write[entry] > due {
                steps.push(Step { at: due, entry, action: Action::Notify });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn plan(job: &JobSpec) -> (Dataset, Plan) {
        let dataset = Dataset::of(job).expect("a job that can be done");
        let plan = Plan::of(job, &dataset);
        (dataset, plan)
    }

    fn times(plan: &Plan, action: fn(&Action) -> bool) -> HashMap<usize, Vec<Duration>> {
        let mut times: HashMap<usize, Vec<Duration>> = HashMap::new();
        for step in plan.steps.iter().filter(|step| action(&step.action)) {
            times.entry(step.entry).or_default().push(step.at);
        }
        times
    }

    #[test]
    fn uploads_are_not_in_the_order_of_the_writes() {
        let (_, plan) = plan(&JobSpec::default());
        let order = |wanted: Action| -> Vec<usize> {
            plan.steps.iter().filter(|step| step.action == wanted).map(|step| step.entry).collect()
        };
        let (written, uploaded) = (order(Action::Write), order(Action::Upload));
        assert_eq!(written.len(), uploaded.len());
        assert_ne!(written, uploaded);
    }

    #[test]
    fn a_file_written_again_within_the_settling_time_is_announced_once_else_twice() {
        let slow = JobSpec { rewrites: 20, rewrite_gap_secs: 5.0, settling_secs: 60.0, ..JobSpec::default() };
        let quick = JobSpec { settling_secs: 0.0, rewrite_gap_secs: 600.0, ..slow.clone() };
        let count = |job: &JobSpec| {
            let (dataset, plan) = plan(job);
            let notified = times(&plan, |action| *action == Action::Notify);
            let rewritten = |entry: &&usize| dataset.entries[**entry].is_rewritten;
            notified.keys().filter(rewritten).map(|entry| notified[entry].len()).collect::<Vec<_>>()
        };
        assert_eq!(count(&slow), vec![1; 20]);
        assert_eq!(count(&quick), vec![2; 20]);
    }

    #[test]
    fn an_early_manifest_is_written_before_the_files() {
        let job = JobSpec { manifest: ManifestOrder::Early, ..JobSpec::default() };
        let (dataset, plan) = plan(&job);
        let written: Vec<EntryKind> = plan
            .steps
            .iter()
            .filter(|step| step.action == Action::Write)
            .map(|step| dataset.entries[step.entry].kind)
            .collect();
        let manifest = written.iter().position(|kind| *kind == EntryKind::Manifest).expect("a manifest");
        assert!(written[manifest + 1..].iter().all(|kind| *kind == EntryKind::File));
        assert_eq!(written.len() - manifest - 1, 200);
    }

    #[test]
    fn a_hundred_thousand_files_are_planned() {
        let job = JobSpec { files: 100_000, dirs: 100, ..JobSpec::default() };
        let (dataset, plan) = plan(&job);
        let notified = plan.steps.iter().filter(|step| step.action == Action::Notify).count();
        assert_eq!(notified, dataset.entries.len());
    }

    proptest! {
        #[test]
        fn every_written_entry_is_uploaded_whole_and_then_announced(
            seed in any::<u64>(), files in 1_u32..60, missing in 0_u32..4, rewrites in 0_u32..10,
            settling in 0.0_f64..30.0, gap in 0.0_f64..30.0, workers in 1_u32..9,
        ) {
            let missing = missing.min(files);
            let job = JobSpec {
                seed, files, missing, rewrites: rewrites.min(files - missing), settling_secs: settling,
                rewrite_gap_secs: gap, upload_workers: workers, ..JobSpec::default()
            };
            let (dataset, plan) = plan(&job);
            prop_assert!(plan.steps.is_sorted_by_key(|step| step.at));
            let written = times(&plan, |action| *action == Action::Write);
            let uploaded = times(&plan, |action| *action == Action::Upload);
            let notified = times(&plan, |action| *action == Action::Notify);
            for (index, entry) in dataset.entries.iter().enumerate() {
                if entry.is_missing {
                    prop_assert!(!written.contains_key(&index) && !uploaded.contains_key(&index));
                    continue;
                }
                let (written, uploaded, notified) = (&written[&index], &uploaded[&index], &notified[&index]);
                let last_write = *written.last().expect("a write");
                let last_upload = *uploaded.last().expect("an upload");
                let last_notified = *notified.last().expect("a notification");
                prop_assert!(uploaded[0] >= written[0] && last_upload >= last_write);
                prop_assert!(last_notified >= last_upload && last_notified >= last_write + secs(settling));
                prop_assert!(notified.len() <= written.len() && (entry.is_rewritten || notified.len() == 1));
            }
            prop_assert_eq!(&plan, &Plan::of(&job, &dataset));
        }
    }
}
