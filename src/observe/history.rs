//! An execution as the API tells it: its status, and its history event by event.

use aws_sdk_sfn::types::{self, ExecutionStatus as SdkStatus};
use serde_json::Value;

use crate::aws::{Clients, Problem};
use crate::model::{ExecutionStatus, FlowEvent, HistoryEvent, Outcome, Seen, Timestamp};

/// History events of one page of a history that was never read.
const HISTORY_PAGE: i32 = 200;
/// History events of one page of what is new: a running execution adds 16 an iteration.
const NEWS_PAGE: i32 = 25;
/// History events from the end in which the notifying state is found.
const END_PAGE: i32 = 50;

/// Events after number `last`, oldest first. A long history is read from its start, a growing one from its end.
pub(super) async fn unread_history(
    clients: &Clients,
    arn: &str,
    last: i64,
) -> Result<Vec<(Timestamp, HistoryEvent)>, Problem> {
    let backwards = last > 0;
    let mut news = Vec::new();
    let mut token = None;
    loop {
        let answer = clients
            .states
            .get_execution_history()
            .execution_arn(arn)
            .include_execution_data(true)
            .max_results(if backwards { NEWS_PAGE } else { HISTORY_PAGE })
            .reverse_order(backwards)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| Problem::of("states GetExecutionHistory", &error))?;
        let mut met_known = false;
        for event in answer.events {
            if event.id <= last {
                met_known = true;
            } else {
                news.push((moment(&event.timestamp), history_of(arn, &event)));
            }
        }
        token = answer.next_token;
        if token.is_none() || (backwards && met_known) {
            break;
        }
    }
    if backwards {
        news.reverse();
    }
    Ok(news)
}

/// All of the history of an execution, oldest event first.
///
/// # Errors
/// Why it cannot be read.
pub async fn whole_history(clients: &Clients, arn: &str) -> Result<Vec<FlowEvent>, Problem> {
    let events = unread_history(clients, arn, 0).await?;
    Ok(events.into_iter().map(|(at, event)| FlowEvent { at, what: Seen::History(event) }).collect())
}

/// The status of an execution, and the reconciliation event that the end of its history says was put.
pub async fn end(clients: &Clients, arn: &str) -> Result<(Option<ExecutionStatus>, Option<Outcome>), Problem> {
    let states = &clients.states;
    let execution = states.describe_execution().execution_arn(arn).send().await;
    let execution = execution.map_err(|error| Problem::of("states DescribeExecution", &error))?;
    let history = states
        .get_execution_history()
        .execution_arn(arn)
        .include_execution_data(true)
        .max_results(END_PAGE)
        .reverse_order(true)
        .send()
        .await
        .map_err(|error| Problem::of("states GetExecutionHistory", &error))?;
    let put = history.events.iter().find_map(|event| Outcome::put_by(&history_of(arn, event)));
    Ok((Some(status_of(&execution.status)), put))
}

/// The status of an execution whose history ends so.
pub(super) fn end_of(kind: &str) -> Option<ExecutionStatus> {
    match kind {
        "ExecutionSucceeded" => Some(ExecutionStatus::Succeeded),
        "ExecutionFailed" => Some(ExecutionStatus::Failed),
        "ExecutionTimedOut" => Some(ExecutionStatus::TimedOut),
        "ExecutionAborted" => Some(ExecutionStatus::Aborted),
        _ => None,
    }
}

pub(super) fn status_of(status: &SdkStatus) -> ExecutionStatus {
    match status {
        SdkStatus::Succeeded => ExecutionStatus::Succeeded,
        SdkStatus::Failed => ExecutionStatus::Failed,
        SdkStatus::TimedOut => ExecutionStatus::TimedOut,
        SdkStatus::Aborted => ExecutionStatus::Aborted,
        SdkStatus::PendingRedrive => ExecutionStatus::PendingRedrive,
        _ => ExecutionStatus::Running,
    }
}

pub(super) fn moment(at: &aws_smithy_types::DateTime) -> Timestamp {
    Timestamp::from_micros(i64::try_from(at.as_nanos() / 1_000).unwrap_or_default())
}

/// The details that any kind of event has, under the names that the API gives them.
fn history_of(arn: &str, event: &types::HistoryEvent) -> HistoryEvent {
    let mut details = serde_json::Map::new();
    let mut put = |name: &str, text: Option<&str>| {
        if let Some(text) = text {
            details.insert(name.to_owned(), serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
        }
    };
    let mut state = None;
    if let Some(entered) = &event.state_entered_event_details {
        state = Some(entered.name.clone());
        put("input", entered.input.as_deref());
    }
    if let Some(exited) = &event.state_exited_event_details {
        state = Some(exited.name.clone());
        put("output", exited.output.as_deref());
    }
    if let Some(started) = &event.execution_started_event_details {
        put("input", started.input.as_deref());
    }
    if let Some(succeeded) = &event.execution_succeeded_event_details {
        put("output", succeeded.output.as_deref());
    }
    if let Some(scheduled) = &event.task_scheduled_event_details {
        put("resourceType", Some(&scheduled.resource_type));
        put("resource", Some(&scheduled.resource));
        put("parameters", Some(&scheduled.parameters));
    }
    if let Some(submitted) = &event.task_submitted_event_details {
        put("resourceType", Some(&submitted.resource_type));
        put("resource", Some(&submitted.resource));
        put("output", submitted.output.as_deref());
    }
    if let Some(succeeded) = &event.task_succeeded_event_details {
        put("resourceType", Some(&succeeded.resource_type));
        put("resource", Some(&succeeded.resource));
        put("output", succeeded.output.as_deref());
    }
    if let Some(succeeded) = &event.lambda_function_succeeded_event_details {
        put("output", succeeded.output.as_deref());
    }
    let failed = [
        event.task_failed_event_details.as_ref().map(|it| (&it.resource_type, &it.resource)),
        event.task_timed_out_event_details.as_ref().map(|it| (&it.resource_type, &it.resource)),
        event.task_submit_failed_event_details.as_ref().map(|it| (&it.resource_type, &it.resource)),
        event.task_start_failed_event_details.as_ref().map(|it| (&it.resource_type, &it.resource)),
    ];
    for (kind, resource) in failed.into_iter().flatten() {
        put("resourceType", Some(kind));
        put("resource", Some(resource));
    }
    let failures = [
        event.execution_failed_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.execution_aborted_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.execution_timed_out_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.task_failed_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.task_timed_out_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.task_submit_failed_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.task_start_failed_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.lambda_function_failed_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.lambda_function_timed_out_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
    ];
    for (error, cause) in failures.into_iter().flatten() {
        put("error", error);
        put("cause", cause);
    }
    HistoryEvent {
        execution: arn.to_owned(),
        id: event.id,
        previous_id: event.previous_event_id,
        kind: event.r#type.as_str().to_owned(),
        state,
        details: Value::Object(details),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::types::{HistoryEventType, StateEnteredEventDetails};

    use super::*;

    #[test]
    fn a_history_event_keeps_its_state_and_its_data_as_json() {
        let entered = StateEnteredEventDetails::builder()
            .name("iteratorState")
            .input(r#"{"count":960}"#)
            .build()
            .expect("a name is all it needs");
        let event = types::HistoryEvent::builder()
            .id(7)
            .previous_event_id(6)
            .r#type(HistoryEventType::TaskStateEntered)
            .timestamp(aws_smithy_types::DateTime::from_secs(1))
            .state_entered_event_details(entered)
            .build()
            .expect("an event");
        let read = history_of("arn", &event);
        assert_eq!((read.kind.as_str(), read.state.as_deref()), ("TaskStateEntered", Some("iteratorState")));
        assert_eq!(read.details, serde_json::json!({"input": {"count": 960}}));
    }
}
