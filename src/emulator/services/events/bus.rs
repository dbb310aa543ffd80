//! Event buses and the operations on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::EventsError;
use super::kept::Rows;
use super::rule::Rule;
use super::tags::Tag;
use super::{DEFAULT_BUS, Events};
use crate::emulator::Context;
use crate::model::Timestamp;

/// A bus and its rules.
pub struct Bus {
    pub name: String,
    pub arn: String,
    created: Timestamp,
    about: Mutex<About>,
    rules: RwLock<BTreeMap<String, Arc<Rule>>>,
    /// Where what changes is kept, under the lock of what it is.
    pub rows: Rows,
}

/// What callers can say of a bus.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct About {
    description: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// The statements of its policy, by id.
    policy: BTreeMap<String, Value>,
}

impl Bus {
    /// A bus without rules.
    pub fn new(name: String, arn: String, created: Timestamp, rows: Rows) -> Self {
        Self { name, arn, created, about: Mutex::default(), rules: RwLock::default(), rows }
    }

    /// Notes the bus as it is now.
    pub fn note(&self, about: &About) {
        self.rows.bus(&self.arn, self.created, about);
    }

    /// Puts a rule in that was kept.
    pub fn fill(&self, rule: Rule) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).insert(rule.name.clone(), Arc::new(rule));
    }

    /// Description, tags and policy.
    pub fn about(&self) -> MutexGuard<'_, About> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules, by name.
    pub fn rules(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Rule>>> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// One rule.
    pub fn rule(&self, name: &str) -> Result<Arc<Rule>, EventsError> {
        self.rules().get(name).cloned().ok_or_else(|| self.no_such_rule(name))
    }

    fn no_such_rule(&self, name: &str) -> EventsError {
        EventsError::NoSuchRule { rule: name.to_owned(), bus: self.name.clone() }
    }

    /// Puts a rule in, made from the one of that name that was there before.
    pub fn put_rule(
        &self,
        name: &str,
        make: impl FnOnce(Option<&Rule>) -> Result<Rule, EventsError>,
    ) -> Result<(), EventsError> {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let rule = make(rules.get(name).map(AsRef::as_ref))?;
        self.rows.rule(&rule);
        rules.insert(name.to_owned(), Arc::new(rule));
        Ok(())
    }

    /// Replaces a rule by a changed copy: events that are on their way keep the one that they matched.
    pub fn change_rule(
        &self,
        name: &str,
        change: impl FnOnce(&mut Rule) -> Result<(), EventsError>,
    ) -> Result<(), EventsError> {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.get_mut(name).ok_or_else(|| self.no_such_rule(name))?;
        let mut changed = Rule::clone(rule);
        change(&mut changed)?;
        self.rows.rule(&changed);
        *rule = Arc::new(changed);
        Ok(())
    }

    /// Takes a rule out.
    pub fn remove_rule(&self, name: &str) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.remove(name);
        self.rows.rule_gone(name);
    }

    fn described(&self) -> Value {
        let about = self.about();
        let mut described = Map::new();
        described.insert("Name".to_owned(), self.name.as_str().into());
        described.insert("Arn".to_owned(), self.arn.as_str().into());
        if let Some(description) = &about.description {
            described.insert("Description".to_owned(), description.as_str().into());
        }
        if !about.policy.is_empty() {
            let statements: Vec<&Value> = about.policy.values().collect();
            let policy = json!({ "Version": "2012-10-17", "Statement": statements });
            described.insert("Policy".to_owned(), policy.to_string().into());
        }
        described.insert("CreationTime".to_owned(), self.created.epoch_seconds().into());
        described.insert("LastModifiedTime".to_owned(), self.created.epoch_seconds().into());
        described.into()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateEventBusInput {
    name: String,
    event_source_name: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BusName {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListEventBusesInput {
    #[serde(default)]
    name_prefix: String,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutPermissionInput {
    event_bus_name: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    statement_id: Option<String>,
    condition: Option<Value>,
    policy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemovePermissionInput {
    event_bus_name: Option<String>,
    statement_id: Option<String>,
    #[serde(default)]
    remove_all_permissions: bool,
}

/// One page of a list ordered by name: the entries after the token, and the token of the next page.
pub fn page<T>(
    entries: impl Iterator<Item = (String, T)>,
    token: Option<&str>,
    limit: Option<usize>,
) -> (Vec<T>, Option<String>) {
    let limit = limit.unwrap_or(100).clamp(1, 100);
    let mut left = entries.skip_while(|(name, _)| token.is_some_and(|token| name.as_str() <= token));
    let mut last = None;
    let mut taken = Vec::new();
    for (name, entry) in left.by_ref().take(limit) {
        last = Some(name);
        taken.push(entry);
    }
    let token = left.next().and(last);
    (taken, token)
}

/// An answer with a list and, where there is more, the token of the next page.
pub fn listed(name: &str, (entries, token): (Vec<Value>, Option<String>)) -> Value {
    let mut answer = Map::from_iter([(name.to_owned(), Value::from(entries))]);
    if let Some(token) = token {
        answer.insert("NextToken".to_owned(), token.into());
    }
    answer.into()
}

impl Events {
    pub(super) async fn create_event_bus(&self, input: CreateEventBusInput, _: &Context) -> Result<Value, EventsError> {
        if input.event_source_name.is_some() {
            return Err(EventsError::Unsupported("partner event sources".to_owned()));
        }
        let name = input.name;
        let named_well =
            (1..=256).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !named_well {
            return Err(EventsError::validation(format!(
                "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [/\\.\\-_A-Za-z0-9]+"
            )));
        }
        let mut buses = self.buses.write().unwrap_or_else(PoisonError::into_inner);
        if buses.contains_key(&name) {
            return Err(EventsError::BusExists(name));
        }
        let arn = self.fabric.arn("events", format!("event-bus/{name}")).to_string();
        let rows = Rows::new(self.shelf.clone(), name.clone());
        let bus = Bus::new(name.clone(), arn.clone(), self.fabric.clock().now(), rows);
        let mut about = bus.about();
        about.tags = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        about.description.clone_from(&input.description);
        bus.note(&about);
        drop(about);
        buses.insert(name, Arc::new(bus));
        Ok(json!({ "EventBusArn": arn, "Description": input.description }))
    }

    pub(super) async fn delete_event_bus(&self, input: BusName, _: &Context) -> Result<Value, EventsError> {
        let name = input.name.unwrap_or_default();
        if name == DEFAULT_BUS {
            return Err(EventsError::validation("Cannot delete event bus default."));
        }
        // A bus that is not there is as good as deleted.
        let Ok(bus) = self.bus(Some(&name)) else { return Ok(json!({})) };
        if !bus.rules().is_empty() {
            return Err(EventsError::validation(format!("Event bus {name} can't be deleted since it has rules.")));
        }
        let mut buses = self.buses.write().unwrap_or_else(PoisonError::into_inner);
        if buses.remove(&bus.name).is_some() {
            bus.rows.bus_gone();
        }
        Ok(json!({}))
    }

    pub(super) async fn describe_event_bus(&self, input: BusName, _: &Context) -> Result<Value, EventsError> {
        Ok(self.bus(input.name.as_deref())?.described())
    }

    pub(super) async fn list_event_buses(&self, input: ListEventBusesInput, _: &Context) -> Result<Value, EventsError> {
        let buses = self.buses.read().unwrap_or_else(PoisonError::into_inner);
        let chosen = buses
            .values()
            .filter(|bus| bus.name.starts_with(&input.name_prefix))
            .map(|bus| (bus.name.clone(), bus.described()));
        Ok(listed("EventBuses", page(chosen, input.next_token.as_deref(), input.limit)))
    }

    pub(super) async fn put_permission(&self, input: PutPermissionInput, _: &Context) -> Result<Value, EventsError> {
        let bus = self.bus(input.event_bus_name.as_deref())?;
        let mut about = bus.about();
        if let Some(policy) = input.policy {
            let policy: Value = serde_json::from_str(&policy)
                .map_err(|error| EventsError::validation(format!("Policy is not valid JSON: {error}")))?;
            let statements = match policy.get("Statement") {
                Some(Value::Array(statements)) => statements.clone(),
                Some(statement @ Value::Object(_)) => vec![statement.clone()],
                _ => return Err(EventsError::validation("Policy has no Statement.")),
            };
            about.policy = statements
                .into_iter()
                .enumerate()
                .map(|(index, statement)| {
                    let id = statement.get("Sid").and_then(Value::as_str).map_or(index.to_string(), str::to_owned);
                    (id, statement)
                })
                .collect();
            bus.note(&about);
            return Ok(json!({}));
        }
        let (Some(action), Some(principal), Some(id)) = (input.action, input.principal, input.statement_id) else {
            return Err(EventsError::validation("Action, Principal and StatementId are required without a Policy."));
        };
        let principal = match principal.as_str() {
            "*" => json!("*"),
            account => json!({ "AWS": format!("arn:aws:iam::{account}:root") }),
        };
        let mut statement =
            json!({ "Sid": id, "Effect": "Allow", "Principal": principal, "Action": action, "Resource": bus.arn });
        if let Some(condition) = input.condition {
            statement["Condition"] = condition;
        }
        about.policy.insert(id, statement);
        bus.note(&about);
        Ok(json!({}))
    }

    pub(super) async fn remove_permission(
        &self,
        input: RemovePermissionInput,
        _: &Context,
    ) -> Result<Value, EventsError> {
        let bus = self.bus(input.event_bus_name.as_deref())?;
        let mut about = bus.about();
        if input.remove_all_permissions {
            about.policy.clear();
            bus.note(&about);
            return Ok(json!({}));
        }
        let id = input.statement_id.unwrap_or_default();
        match about.policy.remove(&id) {
            Some(_) => {
                bus.note(&about);
                Ok(json!({}))
            }
            None => Err(EventsError::NoSuchResource(format!("statement {id}"))),
        }
    }
}
