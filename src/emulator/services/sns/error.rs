//! What SNS refuses.

use http::StatusCode;

use crate::emulator::ServiceError;

/// Why an operation of SNS was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnsError {
    #[error("Topic does not exist")]
    NoSuchTopic,
    #[error("Subscription does not exist")]
    NoSuchSubscription,
    #[error("Resource does not exist")]
    NoSuchResource,
    #[error("Invalid parameter: {0}")]
    Parameter(String),
    #[error("{0}")]
    Value(String),
    #[error("Could not complete request: tag quota of per resource exceeded")]
    TooManyTags,
    #[error("The batch request doesn't contain any entries.")]
    EmptyBatch,
    #[error("The batch request contains more entries than permissible: {0}")]
    TooManyEntries(usize),
    #[error("Two or more batch entries in the request have the same Id.")]
    EntriesNotDistinct,
    #[error("The Id of a batch entry in a batch request doesn't abide by the specification: {0:?}")]
    BadEntryId(String),
    #[error("The length of all the batch messages put together is more than the limit.")]
    BatchTooLong,
    #[error("{0}")]
    Unauthorized(String),
    #[error("{0}")]
    Unsupported(String),
}

impl SnsError {
    /// `InvalidParameter`.
    pub fn parameter(problem: impl Into<String>) -> Self {
        Self::Parameter(problem.into())
    }
}

impl From<SnsError> for ServiceError {
    fn from(error: SnsError) -> Self {
        let message = error.to_string();
        let client =
            |shape: &'static str, code: &'static str| Self::client(shape, message.clone()).with_query_code(code);
        match error {
            SnsError::NoSuchTopic | SnsError::NoSuchSubscription => {
                client("NotFoundException", "NotFound").with_status(StatusCode::NOT_FOUND)
            }
            SnsError::NoSuchResource => {
                client("ResourceNotFoundException", "ResourceNotFound").with_status(StatusCode::NOT_FOUND)
            }
            SnsError::Parameter(_) => client("InvalidParameterException", "InvalidParameter"),
            SnsError::Value(_) => client("InvalidParameterValueException", "ParameterValueInvalid"),
            SnsError::Unauthorized(_) => {
                client("AuthorizationErrorException", "AuthorizationError").with_status(StatusCode::FORBIDDEN)
            }
            SnsError::TooManyTags => client("TagLimitExceededException", "TagLimitExceeded"),
            SnsError::EmptyBatch => client("EmptyBatchRequestException", "EmptyBatchRequest"),
            SnsError::TooManyEntries(_) => {
                client("TooManyEntriesInBatchRequestException", "TooManyEntriesInBatchRequest")
            }
            SnsError::EntriesNotDistinct => client("BatchEntryIdsNotDistinctException", "BatchEntryIdsNotDistinct"),
            SnsError::BadEntryId(_) => client("InvalidBatchEntryIdException", "InvalidBatchEntryId"),
            SnsError::BatchTooLong => client("BatchRequestTooLongException", "BatchRequestTooLong"),
            SnsError::Unsupported(what) => Self::not_implemented("Amazon SNS", &what),
        }
    }
}
