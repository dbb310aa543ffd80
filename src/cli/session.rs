//! A target that is ready to be worked on: the embedded endpoint started, or an endpoint checked; clients and clock.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::aws::{Account, Clients, Target};
use crate::clock::Clock;
use crate::emulator::{Emulator, EmulatorConfig};
use crate::model::activity::Activity;
use crate::model::words::counted;

use super::server::{Server, greet};
use super::settings::Settings;
use super::{Usage, control, output};

/// Time runs so many times as fast on the embedded endpoint, so that a wait of 30 s takes half a second.
pub const EMBEDDED_RATE: f64 = 60.0;

/// A target that is ready to be worked on.
pub struct Session {
    /// Clients of the target.
    pub clients: Clients,
    /// Whose account it is.
    pub account: Account,
    /// The target's clock, or one that runs as it does.
    pub clock: Clock,
    /// Whether the target's time can be scaled.
    pub has_clock: bool,
    /// The software of an endpoint elsewhere.
    pub server: Option<Server>,
    /// The endpoint, where it is in this process.
    pub emulator: Option<Arc<Emulator>>,
}

impl Session {
    /// Starts the embedded endpoint, or checks the one that was named.
    ///
    /// # Errors
    /// One sentence: why it cannot be worked on.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let target = &settings.target;
        let emulator = match target {
            Target::Embedded => {
                let config = EmulatorConfig { data_dir: settings.data_dir.clone(), ..EmulatorConfig::default() };
                Some(Arc::new(Emulator::start(config).await?))
            }
            Target::Endpoint { .. } | Target::Aws { .. } => None,
        };
        let url = emulator.as_ref().map(|emulator| emulator.url()).unwrap_or_default();
        let clients = Clients::connect(target.clone(), settings.access, &url).await;
        let elsewhere = match target {
            Target::Endpoint { url, .. } => Some(url.as_str()),
            Target::Embedded | Target::Aws { .. } => None,
        };
        let (account, server) = greet(&clients, elsewhere).await;
        let clock = match (&emulator, elsewhere, &server) {
            (Some(emulator), ..) => Some(emulator.clock().clone()),
            (None, Some(url), Some(Server::Vaultscope)) => control::clock_of(url).await,
            _ => None,
        };
        let has_clock = clock.is_some();
        Ok(Self { clients, account: account?, server, has_clock, clock: clock.unwrap_or_default(), emulator })
    }

    /// Where the endpoint listens; `None` for AWS.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        match (&self.emulator, &self.clients.target) {
            (Some(emulator), _) => Some(emulator.url()),
            (None, Target::Endpoint { url, .. }) => Some(url.clone()),
            (None, _) => None,
        }
    }

    /// Lets the target's time run at `rate` simulated seconds per real second.
    ///
    /// # Errors
    /// When the rate is out of range, or the target has no clock of ours.
    pub async fn set_rate(&self, rate: f64) -> anyhow::Result<()> {
        // Refused here first: an endpoint elsewhere would only say so later.
        Clock::default().set_rate(rate).map_err(|error| Usage(error.to_string()))?;
        self.tell(json!({ "rate": rate })).await?;
        self.clock.set_rate(rate)?;
        Ok(())
    }

    /// Stops the target's time, or lets it run again.
    ///
    /// # Errors
    /// When the target has no clock of ours.
    pub async fn pause(&self, paused: bool) -> anyhow::Result<()> {
        self.tell(json!({ "paused": paused })).await?;
        if paused {
            self.clock.pause();
        } else {
            self.clock.resume();
        }
        Ok(())
    }

    /// Moves the target's time forward.
    ///
    /// # Errors
    /// When the target has no clock of ours.
    pub async fn step(&self, by: Duration) -> anyhow::Result<()> {
        self.tell(json!({ "step_seconds": by.as_secs_f64() })).await?;
        self.clock.step(by);
        Ok(())
    }

    /// Tells an endpoint in another process of a change; the one in this process has our clock itself.
    async fn tell(&self, change: serde_json::Value) -> anyhow::Result<()> {
        match (&self.emulator, &self.clients.target) {
            (Some(_), _) => Ok(()),
            (None, Target::Endpoint { url, .. }) => control::change_clock(url, change).await,
            (None, target) => {
                Err(Usage(format!("time runs as it does on {target}: it cannot be scaled, paused or stepped")).into())
            }
        }
    }

    /// Ends the endpoint with every process that it started, where it is in this process; says what the calls of AWS cost.
    pub async fn close(mut self) {
        if self.clients.target.is_aws() {
            output::remark(&bill(&self.clients.meter().activity()));
        }
        match self.emulator.take().map(Arc::try_unwrap) {
            Some(Ok(emulator)) => emulator.shutdown().await,
            // A task that still calls it ends with the runtime.
            Some(Err(shared)) => shared.end().await,
            None => {}
        }
    }

    /// The same where the session is still shared.
    pub async fn end(&self) {
        if let Some(emulator) = &self.emulator {
            emulator.end().await;
        }
    }
}

/// How many calls were made, and what they cost at list price.
fn bill(activity: &Activity) -> String {
    let throttled = match activity.throttled() {
        0 => String::new(),
        count => format!(", {count} of them throttled"),
    };
    format!("{} of AWS{throttled}, about ${:.4} at list price", counted(activity.calls(), "call"), activity.usd())
}

/// The same for commands of which `vaultscope run` does nothing.
///
/// # Errors
/// [`Usage`] on the embedded endpoint.
pub fn needs_emulator(target: &Target, command: &str) -> Result<(), Usage> {
    if *target != Target::Embedded {
        return Ok(());
    }
    Err(Usage(format!(
        "`vaultscope {command}` needs an endpoint that outlives it: start `vaultscope emulator` and add --endpoint-url http://127.0.0.1:4566"
    )))
}

/// Refuses commands that need a stack of an earlier command where that is gone: the embedded endpoint ends with each
/// command, and its state with it unless it is kept.
///
/// # Errors
/// [`Usage`] on the embedded endpoint without a data folder.
pub fn needs_endpoint(settings: &Settings, command: &str) -> Result<(), Usage> {
    if settings.target != Target::Embedded || settings.data_dir.is_some() {
        return Ok(());
    }
    Err(Usage(format!(
        "`vaultscope {command}` needs an endpoint that outlives it: start `vaultscope emulator` and add --endpoint-url http://127.0.0.1:4566, keep its state with --data-dir, or use `vaultscope run`, which does everything at once"
    )))
}
