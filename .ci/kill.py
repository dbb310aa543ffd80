"""Kills `vaultscope emulator --data-dir` again and again while clients write to it, and looks after each start for what
was acknowledged: everything that was written must be there, everything that was deleted must not, and everything that was
accepted for delivery must arrive.

usage: kill.py VAULTSCOPE [--kills 50] [--seed 7]
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONFIG = Config(
    region_name="us-east-1", retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=15,
    s3={"addressing_style": "path"}, max_pool_connections=2,
)
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
QUEUES = ["sent", "from-events", "from-sns", "from-scheduler", "from-executions"]
TEMPLATE = json.dumps({"Resources": {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Queue"}}},
}})


class Down(Exception):
    """The endpoint is gone: whether the last request was carried out is not known."""


class Server:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.slowest = 0.0

    def launch(self):
        self.errors = open(os.path.join(self.folder, "..", "emulator.err"), "ab")
        command = [self.binary, "emulator", "--port", str(self.port), "--data-dir", self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def start(self):
        began = time.monotonic()
        self.launch()
        line = self.process.stdout.readline()
        if "ready at" not in line:
            sys.exit(f"the endpoint did not start: {open(self.errors.name).read()[-2000:]}")
        self.slowest = max(self.slowest, time.monotonic() - began)
        return line.strip()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Ledger:
    """What clients know of named things: the value that was acknowledged last, and what may have been written since."""

    def __init__(self, name):
        self.name, self.known, self.maybe, self.touched = name, {}, {}, set()

    def write(self, key, value, act):
        """`value` is None for a deletion."""
        self.maybe.setdefault(key, []).append(value)
        self.touched.add(key)
        act()
        self.known[key] = value
        del self.maybe[key]

    def check(self, found, keys, problems):
        for key in keys:
            value = found(key)
            if value == self.known.get(key) or value in self.maybe.get(key, []):
                self.known[key] = value
                self.maybe.pop(key, None)
            else:
                problems.append(f"{self.name} {key}: is {value!r}, acknowledged was {self.known.get(key)!r}")


class Load:
    def __init__(self, url, seed):
        self.url, self.rng = url, random.Random(seed)
        self.objects, self.items = Ledger("object"), Ledger("item")
        self.parameters, self.stacks = Ledger("parameter"), Ledger("stack")
        self.sent, self.deleted, self.unsure = set(), set(), set()
        self.logged, self.events, self.published, self.scheduled = set(), set(), set(), set()
        self.executions, self.problems = {}, []
        self.acknowledged = 0
        self.number = 0
        self.lock = threading.Lock()
        self.workers = [
            self.put_objects, self.put_items, self.send, self.receive, self.put_events, self.log, self.put_parameters,
            self.publish, self.schedule, self.create_stacks, self.start_executions,
        ]
        self.clients = {worker.__name__: {} for worker in self.workers}
        self.clients["main"] = {}

    def client(self, service, of):
        clients = self.clients[of]
        if service not in clients:
            with self.lock:
                clients[service] = boto3.client(service, endpoint_url=self.url, config=CONFIG, **KEYS)
        return clients[service]

    def next(self):
        with self.lock:
            self.number += 1
            return self.number

    def queue(self, name):
        return f"{self.url}/{ACCOUNT}/{name}"

    def prepare(self):
        main = lambda service: self.client(service, "main")
        main("s3").create_bucket(Bucket="bucket")
        main("dynamodb").create_table(
            TableName="table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
        for queue in QUEUES:
            main("sqs").create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "1"})
        main("events").create_event_bus(Name="bus")
        main("events").put_rule(Name="rule", EventBusName="bus", EventPattern=json.dumps({"source": ["load"]}))
        arn = lambda service, resource: f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"
        main("logs").create_log_group(logGroupName="/events")
        main("logs").put_resource_policy(policyName="p", policyDocument=json.dumps({"Statement": [{
            "Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}]}))
        main("events").put_targets(Rule="rule", EventBusName="bus", Targets=[
            {"Id": "q", "Arn": arn("sqs", "from-events"), "InputPath": "$.detail.n"},
            {"Id": "l", "Arn": arn("logs", "log-group:/events")}])
        main("logs").create_log_group(logGroupName="group")
        main("logs").create_log_stream(logGroupName="group", logStreamName="stream")
        self.topic = main("sns").create_topic(Name="topic")["TopicArn"]
        main("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn("sqs", "from-sns"),
                              Attributes={"RawMessageDelivery": "true"})
        definition = {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 1, "Next": "S"},
            "S": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True, "Parameters": {
                "QueueUrl": self.queue("from-executions"), "MessageBody.$": "$.n"}}}}
        self.machine = main("stepfunctions").create_state_machine(
            name="machine", definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]

    # One step of each client; what it returns is how many writes were acknowledged.

    def put_objects(self, client):
        s3, key = client("s3"), f"o{self.rng.randrange(40)}"
        body = os.urandom(self.rng.choice([10, 2_000, 300_000])).hex()
        kind = self.rng.random()
        if kind < 0.2:
            self.objects.write(key, None, lambda: s3.delete_object(Bucket="bucket", Key=key))
        elif kind < 0.4:
            def multipart():
                upload = s3.create_multipart_upload(Bucket="bucket", Key=key)["UploadId"]
                tag = s3.upload_part(Bucket="bucket", Key=key, UploadId=upload, PartNumber=1, Body=body)["ETag"]
                s3.complete_multipart_upload(Bucket="bucket", Key=key, UploadId=upload, MultipartUpload={
                    "Parts": [{"PartNumber": 1, "ETag": tag}]})
            self.objects.write(key, body, multipart)
        else:
            self.objects.write(key, body, lambda: s3.put_object(Bucket="bucket", Key=key, Body=body))
        return 1

    def put_items(self, client):
        table, key, value = client("dynamodb"), f"i{self.rng.randrange(60)}", str(self.next())
        if self.rng.random() < 0.25:
            self.items.write(key, None, lambda: table.delete_item(TableName="table", Key={"k": {"S": key}}))
        else:
            item = {"k": {"S": key}, "v": {"S": value}}
            self.items.write(key, value, lambda: table.put_item(TableName="table", Item=item))
        return 1

    def send(self, client):
        bodies = [f"m{self.next()}" for _ in range(self.rng.choice([1, 10]))]
        entries = [{"Id": body, "MessageBody": body} for body in bodies]
        # What is not acknowledged may none the less be received.
        self.unsure.update(bodies)
        client("sqs").send_message_batch(QueueUrl=self.queue("sent"), Entries=entries)
        self.sent.update(bodies)
        self.unsure.difference_update(bodies)
        return len(bodies)

    def receive(self, client):
        sqs = client("sqs")
        answer = sqs.receive_message(QueueUrl=self.queue("sent"), MaxNumberOfMessages=5, WaitTimeSeconds=1)
        done = 0
        for message in answer.get("Messages", []):
            body = message["Body"]
            if body in self.deleted:
                self.problems.append(f"message {body}: is received although its deletion was acknowledged")
            if self.rng.random() < 0.7:
                self.unsure.add(body)
                sqs.delete_message(QueueUrl=self.queue("sent"), ReceiptHandle=message["ReceiptHandle"])
                self.deleted.add(body)
                done += 1
        return done

    def put_events(self, client):
        numbers = [f"e{self.next()}" for _ in range(self.rng.choice([1, 10]))]
        entries = [{"EventBusName": "bus", "Source": "load", "DetailType": "t", "Detail": json.dumps({"n": number})}
                   for number in numbers]
        answer = client("events").put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            self.problems.append(f"PutEvents: {answer}")
        self.events.update(numbers)
        return len(numbers)

    def log(self, client):
        messages = [f"l{self.next()}" for _ in range(self.rng.choice([1, 20]))]
        now = int(time.time() * 1000)
        client("logs").put_log_events(logGroupName="group", logStreamName="stream",
                                      logEvents=[{"timestamp": now, "message": message} for message in messages])
        self.logged.update(messages)
        return len(messages)

    def put_parameters(self, client):
        ssm, key, value = client("ssm"), f"/p{self.rng.randrange(30)}", str(self.next())
        if self.rng.random() < 0.25:
            self.parameters.write(key, None, lambda: ssm.delete_parameters(Names=[key]))
        else:
            self.parameters.write(key, value, lambda: ssm.put_parameter(
                Name=key, Value=value, Type="String", Overwrite=True))
        return 1

    def publish(self, client):
        body = f"n{self.next()}"
        client("sns").publish(TopicArn=self.topic, Message=body)
        self.published.add(body)
        return 1

    def schedule(self, client):
        body = f"s{self.next()}"
        # By the endpoint's clock, which may be ahead: what is due in the past would not be due at all.
        due = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 3))
        client("scheduler").create_schedule(
            Name=body, ScheduleExpression=f"at({due})", FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion=self.rng.choice(["NONE", "DELETE"]),
            Target={"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:from-scheduler", "RoleArn": ROLE, "Input": body})
        self.scheduled.add(body)
        time.sleep(0.05)
        return 1

    def create_stacks(self, client):
        stacks, name = client("cloudformation"), f"stack-{self.next()}"
        self.stacks.write(name, True, lambda: stacks.create_stack(StackName=name, TemplateBody=TEMPLATE))
        time.sleep(0.2)
        return 1

    def start_executions(self, client):
        number = f"x{self.next()}"
        arn = client("stepfunctions").start_execution(
            stateMachineArn=self.machine, input=json.dumps({"n": number}))["executionArn"]
        self.executions[arn] = number
        time.sleep(0.02)
        return 1

    def work(self, worker, end):
        client = lambda service: self.client(service, worker.__name__)
        while not end.is_set():
            try:
                done = worker(client)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if not (end.is_set() and status == 503):
                    self.problems.append(f"{worker.__name__}: {error}")
                return
            except (BotoCoreError, OSError):
                if not end.is_set():
                    # The process is about to be killed, or this is a fault of its own.
                    end.wait(5)
                    if not end.is_set():
                        self.problems.append(f"{worker.__name__}: the endpoint does not answer")
                return
            with self.lock:
                self.acknowledged += done

    # What is there.

    def object(self, key):
        try:
            return self.client("s3", "main").get_object(Bucket="bucket", Key=key)["Body"].read().decode()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def item(self, key):
        found = self.client("dynamodb", "main").get_item(TableName="table", Key={"k": {"S": key}}, ConsistentRead=True)
        return found.get("Item", {}).get("v", {}).get("S")

    def parameter(self, key):
        found = self.client("ssm", "main").get_parameters(Names=[key])["Parameters"]
        return found[0]["Value"] if found else None

    def stack(self, name):
        try:
            return bool(self.client("cloudformation", "main").describe_stacks(StackName=name)["Stacks"])
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def log_lines(self, group):
        logs, token, lines = self.client("logs", "main"), {}, []
        while True:
            page = logs.filter_log_events(logGroupName=group, startTime=0, **token)
            lines += [event["message"] for event in page["events"]]
            if "nextToken" not in page:
                return lines
            token = {"nextToken": page["nextToken"]}

    def look(self, everything):
        """What was written since the last look; at the end everything."""
        for ledger, found in [(self.objects, self.object), (self.items, self.item), (self.parameters, self.parameter),
                              (self.stacks, self.stack)]:
            keys = sorted(set(ledger.known) | set(ledger.maybe)) if everything else sorted(ledger.touched)
            ledger.check(found, keys, self.problems)
            ledger.touched = set()
        lines = self.log_lines("group")
        missing = self.logged.difference(lines)
        if missing:
            self.problems.append(f"log: {len(missing)} of {len(self.logged)} lines are missing: {sorted(missing)[:5]}")
        if len(set(lines)) != len(lines):
            self.problems.append("log: lines are there twice")
        attributes = self.client("sqs", "main").get_queue_attributes(
            QueueUrl=self.queue("sent"), AttributeNames=["All"])["Attributes"]
        there = sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ["", "NotVisible", "Delayed"])
        least = len(self.sent - self.deleted - self.unsure)
        if there < least:
            self.problems.append(f"queue: holds {there} messages, at least {least} must be there")

    def drain(self, queue, wanted, seconds=45):
        """Receives until everything that is wanted has come and nothing more does."""
        sqs, url, seen, end, quiet = self.client("sqs", "main"), self.queue(queue), [], time.monotonic() + seconds, 0
        while time.monotonic() < end and (quiet < 2 or not wanted <= set(seen)):
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=600)
            messages = answer.get("Messages", [])
            quiet = 0 if messages else quiet + 1
            seen += [message["Body"].strip('"') for message in messages]
            if messages:
                sqs.delete_message_batch(QueueUrl=url, Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages)])
        missing = wanted - set(seen)
        if missing:
            self.problems.append(f"{queue}: {len(missing)} of {len(wanted)} never came: {sorted(missing)[:5]}")
        return seen

    def finish(self):
        twice = {}
        left = self.drain("sent", self.sent - self.deleted - self.unsure)
        back = self.deleted.intersection(left)
        if back:
            self.problems.append(f"queue: {len(back)} messages came back after their deletion: {sorted(back)[:5]}")
        if len(set(left)) != len(left):
            self.problems.append("queue: messages are there twice")
        for queue, wanted in [("from-events", self.events), ("from-sns", self.published),
                              ("from-scheduler", self.scheduled), ("from-executions", set(self.executions.values()))]:
            seen = self.drain(queue, wanted)
            twice[queue] = len(seen) - len(set(seen))
        logged = {json.loads(line)["detail"]["n"] for line in self.log_lines("/events")}
        if self.events - logged:
            self.problems.append(f"/events: {len(self.events - logged)} events were not logged")
        stacks = self.client("cloudformation", "main")
        for name in [name for name, known in self.stacks.known.items() if known]:
            end, status = time.monotonic() + 20, ""
            while time.monotonic() < end and not status.endswith(("_COMPLETE", "_FAILED")):
                status = stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            if status != "CREATE_COMPLETE":
                self.problems.append(f"stack {name}: is {status}")
        for arn in self.executions:
            status = self.client("stepfunctions", "main").describe_execution(executionArn=arn)["status"]
            if status != "SUCCEEDED":
                self.problems.append(f"execution {arn}: is {status}")
        return twice


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vaultscope")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--without", default="", help="clients that are left out, such as create_stacks")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        server = Server(options.vaultscope, os.path.join(work, "data"))
        os.mkdir(server.folder)
        server.start()
        load = Load(server.url, options.seed)
        load.prepare()
        workers = [worker for worker in load.workers if worker.__name__ not in options.without.split(",")]
        line = ""
        for kill in range(options.kills):
            end = threading.Event()
            threads = [threading.Thread(target=load.work, args=(worker, end)) for worker in workers]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.1, 1.2))
            server.kill()
            end.set()
            for thread in threads:
                thread.join()
            if rng.random() < 0.1:
                # Killed again while it starts.
                server.launch()
                time.sleep(rng.uniform(0, 0.3))
                server.kill()
            line = server.start()
            load.look(everything=False)
            if load.problems:
                break
        print(f"{options.kills} kills, {load.acknowledged} acknowledged writes, slowest start {server.slowest:.2f} s")
        print(line)
        twice = {}
        if not load.problems:
            load.look(everything=True)
            twice = load.finish()
        server.kill()
        print(f"arrived more than once: {twice}; {time.monotonic() - began:.0f} s in all")
        for problem in load.problems[:30]:
            print("PROBLEM:", problem)
        if load.problems or load.acknowledged < options.kills * 10:
            print(open(os.path.join(work, "emulator.err")).read()[-2000:])
            sys.exit(1)


main()
