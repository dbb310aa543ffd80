#!/usr/bin/env python3
"""Functions of Node.js: custom resources as version 1 of the AWS CDK makes them, both AWS SDKs, modules, failures.

usage: node.py ENDPOINT
"""
import io
import json
import sys
import zipfile

import called

endpoint, = sys.argv[1:]


def client(service):
    return called.client(service, endpoint, read_timeout=120)


def archive(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        for name, source in files.items():
            into.writestr(name.replace("_", "."), source)
    return packed.getvalue()


# A provider that sets the retention of a log group with the SDK v2 and answers with `https`, without the URL's port.
RETENTION = """
const AWS = require('aws-sdk');
exports.handler = async (event, context) => {
  const { LogGroupName: logGroupName, RetentionInDays: days } = event.ResourceProperties;
  const logs = new AWS.CloudWatchLogs({ apiVersion: '2014-03-28', region: process.env.AWS_REGION });
  if (event.RequestType !== 'Delete') {
    await logs.createLogGroup({ logGroupName }).promise().catch((error) => {
      if (error.code !== 'ResourceAlreadyExistsException') throw error;
    });
    await logs.putRetentionPolicy({ logGroupName, retentionInDays: parseInt(days, 10) }).promise();
  }
  const body = JSON.stringify({
    Status: 'SUCCESS', PhysicalResourceId: logGroupName, StackId: event.StackId, RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId, Data: { Sdk: AWS.VERSION },
  });
  const { hostname, path } = require('url').parse(event.ResponseURL);
  const options = { hostname, path, method: 'PUT', headers: { 'content-type': '', 'content-length': body.length } };
  await new Promise((resolve, reject) => {
    const request = require('https').request(options, resolve);
    request.on('error', reject);
    request.end(body);
  });
};
"""
# One that stores an object with the SDK v3 and answers with the module that AWS puts beside inline code.
STORING = """
const { S3Client, PutObjectCommand } = require('@aws-sdk/client-s3');
const response = require('cfn-response');
exports.handler = (event, context) => {
  if (event.RequestType === 'Delete') return response.send(event, context, response.SUCCESS, {}, 'stored');
  const { Bucket, Key } = event.ResourceProperties;
  new S3Client({}).send(new PutObjectCommand({ Bucket, Key, Body: 'é' })).then(
    (stored) => response.send(event, context, response.SUCCESS, { ETag: stored.ETag }, 'stored'),
    (error) => response.send(event, context, response.FAILED, { Error: String(error) }),
  );
};
"""
ROLE = "arn:aws:iam::000000000000:role/node"
provider = lambda runtime, source: {"Type": "AWS::Lambda::Function", "Properties": {
    "Runtime": runtime, "Handler": "index.handler", "Role": ROLE, "Timeout": 60, "Code": {"ZipFile": source}}}
template = {"Resources": {
    "Retention": provider("nodejs14.x", RETENTION), "Storing": provider("nodejs20.x", STORING),
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Logs": {"Type": "Custom::LogRetention", "Properties": {
        "ServiceToken": {"Fn::GetAtt": "Retention.Arn"}, "LogGroupName": "/node/kept", "RetentionInDays": 7}},
    "Stored": {"Type": "Custom::Stored", "Properties": {
        "ServiceToken": {"Fn::GetAtt": "Storing.Arn"}, "Bucket": {"Ref": "Bucket"}, "Key": "a b/é"}}},
    "Outputs": {"Sdk": {"Value": {"Fn::GetAtt": "Logs.Sdk"}}, "ETag": {"Value": {"Fn::GetAtt": "Stored.ETag"}},
                "Bucket": {"Value": {"Ref": "Bucket"}}}}
stacks, logs, s3 = client("cloudformation"), client("logs"), client("s3")
stacks.create_stack(StackName="node", TemplateBody=json.dumps(template))
stacks.get_waiter("stack_create_complete").wait(StackName="node", WaiterConfig={"Delay": 1, "MaxAttempts": 300})
outputs = {o["OutputKey"]: o["OutputValue"] for o in stacks.describe_stacks(StackName="node")["Stacks"][0]["Outputs"]}
assert outputs["Sdk"].startswith("2."), outputs
kept = logs.describe_log_groups(logGroupNamePrefix="/node/kept")["logGroups"]
assert [group["retentionInDays"] for group in kept] == [7], kept
stored = s3.get_object(Bucket=outputs["Bucket"], Key="a b/é")
assert (stored["Body"].read().decode(), stored["ETag"]) == ("é", outputs["ETag"])
s3.delete_object(Bucket=outputs["Bucket"], Key="a b/é")
stacks.delete_stack(StackName="node")
stacks.get_waiter("stack_delete_complete").wait(StackName="node", WaiterConfig={"Delay": 1, "MaxAttempts": 120})

# Modules, in both ways of loading them; what fails, as Lambda tells of it.
functions = client("lambda")


def function(runtime, code):
    functions.create_function(FunctionName="node", Runtime=runtime, Role=ROLE, Handler="index.handler", Timeout=30, Code={"ZipFile": code})
    functions.get_waiter("function_active_v2").wait(FunctionName="node")


def invoke(event):
    answer = functions.invoke(FunctionName="node", Payload=json.dumps(event), LogType="Tail")
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


MODULE = """
import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
export const handler = async (event, context) => {
  if (event.fail === 'reject') throw new TypeError('no such thing: é');
  if (event.fail === 'exit') process.exit(3);
  if (event.fail === 'late') setTimeout(() => { throw new RangeError('too late'); }, 1), await new Promise(() => setInterval(() => {}, 1000));
  const { Account } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
  return { ...event, Account, name: context.functionName, left: context.getRemainingTimeInMillis() > 0 };
};
"""
function("nodejs22.x", archive(index_mjs=MODULE))
assert invoke({"a": "é"}) == (None, {"a": "é", "Account": "000000000000", "name": "node", "left": True})
failed, error = invoke({"fail": "reject"})
assert failed == "Unhandled" and (error["errorType"], error["errorMessage"]) == ("TypeError", "no such thing: é") and error["trace"], error
failed, error = invoke({"fail": "late"})
assert failed == "Unhandled" and error["errorType"] == "RangeError", error
failed, error = invoke({"fail": "exit"})
assert failed == "Unhandled" and error["errorType"] == "Runtime.ExitError" and "exit status 3" in error["errorMessage"], error
assert invoke({})[1]["Account"] == "000000000000"
functions.delete_function(FunctionName="node")
CALLBACK = """
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setInterval(() => {}, 1000);
  if (event.say) console.log('said %s', event.say);
  callback(event.fail ? new Error(event.fail) : null, { n: event.n });
};
"""
function("nodejs16.x", archive(index_js=CALLBACK))
assert [invoke({"n": n}) for n in range(3)] == [(None, {"n": n}) for n in range(3)]
failed, error = invoke({"fail": "called back"})
assert failed == "Unhandled" and error["errorMessage"] == "called back", error
functions.delete_function(FunctionName="node")
function("nodejs18.x", archive(index_js="const a = require('absent'); exports.handler = async () => 1;"))
failed, error = invoke({})
assert failed == "Unhandled" and error["errorType"] == "Runtime.ImportModuleError" and "absent" in error["errorMessage"], error
functions.delete_function(FunctionName="node")
print("functions of Node.js answer with both SDKs, from CommonJS and modules, and say how they fail")
