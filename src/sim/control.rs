//! The handle on a gateway that runs: what its user wants of it, from another task.

use tokio::sync::watch;

use super::gateway::UploadOrder;

/// What is wanted of the gateway.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Nothing shall happen.
    pub is_paused: bool,
    /// So many single steps were asked for so far.
    pub steps: u64,
    /// A connection, or none; `None` leaves it to the load.
    pub is_online: Option<bool>,
    /// Uploads so many times as fast as the load says.
    pub speed: f64,
    /// Which file is uploaded next; `None` leaves it to the load.
    pub order: Option<UploadOrder>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { is_paused: false, steps: 0, is_online: None, speed: 1.0, order: None }
    }
}

/// The handle; clones are handles on the same gateway.
#[derive(Debug, Clone, Default)]
pub struct Control {
    wanted: watch::Sender<Wanted>,
}

impl Control {
    /// Holds the gateway, or lets it go on.
    pub fn pause(&self, is_paused: bool) {
        self.wanted.send_modify(|wanted| wanted.is_paused = is_paused);
    }

    /// Lets one thing happen and holds the gateway after it.
    pub fn step(&self) {
        self.wanted.send_modify(|wanted| {
            wanted.is_paused = true;
            wanted.steps += 1;
        });
    }

    /// Takes the connection away, or gives it back.
    pub fn set_online(&self, is_online: bool) {
        self.wanted.send_modify(|wanted| wanted.is_online = Some(is_online));
    }

    /// Lets uploads run so many times as fast.
    pub fn set_speed(&self, speed: f64) {
        self.wanted.send_modify(|wanted| wanted.speed = speed);
    }

    /// Chooses which file is uploaded next.
    pub fn set_order(&self, order: UploadOrder) {
        self.wanted.send_modify(|wanted| wanted.order = Some(order));
    }

    /// What is wanted, now and as it changes.
    pub(super) fn listen(&self) -> watch::Receiver<Wanted> {
        let mut wanted = self.wanted.subscribe();
        // What was wanted before anybody listened counts too.
        wanted.mark_changed();
        wanted
    }
}
