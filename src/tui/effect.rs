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
        /// Parameters that were chosen in the form, by key.
        #[serde(default)]
        parameters: Vec<(String, String)>,
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
    /// Read what happened to a stack so far: answered with [`Event::StackPast`](super::Event::StackPast).
    ReadStack {
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

/// A dataset for the simulated gateway to vault, and what the gateway is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobRequest {
    /// Files besides the manifest.
    pub files: u64,
    /// Directories below the root.
    pub dirs: u64,
    /// What the names and sizes are drawn from.
    pub seed: u64,
    /// The dataset's id; one that the bucket does not have yet where it is left out.
    pub set_id: Option<String>,
    /// Bytes of the smallest file.
    pub smallest: u64,
    /// Bytes of the largest file.
    pub largest: u64,
    /// Whether there are names of every kind: quotes, other scripts, 900 bytes.
    pub hostile_names: bool,
    /// Whether the manifest is written before the files.
    pub manifest_early: bool,
    /// Milliseconds that each file costs the client besides its bytes.
    pub copy_ms: u64,
    /// Files that stand in the manifest and never arrive; any above 0 ends in a timeout.
    pub missing: u64,
    /// Files that are written after the manifest.
    pub late: u64,
    /// Milliseconds between the last usual write and the first late one.
    pub late_by_ms: u64,
    /// Files that are written a second time.
    pub rewrites: u64,
    /// Milliseconds between the two writes of such a file.
    pub rewrite_gap_ms: u64,
    /// Seconds of settling time; the share's own where it is left out.
    pub settling: Option<u64>,
    /// Uploads in hundredths of their usual speed.
    pub speed: u64,
    /// Whether files are uploaded one after the other in the order of their writes.
    pub in_order: bool,
    /// Files that are uploaded at a time, unless in order.
    pub workers: u64,
    /// Milliseconds that each upload costs besides its bytes.
    pub upload_ms: u64,
    /// Whether notifications are sent one after the other in the order of the uploads; they always are in order.
    pub strict: bool,
    /// Files that are announced twice.
    pub duplicates: u64,
    /// Milliseconds between the two notifications of such a file.
    pub duplicate_gap_ms: u64,
    /// Files whose uploads never complete.
    pub stuck: u64,
    /// Files from this size on appear in part first; 0 for none.
    pub partial_from: u64,
    /// Bytes that the cache holds; no bound where it is left out.
    pub cache: Option<u64>,
    /// Milliseconds after the begin at which the connection is lost.
    pub offline_from_ms: u64,
    /// Milliseconds until it is back; 0 where it is never lost.
    pub offline_for_ms: u64,
}

impl Default for JobRequest {
    fn default() -> Self {
        Self {
            files: 200,
            dirs: 10,
            seed: 7,
            set_id: None,
            smallest: 1_024,
            largest: 64 * 1_024,
            hostile_names: false,
            manifest_early: false,
            copy_ms: 5,
            missing: 0,
            late: 0,
            late_by_ms: 30_000,
            rewrites: 0,
            rewrite_gap_ms: 5_000,
            settling: None,
            speed: 100,
            in_order: false,
            workers: 8,
            upload_ms: 200,
            strict: false,
            duplicates: 0,
            duplicate_gap_ms: 2_000,
            stuck: 0,
            partial_from: 48 * 1_024,
            cache: None,
            offline_from_ms: 0,
            offline_for_ms: 0,
        }
    }
}
