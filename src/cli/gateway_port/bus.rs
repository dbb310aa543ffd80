//! Notifications on the default event bus.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};

use super::of_problem;
use crate::aws::{Clients, Problem};
use crate::emulator::Emulator;
use crate::sim::{DETAIL_TYPE, Notification, PortError, REAL_SOURCE, Receipt, Share};

/// The code of an entry whose source is reserved.
const NOT_AUTHORIZED: &str = "NotAuthorizedForSourceException";

/// Puts up to ten notifications with a source.
pub async fn put(
    clients: &Clients,
    share: &Share,
    source: &str,
    batch: &[Notification],
) -> Result<Vec<Receipt>, PortError> {
    let entries = batch.iter().map(|notification| {
        PutEventsRequestEntry::builder()
            .source(source)
            .detail_type(DETAIL_TYPE)
            .detail(notification.detail(share).to_string())
            .set_resources(Some(share.resources().to_vec()))
            .build()
    });
    let answer = clients.events.put_events().set_entries(Some(entries.collect())).send().await;
    match answer.map_err(|error| Problem::of("events PutEvents", &error)) {
        Ok(answer) => {
            let entries = answer.entries.unwrap_or_default();
            Ok(entries.into_iter().map(|entry| read(entry.error_code.as_deref())).collect())
        }
        // A server may refuse the call in place of its entries.
        Err(problem) if problem.is(&[NOT_AUTHORIZED]) => Ok(vec![Receipt::NotAuthorized; batch.len()]),
        Err(problem) => Err(of_problem(problem)),
    }
}

/// Puts them as the gateway itself, which the endpoint in our own process allows.
pub async fn put_as_gateway(
    emulator: &Emulator,
    share: &Share,
    batch: &[Notification],
) -> Result<Vec<Receipt>, PortError> {
    let entries: Vec<Value> =
        batch.iter().map(|notification| notification.put_events_entry(share, REAL_SOURCE)).collect();
    let answer = emulator
        .put_gateway_events(json!({ "Entries": entries }))
        .await
        .map_err(|error| PortError { message: error.to_string(), retryable: error.status.is_server_error() })?;
    let entries = answer["Entries"].as_array().cloned().unwrap_or_default();
    Ok(entries.iter().map(|entry| read(entry["ErrorCode"].as_str())).collect())
}

fn read(code: Option<&str>) -> Receipt {
    match code {
        None => Receipt::Accepted,
        Some("ThrottlingException" | "InternalException" | "InternalFailure") => Receipt::Again,
        Some(NOT_AUTHORIZED) => Receipt::NotAuthorized,
        Some(code) => Receipt::Refused(code.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_entries_say_what_becomes_of_them() {
        for (code, entry) in [
            (None, Receipt::Accepted),
            (Some("ThrottlingException"), Receipt::Again),
            (Some("InternalFailure"), Receipt::Again),
            (Some("NotAuthorizedForSourceException"), Receipt::NotAuthorized),
            (Some("MalformedDetail"), Receipt::Refused("MalformedDetail".to_owned())),
        ] {
            assert_eq!(read(code), entry, "{code:?}");
        }
    }
}
