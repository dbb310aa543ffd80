//! What is kept of buses, rules and deliveries, and how all of it is found again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bus::{About, Bus};
use super::delivery::Attempt;
use super::error::EventsError;
use super::pattern::Pattern;
use super::put::Envelope;
use super::rule::Rule;
use super::target::{Target, TargetInput};
use crate::emulator::{KeepError, Shelf, Ticket};
use crate::model::Timestamp;
use crate::model::schedule::Schedule;

const BUS: &str = "bus";
const RULE: &str = "rule";
const SCHEDULE: &str = "schedule";
/// What a kept delivery is.
pub const DELIVERY: &str = "delivery";

/// A bus without its rules.
#[derive(Serialize, Deserialize)]
struct KeptBus {
    arn: String,
    created: Timestamp,
    about: About,
}

/// A rule with its targets.
#[derive(Serialize, Deserialize)]
pub struct KeptRule {
    pub name: String,
    pub arn: Arc<str>,
    pub bus: String,
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub state: String,
    pub description: Option<String>,
    pub role: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub targets: Vec<TargetInput>,
}

/// How far the schedule of a rule is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Progress {
    /// What its rate counts from.
    pub start: Timestamp,
    /// What was due before that is done.
    pub from: Timestamp,
}

/// One event on its way to one target.
#[derive(Serialize)]
pub struct KeptAttempt<'a> {
    rule: &'a str,
    target: &'a TargetInput,
    id: &'a str,
    text: &'a str,
    ingested: Timestamp,
    forwarded: bool,
    /// What the target gets, where that is not the event itself.
    payload: Option<&'a str>,
    retries: u32,
    /// When it is tried again, after it has failed.
    due: Option<Timestamp>,
}

/// The same, found again.
#[derive(Deserialize)]
pub struct FoundAttempt {
    rule: Arc<str>,
    target: TargetInput,
    id: Arc<str>,
    text: Arc<str>,
    ingested: Timestamp,
    forwarded: bool,
    payload: Option<Arc<str>>,
    retries: u32,
    due: Option<Timestamp>,
}

/// The rows of one bus.
pub struct Rows {
    shelf: Shelf,
    bus: String,
}

fn unreadable(kind: &'static str, id: &str, problem: &impl ToString) -> KeepError {
    KeepError::Row { service: super::INTERFACE.id, kind, id: id.to_owned(), problem: problem.to_string() }
}

impl Rows {
    /// Those of the bus of that name.
    pub fn new(shelf: Shelf, bus: String) -> Self {
        Self { shelf, bus }
    }

    fn id(&self, rule: &str) -> String {
        format!("{}/{rule}", self.bus)
    }

    /// Notes the bus itself.
    pub fn bus(&self, arn: &str, created: Timestamp, about: &About) {
        if self.shelf.is_kept() {
            self.shelf.put(BUS, &self.bus, &KeptBus { arn: arn.to_owned(), created, about: about.clone() });
        }
    }

    /// The bus is gone; it had no rules left.
    pub fn bus_gone(&self) {
        self.shelf.delete(BUS, &self.bus);
    }

    /// Notes a rule as it is now.
    pub fn rule(&self, rule: &Rule) {
        if self.shelf.is_kept() {
            self.shelf.put(RULE, &self.id(&rule.name), &rule.kept());
        }
    }

    /// A rule is gone.
    pub fn rule_gone(&self, name: &str) {
        if self.shelf.is_kept() {
            self.shelf.delete(RULE, &self.id(name));
            self.shelf.delete(SCHEDULE, &self.id(name));
        }
    }

    /// Notes how far the schedule of a rule is.
    pub fn progress(&self, rule: &str, progress: Progress) {
        if self.shelf.is_kept() {
            self.shelf.put(SCHEDULE, &self.id(rule), &progress);
        }
    }
}

/// The buses that were kept, by name, and how far the schedules of their rules are, by bus and rule.
type Found = (BTreeMap<String, Arc<Bus>>, Vec<(Arc<Bus>, String, Progress)>);

/// The buses that were kept.
///
/// # Errors
/// When they cannot be read.
pub fn buses(shelf: &Shelf) -> Result<Found, KeepError> {
    let mut buses = BTreeMap::new();
    for (name, KeptBus { arn, created, about }) in shelf.all(BUS)? {
        let rows = Rows::new(shelf.clone(), name.clone());
        let bus = Bus::new(name.clone(), arn, created, rows);
        *bus.about() = about;
        buses.insert(name, Arc::new(bus));
    }
    for (id, kept) in shelf.all::<KeptRule>(RULE)? {
        let rule = Rule::found(kept).map_err(|problem| unreadable(RULE, &id, &problem))?;
        if let Some(bus) = buses.get(&rule.bus) {
            bus.fill(rule);
        }
    }
    let mut schedules = Vec::new();
    for (id, progress) in shelf.all::<Progress>(SCHEDULE)? {
        if let Some((bus, rule)) = id.rsplit_once('/')
            && let Some(bus) = buses.get(bus)
        {
            schedules.push((Arc::clone(bus), rule.to_owned(), progress));
        }
    }
    Ok((buses, schedules))
}

impl Rule {
    /// What is kept of it.
    fn kept(&self) -> KeptRule {
        KeptRule {
            name: self.name.clone(),
            arn: Arc::clone(&self.arn),
            bus: self.bus.clone(),
            pattern: self.pattern.as_ref().map(|(text, _)| text.clone()),
            schedule: self.schedule.as_ref().map(|(text, _)| text.clone()),
            state: self.state.clone(),
            description: self.description.clone(),
            role: self.role.clone(),
            tags: self.tags.clone(),
            targets: self.targets.iter().map(|target| target.given.clone()).collect(),
        }
    }

    /// The rule again.
    ///
    /// # Errors
    /// When its pattern, schedule or a target cannot be read.
    fn found(kept: KeptRule) -> Result<Self, EventsError> {
        let pattern = match kept.pattern {
            Some(text) => Some((text.clone(), Arc::new(Pattern::compile(&text)?))),
            None => None,
        };
        let schedule = match kept.schedule {
            Some(text) => {
                let read = Schedule::parse(&text, "UTC").map_err(|error| EventsError::validation(error.to_string()))?;
                Some((text, Arc::new(read)))
            }
            None => None,
        };
        let targets = kept.targets.into_iter().map(|given| Target::read(given).map(Arc::new));
        Ok(Self {
            name: kept.name,
            arn: kept.arn,
            bus: kept.bus,
            pattern,
            schedule,
            enabled: Self::is_on(&kept.state).unwrap_or(false),
            state: kept.state,
            description: kept.description,
            role: kept.role,
            tags: kept.tags,
            targets: targets.collect::<Result<_, _>>()?,
        })
    }
}

impl<'a> KeptAttempt<'a> {
    /// What is kept of an attempt that is due at `due`, or now.
    pub fn of(attempt: &'a Attempt, due: Option<Timestamp>) -> Self {
        let text = &attempt.envelope.text;
        Self {
            rule: &attempt.rule_arn,
            target: &attempt.target.given,
            id: &attempt.envelope.id,
            text,
            ingested: attempt.envelope.ingested,
            forwarded: attempt.envelope.forwarded,
            payload: (!Arc::ptr_eq(text, &attempt.payload)).then_some(&*attempt.payload),
            retries: attempt.retries,
            due,
        }
    }
}

impl FoundAttempt {
    /// The attempt again, and when it is due.
    ///
    /// # Errors
    /// When its target cannot be read.
    pub fn found(self, ticket: Ticket) -> Result<(Attempt, Option<Timestamp>), EventsError> {
        let envelope = Envelope { id: self.id, text: self.text, ingested: self.ingested, forwarded: self.forwarded };
        let attempt = Attempt {
            rule_arn: self.rule,
            target: Arc::new(Target::read(self.target)?),
            payload: self.payload.unwrap_or_else(|| Arc::clone(&envelope.text)),
            envelope,
            retries: self.retries,
            ticket,
        };
        Ok((attempt, self.due))
    }
}
