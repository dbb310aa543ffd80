//! Parameters by their names: `GetParameter`, `GetParameters`, `DeleteParameter` and `DeleteParameters`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{PARAMETER, Parameter, Ssm, public};
use crate::emulator::Context;

/// The name within an ARN, or the name as it is; a `:version` selector is cut off and returned.
fn selected(name: &str) -> (&str, Option<&str>) {
    if let Some((_, after)) = name.split_once(":parameter/") {
        return (after, None);
    }
    match name.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (name, None),
    }
}

fn find<'a>(parameters: &'a BTreeMap<String, Parameter>, name: &str) -> Option<(&'a String, &'a Parameter)> {
    let (plain, selector) = selected(name);
    let found = parameters
        .get_key_value(plain)
        .or_else(|| name.contains(":parameter/").then(|| parameters.get_key_value(&format!("/{plain}"))).flatten());
    found.filter(|(_, parameter)| selector.is_none_or(|wanted| wanted == parameter.version.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct One {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

pub(super) async fn get_parameter(ssm: &Ssm, input: One, _: &Context) -> Result<Value, Error> {
    if public::is_public(&input.name) {
        let found = public::parameter(&ssm.fabric, &input.name).await.ok_or(Error::NotFound(input.name))?;
        return Ok(json!({"Parameter": found}));
    }
    let parameters = ssm.parameters();
    let (name, parameter) = find(&parameters, &input.name).ok_or(Error::NotFound(input.name))?;
    Ok(json!({"Parameter": ssm.shown(name, parameter, input.with_decryption)}))
}

pub(super) async fn delete_parameter(ssm: &Ssm, input: One, _: &Context) -> Result<Value, Error> {
    let mut parameters = ssm.parameters();
    match parameters.remove(&input.name) {
        Some(_) => {
            ssm.shelf.delete(PARAMETER, &input.name);
            Ok(json!({}))
        }
        None => Err(Error::NotFound(input.name)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Many {
    names: Vec<String>,
    #[serde(default)]
    with_decryption: bool,
}

fn at_most_ten(names: &[String]) -> Result<(), Error> {
    if (1..=10).contains(&names.len()) {
        return Ok(());
    }
    Err(Error::Validation("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10".to_owned()))
}

pub(super) async fn get_parameters(ssm: &Ssm, input: Many, _: &Context) -> Result<Value, Error> {
    at_most_ten(&input.names)?;
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    let (public, own): (Vec<String>, Vec<String>) = input.names.into_iter().partition(|name| public::is_public(name));
    for name in public {
        match public::parameter(&ssm.fabric, &name).await {
            Some(parameter) => found.push(parameter),
            None => invalid.push(name),
        }
    }
    let parameters = ssm.parameters();
    for name in own {
        match find(&parameters, &name) {
            Some((name, parameter)) => found.push(ssm.shown(name, parameter, input.with_decryption)),
            None => invalid.push(name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": invalid}))
}

pub(super) async fn delete_parameters(ssm: &Ssm, input: Many, _: &Context) -> Result<Value, Error> {
    at_most_ten(&input.names)?;
    let mut parameters = ssm.parameters();
    let (deleted, invalid): (Vec<String>, Vec<String>) =
        input.names.into_iter().partition(|name| parameters.remove(name).is_some());
    for name in &deleted {
        ssm.shelf.delete(PARAMETER, name);
    }
    Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
}
