//! The REST-JSON protocol of AWS Lambda: which operation a method and path mean, how its input is put together from
//! path, query, headers and body, and how its answer is written. One table; nothing is carried out here.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::emulator::error::ServiceError;
use crate::emulator::front::full;
use crate::emulator::service::ReplyBody;

/// Method, path, operation and the status of success; `{Name}` is a member of the input.
const ROUTES: &[(&str, &str, &str, u16)] = &[
    ("POST", "/2015-03-31/functions", "CreateFunction", 201),
    ("GET", "/2015-03-31/functions", "ListFunctions", 200),
    ("GET", "/2015-03-31/functions/{FunctionName}", "GetFunction", 200),
    ("DELETE", "/2015-03-31/functions/{FunctionName}", "DeleteFunction", 204),
    ("GET", "/2015-03-31/functions/{FunctionName}/configuration", "GetFunctionConfiguration", 200),
    ("PUT", "/2015-03-31/functions/{FunctionName}/configuration", "UpdateFunctionConfiguration", 200),
    ("PUT", "/2015-03-31/functions/{FunctionName}/code", "UpdateFunctionCode", 200),
    ("POST", "/2015-03-31/functions/{FunctionName}/invocations", "Invoke", 200),
    ("POST", "/2015-03-31/functions/{FunctionName}/policy", "AddPermission", 201),
    ("GET", "/2015-03-31/functions/{FunctionName}/policy", "GetPolicy", 200),
    ("DELETE", "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", "RemovePermission", 204),
    ("PUT", "/2017-10-31/functions/{FunctionName}/concurrency", "PutFunctionConcurrency", 200),
    ("GET", "/2019-09-30/functions/{FunctionName}/concurrency", "GetFunctionConcurrency", 200),
    ("DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", "DeleteFunctionConcurrency", 204),
    ("PUT", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "PutFunctionEventInvokeConfig", 200),
    ("POST", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "UpdateFunctionEventInvokeConfig", 200),
    ("GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "GetFunctionEventInvokeConfig", 200),
    ("DELETE", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "DeleteFunctionEventInvokeConfig", 204),
    ("POST", "/2015-03-31/event-source-mappings", "CreateEventSourceMapping", 202),
    ("GET", "/2015-03-31/event-source-mappings", "ListEventSourceMappings", 200),
    ("GET", "/2015-03-31/event-source-mappings/{UUID}", "GetEventSourceMapping", 200),
    ("PUT", "/2015-03-31/event-source-mappings/{UUID}", "UpdateEventSourceMapping", 202),
    ("DELETE", "/2015-03-31/event-source-mappings/{UUID}", "DeleteEventSourceMapping", 202),
    ("POST", "/2017-03-31/tags/{Resource}", "TagResource", 204),
    ("DELETE", "/2017-03-31/tags/{Resource}", "UntagResource", 204),
    ("GET", "/2017-03-31/tags/{Resource}", "ListTags", 200),
];

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// The operation.
    pub operation: &'static str,
    /// Its input, without the body's members.
    pub input: Map<String, Value>,
    /// The status of success.
    pub status: StatusCode,
}

/// Finds the operation of a request, and what path, query and headers say of its input.
///
/// # Errors
/// `501` naming method and path when the endpoint has no such operation.
pub fn route(parts: &Parts) -> Result<Request, ServiceError> {
    let path = parts.uri.path().trim_end_matches('/');
    let found = ROUTES
        .iter()
        .filter(|(method, ..)| parts.method == *method)
        .find_map(|(_, pattern, operation, status)| Some((members_of(pattern, path)?, *operation, *status)));
    let Some((mut input, operation, status)) = found else {
        return Err(ServiceError::not_implemented("AWS Lambda", &format!("{} {path}", parts.method)));
    };
    for pair in parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        add_query(&mut input, &decoded(name), decoded(value));
    }
    if operation == "Invoke" {
        for (header, member) in [("x-amz-invocation-type", "InvocationType"), ("x-amz-log-type", "LogType")] {
            if let Some(value) = parts.headers.get(header).and_then(|value| value.to_str().ok()) {
                input.insert(member.to_owned(), Value::from(value));
            }
        }
    }
    let status = StatusCode::from_u16(status).map_err(ServiceError::internal)?;
    Ok(Request { operation, input, status })
}

/// Puts the body's members into the input; of Invoke the body is the payload.
///
/// # Errors
/// `InvalidRequestContentException` when the body is no JSON object, or no UTF-8.
pub fn with_body(request: &mut Request, body: &Bytes) -> Result<(), ServiceError> {
    let invalid = |problem: String| ServiceError::client("InvalidRequestContentException", problem);
    if request.operation == "Invoke" {
        let payload = std::str::from_utf8(body)
            .map_err(|error| invalid(format!("Could not parse request body into json: {error}")))?;
        request.input.insert("Payload".to_owned(), Value::from(payload));
        return Ok(());
    }
    if body.is_empty() {
        return Ok(());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => {
            // The path says which resource is meant, whatever the body says.
            for (name, value) in members {
                request.input.entry(name).or_insert(value);
            }
            Ok(())
        }
        Ok(_) => Err(invalid("Could not parse request body into json: it is no object".to_owned())),
        Err(error) => Err(invalid(format!("Could not parse request body into json: {error}"))),
    }
}

/// Writes an answer.
pub fn reply(operation: &str, status: StatusCode, output: Value, request_id: &str) -> Response<ReplyBody> {
    let mut headers = HeaderMap::new();
    let (status, body) = if operation == "Invoke" {
        invoke_reply(&output, &mut headers)
    } else {
        let body = if output.is_null() { Bytes::new() } else { Bytes::from(output.to_string()) };
        (status, body)
    };
    write(status, headers, request_id, body)
}

/// Writes a refusal.
pub fn error_reply(error: &ServiceError, request_id: &str) -> Response<ReplyBody> {
    let kind = if error.status.is_server_error() { "Service" } else { "User" };
    let mut body = json!({ "Type": kind, "Message": error.message, "message": error.message });
    if let Some(members) = body.as_object_mut() {
        members.extend(*error.members.clone());
    }
    let mut headers = HeaderMap::new();
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        headers.insert("x-amzn-errortype", code);
    }
    write(error.status, headers, request_id, Bytes::from(body.to_string()))
}

fn invoke_reply(output: &Value, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
    let text = |member: &str| output.get(member).and_then(Value::as_str);
    for (member, header) in [
        ("FunctionError", "x-amz-function-error"),
        ("LogResult", "x-amz-log-result"),
        ("ExecutedVersion", "x-amz-executed-version"),
    ] {
        if let Some(value) = text(member).and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(header, value);
        }
    }
    let status = output.get("StatusCode").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    (status, Bytes::from(text("Payload").unwrap_or_default().to_owned()))
}

fn write(status: StatusCode, headers: HeaderMap, request_id: &str, body: Bytes) -> Response<ReplyBody> {
    let mut reply = Response::new(full(body));
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        reply.headers_mut().insert("x-amzn-requestid", id);
    }
    reply
}

/// The members that a path names; `None` when it is not of that pattern.
fn members_of(pattern: &str, path: &str) -> Option<Map<String, Value>> {
    let mut members = Map::new();
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return Some(members),
            (Some(pattern), Some(segment)) => match pattern.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) if !segment.is_empty() => {
                    members.insert(name.to_owned(), Value::from(decoded(segment)));
                }
                None if pattern == segment => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// A parameter of the query; `tagKeys` comes once for each key.
fn add_query(input: &mut Map<String, Value>, name: &str, value: String) {
    let mut letters = name.chars();
    let member: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if member == "TagKeys" {
        if let Value::Array(keys) = input.entry(member).or_insert_with(|| json!([])) {
            keys.push(Value::from(value));
        }
        return;
    }
    input.entry(member).or_insert(Value::from(value));
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether a request may have a body worth reading.
pub fn has_body(method: &Method) -> bool {
    *method == Method::POST || *method == Method::PUT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &str, uri: &str) -> Result<Request, ServiceError> {
        let request = http::Request::builder().method(method).uri(uri).body(()).expect("a request");
        route(&request.into_parts().0)
    }

    #[test]
    fn path_and_query_become_members() {
        let request = routed("GET", "/2015-03-31/functions/?Marker=a%20b&MaxItems=5").expect("a route");
        assert_eq!((request.operation, request.status), ("ListFunctions", StatusCode::OK));
        assert_eq!(Value::Object(request.input), json!({"Marker": "a b", "MaxItems": "5"}));
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Afunction%3Af";
        let request = routed("DELETE", &format!("/2017-03-31/tags/{arn}?tagKeys=a&tagKeys=b")).expect("a route");
        let expected = json!({"Resource": "arn:aws:lambda:us-east-1:0:function:f", "TagKeys": ["a", "b"]});
        assert_eq!(Value::Object(request.input), expected);
    }

    #[test]
    fn the_path_wins_over_the_body() {
        let mut request = routed("PUT", "/2015-03-31/functions/f/code").expect("a route");
        with_body(&mut request, &Bytes::from_static(b"{\"FunctionName\":\"g\",\"DryRun\":true}")).expect("a body");
        assert_eq!(Value::Object(request.input), json!({"FunctionName": "f", "DryRun": true}));
    }

    #[test]
    fn what_is_lacking_is_named() {
        let error = routed("POST", "/2015-03-31/functions/f/versions").expect_err("no such operation");
        assert_eq!(error.status, StatusCode::NOT_IMPLEMENTED);
        assert!(error.message.contains("POST /2015-03-31/functions/f/versions"), "{}", error.message);
        assert!(routed("GET", "/2015-03-31/functions//policy").is_err());
    }

    #[test]
    fn every_route_is_an_operation() {
        let operations = super::super::OPERATIONS;
        for (_, _, operation, status) in ROUTES {
            assert!(operations.contains(operation), "{operation}");
            assert!(StatusCode::from_u16(*status).is_ok());
        }
    }
}
