//! The disks of a gateway and its cache.

use serde::Deserialize;
use serde_json::{Value, json};

use super::StorageGateway;
use super::error::Error;
use crate::emulator::Context;

/// What a File Gateway's cache has at least, by its requirements.
const SMALLEST_CACHE: u64 = 150 << 30;

#[derive(Deserialize)]
pub(super) struct OfGateway {
    #[serde(rename = "GatewayARN")]
    gateway: String,
}

pub(super) async fn list_local_disks(service: &StorageGateway, input: OfGateway, _: &Context) -> Result<Value, Error> {
    let (arn, instance, cache) = service.machine_of(&input.gateway)?;
    let disks = service.disks(&instance).await?;
    let shown: Vec<Value> = disks
        .iter()
        .enumerate()
        .map(|(index, disk)| {
            let is_cache = cache.contains(&disk.id);
            json!({
                "DiskId": disk.id, "DiskPath": disk.id, "DiskNode": format!("SCSI(0:{index})"), "DiskStatus": "present",
                "DiskSizeInBytes": disk.bytes, "DiskAllocationType": if is_cache { "CACHE STORAGE" } else { "AVAILABLE" },
                "DiskAttributeList": [],
            })
        })
        .collect();
    Ok(json!({ "GatewayARN": arn, "Disks": shown }))
}

#[derive(Deserialize)]
pub(super) struct AddCache {
    #[serde(rename = "GatewayARN")]
    gateway: String,
    #[serde(rename = "DiskIds")]
    disks: Vec<String>,
}

pub(super) async fn add_cache(service: &StorageGateway, input: AddCache, _: &Context) -> Result<Value, Error> {
    let (arn, instance, _) = service.machine_of(&input.gateway)?;
    if input.disks.is_empty() {
        return Err(Error::parameter("No disk is named."));
    }
    let disks = service.disks(&instance).await?;
    let mut registry = service.registry();
    let gateway = registry.gateway_mut(&arn)?;
    let mut cache = gateway.cache.clone();
    for id in &input.disks {
        Error::length("diskIds", id, 1, 300)?;
        let missing = || Error::invalid("DiskDoesNotExist", "The specified disk does not exist.");
        let disk = disks.iter().find(|disk| disk.id == *id).ok_or_else(missing)?;
        if cache.contains(disk) {
            return Err(Error::invalid("DiskAlreadyAllocated", "The specified disk is already allocated."));
        }
        cache.push(disk.clone());
    }
    let bytes: u64 = cache.iter().map(|disk| disk.bytes).sum();
    if bytes < SMALLEST_CACHE {
        let (has, needs) = (bytes >> 30, SMALLEST_CACHE >> 30);
        return Err(Error::parameter(format!("The cache would have {has} GiB; a File Gateway needs {needs} GiB.")));
    }
    gateway.cache = cache;
    Ok(json!({ "GatewayARN": arn }))
}

pub(super) async fn describe_cache(service: &StorageGateway, input: OfGateway, _: &Context) -> Result<Value, Error> {
    let registry = service.registry();
    let gateway = registry.connected(&input.gateway, service.fabric.clock().now())?;
    let allocated: u64 = gateway.cache.iter().map(|disk| disk.bytes).sum();
    let (mut used, mut dirty) = (0, 0);
    for open in registry.shares_of(&gateway.id).filter_map(|share| share.open.as_ref()) {
        let status = open.status();
        used += status.cache_used_bytes;
        dirty += status.cache_dirty_bytes;
    }
    // Every byte of the folders is on this machine's disk: nothing is read again from the bucket.
    Ok(json!({
        "GatewayARN": gateway.arn,
        "DiskIds": gateway.cache.iter().map(|disk| disk.id.as_str()).collect::<Vec<_>>(),
        "CacheAllocatedInBytes": allocated, "CacheUsedPercentage": percentage(used, allocated),
        "CacheDirtyPercentage": percentage(dirty, allocated), "CacheHitPercentage": 100.0, "CacheMissPercentage": 0.0,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a percentage")]
fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 100.0).min(100.0) }
}

/// Takes the cache's disks out of it, so that they can be added again.
pub(super) async fn reset_cache(service: &StorageGateway, input: OfGateway, _: &Context) -> Result<Value, Error> {
    let mut registry = service.registry();
    let id = registry.connected(&input.gateway, service.fabric.clock().now())?.id.clone();
    if registry.shares_of(&id).next().is_some() {
        let message = "The cache is in use: delete the gateway's file shares first.";
        return Err(Error::invalid("OperationAborted", message));
    }
    registry.gateway_mut(&input.gateway)?.cache.clear();
    Ok(json!({ "GatewayARN": input.gateway }))
}

impl StorageGateway {
    /// ARN, instance and cache of a gateway that answers.
    fn machine_of(&self, arn: &str) -> Result<(String, String, Vec<String>), Error> {
        let registry = self.registry();
        let gateway = registry.connected(arn, self.fabric.clock().now())?;
        let cache = gateway.cache.iter().map(|disk| disk.id.clone()).collect();
        Ok((gateway.arn.clone(), gateway.instance.clone(), cache))
    }
}
