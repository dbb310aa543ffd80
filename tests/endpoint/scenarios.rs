//! What an endpoint sees of a scenario: with the same seed the same notifications in the same order, those of the plan.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vaultscope::emulator::Emulator;
use vaultscope::model::RouteTaken;
use vaultscope::sim::scenario::Scenario;
use vaultscope::sim::{
    Action, Control, GatewayPort, JobEnd, Load, Notification, ObjectPut, Plan, PortError, REAL_SOURCE, Runner, Share,
    run,
};

use super::support::start;

/// The endpoint as the gateway sees it.
struct Port {
    emulator: Arc<Emulator>,
    s3: aws_sdk_s3::Client,
    share: Share,
}

impl GatewayPort for Port {
    async fn put_object(&self, put: ObjectPut) -> Result<(), PortError> {
        let body = ByteStream::from(put.content.whole());
        let sent = self.s3.put_object().bucket(&self.share.bucket).key(put.key).body(body).send().await;
        sent.map(|_| ()).map_err(|error| PortError { message: format!("{error:?}"), retryable: false })
    }

    async fn notify(&self, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
        let entries: Vec<Value> = batch.iter().map(|sent| sent.put_events_entry(&self.share, REAL_SOURCE)).collect();
        let answer = self.emulator.put_gateway_events(json!({ "Entries": entries })).await.expect("taken");
        assert_eq!(answer["FailedEntryCount"], 0);
        Ok(Vec::new())
    }

    fn route(&self) -> Option<RouteTaken> {
        None
    }
}

/// Key and size of every notification in the order in which a queue of the endpoint has them.
async fn seen(load: &Load) -> Vec<(String, u64)> {
    let (emulator, config) = start().await;
    let emulator = Arc::new(emulator);
    emulator.clock().set_rate(2_000.0).expect("a rate in range");
    let (s3, sqs) = (aws_sdk_s3::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let events = aws_sdk_eventbridge::Client::new(&config);
    s3.create_bucket().bucket("share").send().await.expect("a bucket");
    let url = sqs.create_queue().queue_name("q").send().await.expect("a queue").queue_url.expect("its url");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-east-1:000000000000:q",
    }]});
    let name = aws_sdk_sqs::types::QueueAttributeName::Policy;
    sqs.set_queue_attributes().queue_url(&url).attributes(name, policy.to_string()).send().await.expect("a policy");
    let pattern = json!({"source": [REAL_SOURCE]}).to_string();
    events.put_rule().name("r").event_pattern(pattern).send().await.expect("a rule");
    let target = aws_sdk_eventbridge::types::Target::builder().id("q").arn("arn:aws:sqs:us-east-1:000000000000:q");
    events.put_targets().rule("r").targets(target.build().expect("a target")).send().await.expect("a target");

    let (told, mut steps) = mpsc::channel(64);
    tokio::spawn(async move { while steps.recv().await.is_some() {} });
    let runner = Runner {
        clock: emulator.clock().clone(),
        events: told,
        cancel: CancellationToken::new(),
        control: Control::default(),
    };
    let share = Share::of("share", "us-east-1", "000000000000");
    let port = Arc::new(Port { emulator: Arc::clone(&emulator), s3, share });
    let outcome = run(runner, load, port).await.expect("a load that can be done");
    assert_eq!(outcome.end, JobEnd::Finished);
    let notifications = planned(load).len();
    let mut seen = Vec::new();
    while seen.len() < notifications {
        let answer = sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(20);
        let answer = answer.visibility_timeout(43_200).send().await.expect("an answer");
        for message in answer.messages() {
            let event: Value = serde_json::from_str(message.body().expect("a body")).expect("an event");
            let detail = &event["detail"];
            let key = detail["object-key"].as_str().expect("a key").to_owned();
            seen.push((key, detail["object-size"].as_u64().expect("a size")));
        }
    }
    emulator.fabric().shutdown().await;
    seen
}

/// The same as the plan has it.
fn planned(load: &Load) -> Vec<(String, u64)> {
    let sets = load.datasets().expect("a load that can be done");
    let plan = Plan::of(load, &sets);
    let notified = plan.steps.iter().filter_map(|step| match step.action {
        Action::Notify(file) => Some(&sets[file.set].entries[file.entry]),
        _ => None,
    });
    notified.map(|entry| (entry.key.to_string(), entry.content.size())).collect()
}

async fn is_repeated(name: &str) {
    let load = Scenario::named(name).expect("a scenario").load;
    let first = seen(&load).await;
    assert_eq!(first, planned(&load), "{name}");
    assert_eq!(first, seen(&load).await, "{name} again");
    let other = Load {
        jobs: load.jobs.iter().map(|job| vaultscope::sim::JobSpec { seed: job.seed + 500, ..job.clone() }).collect(),
        ..load
    };
    assert_ne!(planned(&other), first, "{name} with another seed");
}

#[tokio::test]
async fn a_scenario_with_duplicates_is_seen_the_same_twice() {
    is_repeated("duplicates").await;
}

#[tokio::test]
async fn a_gateway_that_goes_offline_is_seen_the_same_twice() {
    is_repeated("gateway-offline").await;
}

#[tokio::test]
async fn many_clients_are_seen_the_same_twice() {
    is_repeated("many-clients").await;
}

#[tokio::test]
async fn names_of_every_kind_are_seen_the_same_twice() {
    is_repeated("names").await;
}
