//! `GetExecutionHistory`. A page is written from the events it holds; what was read before costs nothing, in either order.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::States;
use super::super::error::StatesError;
use super::{page_size, read_token, required, write_token};
use crate::emulator::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetExecutionHistoryInput {
    execution_arn: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    reverse_order: bool,
    next_token: Option<String>,
    include_execution_data: Option<bool>,
}

impl States {
    pub(crate) async fn get_execution_history(
        &self,
        input: GetExecutionHistoryInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let arn = required(input.execution_arn, "executionArn")?;
        let execution = self.standard_execution(&arn)?;
        let size = page_size(input.max_results)?;
        let subject = format!("history {} {arn}", input.reverse_order);
        let bad = || StatesError::InvalidToken("Invalid token".to_owned());
        let data = input.include_execution_data.unwrap_or(true);
        let history = execution.history();
        // A token names an event by its id: in reverse order the history may grow between two pages.
        let skip = match input.next_token {
            None => 0,
            Some(token) => {
                let id: usize = read_token(&subject, &token)?.parse().map_err(|_| bad())?;
                if input.reverse_order { history.count().checked_sub(id).ok_or_else(bad)? } else { id }
            }
        };
        let events = history.page(skip, size, input.reverse_order, data);
        let read = skip + events.len();
        let mut answer = json!({ "events": events });
        if read < history.count() {
            let id = if input.reverse_order { history.count() - read } else { read };
            answer["nextToken"] = write_token(&subject, &id.to_string()).into();
        }
        Ok(answer)
    }
}
