#!/usr/bin/env python3
"""Reads what a run left on an endpoint with boto3 and with the AWS CLI: both must see what the run saw.

usage: clients.py ENDPOINT DOCUMENT AWS
DOCUMENT is what `vaultscope run --json` printed, AWS the path of the AWS CLI.
"""
import io
import json
import pathlib
import subprocess
import sys
import zipfile

import called

endpoint, document, aws = sys.argv[1:]
report = json.loads(pathlib.Path(document).read_text())
set_id, stack = report["dataset"]["setId"], report["stack"]["name"]
keys = report["dataset"]["keys"]


def client(service):
    return called.client(service, endpoint)


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
# What the CDK asks for: repositories, instance profiles, events by operation; each operation once.
ecr, name = client("ecr"), "clients/one"
arn = ecr.create_repository(repositoryName=name, tags=[{"Key": "k", "Value": "v"}])["repository"]["repositoryArn"]
ecr.tag_resource(resourceArn=arn, tags=[{"Key": "l", "Value": "w"}])
ecr.untag_resource(resourceArn=arn, tagKeys=["k"])
assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "l", "Value": "w"}]
ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
assert ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"] == arn
shown = cli("ecr", "describe-repositories", "--repository-names", name)["repositories"]
assert (shown[0]["imageTagMutability"], shown[0]["imageScanningConfiguration"]) == ("IMMUTABLE", {"scanOnPush": True})
policy = json.dumps({"Version": "2012-10-17", "Statement": []})
selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 365}
rules = json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})
ecr.set_repository_policy(repositoryName=name, policyText=policy)
assert ecr.get_repository_policy(repositoryName=name)["policyText"] == policy
assert ecr.delete_repository_policy(repositoryName=name)["policyText"] == policy
ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=rules)
assert ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == rules
assert ecr.delete_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == rules
assert ecr.list_images(repositoryName=name)["imageIds"] == ecr.describe_images(repositoryName=name)["imageDetails"] == []
for answer in (ecr.batch_get_image, ecr.batch_delete_image):
    failures = answer(repositoryName=name, imageIds=[{"imageTag": "x"}])["failures"]
    assert failures[0]["failureCode"] == "ImageNotFound", failures
assert ecr.delete_repository(repositoryName=name)["repository"]["repositoryName"] == name
iam = client("iam")
iam.create_role(RoleName="clients", AssumeRolePolicyDocument=policy)
profile = iam.create_instance_profile(InstanceProfileName="clients")["InstanceProfile"]
iam.add_role_to_instance_profile(InstanceProfileName="clients", RoleName="clients")
of_role = iam.list_instance_profiles_for_role(RoleName="clients")["InstanceProfiles"]
assert [one["Arn"] for one in of_role] == [profile["Arn"]], of_role
assert iam.get_instance_profile(InstanceProfileName="clients")["InstanceProfile"]["Roles"][0]["RoleName"] == "clients"
assert cli("iam", "get-instance-profile", "--instance-profile-name", "clients")["InstanceProfile"]["Roles"][0]["RoleName"] == "clients"
iam.remove_role_from_instance_profile(InstanceProfileName="clients", RoleName="clients")
iam.delete_instance_profile(InstanceProfileName="clients")
assert "clients" not in [one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]]
iam.delete_role(RoleName="clients")
operation = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["LastOperations"][0]
found = client("cloudformation").describe_events(OperationId=operation["OperationId"])["OperationEvents"]
assert {one["OperationType"] for one in found} == {"CREATE_STACK"}, found

# A function in Python, of a version that this machine may not have.
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("index.py", "import sys\n\ndef handler(event, context):\n    return {**event, 'python': sys.version_info[0]}\n")
functions = client("lambda")
role = "arn:aws:iam::000000000000:role/clients"
functions.create_function(
    FunctionName="clients", Runtime="python3.8", Role=role, Handler="index.handler", Code={"ZipFile": code.getvalue()}
)
functions.get_waiter("function_active_v2").wait(FunctionName="clients")
answer = functions.invoke(FunctionName="clients", Payload=b'{"a": 1}')
assert json.loads(answer["Payload"].read()) == {"a": 1, "python": 3}, answer
functions.delete_function(FunctionName="clients")
print(f"boto3 and the AWS CLI read the same {len(items)} items, {keys + 1} log events and {len(history)} history events")
