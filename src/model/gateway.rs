//! What the simulated gateway is in the middle of, as a screen shows it.

use serde::{Deserialize, Serialize};

/// The gateway at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayState {
    /// Whether it has a connection to AWS: Running, else Offline.
    pub is_online: bool,
    /// Whether it is held by its user; nothing happens meanwhile.
    pub is_paused: bool,
    /// Whether everything that it was given is done, or was given up.
    pub is_over: bool,
    /// Whether files are uploaded in the order in which they were written.
    pub is_in_order: bool,
    /// Uploads are so many times as fast as they were asked to be.
    pub speed: f64,
    /// Seconds after the last write before which nothing is announced.
    pub settling_secs: f64,
    /// What lies in the cache.
    pub cache: CacheState,
    /// Files that wait to be uploaded, and their bytes.
    pub waiting: (u64, u64),
    /// What is being uploaded.
    pub uploading: Vec<Uploading>,
    /// Uploaded files whose settling time is not over.
    pub settling: u64,
    /// Notifications that wait for a connection.
    pub held: u64,
    /// Clients that wait for room in the cache.
    pub blocked: u64,
    /// Uploads that will never complete.
    pub stalled: u64,
    /// Calls that the plan is ahead of the target.
    pub behind: u64,
}

/// What lies in the cache of a gateway, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheState {
    /// What fits; `None` for no bound.
    pub capacity: Option<u64>,
    /// Not uploaded yet.
    pub dirty: u64,
    /// Uploaded and kept for readers.
    pub clean: u64,
}

/// An upload that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploading {
    /// The object's key.
    pub object_key: String,
    /// Its bytes.
    pub size: u64,
    /// How much of it is done, in thousandths.
    pub done: u16,
}

/// One thing that was expected of a scenario, and what was found of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What it is about.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Whether that will do.
    pub holds: bool,
}
