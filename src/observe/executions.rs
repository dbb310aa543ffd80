//! The state machine and its executions: status of each, and history event by event, read from the newest back to what
//! is known.

use std::collections::HashMap;

use aws_sdk_sfn::types::{self, ExecutionStatus as SdkStatus};
use serde::Deserialize;
use serde_json::Value;

use super::drive::{Halt, Out, Progress, Tailer};
use super::interest::Interest;
use crate::aws::{Clients, Problem};
use crate::model::{ExecutionSeen, ExecutionStatus, HistoryEvent, MachineSeen, Seen, Source, Timestamp, UploadDetail};

/// Executions of one page of the list.
const PAGE: i32 = 100;
/// Pages of the list at the start; later ones end at what is known.
const FIRST_PAGES: usize = 5;
/// History events of one page: a running execution adds 16 an iteration.
const HISTORY_PAGE: i32 = 200;
/// Executions that were over before we looked and whose history is read all the same, the newest ones.
const OLD_HISTORIES: usize = 10;

/// The tailer of one state machine.
pub struct Executions {
    clients: Clients,
    machine: String,
    since: Option<Timestamp>,
    interest: Interest,
    machine_told: bool,
    listed: bool,
    known: HashMap<String, Known>,
}

/// What is known of an execution.
struct Known {
    seen: ExecutionSeen,
    /// The last history event that was told.
    last_event: i64,
    /// Whether its history is told to the end, or left aside.
    done: bool,
}

impl Executions {
    /// A tailer that leaves aside executions that were over before `since`.
    pub fn new(clients: Clients, machine: String, since: Option<Timestamp>, interest: Interest) -> Self {
        Self { clients, machine, since, interest, machine_told: false, listed: false, known: HashMap::new() }
    }

    async fn tell_machine(&mut self, out: &Out) -> Result<(), Halt> {
        let answer = self
            .clients
            .states
            .describe_state_machine()
            .state_machine_arn(&self.machine)
            .send()
            .await
            .map_err(|error| Problem::of("states DescribeStateMachine", &error))?;
        let definition = serde_json::from_str(&answer.definition).unwrap_or(Value::Null);
        out.tell_now(Seen::Machine(MachineSeen { arn: self.machine.clone(), definition })).await?;
        self.machine_told = true;
        Ok(())
    }

    /// Pages come newest first and are read up to one on which everything is known and over.
    async fn list(&mut self, out: &Out) -> Result<bool, Halt> {
        let mut news = Vec::new();
        let mut token = None;
        for _ in 0..FIRST_PAGES {
            let answer = self
                .clients
                .states
                .list_executions()
                .state_machine_arn(&self.machine)
                .max_results(PAGE)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| Problem::of("states ListExecutions", &error))?;
            let all_known = answer.executions.iter().all(|item| self.known.contains_key(&item.execution_arn));
            news.extend(answer.executions.into_iter().filter(|item| self.is_news(item)));
            token = answer.next_token;
            if token.is_none() || (self.listed && all_known) {
                break;
            }
        }
        let changed = !news.is_empty();
        let mut old_histories = 0;
        for item in news {
            self.tell_status(item, &mut old_histories, out).await?;
        }
        self.listed = true;
        Ok(changed)
    }

    fn is_news(&self, item: &types::ExecutionListItem) -> bool {
        if let Some(known) = self.known.get(&item.execution_arn) {
            return known.seen.status != status_of(&item.status);
        }
        let over_since = item.stop_date.as_ref().map(moment);
        self.since.is_none() || over_since.is_none() || over_since >= self.since
    }

    async fn tell_status(
        &mut self,
        item: types::ExecutionListItem,
        old_histories: &mut usize,
        out: &Out,
    ) -> Result<(), Halt> {
        let status = status_of(&item.status);
        let stopped = item.stop_date.as_ref().map(moment);
        let seen = match self.known.get(&item.execution_arn) {
            Some(known) => ExecutionSeen { status, stopped, ..known.seen.clone() },
            None => ExecutionSeen {
                set_id: self.read_input(&item.execution_arn).await?,
                arn: item.execution_arn,
                name: item.name,
                status,
                started: moment(&item.start_date),
                stopped,
            },
        };
        out.tell(seen.stopped.unwrap_or(seen.started), Seen::Execution(seen.clone())).await?;
        let mut done = false;
        if status != ExecutionStatus::Running && !self.listed {
            *old_histories += 1;
            done = *old_histories > OLD_HISTORIES;
        }
        let known = self.known.entry(seen.arn.clone()).or_insert(Known { seen: seen.clone(), last_event: 0, done });
        known.seen = seen;
        Ok(())
    }

    /// The dataset, from the manifest's event with which the execution was started.
    async fn read_input(&self, arn: &str) -> Result<Option<crate::model::SetId>, Halt> {
        let answer = self
            .clients
            .states
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await
            .map_err(|error| Problem::of("states DescribeExecution", &error))?;
        let input = answer.input.as_deref().and_then(|input| serde_json::from_str::<Input>(input).ok());
        Ok(input.map(|input| {
            self.interest.manifest(&input.detail);
            input.detail.set_id
        }))
    }

    async fn tell_history(&mut self, arn: &str, out: &Out) -> Result<bool, Halt> {
        let Some(known) = self.known.get_mut(arn) else {
            return Ok(false);
        };
        // The status was read before the history: once it says that it is over, so is what is read now.
        let over = known.seen.status != ExecutionStatus::Running;
        let news = unread_history(&self.clients, arn, known.last_event).await?;
        let changed = !news.is_empty();
        for (at, event) in news {
            let id = event.id;
            out.tell(at, Seen::History(event)).await?;
            known.last_event = id;
        }
        known.done = over;
        Ok(changed)
    }
}

impl Tailer for Executions {
    fn source(&self) -> Source {
        Source::Executions
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        if !self.machine_told {
            self.tell_machine(out).await?;
        }
        let mut changed = self.list(out).await?;
        let open: Vec<String> =
            self.known.iter().filter(|(_, known)| !known.done).map(|(arn, _)| arn.clone()).collect();
        for arn in open {
            changed |= self.tell_history(&arn, out).await?;
        }
        Ok(Progress::from(changed))
    }
}

/// The manifest's event.
#[derive(Deserialize)]
struct Input {
    detail: UploadDetail,
}

/// Events after number `last`, oldest first. A long history is read from its start, a growing one from its end.
async fn unread_history(clients: &Clients, arn: &str, last: i64) -> Result<Vec<(Timestamp, HistoryEvent)>, Problem> {
    let backwards = last > 0;
    let mut news = Vec::new();
    let mut token = None;
    loop {
        let answer = clients
            .states
            .get_execution_history()
            .execution_arn(arn)
            .include_execution_data(true)
            .max_results(HISTORY_PAGE)
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

fn status_of(status: &SdkStatus) -> ExecutionStatus {
    match status {
        SdkStatus::Succeeded => ExecutionStatus::Succeeded,
        SdkStatus::Failed => ExecutionStatus::Failed,
        SdkStatus::TimedOut => ExecutionStatus::TimedOut,
        SdkStatus::Aborted => ExecutionStatus::Aborted,
        SdkStatus::PendingRedrive => ExecutionStatus::PendingRedrive,
        _ => ExecutionStatus::Running,
    }
}

fn moment(at: &aws_smithy_types::DateTime) -> Timestamp {
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
        put("resource", Some(&scheduled.resource));
        put("parameters", Some(&scheduled.parameters));
    }
    if let Some(succeeded) = &event.task_succeeded_event_details {
        put("output", succeeded.output.as_deref());
    }
    if let Some(succeeded) = &event.lambda_function_succeeded_event_details {
        put("output", succeeded.output.as_deref());
    }
    let failures = [
        event.execution_failed_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.execution_aborted_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.execution_timed_out_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.task_failed_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
        event.task_timed_out_event_details.as_ref().map(|it| (it.error.as_deref(), it.cause.as_deref())),
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
