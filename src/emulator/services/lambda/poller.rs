//! Works off a queue for an event source mapping: receives, invokes, deletes what succeeded.
//!
//! One task receives; each batch is carried out on a task of its own. It receives only when the function has room for
//! another batch, so that messages wait in the queue, visible to its metrics, and not here.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::error::LambdaError;
use super::mapping::{Mapping, Plan};
use super::registry::Registry;
use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Hop;
use crate::emulator::faults::Fate;

const PRINCIPAL: &str = "lambda.amazonaws.com";

/// Messages that one call of SQS takes.
const MESSAGES_PER_CALL: usize = 10;

/// How long a receive waits for messages, in simulated seconds.
const LONG_POLL_SECONDS: u64 = 20;

/// Bytes of messages of one batch: the payload's limit, less room for the members around the bodies.
const BATCH_BYTES: usize = 5 * 1024 * 1024;

/// How long a poller rests after the queue has refused it, in simulated time.
const PAUSE_AFTER_ERROR: std::time::Duration = std::time::Duration::from_secs(1);

/// Batches under way, and who waits for one to end.
#[derive(Default)]
struct UnderWay {
    count: std::sync::atomic::AtomicUsize,
    ended: Notify,
}

/// Runs until `stop` or the end of the endpoint.
pub async fn run(registry: Arc<Registry>, mapping: Arc<Mapping>, stop: CancellationToken) {
    let shutdown = registry.fabric.shutdown_token().clone();
    let polling = poll(&registry, &mapping);
    tokio::select! {
        () = polling => {}
        () = stop.cancelled() => {}
        () = shutdown.cancelled() => {}
    }
}

async fn poll(registry: &Arc<Registry>, mapping: &Arc<Mapping>) {
    use std::sync::atomic::Ordering;
    let plan = mapping.plan();
    let under_way = Arc::new(UnderWay::default());
    // At the endpoint's end the queue answers at once, again and again: nobody else would get a turn.
    while !registry.fabric.shutdown_token().is_cancelled() {
        room_for_another(registry, &plan, &under_way).await;
        let messages = match gather(registry, mapping, &plan).await {
            Ok(messages) if messages.is_empty() => continue,
            Ok(messages) => messages,
            Err(error) => {
                mapping.result(&format!("PROBLEM: {}", error.message));
                registry.fabric.clock().sleep(PAUSE_AFTER_ERROR).await;
                continue;
            }
        };
        under_way.count.fetch_add(1, Ordering::Relaxed);
        let (registry, mapping, plan, under_way) =
            (Arc::clone(registry), Arc::clone(mapping), Arc::clone(&plan), Arc::clone(&under_way));
        // Not ended by `stop`: what was received is worked off.
        tokio::spawn(async move {
            let result = work_off(&registry, &mapping, &plan, messages).await;
            mapping.result(&result);
            under_way.count.fetch_sub(1, Ordering::Relaxed);
            under_way.ended.notify_one();
        });
    }
}

/// Waits until the function can take another batch.
async fn room_for_another(registry: &Registry, plan: &Plan, under_way: &UnderWay) {
    loop {
        let function = registry.function(&plan.function).map_or(1, |function| function.concurrency());
        let most = plan.concurrency.map_or(function, |most| function.min(most as usize)).max(1);
        let ended = under_way.ended.notified();
        if under_way.count.load(std::sync::atomic::Ordering::Relaxed) < most {
            return;
        }
        ended.await;
    }
}

/// Receives a batch: the first messages at once, more of them as long as the window is open.
async fn gather(registry: &Registry, mapping: &Mapping, plan: &Plan) -> Result<Vec<Value>, ServiceError> {
    let wanted = plan.batch_size as usize;
    let mut messages = receive(registry, mapping, wanted, LONG_POLL_SECONDS).await?;
    if messages.is_empty() || plan.window.is_zero() {
        return Ok(messages);
    }
    let clock = registry.fabric.clock();
    let closes = clock.now() + plan.window;
    let mut bytes: usize = messages.iter().map(body_len).sum();
    while messages.len() < wanted && bytes < BATCH_BYTES {
        let Some(left) = closes.since(clock.now()).filter(|left| !left.is_zero()) else { break };
        // Long polls are in whole seconds; the last part of the window is cut short.
        let seconds = left.as_secs().clamp(1, LONG_POLL_SECONDS);
        let more = tokio::select! {
            biased;
            more = receive(registry, mapping, wanted - messages.len(), seconds) => more?,
            () = clock.sleep_until(closes) => break,
        };
        bytes += more.iter().map(body_len).sum::<usize>();
        messages.extend(more);
    }
    Ok(messages)
}

fn body_len(message: &Value) -> usize {
    message.get("Body").and_then(Value::as_str).map_or(0, str::len)
}

async fn receive(
    registry: &Registry,
    mapping: &Mapping,
    wanted: usize,
    wait_seconds: u64,
) -> Result<Vec<Value>, ServiceError> {
    let input = json!({
        "QueueUrl": mapping.queue_url,
        "MaxNumberOfMessages": wanted.min(MESSAGES_PER_CALL),
        "WaitTimeSeconds": wait_seconds,
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    match registry.fabric.call(PRINCIPAL, "sqs", "ReceiveMessage", input).await?.get_mut("Messages").map(Value::take) {
        Some(Value::Array(messages)) => Ok(messages),
        _ => Ok(Vec::new()),
    }
}

/// Invokes the function with a batch and deletes the messages that succeeded; says what it came to.
async fn work_off(registry: &Registry, mapping: &Mapping, plan: &Plan, messages: Vec<Value>) -> String {
    let (source, region) = (mapping.queue.to_string(), mapping.queue.region.as_str());
    // What the trace knows the messages by: each with the event in it.
    let bodies: Vec<(String, String)> = messages
        .iter()
        .map(|message| (text(message, "MessageId").to_owned(), text(message, "Body").to_owned()))
        .collect();
    let handles: Vec<(String, String)> = messages
        .iter()
        .map(|message| (text(message, "MessageId").to_owned(), text(message, "ReceiptHandle").to_owned()))
        .collect();
    let first = messages.iter().all(|message| text(&message["Attributes"], "ApproximateReceiveCount") == "1");
    let records: Vec<Value> = messages.into_iter().map(|message| record(message, &source, region)).collect();
    let payload = Bytes::from(json!({ "Records": records }).to_string());
    match registry.fabric.faults().fate_at("lambda", || registry.function_arn(&plan.function), first) {
        Fate::Once => {}
        // The messages come back when their visibility timeout ends.
        Fate::Lost(fault) => return format!("PROBLEM: the batch was lost by fault {fault}"),
        // The answer to the second one counts, as when a batch comes back because its deletion came too late.
        Fate::Twice => {
            if let Err(error) = invoke(registry, plan, payload.clone()).await {
                return format!("PROBLEM: {error}");
            }
        }
    }
    let failed = match invoke(registry, plan, payload).await {
        Ok((payload, false)) if plan.reports_failures => match failures(&payload, &handles) {
            Some(failed) => failed,
            None => return "PROBLEM: Function returned an invalid batch response".to_owned(),
        },
        Ok((_, false)) => HashSet::new(),
        Ok((_, true)) => {
            trace(registry, plan, &bodies, |_| Some("the function call failed: the message comes back".to_owned()));
            return "PROBLEM: Function call failed".to_owned();
        }
        Err(error) => {
            trace(registry, plan, &bodies, |_| Some(error.to_string()));
            return format!("PROBLEM: {error}");
        }
    };
    let named = "the function named it as failed: the message comes back";
    trace(registry, plan, &bodies, |id| failed.contains(id).then(|| named.to_owned()));
    let entries: Vec<Value> = handles
        .iter()
        .filter(|(id, _)| !failed.contains(id))
        .enumerate()
        .map(|(index, (_, handle))| json!({ "Id": index.to_string(), "ReceiptHandle": handle }))
        .collect();
    for entries in entries.chunks(MESSAGES_PER_CALL) {
        let input = json!({ "QueueUrl": mapping.queue_url, "Entries": entries });
        if let Err(error) = registry.fabric.call(PRINCIPAL, "sqs", "DeleteMessageBatch", input).await {
            return format!("PROBLEM: {}", error.message);
        }
    }
    "OK".to_owned()
}

/// Keeps a hop for each message that the function was invoked with.
fn trace(registry: &Registry, plan: &Plan, bodies: &[(String, String)], error: impl Fn(&str) -> Option<String>) {
    for (id, body) in bodies {
        let hop = Hop {
            at: registry.fabric.clock().now(),
            from: PRINCIPAL,
            to: registry.function_arn(&plan.function),
            subject: id.as_str().into(),
            error: error(id),
        };
        registry.fabric.record_about(hop, body);
    }
}

async fn invoke(registry: &Registry, plan: &Plan, payload: Bytes) -> Result<(Bytes, bool), LambdaError> {
    let function = registry.function(&plan.function)?;
    let request_id: Arc<str> = registry.fabric.uuid().into();
    let outcome = function.invoke(&request_id, payload, true).await?;
    Ok((outcome.payload, outcome.failed))
}

fn text<'a>(message: &'a Value, member: &str) -> &'a str {
    message.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A message as a function receives it.
fn record(mut message: Value, source: &str, region: &str) -> Value {
    let mut take = |member: &str| message.get_mut(member).map(Value::take).filter(|value| !value.is_null());
    let attributes = match take("MessageAttributes") {
        Some(Value::Object(attributes)) => attributes,
        _ => Map::new(),
    };
    let attributes: Map<String, Value> =
        attributes.into_iter().map(|(name, attribute)| (name, attribute_of(&attribute))).collect();
    let mut record = json!({
        "messageId": take("MessageId"),
        "receiptHandle": take("ReceiptHandle"),
        "body": take("Body"),
        "attributes": take("Attributes").unwrap_or_else(|| json!({})),
        "messageAttributes": attributes,
        "md5OfBody": take("MD5OfBody"),
        "eventSource": "aws:sqs",
        "eventSourceARN": source,
        "awsRegion": region,
    });
    if let Some(md5) = take("MD5OfMessageAttributes") {
        record["md5OfMessageAttributes"] = md5;
    }
    record
}

fn attribute_of(attribute: &Value) -> Value {
    let mut shown = json!({
        "stringListValues": [], "binaryListValues": [], "dataType": attribute.get("DataType"),
    });
    for (from, to) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
        if let Some(value) = attribute.get(from).filter(|value| !value.is_null()) {
            shown[to] = value.clone();
        }
    }
    shown
}

/// The messages that a batch response names; `None` when the response is invalid, which fails the whole batch.
fn failures(payload: &Bytes, handles: &[(String, String)]) -> Option<HashSet<String>> {
    let response: Value = serde_json::from_slice(payload).ok()?;
    // Nothing, null and an empty list all mean success; so does an object without the member.
    let named = match &response {
        Value::Object(members) => match members.get("batchItemFailures") {
            None | Some(Value::Null) => return Some(HashSet::new()),
            Some(Value::Array(named)) => named,
            Some(_) => return None,
        },
        _ => return Some(HashSet::new()),
    };
    let known: HashSet<&str> = handles.iter().map(|(id, _)| id.as_str()).collect();
    named
        .iter()
        .map(|failure| {
            let id = failure.get("itemIdentifier")?.as_str()?;
            known.contains(id).then(|| id.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handles() -> Vec<(String, String)> {
        ["a", "b"].map(|id| (id.to_owned(), format!("handle-{id}"))).to_vec()
    }

    fn failed(response: &str) -> Option<Vec<String>> {
        let mut failed: Vec<String> = failures(&Bytes::from(response.to_owned()), &handles())?.into_iter().collect();
        failed.sort();
        Some(failed)
    }

    #[test]
    fn a_batch_response_is_read_as_aws_reads_it() {
        for response in ["null", "{}", "{\"batchItemFailures\":[]}", "{\"batchItemFailures\":null}", "\"done\""] {
            assert_eq!(failed(response), Some(vec![]), "{response}");
        }
        assert_eq!(failed(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#), Some(vec!["b".to_owned()]));
        for response in [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
            r#"{"batchItemFailures":[{"id":"a"}]}"#,
            r#"{"batchItemFailures":"a"}"#,
            "not json",
        ] {
            assert_eq!(failed(response), None, "{response}");
        }
    }

    #[test]
    fn a_message_becomes_a_record() {
        let message = json!({
            "MessageId": "a", "ReceiptHandle": "h", "Body": "text", "MD5OfBody": "m",
            "Attributes": {"ApproximateReceiveCount": "1"},
            "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}},
        });
        assert_eq!(
            record(message, "arn:aws:sqs:us-east-1:0:q", "us-east-1"),
            json!({
                "messageId": "a", "receiptHandle": "h", "body": "text", "md5OfBody": "m",
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {"n": {"stringValue": "v", "dataType": "String", "stringListValues": [],
                                            "binaryListValues": []}},
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:0:q", "awsRegion": "us-east-1",
            })
        );
    }
}
