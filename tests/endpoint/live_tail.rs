//! `StartLiveTail` through the SDK: the event stream, its filters, its refusals, and the end of a session.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::operation::start_live_tail::StartLiveTailOutput;
use aws_sdk_cloudwatchlogs::types::{
    InputLogEvent, LiveTailSessionMetadata, LiveTailSessionUpdate, StartLiveTailResponseStream,
};
use vaultscope::aws::WithoutHostPrefix;

use crate::support::{send, start, wait_for};

fn client(config: &SdkConfig) -> Client {
    let strip = config.endpoint_url().and_then(WithoutHostPrefix::of).expect("an endpoint");
    Client::from_conf(aws_sdk_cloudwatchlogs::config::Builder::from(config).interceptor(strip).build())
}

fn arn(group: &str) -> String {
    format!("arn:aws:logs:us-east-1:000000000000:log-group:{group}")
}

async fn create(client: &Client, group: &str, stream: &str) {
    client.create_log_group().log_group_name(group).send().await.expect("a new group");
    client.create_log_stream().log_group_name(group).log_stream_name(stream).send().await.expect("a new stream");
}

async fn put(client: &Client, group: &str, stream: &str, at: i64, messages: &[String]) {
    let event = |message: &String| InputLogEvent::builder().timestamp(at).message(message).build().expect("an event");
    let events = messages.iter().map(event).collect();
    let put = client.put_log_events().log_group_name(group).log_stream_name(stream).set_log_events(Some(events));
    put.send().await.expect("the events are taken");
}

async fn next(session: &mut StartLiveTailOutput) -> StartLiveTailResponseStream {
    session.response_stream.recv().await.expect("a whole frame").expect("the session goes on")
}

/// The next update that has results.
async fn update(session: &mut StartLiveTailOutput) -> LiveTailSessionUpdate {
    loop {
        match next(session).await {
            StartLiveTailResponseStream::SessionUpdate(update) if update.session_results().is_empty() => {}
            StartLiveTailResponseStream::SessionUpdate(update) => return update,
            other => panic!("no update: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_streams_what_arrives_in_its_groups() {
    let (emulator, config) = start().await;
    // A clock that stands still holds up no client.
    emulator.clock().pause();
    let now = emulator.clock().now().millis();
    let client = client(&config);
    create(&client, "a", "s").await;
    create(&client, "b", "s").await;
    create(&client, "c", "s").await;
    put(&client, "a", "s", now, &["before".to_owned()]).await;
    let tail = client.start_live_tail().log_group_identifiers(arn("a")).log_group_identifiers(arn("b"));
    let mut session = tail.log_event_filter_pattern("{ $.n > 1 }").send().await.expect("a session");
    let StartLiveTailResponseStream::SessionStart(start) = next(&mut session).await else { panic!("no start") };
    assert_eq!(start.log_group_identifiers(), [arn("a"), arn("b")]);
    assert_eq!(start.log_event_filter_pattern(), Some("{ $.n > 1 }"));
    assert!(start.session_id().is_some_and(|id| id.len() == 36) && start.request_id().is_some());
    let StartLiveTailResponseStream::SessionUpdate(empty) = next(&mut session).await else { panic!("no update") };
    assert!(empty.session_results().is_empty());

    for (group, n) in [("a", 1), ("b", 2), ("c", 3), ("a", 4)] {
        put(&client, group, "s", now - 5, &[format!("{{\"n\":{n}}}")]).await;
    }
    let mut told = Vec::new();
    while told.len() < 2 {
        let update = update(&mut session).await;
        assert!(!update.session_metadata().expect("metadata").sampled());
        for event in update.session_results() {
            assert_eq!((event.timestamp(), event.ingestion_time()), (Some(now - 5), Some(now)));
            assert_eq!(event.log_stream_name(), Some("s"));
            told.push((
                event.log_group_identifier().unwrap_or_default().to_owned(),
                event.message().unwrap_or_default().to_owned(),
            ));
        }
    }
    let expected = [("000000000000:b", "{\"n\":2}"), ("000000000000:a", "{\"n\":4}")];
    assert_eq!(told, expected.map(|(group, message)| (group.to_owned(), message.to_owned())));
    emulator.shutdown().await;
}

#[tokio::test]
async fn too_many_events_for_an_update_are_sampled_and_streams_selected() {
    let (emulator, config) = start().await;
    let now = emulator.clock().now().millis();
    let client = client(&config);
    create(&client, "a", "s1").await;
    client.create_log_stream().log_group_name("a").log_stream_name("t").send().await.expect("a stream");
    let by_prefix = client.start_live_tail().log_group_identifiers(arn("a")).log_stream_name_prefixes("s");
    let mut by_prefix = by_prefix.send().await.expect("a session");
    let by_name = client.start_live_tail().log_group_identifiers(arn("a")).log_stream_names("t");
    let mut by_name = by_name.send().await.expect("a session");
    for session in [&mut by_prefix, &mut by_name] {
        assert!(matches!(next(session).await, StartLiveTailResponseStream::SessionStart(_)));
    }
    let many: Vec<String> = (0..700).map(|n| n.to_string()).collect();
    put(&client, "a", "s1", now, &many).await;
    put(&client, "a", "t", now, &["one".to_owned()]).await;
    let sampled = update(&mut by_prefix).await;
    assert_eq!(
        (sampled.session_results().len(), sampled.session_metadata().map(LiveTailSessionMetadata::sampled)),
        (500, Some(true))
    );
    let whole = update(&mut by_name).await;
    assert_eq!(whole.session_results()[0].message(), Some("one"));
    assert_eq!(
        (whole.session_results().len(), whole.session_metadata().map(LiveTailSessionMetadata::sampled)),
        (1, Some(false))
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_session() {
    let (emulator, config) = start().await;
    let client = client(&config);
    create(&client, "a", "s").await;
    let open = async || client.start_live_tail().log_group_identifiers(arn("a")).send().await;
    let mut sessions = Vec::new();
    for _ in 0..15 {
        sessions.push(open().await.expect("one of fifteen"));
    }
    let refused = open().await.err().and_then(|error| error.code().map(str::to_owned));
    assert_eq!(refused.as_deref(), Some("LimitExceededException"));
    drop(sessions);
    wait_for("all places to be free again", async || {
        let mut again = Vec::new();
        for _ in 0..15 {
            again.push(open().await.ok()?);
        }
        Some(())
    })
    .await;
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_session_is_refused_with_the_errors_of_aws_before_it_begins() {
    let (emulator, config) = start().await;
    let client = client(&config);
    create(&client, "a", "s").await;
    let tail = |identifier: String| client.start_live_tail().log_group_identifiers(identifier);
    let absent = tail(arn("absent")).send().await.expect_err("refused").into_service_error();
    assert!(absent.is_resource_not_found_exception(), "{absent:?}");
    let name = tail("a".to_owned()).send().await.expect_err("refused").into_service_error();
    assert!(name.is_invalid_parameter_exception(), "{name:?}");
    let pattern =
        tail(arn("a")).log_event_filter_pattern("{ $.").send().await.expect_err("refused").into_service_error();
    assert!(pattern.is_invalid_parameter_exception(), "{pattern:?}");
    let fault = r#"{"kind":"throttle","service":"logs","operation":"StartLiveTail"}"#;
    assert_eq!(send(&emulator, "POST", "/_vaultscope/faults", &[], fault).await.status, 200);
    let throttled = tail(arn("a")).send().await.err().and_then(|error| error.code().map(str::to_owned));
    assert_eq!(throttled.as_deref(), Some("ThrottlingException"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_end_of_the_endpoint_ends_its_sessions() {
    let (emulator, config) = start().await;
    let client = client(&config);
    create(&client, "a", "s").await;
    let mut session = client.start_live_tail().log_group_identifiers(arn("a")).send().await.expect("a session");
    assert!(matches!(next(&mut session).await, StartLiveTailResponseStream::SessionStart(_)));
    emulator.shutdown().await;
    let ending = async { while let Ok(Some(_)) = session.response_stream.recv().await {} };
    tokio::time::timeout(Duration::from_secs(10), ending).await.expect("the stream ends");
}
