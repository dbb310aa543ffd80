//! `AWS::SQS::Queue` and `AWS::SQS::QueuePolicy`.

use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use super::tags::Tagging;
use super::{Failure, Made, Request, provider};

/// Properties that are queue attributes of the same name.
const ATTRIBUTES: [&str; 7] = [
    "DelaySeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

const DOCUMENTS: [&str; 2] = ["RedriveAllowPolicy", "RedrivePolicy"];

const QUEUE: &[Property] = &[
    property("DelaySeconds", Shape::Integer),
    property("KmsMasterKeyId", Shape::Text),
    property("MaximumMessageSize", Shape::Integer),
    property("MessageRetentionPeriod", Shape::Integer),
    property("QueueName", Shape::Text).replaces(),
    property("ReceiveMessageWaitTimeSeconds", Shape::Integer),
    property("RedriveAllowPolicy", Shape::Document),
    property("RedrivePolicy", Shape::Document),
    property("SqsManagedSseEnabled", Shape::Flag),
    property("Tags", TAGS),
    property("VisibilityTimeout", Shape::Integer),
];

const TAGGING: Tagging =
    Tagging { service: "sqs", operations: ["UntagQueue", "TagQueue"], members: ["QueueUrl", "TagKeys", "Tags"] };

provider!(Queue, "AWS::SQS::Queue", QUEUE, Some("QueueName"), create, update, delete);

/// What a property is when the template does not say.
fn default_of(attribute: &str) -> &'static str {
    match attribute {
        "MaximumMessageSize" => "1048576",
        "MessageRetentionPeriod" => "345600",
        "VisibilityTimeout" => "30",
        "SqsManagedSseEnabled" => "true",
        "DelaySeconds" | "ReceiveMessageWaitTimeSeconds" => "0",
        _ => "",
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Attributes that differ from `before`; one that is gone gets its default.
fn attributes(request: Request<'_>, before: &Value) -> Map<String, Value> {
    let mut changed = Map::new();
    for name in ATTRIBUTES.into_iter().chain(DOCUMENTS) {
        let (old, new) = (before.get(name), request.properties.get(name));
        if old != new {
            changed.insert(name.to_owned(), Value::from(new.map_or_else(|| default_of(name).to_owned(), text)));
        }
    }
    changed
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("QueueName", 80);
    let input = json!({
        "QueueName": name,
        "Attributes": attributes(request, &Value::Null),
        "tags": request.tag_map(),
    });
    let created = request.call("sqs", "CreateQueue", input).await?;
    let url = created["QueueUrl"].as_str().unwrap_or_default();
    Ok(made(request, url))
}

async fn update(request: Request<'_>, url: &str, before: &Value) -> Result<Made, Failure> {
    let changed = attributes(request, before);
    if !changed.is_empty() {
        request.call("sqs", "SetQueueAttributes", json!({"QueueUrl": url, "Attributes": changed})).await?;
    }
    request.retag(&TAGGING, url, request.tag_map(), before).await?;
    Ok(made(request, url))
}

async fn delete(request: Request<'_>, url: &str) -> Result<(), Failure> {
    request.call("sqs", "DeleteQueue", json!({"QueueUrl": url})).await.map(|_| ())
}

fn made(request: Request<'_>, url: &str) -> Made {
    let name = url.rsplit('/').next().unwrap_or_default();
    Made::new(url)
        .with("Arn", request.fabric.arn("sqs", name).to_string())
        .with("QueueName", name)
        .with("QueueUrl", url)
}

const POLICY: &[Property] =
    &[property("PolicyDocument", Shape::Document).required(), property("Queues", TEXT_LIST).required()];

provider!(QueuePolicy, "AWS::SQS::QueuePolicy", POLICY, None, create_policy, update_policy, delete_policy);

async fn set_policy(request: Request<'_>, queues: &[&str], policy: &str) -> Result<(), Failure> {
    for url in queues {
        let input = json!({"QueueUrl": url, "Attributes": {"Policy": policy}});
        request.call("sqs", "SetQueueAttributes", input).await?;
    }
    Ok(())
}

fn queues(properties: &Value) -> Vec<&str> {
    properties["Queues"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

async fn create_policy(request: Request<'_>) -> Result<Made, Failure> {
    let policy = request.get("PolicyDocument").to_string();
    set_policy(request, &queues(request.properties), &policy).await?;
    Ok(named(request.name("", 128)))
}

async fn update_policy(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    let kept = queues(request.properties);
    let gone: Vec<&str> = queues(before).into_iter().filter(|url| !kept.contains(url)).collect();
    set_policy(request, &gone, "").await?;
    set_policy(request, &kept, &request.get("PolicyDocument").to_string()).await?;
    Ok(named(id))
}

async fn delete_policy(request: Request<'_>, _: &str) -> Result<(), Failure> {
    set_policy(request, &queues(request.properties), "").await
}

fn named(id: impl Into<String>) -> Made {
    let id = id.into();
    Made::new(id.as_str()).with("Id", id)
}
