//! `AWS::Logs::LogGroup` and `AWS::Logs::ResourcePolicy`.

use serde_json::{Value, json};

use super::schema::{Property, Shape, TAGS, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

const GROUP: &[Property] = &[
    property("KmsKeyId", Shape::Text),
    property("LogGroupClass", Shape::Text),
    property("LogGroupName", Shape::Text).replaces(),
    property("RetentionInDays", Shape::Integer),
    property("Tags", TAGS),
];

const TAGGING: Tagging =
    Tagging { service: "logs", operations: UNTAG_AND_TAG, members: ["resourceArn", "tagKeys", "tags"] };

provider!(LogGroup, "AWS::Logs::LogGroup", GROUP, Some("LogGroupName"), create, update, delete);

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("LogGroupName", 512);
    let mut input = json!({"logGroupName": name});
    for (from, to) in [("KmsKeyId", "kmsKeyId"), ("LogGroupClass", "logGroupClass")] {
        if let Some(value) = request.properties.get(from) {
            input[to] = value.clone();
        }
    }
    if !request.tags().is_empty() {
        input["tags"] = request.tag_map();
    }
    request.call("logs", "CreateLogGroup", input).await?;
    retain(request, &name, &Value::Null).await.map_err(|failure| failure.after(&name))?;
    Ok(made(request, &name))
}

async fn retain(request: Request<'_>, name: &str, before: &Value) -> Result<(), Failure> {
    let (old, new) = (before.get("RetentionInDays"), request.properties.get("RetentionInDays"));
    if old == new {
        return Ok(());
    }
    match new {
        Some(days) => {
            let input = json!({"logGroupName": name, "retentionInDays": days});
            request.call("logs", "PutRetentionPolicy", input).await?
        }
        None => request.call("logs", "DeleteRetentionPolicy", json!({"logGroupName": name})).await?,
    };
    Ok(())
}

async fn update(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    retain(request, name, before).await?;
    let arn = request.fabric.arn("logs", format!("log-group:{name}")).to_string();
    request.retag(&TAGGING, arn, request.tag_map(), before).await?;
    Ok(made(request, name))
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("logs", "DeleteLogGroup", json!({"logGroupName": name})).await.map(|_| ())
}

fn made(request: Request<'_>, name: &str) -> Made {
    Made::new(name).with("Arn", request.fabric.arn("logs", format!("log-group:{name}:*")).to_string())
}

const POLICY: &[Property] =
    &[property("PolicyDocument", Shape::Text).required(), property("PolicyName", Shape::Text).required().replaces()];

provider!(ResourcePolicy, "AWS::Logs::ResourcePolicy", POLICY, Some("PolicyName"), put, update_policy, unput);

async fn put(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.text("PolicyName");
    let input = json!({"policyName": name, "policyDocument": request.text("PolicyDocument")});
    request.call("logs", "PutResourcePolicy", input).await?;
    Ok(Made::new(name))
}

async fn update_policy(request: Request<'_>, _: &str, _: &Value) -> Result<Made, Failure> {
    put(request).await
}

async fn unput(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("logs", "DeleteResourcePolicy", json!({"policyName": name})).await.map(|_| ())
}
