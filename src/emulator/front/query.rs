//! The AWS query protocol: a form in, XML out.
//!
//! `Tags.member.1.Key=a` becomes `{"Tags":[{"Key":"a"}]}`; an answer's members become elements, its lists `<member>`s
//! unless the service's interface says that they are flattened.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use quick_xml::escape::escape;
use serde_json::{Map, Value};

use super::with_body;
use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::emulator::faults::Caller;
use crate::emulator::service::{Call, Context, Origin, Protocol, QueryInterface, ReplyBody, Service};

const XML: &str = "text/xml";

/// Parameters deeper than this are refused: no shape of AWS nests so far, and a reader must not recurse without end.
const DEEPEST: usize = 32;

/// Reads the form, finds the operation, calls it and writes the answer; `caller` is given when there are faults.
pub async fn answer(
    fabric: &Fabric,
    signed_for: Option<Arc<dyn Service>>,
    uri_query: &str,
    body: &Bytes,
    caller: Option<Caller>,
) -> Response<ReplyBody> {
    let form = match read_form(uri_query, body) {
        Ok(form) => form,
        Err(error) => return error_reply(&error, "", fabric),
    };
    let Some(action) = form.get("Action").cloned() else {
        let error = ServiceError::client("MissingAction", "the request names no Action");
        return error_reply(&error, "", fabric);
    };
    let origin = if signed_for.is_some() { Origin::Public } else { Origin::Anonymous };
    let Some(service) = signed_for.or_else(|| by_version(fabric, form.get("Version").map(String::as_str), &action))
    else {
        return error_reply(&ServiceError::not_implemented("the query protocol's", &action), "", fabric);
    };
    let interface = service.interface();
    let Some(query) = &interface.query else {
        return error_reply(&ServiceError::not_implemented(interface.title, &action), "", fabric);
    };
    if let Some(caller) = caller
        && let Err(error) = fabric.faults().strike(interface.id, &action, caller).await
    {
        return error_reply(&error, query.namespace, fabric);
    }
    let input = match nest(&form) {
        Ok(input) => input,
        Err(error) => return error_reply(&error, query.namespace, fabric),
    };
    let context = Context { protocol: Protocol::Query, origin };
    match service.call(Call { operation: action.clone(), input, context }).await {
        Ok(output) => {
            let body = write(&action, &output, query, &fabric.uuid());
            with_body(StatusCode::OK, XML, "", body)
        }
        Err(error) => error_reply(&error, query.namespace, fabric),
    }
}

/// Operation and input of a form.
///
/// # Errors
/// When it cannot be read or names no operation.
pub fn input(uri_query: &str, body: &Bytes) -> Result<(String, Value), ServiceError> {
    let form = read_form(uri_query, body)?;
    let Some(action) = form.get("Action").cloned() else {
        return Err(ServiceError::client("MissingAction", "the request names no Action"));
    };
    Ok((action, nest(&form)?))
}

/// An unsigned request is told apart by its API version.
fn by_version(fabric: &Fabric, version: Option<&str>, action: &str) -> Option<Arc<dyn Service>> {
    fabric.services().into_iter().find(|service| {
        service.interface().query.is_some_and(|query| version.is_none_or(|version| version == query.version))
            && service.operations().contains(&action)
    })
}

fn read_form(uri_query: &str, body: &Bytes) -> Result<BTreeMap<String, String>, ServiceError> {
    let body = std::str::from_utf8(body)
        .map_err(|_| ServiceError::client("MalformedQueryString", "the request body is not UTF-8"))?;
    let mut form = BTreeMap::new();
    for pair in uri_query.split('&').chain(body.trim_end().split('&')).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        form.insert(decode(name)?, decode(value)?);
    }
    Ok(form)
}

fn decode(text: &str) -> Result<String, ServiceError> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(ServiceError::client("MalformedQueryString", format!("{text:?} does not decode to UTF-8"))),
    }
}

/// What the parameters below one prefix say, before it is known whether they are members or list entries.
#[derive(Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

fn nest(form: &BTreeMap<String, String>) -> Result<Value, ServiceError> {
    let mut root = Node::default();
    for (name, value) in form.iter().filter(|(name, _)| *name != "Action" && *name != "Version") {
        if name.split('.').count() > DEEPEST {
            return Err(ServiceError::client("MalformedQueryString", format!("parameter {name:?} nests too deep")));
        }
        let node = name.split('.').fold(&mut root, |node, part| node.children.entry(part.to_owned()).or_default());
        node.value = Some(value.clone());
    }
    Ok(match value_of(root) {
        Value::Object(members) => Value::Object(members),
        _ => Value::Object(Map::new()),
    })
}

fn value_of(mut node: Node) -> Value {
    if let Some(inner) = node.children.remove("member") {
        if node.children.is_empty() {
            return value_of(inner);
        }
        node.children.insert("member".to_owned(), inner);
    }
    if node.children.is_empty() {
        // `Tags=` alone is how an empty list or text is sent.
        return Value::from(node.value.unwrap_or_default());
    }
    if node.children.keys().all(|key| key.parse::<u32>().is_ok()) {
        let mut entries: Vec<(u32, Node)> =
            node.children.into_iter().filter_map(|(key, child)| Some((key.parse().ok()?, child))).collect();
        entries.sort_by_key(|(index, _)| *index);
        return entries.into_iter().map(|(_, child)| value_of(child)).collect();
    }
    Value::Object(node.children.into_iter().map(|(key, child)| (key, value_of(child))).collect())
}

fn write(action: &str, output: &Value, query: &QueryInterface, request_id: &str) -> String {
    let mut xml = format!("<{action}Response xmlns=\"{}\">", query.namespace);
    if !output.is_null() {
        xml.push_str(&format!("<{action}Result>"));
        write_members(&mut xml, output, query);
        xml.push_str(&format!("</{action}Result>"));
    }
    xml.push_str(&format!(
        "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    ));
    xml
}

fn write_members(xml: &mut String, value: &Value, query: &QueryInterface) {
    let Value::Object(members) = value else {
        write_value(xml, value, query);
        return;
    };
    for (name, member) in members.iter().filter(|(_, member)| !member.is_null()) {
        let flattened = query.flattened.iter().find(|(list, _)| list == name);
        match (flattened, member) {
            (Some((_, element)), Value::Array(entries)) => {
                for entry in entries {
                    element_of(xml, element, entry, query);
                }
            }
            _ => element_of(xml, name, member, query),
        }
    }
}

fn element_of(xml: &mut String, name: &str, value: &Value, query: &QueryInterface) {
    xml.push_str(&format!("<{name}>"));
    write_value(xml, value, query);
    xml.push_str(&format!("</{name}>"));
}

fn write_value(xml: &mut String, value: &Value, query: &QueryInterface) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => xml.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => xml.push_str(&number.to_string()),
        Value::String(text) => xml.push_str(&escape(text.as_str())),
        Value::Array(entries) => {
            for entry in entries {
                element_of(xml, "member", entry, query);
            }
        }
        Value::Object(_) => write_members(xml, value, query),
    }
}

/// Writes an error in the query protocol.
pub fn error_reply(error: &ServiceError, namespace: &str, fabric: &Fabric) -> Response<ReplyBody> {
    let kind = if error.status.is_server_error() { "Receiver" } else { "Sender" };
    let code = error.query_code.unwrap_or(&error.code);
    let body = format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        escape(code),
        escape(error.message.as_str()),
        fabric.uuid(),
    );
    with_body(error.status, XML, "", body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(query: &str) -> Value {
        let form = read_form("", &Bytes::from(query.to_owned())).expect("a readable form");
        nest(&form).expect("a form that nests")
    }

    #[test]
    fn lists_and_structures_are_read_from_dotted_names() {
        let input = nested(
            "Action=CreateStack&Version=1&StackName=a%2Fb+c&Parameters.member.1.ParameterKey=k&\
             Parameters.member.1.ParameterValue=v&Parameters.member.2.ParameterKey=l&Capabilities.member.1=CAPABILITY_IAM&\
             Attribute.2.Name=b&Attribute.1.Name=a",
        );
        assert_eq!(
            input,
            json!({
                "Attribute": [{"Name": "a"}, {"Name": "b"}],
                "Capabilities": ["CAPABILITY_IAM"],
                "Parameters": [{"ParameterKey": "k", "ParameterValue": "v"}, {"ParameterKey": "l"}],
                "StackName": "a/b c",
            })
        );
    }

    #[test]
    fn more_than_nine_entries_stay_in_the_order_of_their_numbers() {
        let query: Vec<String> = (1..=12).map(|n| format!("Names.member.{n}={n}")).collect();
        let expected: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
        assert_eq!(nested(&query.join("&")), json!({ "Names": expected }));
    }

    #[test]
    fn answers_are_escaped_and_lists_wrapped_or_flattened() {
        let query = QueryInterface { version: "1", namespace: "urn:x", flattened: &[("Messages", "Message")] };
        let xml = write("Act", &json!({"Names": ["<a>", "b&"], "Messages": [{"Body": 1}], "Gone": null}), &query, "id");
        assert_eq!(
            xml,
            "<ActResponse xmlns=\"urn:x\"><ActResult><Names><member>&lt;a&gt;</member><member>b&amp;</member></Names>\
             <Message><Body>1</Body></Message></ActResult><ResponseMetadata><RequestId>id</RequestId>\
             </ResponseMetadata></ActResponse>"
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert!(read_form("a=%ff", &Bytes::new()).is_err());
        assert!(read_form("", &Bytes::from_static(b"\xff")).is_err());
    }
}
