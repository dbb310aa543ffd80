//! Compares the items of a set with the lines of its manifest, and counts what is there, missing and unexpected.
//!
//! Both sides are streamed and kept as digests, 16 bytes a key, so that the memory it takes does not depend on how
//! long the names are; names are kept for the few that the answer shows.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncBufReadExt;

use super::journal;
use super::ports::{Items, Manifest, PortError};
use super::upload_event::UploadEvent;

/// Names of missing and of unexpected keys that an answer shows at the most.
const NAMES_SHOWN: usize = 5;

/// The longest line that can be a key; S3 keys have 1,024 bytes at the most.
const LONGEST_LINE: usize = 64 * 1024;

/// How far a dataset has come; part of the state machine's payload, so it stays small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// Whether items and lines are the same set.
    pub reconcile_done: bool,
    /// Distinct lines of the manifest.
    pub expected: usize,
    /// Lines that have an item.
    pub present: usize,
    /// Lines that have none.
    pub missing: usize,
    /// Items that no line names.
    pub unexpected: usize,
    /// The first few missing keys, in the manifest's order.
    pub missing_keys: Vec<String>,
    /// The first few unexpected keys, in the table's order.
    pub unexpected_keys: Vec<String>,
}

/// Two independent 64-bit hashes of a key: for a million keys, two would share one with a chance of 10⁻²⁷.
type Digest = u128;

fn digest(key: &[u8]) -> Digest {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        key.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Compares once.
///
/// # Errors
/// When the table or the manifest cannot be read.
pub async fn handler(
    event: UploadEvent,
    items: &impl Items,
    manifests: &impl Manifest,
) -> Result<Reconciliation, PortError> {
    let upload = event.detail;
    // The items first: a key that arrives between the two readings is then only late, never unexpected.
    let written = digests(items, &upload.set_id).await?;
    let mut lines = Lines { reader: manifests.read(&upload.bucket_name, &upload.object_key).await?, line: Vec::new() };
    let mut expected = HashSet::with_capacity(written.len());
    let (mut present, mut missing_keys) = (0, Vec::new());
    while let Some(line) = lines.next().await? {
        let digest = digest(line);
        if !expected.insert(digest) {
            continue;
        }
        if written.contains(&digest) {
            present += 1;
        } else if missing_keys.len() < NAMES_SHOWN {
            missing_keys.push(String::from_utf8_lossy(line).into_owned());
        }
    }
    let (missing, unexpected) = (expected.len() - present, written.len() - present);
    let unexpected_keys = match unexpected {
        0 => Vec::new(),
        _ => unexpected_names(items, &upload.set_id, &expected).await?,
    };
    let found = Reconciliation {
        reconcile_done: missing == 0 && unexpected == 0,
        expected: expected.len(),
        present,
        missing,
        unexpected,
        missing_keys,
        unexpected_keys,
    };
    journal::info("compared", &json!({ "setId": upload.set_id, "found": found }));
    Ok(found)
}

/// The digests of every item of a set, page after page.
async fn digests(items: &impl Items, set_id: &str) -> Result<HashSet<Digest>, PortError> {
    let mut written = HashSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = items.keys(set_id, after.as_deref()).await?;
        written.extend(page.keys.iter().map(|key| digest(key.as_bytes())));
        after = page.next;
        if after.is_none() {
            return Ok(written);
        }
    }
}

/// The names of the first few items that no line names: a second reading, which only a set with strangers costs.
async fn unexpected_names(
    items: &impl Items,
    set_id: &str,
    expected: &HashSet<Digest>,
) -> Result<Vec<String>, PortError> {
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = items.keys(set_id, after.as_deref()).await?;
        let strangers = page.keys.into_iter().filter(|key| !expected.contains(&digest(key.as_bytes())));
        names.extend(strangers.take(NAMES_SHOWN - names.len()));
        after = page.next;
        if names.len() == NAMES_SHOWN || after.is_none() {
            return Ok(names);
        }
    }
}

/// The lines of a manifest, one buffer for all.
struct Lines<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: tokio::io::AsyncBufRead + Unpin> Lines<R> {
    /// The next line that is not empty, without its end.
    async fn next(&mut self) -> Result<Option<&[u8]>, PortError> {
        loop {
            self.line.clear();
            if !self.fill().await? {
                return Ok(None);
            }
            if !self.line.is_empty() {
                return Ok(Some(&self.line));
            }
        }
    }

    /// Reads one line into the buffer; `false` at the end.
    async fn fill(&mut self) -> Result<bool, PortError> {
        let mut any = false;
        loop {
            let available = self.reader.fill_buf().await.map_err(|error| unreadable(&error.to_string()))?;
            if available.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(available.len());
            if self.line.len() + taken > LONGEST_LINE {
                return Err(unreadable(&format!("a line is longer than {LONGEST_LINE} bytes: it cannot be a key")));
            }
            self.line.extend_from_slice(&available[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

fn unreadable(problem: &str) -> PortError {
    PortError { operation: "GetObject", problem: format!("the manifest cannot be read: {problem}") }
}

#[cfg(test)]
mod tests {
    use super::super::fakes::{FakeItems, FakeManifest};
    use super::*;

    fn event() -> UploadEvent {
        let detail = json!({"set-id": "s", "event-time": 5, "bucket-name": "b", "object-key": "s-vaultjob/s.manifest",
                            "object-size": 9});
        serde_json::from_value(json!({ "detail": detail })).expect("an upload event")
    }

    async fn check(keys: impl IntoIterator<Item = String>, lines: &str) -> Reconciliation {
        let items = FakeItems::with("s", keys);
        handler(event(), &items, &FakeManifest::of(lines)).await.expect("a comparison")
    }

    fn keys(numbers: std::ops::Range<usize>) -> Vec<String> {
        numbers.map(|n| format!("s-vaultjob/file-{n:06}")).collect()
    }

    #[tokio::test]
    async fn fault_1_a_set_larger_than_one_page_reconciles() {
        let all = keys(0..20_000);
        let found = check(all.clone(), &(all.join("\n") + "\n")).await;
        assert!(found.reconcile_done, "{found:?}");
        assert_eq!((found.expected, found.present), (20_000, 20_000));
    }

    #[tokio::test]
    async fn fault_7_what_is_missing_and_unexpected_is_counted_and_named() {
        let found = check(keys(3..5_010), &keys(0..5_000).join("\n")).await;
        assert_eq!(
            found,
            Reconciliation {
                reconcile_done: false,
                expected: 5_000,
                present: 4_997,
                missing: 3,
                unexpected: 10,
                missing_keys: keys(0..3),
                unexpected_keys: keys(5_000..5_005),
            }
        );
    }

    #[tokio::test]
    async fn repeated_and_empty_lines_count_once_or_not_at_all() {
        let found = check(vec!["a\r".to_owned()], "a\r\n\nb\na\r\nb").await;
        assert_eq!((found.expected, found.present, found.missing), (2, 1, 1));
        assert_eq!(found.missing_keys, ["b"]);
    }

    #[tokio::test]
    async fn the_answer_of_a_large_set_stays_far_below_the_state_limit() {
        let long = |n: usize| format!("{n:06}{}", "\u{e9}".repeat(500));
        let lines: Vec<String> = (0..1_000).map(long).collect();
        let found = check((5_000..6_000).map(long), &lines.join("\n")).await;
        assert!(serde_json::to_vec(&found).expect("an answer is JSON").len() < 16 * 1024);
    }

    #[tokio::test]
    async fn a_line_that_cannot_be_a_key_is_refused() {
        let items = FakeItems::with("s", Vec::new());
        let manifest = FakeManifest::of(&"x".repeat(LONGEST_LINE + 1));
        assert!(handler(event(), &items, &manifest).await.is_err());
    }
}
