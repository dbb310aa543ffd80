//! The clock of a vaultscope endpoint in another process, over its own path `/_vaultscope/clock`.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::model::Timestamp;

const LIMIT: Duration = Duration::from_secs(3);
const LARGEST_ANSWER: usize = 1 << 16;

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

async fn call(url: &str, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
    tokio::time::timeout(LIMIT, exchange(url, method, path, body)).await.context("it does not answer")?
}

async fn exchange(url: &str, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
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
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = http_body_util::Limited::new(answer.into_body(), LARGEST_ANSWER)
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?
        .to_bytes();
    drop(sender);
    connection.abort();
    if !status.is_success() {
        bail!("it answers with status {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(serde_json::from_slice(&body)?)
}
