//! A queue's attributes: their defaults, ranges and the redrive policy.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::error::SqsError;
use super::message::LARGEST_MESSAGE;

/// Attributes that callers can set, as they wrote them.
pub type Given = BTreeMap<String, String>;

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The dead-letter queue.
    pub target_arn: String,
    /// Receives after which a message goes there.
    pub max_receives: u32,
}

/// What a queue does with its messages, read once from its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub visibility: Duration,
    pub delay: Duration,
    pub retention: Duration,
    pub wait: Duration,
    pub largest: usize,
    pub redrive: Option<RedrivePolicy>,
}

/// A numeric attribute: name, lowest and highest value, default.
const NUMERIC: &[(&str, u64, u64, u64)] = &[
    ("VisibilityTimeout", 0, 43_200, 30),
    ("DelaySeconds", 0, 900, 0),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("MaximumMessageSize", 1_024, LARGEST_MESSAGE as u64, LARGEST_MESSAGE as u64),
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400, 300),
];

/// Attributes that are recorded and answered, and have no effect here.
const RECORDED: &[&str] =
    &["Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "RedriveAllowPolicy"];

/// Numeric attributes that every queue answers, set or not.
pub const ALWAYS: &[&str] = &[
    "VisibilityTimeout",
    "DelaySeconds",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "MaximumMessageSize",
];

/// The default of a numeric attribute.
pub fn default_of(name: &str) -> Option<u64> {
    NUMERIC.iter().find(|(known, ..)| *known == name).map(|(.., default)| *default)
}

/// Checks attributes as `CreateQueue` and `SetQueueAttributes` take them and reads what they mean.
///
/// # Errors
/// When a name is unknown, a value out of range, or a FIFO queue is asked for.
pub fn settings(given: &Given) -> Result<Settings, SqsError> {
    for (name, value) in given {
        check(name, value)?;
    }
    let number = |name: &str| {
        given.get(name).and_then(|value| value.parse().ok()).or_else(|| default_of(name)).unwrap_or_default()
    };
    let seconds = |name: &str| Duration::from_secs(number(name));
    Ok(Settings {
        visibility: seconds("VisibilityTimeout"),
        delay: seconds("DelaySeconds"),
        retention: seconds("MessageRetentionPeriod"),
        wait: seconds("ReceiveMessageWaitTimeSeconds"),
        largest: usize::try_from(number("MaximumMessageSize")).unwrap_or(LARGEST_MESSAGE),
        redrive: given.get("RedrivePolicy").map(|policy| redrive(policy)).transpose()?.flatten(),
    })
}

fn check(name: &str, value: &str) -> Result<(), SqsError> {
    let invalid = |reason: &str| SqsError::InvalidAttributeValue { name: name.to_owned(), reason: reason.to_owned() };
    if name == "FifoQueue" || name == "ContentBasedDeduplication" {
        return Err(SqsError::Fifo(format!("the attribute {name} was given")));
    }
    if let Some((_, lowest, highest, _)) = NUMERIC.iter().find(|(known, ..)| *known == name) {
        return match value.parse::<u64>() {
            Ok(number) if (*lowest..=*highest).contains(&number) => Ok(()),
            _ => Err(invalid("")),
        };
    }
    if name == "RedrivePolicy" || RECORDED.contains(&name) {
        return Ok(());
    }
    Err(SqsError::InvalidAttributeName(name.to_owned()))
}

fn redrive(policy: &str) -> Result<Option<RedrivePolicy>, SqsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Written {
        dead_letter_target_arn: String,
        max_receive_count: Value,
    }
    if policy.is_empty() {
        return Ok(None);
    }
    let invalid =
        |reason: String| SqsError::InvalidParameterValue { name: "RedrivePolicy", value: policy.to_owned(), reason };
    let written: Written =
        serde_json::from_str(policy).map_err(|_| invalid("Redrive policy is not a valid JSON map.".to_owned()))?;
    let max_receives = match &written.max_receive_count {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    match max_receives.and_then(|count| u32::try_from(count).ok()) {
        Some(max_receives @ 1..=1_000) => {
            Ok(Some(RedrivePolicy { target_arn: written.dead_letter_target_arn, max_receives }))
        }
        _ => Err(invalid("Invalid value for maxReceiveCount: 1 to 1000 are possible.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, value: &str) -> Given {
        Given::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn attributes_have_the_defaults_of_aws() {
        let settings = settings(&Given::new()).expect("defaults are valid");
        assert_eq!(settings.visibility, Duration::from_secs(30));
        assert_eq!(settings.retention, Duration::from_secs(4 * 86_400));
        assert_eq!(settings.redrive, None);
    }

    #[test]
    fn a_redrive_policy_is_read_with_the_count_as_number_or_text() {
        for count in ["3", "\"3\""] {
            let policy = format!("{{\"deadLetterTargetArn\":\"arn:aws:sqs:r:a:d\",\"maxReceiveCount\":{count}}}");
            let settings = settings(&given("RedrivePolicy", &policy)).expect("a valid policy");
            assert_eq!(settings.redrive.map(|policy| policy.max_receives), Some(3));
        }
    }

    #[test]
    fn values_out_of_range_and_unknown_names_are_refused() {
        for (name, value) in [
            ("VisibilityTimeout", "43201"),
            ("DelaySeconds", "-1"),
            ("MaximumMessageSize", "x"),
            ("RedrivePolicy", "{}"),
            ("RedrivePolicy", "no json"),
            ("FifoQueue", "true"),
            ("Bogus", "1"),
        ] {
            assert!(settings(&given(name, value)).is_err(), "{name}={value}");
        }
    }
}
