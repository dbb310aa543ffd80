//! What stops the work on a folder, and what only befalls one file of it.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::amount::human;

/// What was wrong with one file or folder, while the rest went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its path; bytes that are no text are written as `\xNN`.
    pub path: String,
    /// What was wrong, with the remedy.
    pub problem: String,
}

impl Problem {
    pub(super) fn of(path: &Path, problem: impl Into<String>) -> Self {
        Self { path: shown(path), problem: problem.into() }
    }
}

/// What stops the work on a folder.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The limits of files' sizes are the wrong way round.
    #[error("the lower limit of {} is above the upper limit of {}: give -l no more than -u", human(*low), human(*high))]
    Limits {
        /// Bytes.
        low: u64,
        /// Bytes.
        high: u64,
    },
    /// More files than anybody means.
    #[error("{} in files of {} and more could be {files} files, and {most} are the most: give a higher -l or a smaller -s", human(*total), human(*low))]
    TooMany {
        /// Bytes in all.
        total: u64,
        /// Bytes of the smallest file.
        low: u64,
        /// Files that it could be.
        files: u64,
        /// Files that are taken.
        most: u64,
    },
    /// The disk is too full for it.
    #[error("{} has room for {}, and {} are needed: free {} there or choose another folder", shown(path), human(*free), human(*needed), human(needed.saturating_sub(*free)))]
    NoRoom {
        /// A folder on that disk.
        path: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// The disk takes no more files, whatever their size.
    #[error(
        "{} takes {free} more files and folders, and {needed} are needed: choose a folder on another disk",
        shown(path)
    )]
    NoNames {
        /// A folder on that disk.
        path: PathBuf,
        /// Files and folders.
        needed: u64,
        /// Files and folders.
        free: u64,
    },
    /// The disk filled up meanwhile.
    #[error("the disk is full at {}: free some room and start anew", shown(path))]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// It is no folder.
    #[error("{} is no folder: name one that is there", shown(path))]
    NoFolder {
        /// What was named.
        path: PathBuf,
    },
    /// The folder would be copied into itself.
    #[error("{} lies in {}: vault to a folder outside the source", shown(target), shown(source_folder))]
    Inside {
        /// Where to.
        target: PathBuf,
        /// What.
        source_folder: PathBuf,
    },
    /// What would be made is there already.
    #[error("{} is there already: give another --seed, or none", shown(path))]
    Exists {
        /// It.
        path: PathBuf,
    },
    /// The file system refused something.
    #[error("{doing} {} failed", shown(path))]
    Io {
        /// What was done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl VaultError {
    /// What an error of the file system means.
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Io { doing, path, source },
        }
    }
}

/// A path on one line: quoted and with escapes where it is not plain text.
#[expect(clippy::unnecessary_debug_formatting, reason = "the escapes are what is wanted")]
pub(super) fn shown(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => format!("{path:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_path_is_shown_on_one_line_whatever_its_bytes() {
        assert_eq!(shown(Path::new("/a/grüße b")), "/a/grüße b");
        assert_eq!(shown(Path::new("a\nb\u{1b}[2J")), "\"a\\nb\\u{1b}[2J\"");
        assert_eq!(shown(Path::new(OsStr::from_bytes(b"a\xffb"))), "\"a\\xFFb\"");
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let of = |kind: io::ErrorKind| VaultError::io("writing", Path::new("/x"), kind.into()).to_string();
        assert_eq!(of(io::ErrorKind::StorageFull), "the disk is full at /x: free some room and start anew");
        assert_eq!(of(io::ErrorKind::PermissionDenied), "writing /x failed");
        assert_eq!(of(io::ErrorKind::AlreadyExists), "/x is there already: give another --seed, or none");
    }
}
