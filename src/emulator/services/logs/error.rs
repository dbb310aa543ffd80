//! What CloudWatch Logs refuses.

use std::fmt::Display;

use crate::emulator::ServiceError;

/// Characters of a refused value that its refusal repeats.
const LONGEST_VALUE: usize = 1_024;

/// Why an operation of CloudWatch Logs was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    #[error("The specified log group does not exist.")]
    GroupNotFound,
    #[error("The specified log stream does not exist.")]
    StreamNotFound,
    #[error("Policy with name [{0}] does not exist.")]
    PolicyNotFound(String),
    #[error("The specified log group already exists")]
    GroupExists,
    #[error("The specified log stream already exists")]
    StreamExists,
    #[error("{0}")]
    Invalid(String),
    #[error("Resource limit exceeded.")]
    LimitExceeded,
    #[error("The account has {0} Live Tail sessions already: close one first.")]
    TooManyTails(usize),
    #[error("The resource already has the maximum number of tags: {0}")]
    TooManyTags(usize),
    /// An operation, and the part of it that the endpoint lacks.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl LogsError {
    /// `InvalidParameterException` with that message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// `InvalidParameterException` in the form that AWS has for a member outside its range.
    pub fn constraint(value: impl Display, member: &str, constraint: impl Display) -> Self {
        // A value of megabytes helps nobody.
        let value: String = value.to_string().chars().take(LONGEST_VALUE).collect();
        Self::Invalid(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must {constraint}"
        ))
    }
}

impl From<LogsError> for ServiceError {
    fn from(error: LogsError) -> Self {
        let code = match &error {
            LogsError::GroupNotFound | LogsError::StreamNotFound | LogsError::PolicyNotFound(_) => {
                "ResourceNotFoundException"
            }
            LogsError::GroupExists | LogsError::StreamExists => "ResourceAlreadyExistsException",
            LogsError::Invalid(_) => "InvalidParameterException",
            LogsError::LimitExceeded | LogsError::TooManyTails(_) => "LimitExceededException",
            LogsError::TooManyTags(_) => "TooManyTagsException",
            LogsError::Unsupported(what) => return Self::not_implemented(super::INTERFACE.title, what),
        };
        Self::client(code, error.to_string())
    }
}
