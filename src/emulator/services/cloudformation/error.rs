//! Why CloudFormation refuses a request, in AWS's words.

use http::StatusCode;

use crate::emulator::ServiceError;

/// Why an operation is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A malformed template, parameter or request.
    #[error("{0}")]
    Validation(String),
    /// A stack of that name is there already.
    #[error("Stack [{0}] already exists")]
    StackExists(String),
    /// A change set of that name is there already.
    #[error("ChangeSet {0} already exists")]
    ChangeSetExists(String),
    /// No such change set.
    #[error("ChangeSet [{0}] does not exist")]
    ChangeSetNotFound(String),
    /// The change set cannot be executed or deleted as it is.
    #[error("{0}")]
    InvalidChangeSetStatus(String),
    /// The template makes IAM resources and the caller did not say that it may.
    #[error("Requires capabilities : [{0}]")]
    InsufficientCapabilities(&'static str),
    /// The token belongs to another operation.
    #[error("ClientRequestToken {0} was used for another operation")]
    TokenInUse(String),
    /// What another service of the endpoint answered.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let code = match error {
            Error::Validation(_) => "ValidationError",
            Error::StackExists(_) | Error::ChangeSetExists(_) => "AlreadyExistsException",
            Error::ChangeSetNotFound(_) => {
                return Self::client("ChangeSetNotFound", message).with_status(StatusCode::NOT_FOUND);
            }
            Error::InvalidChangeSetStatus(_) => "InvalidChangeSetStatus",
            Error::InsufficientCapabilities(_) => "InsufficientCapabilitiesException",
            Error::TokenInUse(_) => "TokenAlreadyExistsException",
            Error::Service(error) => return error,
        };
        Self::client(code, message)
    }
}
