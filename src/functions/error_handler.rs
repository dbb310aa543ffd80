//! Judges why the archiving task failed: whether the state machine should run it again, and after how many seconds.
//!
//! | what failed | retryable |
//! |---|---|
//! | the image could not be pulled, or a resource of the task not be set up | yes |
//! | the container ended with 2, which `vaultscope s3tar-task` does where it may succeed a little later | yes |
//! | ECS itself refused or failed to start the task for its load | yes |
//! | anything else | no |

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::journal;

/// How the reason of a stopped task begins where trying again may help.
const REASONS: [&str; 2] = ["CannotPullContainerError", "ResourceInitializationError"];
/// The exit code that asks for another try.
const RETRYABLE_EXIT: i64 = 2;
/// Errors of the call that starts the task, after the prefix `ECS.` or `AmazonECS`.
const CALLS: [&str; 4] = ["ServerException", "ThrottlingException", "SdkClientException", "LimitExceededException"];
/// The longest wait, whatever the count: a day's task must not wait beyond the next one.
const LONGEST_WAIT: u64 = 3_600;

/// The state of the execution, as far as it matters here.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct State {
    /// What the state that ran the task has caught.
    #[serde(rename = "RunTaskError")]
    pub caught: Caught,
    /// What this function said the last time, as `lambda:invoke` puts it there.
    #[serde(rename = "Error", default)]
    pub before: Value,
}

/// An error that was caught.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Caught {
    /// `States.TaskFailed` where the task has run.
    #[serde(rename = "Error", default)]
    pub error: String,
    /// The task as JSON, or a sentence.
    #[serde(rename = "Cause", default)]
    pub cause: String,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// `retryable` or `fatal`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Failures before this one.
    pub retry_count: u64,
    /// Seconds until the next try: 1, 2, 4, …
    pub wait_time_seconds: u64,
}

/// Judges a failure.
#[must_use]
pub fn handler(state: State) -> Verdict {
    let retry_count = state.before["Payload"]["retryCount"].as_u64().map_or(0, |count| count.saturating_add(1));
    let retryable = is_retryable(&state.caught);
    let wait = u32::try_from(retry_count).ok().and_then(|count| 1_u64.checked_shl(count)).unwrap_or(u64::MAX);
    let verdict = Verdict {
        kind: if retryable { "retryable" } else { "fatal" },
        retry_count,
        wait_time_seconds: wait.min(LONGEST_WAIT),
    };
    journal::info("judged", &json!({ "error": state.caught.error, "verdict": verdict }));
    verdict
}

fn is_retryable(caught: &Caught) -> bool {
    let Ok(task) = serde_json::from_str::<Value>(&caught.cause) else {
        // The task never was: the cause is a sentence of the API.
        let name = caught.error.trim_start_matches("ECS.").trim_start_matches("AmazonECS");
        return CALLS.contains(&name);
    };
    let reason = task["StoppedReason"].as_str().unwrap_or_default();
    REASONS.iter().any(|start| reason.starts_with(start))
        || task["Containers"][0]["ExitCode"].as_i64() == Some(RETRYABLE_EXIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(error: &str, cause: &str, before: Value) -> Verdict {
        let mut state = json!({ "metadata": {}, "RunTaskError": { "Error": error, "Cause": cause } });
        if !before.is_null() {
            state["Error"] = json!({ "ExecutedVersion": "$LATEST", "Payload": before });
        }
        handler(serde_json::from_value(state).expect("a state"))
    }

    #[test]
    fn what_may_pass_is_retryable_and_nothing_else_is() {
        for (error, cause, retryable) in [
            (
                "States.TaskFailed",
                r#"{"StoppedReason":"CannotPullContainerError: no such image","Containers":[{}]}"#,
                true,
            ),
            ("States.TaskFailed", r#"{"StoppedReason":"ResourceInitializationError: x","Containers":[{}]}"#, true),
            (
                "States.TaskFailed",
                r#"{"StoppedReason":"Essential container in task exited","Containers":[{"ExitCode":2}]}"#,
                true,
            ),
            (
                "States.TaskFailed",
                r#"{"StoppedReason":"Essential container in task exited","Containers":[{"ExitCode":1}]}"#,
                false,
            ),
            ("States.TaskFailed", r#"{"StoppedReason":"Task stopped by user"}"#, false),
            ("States.TaskFailed", "{}", false),
            ("ECS.ServerException", "Service Unavailable. Please try again later. (Service: Ecs, …)", true),
            ("ECS.ClusterNotFoundException", "Cluster not found.", false),
            ("AmazonECS.Unknown", "The task failed to start", false),
            ("States.Timeout", "", false),
        ] {
            let verdict = judged(error, cause, Value::Null);
            assert_eq!(verdict.kind == "retryable", retryable, "{error} {cause}");
            assert_eq!((verdict.retry_count, verdict.wait_time_seconds), (0, 1));
        }
    }

    #[test]
    fn each_failure_doubles_the_wait() {
        let mut before = Value::Null;
        let mut waits = Vec::new();
        for _ in 0..4 {
            let verdict = judged("States.TaskFailed", r#"{"Containers":[{"ExitCode":2}]}"#, before);
            waits.push(verdict.wait_time_seconds);
            before = serde_json::to_value(&verdict).expect("JSON");
        }
        assert_eq!(waits, [1, 2, 4, 8]);
        assert_eq!(before, json!({ "type": "retryable", "retryCount": 3, "waitTimeSeconds": 8 }));
        assert_eq!(judged("x", "", json!({ "retryCount": u64::MAX })).wait_time_seconds, LONGEST_WAIT);
    }
}
