//! What CloudWatch Logs refuses.

use crate::emulator::ServiceError;

/// Why an operation of CloudWatch Logs was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    #[error("The specified {0} does not exist.")]
    NotFound(&'static str),
    #[error("The specified {0} already exists")]
    Exists(&'static str),
    #[error("{0}")]
    Invalid(String),
    #[error("Resource limit exceeded.")]
    Limit,
    #[error("the embedded endpoint does not implement {0}")]
    Unsupported(&'static str),
}

impl LogsError {
    /// An `InvalidParameterException`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}

impl From<LogsError> for ServiceError {
    fn from(error: LogsError) -> Self {
        let code = match &error {
            LogsError::NotFound(_) => "ResourceNotFoundException",
            LogsError::Exists(_) => "ResourceAlreadyExistsException",
            LogsError::Invalid(_) => "InvalidParameterException",
            LogsError::Limit => "LimitExceededException",
            LogsError::Unsupported(_) => "UnsupportedOperationException",
        };
        Self::client(code, error.to_string())
    }
}
