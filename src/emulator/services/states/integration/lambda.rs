//! Functions: by their ARN, and `lambda:invoke`.

use serde_json::{Map, Value, json};

use super::super::history::Failure;
use super::{CallError, PRINCIPAL, generic, metadata};
use crate::emulator::Fabric;

/// Invokes a function by its ARN; its answer is the task's result.
pub(super) async fn by_arn(fabric: &Fabric, arn: &str, input: &Value) -> Result<Value, CallError> {
    let request = json!({"FunctionName": arn, "InvocationType": "RequestResponse", "Payload": input.to_string()});
    let answer = call(fabric, request).await?;
    let payload = answer.get("Payload").and_then(Value::as_str).unwrap_or("null");
    if answer.get("FunctionError").is_some_and(|error| !error.is_null()) {
        return Err(CallError::Failed(function_error(payload, payload.to_owned())));
    }
    Ok(parsed(payload))
}

/// Invokes a function as `lambda:invoke` does; the result is what Lambda's API answers.
pub(super) async fn invoke(fabric: &Fabric, arguments: Value) -> Result<Value, CallError> {
    let Value::Object(mut request) = arguments else {
        return Err(CallError::Failed(generic::bad_arguments("Lambda.AWSLambdaException")));
    };
    // A text is the payload itself; anything else is its JSON.
    let payload = match request.remove("Payload") {
        None => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    request.insert("Payload".to_owned(), payload.into());
    request.entry("InvocationType").or_insert_with(|| "RequestResponse".into());
    let answer = call(fabric, Value::Object(request)).await?;
    let payload = answer.get("Payload").and_then(Value::as_str).unwrap_or("");
    if answer.get("FunctionError").is_some_and(|error| !error.is_null()) {
        let compact =
            serde_json::from_str::<Value>(payload).map_or_else(|_| payload.to_owned(), |json| json.to_string());
        return Err(CallError::Failed(function_error(payload, compact)));
    }
    let mut result = Map::new();
    for member in ["ExecutedVersion", "LogResult"] {
        if let Some(value) = answer.get(member) {
            result.insert(member.to_owned(), value.clone());
        }
    }
    result.insert("Payload".to_owned(), parsed(payload));
    let version = answer.get("ExecutedVersion").and_then(Value::as_str).unwrap_or("$LATEST");
    let trace = trace_id(fabric);
    let mut headers = vec![
        ("X-Amz-Executed-Version", version),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("X-Amzn-Trace-Id", trace.as_str()),
    ];
    if let Some(log) = answer.get("LogResult").and_then(Value::as_str) {
        headers.push(("X-Amz-Log-Result", log));
    }
    metadata::add(fabric, &mut result, "application/json", payload.len(), &headers);
    result.insert("StatusCode".to_owned(), answer.get("StatusCode").cloned().unwrap_or_else(|| 200.into()));
    Ok(Value::Object(result))
}

/// A trace id as X-Ray has it, of a trace that nobody samples.
fn trace_id(fabric: &Fabric) -> String {
    let hex = |len| fabric.token(b"0123456789abcdef", len);
    format!("Root=1-{:08x}-{};Parent={};Sampled=0", fabric.clock().now().secs(), hex(24), hex(16))
}

async fn call(fabric: &Fabric, request: Value) -> Result<Value, CallError> {
    fabric
        .call(PRINCIPAL, "lambda", "Invoke", request)
        .await
        .map_err(|error| generic::failed(fabric, &generic::LAMBDA, &error))
}

fn parsed(payload: &str) -> Value {
    serde_json::from_str(payload).unwrap_or_else(|_| Value::from(payload))
}

/// The failure that a function's own error makes: its type is the error, its payload the cause.
fn function_error(payload: &str, cause: String) -> Failure {
    let kind = serde_json::from_str::<Value>(payload)
        .ok()
        .and_then(|error| error.get("errorType").and_then(Value::as_str).map(str::to_owned));
    if let Some(kind) = kind {
        return Failure { error: Some(kind), cause: Some(cause) };
    }
    let cause = format!(
        "The cause could not be determined because Lambda did not return an error type. \
                 Returned payload: {cause}"
    );
    Failure { error: Some("Lambda.Unknown".to_owned()), cause: Some(cause) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_names_no_error_type_fails_with_lambda_unknown() {
        let named = function_error(r#"{"errorType":"ValueError","errorMessage":"x"}"#, "cause".to_owned());
        assert_eq!((named.error.as_deref(), named.cause.as_deref()), (Some("ValueError"), Some("cause")));
        let unknown = function_error(r#"{"errorMessage":"timed out"}"#, "cause".to_owned());
        assert_eq!(unknown.error.as_deref(), Some("Lambda.Unknown"));
        assert!(unknown.cause.is_some_and(|cause| cause.ends_with("Returned payload: cause")));
    }
}
