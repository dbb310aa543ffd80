//! AWS Lambda over a restart.

use serde_json::{Value, json};

use super::{Life, call};
use crate::lambda::{actor, create, invoke};
use crate::support::wait_for;

#[tokio::test]
async fn functions_go_on_with_what_was_said_of_them_and_with_the_events_that_wait() {
    let life = Life::begin().await;
    let made = create(&life.emulator, "f", &actor(), json!({"Environment": {"Variables": {"OWN": "mine"}}})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    create(&life.emulator, "gone", &actor(), json!({})).await;
    let named = |more: Value| {
        let mut input = json!({"FunctionName": "f"});
        input.as_object_mut().expect("members").extend(more.as_object().cloned().unwrap_or_default());
        input
    };
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    call(&life, "lambda", "DeleteFunction", json!({"FunctionName": "gone"})).await;
    call(&life, "lambda", "TagResource", json!({"Resource": arn, "Tags": {"k": "v"}})).await;
    let permission = json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
    call(&life, "lambda", "AddPermission", named(permission)).await;
    call(&life, "lambda", "PutFunctionConcurrency", named(json!({"ReservedConcurrentExecutions": 2}))).await;
    let failed = json!({"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:failed"}});
    call(&life, "lambda", "PutFunctionEventInvokeConfig", named(json!({"DestinationConfig": failed}))).await;
    call(&life, "sqs", "CreateQueue", json!({"QueueName": "source"})).await;
    let source = "arn:aws:sqs:us-east-1:000000000000:source";
    let mapping = named(json!({"EventSourceArn": source, "BatchSize": 3, "Enabled": false}));
    call(&life, "lambda", "CreateEventSourceMapping", mapping).await;
    let before = call(&life, "lambda", "GetFunction", named(json!({}))).await;
    let policy = call(&life, "lambda", "GetPolicy", named(json!({}))).await;
    let mappings = call(&life, "lambda", "ListEventSourceMappings", json!({})).await;
    let accepted = [("x-amz-invocation-type", "Event")];
    assert_eq!(invoke(&life.emulator, "f", &accepted, &json!({"act": "fail"})).await.status, 202);

    let life = life.killed().await;
    call(&life, "sqs", "CreateQueue", json!({"QueueName": "failed"})).await;
    assert_eq!(call(&life, "lambda", "GetFunction", named(json!({}))).await, before);
    assert_eq!(call(&life, "lambda", "GetPolicy", named(json!({}))).await, policy);
    assert_eq!(call(&life, "lambda", "ListEventSourceMappings", json!({})).await, mappings);
    let all = call(&life, "lambda", "ListFunctions", json!({})).await;
    assert_eq!(all["Functions"].as_array().map(Vec::len), Some(1));
    let told = invoke(&life.emulator, "f", &[], &json!({"act": "environment"})).await.json();
    assert_eq!((&told["own"], &told["arn"]), (&json!("mine"), &json!(arn)));
    // The event that was accepted before is tried as often as it would have been.
    let url = format!("{}/000000000000/failed", life.emulator.url());
    let record = wait_for("the record of the failure", async || {
        life.emulator.clock().step(std::time::Duration::from_secs(1));
        let received = call(&life, "sqs", "ReceiveMessage", json!({"QueueUrl": url})).await;
        received["Messages"][0]["Body"].as_str().map(str::to_owned)
    });
    let record: Value = serde_json::from_str(&record.await).expect("JSON");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["requestPayload"], json!({"act": "fail"}));

    let life = life.killed().await;
    let left = std::fs::read_dir(life.folder.path().join("lambda/code")).expect("a folder").count();
    assert_eq!(left, 1, "the package of the one function that is left");
    let told = invoke(&life.emulator, "f", &[], &json!({"act": "echo"})).await.json();
    assert_eq!(told, json!({"act": "echo"}));
}
