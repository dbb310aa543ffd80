//! What happens to the dashboard. One channel carries everything, so that a recording of it is a whole session.

use crossterm::event::KeyEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cmd::Page;
use super::effect::Effect;
use super::state::ReplayReading;
use crate::model::activity::Activity;
use crate::model::board::ItemKey;
use crate::model::guide::Gateways;
use crate::model::objects::{Found, Look};
use crate::model::preview::ChangePreview;
use crate::model::trace::TraceHop;
use crate::model::{Check, FlowEvent, Share, StackEvent, Timestamp};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse wheel was turned by that many notches, down where positive.
    Scroll(i16),
    /// The mouse was clicked on something.
    Click(Spot),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Real time passed: milliseconds since the dashboard opened. Made by [`run`](super::run()) itself.
    Tick(u64),
    /// Things were seen on the pipeline, in this order.
    Flows(Vec<FlowEvent>),
    /// An effect ended.
    Done(EffectResult),
    /// The target is known, or is known better (the account after STS answered).
    Target(TargetInfo),
    /// The clock of the embedded endpoint, on each change and a few times a second.
    Clock(ClockReading),
    /// A change set waits for the user's word: [`Effect::Deploy`] executes it, [`Effect::Discard`] drops it.
    Preview {
        /// [`StackOffer::id`](super::StackOffer::id).
        offer: String,
        /// What it will do.
        preview: ChangePreview,
    },
    /// What happened to a stack before anybody looked.
    StackPast {
        /// The stack's name.
        stack: String,
        /// Its events, oldest first.
        events: Vec<(Timestamp, StackEvent)>,
    },
    /// The file share that the simulated gateway writes for.
    Share(Share),
    /// A scenario was played to its end.
    Judged {
        /// [`ScenarioOffer::name`](super::ScenarioOffer::name).
        scenario: String,
        /// What was expected, and what was found.
        checks: Vec<Check>,
    },
    /// What the endpoint's trace says of an object.
    Trace {
        /// The object's key.
        about: String,
        /// Hops of the events that speak of it, oldest first.
        hops: Vec<TraceHop>,
    },
    /// An item of the table was read.
    Item {
        /// What was asked for.
        key: ItemKey,
        /// Its attributes with their types, as DynamoDB's JSON writes them; `None` where there is no such item, or one
        /// sentence why it could not be read.
        found: Result<Option<Value>, String>,
    },
    /// Every call of the target so far, about once a second.
    Activity(Activity),
    /// A bucket was looked into.
    Found {
        /// What was asked.
        look: Look,
        /// What was found, or one sentence why nothing was.
        found: Result<Found, String>,
    },
    /// The File Gateways of the target; `None` where it does not tell of them.
    Gateways(Option<Gateways>),
    /// Something of a recording, which happens again: what it would have done to a target is left undone.
    Replayed(Box<Event>),
    /// How far a replay is, a few times a second and on each change.
    Replay(ReplayReading),
    /// Something went wrong that belongs to no effect: one sentence.
    Problem(String),
}

/// What the mouse was clicked on: told by what is drawn there, so that it means the same on a screen of another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Spot {
    /// The tab of a page.
    Page(Page),
    /// A pane of the page that is shown, and the row of its list.
    Pane {
        /// Its place among the page's panes.
        pane: usize,
        /// From 0; `None` beside the rows.
        row: Option<usize>,
    },
    /// A log line: its time, and its place in the order of arrival.
    Line(Timestamp, u64),
}

/// How an effect ended. Sent once an effect, when its work is over or was refused; progress arrives as flow events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectResult {
    /// The effect, as it was asked for.
    pub effect: Effect,
    /// One sentence: what was done, or what went wrong and the remedy.
    pub outcome: Result<String, String>,
}

/// What stands behind the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetKind {
    /// The endpoint inside this process: its clock can be scaled, paused and stepped.
    #[default]
    Embedded,
    /// An endpoint that was named by its URL.
    Endpoint,
    /// AWS itself.
    Aws,
}

/// The target, for the header and for what may be done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetInfo {
    /// What it is.
    pub kind: TargetKind,
    /// The endpoint's address without its scheme, `127.0.0.1:4566`; empty for AWS.
    pub address: String,
    /// Whether the endpoint is called over TLS.
    #[serde(default)]
    pub is_tls: bool,
    /// The software of an endpoint, in one word, where it is known: `LocalStack`.
    pub server: Option<String>,
    /// The profile of the shared configuration, where one was named.
    pub profile: Option<String>,
    /// `us-east-1`, …
    pub region: String,
    /// Twelve digits, once STS has answered.
    pub account: Option<String>,
    /// Whether nothing may be changed; shown as READ-ONLY.
    pub read_only: bool,
}

impl TargetInfo {
    /// The endpoint's URL; `None` for AWS.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let scheme = if self.is_tls { "https" } else { "http" };
        (self.kind != TargetKind::Aws).then(|| format!("{scheme}://{}", self.address))
    }
}

/// What the clock of the embedded endpoint shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockReading {
    /// Simulated time.
    pub now: Timestamp,
    /// Simulated seconds per real second while it runs.
    pub rate: f64,
    /// Whether it stands still.
    pub paused: bool,
}
