//! The workshop as steps that know what is really done. Steps are data, each with a check over what was seen of the target;
//! what was done once stays done until the guide is begun anew. No I/O, and nothing of it changes a target.

mod checks;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::flow::{ExecutionStatus, FlowEvent, GatewayStepKind, JobState, LogRole, Seen};
pub use steps::{MODULES, Module, Step};

/// A screen of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Screen {
    /// The pipeline as a picture.
    Flow,
    /// Stacks.
    Stacks,
    /// The log groups.
    Logs,
    /// The table.
    Table,
    /// The executions.
    Executions,
    /// The bucket.
    Objects,
}

/// What a key of the dashboard does for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Press {
    /// Deploy the stack.
    Deploy,
    /// Vault a simulated dataset.
    StartJob,
    /// Delete the stack, on its screen.
    Delete,
    /// Open a screen.
    Show(Screen),
}

/// Whether a step is done, and what tells so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Finding {
    /// It is.
    Done(String),
    /// It is not yet.
    Open(String),
    /// Nothing here tells: whoever did it says so.
    Unknown(String),
}

/// What a target says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The target in a word or two.
    pub target: String,
    /// Its account, once it has answered.
    pub account: Option<String>,
    /// Whether nothing may be changed.
    pub is_read_only: bool,
    /// The name of the event processing stack.
    pub stack: String,
    /// Its status; `None` when there is no such stack.
    pub status: Option<String>,
    /// Its bucket.
    pub bucket: Option<String>,
    /// Its gateways; `None` where the target does not tell.
    pub gateways: Option<Gateways>,
    /// Whether somebody sits before the screens.
    pub has_screens: bool,
    /// What `vaultscope` is followed by to mean this target.
    pub flags: String,
    /// What `aws` is followed by to mean this target.
    pub aws_flags: String,
}

/// File Gateways, their appliances and shares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateways {
    /// Appliances, activated or not.
    pub appliances: u64,
    /// The names of gateways, in the order in which they were activated.
    pub gateways: Vec<String>,
    /// Disks that are a cache.
    pub caches: u64,
    /// Shares.
    pub shares: Vec<GatewayShare>,
}

/// A file share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayShare {
    /// Its name.
    pub name: String,
    /// `AVAILABLE`, …
    pub state: String,
    /// Whether uploads are announced.
    pub announces: bool,
    /// The folder that it is.
    pub folder: String,
    /// Files that lie on it.
    pub files: u64,
}

/// What was seen to happen since the guide was begun.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saw {
    stood: bool,
    had_gateway: bool,
    objects: u64,
    notified: u64,
    lines: BTreeMap<LogRole, u64>,
    items: u64,
    executions: u64,
    succeeded: u64,
    /// The simulated gateway has begun, and ended, so many jobs.
    jobs: (u64, u64),
    /// The last dataset that was reconciled.
    reconciled: Option<String>,
    /// Screens that were looked at while they had something to show.
    looked: BTreeSet<Screen>,
}

/// How far somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guide {
    saw: Saw,
    /// Steps that whoever did them said are done.
    ticked: BTreeSet<String>,
    /// Steps that were found to be done, and by what.
    done: BTreeMap<String, String>,
}

/// How a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// It is done.
    Done,
    /// It is the next one to do.
    Next,
    /// It is not done yet.
    Open,
    /// Whether it is done cannot be known here.
    Unknown,
}

/// A step and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// `3.1`
    pub id: &'static str,
    /// What is to be done, in a few words.
    pub title: &'static str,
    /// How it is.
    pub state: StepState,
    /// What tells so.
    pub why: String,
    /// What to do.
    pub what: &'static str,
    /// The command of ours that does it.
    pub command: Option<String>,
    /// What does or shows the same with the AWS CLI.
    pub aws: Option<String>,
    /// A help for whoever is stuck.
    pub hint: &'static str,
    /// The key of the dashboard that does it.
    #[serde(skip)]
    pub press: Option<Press>,
    /// Whether whoever did it says so.
    #[serde(rename = "isTicked")]
    pub is_ticked: bool,
}

/// A module and how its steps are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleReport {
    /// From 1.
    pub number: usize,
    /// What it is about.
    pub title: &'static str,
    /// Steps that are done.
    pub done: usize,
    /// Its steps.
    pub steps: Vec<StepReport>,
}

impl Guide {
    /// Takes in something that was seen for the first time.
    pub fn see(&mut self, event: &FlowEvent) {
        let saw = &mut self.saw;
        match &event.what {
            Seen::Object(_) => saw.objects += 1,
            Seen::Gateway(step) if step.step == GatewayStepKind::Notified => saw.notified += 1,
            Seen::Log(line) => {
                *saw.lines.entry(line.role).or_default() += 1;
                if line.role == LogRole::ReconcileSuccessful {
                    let set = line.upload.as_ref().map(|upload| upload.set_id.to_string());
                    saw.reconciled = Some(set.unwrap_or_else(|| "without an id".to_owned()));
                }
            }
            Seen::Item(_) => saw.items += 1,
            Seen::Execution(execution) if execution.status == ExecutionStatus::Succeeded => saw.succeeded += 1,
            Seen::Execution(execution) if execution.status == ExecutionStatus::Running => saw.executions += 1,
            Seen::Job(job) => match job.state {
                JobState::Started => saw.jobs.0 += 1,
                JobState::Finished => saw.jobs.1 += 1,
                JobState::Failed { .. } => {}
            },
            _ => {}
        }
    }

    /// Somebody looks at a screen.
    pub fn look(&mut self, screen: Screen) {
        let saw = &self.saw;
        let has_something = match screen {
            Screen::Flow | Screen::Stacks => true,
            Screen::Logs => !saw.lines.is_empty(),
            Screen::Table => saw.items > 0,
            Screen::Executions => saw.executions + saw.succeeded > 0,
            Screen::Objects => saw.notified + saw.objects > 0 || !saw.lines.is_empty(),
        };
        if has_something {
            self.saw.looked.insert(screen);
        }
    }

    /// Finds out what is done by now.
    pub fn settle(&mut self, facts: &Facts) {
        self.saw.stood |= facts.stands();
        self.saw.had_gateway |= facts.gateways.as_ref().is_some_and(|known| !known.gateways.is_empty());
        for step in MODULES.iter().flat_map(|module| module.steps) {
            if !self.done.contains_key(step.id)
                && let Some(Finding::Done(why)) = step.check.map(|check| check(self, facts))
            {
                self.done.insert(step.id.to_owned(), why);
            }
        }
    }

    /// Says that a step is done, or that it is not after all; tells whether that is for the user to say.
    pub fn tick(&mut self, id: &str, facts: &Facts) -> bool {
        let Some(step) = MODULES.iter().flat_map(|module| module.steps).find(|step| step.id == id) else {
            return false;
        };
        if self.done.contains_key(id) || matches!(step.check.map(|check| check(self, facts)), Some(Finding::Open(_))) {
            return false;
        }
        if !self.ticked.remove(id) {
            self.ticked.insert(id.to_owned());
        }
        true
    }

    /// Begins anew. What stands on the target stays, and is found again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// How far every module is.
    #[must_use]
    pub fn report(&self, facts: &Facts) -> Vec<ModuleReport> {
        let mut next_is_free = true;
        let modules = MODULES.iter().enumerate();
        modules
            .map(|(at, module)| {
                let steps: Vec<StepReport> =
                    module.steps.iter().map(|step| self.step(step, facts, &mut next_is_free)).collect();
                let done = steps.iter().filter(|step| step.state == StepState::Done).count();
                ModuleReport { number: at + 1, title: module.title, done, steps }
            })
            .collect()
    }

    fn step(&self, step: &Step, facts: &Facts, next_is_free: &mut bool) -> StepReport {
        let is_ticked = self.ticked.contains(step.id);
        let finding = match (self.done.get(step.id), step.check) {
            (Some(why), _) => Finding::Done(why.clone()),
            (None, _) if is_ticked => Finding::Done("you said so".to_owned()),
            (None, Some(check)) => check(self, facts),
            (None, None) if facts.has_screens => {
                Finding::Open("nothing to check: Enter says that it is done".to_owned())
            }
            (None, None) => Finding::Unknown("only whoever reads can tell".to_owned()),
        };
        let (state, why) = match finding {
            Finding::Done(why) => (StepState::Done, why),
            Finding::Unknown(why) => (StepState::Unknown, why),
            Finding::Open(why) if std::mem::take(next_is_free) => (StepState::Next, why),
            Finding::Open(why) => (StepState::Open, why),
        };
        let fill = |line: &&str| facts.fill(line);
        StepReport {
            id: step.id,
            title: step.title,
            state,
            why,
            what: step.what,
            command: step.command.as_ref().map(fill),
            aws: step.aws.as_ref().map(fill),
            hint: step.hint,
            press: step.press,
            is_ticked,
        }
    }
}

impl Facts {
    /// Whether the event processing stack is complete.
    fn stands(&self) -> bool {
        self.status.as_deref().is_some_and(|status| {
            status.ends_with("_COMPLETE") && !status.starts_with("DELETE") && !status.starts_with("ROLLBACK")
        })
    }

    fn share(&self) -> Option<&GatewayShare> {
        self.gateways.as_ref()?.shares.first()
    }

    /// A line with the names of this target in it.
    fn fill(&self, line: &str) -> String {
        let folder = self.share().map(|share| share.folder.as_str()).filter(|folder| !folder.is_empty());
        let line = match line.split_once(' ') {
            Some(("vaultscope", rest)) if !self.flags.is_empty() && !is_local(rest) => {
                let write = if self.flags.contains("--target aws") && writes(rest) { " --write" } else { "" };
                format!("vaultscope {}{write} {rest}", self.flags)
            }
            Some(("aws", rest)) if !self.aws_flags.is_empty() => format!("aws {} {rest}", self.aws_flags),
            _ => line.to_owned(),
        };
        line.replace("BUCKET", self.bucket.as_deref().unwrap_or("BUCKET"))
            .replace("STACK", &self.stack)
            .replace("FOLDER", folder.unwrap_or("FOLDER"))
    }
}

/// Whether a command of ours works on no target.
fn is_local(rest: &str) -> bool {
    ["generate ", "vault ", "template "].iter().any(|command| rest.starts_with(command))
}

/// Whether a command of ours changes its target.
fn writes(rest: &str) -> bool {
    (rest.starts_with("deploy") && !rest.contains("--preview")) || rest.starts_with("cleanup")
}

#[cfg(test)]
mod tests;
