//! Tags of gateways and file shares.

use serde::Deserialize;
use serde_json::{Value, json};

use super::StorageGateway;
use super::error::Error;
use super::page::page;
use super::state::Tags;
use crate::emulator::Context;

const MOST_TAGS: usize = 50;

/// A tag as it is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    key: String,
    value: String,
}

/// Adds tags to those that there are.
///
/// # Errors
/// When one is malformed or there are too many.
pub fn add(tags: &mut Tags, given: Vec<Tag>) -> Result<(), Error> {
    let mut merged = tags.clone();
    for Tag { key, value } in given {
        Error::length("tags.key", &key, 1, 128)?;
        Error::length("tags.value", &value, 0, 256)?;
        let is_fit = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
        if !key.chars().all(is_fit) || !value.chars().all(is_fit) {
            return Err(Error::parameter(format!(
                "The tag {key} has characters other than letters, digits, spaces and _ . : / = + - @."
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::parameter("Tag keys that begin with aws: are reserved."));
        }
        merged.insert(key, value);
    }
    if merged.len() > MOST_TAGS {
        return Err(Error::parameter(format!("A resource can have {MOST_TAGS} tags.")));
    }
    *tags = merged;
    Ok(())
}

/// Tags as answers show them.
#[must_use]
pub fn shown(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

#[derive(Deserialize)]
pub(super) struct AddTags {
    #[serde(rename = "ResourceARN")]
    resource: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

pub(super) async fn add_tags_to_resource(
    service: &StorageGateway,
    input: AddTags,
    _: &Context,
) -> Result<Value, Error> {
    add(service.registry().tags_mut(&input.resource)?, input.tags)?;
    Ok(json!({ "ResourceARN": input.resource }))
}

#[derive(Deserialize)]
pub(super) struct RemoveTags {
    #[serde(rename = "ResourceARN")]
    resource: String,
    #[serde(rename = "TagKeys")]
    keys: Vec<String>,
}

pub(super) async fn remove_tags_from_resource(
    service: &StorageGateway,
    input: RemoveTags,
    _: &Context,
) -> Result<Value, Error> {
    service.registry().tags_mut(&input.resource)?.retain(|key, _| !input.keys.contains(key));
    Ok(json!({ "ResourceARN": input.resource }))
}

#[derive(Deserialize)]
pub(super) struct ListTags {
    #[serde(rename = "ResourceARN")]
    resource: String,
    #[serde(rename = "Marker")]
    marker: Option<String>,
    #[serde(rename = "Limit")]
    limit: Option<i64>,
}

pub(super) async fn list_tags_for_resource(
    service: &StorageGateway,
    input: ListTags,
    _: &Context,
) -> Result<Value, Error> {
    let mut registry = service.registry();
    let tags = registry.tags_mut(&input.resource)?;
    let entries = tags.iter().map(|(key, value)| (key.clone(), json!({ "Key": key, "Value": value }))).collect();
    let (tags, next) = page(entries, input.limit, input.marker.as_deref())?;
    let mut answer = json!({ "ResourceARN": input.resource, "Tags": tags });
    if let Some(next) = next {
        answer["Marker"] = Value::from(next);
    }
    Ok(answer)
}
