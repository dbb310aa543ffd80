//! The steps of a run, each done, not done, or beyond what the target can do.

use serde::Serialize;

use super::report::Counts;
use crate::model::words::counted;
use crate::model::{ExecutionStatus, Outcome};
use crate::observe::Verdict;

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// Done.
    Ok,
    /// The target does not do it, as its behaviour shows.
    Unavailable,
    /// Not done.
    Failed,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// How it went.
    pub state: StepState,
    /// What came of it, in a few words.
    pub detail: String,
}

impl Step {
    fn of(is_ok: bool, detail: String) -> Self {
        Self { state: if is_ok { StepState::Ok } else { StepState::Failed }, detail }
    }
}

/// The steps of a run, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Steps {
    /// The stack stands.
    pub deploy: Step,
    /// Every file is in the bucket.
    pub upload: Step,
    /// Every file was announced.
    pub notifications: Step,
    /// The items equal the manifest.
    pub items: Step,
    /// The execution succeeded and put the Successful event.
    pub execution: Step,
    /// The Successful event is in its log group.
    pub logs: Step,
}

/// What the steps are told from.
#[derive(Debug)]
pub struct Found<'a> {
    /// The stack's status and number of resources.
    pub stack: (&'a str, usize),
    /// Objects and manifest lines that the job was to put, without those that it was to leave out.
    pub keys: u64,
    /// Objects that were put.
    pub uploaded: u64,
    /// Counts of keys and notifications.
    pub counts: &'a Counts,
    /// What was read at the end.
    pub verdict: &'a Verdict,
    /// Comparisons of manifest and table.
    pub iterations: u64,
    /// Keys with a line in the logs of uploads.
    pub lines: usize,
    /// Why the log group has no line, where the target brings none to any.
    pub no_logs: Option<&'a str>,
}

impl Steps {
    /// Tells the steps.
    pub fn of(found: &Found) -> Self {
        let Found { stack: (status, resources), keys, uploaded, counts, verdict, iterations, lines, no_logs } = found;
        let Counts { notifications, expected, present, missing, unexpected, .. } = counts;
        let items = format!("{present} of {expected} keys present, {missing} missing, {unexpected} unexpected");
        let execution = match (verdict.execution, verdict.event_put) {
            (None, _) => "no execution was found".to_owned(),
            (Some(status), put) => {
                format!("{}{} after {}", word(status), put.map_or("", put_words), counted(*iterations, "iteration"))
            }
        };
        let logs = match (verdict.outcome, no_logs) {
            (Some((outcome, at)), _) => Step::of(
                outcome == Outcome::Successful,
                format!("{} at {}; {lines} of {expected} keys logged", outcome_words(outcome), at.iso_millis()),
            ),
            (None, Some(problem)) => Step { state: StepState::Unavailable, detail: (*problem).to_owned() },
            (None, None) => Step::of(
                false,
                format!("no reconciliation event is in its log group; {lines} of {expected} keys logged"),
            ),
        };
        Self {
            deploy: Step::of(true, format!("{status}, {}", counted(*resources, "resource"))),
            upload: Step::of(uploaded >= keys, format!("{uploaded} of {keys} objects")),
            notifications: Step::of(notifications >= keys, format!("{notifications} accepted")),
            items: Step::of(verdict.is_equal(), items),
            execution: Step::of(has_succeeded(verdict), execution),
            logs,
        }
    }

    /// The steps by name, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Step)> {
        [
            ("deploy", &self.deploy),
            ("upload", &self.upload),
            ("notifications", &self.notifications),
            ("items", &self.items),
            ("execution", &self.execution),
            ("logs", &self.logs),
        ]
        .into_iter()
    }

    /// Whether the dataset is reconciled as far as the target lets it be seen: items, execution and, where the target
    /// can, the log.
    pub fn is_reconciled(&self) -> bool {
        self.iter().all(|(_, step)| step.state != StepState::Failed)
    }
}

/// Where the history does not say what was put, the log does.
fn has_succeeded(verdict: &Verdict) -> bool {
    let is_logged = verdict.event_put.is_none() && verdict.has_logged_success();
    verdict.has_put_success() || (is_logged && verdict.execution == Some(ExecutionStatus::Succeeded))
}

fn word(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Running => "still running",
        ExecutionStatus::Succeeded => "SUCCEEDED",
        ExecutionStatus::Failed => "FAILED",
        ExecutionStatus::TimedOut => "TIMED_OUT",
        ExecutionStatus::Aborted => "ABORTED",
        ExecutionStatus::PendingRedrive => "PENDING_REDRIVE",
    }
}

fn put_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Successful => ", put Reconciliation Successful",
        Outcome::Timeout => ", put Reconciliation Timeout",
    }
}

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Successful => "Reconciliation Successful",
        Outcome::Timeout => "Reconciliation Timeout",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    const SUCCESS: (Outcome, Timestamp) = (Outcome::Successful, Timestamp::from_secs(0));

    fn counts(present: usize) -> Counts {
        Counts { notifications: 9, expected: 9, present, missing: 9 - present, unexpected: 0, dead_letters: 0 }
    }

    fn verdict(outcome: Option<(Outcome, Timestamp)>, put: Option<Outcome>) -> Verdict {
        Verdict {
            expected: 9,
            present: 9,
            outcome,
            execution: Some(ExecutionStatus::Succeeded),
            event_put: put,
            ..Verdict::default()
        }
    }

    fn steps(verdict: &Verdict, no_logs: Option<&str>) -> Steps {
        let counts = counts(verdict.present);
        Steps::of(&Found {
            stack: ("CREATE_COMPLETE", 40),
            keys: 9,
            uploaded: 9,
            counts: &counts,
            verdict,
            iterations: 2,
            lines: 9,
            no_logs,
        })
    }

    #[test]
    fn a_log_that_the_target_lacks_is_unavailable_and_no_success_and_the_rest_decides() {
        let put = Some(Outcome::Successful);
        let found = steps(&verdict(None, put), Some("no events come"));
        assert_eq!(found.logs, Step { state: StepState::Unavailable, detail: "no events come".to_owned() });
        assert!(found.is_reconciled());
        assert!(!steps(&verdict(None, None), Some("no events come")).is_reconciled(), "no event was put");
        assert!(!steps(&verdict(None, Some(Outcome::Timeout)), Some("no events come")).is_reconciled());
        let unequal = Verdict { present: 8, missing: vec!["k".to_owned()], ..verdict(None, put) };
        let unequal = steps(&unequal, Some("no events come"));
        assert!(!unequal.is_reconciled() && unequal.items.state == StepState::Failed);
        assert_eq!(unequal.execution.state, StepState::Ok);
        let aborted = Verdict { execution: Some(ExecutionStatus::Aborted), ..verdict(None, put) };
        assert!(!steps(&aborted, Some("no events come")).is_reconciled());
    }

    #[test]
    fn where_log_groups_are_served_a_missing_line_is_a_failure() {
        let put = Some(Outcome::Successful);
        let lost = steps(&verdict(None, put), None);
        assert_eq!(lost.logs.state, StepState::Failed);
        assert!(!lost.is_reconciled());
        let logged = steps(&verdict(Some(SUCCESS), put), None);
        assert!(logged.is_reconciled() && logged.iter().all(|(_, step)| step.state == StepState::Ok));
        let late = (Outcome::Timeout, Timestamp::default());
        assert_eq!(steps(&verdict(Some(late), Some(Outcome::Timeout)), None).logs.state, StepState::Failed);
        assert!(steps(&verdict(Some(SUCCESS), None), None).is_reconciled(), "a history that does not say what was put");
        assert_eq!(steps(&verdict(Some(SUCCESS), put), Some("stale")).logs.state, StepState::Ok, "a line is a line");
    }
}
