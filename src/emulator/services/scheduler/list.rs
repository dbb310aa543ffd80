//! `ListSchedules` and `ListScheduleGroups`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Scheduler;
use super::error::SchedulerError;
use crate::emulator::Context;

/// Entries of a page unless the caller asks for fewer.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    group_name: Option<String>,
    #[serde(default)]
    name_prefix: String,
    state: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// One page of entries that are ordered by key.
fn page(
    member: &str,
    entries: impl Iterator<Item = (String, Value)>,
    input: &ListInput,
) -> Result<Value, SchedulerError> {
    let size = match input.max_results {
        None => PAGE,
        Some(size @ 1..=PAGE) => size,
        Some(size) => {
            let constraint = "Member must have value between 1 and 100";
            return Err(SchedulerError::constraint("maxResults", &size.to_string(), constraint));
        }
    };
    let mut left = entries.skip_while(|(key, _)| input.next_token.as_ref().is_some_and(|token| key <= token));
    let taken: Vec<(String, Value)> = left.by_ref().take(size).collect();
    let more = left.next().and(taken.last()).map(|(key, _)| key.clone());
    let taken: Vec<Value> = taken.into_iter().map(|(_, entry)| entry).collect();
    let mut answer = Map::from_iter([(member.to_owned(), taken.into())]);
    if let Some(token) = more {
        answer.insert("NextToken".to_owned(), token.into());
    }
    Ok(answer.into())
}

impl Scheduler {
    pub(super) async fn list_schedules(&self, input: ListInput, _: &Context) -> Result<Value, SchedulerError> {
        let groups = self.groups();
        if let Some(name) = input.group_name.as_ref().filter(|name| !groups.contains_key(*name)) {
            return Err(SchedulerError::NoSuchGroup(name.clone()));
        }
        let of_group = groups.values().filter(|group| input.group_name.as_ref().is_none_or(|name| *name == group.name));
        let wanted = of_group.flat_map(|group| group.schedules.values()).filter(|schedule| {
            schedule.name.starts_with(&input.name_prefix)
                && (input.state.is_none() || schedule.settings.state == input.state)
        });
        let entries = wanted.map(|schedule| (format!("{}/{}", schedule.group, schedule.name), schedule.summary()));
        page("Schedules", entries, &input)
    }

    pub(super) async fn list_schedule_groups(&self, input: ListInput, _: &Context) -> Result<Value, SchedulerError> {
        let groups = self.groups();
        let wanted = groups.values().filter(|group| group.name.starts_with(&input.name_prefix));
        page("ScheduleGroups", wanted.map(|group| (group.name.clone(), group.described())), &input)
    }
}
