"""Amazon SQS."""
import json

from . import pages, refused, until


def run(client):
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="trips-dead", tags={"a": "1"})["QueueUrl"]
    read = lambda url, *names: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"])["Attributes"]
    dead_arn = read(dead, "QueueArn")["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="trips", Attributes={"VisibilityTimeout": "7", "RedrivePolicy": redrive})["QueueUrl"]
    assert sqs.create_queue(QueueName="trips", Attributes={"VisibilityTimeout": "7"})["QueueUrl"] == url
    refused("QueueAlreadyExists", sqs.create_queue, QueueName="trips", Attributes={"VisibilityTimeout": "8"})
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="trips-none")
    assert sqs.get_queue_url(QueueName="trips")["QueueUrl"] == url
    assert pages(sqs, "list_queues", "QueueUrls", QueueNamePrefix="trips") == [url, dead]
    assert pages(sqs, "list_dead_letter_source_queues", "queueUrls", QueueUrl=dead) == [url]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30", "DelaySeconds": "0"})
    attributes = read(url)
    assert attributes["VisibilityTimeout"] == "30" and json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 1, attributes
    sqs.tag_queue(QueueUrl=dead, Tags={"b": "é"})
    sqs.untag_queue(QueueUrl=dead, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=dead)["Tags"] == {"b": "é"}

    sent = sqs.send_message(QueueUrl=url, MessageBody="one é", MessageAttributes={
        "s": {"DataType": "String", "StringValue": "v"}, "n": {"DataType": "Number", "StringValue": "1.5"},
        "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})
    # botocore compares the digest of the body itself.
    assert len(sent["MD5OfMessageAttributes"]) == 32 and sent["MessageId"]
    batch = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": i, "MessageBody": i} for i in "ab"])
    assert [one["Id"] for one in batch["Successful"]] == ["a", "b"] and not batch.get("Failed")
    refused("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", sqs.send_message_batch, QueueUrl=url,
            Entries=[{"Id": "a", "MessageBody": "x"}] * 2)
    refused("AWS.SimpleQueueService.EmptyBatchRequest", sqs.send_message_batch, QueueUrl=url, Entries=[])
    got = {}
    while len(got) < 3:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2, AttributeNames=["All"],
                                           MessageAttributeNames=["All"])["Messages"]:
            got[message["Body"]] = message
    one = got["one é"]
    assert one["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"] and one["MessageId"] == sent["MessageId"]
    assert one["MessageAttributes"]["b"]["BinaryValue"] == b"\x00\xff" and one["Attributes"]["ApproximateReceiveCount"] == "1"
    assert read(url)["ApproximateNumberOfMessagesNotVisible"] == "3"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="x")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["a"]["ReceiptHandle"], VisibilityTimeout=0)
    changed = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
        {"Id": "b", "ReceiptHandle": got["b"]["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "x", "ReceiptHandle": "x", "VisibilityTimeout": 0}])
    assert [e["Id"] for e in changed["Successful"]] == ["b"] and changed["Failed"][0]["Code"] == "ReceiptHandleIsInvalid", changed
    # Received once before: the next attempt to receive them sends them to the dead-letter queue.
    until(lambda: "Messages" not in sqs.receive_message(QueueUrl=url) and read(dead)["ApproximateNumberOfMessages"] == "2", "redrive")
    task = sqs.start_message_move_task(SourceArn=dead_arn)["TaskHandle"]
    until(lambda: sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"][0]["Status"] == "COMPLETED", "the move")
    assert sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"][0]["ApproximateNumberOfMessagesMoved"] == 2 and task
    back = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    gone = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(back)])
    assert len(gone["Successful"]) == len(back) and not gone.get("Failed")
    sqs.send_message(QueueUrl=url, MessageBody="purged")
    sqs.purge_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, QueueUrl=url)
    until(lambda: read(url)["ApproximateNumberOfMessages"] == "0", "the purge")
    for each in (url, dead):
        sqs.delete_queue(QueueUrl=each)
    assert sqs.list_queues(QueueNamePrefix="trips").get("QueueUrls", []) == []
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=url, MessageBody="x")
