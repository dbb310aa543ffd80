//! Serves the handler that `_HANDLER` names through the Lambda Runtime API: reads the environment once, makes the SDK
//! clients that this handler needs once, and goes on until the Runtime API goes away.
//!
//! The configuration of the clients is lean on purpose. In a function the credentials and the region are in the
//! environment, so no chain of providers is asked; over plain HTTP no TLS stack is set up; connections are kept.

use std::convert::Infallible;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ports::PortError;
use super::ports_aws::{Bucket, Bus, Table};
use super::upload_event::Naming;
use super::{check_file_upload_type, error_handler, event_writer, iterator, reconcile_check, reconcile_notify};

/// How long a connection to AWS may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a function does not serve, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The environment lacks what Lambda or the template sets.
    #[error("the environment variable {0} is not set: this process is meant to be started by AWS Lambda")]
    Environment(&'static str),
    /// `_HANDLER` names no function of this artefact.
    #[error(
        "there is no handler {0:?}: use checkFileUploadType, eventWriter, reconcileIterator, reconcileCheck, \
         reconcileNotify or errorHandler"
    )]
    Handler(String),
    /// The Runtime API cannot be reached any more: the environment is gone.
    #[error("the lambda runtime api went away: {0}")]
    RuntimeApi(String),
}

impl From<PortError> for Diagnostic {
    fn from(error: PortError) -> Self {
        Self { error_type: format!("{}Failed", error.operation), error_message: error.to_string() }
    }
}

/// Serves the function that the environment names, until the Runtime API goes away.
///
/// # Errors
/// When the environment is incomplete, names no handler, or the Runtime API cannot be reached.
pub async fn serve() -> Result<(), ServeError> {
    for name in ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"] {
        variable(name)?;
    }
    let memory = variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?;
    memory.parse::<i32>().map_err(|_| ServeError::Environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))?;
    match variable("_HANDLER")?.as_str() {
        "checkFileUploadType" => {
            let bus = bus(&sdk_config().await?)?;
            let naming = Naming {
                job_dir_suffix: variable("JOB_DIR_SUFFIX_NAME")?,
                manifest_suffix: variable("MANIFEST_SUFFIX_NAME")?,
            };
            run(async |event| Ok::<_, Infallible>(check_file_upload_type::handler(event, &naming, &bus).await)).await
        }
        "eventWriter" => {
            let table = table(&sdk_config().await?)?;
            run(async |event| event_writer::handler(event, &table).await).await
        }
        "reconcileIterator" => run(async |last| Ok::<_, Infallible>(iterator::handler(last))).await,
        "reconcileCheck" => {
            let config = sdk_config().await?;
            let (table, bucket) = (table(&config)?, bucket(&config));
            run(async |event| reconcile_check::handler(event, &table, &bucket).await).await
        }
        "reconcileNotify" => {
            let bus = bus(&sdk_config().await?)?;
            run(async |state| reconcile_notify::handler(state, &bus).await).await
        }
        "errorHandler" => run(async |state| Ok::<_, Infallible>(error_handler::handler(state))).await,
        other => Err(ServeError::Handler(other.to_owned())),
    }
}

async fn run<Input, Output, E>(handler: impl AsyncFn(Input) -> Result<Output, E>) -> Result<(), ServeError>
where
    Input: DeserializeOwned,
    Output: Serialize,
    E: Into<Diagnostic> + std::fmt::Debug,
{
    let handler = &handler;
    let service = service_fn(|event: LambdaEvent<Input>| handler(event.payload));
    Runtime::new(service).run().await.map_err(|error| ServeError::RuntimeApi(error.to_string()))
}

fn variable(name: &'static str) -> Result<String, ServeError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ServeError::Environment(name))
}

async fn sdk_config() -> Result<SdkConfig, ServeError> {
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        std::env::var("AWS_SESSION_TOKEN").ok().filter(|token| !token.is_empty()),
        None,
        "lambda",
    );
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .region(Region::new(variable("AWS_REGION")?))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(aws_config::identity::IdentityCache::no_cache());
    let plain = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://"));
    let loader = if plain { loader.http_client(aws_smithy_http_client::Builder::new().build_http()) } else { loader };
    Ok(loader.load().await)
}

fn bus(config: &SdkConfig) -> Result<Bus, ServeError> {
    Ok(Bus { client: aws_sdk_eventbridge::Client::new(config), name: variable("EVENT_BUS_NAME")? })
}

fn table(config: &SdkConfig) -> Result<Table, ServeError> {
    Ok(Table { client: aws_sdk_dynamodb::Client::new(config), name: variable("TABLE_NAME")? })
}

fn bucket(config: &SdkConfig) -> Bucket {
    // An endpoint of one's own has no wildcard name for buckets.
    let path_style = config.endpoint_url().is_some();
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(path_style).build();
    Bucket { client: aws_sdk_s3::Client::from_conf(config) }
}
