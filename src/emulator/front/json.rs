//! The AWS JSON protocols, 1.0 and 1.1.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use super::with_body;
use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::emulator::service::ReplyBody;

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";

/// Reads a request body; an empty one is an empty input.
///
/// # Errors
/// `SerializationException` when the body is no JSON object.
pub fn read(body: &Bytes) -> Result<Value, ServiceError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        Ok(_) => Err(ServiceError::serialization("the request body is not a JSON object")),
        Err(error) => Err(ServiceError::serialization(format!("the request body is not valid JSON: {error}"))),
    }
}

/// Writes an operation's result.
pub fn reply(result: Result<Value, ServiceError>, version: &str, fabric: &Fabric) -> Response<ReplyBody> {
    match result {
        Ok(output) => {
            let content_type = if version == "1.0" { JSON_1_0 } else { JSON_1_1 };
            let body = if output.is_null() { "{}".to_owned() } else { output.to_string() };
            with_body(StatusCode::OK, content_type, &fabric.uuid(), body)
        }
        Err(error) => error_reply(&error, version),
    }
}

/// Writes an error in the JSON protocols.
#[must_use]
pub fn error_reply(error: &ServiceError, version: &str) -> Response<ReplyBody> {
    let content_type = if version == "1.0" { JSON_1_0 } else { JSON_1_1 };
    let mut members = Map::new();
    members.insert("__type".to_owned(), Value::from(error.code.as_ref()));
    members.insert("message".to_owned(), Value::from(error.message.as_str()));
    members.extend(*error.members.clone());
    let mut reply = with_body(error.status, content_type, "", Value::Object(members).to_string());
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        reply.headers_mut().insert("x-amzn-errortype", code);
    }
    // Services that moved from the query protocol to JSON keep the old code in a header for old clients.
    if let Some(code) = error.query_code
        && let Ok(code) = HeaderValue::from_str(&format!("{code};Sender"))
    {
        reply.headers_mut().insert("x-amzn-query-error", code);
    }
    reply
}
