//! A message as it is published, checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::SnsError;
use crate::model::Timestamp;

/// Bytes of a message and its attributes at most, and of a batch.
pub const LARGEST_MESSAGE: usize = 262_144;
/// Characters of a subject at most.
const LONGEST_SUBJECT: usize = 100;

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub data_type: String,
    /// The text, or the bytes in base64.
    pub value: String,
    pub is_binary: bool,
}

/// An attribute as callers write it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributeInput {
    #[serde(default)]
    data_type: String,
    string_value: Option<String>,
    binary_value: Option<String>,
}

/// What `Publish` and each entry of `PublishBatch` say of a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageInput {
    message: Option<String>,
    subject: Option<String>,
    message_structure: Option<String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, AttributeInput>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

/// A message on its way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: Arc<str>,
    pub at: Timestamp,
    pub subject: Option<String>,
    /// The text for protocols that have none of their own.
    pub text: Arc<str>,
    /// Texts for single protocols, of a message with the structure `json`.
    texts: BTreeMap<String, Arc<str>>,
    pub attributes: Vec<(String, Attribute)>,
}

impl Attribute {
    fn read(name: &str, input: AttributeInput) -> Result<Self, SnsError> {
        let value = |problem: String| Err(SnsError::Value(problem));
        let is_named_well = (1..=256).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            && !name.starts_with('.')
            && !name.ends_with('.');
        if !is_named_well {
            return Err(SnsError::parameter(format!("Invalid message attribute name: {name:?}")));
        }
        let kind = input.data_type;
        if kind.is_empty() {
            return value(format!("The message attribute '{name}' must contain non-empty message attribute type."));
        }
        let base = kind.split('.').next().unwrap_or_default();
        let is_binary = base == "Binary";
        let given = match base {
            "String" | "Number" => input.string_value,
            "Binary" => input.binary_value,
            _ => {
                return value(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                     prefixes is Binary, Number, and String."
                ));
            }
        };
        let Some(text) = given.filter(|text| !text.is_empty()) else {
            return value(format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute \
                 type '{kind}'."
            ));
        };
        if base == "Number" && text.parse::<f64>().ok().is_none_or(|number| !number.is_finite()) {
            return value(format!("Could not cast message attribute '{name}' value to number."));
        }
        if is_binary && STANDARD.decode(&text).is_err() {
            return value(format!("The message attribute '{name}' has a value that is not base64."));
        }
        if kind == "String.Array" && serde_json::from_str::<Vec<Value>>(&text).is_err() {
            return Err(SnsError::parameter(format!(
                "Array exception. The message attribute '{name}' is no JSON array."
            )));
        }
        Ok(Self { data_type: kind, value: text, is_binary })
    }

    /// What a filter policy sees of it: a text, a number or a list; nothing that it can equal when it is binary.
    pub fn to_filter(&self) -> Value {
        match self.data_type.split('.').next() {
            _ if self.data_type == "String.Array" => {
                serde_json::from_str(&self.value).unwrap_or_else(|_| Value::from(self.value.as_str()))
            }
            Some("Number") => self.value.parse::<f64>().map_or(Value::Null, Value::from),
            Some("Binary") => json!({}),
            _ => self.value.as_str().into(),
        }
    }

    /// As an attribute of an SQS message.
    pub fn to_sqs(&self) -> Value {
        let member = if self.is_binary { "BinaryValue" } else { "StringValue" };
        json!({ "DataType": self.data_type, member: self.value })
    }
}

impl Message {
    /// Checks a message.
    pub fn read(input: MessageInput, id: String, at: Timestamp) -> Result<Self, SnsError> {
        if input.message_group_id.is_some() || input.message_deduplication_id.is_some() {
            return Err(SnsError::parameter(
                "MessageGroupId Reason: The request includes MessageGroupId parameter that is not valid for this topic \
                 type",
            ));
        }
        let text = input.message.unwrap_or_default();
        if text.is_empty() {
            return Err(SnsError::parameter("Empty message"));
        }
        if let Some(subject) = &input.subject {
            let length = subject.chars().count();
            let begins_well = subject.chars().next().is_some_and(|first| first.is_ascii_graphic());
            if length > LONGEST_SUBJECT || !begins_well || subject.chars().any(char::is_control) {
                return Err(SnsError::parameter("Subject"));
            }
        }
        let (text, texts) = match input.message_structure.as_deref() {
            None | Some("") => (text, BTreeMap::new()),
            Some("json") => structured(&text)?,
            Some(_) => return Err(SnsError::parameter("MessageStructure")),
        };
        let mut attributes = Vec::with_capacity(input.message_attributes.len());
        for (name, attribute) in input.message_attributes {
            let read = Attribute::read(&name, attribute)?;
            attributes.push((name, read));
        }
        let message = Self { id: id.into(), at, subject: input.subject, text: text.into(), texts, attributes };
        if message.size() > LARGEST_MESSAGE {
            return Err(SnsError::parameter("Message too long"));
        }
        Ok(message)
    }

    /// A message that a service hands over.
    pub fn handed_over(text: Arc<str>, id: String, at: Timestamp) -> Result<Self, SnsError> {
        if text.is_empty() {
            return Err(SnsError::parameter("Empty message"));
        }
        if text.len() > LARGEST_MESSAGE {
            return Err(SnsError::parameter("Message too long"));
        }
        Ok(Self { id: id.into(), at, subject: None, text, texts: BTreeMap::new(), attributes: vec![] })
    }

    /// A text of the service's own.
    pub fn own(text: String, id: String, at: Timestamp) -> Self {
        Self { id: id.into(), at, subject: None, text: text.into(), texts: BTreeMap::new(), attributes: vec![] }
    }

    /// The text for a protocol.
    pub fn text_for(&self, protocol: &str) -> &Arc<str> {
        self.texts.get(protocol).unwrap_or(&self.text)
    }

    /// Bytes that count against the limit.
    pub fn size(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, one)| name.len() + one.data_type.len() + one.value.len());
        self.text.len() + attributes.sum::<usize>()
    }
}

/// The default text and those of single protocols.
fn structured(text: &str) -> Result<(String, BTreeMap<String, Arc<str>>), SnsError> {
    let members: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_| SnsError::parameter("Message Structure - JSON message body failed to parse"))?;
    // What is not text is passed over, as AWS does.
    let texts: BTreeMap<String, Arc<str>> =
        members.into_iter().filter_map(|(name, value)| Some((name, Arc::from(value.as_str()?)))).collect();
    match texts.get("default") {
        Some(default) => Ok((default.to_string(), texts)),
        None => Err(SnsError::parameter("Message Structure - No default entry in JSON message body")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: Value) -> Result<Message, SnsError> {
        let input = serde_json::from_value(input).expect("an input");
        Message::read(input, "id".to_owned(), Timestamp::default())
    }

    #[test]
    fn a_structured_message_has_a_text_for_each_protocol() {
        let text = json!({"default": "d", "sqs": "{\"a\":1}", "email": 1}).to_string();
        let message = read(json!({"Message": text, "MessageStructure": "json"})).expect("a message");
        assert_eq!((&**message.text_for("sqs"), &**message.text_for("lambda")), ("{\"a\":1}", "d"));
        for (structure, text) in [("json", "{}"), ("json", "x"), ("xml", "x")] {
            assert!(read(json!({"Message": text, "MessageStructure": structure})).is_err(), "{structure} {text}");
        }
    }

    #[test]
    fn what_sns_does_not_take_is_refused() {
        for input in [
            json!({}),
            json!({"Message": ""}),
            json!({"Message": "m", "Subject": "a\nb"}),
            json!({"Message": "m", "Subject": ""}),
            json!({"Message": "m", "Subject": "s".repeat(101)}),
            json!({"Message": "m".repeat(LARGEST_MESSAGE + 1)}),
            json!({"Message": "m", "MessageAttributes": {"a": {"DataType": "String"}}}),
            json!({"Message": "m", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}}),
            json!({"Message": "m", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}}),
            json!({"Message": "m", "MessageAttributes": {".a": {"DataType": "String", "StringValue": "x"}}}),
            json!({"Message": "m", "MessageGroupId": "g"}),
        ] {
            assert!(read(input.clone()).is_err(), "{input}");
        }
    }
}
