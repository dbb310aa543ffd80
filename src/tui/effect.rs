//! Work that the dashboard wants done. It is data: the composition root does it and answers with
//! [`Event::Done`](super::Event::Done). Nothing here touches AWS, the emulator or a file.

use serde::{Deserialize, Serialize};

/// Work to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Make the change set of a stack of the catalogue and show it: answered with [`Event::Preview`](super::Event::Preview),
    /// and with no preview where nothing would change.
    Preview {
        /// [`StackOffer::id`](super::StackOffer::id).
        offer: String,
    },
    /// Deploy a stack of the catalogue: execute the change set that was shown, or make and execute one.
    Deploy {
        /// [`StackOffer::id`](super::StackOffer::id).
        offer: String,
    },
    /// Delete the change set that was shown.
    Discard {
        /// [`StackOffer::id`](super::StackOffer::id).
        offer: String,
    },
    /// Delete a stack that the user has confirmed.
    DeleteStack {
        /// The stack's name.
        name: String,
    },
    /// Vault a simulated dataset.
    StartJob(JobRequest),
    /// Run the embedded endpoint's clock at that many simulated seconds per real second.
    SetRate(f64),
    /// Stop (`true`) or resume the embedded endpoint's clock.
    Pause(bool),
    /// Move the embedded endpoint's clock forward.
    Step {
        /// Simulated seconds.
        seconds: u64,
    },
    /// Put text on the clipboard. Done by [`run`](super::run()) itself, which owns the terminal.
    Copy(String),
    /// Capture the mouse or leave it to the terminal. Done by [`run`](super::run()) itself.
    Mouse(bool),
    /// Leave. Done by [`run`](super::run()) itself: it returns.
    Quit,
}

/// A dataset for the simulated gateway to vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRequest {
    /// Files besides the manifest.
    pub files: u64,
    /// Directories below the root.
    pub dirs: u64,
    /// What the names and sizes are drawn from.
    pub seed: u64,
    /// Files that stand in the manifest and never arrive; any above 0 ends in a timeout.
    pub missing: u64,
}

impl Default for JobRequest {
    fn default() -> Self {
        Self { files: 200, dirs: 10, seed: 7, missing: 0 }
    }
}
