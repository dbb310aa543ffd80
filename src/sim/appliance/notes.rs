//! What went wrong and what was done last, for the status.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::status::{Activity, FileError};
use crate::model::Timestamp;

const MOST_ERRORS: usize = 100;
const MOST_RECENT: usize = 50;

/// What went wrong and what was done last.
#[derive(Debug, Default)]
pub(super) struct Notes {
    errors: IndexMap<String, FileError>,
    recent: VecDeque<Activity>,
    pub announced: u64,
    pub uploaded: u64,
    pub uploaded_bytes: u64,
}

impl Notes {
    /// Notes what is wrong with a path, and says it in the log once.
    pub fn problem(&mut self, path: &str, problem: String, retried: bool, at: Timestamp) {
        let before = self.errors.shift_remove(path);
        if before.is_none_or(|before| before.problem != problem) {
            tracing::warn!(path, problem, "the file share cannot take up a file");
        }
        if self.errors.len() == MOST_ERRORS {
            self.errors.shift_remove_index(0);
        }
        self.errors.insert(path.to_owned(), FileError { problem, at, retried });
    }

    /// A path is well again, or gone.
    pub fn clear(&mut self, path: &str) {
        if !self.errors.is_empty() {
            self.errors.shift_remove(path);
        }
    }

    /// Whether something is wrong with a path.
    pub fn has(&self, path: &str) -> bool {
        self.errors.contains_key(path)
    }

    /// Notes something that was done.
    pub fn done(&mut self, what: &'static str, path: &str, bytes: u64, at: Timestamp) {
        if self.recent.len() == MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Activity { at, what, path: path.to_owned(), bytes });
    }

    /// What is wrong, by path.
    pub fn errors(&self) -> impl Iterator<Item = (String, FileError)> {
        self.errors.iter().map(|(path, error)| (path.clone(), error.clone()))
    }

    /// What was done, the newest last.
    pub fn recent(&self) -> Vec<Activity> {
        self.recent.iter().cloned().collect()
    }
}
