//! How each service words that there were too many calls, and that it failed itself.

use http::StatusCode;

use crate::emulator::error::ServiceError;

const RATE_EXCEEDED: &str = "Rate exceeded";
const INTERNAL: &str = "An internal error occurred. Try again later.";

/// Operations of DynamoDB that are bounded by a table's throughput; the others are by a rate of the account.
const TABLE_THROUGHPUT: [&str; 10] = [
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
];

/// The throttling error of a service.
pub fn throttled(service: &str, operation: &str) -> ServiceError {
    match service {
        "s3" => ServiceError::client("SlowDown", "Please reduce your request rate.")
            .with_status(StatusCode::SERVICE_UNAVAILABLE),
        "sqs" => ServiceError::client("RequestThrottled", "Request is throttled."),
        "lambda" => ServiceError::client("TooManyRequestsException", RATE_EXCEEDED)
            .with_status(StatusCode::TOO_MANY_REQUESTS)
            .with_member("Reason", "CallerRateLimitExceeded"),
        "dynamodb" if TABLE_THROUGHPUT.contains(&operation) => {
            let message = "The level of configured provisioned throughput for the table was exceeded. Consider increasing \
                           your provisioning level with the UpdateTable API.";
            let code = "ProvisionedThroughputExceededException";
            ServiceError::client(code, message)
                .with_member("__type", format!("com.amazonaws.dynamodb.v20120810#{code}"))
        }
        "dynamodb" => {
            let code = "ThrottlingException";
            ServiceError::client(code, "Rate of requests exceeds the allowed throughput.")
                .with_member("__type", format!("com.amazon.coral.availability#{code}"))
        }
        // Spoken to in the query protocol.
        "cloudformation" | "iam" | "sts" => ServiceError::client("Throttling", RATE_EXCEEDED),
        _ => ServiceError::client("ThrottlingException", RATE_EXCEEDED),
    }
}

/// The internal failure of a service.
pub fn failed(service: &str) -> ServiceError {
    let (code, message) = match service {
        "s3" => ("InternalError", "We encountered an internal error. Please try again."),
        "sqs" => {
            let message = "We encountered an internal error. Please try again.";
            return ServiceError::internal(message).with_query_code("InternalError");
        }
        "lambda" => ("ServiceException", "The service encountered an internal error."),
        "logs" => {
            return ServiceError::client("ServiceUnavailableException", "The service cannot complete the request.")
                .with_status(StatusCode::SERVICE_UNAVAILABLE);
        }
        "events" => ("InternalException", INTERNAL),
        "dynamodb" => {
            let code = "InternalServerError";
            return ServiceError::client(code, "Internal server error")
                .with_status(StatusCode::INTERNAL_SERVER_ERROR)
                .with_member("__type", format!("com.amazonaws.dynamodb.v20120810#{code}"));
        }
        "ssm" => ("InternalServerError", "An error occurred on the server side."),
        "iam" => ("ServiceFailure", INTERNAL),
        _ => ("InternalFailure", INTERNAL),
    };
    ServiceError::client(code, message).with_status(StatusCode::INTERNAL_SERVER_ERROR)
}
