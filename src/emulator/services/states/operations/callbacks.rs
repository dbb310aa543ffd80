//! What workers say of tasks, by their tokens.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::States;
use super::super::callbacks::Signal;
use super::super::error::StatesError;
use super::super::history::Failure;
use super::super::interpreter::LARGEST_PAYLOAD;
use super::required;
use crate::emulator::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendTaskSuccessInput {
    task_token: Option<String>,
    output: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendTaskFailureInput {
    task_token: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendTaskHeartbeatInput {
    task_token: Option<String>,
}

impl States {
    pub(crate) async fn send_task_success(
        &self,
        input: SendTaskSuccessInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let token = required(input.task_token, "taskToken")?;
        let output = required(input.output, "output")?;
        if output.len() > LARGEST_PAYLOAD {
            return Err(StatesError::Validation(format!(
                "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must have length \
                 less than or equal to {LARGEST_PAYLOAD}"
            )));
        }
        // A token is looked at first, as AWS does.
        self.shared.callbacks.signal(&token, Signal::Beat)?;
        let output = serde_json::from_str(&output).map_err(|error| StatesError::InvalidOutput(error.to_string()))?;
        self.shared.callbacks.signal(&token, Signal::Succeeded(output))?;
        Ok(json!({}))
    }

    pub(crate) async fn send_task_failure(
        &self,
        input: SendTaskFailureInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let token = required(input.task_token, "taskToken")?;
        let failure = Failure { error: input.error, cause: input.cause };
        self.shared.callbacks.signal(&token, Signal::Failed(failure))?;
        Ok(json!({}))
    }

    pub(crate) async fn send_task_heartbeat(
        &self,
        input: SendTaskHeartbeatInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let token = required(input.task_token, "taskToken")?;
        self.shared.callbacks.signal(&token, Signal::Beat)?;
        Ok(json!({}))
    }
}
