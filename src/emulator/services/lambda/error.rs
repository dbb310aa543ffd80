//! What AWS Lambda refuses, in its own words where they are known.

use http::StatusCode;

use crate::emulator::error::ServiceError;

/// A refusal of this service.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LambdaError {
    /// There is no such function, mapping, policy, …
    #[error("{0}")]
    NotFound(String),
    /// It is there already, or in use.
    #[error("{0}")]
    Conflict(String),
    /// A parameter that AWS refuses too, or one that the endpoint does not support, by name.
    #[error("{0}")]
    InvalidParameter(String),
    /// A payload that is no JSON.
    #[error("Could not parse request body into json: {0}")]
    InvalidContent(String),
    /// A payload over the limit.
    #[error("{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)")]
    PayloadTooLarge {
        /// Its size.
        size: usize,
        /// The invocation type.
        kind: &'static str,
        /// The limit.
        limit: usize,
    },
    /// No concurrency, or no room in the function's queue.
    #[error("Rate Exceeded.")]
    Throttled {
        /// `ReservedFunctionConcurrentInvocationLimitExceeded`, `CallerRateLimitExceeded`, …
        reason: &'static str,
    },
    /// The endpoint goes down.
    #[error("the endpoint is shutting down")]
    ShuttingDown,
    /// Another service's answer.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl LambdaError {
    /// `Function not found: <arn>`.
    pub fn no_function(arn: &str) -> Self {
        Self::NotFound(format!("Function not found: {arn}"))
    }

    /// A member or value that the endpoint does not support.
    pub fn unsupported(what: &str) -> Self {
        Self::InvalidParameter(format!("the embedded endpoint does not support {what}; see docs/emulator.md"))
    }
}

impl From<LambdaError> for ServiceError {
    fn from(error: LambdaError) -> Self {
        let message = error.to_string();
        let (code, status) = match error {
            LambdaError::Service(inner) => return inner,
            LambdaError::NotFound(_) => ("ResourceNotFoundException", StatusCode::NOT_FOUND),
            LambdaError::Conflict(_) => ("ResourceConflictException", StatusCode::CONFLICT),
            LambdaError::InvalidParameter(_) => ("InvalidParameterValueException", StatusCode::BAD_REQUEST),
            LambdaError::InvalidContent(_) => ("InvalidRequestContentException", StatusCode::BAD_REQUEST),
            LambdaError::PayloadTooLarge { .. } => ("RequestTooLargeException", StatusCode::PAYLOAD_TOO_LARGE),
            LambdaError::Throttled { reason } => {
                return Self::client("TooManyRequestsException", message)
                    .with_status(StatusCode::TOO_MANY_REQUESTS)
                    .with_member("Reason", reason);
            }
            LambdaError::ShuttingDown => ("ServiceException", StatusCode::SERVICE_UNAVAILABLE),
        };
        Self::client(code, message).with_status(status)
    }
}
