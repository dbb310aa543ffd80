//! What `vaultscope run --stack s3tar` found: one versioned JSON document, or a few lines for a person.

use serde::Serialize;

use crate::model::activity::Activity;
use crate::model::words::counted;

use super::super::output;
use super::super::report::Calls;
use super::super::steps::StepState;
use super::execution::{TaskEnd, Waited};
use super::firing::Firing;
use super::listener::Heard;
use super::steps::Steps;
use super::verify::Compared;
use super::{Data, Found, Seconds};

/// The version of the document; a reader refuses versions that it does not know.
const VERSION: u32 = 1;
/// Keys that are named for a person; the JSON document names all.
const NAMED: usize = 20;

/// What a run found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    version: u32,
    /// `archiving`.
    kind: &'static str,
    /// Whether every member of the archive equals its object byte for byte, none is missing, and no step failed that the
    /// target can do.
    pub verified: bool,
    /// Each step: `ok`, `unavailable` on this target, or `failed`.
    steps: Steps,
    stack: StackPart,
    data: Data,
    inventory: Option<InventoryPart>,
    schedule: SchedulePart,
    execution: Option<ExecutionPart>,
    /// Where the target could not run the task: the process of this machine that did.
    local_task: Option<LocalPart>,
    notifications: Vec<NewsPart>,
    archive: Option<Compared>,
    calls: Calls,
    seconds: Seconds,
    /// Simulated seconds per real second while the execution ran.
    time_scale: f64,
    target: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StackPart {
    name: String,
    status: String,
    resources: usize,
    source_bucket: String,
    dest_bucket: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InventoryPart {
    manifest: String,
    objects: usize,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SchedulePart {
    expression: String,
    /// Whether it started the state machine; else that was done by hand, or not at all.
    fired: bool,
    /// When it was due; null where it was not waited for.
    due: Option<String>,
}

/// An execution as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPart {
    arn: String,
    status: String,
    /// The states that it entered.
    path: Vec<String>,
    /// How often the task was asked for.
    attempts: usize,
    waits: Vec<Waited>,
    tasks: Vec<TaskEnd>,
}

impl From<super::Execution> for ExecutionPart {
    fn from(execution: super::Execution) -> Self {
        let super::Execution { arn, status, way, .. } = execution;
        Self { arn, status, path: way.path, attempts: way.attempts, waits: way.waits, tasks: way.ends }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalPart {
    exit_code: Option<i32>,
    said: String,
}

/// A notification as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewsPart {
    id: String,
    subject: String,
}

impl From<Heard> for NewsPart {
    fn from(heard: Heard) -> Self {
        Self { id: heard.id, subject: heard.subject }
    }
}

impl Report {
    /// What is told of it.
    pub fn of(found: Found, calls: &Activity) -> Self {
        let steps = Steps::of(&found);
        let Found { parts, data, inventory, firing, execution, local, heard, archive, seconds, rate, target, .. } =
            found;
        let due = match &firing {
            Firing::Fired { due } | Firing::Silent { due } => Some(due.iso_seconds()),
            Firing::ByHand { .. } => None,
        };
        Self {
            version: VERSION,
            kind: "archiving",
            verified: steps.is_verified(),
            steps,
            stack: StackPart {
                name: parts.stack.seen.name,
                status: parts.stack.status,
                resources: parts.resources,
                source_bucket: parts.source,
                dest_bucket: parts.dest,
            },
            data,
            inventory: inventory.map(|made| InventoryPart {
                manifest: made.manifest.to_string(),
                objects: made.objects,
                bytes: made.bytes,
            }),
            schedule: SchedulePart { expression: parts.expression, fired: matches!(firing, Firing::Fired { .. }), due },
            execution: execution.map(ExecutionPart::from),
            local_task: local.map(|local| LocalPart { exit_code: local.exit_code, said: local.said }),
            notifications: heard.into_iter().map(NewsPart::from).collect(),
            archive,
            calls: Calls::from(calls),
            seconds,
            time_scale: rate,
            target,
        }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn print(&self, json: bool) -> std::io::Result<()> {
        if json {
            return output::document(self);
        }
        match (&self.archive, self.verified) {
            (Some(archive), true) => output::line(&format!(
                "{} is verified: {}, {} bytes, each equal to its object, after {:.1} s",
                archive.place,
                counted(archive.members, "member"),
                archive.bytes,
                self.seconds.total
            ))?,
            (Some(archive), false) => output::line(&format!("{} is not as it should be", archive.place))?,
            (None, _) => output::line("there is no archive")?,
        }
        for (name, step) in self.steps.iter() {
            let state = match step.state {
                StepState::Ok => "ok",
                StepState::Unavailable => "unavailable",
                StepState::Failed => "FAILED",
            };
            output::line(&format!("  {name:<13} {state:<12} {}", step.detail))?;
        }
        let Some(archive) = &self.archive else { return Ok(()) };
        for (what, keys) in
            [("missing", &archive.missing), ("different", &archive.different), ("unexpected", &archive.unexpected)]
        {
            for key in keys.iter().take(NAMED) {
                output::line(&format!("  {what} {key}"))?;
            }
            if keys.len() > NAMED {
                output::line(&format!("  and {} more {what} members: --json names all", keys.len() - NAMED))?;
            }
        }
        Ok(())
    }
}
