//! What the service remembers: appliances that run, gateways that were activated, and file shares.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::settings::Settings;
use crate::model::Timestamp;
use crate::sim::appliance::FileShare;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The simulated machine behind an instance of the gateway's image.
#[derive(Debug)]
pub struct Appliance {
    /// Its address in the VPC.
    pub private_ip: String,
    /// Of its network interface.
    pub mac: String,
    /// When it was switched on; `None` while it is off.
    pub on_since: Option<Timestamp>,
    /// Its activation web server; `None` while there is nothing to activate.
    pub door: Option<Door>,
}

/// An activation web server that listens.
#[derive(Debug)]
pub struct Door {
    /// Where it listens.
    pub address: SocketAddr,
    /// Ends it.
    pub closed: CancellationToken,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

/// An activation key that was handed out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    /// The appliance's instance.
    pub instance: String,
    /// The region that it activates in.
    pub region: String,
    /// The VPC endpoint that the gateway is to go through, by its DNS name.
    pub vpc_endpoint: Option<String>,
    /// When it is worth nothing any more.
    pub until: Timestamp,
}

/// A disk of an appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// `/dev/sdf`, which is its path too.
    pub id: String,
    /// Bytes.
    pub bytes: u64,
}

/// A gateway that was activated.
#[derive(Debug, Serialize, Deserialize)]
pub struct Gateway {
    /// `sgw-12A3456B`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// What the user calls it.
    pub name: String,
    /// `GMT`, `GMT-5:00`
    pub timezone: String,
    /// The instance that it runs on.
    pub instance: String,
    /// The VPC endpoint that it goes through, by its DNS name.
    pub vpc_endpoint: Option<String>,
    /// When it was activated.
    pub activated: Timestamp,
    /// Disks that are its cache.
    pub cache: Vec<Disk>,
    /// Where it logs to, as it was given.
    pub log_group: Option<String>,
    /// `Small`, `Medium`, `Large`
    pub capacity: String,
    /// Members of `DescribeMaintenanceStartTime`.
    pub maintenance: Value,
    /// Its tags.
    pub tags: Tags,
}

/// Where a file share is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It is being made.
    Creating,
    /// It is being changed.
    Updating,
    /// Clients may use it.
    Available,
    /// It goes once everything is uploaded.
    Deleting,
    /// It goes at once.
    ForceDeleting,
    /// It could not be opened.
    Unavailable,
}

impl Status {
    /// As AWS spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Updating => "UPDATING",
            Self::Available => "AVAILABLE",
            Self::Deleting => "DELETING",
            Self::ForceDeleting => "FORCE_DELETING",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// Whether it goes.
    #[must_use]
    pub const fn is_going(self) -> bool {
        matches!(self, Self::Deleting | Self::ForceDeleting)
    }
}

/// A file share.
pub struct Share {
    /// `share-12A3456B`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its gateway's id.
    pub gateway: String,
    /// What was asked for.
    pub settings: Settings,
    /// Where it is in its life.
    pub status: Status,
    /// Why it is not available.
    pub problem: Option<String>,
    /// The folder that clients copy into.
    pub folder: PathBuf,
    /// What works on the folder, once it is open.
    pub open: Option<Arc<FileShare>>,
    /// Its tags.
    pub tags: Tags,
}

/// Everything that the service remembers.
#[derive(Default)]
pub struct Registry {
    /// Appliances by instance.
    pub appliances: BTreeMap<String, Appliance>,
    /// Keys that were handed out and not used.
    pub keys: HashMap<String, Key>,
    /// Gateways by id, oldest first.
    pub gateways: IndexMap<String, Gateway>,
    /// File shares by id, oldest first.
    pub shares: IndexMap<String, Share>,
    /// ARNs of shares by the client token that made them, with the settings that were asked for.
    pub tokens: HashMap<String, (String, Settings)>,
    /// Where the folders of shares are that named none, while nothing is kept: it goes with the endpoint.
    pub folders: Option<TempDir>,
}

/// The id at the end of an ARN of that kind: `gateway`, `share`.
fn id_of<'a>(arn: &'a str, kind: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let is_ours = parts.next() == Some("arn") && parts.nth(1) == Some("storagegateway");
    parts.nth(2).filter(|_| is_ours)?.strip_prefix(kind)?.strip_prefix('/')
}

impl Registry {
    /// The gateway of that ARN.
    ///
    /// # Errors
    /// When the ARN is none, or nobody's.
    pub fn gateway(&self, arn: &str) -> Result<&Gateway, Error> {
        Error::length("gatewayARN", arn, 50, 500)?;
        let found = id_of(arn, "gateway").and_then(|id| self.gateways.get(id));
        found.filter(|gateway| gateway.arn == arn).ok_or_else(Error::no_gateway)
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// As [`Registry::gateway`].
    pub fn gateway_mut(&mut self, arn: &str) -> Result<&mut Gateway, Error> {
        let id = self.gateway(arn)?.id.clone();
        self.gateways.get_mut(&id).ok_or_else(Error::no_gateway)
    }

    /// The file share of that ARN.
    ///
    /// # Errors
    /// When the ARN is none, or nobody's.
    pub fn share(&self, arn: &str) -> Result<&Share, Error> {
        Error::length("fileShareARN", arn, 50, 500)?;
        let found = id_of(arn, "share").and_then(|id| self.shares.get(id));
        found.filter(|share| share.arn == arn).ok_or_else(Error::no_share)
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// As [`Registry::share`].
    pub fn share_mut(&mut self, arn: &str) -> Result<&mut Share, Error> {
        let id = self.share(arn)?.id.clone();
        self.shares.get_mut(&id).ok_or_else(Error::no_share)
    }

    /// The tags of a gateway or share.
    ///
    /// # Errors
    /// When the ARN is neither's.
    pub fn tags_mut(&mut self, arn: &str) -> Result<&mut Tags, Error> {
        Error::length("resourceARN", arn, 50, 500)?;
        if id_of(arn, "share").is_some() {
            return Ok(&mut self.share_mut(arn)?.tags);
        }
        Ok(&mut self.gateway_mut(arn)?.tags)
    }

    /// Shares of a gateway, by its id.
    pub fn shares_of<'a>(&'a self, gateway: &'a str) -> impl Iterator<Item = &'a Share> {
        self.shares.values().filter(move |share| share.gateway == gateway)
    }

    /// Whether the machine of a share's gateway is on, by the share's id.
    #[must_use]
    pub fn is_on(&self, share: &str) -> bool {
        let gateway = self.shares.get(share).and_then(|share| self.gateways.get(&share.gateway));
        let appliance = gateway.and_then(|gateway| self.appliances.get(&gateway.instance));
        appliance.is_some_and(|appliance| appliance.on_since.is_some())
    }

    /// Whether a gateway answers at a moment: its machine is on, and both have come up.
    #[must_use]
    pub fn is_running(&self, gateway: &Gateway, now: Timestamp) -> bool {
        let on = self.appliances.get(&gateway.instance).and_then(|appliance| appliance.on_since);
        on.is_some_and(|on| on.max(gateway.activated) + super::COMES_UP <= now)
    }

    /// The gateway of that ARN, when it answers.
    ///
    /// # Errors
    /// As [`Registry::gateway`], and `GatewayNotConnected`.
    pub fn connected(&self, arn: &str, now: Timestamp) -> Result<&Gateway, Error> {
        let gateway = self.gateway(arn)?;
        if self.is_running(gateway, now) { Ok(gateway) } else { Err(Error::not_connected()) }
    }
}
