//! An endpoint on a free port and the configuration of SDK clients that speak to it.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use vaultscope::emulator::{Emulator, EmulatorConfig};

/// Starts an endpoint of its own for one test: static credentials, no look at the machine's AWS settings.
pub async fn start() -> (Emulator, SdkConfig) {
    start_with(EmulatorConfig::default()).await
}

/// The same with a configuration of the test's own.
pub async fn start_with(config: EmulatorConfig) -> (Emulator, SdkConfig) {
    let emulator = Emulator::start(config).await.expect("the endpoint starts on a free port");
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(emulator.url())
        .load()
        .await;
    (emulator, config)
}
