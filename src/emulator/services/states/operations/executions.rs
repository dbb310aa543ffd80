//! Starting, stopping, describing and listing executions.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::States;
use super::super::error::StatesError;
use super::super::execution::{Execution, Status};
use super::super::history::Failure;
use super::super::interpreter::LARGEST_PAYLOAD;
use super::super::registry::Registry;
use super::{check_name, find_machine, page_size, read_token, required, write_token};
use crate::emulator::{Context, Delivery};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartExecutionInput {
    pub(super) state_machine_arn: Option<String>,
    pub(super) name: Option<String>,
    pub(super) input: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StopExecutionInput {
    execution_arn: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeExecutionInput {
    execution_arn: Option<String>,
    included_data: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListExecutionsInput {
    state_machine_arn: Option<String>,
    map_run_arn: Option<String>,
    status_filter: Option<String>,
    redrive_filter: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedriveExecutionInput {
    execution_arn: Option<String>,
}

/// The name of a status as AWS spells it.
pub(super) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    }
}

impl States {
    pub(crate) async fn start_execution(&self, input: StartExecutionInput, _: &Context) -> Result<Value, StatesError> {
        let arn = required(input.state_machine_arn, "stateMachineArn")?;
        let document = input.input.unwrap_or_else(|| "{}".to_owned());
        if let Some(name) = &input.name {
            check_name(name)?;
        }
        check_input(&document)?;
        let mut registry = self.registry();
        let execution = self.start(&mut registry, &arn, input.name, &document)?;
        Ok(json!({"executionArn": &*execution.arn, "startDate": execution.started.epoch_seconds()}))
    }

    fn start(
        &self,
        registry: &mut Registry,
        arn: &str,
        name: Option<String>,
        input: &str,
    ) -> Result<Arc<Execution>, StatesError> {
        let machine = find_machine(registry, arn)?;
        let name = name.unwrap_or_else(|| self.fabric().uuid());
        if let Some(known) = machine.execution(&name) {
            // Starting the same thing twice is one execution while it runs.
            if known.status() == Status::Running && *known.input == *input {
                return Ok(Arc::clone(known));
            }
            return Err(StatesError::ExecutionAlreadyExists(known.arn.to_string()));
        }
        let revision = Arc::clone(&machine.revision);
        Ok(self.launch(registry, revision, &name, input))
    }

    /// Starts an execution for a delivery. Its name is made of the event's id and the target, so that an event which is
    /// delivered twice starts one execution.
    pub(in super::super) fn start_by_delivery(&self, delivery: &Delivery) -> Result<(), StatesError> {
        check_input(&delivery.payload)?;
        let name = delivery_name(&delivery.subject, &delivery.source_arn);
        let arn = delivery.target.to_string();
        match self.start(&mut self.registry(), &arn, name, &delivery.payload) {
            Ok(_) | Err(StatesError::ExecutionAlreadyExists(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn stop_execution(&self, input: StopExecutionInput, _: &Context) -> Result<Value, StatesError> {
        let execution = self.standard_execution(&required(input.execution_arn, "executionArn")?)?;
        execution.halt(Failure { error: input.error, cause: input.cause });
        let outcome = execution.outcome();
        let stopped = outcome.stopped.unwrap_or_else(|| self.fabric().clock().now());
        Ok(json!({"stopDate": stopped.epoch_seconds()}))
    }

    /// Runs an execution that did not end well again, from the state of its machine that it did not get beyond. A Parallel
    /// or Map state begins anew as a whole; AWS keeps the branches of it that had succeeded.
    pub(crate) async fn redrive_execution(
        &self,
        input: RedriveExecutionInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let arn = required(input.execution_arn, "executionArn")?;
        let execution = self.standard_execution(&arn)?;
        let now = self.fabric().clock().now();
        let mut registry = self.registry();
        if !execution.redrive(now) {
            let (_, reason) = redrive_status(execution.status());
            return Err(StatesError::NotRedrivable(reason.unwrap_or_else(|| "Execution is not redrivable".to_owned())));
        }
        let number = registry.reopen(&execution);
        drop(registry);
        self.set_going(number, &execution);
        Ok(json!({"redriveDate": now.epoch_seconds()}))
    }

    pub(crate) async fn describe_execution(
        &self,
        input: DescribeExecutionInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let execution = self.execution(&required(input.execution_arn, "executionArn")?)?;
        let data = input.included_data.as_deref() != Some("METADATA_ONLY");
        let outcome = execution.outcome();
        let mut answer = summary(&execution, outcome.status);
        if let Some(stopped) = outcome.stopped {
            answer.insert("stopDate".to_owned(), stopped.epoch_seconds().into());
        }
        if data {
            answer.insert("input".to_owned(), (&*execution.input).into());
        }
        answer.insert("inputDetails".to_owned(), json!({"included": data}));
        if let Some(output) = &outcome.output {
            if data {
                answer.insert("output".to_owned(), (&**output).into());
            }
            answer.insert("outputDetails".to_owned(), json!({"included": data}));
        }
        if data && outcome.status != Status::Running {
            let Failure { error, cause } = outcome.failure;
            answer.extend(error.map(|error| ("error".to_owned(), error.into())));
            answer.extend(cause.map(|cause| ("cause".to_owned(), cause.into())));
        }
        if &*execution.revision.kind != "EXPRESS" {
            let (status, reason) = redrive_status(outcome.status);
            answer.insert("redriveStatus".to_owned(), status.into());
            answer.extend(reason.map(|reason| ("redriveStatusReason".to_owned(), reason.into())));
        }
        Ok(Value::Object(answer))
    }

    pub(crate) async fn list_executions(&self, input: ListExecutionsInput, _: &Context) -> Result<Value, StatesError> {
        if let Some(run) = &input.map_run_arn {
            let status = input.status_filter.as_deref();
            return self.children_of(run, status, input.max_results, input.next_token.as_deref());
        }
        let arn = required(input.state_machine_arn, "stateMachineArn")?;
        let size = page_size(input.max_results)?;
        let subject = format!("executions {arn}");
        let below = match input.next_token {
            Some(token) => read_token(&subject, &token)?
                .parse()
                .map_err(|_| StatesError::InvalidToken("Invalid token".to_owned()))?,
            None => u64::MAX,
        };
        let wanted = input.status_filter.as_deref();
        let redriven = input.redrive_filter.as_deref().map(|filter| filter == "REDRIVEN");
        let registry = self.registry();
        let machine = find_machine(&registry, &arn)?;
        let mut found = Vec::new();
        let mut last = None;
        for (number, execution) in machine.newest(below) {
            let outcome = execution.outcome();
            let is_redriven = execution.redrives().count > 0;
            if redriven.is_some_and(|wanted| wanted != is_redriven) {
                continue;
            }
            if wanted.is_some_and(|wanted| wanted != status_name(outcome.status)) {
                continue;
            }
            if found.len() == size {
                let Some(last) = last else { break };
                let token = write_token(&subject, &u64::to_string(&last));
                return Ok(json!({"executions": found, "nextToken": token}));
            }
            let mut entry = summary(execution, outcome.status);
            entry.extend(outcome.stopped.map(|stopped| ("stopDate".to_owned(), stopped.epoch_seconds().into())));
            found.push(Value::Object(entry));
            last = Some(number);
        }
        Ok(json!({ "executions": found }))
    }
}

/// Whether an execution can be redriven, and why not.
fn redrive_status(status: Status) -> (&'static str, Option<String>) {
    match status {
        Status::Failed | Status::TimedOut | Status::Aborted => ("REDRIVABLE", None),
        other => {
            let reason = format!("Execution is {} and cannot be redriven", status_name(other));
            ("NOT_REDRIVABLE", Some(reason))
        }
    }
}

/// What a description and a list have of an execution.
fn summary(execution: &Execution, status: Status) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("executionArn".to_owned(), (&*execution.arn).into());
    entry.insert("stateMachineArn".to_owned(), (&*execution.revision.arn).into());
    entry.insert("name".to_owned(), (&*execution.name).into());
    entry.insert("status".to_owned(), status_name(status).into());
    entry.insert("startDate".to_owned(), execution.started.epoch_seconds().into());
    let redrives = execution.redrives();
    entry.insert("redriveCount".to_owned(), redrives.count.into());
    entry.extend(redrives.last.map(|last| ("redriveDate".to_owned(), last.epoch_seconds().into())));
    entry
}

pub(super) fn check_input(document: &str) -> Result<(), StatesError> {
    if document.len() > LARGEST_PAYLOAD {
        return Err(StatesError::Validation(format!(
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less \
             than or equal to {LARGEST_PAYLOAD}"
        )));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(document) {
        Ok(_) => Ok(()),
        Err(error) => Err(StatesError::InvalidExecutionInput(error.to_string())),
    }
}

/// `EVENT-ID_UUID`, where the second part comes of the rule; `None` where the event has no id that is fit for a name.
fn delivery_name(subject: &str, source: &str) -> Option<String> {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(format!("{subject}\n{source}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let name = format!("{subject}_{}", uuid::Builder::from_random_bytes(bytes).into_uuid());
    (!subject.is_empty() && check_name(&name).is_ok()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_named_after_its_event() {
        let id = "7bf73129-1428-4cd3-a780-95db273d1602";
        let name = delivery_name(id, "arn:rule-1").expect("a name");
        assert!(name.starts_with(&format!("{id}_")) && name.len() == 73, "{name}");
        assert_eq!(Some(&name), delivery_name(id, "arn:rule-1").as_ref());
        assert_ne!(Some(&name), delivery_name(id, "arn:rule-2").as_ref());
        assert_eq!(delivery_name("", "arn:rule-1"), None);
        assert_eq!(delivery_name("a b", "arn:rule-1"), None);
    }

    #[test]
    fn an_input_must_be_json_of_at_most_256_kib() {
        assert!(check_input("[1]").is_ok());
        assert!(matches!(check_input("{"), Err(StatesError::InvalidExecutionInput(_))));
        let large = format!("\"{}\"", "x".repeat(LARGEST_PAYLOAD));
        assert!(matches!(check_input(&large), Err(StatesError::Validation(_))));
    }
}
