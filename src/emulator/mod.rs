//! The embedded endpoint: one HTTP port on loopback that speaks the AWS wire protocols for what the stacks use.
//!
//! `front` turns HTTP into calls, `service` says what a service is, `fabric` is where services meet, `services` holds
//! one folder a service. An operation that is lacking answers `501 NotImplemented` by name; nothing pretends.

pub mod backoff;
pub mod body;
pub mod catalogue;
pub mod endpoint;
pub mod error;
pub mod fabric;
pub mod faults;
pub mod form;
pub mod front;
pub mod glob;
pub mod keep;
pub mod sdk;
pub mod service;
pub mod services;
pub mod uplink;

pub use endpoint::Endpoint;
pub use error::ServiceError;
pub use fabric::{Fabric, Hop, Identity};
pub use keep::{Folder, Keep, KeepError, Outbox, Shelf, Snapshot, Ticket};
pub use service::{
    Call, Context, Delivery, DeliveryError, EventStream, FileBody, Interface, Origin, Protocol, QueryInterface,
    Service, StreamEvent,
};
pub use services::{PatternError, pattern_takes};
pub use uplink::FabricUplink;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;

/// The port that LocalStack made customary.
pub const DEFAULT_PORT: u16 = 4566;

/// How an endpoint is started.
#[derive(Debug, Clone)]
pub struct EmulatorConfig {
    /// The address to listen on; loopback unless told otherwise.
    pub address: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Account and region.
    pub identity: Identity,
    /// The clock that everything of the endpoint waits on.
    pub clock: Clock,
    /// Seed of every random id.
    pub seed: u64,
    /// The folder in which the state is kept; without one it is gone with the endpoint.
    pub data_dir: Option<PathBuf>,
    /// How long a client may send nothing in the middle of a request, in real time.
    pub idle_limit: Duration,
}

impl Default for EmulatorConfig {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            identity: Identity::default(),
            clock: Clock::default(),
            seed: 0,
            data_dir: None,
            idle_limit: body::IDLE_LIMIT,
        }
    }
}

/// Why an endpoint could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error(
        "port {port} of {address} is taken: stop what listens there, or choose another one with --port (0 takes a free one)"
    )]
    PortTaken {
        /// The address that was asked for.
        address: IpAddr,
        /// The port that was asked for.
        port: u16,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state of an earlier start cannot be had.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// A service could not be set up.
    #[error("cannot start the endpoint's {service}: {problem}")]
    Service {
        /// The service's id.
        service: &'static str,
        /// What went wrong.
        problem: String,
    },
}

impl From<StartError> for ServiceError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Keep(error) => Self::from(error),
            other => Self::internal(other),
        }
    }
}

/// A running endpoint; [`Emulator::shutdown`] ends it with every process that it started.
pub struct Emulator {
    endpoint: Arc<Endpoint>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Emulator {
    /// Starts the endpoint and returns once it listens.
    ///
    /// # Errors
    /// When the port is taken, the address cannot be listened on, the data folder cannot be used, or a service cannot be
    /// set up.
    pub async fn start(config: EmulatorConfig) -> Result<Self, StartError> {
        let wanted = SocketAddr::new(config.address, config.port);
        let listener = TcpListener::bind(wanted).await.map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortTaken { address: config.address, port: config.port },
            _ => StartError::Listen { address: wanted, source },
        })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: wanted, source })?;
        let idle_limit = config.idle_limit;
        let endpoint = Arc::new(Endpoint::open(config, format!("http://{address}")).await?);
        let server = tokio::spawn(front::serve(listener, Arc::clone(&endpoint), idle_limit));
        Ok(Self { endpoint, address, server })
    }

    /// Where the endpoint listens, such as `http://127.0.0.1:4566`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The clock of everything that waits here.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.endpoint.clock()
    }

    /// The meeting place of the services, as it is now: a reset puts another one in its place.
    #[must_use]
    pub fn fabric(&self) -> Fabric {
        self.endpoint.fabric()
    }

    /// What is behind the port.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Puts events as the endpoint's own simulated gateway, which alone may use sources that begin with `aws.`;
    /// `entries` is the input of `PutEvents`.
    ///
    /// # Errors
    /// What `PutEvents` answers; `ServiceUnavailable` when what it accepted cannot be kept.
    pub async fn put_gateway_events(&self, entries: Value) -> Result<Value, ServiceError> {
        uplink::put_gateway_events(&self.fabric(), entries).await
    }

    /// Ends the endpoint, its background work and every process that it started.
    pub async fn shutdown(self) {
        self.end().await;
        self.server.abort();
    }

    /// The same where somebody else still holds it.
    pub async fn end(&self) {
        self.endpoint.shutdown().await;
    }
}
