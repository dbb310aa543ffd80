//! The endpoint's own list of appliances, gateways and file shares, for `vaultscope gateway`, screens and scripts: what
//! AWS's API has no place for, such as folders and ports of this machine.

use std::path::Path;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::StorageGateway;
use super::state::{Registry, Share};
use crate::emulator::ServiceError;
use crate::emulator::front;
use crate::emulator::service::ReplyBody;
use crate::model::Timestamp;

/// Where the list is.
pub const PATH: &str = "/_vaultscope/gateways";

impl StorageGateway {
    /// Answers a request for the list.
    pub(super) fn overview(&self, method: &Method) -> Response<ReplyBody> {
        if *method != Method::GET {
            let error = ServiceError::client("NotFound", format!("there is no {method} {PATH}"));
            return front::error_reply(&error.with_status(StatusCode::NOT_FOUND), "1.1");
        }
        let now = self.fabric.clock().now();
        let list = list(&self.registry(), now);
        let mut reply = Response::new(front::full(list.to_string()));
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        reply
    }
}

fn list(registry: &Registry, now: Timestamp) -> Value {
    let appliances = registry.appliances.iter().map(|(instance, appliance)| {
        let gateway = registry.gateways.values().find(|gateway| gateway.instance == *instance);
        json!({
            "instanceId": instance,
            "privateIp": appliance.private_ip,
            "isOn": appliance.on_since.is_some(),
            "activationUrl": appliance.door.as_ref().map(|door| format!("http://{}/", door.address)),
            "gatewayArn": gateway.map(|gateway| gateway.arn.as_str()),
        })
    });
    let gateways = registry.gateways.values().map(|gateway| {
        json!({
            "arn": gateway.arn,
            "name": gateway.name,
            "state": if registry.is_running(gateway, now) { "RUNNING" } else { "OFFLINE" },
            "instanceId": gateway.instance,
            "cacheDisks": gateway.cache.iter().map(|disk| disk.id.as_str()).collect::<Vec<_>>(),
            "shares": registry.shares_of(&gateway.id).map(|share| of_share(registry, share, now)).collect::<Vec<_>>(),
        })
    });
    json!({ "appliances": appliances.collect::<Vec<_>>(), "gateways": gateways.collect::<Vec<_>>() })
}

fn of_share(registry: &Registry, share: &Share, now: Timestamp) -> Value {
    let (bucket, prefix) = share.settings.place().unwrap_or_default();
    json!({
        "arn": share.arn,
        "name": share.settings.name(),
        "state": registry.state_of(share, now),
        "problem": share.problem,
        "bucket": bucket,
        "prefix": prefix,
        "settlingSeconds": share.settings.changeable.settling().map(|settling| settling.as_secs()),
        "folder": share.folder,
        "nfsMount": share.open.as_ref().and_then(|open| open.mount_line(Path::new("/mnt/vaultdata"))),
        "status": share.open.as_ref().map(|open| open.status()),
    })
}
