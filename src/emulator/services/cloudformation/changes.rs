//! What a submission would change of a stack: the preview of change sets, and whether there is anything to do at all.
//! Nothing is made or asked here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::error::Error;
use super::resources::{Recreation, Registry};
use super::stack::{Stack, Submission};
use super::template::evaluate::{KNOWN_AFTER_APPLY, Pseudo, Resources, Scope};
use super::template::graph::{Reference, order, references};
use super::template::{Policy, invalid};

/// Whether the physical resource is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replacement {
    /// It is changed in place.
    False,
    /// That depends on a value that is known only later.
    Conditional,
    /// Another one takes its place.
    True,
}

/// One cause of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Detail {
    attribute: &'static str,
    name: Option<String>,
    recreation: &'static str,
    evaluation: &'static str,
    source: &'static str,
    entity: Option<String>,
    before: Option<String>,
    after: Option<String>,
    /// Shown only where values are asked for.
    with_values_only: bool,
}

/// The change of one resource.
#[derive(Debug, Clone)]
pub struct ResourceChange {
    action: &'static str,
    logical: String,
    physical: Option<String>,
    kind: String,
    replacement: Option<Replacement>,
    policy_action: Option<&'static str>,
    scope: BTreeSet<&'static str>,
    details: Vec<Detail>,
    before: Option<Value>,
    after: Option<Value>,
}

impl ResourceChange {
    /// As `DescribeChangeSet` shows it.
    #[must_use]
    pub fn shown(&self, with_values: bool) -> Value {
        let details: Vec<Value> = self
            .details
            .iter()
            .filter(|detail| with_values || !detail.with_values_only)
            .map(|detail| detail.shown(with_values))
            .collect();
        let mut change = json!({
            "Action": self.action,
            "LogicalResourceId": self.logical,
            "ResourceType": self.kind,
            "Scope": self.scope,
            "Details": details,
        });
        if let Some(physical) = &self.physical {
            change["PhysicalResourceId"] = Value::from(physical.as_str());
        }
        if let Some(replacement) = self.replacement {
            change["Replacement"] = Value::from(match replacement {
                Replacement::False => "False",
                Replacement::Conditional => "Conditional",
                Replacement::True => "True",
            });
        }
        if let Some(action) = self.policy_action {
            change["PolicyAction"] = Value::from(action);
        }
        if with_values {
            for (name, properties) in [("BeforeContext", &self.before), ("AfterContext", &self.after)] {
                if let Some(properties) = properties {
                    change[name] = Value::from(json!({"Properties": as_text(properties)}).to_string());
                }
            }
        }
        json!({"Type": "Resource", "ResourceChange": change})
    }
}

impl Detail {
    fn shown(&self, with_values: bool) -> Value {
        let mut target = json!({"Attribute": self.attribute, "RequiresRecreation": self.recreation});
        if let Some(name) = &self.name {
            target["Name"] = Value::from(name.as_str());
        }
        if with_values && let Some(name) = &self.name {
            target["Path"] = Value::from(format!("/Properties/{name}"));
            for (member, value) in [("BeforeValue", &self.before), ("AfterValue", &self.after)] {
                if let Some(value) = value {
                    target[member] = Value::from(value.as_str());
                }
            }
            target["AttributeChangeType"] = Value::from(match (&self.before, &self.after) {
                (None, _) => "Add",
                (_, None) => "Remove",
                _ => "Modify",
            });
        }
        let mut detail = json!({"Target": target, "Evaluation": self.evaluation, "ChangeSource": self.source});
        if let Some(entity) = &self.entity {
            detail["CausingEntity"] = Value::from(entity.as_str());
        }
        detail
    }
}

/// Contexts hold texts: numbers and flags are written as such.
pub fn as_text(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => Value::from(value.to_string()),
        Value::Array(entries) => entries.iter().map(as_text).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), as_text(value))).collect(),
        other => other.clone(),
    }
}

fn shown_value(value: Option<&Value>) -> Option<String> {
    value.map(|value| value.as_str().map_or_else(|| as_text(value).to_string(), str::to_owned))
}

/// Everything that a submission changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// By logical id.
    pub resources: Vec<ResourceChange>,
    /// Whether outputs, tags or policies change.
    pub others: bool,
}

impl Changes {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && !self.others
    }
}

/// Resources as they will be, as far as that can be known now.
struct Foreseen<'a> {
    stack: Option<&'a Stack>,
    /// Resources that are made anew or replaced.
    unknown: BTreeSet<String>,
    /// Resources that are changed in place: their attributes may change.
    changed: BTreeSet<String>,
}

impl Foreseen<'_> {
    fn resource(&self, logical: &str) -> Option<&super::stack::StackResource> {
        self.stack.and_then(|stack| stack.resources.get(logical)).filter(|resource| resource.is_there())
    }
}

impl Resources for Foreseen<'_> {
    fn reference(&self, logical: &str) -> Result<Value, Error> {
        if self.unknown.contains(logical) {
            return Ok(Value::from(KNOWN_AFTER_APPLY));
        }
        let found = self.resource(logical).map(|resource| resource.reference.clone());
        found.ok_or_else(|| {
            invalid(format!(
                "Template format error: Unresolved resource dependencies [{logical}] in the Resources block of the template"
            ))
        })
    }

    fn attribute(&self, logical: &str, attribute: &str) -> Result<Value, Error> {
        if self.unknown.contains(logical) || self.changed.contains(logical) {
            return Ok(Value::from(KNOWN_AFTER_APPLY));
        }
        let found = self.resource(logical).and_then(|resource| resource.attributes.get(attribute)).cloned();
        found.ok_or_else(|| {
            invalid(format!(
                "Template error: resource {logical} does not support attribute type {attribute} in Fn::GetAtt"
            ))
        })
    }
}

/// Finds what `submission` would change; `stack` is absent or in review when everything is new.
///
/// # Errors
/// `ValidationError` when a function is malformed or the type of a resource would change.
pub fn find(
    stack: Option<&Stack>,
    submission: &Submission,
    pseudo: &Pseudo,
    exports: &HashMap<String, String>,
    registry: &Registry,
) -> Result<Changes, Error> {
    let template = &submission.template;
    let values = submission.values();
    let before_values = stack.map(|stack| stack.submission.values()).unwrap_or_default();
    let existing =
        |logical: &str| stack.and_then(|stack| stack.resources.get(logical)).filter(|resource| resource.is_there());
    let mut foreseen = Foreseen { stack, unknown: BTreeSet::new(), changed: BTreeSet::new() };
    let mut changes: BTreeMap<String, ResourceChange> = BTreeMap::new();
    let mut policies_change = false;
    let mut retyped = Vec::new();
    let mut kept = BTreeSet::new();
    for logical in order(&template.dependencies)? {
        let definition = &template.resources[&logical];
        let scope = Scope::new(template, pseudo, &values, exports, &foreseen)?;
        if !scope.holds(definition.condition.as_deref()) {
            continue;
        }
        kept.insert(logical.clone());
        let after = scope.evaluate(&definition.properties)?;
        drop(scope);
        let Some(resource) = existing(&logical) else {
            foreseen.unknown.insert(logical.clone());
            changes.insert(logical.clone(), added(&logical, &definition.kind, after));
            continue;
        };
        if resource.kind != definition.kind {
            retyped.push(logical.clone());
            continue;
        }
        policies_change |= resource.deletion_policy != definition.deletion_policy
            || resource.update_replace_policy != definition.update_replace_policy;
        let cause = Causes {
            foreseen: &foreseen,
            changes: &changes,
            values: &values,
            before_values: &before_values,
            registry,
            kind: &definition.kind,
        };
        let mut details = cause.details(&definition.properties, &resource.properties, &after)?;
        if resource.metadata != definition.metadata {
            details.push(metadata_detail());
        }
        if details.is_empty() {
            continue;
        }
        let replacement = details.iter().map(Detail::replacement).max().unwrap_or(Replacement::False);
        if replacement == Replacement::False {
            foreseen.changed.insert(logical.clone());
        } else {
            foreseen.unknown.insert(logical.clone());
        }
        let policy =
            if definition.update_replace_policy == Policy::Delete { "ReplaceAndDelete" } else { "ReplaceAndRetain" };
        changes.insert(
            logical.clone(),
            ResourceChange {
                action: "Modify",
                physical: Some(resource.physical_id.clone()),
                kind: definition.kind.clone(),
                replacement: Some(replacement),
                policy_action: (replacement != Replacement::False).then_some(policy),
                scope: details.iter().map(|detail| detail.attribute).collect(),
                details,
                before: Some(resource.properties.clone()),
                after: Some(after),
                logical,
            },
        );
    }
    if !retyped.is_empty() {
        return Err(invalid(format!(
            "Update of resource type is not permitted. The new template modifies resource type of the following resources: [{}]",
            retyped.join(", ")
        )));
    }
    for (logical, resource) in stack.into_iter().flat_map(|stack| &stack.resources) {
        if !kept.contains(logical) && resource.is_there() {
            changes.insert(logical.clone(), removed(logical, resource));
        }
    }
    let others = policies_change || stack.is_none_or(|stack| others_change(stack, submission));
    Ok(Changes { resources: changes.into_values().collect(), others: others && stack.is_some() })
}

fn others_change(stack: &Stack, submission: &Submission) -> bool {
    let old = &stack.submission;
    let has_outputs = !old.template.outputs.is_empty() || !submission.template.outputs.is_empty();
    old.template.outputs != submission.template.outputs
        || old.tags != submission.tags
        || old.notification_arns != submission.notification_arns
        || (has_outputs && old.values() != submission.values() && outputs_use_parameters(submission))
}

fn outputs_use_parameters(submission: &Submission) -> bool {
    let template = &submission.template;
    template.outputs.values().any(|output| {
        references(&output.value).is_ok_and(|used| used.iter().any(|one| template.parameters.contains_key(one.name())))
    })
}

fn added(logical: &str, kind: &str, after: Value) -> ResourceChange {
    ResourceChange {
        action: "Add",
        logical: logical.to_owned(),
        physical: None,
        kind: kind.to_owned(),
        replacement: None,
        policy_action: None,
        scope: BTreeSet::new(),
        details: Vec::new(),
        before: None,
        after: Some(after),
    }
}

fn removed(logical: &str, resource: &super::stack::StackResource) -> ResourceChange {
    let policy = if resource.deletion_policy == Policy::Delete { "Delete" } else { "Retain" };
    ResourceChange {
        action: "Remove",
        logical: logical.to_owned(),
        physical: Some(resource.physical_id.clone()),
        kind: resource.kind.clone(),
        replacement: None,
        policy_action: Some(policy),
        scope: BTreeSet::new(),
        details: Vec::new(),
        before: Some(resource.properties.clone()),
        after: None,
    }
}

fn metadata_detail() -> Detail {
    Detail {
        attribute: "Metadata",
        name: None,
        recreation: "Never",
        evaluation: "Static",
        source: "DirectModification",
        entity: None,
        before: None,
        after: None,
        with_values_only: false,
    }
}

impl Detail {
    fn replacement(&self) -> Replacement {
        match (self.recreation, self.evaluation, self.source) {
            ("Never", ..) => Replacement::False,
            // A direct modification that accompanies a changed parameter is as sure as the parameter.
            (_, "Dynamic", _) => Replacement::Conditional,
            _ => Replacement::True,
        }
    }
}

/// What the causes of a change are looked for in.
struct Causes<'a> {
    foreseen: &'a Foreseen<'a>,
    changes: &'a BTreeMap<String, ResourceChange>,
    values: &'a BTreeMap<String, String>,
    before_values: &'a BTreeMap<String, String>,
    registry: &'a Registry,
    kind: &'a str,
}

impl Causes<'_> {
    /// Every cause of every property that differs, by the property's name.
    fn details(&self, template: &Value, before: &Value, after: &Value) -> Result<Vec<Detail>, Error> {
        let empty = Map::new();
        let (before, after) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut details = Vec::new();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            if old == new {
                continue;
            }
            let recreation = match self.registry.recreation(self.kind, name) {
                Recreation::Never => "Never",
                Recreation::Always => "Always",
            };
            let detail = |source, evaluation, entity: Option<String>, with_values_only| Detail {
                attribute: "Properties",
                name: Some(name.clone()),
                recreation,
                evaluation,
                source,
                entity,
                before: shown_value(old),
                after: shown_value(new),
                with_values_only,
            };
            let found = self.causes(template.get(name).unwrap_or(&Value::Null))?;
            if found.is_empty() {
                details.push(detail("DirectModification", "Static", None, false));
                continue;
            }
            let by_resource_only = found.iter().all(|(source, ..)| *source != "ParameterReference");
            let mut causes: Vec<Detail> = found
                .into_iter()
                .map(|(source, evaluation, entity)| detail(source, evaluation, Some(entity), false))
                .collect();
            let direct = detail("DirectModification", "Dynamic", None, by_resource_only);
            if by_resource_only {
                causes.insert(0, direct);
            } else {
                causes.push(direct);
            }
            details.extend(causes);
        }
        Ok(details)
    }

    fn causes(&self, template: &Value) -> Result<Vec<(&'static str, &'static str, String)>, Error> {
        let mut found = Vec::new();
        for reference in references(template)? {
            let name = reference.name();
            let replaced = self.changes.get(name).and_then(|change| change.replacement);
            let evaluation = match replaced {
                Some(Replacement::True) => "Static",
                _ if self.foreseen.unknown.contains(name) && replaced.is_none() => "Static",
                _ => "Dynamic",
            };
            match &reference {
                Reference::Name(name) if self.values.contains_key(name) => {
                    if self.values.get(name) != self.before_values.get(name) {
                        found.push(("ParameterReference", "Static", name.clone()));
                    }
                }
                Reference::Name(name) => {
                    if self.foreseen.unknown.contains(name) {
                        found.push(("ResourceReference", evaluation, name.clone()));
                    }
                }
                Reference::Attribute(logical, attribute) => {
                    if self.foreseen.unknown.contains(logical) || self.foreseen.changed.contains(logical) {
                        found.push(("ResourceAttribute", evaluation, format!("{logical}.{attribute}")));
                    }
                }
            }
        }
        Ok(found)
    }
}
