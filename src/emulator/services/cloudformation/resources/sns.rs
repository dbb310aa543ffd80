//! `AWS::SNS::Topic`, `AWS::SNS::Subscription` and `AWS::SNS::TopicPolicy`.

use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

/// Properties that are topic attributes of the same name, with what they are when the template does not say.
const TOPIC_ATTRIBUTES: [(&str, &str); 4] =
    [("DisplayName", ""), ("KmsMasterKeyId", ""), ("SignatureVersion", "1"), ("TracingConfig", "PassThrough")];

const ENDPOINT: Shape =
    Shape::Object(&[property("Endpoint", Shape::Text).required(), property("Protocol", Shape::Text).required()]);

const TOPIC: &[Property] = &[
    property("ContentBasedDeduplication", Shape::Flag),
    property("DisplayName", Shape::Text),
    property("FifoTopic", Shape::Flag).replaces(),
    property("KmsMasterKeyId", Shape::Text),
    property("SignatureVersion", Shape::Text),
    property("Subscription", Shape::List(&ENDPOINT)),
    property("Tags", TAGS),
    property("TopicName", Shape::Text).replaces(),
    property("TracingConfig", Shape::Text),
];

const TAGGING: Tagging =
    Tagging { service: "sns", operations: UNTAG_AND_TAG, members: ["ResourceArn", "TagKeys", "Tags"] };

provider!(Topic, "AWS::SNS::Topic", TOPIC, Some("TopicName"), create, update, delete);

fn endpoints(properties: &Value) -> Vec<&Value> {
    properties["Subscription"].as_array().into_iter().flatten().collect()
}

async fn subscribe_all(request: Request<'_>, arn: &str, endpoints: &[&Value]) -> Result<(), Failure> {
    for endpoint in endpoints {
        let input = json!({"TopicArn": arn, "Protocol": endpoint["Protocol"], "Endpoint": endpoint["Endpoint"]});
        request.call("sns", "Subscribe", input).await?;
    }
    Ok(())
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let mut attributes: Map<String, Value> = TOPIC_ATTRIBUTES
        .iter()
        .filter_map(|(name, _)| Some(((*name).to_owned(), request.properties.get(*name)?.clone())))
        .collect();
    for name in ["FifoTopic", "ContentBasedDeduplication"] {
        if request.get(name) == &Value::Bool(true) {
            attributes.insert(name.to_owned(), "true".into());
        }
    }
    let input = json!({
        "Name": request.name("TopicName", 256), "Attributes": attributes, "Tags": request.tag_list(),
    });
    let created = request.call("sns", "CreateTopic", input).await?;
    let arn = created["TopicArn"].as_str().unwrap_or_default();
    let subscribed = subscribe_all(request, arn, &endpoints(request.properties)).await;
    subscribed.map_err(|failure| failure.after(arn))?;
    Ok(made(arn))
}

async fn update(request: Request<'_>, arn: &str, before: &Value) -> Result<Made, Failure> {
    for (name, default) in TOPIC_ATTRIBUTES {
        let (old, new) = (before.get(name), request.properties.get(name));
        if old != new {
            let value = new.and_then(Value::as_str).unwrap_or(default);
            let input = json!({"TopicArn": arn, "AttributeName": name, "AttributeValue": value});
            request.call("sns", "SetTopicAttributes", input).await?;
        }
    }
    let (old, new) = (endpoints(before), endpoints(request.properties));
    let gone: Vec<&&Value> = old.iter().filter(|endpoint| !new.contains(endpoint)).collect();
    if !gone.is_empty() {
        unsubscribe(request, arn, &gone).await?;
    }
    let added: Vec<&Value> = new.into_iter().filter(|endpoint| !old.contains(endpoint)).collect();
    subscribe_all(request, arn, &added).await?;
    request.retag(&TAGGING, arn, request.tag_list(), before).await?;
    Ok(made(arn))
}

async fn unsubscribe(request: Request<'_>, arn: &str, gone: &[&&Value]) -> Result<(), Failure> {
    let mut token = Value::Null;
    loop {
        let input = json!({"TopicArn": arn, "NextToken": token});
        let page = request.call("sns", "ListSubscriptionsByTopic", input).await?;
        for known in page["Subscriptions"].as_array().into_iter().flatten() {
            let is_gone = |one: &&&Value| one["Endpoint"] == known["Endpoint"] && one["Protocol"] == known["Protocol"];
            if gone.iter().any(is_gone) && known["SubscriptionArn"] != "PendingConfirmation" {
                let input = json!({"SubscriptionArn": known["SubscriptionArn"]});
                request.call("sns", "Unsubscribe", input).await?;
            }
        }
        token = page["NextToken"].clone();
        if token.is_null() {
            return Ok(());
        }
    }
}

async fn delete(request: Request<'_>, arn: &str) -> Result<(), Failure> {
    request.call("sns", "DeleteTopic", json!({"TopicArn": arn})).await.map(|_| ())
}

fn made(arn: &str) -> Made {
    Made::new(arn).with("TopicArn", arn).with("TopicName", arn.rsplit(':').next().unwrap_or_default())
}

/// Properties of a subscription that are attributes of the same name, with what they are when the template does not say.
const ATTRIBUTES: [(&str, &str); 6] = [
    ("DeliveryPolicy", ""),
    ("FilterPolicyScope", "MessageAttributes"),
    ("FilterPolicy", ""),
    ("RawMessageDelivery", "false"),
    ("RedrivePolicy", ""),
    ("SubscriptionRoleArn", ""),
];

const SUBSCRIPTION: &[Property] = &[
    property("DeliveryPolicy", Shape::Document),
    property("Endpoint", Shape::Text).replaces(),
    property("FilterPolicy", Shape::Document),
    property("FilterPolicyScope", Shape::Text),
    property("Protocol", Shape::Text).required().replaces(),
    property("RawMessageDelivery", Shape::Flag),
    property("RedrivePolicy", Shape::Document),
    property("Region", Shape::Text),
    property("SubscriptionRoleArn", Shape::Text),
    property("TopicArn", Shape::Text).required().replaces(),
];

provider!(
    Subscription,
    "AWS::SNS::Subscription",
    SUBSCRIPTION,
    None,
    create_subscription,
    update_subscription,
    delete_subscription
);

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn create_subscription(request: Request<'_>) -> Result<Made, Failure> {
    let attributes: Map<String, Value> = ATTRIBUTES
        .iter()
        .filter_map(|(name, _)| Some(((*name).to_owned(), Value::from(text(request.properties.get(*name)?)))))
        .collect();
    let mut input = request.members(&["TopicArn", "Protocol", "Endpoint"]);
    input.insert("Attributes".to_owned(), attributes.into());
    input.insert("ReturnSubscriptionArn".to_owned(), true.into());
    let created = request.call("sns", "Subscribe", input).await?;
    let arn = created["SubscriptionArn"].as_str().unwrap_or_default();
    Ok(Made::new(arn).with("Arn", arn))
}

async fn update_subscription(request: Request<'_>, arn: &str, before: &Value) -> Result<Made, Failure> {
    for (name, default) in ATTRIBUTES {
        let (old, new) = (before.get(name), request.properties.get(name));
        if old != new {
            let value = new.map_or_else(|| default.to_owned(), text);
            let input = json!({"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value});
            request.call("sns", "SetSubscriptionAttributes", input).await?;
        }
    }
    Ok(Made::new(arn).with("Arn", arn))
}

async fn delete_subscription(request: Request<'_>, arn: &str) -> Result<(), Failure> {
    request.call("sns", "Unsubscribe", json!({"SubscriptionArn": arn})).await.map(|_| ())
}

const POLICY: &[Property] =
    &[property("PolicyDocument", Shape::Document).required(), property("Topics", TEXT_LIST).required()];

provider!(TopicPolicy, "AWS::SNS::TopicPolicy", POLICY, None, create_policy, update_policy, delete_policy);

fn topics(properties: &Value) -> Vec<&str> {
    properties["Topics"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

async fn set_policy(request: Request<'_>, topics: &[&str], policy: &str) -> Result<(), Failure> {
    for arn in topics {
        let input = json!({"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": policy});
        request.call("sns", "SetTopicAttributes", input).await?;
    }
    Ok(())
}

async fn create_policy(request: Request<'_>) -> Result<Made, Failure> {
    set_policy(request, &topics(request.properties), &request.get("PolicyDocument").to_string()).await?;
    let id = request.name("", 128);
    Ok(Made::new(id.as_str()).with("Id", id))
}

async fn update_policy(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    let kept = topics(request.properties);
    let gone: Vec<&str> = topics(before).into_iter().filter(|arn| !kept.contains(arn)).collect();
    set_policy(request, &gone, "").await?;
    set_policy(request, &kept, &request.get("PolicyDocument").to_string()).await?;
    Ok(Made::new(id).with("Id", id))
}

async fn delete_policy(request: Request<'_>, _: &str) -> Result<(), Failure> {
    set_policy(request, &topics(request.properties), "").await
}
