//! A container of a task definition and what AWS checks of it.
//!
//! What isolates a container (user, limits, a read-only file system, labels) is recorded and returned: a task is a local
//! process. What would change what the process does, such as secrets and mounts, is refused by name.

use serde_json::{Value, json};

use super::definition::{is_nothing, number};
use super::error::Error;

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

pub(super) fn check_container(container: &mut Value, is_fargate: bool, task_memory: Option<i64>) -> Result<(), Error> {
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
