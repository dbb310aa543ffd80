//! `GetTemplate`, `GetTemplateSummary` and `ValidateTemplate`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::CloudFormation;
use super::super::error::Error;
use super::super::template::{Template, invalid};
use super::submission::read;
use crate::emulator::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Which {
    #[serde(default)]
    stack_name: Option<String>,
    #[serde(default)]
    change_set_name: Option<String>,
    #[serde(default)]
    template_body: Option<String>,
    #[serde(default, rename = "TemplateURL")]
    template_url: Option<String>,
    #[serde(default)]
    template_stage: Option<String>,
}

pub async fn get_template(service: &CloudFormation, input: Which, _: &Context) -> Result<Value, Error> {
    // Without transforms the processed template is the original one.
    if let Some(stage) = input.template_stage.as_deref().filter(|stage| !matches!(*stage, "Original" | "Processed")) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{stage}' at 'templateStage' failed to satisfy constraint: Member must satisfy enum value set: [Original, Processed]"
        )));
    }
    let name = input.stack_name.unwrap_or_default();
    let text = service.shared.stack(&name, |stack| match &input.change_set_name {
        None => Ok(stack.submission.template.text.clone()),
        Some(set) => match stack.change_set(set) {
            Some(set) => Ok(set.submission.template.text.clone()),
            None => Err(Error::ChangeSetNotFound(set.clone())),
        },
    })??;
    Ok(json!({"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}))
}

fn parameters(template: &Template) -> Vec<Value> {
    let shown = template.parameters.iter().map(|(name, definition)| {
        json!({
            "ParameterKey": name,
            "DefaultValue": definition.default,
            "ParameterType": definition.kind,
            "NoEcho": definition.no_echo,
            "Description": definition.description,
            "ParameterConstraints": if definition.allowed_values.is_empty() {
                json!({})
            } else {
                json!({"AllowedValues": definition.allowed_values})
            },
        })
    });
    shown.collect()
}

fn capabilities(template: &Template, answer: &mut Value) {
    if let Some((capability, reason)) = template.capabilities() {
        answer["Capabilities"] = json!([capability]);
        answer["CapabilitiesReason"] = Value::from(reason);
    }
}

pub async fn get_template_summary(service: &CloudFormation, input: Which, _: &Context) -> Result<Value, Error> {
    let shared = &service.shared;
    let template = match &input.stack_name {
        Some(name) => shared.stack(name, |stack| stack.submission.template.clone())?,
        None => read(shared, input.template_body.as_deref(), input.template_url.as_deref()).await?.into(),
    };
    let mut answer = json!({
        "Parameters": parameters(&template),
        "Description": template.description,
        "ResourceTypes": template.resource_types(),
        "Version": "2010-09-09",
        "ResourceIdentifierSummaries": [],
        "DeclaredTransforms": [],
    });
    if !template.metadata.is_null() {
        answer["Metadata"] = Value::from(template.metadata.to_string());
    }
    capabilities(&template, &mut answer);
    Ok(answer)
}

pub async fn validate_template(service: &CloudFormation, input: Which, _: &Context) -> Result<Value, Error> {
    let template = read(&service.shared, input.template_body.as_deref(), input.template_url.as_deref()).await?;
    let mut shown = parameters(&template);
    for parameter in &mut shown {
        if let Some(members) = parameter.as_object_mut() {
            members.retain(|name, _| name != "ParameterType" && name != "ParameterConstraints");
        }
    }
    let mut answer = json!({"Parameters": shown, "Description": template.description, "DeclaredTransforms": []});
    capabilities(&template, &mut answer);
    Ok(answer)
}
