//! Why IAM refuses a request, in AWS's words.

use http::StatusCode;

use crate::emulator::ServiceError;

/// Why an operation is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such role, policy or version.
    #[error("{0}")]
    NotFound(String),
    /// The name is taken.
    #[error("{0} already exists.")]
    Exists(String),
    /// Something still uses it.
    #[error("{0}")]
    Conflict(String),
    /// A document that is no policy.
    #[error("{0}")]
    MalformedPolicy(String),
    /// A member that does not fit.
    #[error("{0}")]
    Validation(String),
    /// More than AWS allows.
    #[error("{0}")]
    Limit(String),
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        let (code, status) = match error {
            Error::NotFound(_) => ("NoSuchEntity", StatusCode::NOT_FOUND),
            Error::Exists(_) => ("EntityAlreadyExists", StatusCode::CONFLICT),
            Error::Conflict(_) => ("DeleteConflict", StatusCode::CONFLICT),
            Error::MalformedPolicy(_) => ("MalformedPolicyDocument", StatusCode::BAD_REQUEST),
            Error::Validation(_) => ("ValidationError", StatusCode::BAD_REQUEST),
            Error::Limit(_) => ("LimitExceeded", StatusCode::CONFLICT),
        };
        Self::client(code, error.to_string()).with_status(status)
    }
}
