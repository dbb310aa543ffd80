#!/usr/bin/env python3
"""Checks what the CDK has made on an endpoint.

usage: check.py ENDPOINT bootstrapped|deployed|destroyed [SECONDS]
SECONDS is what the app was deployed with.
"""
import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, stage, *rest = sys.argv[1:]
QUALIFIER = "hnb659fds"


def client(service):
    return boto3.client(service, endpoint_url=endpoint, config=Config(retries={"max_attempts": 0}))


def refused(call, **members):
    try:
        call(**members)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{call.__name__} {members} is not refused")


def until(what, look, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come within {seconds} s")


cloudformation, s3 = client("cloudformation"), client("s3")


def bootstrapped():
    account, region = client("sts").get_caller_identity()["Account"], boto3.session.Session().region_name
    version = client("ssm").get_parameter(Name=f"/cdk-bootstrap/{QUALIFIER}/version")["Parameter"]["Value"]
    assert int(version) >= 21, version
    bucket = f"cdk-{QUALIFIER}-assets-{account}-{region}"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    name = f"cdk-{QUALIFIER}-container-assets-{account}-{region}"
    repository = client("ecr").describe_repositories(repositoryNames=[name])["repositories"][0]
    assert repository["imageTagMutability"] == "IMMUTABLE", repository
    assert json.loads(client("ecr").get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])["rules"]
    role = client("iam").get_role(RoleName=f"cdk-{QUALIFIER}-deploy-role-{account}-{region}")["Role"]
    assert client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="check")["Credentials"]


def deployed(seconds):
    described = cloudformation.describe_stacks(StackName="SmallApp")["Stacks"][0]
    assert described["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), described
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
    assert outputs["Text"] == f"after {seconds} s"[::-1], outputs
    exports = {one["Name"]: one["Value"] for one in cloudformation.list_exports()["Exports"]}
    assert exports["small-app-text"] == outputs["Text"], exports
    sqs, url = client("sqs"), outputs["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert attributes == {"VisibilityTimeout": seconds}, attributes
    state = client("lambda").get_function_configuration(FunctionName=outputs["FunctionName"])
    assert (state["State"], state["LastUpdateStatus"]) == ("Active", "Successful"), state

    # An event goes to the queue and through the state machine, whose function keeps it in the bucket.
    entry = {"Source": "small.app", "DetailType": "Checked", "Detail": "{}"}
    sent = client("events").put_events(Entries=[entry])["Entries"][0]["EventId"]
    received = until("the event", lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))[0]
    assert json.loads(received["Body"])["id"] == sent, received
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    states = client("stepfunctions")

    def succeeded():
        for one in states.list_executions(stateMachineArn=outputs["MachineArn"])["executions"]:
            execution = states.describe_execution(executionArn=one["executionArn"])
            assert execution["status"] in ("RUNNING", "SUCCEEDED"), execution
            if json.loads(execution["input"])["id"] == sent and execution["status"] == "SUCCEEDED":
                return execution

    output = json.loads(until("the execution", succeeded)["output"])
    assert output == {"event": sent, "seconds": seconds}, output
    assert s3.get_object(Bucket=outputs["BucketName"], Key="event")["Body"].read().decode() == sent
    group = f"/aws/lambda/{outputs['FunctionName']}"

    def reported():
        lines = [one["message"] for one in client("logs").filter_log_events(logGroupName=group)["events"]]
        return lines if any(line.startswith("REPORT RequestId") for line in lines) else None

    lines = until("the function's log", reported)
    assert any(line.startswith("INIT_START Runtime Version: python:3.") for line in lines), lines
    for version in s3.list_object_versions(Bucket=outputs["BucketName"])["Versions"]:
        s3.delete_object(Bucket=outputs["BucketName"], Key=version["Key"], VersionId=version["VersionId"])


def destroyed():
    assert refused(cloudformation.describe_stacks, StackName="SmallApp") == "ValidationError"
    assert not [one for one in s3.list_buckets()["Buckets"] if one["Name"].startswith("smallapp")]
    functions = client("lambda").list_functions()["Functions"]
    assert not [one for one in functions if one["FunctionName"].startswith("SmallApp")]
    machines = client("stepfunctions").list_state_machines()["stateMachines"]
    assert not [one for one in machines if one["name"].startswith("Machine")]
    assert not client("sqs").list_queues(QueueNamePrefix="SmallApp").get("QueueUrls")


{"bootstrapped": bootstrapped, "deployed": deployed, "destroyed": destroyed}[stage](*rest)
print(f"{stage}: as expected")
