"""Amazon EventBridge."""
import json

from . import pages, refused, until


def run(client):
    events, sqs = client("events"), client("sqs")
    url = sqs.create_queue(QueueName="trips-events")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = events.create_event_bus(Name="trips", Tags=[{"Key": "a", "Value": "1"}])["EventBusArn"]
    refused("ResourceAlreadyExistsException", events.create_event_bus, Name="trips")
    assert events.describe_event_bus(Name="trips")["Arn"] == bus
    assert {"default", "trips"} <= {b["Name"] for b in events.list_event_buses()["EventBuses"]}
    events.tag_resource(ResourceARN=bus, Tags=[{"Key": "b", "Value": "2"}])
    events.untag_resource(ResourceARN=bus, TagKeys=["a"])
    assert events.list_tags_for_resource(ResourceARN=bus)["Tags"] == [{"Key": "b", "Value": "2"}]
    events.put_permission(EventBusName="trips", Action="events:PutEvents", Principal="111111111111", StatementId="s")
    policy = json.loads(events.describe_event_bus(Name="trips")["Policy"])
    assert [s["Sid"] for s in policy["Statement"]] == ["s"], policy
    events.remove_permission(EventBusName="trips", StatementId="s")
    assert "Policy" not in events.describe_event_bus(Name="trips")

    pattern = json.dumps({"source": ["trips"], "detail": {"n": [{"numeric": [">", 1]}]}})
    refused("InvalidEventPatternException", events.put_rule, Name="r", EventBusName="trips", EventPattern='{"source": "x"}')
    rule = events.put_rule(Name="r", EventBusName="trips", EventPattern=pattern, Description="d")["RuleArn"]
    shown = events.describe_rule(Name="r", EventBusName="trips")
    assert (shown["Arn"], json.loads(shown["EventPattern"]), shown["State"], shown["Description"]) == (rule, json.loads(pattern), "ENABLED", "d")
    event = {"id": "1", "detail-type": "t", "source": "trips", "account": "000000000000", "time": "2026-11-21T00:00:00Z",
             "region": "us-east-1", "resources": [], "detail": {"n": 2}}
    assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"] is True
    assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps({**event, "detail": {"n": 1}}))["Result"] is False
    put = events.put_targets(Rule="r", EventBusName="trips", Targets=[{"Id": "q", "Arn": queue, "InputTransformer": {
        "InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"was": <n>}'}}])
    assert put["FailedEntryCount"] == 0
    assert [t["Arn"] for t in pages(events, "list_targets_by_rule", "Targets", Rule="r", EventBusName="trips")] == [queue]
    assert pages(events, "list_rule_names_by_target", "RuleNames", TargetArn=queue, EventBusName="trips") == ["r"]
    assert [r["Name"] for r in pages(events, "list_rules", "Rules", EventBusName="trips", NamePrefix="r")] == ["r"]
    sent = events.put_events(Entries=[{"EventBusName": "trips", "Source": "trips", "DetailType": "t", "Detail": json.dumps({"n": n})} for n in (1, 2)])
    assert sent["FailedEntryCount"] == 0 and all(e["EventId"] for e in sent["Entries"])
    message = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), "the event")[0]
    assert json.loads(message["Body"]) == {"was": 2}, message
    events.disable_rule(Name="r", EventBusName="trips")
    assert events.describe_rule(Name="r", EventBusName="trips")["State"] == "DISABLED"
    events.enable_rule(Name="r", EventBusName="trips")
    assert events.describe_rule(Name="r", EventBusName="trips")["State"] == "ENABLED"
    refused("ValidationException", events.delete_rule, Name="r", EventBusName="trips")
    assert events.remove_targets(Rule="r", EventBusName="trips", Ids=["q"])["FailedEntryCount"] == 0
    events.delete_rule(Name="r", EventBusName="trips")
    refused("ResourceNotFoundException", events.describe_rule, Name="r", EventBusName="trips")
    events.delete_event_bus(Name="trips")
    refused("ResourceNotFoundException", events.describe_event_bus, Name="trips")
    sqs.delete_queue(QueueUrl=url)
