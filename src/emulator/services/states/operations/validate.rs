//! `ValidateStateMachineDefinition`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::States;
use super::super::asl;
use super::super::error::StatesError;
use super::required;
use crate::emulator::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValidateInput {
    definition: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    max_results: Option<usize>,
}

impl States {
    pub(crate) async fn validate_state_machine_definition(
        &self,
        input: ValidateInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let definition = required(input.definition, "definition")?;
        let (result, mut problems) = match asl::read(&definition, input.kind.as_deref() == Some("EXPRESS")) {
            Ok(_) => ("OK", vec![]),
            Err(problems) => ("FAIL", problems),
        };
        let most = input.max_results.filter(|most| *most > 0).unwrap_or(super::PAGE);
        let truncated = problems.len() > most;
        problems.truncate(most);
        Ok(json!({"result": result, "diagnostics": problems, "truncated": truncated}))
    }
}
