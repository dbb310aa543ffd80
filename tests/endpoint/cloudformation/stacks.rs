//! Stacks: created, updated, rolled back, deleted.

use aws_sdk_cloudformation::types::{Capability, OnFailure, Output};

use super::{Endpoint, QUEUES, parameter, refusal, status};

#[tokio::test]
async fn a_stack_is_created_with_its_outputs_and_events() {
    let endpoint = Endpoint::new().await;
    let stack = endpoint.create("pipe", QUEUES).await;
    assert_eq!(status(&stack), "CREATE_COMPLETE");
    let url: &Output = stack.outputs().first().expect("an output");
    assert!(url.output_value().expect("a value").ends_with("/jobs-a"), "{url:?}");
    assert_eq!(url.export_name(), Some("pipe-url"));
    let events = endpoint.events("pipe").await;
    assert_eq!(events.first().map(String::as_str), Some("pipe CREATE_IN_PROGRESS User Initiated"));
    assert_eq!(events.last().map(String::as_str), Some("pipe CREATE_COMPLETE"));
    let jobs = endpoint.of("pipe", "Jobs").await;
    assert_eq!(jobs, ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS Resource creation Initiated", "CREATE_COMPLETE"]);
    let queue = endpoint.physical("pipe", "Dead").await;
    assert!(queue.rsplit('/').next().is_some_and(|name| name.starts_with("pipe-Dead-")), "{queue}");
    let sqs = aws_sdk_sqs::Client::new(&endpoint.config);
    let attributes = sqs
        .get_queue_attributes()
        .queue_url(url.output_value().expect("a value"))
        .attribute_names(aws_sdk_sqs::types::QueueAttributeName::All)
        .send()
        .await
        .expect("the queue is a real one");
    let all = attributes.attributes().expect("attributes");
    assert_eq!(all.get(&aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout).map(String::as_str), Some("30"));
    endpoint.end().await;
}

#[tokio::test]
async fn an_update_changes_in_place_replaces_and_cleans_up() {
    let endpoint = Endpoint::new().await;
    endpoint.create("pipe", QUEUES).await;
    let before = endpoint.physical("pipe", "Jobs").await;
    let update = |key: &'static str, value: &'static str| {
        let request = endpoint.client.update_stack().stack_name("pipe").template_body(QUEUES);
        request.parameters(parameter(key, value)).send()
    };
    let nothing = refusal(update("Seconds", "30").await.expect_err("nothing changes"));
    assert_eq!(nothing, "ValidationError: No updates are to be performed.");
    update("Seconds", "60").await.expect("accepted");
    assert_eq!(status(&endpoint.settled("pipe").await), "UPDATE_COMPLETE");
    assert_eq!(endpoint.physical("pipe", "Jobs").await, before);
    update("Suffix", "b").await.expect("accepted");
    assert_eq!(status(&endpoint.settled("pipe").await), "UPDATE_COMPLETE");
    let after = endpoint.physical("pipe", "Jobs").await;
    assert!(after.ends_with("/jobs-b"), "{after}");
    let jobs = endpoint.of("pipe", "Jobs").await;
    assert_eq!(
        jobs[3..],
        [
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE",
            "UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.",
            "UPDATE_IN_PROGRESS Resource creation Initiated",
            "UPDATE_COMPLETE",
            "DELETE_IN_PROGRESS",
            "DELETE_COMPLETE",
        ]
    );
    // What refers to the replaced queue follows it.
    assert_eq!(endpoint.of("pipe", "Address").await[3..], ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]);
    let stack = endpoint.of("pipe", "pipe").await;
    assert_eq!(stack[stack.len() - 2..], ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]);
    let sqs = aws_sdk_sqs::Client::new(&endpoint.config);
    let queues = sqs.list_queues().queue_name_prefix("jobs").send().await.expect("queues");
    assert_eq!(queues.queue_urls(), [after]);
    endpoint.end().await;
}

#[tokio::test]
async fn a_failed_update_is_rolled_back() {
    let endpoint = Endpoint::new().await;
    endpoint.create("pipe", QUEUES).await;
    let broken = QUEUES.replace(
        "Outputs:",
        "  Bad:\n    Type: AWS::SSM::Parameter\n    DependsOn: Jobs\n    Properties: {Name: aws, Type: String, Value: x}\nOutputs:",
    );
    let request = endpoint.client.update_stack().stack_name("pipe").template_body(broken);
    request.parameters(parameter("Seconds", "90")).send().await.expect("accepted");
    let stack = endpoint.settled("pipe").await;
    assert_eq!(status(&stack), "UPDATE_ROLLBACK_COMPLETE");
    let events = endpoint.of("pipe", "pipe").await;
    assert!(
        events
            .iter()
            .any(|event| event == "UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad]."),
        "{events:#?}"
    );
    let jobs = endpoint.of("pipe", "Jobs").await;
    assert_eq!(jobs[3..], ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]);
    let sqs = aws_sdk_sqs::Client::new(&endpoint.config);
    let name = aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
    let url = endpoint.physical("pipe", "Jobs").await;
    let answer = sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await.expect("it is");
    assert_eq!(answer.attributes().and_then(|all| all.get(&name)).map(String::as_str), Some("30"));
    endpoint.end().await;
}

#[tokio::test]
async fn a_failed_creation_is_rolled_back_with_its_first_cause() {
    let endpoint = Endpoint::new().await;
    let template = "
Resources:
  Good: {Type: AWS::SQS::Queue}
  Bad:
    Type: AWS::SQS::Queue
    DependsOn: Good
    Properties: {VisibilityTimeout: 10, Colour: red}
  Never: {Type: AWS::SQS::Queue, DependsOn: Bad}
";
    let stack = endpoint.create("broken", template).await;
    assert_eq!(status(&stack), "ROLLBACK_COMPLETE");
    let bad = endpoint.of("broken", "Bad").await;
    assert_eq!(bad.len(), 2, "{bad:?}");
    assert!(bad[1].starts_with("CREATE_FAILED Properties validation failed for resource Bad"), "{bad:?}");
    assert!(bad[1].contains("extraneous key [Colour] is not permitted"), "{bad:?}");
    assert!(endpoint.of("broken", "Never").await.is_empty());
    assert_eq!(endpoint.of("broken", "Good").await[3..], ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]);
    let own = endpoint.of("broken", "broken").await;
    assert_eq!(
        own[1..],
        [
            "ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad]. Rollback requested by user.",
            "ROLLBACK_COMPLETE",
        ]
    );
    let kept = endpoint.client.create_stack().stack_name("kept").template_body(template);
    kept.on_failure(OnFailure::DoNothing).send().await.expect("accepted");
    assert_eq!(status(&endpoint.settled("kept").await), "CREATE_FAILED");
    assert!(endpoint.physical("kept", "Good").await.contains("kept-Good-"));
    endpoint.end().await;
}

#[tokio::test]
async fn an_unknown_type_fails_by_name_before_anything_is_made() {
    let endpoint = Endpoint::new().await;
    let template = "Resources: {A: {Type: AWS::SQS::Queue}, B: {Type: 'AWS::Nope::Thing', DependsOn: A}}";
    let stack = endpoint.create("unknown", template).await;
    assert_eq!(status(&stack), "ROLLBACK_COMPLETE");
    let failed = endpoint.of("unknown", "B").await;
    assert!(failed[1].starts_with("CREATE_FAILED") && failed[1].contains("AWS::Nope::Thing"), "{failed:?}");
    assert!(endpoint.of("unknown", "A").await.is_empty());
    endpoint.end().await;
}

#[tokio::test]
async fn malformed_requests_are_refused_in_aws_words() {
    let endpoint = Endpoint::new().await;
    for (template, expected) in [
        ("Resources:\n  A: [1, 2\n  B: 3\n", "ValidationError: Template format error: YAML not well-formed. (line"),
        ("{\"Resources\": {},,}", "ValidationError: Template format error: JSON not well-formed. (line 1, column 18)"),
        ("Resources: {}", "ValidationError: Template format error: At least one Resources member must be defined."),
        (
            "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}",
            "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]",
        ),
        (
            "Parameters: {P: {Type: String}}\nResources: {A: {Type: AWS::SQS::Queue}}",
            "ValidationError: Parameters: [P] must have values",
        ),
    ] {
        let request = endpoint.client.create_stack().stack_name("bad").template_body(template);
        let refused = refusal(request.send().await.expect_err("refused"));
        assert!(refused.starts_with(expected), "{refused}");
    }
    let long = endpoint.client.create_stack().stack_name("bad").template_body("x".repeat(51_201));
    assert!(refusal(long.send().await.expect_err("too long")).contains("less than or equal to 51200"));
    let missing = endpoint.client.describe_stacks().stack_name("bad").send().await.expect_err("not there");
    assert_eq!(refusal(missing), "ValidationError: Stack with id bad does not exist");
    endpoint.end().await;
}

#[tokio::test]
async fn an_export_in_use_keeps_its_stack() {
    let endpoint = Endpoint::new().await;
    endpoint.create("pipe", QUEUES).await;
    let user = "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ImportValue pipe-url}}}";
    assert_eq!(status(&endpoint.create("user", user).await), "CREATE_COMPLETE");
    endpoint.client.delete_stack().stack_name("pipe").send().await.expect("accepted");
    let kept = endpoint.settled("pipe").await;
    assert_eq!(status(&kept), "DELETE_FAILED");
    assert_eq!(kept.stack_status_reason(), Some("Export pipe-url cannot be deleted as it is in use by user"));
    endpoint.end().await;
}

#[tokio::test]
async fn the_event_processing_stack_is_deployed_and_deleted_whole() {
    let endpoint = Endpoint::new().await;
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&endpoint.config).force_path_style(true).build(),
    );
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let executable = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    archive.start_file("bootstrap", executable).expect("a file");
    std::io::Write::write_all(&mut archive, b"#!/bin/sh\nexit 1\n").expect("written");
    let code = archive.finish().expect("a zip").into_inner();
    s3.create_bucket().bucket("code").send().await.expect("a bucket");
    s3.put_object().bucket("code").key("f.zip").body(code.into()).send().await.expect("an object");
    let request = endpoint.client.create_stack().stack_name("EventProcessingStack");
    let request = request.template_body(include_str!("../../../stacks/event-processing.yaml"));
    let request = request.capabilities(Capability::CapabilityIam);
    let request = request.parameters(parameter("functionCodeBucket", "code"));
    request.parameters(parameter("functionCodeKey", "f.zip")).send().await.expect("accepted");
    let stack = endpoint.settled("EventProcessingStack").await;
    assert_eq!(status(&stack), "CREATE_COMPLETE", "{:#?}", endpoint.events("EventProcessingStack").await);
    let bucket = stack.outputs().iter().find(|output| output.output_key() == Some("fileUploadBucketName"));
    let bucket = bucket.and_then(|output| output.output_value()).expect("the output that the simulator needs");
    assert!(bucket.starts_with("eventprocessingstack-fileuploadbucket"), "{bucket}");
    let id = stack.stack_id().expect("an id").to_owned();
    endpoint.client.delete_stack().stack_name("EventProcessingStack").send().await.expect("accepted");
    let deleted = endpoint.settled(&id).await;
    assert_eq!(status(&deleted), "DELETE_COMPLETE", "{:#?}", endpoint.events(&id).await);
    endpoint.end().await;
}
