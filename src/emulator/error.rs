//! The error that every service of the endpoint answers with: an AWS code, a status and a message.
//!
//! A service keeps a `thiserror` enum of its own and converts it here; nothing else decides what a caller sees.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Map, Value};

/// An answer that refuses a request, in the terms of AWS.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// The error's shape name, such as `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    /// The code that the query protocol has for it, where it differs.
    pub query_code: Option<&'static str>,
    /// What went wrong, as AWS words it where that is known.
    pub message: String,
    /// The HTTP status.
    pub status: StatusCode,
    /// Further members of the error's shape.
    pub members: Box<Map<String, Value>>,
}

impl ServiceError {
    /// A refusal that the caller caused: status 400.
    pub fn client(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            query_code: None,
            message: message.into(),
            status: StatusCode::BAD_REQUEST,
            members: Box::default(),
        }
    }

    /// `ValidationException`, status 400.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::client("ValidationException", message)
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same error with a code of its own for the query protocol.
    #[must_use]
    pub fn with_query_code(mut self, code: &'static str) -> Self {
        self.query_code = Some(code);
        self
    }

    /// The same error with one more member of its shape.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// `501`: the endpoint lacks this operation and says so.
    #[must_use]
    pub fn not_implemented(service: &str, operation: &str) -> Self {
        Self::client(
            "NotImplemented",
            format!("the embedded endpoint does not implement {service} {operation}; see docs/emulator.md"),
        )
        .with_status(StatusCode::NOT_IMPLEMENTED)
    }

    /// A body that is not of the operation's shape.
    #[must_use]
    pub fn serialization(problem: impl std::fmt::Display) -> Self {
        Self::client("SerializationException", problem.to_string())
    }

    /// A failure of the endpoint itself: status 500.
    #[must_use]
    pub fn internal(problem: impl std::fmt::Display) -> Self {
        Self::client("InternalFailure", problem.to_string()).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
