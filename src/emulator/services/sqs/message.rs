//! A message: its body and attributes, the checks of both, and the MD5 digests that SDKs verify.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::SqsError;
use crate::emulator::service::Delivery;
use crate::model::Timestamp;

/// Bytes that a message may have, attributes included.
pub const LARGEST_MESSAGE: usize = 1_048_576;
/// Attributes that a message may have.
const MOST_ATTRIBUTES: usize = 10;

/// A message attribute as callers write it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AttributeInput {
    #[serde(rename = "DataType", default)]
    data_type: String,
    #[serde(rename = "StringValue")]
    string_value: Option<String>,
    #[serde(rename = "BinaryValue")]
    binary_value: Option<String>,
}

/// The value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum AttributeValue {
    Text(String),
    Binary(Vec<u8>),
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    data_type: String,
    value: AttributeValue,
}

impl Attribute {
    fn read(name: &str, input: AttributeInput) -> Result<Self, SqsError> {
        let refuse = |reason: String| SqsError::InvalidParameterValue {
            name: "MessageAttributes",
            value: name.to_owned(),
            reason,
        };
        let named_well = !name.is_empty()
            && name.len() <= 256
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            && !name.starts_with('.')
            && !name.ends_with('.');
        if !named_well {
            return Err(refuse(format!("The message attribute name '{name}' is invalid.")));
        }
        let value = match (
            input.data_type.split('.').next().unwrap_or_default(),
            input.string_value,
            input.binary_value,
        ) {
            ("String" | "Number", Some(text), None) if !text.is_empty() => AttributeValue::Text(text),
            ("Binary", None, Some(encoded)) if !encoded.is_empty() => AttributeValue::Binary(
                STANDARD.decode(&encoded).map_err(|_| refuse(format!("the binary value of '{name}' is not base64")))?,
            ),
            ("String" | "Number" | "Binary", _, _) => {
                return Err(refuse(format!(
                    "The message attribute '{name}' must contain a non-empty message attribute value for message attribute type '{}'.",
                    input.data_type
                )));
            }
            (other, _, _) => {
                return Err(refuse(format!(
                    "The message attribute '{name}' has an invalid message attribute type '{other}', the set of supported type prefixes is Binary, Number, and String."
                )));
            }
        };
        if input.data_type.starts_with("Number")
            && matches!(&value, AttributeValue::Text(text) if text.parse::<f64>().is_err())
        {
            return Err(refuse(format!("Can't cast the value of message (user) attribute '{name}' to a number.")));
        }
        Ok(Self { data_type: input.data_type, value })
    }

    fn bytes(&self) -> &[u8] {
        match &self.value {
            AttributeValue::Text(text) => text.as_bytes(),
            AttributeValue::Binary(bytes) => bytes,
        }
    }

    /// The attribute as the JSON protocol writes it.
    pub fn to_json(&self) -> Value {
        match &self.value {
            AttributeValue::Text(text) => json!({ "DataType": self.data_type, "StringValue": text }),
            AttributeValue::Binary(bytes) => {
                json!({ "DataType": self.data_type, "BinaryValue": STANDARD.encode(bytes) })
            }
        }
    }
}

/// Attributes of a message, ordered by name as their digest needs them.
pub type Attributes = BTreeMap<String, Attribute>;

/// The MD5 of attributes as SQS defines it: each name, type and value with its length before it, the value's kind too.
pub fn md5_of_attributes<'a>(attributes: impl Iterator<Item = (&'a String, &'a Attribute)>) -> String {
    let mut digest = Md5::new();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    for (name, attribute) in attributes {
        let kind: u8 = if matches!(attribute.value, AttributeValue::Text(_)) { 1 } else { 2 };
        digest.update(length(name.as_bytes()));
        digest.update(name.as_bytes());
        digest.update(length(attribute.data_type.as_bytes()));
        digest.update(attribute.data_type.as_bytes());
        digest.update([kind]);
        digest.update(length(attribute.bytes()));
        digest.update(attribute.bytes());
    }
    hex::encode(digest.finalize())
}

/// A message that has been checked and is on its way into a queue.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text.
    pub body: Arc<str>,
    /// Attributes that the sender gave it.
    pub attributes: Attributes,
    /// The X-Ray header that the sender gave it.
    pub trace_header: Option<String>,
    /// Seconds until it can be received, where the sender says so.
    pub delay: Option<u32>,
}

impl Draft {
    /// Checks a message as `SendMessage` has it.
    ///
    /// # Errors
    /// When body, attributes or delay are not what SQS takes.
    pub fn read(
        body: String,
        attributes: BTreeMap<String, AttributeInput>,
        system: BTreeMap<String, AttributeInput>,
        delay: Option<i64>,
    ) -> Result<Self, SqsError> {
        if body.is_empty() {
            return Err(SqsError::MissingParameter("MessageBody".to_owned()));
        }
        check_characters(&body)?;
        if attributes.len() > MOST_ATTRIBUTES {
            return Err(SqsError::InvalidParameterValue {
                name: "MessageAttributes",
                value: attributes.len().to_string(),
                reason: format!(
                    "Number of message attributes [{}] exceeds the allowed maximum [{MOST_ATTRIBUTES}].",
                    attributes.len()
                ),
            });
        }
        let attributes = attributes
            .into_iter()
            .map(|(name, input)| Attribute::read(&name, input).map(|attribute| (name, attribute)))
            .collect::<Result<Attributes, _>>()?;
        let mut trace_header = None;
        for (name, input) in system {
            if name != "AWSTraceHeader" {
                return Err(SqsError::InvalidParameterValue {
                    name: "MessageSystemAttributes",
                    value: name,
                    reason: "only AWSTraceHeader can be set".to_owned(),
                });
            }
            trace_header = input.string_value;
        }
        let delay = match delay {
            None => None,
            Some(seconds) => match u32::try_from(seconds) {
                Ok(seconds @ 0..=900) => Some(seconds),
                _ => {
                    return Err(SqsError::InvalidParameterValue {
                        name: "DelaySeconds",
                        value: seconds.to_string(),
                        reason: "DelaySeconds must be >= 0 and <= 900.".to_owned(),
                    });
                }
            },
        };
        Ok(Self { body: body.into(), attributes, trace_header, delay })
    }

    /// The message of a delivery: its payload as it is, with the attributes that its parameters name.
    ///
    /// # Errors
    /// When the payload is not what SQS takes.
    pub fn of_delivery(delivery: &Delivery) -> Result<Self, SqsError> {
        if delivery.payload.is_empty() {
            return Err(SqsError::MissingParameter("MessageBody".to_owned()));
        }
        check_characters(&delivery.payload)?;
        let given = delivery.parameters.get("MessageAttributes").cloned().map(serde_json::from_value);
        let given: BTreeMap<String, AttributeInput> = given.and_then(Result::ok).unwrap_or_default();
        let attributes = given
            .into_iter()
            .map(|(name, input)| Ok((name.clone(), Attribute::read(&name, input)?)))
            .collect::<Result<Attributes, SqsError>>()?;
        Ok(Self { body: Arc::clone(&delivery.payload), attributes, trace_header: None, delay: None })
    }

    /// Bytes that count against the limits: the body and the attributes' names, types and values.
    pub fn size(&self) -> usize {
        let attributes = self
            .attributes
            .iter()
            .map(|(name, attribute)| name.len() + attribute.data_type.len() + attribute.bytes().len());
        self.body.len() + attributes.sum::<usize>()
    }
}

/// The MD5 of a body, as hexadecimal digits.
pub fn md5_of_body(body: &str) -> String {
    hex::encode(Md5::digest(body.as_bytes()))
}

/// XML 1.0 cannot carry every character, so SQS refuses the others.
fn check_characters(body: &str) -> Result<(), SqsError> {
    let fits =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if body.bytes().all(|byte| (b' '..0x80).contains(&byte)) || body.chars().all(fits) {
        Ok(())
    } else {
        Err(SqsError::InvalidMessageContents)
    }
}

/// A message of a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// A UUID.
    pub id: String,
    /// What was sent.
    pub draft: Draft,
    /// The MD5 of the body, as hexadecimal digits.
    pub md5_of_body: String,
    /// When it was first sent: it keeps that when it moves to a dead-letter queue.
    pub sent: Timestamp,
    /// When it was first received, in this queue.
    #[serde(skip)]
    pub first_received: Option<Timestamp>,
    /// How often it has been received, in this queue.
    #[serde(skip)]
    pub receives: u32,
    /// The ARN of the queue that it was moved here from.
    pub moved_from: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, value: &str) -> AttributeInput {
        AttributeInput { data_type: data_type.to_owned(), string_value: Some(value.to_owned()), binary_value: None }
    }

    #[test]
    fn digests_are_those_that_sdks_compute() {
        assert_eq!(md5_of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
        let draft = Draft::read(
            "b".to_owned(),
            BTreeMap::from([("name".to_owned(), text("String", "value"))]),
            BTreeMap::new(),
            None,
        )
        .expect("a valid message");
        let mut bytes = vec![0, 0, 0, 4];
        bytes.extend(b"name");
        bytes.extend([0, 0, 0, 6]);
        bytes.extend(b"String");
        bytes.extend([1, 0, 0, 0, 5]);
        bytes.extend(b"value");
        assert_eq!(md5_of_attributes(draft.attributes.iter()), hex::encode(Md5::digest(&bytes)));
        assert_eq!(draft.size(), 1 + 4 + 6 + 5);
    }

    #[test]
    fn what_sqs_cannot_carry_is_refused() {
        let read = |body: &str| Draft::read(body.to_owned(), BTreeMap::new(), BTreeMap::new(), None);
        assert_eq!(read("a\u{1}b"), Err(SqsError::InvalidMessageContents));
        assert_eq!(read("\u{ffff}"), Err(SqsError::InvalidMessageContents));
        assert!(read("tab\tand é and 🚀").is_ok());
        for bad in [text("Strung", "a"), text("String", ""), text("Number", "a"), text("Binary", "a")] {
            let attributes = BTreeMap::from([("a".to_owned(), bad.clone())]);
            assert!(Draft::read("b".to_owned(), attributes, BTreeMap::new(), None).is_err(), "{bad:?}");
        }
    }
}
