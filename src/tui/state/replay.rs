//! What a dashboard that shows a recording knows of the showing.

use serde::{Deserialize, Serialize};

use super::super::keymap::Keymap;

/// Where a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayReading {
    /// Milliseconds of the recording that are over.
    pub at_ms: u64,
    /// Milliseconds that it has.
    pub length_ms: u64,
    /// Seconds of the recording per real second.
    pub rate: f64,
    /// Whether it stands still.
    pub paused: bool,
}

impl ReplayReading {
    /// Whether everything was shown.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.at_ms >= self.length_ms
    }
}

/// A replay, and who has the keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub(crate) reading: ReplayReading,
    /// Whether the user went somewhere: then the keys of the recording are left out.
    pub(crate) has_keys: bool,
    /// What the keys of the recording mean.
    #[serde(skip)]
    pub(crate) keymap: Keymap,
}
