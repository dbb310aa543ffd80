//! The observer on the archiving stack: what a task that fails and is tried again looks like from outside, and what a
//! stack lacks that does not say where its archives are.

use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use vaultscope::deploy::{Resources, S3TAR};
use vaultscope::model::archiving::{Archiving, NotificationSeen, TaskStatus};
use vaultscope::model::{FlowEvent, LogRole, Seen, Source, SourceState, StackKind};
use vaultscope::observe::{CHANNEL_CAPACITY, Observer, Prefix, Watched};

use crate::s3tar_stack::{Lab, call};

const LIMIT: Duration = Duration::from_secs(60);

/// What is watched of the lab's stack; its schedule by the names that CloudFormation gives.
async fn watched(lab: &Lab) -> Watched {
    let resources = Resources::of_stack(&lab.clients, S3TAR.stack).await.expect("its resources");
    let name = |kind: &str, stem: &str| resources.name(kind, stem).map(str::to_owned);
    let group = |role, stem: &str| Some((role, name("AWS::Logs::LogGroup", stem)?));
    Watched {
        kind: StackKind::S3Tar,
        stack: Some(S3TAR.stack.to_owned()),
        machine: name("AWS::StepFunctions::StateMachine", "s3tar"),
        log_groups: [(LogRole::Task, "task"), (LogRole::ErrorHandler, "function")]
            .into_iter()
            .filter_map(|(role, stem)| group(role, stem))
            .collect(),
        schedule: name("AWS::Scheduler::Schedule", "s3tar")
            .map(|schedule| (name("AWS::Scheduler::ScheduleGroup", "s3tar"), schedule)),
        archives: Prefix::read("dest-bucket/s3tar"),
        inventories: Prefix::read("dest-bucket/source-bucket/s3tarinventory/"),
        ..Watched::default()
    }
}

/// Reads what is seen until something holds.
async fn until(events: &mut mpsc::Receiver<FlowEvent>, mut holds: impl FnMut(&FlowEvent) -> bool) {
    let found = async {
        while let Some(event) = events.recv().await {
            if holds(&event) {
                return;
            }
        }
        panic!("the observer ended");
    };
    tokio::time::timeout(LIMIT, found).await.expect("it is seen in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_try_of_a_task_is_seen_with_its_exit_code_and_then_what_is_told() {
    let lab = Box::pin(Lab::new(&[("repoName", "fails/s3tar")])).await;
    lab.emulator.clock().set_rate(20.0).expect("a rate");
    let (sink, mut events) = mpsc::channel(CHANNEL_CAPACITY);
    let observer = Observer::start(&lab.clients, &watched(&lab).await, lab.emulator.clock(), &sink);
    call(&lab.emulator, "states", "StartExecution", json!({"stateMachineArn": lab.machine, "input": "{}"})).await;
    let (mut archiving, mut all) = (Archiving::default(), Vec::new());
    until(&mut events, |event| {
        all.push(event.clone());
        archiving.see(event);
        let is_sent = archiving.notifications().next().is_some_and(|told| told.seen.is_sent == Some(true));
        is_sent && archiving.schedule.is_some()
    })
    .await;
    observer.stop().await;
    let told: Vec<&NotificationSeen> = archiving.notifications().map(|told| &told.seen).collect();
    let [told] = told[..] else { panic!("{told:?}") };
    assert_eq!(told.subject, "Task failed");
    assert!(told.topic.contains("s3tarNotificationTopic") && told.message.contains("RunTaskError"), "{told:?}");
    let runs: Vec<_> = archiving.runs_of(&told.execution).map(|run| (run.seen.status, run.seen.exit_code)).collect();
    assert_eq!(runs, [(TaskStatus::Failed, Some(2)); 4]);
    assert!(archiving.runs_of(&told.execution).all(|run| run.seen.arn.is_some()));
    assert_eq!(archiving.retries(&told.execution), 3);
    let schedule = archiving.schedule.as_ref().expect("the schedule");
    assert_eq!((schedule.expression.as_str(), schedule.timezone.as_str()), ("cron(0 0 ? * MON-SUN *)", "UTC"));
    assert_eq!((schedule.group.as_str(), schedule.is_enabled), ("s3tar-schedule-group", true));
    assert_eq!(schedule.target, lab.machine);
    let next = schedule.next_run(lab.emulator.clock().now()).expect("a next run");
    assert_eq!(next.secs() % 86_400, 0, "{next:?}");
    // Once more from the start, as whoever comes back tells it: nothing is news.
    let before = archiving.clone();
    for event in &all {
        archiving.see(event);
    }
    assert_eq!(archiving, before);
    lab.emulator.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_read_once_and_made_anew_again_and_what_is_none_is_said_to_be() {
    let (emulator, _) = crate::support::start().await;
    let target = vaultscope::aws::Target::endpoint(&emulator.url(), None).expect("an endpoint");
    let clients = vaultscope::aws::Clients::connect(target, vaultscope::aws::Access::Write, "").await;
    clients.s3.create_bucket().bucket("dest-bucket").send().await.expect("a bucket");
    let put = async |key: &str, body: Vec<u8>| {
        let request = clients.s3.put_object().bucket("dest-bucket").key(key).body(body.into());
        request.send().await.expect("an object");
    };
    let archive = |lines: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(lines.len() as u64);
        builder.append_data(&mut header, "toc.csv", lines.as_bytes()).expect("a member");
        builder.into_inner().expect("an archive")
    };
    put("s3tar/2026-11-20/a.tar", archive("x,2048,5,e\ny,3072,6,e\n")).await;
    put("s3tar/2026-11-20/no.tar", b"no archive".to_vec()).await;
    // Longer than what is read of it at first.
    let long: Vec<String> = (0..5_000).map(|n| format!("logs/2026/11/20/log_{n}.txt,{n},7,etag\n")).collect();
    let long = long.concat();
    put("s3tar/2026-11-21/long.tar", archive(&long)).await;
    let watched = Watched { kind: StackKind::S3Tar, archives: Prefix::read("dest-bucket/s3tar"), ..Watched::default() };
    let (sink, mut events) = mpsc::channel(CHANNEL_CAPACITY);
    let observer = Observer::start(&clients, &watched, emulator.clock(), &sink);
    let mut archiving = Archiving::default();
    let mut absent = None;
    let counts = |archiving: &Archiving| -> Vec<(String, Option<u64>, bool)> {
        let mut all: Vec<_> = archiving
            .archives()
            .iter()
            .map(|it| {
                let count = it.seen.contents.as_ref().map(|held| held.count);
                (it.seen.key.clone(), count, it.seen.unread.is_some())
            })
            .collect();
        all.sort();
        all
    };
    let known = |key: &str, count, is_unread| (format!("s3tar/{key}.tar"), count, is_unread);
    let wanted = vec![
        known("2026-11-20/a", Some(2), false),
        known("2026-11-20/no", None, true),
        known("2026-11-21/long", Some(5_000), false),
    ];
    until(&mut events, |event| {
        archiving.see(event);
        if let Seen::Source(report) = &event.what
            && report.source == Source::Schedule
        {
            absent = Some(report.state.clone());
        }
        absent.is_some() && counts(&archiving) == wanted
    })
    .await;
    let why = "the stack has no schedule".to_owned();
    assert_eq!(absent, Some(SourceState::Unavailable { problem: why }));
    put("s3tar/2026-11-20/a.tar", archive("x,2048,5,e\ny,3072,6,e\nz,4096,6,e\n")).await;
    until(&mut events, |event| {
        archiving.see(event);
        counts(&archiving)[0].1 == Some(3)
    })
    .await;
    observer.stop().await;
    emulator.shutdown().await;
}
