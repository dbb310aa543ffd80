//! `PutEvents`: checks each entry, gives it its envelope and hands it to the rules of its bus, without waiting.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::EventsError;
use super::pattern::{compact, is_object};
use super::{Events, PRINCIPAL};
use crate::emulator::{Context, Hop, Origin};
use crate::model::Timestamp;

/// Entries of a call at the most.
const MOST_ENTRIES: usize = 10;
/// Bytes of a call's entries at the most.
const LARGEST_CALL: usize = 1_048_576;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutEventsInput {
    #[serde(default)]
    entries: Vec<Entry>,
    endpoint_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    time: Option<Value>,
    source: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
}

/// Why one entry was refused.
struct Refused {
    code: &'static str,
    message: String,
}

/// An event on its way to targets.
#[derive(Clone)]
pub struct Envelope {
    pub id: Arc<str>,
    pub text: Arc<str>,
    pub ingested: Timestamp,
    /// Whether a rule of another bus sent it here: it is not sent on to a third.
    pub forwarded: bool,
}

impl Entry {
    fn size(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let time = if self.time.is_some() { 14 } else { 0 };
        time + len(&self.source)
            + len(&self.detail_type)
            + len(&self.detail)
            + self.resources.iter().map(String::len).sum::<usize>()
    }

    /// Checks the entry and writes its envelope.
    fn envelope(&self, id: &str, now: Timestamp, events: &Events, is_gateway: bool) -> Result<String, Refused> {
        let argument = |name: &str| Refused {
            code: "InvalidArgument",
            message: format!("Parameter {name} is not valid. Reason: {name} is a required argument."),
        };
        let given = |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).cloned();
        let source = given(&self.source).ok_or_else(|| argument("Source"))?;
        let kind = given(&self.detail_type).ok_or_else(|| argument("DetailType"))?;
        let detail = given(&self.detail).ok_or_else(|| argument("Detail"))?;
        if source.starts_with("aws.") && !is_gateway {
            return Err(Refused {
                code: "NotAuthorizedForSourceException",
                message: "Not authorized for the source.".to_owned(),
            });
        }
        if is_object(&detail).is_none() {
            return Err(Refused { code: "MalformedDetail", message: "Detail is malformed.".to_owned() });
        }
        let time = match &self.time {
            None => now,
            Some(given) => moment(given).ok_or_else(|| Refused {
                code: "InvalidArgument",
                message: "Parameter Time is not valid.".to_owned(),
            })?,
        };
        let identity = events.fabric.identity();
        let text = |value: &str| Value::from(value).to_string();
        Ok(format!(
            "{{\"version\":\"0\",\"id\":\"{id}\",\"detail-type\":{},\"source\":{},\"account\":\"{}\",\"time\":\"{}\",\"region\":\"{}\",\"resources\":{},\"detail\":{}}}",
            text(&kind),
            text(&source),
            identity.account,
            time.iso_seconds(),
            identity.region,
            json!(self.resources),
            compact(&detail),
        ))
    }
}

/// A moment as SDKs send it: seconds since the epoch, or RFC 3339.
fn moment(given: &Value) -> Option<Timestamp> {
    match given {
        Value::Number(seconds) => {
            let micros = seconds.as_f64()? * 1e6;
            #[expect(clippy::cast_possible_truncation, reason = "a float outside of i64 saturates")]
            Some(Timestamp::from_micros(micros as i64))
        }
        Value::String(text) => Timestamp::parse_rfc3339(text),
        _ => None,
    }
}

impl Events {
    pub(super) async fn put_events(&self, input: PutEventsInput, context: &Context) -> Result<Value, EventsError> {
        if input.endpoint_id.is_some() {
            return Err(EventsError::Unsupported("global endpoints (EndpointId)".to_owned()));
        }
        let count = input.entries.len();
        if !(1..=MOST_ENTRIES).contains(&count) {
            let (bound, limit) = if count == 0 { ("greater", 1) } else { ("less", MOST_ENTRIES) };
            return Err(EventsError::validation(format!(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length {bound} than or equal to {limit}"
            )));
        }
        if input.entries.iter().map(Entry::size).sum::<usize>() > LARGEST_CALL {
            return Err(EventsError::validation("Total size of the entries in the request is over the limit."));
        }
        let now = self.fabric.clock().now();
        let is_gateway = context.origin == Origin::Gateway;
        let mut failed = 0;
        let mut answers = Vec::with_capacity(count);
        for entry in &input.entries {
            let id: Arc<str> = self.fabric.uuid().into();
            match entry.envelope(&id, now, self, is_gateway) {
                Ok(text) => {
                    answers.push(json!({ "EventId": &*id }));
                    let envelope = Envelope { id, text: text.into(), ingested: now, forwarded: false };
                    self.put(entry.event_bus_name.as_deref(), envelope);
                }
                Err(refused) => {
                    failed += 1;
                    answers.push(json!({ "ErrorCode": refused.code, "ErrorMessage": refused.message }));
                }
            }
        }
        Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
    }

    /// Puts an event on a bus. Like AWS it accepts an event for a bus that is not there and drops it; the trace says so.
    fn put(&self, bus: Option<&str>, envelope: Envelope) {
        match self.bus(bus) {
            Ok(bus) => {
                let (at, to) = (self.fabric.clock().now(), bus.arn.clone());
                let hop = Hop { at, from: "PutEvents", to, subject: Arc::clone(&envelope.id), error: None };
                self.fabric.record_about(hop, &envelope.text);
                self.route(&bus, &envelope);
            }
            Err(error) => self.fabric.record(Hop {
                at: self.fabric.clock().now(),
                from: PRINCIPAL,
                to: bus.unwrap_or_default().to_owned(),
                subject: Arc::clone(&envelope.id),
                error: Some(format!("the event was dropped: {error}")),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_sdks_send_them() {
        assert_eq!(moment(&json!(1_604_579_696.5)), Some(Timestamp::from_millis(1_604_579_696_500)));
        assert_eq!(moment(&json!("2020-11-05T12:34:56Z")), Some(Timestamp::from_secs(1_604_579_696)));
        assert_eq!(moment(&json!("yesterday")), None);
    }
}
