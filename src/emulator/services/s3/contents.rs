//! The keys of a bucket and their versions, in key order. Pure: it decides what a put or a delete leaves behind.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::object::{NULL_VERSION, Version};
use crate::model::Timestamp;

/// Whether a bucket keeps what is overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Versioning {
    /// Never switched on.
    #[default]
    Off,
    Enabled,
    Suspended,
}

/// The versions of a key; there is always one.
#[derive(Debug, Clone)]
pub struct Entry {
    pub current: Arc<Version>,
    /// Oldest first.
    older: Vec<Arc<Version>>,
}

impl Entry {
    /// All versions, newest first.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<Version>> {
        std::iter::once(&self.current).chain(self.older.iter().rev())
    }

    fn remove_null(&mut self) {
        self.older.retain(|version| version.id.is_some());
    }
}

/// What a delete did.
#[derive(Debug, Clone)]
pub enum Deleted {
    /// There was nothing of that name.
    Nothing,
    /// An object or a marker is gone for good.
    Removed(Arc<Version>),
    /// A marker stands before the older versions.
    Marked(Arc<Version>),
}

/// Keys in the order of their UTF-8 bytes.
#[derive(Debug, Default)]
pub struct Contents {
    entries: BTreeMap<Box<str>, Entry>,
}

impl Contents {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[cfg(test)]
    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The current version, or the one of that id.
    pub fn version(&self, key: &str, id: Option<&str>) -> Option<&Arc<Version>> {
        let entry = self.entries.get(key)?;
        match id {
            None => Some(&entry.current),
            Some(id) => entry.versions().find(|version| version.id() == id),
        }
    }

    /// The current version where it is an object.
    pub fn current_object(&self, key: &str) -> Option<&Arc<Version>> {
        self.version(key, None).filter(|version| !version.is_marker())
    }

    /// Entries from a bound on.
    pub fn range<'a>(&'a self, from: Bound<&str>) -> impl Iterator<Item = (&'a str, &'a Entry)> + use<'a> {
        self.entries.range::<str, _>((from, Bound::Unbounded)).map(|(key, entry)| (&**key, entry))
    }

    /// The moment of a version that is stored now: later than the version before it, so that the moments tell the order.
    pub fn moment(&self, key: &str, now: Timestamp) -> Timestamp {
        let before = self.entries.get(key).map(|entry| entry.current.modified);
        before.map_or(now, |before| now.max(before + Duration::from_micros(1)))
    }

    /// Puts the versions of a key back, in whatever order they come.
    pub fn restore(&mut self, key: &str, mut versions: Vec<Arc<Version>>) {
        versions.sort_by_key(|version| version.modified);
        if let Some(current) = versions.pop() {
            self.entries.insert(key.into(), Entry { current, older: versions });
        }
    }

    /// Stores a version as the current one.
    pub fn put(&mut self, versioning: Versioning, key: &str, version: Arc<Version>) {
        let Some(entry) = self.entries.get_mut(key) else {
            self.entries.insert(key.into(), Entry { current: version, older: Vec::new() });
            return;
        };
        let before = std::mem::replace(&mut entry.current, version);
        match versioning {
            Versioning::Off => entry.older.clear(),
            Versioning::Enabled => entry.older.push(before),
            Versioning::Suspended => {
                entry.remove_null();
                if before.id.is_some() {
                    entry.older.push(before);
                }
            }
        }
    }

    /// Puts another one in the place of a version, which keeps its id and its place.
    pub fn replace(&mut self, key: &str, id: Option<&str>, change: impl FnOnce(&mut Version)) -> Option<Arc<Version>> {
        let entry = self.entries.get_mut(key)?;
        let slot = match id {
            None => &mut entry.current,
            Some(id) if entry.current.id() == id => &mut entry.current,
            Some(id) => entry.older.iter_mut().find(|version| version.id() == id)?,
        };
        change(Arc::make_mut(slot));
        Some(Arc::clone(slot))
    }

    /// Deletes a key: for good without versioning, else by `marker`.
    pub fn delete(&mut self, versioning: Versioning, key: &str, marker: Version) -> Deleted {
        if versioning == Versioning::Off {
            return self.entries.remove(key).map_or(Deleted::Nothing, |entry| Deleted::Removed(entry.current));
        }
        let marker = Arc::new(marker);
        self.put(versioning, key, Arc::clone(&marker));
        Deleted::Marked(marker)
    }

    /// Deletes one version for good.
    pub fn delete_version(&mut self, key: &str, id: &str) -> Deleted {
        let Some(entry) = self.entries.get_mut(key) else { return Deleted::Nothing };
        if entry.current.id() == id {
            let removed = match entry.older.pop() {
                Some(next) => Some(std::mem::replace(&mut entry.current, next)),
                None => self.entries.remove(key).map(|entry| entry.current),
            };
            return removed.map_or(Deleted::Nothing, Deleted::Removed);
        }
        match entry.older.iter().position(|version| version.id() == id) {
            Some(index) => Deleted::Removed(entry.older.remove(index)),
            None => Deleted::Nothing,
        }
    }
}

/// Whether an id can name a version at all.
pub fn is_version_id(id: &str) -> bool {
    id == NULL_VERSION
        || id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(id: Option<&str>) -> Version {
        Version { id: id.map(Into::into), modified: Timestamp::default(), object: None, tags: Vec::new() }
    }

    fn ids(contents: &Contents, key: &str) -> Vec<String> {
        contents.entry(key).map(|e| e.versions().map(|v| v.id().to_owned()).collect()).unwrap_or_default()
    }

    #[test]
    fn versions_stack_and_the_null_version_is_overwritten() {
        let mut contents = Contents::default();
        contents.put(Versioning::Off, "k", Arc::new(marker(None)));
        contents.put(Versioning::Enabled, "k", Arc::new(marker(Some("1"))));
        contents.put(Versioning::Enabled, "k", Arc::new(marker(Some("2"))));
        assert_eq!(ids(&contents, "k"), ["2", "1", "null"]);
        contents.put(Versioning::Suspended, "k", Arc::new(marker(None)));
        assert_eq!(ids(&contents, "k"), ["null", "2", "1"]);
        contents.put(Versioning::Suspended, "k", Arc::new(marker(None)));
        assert_eq!(ids(&contents, "k"), ["null", "2", "1"]);
        assert!(matches!(contents.delete(Versioning::Enabled, "k", marker(Some("3"))), Deleted::Marked(_)));
        assert_eq!(ids(&contents, "k"), ["3", "null", "2", "1"]);
        for id in ["2", "3", "null", "1"] {
            assert!(matches!(contents.delete_version("k", id), Deleted::Removed(_)), "{id}");
        }
        assert!(contents.is_empty());
        assert!(matches!(contents.delete_version("k", "1"), Deleted::Nothing));
    }

    #[test]
    fn without_versioning_a_delete_removes() {
        let mut contents = Contents::default();
        contents.put(Versioning::Off, "k", Arc::new(marker(None)));
        contents.put(Versioning::Off, "k", Arc::new(marker(None)));
        assert_eq!(ids(&contents, "k"), ["null"]);
        assert!(matches!(contents.delete(Versioning::Off, "k", marker(None)), Deleted::Removed(_)));
        assert!(matches!(contents.delete(Versioning::Off, "k", marker(None)), Deleted::Nothing));
    }
}
