//! The execution that archives: found once it has begun, followed to its end, and what its history tells of its way.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::aws::{Clients, Problem};
use crate::clock::real_now;
use crate::model::Timestamp;

/// The state that runs the task.
const RUN_TASK: &str = "RunTask";
/// The state that waits before the next try.
const RETRY_WAIT: &str = "RetryWait";
const HISTORY_PAGE: i32 = 1_000;
const LIST_PAGE: i32 = 100;

/// Looks at an execution, on this machine and on AWS.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The way of an execution.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Way {
    /// The states that it entered, in their order.
    pub path: Vec<String>,
    /// How often the task was asked for.
    pub attempts: usize,
    /// Its waits before another try.
    pub waits: Vec<Waited>,
    /// How each task ended.
    pub ends: Vec<TaskEnd>,
}

/// A wait before another try, in seconds of the target's time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waited {
    /// What the error handler asked for.
    pub asked: f64,
    /// How long it was; null while it lasts.
    pub waited: Option<f64>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskEnd {
    /// Its container's exit code; null where it never ran.
    pub exit_code: Option<i64>,
    /// Why it stopped, in the target's words.
    pub reason: String,
    /// Whether ECS tells of a task at all.
    pub was_task: bool,
}

/// An execution as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// Its status, as the API writes it.
    pub status: String,
    /// When it began.
    pub started: Timestamp,
    /// What it gave back; null while it runs.
    pub output: Value,
    /// Its way.
    pub way: Way,
}

/// How waiting for an execution ended.
pub enum Followed {
    /// It has ended.
    Ended(Execution),
    /// It stays in the state that runs the task, and nothing comes of it.
    Stuck(Execution),
    /// The user does not want to wait.
    Interrupted,
}

/// Every execution of a machine that there is, the newest ones.
///
/// # Errors
/// When the call fails.
pub async fn list(clients: &Clients, machine: &str) -> Result<Vec<(String, Timestamp)>, Problem> {
    let listed = clients.states.list_executions().state_machine_arn(machine).max_results(LIST_PAGE).send().await;
    let listed = listed.map_err(|error| Problem::of("states ListExecutions", &error))?;
    Ok(listed.executions.into_iter().map(|it| (it.execution_arn, moment(&it.start_date))).collect())
}

/// The first execution that is not known and began at a moment or later; `None` when there is none in time.
///
/// # Errors
/// When a call fails.
pub async fn begun(
    clients: &Clients,
    machine: &str,
    known: &HashSet<String>,
    from: Timestamp,
    (patience, cancel): (Duration, &CancellationToken),
) -> Result<Option<String>, Problem> {
    let began = real_now();
    loop {
        let new = list(clients, machine).await?.into_iter().filter(|(arn, at)| *at >= from && !known.contains(arn));
        if let Some((arn, _)) = new.min_by_key(|(_, at)| *at) {
            return Ok(Some(arn));
        }
        if cancel.is_cancelled() || began.elapsed() > patience {
            return Ok(None);
        }
        tokio::time::sleep(every(clients)).await;
    }
}

fn every(clients: &Clients) -> Duration {
    if clients.target.is_aws() { LOOK_EVERY.1 } else { LOOK_EVERY.0 }
}

/// Waits for the end of an execution; where a task may get stuck, no longer than `patience` for a task's end.
///
/// # Errors
/// When a call fails.
pub async fn follow(
    clients: &Clients,
    arn: &str,
    patience: Duration,
    cancel: &CancellationToken,
) -> Result<Followed, Problem> {
    let mut seen = (0, real_now());
    loop {
        let execution = describe(clients, arn).await?;
        if execution.status != ExecutionStatus::Running.as_str() {
            return Ok(Followed::Ended(execution));
        }
        if cancel.is_cancelled() {
            return Ok(Followed::Interrupted);
        }
        let entered = execution.way.path.len();
        if entered != seen.0 {
            seen = (entered, real_now());
        } else if seen.1.elapsed() > patience {
            return Ok(Followed::Stuck(execution));
        }
        tokio::time::sleep(every(clients)).await;
    }
}

async fn describe(clients: &Clients, arn: &str) -> Result<Execution, Problem> {
    let described = clients.states.describe_execution().execution_arn(arn).send().await;
    let described = described.map_err(|error| Problem::of("states DescribeExecution", &error))?;
    let mut events = Vec::new();
    let mut token = None;
    loop {
        let page = clients.states.get_execution_history().execution_arn(arn).include_execution_data(true);
        let page = page.max_results(HISTORY_PAGE).set_next_token(token).send().await;
        let page = page.map_err(|error| Problem::of("states GetExecutionHistory", &error))?;
        events.extend(page.events);
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let output = described.output.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok(Execution {
        arn: arn.to_owned(),
        status: described.status.as_str().to_owned(),
        started: moment(&described.start_date),
        output: output.unwrap_or_default(),
        way: way(&events),
    })
}

fn moment(at: &aws_smithy_types::DateTime) -> Timestamp {
    Timestamp::from_micros(i64::try_from(at.as_nanos() / 1_000).unwrap_or_default())
}

/// The way that a history tells of.
fn way(events: &[HistoryEvent]) -> Way {
    let mut way = Way::default();
    let mut waits_since = None;
    let mut state = String::new();
    for event in events {
        if let Some(entered) = &event.state_entered_event_details {
            state.clone_from(&entered.name);
            way.path.push(entered.name.clone());
            if entered.name == RUN_TASK {
                way.attempts += 1;
            }
            if entered.name == RETRY_WAIT {
                let input: Value =
                    entered.input.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
                let asked = input["Error"]["Payload"]["waitTimeSeconds"].as_f64().unwrap_or_default();
                way.waits.push(Waited { asked, waited: None });
                waits_since = Some(moment(&event.timestamp));
            }
        }
        let left = event.state_exited_event_details.as_ref().is_some_and(|left| left.name == RETRY_WAIT);
        if left && let (Some(wait), Some(since)) = (way.waits.last_mut(), waits_since.take()) {
            wait.waited = moment(&event.timestamp).since(since).map(|waited| waited.as_secs_f64());
        }
        if state != RUN_TASK {
            continue;
        }
        if let Some(failed) = &event.task_failed_event_details {
            way.ends.push(end(failed.cause.as_deref().unwrap_or_default(), failed.error.as_deref()));
        } else if let Some(succeeded) = &event.task_succeeded_event_details {
            way.ends.push(end(succeeded.output.as_deref().unwrap_or_default(), None));
        } else if let Some(timed_out) = &event.task_timed_out_event_details {
            way.ends.push(end(timed_out.cause.as_deref().unwrap_or_default(), timed_out.error.as_deref()));
        }
    }
    way
}

/// A task as JSON, or a sentence of whoever could not run it.
fn end(text: &str, error: Option<&str>) -> TaskEnd {
    let task: Value = serde_json::from_str(text).unwrap_or_default();
    // Some endpoints answer as DescribeTasks does.
    let task = task["Tasks"].get(0).unwrap_or(&task);
    let was_task = task["Containers"].is_array();
    let reason = match task["StoppedReason"].as_str() {
        Some(reason) => reason.to_owned(),
        None if was_task => String::new(),
        None => {
            [error.unwrap_or_default(), text].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(": ")
        }
    };
    TaskEnd { exit_code: task["Containers"][0]["ExitCode"].as_i64(), reason, was_task }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::types::{
        HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails,
    };

    use super::*;

    fn event(at: i64) -> aws_sdk_sfn::types::builders::HistoryEventBuilder {
        HistoryEvent::builder()
            .timestamp(aws_smithy_types::DateTime::from_secs(at))
            .r#type(HistoryEventType::TaskStateEntered)
            .id(at)
    }

    fn entered(at: i64, name: &str, input: &str) -> HistoryEvent {
        let details = StateEnteredEventDetails::builder().name(name).input(input).build().expect("details");
        event(at).state_entered_event_details(details).build().expect("an event")
    }

    #[test]
    fn a_history_tells_path_attempts_waits_and_ends() {
        let failed = |at, cause: &str| {
            let details = TaskFailedEventDetails::builder().resource_type("ecs").resource("runTask.sync");
            let details = details.error("States.TaskFailed").cause(cause).build().expect("details");
            event(at).task_failed_event_details(details).build().expect("an event")
        };
        let left = StateExitedEventDetails::builder().name(RETRY_WAIT).build().expect("details");
        let events = vec![
            entered(1, RUN_TASK, "{}"),
            failed(2, r#"{"StoppedReason":"Essential container in task exited","Containers":[{"ExitCode":2}]}"#),
            entered(3, "ErrorHandler", "{}"),
            failed(3, "of the function, not of the task"),
            entered(4, RETRY_WAIT, r#"{"Error":{"Payload":{"waitTimeSeconds":2}}}"#),
            event(7).state_exited_event_details(left).build().expect("an event"),
            entered(7, RUN_TASK, "{}"),
            failed(8, "the service is not there"),
        ];
        let way = way(&events);
        assert_eq!(way.path, [RUN_TASK, "ErrorHandler", RETRY_WAIT, RUN_TASK]);
        assert_eq!((way.attempts, way.waits.as_slice()), (2, &[Waited { asked: 2.0, waited: Some(3.0) }][..]));
        assert_eq!(way.ends.len(), 2);
        assert_eq!((way.ends[0].exit_code, way.ends[0].was_task), (Some(2), true));
        assert_eq!(way.ends[1].reason, "States.TaskFailed: the service is not there");
        assert!(!way.ends[1].was_task);
    }
}
