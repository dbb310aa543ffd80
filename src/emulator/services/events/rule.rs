//! Rules and their targets, and the operations on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::bus::{listed, page};
use super::error::EventsError;
use super::pattern::{Event, Pattern};
use super::tags::Tag;
use super::target::{Target, TargetInput};
use super::{DEFAULT_BUS, Events};
use crate::emulator::Context;
use crate::model::schedule::Schedule;

/// Targets that a rule may have.
const MOST_TARGETS: usize = 5;
/// Characters that a pattern may have.
const LONGEST_PATTERN: usize = 4_096;

/// A rule; it never changes, changes make a new one.
#[derive(Clone)]
pub struct Rule {
    pub name: String,
    pub arn: Arc<str>,
    pub bus: String,
    /// The event pattern as it was given, and read.
    pub pattern: Option<(String, Arc<Pattern>)>,
    /// The schedule expression as it was given, and read.
    pub schedule: Option<(String, Arc<Schedule>)>,
    pub enabled: bool,
    pub state: String,
    pub description: Option<String>,
    pub role: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub targets: Vec<Arc<Target>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRuleInput {
    name: String,
    event_bus_name: Option<String>,
    event_pattern: Option<String>,
    schedule_expression: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuleName {
    name: String,
    event_bus_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRulesInput {
    event_bus_name: Option<String>,
    #[serde(default)]
    name_prefix: String,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRuleNamesInput {
    target_arn: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutTargetsInput {
    rule: String,
    event_bus_name: Option<String>,
    targets: Vec<TargetInput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveTargetsInput {
    rule: String,
    event_bus_name: Option<String>,
    ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTargetsInput {
    rule: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TestEventPatternInput {
    event_pattern: String,
    event: String,
}

impl Rule {
    /// Whether a rule in that state takes events; `None` when it is no state.
    pub fn is_on(state: &str) -> Option<bool> {
        match state {
            "ENABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" => Some(true),
            "DISABLED" => Some(false),
            _ => None,
        }
    }

    fn described(&self) -> Value {
        let mut described = Map::new();
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                described.insert(name.to_owned(), value.into());
            }
        };
        add("Name", Some(&self.name));
        add("Arn", Some(&self.arn));
        add("EventPattern", self.pattern.as_ref().map(|(text, _)| text.as_str()));
        add("ScheduleExpression", self.schedule.as_ref().map(|(text, _)| text.as_str()));
        add("State", Some(&self.state));
        add("Description", self.description.as_deref());
        add("RoleArn", self.role.as_deref());
        add("EventBusName", Some(&self.bus));
        described.into()
    }
}

impl Events {
    pub(super) async fn put_rule(&self, input: PutRuleInput, _: &Context) -> Result<Value, EventsError> {
        let bus = self.bus(input.event_bus_name.as_deref())?;
        if input.event_pattern.is_none() && input.schedule_expression.is_none() {
            return Err(EventsError::validation("Parameter(s) EventPattern or ScheduleExpression must be specified."));
        }
        let name = input.name;
        if !(1..=64).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            return Err(EventsError::validation(format!(
                "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"
            )));
        }
        if input.event_pattern.as_ref().is_some_and(|text| text.len() > LONGEST_PATTERN) {
            return Err(EventsError::validation(format!(
                "1 validation error detected: Value at 'eventPattern' failed to satisfy constraint: Member must have length less than or equal to {LONGEST_PATTERN}"
            )));
        }
        let pattern = match input.event_pattern {
            None => None,
            Some(text) => {
                let pattern = Arc::new(Pattern::compile(&text)?);
                Some((text, pattern))
            }
        };
        let schedule = super::scheduled::read(&bus, input.schedule_expression)?;
        let state = input.state.unwrap_or_else(|| "ENABLED".to_owned());
        let enabled =
            Rule::is_on(&state).ok_or_else(|| EventsError::validation(format!("{state} is no state of a rule.")))?;
        let resource =
            if bus.name == DEFAULT_BUS { format!("rule/{name}") } else { format!("rule/{}/{name}", bus.name) };
        let arn: Arc<str> = self.fabric.arn("events", resource).to_string().into();
        let given: BTreeMap<String, String> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        bus.put_rule(&name, |before| {
            Ok(Rule {
                name: name.clone(),
                arn: Arc::clone(&arn),
                bus: bus.name.clone(),
                pattern,
                schedule,
                enabled,
                state,
                description: input.description,
                role: input.role_arn,
                tags: before.map_or(given, |before| before.tags.clone()),
                targets: before.map(|before| before.targets.clone()).unwrap_or_default(),
            })
        })?;
        self.keep_schedule(&bus, &name, None);
        Ok(json!({ "RuleArn": arn }))
    }

    pub(super) async fn delete_rule(&self, input: RuleName, _: &Context) -> Result<Value, EventsError> {
        let bus = self.bus(input.event_bus_name.as_deref())?;
        let Ok(rule) = bus.rule(&input.name) else { return Ok(json!({})) };
        if !rule.targets.is_empty() {
            return Err(EventsError::validation("Rule can't be deleted since it has targets."));
        }
        bus.remove_rule(&input.name);
        Ok(json!({}))
    }

    pub(super) async fn describe_rule(&self, input: RuleName, _: &Context) -> Result<Value, EventsError> {
        let rule = self.bus(input.event_bus_name.as_deref())?.rule(&input.name)?;
        let mut described = rule.described();
        described["CreatedBy"] = self.fabric.identity().account.as_str().into();
        Ok(described)
    }

    pub(super) async fn list_rules(&self, input: ListRulesInput, _: &Context) -> Result<Value, EventsError> {
        let bus = self.bus(input.event_bus_name.as_deref())?;
        let rules = bus.rules();
        let chosen = rules
            .values()
            .filter(|rule| rule.name.starts_with(&input.name_prefix))
            .map(|rule| (rule.name.clone(), rule.described()));
        Ok(listed("Rules", page(chosen, input.next_token.as_deref(), input.limit)))
    }

    pub(super) async fn list_rule_names_by_target(
        &self,
        input: ListRuleNamesInput,
        _: &Context,
    ) -> Result<Value, EventsError> {
        let bus = self.bus(input.event_bus_name.as_deref())?;
        let rules = bus.rules();
        let chosen = rules
            .values()
            .filter(|rule| rule.targets.iter().any(|target| target.given.arn == input.target_arn))
            .map(|rule| (rule.name.clone(), Value::from(rule.name.as_str())));
        Ok(listed("RuleNames", page(chosen, input.next_token.as_deref(), input.limit)))
    }

    pub(super) async fn enable_rule(&self, input: RuleName, _: &Context) -> Result<Value, EventsError> {
        self.switch(&input, true)
    }

    pub(super) async fn disable_rule(&self, input: RuleName, _: &Context) -> Result<Value, EventsError> {
        self.switch(&input, false)
    }

    fn switch(&self, input: &RuleName, enabled: bool) -> Result<Value, EventsError> {
        self.bus(input.event_bus_name.as_deref())?.change_rule(&input.name, |rule| {
            rule.enabled = enabled;
            rule.state = String::from(if enabled { "ENABLED" } else { "DISABLED" });
            Ok(())
        })?;
        Ok(json!({}))
    }

    pub(super) async fn put_targets(&self, input: PutTargetsInput, _: &Context) -> Result<Value, EventsError> {
        let bus = self.bus(input.event_bus_name.as_deref())?;
        if input.targets.is_empty() {
            return Err(EventsError::validation(
                "1 validation error detected: Value '[]' at 'targets' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ));
        }
        let targets = input.targets.into_iter().map(Target::read).collect::<Result<Vec<_>, _>>()?;
        bus.change_rule(&input.rule, |rule| {
            for target in targets {
                match rule.targets.iter_mut().find(|known| known.given.id == target.given.id) {
                    Some(known) => *known = Arc::new(target),
                    None => rule.targets.push(Arc::new(target)),
                }
            }
            if rule.targets.len() > MOST_TARGETS {
                return Err(EventsError::Limit(
                    "The requested resource exceeds the maximum number allowed.".to_owned(),
                ));
            }
            Ok(())
        })?;
        Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
    }

    pub(super) async fn remove_targets(&self, input: RemoveTargetsInput, _: &Context) -> Result<Value, EventsError> {
        let mut failed = Vec::new();
        self.bus(input.event_bus_name.as_deref())?.change_rule(&input.rule, |rule| {
            for id in &input.ids {
                if !rule.targets.iter().any(|target| target.given.id == *id) {
                    failed.push(json!({
                        "TargetId": id,
                        "ErrorCode": "ResourceNotFoundException",
                        "ErrorMessage": format!("Rule {} does not have a target with the Id {id}.", rule.name),
                    }));
                }
            }
            rule.targets.retain(|target| !input.ids.contains(&target.given.id));
            Ok(())
        })?;
        Ok(json!({ "FailedEntryCount": failed.len(), "FailedEntries": failed }))
    }

    pub(super) async fn list_targets_by_rule(
        &self,
        input: ListTargetsInput,
        _: &Context,
    ) -> Result<Value, EventsError> {
        let rule = self.bus(input.event_bus_name.as_deref())?.rule(&input.rule)?;
        let targets: BTreeMap<String, Value> =
            rule.targets.iter().map(|target| (target.given.id.clone(), json!(target.given))).collect();
        Ok(listed("Targets", page(targets.into_iter(), input.next_token.as_deref(), input.limit)))
    }

    pub(super) async fn test_event_pattern(
        &self,
        input: TestEventPatternInput,
        _: &Context,
    ) -> Result<Value, EventsError> {
        const REQUIRED: [&str; 6] = ["id", "account", "source", "time", "region", "detail-type"];
        let pattern = Pattern::compile(&input.event_pattern)?;
        let members: Option<Map<String, Value>> = serde_json::from_str(&input.event).ok();
        let complete = members.is_some_and(|members| REQUIRED.iter().all(|name| members.contains_key(*name)));
        match Event::parse(&input.event).filter(|_| complete) {
            Some(event) => Ok(json!({ "Result": pattern.matches(&event) })),
            None => Err(EventsError::validation("Parameter Event is not valid.")),
        }
    }
}
