//! What a subscriber gets: the notification as AWS writes it for queues, programs and functions, and the questions to programs.
//!
//! `Signature` and `SigningCertURL` are there because readers expect them; there is no key behind them.

use serde_json::{Map, Value, json};

use super::delivery::Ask;
use super::message::{Attribute, Message};
use super::subscription::{Protocol, Subscription};
use crate::emulator::Fabric;

const SIGNATURE: &str = "EXAMPLE";

fn attributes(message: &Message) -> Map<String, Value> {
    let told = |(name, one): &(String, Attribute)| (name.clone(), json!({ "Type": one.data_type, "Value": one.value }));
    message.attributes.iter().map(told).collect()
}

fn certificate_url(fabric: &Fabric) -> String {
    format!("https://sns.{}.amazonaws.com/SimpleNotificationService-EXAMPLE.pem", fabric.identity().region)
}

fn unsubscribe_url(fabric: &Fabric, subscription: &str) -> String {
    format!("{}/?Action=Unsubscribe&SubscriptionArn={subscription}", fabric.url())
}

/// The notification as the body of a queue's message or of a post: AWS writes a member a line.
pub fn for_queue(fabric: &Fabric, topic: &str, subscription: &Subscription, message: &Message) -> String {
    let text = |value: &str| Value::from(value).to_string();
    let mut lines = vec![("Type", text("Notification")), ("MessageId", text(&message.id)), ("TopicArn", text(topic))];
    if let Some(subject) = &message.subject {
        lines.push(("Subject", text(subject)));
    }
    lines.extend([
        ("Message", text(message.text_for(subscription.protocol.name()))),
        ("Timestamp", text(&message.at.iso_millis())),
        ("SignatureVersion", text("1")),
        ("Signature", text(SIGNATURE)),
        ("SigningCertURL", text(&certificate_url(fabric))),
        ("UnsubscribeURL", text(&unsubscribe_url(fabric, &subscription.arn))),
    ]);
    if !message.attributes.is_empty() {
        let each = attributes(message);
        let each: Vec<String> = each.iter().map(|(name, value)| format!("    {} : {value}", text(name))).collect();
        lines.push(("MessageAttributes", format!("{{\n{}\n  }}", each.join(",\n"))));
    }
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("  \"{name}\" : {value}")).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

/// What a program is asked: whether it wants the messages, or wants them no more.
pub fn for_question(fabric: &Fabric, topic: &str, message: &Message, ask: &Ask) -> String {
    let token = ask.token();
    let url = format!("{}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}", fabric.url());
    let lines = [
        ("Type", ask.name()),
        ("MessageId", &message.id),
        ("Token", token),
        ("TopicArn", topic),
        ("Message", &message.text),
        ("SubscribeURL", &url),
        ("Timestamp", &message.at.iso_millis()),
        ("SignatureVersion", "1"),
        ("Signature", SIGNATURE),
        ("SigningCertURL", &certificate_url(fabric)),
    ];
    let lines: Vec<String> =
        lines.iter().map(|(name, value)| format!("  \"{name}\" : {}", Value::from(*value))).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

/// The event of a function.
pub fn for_function(fabric: &Fabric, topic: &str, subscription: &Subscription, message: &Message) -> String {
    json!({
        "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": &*subscription.arn,
            "Sns": {
                "Type": "Notification",
                "MessageId": &*message.id,
                "TopicArn": topic,
                "Subject": message.subject,
                "Message": &**message.text_for(Protocol::Lambda.name()),
                "Timestamp": message.at.iso_millis(),
                "SignatureVersion": "1",
                "Signature": SIGNATURE,
                "SigningCertUrl": certificate_url(fabric),
                "UnsubscribeUrl": unsubscribe_url(fabric, &subscription.arn),
                "MessageAttributes": attributes(message),
            },
        }],
    })
    .to_string()
}
