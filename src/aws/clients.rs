//! One client a service, made once from one configuration; a clone is a handful of reference counts.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::host_prefix::WithoutHostPrefix;
use super::limits;
use super::target::Target;

/// The region where an endpoint answers, unless the user has set one.
const ENDPOINT_REGION: &str = "us-east-1";

/// Every client that vaultscope calls with.
#[derive(Debug, Clone)]
pub struct Clients {
    /// CloudFormation.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// EventBridge.
    pub events: aws_sdk_eventbridge::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// S3, in path style on endpoints.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Step Functions.
    pub states: aws_sdk_sfn::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
    /// What they call.
    pub target: Target,
    /// The region that they call.
    pub region: String,
    shared: SdkConfig,
}

impl Clients {
    /// Clients of `target`; `embedded_url` is where the embedded endpoint listens and is read for that target only.
    ///
    /// Nothing is called: see [`identify`](super::identify).
    pub async fn connect(target: Target, embedded_url: &str) -> Self {
        let shared = match &target {
            Target::Embedded => at_endpoint(embedded_url, None).await,
            Target::Endpoint { url } => at_endpoint(url, Some(UserSettings::read())).await,
            Target::Aws { profile, region } => on_aws(profile.as_deref(), region.clone()).await,
        };
        Self::of_config(target, shared)
    }

    /// The same clients without retries of their own, for callers that back off by themselves.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        let shared = self.shared.to_builder().retry_config(RetryConfig::disabled()).build();
        Self::of_config(self.target.clone(), shared)
    }

    fn of_config(target: Target, shared: SdkConfig) -> Self {
        let path_style = !matches!(target, Target::Aws { .. });
        let mut logs = aws_sdk_cloudwatchlogs::config::Builder::from(&shared);
        if let Some(strip) = shared.endpoint_url().filter(|_| path_style).and_then(WithoutHostPrefix::of) {
            logs = logs.interceptor(strip);
        }
        let s3 = aws_sdk_s3::config::Builder::from(&shared).force_path_style(path_style).build();
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(&shared),
            dynamodb: aws_sdk_dynamodb::Client::new(&shared),
            events: aws_sdk_eventbridge::Client::new(&shared),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::new(&shared),
            states: aws_sdk_sfn::Client::new(&shared),
            sts: aws_sdk_sts::Client::new(&shared),
            region: shared.region().map_or_else(|| ENDPOINT_REGION.to_owned(), ToString::to_string),
            target,
            shared,
        }
    }
}

/// What the environment says of credentials and region.
#[derive(Debug, Default)]
struct UserSettings {
    credentials: bool,
    profile: bool,
    region: bool,
}

impl UserSettings {
    fn read() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            credentials: is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY"),
            profile: is_set("AWS_PROFILE"),
            region: is_set("AWS_REGION") || is_set("AWS_DEFAULT_REGION"),
        }
    }
}

/// Never asks the instance metadata service: an endpoint takes any credentials.
async fn at_endpoint(url: &str, user: Option<UserSettings>) -> SdkConfig {
    let user = user.unwrap_or_default();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .timeout_config(limits::timeouts())
        .retry_config(limits::retries());
    if !user.credentials && !user.profile {
        let test = Credentials::new("test", "test", None, None, "vaultscope");
        loader = loader.credentials_provider(SharedCredentialsProvider::new(test));
    }
    if !user.region && !user.profile {
        loader = loader.region(Region::from_static(ENDPOINT_REGION));
    }
    loader.load().await
}

async fn on_aws(profile: Option<&str>, region: Option<String>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(limits::timeouts())
        .retry_config(limits::retries());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    loader.load().await
}
