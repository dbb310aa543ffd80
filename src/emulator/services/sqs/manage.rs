//! Queues themselves: create, find, describe, change, tag, purge and delete.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Sqs;
use super::attributes::{self, Given};
use super::error::SqsError;
use super::kept::Rows;
use super::queue::Queue;
use super::wire::{self, Number};
use crate::emulator::Context;

/// How long AWS refuses a second purge.
const PURGE_PAUSE: Duration = Duration::from_secs(60);
/// Queues that one page lists at the most.
const LARGEST_PAGE: i64 = 1_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateQueueInput {
    queue_name: String,
    #[serde(default, alias = "Attribute", deserialize_with = "wire::map")]
    attributes: Given,
    #[serde(default, rename = "tags", alias = "Tags", alias = "Tag", deserialize_with = "wire::map")]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueUrlInput {
    queue_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetQueueUrlInput {
    queue_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListQueuesInput {
    #[serde(default)]
    queue_name_prefix: String,
    next_token: Option<String>,
    max_results: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetQueueAttributesInput {
    queue_url: String,
    #[serde(default, alias = "AttributeName")]
    attribute_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetQueueAttributesInput {
    queue_url: String,
    #[serde(alias = "Attribute", deserialize_with = "wire::map")]
    attributes: Given,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagQueueInput {
    queue_url: String,
    #[serde(alias = "Tag", deserialize_with = "wire::map")]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagQueueInput {
    queue_url: String,
    #[serde(alias = "TagKey")]
    tag_keys: Vec<String>,
}

impl Sqs {
    fn url_of(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.fabric.url(), self.fabric.identity().account)
    }

    pub(super) async fn create_queue(&self, input: CreateQueueInput, _: &Context) -> Result<Value, SqsError> {
        let name = input.queue_name;
        if name.to_ascii_lowercase().ends_with(".fifo") {
            return Err(SqsError::Fifo(format!("the queue {name}")));
        }
        let named_well = (1..=80).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !named_well {
            return Err(SqsError::InvalidParameterValue {
                name: "QueueName",
                value: name,
                reason: "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
                    .to_owned(),
            });
        }
        let settings = attributes::settings(&input.attributes)?;
        let url = self.url_of(&name);
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&name) {
            let config = queue.config();
            let existing = |attribute: &str| {
                config
                    .given
                    .get(attribute)
                    .cloned()
                    .or_else(|| attributes::default_of(attribute).map(|default| default.to_string()))
            };
            let differing = input.attributes.iter().find(|(name, value)| existing(name).as_ref() != Some(*value));
            return match differing {
                Some((attribute, _)) => Err(SqsError::QueueNameExists(attribute.clone())),
                None => Ok(json!({ "QueueUrl": url })),
            };
        }
        let arn = self.fabric.arn("sqs", name.as_str()).to_string();
        let now = self.fabric.clock().now();
        let number = self.next_queue_number();
        let rows = Rows::new(self.shelf.clone(), number);
        let queue = Queue::new(name.clone(), arn, number, input.attributes, settings, now, rows);
        {
            let mut config = queue.config();
            config.tags = input.tags;
            queue.note(&config);
        }
        queues.insert(name, Arc::new(queue));
        Ok(json!({ "QueueUrl": url }))
    }

    pub(super) async fn delete_queue(&self, input: QueueUrlInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have deleted it meanwhile, and another one made.
        if queues.get(&queue.name).is_some_and(|known| Arc::ptr_eq(known, &queue)) {
            queues.remove(&queue.name);
            queue.note_gone();
        }
        drop(queues);
        queue.deleted.cancel();
        Ok(json!({}))
    }

    pub(super) async fn get_queue_url(&self, input: GetQueueUrlInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_name(&input.queue_name)?;
        Ok(json!({ "QueueUrl": self.url_of(&queue.name) }))
    }

    pub(super) async fn list_queues(&self, input: ListQueuesInput, _: &Context) -> Result<Value, SqsError> {
        let page = match input.max_results {
            None => LARGEST_PAGE,
            Some(Number(most @ 1..=LARGEST_PAGE)) => most,
            Some(Number(most)) => {
                return Err(SqsError::InvalidParameterValue {
                    name: "MaxResults",
                    value: most.to_string(),
                    reason: "Must be between 1 and 1000, if provided.".to_owned(),
                });
            }
        };
        let page = usize::try_from(page).unwrap_or(1);
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        // The token is the name of the last queue of the page before.
        let after = input.next_token.unwrap_or_default();
        let mut names = queues
            .range(input.queue_name_prefix.clone()..)
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(&input.queue_name_prefix))
            .filter(|name| **name > after);
        let urls: Vec<&String> = names.by_ref().take(page).collect();
        let mut answer = Map::new();
        if input.max_results.is_some()
            && names.next().is_some()
            && let Some(last) = urls.last()
        {
            answer.insert("NextToken".to_owned(), Value::from(last.as_str()));
        }
        answer.insert("QueueUrls".to_owned(), urls.into_iter().map(|name| self.url_of(name)).collect());
        Ok(answer.into())
    }

    pub(super) async fn get_queue_attributes(
        &self,
        input: GetQueueAttributesInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        if input.attribute_names.is_empty() {
            return Ok(json!({}));
        }
        let all = self.attributes_of(&queue);
        let attributes = if input.attribute_names.iter().any(|name| name == "All") {
            all
        } else {
            let known = |name: &str| {
                all.contains_key(name)
                    || attributes::settings(&Given::from([(name.to_owned(), "60".to_owned())])).is_ok()
            };
            if let Some(unknown) = input
                .attribute_names
                .iter()
                .find(|name| !known(name) && name.as_str() != "RedrivePolicy" && name.as_str() != "FifoQueue")
            {
                return Err(SqsError::InvalidAttributeName(unknown.clone()));
            }
            all.into_iter().filter(|(name, _)| input.attribute_names.contains(name)).collect()
        };
        Ok(if attributes.is_empty() { json!({}) } else { json!({ "Attributes": attributes }) })
    }

    fn attributes_of(&self, queue: &Queue) -> Map<String, Value> {
        let retention = queue.settings().retention;
        let counts = queue.counts(retention, self.fabric.clock().now());
        let config = queue.config();
        let mut attributes = Map::new();
        let mut add = |name: &str, value: String| attributes.insert(name.to_owned(), value.into());
        add("QueueArn", queue.arn.clone());
        add("ApproximateNumberOfMessages", counts.visible.to_string());
        add("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
        add("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
        add("CreatedTimestamp", queue.created.secs().to_string());
        add("LastModifiedTimestamp", config.modified.secs().to_string());
        for name in attributes::ALWAYS {
            add(name, attributes::default_of(name).unwrap_or_default().to_string());
        }
        if !config.given.contains_key("KmsMasterKeyId") {
            add("SqsManagedSseEnabled", "true".to_owned());
        }
        for (name, value) in config.given.iter().filter(|(_, value)| !value.is_empty()) {
            add(name, value.clone());
        }
        attributes
    }

    pub(super) async fn set_queue_attributes(
        &self,
        input: SetQueueAttributesInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        let mut config = queue.config();
        let mut given = config.given.clone();
        given.extend(input.attributes);
        config.settings = Arc::new(attributes::settings(&given)?);
        config.given = given;
        config.modified = self.fabric.clock().now();
        queue.note(&config);
        Ok(json!({}))
    }

    pub(super) async fn purge_queue(&self, input: QueueUrlInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        let now = self.fabric.clock().now();
        let mut config = queue.config();
        if config.purged.is_some_and(|purged| now < purged + PURGE_PAUSE) {
            return Err(SqsError::PurgeQueueInProgress(queue.name.clone()));
        }
        config.purged = Some(now);
        queue.note(&config);
        drop(config);
        queue.purge();
        Ok(json!({}))
    }

    pub(super) async fn tag_queue(&self, input: TagQueueInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        let mut config = queue.config();
        config.tags.extend(input.tags);
        queue.note(&config);
        Ok(json!({}))
    }

    pub(super) async fn untag_queue(&self, input: UntagQueueInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        let mut config = queue.config();
        config.tags.retain(|key, _| !input.tag_keys.contains(key));
        queue.note(&config);
        Ok(json!({}))
    }

    pub(super) async fn list_queue_tags(&self, input: QueueUrlInput, _: &Context) -> Result<Value, SqsError> {
        let queue = self.by_url(&input.queue_url)?;
        let config = queue.config();
        Ok(if config.tags.is_empty() { json!({}) } else { json!({ "Tags": config.tags }) })
    }

    pub(super) async fn list_dead_letter_source_queues(
        &self,
        input: QueueUrlInput,
        _: &Context,
    ) -> Result<Value, SqsError> {
        let target = self.by_url(&input.queue_url)?;
        let urls: Vec<String> = self.sources_of(&target.arn).iter().map(|queue| self.url_of(&queue.name)).collect();
        Ok(json!({ "queueUrls": urls }))
    }

    /// The queues whose dead letters go to the queue of that ARN.
    pub(super) fn sources_of(&self, arn: &str) -> Vec<Arc<Queue>> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues
            .values()
            .filter(|queue| queue.settings().redrive.as_ref().is_some_and(|policy| policy.target_arn == arn))
            .cloned()
            .collect()
    }

    fn next_queue_number(&self) -> u64 {
        self.next_queue.fetch_add(1, Ordering::Relaxed)
    }
}
