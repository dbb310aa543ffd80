//! Every other service: the optimised integrations of the endpoint's services, and `aws-sdk:` ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::history::Failure;
use super::{CallError, Caller, PRINCIPAL, Service, metadata, sync};
use crate::emulator::sdk::{Sdk, capitalised, respelled};
use crate::emulator::{Fabric, ServiceError};

/// An optimised integration.
#[derive(Debug)]
pub(super) struct Optimised {
    /// The name in the resource.
    kind: &'static str,
    /// The endpoint's service id.
    service: &'static str,
    /// What errors are prefixed with.
    prefix: &'static str,
    /// What an error's cause calls the service.
    title: &'static str,
    /// The error that stands for codes which the service's SDK has no type for.
    fallback: &'static str,
    /// The type of its answers.
    content_type: &'static str,
    actions: &'static [&'static str],
    /// The patterns that its actions can have.
    patterns: &'static [&'static str],
}

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";
const TOKEN: &str = ".waitForTaskToken";

pub(super) const LAMBDA: Optimised = Optimised {
    kind: "lambda",
    service: "lambda",
    prefix: "Lambda",
    title: "AWSLambda",
    fallback: "AWSLambdaException",
    content_type: "application/json",
    actions: &["invoke"],
    patterns: &[TOKEN],
};

const OPTIMISED: &[Optimised] = &[
    Optimised {
        kind: "dynamodb",
        service: "dynamodb",
        prefix: "DynamoDB",
        title: "AmazonDynamoDBv2",
        fallback: "AmazonDynamoDBException",
        content_type: JSON_1_0,
        actions: &["getItem", "putItem", "updateItem", "deleteItem"],
        patterns: &[],
    },
    Optimised {
        kind: "sqs",
        service: "sqs",
        prefix: "SQS",
        title: "AmazonSQS",
        fallback: "AmazonSQSException",
        content_type: JSON_1_0,
        actions: &["sendMessage"],
        patterns: &[TOKEN],
    },
    Optimised {
        kind: "sns",
        service: "sns",
        prefix: "SNS",
        title: "AmazonSNS",
        fallback: "AmazonSNSException",
        content_type: "text/xml",
        actions: &["publish"],
        patterns: &[TOKEN],
    },
    Optimised {
        kind: "events",
        service: "events",
        prefix: "EventBridge",
        title: "AmazonEventBridge",
        fallback: "AmazonEventBridgeException",
        content_type: JSON_1_1,
        actions: &["putEvents"],
        patterns: &[TOKEN],
    },
    Optimised {
        kind: "states",
        service: "states",
        prefix: "StepFunctions",
        title: "AWSStepFunctions",
        fallback: "AWSStepFunctionsException",
        content_type: JSON_1_0,
        actions: &["startExecution"],
        patterns: &[".sync", ".sync:2", TOKEN],
    },
    Optimised {
        kind: "ecs",
        service: "ecs",
        prefix: "ECS",
        title: "AmazonECS",
        fallback: "AmazonECSException",
        content_type: JSON_1_1,
        actions: &["runTask"],
        patterns: &[".sync", TOKEN],
    },
];

/// Whether an integration that is known here can have the action and pattern; what is not known may have any.
pub(super) fn is_possible(service: &Service) -> bool {
    let all = OPTIMISED.iter().chain([&LAMBDA]);
    let Some(known) = all.into_iter().find(|known| known.kind == &*service.kind) else {
        // The SDKs' operations have no pattern but the token.
        return !service.kind.starts_with("aws-sdk:") || matches!(service.pattern, None | Some(TOKEN));
    };
    known.actions.contains(&service.action.as_str())
        && service.pattern.is_none_or(|pattern| known.patterns.contains(&pattern))
}

pub(super) async fn call(
    fabric: &Fabric,
    caller: &Caller<'_>,
    service: &Service,
    arguments: Value,
) -> Result<Value, CallError> {
    if let Some(name) = service.kind.strip_prefix("aws-sdk:") {
        return call_sdk(fabric, name, &service.action, arguments).await;
    }
    let known = OPTIMISED.iter().find(|known| known.kind == &*service.kind);
    let Some(known) = known.filter(|known| known.actions.contains(&service.action.as_str())) else {
        let pattern = service.pattern.map(|pattern| format!(" with the pattern {pattern}")).unwrap_or_default();
        let integration = format!("the service integration {}:{}{pattern}", service.kind, service.action);
        return Err(CallError::lacking(integration));
    };
    let Value::Object(mut request) = arguments else {
        return Err(CallError::Failed(bad_arguments(&format!("{}.{}", known.prefix, known.fallback))));
    };
    prepare(known.kind, caller, &mut request).map_err(CallError::Failed)?;
    let answer = fabric
        .call(PRINCIPAL, known.service, &capitalised(&service.action), Value::Object(request))
        .await
        .map_err(|error| failed(fabric, known, &error))?;
    if answer.get("FailedEntryCount").and_then(Value::as_u64).is_some_and(|failed| failed > 0) {
        let failure = Failure { error: Some("EventBridge.FailedEntry".to_owned()), cause: Some(answer.to_string()) };
        return Err(CallError::Failed(failure));
    }
    let length = answer.to_string().len();
    let answer = if matches!(known.kind, "states" | "ecs") { sync::told(answer) } else { answer };
    let mut result = match answer {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let refused = result.get("Failures").and_then(Value::as_array).is_some_and(|failures| !failures.is_empty());
    metadata::add(fabric, &mut result, known.content_type, length, &[]);
    if refused && known.kind == "ecs" {
        let cause = Value::Object(result).to_string();
        return Err(CallError::Failed(Failure { error: Some("AmazonECS.Unknown".to_owned()), cause: Some(cause) }));
    }
    Ok(Value::Object(result))
}

/// Brings the arguments into the form of the service's own API.
fn prepare(kind: &str, caller: &Caller<'_>, request: &mut Map<String, Value>) -> Result<(), Failure> {
    let written = |value: &mut Value| {
        if !value.is_string() && !value.is_null() {
            *value = Value::from(value.to_string());
        }
    };
    match kind {
        "sqs" => {
            request.get_mut("MessageBody").into_iter().for_each(written);
            // What is no URL is taken for the name of a host.
            if let Some(url) = request.get("QueueUrl").and_then(Value::as_str).filter(|url| !url.contains("://")) {
                let cause = format!("Unable to execute HTTP request: {url}: Name or service not known");
                return Err(Failure { error: Some("SQS.SdkClientException".to_owned()), cause: Some(cause) });
            }
        }
        "sns" => {
            // Here null and the empty text are written as JSON as well.
            if let Some(message) = request.get_mut("Message")
                && message.as_str().is_none_or(str::is_empty)
            {
                *message = Value::from(message.to_string());
            }
        }
        "events" => {
            let entries = request.get_mut("Entries").and_then(Value::as_array_mut);
            for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
                entry.get_mut("Detail").into_iter().for_each(written);
                let resources = entry.entry("Resources").or_insert_with(|| json!([]));
                if let Some(resources) = resources.as_array_mut() {
                    resources.extend([Value::from(caller.machine), Value::from(caller.execution)]);
                }
            }
        }
        "states" => {
            *request = match respelled(Value::Object(std::mem::take(request)), true) {
                Value::Object(members) => members,
                _ => Map::new(),
            };
            request.get_mut("input").into_iter().for_each(written);
        }
        "ecs" => {
            *request = match respelled(Value::Object(std::mem::take(request)), true) {
                Value::Object(members) => members,
                _ => Map::new(),
            };
        }
        _ => {}
    }
    Ok(())
}

async fn call_sdk(fabric: &Fabric, name: &str, action: &str, arguments: Value) -> Result<Value, CallError> {
    let sdk = Sdk::named(name).filter(|sdk| fabric.service(sdk.service).is_some());
    let Some(sdk) = sdk else {
        return Err(CallError::lacking(format_args!("the service integration aws-sdk:{name}:{action}")));
    };
    let operation = capitalised(action);
    let mut request = sdk.to_api(arguments);
    // Bodies of objects are text here, and bytes in base64 between services.
    if let Some(body) = request.get_mut("Body").filter(|_| sdk.service == "s3") {
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        *body = STANDARD.encode(text).into();
    }
    if let Some(input) = request.get_mut("input").filter(|input| sdk.service == "states" && !input.is_string()) {
        *input = Value::from(input.to_string());
    }
    match fabric.call(PRINCIPAL, sdk.service, &operation, request).await {
        Ok(answer) if answer.is_null() => Ok(json!({})),
        Ok(mut answer) if sdk.service == "s3" && answer.get("Body").is_some_and(Value::is_string) => {
            let body = STANDARD.decode(answer["Body"].as_str().unwrap_or_default()).unwrap_or_default();
            answer["Body"] = String::from_utf8_lossy(&body).into_owned().into();
            Ok(answer)
        }
        Ok(answer) => Ok(sync::dated(sdk.from_api(answer), sync::Dates::Texts)),
        Err(error) if lacks(&error) => Err(CallError::Lacking(error.message)),
        Err(error) => {
            let code = if error.code.ends_with("Exception") {
                error.code.to_string()
            } else {
                format!("{}Exception", error.code)
            };
            let cause = format!(
                "{} (Service: {}, Status Code: {}, Request ID: {}) (SDK Attempt Count: 1)",
                error.message,
                sdk.title,
                error.status.as_u16(),
                fabric.uuid()
            );
            Err(CallError::Failed(Failure { error: Some(format!("{}.{code}", sdk.title)), cause: Some(cause) }))
        }
    }
}

fn lacks(error: &ServiceError) -> bool {
    error.status == http::StatusCode::NOT_IMPLEMENTED
}

/// The failure that a service's error makes.
pub(super) fn failed(fabric: &Fabric, known: &Optimised, error: &ServiceError) -> CallError {
    if lacks(error) {
        return CallError::Lacking(error.message.clone());
    }
    // The codes of Step Functions are its types, without the last word.
    let code = match error.code.as_ref() {
        code if known.kind == "states" && !code.ends_with("Exception") => format!("{code}Exception"),
        code => code.to_owned(),
    };
    let typed = code.ends_with("Exception") && code != "ValidationException";
    let name = if typed { code.as_str() } else { known.fallback };
    let cause = format!(
        "{} (Service: {}; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
        error.message,
        known.title,
        error.status.as_u16(),
        if known.kind == "sns" { error.query_code.unwrap_or(&error.code) } else { &error.code },
        fabric.uuid()
    );
    CallError::Failed(Failure { error: Some(format!("{}.{name}", known.prefix)), cause: Some(cause) })
}

/// The failure of arguments that are no object.
pub(super) fn bad_arguments(error: &str) -> Failure {
    Failure { error: Some(error.to_owned()), cause: Some("The arguments must be a JSON object".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::Identity;

    #[test]
    fn documents_become_texts_and_events_name_their_origin() {
        let caller = Caller { execution: "arn:execution", machine: "arn:machine" };
        let mut request = Map::new();
        request.insert("Entries".to_owned(), json!([{"Detail": {"a": 1}}, {"Detail": "{}", "Resources": ["r"]}]));
        prepare("events", &caller, &mut request).expect("arguments that can be sent");
        assert_eq!(
            request["Entries"],
            json!([{"Detail": "{\"a\":1}", "Resources": ["arn:machine", "arn:execution"]},
                   {"Detail": "{}", "Resources": ["r", "arn:machine", "arn:execution"]}])
        );
        let mut request = Map::new();
        request.insert("MessageBody".to_owned(), json!({"a": 1}));
        prepare("sqs", &caller, &mut request).expect("arguments that can be sent");
        assert_eq!(request["MessageBody"], "{\"a\":1}");
        request.insert("QueueUrl".to_owned(), json!("no-such-queue"));
        let failure = prepare("sqs", &caller, &mut request).expect_err("that is no URL");
        assert_eq!(failure.error.as_deref(), Some("SQS.SdkClientException"));
    }

    #[test]
    fn a_code_without_a_type_becomes_the_services_own_exception() {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        let name = |code: &'static str| match failed(&fabric, &OPTIMISED[0], &ServiceError::client(code, "m")) {
            CallError::Failed(failure) => failure.error,
            CallError::Lacking(what) => panic!("{what}"),
        };
        assert_eq!(name("ValidationException").as_deref(), Some("DynamoDB.AmazonDynamoDBException"));
        assert_eq!(name("ResourceNotFoundException").as_deref(), Some("DynamoDB.ResourceNotFoundException"));
        let lacking = failed(&fabric, &LAMBDA, &ServiceError::not_implemented("AWS Lambda", "Invoke"));
        assert!(matches!(lacking, CallError::Lacking(_)));
    }
}
