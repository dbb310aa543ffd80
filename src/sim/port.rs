//! What the simulated gateway needs of the world: a bucket to put objects to and somebody to notify.

use std::future::Future;

use super::content::Content;
use crate::model::{Notification, RouteTaken};

/// An object to put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPut {
    /// The S3 key, with a trailing slash for a directory.
    pub key: String,
    /// What it holds.
    pub content: Content,
}

/// Why a call of the port failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// One sentence.
    pub message: String,
    /// Whether another try may succeed: throttling, a connection that broke, a server that is busy.
    pub retryable: bool,
}

/// The gateway's side of S3 and of the event bus.
pub trait GatewayPort: Send + Sync + 'static {
    /// Puts one object whole.
    fn put_object(&self, put: ObjectPut) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Sends up to ten notifications; answers the positions of those that were refused and may be sent again.
    fn notify(&self, batch: &[Notification]) -> impl Future<Output = Result<Vec<usize>, PortError>> + Send;

    /// Which way notifications take; `None` until that is known.
    fn route(&self) -> Option<RouteTaken>;
}
