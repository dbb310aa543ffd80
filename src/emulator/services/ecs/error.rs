//! What ECS refuses, with its codes.

use crate::emulator::ServiceError;

/// Why an operation of ECS was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Client(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error("Cluster not found.")]
    ClusterNotFound,
    #[error("The Cluster cannot be deleted while Tasks are active.")]
    ClusterContainsTasks,
    #[error("The specified resource wasn't found: {0}")]
    ResourceNotFound(String),
    #[error("The request conflicts with an earlier one that had the same clientToken.")]
    Conflict(Vec<String>),
    #[error("the embedded endpoint does not implement {0}")]
    Unsupported(String),
}

impl Error {
    /// A `ClientException`.
    pub fn client(message: impl Into<String>) -> Self {
        Self::Client(message.into())
    }

    /// An `InvalidParameterException`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidParameter(message.into())
    }
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Client(_) => Self::client("ClientException", message),
            Error::InvalidParameter(_) | Error::Unsupported(_) => Self::client("InvalidParameterException", message),
            Error::ClusterNotFound => Self::client("ClusterNotFoundException", message),
            Error::ClusterContainsTasks => Self::client("ClusterContainsTasksException", message),
            Error::ResourceNotFound(_) => Self::client("ResourceNotFoundException", message),
            Error::Conflict(ids) => Self::client("ConflictException", message).with_member("resourceIds", ids),
        }
    }
}
