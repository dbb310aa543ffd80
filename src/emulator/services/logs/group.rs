//! One log group: what it was made with, its tags and its log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::error::LogsError;
use super::kept::{Contents, Rows};
use super::log::Log;

/// The longest name of a group or a stream.
const LONGEST_NAME: usize = 512;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// One log group.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    /// Its ARN, without `:*`.
    pub arn: String,
    /// Its number in this endpoint, a part of event ids.
    pub number: u64,
    /// Milliseconds since the epoch.
    pub created: i64,
    /// Recorded and answered; nothing is encrypted here.
    pub kms_key: Option<String>,
    tags: Mutex<Tags>,
    log: RwLock<Log>,
    /// Where what changes is kept.
    pub rows: Rows,
    deleted: AtomicBool,
}

impl Group {
    /// A group without events.
    pub fn new(
        name: String,
        arn: String,
        number: u64,
        created: i64,
        kms_key: Option<String>,
        tags: Tags,
        rows: Rows,
    ) -> Self {
        Self {
            name,
            arn,
            number,
            created,
            kms_key,
            tags: Mutex::new(tags),
            log: RwLock::new(Log::new(rows.clone())),
            rows,
            deleted: AtomicBool::new(false),
        }
    }

    /// Puts in what was found again.
    pub fn fill(&self, found: Contents) {
        let Contents { tags, retention, streams, events, senders } = found;
        *self.tags() = tags;
        self.log_mut().fill(retention, streams, events, senders);
    }

    /// Its tags.
    pub fn tags(&self) -> MutexGuard<'_, Tags> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was deleted; whoever still holds it reads what it had.
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Relaxed)
    }

    /// Marks it as deleted.
    pub fn delete(&self) {
        self.deleted.store(true, Ordering::Relaxed);
    }

    /// Its events, for reading.
    pub fn log(&self) -> RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its events, for writing.
    pub fn log_mut(&self) -> RwLockWriteGuard<'_, Log> {
        self.log.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks the name of a group.
///
/// # Errors
/// When it is empty, longer than 512 characters, or holds a character that names have not.
pub fn check_name(name: &str) -> Result<(), LogsError> {
    check_length(name, "logGroupName")?;
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte)) {
        return Ok(());
    }
    Err(LogsError::constraint(name, "logGroupName", r"satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+"))
}

/// Checks the name of a stream.
///
/// # Errors
/// When it is empty, longer than 512 characters, or holds `:` or `*`.
pub fn check_stream_name(name: &str) -> Result<(), LogsError> {
    check_length(name, "logStreamName")?;
    if !name.contains([':', '*']) {
        return Ok(());
    }
    Err(LogsError::constraint(name, "logStreamName", "satisfy regular expression pattern: [^:*]*"))
}

fn check_length(name: &str, member: &str) -> Result<(), LogsError> {
    if name.is_empty() {
        return Err(LogsError::constraint(name, member, "have length greater than or equal to 1"));
    }
    if name.chars().count() > LONGEST_NAME {
        let constraint = format!("have length less than or equal to {LONGEST_NAME}");
        return Err(LogsError::constraint(name, member, constraint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_aws() {
        for name in ["/aws/lambda/f", "a.b-c_d#e", "A", &"x".repeat(512)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a:b", "ü", "a*", &"x".repeat(513)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert_eq!(check_stream_name("2026/11/21/[$LATEST]ü b"), Ok(()));
        for name in ["", "a:b", "a*"] {
            assert!(check_stream_name(name).is_err(), "{name}");
        }
    }
}
