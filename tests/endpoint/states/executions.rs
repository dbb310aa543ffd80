//! Executions: started, followed, listed, stopped, on a clock of their own.

use std::time::Duration;

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType};

use super::{PASS, RECONCILE, WAIT, create, ended, endpoint, history, run};

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
