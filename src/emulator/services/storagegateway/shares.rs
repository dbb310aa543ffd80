//! NFS file shares: made over a folder of this machine, changed, described, deleted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::page::page;
use super::settings::{Changeable, Settings};
use super::state::{Registry, Share, Status, Tags};
use super::tags::{self, Tag};
use super::{PRINCIPAL, StorageGateway};
use crate::emulator::Context;
use crate::emulator::uplink::FabricUplink;
use crate::model::Timestamp;
use crate::sim;
use crate::sim::appliance::{FileShare, ShareConfig};

/// The tag of a share with the folder that clients copy into; whoever makes the share may choose it.
pub(super) const FOLDER_TAG: &str = "vaultscope:folder";
/// How long a share is being made, and changed.
pub(super) const MAKING: Duration = Duration::from_secs(10);
pub(super) const CHANGING: Duration = Duration::from_secs(3);
const MOST_SHARES: usize = 50;
/// Files that a share uploads at a time.
const WORKERS: usize = 8;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateShare {
    client_token: String,
    #[serde(rename = "GatewayARN")]
    gateway: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(flatten)]
    settings: Settings,
}

pub(super) async fn create_nfs_file_share(
    service: &StorageGateway,
    input: CreateShare,
    _: &Context,
) -> Result<Value, Error> {
    Error::length("clientToken", &input.client_token, 5, 100)?;
    input.settings.check()?;
    let mut own_tags = Tags::new();
    tags::add(&mut own_tags, input.tags)?;
    service.registry().gateway(&input.gateway)?;
    service.check_place(&input.settings).await?;
    let id = service.new_id("share");
    let arn = service.fabric.arn("storagegateway", format!("share/{id}")).to_string();
    let folder = match own_tags.get(FOLDER_TAG) {
        Some(folder) => {
            let folder = PathBuf::from(folder);
            if !folder.is_absolute() || folder.file_name().is_none() {
                let message = format!("The tag {FOLDER_TAG} must be the absolute path of a folder.");
                return Err(Error::parameter(message));
            }
            folder
        }
        None => service.new_folder(&id, &input.settings)?,
    };
    {
        let mut registry = service.registry();
        if let Some((before, settings)) = registry.tokens.get(&input.client_token)
            && registry.share(before).is_ok()
        {
            if *settings != input.settings {
                return Err(Error::parameter("The client token was used with other parameters."));
            }
            return Ok(json!({ "FileShareARN": before }));
        }
        let gateway = registry.connected(&input.gateway, service.fabric.clock().now())?;
        if gateway.cache.is_empty() {
            let message = "The gateway has no cache: add a disk to it with AddCache first.";
            return Err(Error::invalid("NoDisksAvailable", message));
        }
        let gateway = gateway.id.clone();
        let name = input.settings.name();
        if registry.shares_of(&gateway).any(|share| share.settings.name() == name) {
            return Err(Error::parameter(format!("The gateway has a file share {name} already.")));
        }
        if registry.shares_of(&gateway).count() >= MOST_SHARES {
            return Err(Error::parameter(format!("A gateway can have {MOST_SHARES} file shares.")));
        }
        if let Some(other) = registry.shares.values().find(|share| share.folder == folder) {
            return Err(Error::parameter(format!("{} is the folder of {} already.", folder.display(), other.arn)));
        }
        own_tags.insert(FOLDER_TAG.to_owned(), folder.display().to_string());
        registry.tokens.insert(input.client_token, (arn.clone(), input.settings.clone()));
        let share = Share {
            id: id.clone(),
            arn: arn.clone(),
            gateway,
            settings: input.settings,
            status: Status::Creating,
            problem: None,
            folder,
            open: None,
            tags: own_tags,
        };
        registry.shares.insert(id.clone(), share);
    }
    service.spawn(|this| async move {
        this.fabric.clock().sleep(MAKING).await;
        this.open(&id).await;
    });
    Ok(json!({ "FileShareARN": arn }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateShare {
    #[serde(rename = "FileShareARN")]
    share: String,
    #[serde(flatten)]
    change: Changeable,
}

pub(super) async fn update_nfs_file_share(
    service: &StorageGateway,
    input: UpdateShare,
    _: &Context,
) -> Result<Value, Error> {
    input.change.check()?;
    let open = service.open_share(&input.share)?;
    let (id, is_new_policy) = {
        let mut registry = service.registry();
        let share = registry.share_mut(&input.share)?;
        let changed = share.settings.changeable.changed(input.change);
        let is_new_policy = changed.settling() != share.settings.changeable.settling();
        share.settings.changeable = changed;
        share.status = Status::Updating;
        if is_new_policy {
            share.open = None;
        }
        (share.id.clone(), is_new_policy)
    };
    service.spawn(|this| async move {
        this.fabric.clock().sleep(CHANGING).await;
        if is_new_policy {
            // What is not uploaded yet is taken up when the folder is opened again.
            close(&open, true).await;
            this.open(&id).await;
        } else if let Some(share) = this.registry().shares.get_mut(&id).filter(|share| share.status == Status::Updating)
        {
            share.status = Status::Available;
        }
    });
    Ok(json!({ "FileShareARN": input.share }))
}

#[derive(Deserialize)]
pub(super) struct DescribeShares {
    #[serde(rename = "FileShareARNList")]
    shares: Vec<String>,
}

pub(super) async fn describe_nfs_file_shares(
    service: &StorageGateway,
    input: DescribeShares,
    _: &Context,
) -> Result<Value, Error> {
    if input.shares.is_empty() || input.shares.len() > 10 {
        let constraint = "Member must have length between 1 and 10".to_owned();
        let value = input.shares.len().to_string();
        return Err(Error::Constraint { member: "fileShareARNList", value, constraint });
    }
    let registry = service.registry();
    let now = service.fabric.clock().now();
    let mut infos = Vec::new();
    for arn in &input.shares {
        let share = registry.share(arn)?;
        let mut info = share.settings.shown();
        info["FileShareARN"] = Value::from(share.arn.as_str());
        info["FileShareId"] = Value::from(share.id.as_str());
        info["FileShareStatus"] = Value::from(registry.state_of(share, now));
        info["GatewayARN"] = Value::from(registry.arn_of(share));
        info["Tags"] = tags::shown(&share.tags);
        infos.push(info);
    }
    Ok(json!({ "NFSFileShareInfoList": infos }))
}

#[derive(Deserialize)]
pub(super) struct ListShares {
    #[serde(rename = "GatewayARN")]
    gateway: Option<String>,
    #[serde(rename = "Limit")]
    limit: Option<i64>,
    #[serde(rename = "Marker")]
    marker: Option<String>,
}

pub(super) async fn list_file_shares(service: &StorageGateway, input: ListShares, _: &Context) -> Result<Value, Error> {
    let registry = service.registry();
    let now = service.fabric.clock().now();
    let gateway = input.gateway.as_deref().map(|arn| registry.gateway(arn)).transpose()?;
    let shares = registry.shares.values().filter(|share| gateway.is_none_or(|gateway| gateway.id == share.gateway));
    let entry = |share: &Share| {
        json!({
            "FileShareType": "NFS", "FileShareARN": share.arn, "FileShareId": share.id,
            "FileShareStatus": registry.state_of(share, now), "GatewayARN": registry.arn_of(share),
        })
    };
    let entries = shares.map(|share| (share.id.clone(), entry(share))).collect();
    let (infos, next) = page(entries, input.limit, input.marker.as_deref())?;
    let mut answer = json!({ "FileShareInfoList": infos });
    if let Some(marker) = input.marker {
        answer["Marker"] = Value::from(marker);
    }
    if let Some(next) = next {
        answer["NextMarker"] = Value::from(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
pub(super) struct DeleteShare {
    #[serde(rename = "FileShareARN")]
    share: String,
    #[serde(rename = "ForceDelete", default)]
    force: bool,
}

/// Without force it waits until everything is uploaded; with it, what is not uploaded stays where it is.
pub(super) async fn delete_file_share(
    service: &StorageGateway,
    input: DeleteShare,
    _: &Context,
) -> Result<Value, Error> {
    let (id, open) = {
        let mut registry = service.registry();
        let share = registry.share_mut(&input.share)?;
        match share.status {
            Status::Deleting if !input.force => {
                return Err(Error::parameter("The specified file share is being deleted already."));
            }
            Status::ForceDeleting => {
                return Err(Error::parameter("The specified file share is being deleted already."));
            }
            _ => {}
        }
        share.status = if input.force { Status::ForceDeleting } else { Status::Deleting };
        (share.id.clone(), share.open.clone())
    };
    service.spawn(|this| async move { this.finish_deletion(&id, open, input.force).await });
    Ok(json!({ "FileShareARN": input.share }))
}

pub(super) async fn close(open: &FileShare, force: bool) {
    if let Err(error) = open.close(force).await {
        tracing::warn!(%error, folder = %open.folder().display(), "a file share did not end as it should");
    }
}

impl Registry {
    /// A share's state as AWS shows it: one whose gateway does not answer is not available.
    #[must_use]
    pub fn state_of(&self, share: &Share, now: Timestamp) -> &'static str {
        let is_running = self.gateways.get(&share.gateway).is_some_and(|gateway| self.is_running(gateway, now));
        match share.status {
            Status::Available if !is_running => Status::Unavailable.name(),
            status => status.name(),
        }
    }

    fn arn_of(&self, share: &Share) -> &str {
        self.gateways.get(&share.gateway).map_or("", |gateway| gateway.arn.as_str())
    }
}

impl StorageGateway {
    /// The share that works, of an ARN.
    pub(super) fn open_share(&self, arn: &str) -> Result<Arc<FileShare>, Error> {
        let registry = self.registry();
        let share = registry.share(arn)?;
        let now = self.fabric.clock().now();
        let gateway = registry.gateways.get(&share.gateway).ok_or_else(Error::no_gateway)?;
        if !registry.is_running(gateway, now) {
            return Err(Error::not_connected());
        }
        let is_available = share.status == Status::Available;
        share.open.clone().filter(|_| is_available).ok_or_else(|| {
            Error::parameter(format!("The specified file share is not available: it is {}.", share.status.name()))
        })
    }

    /// Whether bucket and role are there.
    async fn check_place(&self, settings: &Settings) -> Result<(), Error> {
        let region = &self.fabric.identity().region;
        if settings.bucket_region.as_ref().is_some_and(|given| given != region) {
            return Err(Error::parameter(format!("The bucket is in {region}.")));
        }
        let (bucket, _) = settings.place().unwrap_or_default();
        let found = self.fabric.call(PRINCIPAL, "s3", "HeadBucket", json!({ "Bucket": bucket })).await;
        if found.is_err() {
            return Err(Error::parameter(format!("The specified bucket {bucket} does not exist.")));
        }
        let name = settings.role_name().unwrap_or_default();
        let found = self.fabric.call(PRINCIPAL, "iam", "GetRole", json!({ "RoleName": name })).await;
        match found {
            Ok(role) if role["Role"]["Arn"] == settings.role.as_str() => Ok(()),
            _ => Err(Error::parameter(format!("The specified role {} does not exist.", settings.role))),
        }
    }

    /// Closes a share that is being deleted, and forgets it.
    pub(super) async fn finish_deletion(&self, id: &str, open: Option<Arc<FileShare>>, force: bool) {
        if let Some(open) = open {
            close(&open, force).await;
        }
        let gone = {
            let mut registry = self.registry();
            // A forced deletion may have come in between, and does the rest.
            let is_meant = registry.shares.get(id).is_some_and(|share| force || share.status == Status::Deleting);
            let gone = is_meant.then(|| registry.shares.shift_remove(id)).flatten();
            if let Some(gone) = &gone {
                registry.tokens.retain(|_, (made, _)| *made != gone.arn);
            }
            gone
        };
        if let Some(gone) = gone {
            self.forget_folder(gone).await;
        }
    }

    /// Where the folder of a share is for which nobody chose one.
    fn new_folder(&self, id: &str, settings: &Settings) -> Result<PathBuf, Error> {
        if let Some(kept) = &self.folders {
            return Ok(kept.join(id).join(settings.name()));
        }
        let mut registry = self.registry();
        let folders = match registry.folders.take() {
            Some(folders) => folders,
            None => tempfile::Builder::new()
                .prefix("vaultscope-shares-")
                .tempdir()
                .map_err(|error| Error::Internal(format!("no folder for the file share: {error}")))?,
        };
        let folder = folders.path().join(id).join(settings.name());
        registry.folders = Some(folders);
        Ok(folder)
    }

    /// Opens a share that was made or changed, or was there when the endpoint started.
    pub(super) async fn open(&self, id: &str) {
        let opened = self.work_on(id).await;
        let late = {
            let mut registry = self.registry();
            let is_on = registry.is_on(id);
            match (registry.shares.get_mut(id), opened) {
                (Some(share), Ok(open)) if !share.status.is_going() => {
                    open.set_online(is_on);
                    share.open = Some(Arc::new(open));
                    share.status = Status::Available;
                    share.problem = None;
                    None
                }
                (Some(share), Err(problem)) if !share.status.is_going() => {
                    tracing::warn!(problem, share = id, "a file share cannot be opened");
                    share.problem = Some(problem);
                    share.status = Status::Unavailable;
                    None
                }
                (_, opened) => opened.ok(),
            }
        };
        if let Some(late) = late {
            // It was deleted meanwhile.
            close(&late, true).await;
        }
    }

    /// Begins to work on a share's folder.
    ///
    /// # Errors
    /// Why that cannot be.
    pub(super) async fn work_on(&self, id: &str) -> Result<FileShare, String> {
        let config = self.config(id).ok_or_else(|| format!("there is no file share {id}"))?;
        let uplink = Arc::new(FabricUplink::new(self.fabric.clone(), &config.share.bucket));
        let parent = config.folder.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let made = tokio::fs::create_dir_all(&parent).await;
        made.map_err(|error| format!("cannot make {}: {error}", parent.display()))?;
        FileShare::open(config, uplink, self.fabric.clock().clone()).await.map_err(|error| error.to_string())
    }

    fn config(&self, id: &str) -> Option<ShareConfig> {
        let registry = self.registry();
        let share = registry.shares.get(id)?;
        let gateway = registry.gateways.get(&share.gateway)?;
        let (bucket, prefix) = share.settings.place()?;
        let identity = self.fabric.identity();
        let subject = sim::Share {
            share_arn: share.arn.clone(),
            gateway_arn: gateway.arn.clone(),
            bucket: bucket.to_owned(),
            region: identity.region.clone(),
            account: identity.account.clone(),
        };
        let mut config = ShareConfig::new(subject, share.folder.clone());
        prefix.clone_into(&mut config.prefix);
        config.settling = share.settings.changeable.settling();
        config.cache_bytes = gateway.cache.iter().map(|disk| disk.bytes).sum::<u64>().max(1);
        config.workers = WORKERS;
        config.seed = self.fabric.fraction().to_bits();
        Some(config)
    }

    /// Ends a share that is in no registry any more.
    pub(super) async fn close(&self, share: Share, force: bool) {
        if let Some(open) = &share.open {
            close(open, force).await;
        }
        self.forget_folder(share).await;
    }

    /// Removes the folder of a share that is gone, unless somebody chose it.
    async fn forget_folder(&self, share: Share) {
        let temporary = || self.registry().folders.as_ref().map(|folders| folders.path().to_path_buf());
        let own = self.folders.clone().or_else(temporary).map(|folders| folders.join(&share.id));
        let Some(own) = own.filter(|own| share.folder.starts_with(own)) else { return };
        drop(share);
        // As long as it may be that the share is there at the next start, so is its folder.
        if self.fabric.keep().settled().await.is_ok() {
            remove(own);
        }
    }
}

/// Removes a folder that belongs to no share any more, beside the requests.
pub(super) fn remove(folder: PathBuf) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %folder.display(), "the folder of a file share stays");
        }
    });
}
