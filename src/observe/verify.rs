//! The last word on a dataset: manifest, items and reconciliation events read afresh and whole, and compared.

use std::collections::HashSet;

use super::Watched;
use super::bucket::manifest;
use super::logs::line_of;
use super::table::Pages;
use crate::aws::{Clients, Problem};
use crate::model::{LogRole, Outcome, SetId, Timestamp};

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
}

impl Verdict {
    /// Whether every item equals a manifest line, every line has its item, and the Successful event is there.
    #[must_use]
    pub fn is_reconciled(&self) -> bool {
        self.expected > 0
            && self.missing.is_empty()
            && self.unexpected.is_empty()
            && matches!(self.outcome, Some((Outcome::Successful, _)))
    }
}

/// Reads manifest, items and reconciliation events of a dataset and compares them.
///
/// # Errors
/// When a call fails, or `watched` lacks bucket or table.
pub async fn verify(clients: &Clients, watched: &Watched, set: &SetId, manifest_key: &str) -> Result<Verdict, Problem> {
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
    verdict.outcome = outcome(clients, watched, set).await?;
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
        outcome: None,
    }
}

async fn outcome(clients: &Clients, watched: &Watched, set: &SetId) -> Result<Option<(Outcome, Timestamp)>, Problem> {
    let mut found = None;
    for (role, group) in &watched.log_groups {
        let outcome = match role {
            LogRole::ReconcileSuccessful => Outcome::Successful,
            LogRole::ReconcileTimeout => Outcome::Timeout,
            LogRole::DataFileUpload | LogRole::ManifestFileUpload => continue,
        };
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
    fn only_equal_sets_with_a_successful_event_are_reconciled() {
        let successful = Some((Outcome::Successful, Timestamp::default()));
        let verdict =
            |lines: &[&str], items: &[&str], outcome| Verdict { outcome, ..compare(&keys(lines), &keys(items)) };
        assert!(verdict(&["a", "b"], &["b", "a"], successful).is_reconciled());
        assert!(!verdict(&["a", "b"], &["a", "b"], None).is_reconciled());
        assert!(!verdict(&["a"], &["a"], Some((Outcome::Timeout, Timestamp::default()))).is_reconciled());
        assert!(!verdict(&[], &[], successful).is_reconciled(), "an empty manifest");
        let differing = verdict(&["a", "c", "b"], &["a", "x"], successful);
        assert!(!differing.is_reconciled());
        assert_eq!((differing.expected, differing.present), (3, 1));
        assert_eq!(differing.missing, ["b", "c"]);
        assert_eq!(differing.unexpected, ["x"]);
    }
}
