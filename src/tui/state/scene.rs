//! What is kept of a stack while another one is observed: its executions, logs and sources, as they were. Whoever comes
//! back to it finds them, and what its sources then tell again changes nothing.

use std::collections::VecDeque;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::graph::GraphView;
use super::item::ItemView;
use super::logs::Logs;
use super::sources::Sources;
use super::{Latest, PANES, State};
use crate::model::archiving::Archiving;
use crate::model::execution::Executions;
use crate::model::machine::Machine;
use crate::model::{LogRole, Observed, StackKind};
use crate::tui::cmd::Page;

/// What belongs to one stack.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Scene {
    executions: Executions,
    machines: IndexMap<String, Machine>,
    sources: Sources,
    latest: VecDeque<Latest>,
    logs: Logs,
    archiving: Archiving,
    selected_run: Option<String>,
    graph: GraphView,
}

impl State {
    /// What the stack that is observed does.
    pub(crate) fn kind(&self) -> StackKind {
        self.observed.as_ref().map(|observed| observed.kind).unwrap_or_default()
    }

    /// The name of the stack that is observed, or would be.
    pub(crate) fn main_name(&self) -> Option<&str> {
        let first = || self.setup.stacks.first().map(|offer| offer.stack.as_str());
        self.observed.as_ref().map(|observed| observed.stack.as_str()).or_else(first)
    }

    /// The log groups of the stack that is observed.
    pub(crate) fn log_roles(&self) -> &'static [LogRole] {
        LogRole::of(self.kind())
    }

    /// The panes of the page that is shown.
    pub(crate) fn panes(&self) -> &'static [&'static str] {
        match (self.page, self.kind()) {
            (Page::Flow, StackKind::S3Tar) => &["Archiving", "Executions", "Archive", "Task log", "Notifications"],
            (page, _) => page.panes(),
        }
    }

    /// Shows another stack from now on.
    pub(crate) fn observe(&mut self, observed: Observed) {
        let before = self.main_name().map(str::to_owned);
        if before.as_deref() != Some(observed.stack.as_str()) {
            let next = self.scenes.shift_remove(&observed.stack).unwrap_or_default();
            let left = self.change_scene(next);
            if let Some(before) = before {
                self.scenes.insert(before, left);
            }
            for page in [Page::Flow, Page::Logs, Page::Executions] {
                self.rows[page as usize] = [None; PANES];
            }
            // Another stack has another table.
            self.item = ItemView::default();
            // What had the keys there may not be there any more.
            self.focus[Page::Flow as usize] = 0;
            self.zoom = false;
        }
        self.observed = Some(observed);
    }

    fn change_scene(&mut self, next: Scene) -> Scene {
        use std::mem::replace;
        Scene {
            executions: replace(&mut self.executions, next.executions),
            machines: replace(&mut self.machines, next.machines),
            sources: replace(&mut self.sources, next.sources),
            latest: replace(&mut self.latest, next.latest),
            logs: replace(&mut self.logs, next.logs),
            archiving: replace(&mut self.archiving, next.archiving),
            selected_run: replace(&mut self.selected_run, next.selected_run),
            graph: replace(&mut self.graph, next.graph),
        }
    }
}
