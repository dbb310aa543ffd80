//! How a reconciliation ended: by its log group, or by the event that the execution's history says was put.

use serde::{Deserialize, Serialize};

use super::flow::{HistoryEvent, LogRole};

/// How the state that puts the reconciliation event is called, or begins.
const NOTIFY_STATE: &str = "reconcileNotify";

/// How a dataset's reconciliation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// `File Upload Reconciliation Successful`.
    Successful,
    /// `File Upload Reconciliation Timeout`.
    Timeout,
}

impl Outcome {
    /// What a line of a log group says; `None` for the groups of uploads.
    #[must_use]
    pub const fn of_log(role: LogRole) -> Option<Self> {
        match role {
            LogRole::ReconcileSuccessful => Some(Self::Successful),
            LogRole::ReconcileTimeout => Some(Self::Timeout),
            LogRole::DataFileUpload
            | LogRole::ManifestFileUpload
            | LogRole::Task
            | LogRole::ErrorHandler
            | LogRole::StateMachine => None,
        }
    }

    /// The log group that its event is delivered to.
    #[must_use]
    pub const fn log(self) -> LogRole {
        match self {
            Self::Successful => LogRole::ReconcileSuccessful,
            Self::Timeout => LogRole::ReconcileTimeout,
        }
    }

    /// The event that a history says was put: told when the notifying state was left without an error, which it is only
    /// after the bus has taken the event. A notifying function that does not say what it put has put what the last
    /// comparison found.
    #[must_use]
    pub fn put_by(event: &HistoryEvent) -> Option<Self> {
        let is_notify = event.state.as_deref().is_some_and(|state| state.starts_with(NOTIFY_STATE));
        if event.kind != "TaskStateExited" || !is_notify {
            return None;
        }
        let output = event.details.get("output")?;
        let said = output.pointer("/notify/Payload/detailType").and_then(serde_json::Value::as_str);
        if let Some(said) = said {
            return match said {
                said if said.ends_with("Successful") => Some(Self::Successful),
                said if said.ends_with("Timeout") => Some(Self::Timeout),
                _ => None,
            };
        }
        let done = output.pointer("/reconcile/Payload/reconcileDone").and_then(serde_json::Value::as_bool);
        done.map(|done| if done { Self::Successful } else { Self::Timeout })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub fn notified(id: i64, output: Value) -> HistoryEvent {
        HistoryEvent {
            execution: "arn:run".to_owned(),
            id,
            previous_id: id - 1,
            kind: "TaskStateExited".to_owned(),
            state: Some("reconcileNotifyState".to_owned()),
            details: json!({ "output": output }),
        }
    }

    pub fn said(detail_type: &str) -> Value {
        json!({"notify": {"Payload": {"detailType": detail_type}}, "reconcile": {"Payload": {"reconcileDone": true}}})
    }

    #[test]
    fn a_history_says_which_event_was_put() {
        let put = |output| Outcome::put_by(&notified(9, output));
        assert_eq!(put(said("File Upload Reconciliation Successful")), Some(Outcome::Successful));
        assert_eq!(put(said("File Upload Reconciliation Timeout")), Some(Outcome::Timeout));
        assert_eq!(put(said("something else")), None);
        let silent = |done| json!({"reconcile": {"Payload": {"reconcileDone": done}}});
        assert_eq!(put(silent(true)), Some(Outcome::Successful), "a function that says nothing");
        assert_eq!(put(silent(false)), Some(Outcome::Timeout));
        assert_eq!(put(json!({})), None);
        let entered = HistoryEvent { kind: "TaskStateEntered".to_owned(), ..notified(9, said("Successful")) };
        assert_eq!(Outcome::put_by(&entered), None, "not put yet");
    }
}
