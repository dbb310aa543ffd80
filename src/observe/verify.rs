//! The last word on a dataset: manifest, items and reconciliation events read afresh and whole, and compared.

use std::collections::HashSet;

use super::Watched;
use super::bucket::manifest;
use super::history;
use super::logs::line_of;
use super::table::Pages;
use crate::aws::{Clients, Kind, Problem};
use crate::model::{ExecutionStatus, Outcome, SetId, Timestamp};

/// What a dataset came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Lines of the manifest.
    pub expected: usize,
    /// Lines that have an item.
    pub present: usize,
    /// Keys that the manifest names and the table lacks, in order.
    pub missing: Vec<String>,
    /// Keys that the table has and the manifest does not name, in order.
    pub unexpected: Vec<String>,
    /// The event in its log group.
    pub outcome: Option<(Outcome, Timestamp)>,
    /// The status of the execution.
    pub execution: Option<ExecutionStatus>,
    /// The event that the execution's history says was put.
    pub event_put: Option<Outcome>,
}

impl Verdict {
    /// Whether every item equals a manifest line and every line has its item.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.expected > 0 && self.missing.is_empty() && self.unexpected.is_empty()
    }

    /// Whether the execution succeeded and put the Successful event.
    #[must_use]
    pub fn has_put_success(&self) -> bool {
        self.execution == Some(ExecutionStatus::Succeeded) && self.event_put == Some(Outcome::Successful)
    }

    /// Whether the Successful event is in its log group.
    #[must_use]
    pub fn has_logged_success(&self) -> bool {
        matches!(self.outcome, Some((Outcome::Successful, _)))
    }
}

/// Reads manifest, items, reconciliation events and the end of the execution of that ARN, and compares them.
///
/// # Errors
/// When a call fails, or `watched` lacks bucket or table.
pub async fn verify(
    clients: &Clients,
    watched: &Watched,
    set: &SetId,
    manifest_key: &str,
    execution: Option<&str>,
) -> Result<Verdict, Problem> {
    let lacks = |what: &str| Problem::refused(format!("the stack has no {what} to verify dataset {set} with"));
    let bucket = watched.bucket.as_deref().ok_or_else(|| lacks("bucket"))?;
    let table = watched.table.clone().ok_or_else(|| lacks("table"))?;
    let lines: HashSet<String> = manifest(clients, bucket, manifest_key).await?.into_iter().collect();
    let mut pages = Pages::new(table, set.clone(), true);
    let mut items = HashSet::new();
    while let Some(page) = pages.next(clients).await? {
        items.extend(page.into_iter().map(|item| item.object_key));
    }
    let mut verdict = compare(&lines, &items);
    verdict.outcome = match outcome(clients, watched, set).await {
        // Then no line can be there; whether that is a fault is for the caller to say.
        Err(problem) if problem.kind == Kind::Unsupported => None,
        other => other?,
    };
    if let Some(arn) = execution {
        (verdict.execution, verdict.event_put) = history::end(clients, arn).await?;
    }
    Ok(verdict)
}

fn compare(lines: &HashSet<String>, items: &HashSet<String>) -> Verdict {
    let sorted = |from: &HashSet<String>, without: &HashSet<String>| {
        let mut keys: Vec<String> = from.difference(without).cloned().collect();
        keys.sort_unstable();
        keys
    };
    let missing = sorted(lines, items);
    Verdict {
        expected: lines.len(),
        present: lines.len() - missing.len(),
        unexpected: sorted(items, lines),
        missing,
        ..Verdict::default()
    }
}

async fn outcome(clients: &Clients, watched: &Watched, set: &SetId) -> Result<Option<(Outcome, Timestamp)>, Problem> {
    let mut found = None;
    for (role, group) in &watched.log_groups {
        let Some(outcome) = Outcome::of_log(*role) else { continue };
        let mut token = None;
        loop {
            let answer = clients
                .logs
                .filter_log_events()
                .log_group_name(group)
                .set_start_time(watched.since.map(Timestamp::millis))
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| Problem::of("logs FilterLogEvents", &error))?;
            for event in answer.events.unwrap_or_default() {
                let at = Timestamp::from_millis(event.timestamp.unwrap_or_default());
                let line = line_of(*role, String::new(), event.message.unwrap_or_default());
                if line.upload.is_some_and(|upload| upload.set_id == *set)
                    && found.is_none_or(|(_, before)| before <= at)
                {
                    found = Some((outcome, at));
                }
            }
            token = answer.next_token;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> HashSet<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    #[test]
    fn only_equal_sets_are_equal() {
        let verdict = |lines: &[&str], items: &[&str]| compare(&keys(lines), &keys(items));
        assert!(verdict(&["a", "b"], &["b", "a"]).is_equal());
        assert!(!verdict(&[], &[]).is_equal(), "an empty manifest");
        let differing = verdict(&["a", "c", "b"], &["a", "x"]);
        assert!(!differing.is_equal());
        assert_eq!((differing.expected, differing.present), (3, 1));
        assert_eq!(differing.missing, ["b", "c"]);
        assert_eq!(differing.unexpected, ["x"]);
    }

    #[test]
    fn success_is_what_the_execution_put_and_what_the_log_has() {
        let verdict = |execution, put, logged: Option<Outcome>| Verdict {
            execution,
            event_put: put,
            outcome: logged.map(|outcome| (outcome, Timestamp::default())),
            ..Verdict::default()
        };
        let (done, good, late) = (Some(ExecutionStatus::Succeeded), Some(Outcome::Successful), Some(Outcome::Timeout));
        assert!(verdict(done, good, None).has_put_success() && !verdict(done, good, None).has_logged_success());
        assert!(!verdict(done, late, None).has_put_success());
        assert!(!verdict(done, None, None).has_put_success());
        assert!(!verdict(Some(ExecutionStatus::Failed), good, None).has_put_success());
        assert!(!verdict(None, good, good).has_put_success() && verdict(None, None, good).has_logged_success());
        assert!(!verdict(done, good, late).has_logged_success());
    }
}
