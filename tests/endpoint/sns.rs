//! Topics: from their operations to queues, functions' events and other services. There is no SNS client here, so that
//! calls go through the fabric, as other services make them, and over raw HTTP.

use aws_sdk_sqs::Client as Sqs;
use serde_json::{Value, json};
use vaultscope::emulator::{Emulator, ServiceError};

use crate::support::start;

const DIRECT: &str = "test";

pub async fn call(emulator: &Emulator, operation: &str, input: Value) -> Result<Value, ServiceError> {
    emulator.fabric().call(DIRECT, "sns", operation, input).await
}

pub async fn topic(emulator: &Emulator, name: &str) -> String {
    let made = call(emulator, "CreateTopic", json!({ "Name": name })).await.expect("a topic");
    made["TopicArn"].as_str().expect("an arn").to_owned()
}

pub async fn queue(sqs: &Sqs, name: &str) -> (String, String) {
    let url = sqs.create_queue().queue_name(name).send().await.expect("created").queue_url.expect("a url");
    (url, format!("arn:aws:sqs:us-east-1:000000000000:{name}"))
}

async fn received(sqs: &Sqs, url: &str) -> aws_sdk_sqs::types::Message {
    let answer = sqs.receive_message().queue_url(url).wait_time_seconds(20).message_attribute_names("All");
    let answer = answer.send().await.expect("an answer");
    let message = answer.messages().first().expect("a message").clone();
    let receipt = message.receipt_handle().expect("a receipt");
    sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.expect("deleted");
    message
}

#[tokio::test]
async fn a_message_reaches_queues_in_its_envelope_or_raw_as_their_policies_want_it() {
    let (emulator, config) = start().await;
    let sqs = Sqs::new(&config);
    let arn = topic(&emulator, "t").await;
    let ((plain, plain_arn), (raw, raw_arn)) = (queue(&sqs, "plain").await, queue(&sqs, "raw").await);
    let subscribe = |endpoint: &str, attributes: Value| json!({"TopicArn": arn, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes});
    call(&emulator, "Subscribe", subscribe(&plain_arn, json!({}))).await.expect("subscribed");
    let policy = json!({"order": {"total": [{"numeric": [">", 10]}]}}).to_string();
    let filtered = json!({"RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody", "FilterPolicy": policy});
    call(&emulator, "Subscribe", subscribe(&raw_arn, filtered)).await.expect("subscribed");
    for total in [5, 50] {
        let message = json!({
            "TopicArn": arn, "Message": json!({"order": {"total": total}}).to_string(), "Subject": "s",
            "MessageAttributes": {"a": {"DataType": "String", "StringValue": "x"}},
        });
        call(&emulator, "Publish", message).await.expect("published");
    }
    let envelopes = [received(&sqs, &plain).await, received(&sqs, &plain).await];
    let body = envelopes.iter().map(|message| message.body().expect("a body")).find(|body| body.contains("50"));
    let body = body.expect("both messages reach the queue that wants all");
    assert!(body.starts_with("{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : "), "{body}");
    let envelope: serde_json::Map<String, Value> = serde_json::from_str(body).expect("JSON");
    let names: Vec<&str> = envelope.keys().map(String::as_str).collect();
    let expected = [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
        "MessageAttributes",
    ];
    assert_eq!(names, expected);
    let message = received(&sqs, &raw).await;
    assert_eq!(message.body(), Some(r#"{"order":{"total":50}}"#));
    let attributes = message.message_attributes().expect("attributes");
    assert_eq!(attributes["a"].string_value(), Some("x"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_message_that_cannot_arrive_is_a_dead_letter_with_its_reason() {
    let (emulator, config) = start().await;
    let sqs = Sqs::new(&config);
    let arn = topic(&emulator, "t").await;
    let (dead, dead_arn) = queue(&sqs, "dead").await;
    let gone = "arn:aws:lambda:us-east-1:000000000000:function:gone";
    let redrive = json!({"deadLetterTargetArn": dead_arn}).to_string();
    let input =
        json!({"TopicArn": arn, "Protocol": "lambda", "Endpoint": gone, "Attributes": {"RedrivePolicy": redrive}});
    let subscription = call(&emulator, "Subscribe", input).await.expect("subscribed")["SubscriptionArn"].clone();
    call(&emulator, "Publish", json!({"TopicArn": arn, "Message": "m"})).await.expect("published");
    let letter = received(&sqs, &dead).await;
    let event: Value = serde_json::from_str(letter.body().expect("a body")).expect("JSON");
    let record = &event["Records"][0];
    assert_eq!((&record["EventSource"], &record["EventSubscriptionArn"]), (&json!("aws:sns"), &subscription));
    assert_eq!((&record["Sns"]["Message"], &record["Sns"]["Subject"]), (&json!("m"), &Value::Null));
    let attributes = letter.message_attributes().expect("attributes");
    assert_eq!(attributes["ErrorCode"].string_value(), Some("ResourceNotFoundException"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_rule_publishes_to_a_topic_whose_policy_lets_it_and_to_no_other() {
    let (emulator, config) = start().await;
    let (sqs, events) = (Sqs::new(&config), aws_sdk_eventbridge::Client::new(&config));
    let arn = topic(&emulator, "t").await;
    let ((url, queue_arn), (dead, dead_arn)) = (queue(&sqs, "q").await, queue(&sqs, "dead").await);
    let input = json!({
        "TopicArn": arn, "Protocol": "sqs", "Endpoint": queue_arn, "Attributes": {"RawMessageDelivery": "true"},
    });
    call(&emulator, "Subscribe", input).await.expect("subscribed");
    events.put_rule().name("r").event_pattern(r#"{"source":["s"]}"#).send().await.expect("a rule");
    let letters = aws_sdk_eventbridge::types::DeadLetterConfig::builder().arn(&dead_arn).build();
    let target = aws_sdk_eventbridge::types::Target::builder().id("1").arn(&arn).dead_letter_config(letters);
    events.put_targets().rule("r").targets(target.build().expect("a target")).send().await.expect("targets");
    let put = || {
        let entry =
            aws_sdk_eventbridge::types::PutEventsRequestEntry::builder().source("s").detail_type("t").detail("{}");
        events.put_events().entries(entry.build()).send()
    };
    put().await.expect("put");
    let letter = received(&sqs, &dead).await;
    let attributes = letter.message_attributes().expect("attributes");
    assert_eq!(attributes["ERROR_CODE"].string_value(), Some("AuthorizationError"));
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": arn,
    }]});
    let input = json!({"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": policy.to_string()});
    call(&emulator, "SetTopicAttributes", input).await.expect("set");
    put().await.expect("put");
    let message = received(&sqs, &url).await;
    let event: Value = serde_json::from_str(message.body().expect("a body")).expect("JSON");
    assert_eq!(event["source"], "s");
    emulator.shutdown().await;
}

#[tokio::test]
async fn mail_goes_nowhere_but_into_the_trace() {
    let (emulator, _) = start().await;
    let arn = topic(&emulator, "t").await;
    let input =
        json!({"TopicArn": arn, "Protocol": "email", "Endpoint": "a@example.com", "ReturnSubscriptionArn": true});
    let subscription = call(&emulator, "Subscribe", input).await.expect("subscribed")["SubscriptionArn"].clone();
    let subscription = subscription.as_str().expect("an arn");
    let hops = || emulator.fabric().hops(100).0.into_iter().filter(|hop| hop.to == subscription).collect::<Vec<_>>();
    let token = hops()[0].subject.to_string();
    call(&emulator, "Publish", json!({"TopicArn": arn, "Message": "before"})).await.expect("published");
    let input = json!({"TopicArn": arn, "Token": token});
    let confirmed = call(&emulator, "ConfirmSubscription", input.clone()).await.expect("confirmed");
    assert_eq!(confirmed["SubscriptionArn"], subscription);
    assert_eq!(call(&emulator, "ConfirmSubscription", input).await.expect("again"), confirmed);
    let id = call(&emulator, "Publish", json!({"TopicArn": arn, "Message": "after"})).await.expect("published");
    let id = id["MessageId"].as_str().expect("an id").to_owned();
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while !hops().iter().any(|hop| *hop.subject == *id) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the mail is in the trace");
    assert_eq!(hops().len(), 2);
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_sns_has_not_is_refused_by_name() {
    let (emulator, _) = start().await;
    let arn = topic(&emulator, "t").await;
    let code = |answer: Result<Value, ServiceError>| answer.expect_err("refused").code.to_string();
    let fifo = json!({"Name": "t.fifo", "Attributes": {"FifoTopic": "true"}});
    assert_eq!(code(call(&emulator, "CreateTopic", fifo).await), "NotImplemented");
    let https = json!({"TopicArn": arn, "Protocol": "https", "Endpoint": "https://example.com"});
    assert_eq!(code(call(&emulator, "Subscribe", https).await), "NotImplemented");
    let phone = json!({"PhoneNumber": "+4912345", "Message": "m"});
    assert_eq!(code(call(&emulator, "Publish", phone).await), "NotImplemented");
    let gone = json!({"TopicArn": format!("{arn}x"), "Message": "m"});
    assert_eq!(code(call(&emulator, "Publish", gone).await), "NotFoundException");
    for (operation, input) in [
        ("CreateTopic", json!({"Name": "a b"})),
        ("Publish", json!({"TopicArn": "t", "Message": "m"})),
        ("Subscribe", json!({"TopicArn": arn, "Protocol": "sqs", "Endpoint": "q"})),
        ("SetTopicAttributes", json!({"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": "[]"})),
        ("GetSubscriptionAttributes", json!({"SubscriptionArn": "x"})),
    ] {
        assert_eq!(code(call(&emulator, operation, input).await), "InvalidParameterException", "{operation}");
    }
    emulator.shutdown().await;
}
