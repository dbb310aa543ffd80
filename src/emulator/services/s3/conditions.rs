//! Conditional requests: what `If-Match` and its like let through.

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::object::{Version, moment};

/// The conditions of a read, or of the source of a copy.
#[expect(clippy::struct_field_names, reason = "the names are the headers'")]
#[derive(Debug, Default)]
pub struct ReadConditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// Reads the conditions out of the input of a GET or HEAD.
macro_rules! s3_read_conditions {
    ($input:expr) => {
        $crate::emulator::services::s3::conditions::ReadConditions {
            if_match: $input.if_match.take(),
            if_none_match: $input.if_none_match.take(),
            if_modified_since: $input.if_modified_since.take(),
            if_unmodified_since: $input.if_unmodified_since.take(),
        }
    };
}
pub(super) use s3_read_conditions;

/// Reads the conditions on the source out of the input of a copy.
macro_rules! s3_source_conditions {
    ($input:expr) => {
        $crate::emulator::services::s3::conditions::ReadConditions {
            if_match: $input.copy_source_if_match.take(),
            if_none_match: $input.copy_source_if_none_match.take(),
            if_modified_since: $input.copy_source_if_modified_since.take(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}
pub(super) use s3_source_conditions;

/// A condition that a read fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Failed,
    NotModified,
}

impl ReadConditions {
    /// # Errors
    /// `PreconditionFailed`, or `NotModified` as a GET answers it.
    pub fn check(&self, version: &Version) -> S3Result<()> {
        match self.refusal(version) {
            None => Ok(()),
            Some(Refusal::Failed) => Err(precondition_failed()),
            Some(Refusal::NotModified) => Err(S3Error::new(S3ErrorCode::NotModified)),
        }
    }

    /// # Errors
    /// `PreconditionFailed`, which is all that a copy knows.
    pub fn check_source(&self, version: &Version) -> S3Result<()> {
        self.refusal(version).map_or(Ok(()), |_| Err(precondition_failed()))
    }

    fn refusal(&self, version: &Version) -> Option<Refusal> {
        let etag = version.object.as_ref().map(|object| object.etag.to_string()).unwrap_or_default();
        let modified = moment(version.modified);
        // A tag that matches outranks a date that does not, as RFC 9110 and S3 have it.
        match &self.if_match {
            Some(condition) if !matches(condition, &etag) => return Some(Refusal::Failed),
            Some(_) => {}
            None => {
                if self.if_unmodified_since.as_ref().is_some_and(|since| modified > *since) {
                    return Some(Refusal::Failed);
                }
            }
        }
        match &self.if_none_match {
            Some(condition) => matches(condition, &etag).then_some(Refusal::NotModified),
            None => {
                self.if_modified_since.as_ref().is_some_and(|since| modified <= *since).then_some(Refusal::NotModified)
            }
        }
    }
}

/// Checks the conditions of a write against what is there.
///
/// # Errors
/// `PreconditionFailed`; `NoSuchKey` for `If-Match` where there is no object.
pub fn check_write(
    current: Option<&Version>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let etag = current.and_then(|version| version.object.as_ref()).map(|object| object.etag.to_string());
    if let Some(condition) = if_none_match {
        if !condition.is_any() {
            return Err(S3Error::with_message(
                S3ErrorCode::NotImplemented,
                "A header you provided implies functionality that is not implemented",
            ));
        }
        if etag.is_some() {
            return Err(precondition_failed());
        }
    }
    if let Some(condition) = if_match {
        let Some(etag) = etag else { return Err(no_such_key()) };
        if !matches(condition, &etag) {
            return Err(precondition_failed());
        }
    }
    Ok(())
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition.is_any() || condition.as_etag().is_some_and(|wanted| wanted.value() == etag)
}

pub fn precondition_failed() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold",
    )
}

pub fn no_such_key() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
}
