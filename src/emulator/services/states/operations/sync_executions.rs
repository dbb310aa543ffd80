//! `StartSyncExecution`: an execution of an EXPRESS machine whose caller waits for its end.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::States;
use super::super::error::StatesError;
use super::super::execution::Execution;
use super::super::history::Failure;
use super::super::interpreter;
use super::executions::{StartExecutionInput, check_input, status_name};
use super::{check_name, find_machine, required};
use crate::emulator::Context;

/// Seconds that an execution of an EXPRESS machine takes at most.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(300);

impl States {
    pub(crate) async fn start_sync_execution(
        &self,
        input: StartExecutionInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let arn = required(input.state_machine_arn, "stateMachineArn")?;
        let document = input.input.unwrap_or_else(|| "{}".to_owned());
        if let Some(name) = &input.name {
            check_name(name)?;
        }
        check_input(&document)?;
        let revision = Arc::clone(&find_machine(&self.registry(), &arn)?.revision);
        if &*revision.kind != "EXPRESS" {
            let message = "This operation is not supported by this type of state machine";
            return Err(StatesError::StateMachineTypeNotSupported(message.to_owned()));
        }
        let fabric = self.fabric();
        let name = input.name.unwrap_or_else(|| fabric.uuid());
        let arn = fabric.arn("states", format!("express:{}:{name}:{}", revision.name, fabric.uuid())).to_string();
        let begun = fabric.clock().now();
        let (machine, input) = (Arc::clone(&revision.arn), Arc::from(document));
        let execution = Arc::new(Execution::new(Arc::from(arn), Arc::from(name), revision, begun, input));
        // A caller that goes away takes the execution with it, as its memory is nobody's then.
        let run = interpreter::execute(Arc::clone(&self.shared), Arc::clone(&execution));
        let shutdown = fabric.shutdown_token().clone();
        let mut run = std::pin::pin!(run);
        tokio::select! {
            () = &mut run => {}
            () = fabric.clock().sleep(LONGEST) => {
                execution.halt(Failure { error: Some("States.Timeout".to_owned()), cause: None });
                run.await;
            }
            () = shutdown.cancelled() => {}
        }
        let outcome = execution.outcome();
        let stopped = outcome.stopped.unwrap_or_else(|| fabric.clock().now());
        let timed_out = outcome.failure.error.as_deref() == Some("States.Timeout");
        let status = match status_name(outcome.status) {
            "ABORTED" if timed_out => "TIMED_OUT",
            "ABORTED" => "FAILED",
            other => other,
        };
        let millis = stopped.since(begun).unwrap_or_default().as_millis().div_ceil(100) * 100;
        let mut answer = json!({
            "executionArn": &*execution.arn, "stateMachineArn": &*machine, "name": &*execution.name,
            "startDate": begun.epoch_seconds(), "stopDate": stopped.epoch_seconds(), "status": status,
            "input": &*execution.input, "inputDetails": {"included": true},
            "billingDetails": {
                "billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": u64::try_from(millis).unwrap_or(u64::MAX),
            },
        });
        if let Some(output) = &outcome.output {
            answer["output"] = (&**output).into();
            answer["outputDetails"] = json!({"included": true});
        }
        for (member, text) in [("error", outcome.failure.error), ("cause", outcome.failure.cause)] {
            if let Some(text) = text {
                answer[member] = text.into();
            }
        }
        Ok(answer)
    }
}
