//! Events of objects to EventBridge, for buckets that have it switched on: in order, ten a call, without holding up
//! the request that caused them.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::object::ETag;
use crate::emulator::fabric::Fabric;
use crate::emulator::keep::{KeepError, Shelf};
use crate::emulator::service::{Call, Context, Origin, Protocol};
use crate::model::Timestamp;

/// Events that may wait; a writer waits for room beyond that, so that none is lost and memory stays bounded.
const QUEUE: usize = 10_000;
/// What sort of row an event is that waits.
const KIND: &str = "event";
/// Entries of one `PutEvents`.
const BATCH: usize = 10;

/// What happened to an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectEvent {
    pub bucket: String,
    pub key: String,
    pub kind: EventKind,
    /// The version as an answer would name it.
    pub version_id: Option<String>,
    /// Size and tag of what was stored.
    pub stored: Option<(u64, ETag)>,
}

/// The kinds of event, with what caused them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum EventKind {
    /// The operation that made it: `PutObject`, `CopyObject`, `CompleteMultipartUpload`.
    Created(Cow<'static, str>),
    DeletedForGood,
    MarkedDeleted,
}

/// An event that waits to be sent.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    at: Timestamp,
    /// How many went before it since the start.
    number: u64,
    event: ObjectEvent,
}

impl Waiting {
    /// What tells the order of events, and one from another.
    fn sequencer(&self) -> String {
        format!("{:016X}{:08X}", self.at.micros(), self.number)
    }
}

/// Where handlers leave events.
pub struct Notifier {
    queue: mpsc::Sender<Waiting>,
    fabric: Fabric,
    shelf: Shelf,
    sent: AtomicU64,
    /// What was not sent when the process before this one ended, until it is taken up.
    left: Mutex<Vec<Waiting>>,
}

impl Notifier {
    /// A notifier whose worker ends with the endpoint.
    ///
    /// # Errors
    /// When what was not sent before cannot be read.
    pub fn start(fabric: &Fabric, shelf: Shelf) -> Result<Self, KeepError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let left = shelf.all(KIND)?.into_iter().map(|(_, waiting)| waiting).collect();
        tokio::spawn(work(fabric.clone(), shelf.clone(), waiting));
        Ok(Self { queue, fabric: fabric.clone(), shelf, sent: AtomicU64::default(), left: Mutex::new(left) })
    }

    /// Sends what was left unsent.
    pub async fn resume(&self) {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        for waiting in left {
            let _ = self.queue.send(waiting).await;
        }
    }

    /// Leaves an event to be sent.
    pub async fn notify(&self, event: ObjectEvent) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let waiting = Waiting { at: self.fabric.clock().now(), number, event };
        if self.shelf.is_kept() {
            self.shelf.put(KIND, &waiting.sequencer(), &waiting);
        }
        // The worker ends only with the endpoint.
        let _ = self.queue.send(waiting).await;
    }
}

async fn work(fabric: Fabric, shelf: Shelf, mut waiting: mpsc::Receiver<Waiting>) {
    let shutdown = fabric.shutdown_token().clone();
    let mut batch: Vec<Waiting> = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = waiting.recv_many(&mut batch, BATCH) => if count == 0 { return },
            () = shutdown.cancelled() => return,
        }
        let entries: Vec<Value> = batch.iter().map(|waiting| entry(&fabric, waiting)).collect();
        let Some(events) = fabric.service("events") else {
            batch.clear();
            continue;
        };
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
        for waiting in batch.drain(..).filter(|_| shelf.is_kept()) {
            shelf.delete(KIND, &waiting.sequencer());
        }
    }
}

fn entry(fabric: &Fabric, waiting: &Waiting) -> Value {
    let Waiting { at, event, .. } = waiting;
    let (detail_type, reason) = match &event.kind {
        EventKind::Created(reason) => ("Object Created", &**reason),
        EventKind::DeletedForGood | EventKind::MarkedDeleted => ("Object Deleted", "DeleteObject"),
    };
    let mut object = json!({ "key": event.key });
    if let Some((size, etag)) = &event.stored {
        object["size"] = Value::from(*size);
        object["etag"] = Value::from(etag.to_string());
    }
    if let Some(id) = &event.version_id {
        object["version-id"] = Value::from(id.as_str());
    }
    object["sequencer"] = Value::from(waiting.sequencer());
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
