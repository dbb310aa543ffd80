//! What is told of stacks, events and templates.

use aws_sdk_cloudformation::operation::get_template_summary::GetTemplateSummaryOutput;
use aws_sdk_cloudformation::types::{
    BeaconStackOperationStatus, Capability, EventFilter, EventType, OperationType, ParameterDeclaration, StackStatus,
};

use super::{Endpoint, QUEUES, refusal, status};
use crate::support::wait_for;

#[tokio::test]
async fn events_are_found_by_operation_and_by_failure() {
    let endpoint = Endpoint::new().await;
    let failing = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n  \
         Bad:\n    Type: AWS::SQS::Queue\n    DependsOn: Queue\n    Properties: {QueueName: 'not a name'}\n";
    let stack = endpoint.create("failing", failing).await;
    assert_eq!(status(&stack), "ROLLBACK_COMPLETE");
    let operation = stack.last_operations()[0].clone();
    assert_eq!(operation.operation_type().map(OperationType::as_str), Some("CREATE_STACK"));
    let request = endpoint.client.describe_events().operation_id(operation.operation_id().expect("an id"));
    let all = request.send().await.expect("events");
    let newest = &all.operation_events()[0];
    assert_eq!(newest.event_type().map(EventType::as_str), Some("STACK_EVENT"));
    assert_eq!(newest.operation_status().map(BeaconStackOperationStatus::as_str), Some("FAILED"));
    let only = EventFilter::builder().failed_events(true).build();
    let request = endpoint.client.describe_events().stack_name("failing").filters(only);
    let failed = request.send().await.expect("events");
    let failed = failed.operation_events();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].logical_resource_id(), Some("Bad"));
    assert_eq!(failed[0].event_type().map(EventType::as_str), Some("PROVISIONING_ERROR"));
    let refused = endpoint.client.describe_events().send().await.expect_err("names nothing");
    assert!(refusal(refused).starts_with("ValidationError"));
    endpoint.end().await;
}

#[tokio::test]
async fn templates_are_validated_and_summed_up_before_and_after() {
    let endpoint = Endpoint::new().await;
    let validated = endpoint.client.validate_template().template_body(QUEUES).send().await.expect("a valid template");
    let parameters: Vec<_> = validated
        .parameters()
        .iter()
        .map(|parameter| (parameter.parameter_key().unwrap_or_default(), parameter.default_value().unwrap_or_default()))
        .collect();
    assert_eq!(parameters, [("Seconds", "30"), ("Suffix", "a")]);
    let role = "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}";
    let needs = endpoint.client.validate_template().template_body(role).send().await.expect("a valid template");
    assert_eq!(needs.capabilities(), [Capability::CapabilityIam]);
    assert!(needs.capabilities_reason().is_some_and(|reason| reason.contains("AWS::IAM::Role")));
    for (broken, words) in [
        ("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nobody}}}", "Nobody"),
        ("Resources: [", "ValidationError"),
        ("{}", "At least one Resources member must be defined"),
    ] {
        let refused = endpoint.client.validate_template().template_body(broken).send().await.expect_err(broken);
        let refused = refusal(refused);
        assert!(refused.starts_with("ValidationError") && refused.contains(words), "{broken}: {refused}");
    }
    let before = endpoint.client.get_template_summary().template_body(QUEUES).send().await.expect("a summary");
    assert_eq!(before.resource_types(), ["AWS::SQS::Queue", "AWS::SSM::Parameter"]);
    endpoint.create("pipe", QUEUES).await;
    let after = endpoint.client.get_template_summary().stack_name("pipe").send().await.expect("a summary");
    let declared = |summary: &GetTemplateSummaryOutput| {
        let line = |parameter: &ParameterDeclaration| {
            format!("{:?} {:?}", parameter.parameter_key(), parameter.parameter_type())
        };
        summary.parameters().iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(declared(&before), declared(&after));
    let template = endpoint.client.get_template().stack_name("pipe").send().await.expect("the template");
    assert_eq!(template.template_body(), Some(QUEUES));
    endpoint.end().await;
}

#[tokio::test]
async fn stacks_are_listed_by_status_and_events_by_pages_that_new_ones_do_not_move() {
    let endpoint = Endpoint::new().await;
    let parameters = |count: usize| {
        let line =
            |n| format!("  P{n}: {{Type: AWS::SSM::Parameter, Properties: {{Name: p{n}, Type: String, Value: v}}}}\n");
        format!("Resources:\n{}", (0..count).map(line).collect::<String>())
    };
    endpoint.create("many", &parameters(80)).await;
    endpoint.create("gone", &parameters(1).replace("p0", "other")).await;
    endpoint.client.delete_stack().stack_name("gone").send().await.expect("accepted");
    let list = async |status: StackStatus| {
        let pages = endpoint.client.list_stacks().stack_status_filter(status).into_paginator().items().send();
        let all: Vec<_> = pages.try_collect().await.expect("all pages");
        all.iter().filter_map(|stack| stack.stack_name().map(str::to_owned)).collect::<Vec<_>>()
    };
    wait_for("the deletion", async || (list(StackStatus::DeleteComplete).await == ["gone"]).then_some(())).await;
    assert_eq!(list(StackStatus::CreateComplete).await, ["many"]);

    let page =
        |token: Option<String>| endpoint.client.describe_stack_events().stack_name("many").set_next_token(token).send();
    let first = page(None).await.expect("a page");
    assert_eq!(first.stack_events().len(), 100);
    endpoint.client.delete_stack().stack_name("many").send().await.expect("new events come");
    let id = first.stack_events()[0].stack_id().expect("an id").to_owned();
    let page =
        |token: Option<String>| endpoint.client.describe_stack_events().stack_name(&id).set_next_token(token).send();
    wait_for("new events", async || {
        let newest = page(None).await.ok()?.stack_events?.into_iter().next()?;
        (newest.event_id() != first.stack_events()[0].event_id()).then_some(())
    })
    .await;
    let (mut seen, mut token) = (first.stack_events().to_vec(), first.next_token().map(str::to_owned));
    while let Some(next) = token {
        let page = page(Some(next)).await.expect("a page");
        seen.extend(page.stack_events().to_vec());
        token = page.next_token().map(str::to_owned);
    }
    let ids: std::collections::BTreeSet<_> = seen.iter().filter_map(|event| event.event_id()).collect();
    // Three events a resource, two of the stack itself.
    assert_eq!((seen.len(), ids.len()), (3 * 80 + 2, 3 * 80 + 2));
    assert!(seen.iter().is_sorted_by(|newer, older| newer.timestamp() >= older.timestamp()));
    let bogus = page(Some("x".to_owned())).await.expect_err("no token");
    assert_eq!(refusal(bogus), "ValidationError: NextToken x is invalid");
    endpoint.end().await;
}
