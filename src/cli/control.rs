//! A vaultscope endpoint in another process, over its own paths below `/_vaultscope/`: its clock, and what else it tells;
//! and operations of services that we have no client of.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::model::Timestamp;

const LIMIT: Duration = Duration::from_secs(3);
/// An operation may have files to look through first.
const OPERATION_LIMIT: Duration = Duration::from_secs(60);
const LARGEST_ANSWER: usize = 1 << 24;

/// What a vaultscope endpoint says of its clock.
#[derive(Debug, Deserialize)]
struct Reading {
    now: Timestamp,
    rate: f64,
    paused: bool,
}

/// A clock that runs as the endpoint's does; `None` when the endpoint is none of ours.
pub async fn clock_of(url: &str) -> Option<Clock> {
    let answer = call(url, Method::GET, "/_vaultscope/clock", None).await.ok()?;
    follow(answer).ok()
}

/// Changes the endpoint's clock: `rate`, `paused`, `step_seconds`.
///
/// # Errors
/// When the endpoint is none of ours or refuses the change.
pub async fn change_clock(url: &str, change: Value) -> anyhow::Result<()> {
    call(url, Method::POST, "/_vaultscope/clock", Some(change))
        .await
        .with_context(|| format!("{url} has no clock that could be changed: only `vaultscope emulator` has one"))?;
    Ok(())
}

/// What a path of an endpoint answers in JSON.
///
/// # Errors
/// When nothing answers in time, or with no success, or with no JSON.
pub async fn get(url: &str, path: &str) -> anyhow::Result<Value> {
    call(url, Method::GET, path, None).await
}

fn follow(answer: Value) -> anyhow::Result<Clock> {
    let reading: Reading = serde_json::from_value(answer)?;
    let clock = Clock::starting_at(reading.now);
    clock.set_rate(reading.rate)?;
    if reading.paused {
        clock.pause();
    }
    Ok(clock)
}

/// What a path of an endpoint answers to a JSON document.
///
/// # Errors
/// As [`get`].
pub async fn post(url: &str, path: &str, body: Value) -> anyhow::Result<Value> {
    call(url, Method::POST, path, Some(body)).await
}

/// Removes what a path of an endpoint names.
///
/// # Errors
/// As [`get`].
pub async fn delete(url: &str, path: &str) -> anyhow::Result<Value> {
    call(url, Method::DELETE, path, None).await
}

/// An operation of a service that speaks AWS JSON 1.1, by its `X-Amz-Target`; nothing is signed.
///
/// # Errors
/// What the service refuses it with, or when nothing answers in time.
pub async fn operate(url: &str, target: &str, input: Value) -> anyhow::Result<Value> {
    let exchange = exchange(url, Method::POST, "/", Some(target), Some(input));
    let (status, body) = tokio::time::timeout(OPERATION_LIMIT, exchange).await.context("it does not answer")??;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(answer);
    }
    let operation = target.rsplit('.').next().unwrap_or(target);
    let text = |member: &str| answer[member].as_str();
    let message = text("message").or_else(|| text("Message")).unwrap_or("it says nothing more");
    let code = answer["error"]["errorCode"].as_str().or_else(|| text("__type")).unwrap_or(status.as_str());
    bail!("{operation} was refused with {code}: {message}")
}

/// The text that a path answers with, whatever it is.
///
/// # Errors
/// When nothing answers in time, or with no success.
pub async fn text(url: &str, path: &str) -> anyhow::Result<String> {
    let exchange = exchange(url, Method::GET, path, None, None);
    let (status, body) = tokio::time::timeout(LIMIT, exchange).await.context("it does not answer")??;
    let text = String::from_utf8_lossy(&body).trim().to_owned();
    if !status.is_success() {
        bail!("it answers with status {status}: {text}");
    }
    Ok(text)
}

async fn call(url: &str, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
    let exchange = exchange(url, method, path, None, body);
    let (status, body) = tokio::time::timeout(LIMIT, exchange).await.context("it does not answer")??;
    if !status.is_success() {
        bail!("it answers with status {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(serde_json::from_slice(&body)?)
}

async fn exchange(
    url: &str,
    method: Method,
    path: &str,
    target: Option<&str>,
    body: Option<Value>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let uri: Uri = url.parse()?;
    if uri.scheme_str() != Some("http") {
        bail!("only plain http is spoken there");
    }
    let host = uri.host().context("it names no host")?;
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let authority = uri.authority().map_or(host, http::uri::Authority::as_str);
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", authority)
        .header("content-type", if target.is_some() { "application/x-amz-json-1.1" } else { "application/json" });
    let request = match target {
        Some(target) => request.header("x-amz-target", target),
        None => request,
    };
    let request = request.body(Full::new(body))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = http_body_util::Limited::new(answer.into_body(), LARGEST_ANSWER)
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?
        .to_bytes();
    drop(sender);
    connection.abort();
    Ok((status, body))
}
