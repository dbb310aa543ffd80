//! Where the system has no inotify, a share cannot be opened.

use std::sync::Arc;

use super::core::Core;
use super::error::ShareError;

/// The way to the thread that watches.
#[derive(Debug, Clone)]
pub(super) struct Hand;

impl Hand {
    pub fn look_after(&self, _path: &str) {}

    pub async fn catch_up(&self) {}

    pub fn stop(&self) {}
}

/// # Errors
/// Always.
pub(super) async fn start(_core: &Arc<Core>) -> Result<Hand, ShareError> {
    Err(ShareError::NoWatch)
}
