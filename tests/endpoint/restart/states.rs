//! AWS Step Functions over a restart.

use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent, HistoryEventType, Tag};
use serde_json::{Value, json};

use super::{Life, call};
use crate::support::wait_for;

const ROLE: &str = "arn:aws:iam::000000000000:role/machine";

/// Makes a machine and starts it.
async fn start(client: &Client, name: &str, definition: &Value) -> String {
    let create = client.create_state_machine().name(name).role_arn(ROLE).definition(definition.to_string());
    let machine = create.send().await.expect("made").state_machine_arn;
    let start = client.start_execution().state_machine_arn(machine).name("one").input(r#"{"in":1}"#);
    start.send().await.expect("started").execution_arn
}

async fn history(client: &Client, execution: &str) -> Vec<HistoryEvent> {
    client.get_execution_history().execution_arn(execution).send().await.expect("a history").events
}

async fn types(client: &Client, execution: &str) -> Vec<String> {
    history(client, execution).await.iter().map(|event| event.r#type().as_str().to_owned()).collect()
}

/// Waits until the history has an event of that type, or as many of them.
async fn reached(client: &Client, execution: &str, kind: &HistoryEventType) {
    wait_for(kind.as_str(), async || {
        history(client, execution).await.iter().any(|event| event.r#type() == kind).then_some(())
    })
    .await;
}

/// The output of an execution that ends well.
async fn output(client: &Client, execution: &str) -> Value {
    let ended = wait_for("the end", async || {
        let told = client.describe_execution().execution_arn(execution).send().await.expect("described");
        (told.status() != &ExecutionStatus::Running).then_some(told)
    })
    .await;
    assert_eq!(ended.status(), &ExecutionStatus::Succeeded, "{:?}", ended.cause());
    serde_json::from_str(ended.output().expect("an output")).expect("JSON")
}

#[tokio::test]
async fn a_wait_keeps_its_deadline_and_a_branch_begins_again() {
    let life = Life::begin().await;
    let client = Client::new(&life.config);
    let waiting = start(
        &client,
        "waits",
        &json!({"StartAt": "First", "States": {
            "First": {"Type": "Pass", "Assign": {"kept": "v"}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Last"},
            "Last": {"Type": "Pass", "Parameters": {"kept.$": "$kept", "in.$": "$.in"}, "End": true},
        }}),
    )
    .await;
    let branches = start(
        &client,
        "branches",
        &json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": true}}},
            {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "Result": 2, "End": true}}},
        ]}}}),
    )
    .await;
    reached(&client, &waiting, &HistoryEventType::WaitStateEntered).await;
    reached(&client, &branches, &HistoryEventType::PassStateExited).await;
    let before = history(&client, &waiting).await;
    life.emulator.clock().step(Duration::from_secs(1800));

    let life = life.killed().await;
    let client = Client::new(&life.config);
    assert_eq!(history(&client, &waiting).await, before);
    reached(&client, &branches, &HistoryEventType::PassStateExited).await;
    life.emulator.clock().step(Duration::from_secs(1801));
    assert_eq!(output(&client, &waiting).await, json!({"kept": "v", "in": 1}));
    let expected = [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "WaitStateEntered",
        "WaitStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&client, &waiting).await, expected);
    let ids: Vec<i64> = history(&client, &waiting).await.iter().map(HistoryEvent::previous_event_id).collect();
    assert_eq!(ids, [0, 0, 2, 3, 4, 5, 6, 7]);
    // The other one waits anew, as a whole.
    let told = client.describe_execution().execution_arn(&branches).send().await.expect("described");
    assert_eq!(told.status(), &ExecutionStatus::Running);
    life.emulator.clock().step(Duration::from_secs(1800));
    assert_eq!(output(&client, &branches).await, json!([{"in": 1}, 2]));
    let entered = types(&client, &branches).await;
    assert_eq!(entered.iter().filter(|kind| *kind == "WaitStateEntered").count(), 1, "{entered:?}");
    let ended = history(&client, &waiting).await;
    let life = life.killed().await;
    assert_eq!(history(&Client::new(&life.config), &waiting).await, ended);
}

#[tokio::test]
async fn tokens_of_tasks_and_activities_stay_good() {
    let life = Life::begin().await;
    let client = Client::new(&life.config);
    call(&life, "sqs", "CreateQueue", json!({"QueueName": "q"})).await;
    let url = format!("{}/000000000000/q", life.emulator.url());
    let task = json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
    }}});
    let asked = start(&client, "asks", &task).await;
    let token = wait_for("the message", async || {
        let received = call(&life, "sqs", "ReceiveMessage", json!({"QueueUrl": url})).await;
        received["Messages"][0]["Body"].as_str().map(str::to_owned)
    })
    .await;
    reached(&client, &asked, &HistoryEventType::TaskSubmitted).await;
    let activity = |name: &str| client.create_activity().name(name).send();
    let (taken, left) = (activity("taken").await.expect("made"), activity("left").await.expect("made"));
    let of = |arn: &str| json!({"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": arn, "End": true}}});
    let of_taken = start(&client, "of-taken", &of(taken.activity_arn())).await;
    let of_left = start(&client, "of-left", &of(left.activity_arn())).await;
    let work = client.get_activity_task().activity_arn(taken.activity_arn()).send().await.expect("a task");
    reached(&client, &of_taken, &HistoryEventType::ActivityStarted).await;
    reached(&client, &of_left, &HistoryEventType::ActivityScheduled).await;

    let life = life.killed().await;
    let client = Client::new(&life.config);
    client.send_task_success().task_token(&token).output("3").send().await.expect("it is taken");
    assert_eq!(output(&client, &asked).await, json!(3));
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&client, &asked).await, expected);
    let again = client.send_task_success().task_token(&token).output("3").send().await;
    assert!(again.expect_err("it has been used").into_service_error().is_task_timed_out());
    let token = work.task_token().expect("a token");
    client.send_task_success().task_token(token).output("4").send().await.expect("it is taken");
    assert_eq!(output(&client, &of_taken).await, json!(4));
    let work = client.get_activity_task().activity_arn(left.activity_arn()).send().await.expect("a task");
    assert_eq!(work.input(), Some(r#"{"in":1}"#));
    let token = work.task_token().expect("a token");
    client.send_task_success().task_token(token).output("5").send().await.expect("it is taken");
    // What was taken counts, whether or not the execution has heard of it.
    let life = life.killed().await;
    assert_eq!(output(&Client::new(&life.config), &of_left).await, json!(5));
}

#[tokio::test]
async fn retries_nested_executions_and_stops_go_on() {
    let life = Life::begin().await;
    let client = Client::new(&life.config);
    let retry = json!([{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600, "MaxAttempts": 1}]);
    let retries = json!({"StartAt": "Get", "States": {"Get": {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:headBucket", "Parameters": {"Bucket": "late-bucket"},
        "Retry": retry, "ResultPath": null, "End": true,
    }}});
    let retried = start(&client, "retries", &retries).await;
    reached(&client, &retried, &HistoryEventType::TaskFailed).await;
    let child = json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": true}}});
    let stopped = start(&client, "child", &child).await;
    let parent = json!({"StartAt": "Run", "States": {"Run": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:child", "Input": {"c": 1}},
        "OutputPath": "$.Output",
    }}});
    let parent = start(&client, "parent", &parent).await;
    reached(&client, &parent, &HistoryEventType::TaskSubmitted).await;
    client.stop_execution().execution_arn(&stopped).error("E").send().await.expect("stopped");

    let life = life.killed().await;
    let client = Client::new(&life.config);
    call(&life, "s3", "CreateBucket", json!({"Bucket": "late-bucket"})).await;
    wait_for("the stop", async || {
        let told = client.describe_execution().execution_arn(&stopped).send().await.expect("described");
        (told.status() == &ExecutionStatus::Aborted && told.error() == Some("E")).then_some(())
    })
    .await;
    life.emulator.clock().step(Duration::from_secs(601));
    assert_eq!(output(&client, &parent).await, json!({"c": 1}));
    assert_eq!(output(&client, &retried).await, json!({"in": 1}));
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskFailed",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&client, &retried).await, expected);
}

#[tokio::test]
async fn machines_and_ended_executions_are_there_again_and_a_failed_one_can_be_redriven() {
    let life = Life::begin().await;
    let client = Client::new(&life.config);
    let fails = json!({"StartAt": "Pass", "States": {
        "Pass": {"Type": "Pass", "Assign": {"v": 7}, "Next": "Get"},
        "Get": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:headBucket", "ResultPath": null,
            "Parameters": {"Bucket": "late-bucket"}, "Next": "Last"},
        "Last": {"Type": "Pass", "Parameters": {"v.$": "$v"}, "End": true},
    }});
    let failed = start(&client, "fails", &fails).await;
    reached(&client, &failed, &HistoryEventType::ExecutionFailed).await;
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:fails";
    let tag = Tag::builder().key("k").value("v").build();
    client.tag_resource().resource_arn(machine).tags(tag).send().await.expect("tagged");
    let other = json!({"StartAt": "Other", "States": {"Other": {"Type": "Pass", "End": true}}}).to_string();
    let updated = client.update_state_machine().state_machine_arn(machine).definition(&other).send();
    let updated = updated.await.expect("updated");
    let waits = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}});
    let gone = start(&client, "gone", &waits).await;
    let machine_gone = "arn:aws:states:us-east-1:000000000000:stateMachine:gone";
    client.delete_state_machine().state_machine_arn(machine_gone).send().await.expect("deleted");
    let before = (
        history(&client, &failed).await,
        client.describe_execution().execution_arn(&failed).send().await.expect("described").cause,
    );

    let life = life.killed().await;
    let client = Client::new(&life.config);
    let described = client.describe_execution().execution_arn(&failed).send().await.expect("described");
    assert_eq!(described.status(), &ExecutionStatus::Failed);
    assert_eq!((history(&client, &failed).await, described.cause), before);
    let now = client.describe_state_machine().state_machine_arn(machine).send().await.expect("described");
    assert_eq!((now.definition(), now.revision_id()), (other.as_str(), updated.revision_id()));
    let tags = client.list_tags_for_resource().resource_arn(machine).send().await.expect("tags");
    assert_eq!(tags.tags().len(), 1);
    assert!(client.describe_execution().execution_arn(gone).send().await.is_err());
    assert_eq!(client.list_state_machines().send().await.expect("listed").state_machines().len(), 1);
    let listed = client.list_executions().state_machine_arn(machine).send().await.expect("listed");
    assert_eq!(listed.executions().len(), 1);
    call(&life, "s3", "CreateBucket", json!({"Bucket": "late-bucket"})).await;
    client.redrive_execution().execution_arn(&failed).send().await.expect("redriven");
    assert_eq!(output(&client, &failed).await, json!({"v": 7}));
}
