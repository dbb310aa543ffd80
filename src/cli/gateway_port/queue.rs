//! Notifications straight in the stack's queue, as the event bus would deliver them.

use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};

use super::of_problem;
use crate::aws::{Clients, Kind, Problem};
use crate::model::Timestamp;
use crate::sim::{Notification, PortError, REAL_SOURCE, Receipt, Share};

/// Messages of one call.
const MOST_MESSAGES: usize = 10;
/// Bytes of all messages of one call.
const MOST_BYTES: usize = 1 << 20;

/// Sends notifications in as few calls as they fit into.
///
/// What a call accepted is answered as accepted even where a later one fails.
pub async fn send(
    clients: &Clients,
    url: &str,
    share: &Share,
    at: Timestamp,
    batch: &[Notification],
) -> Result<Vec<Receipt>, PortError> {
    let bodies: Vec<String> = batch.iter().map(|sent| sent.event(share, REAL_SOURCE, at).to_string()).collect();
    let sizes: Vec<usize> = bodies.iter().map(String::len).collect();
    let mut answers = vec![Receipt::Again; batch.len()];
    for call in calls(&sizes) {
        let first = call.start;
        match send_call(clients, url, &bodies[call.clone()]).await {
            Ok(entries) => answers[call].clone_from_slice(&entries),
            Err(problem) if first > 0 && matches!(problem.kind, Kind::Throttled | Kind::Outage) => return Ok(answers),
            Err(problem) => return Err(of_problem(problem)),
        }
    }
    Ok(answers)
}

async fn send_call(clients: &Clients, url: &str, bodies: &[String]) -> Result<Vec<Receipt>, Problem> {
    let mut entries = Vec::with_capacity(bodies.len());
    for (at, body) in bodies.iter().enumerate() {
        let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body).build();
        entries.push(entry.map_err(|error| Problem::refused(format!("a notification makes no message: {error}")))?);
    }
    let answer = clients.sqs.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
    let answer = answer.map_err(|error| Problem::of("sqs SendMessageBatch", &error))?;
    Ok(read(bodies.len(), answer.failed()))
}

fn read(messages: usize, failed: &[BatchResultErrorEntry]) -> Vec<Receipt> {
    let mut entries = vec![Receipt::Accepted; messages];
    for failure in failed {
        if let Some(entry) = failure.id().parse::<usize>().ok().and_then(|at| entries.get_mut(at)) {
            *entry = if failure.sender_fault() { Receipt::Refused(failure.code().to_owned()) } else { Receipt::Again };
        }
    }
    entries
}

/// Messages of each call: as many as fit, in order; one that is too large has a call of its own to be refused by.
fn calls(sizes: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut calls = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, size) in sizes.iter().enumerate() {
        if at > start && (at - start == MOST_MESSAGES || bytes + size > MOST_BYTES) {
            calls.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < sizes.len() {
        calls.push(start..sizes.len());
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_ten_messages_and_a_mebibyte() {
        let ends = |sizes: &[usize]| calls(sizes).into_iter().map(|call| (call.start, call.end)).collect::<Vec<_>>();
        assert_eq!(ends(&[]), []);
        assert_eq!(ends(&[700; 10]), [(0, 10)]);
        assert_eq!(ends(&[700; 23]), [(0, 10), (10, 20), (20, 23)]);
        assert_eq!(ends(&[MOST_BYTES / 2, MOST_BYTES / 2, 1]), [(0, 2), (2, 3)]);
        assert_eq!(ends(&[1, MOST_BYTES + 1, 1]), [(0, 1), (1, 2), (2, 3)]);
    }

    #[test]
    fn messages_that_failed_by_no_fault_of_ours_are_sent_again() {
        let failure = |id: &str, code: &str, ours| {
            BatchResultErrorEntry::builder().id(id).code(code).sender_fault(ours).build().expect("an entry")
        };
        let failed = [failure("1", "ServiceUnavailable", false), failure("2", "InvalidMessageContents", true)];
        let entries = [
            Receipt::Accepted,
            Receipt::Again,
            Receipt::Refused("InvalidMessageContents".to_owned()),
            Receipt::Accepted,
        ];
        assert_eq!(read(4, &failed), entries);
        assert_eq!(read(1, &[failure("7", "x", false)]), [Receipt::Accepted], "an id that was never sent");
    }
}
