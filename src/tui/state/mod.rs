//! Everything that the dashboard knows. Changed by `update` only, read by the views.

mod aws_line;
pub(crate) mod calls;
pub(crate) mod change;
pub(crate) mod gateway;
pub(crate) mod graph;
pub(crate) mod guide;
pub(crate) mod histogram;
pub(crate) mod item;
pub(crate) mod job_form;
pub(crate) mod logs;
pub(crate) mod objects;
pub(crate) mod opened;
pub(crate) mod palette;
mod parameter_form;
pub(crate) mod present;
pub(crate) mod replay;
pub(crate) mod scene;
pub(crate) mod sources;
pub(crate) mod stack;

use std::collections::VecDeque;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use tui_input::Input;

use super::cmd::Page;
use super::keymap::{Keymap, Rebinding};
use super::run::{DatasetSummary, StackSummary};
use super::theme::Theme;
use super::{ClockReading, Cmd, Effect, JobRequest, Summary, TargetInfo, TargetKind};
use crate::model::archiving::Archiving;
use crate::model::board::Boards;
use crate::model::execution::Executions;
use crate::model::journey::Courses;
use crate::model::machine::Machine;
use crate::model::parameter::ParameterDefinition;
use crate::model::pipeline::Pipeline;
use crate::model::{Datasets, Observed, SetId, Timestamp};
use calls::Calls;
use change::Waiting;
use gateway::Gateway;
pub use gateway::ScenarioOffer;
use graph::GraphView;
use guide::GuideView;
use item::ItemView;
use job_form::JobForm;
use logs::Logs;
use objects::Objects;
use opened::Opened;
pub(crate) use parameter_form::ParameterForm;
use replay::Replay;
use scene::Scene;
use sources::Sources;
pub(crate) use stack::Stack;

use present::{Frozen, Present};
pub use replay::ReplayReading;

/// Panes of a page at the most.
pub(crate) const PANES: usize = 5;
/// Problems that are kept.
pub(crate) const KEPT_PROBLEMS: usize = 500;
/// Rows of the latest events that are kept.
pub(crate) const KEPT_LATEST: usize = 500;

/// A stack that can be deployed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackOffer {
    /// What [`Effect::Deploy`] names it by: `event-processing`.
    pub id: String,
    /// The name of the stack that is made: `EventProcessingStack`.
    pub stack: String,
    /// One line: what it is for.
    pub purpose: String,
    /// Resources in its template.
    pub resources: usize,
    /// Its template's parameters that can be chosen; `None` for a stack that others bring with them.
    #[serde(default)]
    pub parameters: Option<Vec<ParameterDefinition>>,
    /// What the configuration file chooses of them, by key.
    #[serde(default)]
    pub chosen: Vec<(String, String)>,
}

/// What the dashboard is opened with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// The target as far as it is known.
    pub target: TargetInfo,
    /// The stacks that can be deployed; the first one is offered on the Flow page.
    pub stacks: Vec<StackOffer>,
    /// What the job form shows at first.
    pub job: JobRequest,
    /// The scenarios that can be played.
    pub scenarios: Vec<ScenarioOffer>,
    /// Commands that have other keys than usual.
    #[serde(default)]
    pub keys: Vec<Rebinding>,
    /// Whether it is opened to an audience.
    #[serde(default)]
    pub presents: bool,
}

/// A row of what happened lately.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub(crate) at: Timestamp,
    /// One word: `data`, `item`, `upload`, …
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) size: Option<u64>,
}

/// What lies over the page and takes the keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Overlay {
    Help(usize),
    Errors(usize),
    /// Delete that stack: the name has to be typed where the input is there, else `y` does.
    Delete(String, Option<Input>),
    Job(Box<JobForm>),
    Parameters(Box<ParameterForm>),
    Search(Input),
    Filter(Input),
    /// The faults that can be asked for, with the selected one.
    Fault(usize),
    /// The change set that waits, with the selected row.
    Change(usize),
    /// The commands that fit what was typed, with the selected one.
    Palette(Input, usize),
    /// The colour schemes with the selected one, and the one from before.
    Themes(usize, Option<Theme>),
}

/// Everything that the dashboard knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub(crate) setup: Setup,
    pub(crate) page: Page,
    pub(crate) focus: [usize; Page::COUNT],
    pub(crate) zoom: bool,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) size: (u16, u16),
    pub(crate) real_ms: u64,
    pub(crate) clock: Option<(ClockReading, u64)>,
    /// The stack that is observed, once that was said.
    pub(crate) observed: Option<Observed>,
    /// Of stacks that were observed before, by name.
    pub(crate) scenes: IndexMap<String, Scene>,
    pub(crate) pipeline: Pipeline,
    pub(crate) datasets: Datasets,
    pub(crate) boards: Boards,
    pub(crate) archiving: Archiving,
    pub(crate) executions: Executions,
    /// The way of each file and the time of each dataset.
    pub(crate) courses: Courses,
    /// What was opened in the place of the page.
    pub(crate) opened: Option<Opened>,
    /// The state machines that were read, by ARN.
    pub(crate) machines: IndexMap<String, Machine>,
    pub(crate) stacks: IndexMap<String, Stack>,
    /// Whether the Stacks page shows events in the place of resources.
    #[serde(default)]
    pub(crate) shows_events: bool,
    pub(crate) sources: Sources,
    pub(crate) calls: Calls,
    pub(crate) gateway: Gateway,
    pub(crate) objects: Objects,
    pub(crate) guide: GuideView,
    /// The change set that waits for the user's word; it is shown as soon as nothing else lies over the page.
    pub(crate) waiting: Option<Waiting>,
    pub(crate) latest: VecDeque<Latest>,
    pub(crate) logs: Logs,
    /// The item of the table that is looked at.
    pub(crate) item: ItemView,
    /// Text that the table is narrowed to or searched by, in lower case.
    pub(crate) table_filter: String,
    pub(crate) table_search: String,
    /// Selected rows by pane; of lists that grow, counted so that new rows do not move it.
    pub(crate) rows: [[Option<usize>; PANES]; Page::COUNT],
    pub(crate) selected_set: Option<SetId>,
    pub(crate) selected_run: Option<String>,
    pub(crate) graph: GraphView,
    pub(crate) busy: Vec<Effect>,
    pub(crate) message: Option<(String, bool, u64)>,
    pub(crate) problems: VecDeque<(Option<Timestamp>, String)>,
    pub(crate) unread: usize,
    pub(crate) mouse: bool,
    /// Which key means what.
    #[serde(skip)]
    pub(crate) keymap: Keymap,
    /// The colour scheme that was chosen here; none for the one that fits the terminal.
    pub(crate) theme: Option<Theme>,
    pub(crate) present: Present,
    /// Since when the picture is held still, and what came since.
    pub(crate) frozen: Option<Frozen>,
    /// Of a dashboard that shows a recording.
    pub(crate) replay: Option<Replay>,
}

impl State {
    /// The state before anything happened.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        // Keys that another version gave to what is no command here are left aside.
        let keymap = Keymap::default().rebound(&setup.keys).unwrap_or_default();
        let present = Present { is_on: setup.presents, ..Present::default() };
        Self { setup, keymap, present, size: (80, 24), ..Self::default() }
    }

    /// The state before the first thing of a recording is shown.
    #[must_use]
    pub fn replaying(setup: Setup) -> Self {
        Self { replay: Some(Replay::default()), ..Self::new(setup) }
    }

    /// Lets the user of a replay have keys of their own; those of the recording mean what they meant then.
    #[must_use]
    pub fn with_keys(mut self, keymap: Keymap) -> Self {
        if let Some(replay) = &mut self.replay {
            replay.keymap = std::mem::replace(&mut self.keymap, keymap);
        }
        self
    }

    /// Opens it to an audience.
    #[must_use]
    pub fn presenting(mut self, is_on: bool) -> Self {
        self.present.is_on |= is_on;
        self
    }

    /// The key to show for a command on this page.
    pub(crate) fn key(&self, cmd: Cmd) -> String {
        // One without a key is found in the palette.
        let key = self.keymap.key_of(self.page, cmd).or_else(|| self.keymap.key_of(self.page, Cmd::Palette));
        key.map(|key| key.to_string()).unwrap_or_default()
    }

    /// Simulated time now, as far as the last reading tells.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let (reading, read_ms) = self.clock?;
        if reading.paused
            || self.replay.as_ref().is_some_and(|replay| replay.reading.paused || replay.reading.is_over())
        {
            return Some(reading.now);
        }
        let passed = std::time::Duration::from_millis(self.real_ms.saturating_sub(read_ms));
        let scaled = std::time::Duration::try_from_secs_f64(passed.as_secs_f64() * reading.rate.max(0.0));
        Some(reading.now + scaled.unwrap_or_default())
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.setup.target.kind == TargetKind::Embedded
    }

    /// The target in a word or two: its address, or AWS with the account.
    pub(crate) fn target_name(&self) -> String {
        let target = &self.setup.target;
        match (target.kind, &target.account) {
            (TargetKind::Embedded, _) => "the embedded endpoint".to_owned(),
            (TargetKind::Endpoint, _) => target.address.clone(),
            (TargetKind::Aws, Some(account)) => format!("AWS, account {account}, {}", target.region),
            (TargetKind::Aws, None) => format!("AWS, {}", target.region),
        }
    }

    /// Where the target is: its address, or account, region and profile.
    pub(crate) fn place(&self) -> String {
        let target = &self.setup.target;
        let account = target.account.clone().map(|account| format!("account {account}")).unwrap_or_default();
        let profile = target.profile.clone().map(|profile| format!("profile {profile}")).unwrap_or_default();
        let parts = if target.kind == TargetKind::Aws {
            [account, target.region.clone(), profile]
        } else {
            [target.address.clone(), target.region.clone(), String::new()]
        };
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }

    /// The stack that the Flow page speaks of: the one that is observed.
    pub(crate) fn main_stack(&self) -> Option<&Stack> {
        self.stacks.get(self.main_name()?)
    }

    pub(crate) fn status(&self) -> Option<&str> {
        self.main_stack()?.status.as_deref()
    }

    pub(crate) fn is_deployed(&self) -> bool {
        self.status().is_some_and(|status| {
            status.ends_with("_COMPLETE") && !status.starts_with("DELETE") && !status.starts_with("ROLLBACK")
        })
    }

    /// Names of stacks: the offers first, then others that were seen.
    pub(crate) fn stack_names(&self) -> Vec<&str> {
        let offers = self.setup.stacks.iter().map(|offer| offer.stack.as_str());
        let others = self.stacks.keys().map(String::as_str);
        let others = others.filter(|name| !self.setup.stacks.iter().any(|offer| offer.stack == *name));
        offers.chain(others).collect()
    }

    /// The stack of the catalogue with that id.
    pub(crate) fn offer(&self, id: &str) -> Option<&StackOffer> {
        self.setup.stacks.iter().find(|offer| offer.id == id)
    }

    /// The name of the stack that is selected on the Stacks page.
    pub(crate) fn selected_stack(&self) -> Option<&str> {
        self.stack_names().get(self.row(Page::Stacks, 0)).copied()
    }

    pub(crate) fn pane(&self) -> usize {
        self.focus[self.page as usize]
    }

    pub(crate) fn row(&self, page: Page, pane: usize) -> usize {
        self.rows[page as usize][pane].unwrap_or(0)
    }

    /// The dataset that was selected, else the newest one.
    pub(crate) fn set(&self) -> Option<&SetId> {
        self.selected_set.as_ref().or_else(|| self.datasets.iter().next_back().map(|(id, _)| id))
    }

    /// The execution that was selected, else the newest one.
    pub(crate) fn run(&self) -> Option<&str> {
        self.selected_run
            .as_deref()
            .filter(|arn| self.executions.get(arn).is_some())
            .or_else(|| Some(self.executions.newest(0)?.0))
    }

    /// The state machine of an execution.
    pub(crate) fn machine_of(&self, execution: &str) -> Option<(&str, &Machine)> {
        let machine = execution.rsplit_once(':').map(|(of, _)| of.replace(":execution:", ":stateMachine:"));
        let named = machine.and_then(|arn| self.machines.get_key_value(&arn));
        // An endpoint may name its executions otherwise; with one machine there is no doubt.
        let only = || self.machines.first().filter(|_| self.machines.len() == 1);
        named.or_else(only).map(|(arn, machine)| (arn.as_str(), machine))
    }

    /// The state machine of the execution that is looked at; the one that was read first while there is none.
    pub(crate) fn machine(&self) -> Option<(&str, &Machine)> {
        match self.run() {
            Some(run) => self.machine_of(run),
            None => self.machines.first().map(|(arn, machine)| (arn.as_str(), machine)),
        }
    }

    /// The notification that was selected, else the newest one.
    pub(crate) fn sent(&self) -> Option<&gateway::Sent> {
        let newest = self.gateway.sent.len().checked_sub(1)?;
        self.gateway.sent.get(self.rows[Page::Gateway as usize][2].unwrap_or(newest))
    }

    /// What the session did.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            stacks: self
                .stacks
                .iter()
                .map(|(name, stack)| StackSummary { name: name.clone(), status: stack.status.clone() })
                .collect(),
            datasets: self
                .datasets
                .iter()
                .map(|(id, set)| DatasetSummary {
                    set_id: id.to_string(),
                    tally: set.tally(),
                    outcome: set.outcome.map(|(outcome, _)| outcome),
                    iterations: set.iterations,
                    missing: self
                        .boards
                        .get(id)
                        .into_iter()
                        .flat_map(|board| board.missing.iter().take(5).cloned())
                        .collect(),
                })
                .collect(),
            problems: self.problems.iter().map(|(_, text)| text.clone()).collect(),
        }
    }
}
