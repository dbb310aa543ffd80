//! AWS Lambda over its REST API, with real processes: the functions of this project, and one of the tests' own, which
//! is this very test executable started as a bootstrap.

use std::io::Write;

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_sts::error::ProvideErrorMetadata;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use vaultscope::emulator::Emulator;

use crate::support::{Answer, send, start, wait_for};

const ROLE: &str = "arn:aws:iam::000000000000:role/function";
const FUNCTIONS: &str = "/2015-03-31/functions";

/// A package whose bootstrap is a script, in base64.
fn package(script: &str) -> String {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).expect("an entry");
    zip.write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).expect("its content");
    STANDARD.encode(zip.finish().expect("an archive").into_inner())
}

/// The project's functions.
fn project() -> String {
    package(&format!("exec {}", env!("CARGO_BIN_EXE_bootstrap")))
}

/// The tests' own function.
pub fn actor() -> String {
    let this = std::env::current_exe().expect("a path");
    package(&format!("exec {} lambda::acts_as_a_function_when_started_as_one --exact --nocapture", this.display()))
}

pub async fn create(emulator: &Emulator, name: &str, zip: &str, more: Value) -> Answer {
    let mut input = json!({
        "FunctionName": name, "Runtime": "provided.al2023", "Handler": "actor", "Role": ROLE, "Timeout": 20,
        "Code": {"ZipFile": zip},
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        input[member] = value.clone();
    }
    send(emulator, "POST", FUNCTIONS, &[], &input.to_string()).await
}

pub async fn invoke(emulator: &Emulator, name: &str, headers: &[(&str, &str)], payload: &Value) -> Answer {
    send(emulator, "POST", &format!("{FUNCTIONS}/{name}/invocations"), headers, &payload.to_string()).await
}

/// Serves the tests' own function when Lambda's environment is there; in a plain test run it is not, and this only
/// makes sure of it.
#[test]
fn acts_as_a_function_when_started_as_one() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        assert!(std::env::var_os("LAMBDA_TASK_ROOT").is_none());
        return;
    }
    if std::env::var("ACT").is_ok_and(|act| act == "exit-at-once") {
        std::process::exit(3);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let served = runtime.block_on(lambda_runtime::run(service_fn(act)));
    // The Runtime API has gone: so does the process.
    std::process::exit(i32::from(served.is_err()));
}

async fn act(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    if event.payload["RequestType"].is_string() {
        return crate::custom_resources::provide(event.payload).await;
    }
    let what = event.payload["act"].as_str().unwrap_or_default().to_owned();
    match what.as_str() {
        "echo" => Ok(event.payload),
        "environment" => Ok(json!({
            "own": std::env::var("OWN").ok(), "region": std::env::var("AWS_REGION").ok(),
            "endpoint": std::env::var("AWS_ENDPOINT_URL").ok(), "handler": std::env::var("_HANDLER").ok(),
            "secret": std::env::var("CARGO_MANIFEST_DIR").ok(), "arn": event.context.invoked_function_arn,
            "process": std::process::id(),
        })),
        "say" => {
            for n in 0..event.payload["lines"].as_u64().unwrap_or(1) {
                writeln!(std::io::stdout(), "line {n} of {}", event.context.request_id)?;
            }
            Ok(Value::Null)
        }
        // A call through the SDK, as functions make them: the account, or the code of the refusal.
        "call" => {
            let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
            let sts = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
            Ok(match sts {
                Ok(identity) => json!(identity.account()),
                Err(error) => json!(error.code()),
            })
        }
        "fail" => Err("as it was told".into()),
        "kill" => {
            // Without an answer, as a crash is.
            let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
            std::future::pending().await
        }
        "hang" => std::future::pending().await,
        "large" => Ok(Value::from("x".repeat(7 * 1024 * 1024))),
        // A batch: the messages whose body says so fail; one says that the process dies.
        _ => {
            let records = event.payload["Records"].as_array().cloned().unwrap_or_default();
            if records
                .iter()
                .any(|record| record["body"] == "die-once" && record["attributes"]["ApproximateReceiveCount"] == "1")
            {
                std::process::exit(1);
            }
            let failed = records.iter().filter(|record| record["body"] == "fail");
            let failed: Vec<Value> = failed.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
            Ok(json!({ "batchItemFailures": failed }))
        }
    }
}

#[tokio::test]
async fn a_function_is_made_shown_changed_and_deleted() {
    let (emulator, _) = start().await;
    let created = create(&emulator, "f", &project(), json!({"Handler": "reconcileIterator", "Tags": {"a": "b"}})).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!((&created.json()["State"], &created.json()["MemorySize"]), (&json!("Active"), &json!(128)));
    let again = create(&emulator, "f", &project(), Value::Null).await;
    assert_eq!((again.status, again.headers["x-amzn-errortype"].as_str()), (409, "ResourceConflictException"));
    let answer = invoke(&emulator, "f", &[], &json!({"count": 3, "ticker": 3})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"count": 3, "ticker": 4, "continue": false})));
    let path = format!("{FUNCTIONS}/f");
    let changed = send(&emulator, "PUT", &format!("{path}/configuration"), &[], r#"{"Timeout":7}"#).await;
    assert_eq!((changed.status, &changed.json()["Timeout"]), (200, &json!(7)));
    let code = json!({ "ZipFile": actor() }).to_string();
    let changed = send(&emulator, "PUT", &format!("{path}/code"), &[], &code).await;
    assert_ne!(changed.json()["CodeSha256"], created.json()["CodeSha256"]);
    let echo = json!({"act": "echo"});
    assert_eq!(invoke(&emulator, "f", &[], &echo).await.json(), echo, "the new code runs");
    let shown = send(&emulator, "GET", &path, &[], "").await.json();
    assert_eq!((&shown["Configuration"]["Timeout"], &shown["Tags"]), (&json!(7), &json!({"a": "b"})));
    assert_eq!(send(&emulator, "GET", FUNCTIONS, &[], "").await.json()["Functions"][0]["FunctionName"], "f");
    assert_eq!(send(&emulator, "DELETE", &path, &[], "").await.status, 204);
    let gone = send(&emulator, "GET", &path, &[], "").await;
    assert_eq!((gone.status, gone.headers["x-amzn-errortype"].as_str()), (404, "ResourceNotFoundException"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_not_supported_is_refused_by_name() {
    let (emulator, _) = start().await;
    for (more, named) in [
        (json!({"Runtime": "java21"}), "the runtime java21: use python3.x, nodejs….x"),
        (json!({"Layers": ["arn:aws:lambda:us-east-1:0:layer:l:1"]}), "Layers"),
        (json!({"PackageType": "Image"}), "Image"),
        (json!({"Timeout": 901}), "timeout"),
        (json!({"Environment": {"Variables": {"AWS_REGION": "x"}}}), "AWS_REGION"),
        (json!({"Code": {"ZipFile": "bm8gemlw"}}), "unzip"),
        (json!({"Code": {"S3Bucket": "none", "S3Key": "none"}}), "GetObject"),
    ] {
        let refused = create(&emulator, "f", &project(), more).await;
        let kind = refused.headers["x-amzn-errortype"].as_str();
        assert_eq!((refused.status, kind), (400, "InvalidParameterValueException"), "{named}: {refused:?}");
        assert!(refused.body.contains(named), "{named}: {}", refused.body);
    }
    let lacking = send(&emulator, "POST", &format!("{FUNCTIONS}/f/versions"), &[], "{}").await;
    assert_eq!(lacking.status, 501);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_function_sees_the_environment_of_aws_and_its_process_is_used_again() {
    let (emulator, _) = start().await;
    create(&emulator, "f", &actor(), json!({"Environment": {"Variables": {"OWN": "a b"}}})).await;
    let first = invoke(&emulator, "f", &[], &json!({"act": "environment"})).await.json();
    let second = invoke(&emulator, "f", &[], &json!({"act": "environment"})).await.json();
    assert_eq!(first, second, "one process carries out both");
    assert_eq!((&first["own"], &first["region"]), (&json!("a b"), &json!("us-east-1")));
    assert_eq!((&first["endpoint"], &first["handler"]), (&json!(emulator.url()), &json!("actor")));
    assert_eq!(first["arn"], "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_eq!(first["secret"], Value::Null, "nothing of the endpoint's own environment");
    let process = format!("/proc/{}", first["process"]);
    assert!(std::path::Path::new(&process).exists());
    emulator.shutdown().await;
    wait_for("the process to end", async || {
        let state = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn failures_of_a_function_have_the_words_of_aws_and_the_next_invocation_works() {
    let (emulator, _) = start().await;
    create(&emulator, "f", &actor(), json!({"Timeout": 1})).await;
    for (act, kind, message) in [
        ("fail", "", "as it was told"),
        ("kill", "Runtime.ExitError", "Error: Runtime exited with error: signal: killed"),
        ("hang", "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds"),
        ("large", "Function.ResponseSizeTooLarge", "exceeded maximum allowed payload size"),
    ] {
        let failed = invoke(&emulator, "f", &[], &json!({ "act": act })).await;
        assert_eq!(
            failed.headers.get("x-amz-function-error").map(String::as_str),
            Some("Unhandled"),
            "{act}: {failed:?}"
        );
        let document = failed.json();
        assert!(document["errorMessage"].as_str().is_some_and(|text| text.contains(message)), "{act}: {document}");
        assert!(kind.is_empty() || document["errorType"] == kind, "{act}: {document}");
        let echo = json!({"act": "echo"});
        assert_eq!(invoke(&emulator, "f", &[], &echo).await.json(), echo, "after {act}");
    }
    create(&emulator, "g", &actor(), json!({"Environment": {"Variables": {"ACT": "exit-at-once"}}})).await;
    let failed = invoke(&emulator, "g", &[], &json!({})).await;
    assert!(failed.body.contains("Runtime exited with error: exit status 3"), "{}", failed.body);
    create(&emulator, "h", &package("sleep 0; kill -TERM $$"), Value::Null).await;
    let failed = invoke(&emulator, "h", &[], &json!({})).await;
    assert!(failed.body.contains("signal: terminated"), "{}", failed.body);
    emulator.shutdown().await;
}

#[tokio::test]
async fn payloads_are_checked_before_anything_runs() {
    let (emulator, _) = start().await;
    create(&emulator, "f", &actor(), Value::Null).await;
    let path = format!("{FUNCTIONS}/f/invocations");
    let bad = send(&emulator, "POST", &path, &[], "{").await;
    assert_eq!((bad.status, bad.headers["x-amzn-errortype"].as_str()), (400, "InvalidRequestContentException"));
    let large = Value::from("x".repeat(1_048_576));
    let event = [("x-amz-invocation-type", "Event")];
    assert_eq!(invoke(&emulator, "f", &event, &large).await.status, 413);
    assert_eq!(invoke(&emulator, "f", &[("x-amz-invocation-type", "DryRun")], &json!({})).await.status, 204);
    let echo = json!({"act": "echo", "text": "x".repeat(5 * 1024 * 1024)});
    assert_eq!(invoke(&emulator, "f", &[], &echo).await.json(), echo);
    emulator.shutdown().await;
}

#[tokio::test]
async fn reserved_concurrency_throttles() {
    let (emulator, _) = start().await;
    create(&emulator, "f", &actor(), Value::Null).await;
    let path = "/2017-10-31/functions/f/concurrency";
    let put = send(&emulator, "PUT", path, &[], r#"{"ReservedConcurrentExecutions":0}"#).await;
    assert_eq!(put.json(), json!({"ReservedConcurrentExecutions": 0}));
    let refused = invoke(&emulator, "f", &[], &json!({})).await;
    assert_eq!((refused.status, refused.headers["x-amzn-errortype"].as_str()), (429, "TooManyRequestsException"));
    assert_eq!(send(&emulator, "DELETE", path, &[], "").await.status, 204);
    assert_eq!(invoke(&emulator, "f", &[], &json!({"act": "echo"})).await.status, 200);
    emulator.shutdown().await;
}

#[tokio::test]
async fn lines_reach_the_log_group_in_order_and_the_tail_shows_them() {
    let (emulator, config) = start().await;
    create(&emulator, "f", &actor(), Value::Null).await;
    let said = invoke(&emulator, "f", &[("x-amz-log-type", "Tail")], &json!({"act": "say", "lines": 3})).await;
    let tail = STANDARD.decode(&said.headers["x-amz-log-result"]).expect("base64");
    let tail = String::from_utf8(tail).expect("UTF-8");
    let kinds: Vec<&str> = tail.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(kinds, ["START", "line", "line", "line", "END", "REPORT"], "{tail}");
    let more = invoke(&emulator, "f", &[], &json!({"act": "say", "lines": 20_000})).await;
    assert_eq!(more.status, 200);
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    let lines = wait_for("all lines to be in the log group", async || {
        let mut lines = Vec::new();
        let mut pages = logs.filter_log_events().log_group_name("/aws/lambda/f").into_paginator().send();
        while let Some(page) = pages.next().await {
            lines.extend(page.ok()?.events.unwrap_or_default().into_iter().filter_map(|event| event.message));
        }
        (lines.iter().filter(|line| line.starts_with("REPORT")).count() == 2).then_some(lines)
    })
    .await;
    let numbers: Vec<usize> = lines
        .iter()
        .skip_while(|line| !line.starts_with("REPORT"))
        .filter_map(|line| line.strip_prefix("line ")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_event_is_tried_three_times_and_then_handed_to_its_destination() {
    let (emulator, config) = start().await;
    emulator.clock().set_rate(10_000.0).expect("a rate in range");
    let sqs = aws_sdk_sqs::Client::new(&config);
    let failures = queue(&sqs, "failures", "30").await;
    let letters = queue(&sqs, "letters", "30").await;
    create(&emulator, "f", &actor(), json!({"DeadLetterConfig": {"TargetArn": arn("letters")}})).await;
    let path = "/2019-09-25/functions/f/event-invoke-config";
    let settings = json!({"DestinationConfig": {"OnFailure": {"Destination": arn("failures")}}}).to_string();
    assert_eq!(send(&emulator, "PUT", path, &[], &settings).await.status, 200);
    let accepted = invoke(&emulator, "f", &[("x-amz-invocation-type", "Event")], &json!({"act": "fail"})).await;
    assert_eq!((accepted.status, accepted.body.as_str()), (202, ""));
    let record: Value = serde_json::from_str(&message(&sqs, &failures).await).expect("a record of JSON");
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(
        (&record["requestPayload"], &record["responsePayload"]["errorMessage"]),
        (&json!({"act": "fail"}), &json!("as it was told"))
    );
    assert_eq!(message(&sqs, &letters).await, r#"{"act":"fail"}"#);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_rule_invokes_only_with_a_permission() {
    let (emulator, config) = start().await;
    create(&emulator, "f", &actor(), Value::Null).await;
    let events = aws_sdk_eventbridge::Client::new(&config);
    let rule = events.put_rule().name("r").event_pattern(r#"{"source":["test"]}"#).send().await.expect("a rule");
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let target = Target::builder().id("t").arn(function).input(r#"{"act":"say"}"#).build().expect("a target");
    events.put_targets().rule("r").targets(target).send().await.expect("a target");
    let put = async || {
        let entry = PutEventsRequestEntry::builder().source("test").detail_type("t").detail("{}").build();
        events.put_events().entries(entry).send().await.expect("an event");
    };
    put().await;
    let outcomes = async |denied: bool| {
        let (hops, _) = emulator.fabric().hops(usize::MAX);
        hops.into_iter().find(|hop| hop.to == function && hop.error.is_some() == denied)
    };
    let denied = wait_for("the delivery to be refused", async || outcomes(true).await).await;
    assert!(denied.error.is_some_and(|error| error.contains("not authorized")));
    let statement = json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com",
                           "SourceArn": rule.rule_arn()});
    let added = send(&emulator, "POST", &format!("{FUNCTIONS}/f/policy"), &[], &statement.to_string()).await;
    assert_eq!(added.status, 201, "{added:?}");
    put().await;
    wait_for("the delivery to arrive", async || outcomes(false).await).await;
    assert_eq!(send(&emulator, "DELETE", &format!("{FUNCTIONS}/f/policy/s"), &[], "").await.status, 204);
    assert_eq!(send(&emulator, "GET", &format!("{FUNCTIONS}/f/policy"), &[], "").await.status, 404);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_mapping_leaves_only_what_failed_in_the_queue() {
    let (emulator, config) = start().await;
    emulator.clock().set_rate(100.0).expect("a rate in range");
    create(&emulator, "f", &actor(), Value::Null).await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let letters = queue(&sqs, "letters", "30").await;
    let url = queue(&sqs, "q", "30").await;
    let redrive = json!({"deadLetterTargetArn": arn("letters"), "maxReceiveCount": 2}).to_string();
    sqs.set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::RedrivePolicy, redrive)
        .send()
        .await
        .expect("attributes");
    let input = json!({"FunctionName": "f", "EventSourceArn": arn("q"), "BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]});
    let mapping = send(&emulator, "POST", "/2015-03-31/event-source-mappings", &[], &input.to_string()).await;
    assert_eq!((mapping.status, &mapping.json()["State"]), (202, &json!("Creating")), "{mapping:?}");
    for body in ["a", "fail", "b", "die-once", "c"] {
        sqs.send_message().queue_url(&url).message_body(body).send().await.expect("a message");
    }
    assert_eq!(message(&sqs, &letters).await, "fail");
    wait_for("the queue to be empty", async || {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer =
            sqs.get_queue_attributes().queue_url(&url).set_attribute_names(Some(names.to_vec())).send().await.ok()?;
        answer.attributes()?.values().all(|count| count == "0").then_some(())
    })
    .await;
    let path = format!("/2015-03-31/event-source-mappings/{}", mapping.json()["UUID"].as_str().expect("an id"));
    assert_eq!(send(&emulator, "GET", &path, &[], "").await.json()["State"], "Enabled");
    let disabled = send(&emulator, "PUT", &path, &[], r#"{"Enabled":false}"#).await;
    assert_eq!(disabled.status, 202);
    assert_eq!(send(&emulator, "GET", &path, &[], "").await.json()["State"], "Disabled");
    assert_eq!(send(&emulator, "DELETE", &path, &[], "").await.json()["State"], "Deleting");
    assert_eq!(send(&emulator, "GET", &path, &[], "").await.status, 404);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_mapping_is_refused_where_aws_refuses_it() {
    let (emulator, config) = start().await;
    create(&emulator, "f", &actor(), json!({"Timeout": 60})).await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    queue(&sqs, "q", "30").await;
    let (q, s3) = (arn("q"), "arn:aws:kinesis:us-east-1:000000000000:stream/s");
    for (input, named) in [
        (
            json!({"EventSourceArn": q}),
            "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
        ),
        (json!({"EventSourceArn": q, "BatchSize": 11}), "Maximum batch window"),
        (json!({"EventSourceArn": q, "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}), "FilterCriteria"),
        (json!({"EventSourceArn": s3}), "kinesis"),
        (json!({"EventSourceArn": arn("none")}), "SQS Error Code"),
    ] {
        let mut input = input;
        input["FunctionName"] = json!("f");
        let refused = send(&emulator, "POST", "/2015-03-31/event-source-mappings", &[], &input.to_string()).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.body.contains(named), "{named}: {}", refused.body);
    }
    emulator.shutdown().await;
}

pub fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

pub async fn queue(sqs: &aws_sdk_sqs::Client, name: &str, visibility: &str) -> String {
    let made = sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, visibility);
    made.send().await.expect("a queue").queue_url.expect("its url")
}

/// The body of the next message, deleted.
pub async fn message(sqs: &aws_sdk_sqs::Client, url: &str) -> String {
    wait_for("a message", async || {
        let received = sqs.receive_message().queue_url(url).wait_time_seconds(1).send().await.ok()?;
        let message = received.messages?.pop()?;
        sqs.delete_message().queue_url(url).receipt_handle(message.receipt_handle?).send().await.ok()?;
        message.body
    })
    .await
}
