//! The REST-JSON protocol of EventBridge Scheduler: one table of methods and paths; nothing is carried out here.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::emulator::ServiceError;
use crate::emulator::front::full;
use crate::emulator::service::ReplyBody;

/// Method, first part of the path, the member that the second part is (none: there is no second part), operation.
const ROUTES: &[(&str, &str, Option<&str>, &str)] = &[
    ("GET", "schedules", None, "ListSchedules"),
    ("POST", "schedules", Some("Name"), "CreateSchedule"),
    ("GET", "schedules", Some("Name"), "GetSchedule"),
    ("PUT", "schedules", Some("Name"), "UpdateSchedule"),
    ("DELETE", "schedules", Some("Name"), "DeleteSchedule"),
    ("GET", "schedule-groups", None, "ListScheduleGroups"),
    ("POST", "schedule-groups", Some("Name"), "CreateScheduleGroup"),
    ("GET", "schedule-groups", Some("Name"), "GetScheduleGroup"),
    ("DELETE", "schedule-groups", Some("Name"), "DeleteScheduleGroup"),
    ("POST", "tags", Some("ResourceArn"), "TagResource"),
    ("DELETE", "tags", Some("ResourceArn"), "UntagResource"),
    ("GET", "tags", Some("ResourceArn"), "ListTagsForResource"),
];

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Finds the operation of a request, and what path and query say of its input.
///
/// # Errors
/// `501` naming method and path when the endpoint has no such operation.
pub fn route(parts: &Parts) -> Result<(&'static str, Map<String, Value>), ServiceError> {
    let path = parts.uri.path().trim_matches('/');
    let (first, second) = path.split_once('/').map_or((path, None), |(first, second)| (first, Some(second)));
    let found = ROUTES.iter().find(|(method, kind, member, _)| {
        parts.method == *method && *kind == first && member.is_some() == second.is_some()
    });
    let Some((_, _, member, operation)) = found else {
        let what = format!("{} /{path}", parts.method);
        return Err(ServiceError::not_implemented("Amazon EventBridge Scheduler", &what));
    };
    let mut input = Map::new();
    if let (Some(member), Some(value)) = (member, second) {
        input.insert((*member).to_owned(), decoded(value).into());
    }
    for pair in parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(&value.replace('+', " ")));
        // The query spells some members otherwise than the body.
        let member = match name.as_str() {
            "groupName" | "ScheduleGroup" => "GroupName".to_owned(),
            "clientToken" => "ClientToken".to_owned(),
            _ => name,
        };
        match member.as_str() {
            "TagKeys" => {
                if let Value::Array(keys) = input.entry("TagKeys").or_insert_with(|| json!([])) {
                    keys.push(value.into());
                }
            }
            "MaxResults" => {
                let number = value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from);
                input.insert(member, number);
            }
            _ => {
                input.insert(member, value.into());
            }
        }
    }
    Ok((operation, input))
}

/// Puts the body's members into the input; the path says which resource is meant, whatever the body says.
///
/// # Errors
/// `ValidationException` when the body is no JSON object.
pub fn with_body(input: &mut Map<String, Value>, body: &Bytes) -> Result<(), ServiceError> {
    if body.is_empty() {
        return Ok(());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => {
            for (name, value) in members {
                input.entry(name).or_insert(value);
            }
            Ok(())
        }
        Ok(_) => Err(ServiceError::serialization("the request body is not a JSON object")),
        Err(error) => Err(ServiceError::serialization(format!("the request body is not valid JSON: {error}"))),
    }
}

/// Writes an answer or a refusal.
pub fn reply(answer: Result<Value, ServiceError>, request_id: &str) -> Response<ReplyBody> {
    let (status, body, code) = match answer {
        Ok(output) => (StatusCode::OK, output, None),
        Err(error) => (error.status, json!({ "Message": error.message }), HeaderValue::from_str(&error.code).ok()),
    };
    let mut reply = Response::new(full(body.to_string()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(code) = code {
        headers.insert("x-amzn-errortype", code);
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &str, uri: &str) -> Result<(&'static str, Value), ServiceError> {
        let request = http::Request::builder().method(method).uri(uri).body(()).expect("a request");
        route(&request.into_parts().0).map(|(operation, input)| (operation, Value::Object(input)))
    }

    #[test]
    fn path_and_query_become_members() {
        let routed = |method, uri| routed(method, uri).expect("a route");
        assert_eq!(
            routed("DELETE", "/schedules/a?groupName=g&clientToken=t"),
            ("DeleteSchedule", json!({"Name": "a", "GroupName": "g", "ClientToken": "t"}))
        );
        assert_eq!(
            routed("GET", "/schedules?ScheduleGroup=g&MaxResults=2"),
            ("ListSchedules", json!({"GroupName": "g", "MaxResults": 2}))
        );
        let arn = "arn%3Aaws%3Ascheduler%3Aus-east-1%3A0%3Aschedule-group%2Fg";
        let expected = json!({"ResourceArn": "arn:aws:scheduler:us-east-1:0:schedule-group/g", "TagKeys": ["a", "b"]});
        assert_eq!(routed("DELETE", &format!("/tags/{arn}?TagKeys=a&TagKeys=b")), ("UntagResource", expected));
    }

    #[test]
    fn what_is_lacking_is_named() {
        let error = routed("PATCH", "/schedules/a").expect_err("no such operation");
        assert_eq!(error.status, StatusCode::NOT_IMPLEMENTED);
        assert!(error.message.contains("PATCH /schedules/a"), "{}", error.message);
    }
}
