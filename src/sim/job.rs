//! What one client of the simulated gateway is asked to do.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Files that one job may have; their plan is held in memory.
pub const MOST_FILES: u32 = 1_000_000;

/// Clients that write to one gateway.
pub const MOST_CLIENTS: usize = 1_000;

/// The largest file: what one `PutObject` can take.
pub const LARGEST_FILE_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// When the client writes the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestOrder {
    /// After every file, as the workshop's script does; the gateway may still upload it before others.
    #[default]
    Last,
    /// Before the first file.
    Early,
}

/// What files and directories are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// `dir-` and 12, `file-` and 8 random letters and digits, as the workshop's scripts make them.
    #[default]
    Plain,
    /// Quotes, backslashes, spaces, dashes, other scripts, and keys of 900 bytes, among plain ones.
    Hostile,
}

/// A job: one dataset, and how its client writes it to the share. Times are simulated time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct JobSpec {
    /// Everything random comes from it.
    pub seed: u64,
    /// The dataset's id; random where it is left out.
    pub set_id: Option<String>,
    /// How the name of the root directory ends; the stack says it.
    #[serde(skip)]
    pub job_dir_suffix: String,
    /// How the name of the manifest ends; the stack says it.
    #[serde(skip)]
    pub manifest_suffix: String,
    /// Directories below the root.
    pub dirs: u32,
    /// Data files.
    pub files: u32,
    /// The smallest size of a file in bytes.
    pub smallest_bytes: u64,
    /// The largest size of a file in bytes.
    pub largest_bytes: u64,
    /// What things are called.
    pub names: Names,
    /// When the manifest is written.
    pub manifest: ManifestOrder,
    /// Files that stand in the manifest and are never written.
    pub missing: u32,
    /// Files that the client writes a second time.
    pub rewrites: u32,
    /// Seconds between the two writes of such a file.
    pub rewrite_gap_secs: f64,
    /// Bytes a second that the client writes to the share.
    pub copy_bytes_per_sec: u64,
    /// Seconds that each file costs the client besides its bytes.
    pub copy_secs_per_file: f64,
    /// Files that the client writes after everything else, the manifest included.
    pub late: u32,
    /// Seconds between the client's last usual write and the first late one.
    pub late_by_secs: f64,
    /// Files of whose bytes only a part ever reaches the bucket: their uploads never complete.
    pub stuck: u32,
    /// Files that the gateway announces twice.
    pub duplicates: u32,
    /// Seconds between the two notifications of such a file.
    pub duplicate_gap_secs: f64,
    /// Seconds after the begin of everything at which the client begins.
    pub start_secs: f64,
}

impl Default for JobSpec {
    fn default() -> Self {
        Self {
            seed: 0,
            set_id: None,
            job_dir_suffix: "-vaultjob".to_owned(),
            manifest_suffix: ".manifest".to_owned(),
            dirs: 10,
            files: 200,
            smallest_bytes: 1024,
            largest_bytes: 64 * 1024,
            names: Names::Plain,
            manifest: ManifestOrder::Last,
            missing: 0,
            rewrites: 0,
            rewrite_gap_secs: 5.0,
            copy_bytes_per_sec: 100 * 1024 * 1024,
            copy_secs_per_file: 0.005,
            late: 0,
            late_by_secs: 30.0,
            stuck: 0,
            duplicates: 0,
            duplicate_gap_secs: 2.0,
            start_secs: 0.0,
        }
    }
}

/// A job that cannot be done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JobError {
    /// More files than a plan may have.
    #[error("{0} files are too many for one job: ask for {MOST_FILES} at most")]
    TooManyFiles(u32),
    /// More directories than a plan may have.
    #[error("{0} directories are too many for one job: ask for {MOST_FILES} at most")]
    TooManyDirs(u32),
    /// A range that is none.
    #[error("the sizes {0} to {1} bytes are no range: the smallest must not be larger than the largest")]
    Sizes(u64, u64),
    /// A size that no single upload can have.
    #[error("files of {0} bytes are too large: ask for {LARGEST_FILE_BYTES} bytes at most")]
    TooLarge(u64),
    /// More files with a fate of their own than there are.
    #[error("{what} of {count} files cannot be had from {files}: ask for fewer, or for more files")]
    TooFew {
        /// What was asked for.
        what: String,
        /// Of how many.
        count: u32,
        /// How many there are.
        files: u32,
    },
    /// Files too small to be left in part.
    #[error(
        "a file of {0} bytes has no part that could be uploaded without the rest: let smallest-bytes be 2 at least"
    )]
    NoPart(u64),
    /// More clients than a gateway has.
    #[error("{0} clients are none or too many for one gateway: ask for 1 to {MOST_CLIENTS}")]
    Clients(usize),
    /// Two datasets of one name.
    #[error("two clients would write dataset {0}: give each a seed, or a set-id, of its own")]
    SameSet(String),
    /// A file that the cache can never hold.
    #[error("a cache of {cache} bytes cannot hold a file of {file}: let cache-bytes be as large as the largest file")]
    CacheTooSmall {
        /// Bytes of the cache.
        cache: u64,
        /// Bytes of the file.
        file: u64,
    },
    /// A time without the gateway that never ends or runs into another.
    #[error("the offline times of a gateway must follow each other, each with its end before the next one's begin")]
    Offline,
    /// A number that is no time or rate.
    #[error("{0} must be a positive number")]
    NotPositive(&'static str),
    /// An id that cannot be part of a key.
    #[error(
        "the dataset id {0:?} cannot be used: it must have 1 to 128 characters, none of them a slash or a line break"
    )]
    SetId(String),
    /// A suffix that cannot be part of a key.
    #[error("the suffix {0:?} cannot be used: it must not be empty and must not hold a slash or a line break")]
    Suffix(String),
}

impl JobSpec {
    /// The range of file sizes in bytes.
    pub(super) fn sizes(&self) -> RangeInclusive<u64> {
        self.smallest_bytes..=self.largest_bytes
    }

    /// Checks that the job can be done.
    ///
    /// # Errors
    /// The first thing that cannot.
    pub fn check(&self) -> Result<(), JobError> {
        if self.files > MOST_FILES {
            return Err(JobError::TooManyFiles(self.files));
        }
        if self.dirs > MOST_FILES {
            return Err(JobError::TooManyDirs(self.dirs));
        }
        if self.smallest_bytes > self.largest_bytes {
            return Err(JobError::Sizes(self.smallest_bytes, self.largest_bytes));
        }
        if self.largest_bytes > LARGEST_FILE_BYTES {
            return Err(JobError::TooLarge(self.largest_bytes));
        }
        let fates = [
            ("leaving out", self.missing),
            ("re-writing", self.rewrites),
            ("writing late", self.late),
            ("leaving in part", self.stuck),
            ("announcing twice", self.duplicates),
        ];
        for (what, count) in fates {
            if count > self.files {
                return Err(JobError::TooFew { what: what.to_owned(), count, files: self.files });
            }
        }
        let count = fates.into_iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(count));
        if count > self.files {
            let asked: Vec<&str> = fates.into_iter().filter(|(_, count)| *count > 0).map(|(what, _)| what).collect();
            return Err(JobError::TooFew { what: asked.join(" and "), count, files: self.files });
        }
        if self.stuck > 0 && self.smallest_bytes < 2 {
            return Err(JobError::NoPart(self.smallest_bytes));
        }
        for (what, positive) in [
            ("copy-bytes-per-sec", self.copy_bytes_per_sec > 0),
            ("copy-secs-per-file", is_time(self.copy_secs_per_file)),
            ("rewrite-gap-secs", is_time(self.rewrite_gap_secs)),
            ("late-by-secs", is_time(self.late_by_secs)),
            ("duplicate-gap-secs", is_time(self.duplicate_gap_secs)),
            ("start-secs", is_time(self.start_secs)),
        ] {
            if !positive {
                return Err(JobError::NotPositive(what));
            }
        }
        if let Some(id) = &self.set_id
            && (id.is_empty() || id.chars().count() > 128 || id.contains(['/', '\n', '\r']))
        {
            return Err(JobError::SetId(id.clone()));
        }
        for suffix in [&self.job_dir_suffix, &self.manifest_suffix] {
            if suffix.is_empty() || suffix.contains(['/', '\n', '\r']) {
                return Err(JobError::Suffix(suffix.clone()));
            }
        }
        Ok(())
    }
}

/// Whether `secs` is a time that a plan can hold: not negative, at most ten years.
pub(super) fn is_time(secs: f64) -> bool {
    (0.0..=315_360_000.0).contains(&secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_job_can_be_done() {
        assert_eq!(JobSpec::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let default = JobSpec::default;
        for (job, said) in [
            (JobSpec { files: MOST_FILES + 1, ..default() }, "too many"),
            (JobSpec { smallest_bytes: 2, largest_bytes: 1, ..default() }, "no range"),
            (JobSpec { missing: 201, ..default() }, "leaving out of 201 files"),
            (JobSpec { missing: 150, rewrites: 51, ..default() }, "leaving out and re-writing"),
            (JobSpec { late_by_secs: f64::NAN, ..default() }, "late-by-secs"),
            (JobSpec { copy_bytes_per_sec: 0, ..default() }, "copy-bytes-per-sec"),
            (JobSpec { stuck: 1, smallest_bytes: 1, ..default() }, "smallest-bytes"),
            (JobSpec { late: 150, duplicates: 51, ..default() }, "writing late and announcing twice"),
            (JobSpec { set_id: Some("a/b".to_owned()), ..default() }, "dataset id"),
            (JobSpec { manifest_suffix: String::new(), ..default() }, "suffix"),
        ] {
            let error = job.check().expect_err("refused").to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
