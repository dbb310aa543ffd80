//! AWS Storage Gateway: S3 File Gateways with NFS file shares, as the workshop makes them.
//!
//! An instance of the gateway's image brings up a simulated appliance (`appliance`), whose activation web server
//! (`activation`) hands out the key that `ActivateGateway` takes. A file share is a real folder that is worked on by
//! [`crate::sim::appliance`]; [`FabricUplink`](crate::emulator::uplink::FabricUplink) is its way to S3 and to the event bus. States change on the endpoint's clock.

mod activation;
mod appliance;
mod disks;
mod error;
mod gateways;
mod kept;
mod overview;
mod page;
mod resume;
mod settings;
mod shares;
mod state;
mod tags;
mod uploads;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};

use self::kept::{Kept, Locked};
use self::state::Registry;
use crate::emulator::keep::KeepError;
use crate::emulator::service::{ReplyBody, RequestBody};
use crate::emulator::{Delivery, DeliveryError, Fabric, Interface, Service};

static INTERFACE: Interface = Interface {
    id: "storagegateway",
    title: "AWS Storage Gateway",
    target_prefix: Some("StorageGateway_20130630"),
    json_version: "1.1",
    query: None,
    rest: false,
};

/// As which the service calls others.
const PRINCIPAL: &str = "storagegateway.amazonaws.com";
/// How long a gateway is offline after its activation and after its machine was switched on.
const COMES_UP: Duration = Duration::from_secs(20);
/// What ids end with.
const ID_ALPHABET: &[u8] = b"0123456789ABCDEF";

/// The service.
pub struct StorageGateway {
    fabric: Fabric,
    registry: Mutex<(Registry, Kept)>,
    /// Where the folders of shares are that named none, where they are kept.
    folders: Option<PathBuf>,
    this: Weak<Self>,
}

impl StorageGateway {
    /// With what was kept, else without gateways.
    ///
    /// # Errors
    /// When what was kept cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let folders = fabric.keep().live_folder(INTERFACE.id)?;
        let (kept, registry) = Kept::load(fabric.keep().shelf(INTERFACE.id), folders.as_deref())?;
        let registry = Mutex::new((registry, kept));
        Ok(Arc::new_cyclic(|this| Self { fabric, registry, folders, this: Weak::clone(this) }))
    }

    fn registry(&self) -> Locked<'_> {
        Locked::new(self.registry.lock().unwrap_or_else(PoisonError::into_inner), self.folders.as_deref())
    }

    /// Does work beside the request, until it is done or the endpoint shuts down.
    fn spawn<F>(&self, work: impl FnOnce(Arc<Self>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(this) = self.this.upgrade() else { return };
        let shutdown = self.fabric.shutdown_token().clone();
        let work = work(this);
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                () = shutdown.cancelled() => {}
            }
        });
    }

    fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.fabric.token(ID_ALPHABET, 8))
    }
}

impl Service for StorageGateway {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        ActivateGateway => gateways::activate_gateway,
        AddCache => disks::add_cache,
        AddTagsToResource => tags::add_tags_to_resource,
        CreateNFSFileShare => shares::create_nfs_file_share,
        DeleteFileShare => shares::delete_file_share,
        DeleteGateway => gateways::delete_gateway,
        DescribeCache => disks::describe_cache,
        DescribeGatewayInformation => gateways::describe_gateway_information,
        DescribeMaintenanceStartTime => gateways::describe_maintenance_start_time,
        DescribeNFSFileShares => shares::describe_nfs_file_shares,
        DisableGateway => gateways::of_other_types,
        ListFileShares => shares::list_file_shares,
        ListGateways => gateways::list_gateways,
        ListLocalDisks => disks::list_local_disks,
        ListTagsForResource => tags::list_tags_for_resource,
        NotifyWhenUploaded => uploads::notify_when_uploaded,
        RefreshCache => uploads::refresh_cache,
        RemoveTagsFromResource => tags::remove_tags_from_resource,
        ResetCache => disks::reset_cache,
        ShutdownGateway => gateways::of_other_types,
        StartGateway => gateways::of_other_types,
        UpdateGatewayInformation => gateways::update_gateway_information,
        UpdateMaintenanceStartTime => gateways::update_maintenance_start_time,
        UpdateNFSFileShare => shares::update_nfs_file_share,
    }

    /// Amazon EC2 tells of an instance of the gateway's image.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let Some(instance) = delivery.target.resource.strip_prefix("appliance/") else {
                let message = format!("{} is no appliance", delivery.target);
                return Err(DeliveryError::permanent("InvalidTarget", message));
            };
            self.attend(instance).await.map_err(|error| DeliveryError::permanent("InternalFailure", error.to_string()))
        })
    }

    /// What an appliance's web server answers, and the endpoint's own list of appliances and shares.
    fn http(&self, request: Request<RequestBody>) -> BoxFuture<'_, Response<ReplyBody>> {
        Box::pin(async move {
            if request.uri().path() == overview::PATH {
                return self.overview(request.method());
            }
            self.answer_through(request.headers(), request.uri()).await
        })
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let registry = self.registry();
        vec![
            ("appliances", registry.appliances.len()),
            ("gateways", registry.gateways.len()),
            ("file shares", registry.shares.len()),
        ]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.go_on())
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end())
    }
}
