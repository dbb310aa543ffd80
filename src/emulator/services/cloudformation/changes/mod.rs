//! What a submission would change of a stack: the preview of change sets, and whether there is anything to do at all.
//! Nothing is made or asked here.

mod change;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use self::change::{Detail, Replacement, added, metadata_detail, removed, shown_value};
pub use self::change::{ResourceChange, as_text};
use super::error::Error;
use super::resources::{Recreation, Registry};
use super::stack::{Stack, Submission};
use super::template::evaluate::{KNOWN_AFTER_APPLY, Pseudo, Resources, Scope};
use super::template::graph::{Reference, order, references};
use super::template::{Policy, invalid};

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
