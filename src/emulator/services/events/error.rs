//! What EventBridge refuses.

use crate::emulator::ServiceError;

use super::pattern::PatternError;

/// Why an operation of EventBridge was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    #[error("Event bus {0} does not exist.")]
    NoSuchBus(String),
    #[error("Rule {rule} does not exist on EventBus {bus}.")]
    NoSuchRule { rule: String, bus: String },
    #[error("Event bus {0} already exists.")]
    BusExists(String),
    #[error("Resource {0} does not exist.")]
    NoSuchResource(String),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    Limit(String),
    #[error("the embedded endpoint does not implement {0}")]
    Unsupported(String),
}

impl EventsError {
    /// A `ValidationException`.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::Validation(message.into())
    }
}

impl From<EventsError> for ServiceError {
    fn from(error: EventsError) -> Self {
        let code = match &error {
            EventsError::NoSuchBus(_) | EventsError::NoSuchRule { .. } | EventsError::NoSuchResource(_) => {
                "ResourceNotFoundException"
            }
            EventsError::BusExists(_) => "ResourceAlreadyExistsException",
            EventsError::Pattern(_) => "InvalidEventPatternException",
            EventsError::Validation(_) => "ValidationException",
            EventsError::Limit(_) => "LimitExceededException",
            EventsError::Unsupported(_) => "UnsupportedOperationException",
        };
        Self::client(code, error.to_string())
    }
}
