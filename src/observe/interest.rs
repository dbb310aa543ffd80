//! Which datasets are looked at, and what is known of them that spares calls: tailers learn of a dataset from its log
//! lines, its execution or its job, and the table and the bucket are read for those only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::{SetId, UploadDetail};

/// What is known of a dataset.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    /// Log lines seen so far: as long as it grows, items and objects do.
    pub lines: u64,
    /// Lines of its manifest, once read.
    pub manifest_keys: Option<usize>,
    /// Whether its reconciliation has ended.
    pub settled: bool,
}

#[derive(Debug, Default)]
struct Known {
    sets: HashMap<SetId, Attention>,
    /// Manifests that were announced and not read yet.
    manifests: HashMap<SetId, UploadDetail>,
}

/// The datasets that are looked at; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Interest {
    known: Arc<Mutex<Known>>,
    wake: Arc<Notify>,
}

impl Interest {
    /// Looks at a dataset from now on.
    pub fn add(&self, set: &SetId) {
        self.change(set, |_| ());
    }

    /// A log line of a dataset was seen.
    pub fn line(&self, set: &SetId) {
        self.change(set, |attention| attention.lines += 1);
    }

    /// A manifest was announced, by a log line or an execution's input.
    pub fn manifest(&self, upload: &UploadDetail) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let read = known.sets.entry(upload.set_id.clone()).or_default().manifest_keys.is_some();
        if !read {
            known.manifests.insert(upload.set_id.clone(), upload.clone());
        }
        drop(known);
        self.wake.notify_waiters();
    }

    /// A manifest was read.
    pub fn manifest_read(&self, set: &SetId, keys: usize) {
        self.change(set, |attention| attention.manifest_keys = Some(keys));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).manifests.remove(set);
    }

    /// A reconciliation has ended.
    pub fn settled(&self, set: &SetId) {
        self.change(set, |attention| attention.settled = true);
        self.wake.notify_waiters();
    }

    /// The datasets with what is known of them.
    #[must_use]
    pub fn sets(&self) -> Vec<(SetId, Attention)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.sets.iter().map(|(id, attention)| (id.clone(), attention.clone())).collect()
    }

    /// Manifests to be read.
    #[must_use]
    pub fn manifests(&self) -> Vec<UploadDetail> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).manifests.values().cloned().collect()
    }

    /// Ends when something is worth a look sooner than planned.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    fn change(&self, set: &SetId, change: impl FnOnce(&mut Attention)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attention) = known.sets.get_mut(set) {
            change(attention);
            return;
        }
        change(known.sets.entry(set.clone()).or_default());
        drop(known);
        self.wake.notify_waiters();
    }
}
