//! What the dashboard looks at besides what is observed: buckets, and the File Gateways of an endpoint of ours.

use crate::aws::Target;
use crate::model::board::ItemKey;
use crate::model::guide::{GatewayShare, Gateways};
use crate::model::objects::Look;
use crate::observe::{item, objects};
use crate::tui::Event;

use super::effects::Effects;
use super::gateway::appliances::{Appliances, Overview};
use super::server::Server;
use super::session::Session;

impl Effects {
    /// Looks into a bucket. What goes wrong is shown where it was asked for.
    pub(super) async fn look(&self, look: &Look) {
        let found = objects::look(&self.session.clients, look).await;
        // The dashboard may have been left meanwhile.
        let _ = self.events.send(Event::Found { look: look.clone(), found }).await;
    }

    /// Reads an item of the table of the stack that is observed. What goes wrong is shown where it was asked for.
    pub(super) async fn read_item(&self, key: &ItemKey) {
        let observed = self.observed.lock().await;
        let table = observed.as_ref().and_then(|observed| observed.subject.watched.table.clone());
        drop(observed);
        let found = match table {
            Some(table) => item(&self.session.clients, &table, key).await,
            None => Err("no stack with a table is observed: deploy it first".to_owned()),
        };
        let _ = self.events.send(Event::Item { key: key.clone(), found }).await;
    }

    /// Tells of the target's gateways.
    pub(super) async fn tell_gateways(&self) {
        let _ = self.events.send(Event::Gateways(gateways(&self.session).await)).await;
    }
}

/// The File Gateways of a session's target; `None` where it does not tell of them, or not now.
pub async fn gateways(session: &Session) -> Option<Gateways> {
    let is_ours = session.emulator.is_some() || session.server == Some(Server::Vaultscope);
    let url = session.url().filter(|_| is_ours && !matches!(session.clients.target, Target::Aws { .. }))?;
    let appliances = Appliances::at(&url, &session.clients.region, session.clock.clone());
    appliances.overview().await.ok().map(of)
}

fn of(overview: Overview) -> Gateways {
    let shares = overview.gateways.iter().flat_map(|gateway| &gateway.shares);
    Gateways {
        appliances: overview.appliances.len() as u64,
        gateways: overview.gateways.iter().map(|gateway| gateway.name.clone()).collect(),
        caches: overview.gateways.iter().map(|gateway| gateway.cache_disks.len() as u64).sum(),
        shares: shares
            .map(|share| GatewayShare {
                name: share.name.clone(),
                state: share.state.clone(),
                announces: share.settling_seconds.is_some(),
                folder: share.folder.display().to_string(),
                files: share.count("files"),
            })
            .collect(),
    }
}
