//! A dataset as the workshop's scripts make it: a root named by the dataset's id, directories, files, a manifest.

use std::collections::HashSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{RngExt, SeedableRng};

use super::content::Content;
use super::job::{JobError, JobSpec, Names};
use super::names;
use crate::model::SetId;

/// What an entry of a dataset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The root or a directory below it.
    Directory,
    /// A data file.
    File,
    /// The manifest.
    Manifest,
}

/// What becomes of an entry on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    /// It is written, uploaded and announced.
    #[default]
    Usual,
    /// It stands in the manifest but is never written.
    Missing,
    /// The client writes it a second time.
    Rewritten,
    /// The client writes it after everything else.
    Late,
    /// A part of it is uploaded, and never the rest.
    Stuck,
    /// It is announced twice.
    Repeated,
}

/// A directory, a file or the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As notifications and the manifest name it: without a trailing slash.
    pub key: Arc<str>,
    /// What it is.
    pub kind: EntryKind,
    /// What it holds; nothing for a directory.
    pub content: Content,
    /// What becomes of it.
    pub fate: Fate,
}

impl Entry {
    /// Whether the client never writes it.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.fate == Fate::Missing
    }

    /// Whether no notification of it is ever sent.
    #[must_use]
    pub fn is_kept_back(&self) -> bool {
        matches!(self.fate, Fate::Missing | Fate::Stuck)
    }

    /// The key of its S3 object: a directory's ends in a slash.
    #[must_use]
    pub fn object_key(&self) -> String {
        match self.kind {
            EntryKind::Directory => format!("{}/", self.key),
            EntryKind::File | EntryKind::Manifest => self.key.to_string(),
        }
    }
}

/// A logical dataset: entries in the order of its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its id.
    pub set_id: SetId,
    /// Directories, then files, then the manifest.
    pub entries: Vec<Entry>,
}

impl Dataset {
    /// The dataset that `job` asks for; the same one for the same job.
    ///
    /// # Errors
    /// When the job cannot be done.
    pub fn of(job: &JobSpec) -> Result<Self, JobError> {
        job.check()?;
        let mut rng = StdRng::seed_from_u64(job.seed);
        let random_id = names::token(&mut rng, 16);
        let set_id = job.set_id.clone().unwrap_or(random_id);
        let root = format!("{set_id}{}", job.job_dir_suffix);
        let mut taken = HashSet::from([root.clone()]);
        let mut entries = vec![directory(&root)];
        let mut parents = vec![root.clone()];
        for index in 0..job.dirs as usize {
            let key = unique(&mut rng, &mut taken, job.names, "dir-", 12, &root, index);
            entries.push(directory(&key));
            // Deep enough already: nothing more is put below a directory whose key leaves no room for a name.
            if key.len() + 64 < names::LONGEST_KEY_BYTES {
                parents.push(key);
            }
        }
        for index in 0..job.files as usize {
            let parent = &parents[rng.random_range(0..parents.len())];
            let key = unique(&mut rng, &mut taken, job.names, "file-", 8, parent, index);
            let content = Content::Random { seed: rng.random(), size: rng.random_range(job.sizes()) };
            entries.push(Entry { key: Arc::from(key), kind: EntryKind::File, content, fate: Fate::Usual });
        }
        let first_file = entries.len() - job.files as usize;
        let fates = [
            (Fate::Missing, job.missing),
            (Fate::Rewritten, job.rewrites),
            (Fate::Late, job.late),
            (Fate::Stuck, job.stuck),
            (Fate::Repeated, job.duplicates),
        ];
        let fates = fates.into_iter().flat_map(|(fate, count)| std::iter::repeat_n(fate, count as usize));
        let fates: Vec<Fate> = fates.collect();
        for (file, fate) in sample(&mut rng, job.files as usize, fates.len()).into_iter().zip(fates) {
            entries[first_file + file].fate = fate;
        }
        let manifest_key: Arc<str> = Arc::from(format!("{root}/{set_id}{}", job.manifest_suffix));
        let mut lines = String::new();
        for key in entries.iter().map(|entry| &entry.key).chain([&manifest_key]) {
            lines.push_str(key);
            lines.push('\n');
        }
        entries.push(Entry {
            key: manifest_key,
            kind: EntryKind::Manifest,
            content: Content::Text(Arc::from(lines)),
            fate: Fate::Usual,
        });
        Ok(Self { set_id: set_id.into(), entries })
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.content.size()).sum()
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// Keys that the manifest names and that are never written.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| entry.is_missing()).map(|entry| &*entry.key)
    }
}

fn directory(key: &str) -> Entry {
    Entry { key: Arc::from(key), kind: EntryKind::Directory, content: Content::Text(Arc::from("")), fate: Fate::Usual }
}

/// A key below `parent` that no other entry has.
fn unique(
    rng: &mut StdRng,
    taken: &mut HashSet<String>,
    names: Names,
    kind: &str,
    len: usize,
    parent: &str,
    index: usize,
) -> String {
    loop {
        let name = match names {
            Names::Plain => format!("{kind}{}", names::token(rng, len)),
            Names::Hostile => names::hostile(rng, kind, parent, index),
        };
        let key = format!("{parent}/{name}");
        if taken.insert(key.clone()) {
            return key;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dataset_looks_as_the_workshops_scripts_make_it() {
        let set = Dataset::of(&JobSpec { seed: 7, ..JobSpec::default() }).expect("a job that can be done");
        assert_eq!(set.set_id.as_str().len(), 16);
        assert_eq!(set.entries.len(), 1 + 10 + 200 + 1);
        let root = format!("{}-vaultjob", set.set_id);
        assert_eq!(&*set.entries[0].key, root);
        assert_eq!(set.entries[0].object_key(), format!("{root}/"));
        assert!(set.entries[1].key.starts_with(&format!("{root}/dir-")));
        assert!(set.entries[11..211].iter().all(|entry| entry.key.contains("/file-")));
        let manifest = set.manifest().expect("a manifest");
        assert_eq!(&*manifest.key, format!("{root}/{}.manifest", set.set_id));
        assert_eq!(set.bytes(), set.entries.iter().map(|entry| entry.content.size()).sum::<u64>());
    }

    #[test]
    fn hostile_names_hold_what_breaks_programs_and_fit_into_a_key() {
        let job = JobSpec { names: Names::Hostile, files: 60, dirs: 14, ..JobSpec::default() };
        let set = Dataset::of(&job).expect("a job that can be done");
        let keys: Vec<&str> = set.entries.iter().map(|entry| &*entry.key).collect();
        for part in ["\"", "\\", " ", "-", "東京", "'"] {
            assert!(keys.iter().any(|key| key.contains(part)), "no key holds {part}");
        }
        assert!(keys.iter().any(|key| key.len() == names::LONGEST_KEY_BYTES));
        assert!(keys.iter().all(|key| key.len() <= names::LONGEST_KEY_BYTES && !key.contains('\n')));
    }

    proptest! {
        #[test]
        fn the_manifest_names_every_entry_once(
            seed in any::<u64>(), files in 0_u32..80, dirs in 0_u32..20, missing in 0_u32..5, hostile in any::<bool>(),
        ) {
            let names = if hostile { Names::Hostile } else { Names::Plain };
            let job = JobSpec { seed, files, dirs, missing: missing.min(files), names, ..JobSpec::default() };
            let set = Dataset::of(&job).expect("a job that can be done");
            let text = String::from_utf8(set.manifest().expect("a manifest").content.whole().to_vec()).expect("text");
            let lines: Vec<&str> = text.lines().collect();
            let keys: Vec<&str> = set.entries.iter().map(|entry| &*entry.key).collect();
            prop_assert_eq!(&lines, &keys);
            prop_assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
            prop_assert_eq!(set.missing().count(), job.missing as usize);
            prop_assert_eq!(set, Dataset::of(&job).expect("the same job"));
        }
    }
}
