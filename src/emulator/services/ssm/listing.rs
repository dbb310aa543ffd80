//! Parameters by path and by filters, in pages: `GetParametersByPath` and `DescribeParameters`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{Parameter, Ssm, public};
use crate::emulator::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listing {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    with_decryption: bool,
    #[serde(default)]
    max_results: Option<usize>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    parameter_filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: String,
    #[serde(default)]
    option: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

impl Filter {
    fn accepts(&self, name: &str, parameter: &Parameter) -> Result<bool, Error> {
        let value = match self.key.as_str() {
            "Name" => name,
            "Type" => &parameter.kind,
            "Tier" => &parameter.tier,
            "DataType" => &parameter.data_type,
            key => match key.strip_prefix("tag:") {
                Some(tag) => match parameter.tags.get(tag) {
                    Some(value) => value,
                    None => return Ok(false),
                },
                None => {
                    return Err(Error::Validation(format!(
                        "the embedded endpoint does not implement the filter key {key}"
                    )));
                }
            },
        };
        let is_match = |wanted: &String| match self.option.as_deref() {
            Some("BeginsWith") => value.starts_with(wanted.as_str()),
            Some("Contains") => value.contains(wanted.as_str()),
            _ => value == wanted,
        };
        Ok(self.values.is_empty() || self.values.iter().any(is_match))
    }
}

fn listed(entries: Vec<Value>, token: Option<&str>, most: usize) -> Result<Value, Error> {
    let start = match token {
        None => 0,
        Some(token) => {
            token.parse::<usize>().map_err(|_| Error::Validation(format!("NextToken {token} is invalid")))?
        }
    };
    let next = (start.saturating_add(most) < entries.len()).then(|| (start + most).to_string());
    let page: Vec<Value> = entries.into_iter().skip(start).take(most).collect();
    let mut answer = json!({"Parameters": page});
    if let Some(next) = next {
        answer["NextToken"] = Value::from(next);
    }
    Ok(answer)
}

pub(super) async fn get_parameters_by_path(ssm: &Ssm, input: Listing, _: &Context) -> Result<Value, Error> {
    let path = input.path.unwrap_or_default();
    if !path.starts_with('/') {
        return Err(Error::Validation("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".".to_owned()));
    }
    let prefix = if path.ends_with('/') { path } else { format!("{path}/") };
    let mut found = Vec::new();
    for name in public::below(&prefix, input.recursive).filter(|_| public::is_public(&prefix)) {
        found.extend(public::parameter(&ssm.fabric, name).await);
    }
    let parameters = ssm.parameters();
    for (name, parameter) in parameters.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix)) {
        if input.recursive || !name[prefix.len()..].contains('/') {
            found.push(ssm.shown(name, parameter, input.with_decryption));
        }
    }
    listed(found, input.next_token.as_deref(), input.max_results.unwrap_or(10).clamp(1, 10))
}

pub(super) async fn describe_parameters(ssm: &Ssm, input: Listing, _: &Context) -> Result<Value, Error> {
    let parameters = ssm.parameters();
    let mut found = Vec::new();
    'parameters: for (name, parameter) in parameters.iter() {
        for filter in &input.parameter_filters {
            if !filter.accepts(name, parameter)? {
                continue 'parameters;
            }
        }
        found.push(ssm.described(name, parameter));
    }
    listed(found, input.next_token.as_deref(), input.max_results.unwrap_or(50).clamp(1, 50))
}
