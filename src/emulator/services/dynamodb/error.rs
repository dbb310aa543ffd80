//! What the engine and the reader of requests answer, in the terms of AWS. Decides nothing: the engine's own codes and
//! messages are DynamoDB's.

use dynoxide::DynoxideError;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::emulator::error::ServiceError;

/// Operations that wrap a refused request in the envelope below; the others report the message as it is.
const ENVELOPED: [&str; 3] = ["PutItem", "UpdateItem", "DeleteItem"];
const ENVELOPE: &str = "1 validation error detected: ";

/// Marks that the engine's request types put before a message to name the class of the error.
const MARKS: [(&str, Class); 5] = [
    ("SERIALIZATION_AS_READ:", Class::Serialization),
    ("SERIALIZATION:", Class::Serialization),
    ("VALIDATION_REQUEST:", Class::Request),
    ("VALIDATION_AS_READ:", Class::Validation),
    ("VALIDATION:", Class::Validation),
];

#[derive(Clone, Copy)]
enum Class {
    Serialization,
    Request,
    Validation,
}

/// The answer to a request that the engine refused.
pub fn of_engine(operation: &str, error: DynoxideError) -> ServiceError {
    let error = match error {
        DynoxideError::EnvelopedValidation(message) => return request_refused(operation, &message),
        other => other,
    };
    let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut members: Map<String, Value> = serde_json::from_str(&error.to_json()).unwrap_or_default();
    let full_type = members.remove("__type");
    let message = [members.remove("message"), members.remove("Message")].into_iter().flatten().next();
    let message = message.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
    let mut answer = ServiceError::client(code_of(error.error_type()).to_owned(), message).with_status(status);
    if let Some(full_type) = full_type {
        members.insert("__type".to_owned(), full_type);
    }
    *answer.members = members;
    answer
}

/// The answer to a request whose body is not of the operation's shape.
pub fn of_shape(operation: &str, error: &serde_json::Error) -> ServiceError {
    let message = error.to_string();
    for (mark, class) in MARKS {
        if let Some(rest) = message.strip_prefix(mark) {
            return match class {
                Class::Serialization => serialization(rest),
                Class::Request => request_refused(operation, rest),
                Class::Validation => validation(rest),
            };
        }
    }
    if message.contains("empty AttributeValue") {
        return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
    }
    let is_value = message.contains("Supplied AttributeValue");
    if is_value
        || message.contains("missing field")
        || message.contains("unknown variant")
        || message.contains("invalid type: null")
    {
        return validation(&message);
    }
    serialization(&wrong_type(&message))
}

/// `ResourceNotFoundException` for a table, as the calls that describe one word it.
pub fn table_not_found(table: &str) -> ServiceError {
    typed(
        "com.amazonaws.dynamodb.v20120810#TableNotFoundException",
        "TableNotFoundException",
        &format!("Table not found: {table}"),
    )
}

fn request_refused(operation: &str, message: &str) -> ServiceError {
    if ENVELOPED.contains(&operation) && !message.starts_with(ENVELOPE) {
        return validation(&format!("{ENVELOPE}{message}"));
    }
    validation(message)
}

pub fn validation(message: &str) -> ServiceError {
    typed("com.amazon.coral.validate#ValidationException", "ValidationException", message)
}

fn serialization(message: &str) -> ServiceError {
    typed("com.amazon.coral.service#SerializationException", "SerializationException", message)
}

fn typed(full_type: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::client(code, message).with_member("__type", full_type)
}

fn code_of(full_type: &'static str) -> &'static str {
    full_type.rsplit_once('#').map_or(full_type, |(_, code)| code)
}

/// serde's `invalid type: integer `1`, expected a string` in DynamoDB's words.
fn wrong_type(message: &str) -> String {
    let Some(rest) = message.strip_prefix("invalid type: ") else {
        return message.to_owned();
    };
    let (found, expected) = rest.split_once(", expected ").unwrap_or((rest, ""));
    let expected = if expected.contains("string") {
        "String"
    } else if expected.contains("bool") {
        "Boolean"
    } else if expected.contains("i32") || expected.contains("u32") || expected.contains("usize") {
        "Integer"
    } else if expected.contains("64") {
        "Long"
    } else {
        ""
    };
    let found = match found.split([' ', '`']).next().unwrap_or_default() {
        "integer" | "floating" => "NUMBER_VALUE",
        "boolean" if found.contains("true") => "TRUE_VALUE",
        "boolean" => "FALSE_VALUE",
        "string" => "STRING_VALUE",
        "map" => return "Start of structure or map found where not expected.".to_owned(),
        "sequence" => return "Unrecognized collection type class java.util.ArrayList".to_owned(),
        _ => return message.to_owned(),
    };
    if expected.is_empty() {
        return "Unexpected field type".to_owned();
    }
    format!("{found} cannot be converted to {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_error_keeps_its_code_and_members() {
        let error = of_engine("PutItem", DynoxideError::ConditionalCheckFailedException("no".into(), None));
        assert_eq!((error.code.as_ref(), error.status.as_u16()), ("ConditionalCheckFailedException", 400));
        assert_eq!(
            error.members.get("__type").and_then(Value::as_str),
            Some("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException")
        );
    }

    #[test]
    fn a_refused_request_is_enveloped_where_aws_does_so() {
        let refusal = || DynoxideError::EnvelopedValidation("bad".into());
        assert_eq!(of_engine("PutItem", refusal()).message, "1 validation error detected: bad");
        assert_eq!(of_engine("Query", refusal()).message, "bad");
    }

    #[test]
    fn a_wrong_type_is_worded_as_dynamodb_does() {
        let error = serde_json::from_str::<String>("1").expect_err("no string");
        let answer = of_shape("PutItem", &error);
        assert_eq!(answer.code, "SerializationException");
        assert_eq!(answer.message, "NUMBER_VALUE cannot be converted to String");
    }
}
