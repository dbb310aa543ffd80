//! Log groups through the SDK.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, RejectedLogEventsInfo};

use crate::support::start;

#[tokio::test]
async fn events_are_read_back_in_pages_and_by_pattern() {
    let (emulator, config) = start().await;
    let logs = Client::new(&config);
    logs.create_log_group().log_group_name("g").send().await.expect("created");
    logs.create_log_stream().log_group_name("g").log_stream_name("s").send().await.expect("created");
    let now = emulator.clock().now().millis();
    let events: Vec<InputLogEvent> = (0..25)
        .map(|n| {
            let message = format!("{{\"n\":{n},\"kind\":\"{}\"}}", if n % 5 == 0 { "five" } else { "other" });
            InputLogEvent::builder().timestamp(now + n).message(message).build().expect("an event")
        })
        .collect();
    let put =
        |events| logs.put_log_events().log_group_name("g").log_stream_name("s").set_log_events(Some(events)).send();
    put(events.clone()).await.expect("put");
    let mut backwards = events;
    backwards.reverse();
    assert!(put(backwards).await.expect_err("not in order").into_service_error().is_invalid_parameter_exception());

    let (mut pages, mut seen, mut token) = (0, Vec::new(), None);
    loop {
        let page =
            logs.filter_log_events().log_group_name("g").limit(10).set_next_token(token).send().await.expect("a page");
        seen.extend(page.events().iter().filter_map(|event| event.event_id().map(str::to_owned)));
        pages += 1;
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (3, 25));
    assert!(seen.is_sorted());

    let fives = logs
        .filter_log_events()
        .log_group_name("g")
        .filter_pattern("{ $.kind = \"five\" && $.n > 0 }")
        .start_time(now + 5)
        .end_time(now + 15)
        .send()
        .await
        .expect("a page");
    let numbers: Vec<i64> = fives
        .events()
        .iter()
        .filter_map(aws_sdk_cloudwatchlogs::types::FilteredLogEvent::timestamp)
        .map(|at| at - now)
        .collect();
    assert_eq!(numbers, [5, 10, 15]);

    let get = |token| {
        logs.get_log_events()
            .log_group_name("g")
            .log_stream_name("s")
            .start_from_head(true)
            .limit(20)
            .set_next_token(token)
            .send()
    };
    let first = get(None).await.expect("a page");
    let second = get(first.next_forward_token).await.expect("a page");
    assert_eq!((first.events.map(|events| events.len()), second.events().len()), (Some(20), 5));
    let end = get(second.next_forward_token.clone()).await.expect("a page");
    assert_eq!((end.events().len(), end.next_forward_token), (0, second.next_forward_token));
    emulator.shutdown().await;
}

#[tokio::test]
async fn events_that_are_too_old_or_too_new_are_rejected_by_index() {
    let (emulator, config) = start().await;
    let logs = Client::new(&config);
    logs.create_log_group().log_group_name("g").send().await.expect("created");
    logs.create_log_stream().log_group_name("g").log_stream_name("s").send().await.expect("created");
    let now = emulator.clock().now().millis();
    let event = |at| InputLogEvent::builder().timestamp(at).message("m").build().expect("an event");
    let put =
        |events| logs.put_log_events().log_group_name("g").log_stream_name("s").set_log_events(Some(events)).send();
    let answer = put(vec![event(now), event(now + 3 * 3_600_000)]).await.expect("put");
    assert_eq!(
        answer.rejected_log_events_info().and_then(RejectedLogEventsInfo::too_new_log_event_start_index),
        Some(1)
    );
    let answer = put(vec![event(now - 15 * 86_400_000)]).await.expect("put");
    assert_eq!(answer.rejected_log_events_info().and_then(RejectedLogEventsInfo::too_old_log_event_end_index), Some(1));
    emulator.shutdown().await;
}
