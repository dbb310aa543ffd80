//! `PutParameter`: what a name, a value and a tier may be.

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::tags::Tag;
use super::{PARAMETER, Parameter, Ssm};
use crate::emulator::Context;

/// The longest value of a standard and of an advanced parameter, in bytes.
const STANDARD_VALUE: usize = 4_096;
const ADVANCED_VALUE: usize = 8_192;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutParameter {
    name: String,
    value: String,
    #[serde(default, rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    allowed_pattern: Option<String>,
    #[serde(default)]
    tier: Option<String>,
    #[serde(default)]
    data_type: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    policies: Option<String>,
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    if name.is_empty() || name.len() > 1_011 || !name.bytes().all(fits) {
        return Err(Error::Validation(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_".to_owned(),
        ));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(Error::Validation(format!(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive): {name}"
        )));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(Error::Validation("Parameter name must be a fully qualified name.".to_owned()));
    }
    Ok(())
}

pub(super) async fn put_parameter(ssm: &Ssm, input: PutParameter, _: &Context) -> Result<Value, Error> {
    check_name(&input.name)?;
    if input.policies.is_some_and(|policies| !policies.is_empty()) {
        return Err(Error::Validation("the embedded endpoint does not implement parameter policies".to_owned()));
    }
    let mut parameters = ssm.parameters();
    let existing = parameters.get(&input.name);
    if existing.is_some() && !input.overwrite {
        return Err(Error::AlreadyExists);
    }
    if existing.is_some() && !input.tags.is_empty() {
        return Err(Error::Validation("Invalid request: tags and overwrite can't be used together.".to_owned()));
    }
    let Some(kind) = input.kind.or_else(|| existing.map(|old| old.kind.clone())) else {
        return Err(Error::Validation("A parameter type is required when you create a parameter.".to_owned()));
    };
    if !matches!(kind.as_str(), "String" | "StringList" | "SecureString") {
        return Err(Error::Validation(format!(
            "1 validation error detected: Value '{kind}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]"
        )));
    }
    if input.value.is_empty() {
        return Err(Error::Validation("1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.".to_owned()));
    }
    let size = input.value.len();
    let tier = match input.tier.as_deref().unwrap_or("Standard") {
        "Intelligent-Tiering" if size > STANDARD_VALUE => "Advanced",
        "Standard" | "Intelligent-Tiering" => "Standard",
        "Advanced" => "Advanced",
        other => {
            return Err(Error::Validation(format!(
                "tier {other} is not one of Standard, Advanced, Intelligent-Tiering"
            )));
        }
    };
    let most = if tier == "Advanced" { ADVANCED_VALUE } else { STANDARD_VALUE };
    if size > most {
        return Err(Error::Validation(format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
        )));
    }
    let pattern = input.allowed_pattern.or_else(|| existing.and_then(|old| old.allowed_pattern.clone()));
    if let Some(pattern) = &pattern {
        let regex = Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|_| Error::Validation(format!("AllowedPattern {pattern} is no regular expression")))?;
        if !regex.is_match(&input.value) {
            return Err(Error::Pattern(pattern.clone()));
        }
    }
    let version = existing.map_or(1, |old| old.version + 1);
    let tags = match existing {
        Some(old) => old.tags.clone(),
        None => input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    };
    let parameter = Parameter {
        kind,
        value: input.value,
        version,
        modified: ssm.fabric.clock().now(),
        description: input.description.or_else(|| existing.and_then(|old| old.description.clone())),
        allowed_pattern: pattern,
        tier: tier.to_owned(),
        data_type: input.data_type.unwrap_or_else(|| "text".to_owned()),
        tags,
    };
    ssm.shelf.put(PARAMETER, &input.name, &parameter);
    parameters.insert(input.name, parameter);
    Ok(json!({"Version": version, "Tier": tier}))
}
