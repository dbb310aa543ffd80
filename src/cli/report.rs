//! What `vaultscope run` found: one versioned JSON document, or a few lines for a person.

use serde::Serialize;

use super::memory::Memory;
use super::steps::{StepState, Steps};
use super::{job, output};
use crate::model::activity::Activity;
use crate::model::words::counted;
use crate::model::{ExecutionStatus, Outcome, RouteTaken, SetId};

/// The version of the document; a reader refuses versions that it does not know.
pub const VERSION: u32 = 1;

/// What a run found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// `run`.
    pub kind: &'static str,
    /// Whether every item equals a manifest line, each line has its item, the execution succeeded, and the Successful
    /// event is in its log group; where the target brings no events to log groups, that it was put.
    pub reconciled: bool,
    /// `successful`, `timeout`, or null when neither event was found.
    pub outcome: Option<Outcome>,
    /// Whether the outcome is inferred from the execution, since the target brings no events to log groups.
    pub outcome_inferred: bool,
    /// Each step: `ok`, `unavailable` on this target, or `failed`.
    pub steps: Steps,
    /// Looks that the target's services throttled.
    pub throttled: u64,
    /// What vaultscope itself called.
    pub calls: Calls,
    /// The stack.
    pub stack: StackPart,
    /// The dataset.
    pub dataset: DatasetPart,
    /// Numbers of keys.
    pub counts: Counts,
    /// Every key that the manifest names and the table lacks.
    pub missing_keys: Vec<String>,
    /// Every key that the table has and the manifest does not name.
    pub unexpected_keys: Vec<String>,
    /// The execution that reconciled.
    pub execution: Option<ExecutionPart>,
    /// Real seconds.
    pub seconds: Seconds,
    /// Rates in real time.
    pub rates: Rates,
    /// Memory of the process tree; null where the system does not tell, or the endpoint is elsewhere.
    pub memory: Option<Memory>,
    /// Which way notifications took, and why; null where none was settled on.
    pub route: Option<RouteTaken>,
    /// Simulated seconds per real second.
    pub time_scale: f64,
    /// What it ran on.
    pub target: String,
}

/// Calls of the target's services; those of the pipeline's own parts are not in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// Attempts, retries included.
    pub made: u64,
    /// Those that failed.
    pub failed: u64,
    /// What they cost on AWS at list price, in US dollars.
    pub usd_on_aws: f64,
}

impl From<&Activity> for Calls {
    fn from(activity: &Activity) -> Self {
        Self { made: activity.calls(), failed: activity.errors(), usd_on_aws: activity.usd() }
    }
}

/// The stack of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackPart {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// Number of its resources.
    pub resources: usize,
}

/// The dataset of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetPart {
    /// Its id.
    pub set_id: SetId,
    /// Directories, files and the manifest.
    pub keys: usize,
    /// Bytes.
    pub bytes: u64,
    /// The manifest's key.
    pub manifest_key: String,
}

/// Numbers of keys and messages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Accepted notifications.
    pub notifications: u64,
    /// Lines of the manifest.
    pub expected: usize,
    /// Lines that have an item.
    pub present: usize,
    /// Lines that have none.
    pub missing: usize,
    /// Items that no line names.
    pub unexpected: usize,
    /// Messages in the dead-letter queue.
    pub dead_letters: u64,
}

/// The execution of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPart {
    /// Its ARN.
    pub arn: String,
    /// Its status.
    pub status: ExecutionStatus,
    /// Comparisons of manifest and table.
    pub iterations: u64,
}

/// Real seconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seconds {
    /// Until the stack stood.
    pub deploy: f64,
    /// From the job's begin to its end.
    pub job: f64,
    /// From the job's begin until the reconciliation was seen to end.
    pub reconciliation: f64,
    /// Everything.
    pub total: f64,
}

/// Rates in real time; null where nothing was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rates {
    /// Accepted notifications a second, from the first to the last.
    pub notifications_per_second: Option<f64>,
    /// Items a second, from the first accepted notification to the last item seen.
    pub items_per_second: Option<f64>,
}

/// Missing keys that are named for a person; the JSON document names all.
const NAMED: usize = 20;

impl Report {
    /// Prints it.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn print(&self, json: bool) -> std::io::Result<()> {
        if json {
            return output::document(self);
        }
        let Counts { expected, present, unexpected, dead_letters, .. } = &self.counts;
        let outcome = match (self.reconciled, self.outcome) {
            (true, _) if self.outcome_inferred => "Reconciliation Successful (inferred from the execution)",
            (true, _) => "Reconciliation Successful",
            (false, Some(Outcome::Successful)) => "Reconciliation Successful, but not every step was",
            (false, Some(Outcome::Timeout)) => "Reconciliation Timeout",
            (false, None) => "no reconciliation event was found",
        };
        let iterations = self.execution.as_ref().map_or(0, |execution| execution.iterations);
        output::line(&format!(
            "{outcome}: {present} of {expected} keys present, {unexpected} unexpected, after {} and {:.1} s",
            counted(iterations, "iteration"),
            self.seconds.reconciliation
        ))?;
        for (what, keys) in [("missing", &self.missing_keys), ("unexpected", &self.unexpected_keys)] {
            for key in keys.iter().take(NAMED) {
                output::line(&format!("  {what} {key}"))?;
            }
            if keys.len() > NAMED {
                output::line(&format!("  and {} more {what} keys: --json names all", keys.len() - NAMED))?;
            }
        }
        for (name, step) in self.steps.iter() {
            match step.state {
                StepState::Ok => {}
                StepState::Unavailable => output::line(&format!("  {name} unavailable: {}", step.detail))?,
                StepState::Failed => output::line(&format!("  {name} failed: {}", step.detail))?,
            }
        }
        if *dead_letters > 0 {
            let are = if *dead_letters == 1 { "is" } else { "are" };
            output::line(&format!("  {} {are} in the dead-letter queue", counted(*dead_letters, "message")))?;
        }
        if let Some(route) = &self.route {
            output::line(&format!("notifications went {}", job::way(route)))?;
        }
        if self.throttled > 0 {
            output::line(&format!("  {} looks were throttled", self.throttled))?;
        }
        if let Some(rate) = self.rates.items_per_second {
            let memory = self.memory.map_or_else(String::new, |memory| {
                format!(", {} MB of memory in {} processes", memory.peak_bytes / 1_000_000, memory.processes)
            });
            output::line(&format!(
                "{}, {rate:.0} items a second{memory}",
                counted(self.counts.notifications, "notification")
            ))?;
        }
        Ok(())
    }
}
