//! The checks and the truth of `Conditions`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::evaluate::Scope;
use super::{Template, format_error, invalid};
use crate::emulator::services::cloudformation::error::Error;

/// Checks that every condition that is named exists, that conditions name no resources, and that none goes in circles.
///
/// # Errors
/// `ValidationError` in AWS's words.
pub fn check(template: &Template) -> Result<(), Error> {
    let known = |name: &str| template.conditions.contains_key(name);
    for (name, condition) in &template.conditions {
        for used in named_in(condition) {
            if !known(&used) {
                return Err(format_error(format!(
                    "Unresolved condition dependency {used} in the Conditions block of the template"
                )));
            }
        }
        visit(template, name, &mut Vec::new())?;
    }
    for (logical, definition) in &template.resources {
        if let Some(condition) = definition.condition.as_deref().filter(|condition| !known(condition)) {
            return Err(format_error(format!("Unresolved condition {condition} of resource {logical}")));
        }
    }
    for (key, output) in &template.outputs {
        if let Some(condition) = output.condition.as_deref().filter(|condition| !known(condition)) {
            return Err(format_error(format!("Unresolved condition {condition} of output {key}")));
        }
    }
    Ok(())
}

fn visit<'a>(template: &'a Template, name: &'a str, path: &mut Vec<&'a str>) -> Result<(), Error> {
    if path.contains(&name) {
        return Err(invalid(format!("Template error: circular dependency between conditions: [{}]", path.join(", "))));
    }
    path.push(name);
    if let Some(condition) = template.conditions.get(name) {
        for used in named_in(condition) {
            if let Some((used, _)) = template.conditions.get_key_value(&used) {
                visit(template, used, path)?;
            }
        }
    }
    path.pop();
    Ok(())
}

fn named_in(value: &Value) -> Vec<String> {
    match value {
        Value::Array(entries) => entries.iter().flat_map(named_in).collect(),
        Value::Object(members) => match members.get("Condition") {
            Some(Value::String(name)) if members.len() == 1 => vec![name.clone()],
            _ => members.values().flat_map(named_in).collect(),
        },
        _ => Vec::new(),
    }
}

/// The truth of every condition.
///
/// # Errors
/// `ValidationError` when a condition is malformed.
pub fn evaluate(conditions: &Map<String, Value>, scope: &mut Scope<'_>) -> Result<(), Error> {
    // A condition may name one that stands below it; the check has seen that they end.
    let mut done: HashMap<String, bool> = HashMap::new();
    for name in conditions.keys() {
        truth_of(name, conditions, scope, &mut done)?;
    }
    scope.conditions = done;
    Ok(())
}

fn truth_of(
    name: &str,
    conditions: &Map<String, Value>,
    scope: &Scope<'_>,
    done: &mut HashMap<String, bool>,
) -> Result<bool, Error> {
    if let Some(truth) = done.get(name) {
        return Ok(*truth);
    }
    let Some(condition) = conditions.get(name) else {
        return Err(invalid(format!("Template error: unresolved condition {name}")));
    };
    let truth = truth(condition, scope, &mut |used| truth_of(used, conditions, scope, done))?;
    done.insert(name.to_owned(), truth);
    Ok(truth)
}

/// The truth of a condition function; `named` says that of a condition by its name.
///
/// # Errors
/// `ValidationError` when it is malformed.
pub fn truth(
    value: &Value,
    scope: &Scope<'_>,
    named: &mut dyn FnMut(&str) -> Result<bool, Error>,
) -> Result<bool, Error> {
    let malformed = || invalid(format!("Template error: a condition function is malformed: {value}"));
    let (function, argument) = match value {
        Value::Bool(truth) => return Ok(*truth),
        Value::Object(members) if members.len() == 1 => members.iter().next().ok_or_else(malformed)?,
        _ => return Err(malformed()),
    };
    match (function.as_str(), argument) {
        ("Condition", Value::String(name)) => named(name),
        ("Fn::Equals", Value::Array(sides)) => match sides.as_slice() {
            [left, right] => Ok(comparable(&scope.evaluate(left)?) == comparable(&scope.evaluate(right)?)),
            _ => Err(malformed()),
        },
        ("Fn::Not", Value::Array(one)) => match one.as_slice() {
            [one] => Ok(!truth(one, scope, named)?),
            _ => Err(malformed()),
        },
        ("Fn::And" | "Fn::Or", Value::Array(many)) if (2..=10).contains(&many.len()) => {
            let is_and = function == "Fn::And";
            for one in many {
                if truth(one, scope, named)? != is_and {
                    return Ok(!is_and);
                }
            }
            Ok(is_and)
        }
        ("Fn::Contains", Value::Array(sides)) => match sides.as_slice() {
            [list, value] => {
                let value = comparable(&scope.evaluate(value)?);
                let list = scope.evaluate(list)?;
                Ok(list.as_array().ok_or_else(malformed)?.iter().any(|entry| comparable(entry) == value))
            }
            _ => Err(malformed()),
        },
        _ => Err(malformed()),
    }
}

/// Checks the assertions of `Rules`.
///
/// # Errors
/// `ValidationError` naming the assertion that fails.
pub fn check_rules(scope: &Scope<'_>) -> Result<(), Error> {
    let mut named = |name: &str| Err(invalid(format!("Template error: a rule cannot use the condition {name}")));
    for (name, rule) in &scope.template.rules {
        if let Some(condition) = rule.get("RuleCondition")
            && !truth(condition, scope, &mut named)?
        {
            continue;
        }
        let assertions = rule.get("Assertions").and_then(Value::as_array);
        for assertion in assertions.ok_or_else(|| invalid(format!("Template error: rule {name} has no Assertions")))? {
            let assert = assertion.get("Assert").unwrap_or(&Value::Null);
            if !truth(assert, scope, &mut named)? {
                let words = assertion.get("AssertDescription").and_then(Value::as_str).unwrap_or(name);
                return Err(invalid(format!("Template error: rule {name} failed: {words}")));
            }
        }
    }
    Ok(())
}

/// Scalars are compared as text: a parameter's value is one, whatever its type.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => Value::from(value.to_string()),
        Value::Array(entries) => entries.iter().map(comparable).collect(),
        other => other.clone(),
    }
}
