//! What a failed call means to the one who made it: slow down, wait, or give up; and one sentence for a person.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use super::guard::ReadOnly;

/// What can be done about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The service asks for fewer calls.
    Throttled,
    /// Nothing answered, or the service failed: the same call may succeed later.
    Outage,
    /// The thing is not there.
    NotFound,
    /// The target does not have this operation.
    Unsupported,
    /// Anything else that the service refuses.
    Refused,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Problem {
    /// What can be done.
    pub kind: Kind,
    /// The service's error code, where it answered with one.
    pub code: Option<String>,
    /// The service's own message, where it gave one.
    pub message: Option<String>,
    /// One sentence, lower case.
    pub sentence: String,
}

const THROTTLING: [&str; 12] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
    "TooManyRequestsException",
    "PriorRequestNotComplete",
    "OverLimit",
    "SlowDown",
];

/// Whether a failed answer asks for fewer calls: by its status, or by the code at the head of its body.
pub(super) fn is_throttling(status: u16, head: &[u8]) -> bool {
    status == 429 || THROTTLING.iter().any(|code| head.windows(code.len()).any(|window| window == code.as_bytes()))
}

impl Problem {
    /// What the failure of `operation` means.
    pub fn of<E>(operation: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let message = error.as_service_error().and_then(ProvideErrorMetadata::message).map(str::to_owned);
        if let Some(refusal) = cause_of::<ReadOnly>(error) {
            return Self::refused(format!("{operation} was not called: {refusal}"));
        }
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let kind = match error {
            SdkError::ServiceError(_) => kind_of_answer(code.as_deref(), status),
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Kind::Outage,
            _ => Kind::Refused,
        };
        let sentence = match (&code, &message, error) {
            (Some(code), Some(message), _) => format!("{operation} was refused with {code}: {message}"),
            (Some(code), None, _) => format!("{operation} was refused with {code}"),
            (None, Some(message), _) => format!("{operation} was refused: {message}"),
            (None, None, SdkError::TimeoutError(_)) => format!("{operation} was not answered in time"),
            (None, None, SdkError::DispatchFailure(_)) => {
                format!("{operation} could not be sent: {}", innermost(error))
            }
            (None, None, _) => match status {
                Some(status) => format!("{operation} was answered with status {status} and no error code"),
                None => format!("{operation} failed: {}", innermost(error)),
            },
        };
        Self { kind, code, message, sentence }
    }

    /// A failure that is not a service's answer.
    #[must_use]
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Refused, code: None, message: None, sentence: sentence.into() }
    }

    /// A failure of the way to the service, after which the same call may succeed.
    #[must_use]
    pub fn outage(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Outage, code: None, message: None, sentence: sentence.into() }
    }

    /// Something that the target does not do, as its behaviour shows.
    #[must_use]
    pub fn unsupported(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Unsupported, code: None, message: None, sentence: sentence.into() }
    }

    /// Whether the code is one of these.
    #[must_use]
    pub fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

fn kind_of_answer(code: Option<&str>, status: Option<u16>) -> Kind {
    let code = code.unwrap_or_default();
    if THROTTLING.contains(&code) || status == Some(429) {
        return Kind::Throttled;
    }
    if code == "NotImplemented" || status == Some(501) {
        return Kind::Unsupported;
    }
    if code.contains("NotFound")
        || code.contains("DoesNotExist")
        || code.contains("NonExistentQueue")
        || code.starts_with("NoSuch")
        || status == Some(404)
    {
        return Kind::NotFound;
    }
    if status.is_some_and(|status| status >= 500) { Kind::Outage } else { Kind::Refused }
}

/// The cause of that type, wherever it lies in an error.
pub(super) fn cause_of<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// What lies at the bottom of an error.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_is_read_from_the_head_of_an_answer() {
        assert!(is_throttling(429, b""));
        assert!(is_throttling(400, br#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#));
        assert!(is_throttling(503, b"<Error><Code>SlowDown</Code></Error>"));
        assert!(!is_throttling(400, br#"{"__type":"ResourceNotFoundException"}"#));
        assert!(!is_throttling(500, b""));
    }

    #[test]
    fn codes_and_statuses_say_what_can_be_done() {
        for (code, status, kind) in [
            (Some("ThrottlingException"), Some(400), Kind::Throttled),
            (Some("SlowDown"), Some(503), Kind::Throttled),
            (Some("RequestThrottled"), Some(403), Kind::Throttled),
            (None, Some(429), Kind::Throttled),
            (Some("NotImplemented"), Some(501), Kind::Unsupported),
            (Some("ResourceNotFoundException"), Some(400), Kind::NotFound),
            (Some("NoSuchBucket"), Some(404), Kind::NotFound),
            (Some("ExecutionDoesNotExist"), Some(400), Kind::NotFound),
            (Some("AWS.SimpleQueueService.NonExistentQueue"), Some(400), Kind::NotFound),
            (Some("InternalFailure"), Some(500), Kind::Outage),
            (Some("AccessDenied"), Some(403), Kind::Refused),
        ] {
            assert_eq!(kind_of_answer(code, status), kind, "{code:?} {status:?}");
        }
    }
}
