//! Amazon SNS: standard topics, their subscriptions, and the way of a message from `Publish` to queues and functions.
//!
//! Nothing leaves the machine: HTTP goes to programs on it alone, and what a human would get by email is a hop of the trace
//! and no more. FIFO topics and the protocols that reach the world outside are refused by name. Messages bear a signature's members, but nobody's key.

mod attributes;
mod delivery;
mod envelope;
mod error;
mod filter;
mod http;
mod kept;
mod message;
mod permission;
mod publish;
mod query;
mod retry;
mod subscription;
mod tags;
mod topic;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::emulator::service::{Call, Delivery, DeliveryError, Interface, Protocol, QueryInterface, Service};
use crate::emulator::{Fabric, KeepError, Outbox, ServiceError, Shelf, Ticket};
use delivery::Attempt;
use error::SnsError;
use topic::Topic;

static INTERFACE: Interface = Interface {
    id: "sns",
    title: "Amazon SNS",
    target_prefix: None,
    json_version: "1.0",
    query: Some(QueryInterface {
        version: "2010-03-31",
        namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
        flattened: query::FLATTENED,
    }),
    rest: false,
};

/// The principal of deliveries.
const PRINCIPAL: &str = "sns.amazonaws.com";
/// What a kept message on its way is.
const DELIVERY: &str = "delivery";
/// The parameter of a delivery with the URL that it is posted to, and the one with its headers.
const POST: &str = "Post";
const HEADERS: &str = "Headers";
/// Posts over HTTP that are under way at a time.
const MOST_POSTS: usize = 64;
/// Entries of a page.
const PAGE: usize = 100;

/// The topics of the endpoint.
pub struct Sns {
    fabric: Fabric,
    shelf: Shelf,
    topics: Mutex<BTreeMap<String, Topic>>,
    /// Deliveries that wait for another attempt.
    waiting: Arc<AtomicUsize>,
    /// Messages on their way to a subscriber.
    outbox: Outbox,
    posts: Semaphore,
    /// Those that were on their way when an earlier start ended, until they are taken up.
    left: Mutex<Vec<(Ticket, Attempt)>>,
}

impl Sns {
    /// The service with the topics that were kept.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let topics = Mutex::new(kept::topics(&shelf)?);
        let outbox = Outbox::new(shelf.clone(), DELIVERY);
        let mut left = Vec::new();
        for (ticket, attempt) in outbox.left::<kept::KeptAttempt>()? {
            match attempt.found() {
                Ok(attempt) => left.push((ticket, attempt)),
                Err(problem) => tracing::error!(%problem, "a message that was on its way cannot be read"),
            }
        }
        let left = Mutex::new(left);
        let posts = Semaphore::new(MOST_POSTS);
        Ok(Arc::new(Self { fabric, shelf, topics, waiting: Arc::default(), outbox, posts, left }))
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes before the name in the ARNs of this account's topics.
    fn arn_prefix(&self) -> String {
        self.fabric.arn("sns", "").to_string()
    }

    /// The name of the topic that an ARN names.
    fn topic_name<'a>(&self, arn: &'a str) -> Result<&'a str, SnsError> {
        let parts = arn.split(':').count();
        if parts < 6 {
            return Err(SnsError::parameter(format!(
                "TopicArn Reason: An ARN must have at least 6 elements, not {parts}"
            )));
        }
        match arn.strip_prefix(&self.arn_prefix()) {
            Some(name) if !name.is_empty() && !name.contains(':') => Ok(name),
            _ => Err(SnsError::NoSuchTopic),
        }
    }

    /// Reads or changes the topic of an ARN.
    fn with_topic<T>(&self, arn: &str, act: impl FnOnce(&mut Topic) -> Result<T, SnsError>) -> Result<T, SnsError> {
        let name = self.topic_name(arn)?;
        act(self.topics().get_mut(name).ok_or(SnsError::NoSuchTopic)?)
    }

    /// Changes the topic of an ARN itself, not its subscriptions.
    fn change_topic<T>(&self, arn: &str, act: impl FnOnce(&mut Topic) -> Result<T, SnsError>) -> Result<T, SnsError> {
        let name = self.topic_name(arn)?;
        self.with_topic(arn, |topic| {
            let answer = act(topic)?;
            topic.note(&self.shelf, name);
            Ok(answer)
        })
    }

    crate::operations! {
        CreateTopic => Self::create_topic,
        DeleteTopic => Self::delete_topic,
        ListTopics => Self::list_topics,
        GetTopicAttributes => Self::get_topic_attributes,
        SetTopicAttributes => Self::set_topic_attributes,
        Subscribe => Self::subscribe,
        ConfirmSubscription => Self::confirm_subscription,
        Unsubscribe => Self::unsubscribe,
        ListSubscriptions => Self::list_subscriptions,
        ListSubscriptionsByTopic => Self::list_subscriptions_by_topic,
        GetSubscriptionAttributes => Self::get_subscription_attributes,
        SetSubscriptionAttributes => Self::set_subscription_attributes,
        Publish => Self::publish,
        PublishBatch => Self::publish_batch,
        AddPermission => Self::add_permission,
        RemovePermission => Self::remove_permission,
        TagResource => Self::tag_resource,
        UntagResource => Self::untag_resource,
        ListTagsForResource => Self::list_tags_for_resource,
    }
}

impl Service for Sns {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn operations(&self) -> &'static [&'static str] {
        Sns::operations(self)
    }

    fn call(&self, mut call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
        if call.context.protocol != Protocol::Query {
            return Sns::call(self, call);
        }
        query::read_maps(&mut call.input);
        Box::pin(async move { Ok(query::write_maps(Sns::call(self, call).await?)) })
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let topics = self.topics();
        let subscriptions = topics.values().map(|topic| topic.subscriptions.len()).sum();
        vec![("topics", topics.len()), ("subscriptions", subscriptions)]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        self.begin(left);
        Box::pin(async {})
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            // Only this service itself says where something is posted to.
            match delivery.parameters.get(POST).and_then(Value::as_str) {
                Some(url) if delivery.principal == PRINCIPAL => self.post(url, &delivery).await,
                _ => self.take_delivery(&delivery),
            }
        })
    }
}

/// One page of a list that is ordered by key: the entries after the token, and the token of the next page.
fn page<T>(entries: impl Iterator<Item = (String, T)>, token: Option<&str>) -> (Vec<T>, Option<String>) {
    let mut left = entries.skip_while(|(key, _)| token.is_some_and(|token| key.as_str() <= token));
    let mut last = None;
    let mut taken = Vec::new();
    for (key, entry) in left.by_ref().take(PAGE) {
        last = Some(key);
        taken.push(entry);
    }
    let more = left.next().and(last);
    (taken, more)
}
