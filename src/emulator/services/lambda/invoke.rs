//! Invoke: at once and with an answer, later and without one, or not at all.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Lambda;
use super::environment::Outcome;
use super::error::LambdaError;
use super::functions::{NamedInput, refuse_pending};
use crate::emulator::service::{Context, Origin};

/// The most bytes of a payload that is answered at once.
pub const SYNCHRONOUS_LIMIT: usize = 6_291_456;
/// The most bytes of a payload that is accepted for later.
pub const ASYNCHRONOUS_LIMIT: usize = 1_048_576;

/// The input of Invoke.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InvokeInput {
    #[serde(flatten)]
    function: NamedInput,
    invocation_type: Option<String>,
    log_type: Option<String>,
    #[serde(default)]
    payload: String,
}

impl Lambda {
    /// Invoke.
    ///
    /// A caller of the HTTP port is refused while the function is `Pending`; a service of the endpoint waits.
    pub(super) async fn invoke(&self, input: InvokeInput, context: &Context) -> Result<Value, LambdaError> {
        let function = self.named(&input.function)?;
        if context.origin == Origin::Public {
            refuse_pending(&function.config())?;
        }
        let request_id: Arc<str> = self.registry.fabric.uuid().into();
        match input.invocation_type.as_deref().unwrap_or("RequestResponse") {
            "RequestResponse" => {
                let payload = checked(input.payload.into(), SYNCHRONOUS_LIMIT, "RequestResponse")?;
                // On a task of its own: a caller that goes away does not end what has begun.
                let running = tokio::spawn(async move { function.invoke(&request_id, payload, false).await });
                let outcome = running.await.map_err(|_| LambdaError::ShuttingDown)??;
                Ok(answer(&outcome, input.log_type.as_deref() == Some("Tail")))
            }
            "Event" => {
                function.accept(request_id, checked(input.payload.into(), ASYNCHRONOUS_LIMIT, "Event")?)?;
                Ok(json!({ "StatusCode": 202 }))
            }
            "DryRun" => {
                checked(input.payload.into(), SYNCHRONOUS_LIMIT, "DryRun")?;
                Ok(json!({ "StatusCode": 204 }))
            }
            other => Err(LambdaError::InvalidParameter(format!(
                "invocation type {other:?} is none of RequestResponse, Event, DryRun"
            ))),
        }
    }
}

fn answer(outcome: &Outcome, with_tail: bool) -> Value {
    let mut answer = json!({
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "Payload": String::from_utf8_lossy(&outcome.payload),
    });
    if outcome.failed {
        answer["FunctionError"] = json!("Unhandled");
    }
    if with_tail {
        answer["LogResult"] = json!(STANDARD.encode(&outcome.tail));
    }
    answer
}

/// A payload that is JSON and small enough; an empty one is `{}`.
///
/// # Errors
/// When it is neither.
pub fn checked(payload: Bytes, limit: usize, kind: &'static str) -> Result<Bytes, LambdaError> {
    if payload.len() > limit {
        return Err(LambdaError::PayloadTooLarge { size: payload.len(), kind, limit });
    }
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    serde_json::from_slice::<IgnoredAny>(&payload).map_err(|error| LambdaError::InvalidContent(error.to_string()))?;
    Ok(payload)
}
