//! Who must be there before whom: explicit and implied dependencies, and the refusal of circles.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::functions::{Piece, get_att, pieces};
use super::{Template, format_error, invalid};
use crate::emulator::services::cloudformation::error::Error;

/// What a value refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `Ref` or `${Name}`: a resource or a parameter.
    Name(String),
    /// `Fn::GetAtt` or `${Resource.Attribute}`.
    Attribute(String, String),
}

impl Reference {
    /// The name before the attribute.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Attribute(name, _) => name,
        }
    }
}

/// Everything that a value refers to, pseudo parameters aside.
///
/// # Errors
/// When a function is malformed.
pub fn references(value: &Value) -> Result<BTreeSet<Reference>, Error> {
    let mut found = BTreeSet::new();
    collect(value, &mut found)?;
    Ok(found)
}

fn collect(value: &Value, found: &mut BTreeSet<Reference>) -> Result<(), Error> {
    match value {
        Value::Array(entries) => entries.iter().try_for_each(|entry| collect(entry, found)),
        Value::Object(members) if members.len() == 1 => {
            for (name, argument) in members {
                match (name.as_str(), argument) {
                    ("Ref", Value::String(name)) => add(name, found),
                    ("Fn::GetAtt", _) => {
                        let (logical, attribute) = get_att(argument)?;
                        collect(&attribute, found)?;
                        found.insert(Reference::Attribute(logical, attribute.as_str().unwrap_or_default().to_owned()));
                    }
                    ("Fn::Sub", Value::String(text)) => substituted(text, None, found)?,
                    ("Fn::Sub", Value::Array(parts)) => {
                        if let [Value::String(text), own] = parts.as_slice() {
                            substituted(text, Some(own), found)?;
                            collect(own, found)?;
                        }
                    }
                    _ => collect(argument, found)?,
                }
            }
            Ok(())
        }
        Value::Object(members) => members.values().try_for_each(|member| collect(member, found)),
        _ => Ok(()),
    }
}

fn substituted(text: &str, own: Option<&Value>, found: &mut BTreeSet<Reference>) -> Result<(), Error> {
    for piece in pieces(text)? {
        if let Piece::Name(name) = piece
            && own.is_none_or(|own| own.get(name).is_none())
        {
            match name.split_once('.') {
                Some((logical, attribute)) => {
                    found.insert(Reference::Attribute(logical.to_owned(), attribute.to_owned()));
                }
                None => add(name, found),
            }
        }
    }
    Ok(())
}

fn add(name: &str, found: &mut BTreeSet<Reference>) {
    if !name.starts_with("AWS::") {
        found.insert(Reference::Name(name.to_owned()));
    }
}

/// The resources that each resource must wait for.
///
/// # Errors
/// When a function is malformed.
fn dependencies(template: &Template) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let mut graph = BTreeMap::new();
    for (logical, definition) in &template.resources {
        let implied = references(&definition.properties)?;
        let named = implied.iter().map(Reference::name).chain(definition.depends_on.iter().map(String::as_str));
        let known = named.filter(|name| template.resources.contains_key(*name)).map(str::to_owned);
        graph.insert(logical.clone(), known.collect());
    }
    Ok(graph)
}

/// Logical ids in an order in which nothing comes before what it waits for.
///
/// # Errors
/// "Circular dependency between resources" naming those that wait for each other.
pub fn order(graph: &BTreeMap<String, BTreeSet<String>>) -> Result<Vec<String>, Error> {
    let mut left: BTreeMap<&String, BTreeSet<&String>> =
        graph.iter().map(|(logical, waits)| (logical, waits.iter().collect())).collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready: Vec<&String> = left.iter().filter(|(_, waits)| waits.is_empty()).map(|(one, _)| *one).collect();
        if ready.is_empty() {
            let stuck: Vec<&str> = left.keys().map(|one| one.as_str()).collect();
            return Err(invalid(format!("Circular dependency between resources: [{}]", stuck.join(", "))));
        }
        for done in ready {
            left.remove(done);
            for waits in left.values_mut() {
                waits.remove(done);
            }
            order.push(done.clone());
        }
    }
    Ok(order)
}

/// Checks that everything that is referred to exists and that nothing waits for itself; returns who waits for whom.
///
/// # Errors
/// `ValidationError` in AWS's words.
pub fn check(template: &Template) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let is_resource = |name: &str| template.resources.contains_key(name);
    let is_parameter = |name: &str| template.parameters.contains_key(name);
    for definition in template.resources.values() {
        let used = references(&definition.properties)?;
        undefined_attribute(template, &used)?;
        let missing = used.iter().filter_map(|one| match one {
            Reference::Name(name) if !is_resource(name) && !is_parameter(name) => Some(name.as_str()),
            _ => None,
        });
        let missing = missing.chain(definition.depends_on.iter().map(String::as_str).filter(|name| !is_resource(name)));
        unresolved(missing, "Resources")?;
    }
    for output in template.outputs.values() {
        let used = references(&output.value)?;
        undefined_attribute(template, &used)?;
        let missing = used.iter().filter_map(|one| match one {
            Reference::Name(name) if !is_resource(name) && !is_parameter(name) => Some(name.as_str()),
            _ => None,
        });
        unresolved(missing, "Outputs")?;
    }
    for condition in template.conditions.values() {
        let used = references(condition)?;
        let missing: Vec<&str> = used.iter().map(Reference::name).filter(|name| !is_parameter(name)).collect();
        if !missing.is_empty() {
            return Err(format_error(format!(
                "Unresolved dependencies [{}]. Cannot reference resources in the Conditions block of the template",
                missing.join(", ")
            )));
        }
    }
    let graph = dependencies(template)?;
    order(&graph)?;
    Ok(graph)
}

fn undefined_attribute(template: &Template, used: &BTreeSet<Reference>) -> Result<(), Error> {
    match used.iter().find(|one| matches!(one, Reference::Attribute(name, _) if !template.resources.contains_key(name)))
    {
        Some(one) => {
            Err(invalid(format!("Template error: instance of Fn::GetAtt references undefined resource {}", one.name())))
        }
        None => Ok(()),
    }
}

fn unresolved<'a>(missing: impl Iterator<Item = &'a str>, block: &str) -> Result<(), Error> {
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format_error(format!(
        "Unresolved resource dependencies [{}] in the {block} block of the template",
        missing.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implied_and_explicit_dependencies_give_an_order() {
        let template = Template::read(
            "Resources:\n  A: {Type: T, Properties: {x: !Sub '${B.Arn}${!A}${p}'}}\n  B: {Type: T, DependsOn: [C]}\n  \
             C: {Type: T}\nParameters: {p: {Type: String}}\n",
        )
        .expect("a template");
        let order = order(&dependencies(&template).expect("dependencies")).expect("an order");
        assert_eq!(order, ["C", "B", "A"]);
    }

    #[test]
    fn circles_and_what_is_missing_are_refused() {
        for (text, expected) in [
            (
                "Resources: {A: {Type: T, Properties: {x: !Ref B}}, B: {Type: T, DependsOn: A}, C: {Type: T}}",
                "Circular dependency between resources: [A, B]",
            ),
            (
                "Resources: {A: {Type: T, Properties: {x: !Ref X}}}",
                "Template format error: Unresolved resource dependencies [X] in the Resources block of the template",
            ),
            (
                "Resources: {A: {Type: T, Properties: {x: !GetAtt X.Arn}}}",
                "Template error: instance of Fn::GetAtt references undefined resource X",
            ),
            ("Resources: {A: {Type: T}}\nOutputs: {O: {Value: !Ref X}}", "[X] in the Outputs block"),
            ("Resources: {A: {Type: T, Condition: C}}", "Unresolved condition C"),
            (
                "Conditions: {C: !Equals [!Ref A, 1]}\nResources: {A: {Type: T}}",
                "Cannot reference resources in the Conditions block",
            ),
            (
                "Conditions: {C: !Not [!Condition C]}\nResources: {A: {Type: T}}",
                "circular dependency between conditions",
            ),
        ] {
            let refused = Template::read(text).expect_err(text).to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }
}
