//! CloudFormation through the SDK, against the endpoint's own services.

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::get_template_summary::GetTemplateSummaryOutput;
use aws_sdk_cloudformation::types::{
    BeaconStackOperationStatus, Capability, ChangeSetSummary, ChangeSetType, EventFilter, EventType, OnFailure,
    OperationType, Output, Parameter, ParameterDeclaration, Stack, StackEvent, StackStatus,
};
use vaultscope::emulator::Emulator;

use super::support::{start, wait_for};

const QUEUES: &str = "
Parameters:
  Seconds: {Type: Number, Default: 30}
  Suffix: {Type: String, Default: a}
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub 'jobs-${Suffix}'
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Address:
    Type: AWS::SSM::Parameter
    Properties: {Name: address, Type: String, Value: !Ref Jobs}
Outputs:
  Url: {Value: !Ref Jobs, Description: where, Export: {Name: !Sub '${AWS::StackName}-url'}}
";

struct Endpoint {
    emulator: Emulator,
    client: Client,
    config: aws_config::SdkConfig,
}

impl Endpoint {
    async fn new() -> Self {
        let (emulator, config) = start().await;
        Self { emulator, client: Client::new(&config), config }
    }

    async fn create(&self, name: &str, template: &str) -> Stack {
        let request = self.client.create_stack().stack_name(name).template_body(template);
        request.capabilities(Capability::CapabilityIam).send().await.expect("the stack is accepted");
        self.settled(name).await
    }

    /// The stack once nothing is under way.
    async fn settled(&self, name: &str) -> Stack {
        let settled = async {
            loop {
                let answer = self.client.describe_stacks().stack_name(name).send().await.expect("the stack is there");
                let stack = answer.stacks().first().cloned().expect("one stack");
                if !stack.stack_status().expect("a status").as_str().ends_with("IN_PROGRESS") {
                    return stack;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await.expect("the stack settles")
    }

    /// Oldest first, as `LogicalId STATUS reason`.
    async fn events(&self, name: &str) -> Vec<String> {
        let answer = self.client.describe_stack_events().stack_name(name).send().await.expect("events");
        let line = |event: &StackEvent| {
            let reason = event.resource_status_reason().unwrap_or_default();
            let status = event.resource_status().map_or("", |status| status.as_str());
            format!("{} {status} {reason}", event.logical_resource_id().unwrap_or_default()).trim_end().to_owned()
        };
        answer.stack_events().iter().rev().map(line).collect()
    }

    async fn of(&self, name: &str, logical: &str) -> Vec<String> {
        let events = self.events(name).await;
        let own = format!("{logical} ");
        events.iter().filter_map(|event| event.strip_prefix(&own)).map(str::to_owned).collect()
    }

    async fn physical(&self, name: &str, logical: &str) -> String {
        let request = self.client.describe_stack_resource().stack_name(name).logical_resource_id(logical);
        let answer = request.send().await.expect("the resource is there");
        answer.stack_resource_detail().and_then(|one| one.physical_resource_id()).unwrap_or_default().to_owned()
    }

    async fn end(self) {
        self.emulator.shutdown().await;
    }
}

fn status(stack: &Stack) -> &str {
    stack.stack_status().expect("a status").as_str()
}

fn parameter(key: &str, value: &str) -> Parameter {
    Parameter::builder().parameter_key(key).parameter_value(value).build()
}

fn refusal<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> String {
    let error = error.as_service_error().expect("an answer of the service");
    format!("{}: {}", error.code().unwrap_or_default(), error.message().unwrap_or_default())
}

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

const NOTICES: &str = "
Parameters:
  Title: {Type: String, Default: one}
Resources:
  Queue:
    Type: AWS::SQS::Queue
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Ref Title
      Subscription: [{Protocol: sqs, Endpoint: !GetAtt Queue.Arn}]
      Tags: [{Key: k, Value: v}]
  Raw:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref Topic
      Protocol: email
      Endpoint: a@example.com
      FilterPolicy: {kind: [x]}
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Queue.Arn}
  Policy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: sns:Publish, Resource: !Ref Topic}]
  Group:
    Type: AWS::Scheduler::ScheduleGroup
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Group
      Description: !Ref Title
      ScheduleExpression: cron(0 12 ? * MON *)
      ScheduleExpressionTimezone: Europe/Berlin
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target: {Arn: !GetAtt Queue.Arn, RoleArn: 'arn:aws:iam::000000000000:role/r', Input: hello}
Outputs:
  Topic: {Value: !GetAtt Topic.TopicName}
  Schedule: {Value: !GetAtt Schedule.Arn}
  Group: {Value: !GetAtt Group.State}
";

#[tokio::test]
async fn topics_and_schedules_are_made_changed_and_deleted() {
    let endpoint = Endpoint::new().await;
    let stack = endpoint.create("notices", NOTICES).await;
    assert_eq!(status(&stack), "CREATE_COMPLETE", "{:?}", endpoint.events("notices").await);
    let topic = endpoint.physical("notices", "Topic").await;
    let (group, schedule) =
        (endpoint.physical("notices", "Group").await, endpoint.physical("notices", "Schedule").await);
    let call = async |service: &str, operation: &str, input: serde_json::Value| {
        endpoint.emulator.fabric().call("test", service, operation, input).await
    };
    let told = async || {
        let input = serde_json::json!({"TopicArn": topic});
        call("sns", "GetTopicAttributes", input).await.expect("the topic is there")["Attributes"].take()
    };
    assert_eq!(told().await["DisplayName"], "one");
    assert!(told().await["Policy"].as_str().is_some_and(|policy| policy.contains("events.amazonaws.com")));
    let listed = call("sns", "ListSubscriptionsByTopic", serde_json::json!({"TopicArn": topic})).await.expect("a list");
    assert_eq!(listed["Subscriptions"].as_array().map(Vec::len), Some(2));
    let find = serde_json::json!({"Name": schedule, "GroupName": group});
    let made = call("scheduler", "GetSchedule", find.clone()).await.expect("the schedule is there");
    assert_eq!((&made["Description"], &made["Target"]["Input"]), (&"one".into(), &"hello".into()));
    let update = endpoint.client.update_stack().stack_name("notices").use_previous_template(true);
    update.parameters(parameter("Title", "two")).send().await.expect("accepted");
    assert_eq!(status(&endpoint.settled("notices").await), "UPDATE_COMPLETE");
    assert_eq!(told().await["DisplayName"], "two");
    let made = call("scheduler", "GetSchedule", find.clone()).await.expect("the schedule is there");
    assert_eq!(made["Description"], "two");
    endpoint.client.delete_stack().stack_name("notices").send().await.expect("accepted");
    let gone = async {
        while call("sns", "GetTopicAttributes", serde_json::json!({"TopicArn": topic})).await.is_ok()
            || call("scheduler", "GetScheduleGroup", serde_json::json!({"Name": group})).await.is_ok()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the stack is deleted");
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
async fn a_bucket_that_is_not_empty_stops_the_deletion() {
    let endpoint = Endpoint::new().await;
    let template = "
Resources:
  FileUploadBucket:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true}
Outputs:
  Name: {Value: !Ref FileUploadBucket}
";
    let stack = endpoint.create("Store", template).await;
    assert_eq!(status(&stack), "CREATE_COMPLETE", "{:?}", endpoint.events("Store").await);
    let bucket = stack.outputs()[0].output_value().expect("a bucket").to_owned();
    assert!(bucket.starts_with("store-fileuploadbucket-"), "{bucket}");
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&endpoint.config).force_path_style(true).build(),
    );
    s3.put_object().bucket(&bucket).key("k").send().await.expect("an object");
    endpoint.client.delete_stack().stack_name("Store").send().await.expect("accepted");
    let stack = endpoint.settled("Store").await;
    assert_eq!(status(&stack), "DELETE_FAILED");
    assert_eq!(stack.stack_status_reason(), Some("The following resource(s) failed to delete: [FileUploadBucket]. "));
    let failed = endpoint.of("Store", "FileUploadBucket").await;
    assert!(failed[4].starts_with("DELETE_FAILED") && failed[4].contains("not empty"), "{failed:?}");
    let versions = s3.list_object_versions().bucket(&bucket).send().await.expect("versions");
    for version in versions.versions() {
        let request = s3.delete_object().bucket(&bucket).key("k");
        request.set_version_id(version.version_id().map(str::to_owned)).send().await.expect("deleted");
    }
    let id = stack.stack_id().expect("an id").to_owned();
    endpoint.client.delete_stack().stack_name("Store").send().await.expect("accepted");
    assert_eq!(status(&endpoint.settled(&id).await), "DELETE_COMPLETE");
    assert!(endpoint.client.describe_stacks().stack_name("Store").send().await.is_err());
    endpoint.end().await;
}

#[tokio::test]
async fn settings_that_leave_the_template_are_taken_away() {
    let endpoint = Endpoint::new().await;
    let template = |settings: &str, policy: &str| {
        format!(
            "Resources:\n  Store:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: the-store\n{settings}\n  \
             Images:\n    Type: AWS::ECR::Repository\n    Properties: {{RepositoryName: images, {policy}}}\n  \
             Role:\n    Type: AWS::IAM::Role\n    Properties: {{AssumeRolePolicyDocument: {{Statement: []}}}}\n  \
             Profile:\n    Type: AWS::IAM::InstanceProfile\n    Properties: {{Roles: [!Ref Role]}}\n\
             Outputs:\n  Uri: {{Value: !GetAtt Images.RepositoryUri}}\n  Profile: {{Value: !GetAtt Profile.Arn}}\n"
        )
    };
    let settings = "
      AccessControl: Private
      BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}
      CorsConfiguration: {CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ['*'], MaxAge: 60}]}
      LifecycleConfiguration: {Rules: [{Status: Enabled, ExpirationInDays: 1}]}
      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true}
      Tags: [{Key: k, Value: v}]";
    let policy = "RepositoryPolicyText: {Statement: []}, LifecyclePolicy: {LifecyclePolicyText: '{\"rules\": []}'}";
    let stack = endpoint.create("kept", &template(settings, policy)).await;
    assert_eq!(status(&stack), "CREATE_COMPLETE", "{:?}", endpoint.events("kept").await);
    assert_eq!(stack.outputs()[0].output_value(), Some("000000000000.dkr.ecr.us-east-1.amazonaws.com/images"));
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&endpoint.config).force_path_style(true).build(),
    );
    let cors = s3.get_bucket_cors().bucket("the-store").send().await.expect("rules");
    assert_eq!(cors.cors_rules()[0].max_age_seconds(), Some(60));
    let fabric = endpoint.emulator.fabric();
    let ecr = |operation: &'static str| {
        fabric.call("test", "ecr", operation, serde_json::json!({"repositoryName": "images"}))
    };
    assert!(ecr("GetRepositoryPolicy").await.is_ok() && ecr("GetLifecyclePolicy").await.is_ok());

    let request = endpoint.client.update_stack().stack_name("kept").template_body(template("", ""));
    request.capabilities(Capability::CapabilityIam).send().await.expect("accepted");
    let stack = endpoint.settled("kept").await;
    assert_eq!(status(&stack), "UPDATE_COMPLETE", "{:?}", endpoint.events("kept").await);
    let code = |error: Option<&str>| error.unwrap_or_default().to_owned();
    let of = |bucket: &str| bucket.to_owned();
    for (gone, expected) in [
        (
            s3.get_bucket_cors().bucket(of("the-store")).send().await.err().map(|error| code(error.code())),
            "NoSuchCORSConfiguration",
        ),
        (
            s3.get_bucket_lifecycle_configuration()
                .bucket(of("the-store"))
                .send()
                .await
                .err()
                .map(|error| code(error.code())),
            "NoSuchLifecycleConfiguration",
        ),
        (
            s3.get_public_access_block().bucket(of("the-store")).send().await.err().map(|error| code(error.code())),
            "NoSuchPublicAccessBlockConfiguration",
        ),
        (
            s3.get_bucket_tagging().bucket(of("the-store")).send().await.err().map(|error| code(error.code())),
            "NoSuchTagSet",
        ),
    ] {
        assert_eq!(gone.as_deref(), Some(expected));
    }
    assert!(ecr("GetRepositoryPolicy").await.is_err() && ecr("GetLifecyclePolicy").await.is_err());
    endpoint.client.delete_stack().stack_name("kept").send().await.expect("accepted");
    let id = stack.stack_id().expect("an id").to_owned();
    assert_eq!(status(&endpoint.settled(&id).await), "DELETE_COMPLETE");
    endpoint.end().await;
}

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
async fn change_sets_preview_and_execute() {
    let endpoint = Endpoint::new().await;
    let make = |kind: ChangeSetType, name: &'static str, suffix: &'static str| {
        let request = endpoint.client.create_change_set().stack_name("pipe").change_set_name(name);
        request.change_set_type(kind).template_body(QUEUES).parameters(parameter("Suffix", suffix)).send()
    };
    let describe = |name: &'static str| {
        endpoint
            .client
            .describe_change_set()
            .stack_name("pipe")
            .change_set_name(name)
            .include_property_values(true)
            .send()
    };
    let execute =
        |name: &'static str| endpoint.client.execute_change_set().stack_name("pipe").change_set_name(name).send();
    make(ChangeSetType::Create, "first", "a").await.expect("made");
    let stacks = endpoint.client.describe_stacks().stack_name("pipe").send().await.expect("in review");
    assert_eq!(status(&stacks.stacks()[0]), "REVIEW_IN_PROGRESS");
    let first = describe("first").await.expect("described");
    let added: Vec<&str> =
        first.changes().iter().filter_map(|change| change.resource_change()?.logical_resource_id()).collect();
    assert_eq!(added, ["Address", "Dead", "Jobs"]);
    execute("first").await.expect("executed");
    assert_eq!(status(&endpoint.settled("pipe").await), "CREATE_COMPLETE");

    make(ChangeSetType::Update, "same", "a").await.expect("made");
    let same = describe("same").await.expect("described");
    assert_eq!(same.status().map(aws_sdk_cloudformation::types::ChangeSetStatus::as_str), Some("FAILED"));
    assert!(same.status_reason().is_some_and(|reason| reason.starts_with("The submitted information didn't contain")));
    assert!(refusal(execute("same").await.expect_err("cannot")).starts_with("InvalidChangeSetStatus"));

    make(ChangeSetType::Update, "second", "b").await.expect("made");
    let second = describe("second").await.expect("described");
    let shown: Vec<(String, String)> = second
        .changes()
        .iter()
        .filter_map(|change| {
            let change = change.resource_change()?;
            let replacement = change.replacement().map_or("", |one| one.as_str());
            Some((change.logical_resource_id()?.to_owned(), replacement.to_owned()))
        })
        .collect();
    let expected = [("Address", "False"), ("Jobs", "True")];
    assert_eq!(shown, expected.map(|(logical, replacement)| (logical.to_owned(), replacement.to_owned())));
    let address = second.changes()[0].resource_change().expect("a change");
    assert!(address.after_context().is_some_and(|after| after.contains("{{changeSet:KNOWN_AFTER_APPLY}}")));
    execute("second").await.expect("executed");
    assert_eq!(status(&endpoint.settled("pipe").await), "UPDATE_COMPLETE");
    assert!(endpoint.physical("pipe", "Jobs").await.ends_with("/jobs-b"));
    endpoint.end().await;
}

#[tokio::test]
async fn change_sets_are_listed_and_deleted_and_a_stack_in_review_goes_with_its_deletion() {
    let endpoint = Endpoint::new().await;
    let make = |kind: ChangeSetType, name: &'static str| {
        let request =
            endpoint.client.create_change_set().stack_name("pipe").change_set_name(name).change_set_type(kind);
        request.template_body(QUEUES).parameters(parameter("Suffix", "b")).description("what it does").send()
    };
    let list = async || {
        let answer = endpoint.client.list_change_sets().stack_name("pipe").send().await.expect("a list");
        let line = |set: &ChangeSetSummary| {
            let status = set.status().map_or("", |status| status.as_str());
            let execution = set.execution_status().map_or("", |status| status.as_str());
            format!(
                "{} {status} {execution} {}",
                set.change_set_name().unwrap_or_default(),
                set.description().unwrap_or_default()
            )
        };
        answer.summaries().iter().map(line).collect::<Vec<_>>()
    };
    let delete =
        |name: &'static str| endpoint.client.delete_change_set().stack_name("pipe").change_set_name(name).send();
    make(ChangeSetType::Create, "first").await.expect("made");
    make(ChangeSetType::Create, "second").await.expect("made");
    let mut listed = list().await;
    listed.sort();
    assert_eq!(listed, ["first", "second"].map(|name| format!("{name} CREATE_COMPLETE AVAILABLE what it does")));
    delete("first").await.expect("deleted");
    assert_eq!(list().await, ["second CREATE_COMPLETE AVAILABLE what it does"]);
    let gone = endpoint.client.describe_change_set().stack_name("pipe").change_set_name("first").send().await;
    assert!(refusal(gone.expect_err("gone")).starts_with("ChangeSetNotFound"));
    delete("second").await.expect("deleted");
    delete("second").await.expect("once more changes nothing");
    // A stack that was never made is deleted with no trace of resources.
    endpoint.client.delete_stack().stack_name("pipe").send().await.expect("deleted");
    let gone = endpoint.client.describe_stacks().stack_name("pipe").send().await;
    assert_eq!(refusal(gone.expect_err("gone")), "ValidationError: Stack with id pipe does not exist");
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
    let request = request.template_body(include_str!("../../stacks/event-processing.yaml"));
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
