#!/usr/bin/env python3
"""Gives an endpoint what the account had in which the executions of the corpus were recorded.

usage: recorded_account.py ENDPOINT

One recorded execution calls a function by name; the judge makes state machines only. The function answers its payload.
"""

import io
import json
import sys
import zipfile

import boto3

NAME = "lambda_function_name"

code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("index.py", "def handler(event, context):\n    return event\n")

functions = boto3.client("lambda", endpoint_url=sys.argv[1])
functions.create_function(
    FunctionName=NAME,
    Runtime="python3.12",
    Handler="index.handler",
    Role="arn:aws:iam::000000000000:role/recorded",
    Code={"ZipFile": code.getvalue()},
)
functions.get_waiter("function_active_v2").wait(FunctionName=NAME)
answer = json.load(functions.invoke(FunctionName=NAME, Payload=b'{"job": 1}')["Payload"])
assert answer == {"job": 1}, answer
