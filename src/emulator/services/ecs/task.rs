//! A task and its containers, as AWS shows them in answers and in events.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::kept::{Word, moments, optional_word, word};
use super::tags::Tag;
use crate::model::Timestamp;

/// A container of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Container {
    pub arn: String,
    pub name: String,
    pub image: String,
    pub runtime_id: String,
    pub cpu: i64,
    pub memory: Option<i64>,
    #[serde(deserialize_with = "word")]
    pub last_status: Word,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub log: Option<(String, String)>,
}

/// The network interface of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attachment {
    pub id: String,
    #[serde(deserialize_with = "word")]
    pub status: Word,
    pub subnet: String,
    pub groups: Vec<String>,
    pub zone: String,
    /// Id, private address, private name and MAC address, once it is there.
    pub interface: Option<[String; 4]>,
}

/// A task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    pub arn: String,
    pub cluster: String,
    pub cluster_arn: String,
    pub definition: String,
    pub family: String,
    pub group: String,
    pub provider: Option<String>,
    pub cpu: String,
    pub memory: String,
    pub overrides: Value,
    pub started_by: Option<String>,
    pub execute_command: bool,
    pub tags: Vec<Tag>,
    pub attachment: Option<Attachment>,
    pub containers: Vec<Container>,
    #[serde(deserialize_with = "word")]
    pub last_status: Word,
    #[serde(deserialize_with = "word")]
    pub desired_status: Word,
    pub version: u64,
    /// `createdAt`, `startedAt`, … in the order in which they came.
    #[serde(deserialize_with = "moments")]
    pub moments: Vec<(Word, Timestamp)>,
    #[serde(deserialize_with = "optional_word")]
    pub stop_code: Option<Word>,
    pub stopped_reason: Option<String>,
    /// Ends it before its time.
    #[serde(skip)]
    pub stop: CancellationToken,
}

impl Task {
    /// Notes when something happened, the first time that it does.
    pub fn at(&mut self, name: &'static str, now: Timestamp) {
        if !self.moments.iter().any(|(known, _)| *known == name) {
            self.moments.push((name, now));
        }
    }

    /// When that happened.
    #[must_use]
    pub fn moment(&self, name: &str) -> Option<Timestamp> {
        self.moments.iter().find(|(known, _)| *known == name).map(|(_, at)| *at)
    }

    /// Decides that it stops, and why; the first reason stays.
    pub fn end(&mut self, now: Timestamp, code: &'static str, reason: impl Into<String>) {
        if self.stop_code.is_none() {
            self.stop_code = Some(code);
            self.stopped_reason = Some(reason.into());
        }
        self.desired_status = "STOPPED";
        self.at("stoppingAt", now);
    }

    /// As an answer shows it, moments in seconds.
    #[must_use]
    pub fn shown(&self, with_tags: bool) -> Value {
        let mut shown = self.body(|at| json!(at.epoch_seconds()));
        shown.insert("tags".to_owned(), if with_tags { json!(self.tags) } else { json!([]) });
        Value::Object(shown)
    }

    /// The detail of an event, moments in ISO 8601.
    #[must_use]
    pub fn detail(&self, now: Timestamp) -> Value {
        let mut detail = self.body(|at| json!(at.iso_millis()));
        detail.insert("updatedAt".to_owned(), json!(now.iso_millis()));
        Value::Object(detail)
    }

    fn body(&self, written: impl Fn(Timestamp) -> Value) -> Map<String, Value> {
        let attachments: Value = self.attachment.iter().map(attachment).collect();
        let containers: Value = self.containers.iter().map(|one| container(one, self)).collect();
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                body.insert(name.to_owned(), value);
            }
        };
        put("attachments", attachments);
        put("attributes", json!([{ "name": "ecs.cpu-architecture", "value": "x86_64" }]));
        put("availabilityZone", json!(self.attachment.as_ref().map(|one| &one.zone)));
        put("capacityProviderName", json!(self.provider));
        put("clusterArn", json!(self.cluster_arn));
        put("connectivity", json!(self.moment("connectivityAt").map(|_| "CONNECTED")));
        put("containers", containers);
        put("cpu", json!(self.cpu));
        put("desiredStatus", json!(self.desired_status));
        put("enableExecuteCommand", json!(self.execute_command));
        put("ephemeralStorage", json!({ "sizeInGiB": 20 }));
        put("group", json!(self.group));
        put("healthStatus", json!("UNKNOWN"));
        put("lastStatus", json!(self.last_status));
        put("launchType", json!("FARGATE"));
        put("memory", json!(self.memory));
        put("overrides", self.overrides.clone());
        put("platformFamily", json!("Linux"));
        put("platformVersion", json!("1.4.0"));
        put("startedBy", json!(self.started_by));
        put("stopCode", json!(self.stop_code));
        put("stoppedReason", json!(self.stopped_reason));
        put("taskArn", json!(self.arn));
        put("taskDefinitionArn", json!(self.definition));
        put("version", json!(self.version));
        for (name, at) in &self.moments {
            put(name, written(*at));
        }
        body
    }
}

fn attachment(one: &Attachment) -> Value {
    let mut details = vec![json!({ "name": "subnetId", "value": one.subnet })];
    if let Some([id, address, name, mac]) = &one.interface {
        for (member, value) in
            [("networkInterfaceId", id), ("macAddress", mac), ("privateDnsName", name), ("privateIPv4Address", address)]
        {
            details.push(json!({ "name": member, "value": value }));
        }
    }
    json!({ "id": one.id, "type": "ElasticNetworkInterface", "status": one.status, "details": details })
}

fn container(one: &Container, task: &Task) -> Value {
    let interfaces: Value = task
        .attachment
        .iter()
        .filter_map(|attachment| {
            let [_, address, ..] = attachment.interface.as_ref()?;
            Some(json!({ "attachmentId": attachment.id, "privateIpv4Address": address }))
        })
        .collect();
    let mut shown = json!({
        "containerArn": one.arn,
        "taskArn": task.arn,
        "name": one.name,
        "image": one.image,
        "lastStatus": one.last_status,
        "networkBindings": [],
        "networkInterfaces": interfaces,
        "healthStatus": "UNKNOWN",
        "cpu": one.cpu.to_string(),
    });
    for (member, value) in [
        ("runtimeId", (!one.runtime_id.is_empty()).then(|| json!(one.runtime_id))),
        ("memory", one.memory.map(|memory| json!(memory.to_string()))),
        ("exitCode", one.exit_code.map(|code| json!(code))),
        ("reason", one.reason.as_ref().map(|reason| json!(reason))),
    ] {
        if let Some(value) = value {
            shown[member] = value;
        }
    }
    shown
}
