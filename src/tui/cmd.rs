//! What a key means. A [`Cmd`] is intent: it is looked up in the keymap and carried out by `update`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Page {
    /// The pipeline as a picture.
    #[default]
    Flow,
    /// Stacks and their resources.
    Stacks,
    /// The four log groups.
    Logs,
    /// The table's items and the reconcile board.
    Table,
    /// The state machine's executions.
    Executions,
    /// Buckets and what they hold.
    Objects,
    /// The simulated gateway and its scenarios.
    Gateway,
    /// The workshop as steps.
    Guide,
    /// The calls that were made.
    Activity,
}

impl Page {
    /// Every page, in the order of the tabs.
    pub const ALL: [Self; 9] = [
        Self::Flow,
        Self::Stacks,
        Self::Logs,
        Self::Table,
        Self::Executions,
        Self::Objects,
        Self::Gateway,
        Self::Guide,
        Self::Activity,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The word on its tab.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flow => "Flow",
            Self::Stacks => "Stacks",
            Self::Logs => "Logs",
            Self::Table => "Table",
            Self::Executions => "Executions",
            Self::Objects => "Objects",
            Self::Gateway => "Gateway",
            Self::Guide => "Guide",
            Self::Activity => "Activity",
        }
    }

    /// Its panes, in the order of Tab.
    #[must_use]
    pub const fn panes(self) -> &'static [&'static str] {
        match self {
            Self::Flow => &["Pipeline", "Datasets", "Execution", "Latest"],
            Self::Stacks => &["Stacks", "Resources", "Outputs"],
            Self::Logs => &["Log", "Detail"],
            Self::Table => &["Datasets", "Items", "Reconcile", "Item"],
            Self::Executions => &["Executions", "Graph", "History", "Detail"],
            Self::Objects => &["Objects", "Preview"],
            Self::Guide => &["Steps", "Step"],
            Self::Gateway => &["Scenarios", "Gateway", "Notifications", "Detail"],
            Self::Activity => &["Calls", "Call"],
        }
    }
}

/// Something that the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cmd {
    /// Show a page.
    Show(Page),
    /// Give the keys to the next pane.
    NextPane,
    /// Give the keys to the pane before.
    PreviousPane,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// To the first row.
    Top,
    /// To the last row; lists that grow are followed again.
    Bottom,
    /// Into what is selected.
    Enter,
    /// Out of it.
    Back,
    /// Out of it; at the top, out of the dashboard.
    Leave,
    /// Leave the dashboard from wherever.
    Quit,
    /// Show the keys of this screen.
    Help,
    /// Show the problems so far.
    Errors,
    /// Stop or resume simulated time.
    Pause,
    /// Slow simulated time down.
    Slower,
    /// Speed simulated time up.
    Faster,
    /// Move simulated time forward.
    Step,
    /// Deploy a stack.
    Deploy,
    /// Delete a stack.
    Delete,
    /// Open the form of a stack's parameters.
    Parameters,
    /// Show a stack's events in the place of its resources, or these again.
    Events,
    /// Open the job form.
    StartJob,
    /// Play the selected scenario.
    Play,
    /// Open the job form with the selected scenario's fields.
    Edit,
    /// Hold the gateway, or let it go on.
    Hold,
    /// Let one thing happen at the gateway.
    NextEvent,
    /// Take the gateway's connection away, or give it back.
    Connection,
    /// Let the gateway upload in the order of the writes, or in its own.
    Shuffle,
    /// Let uploads run faster.
    UploadFaster,
    /// Let uploads run slower.
    UploadSlower,
    /// Choose a fault for the endpoint.
    Fault,
    /// Search in the rows.
    Search,
    /// To the next row that was searched for.
    NextFound,
    /// To the one before.
    PreviousFound,
    /// Show only rows that hold a text.
    Filter,
    /// Show the selected line among those that a filter leaves out, or alone again.
    Context,
    /// Write the lines that are shown to a file.
    Save,
    /// Show the next log group alone, or all.
    Group,
    /// Fold long lines, or cut them.
    Wrap,
    /// Show or hide the time of each line.
    Timestamps,
    /// The focused pane on the whole page, or back.
    Zoom,
    /// To the next error.
    NextError,
    /// To the error before.
    PreviousError,
    /// More of each thing.
    Larger,
    /// Less of each thing.
    Smaller,
    /// Move the window to the left.
    ShiftLeft,
    /// Move the window to the right.
    ShiftRight,
    /// Move the window up.
    ShiftUp,
    /// Move the window down.
    ShiftDown,
    /// Copy what is selected.
    Copy,
    /// Copy what failed last.
    CopyFailed,
    /// List what is most, or what is latest, first.
    Order,
    /// Read again what is shown.
    Refresh,
    /// Read the selected item of the table, whole.
    Item,
    /// Begin the guide anew.
    Reset,
    /// Capture the mouse or leave it to the terminal.
    Mouse,
    /// Find a command by what it does.
    Palette,
    /// Choose the colours.
    Themes,
    /// Begin or end presenting.
    Present,
    /// Hold the picture still, or let it go.
    Freeze,
}

impl Cmd {
    /// Its name in the configuration file: `next-pane`, `show-flow`. It is the one in recordings, written as keys of
    /// the configuration are.
    #[must_use]
    pub fn name(self) -> String {
        let name = match serde_json::to_value(self) {
            Ok(Value::String(name)) => name,
            Ok(Value::Object(parts)) => {
                let parts = parts.iter().flat_map(|(name, of)| [Some(name.as_str()), of.as_str()]);
                parts.flatten().collect::<Vec<_>>().join("-")
            }
            _ => String::new(),
        };
        let mut kebab = String::with_capacity(name.len() + 2);
        for char in name.chars() {
            if char.is_ascii_uppercase() {
                kebab.push('-');
            }
            kebab.push(char.to_ascii_lowercase());
        }
        kebab
    }

    /// What it does to the target, in words that follow "to"; `None` where it changes nothing there.
    #[must_use]
    pub const fn changes(self) -> Option<&'static str> {
        match self {
            Self::Deploy => Some("deploy a stack"),
            Self::Delete => Some("delete a stack"),
            Self::Parameters => Some("choose parameters"),
            Self::StartJob | Self::Edit => Some("start a job"),
            Self::Play => Some("play a scenario"),
            Self::Fault => Some("inject a fault"),
            _ => None,
        }
    }
}
