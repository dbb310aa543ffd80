//! How the graph of a state machine is looked at: how large, which state is selected, what was moved aside.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::super::widget::graph::Level;

/// How the graph is looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GraphView {
    /// How much is drawn of each state; as much as fits where it was not chosen.
    pub(crate) level: Option<Level>,
    /// The state that was selected, by its name; what is under way is kept in sight while there is none.
    pub(crate) selected: Option<String>,
    /// Columns and rows that the window was moved by, away from what it would show.
    pub(crate) moved: (isize, isize),
    /// Whether the detail is the selected state's, not the selected event's.
    pub(crate) is_told: bool,
    /// Executions whose history was asked for.
    pub(crate) asked: HashSet<String>,
}

impl GraphView {
    /// Another execution is looked at: its states are followed again.
    pub(crate) fn follow(&mut self) {
        (self.selected, self.moved, self.is_told) = (None, (0, 0), false);
    }
}
