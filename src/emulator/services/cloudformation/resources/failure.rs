//! Why a resource could not be made, changed or deleted, in the words of AWS's resource handlers.

use super::Request;
use crate::emulator::ServiceError;
use crate::emulator::services::cloudformation::error::Error;

/// Why a resource could not be made, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// As its event says.
    pub reason: String,
    /// The physical id of what was made before it failed.
    pub made: Option<String>,
    code: String,
}

impl Failure {
    /// A failure with that reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), made: None, code: String::new() }
    }

    /// Whether a service of the endpoint refused a call.
    #[must_use]
    pub fn is_of_a_service(&self) -> bool {
        !self.code.is_empty()
    }

    /// Whether the resource is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        const GONE: [&str; 7] = [
            "NoSuchBucket",
            "NoSuchEntity",
            "NotFound",
            "NotFoundException",
            "NonExistentQueue",
            "DoesNotExist",
            "ParameterNotFound",
        ];
        GONE.iter().any(|code| self.code.contains(code))
    }

    /// Whether there is such a resource already.
    #[must_use]
    pub fn is_already_there(&self) -> bool {
        already_there(&self.code)
    }

    pub(super) fn after(mut self, physical_id: &str) -> Self {
        self.made = Some(physical_id.to_owned());
        self
    }
}

fn already_there(code: &str) -> bool {
    code.contains("AlreadyExists")
        || code.contains("AlreadyOwned")
        || code == "ResourceConflictException"
        || code == "ResourceInUseException"
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

impl Request<'_> {
    /// In the words of AWS's resource handlers.
    pub(super) fn failure(&self, service: &str, error: &ServiceError) -> Failure {
        let code = error.code.as_ref();
        let name = match service {
            "s3" => "S3",
            "sqs" => "Sqs",
            "lambda" => "Lambda",
            "iam" => "Iam",
            "events" => "EventBridge",
            "dynamodb" => "DynamoDb",
            "logs" => "CloudWatchLogs",
            "states" => "Sfn",
            "ssm" => "Ssm",
            "ec2" => "Ec2",
            "ecs" => "Ecs",
            "ecr" => "Ecr",
            "sns" => "Sns",
            "scheduler" => "Scheduler",
            other => other,
        };
        let handler = if already_there(code) {
            "AlreadyExists"
        } else if code.contains("NotFound") || code.contains("NoSuch") {
            "NotFound"
        } else if code.contains("AccessDenied") {
            "AccessDenied"
        } else if code.contains("Validation") || code.contains("Invalid") || code.contains("Malformed") {
            "InvalidRequest"
        } else {
            "GeneralServiceException"
        };
        let (message, status) = (&error.message, error.status.as_u16());
        let (request, token) = (self.fabric.uuid(), self.fabric.uuid());
        let reason = format!(
            "Resource handler returned message: \"{message} (Service: {name}, Status Code: {status}, Request ID: {request})\" (RequestToken: {token}, HandlerErrorCode: {handler})"
        );
        Failure { reason, made: None, code: code.to_owned() }
    }
}
