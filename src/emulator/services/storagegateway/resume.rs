//! How the service goes on after a start with what was kept: appliances come up, and shares are opened over their folders, so
//! that what clients have copied there is uploaded and announced.

use std::sync::Arc;

use super::StorageGateway;
use super::shares::{CHANGING, MAKING, remove};
use super::state::Status;
use crate::sim::appliance::FileShare;

impl StorageGateway {
    /// Takes everything up that was kept.
    pub(super) async fn go_on(&self) {
        let (instances, shares) = {
            let registry = self.registry();
            let instances: Vec<String> = registry.appliances.keys().cloned().collect();
            // A share whose gateway is gone was to go with it.
            let status = |gateway: &str, status| {
                if registry.gateways.contains_key(gateway) { status } else { Status::ForceDeleting }
            };
            let shares = registry.shares.values();
            let shares: Vec<(String, Status)> =
                shares.map(|share| (share.id.clone(), status(&share.gateway, share.status))).collect();
            (instances, shares)
        };
        // Amazon EC2 has told of those that it has: this is for the others.
        for instance in instances {
            if let Err(error) = self.attend(&instance).await {
                tracing::warn!(%error, instance, "an appliance does not come up");
            }
        }
        self.sweep();
        for (id, status) in shares {
            match status {
                Status::Available | Status::Unavailable => self.open(&id).await,
                Status::Creating => self.spawn(|this| async move {
                    this.fabric.clock().sleep(MAKING).await;
                    this.open(&id).await;
                }),
                Status::Updating => self.spawn(|this| async move {
                    this.fabric.clock().sleep(CHANGING).await;
                    this.open(&id).await;
                }),
                Status::Deleting => self.spawn(|this| async move { this.delete_when_uploaded(&id).await }),
                Status::ForceDeleting => self.finish_deletion(&id, None, true).await,
            }
        }
    }

    /// Goes on with the deletion of a share whose files may not all be uploaded.
    async fn delete_when_uploaded(&self, id: &str) {
        match self.work_on(id).await {
            Ok(open) => {
                let open = Arc::new(open);
                self.connect(id, &open);
                self.finish_deletion(id, Some(open), false).await;
            }
            // Its bucket is gone, or its folder: nothing more can be uploaded.
            Err(problem) => {
                tracing::warn!(problem, share = id, "a file share that is being deleted cannot be opened");
                self.finish_deletion(id, None, false).await;
            }
        }
    }

    /// Lets whoever forces the deletion close it too, and the instance cut it off.
    fn connect(&self, id: &str, open: &Arc<FileShare>) {
        let mut registry = self.registry();
        let is_on = registry.is_on(id);
        open.set_online(is_on);
        if let Some(share) = registry.shares.get_mut(id) {
            share.open = Some(Arc::clone(open));
        }
    }

    /// Removes folders whose shares were deleted before the endpoint ended.
    fn sweep(&self) {
        let Some(folders) = &self.folders else { return };
        let registry = self.registry();
        let Ok(found) = std::fs::read_dir(folders) else { return };
        for entry in found.flatten() {
            let is_known = entry.file_name().to_str().is_some_and(|id| registry.shares.contains_key(id));
            if !is_known {
                remove(entry.path());
            }
        }
    }
}
