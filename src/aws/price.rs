//! What a call costs on AWS: list prices of us-east-1 (of 2026), without free tiers and discounts. An estimate: other regions
//! differ by some tenths, and what the pipeline itself costs (functions, state transitions, storage) is not in it.

use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_eventbridge::operation::put_events::PutEventsInput;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

/// A request that writes or lists: $5.00 a million.
const S3_WRITE: u64 = 5_000;
/// A request that reads: $0.40 a million.
const S3_READ: u64 = 400;
/// A request of a standard queue, a 64 KiB part of it: $0.40 a million.
const SQS_PART: u64 = 400;
/// A custom event, a 64 KiB part of it: $1.00 a million.
const EVENT_PART: u64 = 1_000;
/// A read request unit on demand, 4 KiB read consistently or twice that otherwise: $0.125 a million.
const READ_UNIT: u64 = 125;
/// A minute of StartLiveTail.
pub const LIVE_TAIL_MINUTE: u64 = 10_000_000;

/// Bytes that are billed as one event or message.
const PART: usize = 64 << 10;
/// Bytes of one read request unit.
const READ_BYTES: usize = 4 << 10;

/// What of a request its price depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Events or messages, each as many times as it has parts of 64 KiB.
    parts: u64,
    consistent: bool,
}

impl Storable for Size {
    type Storer = StoreReplace<Self>;
}

impl Size {
    /// Reads a request before it is made.
    pub(super) fn of(input: &Input) -> Self {
        if let Some(events) = input.downcast_ref::<PutEventsInput>() {
            let parts = |detail: Option<&str>| parts_of(detail.map_or(0, str::len));
            return Self { parts: events.entries().iter().map(|entry| parts(entry.detail())).sum(), consistent: false };
        }
        if let Some(batch) = input.downcast_ref::<SendMessageBatchInput>() {
            let bytes = batch.entries().iter().map(|entry| entry.message_body().len()).sum();
            return Self { parts: parts_of(bytes), consistent: false };
        }
        let query = input.downcast_ref::<QueryInput>().and_then(|query| query.consistent_read);
        let item = input.downcast_ref::<GetItemInput>().and_then(|item| item.consistent_read);
        Self { parts: 1, consistent: query.or(item).unwrap_or_default() }
    }
}

fn parts_of(bytes: usize) -> u64 {
    bytes.div_ceil(PART).max(1) as u64
}

/// The price of an answered call, in billionths of a US dollar.
pub(super) fn nano_usd(service: &str, operation: &str, size: Size, answer_bytes: usize) -> u64 {
    match (service, operation) {
        ("s3", "DeleteObject" | "DeleteObjects" | "DeleteBucket") => 0,
        ("s3", operation) if operation.starts_with("Get") || operation.starts_with("Head") => S3_READ,
        ("s3", _) => S3_WRITE,
        ("sqs", _) => SQS_PART * size.parts,
        ("events", "PutEvents") => EVENT_PART * size.parts,
        // Half a unit where the read is eventually consistent. The answer's JSON is a little longer than what is billed.
        ("dynamodb", "Query" | "GetItem") => {
            let halves = answer_bytes.div_ceil(READ_BYTES).max(1) as u64 * if size.consistent { 2 } else { 1 };
            (halves * READ_UNIT).div_ceil(2)
        }
        // CloudFormation, STS, and the reading calls of Logs, Step Functions and EventBridge are free.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::types::PutEventsRequestEntry;

    use super::*;

    #[test]
    fn calls_cost_what_the_price_list_says() {
        let one = Size { parts: 1, consistent: false };
        let consistent = Size { parts: 1, consistent: true };
        for (service, operation, size, bytes, nano) in [
            ("s3", "PutObject", one, 0, 5_000),
            ("s3", "ListObjectsV2", one, 0, 5_000),
            ("s3", "GetObject", one, 1 << 20, 400),
            ("s3", "HeadBucket", one, 0, 400),
            ("s3", "DeleteObjects", one, 0, 0),
            ("sqs", "GetQueueAttributes", one, 0, 400),
            ("events", "PutEvents", Size { parts: 10, consistent: false }, 0, 10_000),
            ("dynamodb", "Query", one, 100, 63),
            ("dynamodb", "Query", consistent, 100, 125),
            ("dynamodb", "Query", one, 1 << 20, 16_000),
            ("dynamodb", "GetItem", consistent, 300, 125),
            ("logs", "FilterLogEvents", one, 1 << 20, 0),
            ("states", "GetExecutionHistory", one, 1 << 20, 0),
            ("cloudformation", "CreateChangeSet", one, 0, 0),
        ] {
            assert_eq!(nano_usd(service, operation, size, bytes), nano, "{service} {operation}");
        }
    }

    #[test]
    fn each_event_counts_and_a_large_one_as_often_as_it_has_parts() {
        let entry = |bytes: usize| PutEventsRequestEntry::builder().detail("x".repeat(bytes)).build();
        let input = PutEventsInput::builder().entries(entry(10)).entries(entry(PART + 1)).build().expect("an input");
        assert_eq!(Size::of(&Input::erase(input)).parts, 3);
    }

    #[test]
    fn a_consistent_read_of_one_item_is_known_by_its_input() {
        for consistent in [false, true] {
            let input = GetItemInput::builder().table_name("t").consistent_read(consistent).build().expect("an input");
            assert_eq!(Size::of(&Input::erase(input)), Size { parts: 1, consistent });
        }
    }
}
