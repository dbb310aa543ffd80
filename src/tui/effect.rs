//! Work that the dashboard wants done. It is data: the composition root does it and answers with
//! [`Event::Done`](super::Event::Done). Nothing here touches AWS, the emulator or a file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::theme::Theme;
use crate::model::board::ItemKey;
use crate::model::objects::Look;
use crate::model::{LogLine, Timestamp};

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
    /// Observe another stack from now on, as soon as it stands; [`Seen::Observed`](crate::model::Seen::Observed) says
    /// from when on.
    Observe {
        /// The stack's name.
        stack: String,
    },
    /// Vault a simulated dataset.
    StartJob(JobRequest),
    /// Play a scenario: answered with [`Event::Judged`](super::Event::Judged).
    Play {
        /// [`ScenarioOffer::name`](super::ScenarioOffer::name).
        scenario: String,
    },
    /// Intervene at the gateway whose job was begun last.
    Gateway(GatewayWish),
    /// Ask the endpoint for a fault, as its `/_vaultscope/faults` takes it; nothing takes all of them back.
    Fault(Option<serde_json::Value>),
    /// Read the history of an execution that was over before anybody looked.
    ReadHistory {
        /// Its ARN.
        execution: String,
    },
    /// Ask the endpoint for the trace of an object: answered with [`Event::Trace`](super::Event::Trace), and not at all by
    /// an endpoint that has none.
    ReadTrace {
        /// The object's key.
        about: String,
    },
    /// Read one item of the table, whole: answered with [`Event::Item`](super::Event::Item).
    ReadItem(ItemKey),
    /// Look into a bucket: answered with [`Event::Found`](super::Event::Found).
    Look(Look),
    /// Ask the target of its File Gateways: answered with [`Event::Gateways`](super::Event::Gateways).
    AskGateways,
    /// Run the embedded endpoint's clock at that many simulated seconds per real second.
    SetRate(f64),
    /// Stop (`true`) or resume the embedded endpoint's clock.
    Pause(bool),
    /// Move the embedded endpoint's clock forward.
    Step {
        /// Simulated seconds.
        seconds: u64,
    },
    /// Write log lines to a new file in the current folder.
    SaveLines {
        /// The file's name, without an ending: `vaultscope-logs-EventProcessingStack-20201105T120218Z`.
        name: String,
        /// The lines, oldest first. A recording does not keep them twice.
        #[serde(skip)]
        lines: Vec<(Timestamp, Arc<LogLine>)>,
    },
    /// Put text on the clipboard. Done by [`run`](super::run()) itself, which owns the terminal.
    Copy(String),
    /// Capture the mouse or leave it to the terminal. Done by [`run`](super::run()) itself.
    Mouse(bool),
    /// Draw in these colours, or in those that fit the terminal. Done by [`run`](super::run()) itself.
    Colours(Option<Theme>),
    /// Leave. Done by [`run`](super::run()) itself: it returns.
    Quit,
}

/// What is wanted of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GatewayWish {
    /// Hold it, or let it go on.
    Hold(bool),
    /// Let one thing happen, and hold it after that.
    NextEvent,
    /// Give it its connection, or take it away.
    Online(bool),
    /// Upload in the order of the writes, or in its own.
    InOrder(bool),
    /// Upload so many times as fast.
    Speed(f64),
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
    /// Files that are announced twice.
    pub duplicates: u64,
    /// Files that are written half a minute after the manifest.
    pub late: u64,
    /// Bytes of the smallest file.
    pub smallest: u64,
    /// Bytes of the largest file.
    pub largest: u64,
    /// Seconds of settling time; the share's own where it is left out.
    pub settling: Option<u64>,
    /// Uploads in hundredths of their usual speed.
    pub speed: u64,
    /// Whether files are uploaded one after the other in the order of their writes.
    pub in_order: bool,
}

impl Default for JobRequest {
    fn default() -> Self {
        Self {
            files: 200,
            dirs: 10,
            seed: 7,
            missing: 0,
            duplicates: 0,
            late: 0,
            smallest: 1_024,
            largest: 64 * 1_024,
            settling: None,
            speed: 100,
            in_order: false,
        }
    }
}
