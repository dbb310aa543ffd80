//! A target that is ready to be worked on: the embedded endpoint started, or an endpoint checked; clients and clock.

use std::sync::Arc;

use anyhow::Context;

use crate::aws::{Account, Clients, Target, identify};
use crate::clock::Clock;
use crate::emulator::{Emulator, EmulatorConfig};

use super::{Usage, control};

/// A target that is ready to be worked on.
pub struct Session {
    /// Clients of the target.
    pub clients: Clients,
    /// Whose account it is.
    pub account: Account,
    /// The target's clock, or one that runs as it does.
    pub clock: Clock,
    /// The endpoint, where it is in this process.
    pub emulator: Option<Arc<Emulator>>,
}

impl Session {
    /// Starts the embedded endpoint, or checks the one that was named.
    ///
    /// # Errors
    /// One sentence: why it cannot be worked on.
    pub async fn open(target: &Target) -> anyhow::Result<Self> {
        let emulator = match target {
            Target::Embedded => Some(Arc::new(Emulator::start(EmulatorConfig::default()).await?)),
            Target::Endpoint { .. } | Target::Aws { .. } => None,
        };
        let url = emulator.as_ref().map(|emulator| emulator.url()).unwrap_or_default();
        let clients = Clients::connect(target.clone(), &url).await;
        let account = identify(&clients).await?;
        let clock = match (&emulator, target) {
            (Some(emulator), _) => emulator.clock().clone(),
            (None, Target::Endpoint { url }) => control::clock_of(url).await.unwrap_or_default(),
            (None, _) => Clock::default(),
        };
        Ok(Self { clients, account, clock, emulator })
    }

    /// Lets the target's time run at `rate` simulated seconds per real second.
    ///
    /// # Errors
    /// When the rate is out of range, or the target has no clock of ours.
    pub async fn set_rate(&mut self, rate: f64) -> anyhow::Result<()> {
        match (&self.emulator, &self.clients.target) {
            (Some(emulator), _) => emulator.clock().set_rate(rate).map_err(|error| Usage(error.to_string()))?,
            (None, Target::Endpoint { url }) => self.clock = control::set_rate(url, rate).await?,
            (None, target) => {
                return Err(Usage(format!("time runs as it does on {target}: leave --time-scale out")).into());
            }
        }
        Ok(())
    }

    /// Ends the endpoint with every process that it started, where it is in this process.
    pub async fn close(self) {
        if let Some(emulator) = self.emulator {
            match Arc::try_unwrap(emulator) {
                Ok(emulator) => emulator.shutdown().await,
                // A task that still calls it ends with the runtime.
                Err(shared) => shared.fabric().shutdown().await,
            }
        }
    }
}

/// Refuses commands that need a stack of an earlier command: the embedded endpoint ends with each command.
///
/// # Errors
/// [`Usage`] on the embedded endpoint.
pub fn needs_endpoint(target: &Target, command: &str) -> anyhow::Result<()> {
    if *target != Target::Embedded {
        return Ok(());
    }
    let sentence = format!(
        "`vaultscope {command}` needs an endpoint that outlives it: start `vaultscope emulator` and add --endpoint-url http://127.0.0.1:4566, or use `vaultscope run`, which does everything at once"
    );
    Err(Usage(sentence)).context("no endpoint was named")
}
