//! CloudWatch Logs through the SDK: events in and out by pages and tokens, policies, retention, and deliveries.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::types::{FilteredLogEvent, InputLogEvent, OrderBy};
use serde_json::Value;
use vaultscope::clock::Clock;
use vaultscope::emulator::{Delivery, DeliveryError, Emulator, EmulatorConfig};
use vaultscope::model::Timestamp;

use crate::support::{start, start_with};

/// 2026-11-21T00:00:00Z in milliseconds.
const NOW: i64 = 1_795_219_200_000;
const GROUP: &str = "EventProcessingStack-dataFileUpload";
const RULE: &str = "arn:aws:events:us-east-1:000000000000:rule/bus/dataFileUploadRule";

/// An endpoint whose clock stands at [`NOW`].
async fn start_paused() -> (Emulator, Client) {
    let clock = Clock::starting_at(Timestamp::from_millis(NOW));
    clock.pause();
    let (emulator, config) = start_with(EmulatorConfig { clock, ..EmulatorConfig::default() }).await;
    (emulator, Client::new(&config))
}

async fn create(client: &Client, group: &str, streams: &[&str]) {
    client.create_log_group().log_group_name(group).send().await.expect("a new group");
    for stream in streams {
        client.create_log_stream().log_group_name(group).log_stream_name(*stream).send().await.expect("a new stream");
    }
}

fn event(timestamp: i64, message: impl Into<String>) -> InputLogEvent {
    InputLogEvent::builder().timestamp(timestamp).message(message).build().expect("a whole event")
}

async fn put(client: &Client, stream: &str, events: Vec<InputLogEvent>) {
    let answer = client
        .put_log_events()
        .log_group_name(GROUP)
        .log_stream_name(stream)
        .set_log_events(Some(events))
        .sequence_token("49")
        .send()
        .await
        .expect("the events are taken");
    assert!(answer.rejected_log_events_info().is_none());
    assert!(answer.next_sequence_token().is_some());
}

fn code<T, E: ProvideErrorMetadata>(outcome: Result<T, E>) -> String {
    outcome.err().and_then(|error| error.code().map(str::to_owned)).expect("an error with a code")
}

async fn deliver(emulator: &Emulator, target: &str, rule: &str, payload: &str) -> Result<(), DeliveryError> {
    let delivery = Delivery {
        target: target.parse().expect("an arn"),
        payload: payload.into(),
        principal: "events.amazonaws.com",
        source_arn: rule.into(),
        subject: Arc::from("event-1"),
        parameters: Value::Null,
        retries: 0,
    };
    emulator.fabric().deliver(delivery).await
}

fn group_arn(group: &str) -> String {
    format!("arn:aws:logs:us-east-1:000000000000:log-group:{group}")
}

fn policy(resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
        "Principal": {{"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "{resource}"{condition}}}]}}"#
    )
}

async fn allow(client: &Client, document: String) {
    let put = client.put_resource_policy().policy_name("events").policy_document(document);
    put.send().await.expect("a valid policy");
}

#[tokio::test]
async fn events_are_filtered_over_streams_in_order_and_by_pages() {
    let (emulator, client) = start_paused().await;
    create(&client, GROUP, &["a", "b"]).await;
    put(&client, "a", (0..30).map(|at| event(NOW + 2 * at, format!("{{\"n\": {}}}", 2 * at))).collect()).await;
    put(&client, "b", (0..30).map(|at| event(NOW + 2 * at + 1, format!("{{\"n\": {}}}", 2 * at + 1))).collect()).await;

    let pages = client.filter_log_events().log_group_name(GROUP).filter_pattern("{ $.n >= 5 }").limit(7);
    let mut pages = pages.into_paginator().send();
    let (mut messages, mut ids) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let events = page.expect("a page").events.expect("events");
        assert!(events.len() <= 7);
        for event in events {
            assert_eq!(event.ingestion_time(), Some(NOW));
            messages.push(event.message.expect("a message"));
            ids.push(event.event_id.expect("an id"));
        }
    }
    assert_eq!(messages, (5..60).map(|n| format!("{{\"n\": {n}}}")).collect::<Vec<_>>());
    assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 56 && id.bytes().all(|byte| byte.is_ascii_digit())));

    let newest = client.filter_log_events().log_group_name(GROUP).start_time(NOW + 57).end_time(NOW + 58);
    let newest = newest.send().await.expect("a page");
    let times: Vec<_> = newest.events().iter().filter_map(FilteredLogEvent::timestamp).collect();
    assert_eq!((times, newest.next_token()), (vec![NOW + 57, NOW + 58], None));

    let group_identifier = client.filter_log_events().log_group_identifier(group_arn(GROUP));
    let of_b = group_identifier.log_stream_names("b").send().await.expect("a page");
    assert_eq!(of_b.events().len(), 30);
    assert!(of_b.events().iter().all(|event| event.log_stream_name() == Some("b")));
    let by_prefix = client.filter_log_events().log_group_name(GROUP).log_stream_name_prefix("a").send().await;
    assert_eq!(by_prefix.expect("a page").events().len(), 30);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_stream_is_read_in_both_directions_and_its_ends_repeat_the_token() {
    let (emulator, client) = start_paused().await;
    create(&client, GROUP, &["s"]).await;
    put(&client, "s", (0..5).map(|at| event(NOW + at, format!("m{at}"))).collect()).await;
    let get = async |token: Option<String>, head: bool| {
        let request = client.get_log_events().log_group_name(GROUP).log_stream_name("s").limit(2);
        let answer = request.set_next_token(token).start_from_head(head).send().await.expect("a page");
        let messages: Vec<String> =
            answer.events().iter().filter_map(|event| event.message().map(str::to_owned)).collect();
        let token = |token: Option<&str>| token.map(str::to_owned).expect("a token");
        (messages, token(answer.next_forward_token()), token(answer.next_backward_token()))
    };

    let (messages, mut forward, _) = get(None, true).await;
    assert_eq!(messages, ["m0", "m1"]);
    let mut seen = messages;
    let backward = loop {
        let (messages, next, back) = get(Some(forward.clone()), true).await;
        seen.extend(messages);
        if next == forward {
            break back;
        }
        forward = next;
    };
    assert_eq!(seen, ["m0", "m1", "m2", "m3", "m4"]);
    put(&client, "s", vec![event(NOW + 9, "m9")]).await;
    assert_eq!(get(Some(forward), true).await.0, ["m9"]);

    let (messages, _, before) = get(Some(backward), false).await;
    assert_eq!(messages, ["m3", "m4"]);
    let (messages, _, before) = get(Some(before), false).await;
    assert_eq!(messages, ["m1", "m2"]);
    let (messages, _, before) = get(Some(before), false).await;
    assert_eq!(messages, ["m0"]);
    let (messages, forward, end) = get(Some(before.clone()), false).await;
    assert_eq!((messages, &end), (vec![], &before));
    assert_eq!(get(Some(forward), true).await.0, ["m0", "m1"]);
    assert_eq!(get(None, false).await.0, ["m4", "m9"]);

    let bogus = client.get_log_events().log_group_name(GROUP).log_stream_name("s").next_token("f/1/s").send().await;
    assert_eq!(code(bogus), "InvalidParameterException");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_batch_is_taken_but_for_events_too_old_or_too_new() {
    let (emulator, client) = start_paused().await;
    create(&client, GROUP, &["s"]).await;
    let request = || client.put_log_events().log_group_name(GROUP).log_stream_name("s");
    let day = 86_400_000;
    let old = request().log_events(event(NOW - 14 * day - 1, "old")).log_events(event(NOW - 14 * day, "kept"));
    let rejected = old.send().await.expect("taken").rejected_log_events_info.expect("one is rejected");
    assert_eq!((rejected.too_old_log_event_end_index(), rejected.too_new_log_event_start_index()), (Some(1), None));
    let new = request().log_events(event(NOW, "now")).log_events(event(NOW + 7_200_001, "new"));
    let rejected = new.send().await.expect("taken").rejected_log_events_info.expect("one is rejected");
    assert_eq!((rejected.too_old_log_event_end_index(), rejected.too_new_log_event_start_index()), (None, Some(1)));
    let kept = client.filter_log_events().log_group_name(GROUP).send().await.expect("a page");
    let kept: Vec<_> = kept.events().iter().filter_map(|event| event.message()).collect();
    assert_eq!(kept, ["kept", "now"]);

    let unordered = request().log_events(event(NOW, "b")).log_events(event(NOW - 1, "a")).send().await;
    assert_eq!(code(unordered), "InvalidParameterException");
    let large = request().log_events(event(NOW, "m".repeat(600_000))).log_events(event(NOW, "m".repeat(600_000)));
    let refused = large.send().await.expect_err("too large");
    assert_eq!(refused.message(), Some("Upload too large: 1200052 bytes exceeds limit of 1048576"));
    let absent = client.put_log_events().log_group_name(GROUP).log_stream_name("absent").log_events(event(NOW, "m"));
    let refused = absent.send().await.expect_err("no such stream");
    assert_eq!(refused.message(), Some("The specified log stream does not exist."));
    emulator.shutdown().await;
}

#[tokio::test]
async fn groups_and_streams_are_listed_by_pages() {
    let (emulator, config) = start().await;
    let client = Client::new(&config);
    for number in 0..60 {
        let name = format!("/stack/{}-{number:02}", if number % 2 == 0 { "even" } else { "odd" });
        client.create_log_group().log_group_name(name).send().await.expect("a new group");
    }
    let all = client.describe_log_groups().log_group_name_prefix("/stack/").into_paginator().items().send();
    let all: Vec<_> = all.try_collect().await.expect("all pages");
    assert_eq!(all.len(), 60);
    assert_eq!(all[0].arn(), Some("arn:aws:logs:us-east-1:000000000000:log-group:/stack/even-00:*"));
    assert_eq!(all[0].log_group_arn(), Some("arn:aws:logs:us-east-1:000000000000:log-group:/stack/even-00"));
    let odd = client.describe_log_groups().log_group_name_pattern("odd-1").send().await.expect("a page");
    assert_eq!(odd.log_groups().len(), 5);
    assert_eq!(
        code(client.create_log_group().log_group_name("/stack/odd-01").send().await),
        "ResourceAlreadyExistsException"
    );
    client.delete_log_group().log_group_name("/stack/odd-01").send().await.expect("deleted");
    let refused = client.delete_log_group().log_group_name("/stack/odd-01").send().await.expect_err("gone");
    assert_eq!(
        (refused.code(), refused.message()),
        (Some("ResourceNotFoundException"), Some("The specified log group does not exist."))
    );

    create(&client, GROUP, &["c", "a", "b"]).await;
    let now = emulator.clock().now().millis();
    put(&client, "b", vec![event(now - 5, "m"), event(now - 2, "m")]).await;
    put(&client, "a", vec![event(now - 3, "m")]).await;
    let names = async |order: OrderBy, descending: bool| {
        let request = client.describe_log_streams().log_group_name(GROUP).order_by(order).descending(descending);
        let streams = request.limit(1).into_paginator().items().send().try_collect().await.expect("all pages");
        streams.iter().filter_map(|stream| stream.log_stream_name().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(names(OrderBy::LogStreamName, false).await, ["a", "b", "c"]);
    assert_eq!(names(OrderBy::LastEventTime, true).await, ["b", "a", "c"]);
    let b = client.describe_log_streams().log_group_name(GROUP).log_stream_name_prefix("b").send().await;
    let b = b.expect("a page").log_streams.expect("streams").remove(0);
    assert_eq!((b.first_event_timestamp(), b.last_event_timestamp()), (Some(now - 5), Some(now - 2)));
    client.delete_log_stream().log_group_name(GROUP).log_stream_name("b").send().await.expect("deleted");
    let left = client.filter_log_events().log_group_name(GROUP).send().await.expect("a page");
    assert_eq!(left.events().len(), 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn retention_follows_the_clock_and_tags_are_kept() {
    let (emulator, client) = start_paused().await;
    create(&client, GROUP, &["s"]).await;
    put(&client, "s", vec![event(NOW, "first"), event(NOW + 3_600_000, "second")]).await;
    assert_eq!(
        code(client.put_retention_policy().log_group_name(GROUP).retention_in_days(2).send().await),
        "InvalidParameterException"
    );
    client.put_retention_policy().log_group_name(GROUP).retention_in_days(1).send().await.expect("a period of AWS");
    emulator.clock().step(Duration::from_secs(86_400 + 1));
    let kept = client.filter_log_events().log_group_name(GROUP).send().await.expect("a page");
    assert_eq!(kept.events().iter().filter_map(|event| event.message()).collect::<Vec<_>>(), ["second"]);
    let read = client.get_log_events().log_group_name(GROUP).log_stream_name("s").send().await.expect("a page");
    assert_eq!(read.events().len(), 1);
    let described = client.describe_log_groups().send().await.expect("a page").log_groups.expect("groups").remove(0);
    assert_eq!((described.retention_in_days(), described.stored_bytes()), (Some(1), Some(26 + 6)));
    client.delete_retention_policy().log_group_name(GROUP).send().await.expect("a group");
    let described = client.describe_log_groups().send().await.expect("a page").log_groups.expect("groups").remove(0);
    assert_eq!(described.retention_in_days(), None);

    let arn = group_arn(GROUP);
    client.tag_resource().resource_arn(&arn).tags("a", "1").tags("b", "2").send().await.expect("a group");
    client.untag_resource().resource_arn(&arn).tag_keys("a").send().await.expect("a group");
    let tags = client.list_tags_for_resource().resource_arn(format!("{arn}:*")).send().await.expect("a group");
    assert_eq!(tags.tags().map(|tags| (tags.len(), tags.get("b").cloned())), Some((1, Some("2".to_owned()))));
    emulator.shutdown().await;
}

#[tokio::test]
async fn deliveries_need_a_resource_policy_and_a_group() {
    let (emulator, client) = start_paused().await;
    create(&client, GROUP, &[]).await;
    let arn = group_arn(GROUP);
    let refused = deliver(&emulator, &arn, RULE, "{}").await.expect_err("no policy");
    assert_eq!((refused.code.as_str(), refused.retryable), ("AccessDenied", false));

    let source = format!(r#", "Condition": {{"ArnLike": {{"aws:SourceArn": "{RULE}"}}}}"#);
    allow(&client, policy(&format!("{arn}:*"), &source)).await;
    for (number, target) in [arn.clone(), format!("{arn}:*")].iter().enumerate() {
        deliver(&emulator, target, RULE, &format!("{{\"n\":{number}}}")).await.expect("the policy allows it");
    }
    let other = RULE.replace("dataFile", "otherFile");
    assert_eq!(deliver(&emulator, &arn, &other, "{}").await.expect_err("another rule").code, "AccessDenied");
    allow(&client, policy(&group_arn("EventProcessingStack-*:*"), "")).await;
    deliver(&emulator, &arn, &other, "other").await.expect("the new policy allows it");
    deliver(&emulator, &arn, RULE, "last").await.expect("the new policy allows it as well");

    let events = client.filter_log_events().log_group_name(GROUP).send().await.expect("a page").events.expect("events");
    let messages: Vec<_> = events.iter().filter_map(|event| event.message()).collect();
    assert_eq!(messages, ["{\"n\":0}", "{\"n\":1}", "other", "last"]);
    assert!(events.iter().all(|event| event.timestamp() == Some(NOW)));
    let streams: Vec<_> = events.iter().filter_map(|event| event.log_stream_name()).collect();
    assert!(streams[0] == streams[1] && streams[0] == streams[3] && streams[0] != streams[2] && streams[0].len() == 36);

    client.delete_log_stream().log_group_name(GROUP).log_stream_name(streams[0]).send().await.expect("deleted");
    deliver(&emulator, &arn, RULE, "again").await.expect("in a new stream");
    let left = client.filter_log_events().log_group_name(GROUP).send().await.expect("a page");
    assert_eq!(left.events().iter().filter_map(|event| event.message()).collect::<Vec<_>>(), ["other", "again"]);

    client.delete_resource_policy().policy_name("events").send().await.expect("deleted");
    assert_eq!(deliver(&emulator, &arn, RULE, "{}").await.expect_err("no policy").code, "AccessDenied");
    let absent = deliver(&emulator, &group_arn("absent"), RULE, "{}").await.expect_err("no such group");
    assert_eq!((absent.code.as_str(), absent.retryable), ("ResourceNotFoundException", false));
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_account_has_ten_policies() {
    let (emulator, client) = start_paused().await;
    for number in 0..10 {
        let put = client.put_resource_policy().policy_name(format!("p{number}")).policy_document(policy("*", ""));
        put.send().await.expect("a valid policy");
    }
    let eleventh = client.put_resource_policy().policy_name("p10").policy_document(policy("*", "")).send().await;
    assert_eq!(code(eleventh), "LimitExceededException");
    let changed = policy("arn:aws:logs:*", "");
    let again = client.put_resource_policy().policy_name("p3").policy_document(&changed).send().await;
    assert_eq!(again.expect("replaced").resource_policy().and_then(|policy| policy.policy_document()), Some(&*changed));
    let listed = client.describe_resource_policies().send().await.expect("a page");
    assert_eq!(listed.resource_policies().len(), 10);
    let broken = client.put_resource_policy().policy_name("p3").policy_document("{").send().await;
    assert_eq!(code(broken), "InvalidParameterException");
    assert_eq!(code(client.delete_resource_policy().policy_name("p99").send().await), "ResourceNotFoundException");
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_lacking_is_refused_by_name() {
    let (emulator, client) = start_paused().await;
    create(&client, GROUP, &[]).await;
    let filter = client.put_subscription_filter().log_group_name(GROUP).filter_name("f").filter_pattern("");
    assert_eq!(code(filter.destination_arn("arn:aws:lambda:us-east-1:0:function:f").send().await), "NotImplemented");
    let odd = client.filter_log_events().log_group_name(GROUP).filter_pattern("foo-bar").send().await;
    let refused = odd.expect_err("no filter pattern");
    assert_eq!(
        (refused.code(), refused.message()),
        (Some("InvalidParameterException"), Some("Invalid character(s) in term 'foo-bar'"))
    );
    emulator.shutdown().await;
}
