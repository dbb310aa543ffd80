//! Operations on tasks that are there: describe, list, stop.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecs;
use super::cluster::name_of;
use super::error::Error;
use super::page::{MOST, page};
use super::task::Task;
use crate::emulator::Context;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    #[serde(default)]
    cluster: Option<String>,
    tasks: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

/// The id of a task that is named by itself or by its ARN.
fn id_of(given: &str) -> &str {
    given.rsplit('/').next().unwrap_or(given)
}

pub(super) async fn describe(ecs: &Ecs, input: Describe, _: &Context) -> Result<Value, Error> {
    if input.tasks.is_empty() {
        return Err(Error::invalid("Tasks cannot be empty."));
    }
    if input.tasks.len() > 100 {
        return Err(Error::invalid("Tasks cannot have more than 100 entries."));
    }
    let with_tags = input.include.iter().any(|one| one == "TAGS");
    let state = ecs.shared.state();
    let cluster = state.cluster(input.cluster.as_deref())?.0;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &input.tasks {
        let id = id_of(given);
        if let Some(task) = state.tasks.get(id).filter(|task| task.cluster == cluster) {
            found.push(task.shown(with_tags));
        } else {
            let arn = ecs.shared.fabric.arn("ecs", format!("task/{cluster}/{id}")).to_string();
            failures.push(json!({ "arn": arn, "reason": "MISSING" }));
        }
    }
    Ok(json!({ "tasks": found, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    container_instance: Option<String>,
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    started_by: Option<String>,
    #[serde(default)]
    service_name: Option<String>,
    #[serde(default)]
    desired_status: Option<String>,
    #[serde(default)]
    launch_type: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    next_token: Option<String>,
}

pub(super) async fn list(ecs: &Ecs, input: List, _: &Context) -> Result<Value, Error> {
    if let Some(service) = &input.service_name {
        return Err(Error::Unsupported(format!("services, such as {service}")));
    }
    let wanted = input.desired_status.as_deref().unwrap_or("RUNNING");
    if !["RUNNING", "PENDING", "STOPPED"].contains(&wanted) {
        return Err(Error::invalid(format!("desiredStatus {wanted} is not one of RUNNING, PENDING, STOPPED.")));
    }
    let state = ecs.shared.state();
    let cluster = state.cluster(input.cluster.as_deref())?.0;
    let fits = |task: &&Task| {
        task.cluster == cluster
            && task.desired_status == wanted
            && input.family.as_ref().is_none_or(|family| *family == task.family)
            && input.started_by.as_ref().is_none_or(|by| Some(by) == task.started_by.as_ref())
            && input.launch_type.as_ref().is_none_or(|kind| kind == "FARGATE")
            && input.container_instance.is_none()
    };
    let arns = state.tasks.values().filter(fits).map(|task| task.arn.clone()).collect();
    page("taskArns", arns, input.max_results.unwrap_or(MOST), input.next_token.as_deref())
}

#[derive(Deserialize)]
pub(super) struct Stop {
    #[serde(default)]
    cluster: Option<String>,
    task: String,
    #[serde(default)]
    reason: Option<String>,
}

pub(super) async fn stop(ecs: &Ecs, input: Stop, _: &Context) -> Result<Value, Error> {
    let now = ecs.shared.fabric.clock().now();
    let mut state = ecs.shared.state();
    state.cluster(input.cluster.as_deref())?;
    let cluster = name_of(input.cluster.as_deref());
    let task = state.tasks.get_mut(id_of(&input.task)).filter(|task| task.cluster == cluster);
    let task = task.ok_or_else(|| Error::invalid("The referenced task was not found."))?;
    if task.desired_status != "STOPPED" {
        task.end(now, "UserInitiated", input.reason.unwrap_or_else(|| "Task stopped by user".to_owned()));
        task.version += 1;
        task.stop.cancel();
        ecs.shared.tell(task, now);
    }
    Ok(json!({ "task": task.shown(true) }))
}
