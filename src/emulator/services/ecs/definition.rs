//! A task definition and what AWS checks of it: its containers, and what Fargate asks of a task.
//!
//! What isolates a container (user, limits, a read-only file system, labels) is recorded and returned: a task is a local
//! process. What would change what the process does, such as secrets and mounts, is refused by name.

use serde_json::{Map, Value, json};

use super::error::Error;
use super::tags::Tag;
use crate::model::Timestamp;

/// A revision of a family.
#[derive(Debug, Clone)]
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

/// Members of a container that the process follows or that only isolate it.
const CONTAINER: [&str; 30] = [
    "name",
    "image",
    "cpu",
    "memory",
    "memoryReservation",
    "portMappings",
    "essential",
    "entryPoint",
    "command",
    "environment",
    "logConfiguration",
    "stopTimeout",
    "startTimeout",
    "user",
    "readonlyRootFilesystem",
    "privileged",
    "dockerLabels",
    "dockerSecurityOptions",
    "ulimits",
    "linuxParameters",
    "hostname",
    "interactive",
    "pseudoTerminal",
    "disableNetworking",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "systemControls",
    "versionConsistency",
    "resourceRequirements",
];

/// What Fargate has: CPU units, least and most memory and its step, in MiB.
const FARGATE: [(i64, i64, i64, i64); 7] = [
    (256, 512, 2_048, 512),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

fn is_nothing(value: &Value) -> bool {
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

fn check_container(container: &mut Value, is_fargate: bool, task_memory: Option<i64>) -> Result<(), Error> {
    let Value::Object(members) = container else {
        return Err(Error::client("Every entry of containerDefinitions must be an object."));
    };
    members.retain(|_, value| !value.is_null());
    let name = members.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 255 || !name.bytes().all(fits) {
        return Err(Error::client("Container.name contains invalid characters."));
    }
    if let Some((unknown, _)) =
        members.iter().find(|(member, value)| !CONTAINER.contains(&member.as_str()) && !is_nothing(value))
    {
        return Err(Error::Unsupported(format!("{unknown} of container {name}")));
    }
    if members.get("resourceRequirements").is_some_and(|needs| !is_nothing(needs)) {
        return Err(Error::Unsupported(format!("resourceRequirements of container {name}")));
    }
    if members.get("image").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Error::client("Container.image should not be null or empty."));
    }
    for list in ["command", "entryPoint"] {
        let is_texts = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
        if members.get(list).is_some_and(|value| !is_texts(value)) {
            return Err(Error::client(format!("{list} of container {name} must be a list of texts.")));
        }
    }
    check_environment(&name, members.get("environment"))?;
    let (memory, reservation) = (number(members.get("memory")), number(members.get("memoryReservation")));
    if memory.is_none() && reservation.is_none() && task_memory.is_none() {
        return Err(Error::client(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        )));
    }
    if let (Some(task), Some(own)) = (task_memory, memory.or(reservation))
        && own > task
    {
        return Err(Error::client(format!(
            "Invalid setting for container '{name}'. 'memory' of the container must not exceed 'memory' of the task."
        )));
    }
    if is_fargate {
        if members.get("privileged") == Some(&Value::Bool(true)) {
            return Err(Error::client("When requiring FARGATE, 'privileged' is not supported."));
        }
        if number(members.get("stopTimeout")).is_some_and(|seconds| !(0..=120).contains(&seconds)) {
            return Err(Error::client(format!(
                "Invalid 'stopTimeout' setting for container '{name}': it is 120 seconds at the most."
            )));
        }
    }
    if let Some(logging) = members.get("logConfiguration") {
        check_logging(&name, logging, is_fargate)?;
    }
    for (member, default) in [
        ("cpu", json!(0)),
        ("portMappings", json!([])),
        ("essential", json!(true)),
        ("environment", json!([])),
        ("mountPoints", json!([])),
        ("volumesFrom", json!([])),
        ("systemControls", json!([])),
    ] {
        members.entry(member).or_insert(default);
    }
    Ok(())
}

/// Refuses an environment that is no list of names and values.
///
/// # Errors
/// `ClientException` naming the container.
pub fn check_environment(container: &str, environment: Option<&Value>) -> Result<(), Error> {
    let is_pair = |one: &Value| {
        one["name"].as_str().is_some_and(|name| !name.is_empty() && !name.contains(['=', '\0']))
            && one["value"].as_str().is_some_and(|value| !value.contains('\0'))
    };
    let fits = |value: &Value| value.as_array().is_some_and(|pairs| pairs.iter().all(is_pair));
    if environment.is_none_or(fits) {
        return Ok(());
    }
    Err(Error::client(format!("environment of container {container} must be a list of names and values.")))
}

/// Options of the log driver that are followed, or have no meaning for a process.
const LOG_OPTIONS: [&str; 6] =
    ["awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group", "mode", "max-buffer-size"];

fn check_logging(container: &str, logging: &Value, is_fargate: bool) -> Result<(), Error> {
    let driver = logging["logDriver"].as_str().unwrap_or_default();
    if driver != "awslogs" {
        return Err(Error::Unsupported(format!("the log driver {driver:?} of container {container}")));
    }
    if logging.get("secretOptions").is_some_and(|options| !is_nothing(options)) {
        return Err(Error::Unsupported(format!("secretOptions of container {container}")));
    }
    for required in ["awslogs-group", "awslogs-region"] {
        if logging["options"][required].as_str().is_none_or(str::is_empty) {
            return Err(Error::client("Log driver awslogs requires options: awslogs-group, awslogs-region"));
        }
    }
    if is_fargate && logging["options"]["awslogs-stream-prefix"].as_str().is_none_or(str::is_empty) {
        return Err(Error::client("Log driver awslogs requires options: awslogs-stream-prefix"));
    }
    let options = logging["options"].as_object().into_iter().flatten();
    match options.map(|(name, _)| name).find(|name| !LOG_OPTIONS.contains(&name.as_str())) {
        Some(unknown) => Err(Error::Unsupported(format!("the log option {unknown} of container {container}"))),
        None => Ok(()),
    }
}

fn check_fargate(input: &Map<String, Value>, containers: &[Value]) -> Result<(), Error> {
    if input.get("networkMode").and_then(Value::as_str) != Some("awsvpc") {
        return Err(Error::client("Fargate only supports network mode ‘awsvpc’."));
    }
    let size = |what: &str| {
        number(input.get(what))
            .ok_or_else(|| Error::client(format!("Fargate requires that '{what}' be defined at the task level.")))
    };
    check_size(size("cpu")?, size("memory")?)?;
    let logs = containers.iter().any(|container| container.get("logConfiguration").is_some());
    if logs && input.get("executionRoleArn").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Error::client(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    Ok(())
}

/// Refuses a size that Fargate has not.
///
/// # Errors
/// `ClientException` naming both values.
pub fn check_size(cpu: i64, memory: i64) -> Result<(), Error> {
    let fits = FARGATE.iter().any(|(units, least, most, step)| {
        *units == cpu && (*least..=*most).contains(&memory) && (memory - least) % step == 0
    });
    // The smallest one has no size between 1 and 2 GB.
    if fits && (cpu, memory) != (256, 1_536) {
        return Ok(());
    }
    Err(Error::client(format!(
        "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for the valid values."
    )))
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

    #[test]
    fn every_size_of_fargate_is_taken() {
        for (cpu, memory) in [(256, 512), (256, 1_024), (256, 2_048), (512, 3_072), (4_096, 30_720), (8_192, 20_480)] {
            check_size(cpu, memory).expect("a size of Fargate");
        }
        for (cpu, memory) in [(256, 1_536), (512, 512), (4_096, 30_721), (300, 512), (8_192, 17_408)] {
            check_size(cpu, memory).expect_err("no size of Fargate");
        }
    }
}
