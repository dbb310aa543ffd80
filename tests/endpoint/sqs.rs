//! Standard queues through the SDK, which checks the digests of every answer itself.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry};

use crate::support::start;

async fn queue(sqs: &Client, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
    let mut create = sqs.create_queue().queue_name(name);
    for (attribute, value) in attributes {
        create = create.attributes(attribute.clone(), *value);
    }
    create.send().await.expect("the queue is created").queue_url.expect("a url")
}

#[tokio::test]
async fn a_message_comes_back_after_its_visibility_timeout_and_not_before() {
    let (emulator, config) = start().await;
    let sqs = Client::new(&config);
    let url = queue(&sqs, "q", &[]).await;
    let attribute =
        MessageAttributeValue::builder().data_type("String").string_value("v").build().expect("an attribute");
    sqs.send_message()
        .queue_url(&url)
        .message_body("body")
        .message_attributes("a", attribute)
        .send()
        .await
        .expect("sent");
    let receive = || sqs.receive_message().queue_url(&url).message_attribute_names("All").send();
    let first = receive().await.expect("received").messages.expect("one message").remove(0);
    assert_eq!(first.body(), Some("body"));
    assert!(receive().await.expect("an answer").messages.is_none(), "it is in flight");
    emulator.clock().step(Duration::from_secs(31));
    let second = receive().await.expect("received").messages.expect("it is back").remove(0);
    assert_eq!(second.message_id(), first.message_id());
    // The older receipt deletes nothing, the newer one does.
    let delete = |handle: Option<&str>| {
        sqs.delete_message().queue_url(&url).set_receipt_handle(handle.map(str::to_owned)).send()
    };
    delete(first.receipt_handle()).await.expect("accepted");
    emulator.clock().step(Duration::from_secs(31));
    let third = receive().await.expect("received").messages.expect("still there").remove(0);
    delete(third.receipt_handle()).await.expect("deleted");
    emulator.clock().step(Duration::from_secs(31));
    assert!(receive().await.expect("an answer").messages.is_none());
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_received_too_often_goes_to_the_dead_letter_queue() {
    let (emulator, config) = start().await;
    let sqs = Client::new(&config);
    let dead = queue(&sqs, "dead", &[]).await;
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"2"}"#;
    let attributes = [(QueueAttributeName::RedrivePolicy, policy), (QueueAttributeName::VisibilityTimeout, "0")];
    let url = queue(&sqs, "source", &attributes).await;
    sqs.send_message().queue_url(&url).message_body("poison").send().await.expect("sent");
    for _ in 0..2 {
        let received = sqs.receive_message().queue_url(&url).send().await.expect("an answer");
        assert_eq!(received.messages().len(), 1);
    }
    assert!(sqs.receive_message().queue_url(&url).send().await.expect("an answer").messages.is_none());
    let moved = sqs.receive_message().queue_url(&dead).send().await.expect("an answer");
    assert_eq!(moved.messages()[0].body(), Some("poison"));
    let sources = sqs.list_dead_letter_source_queues().queue_url(&dead).send().await.expect("listed");
    assert_eq!(sources.queue_urls(), [url]);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_long_poll_ends_as_soon_as_a_message_arrives() {
    let (emulator, config) = start().await;
    let sqs = Client::new(&config);
    let url = queue(&sqs, "q", &[]).await;
    // Time stands still: only the arrival can end the poll with a message.
    emulator.clock().pause();
    let poll = tokio::spawn(sqs.receive_message().queue_url(&url).wait_time_seconds(20).send());
    sqs.send_message().queue_url(&url).message_body("now").send().await.expect("sent");
    let received = poll.await.expect("the poll ends").expect("an answer");
    assert_eq!(received.messages()[0].body(), Some("now"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn refusals_have_the_codes_of_aws() {
    let (emulator, config) = start().await;
    let sqs = Client::new(&config);
    let gone = sqs.get_queue_url().queue_name("none").send().await.expect_err("there is no such queue");
    assert!(gone.into_service_error().is_queue_does_not_exist());
    assert!(sqs.create_queue().queue_name("q.fifo").send().await.is_err());
    let url = queue(&sqs, "q", &[]).await;
    let empty = sqs.send_message_batch().queue_url(&url).send().await;
    assert!(empty.is_err());
    let handle = sqs.delete_message().queue_url(&url).receipt_handle("x").send().await.expect_err("no handle");
    assert!(handle.into_service_error().is_receipt_handle_is_invalid());
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_batch_is_sent_entry_by_entry_and_what_is_refused_is_named() {
    let (emulator, config) = start().await;
    let sqs = Client::new(&config);
    let url = queue(&sqs, "q", &[]).await;
    let entry = |id: usize, body: &str| {
        SendMessageBatchRequestEntry::builder().id(format!("e{id}")).message_body(body).build().expect("an entry")
    };
    let mut entries: Vec<_> = (0..9).map(|n| entry(n, &n.to_string())).collect();
    entries.push(entry(9, "\u{1}"));
    let sent = sqs.send_message_batch().queue_url(&url).set_entries(Some(entries.clone())).send().await.expect("sent");
    assert_eq!((sent.successful().len(), sent.failed().len()), (9, 1));
    assert_eq!((sent.failed()[0].id(), sent.failed()[0].code()), ("e9", "InvalidMessageContents"));
    let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.expect("received");
    let mut bodies: Vec<_> = received.messages().iter().filter_map(|message| message.body()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    entries.push(entry(10, "x"));
    let many = sqs.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await.expect_err("eleven");
    assert!(many.into_service_error().is_too_many_entries_in_batch_request());
    let twice = sqs.send_message_batch().queue_url(&url).entries(entry(1, "x")).entries(entry(1, "y")).send().await;
    assert!(twice.expect_err("one id twice").into_service_error().is_batch_entry_ids_not_distinct());
    emulator.shutdown().await;
}
