//! What is behind the port: the fabric with its services, and how another one takes its place when the endpoint is emptied or
//! a snapshot restored.
//!
//! Services are replaced as a set: those that are ended keep nothing any more, and what they were asked meanwhile is refused.

use std::sync::{PoisonError, RwLock};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::fabric::Fabric;
use super::keep::{Folder, Keep, KeepError};
use super::{EmulatorConfig, StartError, services};
use crate::clock::Clock;

/// The endpoint without its socket.
pub struct Endpoint {
    config: EmulatorConfig,
    url: String,
    /// The rate of the clock at the start.
    rate: f64,
    folder: Option<Folder>,
    fabric: RwLock<Fabric>,
    /// One replacement at a time.
    replacing: Mutex<()>,
    shutdown: CancellationToken,
}

impl Endpoint {
    /// Sets the services up with what the data folder holds, and lets them go on with it.
    ///
    /// # Errors
    /// When the data folder cannot be used or a service cannot be set up.
    pub async fn open(config: EmulatorConfig, url: String) -> Result<Self, StartError> {
        let folder = config.data_dir.as_deref().map(Folder::hold).transpose()?;
        let fabric = assemble(&config, &url, folder.as_ref(), 0).await?;
        Ok(Self { url, folder, ..Self::of(fabric, config) })
    }

    /// What is behind a port: this fabric until it is replaced.
    pub(super) fn of(fabric: Fabric, config: EmulatorConfig) -> Self {
        Self {
            rate: config.clock.reading().rate,
            url: fabric.url().to_owned(),
            config,
            folder: None,
            fabric: RwLock::new(fabric),
            replacing: Mutex::default(),
            shutdown: CancellationToken::new(),
        }
    }

    /// The fabric of now.
    #[must_use]
    pub fn fabric(&self) -> Fabric {
        self.fabric.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The clock, which all fabrics share.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.config.clock
    }

    /// Ends with the endpoint: nothing is accepted any more.
    #[must_use]
    pub fn shutdown_token(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Empties the endpoint: no resources, no faults, an empty trace, the clock at the present and at its first rate.
    /// Functions, tasks and executions that run are ended.
    ///
    /// # Errors
    /// When the data folder cannot be emptied or a service cannot be set up; then nothing is served until it can.
    pub async fn reset(&self) -> Result<(), StartError> {
        let _one = self.replacing.lock().await;
        self.replace(None).await
    }

    /// Puts the state of a snapshot in the place of the present one; faults, trace and clock are those of a reset, but
    /// time does not stand before the snapshot.
    ///
    /// # Errors
    /// When there is no such snapshot (nothing has changed then), or as for [`Endpoint::reset`].
    pub async fn restore(&self, name: &str) -> Result<(), StartError> {
        let _one = self.replacing.lock().await;
        self.fabric().keep().find_snapshot(name)?;
        self.replace(Some(name)).await
    }

    async fn replace(&self, snapshot: Option<&str>) -> Result<(), StartError> {
        let before = self.fabric();
        before.shutdown().await;
        if let Some(folder) = self.folder.clone() {
            let name = snapshot.map(str::to_owned);
            let replaced = tokio::task::spawn_blocking(move || folder.replace(name.as_deref())).await;
            replaced.unwrap_or(Err(KeepError::Closed))?;
        }
        self.config.clock.restart();
        // A rate that was taken once is taken again.
        let _ = self.config.clock.set_rate(self.rate);
        let fabric = assemble(&self.config, &self.url, self.folder.as_ref(), before.keep().starts()).await?;
        *self.fabric.write().unwrap_or_else(PoisonError::into_inner) = fabric;
        Ok(())
    }

    /// Ends background work and every process that was started, and accepts nothing more.
    pub async fn shutdown(&self) {
        self.shutdown.cancel();
        self.fabric().shutdown().await;
        if let Some(folder) = &self.folder {
            folder.let_go();
        }
    }
}

async fn assemble(
    config: &EmulatorConfig,
    url: &str,
    folder: Option<&Folder>,
    starts: u64,
) -> Result<Fabric, StartError> {
    let keep = match folder {
        Some(folder) => Keep::on(folder, &config.clock, starts)?,
        None => Keep::default(),
    };
    let fabric = Fabric::keeping(config.clock.clone(), config.identity.clone(), config.seed, keep);
    fabric.load_keys()?;
    fabric.set_url(url.to_owned());
    fabric.join(services::all(&fabric)?);
    for service in fabric.services() {
        service.resume().await;
    }
    Ok(fabric)
}
