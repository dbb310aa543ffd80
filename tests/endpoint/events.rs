//! Buses, rules and deliveries through the SDK.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{DeadLetterConfig, PutEventsRequestEntry, RetryPolicy, Target};
use serde_json::{Value, json};

use crate::support::start;

fn entry(source: &str, detail: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder().source(source).detail_type("t").detail(detail).build()
}

async fn queue(sqs: &aws_sdk_sqs::Client, name: &str) -> (String, String) {
    let url = sqs.create_queue().queue_name(name).send().await.expect("created").queue_url.expect("a url");
    (url, format!("arn:aws:sqs:us-east-1:000000000000:{name}"))
}

async fn rule(events: &Client, target: Target) {
    events.put_rule().name("r").event_pattern(r#"{"detail-type":["t"]}"#).send().await.expect("a rule");
    let put = events.put_targets().rule("r").targets(target).send().await.expect("targets");
    assert_eq!(put.failed_entry_count(), 0);
}

fn target(arn: &str) -> aws_sdk_eventbridge::types::builders::TargetBuilder {
    Target::builder().id("1").arn(arn)
}

#[tokio::test]
async fn an_event_reaches_its_queue_in_the_envelope_of_aws() {
    let (emulator, config) = start().await;
    let (events, sqs) = (Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let (url, arn) = queue(&sqs, "q").await;
    rule(&events, target(&arn).build().expect("a target")).await;
    let put = events
        .put_events()
        .entries(entry("my.app", r#"{ "a" : 1.50 }"#))
        .entries(entry("my.app", "no json"))
        .entries(entry("aws.storagegateway", "{}"))
        .send()
        .await
        .expect("put");
    assert_eq!(put.failed_entry_count(), 2);
    let codes: Vec<Option<&str>> = put.entries().iter().map(|entry| entry.error_code()).collect();
    assert_eq!(codes, [None, Some("MalformedDetail"), Some("NotAuthorizedForSourceException")]);
    let received = sqs.receive_message().queue_url(&url).wait_time_seconds(20).send().await.expect("an answer");
    let body = received.messages()[0].body().expect("a body");
    assert!(body.ends_with(r#""resources":[],"detail":{"a":1.50}}"#), "{body}");
    let event: serde_json::Map<String, Value> = serde_json::from_str(body).expect("json");
    let names: Vec<&str> = event.keys().map(String::as_str).collect();
    let expected = ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];
    assert_eq!(names, expected);
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_gateway_alone_may_use_sources_of_aws() {
    let (emulator, config) = start().await;
    let (events, sqs) = (Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let (url, arn) = queue(&sqs, "q").await;
    rule(&events, target(&arn).build().expect("a target")).await;
    let input = json!({"Entries": [{"Source": "aws.storagegateway", "DetailType": "t", "Detail": "{}"}]});
    let answer = emulator.put_gateway_events(input).await.expect("put");
    assert_eq!(answer["FailedEntryCount"], 0);
    let received = sqs.receive_message().queue_url(&url).wait_time_seconds(20).send().await.expect("an answer");
    assert_eq!(received.messages().len(), 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_delivery_that_cannot_succeed_ends_in_the_dead_letter_queue() {
    let (emulator, config) = start().await;
    let (events, sqs) = (Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let (url, dead) = queue(&sqs, "dead").await;
    // A log group that is there, but without a resource policy that lets EventBridge write to it.
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    logs.create_log_group().log_group_name("g").send().await.expect("created");
    let group = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    let config = DeadLetterConfig::builder().arn(&dead).build();
    let retry = RetryPolicy::builder().maximum_retry_attempts(2).build();
    rule(&events, target(group).dead_letter_config(config).retry_policy(retry).build().expect("a target")).await;
    events.put_events().entries(entry("my.app", "{}")).send().await.expect("put");
    let received = sqs
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .message_attribute_names("All")
        .send()
        .await
        .expect("an answer");
    let attributes = received.messages()[0].message_attributes().expect("attributes");
    let text = |name: &str| attributes.get(name).and_then(|value| value.string_value()).unwrap_or_default();
    assert_eq!(text("ERROR_CODE"), "AccessDenied");
    assert_eq!(text("TARGET_ARN"), group);
    assert_eq!(text("RULE_ARN"), "arn:aws:events:us-east-1:000000000000:rule/r");

    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": format!("{group}:*"),
    }]});
    logs.put_resource_policy().policy_name("p").policy_document(policy.to_string()).send().await.expect("put");
    events.put_events().entries(entry("my.app", r#"{"x":1}"#)).send().await.expect("put");
    let found = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let page = logs.filter_log_events().log_group_name("g").send().await.expect("a page");
            if let Some(event) = page.events().first() {
                return event.message().unwrap_or_default().to_owned();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the event reaches the group");
    assert!(found.contains(r#""detail":{"x":1}"#));
    emulator.shutdown().await;
}

#[tokio::test]
async fn rules_and_targets_are_described_and_listed_by_pages() {
    let (emulator, config) = start().await;
    let client = Client::new(&config);
    client.create_event_bus().name("jobs").send().await.expect("a bus");
    for name in ["data-a", "data-b", "data-c", "manifest"] {
        let put = client.put_rule().name(name).event_bus_name("jobs").event_pattern(r#"{"source":["vault"]}"#);
        put.description("what it is for").send().await.expect("a rule");
    }
    let targets =
        (0..3).map(|n| target("arn:aws:sqs:us-east-1:000000000000:q").id(format!("t{n}")).build().expect("whole"));
    let put = client.put_targets().rule("data-a").event_bus_name("jobs").set_targets(Some(targets.collect()));
    assert_eq!(put.send().await.expect("targets").failed_entry_count(), 0);

    let rule = client.describe_rule().name("data-a").event_bus_name("jobs").send().await.expect("a rule");
    assert_eq!(rule.arn(), Some("arn:aws:events:us-east-1:000000000000:rule/jobs/data-a"));
    assert_eq!((rule.event_pattern(), rule.description()), (Some(r#"{"source":["vault"]}"#), Some("what it is for")));
    assert_eq!((rule.event_bus_name(), rule.state().map(|state| state.as_str())), (Some("jobs"), Some("ENABLED")));
    let absent =
        client.describe_rule().name("data-a").send().await.expect_err("of the default bus").into_service_error();
    assert!(absent.is_resource_not_found_exception(), "{absent:?}");

    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let request = client.list_rules().event_bus_name("jobs").name_prefix("data-").limit(2).set_next_token(token);
        let page = request.send().await.expect("a page");
        assert!(page.rules().len() <= 2);
        names.extend(page.rules().iter().filter_map(|rule| rule.name().map(str::to_owned)));
        token = page.next_token.clone();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["data-a", "data-b", "data-c"]);
    let (mut ids, mut token) = (Vec::new(), None);
    loop {
        let request =
            client.list_targets_by_rule().rule("data-a").event_bus_name("jobs").limit(2).set_next_token(token);
        let page = request.send().await.expect("a page");
        ids.extend(page.targets().iter().map(|target| target.id().to_owned()));
        token = page.next_token.clone();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(ids, ["t0", "t1", "t2"]);
    emulator.shutdown().await;
}
