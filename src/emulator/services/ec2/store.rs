//! The one store of everything that EC2 has: resources of any kind by id, with what they show, what they hide, their
//! tags, and what will change in them as time goes on.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::Error;
use super::input::Input;
use super::kind::Kind;
use crate::emulator::Fabric;
use crate::model::Timestamp;

const HEX: &[u8] = b"0123456789abcdef";
const MOST_TAGS: usize = 50;

/// What will happen to a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// These members take these values.
    Becomes(Value),
    /// It is forgotten.
    Goes,
}

/// A resource.
#[derive(Debug, Clone)]
pub struct Resource {
    pub id: String,
    pub kind: &'static Kind,
    /// As answers show it, without tags and without what other resources tell of it.
    pub body: Value,
    /// What answers do not show.
    pub hidden: Value,
    pub tags: BTreeMap<String, String>,
    pub changes: Vec<(Timestamp, Change)>,
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.is_a(other.kind)
            && self.body == other.body
            && self.hidden == other.hidden
            && self.tags == other.tags
            && self.changes == other.changes
    }
}

impl Resource {
    /// A member of the body; empty where there is none.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }

    /// Whether it is of that kind.
    #[must_use]
    pub fn is_a(&self, kind: &Kind) -> bool {
        self.kind.name == kind.name
    }

    /// Whether a member has that value.
    #[must_use]
    pub fn is(&self, member: &str, value: &str) -> bool {
        self.text(member) == value
    }

    /// Sets members of the body.
    pub fn set(&mut self, members: &Value) {
        for (name, value) in members.as_object().into_iter().flatten() {
            self.body[name] = value.clone();
        }
    }
}

/// The store.
#[derive(Debug, Clone, Default)]
pub struct Store {
    resources: IndexMap<String, Resource>,
    /// Answers to requests with a client token, by operation and token.
    pub answered: HashMap<(String, String), Value>,
}

impl Store {
    /// The store that was kept.
    #[must_use]
    pub fn restored(resources: IndexMap<String, Resource>, answered: HashMap<(String, String), Value>) -> Self {
        Self { resources, answered }
    }

    /// How many resources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there is a resource of that id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.resources.contains_key(id)
    }

    /// Everything of a kind, oldest first.
    pub fn of(&self, kind: &'static Kind) -> impl Iterator<Item = &Resource> {
        self.resources.values().filter(move |one| one.is_a(kind))
    }

    /// Everything of a kind, to be changed.
    pub fn of_mut(&mut self, kind: &'static Kind) -> impl Iterator<Item = &mut Resource> {
        self.resources.values_mut().filter(move |one| one.is_a(kind))
    }

    /// Everything.
    pub fn all(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// The resource of any kind with that id.
    pub fn any_mut(&mut self, id: &str) -> Option<&mut Resource> {
        self.resources.get_mut(id)
    }

    /// The resource of that kind and id.
    ///
    /// # Errors
    /// The kind's own `NotFound`, or `Malformed` when it can be no id of the kind.
    pub fn get(&self, kind: &'static Kind, id: &str) -> Result<&Resource, Error> {
        let found = self.resources.get(id).filter(|one| one.is_a(kind));
        found.ok_or_else(|| kind.not_found(id))
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn get_mut(&mut self, kind: &'static Kind, id: &str) -> Result<&mut Resource, Error> {
        let found = self.resources.get_mut(id).filter(|one| one.is_a(kind));
        found.ok_or_else(|| kind.not_found(id))
    }

    /// Takes a resource out.
    pub fn remove(&mut self, id: &str) -> Option<Resource> {
        self.resources.shift_remove(id)
    }

    /// Gives a resource an id that is known to the world, as prefix lists have.
    pub fn rename(&mut self, id: &str, known: &str) {
        if let Some(mut resource) = self.resources.shift_remove(id) {
            known.clone_into(&mut resource.id);
            resource.body[resource.kind.id] = Value::from(known);
            self.resources.insert(known.to_owned(), resource);
        }
    }

    /// Takes out all that fits.
    pub fn remove_where(&mut self, fits: impl Fn(&Resource) -> bool) {
        self.resources.retain(|_, one| !fits(one));
    }

    /// Lets everything happen that is due.
    pub fn settle(&mut self, now: Timestamp) {
        for resource in self.resources.values_mut().filter(|one| !one.changes.is_empty()) {
            while let Some((_, change)) = resource.changes.first().filter(|(at, _)| *at <= now).cloned() {
                resource.changes.remove(0);
                match change {
                    Change::Becomes(members) => resource.set(&members),
                    Change::Goes => resource.hidden["Gone"] = Value::Bool(true),
                }
            }
        }
        self.resources.retain(|_, one| one.hidden["Gone"] != true);
    }
}

/// What one operation works with.
pub struct Work<'a> {
    pub store: &'a mut Store,
    pub fabric: &'a Fabric,
    pub now: Timestamp,
}

impl Work<'_> {
    /// A new id: `vpc-0` and 16 hexadecimal digits.
    #[must_use]
    pub fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.fabric.token(HEX, 16))
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> Value {
        Value::from(self.fabric.identity().account.as_str())
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.fabric.identity().region
    }

    /// Adds a resource with the tags that the input specifies for its kind; its id is the first member of its body.
    ///
    /// # Errors
    /// When the tags are none.
    pub fn add(&mut self, kind: &'static Kind, body: &Value, input: Input<'_>) -> Result<&mut Resource, Error> {
        let tags = specified(input, kind)?;
        Ok(self.put(kind, body, tags))
    }

    /// The same with tags that are known.
    pub fn put(&mut self, kind: &'static Kind, body: &Value, tags: BTreeMap<String, String>) -> &mut Resource {
        let id = self.new_id(kind.prefix);
        let mut members = Map::from_iter([(kind.id.to_owned(), Value::from(id.as_str()))]);
        members.extend(body.as_object().cloned().unwrap_or_default());
        let body = Value::Object(members);
        let resource = Resource { id: id.clone(), kind, body, hidden: json!({}), tags, changes: Vec::new() };
        self.store.resources.entry(id).insert_entry(resource).into_mut()
    }
}

/// The tags that `TagSpecification`s give to a kind.
///
/// # Errors
/// When a tag is malformed or there are too many.
pub fn specified(input: Input<'_>, kind: &Kind) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::new();
    for specification in input.objects("TagSpecification") {
        if specification.text("ResourceType").as_deref() == Some(kind.name) {
            tags.extend(pairs(specification)?);
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

/// The tags of an object.
///
/// # Errors
/// When one is malformed.
pub fn pairs(input: Input<'_>) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = Vec::new();
    for tag in input.objects("Tag") {
        let key =
            tag.text("Key").ok_or_else(|| Error::new("InvalidParameterValue", "Tag key cannot be null or empty"))?;
        if key.chars().count() > 127 || key.to_ascii_lowercase().starts_with("aws:") && !is_reserved(&key) {
            return Err(Error::value("tagKey", &key, "Tag keys starting with 'aws:' are reserved for internal use"));
        }
        let value = tag.text("Value").unwrap_or_default();
        if value.chars().count() > 255 {
            return Err(Error::value("tagValue", &value, "Tag values are 255 characters at the most"));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// Tags that CloudFormation puts on what it makes.
fn is_reserved(key: &str) -> bool {
    key.starts_with("aws:cloudformation:")
}

/// Refuses more tags than a resource can have.
///
/// # Errors
/// `TagLimitExceeded`.
pub fn check_count(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.len() <= MOST_TAGS {
        return Ok(());
    }
    Err(Error::new(
        "TagLimitExceeded",
        format!("The maximum number of Tags for a resource has been reached: {MOST_TAGS}"),
    ))
}
