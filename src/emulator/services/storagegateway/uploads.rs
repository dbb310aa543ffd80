//! What a share is asked to do with its files: tell when all is uploaded, and look into the bucket again.

use serde::Deserialize;
use serde_json::{Value, json};

use super::StorageGateway;
use super::error::Error;
use crate::emulator::Context;
use crate::sim::appliance::ShareError;

#[derive(Deserialize)]
pub(super) struct OfShare {
    #[serde(rename = "FileShareARN")]
    share: String,
}

pub(super) async fn notify_when_uploaded(
    service: &StorageGateway,
    input: OfShare,
    _: &Context,
) -> Result<Value, Error> {
    let open = service.open_share(&input.share)?;
    let id = open.notify_when_uploaded().map_err(refused)?;
    Ok(json!({ "FileShareARN": input.share, "NotificationId": id }))
}

#[derive(Deserialize)]
pub(super) struct RefreshCache {
    #[serde(rename = "FileShareARN")]
    share: String,
    #[serde(rename = "FolderList")]
    folders: Option<Vec<String>>,
    #[serde(rename = "Recursive")]
    recursive: Option<bool>,
}

pub(super) async fn refresh_cache(service: &StorageGateway, input: RefreshCache, _: &Context) -> Result<Value, Error> {
    let folders = input.folders.unwrap_or_else(|| vec!["/".to_owned()]);
    if folders.is_empty() || folders.len() > 50 {
        let constraint = "Member must have length between 1 and 50".to_owned();
        return Err(Error::Constraint { member: "folderList", value: folders.len().to_string(), constraint });
    }
    folders.iter().try_for_each(|folder| Error::length("folderList", folder, 1, 1_024))?;
    let open = service.open_share(&input.share)?;
    let id = open.refresh_cache(&folders, input.recursive.unwrap_or(true)).map_err(refused)?;
    Ok(json!({ "FileShareARN": input.share, "NotificationId": id }))
}

fn refused(error: ShareError) -> Error {
    match error {
        ShareError::NoFolder { .. } => Error::parameter(error.to_string()),
        ShareError::Busy => Error::invalid("OperationAborted", error.to_string()),
        other => Error::invalid("ServiceUnavailable", other.to_string()),
    }
}
