#!/usr/bin/env python3
"""Reads what a run left on an endpoint with boto3 and with the AWS CLI: both must see what the run saw.

usage: clients.py ENDPOINT DOCUMENT AWS
DOCUMENT is what `vaultscope run --json` printed, AWS the path of the AWS CLI.
"""
import json
import pathlib
import subprocess
import sys

import boto3
from botocore.config import Config

import flows

endpoint, document, aws = sys.argv[1:]
report = json.loads(pathlib.Path(document).read_text())
set_id, stack = report["dataset"]["setId"], report["stack"]["name"]
keys = report["dataset"]["keys"]


def client(service):
    return boto3.client(service, endpoint_url=endpoint, config=Config(retries={"max_attempts": 0}, inject_host_prefix=False))


def cli(*words):
    done = subprocess.run([aws, "--endpoint-url", endpoint, "--output", "json", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


resources = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
physical = {r["LogicalResourceId"]: r["PhysicalResourceId"] for page in resources for r in page["StackResourceSummaries"]}
outputs = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
assert {"OutputKey": "fileUploadBucketName", "OutputValue": physical["fileUploadBucket"]}.items() <= outputs[0].items()
named = cli("cloudformation", "describe-stack-resources", "--stack-name", stack)["StackResources"]
assert {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in named} == physical
for logical, start in {
    "fileUploadBucket": "eventprocessingstack-fileuploadbucket",
    "dataFileUploadLogGroup": "EventProcessingStack-dataFileUpload",
    "manifestFileUploadLogGroup": "EventProcessingStack-manifestFileUpload",
    "reconcileNotifySuccessfulLogGroup": "EventProcessingStack-reconcileNotifySuccessful",
    "reconcileNotifyTimeoutLogGroup": "EventProcessingStack-reconcileNotifyTimeout",
    "fileUploadEventTable": "EventProcessingStack-fileUploadEventTable",
}.items():
    assert physical[logical].startswith(start), (logical, physical[logical])

# The bucket and its parameter.
parameter = client("ssm").get_parameter(Name="fileUploadBucketName")["Parameter"]["Value"]
assert parameter == physical["fileUploadBucket"] == cli("ssm", "get-parameter", "--name", "fileUploadBucketName")["Parameter"]["Value"]
pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=parameter, Prefix=set_id)
objects = {o["Key"].rstrip("/") for page in pages for o in page.get("Contents", [])}
listed = cli("s3api", "list-objects-v2", "--bucket", parameter, "--prefix", set_id)["Contents"]
assert {o["Key"].rstrip("/") for o in listed} == objects
manifest = client("s3").get_object(Bucket=parameter, Key=report["dataset"]["manifestKey"])["Body"].read().decode()
lines = manifest.splitlines()
assert len(lines) == keys and set(lines) == objects

# The items.
table = physical["fileUploadEventTable"]
query = client("dynamodb").get_paginator("query").paginate(
    TableName=table,
    KeyConditionExpression="setId = :s",
    ExpressionAttributeValues={":s": {"S": set_id}},
    PaginationConfig={"PageSize": 50},
)
items = {i["objectKey"]["S"] for page in query for i in page["Items"]}
by_cli = cli("dynamodb", "query", "--table-name", table, "--key-condition-expression", "setId = :s",
             "--expression-attribute-values", json.dumps({":s": {"S": set_id}}))["Items"]
assert items == set(lines) == {i["objectKey"]["S"] for i in by_cli}
assert all(set(i) == {"setId", "objectKey", "bucketName", "objectSize", "eventTime"} for i in by_cli)

# The log groups.
counts = {"dataFileUpload": keys - 1, "manifestFileUpload": 1, "reconcileNotifySuccessful": 1, "reconcileNotifyTimeout": 0}
for stem, count in counts.items():
    group = physical[f"{stem}LogGroup"]
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    events = [json.loads(e["message"]) for page in pages for e in page["events"]]
    seen = {e["detail"]["object-key"] for e in events}
    assert len(seen) == count, (stem, len(seen), count)
    found = cli("logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", f'{{ $.detail.set-id = "{set_id}" }}')
    assert {json.loads(e["message"])["detail"]["object-key"] for e in found["events"]} == seen, stem

# The execution.
machine = physical["reconcileStateMachine"]
assert machine.rsplit(":", 1)[1].startswith("reconcileStateMachine"), machine
executions = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
assert [e["status"] for e in executions] == ["SUCCEEDED"], executions
assert cli("stepfunctions", "list-executions", "--state-machine-arn", machine)["executions"][0]["executionArn"] == report["execution"]["arn"]
pages = client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=report["execution"]["arn"])
history = [e for page in pages for e in page["events"]]
entered = [e["stateEnteredEventDetails"]["name"] for e in history if e["type"].endswith("StateEntered")]
assert entered[0] == "configureCountState" and entered[-2:] == ["reconcileNotifyState", "doneState"], entered
assert [e["id"] for e in history] == list(range(1, len(history) + 1))
by_cli = cli("stepfunctions", "get-execution-history", "--execution-arn", report["execution"]["arn"])["events"]
assert [e["type"] for e in by_cli] == [e["type"] for e in history]

# The rest of the pipeline, where a client looks first.
assert client("sts").get_caller_identity()["Account"] == cli("sts", "get-caller-identity")["Account"] == "000000000000"
assert physical["fileUploadQueue"] in cli("sqs", "list-queues")["QueueUrls"]
functions = {f["FunctionName"] for page in client("lambda").get_paginator("list_functions").paginate() for f in page["Functions"]}
assert physical["checkFileUploadTypeFunction"] in functions == {f["FunctionName"] for f in cli("lambda", "list-functions")["Functions"]}
rules = cli("events", "list-rules", "--event-bus-name", physical["fileUploadEventBus"])["Rules"]
assert len(rules) == 4, rules
refused = client("events").put_events(Entries=[{"Source": "aws.storagegateway", "DetailType": "x", "Detail": "{}"}])
assert refused["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException", refused
flows.all_of(client)
print(f"boto3 and the AWS CLI read the same {len(items)} items, {keys + 1} log events and {len(history)} history events")
