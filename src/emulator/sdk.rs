//! How the AWS SDKs name services and their members, and how the endpoint names them: what `aws-sdk:` integrations of
//! Step Functions and universal targets of EventBridge Scheduler are read with.

use serde_json::{Map, Value};

/// A service as the SDKs name it.
#[derive(Debug, Clone, Copy)]
pub struct Sdk {
    /// The name in `arn:aws:states:::aws-sdk:…` and `arn:aws:scheduler:::aws-sdk:…`.
    pub name: &'static str,
    /// The endpoint's service id.
    pub service: &'static str,
    /// What errors are prefixed with.
    pub title: &'static str,
    /// Whether the service's own API spells members with a small letter first.
    pub small: bool,
}

/// The services that can be called this way, where the endpoint has them.
const SDKS: &[Sdk] = &[
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
    Sdk { name: "scheduler", service: "scheduler", title: "Scheduler", small: false },
    Sdk { name: "s3", service: "s3", title: "S3", small: false },
    Sdk { name: "ecs", service: "ecs", title: "Ecs", small: true },
    Sdk { name: "ecr", service: "ecr", title: "Ecr", small: true },
    Sdk { name: "ec2", service: "ec2", title: "Ec2", small: false },
    Sdk { name: "storagegateway", service: "storagegateway", title: "StorageGateway", small: false },
];

impl Sdk {
    /// The service of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SDKS.iter().find(|sdk| sdk.name == name)
    }

    /// An input with members as the SDKs spell them, as the service's own API spells them.
    #[must_use]
    pub fn to_api(&self, input: Value) -> Value {
        if self.small { respelled(input, true) } else { input }
    }

    /// An answer of the service's own API, as the SDKs spell it.
    #[must_use]
    pub fn from_api(&self, answer: Value) -> Value {
        if self.small { respelled(answer, false) } else { answer }
    }
}

/// `putItem` as `PutItem`.
#[must_use]
pub fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn decapitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The value with the members of every object spelled with a small first letter, or a large one.
#[must_use]
pub fn respelled(value: Value, small: bool) -> Value {
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
        let sfn = Sdk::named("sfn").expect("Step Functions");
        assert_eq!(sfn.to_api(sdk.clone()), api);
        assert_eq!(sfn.from_api(api), sdk);
    }
}
