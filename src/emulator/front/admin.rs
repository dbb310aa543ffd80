//! The endpoint's own paths: health as LocalStack writes it, and `/_vaultscope/` for clock, trace and faults.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::with_body;
use crate::emulator::endpoint::Endpoint;
use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::emulator::service::{ReplyBody, Service};

const JSON: &str = "application/json";

/// Hops that one answer of `/_vaultscope/trace` holds at the most.
const TRACE_PAGE: usize = 1_000;

/// The path below the endpoint's own prefixes; `None` for a path of AWS.
pub fn path_of(path: &str) -> Option<&str> {
    match path {
        "/_localstack/health" => Some("health"),
        _ => path.strip_prefix("/_vaultscope/"),
    }
}

/// Answers one request to the endpoint's own paths.
pub fn answer(fabric: &Fabric, method: &Method, path: &str, query: &str, body: &Bytes) -> Response<ReplyBody> {
    let result = match (method, path) {
        (&Method::GET, "health") => Ok(health(fabric)),
        (&Method::GET, "clock") => Ok(json!(fabric.clock().reading())),
        (&Method::POST, "clock") => set_clock(fabric, body),
        (&Method::GET, "state") => Ok(state(fabric)),
        (&Method::GET, "trace") if query.starts_with("about=") => {
            let key = query.trim_start_matches("about=");
            let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy();
            Ok(json!({ "hops": fabric.hops_about(&key, TRACE_PAGE) }))
        }
        (&Method::GET, "trace") => {
            let (hops, dropped) = fabric.hops(TRACE_PAGE);
            Ok(json!({ "hops": hops, "dropped": dropped }))
        }
        (&Method::GET, "faults") => Ok(fabric.faults().list()),
        (&Method::POST, "faults") => {
            fabric.faults().add(body, fabric.services().iter().map(|service| &**service as &dyn Service))
        }
        (&Method::DELETE, "faults") => Ok(json!({ "removed": fabric.faults().remove(None) })),
        (&Method::DELETE, _) if path.starts_with("faults/") => remove_fault(fabric, path),
        _ => Err(ServiceError::client("NotFound", format!("there is no {method} /_vaultscope/{path}"))
            .with_status(StatusCode::NOT_FOUND)),
    };
    match result {
        Ok(value) => with_body(StatusCode::OK, JSON, "", value.to_string()),
        Err(error) => super::error_reply(&error, "1.1"),
    }
}

fn health(fabric: &Fabric) -> Value {
    let services: Map<String, Value> =
        fabric.services().iter().map(|service| (service.interface().id.to_owned(), Value::from("running"))).collect();
    json!({ "services": services, "edition": "vaultscope", "version": env!("CARGO_PKG_VERSION") })
}

/// What every service holds, and where it is kept.
fn state(fabric: &Fabric) -> Value {
    let counts = |service: &Arc<dyn Service>| {
        let counts: Map<String, Value> =
            service.summary().into_iter().map(|(what, count)| (what.to_owned(), count.into())).collect();
        (service.interface().id.to_owned(), counts.into())
    };
    let services: Map<String, Value> = fabric.services().iter().map(counts).collect();
    json!({
        "data_dir": fabric.keep().folder().map(|folder| folder.display().to_string()),
        "starts": fabric.keep().starts(),
        "services": services,
    })
}

/// Whether a path is about all of the endpoint, so that it must outlive the services.
pub fn is_of_the_whole(path: &str) -> bool {
    matches!(path, "reset" | "restore" | "snapshot") || path.starts_with("snapshot/")
}

/// The body of a POST to `/_vaultscope/snapshot` and `/_vaultscope/restore`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

/// Answers one request to a path of [`is_of_the_whole`].
pub async fn answer_of_the_whole(
    endpoint: &Endpoint,
    method: &Method,
    path: &str,
    body: &Bytes,
) -> Response<ReplyBody> {
    let named = || serde_json::from_slice(body).map(|Named { name }| name).map_err(ServiceError::serialization);
    let keep = || endpoint.fabric().keep().clone();
    let result = match (method, path.split_once('/').map_or((path, None), |(path, name)| (path, Some(name)))) {
        (&Method::POST, ("reset", None)) => {
            endpoint.reset().await.map(|()| state(&endpoint.fabric())).map_err(ServiceError::from)
        }
        (&Method::POST, ("restore", None)) => match named() {
            Ok(name) => endpoint.restore(&name).await.map(|()| state(&endpoint.fabric())).map_err(ServiceError::from),
            Err(error) => Err(error),
        },
        (&Method::GET, ("snapshot", None)) => {
            keep().snapshots().map(|snapshots| json!({ "snapshots": snapshots })).map_err(ServiceError::from)
        }
        (&Method::POST, ("snapshot", None)) => match named() {
            Ok(name) => keep().take_snapshot(&name).await.map(|taken| json!(taken)).map_err(ServiceError::from),
            Err(error) => Err(error),
        },
        (&Method::DELETE, ("snapshot", Some(name))) => {
            keep().remove_snapshot(name).map(|()| json!({ "removed": name })).map_err(ServiceError::from)
        }
        _ => Err(ServiceError::client("NotFound", format!("there is no {method} /_vaultscope/{path}"))
            .with_status(StatusCode::NOT_FOUND)),
    };
    match result {
        Ok(value) => with_body(StatusCode::OK, JSON, "", value.to_string()),
        Err(error) => super::error_reply(&error, "1.1"),
    }
}

/// What a POST to `/_vaultscope/clock` may ask for; members left out stay as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    rate: Option<f64>,
    paused: Option<bool>,
    step_seconds: Option<f64>,
}

fn set_clock(fabric: &Fabric, body: &Bytes) -> Result<Value, ServiceError> {
    let change: ClockChange = serde_json::from_slice(body).map_err(ServiceError::serialization)?;
    let clock = fabric.clock();
    if let Some(rate) = change.rate {
        clock.set_rate(rate).map_err(|error| ServiceError::validation(error.to_string()))?;
    }
    match change.paused {
        Some(true) => clock.pause(),
        Some(false) => clock.resume(),
        None => {}
    }
    if let Some(seconds) = change.step_seconds {
        let step = Duration::try_from_secs_f64(seconds)
            .map_err(|error| ServiceError::validation(format!("step_seconds {seconds} is no duration: {error}")))?;
        clock.step(step);
    }
    fabric.keep().keep_moment();
    Ok(json!(clock.reading()))
}

fn remove_fault(fabric: &Fabric, path: &str) -> Result<Value, ServiceError> {
    let named = path.strip_prefix("faults/").unwrap_or_default();
    let removed = named.parse().map_or(0, |id| fabric.faults().remove(Some(id)));
    if removed == 0 {
        let message = format!("there is no fault {named:?}: GET /_vaultscope/faults lists them with their ids");
        return Err(ServiceError::client("NotFound", message).with_status(StatusCode::NOT_FOUND));
    }
    Ok(json!({ "removed": removed }))
}
