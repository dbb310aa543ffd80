#!/usr/bin/env python3
"""The AWS CLI on each service of an endpoint: what it writes it reads again.

usage: cli.py ENDPOINT AWS
AWS is the path of the AWS CLI. EC2 and ECS are in fleet.py, what a run leaves behind in clients.py.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

endpoint, aws = sys.argv[1:]
work = pathlib.Path(tempfile.mkdtemp())
ROLE = "arn:aws:iam::000000000000:role/cli"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def cli(*words, fails=None):
    done = subprocess.run([aws, "--endpoint-url", endpoint, "--output", "json", *words], capture_output=True, text=True)
    if fails:
        assert done.returncode != 0 and f"({fails})" in done.stderr, (words, done)
        return done.stderr
    assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.lstrip().startswith(("{", "[", '"')) else done.stdout


def equals(found, wanted):
    assert found == wanted, (found, wanted)


# sts, iam, ssm
equals(cli("sts", "get-caller-identity", "--query", "Account"), "000000000000")
cli("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", TRUST)
equals(cli("iam", "get-role", "--role-name", "cli", "--query", "Role.AssumeRolePolicyDocument"), json.loads(TRUST))
cli("iam", "delete-role", "--role-name", "cli")
cli("iam", "get-role", "--role-name", "cli", fails="NoSuchEntity")
cli("ssm", "put-parameter", "--name", "/cli/a", "--type", "String", "--value", "é")
equals(cli("ssm", "get-parameters-by-path", "--path", "/cli", "--query", "Parameters[0].Value"), "é")
cli("ssm", "delete-parameter", "--name", "/cli/a")
cli("ssm", "get-parameter", "--name", "/cli/a", fails="ParameterNotFound")

# s3: the high-level commands, with a multipart upload and a sync; s3api
(work / "tree" / "d").mkdir(parents=True)
(work / "tree" / "d" / "small").write_text("small é")
(work / "tree" / "big").write_bytes(bytes(range(256)) * (9 << 12))
cli("s3", "mb", "s3://cli-bucket")
cli("s3", "sync", str(work / "tree"), "s3://cli-bucket/t")
assert " d/small" in cli("s3", "ls", "--recursive", "s3://cli-bucket").replace("t/d", " d"), "ls"
cli("s3", "sync", "s3://cli-bucket/t", str(work / "back"))
for name in ("big", "d/small"):
    equals((work / "back" / name).read_bytes(), (work / "tree" / name).read_bytes())
equals(cli("s3api", "head-object", "--bucket", "cli-bucket", "--key", "t/big", "--query", "ContentLength"), "9437184\n")
cli("s3", "mv", "s3://cli-bucket/t/d/small", "s3://cli-bucket/moved")
cli("s3api", "head-object", "--bucket", "cli-bucket", "--key", "t/d/small", fails="404")
cli("s3", "rb", "--force", "s3://cli-bucket")
cli("s3api", "head-bucket", "--bucket", "cli-bucket", fails="404")

# sqs, sns, events, scheduler, logs
queue = cli("sqs", "create-queue", "--queue-name", "cli")["QueueUrl"]
arn = cli("sqs", "get-queue-attributes", "--queue-url", queue, "--attribute-names", "QueueArn")["Attributes"]["QueueArn"]


def body():
    found = cli("sqs", "receive-message", "--queue-url", queue, "--wait-time-seconds", "20")["Messages"][0]
    cli("sqs", "delete-message", "--queue-url", queue, "--receipt-handle", found["ReceiptHandle"])
    return found["Body"]


cli("sqs", "send-message", "--queue-url", queue, "--message-body", "direct é")
equals(body(), "direct é")
topic = cli("sns", "create-topic", "--name", "cli")["TopicArn"]
cli("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", arn, "--attributes", "RawMessageDelivery=true")
cli("sns", "publish", "--topic-arn", topic, "--message", "published")
equals(body(), "published")
cli("sns", "delete-topic", "--topic-arn", topic)
cli("sns", "get-topic-attributes", "--topic-arn", topic, fails="NotFound")
cli("events", "put-rule", "--name", "cli", "--event-pattern", '{"source": ["cli"]}')
cli("events", "put-targets", "--rule", "cli", "--targets", f"Id=q,Arn={arn},InputPath=$.detail")
equals(cli("events", "put-events", "--entries", '[{"Source": "cli", "DetailType": "t", "Detail": "{\\"n\\": 1}"}]')["FailedEntryCount"], 0)
equals(json.loads(body()), {"n": 1})
equals(cli("events", "list-targets-by-rule", "--rule", "cli", "--query", "Targets[].Arn"), [arn])
cli("events", "remove-targets", "--rule", "cli", "--ids", "q")
cli("events", "delete-rule", "--name", "cli")
cli("scheduler", "create-schedule", "--name", "cli", "--schedule-expression", "rate(1 hour)", "--flexible-time-window", "Mode=OFF",
    "--target", json.dumps({"Arn": arn, "RoleArn": ROLE}))
equals(cli("scheduler", "get-schedule", "--name", "cli", "--query", "ScheduleExpression"), "rate(1 hour)")
cli("scheduler", "delete-schedule", "--name", "cli")
cli("scheduler", "get-schedule", "--name", "cli", fails="ResourceNotFoundException")
cli("sqs", "delete-queue", "--queue-url", queue)
cli("logs", "create-log-group", "--log-group-name", "/cli")
cli("logs", "create-log-stream", "--log-group-name", "/cli", "--log-stream-name", "s")
cli("logs", "put-retention-policy", "--log-group-name", "/cli", "--retention-in-days", "14")
equals(cli("logs", "describe-log-groups", "--log-group-name-prefix", "/cli", "--query", "logGroups[].retentionInDays"), [14])
cli("logs", "delete-log-group", "--log-group-name", "/cli")

# dynamodb
cli("dynamodb", "create-table", "--table-name", "cli", "--billing-mode", "PAY_PER_REQUEST",
    "--attribute-definitions", "AttributeName=p,AttributeType=S", "--key-schema", "AttributeName=p,KeyType=HASH")
cli("dynamodb", "wait", "table-exists", "--table-name", "cli")
cli("dynamodb", "put-item", "--table-name", "cli", "--item", '{"p": {"S": "é"}, "n": {"N": "1"}}')
equals(cli("dynamodb", "scan", "--table-name", "cli", "--query", "Items"), [{"p": {"S": "é"}, "n": {"N": "1"}}])
cli("dynamodb", "put-item", "--table-name", "cli", "--item", '{"n": {"N": "1"}}', fails="ValidationException")
cli("dynamodb", "delete-table", "--table-name", "cli")

# lambda, stepfunctions
with zipfile.ZipFile(work / "code.zip", "w") as code:
    code.writestr("index.py", "def handler(event, context):\n    return {'doubled': event['n'] * 2}\n")
cli("lambda", "create-function", "--function-name", "cli", "--runtime", "python3.12", "--role", ROLE, "--handler", "index.handler",
    "--timeout", "30", "--zip-file", f"fileb://{work}/code.zip")
cli("lambda", "wait", "function-active-v2", "--function-name", "cli")
cli("lambda", "invoke", "--function-name", "cli", "--payload", '{"n": 4}', str(work / "answer"))
equals(json.loads((work / "answer").read_text()), {"doubled": 8})
definition = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "OutputPath": "$.Payload",
                                               "Parameters": {"FunctionName": "cli", "Payload.$": "$"}, "End": True}}}
machine = cli("stepfunctions", "create-state-machine", "--name", "cli", "--role-arn", ROLE, "--definition", json.dumps(definition))["stateMachineArn"]
execution = cli("stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", '{"n": 5}')["executionArn"]
for _ in range(200):
    shown = cli("stepfunctions", "describe-execution", "--execution-arn", execution)
    if shown["status"] != "RUNNING":
        break
equals((shown["status"], json.loads(shown["output"])), ("SUCCEEDED", {"doubled": 10}))
cli("stepfunctions", "delete-state-machine", "--state-machine-arn", machine)
cli("lambda", "delete-function", "--function-name", "cli")
cli("lambda", "get-function", "--function-name", "cli", fails="ResourceNotFoundException")

# ecr, cloudformation
cli("ecr", "create-repository", "--repository-name", "cli/one")
equals(cli("ecr", "describe-repositories", "--query", "repositories[?repositoryName=='cli/one'].imageTagMutability"), ["MUTABLE"])
cli("ecr", "delete-repository", "--repository-name", "cli/one")
(work / "stack.yaml").write_text("Resources:\n  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref V}}\n"
                                 "Parameters: {V: {Type: Number, Default: 3}}\nOutputs: {Url: {Value: !Ref Q}}\n")
for seconds in ("4", "5"):
    cli("cloudformation", "deploy", "--stack-name", "cli", "--template-file", str(work / "stack.yaml"), "--parameter-overrides", f"V={seconds}")
    url = cli("cloudformation", "describe-stacks", "--stack-name", "cli", "--query", "Stacks[0].Outputs[0].OutputValue")
    equals(cli("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]["VisibilityTimeout"], seconds)
cli("cloudformation", "delete-stack", "--stack-name", "cli")
cli("cloudformation", "wait", "stack-delete-complete", "--stack-name", "cli")
cli("cloudformation", "describe-stacks", "--stack-name", "cli", fails="ValidationError")
print("the AWS CLI wrote to each service and read it again")
