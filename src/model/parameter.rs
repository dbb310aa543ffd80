//! A template's parameters: which there are, and whether a value keeps the constraints that the template itself states.
//! So a wrong value is refused in the template's words before anything is called.

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A parameter of a template.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParameterDefinition {
    /// Its key.
    pub name: String,
    /// `String`, `Number`, `CommaDelimitedList`, …
    pub kind: String,
    /// What it is, in a sentence of the template.
    pub description: Option<String>,
    /// Taken where nobody chooses a value.
    pub default: Option<String>,
    /// The only values that it may have; empty for any.
    pub allowed: Vec<String>,
    constraint: Option<String>,
    pattern: Option<String>,
    length: (Option<usize>, Option<usize>),
    range: (Option<f64>, Option<f64>),
}

impl ParameterDefinition {
    /// Reads an entry of `Parameters`, all of whose scalars are texts.
    #[must_use]
    pub fn read(name: &str, definition: &Value) -> Self {
        let text = |member: &str| definition[member].as_str().map(str::to_owned);
        let number = |member: &str| text(member)?.parse::<f64>().ok();
        let count = |member: &str| text(member)?.parse::<usize>().ok();
        let allowed = definition["AllowedValues"].as_array();
        Self {
            name: name.to_owned(),
            kind: text("Type").unwrap_or_default(),
            description: text("Description"),
            default: text("Default"),
            constraint: text("ConstraintDescription"),
            allowed: allowed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            pattern: text("AllowedPattern"),
            length: (count("MinLength"), count("MaxLength")),
            range: (number("MinValue"), number("MaxValue")),
        }
    }

    /// Whether a value is one that the template takes.
    ///
    /// # Errors
    /// What a value must be, to be read after `"x" `.
    pub fn check(&self, value: &str) -> Result<(), String> {
        match self.violated(value) {
            None => Ok(()),
            Some(constraint) => Err(self.constraint.clone().unwrap_or(constraint)),
        }
    }

    fn violated(&self, value: &str) -> Option<String> {
        let is_list = self.kind == "CommaDelimitedList" || self.kind.starts_with("List<");
        let entries: Vec<&str> = if is_list { value.split(',').map(str::trim).collect() } else { vec![value] };
        let is_number = self.kind == "Number" || self.kind == "List<Number>";
        if is_number && entries.iter().any(|entry| entry.parse::<f64>().is_err()) {
            return Some("must be a number".to_owned());
        }
        if !self.allowed.is_empty() && entries.iter().any(|entry| !self.allowed.iter().any(|one| one == entry)) {
            return Some(format!("must be one of {}", self.allowed.join(", ")));
        }
        // CloudFormation reads patterns as Java does: one that we cannot read is left to it.
        let pattern = self.pattern.as_deref().and_then(|text| Some((text, Regex::new(&format!("^(?:{text})$")).ok()?)));
        if let Some((text, regex)) = pattern
            && entries.iter().any(|entry| !regex.is_match(entry))
        {
            return Some(format!("must match the pattern {text}"));
        }
        let length = value.chars().count();
        match self.length {
            (Some(least), _) if length < least => return Some(format!("must have at least {least} characters")),
            (_, Some(most)) if length > most => return Some(format!("must have at most {most} characters")),
            _ => {}
        }
        for number in entries.iter().filter_map(|entry| entry.parse::<f64>().ok()) {
            match self.range {
                (Some(least), _) if number < least => return Some(format!("must be at least {least}")),
                (_, Some(most)) if number > most => return Some(format!("must be at most {most}")),
                _ => {}
            }
        }
        None
    }
}
