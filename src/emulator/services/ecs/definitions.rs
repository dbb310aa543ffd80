//! Operations on task definitions: families and their revisions.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::definition::{self, Definition};
use super::error::Error;
use super::page::{MOST, page};
use super::tags::{Tag, checked};
use super::{Ecs, State};
use crate::emulator::Context;

impl State {
    /// The definition named by `family`, `family:revision` or ARN; the newest active one where no revision is named.
    #[must_use]
    pub fn definition(&self, given: &str) -> Option<&Definition> {
        let (family, revision) = named(given);
        let revisions = self.families.get(family)?;
        match revision {
            Some(revision) => revisions.iter().find(|one| one.revision == revision),
            None if given.ends_with(family) => revisions.iter().rev().find(|one| one.deregistered.is_none()),
            None => None,
        }
    }

    /// The same, to be changed.
    pub fn definition_mut(&mut self, given: &str) -> Option<&mut Definition> {
        let (family, revision) = named(given);
        self.families.get_mut(family)?.iter_mut().find(|one| Some(one.revision) == revision)
    }
}

fn named(given: &str) -> (&str, Option<u32>) {
    let name = given.split_once(":task-definition/").map_or(given, |(_, name)| name);
    match name.rsplit_once(':') {
        Some((family, revision)) => (family, revision.parse().ok()),
        None => (name, None),
    }
}

pub(super) async fn register(ecs: &Ecs, mut input: Map<String, Value>, _: &Context) -> Result<Value, Error> {
    let family = input.remove("family").and_then(|family| family.as_str().map(str::to_owned)).unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if family.is_empty() {
        return Err(Error::client("Family should not be null or empty."));
    }
    if family.len() > 255 || !family.bytes().all(fits) {
        return Err(Error::client("Family contains invalid characters."));
    }
    let tags = input.remove("tags").filter(|tags| !tags.is_null()).unwrap_or_else(|| json!([]));
    let tags: Vec<Tag> = serde_json::from_value(tags).map_err(|_| Error::invalid("tags must be a list of tags."))?;
    let tags = checked(tags)?;
    let body = definition::checked(input)?;
    for container in body["containerDefinitions"].as_array().into_iter().flatten() {
        let region = container["logConfiguration"]["options"]["awslogs-region"].as_str();
        let own = &ecs.shared.fabric.identity().region;
        if region.is_some_and(|region| region != own) {
            return Err(Error::Unsupported(format!("log groups of another region than {own}")));
        }
    }
    let mut state = ecs.shared.state();
    let revision = state.families.get(&family).and_then(|all| all.last()).map_or(0, |last| last.revision) + 1;
    let definition = Definition {
        arn: ecs.shared.fabric.arn("ecs", format!("task-definition/{family}:{revision}")).to_string(),
        family: family.clone(),
        revision,
        registered: ecs.shared.fabric.clock().now(),
        deregistered: None,
        body,
        tags,
    };
    let shown = definition.shown(&ecs.shared.fabric.identity().account);
    let answer = json!({ "taskDefinition": shown, "tags": definition.tags });
    state.families.entry(family).or_default().push(definition);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct One {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) async fn describe(ecs: &Ecs, input: One, _: &Context) -> Result<Value, Error> {
    let state = ecs.shared.state();
    let definition = state.definition(&input.task_definition);
    let definition = definition.ok_or_else(|| Error::client("Unable to describe task definition."))?;
    let mut answer = json!({ "taskDefinition": definition.shown(&ecs.shared.fabric.identity().account) });
    if input.include.iter().any(|one| one == "TAGS") {
        answer["tags"] = json!(definition.tags);
    }
    Ok(answer)
}

pub(super) async fn deregister(ecs: &Ecs, input: One, _: &Context) -> Result<Value, Error> {
    let now = ecs.shared.fabric.clock().now();
    if named(&input.task_definition).1.is_none() {
        return Err(Error::client("Invalid revision number. Number: "));
    }
    let mut state = ecs.shared.state();
    let definition = state
        .definition_mut(&input.task_definition)
        .ok_or_else(|| Error::client("The specified task definition does not exist."))?;
    if definition.deregistered.is_some() {
        return Err(Error::client("The specified task definition is inactive."));
    }
    definition.deregistered = Some(now);
    Ok(json!({ "taskDefinition": definition.shown(&ecs.shared.fabric.identity().account) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    #[serde(default)]
    family_prefix: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    sort: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    next_token: Option<String>,
}

pub(super) async fn list(ecs: &Ecs, input: List, _: &Context) -> Result<Value, Error> {
    let wanted = input.status.as_deref().unwrap_or("ACTIVE");
    if !["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"].contains(&wanted) {
        return Err(Error::invalid(format!("{wanted} is no status of a task definition.")));
    }
    let state = ecs.shared.state();
    let families =
        state.families.iter().filter(|(family, _)| input.family_prefix.as_ref().is_none_or(|f| f == *family));
    let all = families.flat_map(|(_, revisions)| revisions).filter(|one| one.status() == wanted);
    let mut arns: Vec<String> = all.map(|one| one.arn.clone()).collect();
    if input.sort.as_deref() == Some("DESC") {
        arns.reverse();
    }
    page("taskDefinitionArns", arns, input.max_results.unwrap_or(MOST), input.next_token.as_deref())
}

pub(super) async fn list_families(ecs: &Ecs, input: List, _: &Context) -> Result<Value, Error> {
    let prefix = input.family_prefix.unwrap_or_default();
    let state = ecs.shared.state();
    let fits = |revisions: &[Definition]| match input.status.as_deref() {
        Some("ACTIVE") => revisions.iter().any(|one| one.deregistered.is_none()),
        Some("INACTIVE") => revisions.iter().all(|one| one.deregistered.is_some()),
        _ => true,
    };
    let families = state.families.iter().filter(|(name, revisions)| name.starts_with(&prefix) && fits(revisions));
    let names = families.map(|(name, _)| name.clone()).collect();
    page("families", names, input.max_results.unwrap_or(MOST), input.next_token.as_deref())
}
