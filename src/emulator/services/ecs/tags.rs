//! Tags of clusters, task definitions and tasks: up to 50 each.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::{Ecs, State};
use crate::emulator::Context;

const MOST_TAGS: usize = 50;

/// A tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    #[serde(default)]
    pub value: String,
}

/// Refuses tags that no resource may have.
///
/// # Errors
/// `InvalidParameterException` in AWS's words.
pub fn checked(tags: Vec<Tag>) -> Result<Vec<Tag>, Error> {
    if tags.len() > MOST_TAGS {
        return Err(Error::invalid(format!("A resource can have at most {MOST_TAGS} tags.")));
    }
    for (index, tag) in tags.iter().enumerate() {
        let fits = (1..=128).contains(&tag.key.chars().count()) && tag.value.chars().count() <= 256;
        if !fits || tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::invalid(format!("The tag with the key {:?} is invalid.", tag.key)));
        }
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return Err(Error::invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
    }
    Ok(tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tagging {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl State {
    fn tags_of(&mut self, arn: &str) -> Result<&mut Vec<Tag>, Error> {
        let missing = || Error::ResourceNotFound(arn.to_owned());
        let resource = arn.splitn(6, ':').nth(5).ok_or_else(|| Error::invalid("Invalid arn syntax."))?;
        match resource.split_once('/') {
            Some(("cluster", name)) => self.clusters.get_mut(name).map(|cluster| &mut cluster.tags).ok_or_else(missing),
            Some(("task-definition", name)) => Ok(&mut self.definition_mut(name).ok_or_else(missing)?.tags),
            Some(("task", path)) => {
                let id = path.rsplit('/').next().unwrap_or(path);
                self.tasks.get_mut(id).map(|task| &mut task.tags).ok_or_else(missing)
            }
            _ => Err(Error::invalid("Invalid arn syntax.")),
        }
    }
}

pub(super) async fn tag_resource(ecs: &Ecs, input: Tagging, _: &Context) -> Result<Value, Error> {
    let mut state = ecs.shared.state();
    let tags = state.tags_of(&input.resource_arn)?;
    let mut merged = tags.clone();
    merged.retain(|tag| !input.tags.iter().any(|new| new.key == tag.key));
    merged.extend(input.tags);
    *tags = checked(merged)?;
    Ok(json!({}))
}

pub(super) async fn untag_resource(ecs: &Ecs, input: Tagging, _: &Context) -> Result<Value, Error> {
    ecs.shared.state().tags_of(&input.resource_arn)?.retain(|tag| !input.tag_keys.contains(&tag.key));
    Ok(json!({}))
}

pub(super) async fn list_tags_for_resource(ecs: &Ecs, input: Tagging, _: &Context) -> Result<Value, Error> {
    Ok(json!({ "tags": ecs.shared.state().tags_of(&input.resource_arn)? }))
}
