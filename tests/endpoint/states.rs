//! AWS Step Functions through its SDK.

use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{
    ExecutionStatus, HistoryEvent, HistoryEventType, Tag, ValidateStateMachineDefinitionResultCode,
};
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

#[tokio::test]
async fn the_reconcile_loop_runs_on_a_scaled_clock_until_its_count_is_reached() {
    let (emulator, client) = endpoint().await;
    emulator.clock().set_rate(10_000.0).expect("a rate in range");
    let machine = create(&client, "reconcileStateMachine", RECONCILE).await;
    let execution = run(&client, &machine, r#"{"detail": {"set-id": "abc"}}"#).await;
    let read = ended(&client, &execution).await;
    assert_eq!(read.status, ExecutionStatus::Succeeded, "{:?} {:?}", read.error, read.cause);
    let output: serde_json::Value = serde_json::from_str(read.output().expect("an output")).expect("JSON");
    assert_eq!(output["iterator"]["Payload"], serde_json::json!({"ticker": 21, "count": 20}));
    assert_eq!(output["detail"]["set-id"], "abc");
    let took = read.stop_date.expect("a stop date").secs() - read.start_date.secs();
    assert!(took >= 20 * 30, "20 waits of 30 s took {took} s");

    let events = history(&client, &execution).await;
    // The start, the count, 20 whole turns of five states, the last turn's two, notify, done, the end.
    assert_eq!(events.len(), 1 + 2 + 20 * 10 + 4 + 4 + 1);
    assert!(events.iter().enumerate().all(|(at, event)| event.id == i64::try_from(at).expect("small") + 1));
    assert_eq!((events[1].previous_event_id, events[2].previous_event_id), (0, 2));
    let waits = events.iter().filter(|event| event.r#type == HistoryEventType::WaitStateExited).count();
    assert_eq!(waits, 20);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_history_is_read_in_pages_from_either_end() {
    let (emulator, client) = endpoint().await;
    emulator.clock().set_rate(10_000.0).expect("a rate in range");
    let machine = create(&client, "pages", RECONCILE).await;
    let execution = run(&client, &machine, "{}").await;
    ended(&client, &execution).await;
    let page = || client.get_execution_history().execution_arn(&execution);
    let first = page().send().await.expect("a page");
    assert_eq!((first.events.len(), first.events[99].id), (100, 100));
    let second = page().set_next_token(first.next_token).max_results(1_000).send().await.expect("a page");
    assert_eq!((second.events[0].id, second.events.len(), second.next_token), (101, 112, None));
    let newest = page().reverse_order(true).max_results(2).include_execution_data(false).send().await.expect("a page");
    assert_eq!(newest.events.iter().map(|event| event.id).collect::<Vec<_>>(), [212, 211]);
    let succeeded = newest.events[0].execution_succeeded_event_details().expect("details");
    assert_eq!(succeeded.output, None);
    let earlier = page().reverse_order(true).set_next_token(newest.next_token).send().await.expect("a page");
    assert_eq!(earlier.events[0].id, 210);
    assert!(
        page()
            .next_token("nonsense")
            .send()
            .await
            .expect_err("no token of ours")
            .into_service_error()
            .is_invalid_token()
    );
    assert!(page().max_results(1_001).send().await.is_err());
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_paused_clock_holds_a_wait_and_a_step_ends_it() {
    let (emulator, client) = endpoint().await;
    emulator.clock().pause();
    let machine = create(&client, "paused", WAIT).await;
    let execution = run(&client, &machine, "{}").await;
    // The wait has begun once its event is there; a step from then on is what ends it.
    while history(&client, &execution).await.len() < 2 {}
    let read = client.describe_execution().execution_arn(&execution).send().await.expect("it is described");
    assert_eq!(read.status, ExecutionStatus::Running);
    emulator.clock().step(Duration::from_secs(3_600));
    assert_eq!(ended(&client, &execution).await.status, ExecutionStatus::Succeeded);
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_execution_is_started_once_by_name_and_can_be_stopped() {
    let (emulator, client) = endpoint().await;
    let machine = create(&client, "names", WAIT).await;
    let begin =
        |input: &'static str| client.start_execution().state_machine_arn(&machine).name("one").input(input).send();
    let first = begin("{}").await.expect("it starts").execution_arn;
    assert_eq!(begin("{}").await.expect("the same again").execution_arn, first);
    let error = begin(r#"{"other": 1}"#).await.expect_err("another input").into_service_error();
    assert!(error.is_execution_already_exists(), "{error:?}");

    client.stop_execution().execution_arn(&first).error("Why").cause("because").send().await.expect("it is stopped");
    let read = ended(&client, &first).await;
    assert_eq!(read.status, ExecutionStatus::Aborted);
    assert_eq!((read.error(), read.cause()), (Some("Why"), Some("because")));
    let events = history(&client, &first).await;
    assert_eq!(events.last().map(|event| &event.r#type), Some(&HistoryEventType::ExecutionAborted));
    let error = begin("{}").await.expect_err("it has ended").into_service_error();
    assert!(error.is_execution_already_exists(), "{error:?}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn executions_are_listed_from_the_newest_by_status_and_in_pages() {
    let (emulator, client) = endpoint().await;
    let machine = create(&client, "listed", PASS).await;
    for _ in 0..5 {
        ended(&client, &run(&client, &machine, "{}").await).await;
    }
    let list = || client.list_executions().state_machine_arn(&machine);
    let pages = list().max_results(2).into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let all = pages.expect("the list is read");
    assert_eq!(all.len(), 5);
    assert!(all.windows(2).all(|pair| pair[0].start_date >= pair[1].start_date));
    let failed = list().status_filter(ExecutionStatus::Failed).send().await.expect("a list");
    assert!(failed.executions.is_empty());
    let succeeded = list().status_filter(ExecutionStatus::Succeeded).send().await.expect("a list");
    assert_eq!(succeeded.executions.len(), 5);
    emulator.shutdown().await;
}

#[tokio::test]
async fn machines_are_described_updated_tagged_and_deleted() {
    let (emulator, client) = endpoint().await;
    let tag = Tag::builder().key("stack").value("EventProcessingStack").build();
    let create = || client.create_state_machine().name("life").role_arn(ROLE).definition(PASS).tags(tag.clone());
    let machine = create().send().await.expect("it is created").state_machine_arn;
    assert_eq!(create().send().await.expect("the same again").state_machine_arn, machine);
    let other = create().definition(WAIT).send().await.expect_err("another definition").into_service_error();
    assert!(other.is_state_machine_already_exists(), "{other:?}");

    let running = run(&client, &machine, "{}").await;
    client.update_state_machine().state_machine_arn(&machine).definition(WAIT).send().await.expect("it is updated");
    let now = client.describe_state_machine().state_machine_arn(&machine).send().await.expect("it is described");
    assert_eq!((now.definition.as_str(), now.name.as_str(), now.role_arn.as_str()), (WAIT, "life", ROLE));
    let then = client.describe_state_machine_for_execution().execution_arn(&running).send().await.expect("described");
    assert_eq!(then.definition, PASS);

    let tags = || client.list_tags_for_resource().resource_arn(&machine).send();
    assert_eq!(tags().await.expect("tags").tags().first().and_then(Tag::value), Some("EventProcessingStack"));
    client.untag_resource().resource_arn(&machine).tag_keys("stack").send().await.expect("it is untagged");
    assert!(tags().await.expect("tags").tags().is_empty());

    let waiting = run(&client, &machine, "{}").await;
    client.delete_state_machine().state_machine_arn(&machine).send().await.expect("it is deleted");
    let gone = client.describe_state_machine().state_machine_arn(&machine).send().await;
    assert!(gone.expect_err("it is gone").into_service_error().is_state_machine_does_not_exist());
    let gone = client.describe_execution().execution_arn(&waiting).send().await;
    assert!(gone.expect_err("it is gone").into_service_error().is_execution_does_not_exist());
    assert!(client.list_state_machines().send().await.expect("a list").state_machines.is_empty());
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_definition_is_named_with_its_place() {
    let (emulator, client) = endpoint().await;
    let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Timestamp": "soon", "Next": "B"}}}"#;
    let refused = client.create_state_machine().name("bad").role_arn(ROLE).definition(definition).send().await;
    let error = refused.expect_err("it is refused").into_service_error();
    assert!(error.is_invalid_definition(), "{error:?}");
    assert_eq!(
        error.meta().message(),
        Some(
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at \
             /States/A/Timestamp, MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next'"
        )
    );
    let checked = client.validate_state_machine_definition().definition(definition).send().await.expect("an answer");
    assert_eq!(checked.result, ValidateStateMachineDefinitionResultCode::Fail);
    let places: Vec<_> = checked.diagnostics().iter().filter_map(|problem| problem.location()).collect();
    assert_eq!(places, ["/States/A/Timestamp", "/States/A/Next"]);
    let checked = client.validate_state_machine_definition().definition(RECONCILE).send().await.expect("an answer");
    assert_eq!(checked.result, ValidateStateMachineDefinitionResultCode::Ok);
    emulator.shutdown().await;
}

#[tokio::test]
async fn bad_requests_are_refused_with_the_errors_of_aws() {
    let (emulator, client) = endpoint().await;
    let machine = create(&client, "strict", PASS).await;
    let start = || client.start_execution().state_machine_arn(&machine);
    let error = start().input("{").send().await.expect_err("no JSON").into_service_error();
    assert!(error.is_invalid_execution_input(), "{error:?}");
    let error = start().name("a b").send().await.expect_err("a space").into_service_error();
    assert!(error.is_invalid_name(), "{error:?}");
    let large = format!("\"{}\"", "x".repeat(262_144));
    let error = start().input(large).send().await.expect_err("too large").into_service_error();
    assert!(error.is_validation_exception(), "{error:?}");
    let unknown = "arn:aws:states:us-east-1:000000000000:stateMachine:unknown";
    let error = client.start_execution().state_machine_arn(unknown).send().await.expect_err("unknown");
    assert!(error.into_service_error().is_state_machine_does_not_exist());
    let error = client.describe_execution().execution_arn("nonsense").send().await.expect_err("no ARN");
    assert!(error.into_service_error().is_invalid_arn());
    emulator.shutdown().await;
}

/// The token that a message of the queue brings.
async fn token(sqs: &aws_sdk_sqs::Client, url: &str) -> String {
    let received = sqs.receive_message().queue_url(url).wait_time_seconds(20).send().await.expect("an answer");
    let message = received.messages().first().expect("a message");
    let receipt = message.receipt_handle().expect("a receipt");
    sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.expect("deleted");
    let body: serde_json::Value = serde_json::from_str(message.body().expect("a body")).expect("JSON");
    body["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_task_waits_for_its_token_as_long_as_heartbeats_come() {
    let (emulator, config) = start().await;
    let (client, sqs) = (Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let url = sqs.create_queue().queue_name("q").send().await.expect("a queue").queue_url.expect("a url");
    let definition = serde_json::json!({"StartAt": "T", "States": {
        "T": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "HeartbeatSeconds": 3_600,
            "Parameters": {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}}, "Next": "Done",
            "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Late"}],
        },
        "Done": {"Type": "Succeed"},
        "Late": {"Type": "Fail", "Error": "Late"},
    }});
    let machine = create(&client, "m", &definition.to_string()).await;
    let execution = run(&client, &machine, "{}").await;
    let held = token(&sqs, &url).await;
    client.send_task_heartbeat().task_token(&held).send().await.expect("a heartbeat");
    client.send_task_success().task_token(&held).output("{").send().await.expect_err("no JSON");
    client.send_task_success().task_token(&held).output(r#"{"x":1}"#).send().await.expect("the token is good");
    assert_eq!(ended(&client, &execution).await.output(), Some(r#"{"x":1}"#));
    let types: Vec<_> = history(&client, &execution).await.iter().map(|event| event.r#type.clone()).collect();
    let expected = [
        HistoryEventType::TaskScheduled,
        HistoryEventType::TaskStarted,
        HistoryEventType::TaskSubmitted,
        HistoryEventType::TaskSucceeded,
    ];
    assert_eq!(types[2..6], expected);
    let error = client.send_task_failure().task_token(&held).send().await.expect_err("the task is over");
    assert!(error.into_service_error().is_task_timed_out());
    // Without heartbeats it fails by the error's own name for handlers.
    let execution = run(&client, &machine, "{}").await;
    token(&sqs, &url).await;
    emulator.clock().set_rate(10_000.0).expect("a rate in range");
    assert_eq!(ended(&client, &execution).await.error(), Some("Late"));
    let timed_out = HistoryEventType::TaskTimedOut;
    assert!(history(&client, &execution).await.iter().any(|event| event.r#type == timed_out));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_worker_carries_out_the_task_of_an_activity() {
    let (emulator, client) = endpoint().await;
    let activity = client.create_activity().name("a").send().await.expect("an activity").activity_arn;
    let definition =
        serde_json::json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": true}}});
    let machine = create(&client, "m", &definition.to_string()).await;
    let execution = run(&client, &machine, r#"{"n":1}"#).await;
    let task = client.get_activity_task().activity_arn(&activity).worker_name("w").send().await.expect("a task");
    assert_eq!(task.input(), Some(r#"{"n":1}"#));
    let held = task.task_token().expect("a token");
    client.send_task_failure().task_token(held).error("E").cause("C").send().await.expect("the token is good");
    let read = ended(&client, &execution).await;
    assert_eq!((read.error(), read.cause()), (Some("E"), Some("C")));
    let events = history(&client, &execution).await;
    let started = events.iter().find_map(|event| event.activity_started_event_details.clone()).expect("it was started");
    assert_eq!(started.worker_name(), Some("w"));
    // It goes on from the task when it is redriven.
    client.redrive_execution().execution_arn(&execution).send().await.expect("redriven");
    let task = client.get_activity_task().activity_arn(&activity).send().await.expect("a task");
    let held = task.task_token().expect("a token");
    client.send_task_success().task_token(held).output("2").send().await.expect("the token is good");
    let read = ended(&client, &execution).await;
    assert_eq!((read.output(), read.redrive_count()), (Some("2"), Some(1)));
    assert!(history(&client, &execution).await.iter().any(|e| e.r#type == HistoryEventType::ExecutionRedriven));
    let error = client.redrive_execution().execution_arn(&execution).send().await.expect_err("it succeeded");
    assert!(error.into_service_error().is_execution_not_redrivable());
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_execution_waits_for_another_and_stops_it_when_it_is_stopped() {
    let (emulator, client) = endpoint().await;
    let parent = |child: &str, pattern: &str| {
        serde_json::json!({"StartAt": "T", "States": {"T": {
            "Type": "Task", "Resource": format!("arn:aws:states:::states:startExecution{pattern}"), "End": true,
            "Parameters": {"StateMachineArn": child, "Input": {"i": 1}},
        }}})
        .to_string()
    };
    let child = create(&client, "child", PASS).await;
    for (pattern, expected) in [(".sync", serde_json::json!(r#"{"i":1}"#)), (".sync:2", serde_json::json!({"i": 1}))] {
        let machine = create(&client, &pattern.replace(['.', ':'], "-"), &parent(&child, pattern)).await;
        let execution = run(&client, &machine, "{}").await;
        let output = ended(&client, &execution).await.output.expect("an output");
        let output: serde_json::Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!((&output["Output"], &output["Status"]), (&expected, &serde_json::json!("SUCCEEDED")));
        assert!(output["StartDate"].is_i64(), "{output}");
    }
    let waiting = create(&client, "waiting", WAIT).await;
    let machine = create(&client, "parent", &parent(&waiting, ".sync")).await;
    let execution = run(&client, &machine, "{}").await;
    let begun = async {
        loop {
            let listed = client.list_executions().state_machine_arn(&waiting).send().await.expect("a list");
            if let Some(child) = listed.executions().first() {
                return child.execution_arn.clone();
            }
        }
    };
    let begun = tokio::time::timeout(Duration::from_secs(60), begun).await.expect("the child starts");
    // It is waited for once its start is recorded.
    let submitted = async {
        while !history(&client, &execution).await.iter().any(|e| e.r#type == HistoryEventType::TaskSubmitted) {}
    };
    tokio::time::timeout(Duration::from_secs(60), submitted).await.expect("it is submitted");
    client.stop_execution().execution_arn(&execution).send().await.expect("stopped");
    assert_eq!(ended(&client, &begun).await.status, ExecutionStatus::Aborted);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_distributed_map_reads_a_table_in_batches_and_writes_its_results() {
    let (emulator, config) = start().await;
    let client = Client::new(&config);
    let s3 = |operation: &'static str, input: serde_json::Value| emulator.fabric().call("test", "s3", operation, input);
    s3("CreateBucket", serde_json::json!({"Bucket": "b-1"})).await.expect("a bucket");
    // `a,b`, `1,2`, `3,4` as lines.
    let table = serde_json::json!({"Bucket": "b-1", "Key": "t.csv", "Body": "YSxiCjEsMgozLDQK"});
    s3("PutObject", table).await.expect("an object");
    let definition = serde_json::json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "End": true, "Label": "L",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b-1", "Key": "t.csv"},
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        },
        "ItemBatcher": {"MaxItemsPerBatch": 1},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}},
        },
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b-1", "Prefix": "out"}},
    }}});
    let machine = create(&client, "m", &definition.to_string()).await;
    let execution = run(&client, &machine, "{}").await;
    let read = ended(&client, &execution).await;
    let output: serde_json::Value = serde_json::from_str(read.output().expect("an output")).expect("JSON");
    let runs = client.list_map_runs().execution_arn(&execution).send().await.expect("a list");
    let arn = runs.map_runs()[0].map_run_arn();
    assert_eq!(output["MapRunArn"], arn);
    let told = client.describe_map_run().map_run_arn(arn).send().await.expect("described");
    let (executions, items) = (told.execution_counts().expect("counts"), told.item_counts().expect("counts"));
    assert_eq!((executions.succeeded(), items.total(), items.results_written()), (2, 2, 2));
    let children = client.list_executions().map_run_arn(arn).send().await.expect("a list");
    assert_eq!(children.executions().len(), 2);
    let key = output["ResultWriterDetails"]["Key"].as_str().expect("a key").replace("manifest", "SUCCEEDED_0");
    s3("GetObject", serde_json::json!({"Bucket": "b-1", "Key": key})).await.expect("the results are there");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_state_is_tried_on_its_own() {
    let (emulator, _) = endpoint().await;
    let call = async |input: serde_json::Value| emulator.fabric().call("test", "states", "TestState", input).await;
    let task = serde_json::json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName.$": "$.f"},
        "ResultPath": "$.r", "Next": "After", "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 4}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
    })
    .to_string();
    let with = |more: serde_json::Value| {
        let mut input = serde_json::json!({"definition": task, "input": r#"{"f":"x"}"#, "inspectionLevel": "DEBUG"});
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        input
    };
    let tried = call(with(serde_json::json!({"mock": {"result": "{\"p\":1}"}}))).await.expect("tried");
    assert_eq!((&tried["status"], &tried["nextState"]), (&"SUCCEEDED".into(), &"After".into()));
    assert_eq!(tried["output"], r#"{"f":"x","r":{"p":1}}"#);
    assert_eq!(tried["inspectionData"]["afterParameters"], r#"{"FunctionName":"x"}"#);
    let failing = serde_json::json!({"mock": {"errorOutput": {"error": "E", "cause": "C"}}});
    let tried = call(with(failing.clone())).await.expect("tried");
    assert_eq!(tried["status"], "RETRIABLE");
    assert_eq!(tried["inspectionData"]["errorDetails"]["retryBackoffIntervalSeconds"], 4);
    let mut spent = failing;
    spent["stateConfiguration"] = serde_json::json!({"retrierRetryCount": 1});
    let tried = call(with(spent)).await.expect("tried");
    assert_eq!((&tried["status"], &tried["nextState"]), (&"CAUGHT_ERROR".into(), &"Caught".into()));
    for wrong in [
        serde_json::json!({}),
        serde_json::json!({"mock": {"result": "x"}}),
        serde_json::json!({"mock": {"result": "1", "errorOutput": {}}}),
        serde_json::json!({"mock": {"result": "{}"}, "context": "{\"Map\":{}}"}),
    ] {
        let refused = call(with(wrong.clone())).await.expect_err("it is refused");
        assert_eq!(refused.code, "ValidationException", "{wrong}");
    }
    emulator.shutdown().await;
}
