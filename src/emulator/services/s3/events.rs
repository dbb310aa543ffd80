//! Events of objects to EventBridge, for buckets that have it switched on: in order, ten a call, without holding up
//! the request that caused them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::object::Version;
use crate::emulator::fabric::Fabric;
use crate::emulator::service::{Call, Context, Origin, Protocol};
use crate::model::Timestamp;

/// Events that may wait; a writer waits for room beyond that, so that none is lost and memory stays bounded.
const QUEUE: usize = 10_000;
/// Entries of one `PutEvents`.
const BATCH: usize = 10;

/// What happened to an object.
#[derive(Debug, Clone)]
pub struct ObjectEvent {
    pub bucket: String,
    pub key: String,
    pub kind: EventKind,
    /// The version as an answer would name it.
    pub version_id: Option<String>,
    pub version: Option<Arc<Version>>,
}

/// The kinds of event, with what caused them.
#[derive(Debug, Clone, Copy)]
pub enum EventKind {
    /// The operation that made it: `PutObject`, `CopyObject`, `CompleteMultipartUpload`.
    Created(&'static str),
    DeletedForGood,
    MarkedDeleted,
}

/// Where handlers leave events.
#[derive(Clone)]
pub struct Notifier {
    queue: mpsc::Sender<(Timestamp, ObjectEvent)>,
    fabric: Fabric,
}

impl Notifier {
    /// A notifier whose worker ends with the endpoint.
    pub fn start(fabric: &Fabric) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(work(fabric.clone(), waiting));
        Self { queue, fabric: fabric.clone() }
    }

    /// Leaves an event to be sent.
    pub async fn notify(&self, event: ObjectEvent) {
        // The worker ends only with the endpoint.
        let _ = self.queue.send((self.fabric.clock().now(), event)).await;
    }
}

async fn work(fabric: Fabric, mut waiting: mpsc::Receiver<(Timestamp, ObjectEvent)>) {
    let shutdown = fabric.shutdown_token().clone();
    let mut batch = Vec::with_capacity(BATCH);
    let mut sequence: u64 = 0;
    loop {
        tokio::select! {
            count = waiting.recv_many(&mut batch, BATCH) => if count == 0 { return },
            () = shutdown.cancelled() => return,
        }
        let entries: Vec<Value> = batch
            .drain(..)
            .map(|(at, event)| {
                sequence += 1;
                entry(&fabric, at, sequence, &event)
            })
            .collect();
        let Some(events) = fabric.service("events") else { continue };
        // The endpoint itself speaks here, as its gateway does: both may use sources that begin with `aws.`.
        let context = Context { protocol: Protocol::Internal, origin: Origin::Gateway };
        let call = Call { operation: "PutEvents".to_owned(), input: json!({ "Entries": entries }), context };
        match events.call(call).await {
            Ok(answer) if answer.get("FailedEntryCount").and_then(Value::as_u64).unwrap_or_default() > 0 => {
                tracing::warn!(%answer, "EventBridge refused events of S3");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "EventBridge refused events of S3"),
        }
    }
}

fn entry(fabric: &Fabric, at: Timestamp, sequence: u64, event: &ObjectEvent) -> Value {
    let (detail_type, reason) = match event.kind {
        EventKind::Created(reason) => ("Object Created", reason),
        EventKind::DeletedForGood | EventKind::MarkedDeleted => ("Object Deleted", "DeleteObject"),
    };
    let mut object = json!({ "key": event.key });
    if let (EventKind::Created(_), Some(stored)) =
        (event.kind, event.version.as_ref().and_then(|version| version.object.as_ref()))
    {
        object["size"] = Value::from(stored.size);
        object["etag"] = Value::from(stored.etag.to_string());
    }
    if let Some(id) = &event.version_id {
        object["version-id"] = Value::from(id.as_str());
    }
    object["sequencer"] = Value::from(format!("{:016X}{sequence:08X}", at.micros()));
    let mut detail = json!({
        "version": "0",
        "bucket": { "name": event.bucket },
        "object": object,
        "request-id": fabric.token(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16),
        "requester": fabric.identity().account,
        "source-ip-address": "127.0.0.1",
        "reason": reason,
    });
    match event.kind {
        EventKind::Created(_) => {}
        EventKind::DeletedForGood => detail["deletion-type"] = Value::from("Permanently Deleted"),
        EventKind::MarkedDeleted => detail["deletion-type"] = Value::from("Delete Marker Created"),
    }
    json!({
        "Source": "aws.s3",
        "DetailType": detail_type,
        "Detail": detail.to_string(),
        "Resources": [format!("arn:aws:s3:::{}", event.bucket)],
        "Time": at.epoch_seconds(),
    })
}
