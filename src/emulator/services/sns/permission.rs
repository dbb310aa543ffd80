//! Who may publish: the statements of a topic's policy, and whether they let a service in.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Sns;
use super::error::SnsError;
use super::topic::Topic;
use crate::emulator::{Context, form, glob};

/// Actions that `AddPermission` can grant.
const ACTIONS: [&str; 9] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
    "Receive",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddPermissionInput {
    #[serde(default)]
    topic_arn: String,
    #[serde(default)]
    label: String,
    #[serde(default, rename = "AWSAccountId", deserialize_with = "form::list")]
    accounts: Vec<String>,
    #[serde(default, rename = "ActionName", deserialize_with = "form::list")]
    actions: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemovePermissionInput {
    #[serde(default)]
    topic_arn: String,
    #[serde(default)]
    label: String,
}

/// One or many, as policies write lists.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let many = value.as_array().map(Vec::as_slice);
    many.unwrap_or_else(|| std::slice::from_ref(value)).iter()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    each(value).filter_map(Value::as_str)
}

/// Whether a policy lets a service publish for the resource `source`.
pub fn allows(policy: &Value, topic: &str, principal: &str, source: &str) -> bool {
    let account = source.split(':').nth(4).unwrap_or_default();
    let applies = |statement: &Value| {
        let who = &statement["Principal"];
        let named = who.as_str() == Some("*")
            || texts(&who["AWS"]).any(|one| one == "*")
            || texts(&who["Service"]).any(|one| one == "*" || one == principal);
        let action = texts(&statement["Action"])
            .any(|action| glob::policy(&action.to_ascii_lowercase(), "sns:publish") || action == "*");
        let resource = texts(&statement["Resource"]).any(|resource| glob::policy(resource, topic));
        named && action && resource && conditions_hold(&statement["Condition"], source, account)
    };
    let of_effect = |effect: &'static str| {
        each(&policy["Statement"]).filter(move |statement| statement["Effect"] == effect).any(applies)
    };
    of_effect("Allow") && !of_effect("Deny")
}

/// Whether every condition holds; one that is not known does not.
fn conditions_hold(condition: &Value, source: &str, account: &str) -> bool {
    condition.as_object().into_iter().flatten().all(|(operator, keys)| {
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, wanted)| {
                let value = match key.to_ascii_lowercase().as_str() {
                    "aws:sourcearn" => source,
                    "aws:sourceaccount" => account,
                    _ => return false,
                };
                match operator.as_str() {
                    "ArnEquals" | "ArnLike" | "StringLike" => texts(wanted).any(|one| glob::policy(one, value)),
                    "StringEquals" => texts(wanted).any(|one| one == value),
                    _ => false,
                }
            })
        })
    })
}

/// The statements of a topic's policy, always as a list.
fn statements(topic: &Topic) -> Vec<Value> {
    each(&topic.policy["Statement"]).filter(|statement| statement.is_object()).cloned().collect()
}

impl Sns {
    pub(super) async fn add_permission(&self, input: AddPermissionInput, _: &Context) -> Result<(), SnsError> {
        if let Some(action) = input.actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
            return Err(SnsError::parameter(format!("Policy statement action out of service scope! ({action})")));
        }
        if input.accounts.is_empty() || input.actions.is_empty() || input.label.is_empty() {
            return Err(SnsError::parameter("Label, AWSAccountId and ActionName must not be empty"));
        }
        let principals: Vec<String> =
            input.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
        let actions: Vec<String> = input.actions.iter().map(|action| format!("SNS:{action}")).collect();
        self.change_topic(&input.topic_arn, |topic| {
            let resource = topic.arn.to_string();
            let mut statements = statements(topic);
            if statements.iter().any(|statement| statement["Sid"] == input.label.as_str()) {
                return Err(SnsError::parameter("Statement already exists"));
            }
            let one = |many: Vec<String>| if many.len() == 1 { json!(many[0]) } else { json!(many) };
            statements.push(json!({
                "Sid": input.label, "Effect": "Allow", "Principal": { "AWS": one(principals) },
                "Action": one(actions), "Resource": resource,
            }));
            topic.policy["Statement"] = statements.into();
            Ok(())
        })
    }

    pub(super) async fn remove_permission(&self, input: RemovePermissionInput, _: &Context) -> Result<(), SnsError> {
        self.change_topic(&input.topic_arn, |topic| {
            let mut statements = statements(topic);
            statements.retain(|statement| statement["Sid"] != input.label.as_str());
            topic.policy["Statement"] = statements.into();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_needs_a_statement_that_names_it() {
        let topic = "arn:aws:sns:us-east-1:000000000000:t";
        let rule = "arn:aws:events:us-east-1:000000000000:rule/r";
        let policy = |condition: Value| {
            json!({"Statement": {
                "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish",
                "Resource": topic, "Condition": condition,
            }})
        };
        assert!(allows(&policy(json!({})), topic, "events.amazonaws.com", rule));
        assert!(allows(
            &policy(json!({"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}})),
            topic,
            "events.amazonaws.com",
            rule
        ));
        assert!(!allows(
            &policy(json!({"StringEquals": {"aws:SourceAccount": "1"}})),
            topic,
            "events.amazonaws.com",
            rule
        ));
        assert!(!allows(&policy(json!({})), topic, "s3.amazonaws.com", rule));
        let default = super::super::attributes::default_policy(topic, "000000000000");
        assert!(!allows(&default, topic, "events.amazonaws.com", rule));
    }
}
