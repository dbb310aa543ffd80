//! `DescribeMapRun`, `ListMapRuns`, and the children of a run as `ListExecutions` has them.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::States;
use super::super::error::StatesError;
use super::super::map_run::MapRun;
use super::executions::status_name;
use super::{page_size, read_token, required, write_token};
use crate::emulator::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MapRunInput {
    map_run_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListMapRunsInput {
    execution_arn: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// One page of a list by place, and the token of the next one.
fn page(
    member: &str,
    subject: &str,
    entries: Vec<Value>,
    size: Option<usize>,
    token: Option<&str>,
) -> Result<Value, StatesError> {
    let size = page_size(size)?;
    let bad = || StatesError::InvalidToken("Invalid token".to_owned());
    let skip: usize = match token {
        Some(token) => read_token(subject, token)?.parse().map_err(|_| bad())?,
        None => 0,
    };
    let all = entries.len();
    let entries: Vec<Value> = entries.into_iter().skip(skip).take(size).collect();
    let read = skip.saturating_add(entries.len());
    let mut answer = json!({ member: entries });
    if read < all {
        answer["nextToken"] = write_token(subject, &read.to_string()).into();
    }
    Ok(answer)
}

impl States {
    fn map_run(&self, arn: &str) -> Result<Arc<MapRun>, StatesError> {
        self.shared.map_runs.get(arn).ok_or_else(|| StatesError::ResourceNotFound(arn.to_owned()))
    }

    pub(crate) async fn describe_map_run(&self, input: MapRunInput, _: &Context) -> Result<Value, StatesError> {
        Ok(self.map_run(&required(input.map_run_arn, "mapRunArn")?)?.described())
    }

    pub(crate) async fn list_map_runs(&self, input: ListMapRunsInput, _: &Context) -> Result<Value, StatesError> {
        let arn = required(input.execution_arn, "executionArn")?;
        self.execution(&arn)?;
        let runs = self.shared.map_runs.of(&arn).iter().map(|run| run.summary()).collect();
        page("mapRuns", &format!("map runs {arn}"), runs, input.max_results, input.next_token.as_deref())
    }

    /// The children of a run that have ended.
    pub(super) fn children_of(
        &self,
        arn: &str,
        status: Option<&str>,
        size: Option<usize>,
        token: Option<&str>,
    ) -> Result<Value, StatesError> {
        let run = self.map_run(arn)?;
        let wanted =
            run.children().into_iter().filter(|child| status.is_none_or(|one| one == status_name(child.status)));
        let entries = wanted.map(|child| {
            json!({
                "executionArn": &*child.arn, "stateMachineArn": run.machine, "name": &*child.name,
                "status": status_name(child.status), "startDate": child.started.epoch_seconds(),
                "stopDate": child.stopped.epoch_seconds(), "mapRunArn": &*run.arn, "itemCount": child.items,
                "redriveCount": 0,
            })
        });
        page("executions", &format!("children {arn}"), entries.collect(), size, token)
    }
}
