//! Subscriptions, and the operations on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::delivery::{Ask, Attempt};
use super::error::SnsError;
use super::filter::{FilterPolicy, FilterScope};
use super::kept::KeptAttempt;
use super::retry::DeliveryPolicy;
use super::topic::Topic;
use super::{PRINCIPAL, Sns, page};
use crate::emulator::{Context, Hop, Origin, form};
use crate::model::Arn;

/// How a subscription is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    Sqs,
    Lambda,
    /// A program of this machine, once it has confirmed that it wants it.
    Http,
    /// `email` and `email-json`: told to the trace only.
    Email,
    EmailJson,
}

/// A subscription; it never changes, changes make a new one.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub arn: Arc<str>,
    pub protocol: Protocol,
    pub endpoint: String,
    /// What confirms it, until that was done.
    token: Option<String>,
    /// What has confirmed it.
    confirmed: Option<String>,
    /// Whether that was signed.
    authenticated: bool,
    /// Only who signs may end it.
    guarded: bool,
    pub raw: bool,
    /// How deliveries are tried again, with its text.
    policy: Option<(String, DeliveryPolicy)>,
    pub filter: Option<FilterPolicy>,
    scope: FilterScope,
    /// Where messages go that could not be delivered.
    pub dead_letters: Option<Arn>,
    redrive: Option<String>,
}

/// A subscription as it is kept.
#[derive(Serialize, Deserialize)]
pub struct KeptSubscription {
    arn: Arc<str>,
    protocol: Protocol,
    endpoint: String,
    token: Option<String>,
    #[serde(default)]
    confirmed: Option<String>,
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    guarded: bool,
    raw: bool,
    #[serde(default)]
    policy: Option<String>,
    filter: Option<String>,
    scope: FilterScope,
    redrive: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SubscribeInput {
    #[serde(default)]
    topic_arn: String,
    #[serde(default)]
    protocol: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "form::flag")]
    return_subscription_arn: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfirmSubscriptionInput {
    #[serde(default)]
    topic_arn: String,
    #[serde(default)]
    token: String,
    #[serde(default, deserialize_with = "form::flag")]
    authenticate_on_unsubscribe: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SubscriptionInput {
    #[serde(default)]
    subscription_arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSubscriptionsInput {
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListByTopicInput {
    #[serde(default)]
    topic_arn: String,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetAttributesInput {
    #[serde(default)]
    subscription_arn: String,
    #[serde(default)]
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

impl Protocol {
    fn named(name: &str) -> Result<Self, SnsError> {
        match name {
            "sqs" => Ok(Self::Sqs),
            "lambda" => Ok(Self::Lambda),
            "email" => Ok(Self::Email),
            "email-json" => Ok(Self::EmailJson),
            "http" => Ok(Self::Http),
            "https" | "sms" | "application" | "firehose" => {
                Err(SnsError::Unsupported(format!("subscriptions with the protocol {name}")))
            }
            "" => Err(SnsError::parameter("Protocol")),
            other => Err(SnsError::parameter(format!("Amazon SNS does not support this protocol string: {other}"))),
        }
    }

    /// As AWS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Lambda => "lambda",
            Self::Http => "http",
            Self::Email => "email",
            Self::EmailJson => "email-json",
        }
    }

    /// Whether who is behind the endpoint has to confirm that it wants the messages.
    const fn asks(self) -> bool {
        matches!(self, Self::Http | Self::Email | Self::EmailJson)
    }

    /// Refuses an endpoint that is none of this protocol.
    fn check(self, endpoint: &str) -> Result<(), SnsError> {
        if self == Self::Http {
            return super::http::check(endpoint);
        }
        let is_arn_of = |service: &str| endpoint.parse::<Arn>().is_ok_and(|arn| arn.service == service);
        let (fits, name) = match self {
            Self::Sqs => (is_arn_of("sqs"), "SQS endpoint ARN"),
            Self::Lambda => (is_arn_of("lambda"), "Lambda endpoint ARN"),
            Self::Http | Self::Email | Self::EmailJson => {
                let parts = endpoint.split_once('@');
                (parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()), "Email address")
            }
        };
        if self == Self::Sqs && endpoint.strip_suffix(".fifo").is_some() {
            return Err(SnsError::parameter(
                "Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
            ));
        }
        if fits { Ok(()) } else { Err(SnsError::parameter(name)) }
    }
}

impl Subscription {
    /// Whether it waits to be confirmed.
    pub fn is_pending(&self) -> bool {
        self.token.is_some()
    }

    /// How its deliveries are tried again, where it says that.
    pub fn policy(&self) -> Option<&DeliveryPolicy> {
        self.policy.as_ref().map(|(_, policy)| policy)
    }

    /// What is kept of it.
    pub fn kept(&self) -> KeptSubscription {
        KeptSubscription {
            arn: Arc::clone(&self.arn),
            protocol: self.protocol,
            endpoint: self.endpoint.clone(),
            token: self.token.clone(),
            confirmed: self.confirmed.clone(),
            authenticated: self.authenticated,
            guarded: self.guarded,
            raw: self.raw,
            policy: self.policy.as_ref().map(|(text, _)| text.clone()),
            filter: self.filter.as_ref().map(|filter| filter.text.clone()),
            scope: self.scope,
            redrive: self.redrive.clone(),
        }
    }

    /// The subscription again.
    ///
    /// # Errors
    /// When its filter or redrive policy cannot be read.
    pub fn found(kept: KeptSubscription) -> Result<Self, SnsError> {
        let filter = kept.filter.map(|text| FilterPolicy::read(&text, kept.scope)).transpose()?;
        let redrive = kept.redrive;
        let mut found = Self {
            arn: kept.arn,
            protocol: kept.protocol,
            endpoint: kept.endpoint,
            token: kept.token,
            confirmed: kept.confirmed,
            authenticated: kept.authenticated,
            guarded: kept.guarded,
            raw: kept.raw,
            policy: None,
            filter,
            scope: kept.scope,
            dead_letters: None,
            redrive: None,
        };
        found.set("DeliveryPolicy", kept.policy.as_deref().unwrap_or_default())?;
        found.set("RedrivePolicy", redrive.as_deref().unwrap_or_default())?;
        Ok(found)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SnsError> {
        match name {
            "RawMessageDelivery" => {
                let raw = match value.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(SnsError::parameter("RawMessageDelivery: Reason: must be true or false")),
                };
                if raw && !matches!(self.protocol, Protocol::Sqs | Protocol::Http) {
                    return Err(SnsError::parameter(format!(
                        "Delivery protocol [{}] does not support raw message delivery.",
                        self.protocol.name()
                    )));
                }
                self.raw = raw;
            }
            "FilterPolicy" if value.is_empty() || value == "{}" => self.filter = None,
            "FilterPolicy" => self.filter = Some(FilterPolicy::read(value, self.scope)?),
            "FilterPolicyScope" => {
                self.scope = match value {
                    "MessageAttributes" => FilterScope::Attributes,
                    "MessageBody" => FilterScope::Body,
                    _ => {
                        return Err(SnsError::parameter(
                            "FilterPolicyScope: Invalid value. Please use either MessageBody or MessageAttributes",
                        ));
                    }
                };
                if let Some(filter) = &self.filter {
                    self.filter = Some(FilterPolicy::read(&filter.text, self.scope)?);
                }
            }
            "RedrivePolicy" if value.is_empty() || value == "{}" => (self.dead_letters, self.redrive) = (None, None),
            "RedrivePolicy" => {
                let policy: Map<String, Value> = serde_json::from_str(value)
                    .map_err(|_| SnsError::parameter("RedrivePolicy: failed to parse JSON."))?;
                let arn = policy.get("deadLetterTargetArn").and_then(Value::as_str).and_then(|arn| arn.parse().ok());
                let arn: Option<Arn> = arn.filter(|arn: &Arn| arn.service == "sqs");
                let bad = || SnsError::parameter("RedrivePolicy: deadLetterTargetArn is an invalid arn");
                self.dead_letters = Some(arn.ok_or_else(bad)?);
                self.redrive = Some(value.to_owned());
            }
            "DeliveryPolicy" if value.is_empty() || value == "{}" => self.policy = None,
            "DeliveryPolicy" if self.protocol == Protocol::Http => {
                self.policy = Some((value.to_owned(), DeliveryPolicy::of_subscription(value)?));
            }
            "DeliveryPolicy" => {
                return Err(SnsError::parameter(format!(
                    "DeliveryPolicy: Delivery protocol [{}] has no delivery policy.",
                    self.protocol.name()
                )));
            }
            "SubscriptionRoleArn" | "ReplayPolicy" => {
                return Err(SnsError::Unsupported(format!("the subscription attribute {name}")));
            }
            _ => return Err(SnsError::parameter("AttributeName")),
        }
        Ok(())
    }

    /// Sets attributes; the scope first, because it says how a filter policy is read.
    fn set_all(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), SnsError> {
        let (scope, others): (Vec<_>, Vec<_>) = attributes.iter().partition(|(name, _)| *name == "FilterPolicyScope");
        scope.into_iter().chain(others).try_for_each(|(name, value)| self.set(name, value))
    }

    fn summary(&self, topic: &str, owner: &str) -> Value {
        let arn = if self.is_pending() { "PendingConfirmation" } else { &*self.arn };
        json!({
            "SubscriptionArn": arn, "Owner": owner, "Protocol": self.protocol.name(), "Endpoint": self.endpoint,
            "TopicArn": topic,
        })
    }

    fn described(&self, topic: &str, owner: &str) -> Value {
        let text = |flag: bool| Value::from(flag.to_string());
        let mut told = json!({
            "SubscriptionPrincipal": format!("arn:aws:iam::{owner}:root"),
            "Owner": owner,
            "RawMessageDelivery": text(self.raw),
            "TopicArn": topic,
            "Endpoint": self.endpoint,
            "Protocol": self.protocol.name(),
            "PendingConfirmation": text(self.is_pending()),
            "ConfirmationWasAuthenticated": text(!self.is_pending() && (self.authenticated || !self.protocol.asks())),
            "SubscriptionArn": &*self.arn,
        });
        if let Some(filter) = &self.filter {
            told["FilterPolicy"] = filter.text.as_str().into();
            told["FilterPolicyScope"] =
                (if self.scope == FilterScope::Body { "MessageBody" } else { "MessageAttributes" }).into();
        }
        if let Some((text, policy)) = &self.policy {
            told["DeliveryPolicy"] = text.as_str().into();
            told["EffectiveDeliveryPolicy"] = policy.told().to_string().into();
        } else if self.protocol == Protocol::Http {
            told["EffectiveDeliveryPolicy"] = DeliveryPolicy::default().told().to_string().into();
        }
        if let Some(redrive) = &self.redrive {
            told["RedrivePolicy"] = redrive.as_str().into();
        }
        json!({ "Attributes": told })
    }
}

impl Sns {
    pub(super) async fn subscribe(&self, input: SubscribeInput, _: &Context) -> Result<Value, SnsError> {
        let protocol = Protocol::named(&input.protocol)?;
        protocol.check(&input.endpoint)?;
        let token = protocol.asks().then(|| self.new_token());
        let id = self.fabric.uuid();
        let mut subscription = Subscription {
            arn: format!("{}:{id}", input.topic_arn).into(),
            protocol,
            endpoint: input.endpoint,
            token,
            confirmed: None,
            authenticated: false,
            guarded: false,
            raw: false,
            policy: None,
            filter: None,
            scope: FilterScope::default(),
            dead_letters: None,
            redrive: None,
        };
        subscription.set_all(&input.attributes)?;
        let (made, is_new) = self.with_topic(&input.topic_arn, |topic| {
            let known = topic
                .subscriptions
                .values()
                .find(|known| known.protocol == protocol && known.endpoint == subscription.endpoint);
            let Some(known) = known else {
                let made = Arc::new(subscription);
                topic.subscriptions.insert(id.clone(), Arc::clone(&made));
                topic.note_subscription(&self.shelf, self.topic_name(&input.topic_arn)?, &id);
                return Ok((made, true));
            };
            let policy = |one: &Subscription| one.policy.as_ref().map(|(text, _)| text.clone());
            let text = |one: &Subscription| one.filter.as_ref().map(|filter| filter.text.clone());
            let differs = known.raw != subscription.raw
                || known.redrive != subscription.redrive
                || policy(known) != policy(&subscription)
                || text(known) != text(&subscription)
                || known.scope != subscription.scope;
            if differs && !input.attributes.is_empty() {
                return Err(SnsError::parameter(
                    "Attributes Reason: Subscription already exists with different attributes",
                ));
            }
            Ok((Arc::clone(known), false))
        })?;
        if let Some(token) = made.token.clone() {
            match protocol {
                // Whoever asks again may not have been heard.
                Protocol::Http => self.ask(&input.topic_arn, &made, Ask::Subscribe { token }),
                _ if is_new => self.ask_to_confirm(&made.arn, token),
                _ => {}
            }
            if input.return_subscription_arn != Some(true) {
                return Ok(json!({ "SubscriptionArn": "pending confirmation" }));
            }
        }
        Ok(json!({ "SubscriptionArn": &*made.arn }))
    }

    fn new_token(&self) -> String {
        self.fabric.token(b"0123456789abcdef", 64)
    }

    /// Posts a question to a subscription's program.
    fn ask(&self, topic: &str, subscription: &Arc<Subscription>, ask: Ask) {
        let message = ask.message(topic, subscription, self.fabric.uuid(), self.fabric.clock().now());
        let attempt = Attempt {
            topic: topic.into(),
            subscription: Arc::clone(subscription),
            message: Arc::new(message),
            policy: subscription.policy().cloned().unwrap_or_default(),
            ask: Some(ask),
        };
        let ticket = self.outbox.add(|| KeptAttempt::of(&attempt));
        self.begin(vec![(ticket, attempt)]);
    }

    /// The mail that asks somebody to confirm: a hop of the trace, whose subject is the token.
    fn ask_to_confirm(&self, subscription: &str, token: String) {
        self.fabric.record(Hop {
            at: self.fabric.clock().now(),
            from: PRINCIPAL,
            to: subscription.to_owned(),
            subject: token.into(),
            error: None,
        });
    }

    pub(super) async fn confirm_subscription(
        &self,
        input: ConfirmSubscriptionInput,
        context: &Context,
    ) -> Result<Value, SnsError> {
        let is_signed = context.origin != Origin::Anonymous;
        let guarded = input.authenticate_on_unsubscribe == Some(true);
        if guarded && !is_signed {
            return Err(SnsError::Unauthorized("AuthenticateOnUnsubscribe needs a signed request".to_owned()));
        }
        let given = Some(input.token.as_str()).filter(|token| !token.is_empty());
        self.with_topic(&input.topic_arn, |topic| {
            let name = self.topic_name(&input.topic_arn)?;
            // One that was ended comes back by the token that it was told at its end.
            if let Some(ended) = topic.ended.shift_remove(&input.token) {
                let (_, id) = Self::parts(&ended.arn)?;
                let (id, arn) = (id.to_owned(), Arc::clone(&ended.arn));
                topic.subscriptions.insert(id.clone(), ended);
                topic.deleted = topic.deleted.saturating_sub(1);
                topic.note_subscription(&self.shelf, name, &id);
                topic.note(&self.shelf, name);
                return Ok(json!({ "SubscriptionArn": &*arn }));
            }
            let is_meant = |one: &Subscription| one.token.as_deref() == given || one.confirmed.as_deref() == given;
            let found = topic.subscriptions.iter_mut().find(|(_, one)| given.is_some() && is_meant(one));
            let (id, subscription) = found.ok_or_else(|| SnsError::parameter("Token"))?;
            let (id, arn) = (id.clone(), Arc::clone(&subscription.arn));
            if subscription.is_pending() {
                let changed = Arc::make_mut(subscription);
                changed.confirmed = changed.token.take();
                (changed.authenticated, changed.guarded) = (is_signed, guarded);
                topic.note_subscription(&self.shelf, name, &id);
            }
            Ok(json!({ "SubscriptionArn": &*arn }))
        })
    }

    /// The topic's ARN and the last part of the subscription's.
    fn parts(arn: &str) -> Result<(&str, &str), SnsError> {
        let parts = arn.split(':').count();
        if parts < 6 {
            return Err(SnsError::parameter(format!(
                "SubscriptionArn Reason: An ARN must have at least 6 elements, not {parts}"
            )));
        }
        match arn.rsplit_once(':') {
            Some((topic, id)) if parts == 7 => Ok((topic, id)),
            _ => Err(SnsError::parameter("SubscriptionId")),
        }
    }

    fn with_subscription<T>(
        &self,
        arn: &str,
        act: impl FnOnce(&mut Topic, &str) -> Result<T, SnsError>,
    ) -> Result<T, SnsError> {
        let (topic, id) = Self::parts(arn)?;
        let gone = |error| if error == SnsError::NoSuchTopic { SnsError::NoSuchSubscription } else { error };
        self.with_topic(topic, |topic| {
            if !topic.subscriptions.contains_key(id) {
                return Err(SnsError::NoSuchSubscription);
            }
            act(topic, id)
        })
        .map_err(gone)
    }

    pub(super) async fn unsubscribe(&self, input: SubscriptionInput, context: &Context) -> Result<(), SnsError> {
        let (topic_arn, id) = Self::parts(&input.subscription_arn)?;
        let is_signed = context.origin != Origin::Anonymous;
        // A subscription that is not there is as good as ended.
        let removed = self.with_topic(topic_arn, |topic| {
            let Some(known) = topic.subscriptions.get(id).cloned() else { return Ok(None) };
            if known.guarded && !is_signed {
                return Err(SnsError::Unauthorized(format!("{} is ended by signed requests only", known.arn)));
            }
            topic.subscriptions.remove(id);
            topic.deleted += 1;
            let name = self.topic_name(topic_arn)?;
            topic.note_subscription(&self.shelf, name, id);
            // Anybody may have followed the link: the program is told how it can take that back.
            let told = (!is_signed && known.protocol == Protocol::Http && !known.is_pending()).then(|| {
                let token = self.new_token();
                topic.end(token.clone(), &known);
                (known, Ask::Unsubscribe { token })
            });
            topic.note(&self.shelf, name);
            Ok(told)
        });
        match removed {
            Err(SnsError::NoSuchTopic) | Ok(None) => Ok(()),
            Ok(Some((known, ask))) => {
                self.ask(topic_arn, &known, ask);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn list_subscriptions(
        &self,
        input: ListSubscriptionsInput,
        _: &Context,
    ) -> Result<Value, SnsError> {
        let owner = &self.fabric.identity().account;
        let topics = self.topics();
        let entries = topics.iter().flat_map(|(name, topic)| {
            let arn = &topic.arn;
            topic.subscriptions.iter().map(move |(id, one)| (format!("{name}:{id}"), one.summary(arn, owner)))
        });
        let (taken, more) = page(entries, input.next_token.as_deref());
        Ok(json!({ "Subscriptions": taken, "NextToken": more }))
    }

    pub(super) async fn list_subscriptions_by_topic(
        &self,
        input: ListByTopicInput,
        _: &Context,
    ) -> Result<Value, SnsError> {
        let owner = self.fabric.identity().account.clone();
        self.with_topic(&input.topic_arn, |topic| {
            let entries = topic.subscriptions.iter().map(|(id, one)| (id.clone(), one.summary(&topic.arn, &owner)));
            let (taken, more) = page(entries, input.next_token.as_deref());
            Ok(json!({ "Subscriptions": taken, "NextToken": more }))
        })
    }

    pub(super) async fn get_subscription_attributes(
        &self,
        input: SubscriptionInput,
        _: &Context,
    ) -> Result<Value, SnsError> {
        let owner = self.fabric.identity().account.clone();
        self.with_subscription(&input.subscription_arn, |topic, id| {
            let one = topic.subscriptions.get(id).ok_or(SnsError::NoSuchSubscription)?;
            Ok(one.described(&topic.arn, &owner))
        })
    }

    pub(super) async fn set_subscription_attributes(
        &self,
        input: SetAttributesInput,
        _: &Context,
    ) -> Result<(), SnsError> {
        self.with_subscription(&input.subscription_arn, |topic, id| {
            let subscription = topic.subscriptions.get_mut(id).ok_or(SnsError::NoSuchSubscription)?;
            let mut changed = Subscription::clone(subscription);
            changed.set(&input.attribute_name, &input.attribute_value)?;
            *subscription = Arc::new(changed);
            topic.note_subscription(&self.shelf, self.topic_name(&topic.arn)?, id);
            Ok(())
        })
    }
}
