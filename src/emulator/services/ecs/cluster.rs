//! Clusters: a name for tasks to be in. Tasks run on Fargate, so none has container instances.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::page::{MOST, page};
use super::tags::{Tag, checked};
use super::{Ecs, Shared, State};
use crate::emulator::Context;

/// A cluster.
#[derive(Serialize, Deserialize)]
pub struct Cluster {
    pub arn: String,
    pub active: bool,
    pub tags: Vec<Tag>,
    settings: Value,
    configuration: Value,
    providers: Vec<String>,
    pub strategy: Value,
}

/// Capacity providers that need no instances.
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// The name of a cluster that is named by itself or by its ARN; `default` where none is given.
pub fn name_of(given: Option<&str>) -> &str {
    let given = given.filter(|given| !given.is_empty()).unwrap_or("default");
    given.split_once(":cluster/").map_or(given, |(_, name)| name)
}

fn check_providers(providers: &[String]) -> Result<(), Error> {
    match providers.iter().find(|name| !PROVIDERS.contains(&name.as_str())) {
        Some(name) => Err(Error::invalid(format!(
            "The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again."
        ))),
        None => Ok(()),
    }
}

fn check_settings(settings: &Value) -> Result<Value, Error> {
    let entries = settings.as_array().ok_or_else(|| Error::invalid("settings must be a list"))?;
    for entry in entries {
        let fits = entry["name"] == "containerInsights"
            && matches!(entry["value"].as_str(), Some("enabled" | "disabled" | "enhanced"));
        if !fits {
            return Err(Error::invalid(
                "Invalid setting name or value for a cluster: only containerInsights is there.",
            ));
        }
    }
    Ok(settings.clone())
}

impl State {
    /// The active cluster of that name or ARN.
    ///
    /// # Errors
    /// `ClusterNotFoundException`.
    pub fn cluster(&self, given: Option<&str>) -> Result<(&str, &Cluster), Error> {
        let found = self.clusters.get_key_value(name_of(given)).filter(|(_, cluster)| cluster.active);
        found.map(|(name, cluster)| (name.as_str(), cluster)).ok_or(Error::ClusterNotFound)
    }

    fn cluster_mut(&mut self, given: Option<&str>) -> Result<&mut Cluster, Error> {
        self.clusters.get_mut(name_of(given)).filter(|cluster| cluster.active).ok_or(Error::ClusterNotFound)
    }

    fn shown_cluster(&self, name: &str, cluster: &Cluster, include: &[String]) -> Value {
        let count = |wanted: &[&str]| {
            self.tasks.values().filter(|task| task.cluster == name && wanted.contains(&task.last_status)).count()
        };
        let with = |what: &str| include.iter().any(|one| one == what);
        let mut shown = json!({
            "clusterArn": cluster.arn,
            "clusterName": name,
            "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": count(&["RUNNING"]),
            "pendingTasksCount": count(&["PROVISIONING", "PENDING"]),
            "activeServicesCount": 0,
            "statistics": [],
            "tags": if with("TAGS") { json!(cluster.tags) } else { json!([]) },
            "settings": if with("SETTINGS") { cluster.settings.clone() } else { json!([]) },
            "capacityProviders": cluster.providers,
            "defaultCapacityProviderStrategy": cluster.strategy,
        });
        if with("CONFIGURATIONS") && !cluster.configuration.is_null() {
            shown["configuration"] = cluster.configuration.clone();
        }
        shown
    }
}

impl Shared {
    fn cluster_arn(&self, name: &str) -> String {
        self.fabric.arn("ecs", format!("cluster/{name}")).to_string()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given {
    #[serde(default)]
    cluster_name: Option<String>,
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    settings: Option<Value>,
    #[serde(default)]
    configuration: Value,
    #[serde(default)]
    capacity_providers: Vec<String>,
    #[serde(default)]
    default_capacity_provider_strategy: Option<Value>,
    #[serde(default)]
    service_connect_defaults: Value,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Given {
    fn strategy(&self) -> Result<Value, Error> {
        let strategy = self.default_capacity_provider_strategy.clone().unwrap_or_else(|| json!([]));
        let entries = strategy.as_array().ok_or_else(|| Error::invalid("a strategy must be a list"))?;
        for entry in entries {
            let name = entry["capacityProvider"].as_str().unwrap_or_default();
            if !self.capacity_providers.iter().any(|provider| provider == name) {
                return Err(Error::invalid(
                    "The default capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.",
                ));
            }
        }
        Ok(strategy)
    }

    fn refuse_unsupported(&self) -> Result<(), Error> {
        match self.service_connect_defaults {
            Value::Null => Ok(()),
            _ => Err(Error::Unsupported("serviceConnectDefaults of a cluster".to_owned())),
        }
    }
}

pub(super) async fn create_cluster(ecs: &Ecs, input: Given, _: &Context) -> Result<Value, Error> {
    input.refuse_unsupported()?;
    check_providers(&input.capacity_providers)?;
    let strategy = input.strategy()?;
    let name = input.cluster_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("default").to_owned();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.len() > 255 || !name.bytes().all(fits) {
        return Err(Error::invalid("Cluster name contains invalid characters."));
    }
    let settings = input.settings.as_ref().map(check_settings).transpose()?;
    let cluster = Cluster {
        arn: ecs.shared.cluster_arn(&name),
        active: true,
        tags: checked(input.tags)?,
        settings: settings.unwrap_or_else(|| json!([{"name": "containerInsights", "value": "disabled"}])),
        configuration: input.configuration,
        providers: input.capacity_providers,
        strategy,
    };
    let mut state = ecs.shared.state();
    // As on AWS, creating a cluster that is there answers with it as it is.
    if state.cluster(Some(&name)).is_err() {
        state.clusters.insert(name.clone(), cluster);
    }
    let (name, cluster) = state.cluster(Some(&name))?;
    let all = ["TAGS", "SETTINGS", "CONFIGURATIONS"].map(str::to_owned);
    Ok(json!({ "cluster": state.shown_cluster(name, cluster, &all) }))
}

pub(super) async fn update_cluster(ecs: &Ecs, input: Given, _: &Context) -> Result<Value, Error> {
    input.refuse_unsupported()?;
    let settings = input.settings.as_ref().map(check_settings).transpose()?;
    let mut state = ecs.shared.state();
    let cluster = state.cluster_mut(input.cluster.as_deref())?;
    if let Some(settings) = settings {
        cluster.settings = settings;
    }
    if !input.configuration.is_null() {
        cluster.configuration = input.configuration;
    }
    let (name, cluster) = state.cluster(input.cluster.as_deref())?;
    let all = ["SETTINGS", "CONFIGURATIONS"].map(str::to_owned);
    Ok(json!({ "cluster": state.shown_cluster(name, cluster, &all) }))
}

pub(super) async fn put_cluster_capacity_providers(ecs: &Ecs, input: Given, _: &Context) -> Result<Value, Error> {
    check_providers(&input.capacity_providers)?;
    let strategy = input.strategy()?;
    let mut state = ecs.shared.state();
    let cluster = state.cluster_mut(input.cluster.as_deref())?;
    cluster.providers = input.capacity_providers;
    cluster.strategy = strategy;
    let (name, cluster) = state.cluster(input.cluster.as_deref())?;
    Ok(json!({ "cluster": state.shown_cluster(name, cluster, &[]) }))
}

pub(super) async fn delete_cluster(ecs: &Ecs, input: Given, _: &Context) -> Result<Value, Error> {
    if input.cluster.is_none() {
        return Err(Error::invalid("Cluster identifier is empty."));
    }
    let mut state = ecs.shared.state();
    let name = state.cluster(input.cluster.as_deref())?.0.to_owned();
    if state.tasks.values().any(|task| task.cluster == name && task.last_status != "STOPPED") {
        return Err(Error::ClusterContainsTasks);
    }
    state.cluster_mut(Some(&name))?.active = false;
    let shown = state.clusters.get(&name).map(|cluster| state.shown_cluster(&name, cluster, &[]));
    Ok(json!({ "cluster": shown }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) async fn describe_clusters(ecs: &Ecs, input: Describe, _: &Context) -> Result<Value, Error> {
    if input.clusters.len() > 100 {
        return Err(Error::invalid("Clusters cannot have more than 100 entries."));
    }
    let wanted = if input.clusters.is_empty() { vec!["default".to_owned()] } else { input.clusters };
    let state = ecs.shared.state();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in wanted {
        let name = name_of(Some(&given));
        match state.clusters.get(name) {
            Some(cluster) => found.push(state.shown_cluster(name, cluster, &input.include)),
            None => failures.push(json!({ "arn": ecs.shared.cluster_arn(name), "reason": "MISSING" })),
        }
    }
    Ok(json!({ "clusters": found, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    next_token: Option<String>,
}

pub(super) async fn list_clusters(ecs: &Ecs, input: List, _: &Context) -> Result<Value, Error> {
    let state = ecs.shared.state();
    let arns = state.clusters.values().filter(|cluster| cluster.active).map(|cluster| cluster.arn.clone()).collect();
    page("clusterArns", arns, input.max_results.unwrap_or(MOST), input.next_token.as_deref())
}
