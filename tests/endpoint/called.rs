//! What is told of a call as an `aws` command, of calls that the real clients make: one operation of each kind of request.

use aws_sdk_cloudformation::types::{Capability, ChangeSetType, Parameter};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Tag, Tagging};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use vaultscope::aws::{Access, Clients, Target};

use crate::support::start;

async fn clients(url: &str) -> Clients {
    Clients::connect(Target::endpoint(url, Some("us-east-1")).expect("a valid url"), Access::Write, "").await
}

/// The command of an operation's last call, and of its last that failed.
fn told(clients: &Clients, operation: &str) -> (String, Option<String>) {
    let rows = clients.meter().activity_since(0).rows;
    let row = rows.into_iter().find(|row| row.operation == operation).unwrap_or_else(|| panic!("{operation}"));
    let command = row.command.unwrap_or_else(|| panic!("a command of {operation}"));
    (command.to_string(), row.failed_command.map(|command| command.to_string()))
}

#[tokio::test]
async fn calls_of_json_and_of_forms_are_told_with_what_they_asked() {
    let (emulator, _) = start().await;
    let clients = clients(&emulator.url()).await;
    clients.sts.get_caller_identity().send().await.expect("an identity");
    assert_eq!(told(&clients, "GetCallerIdentity"), ("aws sts get-caller-identity".to_owned(), None));

    let parameter = |key: &str| Parameter::builder().parameter_key(key);
    let refused = clients.cloudformation.create_change_set().stack_name("s").change_set_name("c");
    let refused = refused.change_set_type(ChangeSetType::Update).template_body("a: 'b'\n".repeat(9_000));
    let refused = refused.parameters(parameter("P").use_previous_value(true).build());
    let refused = refused.parameters(parameter("Q").parameter_value("it's & ü").build());
    refused.capabilities(Capability::CapabilityIam).send().await.expect_err("no such stack");
    let change = "aws cloudformation create-change-set --stack-name s --template-body file://TEMPLATE --parameters \
         '[{\"ParameterKey\":\"P\",\"UsePreviousValue\":true},{\"ParameterKey\":\"Q\",\"ParameterValue\":\"it'\\''s & ü\"}]' \
         --capabilities CAPABILITY_IAM --change-set-name c --change-set-type UPDATE";
    assert_eq!(told(&clients, "CreateChangeSet"), (change.to_owned(), Some(change.to_owned())));

    let query = clients.dynamodb.query().table_name("t").key_condition_expression("setId = :set");
    let query = query.expression_attribute_values(":set", AttributeValue::S("x".to_owned())).consistent_read(false);
    query.send().await.expect_err("no such table");
    let query = r#"aws dynamodb query --table-name t --no-consistent-read --key-condition-expression 'setId = :set' --expression-attribute-values '{":set":{"S":"x"}}' --no-paginate"#;
    assert_eq!(told(&clients, "Query").0, query);

    let logs = clients.logs.filter_log_events().log_group_name("/aws/g").start_time(1_604_577_600_000).limit(5);
    logs.filter_pattern("-\"a\"").send().await.expect_err("no such group");
    assert_eq!(
        told(&clients, "FilterLogEvents").0,
        "aws logs filter-log-events --log-group-name /aws/g --start-time 1604577600000 --filter-pattern='-\"a\"' \
         --limit 5 --no-paginate"
    );

    let entry = PutEventsRequestEntry::builder().source("mine").detail_type("d").detail(r#"{"a":"it's"}"#).build();
    clients.events.put_events().entries(entry).send().await.expect("accepted");
    let events =
        r#"aws events put-events --entries '[{"Source":"mine","DetailType":"d","Detail":"{\"a\":\"it'\''s\"}"}]'"#;
    assert_eq!(told(&clients, "PutEvents"), (events.to_owned(), None));

    let queue = clients.sqs.create_queue().queue_name("q").send().await.expect("made").queue_url.expect("a URL");
    let entry = SendMessageBatchRequestEntry::builder().id("1").message_body("hello").build().expect("an entry");
    clients.sqs.send_message_batch().queue_url(&queue).entries(entry).send().await.expect("sent");
    let sent =
        format!(r#"aws sqs send-message-batch --queue-url {queue} --entries '[{{"Id":"1","MessageBody":"hello"}}]'"#);
    assert_eq!(told(&clients, "SendMessageBatch").0, sent);
    let asked = clients.sqs.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::All);
    asked.send().await.expect("attributes");
    let asked = format!("aws sqs get-queue-attributes --queue-url {queue} --attribute-names All");
    assert_eq!(told(&clients, "GetQueueAttributes").0, asked);

    let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
    clients.states.start_execution().state_machine_arn(arn).input(r#"{"a": 1}"#).send().await.expect_err("no machine");
    let started = format!(r#"aws stepfunctions start-execution --state-machine-arn {arn} --input '{{"a": 1}}'"#);
    assert_eq!(told(&clients, "StartExecution").0, started);

    clients.scheduler.get_schedule().name("daily").group_name("g").send().await.expect_err("no such schedule");
    assert_eq!(told(&clients, "GetSchedule").0, "aws scheduler get-schedule --name daily --group-name g");
    emulator.end().await;
}

#[tokio::test]
async fn calls_of_s3_are_told_with_bucket_and_key_and_never_with_what_objects_hold() {
    let (emulator, _) = start().await;
    let clients = clients(&emulator.url()).await;
    let s3 = &clients.s3;
    s3.create_bucket().bucket("b").send().await.expect_err("a name is longer");
    s3.create_bucket().bucket("bucket").send().await.expect("made");
    let put = s3.put_object().bucket("bucket").key("dir/a b").body(b"content of it".to_vec().into());
    put.metadata("mode", "0644").send().await.expect("put");
    let (put, _) = told(&clients, "PutObject");
    assert!(put.starts_with("aws s3api put-object --bucket bucket --key 'dir/a b' "), "{put}");
    assert!(put.ends_with(r#" --metadata '{"mode":"0644"}' --body FILE"#) && !put.contains("chunked"), "{put}");
    s3.put_object().bucket("bucket").key("dir/").send().await.expect("put");
    let (folder, _) = told(&clients, "PutObject");
    assert!(folder.contains(" --key dir/") && !folder.contains("FILE"), "{folder}");

    let get = s3.get_object().bucket("bucket").key("dir/a b").range("bytes=0-3");
    get.send().await.expect("an object").body.collect().await.expect("its bytes");
    let (get, _) = told(&clients, "GetObject");
    assert!(get.starts_with("aws s3api get-object --bucket bucket --key 'dir/a b' "), "{get}");
    assert!(get.contains(" --range bytes=0-3") && get.ends_with(" FILE"), "{get}");
    s3.head_object().bucket("bucket").key("gone").send().await.expect_err("not there");
    let (head, failed) = told(&clients, "HeadObject");
    assert_eq!((Some(&head), head.as_str()), (failed.as_ref(), "aws s3api head-object --bucket bucket --key gone"));
    let list = s3.list_objects_v2().bucket("bucket").prefix("dir/").delimiter("/").max_keys(1);
    let next = list.send().await.expect("a page").next_continuation_token.expect("a token");
    assert_eq!(
        told(&clients, "ListObjectsV2").0,
        "aws s3api list-objects-v2 --bucket bucket --delimiter / --max-keys 1 --prefix dir/ --no-paginate"
    );
    s3.list_objects_v2().bucket("bucket").continuation_token(&next).send().await.expect("a page");
    assert!(told(&clients, "ListObjectsV2").0.contains(" --continuation-token"), "{next}");

    let begun = s3.create_multipart_upload().bucket("bucket").key("whole").send().await.expect("begun");
    let id = begun.upload_id.expect("an id");
    let part = s3.upload_part_copy().bucket("bucket").key("whole").upload_id(&id).part_number(1);
    let part = part.copy_source("bucket/dir/a%20b").send().await.expect("copied");
    let copied = format!(
        "aws s3api upload-part-copy --bucket bucket --key whole --part-number 1 --upload-id {id} --copy-source \
         'bucket/dir/a b'"
    );
    assert_eq!(told(&clients, "UploadPartCopy").0, copied);
    let etag = part.copy_part_result.and_then(|part| part.e_tag).expect("an ETag");
    let parts = CompletedMultipartUpload::builder().parts(CompletedPart::builder().e_tag(&etag).part_number(1).build());
    let whole = s3.complete_multipart_upload().bucket("bucket").key("whole").upload_id(&id);
    whole.multipart_upload(parts.build()).send().await.expect("completed");
    let etag = etag.replace('"', "\\\"");
    let completed = format!(
        "aws s3api complete-multipart-upload --bucket bucket --key whole --upload-id {id} --multipart-upload \
         '{{\"Parts\":[{{\"ETag\":\"{etag}\",\"PartNumber\":1}}]}}'"
    );
    assert_eq!(told(&clients, "CompleteMultipartUpload").0, completed);
    let tags = Tagging::builder().tag_set(Tag::builder().key("k").value("v").build().expect("a tag"));
    let tagged = s3.put_object_tagging().bucket("bucket").key("whole").tagging(tags.build().expect("tags"));
    tagged.send().await.expect("tagged");
    let tagged =
        r#"aws s3api put-object-tagging --bucket bucket --key whole --tagging '{"TagSet":[{"Key":"k","Value":"v"}]}'"#;
    assert_eq!(told(&clients, "PutObjectTagging").0, tagged);
    s3.delete_object().bucket("bucket").key("whole").send().await.expect("deleted");
    assert_eq!(told(&clients, "DeleteObject").0, "aws s3api delete-object --bucket BUCKET --key KEY");

    let all = format!("{:?}", clients.meter().activity_since(0));
    assert!(!all.contains("content of it") && !all.to_lowercase().contains("authorization"), "{all}");
    emulator.end().await;
}
