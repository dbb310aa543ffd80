//! How services and their members are named in service integrations, and how the endpoint names them.

use serde_json::{Map, Value};

/// A service of `arn:aws:states:::aws-sdk:…`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sdk {
    /// The name in the resource.
    pub name: &'static str,
    /// The endpoint's service id.
    pub service: &'static str,
    /// What errors are prefixed with.
    pub title: &'static str,
    /// Whether the service's own API spells members with a small letter first.
    pub small: bool,
}

/// The services of the endpoint that can be called this way.
pub(super) const SDKS: &[Sdk] = &[
    Sdk { name: "dynamodb", service: "dynamodb", title: "DynamoDb", small: false },
    Sdk { name: "sqs", service: "sqs", title: "Sqs", small: false },
    Sdk { name: "eventbridge", service: "events", title: "EventBridge", small: false },
    Sdk { name: "lambda", service: "lambda", title: "Lambda", small: false },
    Sdk { name: "sfn", service: "states", title: "Sfn", small: true },
    Sdk { name: "ssm", service: "ssm", title: "Ssm", small: false },
    Sdk { name: "cloudwatchlogs", service: "logs", title: "CloudWatchLogs", small: true },
    Sdk { name: "sts", service: "sts", title: "Sts", small: false },
    Sdk { name: "cloudformation", service: "cloudformation", title: "CloudFormation", small: false },
    Sdk { name: "iam", service: "iam", title: "Iam", small: false },
    Sdk { name: "sns", service: "sns", title: "Sns", small: false },
];

/// `putItem` as `PutItem`.
#[must_use]
pub(super) fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn decapitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The value with the members of every object spelled anew.
#[must_use]
pub(super) fn respelled(value: Value, small: bool) -> Value {
    match value {
        Value::Object(members) => {
            let spell = |name: &str| if small { decapitalised(name) } else { capitalised(name) };
            let members: Map<_, _> =
                members.into_iter().map(|(name, value)| (spell(&name), respelled(value, small))).collect();
            Value::Object(members)
        }
        Value::Array(items) => items.into_iter().map(|item| respelled(item, small)).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_respelled_all_the_way_down() {
        let sdk = json!({"StateMachineArn": "a", "Tags": [{"Key": "k"}]});
        let api = json!({"stateMachineArn": "a", "tags": [{"key": "k"}]});
        assert_eq!(respelled(sdk.clone(), true), api);
        assert_eq!(respelled(api, false), sdk);
    }
}
