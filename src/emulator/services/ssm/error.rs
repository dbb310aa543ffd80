//! Why the parameter store refuses an operation, in AWS's words.

use crate::emulator::ServiceError;

/// Why an operation is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("Parameter {0} not found.")]
    NotFound(String),
    #[error("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")]
    AlreadyExists,
    #[error("{0}")]
    Validation(String),
    #[error("Parameter value, cannot be validated against allowedPattern: {0}")]
    Pattern(String),
    #[error("{0}")]
    InvalidResource(String),
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::NotFound(_) => "ParameterNotFound",
            Error::AlreadyExists => "ParameterAlreadyExists",
            Error::Validation(_) => "ValidationException",
            Error::Pattern(_) => "ParameterPatternMismatchException",
            Error::InvalidResource(_) => "InvalidResourceId",
        };
        Self::client(code, error.to_string())
    }
}
