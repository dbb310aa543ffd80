//! Template parameters: their definitions, and the check of a value against its constraints.

use regex::Regex;
use serde_json::Value;

use super::{format_error, invalid, text_of};
use crate::emulator::services::cloudformation::error::Error;

/// What a `NoEcho` value is shown as.
pub const MASKED: &str = "****";

/// One entry of `Parameters`.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDefinition {
    /// Such as `String` or `AWS::SSM::Parameter::Value<String>`.
    pub kind: String,
    /// Used when the caller gives no value.
    pub default: Option<String>,
    /// Whether the value is never shown.
    pub no_echo: bool,
    /// For a reader.
    pub description: Option<String>,
    /// Says in words what a value must be.
    pub constraint_description: Option<String>,
    /// The only values, where there is such a list.
    pub allowed_values: Vec<String>,
    /// A pattern that the whole value must match.
    pub allowed_pattern: Option<String>,
    /// Least and most characters.
    pub length: (Option<f64>, Option<f64>),
    /// Least and most of a number.
    pub range: (Option<f64>, Option<f64>),
}

const MEMBERS: [&str; 11] = [
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

/// Types of an SSM parameter's value.
const SSM_VALUE: &str = "AWS::SSM::Parameter::Value<";

impl ParameterDefinition {
    /// Reads one entry.
    ///
    /// # Errors
    /// `ValidationError` in AWS's words.
    pub fn read(name: &str, definition: &Value) -> Result<Self, Error> {
        let Value::Object(members) = definition else {
            return Err(format_error("Every Parameters member must be an object."));
        };
        if let Some(unknown) = members.keys().find(|member| !MEMBERS.contains(&member.as_str())) {
            return Err(invalid(format!("Invalid template parameter property '{unknown}'")));
        }
        let Some(kind) = members.get("Type").and_then(Value::as_str) else {
            return Err(format_error(format!(
                "Every Parameters object must contain a Type member. (parameter {name})"
            )));
        };
        if !is_known_type(kind) {
            return Err(format_error(format!("Unrecognized parameter type: {kind}")));
        }
        let number = |member: &str| match members.get(member) {
            None => Ok(None),
            Some(value) => match text_of(value).parse::<f64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format_error(format!("{member} of parameter {name} must be a number"))),
            },
        };
        let text = |member: &str| members.get(member).map(text_of);
        let allowed_values = match members.get("AllowedValues") {
            None => Vec::new(),
            Some(Value::Array(values)) => values.iter().map(text_of).collect(),
            Some(_) => return Err(format_error("Every AllowedValues member must be a list.")),
        };
        let allowed_pattern = text("AllowedPattern");
        if let Some(pattern) = &allowed_pattern
            && let Err(error) = whole(pattern)
        {
            return Err(format_error(format!("AllowedPattern of parameter {name} is no regular expression: {error}")));
        }
        let definition = Self {
            kind: kind.to_owned(),
            default: text("Default"),
            no_echo: text("NoEcho").is_some_and(|flag| flag.eq_ignore_ascii_case("true")),
            description: text("Description"),
            constraint_description: text("ConstraintDescription"),
            allowed_values,
            allowed_pattern,
            length: (number("MinLength")?, number("MaxLength")?),
            range: (number("MinValue")?, number("MaxValue")?),
        };
        Ok(definition)
    }

    /// Whether the value names an SSM parameter whose value is meant.
    #[must_use]
    pub fn is_ssm(&self) -> bool {
        self.kind.starts_with(SSM_VALUE)
    }

    /// Whether `Ref` gives a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        let inner = self.kind.strip_prefix(SSM_VALUE).unwrap_or(&self.kind);
        inner.starts_with("CommaDelimitedList") || inner.starts_with("List<")
    }

    /// Checks a value as it was given.
    ///
    /// # Errors
    /// `ValidationError` naming the parameter and the constraint.
    pub fn check(&self, name: &str, value: &str) -> Result<(), Error> {
        let problem = self.violated(value);
        match (problem, &self.constraint_description) {
            (None, _) => Ok(()),
            (Some(_), Some(described)) => {
                Err(invalid(format!("Parameter '{name}' failed to satisfy constraint: {described}")))
            }
            (Some(problem), None) => Err(invalid(format!("Parameter '{name}' {problem}"))),
        }
    }

    fn violated(&self, value: &str) -> Option<String> {
        let entries: Vec<&str> = if self.is_list() && !self.is_ssm() { split(value) } else { vec![value] };
        if self.kind.contains("Number") && !self.is_ssm() && entries.iter().any(|entry| entry.parse::<f64>().is_err()) {
            return Some("must be a number".to_owned());
        }
        if !self.allowed_values.is_empty()
            && entries.iter().any(|entry| !self.allowed_values.iter().any(|allowed| allowed == entry))
        {
            return Some("must be one of AllowedValues".to_owned());
        }
        if let Some(pattern) = &self.allowed_pattern
            && whole(pattern).is_ok_and(|regex| entries.iter().any(|entry| !regex.is_match(entry)))
        {
            return Some(format!("must match pattern {pattern}"));
        }
        #[expect(clippy::cast_precision_loss, reason = "a value has at most 4,096 characters")]
        let length = value.chars().count() as f64;
        match self.length {
            (Some(least), _) if length < least => return Some(format!("must contain at least {least} characters")),
            (_, Some(most)) if length > most => return Some(format!("must contain at most {most} characters")),
            _ => {}
        }
        let number = value.parse::<f64>().ok()?;
        match self.range {
            (Some(least), _) if number < least => Some(format!("must be a number not less than {least}")),
            (_, Some(most)) if number > most => Some(format!("must be a number not greater than {most}")),
            _ => None,
        }
    }

    /// What `Ref` gives for a value.
    #[must_use]
    pub fn reference(&self, value: &str) -> Value {
        if self.is_list() { split(value).into_iter().collect() } else { Value::from(value) }
    }
}

fn split(value: &str) -> Vec<&str> {
    if value.is_empty() { Vec::new() } else { value.split(',').map(str::trim).collect() }
}

fn whole(pattern: &str) -> Result<Regex, Box<regex::Error>> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(Box::new)
}

fn is_known_type(kind: &str) -> bool {
    const SPECIFIC: [&str; 13] = [
        "AWS::EC2::AvailabilityZone::Name",
        "AWS::EC2::Image::Id",
        "AWS::EC2::Instance::Id",
        "AWS::EC2::KeyPair::KeyName",
        "AWS::EC2::SecurityGroup::GroupName",
        "AWS::EC2::SecurityGroup::Id",
        "AWS::EC2::Subnet::Id",
        "AWS::EC2::VPC::Id",
        "AWS::EC2::Volume::Id",
        "AWS::Route53::HostedZone::Id",
        "AWS::SSM::Parameter::Name",
        "String",
        "Number",
    ];
    let listed = |kind: &str| {
        kind == "CommaDelimitedList"
            || SPECIFIC.contains(&kind)
            || kind
                .strip_prefix("List<")
                .and_then(|rest| rest.strip_suffix('>'))
                .is_some_and(|one| SPECIFIC.contains(&one))
    };
    match kind.strip_prefix(SSM_VALUE).and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) => listed(inner),
        None => listed(kind),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(value: Value) -> ParameterDefinition {
        ParameterDefinition::read("P", &value).expect("a definition")
    }

    #[test]
    fn values_are_checked_against_every_constraint() {
        for (members, good, bad, words) in [
            (json!({"Type": "String", "AllowedValues": ["a", "b"]}), "a", "c", "must be one of AllowedValues"),
            (json!({"Type": "String", "AllowedPattern": "[a-z]+"}), "abc", "abc1", "must match pattern [a-z]+"),
            (json!({"Type": "String", "MinLength": "2", "MaxLength": 3}), "ab", "a", "at least 2 characters"),
            (json!({"Type": "String", "MaxLength": 3}), "abc", "abcd", "at most 3 characters"),
            (json!({"Type": "Number"}), "1.5", "x", "must be a number"),
            (json!({"Type": "Number", "MinValue": 1, "MaxValue": 9}), "9", "10", "not greater than 9"),
            (json!({"Type": "List<Number>"}), "1, 2", "1,x", "must be a number"),
            (json!({"Type": "String", "AllowedPattern": "a", "ConstraintDescription": "be a"}), "a", "b", "be a"),
        ] {
            let definition = definition(members);
            assert!(definition.check("P", good).is_ok(), "{good}");
            let refused = definition.check("P", bad).expect_err(bad).to_string();
            assert!(refused.contains(words) && refused.contains("'P'"), "{refused}");
        }
    }

    #[test]
    fn lists_are_split_and_types_known() {
        assert_eq!(definition(json!({"Type": "CommaDelimitedList"})).reference("a, b,c"), json!(["a", "b", "c"]));
        assert!(definition(json!({"Type": "AWS::SSM::Parameter::Value<List<String>>"})).is_list());
        assert!(ParameterDefinition::read("P", &json!({"Type": "Map"})).is_err());
        assert!(ParameterDefinition::read("P", &json!({"Type": "String", "AllowedPattern": "("})).is_err());
    }
}
