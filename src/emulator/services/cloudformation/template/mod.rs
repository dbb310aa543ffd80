//! A template: read, checked for what can be known without values, and kept as JSON.
//!
//! Nothing here knows a stack or a service; values come in with [`evaluate`].

pub mod conditions;
pub mod evaluate;
pub mod functions;
pub mod graph;
pub mod parameters;
mod resource;
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::error::Error;
pub use parameters::ParameterDefinition;
use resource::read_resource;
pub use resource::{Policy, ResourceDefinition};

/// One entry of `Outputs`.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputDefinition {
    /// Functions not yet evaluated.
    pub value: Value,
    /// For a reader.
    pub description: Option<String>,
    /// The condition that it is given under.
    pub condition: Option<String>,
    /// The name that other stacks import it by; functions not yet evaluated.
    pub export: Option<Value>,
}

/// A template that has passed the checks which need no values.
#[derive(Debug, Clone)]
pub struct Template {
    /// As it was submitted.
    pub text: String,
    /// For a reader.
    pub description: Option<String>,
    /// As in the template.
    pub metadata: Value,
    /// By name.
    pub parameters: IndexMap<String, ParameterDefinition>,
    /// Map, then first key, then second key.
    pub mappings: Map<String, Value>,
    /// By name.
    pub conditions: Map<String, Value>,
    /// By name, as in the template.
    pub rules: Map<String, Value>,
    /// By logical id.
    pub resources: IndexMap<String, ResourceDefinition>,
    /// By key.
    pub outputs: IndexMap<String, OutputDefinition>,
    /// The resources that each resource waits for.
    pub dependencies: BTreeMap<String, BTreeSet<String>>,
}

const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
];

/// Limits of AWS.
const MOST_RESOURCES: usize = 500;
const MOST_OUTPUTS: usize = 200;
const MOST_PARAMETERS: usize = 200;

impl Template {
    /// Reads and checks a template.
    ///
    /// # Errors
    /// `ValidationError` in AWS's words.
    pub fn read(text: &str) -> Result<Self, Error> {
        let value = yaml::read(text).map_err(|error| Error::Validation(error.to_string()))?;
        let Value::Object(root) = value else {
            return Err(format_error("unsupported structure."));
        };
        if root.contains_key("Transform") {
            let name = match &root["Transform"] {
                Value::String(name) => name.clone(),
                other => other.to_string(),
            };
            return Err(invalid(format!("the embedded endpoint does not implement transforms: {name}")));
        }
        let unknown: Vec<&str> =
            root.keys().map(String::as_str).filter(|section| !SECTIONS.contains(section)).collect();
        if !unknown.is_empty() {
            return Err(invalid(format!("Invalid template property or properties [{}]", unknown.join(", "))));
        }
        if let Some(version) = root.get("AWSTemplateFormatVersion")
            && version.as_str() != Some("2010-09-09")
        {
            return Err(format_error(format!(
                "{} is not a supported value for AWSTemplateFormatVersion.",
                text_of(version)
            )));
        }
        refuse_unsupported(&Value::Object(root.clone()))?;
        let mut template = Self {
            text: text.to_owned(),
            description: description(&root)?,
            metadata: root.get("Metadata").cloned().unwrap_or_default(),
            parameters: IndexMap::new(),
            mappings: section(&root, "Mappings")?,
            conditions: section(&root, "Conditions")?,
            rules: section(&root, "Rules")?,
            resources: IndexMap::new(),
            outputs: IndexMap::new(),
            dependencies: BTreeMap::new(),
        };
        for (name, definition) in section(&root, "Parameters")? {
            template.parameters.insert(name.clone(), ParameterDefinition::read(&name, &definition)?);
        }
        for (logical, definition) in section(&root, "Resources")? {
            let definition = read_resource(&logical, &definition)?;
            template.resources.insert(logical, definition);
        }
        for (key, definition) in section(&root, "Outputs")? {
            let definition = read_output(&key, &definition)?;
            template.outputs.insert(key, definition);
        }
        template.check_counts()?;
        template.check_mappings()?;
        conditions::check(&template)?;
        template.dependencies = graph::check(&template)?;
        Ok(template)
    }

    fn check_counts(&self) -> Result<(), Error> {
        if self.resources.is_empty() {
            return Err(format_error("At least one Resources member must be defined."));
        }
        for (count, most, what) in [
            (self.resources.len(), MOST_RESOURCES, "resources"),
            (self.outputs.len(), MOST_OUTPUTS, "outputs"),
            (self.parameters.len(), MOST_PARAMETERS, "parameters"),
        ] {
            if count > most {
                return Err(format_error(format!(
                    "Number of {what}, {count}, is greater than maximum allowed, {most}"
                )));
            }
        }
        Ok(())
    }

    fn check_mappings(&self) -> Result<(), Error> {
        for (map, keys) in &self.mappings {
            let Value::Object(keys) = keys else {
                return Err(format_error("Every Mappings member must be a map"));
            };
            if let Some((key, _)) = keys.iter().find(|(_, entries)| !entries.is_object()) {
                return Err(format_error(format!("Every Mappings attribute must be a map: {map}.{key} is none")));
            }
        }
        Ok(())
    }

    /// The capabilities that this template must be given, and why.
    #[must_use]
    pub fn capabilities(&self) -> Option<(&'static str, String)> {
        let mut iam: Vec<&str> = Vec::new();
        let mut named = false;
        for definition in self.resources.values() {
            let name = match definition.kind.as_str() {
                "AWS::IAM::Role" => "RoleName",
                "AWS::IAM::User" => "UserName",
                "AWS::IAM::Group" => "GroupName",
                "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
                "AWS::IAM::InstanceProfile" => "InstanceProfileName",
                "AWS::IAM::Policy" | "AWS::IAM::AccessKey" | "AWS::IAM::UserToGroupAddition" => "",
                _ => continue,
            };
            named |= definition.properties.get(name).is_some();
            if !iam.contains(&definition.kind.as_str()) {
                iam.push(&definition.kind);
            }
        }
        let capability = if named { "CAPABILITY_NAMED_IAM" } else { "CAPABILITY_IAM" };
        let reason = format!("The following resource(s) require capabilities: [{}]", iam.join(", "));
        (!iam.is_empty()).then_some((capability, reason))
    }

    /// The types of its resources, each once.
    #[must_use]
    pub fn resource_types(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.resources.values().map(|definition| definition.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

pub(crate) fn format_error(problem: impl AsRef<str>) -> Error {
    Error::Validation(format!("Template format error: {}", problem.as_ref()))
}

pub(crate) fn invalid(problem: impl Into<String>) -> Error {
    Error::Validation(problem.into())
}

pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn description(root: &Map<String, Value>) -> Result<Option<String>, Error> {
    match root.get("Description") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() > 1_024 => {
            Err(format_error("Template description must not be longer than 1024 characters."))
        }
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format_error("Template description must be a string")),
    }
}

fn section(root: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, Error> {
    match root.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => {
            let is_name = |key: &String| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
            match members.keys().find(|key| !is_name(key)) {
                Some(key) if name != "Mappings" => Err(format_error(format!(
                    "{} name {key} is non alphanumeric.",
                    name.strip_suffix('s').unwrap_or(name)
                ))),
                _ => Ok(members.clone()),
            }
        }
        Some(_) => Err(format_error(format!("{name} must be a map"))),
    }
}

fn read_output(key: &str, definition: &Value) -> Result<OutputDefinition, Error> {
    let Value::Object(members) = definition else {
        return Err(format_error(format!("[/Outputs/{key}] Every Outputs member must be an object.")));
    };
    if let Some(unknown) =
        members.keys().find(|member| !matches!(member.as_str(), "Value" | "Description" | "Condition" | "Export"))
    {
        return Err(invalid(format!("Invalid template output property '{unknown}'")));
    }
    let Some(value) = members.get("Value") else {
        return Err(format_error(format!("Every Outputs member must contain a Value object ({key})")));
    };
    let export = match members.get("Export") {
        None => None,
        Some(export) => Some(export.get("Name").cloned().ok_or_else(|| {
            format_error(format!("Output {key} is malformed. The Export must contain a Name field."))
        })?),
    };
    Ok(OutputDefinition {
        value: value.clone(),
        description: members.get("Description").and_then(Value::as_str).map(str::to_owned),
        condition: members.get("Condition").and_then(Value::as_str).map(str::to_owned),
        export,
    })
}

/// What the endpoint does not do is refused before anything is made.
fn refuse_unsupported(value: &Value) -> Result<(), Error> {
    match value {
        Value::String(text) if text.contains("{{resolve:") => Err(invalid(format!(
            "the embedded endpoint does not implement dynamic references: {text}; use a parameter of a type such as \
             AWS::SSM::Parameter::Value<String>"
        ))),
        Value::Array(entries) => entries.iter().try_for_each(refuse_unsupported),
        Value::Object(members) => {
            if let Some(name) = members.keys().find(|name| {
                matches!(name.as_str(), "Fn::Transform" | "Fn::ToJsonString" | "Fn::Length")
                    || name.starts_with("Fn::ForEach")
            }) {
                return Err(invalid(format!("the embedded endpoint does not implement {name}: it needs a transform")));
            }
            members.values().try_for_each(refuse_unsupported)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Template::read(text).expect_err(text).to_string()
    }

    #[test]
    fn a_template_is_read_with_its_policies_and_dependencies() {
        let template = Template::read(
            "Description: d\nResources:\n  A:\n    Type: AWS::SQS::Queue\n    DependsOn: B\n    DeletionPolicy: Retain\n  \
             B:\n    Type: AWS::SQS::Queue\nOutputs:\n  O:\n    Value: !Ref A\n    Export: {Name: n}\n",
        )
        .expect("a template");
        assert_eq!(template.resources["A"].depends_on, ["B"]);
        assert_eq!(template.resources["A"].deletion_policy, Policy::Retain);
        assert_eq!(template.outputs["O"].export, Some(Value::from("n")));
        assert_eq!(template.capabilities(), None);
    }

    #[test]
    fn what_aws_refuses_is_refused_in_its_words() {
        for (text, expected) in [
            ("[1]", "Template format error: unsupported structure."),
            ("Resources: {}", "At least one Resources member must be defined."),
            ("Foo: 1\nResources: {A: {Type: X}}", "Invalid template property or properties [Foo]"),
            ("Resources: {A: {}}", "[/Resources/A] Every Resources object must contain a Type member."),
            ("Resources: {A: {Type: X, Foo: 1}}", "Invalid template resource property 'Foo'"),
            ("Resources: {a-b: {Type: X}}", "Resource name a-b is non alphanumeric."),
            ("Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: X}}", "AWS::Serverless-2016-10-31"),
            ("Resources: {A: {Type: X}}\nOutputs: {O: {}}", "Every Outputs member must contain a Value object"),
            ("Resources: {A: {Type: X, Properties: {P: '{{resolve:ssm:n}}'}}}", "dynamic references"),
            ("Resources: {A: {Type: X, DeletionPolicy: Snapshot}}", "does not support DeletionPolicy Snapshot"),
        ] {
            let refused = refusal(text);
            assert!(refused.contains(expected), "{text:?}: {refused}");
        }
    }

    #[test]
    fn a_named_role_asks_for_the_larger_capability() {
        let plain = Template::read("Resources: {R: {Type: AWS::IAM::Role}}").expect("a template");
        assert_eq!(plain.capabilities().map(|(capability, _)| capability), Some("CAPABILITY_IAM"));
        let named = Template::read("Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: r}}}").expect("ok");
        assert_eq!(named.capabilities().map(|(capability, _)| capability), Some("CAPABILITY_NAMED_IAM"));
    }
}
