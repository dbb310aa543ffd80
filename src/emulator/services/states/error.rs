//! The errors of AWS Step Functions.

use crate::emulator::ServiceError;

/// Why an operation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatesError {
    /// An ARN of the wrong form.
    #[error("Invalid Arn: '{0}'")]
    InvalidArn(String),
    /// A name with characters that are not allowed, or too long.
    #[error("Invalid Name: '{0}'")]
    InvalidName(String),
    /// A definition that is not of the language.
    #[error("Invalid State Machine Definition: '{0}'")]
    InvalidDefinition(String),
    /// An input that is no JSON.
    #[error("Invalid State Machine Execution Input: '{0}'")]
    InvalidExecutionInput(String),
    /// A token that no page was cut with.
    #[error("Invalid Token: '{0}'")]
    InvalidToken(String),
    /// No such machine.
    #[error("State Machine Does Not Exist: '{0}'")]
    StateMachineDoesNotExist(String),
    /// A machine of that name is another one.
    #[error("State Machine Already Exists: '{0}'")]
    StateMachineAlreadyExists(String),
    /// No such execution.
    #[error("Execution Does Not Exist: '{0}'")]
    ExecutionDoesNotExist(String),
    /// An execution of that name has another input, or has ended.
    #[error("Execution Already Exists: '{0}'")]
    ExecutionAlreadyExists(String),
    /// No such resource.
    #[error("Resource not found: '{0}'")]
    ResourceNotFound(String),
    /// More tags than a resource may have.
    #[error("A resource can have at most 50 tags: '{0}'")]
    TooManyTags(String),
    /// No such activity.
    #[error("Activity Does Not Exist: '{0}'")]
    ActivityDoesNotExist(String),
    /// A task that ended, or that nobody waits for any more.
    #[error("Task Timed Out: 'Provided task does not exist anymore'")]
    TaskTimedOut,
    /// An output that is no JSON.
    #[error("Invalid Output: '{0}'")]
    InvalidOutput(String),
    /// An execution that cannot be redriven.
    #[error("{0}")]
    NotRedrivable(String),
    /// An operation that machines of this type do not have.
    #[error("{0}")]
    StateMachineTypeNotSupported(String),
    /// A member that does not fit.
    #[error("{0}")]
    Validation(String),
    /// Something that the endpoint lacks.
    #[error("{0}")]
    Lacking(String),
}

impl From<StatesError> for ServiceError {
    fn from(error: StatesError) -> Self {
        let code = match &error {
            StatesError::InvalidArn(_) => "InvalidArn",
            StatesError::InvalidName(_) => "InvalidName",
            StatesError::InvalidDefinition(_) => "InvalidDefinition",
            StatesError::InvalidExecutionInput(_) => "InvalidExecutionInput",
            StatesError::InvalidToken(_) => "InvalidToken",
            StatesError::StateMachineDoesNotExist(_) => "StateMachineDoesNotExist",
            StatesError::StateMachineAlreadyExists(_) => "StateMachineAlreadyExists",
            StatesError::ExecutionDoesNotExist(_) => "ExecutionDoesNotExist",
            StatesError::ExecutionAlreadyExists(_) => "ExecutionAlreadyExists",
            StatesError::ResourceNotFound(_) => "ResourceNotFound",
            StatesError::TooManyTags(_) => "TooManyTags",
            StatesError::ActivityDoesNotExist(_) => "ActivityDoesNotExist",
            StatesError::TaskTimedOut => "TaskTimedOut",
            StatesError::InvalidOutput(_) => "InvalidOutput",
            StatesError::NotRedrivable(_) => "ExecutionNotRedrivable",
            StatesError::StateMachineTypeNotSupported(_) => "StateMachineTypeNotSupported",
            StatesError::Validation(_) => "ValidationException",
            StatesError::Lacking(what) => return Self::not_implemented("AWS Step Functions", what),
        };
        Self::client(code, error.to_string())
    }
}
