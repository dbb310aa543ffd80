//! ECS beyond AWS's protocol: the table of images at `/_vaultscope/images`, and the task metadata endpoint, version 4,
//! which containers are told by `ECS_CONTAINER_METADATA_URI_V4`.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use super::Shared;
use super::task::{Container, Task};
use crate::emulator::front;
use crate::emulator::service::{ReplyBody, RequestBody};
use crate::model::Timestamp;

/// Paths below this one are the metadata endpoint's.
pub const PREFIX: &str = "/_vaultscope/ecs/";
const IMAGES: &str = "/_vaultscope/images";
const LARGEST_BODY: usize = 1024 * 1024;

type Answer = Result<Value, (StatusCode, String)>;

/// Answers one request.
pub async fn answer(shared: &Shared, request: Request<RequestBody>) -> Response<ReplyBody> {
    let (parts, body) = request.into_parts();
    let answer = match (&parts.method, parts.uri.path()) {
        (&Method::GET, IMAGES) => Ok(shared.images().shown()),
        (&Method::POST, IMAGES) => match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(body) => register(shared, &body.to_bytes()),
            Err(error) => Err((StatusCode::BAD_REQUEST, format!("the table of images cannot be read: {error}"))),
        },
        (&Method::GET, path) => match path.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix("v4/")) {
            Some(rest) => metadata(shared, rest.trim_end_matches('/')),
            None => Err((StatusCode::NOT_FOUND, format!("there is no GET {path}"))),
        },
        (method, path) => Err((StatusCode::NOT_FOUND, format!("there is no {method} {path}"))),
    };
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err((status, message)) => (status, json!({ "message": message })),
    };
    let mut reply = Response::new(front::full(body.to_string()));
    *reply.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    reply.headers_mut().insert(http::header::CONTENT_TYPE, json);
    reply
}

fn register(shared: &Shared, body: &Bytes) -> Answer {
    let table = serde_json::from_slice(body)
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("the body is not valid JSON: {error}")))?;
    let mut images = shared.images();
    images.register(&table).map_err(|problem| (StatusCode::BAD_REQUEST, problem))?;
    Ok(images.shown())
}

fn metadata(shared: &Shared, path: &str) -> Answer {
    let (runtime_id, rest) = path.split_once('/').unwrap_or((path, ""));
    let state = shared.state();
    let found = state.tasks.values().find_map(|task| {
        let container = task.containers.iter().find(|one| !runtime_id.is_empty() && one.runtime_id == runtime_id)?;
        Some((task, container))
    });
    let missing = |what: String| (StatusCode::NOT_FOUND, what);
    let (task, own) =
        found.ok_or_else(|| missing(format!("V4 container metadata handler: no container {runtime_id}")))?;
    match rest {
        "" => Ok(container(task, own)),
        "task" => {
            let moment = |name: &str| task.moment(name).map(Timestamp::iso_millis);
            Ok(json!({
                "Cluster": task.cluster_arn,
                "TaskARN": task.arn,
                "Family": task.family,
                "Revision": task.definition.rsplit(':').next(),
                "DesiredStatus": task.desired_status,
                "KnownStatus": task.last_status,
                "Limits": {
                    "CPU": task.cpu.parse::<f64>().unwrap_or_default() / 1024.0,
                    "Memory": task.memory.parse::<u64>().unwrap_or_default(),
                },
                "PullStartedAt": moment("pullStartedAt"),
                "PullStoppedAt": moment("pullStoppedAt"),
                "AvailabilityZone": task.attachment.as_ref().map(|one| &one.zone),
                "LaunchType": "FARGATE",
                "Containers": task.containers.iter().map(|one| container(task, one)).collect::<Value>(),
            }))
        }
        other => Err(missing(format!("the embedded endpoint does not implement the metadata path /{other}"))),
    }
}

fn container(task: &Task, one: &Container) -> Value {
    let mut shown = json!({
        "DockerId": one.runtime_id,
        "Name": one.name,
        "DockerName": one.name,
        "Image": one.image,
        "Labels": {
            "com.amazonaws.ecs.cluster": task.cluster_arn,
            "com.amazonaws.ecs.container-name": one.name,
            "com.amazonaws.ecs.task-arn": task.arn,
            "com.amazonaws.ecs.task-definition-family": task.family,
            "com.amazonaws.ecs.task-definition-version": task.definition.rsplit(':').next(),
        },
        "DesiredStatus": task.desired_status,
        "KnownStatus": one.last_status,
        "Limits": { "CPU": one.cpu },
        "CreatedAt": task.moment("createdAt").map(Timestamp::iso_millis),
        "StartedAt": task.moment("startedAt").map(Timestamp::iso_millis),
        "Type": "NORMAL",
        "ContainerARN": one.arn,
    });
    if let Some((group, stream)) = &one.log {
        shown["LogDriver"] = json!("awslogs");
        shown["LogOptions"] = json!({ "awslogs-group": group, "awslogs-stream": stream });
    }
    if let Some([_, address, name, mac]) = task.attachment.as_ref().and_then(|one| one.interface.as_ref()) {
        shown["Networks"] = json!([{
            "NetworkMode": "awsvpc", "IPv4Addresses": [address], "MACAddress": mac, "PrivateDNSName": name,
        }]);
    }
    shown
}
