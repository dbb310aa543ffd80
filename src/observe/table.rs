//! The table, by Query of one dataset at a time: for datasets that something was heard of, and only while more of them
//! is to be expected. Never a Scan.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::delivery::Delivery;
use super::drive::{Halt, Out, Progress, Tailer};
use super::interest::{Attention, Interest};
use super::lull::Lull;
use super::seen_before::fingerprint;
use crate::aws::{Clients, Problem};
use crate::clock::real_now;
use crate::model::{Seen, SetId, Source, UploadItem};

/// The tailer of the table.
pub struct Table {
    clients: Clients,
    name: String,
    interest: Interest,
    delivery: Delivery,
    sets: HashMap<SetId, Read>,
}

/// What was read of a dataset.
#[derive(Default)]
struct Read {
    /// Fingerprint of each key, and of the item that was told last.
    items: HashMap<u64, u64>,
    /// Log lines that were known when the last read began.
    at_lines: u64,
    /// Whether the reconciliation had ended when the last read began.
    at_settled: bool,
    /// Whether the last read had no news; `false` before the first one.
    quiet: bool,
    lull: Lull,
}

impl Read {
    /// Whether another read may show more.
    fn is_worth(&self, known: &Attention) -> bool {
        if known.lines != self.at_lines || known.settled != self.at_settled {
            return true;
        }
        if !self.quiet {
            return true;
        }
        let complete = known.manifest_keys.is_some_and(|keys| self.items.len() >= keys);
        // Where lines come, an item without a line of its own before is a late one.
        !complete && !known.settled && (known.lines == 0 || self.lull.is_over(real_now()))
    }
}

impl Table {
    /// A tailer of a table.
    pub fn new(clients: Clients, name: String, interest: Interest, delivery: Delivery) -> Self {
        Self { clients, name, interest, delivery, sets: HashMap::new() }
    }

    async fn read(&mut self, set: &SetId, out: &Out) -> Result<bool, Halt> {
        let mut news = false;
        let mut pages = Pages::new(self.name.clone(), set.clone(), false);
        let read = self.sets.entry(set.clone()).or_default();
        while let Some(items) = pages.next(&self.clients).await? {
            for item in items {
                let (key, whole) = (fingerprint(&item.object_key), fingerprint(&(item.object_size, item.event_time)));
                if read.items.get(&key) != Some(&whole) {
                    out.tell_now(Seen::Item(item)).await?;
                    read.items.insert(key, whole);
                    news = true;
                }
            }
        }
        Ok(news)
    }
}

impl Tailer for Table {
    fn source(&self) -> Source {
        Source::Table
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        let mut changed = false;
        for (set, known) in self.interest.sets() {
            if self.sets.get(&set).is_some_and(|read| !read.is_worth(&known)) {
                continue;
            }
            let news = self.read(&set, out).await?;
            if let Some(read) = self.sets.get_mut(&set) {
                (read.at_lines, read.at_settled, read.quiet) = (known.lines, known.settled, !news);
                read.lull.read(news, real_now());
                self.delivery.items(&set, read.items.len());
            }
            changed |= news;
        }
        Ok(Progress::from(changed))
    }
}

/// The pages of one dataset's items.
pub struct Pages {
    table: String,
    set: SetId,
    consistent: bool,
    from: Option<HashMap<String, AttributeValue>>,
    ended: bool,
}

impl Pages {
    /// From the first page on.
    pub fn new(table: String, set: SetId, consistent: bool) -> Self {
        Self { table, set, consistent, from: None, ended: false }
    }

    /// The next page; `None` after the last one.
    pub async fn next(&mut self, clients: &Clients) -> Result<Option<Vec<UploadItem>>, Problem> {
        if self.ended {
            return Ok(None);
        }
        let answer = clients
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("setId = :set")
            .expression_attribute_values(":set", AttributeValue::S(self.set.to_string()))
            .projection_expression("objectKey, bucketName, objectSize, eventTime")
            .consistent_read(self.consistent)
            .set_exclusive_start_key(self.from.take())
            .send()
            .await
            .map_err(|error| Problem::of("dynamodb Query", &error))?;
        self.from = answer.last_evaluated_key.filter(|key| !key.is_empty());
        self.ended = self.from.is_none();
        let set = &self.set;
        Ok(Some(answer.items.unwrap_or_default().into_iter().filter_map(|item| item_of(set, item)).collect()))
    }
}

/// An item without a key is none of the pipeline's.
fn item_of(set: &SetId, mut item: HashMap<String, AttributeValue>) -> Option<UploadItem> {
    let number = |value: Option<&AttributeValue>| value.and_then(|value| value.as_n().ok()?.parse::<f64>().ok());
    let Some(AttributeValue::S(object_key)) = item.remove("objectKey") else {
        return None;
    };
    let bucket_name = match item.remove("bucketName") {
        Some(AttributeValue::S(name)) => name,
        _ => String::new(),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes and times are far below 2^53")]
    Some(UploadItem {
        set_id: set.clone(),
        object_key,
        bucket_name,
        object_size: number(item.get("objectSize")).unwrap_or_default() as u64,
        event_time: number(item.get("eventTime")).unwrap_or_default() as i64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_read_while_more_of_it_is_to_be_expected_and_no_longer() {
        let known = |lines, manifest_keys, settled| Attention { lines, manifest_keys, settled, ..Attention::default() };
        let mut read = Read::default();
        assert!(read.is_worth(&known(0, None, false)), "never read");
        read.items.insert(1, 1);
        (read.at_lines, read.quiet) = (1, true);
        assert!(read.is_worth(&known(1, None, false)), "no manifest yet");
        assert!(read.is_worth(&known(1, Some(2), false)), "a line is missing");
        assert!(!read.is_worth(&known(1, Some(1), false)), "complete");
        assert!(read.is_worth(&known(2, Some(1), false)), "another upload was logged");
        read.at_settled = true;
        assert!(!read.is_worth(&known(1, Some(2), true)), "the reconciliation is over");
        read.quiet = false;
        assert!(read.is_worth(&known(1, Some(2), true)), "the last read still had news");
        (read.quiet, read.at_lines, read.at_settled) = (true, 1, false);
        read.lull.read(false, real_now());
        assert!(!read.is_worth(&known(1, Some(2), false)), "no line since, and read just now");
        read.at_lines = 0;
        assert!(read.is_worth(&known(0, Some(2), false)), "where no lines come they announce nothing");
    }

    #[test]
    fn an_item_is_read_with_what_it_has() {
        let item = HashMap::from([
            ("objectKey".to_owned(), AttributeValue::S("a-vaultjob/x".to_owned())),
            ("bucketName".to_owned(), AttributeValue::S("b".to_owned())),
            ("objectSize".to_owned(), AttributeValue::N("9".to_owned())),
            ("eventTime".to_owned(), AttributeValue::N("1604579696".to_owned())),
        ]);
        let read = item_of(&"a".into(), item).expect("an item");
        assert_eq!((read.object_size, read.event_time, read.bucket_name.as_str()), (9, 1_604_579_696, "b"));
        assert!(item_of(&"a".into(), HashMap::new()).is_none());
    }
}
