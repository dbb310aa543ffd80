//! The first call to a target: whose account it is, or one sentence that says what is wrong with the target.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use super::clients::Clients;
use super::limits::{self, CHECK_LIMIT};
use super::problem::innermost;
use super::target::Target;

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// The caller's ARN.
    pub arn: String,
}

/// Why a target cannot be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No connection.
    #[error(
        "nothing listens at {target} ({cause}): start `vaultscope emulator` there, or leave --endpoint-url and AWS_ENDPOINT_URL out to use the embedded endpoint"
    )]
    Unreachable {
        /// What was called.
        target: String,
        /// What the system said.
        cause: String,
    },
    /// A connection, and then silence.
    #[error(
        "{target} did not answer within {} s: check host and port of --endpoint-url or AWS_ENDPOINT_URL",
        CHECK_LIMIT.as_secs()
    )]
    Silent {
        /// What was called.
        target: String,
    },
    /// Something else than AWS's protocols.
    #[error(
        "{target} answers, but not as AWS does ({answer}): check host and port of --endpoint-url or AWS_ENDPOINT_URL"
    )]
    Foreign {
        /// What was called.
        target: String,
        /// What came instead.
        answer: String,
    },
    /// Credentials are missing or refused.
    #[error("{target} does not accept the credentials ({cause}): set AWS_PROFILE, or sign in again")]
    Credentials {
        /// What was called.
        target: String,
        /// What was said.
        cause: String,
    },
    /// Any other refusal.
    #[error("{target} refused sts GetCallerIdentity with {code}: {message}")]
    Refused {
        /// What was called.
        target: String,
        /// The code.
        code: String,
        /// The message.
        message: String,
    },
}

/// Asks the target whose account it is, once, within [`CHECK_LIMIT`].
///
/// # Errors
/// One sentence with its remedy: nothing listens, no answer comes, something else answers, credentials are refused.
pub async fn identify(clients: &Clients) -> Result<Account, CheckError> {
    let target = clients.target.to_string();
    let (timeouts, retries) = limits::check();
    let settings = aws_sdk_sts::config::Builder::new().timeout_config(timeouts).retry_config(retries);
    let call = clients.sts.get_caller_identity().customize().config_override(settings).send();
    let Ok(answer) = tokio::time::timeout(CHECK_LIMIT, call).await else {
        return Err(CheckError::Silent { target });
    };
    match answer {
        Ok(identity) => match (identity.account, identity.arn) {
            (Some(id), Some(arn)) => Ok(Account { id, arn }),
            _ => Err(CheckError::Foreign { target, answer: "an answer without an account".to_owned() }),
        },
        Err(error) => Err(reason(target, &clients.target, &error)),
    }
}

fn reason<E>(name: String, target: &Target, error: &SdkError<E>) -> CheckError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => CheckError::Silent { target: name },
        SdkError::DispatchFailure(failure) if failure.is_timeout() => CheckError::Silent { target: name },
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            CheckError::Unreachable { target: name, cause: innermost(error) }
        }
        SdkError::DispatchFailure(_) if matches!(target, Target::Aws { .. }) => {
            CheckError::Credentials { target: name, cause: innermost(error) }
        }
        SdkError::DispatchFailure(_) => CheckError::Foreign { target: name, answer: innermost(error) },
        SdkError::ConstructionFailure(_) => CheckError::Credentials { target: name, cause: innermost(error) },
        _ => answered(name, error),
    }
}

fn answered<E>(target: String, error: &SdkError<E>) -> CheckError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or("no message");
    let raw = error.raw_response();
    let status = raw.map_or(0, |answer| answer.status().as_u16());
    match code {
        Some("InvalidClientTokenId" | "ExpiredToken" | "SignatureDoesNotMatch" | "UnrecognizedClientException") => {
            CheckError::Credentials { target, cause: message.to_owned() }
        }
        Some(code) => CheckError::Refused { target, code: code.to_owned(), message: message.to_owned() },
        None => {
            let kind = raw.and_then(|answer| answer.headers().get("content-type")).unwrap_or("no content type");
            CheckError::Foreign { target, answer: format!("status {status}, {kind}") }
        }
    }
}
