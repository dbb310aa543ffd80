//! What SQS refuses, with the codes of both of its protocols.

use crate::emulator::ServiceError;

/// Why an operation of SQS was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqsError {
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    #[error("A queue already exists with the same name and a different value for attribute {0}")]
    QueueNameExists(String),
    #[error("the embedded endpoint does not implement FIFO queues: {0}")]
    Fifo(String),
    #[error("Unknown Attribute {0}.")]
    InvalidAttributeName(String),
    #[error("Invalid value for the parameter {name}.{reason}")]
    InvalidAttributeValue { name: String, reason: String },
    #[error("Value {value} for parameter {name} is invalid. Reason: {reason}")]
    InvalidParameterValue { name: &'static str, value: String, reason: String },
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(String),
    #[error(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )]
    InvalidMessageContents,
    #[error("The input receipt handle is invalid.")]
    ReceiptHandleIsInvalid,
    #[error("The specified message isn't in flight.")]
    MessageNotInflight,
    #[error("There should be at least one {0} in the request.")]
    EmptyBatchRequest(&'static str),
    #[error("Maximum number of entries per request are 10. You have sent {0}.")]
    TooManyEntriesInBatchRequest(usize),
    #[error("Id {0} repeated.")]
    BatchEntryIdsNotDistinct(String),
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
    )]
    InvalidBatchEntryId,
    #[error("Batch requests cannot be longer than {limit} bytes. You have sent {sent} bytes.")]
    BatchRequestTooLong { limit: usize, sent: usize },
    #[error("Only one PurgeQueue operation on {0} is allowed every 60 seconds.")]
    PurgeQueueInProgress(String),
    #[error("Too many messages are in flight in {0}: a queue holds 120000 at the most.")]
    OverLimit(String),
    #[error("The resource that you specified for the SourceArn parameter doesn't exist.")]
    NoSuchSource,
    #[error("{0}")]
    Unsupported(String),
}

impl From<SqsError> for ServiceError {
    fn from(error: SqsError) -> Self {
        let (code, query): (&'static str, Option<&'static str>) = match &error {
            SqsError::QueueDoesNotExist => ("QueueDoesNotExist", Some("AWS.SimpleQueueService.NonExistentQueue")),
            SqsError::QueueNameExists(_) => ("QueueNameExists", Some("QueueAlreadyExists")),
            SqsError::Fifo(_) | SqsError::Unsupported(_) => {
                ("UnsupportedOperation", Some("AWS.SimpleQueueService.UnsupportedOperation"))
            }
            SqsError::InvalidAttributeName(_) => ("InvalidAttributeName", Some("InvalidAttributeName")),
            SqsError::InvalidAttributeValue { .. } => ("InvalidAttributeValue", Some("InvalidAttributeValue")),
            SqsError::InvalidParameterValue { .. } => ("InvalidParameterValueException", Some("InvalidParameterValue")),
            SqsError::MissingParameter(_) => ("MissingRequiredParameterException", Some("MissingParameter")),
            SqsError::InvalidMessageContents => ("InvalidMessageContents", Some("InvalidMessageContents")),
            SqsError::ReceiptHandleIsInvalid => ("ReceiptHandleIsInvalid", Some("ReceiptHandleIsInvalid")),
            SqsError::MessageNotInflight => ("MessageNotInflight", Some("AWS.SimpleQueueService.MessageNotInflight")),
            SqsError::EmptyBatchRequest(_) => ("EmptyBatchRequest", Some("AWS.SimpleQueueService.EmptyBatchRequest")),
            SqsError::TooManyEntriesInBatchRequest(_) => {
                ("TooManyEntriesInBatchRequest", Some("AWS.SimpleQueueService.TooManyEntriesInBatchRequest"))
            }
            SqsError::BatchEntryIdsNotDistinct(_) => {
                ("BatchEntryIdsNotDistinct", Some("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"))
            }
            SqsError::InvalidBatchEntryId => {
                ("InvalidBatchEntryId", Some("AWS.SimpleQueueService.InvalidBatchEntryId"))
            }
            SqsError::BatchRequestTooLong { .. } => {
                ("BatchRequestTooLong", Some("AWS.SimpleQueueService.BatchRequestTooLong"))
            }
            SqsError::PurgeQueueInProgress(_) => {
                ("PurgeQueueInProgress", Some("AWS.SimpleQueueService.PurgeQueueInProgress"))
            }
            SqsError::OverLimit(_) => ("OverLimit", Some("OverLimit")),
            SqsError::NoSuchSource => ("ResourceNotFoundException", Some("ResourceNotFoundException")),
        };
        let refused = Self::client(code, error.to_string());
        match query {
            Some(query) => refused.with_query_code(query),
            None => refused,
        }
    }
}
