//! Log groups as targets: one event a delivery, where a resource policy lets its sender write.
//!
//! Whether it may is decided once a sender and change of policies, not once an event.

use std::sync::Arc;

use super::Logs;
use super::error::LogsError;
use super::grant::Request;
use super::group::Group;
use super::log::{EVENT_OVERHEAD, Log, StreamId};
use super::put::LARGEST_BATCH_BYTES;
use crate::emulator::ServiceError;
use crate::emulator::service::{Delivery, DeliveryError};

/// What a sender must be allowed.
const ACTIONS: &[&str] = &["logs:CreateLogStream", "logs:PutLogEvents"];
/// As whom EventBridge writes to log groups.
const EVENT_BUS: &str = "events.amazonaws.com";
/// The delivery service that EventBridge also writes as.
const LOG_DELIVERY: &str = "delivery.logs.amazonaws.com";

/// What is known of somebody who delivers to a group.
#[derive(Debug)]
pub struct Sender {
    /// `None` when an earlier start decided.
    principal: Option<&'static str>,
    /// The version of the policies by which it was decided.
    decided_at: u64,
    /// The stream that it writes to; `None` when it may not write.
    pub stream: Option<StreamId>,
}

impl Sender {
    /// Somebody who delivered to that stream at an earlier start: whether it still may is decided anew.
    pub const fn undecided(stream: Option<StreamId>) -> Self {
        Self { principal: None, decided_at: 0, stream }
    }
}

impl Logs {
    /// Writes what is delivered as one event.
    pub(super) fn take(&self, delivery: &Delivery) -> Result<(), DeliveryError> {
        let refused = |error: LogsError| DeliveryError::from(ServiceError::from(error));
        let group = self.by_arn(&delivery.target).map_err(refused)?;
        let size = delivery.payload.len() + EVENT_OVERHEAD;
        if delivery.payload.is_empty() || size > LARGEST_BATCH_BYTES {
            let message =
                format!("Log event of {size} bytes: {} to {LARGEST_BATCH_BYTES} are taken", EVENT_OVERHEAD + 1);
            return Err(refused(LogsError::invalid(message)));
        }
        let version = self.policies.version();
        let mut log = group.log_mut();
        // Read under the lock: what is written later has no earlier timestamp, so a poller misses nothing.
        let now = self.now_millis();
        let sender = log.senders.get(&delivery.source_arn);
        let before = sender.and_then(|sender| sender.stream);
        let decided =
            sender.is_some_and(|sender| sender.decided_at == version && sender.principal == Some(delivery.principal));
        let stream = if decided { before } else { self.decide(&group, &mut log, delivery, version, before) };
        let Some(stream) = stream else {
            let message = format!(
                "no resource policy of CloudWatch Logs allows {} to write to {} for {}",
                delivery.principal, group.arn, delivery.source_arn
            );
            return Err(DeliveryError::permanent("AccessDenied", message));
        };
        log.expire(now);
        log.append(stream, now, now, Arc::clone(&delivery.payload));
        Ok(())
    }

    /// The stream that the sender of a delivery writes to from now on; `None` when it may not write.
    fn decide(
        &self,
        group: &Group,
        log: &mut Log,
        delivery: &Delivery,
        version: u64,
        before: Option<StreamId>,
    ) -> Option<StreamId> {
        let name = before
            .and_then(|stream| log.stream(stream))
            .map_or_else(|| self.fabric.uuid(), |stream| stream.name.to_string());
        let stream = if self.may_write(group, &name, delivery) {
            before.or_else(|| log.create_stream(&name, self.now_millis()))
        } else {
            None
        };
        if stream != before {
            log.rows.sender(&delivery.source_arn, stream);
        }
        let sender = Sender { principal: Some(delivery.principal), decided_at: version, stream };
        log.senders.insert(Arc::clone(&delivery.source_arn), sender);
        stream
    }

    fn may_write(&self, group: &Group, stream: &str, delivery: &Delivery) -> bool {
        let resource = format!("{}:log-stream:{stream}", group.arn);
        let principals: &[&str] =
            if delivery.principal == EVENT_BUS { &[EVENT_BUS, LOG_DELIVERY] } else { &[delivery.principal] };
        principals.iter().any(|principal| {
            let request = Request { principal, resource: &resource, source_arn: &delivery.source_arn };
            self.policies.allow(&request, ACTIONS)
        })
    }
}
