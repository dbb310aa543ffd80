//! EC2's own XML: no result element, lists of `<item>`s, and errors in a shape that no other service has.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use quick_xml::escape::escape;
use serde_json::Value;

use super::names::element;
use crate::emulator::error::ServiceError;
use crate::emulator::front;
use crate::emulator::service::ReplyBody;

const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes an operation's answer.
#[must_use]
pub fn written(operation: &str, output: &Value, request_id: &str) -> String {
    let mut xml = format!("{HEAD}<{operation}Response xmlns=\"{NAMESPACE}\"><requestId>{request_id}</requestId>");
    write(&mut xml, output, operation);
    xml.push_str(&format!("</{operation}Response>"));
    xml
}

fn write(xml: &mut String, value: &Value, path: &str) {
    match value {
        Value::Null => {}
        Value::String(text) => xml.push_str(&escape(text)),
        Value::Bool(_) | Value::Number(_) => xml.push_str(&value.to_string()),
        Value::Array(entries) => {
            for entry in entries {
                xml.push_str("<item>");
                write(xml, entry, path);
                xml.push_str("</item>");
            }
        }
        Value::Object(members) => {
            for (member, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let name = element(path, member);
                xml.push_str(&format!("<{name}>"));
                write(xml, value, &format!("{path}.{member}"));
                xml.push_str(&format!("</{name}>"));
            }
        }
    }
}

/// The answer to a request.
#[must_use]
pub fn reply(operation: &str, result: Result<Value, ServiceError>, request_id: &str) -> Response<ReplyBody> {
    let (status, body) = match result {
        Ok(output) => (StatusCode::OK, written(operation, &output, request_id)),
        Err(error) => (error.status, refused(&error, request_id)),
    };
    let mut reply = Response::new(front::full(Bytes::from(body)));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/xml;charset=UTF-8"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    reply
}

fn refused(error: &ServiceError, request_id: &str) -> String {
    format!(
        "{HEAD}<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
         <RequestID>{request_id}</RequestID></Response>",
        escape(error.code.as_ref()),
        escape(&error.message)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_have_items_and_no_result_element() {
        let output = json!({"Vpcs": [{"VpcId": "v", "Tags": [{"Key": "<k>", "Value": ""}], "IsDefault": true}], "NextToken": null});
        assert_eq!(
            written("DescribeVpcs", &output, "r"),
            format!(
                "{HEAD}<DescribeVpcsResponse xmlns=\"{NAMESPACE}\"><requestId>r</requestId><vpcSet><item><vpcId>v</vpcId>\
                 <tagSet><item><key>&lt;k&gt;</key><value></value></item></tagSet><isDefault>true</isDefault></item></vpcSet>\
                 </DescribeVpcsResponse>"
            )
        );
    }
}
