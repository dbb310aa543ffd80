//! Tags of topics.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Sns;
use super::error::SnsError;
use super::topic::Topic;
use crate::emulator::{Context, form};

/// Tags that a topic has at most.
const MOST_TAGS: usize = 50;

/// A tag as AWS writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    #[serde(default)]
    pub value: String,
}

/// Refuses tags that no topic can have.
pub fn check_tags(tags: &[Tag]) -> Result<(), SnsError> {
    let mut keys: Vec<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() != tags.len() {
        return Err(SnsError::parameter("Duplicated keys are not allowed."));
    }
    if tags.len() > MOST_TAGS {
        return Err(SnsError::TooManyTags);
    }
    let is_bad = |tag: &Tag| {
        !(1..=128).contains(&tag.key.chars().count())
            || tag.value.chars().count() > 256
            || tag.key.to_ascii_lowercase().starts_with("aws:")
    };
    // The tags that CloudFormation sets begin with `aws:`; they come from inside only.
    match tags.iter().find(|tag| is_bad(tag) && !tag.key.starts_with("aws:cloudformation:")) {
        Some(tag) => Err(SnsError::parameter(format!("Tags Reason: the tag {:?} is not allowed", tag.key))),
        None => Ok(()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagResourceInput {
    #[serde(default)]
    resource_arn: String,
    #[serde(default, deserialize_with = "form::list")]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagResourceInput {
    #[serde(default)]
    resource_arn: String,
    #[serde(default, deserialize_with = "form::list")]
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsInput {
    #[serde(default)]
    resource_arn: String,
}

fn no_such_resource(error: SnsError) -> SnsError {
    match error {
        SnsError::NoSuchTopic => SnsError::NoSuchResource,
        other => other,
    }
}

impl Sns {
    fn tagged<T>(&self, arn: &str, act: impl FnOnce(&mut Topic) -> Result<T, SnsError>) -> Result<T, SnsError> {
        self.change_topic(arn, act).map_err(no_such_resource)
    }

    pub(super) async fn tag_resource(&self, input: TagResourceInput, _: &Context) -> Result<Value, SnsError> {
        check_tags(&input.tags)?;
        self.tagged(&input.resource_arn, |topic| {
            let mut tags = topic.tags.clone();
            tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value)));
            if tags.len() > MOST_TAGS {
                return Err(SnsError::TooManyTags);
            }
            topic.tags = tags;
            Ok(json!({}))
        })
    }

    pub(super) async fn untag_resource(&self, input: UntagResourceInput, _: &Context) -> Result<Value, SnsError> {
        self.tagged(&input.resource_arn, |topic| {
            topic.tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(json!({}))
        })
    }

    pub(super) async fn list_tags_for_resource(&self, input: ListTagsInput, _: &Context) -> Result<Value, SnsError> {
        let listed = self.with_topic(&input.resource_arn, |topic| {
            let tags: Vec<Value> =
                topic.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            Ok(json!({ "Tags": tags }))
        });
        listed.map_err(no_such_resource)
    }
}
