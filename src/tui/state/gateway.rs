//! What the Gateway page knows: the scenarios and how they ended, what the gateway is in the middle of, and what it has
//! announced lately.

use std::collections::VecDeque;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::JobRequest;
use crate::model::{Check, GatewayState, GatewayStep, GatewayStepKind, Notification, REAL_SOURCE, Share, Timestamp};

/// Notifications that are kept.
const KEPT_SENT: usize = 1_000;
/// Seconds of real time that the throughput is kept for.
const KEPT_SECONDS: usize = 120;

/// A scenario that can be played.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioOffer {
    /// Its name.
    pub name: String,
    /// One line: what it shows.
    pub about: String,
    /// What clients and gateway do, in a few words.
    pub load: String,
    /// Its first client's dataset and its gateway, to be edited.
    #[serde(default)]
    pub job: Option<JobRequest>,
    /// What of it is not in that, each in a few words.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// A notification that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) modified: Timestamp,
}

/// What the Gateway page knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Gateway {
    pub(crate) now: Option<GatewayState>,
    pub(crate) share: Option<Share>,
    pub(crate) sent: VecDeque<Sent>,
    /// Notifications that are kept no more.
    pub(crate) forgotten: usize,
    /// How each scenario that was played ended.
    pub(crate) judged: IndexMap<String, Vec<Check>>,
    seconds: VecDeque<u64>,
    current: u64,
    closed_ms: u64,
}

impl Gateway {
    pub(crate) fn step(&mut self, at: Timestamp, step: &GatewayStep) {
        match step.step {
            GatewayStepKind::Uploaded | GatewayStepKind::PartialUploaded => self.current += step.object_size,
            GatewayStepKind::Notified => {
                if self.sent.len() == KEPT_SENT {
                    self.sent.pop_front();
                    self.forgotten += 1;
                }
                self.sent.push_back(Sent {
                    at,
                    key: step.object_key.clone(),
                    size: step.object_size,
                    modified: step.modified.unwrap_or(at),
                });
            }
            GatewayStepKind::Written => {}
        }
    }

    /// Real time has passed.
    pub(crate) fn tick(&mut self, ms: u64) {
        while self.closed_ms + 1_000 <= ms {
            // After a long pause there is nothing but empty seconds.
            self.closed_ms = (self.closed_ms + 1_000).max(ms.saturating_sub(KEPT_SECONDS as u64 * 1_000));
            if self.seconds.len() == KEPT_SECONDS {
                self.seconds.pop_front();
            }
            self.seconds.push_back(std::mem::take(&mut self.current));
        }
    }

    /// Bytes of each of the last seconds, the oldest first.
    pub(crate) fn seconds(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
        self.seconds.iter().copied()
    }

    /// Bytes a second, lately.
    pub(crate) fn rate(&self) -> u64 {
        let lately: Vec<u64> = self.seconds.iter().rev().take(3).copied().collect();
        lately.iter().sum::<u64>() / (lately.len() as u64).max(1)
    }

    /// How a scenario ended: checks that hold, and all of them.
    pub(crate) fn verdict(&self, name: &str) -> Option<(usize, usize)> {
        let checks = self.judged.get(name)?;
        Some((checks.iter().filter(|check| check.holds).count(), checks.len()))
    }

    /// The event that a notification is.
    pub(crate) fn payload(&self, sent: &Sent) -> Value {
        let notification =
            Notification { object_key: sent.key.clone(), object_size: sent.size, modified: sent.modified };
        match &self.share {
            Some(share) => notification.event(share, REAL_SOURCE, sent.at),
            None => json!({ "detail": { "object-key": sent.key, "object-size": sent.size } }),
        }
    }
}

/// Faults of the endpoint that can be chosen: what they do, and what its `/_vaultscope/faults` is asked for.
pub(crate) fn faults() -> [(&'static str, Option<Value>); 7] {
    [
        (
            "DynamoDB throttles 30 writes",
            Some(json!({"kind": "throttle", "service": "dynamodb", "operation": "PutItem", "count": 30})),
        ),
        (
            "S3 answers 50 uploads half a second late",
            Some(json!({"kind": "delay", "service": "s3", "operation": "PutObject", "count": 50, "delay_ms": 500})),
        ),
        (
            "S3 fails inside for 20 uploads",
            Some(json!({"kind": "error", "service": "s3", "operation": "PutObject", "count": 20, "rate": 0.5})),
        ),
        ("30 deliveries come twice", Some(json!({"kind": "duplicate", "count": 30}))),
        ("5 deliveries are lost once", Some(json!({"kind": "drop", "count": 5}))),
        ("3 invocations of eventWriter fail", Some(json!({"kind": "fail", "function": "*-eventWriter*", "count": 3}))),
        ("take all faults back", None),
    ]
}
