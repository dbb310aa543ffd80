//! What is kept of topics, subscriptions and messages on their way, and how all of it is found again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::delivery::{Ask, Attempt};
use super::error::SnsError;
use super::message::Message;
use super::retry::DeliveryPolicy;
use super::subscription::{KeptSubscription, Subscription};
use super::topic::Topic;
use crate::emulator::{KeepError, Shelf};

const TOPIC: &str = "topic";
const SUBSCRIPTION: &str = "subscription";

/// A topic without its subscriptions.
#[derive(Serialize, Deserialize)]
struct KeptTopic {
    arn: Arc<str>,
    attributes: BTreeMap<String, String>,
    policy: Value,
    tags: BTreeMap<String, String>,
    deleted: u64,
    #[serde(default)]
    ended: Vec<(String, KeptSubscription)>,
}

/// A message on its way to one subscriber.
#[derive(Serialize, Deserialize)]
pub struct KeptAttempt {
    topic: Arc<str>,
    subscription: KeptSubscription,
    message: Arc<Message>,
    #[serde(default)]
    policy: DeliveryPolicy,
    #[serde(default)]
    ask: Option<Ask>,
}

fn unreadable(kind: &'static str, id: &str, problem: &SnsError) -> KeepError {
    KeepError::Row { service: super::INTERFACE.id, kind, id: id.to_owned(), problem: problem.to_string() }
}

fn id(topic: &str, subscription: &str) -> String {
    format!("{topic}:{subscription}")
}

impl Topic {
    /// Notes the topic under its name, without its subscriptions.
    pub fn note(&self, shelf: &Shelf, name: &str) {
        if shelf.is_kept() {
            let row = KeptTopic {
                arn: Arc::clone(&self.arn),
                attributes: self.attributes.clone(),
                policy: self.policy.clone(),
                tags: self.tags.clone(),
                deleted: self.deleted,
                ended: self.ended.iter().map(|(token, one)| (token.clone(), one.kept())).collect(),
            };
            shelf.put(TOPIC, name, &row);
        }
    }

    /// Notes one of its subscriptions, or that it is gone.
    pub fn note_subscription(&self, shelf: &Shelf, name: &str, subscription: &str) {
        if !shelf.is_kept() {
            return;
        }
        match self.subscriptions.get(subscription) {
            Some(known) => shelf.put(SUBSCRIPTION, &id(name, subscription), &known.kept()),
            None => shelf.delete(SUBSCRIPTION, &id(name, subscription)),
        }
    }
}

/// Notes that a topic is gone with its subscriptions.
pub fn topic_gone(shelf: &Shelf, name: &str) {
    shelf.delete(TOPIC, name);
    shelf.delete_all(SUBSCRIPTION, &id(name, ""));
}

/// The topics that were kept, by name.
///
/// # Errors
/// When they cannot be read.
pub fn topics(shelf: &Shelf) -> Result<BTreeMap<String, Topic>, KeepError> {
    let mut topics: BTreeMap<String, Topic> = BTreeMap::new();
    for (name, KeptTopic { arn, attributes, policy, tags, deleted, ended }) in shelf.all(TOPIC)? {
        let found = |(token, kept): (String, KeptSubscription)| Ok((token, Arc::new(Subscription::found(kept)?)));
        let ended: Result<_, SnsError> = ended.into_iter().map(found).collect();
        let ended = ended.map_err(|problem| unreadable(TOPIC, &name, &problem))?;
        let subscriptions = BTreeMap::new();
        topics.insert(name, Topic { arn, attributes, policy, tags, subscriptions, deleted, ended });
    }
    for (id, kept) in shelf.all::<KeptSubscription>(SUBSCRIPTION)? {
        let subscription = Subscription::found(kept).map_err(|problem| unreadable(SUBSCRIPTION, &id, &problem))?;
        if let Some((topic, own)) = id.split_once(':')
            && let Some(topic) = topics.get_mut(topic)
        {
            topic.subscriptions.insert(own.to_owned(), Arc::new(subscription));
        }
    }
    Ok(topics)
}

impl KeptAttempt {
    /// What is kept of an attempt.
    pub fn of(attempt: &Attempt) -> Self {
        Self {
            topic: Arc::clone(&attempt.topic),
            subscription: attempt.subscription.kept(),
            message: Arc::clone(&attempt.message),
            policy: attempt.policy.clone(),
            ask: attempt.ask.clone(),
        }
    }

    /// The attempt again.
    ///
    /// # Errors
    /// When its subscription cannot be read.
    pub fn found(self) -> Result<Attempt, SnsError> {
        let subscription = Arc::new(Subscription::found(self.subscription)?);
        let Self { topic, message, policy, ask, .. } = self;
        Ok(Attempt { topic, subscription, message, policy, ask })
    }
}
