//! What AWS Storage Gateway refuses: one exception with a code inside, and validation of the shapes before it.

use serde_json::json;

use crate::emulator::ServiceError;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A member breaks a constraint of its shape.
    #[error("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}")]
    Constraint {
        /// As AWS spells it.
        member: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        constraint: String,
    },
    /// The request cannot be done as things are.
    #[error("{message}")]
    Invalid {
        /// One of `ErrorCode`.
        code: &'static str,
        /// One sentence.
        message: String,
    },
    /// A failure of the endpoint.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// `InvalidGatewayRequestException` with that code.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { code, message: message.into() }
    }

    /// A parameter whose value cannot be.
    pub fn parameter(message: impl Into<String>) -> Self {
        Self::invalid("InvalidParameters", message)
    }

    /// What AWS has and the endpoint does not simulate.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::invalid("ParametersNotImplemented", message)
    }

    /// No such gateway.
    #[must_use]
    pub fn no_gateway() -> Self {
        Self::invalid("GatewayNotFound", "The specified gateway was not found.")
    }

    /// The gateway does not answer.
    #[must_use]
    pub fn not_connected() -> Self {
        Self::invalid("GatewayNotConnected", "The specified gateway is not connected.")
    }

    /// No such file share.
    #[must_use]
    pub fn no_share() -> Self {
        Self::parameter("The specified file share was not found.")
    }

    /// Checks a length in characters.
    ///
    /// # Errors
    /// [`Error::Constraint`].
    pub fn length(member: &'static str, value: &str, least: usize, most: usize) -> Result<(), Self> {
        let length = value.chars().count();
        let constraint = match length {
            _ if length < least => format!("Member must have length greater than or equal to {least}"),
            _ if length > most => format!("Member must have length less than or equal to {most}"),
            _ => return Ok(()),
        };
        Err(Self::Constraint { member, value: value.to_owned(), constraint })
    }

    /// Checks an enumeration.
    ///
    /// # Errors
    /// [`Error::Constraint`].
    pub fn one_of(member: &'static str, value: &str, known: &[&str]) -> Result<(), Self> {
        if known.contains(&value) {
            return Ok(());
        }
        let constraint = format!("Member must satisfy enum value set: [{}]", known.join(", "));
        Err(Self::Constraint { member, value: value.to_owned(), constraint })
    }
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Constraint { .. } => Self::validation(message),
            Error::Invalid { code, .. } => Self::client("InvalidGatewayRequestException", message)
                .with_member("error", json!({ "errorCode": code })),
            Error::Internal(_) => Self::client("InternalServerError", message)
                .with_status(http::StatusCode::INTERNAL_SERVER_ERROR)
                .with_member("error", json!({ "errorCode": "InternalError" })),
        }
    }
}
