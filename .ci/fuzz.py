#!/usr/bin/env python3
"""Sends broken requests of every operation to an endpoint and watches that it answers, in time, without failing itself.

usage: fuzz.py ENDPOINT [--requests N] [--seed S] [--pid PID] [--log FILE] [--only N]

Each request is a valid one of some operation that a seeded generator has mutated. Ends with 1 when an answer was a 5xx other
than 501 or 503, when an answer that was due did not come in time or whole, when --log (what the endpoint writes to its standard error)
tells of a panic, or when the memory of --pid grew. Each failure has the request's number: --only N sends that one again.
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import random
import re
import select
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import HTTPClientError

import valid_requests
from mutations import LARGEST, Request, mutate

# Simulated seconds a second: the longest wait that an operation may keep a client for, five minutes, passes in half a one.
RATE = 600
TIME_LIMIT = 10
CONNECTIONS = 8
# Requests after which the resources that mutated requests have deleted are made anew.
ROUND = 50
# Memory is first read when this share has been sent, the largest bodies over all connections before all others: tables, caches
# and the allocator's arenas have their size by then.
WARM = 0.3
# What the requests after that may leave behind: PER_REQUEST is for the resources, messages and histories that the accepted
# ones make (1 KiB a request was measured), SLACK for arenas that grow late. What kept each body that it refuses would hold
# ten times that at the end.
SLACK, PER_REQUEST = 16 << 20, 2 << 10
# It has failed then; more would only take long.
MOST_FAILURES = 20
# Answers without end.
STREAMS = {"StartLiveTail"}
# A poll of a minute of real time, which nothing ends sooner: the client leaves.
WAITING = {"GetActivityTask"}
# Sent in a way after which no answer is due: the connection has to end in time, that is all.
UNANSWERED = {"half closed", "reset", "bad chunks", "odd"}


SHOW = '--valid' in sys.argv


class Broken(Exception):
    """What the endpoint did wrong."""


def head_and_bytes(request):
    """The bytes of a request, and how many of them go out."""
    lines = [f"{request.method} {request.path} HTTP/1.1".encode("utf-8", "replace")]
    names = {name.lower() for name, _ in request.headers}
    given = list(request.headers)
    if "connection" not in names:
        given.append(("Connection", "close"))
    body = request.body
    if request.sending in ("chunked", "bad chunks"):
        given.append(("Transfer-Encoding", "chunked"))
        if request.sending == "chunked":
            pieces = [body[at:at + 1000] for at in range(0, min(len(body), 100_000), 1000)]
            body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"
    elif "content-length" not in names:
        given.append(("Content-Length", str(len(body))))
    lines += [f"{name}: {value}".encode("utf-8", "replace") for name, value in given]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    whole = head + body
    return whole[: len(head) + int(len(body) * request.cut)] if request.sending in ("half closed", "reset") else whole


def complete(answer, method):
    """Status of an answer once it is whole, else `None`."""
    while True:
        head, found, body = answer.partition(b"\r\n\r\n")
        if not found:
            return None
        status = int(head[9:12])
        if status >= 200:
            break
        answer = body
    if method == "HEAD" or status in (204, 304):
        return status
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
    if length:
        return status if len(body) >= int(length[1]) else None
    if re.search(rb"(?i)^transfer-encoding: *chunked", head, re.M):
        return status if body.endswith(b"0\r\n\r\n") or b"\r\n0\r\n" in body[-2000:] else None
    return status


def send(address, request):
    """Sends a request and returns the status of the answer, 0 for none; raises `Broken`."""
    data = memoryview(head_and_bytes(request))
    due = request.sending not in UNANSWERED
    ends = time.monotonic() + (1 if request.operation in WAITING else TIME_LIMIT)
    answer, closed = bytearray(), None
    with socket.create_connection(address, timeout=TIME_LIMIT) as connection:
        connection.setblocking(False)
        while closed is None:
            left = ends - time.monotonic()
            readable, writable, _ = select.select([connection], [connection] if data else [], [], max(left, 0))
            if not readable and not writable:
                if request.operation in WAITING:
                    return "waits"
                raise Broken(f"no answer within {TIME_LIMIT} s")
            if writable:
                try:
                    data = data[connection.send(data[:1 << 18]):]
                except OSError:
                    data = data[:0]
                if not data and not due and request.sending != "reset":
                    try:
                        connection.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                if not data and request.sending == "reset":
                    return 0
            if readable:
                try:
                    got = connection.recv(1 << 18)
                except OSError as error:
                    got, closed = b"", error
                if not got:
                    closed = closed or "closed"
                answer += got
                if answer and complete(bytes(answer), request.method) is not None and closed is None:
                    break
                if request.operation in STREAMS and b"\r\n\r\n" in answer:
                    break
    if not answer:
        if due:
            raise Broken(f"the connection ended without an answer: {closed}")
        return 0
    whole = complete(bytes(answer), request.method)
    status = whole or int(answer[9:12] or 0)
    if whole is None and due and request.operation not in STREAMS:
        raise Broken(f"the answer is not whole: {closed}")
    if status >= 500 and status not in (501, 503):
        raise Broken(f"{status}: {bytes(answer[-600:]).decode('utf-8', 'replace')}")
    if SHOW and status >= 400:
        print(request.service, request.operation, status, bytes(answer[-400:]).partition(b"\r\n\r\n")[2].decode("utf-8", "replace"))
    return status


class World:
    """Resources for the requests to work on."""

    def __init__(self, endpoint):
        config = Config(retries={"max_attempts": 0}, inject_host_prefix=False, read_timeout=TIME_LIMIT)
        self.clients = {}
        for service in {service for service, _ in valid_requests.operations()}:
            self.clients[service] = boto3.client(valid_requests.MODELS.get(service, service), endpoint_url=endpoint, config=config,
                                                 region_name=valid_requests.REGION, aws_access_key_id="test", aws_secret_access_key="test")
        self.names = {}
        self.problems, self.failures = [], []

    def call(self, service, operation, **members):
        try:
            return getattr(self.clients[service], operation)(**members)
        except Exception as error:
            self.problems.append(f"{service} {operation}: {error}")
            if isinstance(error, (ConnectionError, HTTPClientError)) or error.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 502, 504):
                self.failures.append(f"{service} {operation}, valid: {error}")
                print(f"FAILED {self.failures[-1]}", file=sys.stderr, flush=True)
            return {}

    def make(self):
        self.problems = []
        whole, arn = valid_requests.WHOLE, valid_requests.arn
        self.call("s3", "create_bucket", Bucket="fuzz-bucket")
        self.call("s3", "put_object", Bucket="fuzz-bucket", Key="dir/é key", Body=b"content")
        self.names["upload"] = self.call("s3", "create_multipart_upload", Bucket="fuzz-bucket", Key="dir/é key").get("UploadId", "u")
        for name in ("fuzz2", "fuzz"):
            url = self.call("sqs", "create_queue", QueueName=name).get("QueueUrl", "")
        self.call("sqs", "send_message", QueueUrl=url, MessageBody="é")
        got = self.call("sqs", "receive_message", QueueUrl=url, VisibilityTimeout=3).get("Messages", [{}])
        self.names["receipt"] = got[0].get("ReceiptHandle", "r")
        self.call("sns", "create_topic", Name="fuzz")
        self.names["subscription"] = self.call("sns", "subscribe", **whole["Subscribe"], ReturnSubscriptionArn=True).get("SubscriptionArn", "s")
        self.call("dynamodb", "create_table", **whole["CreateTable"])
        self.call("dynamodb", "put_item", **whole["dynamodb.PutItem"])
        self.call("logs", "create_log_group", logGroupName="fuzz")
        self.call("logs", "create_log_stream", logGroupName="fuzz", logStreamName="fuzz")
        self.call("logs", "put_log_events", **whole["PutLogEvents"])
        self.call("events", "put_rule", Name="fuzz", EventPattern=valid_requests.PATTERN)
        self.call("events", "put_targets", **whole["PutTargets"])
        self.call("iam", "create_role", RoleName="fuzz", AssumeRolePolicyDocument=valid_requests.POLICY)
        self.call("iam", "create_policy", PolicyName="fuzz", PolicyDocument=valid_requests.POLICY)
        self.call("lambda", "create_function", **whole["CreateFunction"])
        machine = arn("states", "stateMachine:fuzz")
        self.call("states", "create_state_machine", name="fuzz", definition=valid_requests.MACHINES[0], roleArn=valid_requests.ROLE)
        self.call("states", "create_activity", name="fuzz")
        self.names["execution"] = self.call("states", "start_execution", stateMachineArn=machine, input=valid_requests.INPUT).get("executionArn", "e")
        self.call("ssm", "put_parameter", Name="/fuzz/a", Value="é", Type="String", Overwrite=True)
        self.call("scheduler", "create_schedule", **whole["CreateSchedule"])
        self.call("cloudformation", "create_stack", StackName="fuzz", TemplateBody=valid_requests.TEMPLATES[0])
        self.call("ecr", "create_repository", repositoryName="fuzz")
        self.call("ecs", "create_cluster", clusterName="fuzz")
        self.call("ecs", "register_task_definition", **whole["RegisterTaskDefinition"])
        if "vpc" not in self.names:
            vpc = self.names["vpc"] = self.call("ec2", "create_vpc", CidrBlock="10.0.0.0/16").get("Vpc", {}).get("VpcId", "vpc-0")
            self.names["subnet"] = self.call("ec2", "create_subnet", VpcId=vpc, CidrBlock="10.0.9.0/24").get("Subnet", {}).get("SubnetId", "subnet-0")
            self.names["group"] = self.call("ec2", "create_security_group", GroupName="fuzz", Description="d", VpcId=vpc).get("GroupId", "sg-0")
            self.names["image"] = next(iter(self.call("ec2", "describe_images", Owners=["amazon"]).get("Images", [])), {}).get("ImageId", "ami-0")
            run = self.call("ec2", "run_instances", ImageId=self.names["image"], InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=self.names["subnet"])
            self.names["instance"] = run.get("Instances", [{}])[0].get("InstanceId", "i-0")
            gateway = self.call("ec2", "create_internet_gateway").get("InternetGateway", {})
            self.names["InternetGatewayId"] = gateway.get("InternetGatewayId", "igw-0")
            self.names["RouteTableId"] = self.call("ec2", "create_route_table", VpcId=vpc).get("RouteTable", {}).get("RouteTableId", "rtb-0")
            self.names["NetworkInterfaceId"] = self.call("ec2", "create_network_interface", SubnetId=self.names["subnet"]).get("NetworkInterface", {}).get("NetworkInterfaceId", "eni-0")
            self.names["VolumeId"] = self.call("ec2", "create_volume", AvailabilityZone="us-east-1a", Size=1).get("VolumeId", "vol-0")
            self.names["AllocationId"] = self.call("ec2", "allocate_address", Domain="vpc").get("AllocationId", "eipalloc-0")
        self.make_gateway()

    def make_gateway(self):
        """A gateway that runs with a file share, unless the requests have left the last one alone."""
        shares = self.call("storagegateway", "list_file_shares").get("FileShareInfoList", [])
        if shares:
            self.names["gateway"], self.names["share"] = shares[0]["GatewayARN"], shares[0]["FileShareARN"]
            return
        image = self.call("ssm", "get_parameter", Name="/aws/service/storagegateway/ami/FILE_S3/latest").get("Parameter", {}).get("Value", "ami-0")
        disks = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 150}}]
        run = self.call("ec2", "run_instances", ImageId=image, InstanceType="c5.4xlarge", MinCount=1, MaxCount=1, BlockDeviceMappings=disks)
        found = self.call("ec2", "describe_instances", InstanceIds=[run.get("Instances", [{}])[0].get("InstanceId", "i-0")]).get("Reservations", [{}])
        tags = {tag["Key"]: tag["Value"] for tag in found[0].get("Instances", [{}])[0].get("Tags", [])}
        with urllib.request.urlopen(tags["vaultscope:activation"] + "?activationRegion=us-east-1&no_redirect", timeout=TIME_LIMIT) as answer:
            key = answer.read().decode()
        arn = self.names["gateway"] = self.call("storagegateway", "activate_gateway", ActivationKey=key, GatewayName="fuzz", GatewayTimezone="GMT",
                                                GatewayRegion="us-east-1", GatewayType="FILE_S3").get("GatewayARN", "g" * 50)
        for _ in range(100):
            if self.call("storagegateway", "describe_gateway_information", GatewayARN=arn).get("GatewayState") == "RUNNING":
                break
            time.sleep(0.1)
        self.call("storagegateway", "add_cache", GatewayARN=arn, DiskIds=["/dev/sdf"])
        share = valid_requests.WHOLE["CreateNFSFileShare"] | {"GatewayARN": arn, "ClientToken": arn[-12:]}
        self.names["share"] = self.call("storagegateway", "create_nfs_file_share", **share).get("FileShareARN", "s" * 50)


def alive(world):
    """Every service answers a valid request after all that."""
    for service, operation in {"cloudformation": "list_stacks", "dynamodb": "list_tables", "ec2": "describe_vpcs", "ecs": "list_clusters", "ecr": "describe_repositories",
                               "events": "list_rules", "iam": "list_roles", "lambda": "list_functions", "logs": "describe_log_groups", "s3": "list_buckets", "scheduler": "list_schedules",
                               "sns": "list_topics", "sqs": "list_queues", "ssm": "describe_parameters", "states": "list_state_machines", "storagegateway": "list_gateways", "sts": "get_caller_identity"}.items():
        world.problems = []
        world.call(service, operation)
        yield from (f"after all requests {problem}" for problem in world.problems)


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) << 10


def admin(endpoint, path, **members):
    body = json.dumps(members).encode() if members else None
    with urllib.request.urlopen(urllib.request.Request(endpoint + path, data=body), timeout=TIME_LIMIT) as answer:
        return json.load(answer)


def main():
    asked = argparse.ArgumentParser(usage=__doc__)
    asked.add_argument("endpoint")
    asked.add_argument("--requests", type=int, default=10_000)
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--pid", type=int)
    asked.add_argument("--log", type=pathlib.Path)
    asked.add_argument("--only", type=int)
    asked.add_argument("--valid", action="store_true", help="sends the requests without mutations, to see how many are taken")
    asked = asked.parse_args()
    endpoint = asked.endpoint.rstrip("/")
    address = (urllib.parse.urlsplit(endpoint).hostname, urllib.parse.urlsplit(endpoint).port)
    admin(endpoint, "/_vaultscope/clock", rate=RATE)
    world = World(endpoint)
    world.make()
    print("\n".join(world.problems), end="\n" if world.problems else "")
    order = valid_requests.operations()
    random.Random(asked.seed).shuffle(order)
    maker = valid_requests.Maker(endpoint, world.names)
    lock, counts, failures, longest = threading.Lock(), collections.defaultdict(collections.Counter), [], (0, None)
    carried = 0

    def made(number):
        chance = random.Random(f"{asked.seed}:{number}")
        service, operation = order[number % len(order)]
        method, path, headers, body = maker.make(service, operation, chance)
        request = Request(service, operation, method, path, [("Host", f"{address[0]}:{address[1]}"), *headers], body)
        return request if asked.valid else mutate(request, chance)

    def service_of(request):
        return f"{request.service} {request.operation}, {'+'.join(request.mutations)}, {request.sending}"

    def one(number):
        nonlocal longest, carried
        request = made(number)
        began = time.monotonic()
        try:
            status, problem = send(address, request), None
        except Broken as error:
            status, problem = "failed", f"{error}"
        except OSError as error:
            status, problem = "failed", f"cannot connect: {error}"
        took = time.monotonic() - began
        with lock:
            carried += len(request.body)
            counts[request.service][status] += 1
            longest = max(longest, (took, f"{number} {request.service} {request.operation}"))
            if problem:
                failures.append(number)
                print(f"FAILED request {number} ({service_of(request)}): {problem}", file=sys.stderr, flush=True)
        return status

    if asked.only is not None:
        request = made(asked.only)
        print(f"{request.service} {request.operation} {request.mutations} {request.sending}")
        sys.stdout.flush()
        sys.stdout.buffer.write(head_and_bytes(request)[:20_000] + b"\n")
        print(send(address, request))
        return
    began, warm, sizes = time.monotonic(), None, []
    large = Request("dynamodb", "PutItem", "POST", "/", [("Host", "localhost"), ("X-Amz-Target", "DynamoDB_20120810.PutItem")], b" " * (LARGEST - 1) + b"{")
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        if any(status != 400 for status in pool.map(lambda _: send(address, large), range(CONNECTIONS * 4))):
            sys.exit("a body as large as is taken was not answered with 400")
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        for start in range(0, asked.requests, ROUND):
            numbers = range(start, min(start + ROUND, asked.requests))
            list(pool.map(one, numbers))
            world.make()
            maker.world.update(world.names)
            if asked.pid:
                sizes.append(resident(asked.pid))
                if warm is None and start + ROUND >= asked.requests * WARM:
                    warm = (len(sizes) - 1, carried, numbers.stop)
            if len(failures) + len(world.failures) > MOST_FAILURES:
                break
    problems = list(alive(world))
    if asked.log:
        problems += [f"the log: {line}" for line in asked.log.read_text(errors="replace").splitlines() if "panicked" in line or "overflowed" in line]
    for service, found in sorted(counts.items()):
        print(f"{service:15} {sum(found.values()):6}  " + "  ".join(f"{status}: {n}" for status, n in sorted(found.items(), key=str)))
    print(f"{asked.requests} requests in {time.monotonic() - began:.1f} s, {carried >> 20} MB of bodies; the longest took {longest[0]:.2f} s ({longest[1]})")
    if warm:
        at, carried_before, sent = warm
        grew, most = min(sizes[-5:]) - sizes[at], SLACK + PER_REQUEST * (asked.requests - sent)
        print("resident MB on the way: " + " ".join(str(size >> 20) for size in sizes[:: max(1, len(sizes) // 20)]))
        print(f"{grew / (1 << 20):.1f} MB more after the last {asked.requests - sent} requests ({carried - carried_before >> 20} MB of bodies); at most {most >> 20}")
        if grew > most:
            problems.append("the memory is not flat")
    for problem in problems:
        print(f"FAILED {problem}", file=sys.stderr)
    sys.exit(1 if problems or failures or world.failures else 0)


main()
