//! A task definition and what AWS checks of it as a whole.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::container::check_container;
use super::error::Error;
use super::fargate::check_fargate;
use super::tags::Tag;
use crate::model::Timestamp;

/// A revision of a family.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Definition {
    pub arn: String,
    pub family: String,
    pub revision: u32,
    pub registered: Timestamp,
    pub deregistered: Option<Timestamp>,
    /// As it was given, with AWS's defaults.
    pub body: Map<String, Value>,
    pub tags: Vec<Tag>,
}

/// Members of a definition that are kept as they come.
const MEMBERS: [&str; 11] = [
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "ephemeralStorage",
    "runtimePlatform",
    "containerDefinitions",
    "volumes",
];

pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(entries) => entries.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Checks the input of `RegisterTaskDefinition` and completes it.
///
/// # Errors
/// `ClientException` in AWS's words.
pub fn checked(mut input: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    input.retain(|_, value| !value.is_null());
    if let Some((unknown, _)) =
        input.iter().find(|(name, value)| !MEMBERS.contains(&name.as_str()) && !is_nothing(value))
    {
        return Err(Error::Unsupported(format!("{unknown} of a task definition")));
    }
    if input.get("volumes").is_some_and(|volumes| !is_nothing(volumes)) {
        return Err(Error::Unsupported("volumes of a task definition".to_owned()));
    }
    let compatibilities = texts(input.get("requiresCompatibilities"));
    if let Some(unknown) =
        compatibilities.iter().find(|one| !["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"].contains(&one.as_str()))
    {
        return Err(Error::client(format!("The compatibility {unknown} is not one of EC2, FARGATE, EXTERNAL.")));
    }
    let is_fargate = compatibilities.iter().any(|one| one == "FARGATE");
    for size in ["cpu", "memory"] {
        if let Some(value) = input.get_mut(size) {
            *value = Value::from(units(size, value)?.to_string());
        }
    }
    let mut containers = match input.get("containerDefinitions") {
        Some(Value::Array(containers)) if !containers.is_empty() => containers.clone(),
        None | Some(Value::Array(_)) => return Err(Error::client("Container list cannot be empty.")),
        Some(_) => return Err(Error::client("containerDefinitions must be a list.")),
    };
    let task_memory = number(input.get("memory"));
    for container in &mut containers {
        check_container(container, is_fargate, task_memory)?;
    }
    for (index, container) in containers.iter().enumerate() {
        if containers[..index].iter().any(|other| other["name"] == container["name"]) {
            return Err(Error::client("Container names must be unique within a task definition."));
        }
    }
    if !containers.iter().any(|container| container["essential"] == true) {
        return Err(Error::client(
            "Invalid setting for task definition: at least one container must be marked as essential.",
        ));
    }
    if is_fargate {
        check_fargate(&input, &containers)?;
    }
    input.insert("containerDefinitions".to_owned(), Value::Array(containers));
    input.entry("volumes").or_insert_with(|| json!([]));
    input.entry("placementConstraints").or_insert_with(|| json!([]));
    Ok(input)
}

/// Units of CPU or MiB of memory, also as `1 vCPU` and `2 GB`.
fn units(what: &str, value: &Value) -> Result<i64, Error> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_ascii_lowercase();
    let wrong = || Error::client(format!("Invalid '{what}' setting for task."));
    let scaled = |number: &str| number.trim().parse::<f64>().map(|number| number * 1_024.0).map_err(|_| wrong());
    let units = if let Some(number) = text.strip_suffix("vcpu").or_else(|| text.strip_suffix("gb")) {
        scaled(number)?
    } else {
        text.trim().parse::<f64>().map_err(|_| wrong())?
    };
    if units.fract() != 0.0 || !(1.0..=1_000_000.0).contains(&units) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and at most a million")]
    Ok(units as i64)
}

/// A number that may be text.
#[must_use]
pub fn number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The texts of a list.
#[must_use]
pub fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

impl Definition {
    /// As `DescribeTaskDefinition` shows it.
    #[must_use]
    pub fn shown(&self, account: &str) -> Value {
        let mut shown = json!({
            "taskDefinitionArn": self.arn,
            "family": self.family,
            "revision": self.revision,
            "status": self.status(),
            "requiresAttributes": self.attributes(),
            "compatibilities": self.compatibilities(),
            "registeredAt": self.registered.epoch_seconds(),
            "registeredBy": format!("arn:aws:iam::{account}:root"),
        });
        if let Some(at) = self.deregistered {
            shown["deregisteredAt"] = json!(at.epoch_seconds());
        }
        if let Value::Object(members) = &mut shown {
            members.extend(self.body.clone());
        }
        shown
    }

    /// `ACTIVE` or `INACTIVE`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.deregistered.is_some() { "INACTIVE" } else { "ACTIVE" }
    }

    /// Where its tasks can run.
    #[must_use]
    pub fn compatibilities(&self) -> Vec<&'static str> {
        let has = |what: &str| self.body.get(what).is_some();
        let is_awsvpc = self.body.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
        let mut all = vec!["EC2"];
        if is_awsvpc && has("cpu") && has("memory") {
            all.push("FARGATE");
        }
        all
    }

    /// The containers.
    pub fn containers(&self) -> impl Iterator<Item = &Value> {
        self.body.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten()
    }

    fn attributes(&self) -> Value {
        let mut names = vec!["com.amazonaws.ecs.capability.docker-remote-api.1.18"];
        if self.containers().any(|container| container.get("logConfiguration").is_some()) {
            names.extend([
                "com.amazonaws.ecs.capability.logging-driver.awslogs",
                "ecs.capability.execution-role-awslogs",
                "com.amazonaws.ecs.capability.docker-remote-api.1.19",
            ]);
        }
        if self.body.contains_key("taskRoleArn") {
            names.push("com.amazonaws.ecs.capability.task-iam-role");
        }
        if self.body.get("networkMode").and_then(Value::as_str) == Some("awsvpc") {
            names.push("ecs.capability.task-eni");
        }
        names.into_iter().map(|name| json!({ "name": name })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fargate(change: impl FnOnce(&mut Value)) -> Result<Map<String, Value>, Error> {
        let mut input = json!({
            "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
            "containerDefinitions": [{"name": "c", "image": "vaultscope", "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
            }}],
        });
        change(&mut input);
        checked(input.as_object().cloned().expect("an object"))
    }

    #[test]
    fn a_good_definition_is_completed() {
        let body = fargate(|input| input["cpu"] = json!("1 vCPU")).expect_err("512 MiB are too few").to_string();
        assert!(body.starts_with("No Fargate configuration exists for given values: 1024 CPU, 512 memory"), "{body}");
        let body = fargate(|input| input["memory"] = json!("2 GB")).expect("good");
        assert_eq!(body["memory"], "2048");
        assert_eq!((&body["containerDefinitions"][0]["essential"], &body["volumes"]), (&json!(true), &json!([])));
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 14] = [
            (|input| input["networkMode"] = json!("bridge"), "Fargate only supports network mode ‘awsvpc’."),
            (|input| input["cpu"] = Value::Null, "Fargate requires that 'cpu' be defined at the task level."),
            (
                |input| input["memory"] = json!("3072"),
                "No Fargate configuration exists for given values: 256 CPU, 3072",
            ),
            (|input| input["memory"] = json!("lots"), "Invalid 'memory' setting for task."),
            (
                |input| input["executionRoleArn"] = Value::Null,
                "Fargate requires task definition to have execution role",
            ),
            (|input| input["containerDefinitions"] = json!([]), "Container list cannot be empty."),
            (|input| input["containerDefinitions"][0]["name"] = json!("a b"), "Container.name contains invalid"),
            (|input| input["containerDefinitions"][0]["image"] = json!(""), "Container.image should not be null"),
            (|input| input["containerDefinitions"][0]["essential"] = json!(false), "at least one container must be"),
            (
                |input| input["containerDefinitions"][0]["secrets"] = json!([{"name": "S", "valueFrom": "arn"}]),
                "does not implement secrets of container c",
            ),
            (
                |input| input["containerDefinitions"][0]["environment"] = json!([{"name": "="}]),
                "environment of container",
            ),
            (
                |input| input["containerDefinitions"][0]["logConfiguration"]["logDriver"] = json!("splunk"),
                "the log driver \"splunk\" of container c",
            ),
            (
                |input| input["containerDefinitions"][0]["logConfiguration"]["options"] = json!({}),
                "Log driver awslogs requires options: awslogs-group, awslogs-region",
            ),
            (|input| input["proxyConfiguration"] = json!({"type": "APPMESH"}), "does not implement proxyConfiguration"),
        ];
        for (change, words) in cases {
            let refused = fargate(change).expect_err(words).to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
