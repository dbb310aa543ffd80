//! Schedules on the endpoint's clock, and rules of EventBridge that have one. There is no Scheduler client here, so that
//! calls go through the fabric.

use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use serde_json::{Value, json};
use vaultscope::clock::Clock;
use vaultscope::emulator::{Emulator, EmulatorConfig, ServiceError};
use vaultscope::model::Timestamp;

use crate::support::start_with;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// An endpoint whose time stands at midnight and moves only when it is stepped.
async fn paused() -> (Emulator, Sqs, aws_config::SdkConfig) {
    let clock = Clock::starting_at(Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("a moment"));
    clock.pause();
    let (emulator, config) = start_with(EmulatorConfig { clock, ..EmulatorConfig::default() }).await;
    (emulator, Sqs::new(&config), config)
}

async fn queue(sqs: &Sqs, name: &str) -> (String, String) {
    let url = sqs.create_queue().queue_name(name).send().await.expect("created").queue_url.expect("a url");
    (url, format!("arn:aws:sqs:us-east-1:000000000000:{name}"))
}

async fn call(emulator: &Emulator, operation: &str, input: Value) -> Result<Value, ServiceError> {
    emulator.fabric().call("test", "scheduler", operation, input).await
}

fn schedule(name: &str, expression: &str, target: Value) -> Value {
    json!({
        "Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target,
    })
}

/// Reads until a message is there: time that stands still cannot end a long poll.
async fn next(sqs: &Sqs, url: &str) -> aws_sdk_sqs::types::Message {
    let read = async {
        loop {
            let answer = sqs.receive_message().queue_url(url).message_attribute_names("All").send().await;
            let answer = answer.expect("an answer");
            if let Some(message) = answer.messages().first() {
                let receipt = message.receipt_handle().expect("a receipt");
                sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.expect("deleted");
                return message.clone();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), read).await.expect("a message arrives")
}

async fn is_empty(sqs: &Sqs, url: &str) -> bool {
    sqs.receive_message().queue_url(url).send().await.expect("an answer").messages().is_empty()
}

#[tokio::test]
async fn a_schedule_follows_the_clock_and_makes_up_for_nothing() {
    let (emulator, sqs, _) = paused().await;
    let (url, arn) = queue(&sqs, "q").await;
    let target = json!({"Arn": arn, "RoleArn": ROLE, "Input": "<aws.scheduler.scheduled-time>"});
    let mut input = schedule("s", "cron(0 9 ? * MON-FRI *)", target);
    input["ScheduleExpressionTimezone"] = "Europe/Berlin".into();
    call(&emulator, "CreateSchedule", input).await.expect("created");
    emulator.clock().step(Duration::from_secs(7 * 3_600 + 3_599));
    assert!(is_empty(&sqs, &url).await);
    emulator.clock().step(Duration::from_secs(1));
    assert_eq!(next(&sqs, &url).await.body(), Some("2026-03-02T08:00:00Z"));
    // Three days and an hour at once: one invocation for the first moment of them, the next one on Friday.
    emulator.clock().step(Duration::from_secs(3 * 86_400 + 3_600));
    assert_eq!(next(&sqs, &url).await.body(), Some("2026-03-03T08:00:00Z"));
    emulator.clock().step(Duration::from_secs(86_400));
    assert_eq!(next(&sqs, &url).await.body(), Some("2026-03-06T08:00:00Z"));
    assert!(is_empty(&sqs, &url).await);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_schedule_that_is_done_is_deleted_where_it_says_so() {
    let (emulator, sqs, _) = paused().await;
    let (url, arn) = queue(&sqs, "q").await;
    let target = json!({"Arn": arn, "RoleArn": ROLE});
    for (name, action) in [("once", "DELETE"), ("kept", "NONE")] {
        let mut input = schedule(name, "at(2026-03-02T01:00:00)", target.clone());
        input["ActionAfterCompletion"] = action.into();
        call(&emulator, "CreateSchedule", input).await.expect("created");
    }
    let mut input = schedule("off", "rate(1 minute)", target);
    input["State"] = "DISABLED".into();
    call(&emulator, "CreateSchedule", input).await.expect("created");
    emulator.clock().step(Duration::from_secs(3_600));
    let event: Value = serde_json::from_str(next(&sqs, &url).await.body().expect("a body")).expect("JSON");
    assert_eq!((&event["source"], &event["time"]), (&json!("aws.scheduler"), &json!("2026-03-02T01:00:00Z")));
    next(&sqs, &url).await;
    tokio::time::timeout(Duration::from_secs(30), async {
        while call(&emulator, "GetSchedule", json!({"Name": "once"})).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the schedule is deleted");
    call(&emulator, "GetSchedule", json!({"Name": "kept"})).await.expect("it is there");
    assert!(is_empty(&sqs, &url).await);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_universal_target_calls_an_operation_and_failures_are_dead_letters() {
    let (emulator, sqs, _) = paused().await;
    let ((url, _), (dead, dead_arn)) = (queue(&sqs, "q").await, queue(&sqs, "dead").await);
    let target = json!({
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ROLE,
        "Input": json!({"QueueUrl": url, "MessageBody": "<aws.scheduler.attempt-number>"}).to_string(),
    });
    call(&emulator, "CreateSchedule", schedule("u", "rate(1 day)", target)).await.expect("created");
    assert_eq!(next(&sqs, &url).await.body(), Some("1"));
    let gone = json!({
        "Arn": "arn:aws:lambda:us-east-1:000000000000:function:gone", "RoleArn": ROLE, "Input": "{}",
        "DeadLetterConfig": {"Arn": dead_arn},
    });
    call(&emulator, "CreateSchedule", schedule("g", "rate(1 day)", gone)).await.expect("created");
    let letter = next(&sqs, &dead).await;
    let attributes = letter.message_attributes().expect("attributes");
    let text = |name: &str| attributes[name].string_value().unwrap_or_default().to_owned();
    assert_eq!((letter.body(), text("ERROR_CODE").as_str()), (Some("{}"), "ResourceNotFoundException"));
    assert_eq!(text("SCHEDULE_ARN"), "arn:aws:scheduler:us-east-1:000000000000:schedule/default/g");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_rule_with_a_schedule_sends_its_targets_an_event() {
    let (emulator, sqs, config) = paused().await;
    let (url, arn) = queue(&sqs, "q").await;
    let events = aws_sdk_eventbridge::Client::new(&config);
    events.put_rule().name("r").schedule_expression("rate(1 hour)").send().await.expect("a rule");
    let target = aws_sdk_eventbridge::types::Target::builder().id("1").arn(arn).build().expect("a target");
    events.put_targets().rule("r").targets(target).send().await.expect("targets");
    events.put_rule().name("bad").schedule_expression("at(2026-01-01T00:00:00)").send().await.expect_err("no rule");
    emulator.clock().step(Duration::from_secs(3_600));
    let event: Value = serde_json::from_str(next(&sqs, &url).await.body().expect("a body")).expect("JSON");
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.events"), &json!("Scheduled Event")));
    assert_eq!(event["resources"], json!(["arn:aws:events:us-east-1:000000000000:rule/r"]));
    let told = events.describe_rule().name("r").send().await.expect("described");
    assert_eq!((told.schedule_expression(), told.event_pattern()), (Some("rate(1 hour)"), None));
    assert!(is_empty(&sqs, &url).await);
    emulator.shutdown().await;
}
