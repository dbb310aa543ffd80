//! Puts the last event of a reconciliation on the custom bus: Successful, or Timeout with what was still missing.
//!
//! It takes the state machine's whole state, because the count may be reached before any check has run: then there is
//! no result of one.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::journal;
use super::ports::{BusEntry, EventBus, PortError};
use super::reconcile_check::Reconciliation;
use super::upload_event::{RECONCILIATION_SUCCESSFUL, RECONCILIATION_TIMEOUT, UploadDetail};

/// The state: the manifest's event with the results of the states before; members that nobody reads are left out.
#[derive(Debug, Clone, Deserialize)]
pub struct State {
    /// The manifest's upload.
    pub detail: UploadDetail,
    /// The last check, where one has run.
    #[serde(default)]
    pub reconcile: Option<CheckResult>,
}

/// A check's result as the Lambda task leaves it.
#[derive(Debug, Clone, Deserialize)]
pub struct CheckResult {
    /// What the function answered.
    #[serde(rename = "Payload")]
    pub payload: Reconciliation,
}

/// `detail` of the reconciliation event: the manifest's own, and what the last check found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct NotifyDetail<'a> {
    #[serde(flatten)]
    upload: &'a UploadDetail,
    #[serde(flatten)]
    found: Option<Found<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found<'a> {
    expected: usize,
    present: usize,
    missing: usize,
    unexpected: usize,
    missing_keys: &'a [String],
    unexpected_keys: &'a [String],
}

impl<'a> From<&'a Reconciliation> for Found<'a> {
    fn from(found: &'a Reconciliation) -> Self {
        Self {
            expected: found.expected,
            present: found.present,
            missing: found.missing,
            unexpected: found.unexpected,
            missing_keys: &found.missing_keys,
            unexpected_keys: &found.unexpected_keys,
        }
    }
}

/// What was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    /// The detail type of the event.
    pub detail_type: &'static str,
}

/// Puts the event.
///
/// # Errors
/// When the bus does not take it; the state machine then tries again.
pub async fn handler(state: State, bus: &impl EventBus) -> Result<Notified, PortError> {
    let last_check = state.reconcile.as_ref().map(|check| &check.payload);
    let done = last_check.is_some_and(|found| found.reconcile_done);
    let detail_type = if done { RECONCILIATION_SUCCESSFUL } else { RECONCILIATION_TIMEOUT };
    let failed = |problem| PortError { operation: "PutEvents", problem };
    let detail = serde_json::to_string(&NotifyDetail { upload: &state.detail, found: last_check.map(Found::from) })
        .map_err(|error| failed(error.to_string()))?;
    match bus.put_events(&[BusEntry { detail_type, detail }]).await?.first() {
        Some(None) => {}
        Some(Some(rejection)) => return Err(failed(format!("{}: {}", rejection.code, rejection.message))),
        None => return Err(failed("PutEvents answered no entry".to_owned())),
    }
    journal::info("notified", &json!({ "setId": state.detail.set_id, "detailType": detail_type }));
    Ok(Notified { detail_type })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::fakes::FakeBus;
    use super::*;

    fn state(reconcile: &Value) -> State {
        let mut state = json!({
            "version": "0", "detail-type": "Manifest File Upload Event", "iterator": {"Payload": {"continue": false}},
            "detail": {"set-id": "s", "event-time": 5, "bucket-name": "b", "object-key": "s-vaultjob/s.manifest",
                       "object-size": 9},
        });
        if !reconcile.is_null() {
            state["reconcile"] = json!({ "Payload": reconcile });
        }
        serde_json::from_value(state).expect("a state")
    }

    fn found(done: bool) -> Value {
        json!({"reconcileDone": done, "expected": 2, "present": 1, "missing": 1, "unexpected": 0,
               "missingKeys": ["s-vaultjob/a\"b"], "unexpectedKeys": []})
    }

    #[tokio::test]
    async fn the_last_check_decides_and_no_check_means_timeout() {
        for (reconcile, detail_type) in [
            (found(true), RECONCILIATION_SUCCESSFUL),
            (found(false), RECONCILIATION_TIMEOUT),
            (Value::Null, RECONCILIATION_TIMEOUT),
        ] {
            let bus = FakeBus::default();
            let notified = handler(state(&reconcile), &bus).await.expect("the bus takes it");
            assert_eq!((notified.detail_type, bus.entries()[0].detail_type), (detail_type, detail_type));
        }
    }

    #[tokio::test]
    async fn fault_7_a_timeout_says_what_is_missing() {
        let bus = FakeBus::default();
        handler(state(&found(false)), &bus).await.expect("the bus takes it");
        let detail: Value = serde_json::from_str(&bus.entries()[0].detail).expect("a detail of valid JSON");
        assert_eq!(
            detail,
            json!({"set-id": "s", "event-time": 5, "bucket-name": "b", "object-key": "s-vaultjob/s.manifest",
                   "object-size": 9, "expected": 2, "present": 1, "missing": 1, "unexpected": 0,
                   "missing-keys": ["s-vaultjob/a\"b"], "unexpected-keys": []})
        );
    }

    #[tokio::test]
    async fn fault_3_an_event_that_the_bus_refuses_fails_the_state() {
        let bus = FakeBus::refusing("s-vaultjob/s.manifest");
        assert!(handler(state(&found(true)), &bus).await.is_err());
    }
}
