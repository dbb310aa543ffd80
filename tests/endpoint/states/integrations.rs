//! Tasks that wait for others: tokens, activities, executions of other machines, items of a table.

use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType};

use super::{PASS, WAIT, create, ended, endpoint, history, run};
use crate::support::start;

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
    let fabric = emulator.fabric();
    let s3 = |operation: &'static str, input: serde_json::Value| fabric.call("test", "s3", operation, input);
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
