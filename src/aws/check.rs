//! The first call to a target: whose account it is, or one sentence that says what is wrong with the target.

use std::time::Duration;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use super::clients::Clients;
use super::credentials::{self, CredentialsProblem};
use super::limits::{self, CHECK_LIMIT};
use super::problem::innermost;
use super::target::Target;

/// How AWS says that it does not know the caller.
const REFUSED_CREDENTIALS: [&str; 7] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

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
    /// No connection to an endpoint.
    #[error(
        "nothing listens at {target} ({cause}): start `vaultscope emulator` or LocalStack there, give another port with --endpoint-url, or leave --endpoint-url, AWS_ENDPOINT_URL and --target out to use the embedded endpoint"
    )]
    Unreachable {
        /// What was called.
        target: String,
        /// What the system said.
        cause: String,
    },
    /// No connection to AWS.
    #[error("{target} cannot be reached ({cause}): check the network, and that there is a region {region:?}")]
    AwsUnreachable {
        /// What was called.
        target: String,
        /// Its region.
        region: String,
        /// What the system said.
        cause: String,
    },
    /// A connection, and then silence.
    #[error("{target} did not answer within {} s: {remedy}", CHECK_LIMIT.as_secs())]
    Silent {
        /// What was called.
        target: String,
        /// What to do.
        remedy: &'static str,
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
    /// No region is named anywhere.
    #[error("no region is named for AWS: add --region us-east-1, say, or set AWS_REGION or the profile's region")]
    NoRegion,
    /// There are no credentials to call with.
    #[error(transparent)]
    NoCredentials(#[from] CredentialsProblem),
    /// Credentials are refused.
    #[error(
        "{target} does not accept the credentials ({cause}): choose others with --profile or AWS_PROFILE, or sign in again"
    )]
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

/// Asks the target whose account it is, once, within `limit`.
///
/// # Errors
/// One sentence with its remedy: nothing listens, no answer comes, something else answers, there are no credentials or
/// they are refused, no region is named.
pub async fn identify(clients: &Clients, limit: Duration) -> Result<Account, CheckError> {
    if clients.region.is_empty() {
        return Err(CheckError::NoRegion);
    }
    match tokio::time::timeout(limit, ask(clients, limit)).await {
        Ok(answer) => answer,
        Err(_) => Err(silent(clients)),
    }
}

async fn ask(clients: &Clients, limit: Duration) -> Result<Account, CheckError> {
    credentials::load(clients).await?;
    let (timeouts, retries) = limits::check(limit);
    let settings = aws_sdk_sts::config::Builder::new().timeout_config(timeouts).retry_config(retries);
    match clients.sts.get_caller_identity().customize().config_override(settings).send().await {
        Ok(identity) => {
            let (Some(id), Some(arn)) = (identity.account, identity.arn) else {
                let answer = "an answer without an account".to_owned();
                return Err(CheckError::Foreign { target: clients.target.to_string(), answer });
            };
            Ok(Account { id, arn })
        }
        Err(error) => Err(reason(clients, &error)),
    }
}

fn silent(clients: &Clients) -> CheckError {
    let remedy = match clients.target {
        Target::Aws { .. } => "check the network and the credentials' source",
        Target::Embedded | Target::Endpoint { .. } => "check host and port of --endpoint-url or AWS_ENDPOINT_URL",
    };
    CheckError::Silent { target: clients.target.to_string(), remedy }
}

fn reason<E>(clients: &Clients, error: &SdkError<E>) -> CheckError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let target = clients.target.to_string();
    match error {
        SdkError::TimeoutError(_) => silent(clients),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => silent(clients),
        SdkError::DispatchFailure(failure) if failure.is_io() && clients.target.is_aws() => {
            CheckError::AwsUnreachable { target, region: clients.region.clone(), cause: innermost(error) }
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            CheckError::Unreachable { target, cause: innermost(error) }
        }
        SdkError::DispatchFailure(_) if clients.target.is_aws() => {
            CheckError::Credentials { target, cause: innermost(error) }
        }
        SdkError::DispatchFailure(_) => CheckError::Foreign { target, answer: innermost(error) },
        SdkError::ConstructionFailure(_) => CheckError::Credentials { target, cause: innermost(error) },
        _ => answered(target, error),
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
        Some(code) if REFUSED_CREDENTIALS.contains(&code) => {
            CheckError::Credentials { target, cause: message.to_owned() }
        }
        Some(code) => CheckError::Refused { target, code: code.to_owned(), message: message.to_owned() },
        None => {
            let kind = raw.and_then(|answer| answer.headers().get("content-type")).unwrap_or("no content type");
            CheckError::Foreign { target, answer: format!("status {status}, {kind}") }
        }
    }
}
