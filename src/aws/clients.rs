//! One client a service, made once from one configuration; a clone is a handful of reference counts.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::guard::ReadOnlyGuard;
use super::host_prefix::WithoutHostPrefix;
use super::limits;
use super::meter::Meter;
use super::target::Target;

/// The region where an endpoint answers, unless the user has set one.
const ENDPOINT_REGION: &str = "us-east-1";

/// Whether calls may change what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only calls that read are made.
    ReadOnly,
    /// Every call is made.
    Write,
}

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
    /// EventBridge Scheduler.
    pub scheduler: aws_sdk_scheduler::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Step Functions.
    pub states: aws_sdk_sfn::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
    /// What they call.
    pub target: Target,
    /// The region that they call; empty where none is named anywhere.
    pub region: String,
    access: Access,
    meter: Meter,
    shared: SdkConfig,
}

impl Clients {
    /// Clients of `target`; `embedded_url` is where the embedded endpoint listens and is read for that target only.
    ///
    /// Nothing is called: see [`identify`](super::identify).
    pub async fn connect(target: Target, access: Access, embedded_url: &str) -> Self {
        let shared = match &target {
            Target::Embedded => at_endpoint(embedded_url, None, UserSettings::default()).await,
            Target::Endpoint { url, region } => at_endpoint(url, region.as_deref(), UserSettings::read()).await,
            Target::Aws { profile, region } => on_aws(profile.as_deref(), region.as_deref()).await,
        };
        Self::of_config(target, access, Meter::default(), shared)
    }

    /// The same clients without retries of their own and with less patience, for callers that back off and ask again by
    /// themselves.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        let shared = self.shared.to_builder();
        let shared = shared.retry_config(RetryConfig::disabled()).timeout_config(limits::looks()).build();
        Self::of_config(self.target.clone(), self.access, self.meter.clone(), shared)
    }

    /// What has been called so far, of all services and by every copy of these clients.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Whether changing calls are refused.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    /// Where the credentials come from.
    pub(super) fn credentials(&self) -> Option<SharedCredentialsProvider> {
        self.shared.credentials_provider()
    }

    fn of_config(target: Target, access: Access, meter: Meter, shared: SdkConfig) -> Self {
        /// A client whose calls are counted, and refused where they may not be made.
        macro_rules! client {
            ($service:ident $(, $config:ident => $changed:expr)?) => {{
                let config = $service::config::Builder::from(&shared).interceptor(meter.clone());
                $(let config = { let $config = config; $changed };)?
                let config = match access {
                    Access::ReadOnly => config.interceptor(ReadOnlyGuard),
                    Access::Write => config,
                };
                $service::Client::from_conf(config.build())
            }};
        }
        let strip = shared.endpoint_url().filter(|_| !target.is_aws()).and_then(WithoutHostPrefix::of);
        Self {
            cloudformation: client!(aws_sdk_cloudformation),
            dynamodb: client!(aws_sdk_dynamodb),
            events: client!(aws_sdk_eventbridge),
            logs: client!(aws_sdk_cloudwatchlogs, config => match strip {
                Some(strip) => config.interceptor(strip),
                None => config,
            }),
            s3: client!(aws_sdk_s3, config => config.force_path_style(!target.is_aws())),
            scheduler: client!(aws_sdk_scheduler),
            sqs: client!(aws_sdk_sqs),
            states: client!(aws_sdk_sfn),
            sts: client!(aws_sdk_sts),
            region: shared.region().map(ToString::to_string).unwrap_or_default(),
            target,
            access,
            meter,
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
async fn at_endpoint(url: &str, region: Option<&str>, user: UserSettings) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .timeout_config(limits::timeouts())
        .retry_config(limits::retries());
    if !user.credentials && !user.profile {
        let test = Credentials::new("test", "test", None, None, "vaultscope");
        loader = loader.credentials_provider(SharedCredentialsProvider::new(test));
    }
    match region {
        Some(region) => loader = loader.region(Region::new(region.to_owned())),
        None if !user.region && !user.profile => loader = loader.region(Region::from_static(ENDPOINT_REGION)),
        None => {}
    }
    loader.load().await
}

async fn on_aws(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(limits::timeouts())
        .retry_config(limits::retries());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}
