//! The reconcile board of a dataset: its items in the order in which they arrived, and the keys that are missing or
//! unexpected, by name. Kept up to date by each event, so that a screen can show any part without looking at the rest.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::flow::{ManifestRead, UploadItem};
use super::{SetId, Timestamp};

/// What names an item of the table: both of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemKey {
    /// The partition key.
    pub set_id: SetId,
    /// The sort key.
    pub object_key: String,
}

/// What reading an item told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing that was not known.
    Known,
    /// It is there for the first time.
    New,
    /// It was written again, with other values.
    Changed,
}

/// An item of the table, without what is the same for all of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Bytes.
    pub object_size: u64,
    /// Seconds since the epoch.
    pub event_time: i64,
    /// Milliseconds of real time at which it was first seen, as the reader counts them.
    pub seen_ms: u64,
    /// The same of when it was last seen with other values than before.
    pub changed_ms: Option<u64>,
    /// When these values were read.
    pub read_at: Timestamp,
}

/// Items of one dataset against its manifest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// Keys and items, oldest first.
    pub items: IndexMap<String, Row>,
    /// The bucket of the last item.
    pub bucket_name: String,
    /// Lines of the manifest; 0 until it was read.
    pub expected: usize,
    /// Manifest lines without an item.
    pub missing: BTreeSet<String>,
    /// Items that no line names.
    pub unexpected: BTreeSet<String>,
}

impl Board {
    /// Manifest lines that have an item.
    #[must_use]
    pub fn present(&self) -> usize {
        self.expected - self.missing.len()
    }

    /// Whether every item equals a manifest line and every line has its item.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.expected > 0 && self.missing.is_empty() && self.unexpected.is_empty()
    }

    fn item(&mut self, item: &UploadItem, read_at: Timestamp, seen_ms: u64) -> News {
        let (object_size, event_time) = (item.object_size, item.event_time);
        if let Some(row) = self.items.get_mut(&item.object_key) {
            // A reading that is told again after a later one says nothing of how the item is now.
            if read_at < row.read_at || (row.object_size, row.event_time) == (object_size, event_time) {
                return News::Known;
            }
            *row = Row { object_size, event_time, changed_ms: Some(seen_ms), read_at, ..*row };
            self.bucket_name.clone_from(&item.bucket_name);
            return News::Changed;
        }
        let row = Row { object_size, event_time, seen_ms, changed_ms: None, read_at };
        self.items.insert(item.object_key.clone(), row);
        self.bucket_name.clone_from(&item.bucket_name);
        if self.expected > 0 && !self.missing.remove(&item.object_key) {
            self.unexpected.insert(item.object_key.clone());
        }
        News::New
    }

    fn manifest(&mut self, read: &ManifestRead) {
        let lines: BTreeSet<&String> = read.keys.iter().collect();
        self.expected = lines.len();
        self.unexpected = match self.expected {
            0 => BTreeSet::new(),
            _ => self.items.keys().filter(|key| !lines.contains(key)).cloned().collect(),
        };
        self.missing = lines.into_iter().filter(|key| !self.items.contains_key(*key)).cloned().collect();
    }
}

/// The boards of every dataset, in the order in which these were seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Boards {
    by_set: IndexMap<SetId, Board>,
}

impl Boards {
    /// Takes in an item as it was read at a moment; tells what of that is news.
    pub fn item(&mut self, item: &UploadItem, read_at: Timestamp, seen_ms: u64) -> News {
        self.by_set.entry(item.set_id.clone()).or_default().item(item, read_at, seen_ms)
    }

    /// Takes in a manifest.
    pub fn manifest(&mut self, read: &ManifestRead) {
        self.by_set.entry(read.set_id.clone()).or_default().manifest(read);
    }

    /// The board of that dataset.
    #[must_use]
    pub fn get(&self, set: &SetId) -> Option<&Board> {
        self.by_set.get(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str) -> UploadItem {
        UploadItem {
            set_id: "s".into(),
            object_key: key.to_owned(),
            bucket_name: "b".to_owned(),
            object_size: 1,
            event_time: 1,
        }
    }

    #[test]
    fn names_are_the_same_whatever_came_first() {
        let read = ManifestRead {
            set_id: "s".into(),
            object_key: "m".to_owned(),
            keys: ["a", "b", "c"].map(str::to_owned).to_vec(),
        };
        for manifest_at in 0..4 {
            let mut boards = Boards::default();
            for (at, key) in ["a", "x", "b", "b"].into_iter().enumerate() {
                if at == manifest_at {
                    boards.manifest(&read);
                }
                let news = if at == 3 { News::Known } else { News::New };
                assert_eq!(boards.item(&item(key), at_secs(1), 0), news, "the second b is no news");
            }
            boards.manifest(&read);
            let board = boards.get(&"s".into()).expect("seen");
            assert_eq!((board.expected, board.present(), board.items.len()), (3, 2, 3));
            assert_eq!((board.missing.first().map(String::as_str), board.missing.len()), (Some("c"), 1));
            assert_eq!((board.unexpected.first().map(String::as_str), board.unexpected.len()), (Some("x"), 1));
            assert!(!board.is_equal());
        }
    }

    fn at_secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn an_item_that_is_written_again_is_told_once_and_stays_where_it_is() {
        let mut boards = Boards::default();
        let again = UploadItem { object_size: 9, event_time: 2, ..item("a") };
        let readings = [(item("a"), 1), (item("b"), 1), (again, 5)];
        let mut fold = |real_ms: u64| -> Vec<News> {
            readings.iter().map(|(item, at)| boards.item(item, at_secs(*at), real_ms)).collect()
        };
        assert_eq!(fold(100), [News::New, News::New, News::Changed]);
        assert_eq!(fold(200), [News::Known; 3], "folding the same twice changes nothing");
        let board = boards.get(&"s".into()).expect("seen");
        let row = board.items["a"];
        assert_eq!((row.object_size, row.event_time, row.seen_ms, row.changed_ms), (9, 2, 100, Some(100)));
        assert_eq!(board.items["b"].changed_ms, None);
        assert_eq!(board.items.keys().collect::<Vec<_>>(), ["a", "b"], "in the order of their arrival");
    }
}
