//! Faults over `/_vaultscope/faults`, seen as users see them: through the SDK, in queues and in logs.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};
use vaultscope::clock::real_now;
use vaultscope::emulator::Emulator;

use crate::lambda;
use crate::support::{send, start, wait_for};

const FAULTS: &str = "/_vaultscope/faults";

async fn add(emulator: &Emulator, fault: Value) -> Value {
    let added = send(emulator, "POST", FAULTS, &[], &fault.to_string()).await;
    assert_eq!(added.status, 200, "{added:?}");
    added.json()
}

async fn list(emulator: &Emulator) -> Vec<Value> {
    let listed = send(emulator, "GET", FAULTS, &[], "").await.json();
    listed["faults"].as_array().expect("a list").clone()
}

/// A configuration whose clients try `attempts` times, without long pauses.
fn trying(config: &SdkConfig, attempts: u32) -> SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(Duration::from_millis(1));
    config.to_builder().retry_config(retries).build()
}

/// One throttled call and one internal failure: the error's code, and that the SDK tries again by itself and succeeds.
async fn refused_as<O, E>(
    endpoint: &(Emulator, SdkConfig),
    (service, operation): (&str, &str),
    (throttle, failure): (&str, &str),
    call: impl AsyncFn(&SdkConfig) -> Result<O, SdkError<E>>,
) where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (emulator, config) = endpoint;
    for (kind, code) in [("throttle", throttle), ("error", failure)] {
        add(emulator, json!({"kind": kind, "service": service, "operation": operation, "count": 2})).await;
        let refused = call(&trying(config, 1)).await.err().unwrap_or_else(|| panic!("{service} was not refused"));
        let answered = refused.as_service_error().and_then(ProvideErrorMetadata::code);
        assert_eq!(answered, Some(code), "{service} {kind}");
        let outcome = call(&trying(config, 2)).await.map(|_| ());
        assert!(outcome.is_ok(), "{service} {kind}: {outcome:?}");
        assert_eq!(list(emulator).await.last().expect("a fault")["remaining"], 0, "{service} {kind}: the SDK retried");
    }
}

#[tokio::test]
async fn the_sdk_knows_every_services_throttling_and_failure_and_tries_again() {
    let endpoint = start().await;
    let (_, config) = &endpoint;
    aws_sdk_cloudwatchlogs::Client::new(config).create_log_group().log_group_name("g").send().await.expect("created");
    let codes = ("ThrottlingException", "ServiceUnavailableException");
    refused_as(&endpoint, ("logs", "FilterLogEvents"), codes, async |config| {
        aws_sdk_cloudwatchlogs::Client::new(config).filter_log_events().log_group_name("g").send().await
    })
    .await;
    let codes = ("ThrottlingException", "InternalException");
    refused_as(&endpoint, ("events", "ListEventBuses"), codes, async |config| {
        aws_sdk_eventbridge::Client::new(config).list_event_buses().send().await
    })
    .await;
    refused_as(&endpoint, ("sqs", "ListQueues"), ("RequestThrottled", "InternalError"), async |config| {
        aws_sdk_sqs::Client::new(config).list_queues().send().await
    })
    .await;
    refused_as(&endpoint, ("dynamodb", "ListTables"), ("ThrottlingException", "InternalServerError"), async |config| {
        aws_sdk_dynamodb::Client::new(config).list_tables().send().await
    })
    .await;
    refused_as(
        &endpoint,
        ("states", "ListStateMachines"),
        ("ThrottlingException", "InternalFailure"),
        async |config| aws_sdk_sfn::Client::new(config).list_state_machines().send().await,
    )
    .await;
    refused_as(&endpoint, ("cloudformation", "ListStacks"), ("Throttling", "InternalFailure"), async |config| {
        aws_sdk_cloudformation::Client::new(config).list_stacks().send().await
    })
    .await;
    refused_as(&endpoint, ("sts", "GetCallerIdentity"), ("Throttling", "InternalFailure"), async |config| {
        aws_sdk_sts::Client::new(config).get_caller_identity().send().await
    })
    .await;
    refused_as(&endpoint, ("s3", "ListBuckets"), ("SlowDown", "InternalError"), async |config| {
        s3(config).list_buckets().send().await
    })
    .await;
    let (emulator, _) = endpoint;
    emulator.shutdown().await;
}

fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(true).build())
}

#[tokio::test]
async fn a_throttled_table_has_an_error_of_its_own_and_lambda_another() {
    let (emulator, config) = start().await;
    add(&emulator, json!({"kind": "throttle", "service": "*"})).await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&trying(&config, 1));
    let refused = dynamodb.query().table_name("t").send().await.expect_err("throttled").into_service_error();
    assert!(refused.is_provisioned_throughput_exceeded_exception(), "{refused:?}");
    let refused = send(&emulator, "GET", "/2015-03-31/functions", &[], "").await;
    assert_eq!((refused.status, refused.headers["x-amzn-errortype"].as_str()), (429, "TooManyRequestsException"));
    assert_eq!(refused.json()["Reason"], "CallerRateLimitExceeded");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_large_upload_that_is_refused_is_answered_and_not_cut_off() {
    let (emulator, config) = start().await;
    let client = s3(&trying(&config, 1));
    client.create_bucket().bucket("bucket").send().await.expect("a bucket");
    add(&emulator, json!({"kind": "throttle", "service": "s3", "operation": "PutObject", "count": 1})).await;
    let put = || client.put_object().bucket("bucket").key("k").body(vec![7; 8 * 1024 * 1024].into()).send();
    let refused = put().await.expect_err("throttled");
    assert_eq!(refused.as_service_error().and_then(ProvideErrorMetadata::code), Some("SlowDown"), "{refused:?}");
    put().await.expect("the count has run out");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_delayed_call_is_late_and_holds_up_no_other() {
    let (emulator, config) = start().await;
    emulator.clock().pause();
    let added = add(&emulator, json!({"kind": "delay", "service": "sts", "delay_ms": 60_000})).await;
    let (sts, sqs) = (aws_sdk_sts::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    tokio::select! {
        biased;
        late = sts.get_caller_identity().send() => panic!("not late: {late:?}"),
        listed = sqs.list_queues().send() => assert!(listed.is_ok()),
    }
    let removed = send(&emulator, "DELETE", &format!("{FAULTS}/{}", added["id"]), &[], "").await;
    assert_eq!((removed.status, removed.json()), (200, json!({"removed": 1})));
    add(&emulator, json!({"kind": "delay", "service": "sts", "operation": "GetCallerIdentity", "delay_ms": 120})).await;
    let began = real_now();
    sts.get_caller_identity().send().await.expect("an answer, in real time although the clock stands still");
    assert!(began.elapsed() >= Duration::from_millis(120));
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_no_fault_is_refused_in_one_sentence() {
    let (emulator, _) = start().await;
    for (body, code, words) in [
        (r#"{"kind":"#, "SerializationException", "the fault cannot be read"),
        (r#"{"kind":"boom"}"#, "SerializationException", "unknown variant `boom`, expected one of `throttle`"),
        (r#"{"kind":"error","delay":5}"#, "SerializationException", "unknown field `delay`"),
        (r#"{"kind":"error","rate":2}"#, "ValidationException", "rate 2 is out of range: give the share"),
        (r#"{"kind":"error","service":"kinesis"}"#, "ValidationException", "use one of cloudformation, dynamodb, ec2"),
        (r#"{"kind":"error","service":"sqs","operation":"Send"}"#, "ValidationException", "operation \"Send\" is none"),
        (r#"{"kind":"error","operation":"NoSuchThing"}"#, "ValidationException", "operation \"NoSuchThing\" is none"),
    ] {
        let refused = send(&emulator, "POST", FAULTS, &[], body).await;
        assert_eq!((refused.status, refused.json()["__type"].as_str()), (400, Some(code)), "{body}: {refused:?}");
        let message = refused.json()["message"].as_str().expect("a sentence").to_owned();
        assert!(message.contains(words), "{body}: {message}");
    }
    for operation in ["StartLiveTail", "ListObjectVersions", "SendMessage", "ListFunctions", "ValidateTemplate"] {
        add(&emulator, json!({"kind": "error", "operation": operation, "rate": 0})).await;
    }
    for path in ["99", "x", ""] {
        let gone = send(&emulator, "DELETE", &format!("{FAULTS}/{path}"), &[], "").await;
        assert_eq!(gone.status, 404, "{gone:?}");
    }
    assert_eq!(send(&emulator, "DELETE", FAULTS, &[], "").await.json(), json!({"removed": 5}));
    assert!(list(&emulator).await.is_empty());
    emulator.shutdown().await;
}

fn entry(n: usize) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder().source("s").detail_type("t").detail(json!({ "n": n }).to_string()).build()
}

#[tokio::test]
async fn a_duplicated_delivery_is_in_the_queue_twice_with_one_event_id() {
    let (emulator, config) = start().await;
    let (events, sqs) = (aws_sdk_eventbridge::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let url = lambda::queue(&sqs, "q", "30").await;
    events.put_rule().name("r").event_pattern(r#"{"source":["s"]}"#).send().await.expect("a rule");
    let target = Target::builder().id("1").arn(lambda::arn("q")).build().expect("a target");
    events.put_targets().rule("r").targets(target).send().await.expect("targets");
    add(&emulator, json!({"kind": "duplicate", "service": "sqs", "target": "*:other"})).await;
    add(&emulator, json!({"kind": "duplicate", "service": "sqs", "target": "*:q", "count": 1})).await;
    events.put_events().entries(entry(1)).entries(entry(2)).send().await.expect("put");
    let mut ids = Vec::new();
    while ids.len() < 3 {
        let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(20).send();
        for message in received.await.expect("an answer").messages.expect("messages before the wait is over") {
            let event: Value = serde_json::from_str(message.body().expect("a body")).expect("an event");
            ids.push(event["id"].as_str().expect("an id").to_owned());
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2);
    assert_eq!(emulator.fabric().hops(10).0.iter().filter(|hop| hop.error.is_none()).count(), 3);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_dropped_delivery_reaches_the_log_group_later() {
    let (emulator, config) = start().await;
    emulator.clock().pause();
    let (events, logs) = (aws_sdk_eventbridge::Client::new(&config), aws_sdk_cloudwatchlogs::Client::new(&config));
    logs.create_log_group().log_group_name("g").send().await.expect("a group");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*",
    }]});
    let allow = logs.put_resource_policy().policy_name("p").policy_document(policy.to_string());
    allow.send().await.expect("a policy");
    events.put_rule().name("r").event_pattern(r#"{"source":["s"]}"#).send().await.expect("a rule");
    let group = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    let target = Target::builder().id("1").arn(group).build().expect("a target");
    events.put_targets().rule("r").targets(target).send().await.expect("targets");
    add(&emulator, json!({"kind": "drop", "service": "logs"})).await;
    events.put_events().entries(entry(1)).send().await.expect("put");
    let lost = wait_for("the loss", async || emulator.fabric().hops(1).0.pop()).await;
    assert!(lost.error.is_some_and(|error| error.contains("lost by fault 1")));
    let messages =
        async || logs.filter_log_events().log_group_name("g").send().await.expect("a page").events.unwrap_or_default();
    assert!(messages().await.is_empty());
    emulator.clock().step(Duration::from_secs(2));
    let arrived =
        wait_for("the second attempt", async || Some(messages().await).filter(|found| !found.is_empty())).await;
    assert_eq!(arrived.len(), 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_failing_function_gets_its_messages_again() {
    let (emulator, config) = start().await;
    emulator.clock().set_rate(100.0).expect("a rate in range");
    let (sqs, logs) = (aws_sdk_sqs::Client::new(&config), aws_sdk_cloudwatchlogs::Client::new(&config));
    lambda::create(&emulator, "f", &lambda::actor(), Value::Null).await;
    lambda::create(&emulator, "g", &lambda::actor(), Value::Null).await;
    let url = lambda::queue(&sqs, "q", "30").await;
    add(&emulator, json!({"kind": "fail", "function": "f", "count": 2})).await;
    let echo = json!({"act": "echo"});
    assert_eq!(lambda::invoke(&emulator, "g", &[], &echo).await.json(), echo, "the other function works");
    let failed = lambda::invoke(&emulator, "f", &[], &echo).await;
    assert_eq!(failed.headers["x-amz-function-error"], "Unhandled");
    assert_eq!(failed.json()["errorType"], "InjectedFault");

    sqs.send_message().queue_url(&url).message_body("m").send().await.expect("sent");
    let input = json!({"FunctionName": "f", "EventSourceArn": lambda::arn("q")}).to_string();
    let mapping = send(&emulator, "POST", "/2015-03-31/event-source-mappings", &[], &input).await;
    assert_eq!(mapping.status, 202, "{mapping:?}");
    let told = async |what: &str| {
        let found = logs.filter_log_events().log_group_name("/aws/lambda/f").filter_pattern(what).send().await.ok()?;
        Some(found.events.unwrap_or_default().len())
    };
    // Once by hand, once for the batch, and once more for the batch that has come back.
    wait_for("every invocation's report", async || (told("REPORT").await? >= 3).then_some(())).await;
    assert_eq!(told("InjectedFault").await, Some(2));
    wait_for("the queue to be empty", async || {
        let all = [aws_sdk_sqs::types::QueueAttributeName::All].to_vec();
        let found = sqs.get_queue_attributes().queue_url(&url).set_attribute_names(Some(all)).send().await.ok()?;
        let count =
            |name: &str| found.attributes()?.iter().find(|(key, _)| key.as_str() == name).map(|(_, n)| n.clone());
        let empty = |name: &str| count(name).is_some_and(|count| count == "0");
        (empty("ApproximateNumberOfMessages") && empty("ApproximateNumberOfMessagesNotVisible")).then_some(())
    })
    .await;
    assert!(list(&emulator).await.iter().all(|fault| fault["remaining"] == 0));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_batch_may_be_lost_until_its_visibility_timeout_ends_and_then_come_twice() {
    let (emulator, config) = start().await;
    emulator.clock().set_rate(100.0).expect("a rate in range");
    let (sqs, logs) = (aws_sdk_sqs::Client::new(&config), aws_sdk_cloudwatchlogs::Client::new(&config));
    lambda::create(&emulator, "f", &lambda::actor(), Value::Null).await;
    let url = lambda::queue(&sqs, "q", "30").await;
    add(&emulator, json!({"kind": "drop", "service": "lambda"})).await;
    add(&emulator, json!({"kind": "duplicate", "service": "lambda", "target": "*:f"})).await;
    let sent = emulator.clock().now();
    sqs.send_message().queue_url(&url).message_body("m").send().await.expect("sent");
    let input = json!({"FunctionName": "f", "EventSourceArn": lambda::arn("q")}).to_string();
    send(&emulator, "POST", "/2015-03-31/event-source-mappings", &[], &input).await;
    let started = wait_for("two invocations", async || {
        let found =
            logs.filter_log_events().log_group_name("/aws/lambda/f").filter_pattern("START").send().await.ok()?;
        let times: Vec<i64> = found.events?.iter().filter_map(FilteredLogEvent::timestamp).collect();
        (times.len() == 2).then_some(times)
    })
    .await;
    let visible = (sent + Duration::from_secs(30)).millis();
    assert!(started.iter().all(|moment| *moment >= visible), "{started:?} before {visible}");
    assert!(list(&emulator).await.iter().all(|fault| fault["struck"] == 1));
    emulator.shutdown().await;
}

#[tokio::test]
async fn calls_of_functions_and_of_clients_are_told_apart() {
    let (emulator, config) = start().await;
    lambda::create(&emulator, "f", &lambda::actor(), Value::Null).await;
    let sts = aws_sdk_sts::Client::new(&trying(&config, 1));
    let call = json!({"act": "call"});
    for (callers, by_client, by_function) in
        [("functions", None, "Throttling"), ("clients", Some("Throttling"), "000000000000")]
    {
        add(&emulator, json!({"kind": "throttle", "service": "sts", "callers": callers})).await;
        let refused = sts.get_caller_identity().send().await.err();
        assert_eq!(refused.as_ref().and_then(ProvideErrorMetadata::code), by_client, "{callers}");
        assert_eq!(lambda::invoke(&emulator, "f", &[], &call).await.json(), by_function, "{callers}");
        send(&emulator, "DELETE", FAULTS, &[], "").await;
    }
    emulator.shutdown().await;
}
