//! `AWS::CloudFormation::CustomResource` and `Custom::…`: a function or a topic of the user's makes the resource.
//!
//! The request names a URL of the endpoint's S3, to which the provider puts its answer; it comes back as a delivery with
//! the request's id. How long CloudFormation waits for it is time of the endpoint's clock.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::super::changes::as_text;
use super::schema::{Property, Shape, property};
use super::{Failure, Made, Request, provider};
use crate::emulator::form;

/// How long a provider may take when the resource does not say.
const TIMEOUT: Duration = Duration::from_secs(3_600);

/// The longest answer and the longest physical id, in bytes.
const LONGEST_ANSWER: usize = 4_096;
const LONGEST_ID: usize = 1_024;

const HEX: &[u8] = b"0123456789abcdef";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The bucket that answers are put to, as AWS names it for its regions.
const BUCKET: &str = "cloudformation-custom-resource-response-";

/// What the endpoint looks at; a custom resource may have any other property.
const PROPERTIES: &[Property] =
    &[property("ServiceTimeout", Shape::Integer), property("ServiceToken", Shape::Text).required()];

provider!(Custom, "AWS::CloudFormation::CustomResource", PROPERTIES, None, create, update, delete);

/// Whether the type is a custom resource's.
#[must_use]
pub fn is_custom(kind: &str) -> bool {
    let is_name = |name: &str| {
        (1..=60).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_@-".contains(&byte))
    };
    kind == "AWS::CloudFormation::CustomResource" || kind.strip_prefix("Custom::").is_some_and(is_name)
}

/// The answers that are waited for, by the id of their request.
#[derive(Default)]
pub struct Answers {
    waiting: Mutex<HashMap<String, oneshot::Sender<String>>>,
}

impl Answers {
    /// Hands an answer to who waits for it; false when nobody does, or no longer.
    pub fn arrived(&self, request_id: &str, answer: &str) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(request_id);
        waiting.is_some_and(|sender| sender.send(answer.to_owned()).is_ok())
    }

    fn expect(&self, request_id: &str) -> Expected<'_> {
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(request_id.to_owned(), sender);
        Expected { answers: self, request_id: request_id.to_owned(), answer }
    }
}

/// A place among those that wait; it is given up when nobody waits any more.
struct Expected<'a> {
    answers: &'a Answers,
    request_id: String,
    answer: oneshot::Receiver<String>,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.answers.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.request_id);
    }
}

/// What a provider puts to the URL.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    status: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    physical_resource_id: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    no_echo: Option<bool>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

impl Answer {
    fn read(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_ANSWER {
            return Err("Response object is too long.".to_owned());
        }
        let answer: Self = serde_json::from_str(text).map_err(|error| format!("Invalid response object: {error}"))?;
        if !matches!(answer.status.as_str(), "SUCCESS" | "FAILED") {
            return Err(format!("Invalid response object: Status {:?} is not SUCCESS or FAILED", answer.status));
        }
        Ok(answer)
    }

    /// What was made, when the provider says that it was.
    fn made(self, request_id: &str) -> Result<Made, String> {
        if self.status == "FAILED" {
            let told = self.reason.unwrap_or_default();
            return Err(format!(
                "Received response status [FAILED] from custom resource. Message returned: {told} (RequestId: {request_id})"
            ));
        }
        match self.physical_resource_id {
            Some(id) if (1..=LONGEST_ID).contains(&id.len()) => Ok(Made {
                physical_id: id,
                attributes: self.data.unwrap_or_default(),
                no_echo: self.no_echo.unwrap_or(false),
            }),
            _ => Err("Invalid PhysicalResourceId".to_owned()),
        }
    }
}

/// Asks the provider and waits for its answer.
async fn ask(
    request: Request<'_>,
    kind: &str,
    physical_id: Option<&str>,
    before: Option<&Value>,
) -> Result<(String, Answer), Failure> {
    let id = request.fabric.uuid();
    let token = request.text("ServiceToken");
    let mut event = json!({
        "RequestType": kind,
        "ServiceToken": token,
        "ResponseURL": answer_url(request, &id),
        "StackId": request.stack_id,
        "RequestId": id,
        "LogicalResourceId": request.logical_id,
        "ResourceType": request.kind,
        "ResourceProperties": as_text(request.properties),
    });
    if let Some(physical_id) = physical_id {
        event["PhysicalResourceId"] = Value::from(physical_id);
    }
    if let Some(before) = before {
        event["OldResourceProperties"] = as_text(before);
    }
    let mut expected = request.answers.expect(&id);
    send(request, token, &event.to_string()).await?;
    let limit = request.get("ServiceTimeout").as_u64().map_or(TIMEOUT, Duration::from_secs);
    let text = tokio::select! {
        text = &mut expected.answer => text.map_err(|_| Failure::new("the endpoint is shutting down"))?,
        () = request.fabric.clock().sleep(limit) => return Err(Failure::new(format!(
            "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{id}]. \
             If you are using the Python cfn-response module, you may need to update your Lambda function code so that \
             CloudFormation can attach the updated version."
        ))),
    };
    let answer = Answer::read(&text).map_err(Failure::new)?;
    Ok((id, answer))
}

async fn send(request: Request<'_>, token: &str, event: &str) -> Result<(), Failure> {
    let service = token.split(':').nth(2).unwrap_or_default();
    match service {
        "lambda" => {
            let input = json!({"FunctionName": token, "InvocationType": "Event", "Payload": event});
            request.call("lambda", "Invoke", input).await.map(|_| ())
        }
        "sns" => {
            let subject = "AWS CloudFormation custom resource request";
            let input = json!({"TopicArn": token, "Subject": subject, "Message": event});
            request.call("sns", "Publish", input).await.map(|_| ())
        }
        _ => Err(Failure::new("Invalid service token.")),
    }
}

/// A URL that takes one `PUT`, in the shape of a presigned one.
fn answer_url(request: Request<'_>, id: &str) -> String {
    let fabric = request.fabric;
    let region = &fabric.identity().region;
    let bucket = format!("{BUCKET}{}", region.replace('-', ""));
    let key = format!("{}|{}|{id}", request.stack_id, request.logical_id);
    let key = utf8_percent_encode(&key, NON_ALPHANUMERIC);
    let now: String = fabric.clock().now().iso_seconds().chars().filter(|each| !"-:".contains(*each)).collect();
    let day = now.split('T').next().unwrap_or_default();
    let credential = format!("AKIA{}%2F{day}%2F{region}%2Fs3%2Faws4_request", fabric.token(UPPER, 16));
    format!(
        "{}/{bucket}/{key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={now}&X-Amz-SignedHeaders=host&X-Amz-Expires=7200\
         &X-Amz-Credential={credential}&X-Amz-Signature={}",
        fabric.url(),
        fabric.token(HEX, 64),
    )
}

fn check_timeout(request: Request<'_>) -> Result<(), Failure> {
    match request.properties.get("ServiceTimeout").and_then(Value::as_i64) {
        Some(seconds) if !(1..=3_600).contains(&seconds) => {
            Err(Failure::new(format!("ServiceTimeout {seconds} is not between 1 and 3600 seconds")))
        }
        _ => Ok(()),
    }
}

/// Why the change from `before` to `after` is refused before anything is asked of the provider.
pub fn refusal(before: &Value, after: &Value) -> Option<Failure> {
    let differs = before.get("ServiceToken") != after.get("ServiceToken");
    differs.then(|| Failure::new("Modifying service token is not allowed."))
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    check_timeout(request)?;
    // What failed may have made something: it is asked to delete it, under this name if it gave none.
    let fallback = request.name("", LONGEST_ID);
    match ask(request, "Create", None, None).await {
        Ok((id, answer)) => {
            let given = answer.physical_resource_id.clone().filter(|id| !id.is_empty());
            answer.made(&id).map_err(|reason| Failure::new(reason).after(given.as_deref().unwrap_or(&fallback)))
        }
        Err(failure) if failure.is_of_a_service() => Err(failure),
        Err(failure) => Err(failure.after(&fallback)),
    }
}

async fn update(request: Request<'_>, physical_id: &str, before: &Value) -> Result<Made, Failure> {
    check_timeout(request)?;
    let (id, answer) = ask(request, "Update", Some(physical_id), Some(before)).await?;
    answer.made(&id).map_err(Failure::new)
}

async fn delete(request: Request<'_>, physical_id: &str) -> Result<(), Failure> {
    let (id, answer) = ask(request, "Delete", Some(physical_id), None).await?;
    match answer.status.as_str() {
        // Its physical id is of no more interest.
        "SUCCESS" => Ok(()),
        _ => answer.made(&id).map(|_| ()).map_err(Failure::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_custom_resources_are_known_by_their_name() {
        for kind in ["AWS::CloudFormation::CustomResource", "Custom::S3-Bucket_1@x"] {
            assert!(is_custom(kind), "{kind}");
        }
        for kind in ["Custom::", "Custom::a b", "AWS::Custom::X", "Customs::X", &format!("Custom::{}", "x".repeat(61))]
        {
            assert!(!is_custom(kind), "{kind}");
        }
    }

    #[test]
    fn an_answer_says_what_was_made_or_why_not() {
        let made = |text: &str| Answer::read(text).and_then(|answer| answer.made("id"));
        let good =
            made(r#"{"Status":"SUCCESS","PhysicalResourceId":"p","NoEcho":"true","Data":{"a":1}}"#).expect("made");
        assert_eq!((good.physical_id.as_str(), good.no_echo, &good.attributes["a"]), ("p", true, &json!(1)));
        let long = format!(r#"{{"Status":"SUCCESS","Reason":"{}"}}"#, "x".repeat(LONGEST_ANSWER));
        for (text, expected) in [
            (r#"{"Status":"FAILED","Reason":"no disk"}"#, "Message returned: no disk (RequestId: id)"),
            (r#"{"Status":"SUCCESS"}"#, "Invalid PhysicalResourceId"),
            (r#"{"Status":"DONE"}"#, "is not SUCCESS or FAILED"),
            ("{", "Invalid response object"),
            (long.as_str(), "too long"),
        ] {
            let refused = made(text).expect_err(text);
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }
}
