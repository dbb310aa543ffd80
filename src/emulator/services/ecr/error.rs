//! Why ECR refuses a request, in AWS's words.

use crate::emulator::ServiceError;

/// Why an operation is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A member that does not fit.
    #[error("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")]
    Parameter {
        /// As AWS spells it.
        member: &'static str,
        /// What it must be.
        constraint: String,
    },
    /// The name is taken.
    #[error("The repository with name '{name}' already exists in the registry with id '{registry}'")]
    Exists {
        /// The repository.
        name: String,
        /// The account.
        registry: String,
    },
    /// No such repository.
    #[error("The repository with name '{name}' does not exist in the registry with id '{registry}'")]
    NoRepository {
        /// The repository.
        name: String,
        /// The account.
        registry: String,
    },
    /// It has no policy.
    #[error(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{registry}'"
    )]
    NoPolicy {
        /// The repository.
        name: String,
        /// The account.
        registry: String,
    },
    /// It has no lifecycle policy.
    #[error(
        "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{registry}'"
    )]
    NoLifecycle {
        /// The repository.
        name: String,
        /// The account.
        registry: String,
    },
    /// No such image: none can be pushed here.
    #[error(
        "The image with imageId {{{image}}} does not exist within the repository with name '{name}' in the registry with id '{registry}'"
    )]
    NoImage {
        /// Tag or digest.
        image: String,
        /// The repository.
        name: String,
        /// The account.
        registry: String,
    },
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Parameter { .. } => "InvalidParameterException",
            Error::Exists { .. } => "RepositoryAlreadyExistsException",
            Error::NoRepository { .. } => "RepositoryNotFoundException",
            Error::NoPolicy { .. } => "RepositoryPolicyNotFoundException",
            Error::NoLifecycle { .. } => "LifecyclePolicyNotFoundException",
            Error::NoImage { .. } => "ImageNotFoundException",
        };
        Self::client(code, error.to_string())
    }
}
