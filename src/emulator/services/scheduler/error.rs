//! What EventBridge Scheduler refuses.

use http::StatusCode;

use crate::emulator::ServiceError;
use crate::model::schedule::ScheduleError;

/// Why an operation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchedulerError {
    #[error("Schedule {0} does not exist.")]
    NoSuchSchedule(String),
    #[error("Schedule group {0} does not exist.")]
    NoSuchGroup(String),
    #[error("{0} does not exist.")]
    NoSuchResource(String),
    #[error("Schedule {0} already exists.")]
    ScheduleExists(String),
    #[error("Schedule group {0} already exists.")]
    GroupExists(String),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    Unsupported(String),
}

impl SchedulerError {
    /// A `ValidationException`.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::Validation(message.into())
    }

    /// A member that does not fit, as AWS's checks say it.
    pub fn constraint(member: &str, value: &str, constraint: &str) -> Self {
        Self::Validation(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }
}

impl From<ScheduleError> for SchedulerError {
    fn from(error: ScheduleError) -> Self {
        Self::Validation(error.to_string())
    }
}

impl From<SchedulerError> for ServiceError {
    fn from(error: SchedulerError) -> Self {
        let message = error.to_string();
        match error {
            SchedulerError::NoSuchSchedule(_) | SchedulerError::NoSuchGroup(_) | SchedulerError::NoSuchResource(_) => {
                Self::client("ResourceNotFoundException", message).with_status(StatusCode::NOT_FOUND)
            }
            SchedulerError::ScheduleExists(_) | SchedulerError::GroupExists(_) => {
                Self::client("ConflictException", message).with_status(StatusCode::CONFLICT)
            }
            SchedulerError::Validation(_) => Self::validation(message),
            SchedulerError::Unsupported(what) => Self::not_implemented("Amazon EventBridge Scheduler", &what),
        }
    }
}
