//! Resource types: what their providers make, change and delete.

use std::time::Duration;

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::Capability;

use super::{Endpoint, parameter, status};

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
