"""Amazon CloudWatch Logs."""
import json
import time

from . import pages, refused


def run(client):
    logs, group = client("logs"), "/trips/x"
    logs.create_log_group(logGroupName=group, tags={"a": "1"})
    refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=group)
    found = pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=group)[0]
    arn = found["arn"].removesuffix(":*")
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    refused("InvalidParameterException", logs.put_retention_policy, logGroupName=group, retentionInDays=8)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    logs.tag_log_group(logGroupName=group, tags={"c": "3"})
    logs.untag_log_group(logGroupName=group, tags=["b"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"c": "3"}

    logs.create_log_stream(logGroupName=group, logStreamName="s")
    refused("ResourceAlreadyExistsException", logs.create_log_stream, logGroupName=group, logStreamName="s")
    tail = logs.start_live_tail(logGroupIdentifiers=[arn])["responseStream"]
    updates = iter(tail)
    assert "sessionStart" in next(updates)
    now = int(time.time() * 1000)
    put = lambda *events: logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[
        {"timestamp": moment, "message": message} for moment, message in events])
    assert put((now - 30 * 86_400_000, "too old"))["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] == 1
    assert "rejectedLogEventsInfo" not in put((now, json.dumps({"n": 1, "t": "é"})), (now + 1, "ERROR two"))
    seen = []
    for update in updates:
        seen += [r["message"] for r in update.get("sessionUpdate", {}).get("sessionResults", [])]
        if len(seen) >= 2:
            break
    tail.close()
    assert seen[-1] == "ERROR two", seen
    got = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, limit=1)
    assert [json.loads(e["message"]) for e in got["events"]] == [{"n": 1, "t": "é"}]
    after = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, nextToken=got["nextForwardToken"])
    assert [e["message"] for e in after["events"]] == ["ERROR two"]
    filtered = lambda pattern: [e["message"] for e in pages(logs, "filter_log_events", "events", logGroupName=group, filterPattern=pattern)]
    assert filtered("ERROR") == ["ERROR two"] and len(filtered("{ $.n = 1 }")) == 1 and len(filtered("")) == 2
    stream = pages(logs, "describe_log_streams", "logStreams", logGroupName=group, logStreamNamePrefix="s")[0]
    assert (stream["logStreamName"], stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == ("s", now, now + 1), stream

    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                                                                  "Action": "logs:PutLogEvents", "Resource": "*"}]})
    logs.put_resource_policy(policyName="trips", policyDocument=policy)
    held = {p["policyName"]: p["policyDocument"] for p in pages(logs, "describe_resource_policies", "resourcePolicies")}
    assert json.loads(held["trips"]) == json.loads(policy)
    logs.delete_resource_policy(policyName="trips")
    refused("ResourceNotFoundException", logs.delete_resource_policy, policyName="trips")
    logs.delete_log_stream(logGroupName=group, logStreamName="s")
    refused("ResourceNotFoundException", logs.get_log_events, logGroupName=group, logStreamName="s")
    logs.delete_log_group(logGroupName=group)
    assert pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=group) == []
