//! SQS batch in, events on the custom bus out: tells data files, manifests and foreign objects apart.
//!
//! A record that fails stays in the queue alone: the answer names it, so that the rest of its batch is done with.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::journal;
use super::ports::{BYTES_PER_CALL, BusEntry, ENTRIES_PER_CALL, EventBus};
use super::upload_event::{DATA_FILE_UPLOAD, GatewayNotification, MANIFEST_FILE_UPLOAD, Naming, Upload, UploadDetail};

/// The event of an SQS event source mapping; members that nobody reads are left out.
#[derive(Debug, Clone, Deserialize)]
pub struct SqsEvent {
    /// The batch.
    #[serde(rename = "Records")]
    pub records: Vec<SqsRecord>,
}

/// One message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// The message's id.
    pub message_id: String,
    /// The gateway's notification as JSON text.
    pub body: String,
}

/// The answer to a batch: which records failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The records that must be received again.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A record that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its message id.
    pub item_identifier: String,
}

/// An entry and the record that it came from.
struct Pending {
    entry: BusEntry,
    message_id: String,
}

/// Carries out one batch.
pub async fn handler(event: SqsEvent, naming: &Naming, bus: &impl EventBus) -> BatchResponse {
    let received = event.records.len();
    let mut failures = Vec::new();
    let mut problem = None;
    let mut pending = Vec::with_capacity(received);
    for record in event.records {
        match entry_of(&record.body, naming) {
            Ok(Some(entry)) => pending.push(Pending { entry, message_id: record.message_id }),
            Ok(None) => {}
            Err(why) => {
                problem.get_or_insert(why);
                failures.push(BatchItemFailure { item_identifier: record.message_id });
            }
        }
    }
    let put = pending.len();
    for (entries, ids) in calls(pending) {
        match bus.put_events(&entries).await {
            Ok(outcomes) => {
                // An answer that is too short leaves records without an outcome: they have to come again.
                for (index, item_identifier) in ids.into_iter().enumerate() {
                    match outcomes.get(index) {
                        Some(None) => continue,
                        Some(Some(rejection)) => {
                            problem.get_or_insert(format!("{}: {}", rejection.code, rejection.message))
                        }
                        None => problem.get_or_insert("PutEvents answered fewer entries than it was given".to_owned()),
                    };
                    failures.push(BatchItemFailure { item_identifier });
                }
            }
            Err(error) => {
                problem.get_or_insert(error.to_string());
                failures.extend(ids.into_iter().map(|item_identifier| BatchItemFailure { item_identifier }));
            }
        }
    }
    if let Some(problem) = problem {
        let fields = json!({ "records": received, "put": put, "failed": failures.len(), "firstProblem": problem });
        journal::error("records stay in the queue", &fields);
    }
    BatchResponse { batch_item_failures: failures }
}

/// The entry that a message becomes; `None` when it concerns no vault job.
fn entry_of(body: &str, naming: &Naming) -> Result<Option<BusEntry>, String> {
    let notification: GatewayNotification =
        serde_json::from_str(body).map_err(|error| format!("the message is no gateway notification: {error}"))?;
    let (detail_type, detail) = match naming.classify(notification).map_err(|error| error.to_string())? {
        Upload::Data(detail) => (DATA_FILE_UPLOAD, detail),
        Upload::Manifest(detail) => (MANIFEST_FILE_UPLOAD, detail),
        Upload::Foreign => return Ok(None),
    };
    Ok(Some(BusEntry { detail_type, detail: detail_text(&detail)? }))
}

fn detail_text(detail: &UploadDetail) -> Result<String, String> {
    serde_json::to_string(detail).map_err(|error| error.to_string())
}

/// Cuts the entries into calls that PutEvents takes, each with the ids of its records.
fn calls(pending: Vec<Pending>) -> Vec<(Vec<BusEntry>, Vec<String>)> {
    let mut calls: Vec<(Vec<BusEntry>, Vec<String>)> = Vec::new();
    let mut bytes = 0;
    for Pending { entry, message_id } in pending {
        let size = entry.size();
        match calls.last_mut() {
            Some((entries, ids)) if entries.len() < ENTRIES_PER_CALL && bytes + size <= BYTES_PER_CALL => {
                bytes += size;
                entries.push(entry);
                ids.push(message_id);
            }
            _ => {
                bytes = size;
                calls.push((vec![entry], vec![message_id]));
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::super::fakes::FakeBus;
    use super::*;

    fn naming() -> Naming {
        Naming { job_dir_suffix: "-vaultjob".to_owned(), manifest_suffix: ".manifest".to_owned() }
    }

    fn record(id: usize, key: &str) -> SqsRecord {
        let body = json!({
            "version": "0", "source": "aws.storagegateway", "time": "2020-11-05T12:34:56Z",
            "detail": {"object-size": 7, "object-key": key, "bucket-name": "bucket", "prefix": ""},
        });
        SqsRecord { message_id: format!("m{id}"), body: body.to_string() }
    }

    fn failed(response: &BatchResponse) -> Vec<&str> {
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
    }

    #[tokio::test]
    async fn data_manifest_and_foreign_keys_are_told_apart() {
        let bus = FakeBus::default();
        let keys = ["s-vaultjob", "s-vaultjob/dir-1/file", "s-vaultjob/s.manifest", "elsewhere/file"];
        let records = keys.iter().enumerate().map(|(id, key)| record(id, key)).collect();
        let response = handler(SqsEvent { records }, &naming(), &bus).await;
        assert_eq!(failed(&response), Vec::<&str>::new());
        let put = bus.entries();
        let kinds: Vec<&str> = put.iter().map(|entry| entry.detail_type).collect();
        assert_eq!(kinds, [DATA_FILE_UPLOAD, DATA_FILE_UPLOAD, MANIFEST_FILE_UPLOAD]);
        let detail: serde_json::Value = serde_json::from_str(&put[2].detail).expect("a detail of valid JSON");
        assert_eq!(
            detail,
            json!({"set-id": "s", "event-time": 1_604_579_696, "bucket-name": "bucket",
                   "object-key": "s-vaultjob/s.manifest", "object-size": 7})
        );
    }

    #[tokio::test]
    async fn fault_2_quotes_and_backslashes_in_a_name_leave_the_detail_whole() {
        let bus = FakeBus::default();
        let key = "s-vaultjob/a\"b\\c\u{e9} \u{1}.txt";
        handler(SqsEvent { records: vec![record(0, key)] }, &naming(), &bus).await;
        let detail: UploadDetail = serde_json::from_str(&bus.entries()[0].detail).expect("a detail of valid JSON");
        assert_eq!(detail.object_key, key);
    }

    #[tokio::test]
    async fn fault_3_an_entry_that_the_bus_refuses_stays_in_the_queue() {
        let bus = FakeBus::refusing("s-vaultjob/bad");
        let records = vec![record(0, "s-vaultjob/a"), record(1, "s-vaultjob/bad"), record(2, "s-vaultjob/b")];
        let response = handler(SqsEvent { records }, &naming(), &bus).await;
        assert_eq!(failed(&response), ["m1"]);
    }

    #[tokio::test]
    async fn fault_3_a_call_that_fails_fails_its_own_records_only() {
        let bus = FakeBus::failing_call(1);
        let records = (0..25).map(|id| record(id, "s-vaultjob/f")).collect();
        let response = handler(SqsEvent { records }, &naming(), &bus).await;
        let expected: Vec<String> = (10..20).map(|id| format!("m{id}")).collect();
        assert_eq!(failed(&response), expected);
    }

    #[tokio::test]
    async fn fault_4_one_bad_record_does_not_fail_its_batch() {
        let bus = FakeBus::default();
        let bad = |id: &str, body: &str| SqsRecord { message_id: id.to_owned(), body: body.to_owned() };
        let mut no_time = record(9, "s-vaultjob/f");
        no_time.body = no_time.body.replace("2020-11-05T12:34:56Z", "yesterday");
        let records = vec![
            record(0, "s-vaultjob/a"),
            bad("m1", "{"),
            bad("m2", "{\"detail\":{}}"),
            no_time,
            record(3, "s-vaultjob/b"),
        ];
        let response = handler(SqsEvent { records }, &naming(), &bus).await;
        assert_eq!(failed(&response), ["m1", "m2", "m9"]);
        assert_eq!(bus.entries().len(), 2);
    }

    #[tokio::test]
    async fn fault_5_hyphens_of_a_set_id_reach_the_event() {
        let bus = FakeBus::default();
        let records = vec![record(0, "my-set-1-vaultjob/my-set-1.manifest")];
        handler(SqsEvent { records }, &naming(), &bus).await;
        let put = bus.entries();
        let detail: UploadDetail = serde_json::from_str(&put[0].detail).expect("a detail of valid JSON");
        assert_eq!((detail.set_id.as_str(), put[0].detail_type), ("my-set-1", MANIFEST_FILE_UPLOAD));
    }

    #[tokio::test]
    async fn fault_6_ten_records_go_in_one_call() {
        let bus = FakeBus::default();
        let records = (0..25).map(|id| record(id, "s-vaultjob/f")).collect();
        handler(SqsEvent { records }, &naming(), &bus).await;
        assert_eq!(bus.calls(), [10, 10, 5]);
    }

    #[test]
    fn a_call_stays_below_its_size() {
        let entry = BusEntry { detail_type: DATA_FILE_UPLOAD, detail: "x".repeat(400_000) };
        let pending = (0..5).map(|id| Pending { entry: entry.clone(), message_id: id.to_string() }).collect();
        let sizes: Vec<usize> = calls(pending).iter().map(|(entries, _)| entries.len()).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }
}
