//! The simulated gateway's way to a bucket and to the default event bus.
//!
//! Only AWS may put events of `aws.` sources. The endpoint in our own process lets its own gateway do so; everywhere else
//! the notifications carry the simulator's source, which the stack's rule takes beside the real one.

use std::sync::Arc;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};

use crate::aws::{Clients, Kind, Problem};
use crate::emulator::Emulator;
use crate::sim::{GatewayPort, Notification, ObjectPut, PortError, REAL_SOURCE, SIMULATOR_SOURCE, Share};

/// The gateway's side of S3 and of the event bus.
pub struct Port {
    clients: Clients,
    share: Share,
    emulator: Option<Arc<Emulator>>,
}

impl Port {
    /// A port to the share's bucket; `emulator` is the endpoint where it is in this process.
    pub fn new(clients: Clients, share: Share, emulator: Option<Arc<Emulator>>) -> Self {
        Self { clients, share, emulator }
    }

    async fn put_events(&self, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
        let entries = batch.iter().map(|notification| {
            PutEventsRequestEntry::builder()
                .source(SIMULATOR_SOURCE)
                .detail_type(crate::sim::DETAIL_TYPE)
                .detail(notification.detail(&self.share).to_string())
                .resources(&self.share.share_arn)
                .resources(&self.share.gateway_arn)
                .resources(format!("arn:aws:s3:::{}", self.share.bucket))
                .build()
        });
        let answer = self
            .clients
            .events
            .put_events()
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| of_problem(Problem::of("events PutEvents", &error)))?;
        refused(answer.entries.unwrap_or_default().into_iter().map(|entry| entry.error_code))
    }

    async fn put_own_events(&self, emulator: &Emulator, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
        let entries: Vec<Value> =
            batch.iter().map(|notification| notification.put_events_entry(&self.share, REAL_SOURCE)).collect();
        let answer = emulator
            .put_gateway_events(json!({ "Entries": entries }))
            .await
            .map_err(|error| PortError { message: error.to_string(), retryable: error.status.is_server_error() })?;
        let entries = answer["Entries"].as_array().cloned().unwrap_or_default();
        refused(entries.iter().map(|entry| entry["ErrorCode"].as_str().map(str::to_owned)))
    }
}

impl GatewayPort for Port {
    async fn put_object(&self, put: ObjectPut) -> Result<(), PortError> {
        self.clients
            .s3
            .put_object()
            .bucket(&self.share.bucket)
            .key(put.key)
            .body(put.content.whole().into())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| of_problem(Problem::of("s3 PutObject", &error)))
    }

    async fn notify(&self, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
        match &self.emulator {
            Some(emulator) => self.put_own_events(emulator, batch).await,
            None => self.put_events(batch).await,
        }
    }
}

fn of_problem(problem: Problem) -> PortError {
    PortError { retryable: matches!(problem.kind, Kind::Throttled | Kind::Outage), message: problem.sentence }
}

/// Positions of entries that may be sent again; an entry that is refused for good ends the job.
fn refused(codes: impl Iterator<Item = Option<String>>) -> Result<Vec<usize>, PortError> {
    let mut again = Vec::new();
    for (position, code) in codes.enumerate() {
        match code.as_deref() {
            None => {}
            Some("ThrottlingException" | "InternalException" | "InternalFailure") => again.push(position),
            Some(code) => {
                let message = format!("the event bus refused a notification with {code}");
                return Err(PortError { message, retryable: false });
            }
        }
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_failed_for_the_moment_are_sent_again_and_others_end_the_job() {
        let codes = |codes: &[Option<&str>]| refused(codes.iter().map(|code| code.map(str::to_owned)));
        assert_eq!(codes(&[None, Some("ThrottlingException"), None, Some("InternalFailure")]), Ok(vec![1, 3]));
        let error = codes(&[None, Some("NotAuthorizedForSourceException")]).expect_err("refused for good");
        assert!(!error.retryable && error.message.contains("NotAuthorizedForSourceException"), "{error}");
    }
}
