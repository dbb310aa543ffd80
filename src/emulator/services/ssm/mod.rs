//! AWS Systems Manager: the parameter store. A `SecureString` is kept as it comes; there are no keys here.

mod public;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::{Context, Fabric, Interface, Service, ServiceError};
use crate::model::Timestamp;

static INTERFACE: Interface = Interface {
    id: "ssm",
    title: "AWS Systems Manager",
    target_prefix: Some("AmazonSSM"),
    json_version: "1.1",
    query: None,
    rest: false,
};

/// The longest value of a standard and of an advanced parameter, in bytes.
const STANDARD_VALUE: usize = 4_096;
const ADVANCED_VALUE: usize = 8_192;

/// Why an operation is refused.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("Parameter {0} not found.")]
    NotFound(String),
    #[error("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")]
    AlreadyExists,
    #[error("{0}")]
    Validation(String),
    #[error("Parameter value, cannot be validated against allowedPattern: {0}")]
    Pattern(String),
    #[error("{0}")]
    InvalidResource(String),
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::NotFound(_) => "ParameterNotFound",
            Error::AlreadyExists => "ParameterAlreadyExists",
            Error::Validation(_) => "ValidationException",
            Error::Pattern(_) => "ParameterPatternMismatchException",
            Error::InvalidResource(_) => "InvalidResourceId",
        };
        Self::client(code, error.to_string())
    }
}

struct Parameter {
    kind: String,
    value: String,
    version: i64,
    modified: Timestamp,
    description: Option<String>,
    allowed_pattern: Option<String>,
    tier: String,
    data_type: String,
    tags: BTreeMap<String, String>,
}

/// The service.
pub struct Ssm {
    fabric: Fabric,
    parameters: Mutex<BTreeMap<String, Parameter>>,
}

impl Ssm {
    /// Without parameters.
    #[must_use]
    pub fn new(fabric: Fabric) -> Arc<Self> {
        Arc::new(Self { fabric, parameters: Mutex::default() })
    }

    fn parameters(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.parameters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arn(&self, name: &str) -> String {
        let slash = if name.starts_with('/') { "" } else { "/" };
        self.fabric.arn("ssm", format!("parameter{slash}{name}")).to_string()
    }

    fn shown(&self, name: &str, parameter: &Parameter) -> Value {
        json!({
            "Name": name,
            "Type": parameter.kind,
            "Value": parameter.value,
            "Version": parameter.version,
            "LastModifiedDate": parameter.modified.epoch_seconds(),
            "ARN": self.arn(name),
            "DataType": parameter.data_type,
        })
    }

    fn described(&self, name: &str, parameter: &Parameter) -> Value {
        let mut shown = json!({
            "Name": name,
            "ARN": self.arn(name),
            "Type": parameter.kind,
            "LastModifiedDate": parameter.modified.epoch_seconds(),
            "LastModifiedUser": format!("arn:aws:iam::{}:root", self.fabric.identity().account),
            "Version": parameter.version,
            "Tier": parameter.tier,
            "Policies": [],
            "DataType": parameter.data_type,
        });
        for (member, value) in [("Description", &parameter.description), ("AllowedPattern", &parameter.allowed_pattern)]
        {
            if let Some(value) = value {
                shown[member] = Value::from(value.as_str());
            }
        }
        shown
    }
}

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
struct Tag {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value", default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutParameter {
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

async fn put_parameter(ssm: &Ssm, input: PutParameter, _: &Context) -> Result<Value, Error> {
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
    parameters.insert(input.name, parameter);
    Ok(json!({"Version": version, "Tier": tier}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    name: String,
}

async fn get_parameter(ssm: &Ssm, input: One, _: &Context) -> Result<Value, Error> {
    if public::is_public(&input.name) {
        let found = public::parameter(&ssm.fabric, &input.name).await.ok_or(Error::NotFound(input.name))?;
        return Ok(json!({"Parameter": found}));
    }
    let parameters = ssm.parameters();
    let (name, parameter) = find(&parameters, &input.name).ok_or(Error::NotFound(input.name))?;
    Ok(json!({"Parameter": ssm.shown(name, parameter)}))
}

async fn delete_parameter(ssm: &Ssm, input: One, _: &Context) -> Result<Value, Error> {
    match ssm.parameters().remove(&input.name) {
        Some(_) => Ok(json!({})),
        None => Err(Error::NotFound(input.name)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Many {
    names: Vec<String>,
}

fn at_most_ten(names: &[String]) -> Result<(), Error> {
    if (1..=10).contains(&names.len()) {
        return Ok(());
    }
    Err(Error::Validation("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10".to_owned()))
}

async fn get_parameters(ssm: &Ssm, input: Many, _: &Context) -> Result<Value, Error> {
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
            Some((name, parameter)) => found.push(ssm.shown(name, parameter)),
            None => invalid.push(name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": invalid}))
}

async fn delete_parameters(ssm: &Ssm, input: Many, _: &Context) -> Result<Value, Error> {
    at_most_ten(&input.names)?;
    let mut parameters = ssm.parameters();
    let (deleted, invalid): (Vec<String>, Vec<String>) =
        input.names.into_iter().partition(|name| parameters.remove(name).is_some());
    Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    recursive: bool,
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

async fn get_parameters_by_path(ssm: &Ssm, input: Listing, _: &Context) -> Result<Value, Error> {
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
            found.push(ssm.shown(name, parameter));
        }
    }
    listed(found, input.next_token.as_deref(), input.max_results.unwrap_or(10).clamp(1, 10))
}

async fn describe_parameters(ssm: &Ssm, input: Listing, _: &Context) -> Result<Value, Error> {
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    resource_type: String,
    resource_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Ssm {
    fn tagged<T>(&self, input: &Tagging, work: impl FnOnce(&mut Parameter) -> T) -> Result<T, Error> {
        if input.resource_type != "Parameter" {
            let kind = &input.resource_type;
            return Err(Error::InvalidResource(format!("the embedded endpoint does not implement tags of {kind}")));
        }
        match self.parameters().get_mut(&input.resource_id) {
            Some(parameter) => Ok(work(parameter)),
            None => Err(Error::InvalidResource(format!("Parameter {} not found.", input.resource_id))),
        }
    }
}

async fn add_tags_to_resource(ssm: &Ssm, input: Tagging, _: &Context) -> Result<Value, Error> {
    ssm.tagged(&input, |parameter| {
        parameter.tags.extend(input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
        json!({})
    })
}

async fn remove_tags_from_resource(ssm: &Ssm, input: Tagging, _: &Context) -> Result<Value, Error> {
    ssm.tagged(&input, |parameter| {
        parameter.tags.retain(|key, _| !input.tag_keys.contains(key));
        json!({})
    })
}

async fn list_tags_for_resource(ssm: &Ssm, input: Tagging, _: &Context) -> Result<Value, Error> {
    ssm.tagged(&input, |parameter| {
        let tags = parameter.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        json!({"TagList": tags.collect::<Value>()})
    })
}

impl Service for Ssm {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        AddTagsToResource => add_tags_to_resource,
        DeleteParameter => delete_parameter,
        DeleteParameters => delete_parameters,
        DescribeParameters => describe_parameters,
        GetParameter => get_parameter,
        GetParameters => get_parameters,
        GetParametersByPath => get_parameters_by_path,
        ListTagsForResource => list_tags_for_resource,
        PutParameter => put_parameter,
        RemoveTagsFromResource => remove_tags_from_resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::Identity;

    async fn call(fabric: &Fabric, operation: &str, input: Value) -> Result<Value, ServiceError> {
        fabric.call("test", "ssm", operation, input).await
    }

    fn started() -> Fabric {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        fabric.join(vec![Ssm::new(fabric.clone())]);
        fabric
    }

    #[tokio::test]
    async fn a_parameter_is_kept_overwritten_and_deleted() {
        let fabric = started();
        let put = |value: &str, overwrite: bool| json!({"Name": "/a/b", "Type": "String", "Value": value, "Overwrite": overwrite});
        call(&fabric, "PutParameter", put("1", false)).await.expect("put");
        let refused = call(&fabric, "PutParameter", put("2", false)).await.expect_err("exists");
        assert_eq!(refused.code, "ParameterAlreadyExists");
        let answer = call(&fabric, "PutParameter", put("2", true)).await.expect("overwritten");
        assert_eq!(answer["Version"], 2);
        let got = call(&fabric, "GetParameter", json!({"Name": "/a/b"})).await.expect("got");
        assert_eq!((&got["Parameter"]["Value"], &got["Parameter"]["Version"]), (&json!("2"), &json!(2)));
        assert_eq!(got["Parameter"]["ARN"], "arn:aws:ssm:us-east-1:000000000000:parameter/a/b");
        let listed = call(&fabric, "GetParametersByPath", json!({"Path": "/a"})).await.expect("listed");
        assert_eq!(listed["Parameters"].as_array().map(Vec::len), Some(1));
        call(&fabric, "DeleteParameter", json!({"Name": "/a/b"})).await.expect("deleted");
        let gone = call(&fabric, "GetParameter", json!({"Name": "/a/b"})).await.expect_err("gone");
        assert_eq!(gone.code, "ParameterNotFound");
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused() {
        let fabric = started();
        for (input, code) in [
            (json!({"Name": "a b", "Type": "String", "Value": "1"}), "ValidationException"),
            (json!({"Name": "aws", "Type": "String", "Value": "1"}), "ValidationException"),
            (json!({"Name": "a", "Value": "1"}), "ValidationException"),
            (json!({"Name": "a", "Type": "String", "Value": "x".repeat(4_097)}), "ValidationException"),
            (
                json!({"Name": "a", "Type": "String", "Value": "x", "AllowedPattern": "[0-9]"}),
                "ParameterPatternMismatchException",
            ),
        ] {
            let refused = call(&fabric, "PutParameter", input.clone()).await.expect_err("refused");
            assert_eq!(refused.code, code, "{input}");
        }
    }
}
