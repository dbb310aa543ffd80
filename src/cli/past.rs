//! What has happened on a stack so far, read once through the same sources as the dashboard reads.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::FlowEvent;
use crate::observe::{CHANNEL_CAPACITY, Observer, Watched};

use super::session::Session;

/// What has happened is known once no source has told anything new for so long.
const LULL: Duration = Duration::from_secs(3);

/// Hands over what has happened until nothing new is told, or for `longest` at the most; tells whether it was all.
pub async fn so_far(
    session: &Session,
    watched: &Watched,
    longest: Duration,
    cancel: &CancellationToken,
    mut see: impl FnMut(FlowEvent),
) -> bool {
    let (sink, mut events) = mpsc::channel(CHANNEL_CAPACITY);
    let observer = Observer::start(&session.clients, watched, &session.clock, &sink);
    drop(sink);
    let seen = async {
        while let Ok(Some(event)) = tokio::time::timeout(LULL, events.recv()).await {
            see(event);
        }
    };
    let is_all = tokio::select! {
        ended = tokio::time::timeout(longest, seen) => ended.is_ok(),
        () = cancel.cancelled() => false,
    };
    observer.stop().await;
    is_all
}
