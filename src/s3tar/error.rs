//! What can go wrong with an archive, one sentence each with the remedy.

use crate::aws::{Kind, Problem};

use super::location::Location;

/// Why an archive could not be made, listed or extracted.
#[derive(Debug, thiserror::Error)]
pub enum S3TarError {
    /// A text that names no place in S3.
    #[error("{given:?} is no place in S3: give one such as s3://bucket/{example}")]
    Location {
        /// What was given.
        given: String,
        /// What it could look like after the bucket.
        example: &'static str,
    },
    /// An object is another one than the list says.
    #[error("{object} was changed after it was listed ({how}): make a new list or inventory and archive again")]
    Changed {
        /// The object.
        object: Location,
        /// What is different.
        how: String,
    },
    /// An object is not there any more.
    #[error("{object} was deleted after it was listed: make a new list or inventory and archive again")]
    Gone {
        /// The object.
        object: Location,
    },
    /// A thing that has to be there.
    #[error("{object} does not exist: {remedy}")]
    Missing {
        /// The object.
        object: Location,
        /// What can be done.
        remedy: &'static str,
    },
    /// An object of a storage class that has to be restored first.
    #[error("{object} cannot be read in its storage class: restore it first, or leave it out")]
    Frozen {
        /// The object.
        object: Location,
    },
    /// An object that no tar program could extract.
    #[error("{object} cannot be a member of a tar archive: {problem}; leave it out")]
    Name {
        /// The object.
        object: Location,
        /// What is wrong with its name.
        problem: &'static str,
    },
    /// A member whose name would lead elsewhere than below the place that it is extracted to.
    #[error(
        "{name:?} in {archive} leads out of {to}: nothing was extracted; name a prefix that it does not begin with"
    )]
    Escape {
        /// The member.
        name: String,
        /// The archive.
        archive: Location,
        /// Where it was to be extracted to.
        to: Location,
    },
    /// Nothing to put into the archive.
    #[error("{source_of} names no objects: there is nothing to archive")]
    Empty {
        /// The prefix or the manifest.
        source_of: String,
    },
    /// More than one archive can hold.
    #[error("{0}; split it with --size-limit")]
    TooMuch(String),
    /// A manifest, a table of contents or an inventory that cannot be read.
    #[error("{what} cannot be read: {problem}")]
    Corrupt {
        /// The file or the object.
        what: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// No inventory of the day.
    #[error(
        "there is no inventory of {day} under {place}: configure a daily inventory in CSV that is delivered there, and run again when it has arrived"
    )]
    NoInventory {
        /// Where it was looked for.
        place: Location,
        /// `2026-11-20`
        day: String,
    },
    /// Somebody else has ended the upload meanwhile.
    #[error("the upload of {archive} was ended by somebody else: let only one create write to it at a time")]
    Overtaken {
        /// The archive.
        archive: Location,
    },
    /// A call of S3 that failed.
    #[error("{what}: {problem}")]
    Call {
        /// What it was about.
        what: String,
        /// What was answered.
        problem: Problem,
    },
    /// A file of this machine.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The user ended it.
    #[error("interrupted: nothing stands under {archive} and no upload of it is left; run the command again")]
    Interrupted {
        /// The archive.
        archive: String,
    },
    /// The user ended an extraction.
    #[error("interrupted: what stands under {place} is whole, and not all is there; run the command again")]
    Stopped {
        /// Where it was extracted to.
        place: Location,
    },
    /// An upload that could not be ended after a failure.
    #[error("{cause}; besides, the upload of {archive} could not be ended ({problem}): the next run ends it")]
    Left {
        /// What went wrong first.
        cause: Box<S3TarError>,
        /// The archive.
        archive: String,
        /// Why the upload is still there.
        problem: String,
    },
    /// An invariant of ours is broken.
    #[error("the archive's layout is wrong: {0}; please report this")]
    Layout(String),
}

impl S3TarError {
    /// Whether the same may succeed a little later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Call { problem, .. } => matches!(problem.kind, Kind::Throttled | Kind::Outage),
            Self::Overtaken { .. } => true,
            Self::Left { cause, .. } => cause.is_retryable(),
            _ => false,
        }
    }

    /// Whether the user ended it.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::Stopped { .. } => true,
            Self::Left { cause, .. } => cause.is_interruption(),
            _ => false,
        }
    }
}
