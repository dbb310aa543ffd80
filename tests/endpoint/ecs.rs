//! Amazon ECS: tasks with real processes. A shell stands in for images; the fabric for an SDK that would cost much to build.

use std::time::Duration;

use serde_json::{Value, json};
use vaultscope::clock::real_now;
use vaultscope::emulator::{Emulator, ServiceError};

use crate::support::start;

/// Longer than any of this takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

async fn call(emulator: &Emulator, service: &str, operation: &str, input: Value) -> Result<Value, ServiceError> {
    emulator.fabric().call("test", service, operation, input).await
}

async fn ecs(emulator: &Emulator, operation: &str, input: Value) -> Value {
    call(emulator, "ecs", operation, input).await.expect(operation)
}

/// An endpoint with a cluster, a log group, an image that is a shell, and a subnet.
async fn lab() -> (Emulator, String) {
    let (emulator, _) = start().await;
    let images = json!({"shell": ["/bin/sh", "-c"], "nowhere": ["/no/such/program"]});
    let answer = post(&emulator, "/_vaultscope/images", &images.to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ecs(&emulator, "CreateCluster", json!({"clusterName": "lab"})).await;
    call(&emulator, "logs", "CreateLogGroup", json!({"logGroupName": "/lab"})).await.expect("a log group");
    let subnets = call(&emulator, "ec2", "DescribeSubnets", json!({})).await.expect("subnets");
    (emulator, subnets["Subnets"][0]["SubnetId"].as_str().expect("a subnet").to_owned())
}

async fn post(emulator: &Emulator, path: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = emulator.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("the endpoint listens");
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("a request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer is read");
    answer
}

fn definition(image: &str, command: &str) -> Value {
    json!({
        "family": "lab", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "containerDefinitions": [{
            "name": "main", "image": image, "command": [command], "stopTimeout": 1,
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/lab", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p",
            }},
        }],
    })
}

async fn run(emulator: &Emulator, subnet: &str, definition: Value) -> String {
    ecs(emulator, "RegisterTaskDefinition", definition).await;
    let input = json!({
        "cluster": "lab", "taskDefinition": "lab", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet]}},
    });
    let answer = ecs(emulator, "RunTask", input).await;
    assert_eq!(answer["tasks"][0]["lastStatus"], "PROVISIONING");
    answer["tasks"][0]["taskArn"].as_str().expect("an arn").to_owned()
}

/// The task once it is in that state.
async fn until(emulator: &Emulator, task: &str, status: &str) -> Value {
    let began = real_now();
    loop {
        let answer = ecs(emulator, "DescribeTasks", json!({"cluster": "lab", "tasks": [task]})).await;
        if answer["tasks"][0]["lastStatus"] == status {
            return answer["tasks"][0].clone();
        }
        assert!(began.elapsed() < LIMIT, "the task is not {status}: {answer}");
        tokio::task::yield_now().await;
    }
}

async fn lines(emulator: &Emulator, task: &str) -> Vec<String> {
    let stream = format!("p/main/{}", task.rsplit('/').next().expect("an id"));
    let mut input = json!({"logGroupName": "/lab", "logStreamName": stream, "startFromHead": true});
    let mut lines = Vec::new();
    loop {
        let page = call(emulator, "logs", "GetLogEvents", input.clone()).await.expect("events");
        let events = page["events"].as_array().expect("a list");
        lines.extend(events.iter().map(|event| event["message"].as_str().expect("a text").to_owned()));
        if input["nextToken"] == page["nextForwardToken"] {
            return lines;
        }
        input["nextToken"] = page["nextForwardToken"].clone();
    }
}

#[tokio::test]
async fn every_line_of_a_chatty_task_is_in_its_log_when_it_has_stopped() {
    let (emulator, subnet) = lab().await;
    let script = "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; echo last >&2; exit 3";
    let task = run(&emulator, &subnet, definition("shell", script)).await;
    let stopped = until(&emulator, &task, "STOPPED").await;
    assert_eq!(stopped["containers"][0]["exitCode"], 3);
    assert_eq!(stopped["stopCode"], "EssentialContainerExited");
    assert_eq!(stopped["stoppedReason"], "Essential container in task exited");
    let lines = lines(&emulator, &task).await;
    assert_eq!(lines.len(), 30_001);
    assert!(lines.iter().take(30_000).enumerate().all(|(n, line)| *line == format!("line {n}")));
    assert_eq!(lines[30_000], "last");
    let moments: Vec<f64> = ["createdAt", "connectivityAt", "pullStartedAt", "startedAt", "stoppingAt", "stoppedAt"]
        .map(|moment| stopped[moment].as_f64().expect(moment))
        .to_vec();
    assert!(moments.is_sorted(), "{moments:?}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_task_is_told_what_its_definition_says_and_where_it_is() {
    let (emulator, subnet) = lab().await;
    let mut wanted = definition(
        "shell",
        "echo $GREETING $AWS_REGION $AWS_ENDPOINT_URL; echo ${HOME-none}; echo $ECS_CONTAINER_METADATA_URI_V4",
    );
    wanted["containerDefinitions"][0]["environment"] = json!([{"name": "GREETING", "value": "hello"}]);
    let task = run(&emulator, &subnet, wanted).await;
    until(&emulator, &task, "STOPPED").await;
    let lines = lines(&emulator, &task).await;
    assert_eq!(lines[..2], [format!("hello us-east-1 {}", emulator.url()), "none".to_owned()]);
    assert!(lines[2].starts_with(&format!("{}/_vaultscope/ecs/v4/", emulator.url())), "{}", lines[2]);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_task_that_does_not_listen_is_killed_after_its_time() {
    let (emulator, subnet) = lab().await;
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let task = run(&emulator, &subnet, definition("shell", script)).await;
    until(&emulator, &task, "RUNNING").await;
    let began = real_now();
    while lines_of(&emulator, &task).await.is_empty() {
        assert!(began.elapsed() < LIMIT, "the task does not begin");
        tokio::task::yield_now().await;
    }
    let answer = ecs(&emulator, "StopTask", json!({"cluster": "lab", "task": task, "reason": "enough"})).await;
    assert_eq!(
        (&answer["task"]["desiredStatus"], &answer["task"]["stopCode"]),
        (&json!("STOPPED"), &json!("UserInitiated"))
    );
    let stopped = until(&emulator, &task, "STOPPED").await;
    assert_eq!((&stopped["containers"][0]["exitCode"], &stopped["stoppedReason"]), (&json!(137), &json!("enough")));
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_keeps_a_task_from_starting_is_its_stop_reason() {
    let (emulator, subnet) = lab().await;
    let mut without_group = definition("shell", "true");
    without_group["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"] = json!("/none");
    for (definition, reason) in [
        (
            definition("python:3.12", "true"),
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): ",
        ),
        (definition("nowhere", "true"), "CannotStartContainerError: "),
        (without_group, "ResourceInitializationError: failed to validate logger args"),
    ] {
        let task = run(&emulator, &subnet, definition).await;
        let stopped = until(&emulator, &task, "STOPPED").await;
        assert_eq!(stopped["stopCode"], "TaskFailedToStart");
        assert!(stopped["stoppedReason"].as_str().is_some_and(|said| said.starts_with(reason)), "{stopped}");
        assert_eq!(stopped["containers"][0].get("exitCode"), None);
    }
    // No interface of theirs is left in the subnet.
    let left = call(&emulator, "ec2", "DescribeNetworkInterfaces", json!({})).await.expect("interfaces");
    assert_eq!(left["NetworkInterfaces"], json!([]));
    emulator.shutdown().await;
}

#[tokio::test]
async fn every_state_is_told_to_the_default_bus_in_order() {
    let (emulator, subnet) = lab().await;
    let queue = call(&emulator, "sqs", "CreateQueue", json!({"QueueName": "q"})).await.expect("a queue");
    let arn = "arn:aws:sqs:us-east-1:000000000000:q";
    let pattern = json!({"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]}).to_string();
    call(&emulator, "events", "PutRule", json!({"Name": "r", "EventPattern": pattern})).await.expect("a rule");
    let targets = json!({"Rule": "r", "Targets": [{"Id": "q", "Arn": arn}]});
    call(&emulator, "events", "PutTargets", targets).await.expect("a target");
    let task = run(&emulator, &subnet, definition("shell", "exit 0")).await;
    let mut seen: Vec<(u64, String)> = Vec::new();
    let began = real_now();
    while !seen.iter().any(|(_, status)| status == "STOPPED") {
        assert!(began.elapsed() < LIMIT, "{seen:?}");
        let input = json!({"QueueUrl": queue["QueueUrl"], "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
        let answer = call(&emulator, "sqs", "ReceiveMessage", input).await.expect("messages");
        for message in answer["Messages"].as_array().into_iter().flatten() {
            let event: Value = serde_json::from_str(message["Body"].as_str().expect("a body")).expect("an event");
            assert_eq!(event["resources"], json!([task]));
            assert!(event["detail"]["createdAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{event}");
            let version = event["detail"]["version"].as_u64().expect("a version");
            seen.push((version, event["detail"]["lastStatus"].as_str().expect("a status").to_owned()));
        }
    }
    seen.sort();
    let statuses: Vec<&str> = seen.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses, ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_stopped_task_is_forgotten_after_an_hour() {
    let (emulator, subnet) = lab().await;
    let task = run(&emulator, &subnet, definition("shell", "exit 0")).await;
    until(&emulator, &task, "STOPPED").await;
    emulator.clock().step(Duration::from_secs(3_599));
    let known = ecs(&emulator, "ListTasks", json!({"cluster": "lab", "desiredStatus": "STOPPED"})).await;
    assert_eq!(known["taskArns"], json!([task]));
    emulator.clock().step(Duration::from_secs(2));
    let gone = ecs(&emulator, "DescribeTasks", json!({"cluster": "lab", "tasks": [task]})).await;
    assert_eq!(gone["failures"][0]["reason"], "MISSING");
    emulator.shutdown().await;
}

#[tokio::test]
async fn no_process_outlives_the_endpoint() {
    let (emulator, subnet) = lab().await;
    let task = run(&emulator, &subnet, definition("shell", "trap '' TERM; echo $$; while :; do sleep 1; done")).await;
    let began = real_now();
    let process: u32 = loop {
        if let Some(line) = lines_of(&emulator, &task).await.first() {
            break line.parse().expect("a process id");
        }
        assert!(began.elapsed() < LIMIT, "the task does not begin");
        tokio::task::yield_now().await;
    };
    assert!(std::path::Path::new(&format!("/proc/{process}")).exists());
    emulator.shutdown().await;
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
}

/// As [`lines`], before the stream is there too.
async fn lines_of(emulator: &Emulator, task: &str) -> Vec<String> {
    let streams = call(emulator, "logs", "DescribeLogStreams", json!({"logGroupName": "/lab"})).await.expect("streams");
    if streams["logStreams"] == json!([]) { Vec::new() } else { lines(emulator, task).await }
}

#[tokio::test]
async fn what_cannot_run_is_refused_in_words() {
    let (emulator, subnet) = lab().await;
    ecs(&emulator, "RegisterTaskDefinition", definition("shell", "true")).await;
    let network = json!({"awsvpcConfiguration": {"subnets": [subnet]}});
    let base =
        json!({"cluster": "lab", "taskDefinition": "lab", "launchType": "FARGATE", "networkConfiguration": network});
    for (member, value, code, words) in [
        ("cluster", json!("none"), "ClusterNotFoundException", "Cluster not found."),
        ("taskDefinition", json!("none"), "ClientException", "TaskDefinition not found."),
        ("launchType", json!("EC2"), "InvalidParameterException", "No Container Instances were found in your cluster."),
        ("count", json!(11), "InvalidParameterException", "Tasks count must be between 1 and 10."),
        ("networkConfiguration", json!({}), "InvalidParameterException", "Network Configuration must be provided when"),
        (
            "networkConfiguration",
            json!({"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}}),
            "InvalidParameterException",
            "Error retrieving subnet information for [subnet-0123456789abcdef0]",
        ),
        (
            "overrides",
            json!({"containerOverrides": [{"name": "other"}]}),
            "InvalidParameterException",
            "Override for container named other is not a container in the TaskDefinition.",
        ),
        (
            "volumeConfigurations",
            json!([{"name": "v"}]),
            "InvalidParameterException",
            "does not implement volumeConfigurations",
        ),
        ("tags", json!([{"key": "aws:x", "value": ""}]), "InvalidParameterException", "The tag with the key"),
    ] {
        let mut input = base.clone();
        input[member] = value;
        let refused = call(&emulator, "ecs", "RunTask", input).await.expect_err(words);
        assert_eq!(refused.code, code, "{refused}");
        assert!(refused.message.contains(words), "{refused}");
    }
    emulator.shutdown().await;
}
