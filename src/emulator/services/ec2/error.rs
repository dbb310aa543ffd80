//! What EC2 refuses: its codes are data, as there are hundreds.

use std::borrow::Cow;

use http::StatusCode;

use crate::emulator::ServiceError;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Cow<'static, str>,
    message: String,
    status: StatusCode,
}

impl Error {
    /// A refusal with that code.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: StatusCode::BAD_REQUEST }
    }

    /// `InvalidParameterValue`, in the words of EC2.
    pub fn value(parameter: &str, value: impl std::fmt::Display, why: &str) -> Self {
        Self::new("InvalidParameterValue", format!("Value ({value}) for parameter {parameter} is invalid. {why}"))
    }

    /// `MissingParameter`.
    pub fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// `DependencyViolation`.
    pub fn in_use(what: &str, id: &str) -> Self {
        Self::new("DependencyViolation", format!("The {what} '{id}' has dependencies and cannot be deleted."))
    }

    /// What the endpoint lacks.
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::new("UnsupportedOperation", format!("the embedded endpoint does not implement {what}"))
    }

    /// What a dry run answers when all is well.
    pub fn dry_run() -> Self {
        let message = "Request would have succeeded, but DryRun flag is set.";
        Self { status: StatusCode::PRECONDITION_FAILED, ..Self::new("DryRunOperation", message) }
    }
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        Self::client(error.code, error.message).with_status(error.status)
    }
}
