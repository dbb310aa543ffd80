//! Appliances: the simulated machine behind each instance of the gateway's image. Amazon EC2 tells when one of them
//! changes; what it has become is read from there.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::Error;
use super::state::{Appliance, Disk, Status};
use super::{PRINCIPAL, StorageGateway};
use crate::sim::appliance::FileShare;

/// The tag of an instance that says where its activation web server listens.
pub const ACTIVATION_TAG: &str = "vaultscope:activation";

/// An instance as EC2 describes it.
struct Machine {
    is_on: bool,
    private_ip: String,
    mac: String,
}

impl StorageGateway {
    /// Looks what has become of an instance, and does the same with its appliance.
    ///
    /// # Errors
    /// When its activation web server cannot listen.
    pub(super) async fn attend(&self, instance: &str) -> Result<(), Error> {
        let Some(machine) = self.machine(instance).await else {
            // A terminated instance takes its shares' machine with it; what is in the folders stays there.
            self.registry().appliances.remove(instance);
            self.cut_off(instance, false);
            return Ok(());
        };
        let now = self.fabric.clock().now();
        {
            let mut registry = self.registry();
            let appliance = registry.appliances.entry(instance.to_owned()).or_insert_with(|| Appliance {
                private_ip: String::new(),
                mac: String::new(),
                on_since: None,
                door: None,
            });
            appliance.private_ip = machine.private_ip;
            appliance.mac = machine.mac;
            appliance.on_since = machine.is_on.then(|| appliance.on_since.unwrap_or(now));
        }
        self.cut_off(instance, machine.is_on);
        if machine.is_on { self.open_door(instance).await } else { self.close_door(instance).await }
    }

    /// The instance, unless it is gone or going.
    async fn machine(&self, instance: &str) -> Option<Machine> {
        let input = json!({ "InstanceIds": [instance] });
        let answer = self.fabric.call(PRINCIPAL, "ec2", "DescribeInstances", input).await.ok()?;
        let found = answer.pointer("/Reservations/0/Instances/0")?;
        let is_on = match found["State"]["Name"].as_str()? {
            "pending" | "running" => true,
            "stopping" | "stopped" => false,
            _ => return None,
        };
        let text = |pointer: &str| found.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Machine { is_on, private_ip: text("/PrivateIpAddress"), mac: text("/NetworkInterfaces/0/MacAddress") })
    }

    /// Connects the open shares of an instance's gateway, or cuts them off.
    fn cut_off(&self, instance: &str, is_on: bool) {
        for share in self.open_shares_of(instance) {
            share.set_online(is_on);
        }
    }

    fn open_shares_of(&self, instance: &str) -> Vec<Arc<FileShare>> {
        let registry = self.registry();
        let gateways: Vec<&str> =
            registry.gateways.values().filter(|one| one.instance == instance).map(|one| one.id.as_str()).collect();
        let shares = registry.shares.values().filter(|share| gateways.contains(&share.gateway.as_str()));
        shares.filter_map(|share| share.open.clone()).collect()
    }

    /// The disks of an instance besides its root, by device.
    pub(super) async fn disks(&self, instance: &str) -> Result<Vec<Disk>, Error> {
        let internal = |error: crate::emulator::ServiceError| Error::Internal(error.to_string());
        let input = json!({ "InstanceIds": [instance] });
        let answer = self.fabric.call(PRINCIPAL, "ec2", "DescribeInstances", input).await.map_err(internal)?;
        let root = answer.pointer("/Reservations/0/Instances/0/RootDeviceName").cloned().unwrap_or_default();
        let input = json!({ "Filters": [{ "Name": "attachment.instance-id", "Values": [instance] }] });
        let answer = self.fabric.call(PRINCIPAL, "ec2", "DescribeVolumes", input).await.map_err(internal)?;
        let volumes = answer["Volumes"].as_array().cloned().unwrap_or_default();
        let disk = |volume: &Value| {
            let device = volume.pointer("/Attachments/0/Device").filter(|device| **device != root)?;
            Some(Disk { id: device.as_str()?.to_owned(), bytes: volume["Size"].as_u64()? << 30 })
        };
        let mut disks: Vec<Disk> = volumes.iter().filter_map(disk).collect();
        disks.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(disks)
    }

    /// Ends every appliance and share. What waits to be uploaded stays in folders that users named or that are kept; the
    /// others go.
    pub(super) async fn end(&self) {
        let (doors, shares) = {
            let mut registry = self.registry();
            let doors: Vec<_> = registry.appliances.values_mut().filter_map(|one| one.door.take()).collect();
            let shares: Vec<_> = registry
                .shares
                .values_mut()
                .filter_map(|share| {
                    share.status = Status::Unavailable;
                    share.open.take()
                })
                .collect();
            (doors, shares)
        };
        drop(doors);
        for share in shares {
            if let Err(error) = share.close(true).await {
                tracing::warn!(%error, folder = %share.folder().display(), "a file share did not end as it should");
            }
        }
        let folders = self.registry().folders.take();
        if let Some(folders) = folders {
            let closed = tokio::task::spawn_blocking(move || folders.close()).await;
            if let Ok(Err(error)) = closed {
                tracing::warn!(%error, "the folders of file shares could not be removed");
            }
        }
    }
}
