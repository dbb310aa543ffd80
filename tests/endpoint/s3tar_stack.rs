//! The stack that archives a bucket once a day, deployed on the endpoint: its schedule, its task as a local process, its
//! retries and its notifications.

use std::io::Write;
use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, OnFailure, Parameter, StackStatus};
use serde_json::{Value, json};
use vaultscope::aws::{Access, Clients, Target};
use vaultscope::deploy::S3TAR;
use vaultscope::emulator::Emulator;
use vaultscope::s3tar::{Location, Port, open_toc, publish, write_log_data};

use crate::support::{send, start, wait_for};

const DAY: u64 = 86_400;

pub struct Lab {
    pub emulator: Emulator,
    pub clients: Clients,
    pub machine: String,
    queue: String,
}

pub async fn call(emulator: &Emulator, service: &str, operation: &str, input: Value) -> Value {
    emulator.fabric().call("test", service, operation, input).await.expect(operation)
}

fn since_midnight(emulator: &Emulator) -> u64 {
    emulator.clock().now().secs().cast_unsigned() % DAY
}

impl Lab {
    /// Buckets, the functions' zip, and the stack with these parameters besides its own; a queue hears its notifications.
    pub async fn new(more: &[(&str, &str)]) -> Self {
        let (emulator, _) = start().await;
        // Noon: whatever time it is, no midnight passes by chance.
        let clock = emulator.clock();
        clock.step(Duration::from_secs(DAY - since_midnight(&emulator) + DAY / 2));
        let target = Target::endpoint(&emulator.url(), Some("us-east-1")).expect("an endpoint");
        let clients = Clients::connect(target, Access::Write, "").await;
        for bucket in ["source-bucket", "dest-bucket", "code-bucket"] {
            clients.s3.create_bucket().bucket(bucket).send().await.expect("a bucket");
        }
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
        zip.start_file("bootstrap", options).expect("an entry");
        write!(zip, "#!/bin/sh\nexec {}\n", env!("CARGO_BIN_EXE_bootstrap")).expect("its content");
        let zip = zip.finish().expect("an archive").into_inner();
        clients.s3.put_object().bucket("code-bucket").key("code.zip").body(zip.into()).send().await.expect("the zip");
        let registry = "000000000000.dkr.ecr.us-east-1.amazonaws.com";
        let image = json!({
            (format!("{registry}/vaultscope/s3tar:v1")): [env!("CARGO_BIN_EXE_vaultscope"), "s3tar-task"],
            (format!("{registry}/fails/s3tar:v1")): ["/bin/sh", "-c", "exit 2"],
        });
        let answer = send(&emulator, "POST", "/_vaultscope/images", &[], &image.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut parameters = vec![
            ("sourceBucketName", "source-bucket"),
            ("destBucketName", "dest-bucket"),
            ("destBucketInventoryPrefix", "dest-bucket/source-bucket/s3tarinventory/"),
            ("destBucketS3TarPrefix", "dest-bucket/s3tar"),
            ("functionCodeBucket", "code-bucket"),
            ("functionCodeKey", "code.zip"),
        ];
        parameters.extend_from_slice(more);
        let parameters = parameters
            .into_iter()
            .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build());
        let created = clients.cloudformation.create_stack().stack_name(S3TAR.stack).template_body(S3TAR.text);
        let created = created.capabilities(Capability::CapabilityIam).on_failure(OnFailure::DoNothing);
        created.set_parameters(Some(parameters.collect())).send().await.expect("the stack is begun");
        let stack = wait_for("the stack", async || {
            let answer = clients.cloudformation.describe_stacks().stack_name(S3TAR.stack).send().await.ok()?;
            let stack = answer.stacks().first()?.clone();
            let lasts = !stack.stack_status()?.as_str().ends_with("IN_PROGRESS");
            lasts.then_some(stack)
        })
        .await;
        if stack.stack_status().map(StackStatus::as_str) != Some("CREATE_COMPLETE") {
            let events = clients.cloudformation.describe_stack_events().stack_name(S3TAR.stack).send().await;
            panic!("{stack:?} {events:?}");
        }
        let output = |key: &str| {
            let found = stack.outputs().iter().find(|output| output.output_key() == Some(key));
            found.and_then(|output| output.output_value()).expect(key).to_owned()
        };
        let queue = call(&emulator, "sqs", "CreateQueue", json!({"QueueName": "heard"})).await;
        let subscribed = json!({
            "TopicArn": output("s3tarNotificationTopicArn"), "Protocol": "sqs",
            "Endpoint": "arn:aws:sqs:us-east-1:000000000000:heard",
        });
        call(&emulator, "sns", "Subscribe", subscribed).await;
        let queue = queue["QueueUrl"].as_str().expect("a queue").to_owned();
        Self { machine: output("s3TarStateMachineArn"), emulator, clients, queue }
    }

    fn port(&self) -> Port {
        Port::of(&self.clients, 3)
    }

    /// The first execution's end, and the names of the states that it entered.
    async fn ended(&self) -> (Value, Vec<String>) {
        let execution = wait_for("the execution's end", async || {
            let all = call(&self.emulator, "states", "ListExecutions", json!({"stateMachineArn": self.machine})).await;
            let first = all["executions"].as_array()?.last()?.clone();
            (first["status"] != "RUNNING").then_some(first)
        })
        .await;
        let input = json!({"executionArn": execution["executionArn"], "maxResults": 1000});
        let history = call(&self.emulator, "states", "GetExecutionHistory", input).await;
        let events = history["events"].as_array().expect("events");
        let entered = events.iter().filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str());
        (execution, entered.map(str::to_owned).collect())
    }

    /// The notification's subject and the state that it tells of.
    async fn heard(&self) -> (String, Value) {
        wait_for("a notification", async || {
            let input = json!({"QueueUrl": self.queue, "MaxNumberOfMessages": 1});
            let answer = call(&self.emulator, "sqs", "ReceiveMessage", input).await;
            let body: Value = serde_json::from_str(answer["Messages"][0]["Body"].as_str()?).ok()?;
            let message = serde_json::from_str(body["Message"].as_str()?).ok()?;
            Some((body["Subject"].as_str()?.to_owned(), message))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_midnight_the_schedule_archives_the_day_before() {
    let lab = Box::pin(Lab::new(&[])).await;
    let clock = lab.emulator.clock();
    // Shortly before midnight, for the schedule to fire within it.
    clock.step(Duration::from_secs(DAY - since_midnight(&lab.emulator) - 30));
    let today = clock.now();
    write_log_data(&lab.port(), "source-bucket", 3, today, 1).await.expect("log files");
    clock.step(Duration::from_secs(2));
    let to = Location { bucket: "dest-bucket".to_owned(), key: String::new() };
    publish(&lab.port(), "source-bucket", &to, "s3tarinventory", clock.now()).await.expect("an inventory");
    clock.step(Duration::from_secs(40));
    let (execution, entered) = lab.ended().await;
    let (subject, state) = lab.heard().await;
    assert_eq!(execution["status"], "SUCCEEDED", "{state}");
    assert_eq!(entered, ["RunTask", "NotifySuccess"], "{state}");
    assert_eq!(subject, "Task successfully processed.");
    assert_eq!(state["RunTask"]["Containers"][0]["ExitCode"], 0);
    assert_eq!(state["data"], json!({"scheduleName": "s3tar", "frequency": "daily"}));
    let day = &clock.now().iso_seconds()[..10];
    let archive = to.at(format!("s3tar/{day}/s3tar_archive_{day}.tar"));
    let contents = open_toc(&lab.port(), &archive, false).await.expect("an archive");
    assert!(contents.has_toc);
    assert_eq!(contents.entries.len(), 300);
    lab.emulator.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_three_times_more_and_what_may_not_once() {
    let tried = ["RunTask", "ErrorHandler", "Retryable?"];
    let retried: Vec<&str> = [&tried[..], &["RetryWait"]].concat();
    let retryable: Vec<&str> = [&retried[..], &retried[..], &retried[..], &tried[..], &["NotifyError"]].concat();
    let fatal = [&tried[..], &["NotifyError"]].concat();
    for (repository, path, reason) in [
        ("fails/s3tar", &retryable, "Essential container in task exited"),
        ("nobody/knows", &retryable, "CannotPullContainerError"),
        // No inventory is there: exit code 1.
        ("vaultscope/s3tar", &fatal, "Essential container in task exited"),
    ] {
        let lab = Box::pin(Lab::new(&[("repoName", repository)])).await;
        lab.emulator.clock().set_rate(20.0).expect("a rate");
        call(&lab.emulator, "states", "StartExecution", json!({"stateMachineArn": lab.machine, "input": "{}"})).await;
        let (execution, entered) = lab.ended().await;
        let (subject, state) = lab.heard().await;
        assert_eq!(&entered, path, "{repository}: {state}");
        assert_eq!((execution["status"].as_str(), subject.as_str()), (Some("SUCCEEDED"), "Task failed"));
        let cause: Value =
            serde_json::from_str(state["RunTaskError"]["Cause"].as_str().expect("a cause")).expect("JSON");
        assert!(cause["StoppedReason"].as_str().is_some_and(|said| said.starts_with(reason)), "{cause}");
        lab.emulator.shutdown().await;
    }
}
