//! Which datasets are looked at, and what is known of them that spares calls: tailers learn of a dataset from its log
//! lines, its execution or its job, and the table and the bucket are read for those only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock::real_now;
use crate::model::{SetId, UploadDetail};

/// A dataset that nothing was heard of for so long is no reason to ask often.
const LIVELY: Duration = Duration::from_secs(15 * 60);

/// What is known of a dataset.
#[derive(Debug, Clone)]
pub struct Attention {
    /// Log lines seen so far: as long as it grows, items and objects do.
    pub lines: u64,
    /// Lines of its manifest, once read.
    pub manifest_keys: Option<usize>,
    /// Whether its reconciliation has ended.
    pub settled: bool,
    /// When it was heard of last.
    pub heard: Instant,
}

impl Default for Attention {
    fn default() -> Self {
        Self { lines: 0, manifest_keys: None, settled: false, heard: real_now() }
    }
}

#[derive(Debug, Default)]
struct Known {
    sets: HashMap<SetId, Attention>,
    /// Manifests that were announced and not read yet.
    manifests: HashMap<SetId, UploadDetail>,
    /// Manifests that were announced so far: each starts an execution.
    announced: u64,
    /// Executions that run.
    running: usize,
}

/// The datasets that are looked at; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Interest {
    known: Arc<Mutex<Known>>,
    wake: Arc<watch::Sender<()>>,
}

impl Interest {
    /// Looks at a dataset from now on, and at one that was looked at before as if it were new.
    pub fn add(&self, set: &SetId) {
        self.change(|known| {
            known.sets.entry(set.clone()).or_default().settled = false;
        });
        self.wake();
    }

    /// A log line of a dataset was seen.
    pub fn line(&self, set: &SetId) {
        let new = self.change(|known| {
            let attention = known.sets.entry(set.clone()).or_default();
            attention.lines += 1;
            attention.heard = real_now();
            attention.lines == 1
        });
        if new {
            self.wake();
        }
    }

    /// A manifest was announced, by a log line or an execution's input.
    pub fn manifest(&self, upload: &UploadDetail) {
        self.change(|known| {
            known.announced += 1;
            let attention = known.sets.entry(upload.set_id.clone()).or_default();
            attention.heard = real_now();
            if attention.manifest_keys.is_none() {
                known.manifests.insert(upload.set_id.clone(), upload.clone());
            }
        });
        self.wake();
    }

    /// A manifest was read.
    pub fn manifest_read(&self, set: &SetId, keys: usize) {
        self.change(|known| {
            known.sets.entry(set.clone()).or_default().manifest_keys = Some(keys);
            known.manifests.remove(set);
        });
    }

    /// A reconciliation has ended.
    pub fn settled(&self, set: &SetId) {
        self.change(|known| known.sets.entry(set.clone()).or_default().settled = true);
        self.wake();
    }

    /// Something ended that leaves things elsewhere.
    pub fn look(&self) {
        self.wake();
    }

    /// So many executions run.
    pub fn running(&self, count: usize) {
        self.change(|known| known.running = count);
    }

    /// The datasets with what is known of them.
    #[must_use]
    pub fn sets(&self) -> Vec<(SetId, Attention)> {
        self.change(|known| known.sets.iter().map(|(id, attention)| (id.clone(), attention.clone())).collect())
    }

    /// Manifests to be read.
    #[must_use]
    pub fn manifests(&self) -> Vec<UploadDetail> {
        self.change(|known| known.manifests.values().cloned().collect())
    }

    /// How many manifests were announced so far.
    #[must_use]
    pub fn announced(&self) -> u64 {
        self.change(|known| known.announced)
    }

    /// Whether something runs: an execution, or a dataset that was heard of lately and is not settled.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.change(|known| {
            known.running > 0 || known.sets.values().any(|set| !set.settled && set.heard.elapsed() < LIVELY)
        })
    }

    /// Tells when something is worth a look sooner than planned.
    #[must_use]
    pub fn waker(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    fn wake(&self) {
        self.wake.send_replace(());
    }

    fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waker_misses_nothing_that_happens_while_it_is_not_waited_for() {
        let interest = Interest::default();
        let mut waker = interest.waker();
        assert!(!waker.has_changed().expect("the interest stands"));
        interest.add(&"s".into());
        assert!(waker.has_changed().expect("the interest stands"));
        waker.mark_unchanged();
        interest.line(&"s".into());
        assert!(waker.has_changed().expect("the interest stands"), "its first line");
        waker.mark_unchanged();
        interest.line(&"s".into());
        assert!(!waker.has_changed().expect("the interest stands"), "one line of many");
    }

    #[test]
    fn a_settled_dataset_is_no_reason_to_ask_often_and_a_running_execution_is() {
        let interest = Interest::default();
        assert!(!interest.is_busy());
        interest.add(&"s".into());
        assert!(interest.is_busy());
        interest.settled(&"s".into());
        assert!(!interest.is_busy());
        interest.running(1);
        assert!(interest.is_busy());
        interest.running(0);
        interest.add(&"s".into());
        assert!(interest.is_busy(), "it is vaulted once more");
    }
}
