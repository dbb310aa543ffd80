"""Valid requests of every operation that the endpoint names, made from botocore's models with members that fit together."""
import base64
import io
import json
import pathlib
import re
import urllib.parse
import zipfile

import botocore.serialize
import botocore.session

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "emulator.md"
MODELS = {"states": "stepfunctions"}
ROLE = "arn:aws:iam::000000000000:role/fuzz"
REGION, ACCOUNT = "us-east-1", "000000000000"


def arn(service, rest):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def archive():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        files.writestr(entry, "#!/bin/sh\nexit 3\n")
    return packed.getvalue()


POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Sid": "s", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "*", "Resource": "*"}]})
PATTERN = json.dumps({"source": ["fuzz", {"prefix": "a"}], "detail": {
    "a": [{"numeric": [">", 0, "<=", 5]}], "b": [{"anything-but": {"wildcard": "x*"}}], "c": [{"exists": False}],
    "d": [{"cidr": "10.0.0.0/8"}, {"suffix": {"equals-ignore-case": "é"}}], "$or": [{"e": [1]}, {"f": [None, True]}]}})
EVENT = json.dumps({"id": "1", "detail-type": "t", "source": "fuzz", "account": ACCOUNT, "time": "2026-11-21T00:00:00Z",
                    "region": REGION, "resources": [], "detail": {"a": 3, "b": "yé", "d": "10.1.2.3", "e": 1}})
MACHINES = [json.dumps(machine) for machine in [
    {"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Parameters": {"x.$": "States.Format('{}-é', $.a)", "y.$": "States.ArrayRange(0, 9, 2)",
                                             "z.$": "$.list[?(@.n > 1)]", "c.$": "$$.Execution.Id"}, "ResultPath": "$.r", "Next": "B"},
        "B": {"Type": "Choice", "Default": "C", "Choices": [
            {"And": [{"Variable": "$.a", "StringMatches": "a*"}, {"Not": {"Variable": "$.b", "IsPresent": True}}], "Next": "D"}]},
        "C": {"Type": "Wait", "Seconds": 1, "Next": "D"},
        "D": {"Type": "Map", "ItemsPath": "$.list", "MaxConcurrency": 2, "End": True, "ItemProcessor": {
            "StartAt": "E", "States": {"E": {"Type": "Pass", "End": True}}}}}},
    {"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"v": "{% $sum($states.input.list.n) %}"}, "Output": "{% $map($states.input.list, function($x) {$x.n & 'é'}) %}", "Next": "B"},
        "B": {"Type": "Parallel", "End": True, "Branches": [{"StartAt": "C", "States": {"C": {"Type": "Succeed"}}}],
              "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}]},
        "F": {"Type": "Fail", "Error": "e", "Cause": "{% $string($states) %}"}}},
    {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "TimeoutSeconds": 9, "End": True,
                                      "Parameters": {"QueueUrl": "fuzz", "MessageBody.$": "$"},
                                      "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 2}]}}},
]]
TEMPLATE = {"Parameters": {"P": {"Type": "String", "Default": "p"}}, "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "p"]}},
            "Mappings": {"M": {"a": {"b": "c"}}},
            "Resources": {
                "Q": {"Type": "AWS::SQS::Queue", "Condition": "C", "Properties": {"QueueName": {"Fn::Sub": "fuzz-${AWS::StackName}-${P}"}}},
                "S": {"Type": "AWS::SSM::Parameter", "DependsOn": "Q", "Properties": {
                    "Type": "String", "Value": {"Fn::Join": [",", [{"Fn::GetAtt": ["Q", "Arn"]}, {"Fn::Select": [0, {"Fn::Split": ["é", "aéb"]}]}]]}}},
                "R": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["fuzz"]}, "State": "ENABLED"}}},
            "Outputs": {"O": {"Value": {"Fn::FindInMap": ["M", "a", "b"]}}}}
TEMPLATES = [json.dumps(TEMPLATE), """Parameters: {P: {Type: String, Default: p}}
Resources:
  L: &anchor
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: 7
  T:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "é-${P}"}
Outputs:
  O: {Value: !GetAtt T.TopicArn, Export: {Name: !Join [-, [!Ref "AWS::StackName", o]]}}
"""]
INPUT = json.dumps({"a": "abé", "list": [{"n": 1}, {"n": 2}], "s": "\U0001f600"})

# What a member of this name holds where it is a string, first the name with its service.
TEXTS = {
    "QueueUrl": "{endpoint}/000000000000/fuzz", "QueueName": "fuzz", "sqs.ResourceArn": arn("sqs", "fuzz"), "SourceArn": arn("sqs", "fuzz"),
    "DestinationArn": arn("sqs", "fuzz2"), "EventSourceArn": arn("sqs", "fuzz"), "ReceiptHandle": "{receipt}", "MessageBody": INPUT,
    "TopicArn": arn("sns", "fuzz"), "sns.ResourceArn": arn("sns", "fuzz"), "SubscriptionArn": "{subscription}", "Protocol": "sqs",
    "sns.Endpoint": arn("sqs", "fuzz"), "Message": "é message", "sns.AttributeName": "DisplayName", "TargetArn": arn("sns", "fuzz"),
    "TableName": "fuzz", "IndexName": "index", "KeyConditionExpression": "pk = :v AND begins_with(sk, :w)", "FilterExpression": "attribute_exists(#n) OR size(a) > :w",
    "ProjectionExpression": "pk, #n[0].b", "UpdateExpression": "SET #n = if_not_exists(#n, :v), c = list_append(c, :v) REMOVE d ADD e :v", "ConditionExpression": "NOT contains(#n, :v)",
    "dynamodb.Statement": "SELECT * FROM \"fuzz\" WHERE pk = 'é'", "dynamodb.ResourceArn": arn("dynamodb", "table/fuzz"), "AttributeName": "pk",
    "logGroupName": "fuzz", "logStreamName": "fuzz", "logGroupIdentifier": arn("logs", "log-group:fuzz"), "logs.resourceArn": arn("logs", "log-group:fuzz"),
    "filterPattern": '{ ($.a = "é*") && ($.n >= 1 || $.l[0] IS NULL) }', "logEventFilterPattern": "[a, b=1*, ..., c!=é]", "policyDocument": POLICY, "message": INPUT,
    "EventBusName": "default", "events.Name": "fuzz", "Rule": "fuzz", "EventPattern": PATTERN, "Event": EVENT, "ScheduleExpression": "cron(0/5 8-17 ? * MON-FRI *)",
    "Detail": INPUT, "DetailType": "t", "Source": "fuzz", "events.Arn": arn("sqs", "fuzz"), "events.ResourceARN": arn("events", "rule/fuzz"), "InputPath": "$.detail",
    "InputTemplate": '"<a> é <aws.events.event>"', "StatementId": "s", "Principal": "events.amazonaws.com", "Action": "lambda:InvokeFunction", "TargetArn2": "",
    "scheduler.Name": "fuzz", "GroupName": "default", "ScheduleExpressionTimezone": "Europe/Berlin", "scheduler.Arn": arn("sqs", "fuzz"), "RoleArn": ROLE,
    "scheduler.ResourceArn": arn("scheduler", "schedule-group/fuzz"), "scheduler.Input": INPUT, "Input": INPUT,
    "definition": None, "roleArn": ROLE, "states.name": "fuzz", "stateMachineArn": arn("states", "stateMachine:fuzz"), "executionArn": "{execution}", "input": INPUT, "output": INPUT,
    "activityArn": arn("states", "activity:fuzz"), "taskToken": "{token}", "states.resourceArn": arn("states", "stateMachine:fuzz"), "mapRunArn": arn("states", "mapRun:fuzz/a:b"),
    "StackName": "fuzz", "ChangeSetName": "fuzz", "TemplateBody": None, "ExportName": "fuzz-o", "LogicalResourceId": "Q", "ParameterKey": "P", "ParameterValue": "é",
    "RoleName": "fuzz", "PolicyDocument": POLICY, "AssumeRolePolicyDocument": POLICY, "PolicyName": "fuzz", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/fuzz",
    "InstanceProfileName": "fuzz", "Path": "/", "PathPrefix": "/", "VersionId": "v1", "RoleSessionName": "fuzz",
    "ssm.Name": "/fuzz/a", "ssm.Value": "é", "ssm.Type": "String", "ssm.Path": "/fuzz", "ResourceId": "/fuzz/a", "DataType": "text",
    "FunctionName": "fuzz", "Handler": "bootstrap", "Runtime": "provided.al2023", "Role": ROLE, "UUID": "{mapping}", "Resource": arn("lambda", "function:fuzz"),
    "Bucket": "fuzz-bucket", "Key": "dir/é key", "CopySource": "fuzz-bucket/dir/%C3%A9%20key", "UploadId": "{upload}", "Prefix": "dir/", "Policy": POLICY, "s3.ETag": '"d41d8cd98f00b204e9800998ecf8427e"',
    "cluster": "fuzz", "clusterName": "fuzz", "taskDefinition": "fuzz", "family": "fuzz", "ecs.resourceArn": arn("ecs", "cluster/fuzz"), "image": "fuzz:latest", "task": "{task}", "ecs.name": "fuzz",
    "repositoryName": "fuzz", "policyText": POLICY, "lifecyclePolicyText": json.dumps({"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3}, "action": {"type": "expire"}}]}), "ecr.resourceArn": arn("ecr", "repository/fuzz"),
    "CidrBlock": "10.0.1.0/24", "CidrIp": "10.0.0.0/8", "DestinationCidrBlock": "0.0.0.0/0", "VpcId": "{vpc}", "SubnetId": "{subnet}", "ImageId": "{image}", "InstanceType": "t3.micro", "GroupId": "{group}",
    "GatewayARN": "{gateway}", "FileShareARN": "{share}", "FileShareARNList": "{share}", "FileShareARNLis": "{share}", "storagegateway.ResourceARN": "{gateway}", "LocationARN": "arn:aws:s3:::fuzz-bucket/dir/",
    "GatewayType": "FILE_S3", "GatewayTimezone": "GMT+9:00", "GatewayRegion": REGION, "DiskId": "/dev/sdf", "NotificationPolicy": '{"Upload": {"SettlingTimeInSeconds": 60}}', "ClientList": "10.0.0.0/8",
    "Squash": "NoSquash", "DefaultStorageClass": "S3_STANDARD", "FileMode": "0644", "DirectoryMode": "0755", "FolderList": "/", "FolderLis": "/", "storagegateway.Marker": "sgw-00000000",
    "InstanceId": "{instance}", "KeyName": "fuzz", "IpProtocol": "tcp", "AvailabilityZone": "us-east-1a", "Device": "/dev/sdf", "ServiceName": "com.amazonaws.us-east-1.s3", "NextToken": "AAAA", "nextToken": "AAAA",
}
# Requests whose members must fit together.
WHOLE = {
    "CreateTable": {"TableName": "fuzz", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}, {"AttributeName": "gs", "AttributeType": "N"}],
                    "GlobalSecondaryIndexes": [{"IndexName": "index", "KeySchema": [{"AttributeName": "gs", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}]},
    "dynamodb.Query": {"TableName": "fuzz", "KeyConditionExpression": "pk = :p AND begins_with(sk, :s)", "FilterExpression": "#n <> :p OR size(#n) > :n",
                       "ExpressionAttributeNames": {"#n": "b"}, "ExpressionAttributeValues": {":p": {"S": "é"}, ":s": {"S": "a"}, ":n": {"N": "1E3"}}, "Limit": 5},
    "dynamodb.Scan": {"TableName": "fuzz", "FilterExpression": "#n BETWEEN :n AND :m", "ExpressionAttributeNames": {"#n": "n"}, "TotalSegments": 4, "Segment": 1,
                      "ExpressionAttributeValues": {":n": {"N": "-1.5e-20"}, ":m": {"N": "99999999999999999999999999999999999999"}}},
    "UpdateItem": {"TableName": "fuzz", "Key": {"pk": {"S": "é"}, "sk": {"S": "a"}}, "UpdateExpression": "SET n = n + :n, l = list_append(if_not_exists(l, :l), :l) REMOVE x[1].y ADD s :s DELETE t :s",
                   "ConditionExpression": "attribute_not_exists(z) AND NOT (n > :n AND n IN (:n))", "ExpressionAttributeValues": {":n": {"N": "1"}, ":l": {"L": [{"S": "é"}]}, ":s": {"SS": ["a", "b"]}}, "ReturnValues": "ALL_NEW"},
    "dynamodb.PutItem": {"TableName": "fuzz", "Item": {"pk": {"S": "é"}, "sk": {"S": "a"}, "n": {"N": "12.50"}, "b": {"B": b"\x00\xff"}, "l": {"L": [{"NULL": True}, {"M": {"k": {"NS": ["1", "2"]}}}]}}},
    "dynamodb.GetItem": {"TableName": "fuzz", "Key": {"pk": {"S": "é"}, "sk": {"S": "a"}}, "ProjectionExpression": "n, l[1].k"},
    "PutObject": {"Bucket": "fuzz-bucket", "Key": "dir/é key", "Body": b"content \xc3\xa9" * 9, "Metadata": {"a": "b"}, "ContentMD5": None},
    "UploadPart": {"Bucket": "fuzz-bucket", "Key": "dir/é key", "UploadId": "{upload}", "PartNumber": 1, "Body": b"part" * 99},
    "CreateFunction": {"FunctionName": "fuzz", "Runtime": "provided.al2023", "Role": ROLE, "Handler": "bootstrap", "Code": {"ZipFile": archive()}, "Timeout": 3, "Environment": {"Variables": {"A": "é"}}},
    "UpdateFunctionCode": {"FunctionName": "fuzz", "ZipFile": archive()},
    "CreateQueue": {"QueueName": "fuzz", "Attributes": {"VisibilityTimeout": "5", "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn("sqs", "fuzz2"), "maxReceiveCount": 3})}},
    "SetQueueAttributes": {"QueueUrl": "{endpoint}/000000000000/fuzz", "Attributes": {"DelaySeconds": "0", "MessageRetentionPeriod": "600", "Policy": POLICY}},
    "SetSubscriptionAttributes": {"SubscriptionArn": "{subscription}", "AttributeName": "FilterPolicy", "AttributeValue": json.dumps({"a": ["é", {"numeric": [">", 1]}, {"anything-but": ["x"]}]})},
    "Subscribe": {"TopicArn": arn("sns", "fuzz"), "Protocol": "sqs", "Endpoint": arn("sqs", "fuzz"), "Attributes": {"FilterPolicy": '{"a": [{"prefix": "é"}]}', "RawMessageDelivery": "true"}},
    "events.PutEvents": {"Entries": [{"Source": "fuzz", "DetailType": "t", "Detail": INPUT, "EventBusName": "default"}]},
    "PutTargets": {"Rule": "fuzz", "Targets": [{"Id": "1", "Arn": arn("sqs", "fuzz"), "InputTransformer": {"InputPathsMap": {"a": "$.detail.a[0]"}, "InputTemplate": '{"é": <a>, "t": "<aws.events.event.ingestion-time>"}'},
                                                "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}}]},
    "PutLogEvents": {"logGroupName": "fuzz", "logStreamName": "fuzz", "logEvents": [{"timestamp": 1795000000000, "message": INPUT}, {"timestamp": 1795000000001, "message": "a é 1x"}]},
    "CreateSchedule": {"Name": "fuzz", "ScheduleExpression": "rate(5 minutes)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": arn("sqs", "fuzz"), "RoleArn": ROLE, "Input": INPUT}},
    "TestState": {"definition": json.dumps({"Type": "Pass", "Parameters": {"a.$": "States.StringSplit($.a, 'é')"}, "ResultPath": "$.x[1]", "End": True}), "roleArn": ROLE, "input": INPUT},
    "RegisterTaskDefinition": {"family": "fuzz", "containerDefinitions": [{"name": "c", "image": "fuzz:latest", "memory": 64, "essential": True, "environment": [{"name": "A", "value": "é"}]}]},
    "AuthorizeSecurityGroupIngress": {"GroupId": "{group}", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]},
    "RunInstances": {"ImageId": "{image}", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": "{subnet}", "UserData": base64.b64encode("é".encode()).decode()},
    "CreateStack": {"StackName": "fuzz", "TemplateBody": None, "Parameters": [{"ParameterKey": "P", "ParameterValue": "é"}], "OnFailure": "DELETE"},
    "CreateNFSFileShare": {"ClientToken": "fuzz-token", "GatewayARN": "{gateway}", "Role": ROLE, "LocationARN": "arn:aws:s3:::fuzz-bucket", "ClientList": ["10.0.0.0/8"], "FileShareName": "fuzz",
                           "NotificationPolicy": '{"Upload": {"SettlingTimeInSeconds": 60}}'},
    "ActivateGateway": {"ActivationKey": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", "GatewayName": "fuzz", "GatewayTimezone": "GMT", "GatewayRegion": REGION, "GatewayType": "FILE_S3"},
    "ReceiveMessage": {"QueueUrl": "{endpoint}/000000000000/fuzz", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "AttributeNames": ["All"], "MessageAttributeNames": ["a.*"]},
}


def operations():
    """Service id and operation, as docs/emulator.md (that is `vaultscope emulator --operations`) has them."""
    found = re.findall(r"^## .*\(`(\w+)`\)\n(.*)$", PAGE.read_text(), re.M)
    return [(service, name) for service, names in found for name in names.split(", ")]


class Maker:
    """Makes valid requests; `world` says what the placeholders of the texts stand for."""

    def __init__(self, endpoint, world):
        self.world = {"endpoint": endpoint, **world}
        session = botocore.session.get_session()
        self.models = {service: session.get_service_model(MODELS.get(service, service)) for service, _ in operations()}
        self.serializers = {service: botocore.serialize.create_serializer(model.metadata["protocol"], False) for service, model in self.models.items()}
        self.query = botocore.serialize.create_serializer("query", False)

    def make(self, service, name, random):
        model = self.models[service]
        operation = model.operation_model(name)
        whole = WHOLE.get(f"{service}.{name}", WHOLE.get(name))
        if whole is not None and random.random() < 0.7:
            params = self.filled(whole, random)
        else:
            share = random.choice([0, 0, 0.15, 0.6])
            params = self.structure(service, operation.input_shape, random, share, 0) if operation.input_shape else {}
        by_query = service == "sqs" and random.random() < 0.4
        made = (self.query if by_query else self.serializers[service]).serialize_to_request(params, operation)
        headers = [(n, str(v)) for n, v in made["headers"].items()]
        body = made["body"]
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body, doseq=True)
        body = body.encode() if isinstance(body, str) else bytes(body or b"")
        path, query = made["url_path"], made["query_string"]
        if name.startswith(("Delete", "Terminate", "Deregister")) and random.random() < 0.7:
            # Most leave the resources of the others alone.
            body, path = body.replace(b"fuzz", b"gone"), path.replace("fuzz", "gone")
        if query:
            query = query if isinstance(query, str) else urllib.parse.urlencode(query, doseq=True)
            path += ("&" if "?" in path else "?") + query
        headers.append(("Authorization", f"AWS4-HMAC-SHA256 Credential=AKIAFUZZFUZZFUZZFUZZ/20261121/{REGION}/{model.signing_name}/aws4_request, SignedHeaders=host, Signature=0"))
        headers.append(("x-amz-date", "20261121T000000Z"))
        return made["method"], path, headers, body

    def filled(self, value, random):
        """A whole request with its placeholders and templates put in."""
        if isinstance(value, dict):
            found = {}
            for name, member in value.items():
                if member is None and name == "TemplateBody":
                    member = random.choice(TEMPLATES)
                if member is not None:
                    found[name] = self.filled(member, random)
            return found
        if isinstance(value, list):
            return [self.filled(member, random) for member in value]
        return self.placed(value) if isinstance(value, str) else value

    def placed(self, text):
        return re.sub(r"^\{(\w+)\}", lambda named: self.world.get(named[1], "unknown"), text)

    def structure(self, service, shape, random, share, depth):
        if shape.name == "AttributeValue" and service == "dynamodb":
            return random.choice([{"S": "é"}, {"N": "-1.5"}, {"B": b"\xff"}, {"L": [{"S": "a"}]}, {"M": {"a": {"BOOL": True}}}, {"SS": ["a", "é"]}])
        required = set(shape.required_members)
        wanted = share / (1 + depth)
        return {name: self.value(service, name, member, random, share, depth + 1) for name, member in shape.members.items()
                if name in required or depth < 6 and random.random() < wanted}

    def value(self, service, name, shape, random, share, depth):
        kind = shape.type_name
        if kind == "structure":
            return self.structure(service, shape, random, share, depth)
        if kind == "list":
            return [self.value(service, name.removesuffix("s"), shape.member, random, share, depth + 1) for _ in range(random.choice([1, 1, 2]))] if depth < 8 else []
        if kind == "map":
            if name in ("Key", "Item", "Keys"):
                return {"pk": {"S": "é"}, "sk": {"S": "a"}}
            key = self.value(service, "key", shape.key, random, share, depth + 1)
            return {key: self.value(service, name, shape.value, random, share, depth + 1)} if depth < 8 else {}
        if kind == "string":
            if shape.enum:
                return random.choice(shape.enum)
            if name == "definition":
                return random.choice(MACHINES)
            if name == "TemplateBody":
                return random.choice(TEMPLATES)
            text = TEXTS.get(f"{service}.{name}", TEXTS.get(name))
            if text is None and name in self.world:
                text = self.world[name]
            return self.placed(text) if text else ("fuzz" + "x" * shape.metadata.get("min", 0))
        if kind in ("integer", "long"):
            low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 10)
            return random.randint(low, max(low, min(high, low + 9)))
        if kind in ("float", "double"):
            return 1.5
        if kind == "boolean":
            return random.random() < 0.5
        if kind == "timestamp":
            return 1795000000
        return archive() if name == "ZipFile" else "bytes é".encode()
