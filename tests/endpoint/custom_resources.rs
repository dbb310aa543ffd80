//! Custom resources: a function of the tests' own makes them, and answers over plain HTTP as any provider does.

use std::io::Write;
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Stack, StackEvent};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vaultscope::emulator::Emulator;

use crate::lambda::{actor, create};
use crate::support::start;

const TOKEN: &str = "arn:aws:lambda:us-east-1:000000000000:function:provider";

/// What the function does: it notes the request in its log and answers as the properties say.
pub async fn provide(event: Value) -> Result<Value, lambda_runtime::Error> {
    writeln!(std::io::stdout(), "REQUEST {event}")?;
    let properties = &event["ResourceProperties"];
    let wants = |answer: &str| properties["Answer"] == answer && event["RequestType"] != "Delete";
    if wants("nothing") {
        return Ok(Value::Null);
    }
    let id = properties["Id"].as_str().or(event["PhysicalResourceId"].as_str()).unwrap_or("made");
    let answer = json!({
        "Status": if wants("fail") { "FAILED" } else { "SUCCESS" },
        "Reason": "the disk is full",
        "PhysicalResourceId": id,
        "StackId": event["StackId"], "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": properties["Secret"] == "true",
        "Data": {"Doubled": format!("{0}{0}", properties["Text"].as_str().unwrap_or_default()), "Count": 3},
    })
    .to_string();
    let url = event["ResponseURL"].as_str().unwrap_or_default();
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).ok_or("a plain URL")?;
    let mut stream = TcpStream::connect(host).await?;
    let head = format!(
        "PUT /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: \
         application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    );
    stream.write_all(head.as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    if reply.starts_with("HTTP/1.1 200") { Ok(Value::Null) } else { Err(reply.into()) }
}

struct Endpoint {
    emulator: Emulator,
    client: Client,
    logs: aws_sdk_cloudwatchlogs::Client,
}

fn template(properties: &str) -> String {
    format!(
        "Resources:\n  Thing:\n    Type: Custom::Thing\n    Properties: {{ServiceToken: '{TOKEN}', {properties}}}\n  \
         Note:\n    Type: AWS::SSM::Parameter\n    Properties: {{Name: note, Type: String, Value: !GetAtt Thing.Doubled}}\n\
         Outputs:\n  Id: {{Value: !Ref Thing}}\n  Count: {{Value: !GetAtt Thing.Count}}\n"
    )
}

impl Endpoint {
    async fn new() -> Self {
        let (emulator, config) = start().await;
        assert_eq!(create(&emulator, "provider", &actor(), Value::Null).await.status, 201);
        Self { emulator, client: Client::new(&config), logs: aws_sdk_cloudwatchlogs::Client::new(&config) }
    }

    async fn create(&self, properties: &str) -> Stack {
        let request = self.client.create_stack().stack_name("s").template_body(template(properties));
        request.send().await.expect("the stack is accepted");
        self.settled().await
    }

    async fn update(&self, properties: &str) -> Stack {
        let request = self.client.update_stack().stack_name("s").template_body(template(properties));
        request.send().await.expect("the update is accepted");
        self.settled().await
    }

    async fn settled(&self) -> Stack {
        let settled = async {
            loop {
                let answer = self.client.describe_stacks().stack_name("s").send().await.expect("the stack is there");
                let stack = answer.stacks().first().cloned().expect("one stack");
                if !status(&stack).ends_with("IN_PROGRESS") {
                    return stack;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), settled).await.expect("the stack settles")
    }

    async fn events(&self, logical: &str) -> Vec<StackEvent> {
        let answer = self.client.describe_stack_events().stack_name("s").send().await.expect("events");
        let own = answer.stack_events().iter().rev().filter(|event| event.logical_resource_id() == Some(logical));
        own.cloned().collect()
    }

    /// What the function was asked, once `count` requests are in its log.
    async fn requests(&self, count: usize) -> Vec<Value> {
        let read = async {
            loop {
                let filter = self.logs.filter_log_events().log_group_name("/aws/lambda/provider");
                let answer = filter.filter_pattern("REQUEST").send().await;
                let lines: Vec<Value> = answer
                    .iter()
                    .flat_map(aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsOutput::events)
                    .filter_map(|event| event.message()?.trim().strip_prefix("REQUEST ").map(str::to_owned))
                    .map(|request| serde_json::from_str(&request).expect("a request of JSON"))
                    .collect();
                if lines.len() >= count {
                    return lines;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), read).await.expect("the requests are logged")
    }
}

fn status(stack: &Stack) -> &str {
    stack.stack_status().expect("a status").as_str()
}

fn output(stack: &Stack, key: &str) -> String {
    let found = stack.outputs().iter().find(|output| output.output_key() == Some(key));
    found.and_then(|output| output.output_value()).unwrap_or_default().to_owned()
}

fn reasons(events: &[StackEvent]) -> Vec<String> {
    let line = |event: &StackEvent| {
        let status = event.resource_status().map_or("", |status| status.as_str());
        format!("{status} {}", event.resource_status_reason().unwrap_or_default()).trim_end().to_owned()
    };
    events.iter().map(line).collect()
}

#[tokio::test]
async fn a_function_makes_changes_replaces_and_deletes_a_resource() {
    let endpoint = Endpoint::new().await;
    let stack = endpoint.create("Text: ab, Number: 5, On: true").await;
    assert_eq!(status(&stack), "CREATE_COMPLETE", "{:?}", reasons(&endpoint.events("Thing").await));
    assert_eq!((output(&stack, "Id"), output(&stack, "Count")), ("made".to_owned(), "3".to_owned()));
    let stack = endpoint.update("Text: cd").await;
    assert_eq!((status(&stack), output(&stack, "Id").as_str()), ("UPDATE_COMPLETE", "made"));
    let stack = endpoint.update("Text: cd, Id: another").await;
    assert_eq!((status(&stack), output(&stack, "Id").as_str()), ("UPDATE_COMPLETE", "another"));
    let id = stack.stack_id().expect("an id").to_owned();
    endpoint.client.delete_stack().stack_name(&id).send().await.expect("the deletion is accepted");
    let requests = endpoint.requests(5).await;
    let kind = |request: &Value| request["RequestType"].as_str().unwrap_or_default().to_owned();
    let kinds: Vec<String> = requests.iter().map(kind).collect();
    assert_eq!(kinds, ["Create", "Update", "Update", "Delete", "Delete"]);
    let properties = json!({"ServiceToken": TOKEN, "Text": "ab", "Number": "5", "On": "true"});
    assert_eq!(requests[0]["ResourceProperties"], properties, "values are texts");
    assert_eq!(requests[0]["ResourceType"], "Custom::Thing");
    assert_eq!((&requests[0]["StackId"], requests[0].get("PhysicalResourceId")), (&json!(id), None));
    assert_eq!(
        (&requests[1]["OldResourceProperties"], &requests[1]["PhysicalResourceId"]),
        (&properties, &json!("made"))
    );
    assert_eq!(
        (&requests[3]["PhysicalResourceId"], &requests[4]["PhysicalResourceId"]),
        (&json!("made"), &json!("another"))
    );
    endpoint.emulator.shutdown().await;
}

#[tokio::test]
async fn a_failure_is_told_with_its_reason_and_rolled_back() {
    let endpoint = Endpoint::new().await;
    let stack = endpoint.create("Answer: fail, Id: half").await;
    assert_eq!(status(&stack), "ROLLBACK_COMPLETE");
    let told = reasons(&endpoint.events("Thing").await);
    let failed = told.iter().find(|line| line.starts_with("CREATE_FAILED")).expect("a failure");
    let expected =
        "Received response status [FAILED] from custom resource. Message returned: the disk is full (RequestId:";
    assert!(failed.contains(expected), "{failed}");
    let requests = endpoint.requests(2).await;
    assert_eq!((&requests[1]["RequestType"], &requests[1]["PhysicalResourceId"]), (&json!("Delete"), &json!("half")));
    endpoint.emulator.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_on_the_endpoints_clock() {
    let endpoint = Endpoint::new().await;
    endpoint.emulator.clock().set_rate(1_000.0).expect("a rate in range");
    let stack = endpoint.create("Answer: nothing, ServiceTimeout: 600").await;
    assert_eq!(status(&stack), "ROLLBACK_COMPLETE");
    let told = reasons(&endpoint.events("Thing").await);
    let failed = told.iter().find(|line| line.starts_with("CREATE_FAILED")).expect("a failure");
    assert!(failed.contains("CloudFormation did not receive a response from your Custom Resource."), "{failed}");
    let id = endpoint.events("Thing").await.last().and_then(|event| event.physical_resource_id().map(str::to_owned));
    assert!(id.as_deref().is_some_and(|id| id.starts_with("s-Thing-")), "{id:?}");
    endpoint.emulator.shutdown().await;
}

#[tokio::test]
async fn what_shall_not_be_seen_is_masked_in_events() {
    let endpoint = Endpoint::new().await;
    let stack = endpoint.create("Text: hush, Secret: true").await;
    assert_eq!(status(&stack), "CREATE_COMPLETE");
    let events = endpoint.events("Note").await;
    let shown = events.last().and_then(|event| event.resource_properties()).expect("properties");
    assert!(shown.contains("*****") && !shown.contains("hushhush"), "{shown}");
    let refused = endpoint.client.update_stack().stack_name("s").template_body(template("ServiceToken: x").replace(
        &format!("ServiceToken: '{TOKEN}', ServiceToken: x"),
        "ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:other'",
    ));
    refused.send().await.expect("accepted");
    let stack = endpoint.settled().await;
    assert_eq!(status(&stack), "UPDATE_ROLLBACK_COMPLETE");
    let told = reasons(&endpoint.events("Thing").await);
    assert!(told.iter().any(|line| line.contains("Modifying service token is not allowed.")), "{told:?}");
    endpoint.emulator.shutdown().await;
}
