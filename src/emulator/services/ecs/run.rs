//! `RunTask`: checks what is asked for and puts the tasks into the world.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::container::check_environment;
use super::definition::{Definition, number};
use super::error::Error;
use super::fargate::check_size;
use super::network::{self, Network};
use super::tags::{Tag, checked};
use super::task::{Attachment, Container, Task};
use super::{Ecs, State, lifecycle};
use crate::emulator::Context;

const HEX: &[u8] = b"0123456789abcdef";

/// Tasks that may run at the same time: each is a process of this machine.
const MOST_RUNNING: usize = 500;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunTask {
    task_definition: String,
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    count: Option<i64>,
    #[serde(default)]
    launch_type: Option<String>,
    #[serde(default)]
    capacity_provider_strategy: Vec<Value>,
    #[serde(default)]
    network_configuration: Value,
    #[serde(default)]
    overrides: Option<Overrides>,
    #[serde(default)]
    platform_version: Option<String>,
    #[serde(default)]
    started_by: Option<String>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    enable_execute_command: bool,
    #[serde(default)]
    propagate_tags: Option<String>,
    #[serde(default)]
    client_token: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    /// What the endpoint has no use for or refuses.
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Overrides {
    #[serde(default)]
    #[serde(rename = "containerOverrides")]
    containers: Vec<ContainerOverride>,
    #[serde(default)]
    cpu: Option<Value>,
    #[serde(default)]
    memory: Option<Value>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerOverride {
    #[serde(default)]
    name: Option<String>,
    #[serde(flatten)]
    members: BTreeMap<String, Value>,
}

impl Overrides {
    /// Refuses what the definition has not, and writes the overrides as AWS shows them.
    fn checked(&self, definition: &Definition) -> Result<Value, Error> {
        for (member, value) in &self.other {
            let recorded = ["taskRoleArn", "executionRoleArn", "ephemeralStorage", "inferenceAcceleratorOverrides"];
            let is_nothing = value.is_null() || *value == json!([]);
            if !recorded.contains(&member.as_str()) && !is_nothing {
                return Err(Error::Unsupported(format!("the override {member}")));
            }
        }
        let mut shown = Vec::new();
        for entry in &self.containers {
            let name = entry.name.as_deref().unwrap_or_default();
            if !definition.containers().any(|container| container["name"] == name) {
                return Err(Error::invalid(format!(
                    "Override for container named {name} is not a container in the TaskDefinition."
                )));
            }
            let mut one = json!({ "name": name });
            for (member, value) in entry.members.iter().filter(|(_, value)| !value.is_null()) {
                match member.as_str() {
                    "command" if value.as_array().is_some_and(|words| words.iter().all(Value::is_string)) => {}
                    "environment" => check_environment(name, Some(value))?,
                    "cpu" | "memory" | "memoryReservation" if number(Some(value)).is_some_and(|size| size >= 0) => {}
                    "environmentFiles" | "resourceRequirements" if *value == json!([]) => {}
                    other => {
                        return Err(Error::Unsupported(format!("the override {other}: {value} of container {name}")));
                    }
                }
                one[member] = value.clone();
            }
            shown.push(one);
        }
        let mut overrides = json!({ "containerOverrides": shown, "inferenceAcceleratorOverrides": [] });
        for (member, value) in [("cpu", &self.cpu), ("memory", &self.memory)] {
            if let Some(value) = value {
                overrides[member] = json!(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
        }
        for (member, value) in self.other.iter().filter(|(_, value)| !value.is_null()) {
            overrides[member] = value.clone();
        }
        Ok(overrides)
    }
}

impl RunTask {
    /// The capacity provider, where a strategy or the cluster names one; the endpoint has Fargate alone.
    fn provider(&self, default: &Value) -> Result<Option<String>, Error> {
        if self.launch_type.is_some() && !self.capacity_provider_strategy.is_empty() {
            return Err(Error::invalid(
                "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
            ));
        }
        match self.launch_type.as_deref() {
            Some("FARGATE") => return Ok(None),
            Some("EC2") => return Err(Error::invalid("No Container Instances were found in your cluster.")),
            Some(other) => return Err(Error::Unsupported(format!("the launch type {other}"))),
            None => {}
        }
        let given = self.capacity_provider_strategy.first().or_else(|| default.as_array()?.first());
        match given.map(|entry| entry["capacityProvider"].as_str().unwrap_or_default()) {
            Some(name @ ("FARGATE" | "FARGATE_SPOT")) => Ok(Some(name.to_owned())),
            Some(other) => Err(Error::invalid(format!(
                "The specified capacity provider '{other}' was not found. Specify a valid name or ARN and try again."
            ))),
            // Without either, AWS looks for container instances.
            None => Err(Error::invalid("No Container Instances were found in your cluster.")),
        }
    }

    fn refuse_unsupported(&self) -> Result<(), Error> {
        let recorded = ["enableECSManagedTags", "referenceId", "placementConstraints", "placementStrategy"];
        let is_nothing = |value: &Value| value.is_null() || *value == json!([]);
        match self.other.iter().find(|(member, value)| !recorded.contains(&member.as_str()) && !is_nothing(value)) {
            Some((member, _)) => Err(Error::Unsupported(format!("{member} of RunTask"))),
            None => Ok(()),
        }
    }
}

pub(super) async fn run_task(ecs: &Ecs, raw: Value, _: &Context) -> Result<Value, Error> {
    let input: RunTask =
        serde_json::from_value(raw.clone()).map_err(|error| Error::invalid(format!("RunTask: {error}")))?;
    input.refuse_unsupported()?;
    let count = input.count.unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(Error::invalid("Tasks count must be between 1 and 10."));
    }
    let tags = checked(input.tags.clone())?;
    let fabric = &ecs.shared.fabric;
    let (definition, cluster, cluster_arn, provider) = {
        let state = ecs.shared.state();
        if let Some(again) = repeated(&state, &input, &raw)? {
            return Ok(again);
        }
        let (name, cluster) = state.cluster(input.cluster.as_deref())?;
        let definition =
            state.definition(&input.task_definition).ok_or_else(|| Error::client("TaskDefinition not found."))?;
        if definition.deregistered.is_some() {
            return Err(Error::client("TaskDefinition is inactive"));
        }
        let provider = input.provider(&cluster.strategy)?;
        (definition.clone(), name.to_owned(), cluster.arn.clone(), provider)
    };
    if !definition.compatibilities().contains(&"FARGATE") {
        return Err(Error::invalid("Task definition does not support launch_type FARGATE."));
    }
    let given = input.overrides.clone().unwrap_or_default();
    let overrides = given.checked(&definition)?;
    let size = |what: &str| {
        let own = definition.body.get(what).and_then(Value::as_str).unwrap_or_default();
        overrides[what].as_str().unwrap_or(own).to_owned()
    };
    let (cpu, memory) = (size("cpu"), size("memory"));
    check_size(number(Some(&json!(cpu))).unwrap_or_default(), number(Some(&json!(memory))).unwrap_or_default())?;
    if !matches!(input.platform_version.as_deref(), None | Some("LATEST" | "1.4.0" | "1.3.0")) {
        return Err(Error::invalid("The specified platform does not exist."));
    }
    let network = Network::read(&input.network_configuration)?;
    let zones = network::zones(fabric, &network).await?;
    let mut tags = tags;
    if input.propagate_tags.as_deref() == Some("TASK_DEFINITION") {
        tags.extend(definition.tags.iter().filter(|tag| !input.tags.iter().any(|own| own.key == tag.key)).cloned());
    }

    let mut state = ecs.shared.state();
    // The same request may have come in while the network was looked at.
    if let Some(again) = repeated(&state, &input, &raw)? {
        return Ok(again);
    }
    let running = state.tasks.values().filter(|task| task.last_status != "STOPPED").count();
    let now = fabric.clock().now();
    let (mut shown, mut failures, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..usize::try_from(count).unwrap_or_default() {
        if running + index >= MOST_RUNNING {
            failures.push(json!({ "reason": "Capacity is unavailable at this time.", "detail": format!("the endpoint runs {MOST_RUNNING} tasks at the most") }));
            continue;
        }
        let id = fabric.token(HEX, 32);
        let (subnet, zone) = zones[index % zones.len()].clone();
        let attachment = Attachment {
            id: fabric.uuid(),
            status: "PRECREATED",
            subnet,
            groups: network.groups.clone(),
            zone,
            interface: None,
        };
        let mut task = Task {
            arn: fabric.arn("ecs", format!("task/{cluster}/{id}")).to_string(),
            cluster: cluster.clone(),
            cluster_arn: cluster_arn.clone(),
            definition: definition.arn.clone(),
            family: definition.family.clone(),
            group: input.group.clone().unwrap_or_else(|| format!("family:{}", definition.family)),
            provider: provider.clone(),
            cpu: cpu.clone(),
            memory: memory.clone(),
            overrides: overrides.clone(),
            started_by: input.started_by.clone(),
            execute_command: input.enable_execute_command,
            tags: tags.clone(),
            attachment: Some(attachment),
            containers: containers(ecs, &definition, &overrides, &cluster, &id),
            last_status: "PROVISIONING",
            desired_status: "RUNNING",
            version: 1,
            moments: Vec::new(),
            stop_code: None,
            stopped_reason: None,
            stop: CancellationToken::new(),
        };
        task.at("createdAt", now);
        shown.push(task.shown(true));
        ecs.shared.tell(&task, now);
        state.tasks.insert(id.clone(), task);
        ids.push(id);
    }
    if let Some(token) = &input.client_token {
        state.tokens.insert(token.clone(), (raw, ids.clone()));
    }
    drop(state);
    for id in ids {
        let plan = lifecycle::Plan {
            id,
            definition: definition.clone(),
            overrides: overrides.clone(),
            network: network.clone(),
        };
        ecs.shared.tracker.spawn(lifecycle::live(std::sync::Arc::clone(&ecs.shared), plan));
    }
    Ok(json!({ "tasks": shown, "failures": failures }))
}

/// The answer to a request that was carried out before, known by its token.
fn repeated(state: &State, input: &RunTask, raw: &Value) -> Result<Option<Value>, Error> {
    let Some((before, ids)) = input.client_token.as_ref().and_then(|token| state.tokens.get(token)) else {
        return Ok(None);
    };
    let tasks: Vec<&Task> = ids.iter().filter_map(|id| state.tasks.get(id)).collect();
    if before != raw {
        return Err(Error::Conflict(tasks.iter().map(|task| task.arn.clone()).collect()));
    }
    let shown: Vec<Value> = tasks.iter().map(|task| task.shown(true)).collect();
    Ok(Some(json!({ "tasks": shown, "failures": [] })))
}

fn containers(ecs: &Ecs, definition: &Definition, overrides: &Value, cluster: &str, task: &str) -> Vec<Container> {
    let fabric = &ecs.shared.fabric;
    let made = definition.containers().map(|container| {
        let name = container["name"].as_str().unwrap_or_default();
        let own = lifecycle::override_of(overrides, name);
        let size = |what: &str| number(own.get(what)).or_else(|| number(container.get(what)));
        Container {
            arn: fabric.arn("ecs", format!("container/{cluster}/{task}/{}", fabric.uuid())).to_string(),
            name: name.to_owned(),
            image: container["image"].as_str().unwrap_or_default().to_owned(),
            runtime_id: String::new(),
            cpu: size("cpu").unwrap_or_default(),
            memory: size("memory").or_else(|| size("memoryReservation")),
            last_status: "PENDING",
            exit_code: None,
            reason: None,
            log: None,
        }
    });
    made.collect()
}
