//! Writes answers as the query protocol has them: maps become lists of entries, lists take their entry's name.

use serde_json::{Map, Value, json};

/// Lists that stand in an answer without a wrapping element.
pub const FLATTENED: &[(&str, &str)] = &[
    ("QueueUrl", "QueueUrl"),
    ("Attribute", "Attribute"),
    ("MessageAttribute", "MessageAttribute"),
    ("Message", "Message"),
    ("Tag", "Tag"),
    ("SendMessageBatchResultEntry", "SendMessageBatchResultEntry"),
    ("DeleteMessageBatchResultEntry", "DeleteMessageBatchResultEntry"),
    ("ChangeMessageVisibilityBatchResultEntry", "ChangeMessageVisibilityBatchResultEntry"),
    ("BatchResultErrorEntry", "BatchResultErrorEntry"),
    ("ListMessageMoveTasksResultEntry", "ListMessageMoveTasksResultEntry"),
];

/// Turns the JSON protocol's answer of `operation` into the query protocol's.
pub fn shape(operation: &str, output: Value) -> Value {
    let Value::Object(members) = output else { return output };
    if members.is_empty() {
        // Operations without a result have no result element.
        return Value::Null;
    }
    let renamed = members.into_iter().map(|(name, value)| match (name.as_str(), value) {
        ("QueueUrls" | "queueUrls", urls) => ("QueueUrl".to_owned(), urls),
        ("Messages", Value::Array(messages)) => {
            ("Message".to_owned(), messages.into_iter().map(message).collect::<Vec<_>>().into())
        }
        ("Successful" | "Results", entries) => (format!("{operation}ResultEntry"), entries),
        ("Failed", entries) => ("BatchResultErrorEntry".to_owned(), entries),
        ("Attributes", attributes) => ("Attribute".to_owned(), entries(attributes, "Name")),
        ("Tags", tags) => ("Tag".to_owned(), entries(tags, "Key")),
        (_, value) => (name, value),
    });
    Value::Object(renamed.collect())
}

fn message(message: Value) -> Value {
    let Value::Object(members) = message else { return message };
    let renamed: Map<String, Value> = members
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "Attributes" => ("Attribute".to_owned(), entries(value, "Name")),
            "MessageAttributes" => ("MessageAttribute".to_owned(), entries(value, "Name")),
            _ => (name, value),
        })
        .collect();
    Value::Object(renamed)
}

fn entries(map: Value, key: &str) -> Value {
    match map {
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| json!({ key: name, "Value": value })).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_become_lists_of_entries() {
        let output = json!({"Messages": [{"Body": "b", "Attributes": {"SentTimestamp": "1"}}]});
        assert_eq!(
            shape("ReceiveMessage", output),
            json!({"Message": [{"Body": "b", "Attribute": [{"Name": "SentTimestamp", "Value": "1"}]}]})
        );
        assert_eq!(shape("ListQueueTags", json!({"Tags": {"a": "b"}})), json!({"Tag": [{"Key": "a", "Value": "b"}]}));
        assert_eq!(shape("PurgeQueue", json!({})), Value::Null);
    }
}
