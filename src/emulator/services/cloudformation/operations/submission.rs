//! What the operations that make or change stacks have in common: the template and its values.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::Error;
use super::super::stack::{OnFailure, ParameterValue, Submission, Tag};
use super::super::state::Shared;
use super::super::template::conditions::check_rules;
use super::super::template::evaluate::{NoResources, Pseudo, Scope};
use super::super::template::parameters::ParameterDefinition;
use super::super::template::{Template, invalid};
use crate::emulator::form;

/// The largest template in a request, and the largest on S3, in bytes.
const LARGEST_BODY: usize = 51_200;
const LARGEST_FILE: usize = 1_048_576;

/// A parameter as a caller gives it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GivenParameter {
    parameter_key: String,
    #[serde(default)]
    parameter_value: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    use_previous_value: Option<bool>,
}

/// Members of `CreateStack`, `UpdateStack` and `CreateChangeSet` alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Given {
    #[serde(default)]
    pub template_body: Option<String>,
    #[serde(default, rename = "TemplateURL")]
    pub template_url: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    pub use_previous_template: Option<bool>,
    #[serde(default, deserialize_with = "form::list")]
    pub parameters: Vec<GivenParameter>,
    #[serde(default, deserialize_with = "form::list")]
    pub capabilities: Vec<String>,
    #[serde(default, deserialize_with = "form::optional_list")]
    pub tags: Option<Vec<Tag>>,
    #[serde(default, rename = "NotificationARNs", deserialize_with = "form::optional_list")]
    pub notification_arns: Option<Vec<String>>,
    #[serde(default, rename = "RoleARN")]
    pub role_arn: Option<String>,
    #[serde(default)]
    pub on_failure: Option<String>,
    #[serde(default)]
    pub on_stack_failure: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    pub disable_rollback: Option<bool>,
    #[serde(default)]
    pub client_request_token: Option<String>,
    #[serde(default)]
    pub stack_policy_body: Option<String>,
    #[serde(default)]
    pub resources_to_import: Option<Value>,
}

impl Given {
    /// What happens when the creation fails.
    pub fn on_failure(&self) -> Result<OnFailure, Error> {
        match (self.disable_rollback, self.on_failure.as_deref().or(self.on_stack_failure.as_deref())) {
            (Some(true), Some(_)) => Err(invalid("You can specify either DisableRollback or OnFailure, but not both.")),
            (Some(true), None) | (_, Some("DO_NOTHING")) => Ok(OnFailure::DoNothing),
            (_, Some("DELETE")) => Ok(OnFailure::Delete),
            (_, None | Some("ROLLBACK")) => Ok(OnFailure::Rollback),
            (_, Some(other)) => Err(invalid(format!("OnFailure {other} is not one of DO_NOTHING, ROLLBACK, DELETE"))),
        }
    }

    /// What AWS has and this endpoint lacks is refused by name.
    fn refuse_unsupported(&self) -> Result<(), Error> {
        for (name, given) in [
            ("StackPolicyBody", self.stack_policy_body.is_some()),
            ("ResourcesToImport", self.resources_to_import.is_some()),
        ] {
            if given {
                return Err(invalid(format!("the embedded endpoint does not implement {name}")));
            }
        }
        Ok(())
    }

    /// The template and its values; `previous` is what the stack is made from now.
    pub async fn submission(
        &self,
        shared: &Shared,
        stack_name: &str,
        previous: Option<&Submission>,
    ) -> Result<Submission, Error> {
        self.refuse_unsupported()?;
        let template = match (self.use_previous_template, previous) {
            (Some(true), Some(previous)) => Arc::clone(&previous.template),
            _ => Arc::new(read(shared, self.template_body.as_deref(), self.template_url.as_deref()).await?),
        };
        if let Some((capability, _)) = template.capabilities()
            && !self
                .capabilities
                .iter()
                .any(|given| given == capability || (given == "CAPABILITY_NAMED_IAM" && capability == "CAPABILITY_IAM"))
        {
            return Err(Error::InsufficientCapabilities(capability));
        }
        let parameters = values(shared, &template, &self.parameters, previous).await?;
        let kept = |given: &Option<Vec<String>>, old: fn(&Submission) -> &Vec<String>| {
            given.clone().unwrap_or_else(|| previous.map(old).cloned().unwrap_or_default())
        };
        let submission = Submission {
            parameters,
            tags: self.tags.clone().unwrap_or_else(|| previous.map(|old| old.tags.clone()).unwrap_or_default()),
            capabilities: self.capabilities.clone(),
            notification_arns: kept(&self.notification_arns, |old| &old.notification_arns),
            role_arn: self.role_arn.clone().or_else(|| previous.and_then(|old| old.role_arn.clone())),
            template,
        };
        let identity = shared.fabric.identity();
        let pseudo = Pseudo {
            account: identity.account.clone(),
            region: identity.region.clone(),
            stack_name: stack_name.to_owned(),
            stack_id: String::new(),
            notification_arns: submission.notification_arns.clone(),
        };
        let (values, exports) = (submission.values(), std::collections::HashMap::new());
        let scope = Scope::new(&submission.template, &pseudo, &values, &exports, &NoResources)?;
        check_rules(&scope)?;
        drop(scope);
        Ok(submission)
    }
}

/// Reads the template of a request, from its body or from S3.
pub async fn read(shared: &Shared, body: Option<&str>, url: Option<&str>) -> Result<Template, Error> {
    match (body, url) {
        (Some(body), None) if body.len() > LARGEST_BODY => Err(invalid(format!(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to {LARGEST_BODY}"
        ))),
        (Some(body), None) => Template::read(body),
        (None, Some(url)) => Template::read(&fetch(shared, url).await?),
        _ => Err(invalid("Either Template URL or Template Body must be specified.")),
    }
}

async fn fetch(shared: &Shared, url: &str) -> Result<String, Error> {
    let (bucket, key) = object_of(url, shared.fabric.url())
        .ok_or_else(|| invalid(format!("TemplateURL must be a supported URL: {url} is no S3 object.")))?;
    let input = json!({"Bucket": bucket, "Key": key});
    let object = shared.fabric.call("cloudformation.amazonaws.com", "s3", "GetObject", input).await;
    let object = object.map_err(|error| invalid(format!("S3 error: {}: s3://{bucket}/{key}", error.message)))?;
    let bytes = STANDARD.decode(object["Body"].as_str().unwrap_or_default()).unwrap_or_default();
    if bytes.len() > LARGEST_FILE {
        return Err(invalid(format!("Template may not exceed {LARGEST_FILE} bytes in size.")));
    }
    String::from_utf8(bytes).map_err(|_| invalid("Template format error: the template is not UTF-8"))
}

/// Bucket and key of an S3 URL, in path or virtual-host style, on AWS's hosts or on the endpoint's own.
fn object_of(url: &str, own: &str) -> Option<(String, String)> {
    let rest = url.split_once("://")?.1;
    let rest = rest.split(['?', '#']).next()?;
    let (host, path) = rest.split_once('/')?;
    let own_host = own.split_once("://").map_or("", |(_, host)| host);
    let name = host.split(':').next()?;
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?.into_owned();
    let is_path_style = host == own_host
        || name == "localhost"
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || name.starts_with("s3.")
        || name.starts_with("s3-");
    let (bucket, key) = if is_path_style {
        let (bucket, key) = path.split_once('/')?;
        (bucket.to_owned(), key.to_owned())
    } else {
        let marks = [".s3.", ".s3-", ".localhost", ".127.0.0.1"];
        let end = marks.iter().filter_map(|mark| name.find(mark)).min()?;
        (name[..end].to_owned(), path)
    };
    (!bucket.is_empty() && !key.is_empty()).then_some((bucket, key))
}

async fn values(
    shared: &Shared,
    template: &Template,
    given: &[GivenParameter],
    previous: Option<&Submission>,
) -> Result<BTreeMap<String, ParameterValue>, Error> {
    let unknown: Vec<&str> = given
        .iter()
        .map(|one| one.parameter_key.as_str())
        .filter(|key| !template.parameters.contains_key(*key))
        .collect();
    if !unknown.is_empty() {
        return Err(invalid(format!("Parameters: [{}] do not exist in the template", unknown.join(", "))));
    }
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, definition) in &template.parameters {
        let one = given.iter().find(|one| one.parameter_key == *name);
        let value = match one {
            Some(one) if one.use_previous_value == Some(true) => {
                previous.and_then(|old| old.parameters.get(name)).map(|old| old.value.clone())
            }
            Some(one) => one.parameter_value.clone().or_else(|| definition.default.clone()),
            None => definition.default.clone(),
        };
        let Some(value) = value else {
            missing.push(name.as_str());
            continue;
        };
        definition.check(name, &value)?;
        let resolved = if definition.is_ssm() { Some(ssm_value(shared, definition, &value).await?) } else { None };
        values.insert(name.clone(), ParameterValue { value, resolved, no_echo: definition.no_echo });
    }
    if missing.is_empty() {
        return Ok(values);
    }
    Err(invalid(format!("Parameters: [{}] must have values", missing.join(", "))))
}

async fn ssm_value(shared: &Shared, definition: &ParameterDefinition, name: &str) -> Result<String, Error> {
    let input = json!({"Name": name});
    let found = shared.fabric.call("cloudformation.amazonaws.com", "ssm", "GetParameter", input).await;
    let found = found
        .map_err(|_| invalid(format!("Unable to fetch parameters [{name}] from parameter store for this account.")))?;
    if found["Parameter"]["Type"] == "SecureString" {
        let kind = &definition.kind;
        return Err(invalid(format!(
            "Parameters [{name}] referenced by template have types not supported by CloudFormation: {kind} of a SecureString"
        )));
    }
    Ok(found["Parameter"]["Value"].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::object_of;

    #[test]
    fn objects_are_found_in_every_style_of_url() {
        let own = "http://127.0.0.1:4566";
        for url in [
            "http://127.0.0.1:4566/b/k/t.yaml",
            "http://localhost:4566/b/k/t.yaml",
            "https://s3.us-east-1.amazonaws.com/b/k/t.yaml",
            "https://b.s3.us-east-1.amazonaws.com/k/t.yaml?versionId=1",
            "http://b.s3.localhost.localstack.cloud:4566/k/t.yaml",
            "http://b.localhost:4566/k/t.yaml",
        ] {
            assert_eq!(object_of(url, own), Some(("b".to_owned(), "k/t.yaml".to_owned())), "{url}");
        }
        for url in ["nope", "https://example.com/a", "http://127.0.0.1:4566/b"] {
            assert_eq!(object_of(url, own), None, "{url}");
        }
    }
}
