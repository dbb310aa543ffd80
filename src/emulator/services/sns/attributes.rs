//! The attributes of a topic: which there are, what they may be, and how they are told.

use serde_json::{Map, Value, json};

use super::error::SnsError;
use super::retry::DeliveryPolicy;
use super::topic::Topic;

/// Attributes that are kept and returned without any effect here.
const KEPT: [&str; 4] = ["KmsMasterKeyId", "TracingConfig", "DeliveryPolicy", "DisplayName"];
/// Protocols whose deliveries can be logged.
const LOGGED: [&str; 5] = ["HTTP", "Lambda", "SQS", "Application", "Firehose"];
/// What of a delivery can be logged.
const LOGGED_AS: [&str; 3] = ["SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"];
/// The longest display name.
const LONGEST_DISPLAY_NAME: usize = 100;

/// Refuses a name or a value that topics cannot have.
pub fn check_topic_attribute(name: &str, value: &str) -> Result<(), SnsError> {
    let bad = |problem: &str| Err(SnsError::parameter(problem));
    match name {
        "DisplayName" if value.chars().count() > LONGEST_DISPLAY_NAME => bad("DisplayName"),
        "SignatureVersion" if !matches!(value, "1" | "2") => bad("SignatureVersion"),
        "TracingConfig" if !matches!(value, "PassThrough" | "Active") => bad("TracingConfig"),
        "DeliveryPolicy" if !value.is_empty() => DeliveryPolicy::of_topic(value).map(drop),
        "ContentBasedDeduplication" | "FifoThroughputScope" | "ArchivePolicy" | "FifoTopic" => {
            Err(SnsError::Unsupported(format!("FIFO topics ({name})")))
        }
        "Policy" | "SignatureVersion" => Ok(()),
        _ if KEPT.contains(&name) => Ok(()),
        _ if LOGGED
            .iter()
            .any(|protocol| name.strip_prefix(protocol).is_some_and(|rest| LOGGED_AS.contains(&rest))) =>
        {
            Ok(())
        }
        _ => bad("AttributeName"),
    }
}

/// The policy that a topic has when nobody sets one.
pub fn default_policy(arn: &str, account: &str) -> Value {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": account } },
        }],
    })
}

/// Everything that `GetTopicAttributes` tells.
pub fn described(topic: &Topic, account: &str) -> Map<String, Value> {
    let pending = topic.subscriptions.values().filter(|subscription| subscription.is_pending()).count();
    let mut told = Map::new();
    let mut tell = |name: &str, value: String| {
        told.insert(name.to_owned(), value.into());
    };
    tell("Policy", topic.policy.to_string());
    tell("Owner", account.to_owned());
    tell("SubscriptionsPending", pending.to_string());
    tell("TopicArn", topic.arn.to_string());
    tell("SubscriptionsConfirmed", (topic.subscriptions.len() - pending).to_string());
    tell("SubscriptionsDeleted", topic.deleted.to_string());
    tell("EffectiveDeliveryPolicy", effective_delivery_policy(topic).to_string());
    tell("DisplayName", String::new());
    for (name, value) in topic.attributes.iter().filter(|(name, value)| *name != "DeliveryPolicy" || !value.is_empty())
    {
        tell(name, value.clone());
    }
    told
}

/// How deliveries over HTTP are tried again: AWS's default with what the topic says over it.
fn effective_delivery_policy(topic: &Topic) -> Value {
    let mut policy = json!({
        "http": {
            "defaultHealthyRetryPolicy": {
                "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, "numMaxDelayRetries": 0,
                "numNoDelayRetries": 0, "numMinDelayRetries": 0, "backoffFunction": "linear",
            },
            "disableSubscriptionOverrides": false,
            "defaultRequestPolicy": { "headerContentType": "text/plain; charset=UTF-8" },
        },
    });
    let own: Option<Value> = topic.attributes.get("DeliveryPolicy").and_then(|text| serde_json::from_str(text).ok());
    for (name, value) in own.as_ref().and_then(|own| own.get("http")?.as_object()).into_iter().flatten() {
        policy["http"][name] = value.clone();
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_attributes_and_values_are_refused() {
        for (name, value) in [("DisplayName", "d"), ("SignatureVersion", "2"), ("LambdaFailureFeedbackRoleArn", "r")] {
            assert_eq!(check_topic_attribute(name, value), Ok(()), "{name}");
        }
        for (name, value) in [("Display", "d"), ("SignatureVersion", "3"), ("DeliveryPolicy", "["), ("SQSFeedback", "")]
        {
            assert!(matches!(check_topic_attribute(name, value), Err(SnsError::Parameter(_))), "{name}");
        }
    }
}
