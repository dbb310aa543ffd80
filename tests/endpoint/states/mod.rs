//! AWS Step Functions through its SDK.

mod executions;
mod integrations;
mod machines;

use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use vaultscope::emulator::Emulator;

use crate::support::start;

const ROLE: &str = "arn:aws:iam::000000000000:role/machine";

/// The loop of the reconcile state machine, with Pass states in place of its functions.
const RECONCILE: &str = r#"{
  "StartAt": "configureCountState",
  "States": {
    "configureCountState": {
      "Type": "Pass", "Result": {"count": 20, "ticker": 0}, "ResultPath": "$.iterator.Payload", "Next": "iteratorState"
    },
    "iteratorState": {
      "Type": "Pass", "ResultPath": "$.iterator.Payload", "Next": "isCountReachedState",
      "Parameters": {
        "ticker.$": "States.MathAdd($.iterator.Payload.ticker, 1)", "count.$": "$.iterator.Payload.count"
      }
    },
    "isCountReachedState": {
      "Type": "Choice", "Default": "reconcileNotifyState",
      "Choices": [{
        "Variable": "$.iterator.Payload.ticker", "NumericLessThanEqualsPath": "$.iterator.Payload.count",
        "Next": "reconcileCheckState"
      }]
    },
    "reconcileCheckState": {
      "Type": "Pass", "Result": {"reconcileDone": false}, "ResultPath": "$.check.Payload",
      "Next": "isReconcileCompleteState"
    },
    "isReconcileCompleteState": {
      "Type": "Choice", "Default": "waitBetweenIterationsState",
      "Choices": [{"Variable": "$.check.Payload.reconcileDone", "BooleanEquals": true, "Next": "reconcileNotifyState"}]
    },
    "waitBetweenIterationsState": {"Type": "Wait", "Seconds": 30, "Next": "iteratorState"},
    "reconcileNotifyState": {"Type": "Pass", "ResultPath": null, "Next": "doneState"},
    "doneState": {"Type": "Pass", "End": true}
  }
}"#;

const WAIT: &str = r#"{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#;
const PASS: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;

async fn endpoint() -> (Emulator, Client) {
    let (emulator, config) = start().await;
    let client = Client::new(&config);
    (emulator, client)
}

async fn create(client: &Client, name: &str, definition: &str) -> String {
    let created = client.create_state_machine().name(name).role_arn(ROLE).definition(definition).send().await;
    created.expect("the machine is created").state_machine_arn
}

async fn run(client: &Client, machine: &str, input: &str) -> String {
    let started = client.start_execution().state_machine_arn(machine).input(input).send().await;
    started.expect("the execution starts").execution_arn
}

/// Reads the execution until it has ended.
async fn ended(client: &Client, execution: &str) -> DescribeExecutionOutput {
    let read = async {
        loop {
            let read = client.describe_execution().execution_arn(execution).send().await.expect("it is described");
            if read.status != ExecutionStatus::Running {
                return read;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("the execution ends")
}

async fn history(client: &Client, execution: &str) -> Vec<HistoryEvent> {
    let pages = client.get_execution_history().execution_arn(execution).into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.expect("the history is read")
}
