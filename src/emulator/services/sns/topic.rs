//! Topics, and the operations on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::attributes::{check_topic_attribute, default_policy, described};
use super::error::SnsError;
use super::retry::DeliveryPolicy;
use super::subscription::Subscription;
use super::tags::{Tag, check_tags};
use super::{Sns, kept, page};
use crate::emulator::{Context, form};

/// Subscriptions of a topic that were ended and may come back, at the most.
const MOST_ENDED: usize = 100;

/// A topic and its subscriptions.
pub struct Topic {
    pub arn: Arc<str>,
    /// The attributes that were set, without the policy.
    pub attributes: BTreeMap<String, String>,
    pub policy: Value,
    pub tags: BTreeMap<String, String>,
    /// By the last part of their ARN.
    pub subscriptions: BTreeMap<String, Arc<Subscription>>,
    /// Subscriptions that are gone.
    pub deleted: u64,
    /// Those among them that a token brings back, the newest last.
    pub ended: IndexMap<String, Arc<Subscription>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateTopicInput {
    name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "form::list")]
    tags: Vec<Tag>,
    data_protection_policy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TopicInput {
    #[serde(default)]
    topic_arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTopicsInput {
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetTopicAttributesInput {
    #[serde(default)]
    topic_arn: String,
    #[serde(default)]
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

impl Topic {
    /// Remembers a subscription that was ended, by the token that brings it back.
    pub fn end(&mut self, token: String, subscription: &Arc<Subscription>) {
        if self.ended.len() == MOST_ENDED {
            self.ended.shift_remove_index(0);
        }
        self.ended.insert(token, Arc::clone(subscription));
    }

    /// How posts are tried again where a subscription says nothing.
    pub fn policy(&self) -> DeliveryPolicy {
        let text = self.attributes.get("DeliveryPolicy").filter(|text| !text.is_empty());
        // It was read once when it was set.
        text.and_then(|text| DeliveryPolicy::of_topic(text).ok()).unwrap_or_default()
    }

    /// Sets one attribute.
    fn set(&mut self, name: &str, value: &str) -> Result<(), SnsError> {
        check_topic_attribute(name, value)?;
        match name {
            "Policy" if value.is_empty() => self.policy = Value::Null,
            "Policy" => {
                let policy: Option<Map<String, Value>> = serde_json::from_str(value).ok();
                let policy = policy.filter(|policy| policy.contains_key("Statement"));
                self.policy = policy.map(Value::Object).ok_or_else(|| SnsError::parameter("Policy Error: null"))?;
            }
            _ => {
                self.attributes.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }
}

impl Sns {
    pub(super) async fn create_topic(&self, input: CreateTopicInput, _: &Context) -> Result<Value, SnsError> {
        let name = input.name.unwrap_or_default();
        let is_fifo = input.attributes.get("FifoTopic").is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
        if is_fifo || name.strip_suffix(".fifo").is_some() {
            return Err(SnsError::Unsupported("FIFO topics".to_owned()));
        }
        if input.data_protection_policy.is_some() {
            return Err(SnsError::Unsupported("data protection policies (DataProtectionPolicy)".to_owned()));
        }
        let is_named_well =
            (1..=256).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !is_named_well {
            return Err(SnsError::parameter("Topic Name"));
        }
        check_tags(&input.tags)?;
        let tags: BTreeMap<String, String> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        let arn = self.fabric.arn("sns", name.as_str()).to_string();
        let policy = default_policy(&arn, &self.fabric.identity().account);
        let mut topic = Topic {
            arn: arn.as_str().into(),
            attributes: BTreeMap::new(),
            policy,
            tags,
            subscriptions: BTreeMap::new(),
            deleted: 0,
            ended: IndexMap::new(),
        };
        for (name, value) in input.attributes.iter().filter(|(name, _)| *name != "FifoTopic") {
            topic.set(name, value)?;
        }
        let mut topics = self.topics();
        if let Some(known) = topics.get(&name) {
            let differs = topic.attributes.iter().any(|(name, value)| known.attributes.get(name) != Some(value))
                || (input.attributes.contains_key("Policy") && known.policy != topic.policy);
            if differs {
                return Err(SnsError::parameter("Attributes Reason: Topic already exists with different attributes"));
            }
            if !topic.tags.is_empty() && known.tags != topic.tags {
                return Err(SnsError::parameter("Tags Reason: Topic already exists with different tags"));
            }
        } else {
            topic.note(&self.shelf, &name);
            topics.insert(name, topic);
        }
        Ok(json!({ "TopicArn": arn }))
    }

    pub(super) async fn delete_topic(&self, input: TopicInput, _: &Context) -> Result<(), SnsError> {
        // A topic that is not there is as good as deleted.
        if let Ok(name) = self.topic_name(&input.topic_arn) {
            let mut topics = self.topics();
            if topics.remove(name).is_some() {
                kept::topic_gone(&self.shelf, name);
            }
        }
        Ok(())
    }

    pub(super) async fn list_topics(&self, input: ListTopicsInput, _: &Context) -> Result<Value, SnsError> {
        let topics = self.topics();
        let entries = topics.iter().map(|(name, topic)| (name.clone(), json!({ "TopicArn": &*topic.arn })));
        let (taken, more) = page(entries, input.next_token.as_deref());
        Ok(json!({ "Topics": taken, "NextToken": more }))
    }

    pub(super) async fn get_topic_attributes(&self, input: TopicInput, _: &Context) -> Result<Value, SnsError> {
        let account = self.fabric.identity().account.clone();
        self.with_topic(&input.topic_arn, |topic| Ok(json!({ "Attributes": described(topic, &account) })))
    }

    pub(super) async fn set_topic_attributes(
        &self,
        input: SetTopicAttributesInput,
        _: &Context,
    ) -> Result<(), SnsError> {
        let account = self.fabric.identity().account.clone();
        self.change_topic(&input.topic_arn, |topic| {
            topic.set(&input.attribute_name, &input.attribute_value)?;
            if topic.policy.is_null() {
                topic.policy = default_policy(&topic.arn, &account);
            }
            Ok(())
        })
    }
}
