//! AWS CloudFormation over a restart.

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{ChangeSetType, ResourceStatus, Stack, StackEvent, StackStatus};
use serde_json::{Value, json};

use super::{Life, call};
use crate::lambda::{actor, create};
use crate::support::wait_for;

const PROVIDER: &str = "arn:aws:lambda:us-east-1:000000000000:function:provider";

fn template(text: &str) -> String {
    format!(
        "Resources:\n  First:\n    Type: AWS::S3::Bucket\n    Properties: {{BucketName: first-bucket}}\n  Thing:\n    \
         Type: Custom::Thing\n    DependsOn: First\n    Properties: {{ServiceToken: '{PROVIDER}', Text: {text}}}\n  \
         Last:\n    Type: AWS::S3::Bucket\n    Properties: {{BucketName: !Sub 'last-${{Thing.Count}}'}}\nOutputs:\n  \
         Doubled: {{Value: !GetAtt Thing.Doubled, Export: {{Name: doubled}}}}\n"
    )
}

/// Lets the provider answer, or die before it does.
async fn answers(life: &Life, yes: bool) {
    let variables = if yes { json!({}) } else { json!({"ACT": "exit-at-once"}) };
    let input = json!({"FunctionName": "provider", "Environment": {"Variables": variables}});
    call(life, "lambda", "UpdateFunctionConfiguration", input).await;
}

async fn described(client: &Client) -> Stack {
    let answer = client.describe_stacks().stack_name("s").send().await.expect("described");
    answer.stacks().first().cloned().expect("one stack")
}

/// The stack when nothing is under way; meanwhile retries of the provider come to be due.
async fn settled(life: &Life, client: &Client) -> Stack {
    wait_for("the stack", async || {
        life.emulator.clock().step(Duration::from_secs(5));
        let stack = described(client).await;
        let status = stack.stack_status().expect("a status").as_str();
        (!status.ends_with("IN_PROGRESS")).then(|| stack.clone())
    })
    .await
}

async fn events(client: &Client) -> Vec<StackEvent> {
    let mut events = client.describe_stack_events().stack_name("s").send().await.expect("events").stack_events;
    events.as_mut().expect("events").reverse();
    events.unwrap_or_default()
}

/// Waits until a resource is in that status.
async fn reached(client: &Client, logical: &str, status: &ResourceStatus) {
    wait_for(status.as_str(), async || {
        let fits = |event: &StackEvent| {
            event.logical_resource_id() == Some(logical) && event.resource_status() == Some(status)
        };
        events(client).await.iter().any(fits).then_some(())
    })
    .await;
}

async fn count(client: &Client, logical: &str, status: &ResourceStatus) -> usize {
    let events = events(client).await;
    let fits =
        |event: &&StackEvent| event.logical_resource_id() == Some(logical) && event.resource_status() == Some(status);
    events.iter().filter(fits).count()
}

#[tokio::test]
async fn an_operation_under_way_goes_on_and_what_is_done_stays_done() {
    let life = Life::begin().await;
    let client = Client::new(&life.config);
    let package = actor();
    let made =
        create(&life.emulator, "provider", &package, json!({"Environment": {"Variables": {"ACT": "exit-at-once"}}}));
    assert_eq!(made.await.status, 201);
    client.create_stack().stack_name("s").template_body(template("a")).send().await.expect("accepted");
    reached(&client, "Thing", &ResourceStatus::CreateInProgress).await;
    let before = events(&client).await;

    let life = life.killed().await;
    let client = Client::new(&life.config);
    assert_eq!(events(&client).await[..before.len()], before);
    answers(&life, true).await;
    let stack = settled(&life, &client).await;
    assert_eq!(stack.stack_status(), Some(&StackStatus::CreateComplete), "{:?}", stack.stack_status_reason());
    assert_eq!(stack.outputs().first().and_then(|output| output.output_value()), Some("aa"));
    assert_eq!(count(&client, "First", &ResourceStatus::CreateInProgress).await, 2, "begun, and initiated");
    assert_eq!(count(&client, "Last", &ResourceStatus::CreateComplete).await, 1);
    call(&life, "s3", "HeadBucket", json!({"Bucket": "last-3"})).await;

    answers(&life, false).await;
    client.update_stack().stack_name("s").template_body(template("b")).send().await.expect("accepted");
    reached(&client, "Thing", &ResourceStatus::UpdateInProgress).await;
    let life = life.killed().await;
    let client = Client::new(&life.config);
    answers(&life, true).await;
    let stack = settled(&life, &client).await;
    assert_eq!(stack.stack_status(), Some(&StackStatus::UpdateComplete), "{:?}", stack.stack_status_reason());
    assert_eq!(stack.outputs().first().and_then(|output| output.output_value()), Some("bb"));

    // An update that goes on and cannot be is rolled back to what it began from.
    answers(&life, false).await;
    client.update_stack().stack_name("s").template_body(template("c, Answer: fail")).send().await.expect("accepted");
    wait_for("the update", async || {
        (count(&client, "Thing", &ResourceStatus::UpdateInProgress).await > 2).then_some(())
    })
    .await;
    let life = life.killed().await;
    let client = Client::new(&life.config);
    answers(&life, true).await;
    let stack = settled(&life, &client).await;
    assert_eq!(stack.stack_status(), Some(&StackStatus::UpdateRollbackComplete), "{:?}", events(&client).await.last());
    assert_eq!(stack.outputs().first().and_then(|output| output.output_value()), Some("bb"));

    answers(&life, false).await;
    client.delete_stack().stack_name("s").send().await.expect("accepted");
    reached(&client, "Thing", &ResourceStatus::DeleteInProgress).await;
    let life = life.killed().await;
    let client = Client::new(&life.config);
    answers(&life, true).await;
    wait_for("the deletion", async || {
        life.emulator.clock().step(Duration::from_secs(5));
        client.describe_stacks().stack_name("s").send().await.is_err().then_some(())
    })
    .await;
    let fabric = life.emulator.fabric();
    let left = fabric.call("test.amazonaws.com", "s3", "HeadBucket", json!({"Bucket": "first-bucket"}));
    assert!(left.await.is_err());
}

#[tokio::test]
async fn stacks_with_their_exports_events_and_change_sets_are_there_again() {
    let life = Life::begin().await;
    let client = Client::new(&life.config);
    let bucket = |name: &str| {
        format!(
            "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {{BucketName: {name}}}\nOutputs:\n  Name: \
             {{Value: !Ref B, Export: {{Name: name}}}}\n"
        )
    };
    client.create_stack().stack_name("s").template_body(bucket("one-bucket")).send().await.expect("accepted");
    settled(&life, &client).await;
    let set = client.create_change_set().stack_name("s").change_set_name("next").template_body(bucket("two-bucket"));
    set.send().await.expect("made");
    let new = client.create_change_set().stack_name("new").change_set_name("first").template_body(bucket("x-bucket"));
    new.change_set_type(ChangeSetType::Create).send().await.expect("made");
    let told = async |client: &Client| {
        let set = client.describe_change_set().stack_name("s").change_set_name("next").send().await.expect("described");
        let new =
            client.describe_change_set().stack_name("new").change_set_name("first").send().await.expect("described");
        let exports = client.list_exports().send().await.expect("listed").exports;
        let template = client.get_template().stack_name("s").send().await.expect("the template").template_body;
        let resources = client.list_stack_resources().stack_name("s").send().await.expect("listed");
        let resources = resources.stack_resource_summaries;
        (set.changes, new.changes, exports, template, resources, described(client).await, events(client).await)
    };
    let before = told(&client).await;
    assert!(before.0.as_ref().is_some_and(|changes| changes.len() == 1));

    let life = life.killed().await;
    let client = Client::new(&life.config);
    assert_eq!(told(&client).await, before);
    client.execute_change_set().stack_name("s").change_set_name("next").send().await.expect("accepted");
    let stack = settled(&life, &client).await;
    assert_eq!(stack.stack_status(), Some(&StackStatus::UpdateComplete), "{:?}", stack.stack_status_reason());
    call(&life, "s3", "HeadBucket", json!({"Bucket": "two-bucket"})).await;
    let _: Value = call(&life, "cloudformation", "DescribeStacks", json!({"StackName": "new"})).await;
}
