//! What is kept in a data folder is there at the next start, and what was under way goes on; reset and snapshots.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use vaultscope::clock::Clock;
use vaultscope::emulator::{Emulator, EmulatorConfig, Fabric};

use super::support::{Answer, send, start};

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
/// Long enough for whatever a test waits for.
const LIMIT: Duration = Duration::from_secs(30);

async fn open(folder: &Path, clock: Clock) -> Emulator {
    let config = EmulatorConfig { data_dir: Some(folder.to_owned()), clock, ..EmulatorConfig::default() };
    Emulator::start(config).await.expect("the endpoint starts")
}

/// Ends the endpoint and starts it again on the same folder.
async fn again(emulator: Emulator, folder: &Path) -> Emulator {
    emulator.shutdown().await;
    open(folder, Clock::default()).await
}

async fn call(fabric: &Fabric, service: &str, operation: &str, input: Value) -> Value {
    let answer = fabric.call("test", service, operation, input.clone()).await;
    answer.unwrap_or_else(|error| panic!("{service} {operation} {input}: {error}"))
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:us-east-1:000000000000:{resource}")
}

/// Receives one message, waiting as long as one call can.
async fn receive(fabric: &Fabric, queue: &str) -> Option<Value> {
    let input = json!({"QueueUrl": queue, "WaitTimeSeconds": 20, "AttributeNames": ["All"]});
    let received = tokio::time::timeout(LIMIT, call(fabric, "sqs", "ReceiveMessage", input)).await;
    received.expect("an answer in time")["Messages"].get(0).cloned()
}

#[tokio::test]
async fn queues_and_messages_are_there_again_as_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulator = open(folder.path(), Clock::default()).await;
    let fabric = emulator.fabric();
    let create = json!({"QueueName": "q", "Attributes": {"VisibilityTimeout": "1"}, "tags": {"a": "b"}});
    call(&fabric, "sqs", "CreateQueue", create).await;
    let attribute = json!({"n": {"DataType": "Number", "StringValue": "7"}});
    for body in ["kept", "deleted"] {
        let input = json!({"QueueUrl": "q", "MessageBody": body, "MessageAttributes": attribute});
        call(&fabric, "sqs", "SendMessage", input).await;
    }
    let input = json!({"QueueUrl": "q", "MaxNumberOfMessages": 10});
    let received = call(&fabric, "sqs", "ReceiveMessage", input).await;
    let of = |body: &str| {
        let all = received["Messages"].as_array().expect("messages");
        all.iter().find(|one| one["Body"] == body).expect("received")["ReceiptHandle"].clone()
    };
    call(&fabric, "sqs", "DeleteMessage", json!({"QueueUrl": "q", "ReceiptHandle": of("deleted")})).await;

    let emulator = again(emulator, folder.path()).await;
    let fabric = emulator.fabric();
    let tags = call(&fabric, "sqs", "ListQueueTags", json!({"QueueUrl": "q"})).await;
    assert_eq!(tags["Tags"], json!({"a": "b"}));
    let message = receive(&fabric, "q").await.expect("what was in flight is visible again");
    assert_eq!(message["Body"], "kept");
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "2", "the receive before counts");
    call(&fabric, "sqs", "SendMessage", json!({"QueueUrl": "q", "MessageBody": "new"})).await;
    // The handle of a message that is long gone is none of a new one.
    call(&fabric, "sqs", "DeleteMessage", json!({"QueueUrl": "q", "ReceiptHandle": of("deleted")})).await;
    call(&fabric, "sqs", "DeleteMessage", json!({"QueueUrl": "q", "ReceiptHandle": message["ReceiptHandle"]})).await;
    assert_eq!(receive(&fabric, "q").await.expect("the new one")["Body"], "new");
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_event_that_waits_for_its_next_attempt_is_delivered_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::default();
    clock.pause();
    let emulator = open(folder.path(), clock).await;
    let fabric = emulator.fabric();
    for queue in ["direct", "noticed"] {
        call(&fabric, "sqs", "CreateQueue", json!({"QueueName": queue})).await;
    }
    let topic = call(&fabric, "sns", "CreateTopic", json!({"Name": "t"})).await["TopicArn"].clone();
    let noticed = json!({
        "TopicArn": topic, "Protocol": "sqs", "Endpoint": arn("sqs", "noticed"),
        "Attributes": {"RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody", "FilterPolicy": "{\"n\":[7]}"},
    });
    call(&fabric, "sns", "Subscribe", noticed).await;
    call(&fabric, "events", "CreateEventBus", json!({"Name": "bus"})).await;
    let rule = json!({"Name": "r", "EventBusName": "bus", "EventPattern": "{\"source\":[\"s\"]}"});
    call(&fabric, "events", "PutRule", rule).await;
    let targets = json!([{"Id": "q", "Arn": arn("sqs", "direct"), "InputPath": "$.detail"}]);
    call(&fabric, "events", "PutTargets", json!({"Rule": "r", "EventBusName": "bus", "Targets": targets})).await;
    // Both are lost at their first attempts, as often as it takes until the clock is asked.
    let fault = json!({"kind": "drop", "service": "sqs"}).to_string();
    assert_eq!(send(&emulator, "POST", "/_vaultscope/faults", &[], &fault).await.status, 200);
    let entry = json!({"EventBusName": "bus", "Source": "s", "DetailType": "t", "Detail": "{\"n\": 7}"});
    call(&fabric, "events", "PutEvents", json!({"Entries": [entry]})).await;
    call(&fabric, "sns", "Publish", json!({"TopicArn": topic, "Message": "{\"n\": 7}"})).await;
    while fabric.hops(10).0.iter().filter(|hop| hop.error.is_some()).count() < 2 {
        tokio::task::yield_now().await;
    }

    let emulator = again(emulator, folder.path()).await;
    let fabric = emulator.fabric();
    for queue in ["direct", "noticed"] {
        let message = receive(&fabric, queue).await.unwrap_or_else(|| panic!("nothing came to {queue}"));
        assert_eq!(message["Body"].as_str().map(|body| body.replace(' ', "")).as_deref(), Some("{\"n\":7}"));
    }
    // What has arrived is not delivered again, and the rule is there for the next.
    let emulator = again(emulator, folder.path()).await;
    let entry = json!({"EventBusName": "bus", "Source": "s", "DetailType": "t", "Detail": "{\"n\": 8}"});
    let fabric = emulator.fabric();
    call(&fabric, "events", "PutEvents", json!({"Entries": [entry]})).await;
    assert!(receive(&fabric, "direct").await.is_some_and(|message| message["Body"].to_string().contains('8')));
    assert!(fabric.hops(10).0.iter().all(|hop| hop.to.ends_with(":direct")), "{:?}", fabric.hops(10));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_schedule_fires_once_over_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::default();
    let emulator = open(folder.path(), clock.clone()).await;
    call(&emulator.fabric(), "sqs", "CreateQueue", json!({"QueueName": "q", "Attributes": {"VisibilityTimeout": "0"}}))
        .await;
    let due = (clock.now() + Duration::from_secs(3_600)).iso_seconds().replace('Z', "");
    let schedule = json!({
        "Name": "s", "ScheduleExpression": format!("at({due})"), "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn("sqs", "q"), "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": "now"},
    });
    call(&emulator.fabric(), "scheduler", "CreateSchedule", schedule).await;

    let emulator = again(emulator, folder.path()).await;
    emulator.clock().step(Duration::from_secs(4_000));
    assert_eq!(receive(&emulator.fabric(), "q").await.expect("it is fired")["Body"], "now");
    let emulator = again(emulator, folder.path()).await;
    let fabric = emulator.fabric();
    emulator.clock().step(Duration::from_secs(4_000));
    call(&fabric, "scheduler", "GetSchedule", json!({"Name": "s"})).await;
    let attributes = json!({"QueueUrl": "q", "AttributeNames": ["ApproximateNumberOfMessages"]});
    let attributes = call(&fabric, "sqs", "GetQueueAttributes", attributes).await;
    assert_eq!(attributes["Attributes"]["ApproximateNumberOfMessages"], "1");
    emulator.shutdown().await;
}

#[tokio::test]
async fn logs_parameters_roles_and_keys_are_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulator = open(folder.path(), Clock::default()).await;
    let fabric = emulator.fabric();
    let (group, now) = (json!({"logGroupName": "g", "tags": {"a": "b"}}), emulator.clock().now().millis());
    call(&fabric, "logs", "CreateLogGroup", group).await;
    call(&fabric, "logs", "PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 1})).await;
    for stream in ["s", "gone"] {
        call(&fabric, "logs", "CreateLogStream", json!({"logGroupName": "g", "logStreamName": stream})).await;
        let events = json!([{"timestamp": now - 80_000_000, "message": "old"}, {"timestamp": now, "message": stream}]);
        let input = json!({"logGroupName": "g", "logStreamName": stream, "logEvents": events});
        call(&fabric, "logs", "PutLogEvents", input).await;
    }
    call(&fabric, "logs", "DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "gone"})).await;
    let policy = json!({"policyName": "p", "policyDocument": DOCUMENT});
    call(&fabric, "logs", "PutResourcePolicy", policy).await;
    for (name, value) in [("/a", "1"), ("/b", "2")] {
        call(&fabric, "ssm", "PutParameter", json!({"Name": name, "Type": "String", "Value": value})).await;
    }
    call(&fabric, "ssm", "DeleteParameter", json!({"Name": "/b"})).await;
    call(&fabric, "iam", "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": DOCUMENT})).await;
    let inline = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": DOCUMENT});
    call(&fabric, "iam", "PutRolePolicy", inline).await;
    let assume = json!({"RoleArn": "arn:aws:iam::000000000000:role/r", "RoleSessionName": "me"});
    let key = call(&fabric, "sts", "AssumeRole", assume).await["Credentials"]["AccessKeyId"].clone();

    let emulator = again(emulator, folder.path()).await;
    // Beyond the retention of the older events.
    emulator.clock().step(Duration::from_secs(10_000));
    let fabric = emulator.fabric();
    let found = call(&fabric, "logs", "FilterLogEvents", json!({"logGroupName": "g"})).await;
    let messages: Vec<&str> =
        found["events"].as_array().expect("events").iter().filter_map(|event| event["message"].as_str()).collect();
    assert_eq!(messages, ["s"]);
    assert_eq!(call(&fabric, "logs", "ListTagsLogGroup", json!({"logGroupName": "g"})).await["tags"]["a"], "b");
    let policies = call(&fabric, "logs", "DescribeResourcePolicies", json!({})).await;
    assert_eq!(policies["resourcePolicies"][0]["policyName"], "p");
    let parameters = call(&fabric, "ssm", "GetParameters", json!({"Names": ["/a", "/b"]})).await;
    assert_eq!(
        (&parameters["Parameters"][0]["Value"], &parameters["InvalidParameters"]),
        (&json!("1"), &json!(["/b"]))
    );
    call(&fabric, "iam", "GetRolePolicy", json!({"RoleName": "r", "PolicyName": "p"})).await;
    assert!(fabric.secret(key.as_str().expect("a key")).is_some());
    emulator.shutdown().await;
}

async fn state(emulator: &Emulator, service: &str) -> Value {
    send(emulator, "GET", "/_vaultscope/state", &[], "").await.json()["services"][service].clone()
}

#[tokio::test]
async fn a_reset_empties_the_endpoint_in_memory_too() {
    let (emulator, _) = start().await;
    call(&emulator.fabric(), "sqs", "CreateQueue", json!({"QueueName": "q"})).await;
    let change = json!({"rate": 50, "step_seconds": 100_000}).to_string();
    assert_eq!(send(&emulator, "POST", "/_vaultscope/clock", &[], &change).await.status, 200);
    let ahead = emulator.clock().now();
    assert_eq!(state(&emulator, "sqs").await["queues"], 1);
    // Whoever waits for a message is told to try again.
    let fabric = emulator.fabric();
    let answer = send(&emulator, "POST", "/_vaultscope/reset", &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(fabric.shutdown_token().is_cancelled() && fabric.services().is_empty(), "the services before are ended");
    assert_eq!(state(&emulator, "sqs").await["queues"], 0);
    assert!(emulator.clock().now() < ahead);
    assert!((emulator.clock().reading().rate - 1.0).abs() < f64::EPSILON);
    call(&emulator.fabric(), "sqs", "CreateQueue", json!({"QueueName": "q"})).await;
    let refused = send(&emulator, "POST", "/_vaultscope/snapshot", &[], "{\"name\": \"a\"}").await;
    assert!(refused.status == 400 && refused.body.contains("--data-dir"), "{refused:?}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_state_counts_what_every_service_holds() {
    let (emulator, _) = start().await;
    let fabric = emulator.fabric();
    call(&fabric, "s3", "CreateBucket", json!({"Bucket": "bucket"})).await;
    call(&fabric, "ecs", "CreateCluster", json!({"clusterName": "c"})).await;
    call(&fabric, "ecr", "CreateRepository", json!({"repositoryName": "r"})).await;
    call(&fabric, "ec2", "CreateVpc", json!({"CidrBlock": "10.7.0.0/16"})).await;
    let template = "Resources: {Q: {Type: 'AWS::SQS::Queue'}}";
    call(&fabric, "cloudformation", "CreateStack", json!({"StackName": "s", "TemplateBody": template})).await;
    let table = json!({
        "TableName": "table", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    });
    call(&fabric, "dynamodb", "CreateTable", table).await;
    let services = send(&emulator, "GET", "/_vaultscope/state", &[], "").await.json()["services"].clone();
    for (service, what, count) in [
        ("s3", "buckets", 1),
        ("ecs", "clusters", 1),
        ("ecr", "repositories", 1),
        // The default one is there as well.
        ("ec2", "VPCs", 2),
        ("cloudformation", "stacks", 1),
        ("dynamodb", "tables", 1),
        ("states", "state machines", 0),
        ("lambda", "functions", 0),
        ("storagegateway", "gateways", 0),
    ] {
        assert_eq!(services[service][what], count, "{what}");
    }
    for (service, counts) in services.as_object().expect("services") {
        assert!(service == "sts" || counts.as_object().is_some_and(|counts| !counts.is_empty()), "{service}: {counts}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_brings_back_what_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulator = open(folder.path(), Clock::default()).await;
    let bytes = |text: &str| json!({"Bucket": "bucket", "Key": "k", "Body": text});
    let own = async |method: &str, path: &str, body: &str| -> Answer {
        let answer = send(&emulator, method, &format!("/_vaultscope/{path}"), &[], body).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer
    };
    call(&emulator.fabric(), "sqs", "CreateQueue", json!({"QueueName": "before"})).await;
    call(&emulator.fabric(), "s3", "CreateBucket", json!({"Bucket": "bucket"})).await;
    call(&emulator.fabric(), "s3", "PutObject", bytes("b25l")).await;
    let taken = own("POST", "snapshot", "{\"name\": \"first\"}").await.json();
    assert_eq!(taken["name"], "first");
    call(&emulator.fabric(), "sqs", "CreateQueue", json!({"QueueName": "after"})).await;
    call(&emulator.fabric(), "s3", "PutObject", bytes("dHdv")).await;
    assert_eq!(state(&emulator, "sqs").await["queues"], 2);
    own("POST", "reset", "").await;
    assert_eq!(state(&emulator, "sqs").await["queues"], 0);
    assert_eq!(own("GET", "snapshot", "").await.json()["snapshots"][0]["name"], "first");
    own("POST", "restore", "{\"name\": \"first\"}").await;
    let queues = call(&emulator.fabric(), "sqs", "ListQueues", json!({})).await;
    assert!(queues["QueueUrls"].to_string().contains("before") && !queues["QueueUrls"].to_string().contains("after"));
    let object = call(&emulator.fabric(), "s3", "GetObject", json!({"Bucket": "bucket", "Key": "k"})).await;
    assert_eq!(object["Body"], "b25l", "{object}");
    let missing = send(&emulator, "POST", "/_vaultscope/restore", &[], "{\"name\": \"second\"}").await;
    assert_eq!(missing.status, 404, "{missing:?}");
    own("DELETE", "snapshot/first", "").await;
    assert_eq!(own("GET", "snapshot", "").await.json()["snapshots"], json!([]));
    emulator.shutdown().await;
}
