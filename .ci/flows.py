"""Round trips of boto3 through SNS, EventBridge Scheduler and Step Functions: every operation that the endpoint has."""
import http.server
import json
import queue as queues
import threading
import time
import urllib.request

ROLE = "arn:aws:iam::000000000000:role/flows"


def until(what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came of {what}")


def refused(code, call, **members):
    try:
        call(**members)
    except Exception as error:
        assert error.response["Error"]["Code"] == code, error
        return error
    raise AssertionError(f"{call} was not refused with {code}")


class Queue:
    def __init__(self, client, name):
        self.sqs = client("sqs")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def next(self):
        def one():
            got = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=1, MessageAttributeNames=["All"])
            return got.get("Messages")

        message = until(one)[0]
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return message

    def is_empty(self):
        return "Messages" not in self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=0)


class Program:
    """A program on loopback that takes posts."""

    def __init__(self):
        self.posts, self.statuses = queues.Queue(), queues.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["content-length"])).decode()
                self.posts.put((dict(handler.headers.items()), body))
                handler.send_response(200 if self.statuses.empty() else self.statuses.get())
                handler.end_headers()

            def log_message(handler, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/sns?from=flows"

    def next(self):
        headers, body = self.posts.get(timeout=30)
        return {name.lower(): value for name, value in headers.items()}, body


def sns_over_http(client):
    topics, program, letters = client("sns"), Program(), Queue(client, "flows-sns-letters")
    topic = topics.create_topic(Name="flows-http")["TopicArn"]
    for url in ["http://example.com/", "http://10.0.0.1/", "https://localhost/", "localhost"]:
        refused("InvalidParameter", topics.subscribe, TopicArn=topic, Protocol="http", Endpoint=url)
    redrive = json.dumps({"deadLetterTargetArn": letters.arn})
    policy = json.dumps({"healthyRetryPolicy": {"numRetries": 1, "numNoDelayRetries": 1}})
    asked = topics.subscribe(TopicArn=topic, Protocol="http", Endpoint=program.url,
                             Attributes={"DeliveryPolicy": policy, "RedrivePolicy": redrive})["SubscriptionArn"]
    assert asked == "pending confirmation", asked
    headers, body = program.next()
    question = json.loads(body)
    assert headers["x-amz-sns-message-type"] == question["Type"] == "SubscriptionConfirmation", (headers, body)
    topics.publish(TopicArn=topic, Message="early")
    arn = topics.confirm_subscription(TopicArn=topic, Token=question["Token"])["SubscriptionArn"]
    told = topics.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (told["PendingConfirmation"], told["ConfirmationWasAuthenticated"]) == ("false", "true"), told
    assert json.loads(told["EffectiveDeliveryPolicy"])["healthyRetryPolicy"]["numRetries"] == 1, told
    sent = topics.publish(TopicArn=topic, Message="m", Subject="s")["MessageId"]
    headers, body = program.next()
    assert (headers["x-amz-sns-message-id"], headers["x-amz-sns-subscription-arn"]) == (sent, arn), headers
    assert headers["content-type"] == "text/plain; charset=UTF-8", headers
    assert json.loads(body)["Message"] == "m", body
    for status in (500, 503):
        program.statuses.put(status)
    topics.publish(TopicArn=topic, Message="unwanted")
    assert [json.loads(program.next()[1])["Message"] for _ in range(2)] == ["unwanted"] * 2
    assert letters.next()["MessageAttributes"]["ErrorCode"]["StringValue"] == "503"
    with urllib.request.urlopen(json.loads(body)["UnsubscribeURL"]) as answer:
        assert answer.status == 200
    goodbye = json.loads(program.next()[1])
    assert goodbye["Type"] == "UnsubscribeConfirmation", goodbye
    with urllib.request.urlopen(goodbye["SubscribeURL"]) as answer:
        assert arn in answer.read().decode()
    topics.unsubscribe(SubscriptionArn=arn)
    assert program.posts.empty()
    topics.delete_topic(TopicArn=topic)


def sns(client):
    topics, queue, raw = client("sns"), Queue(client, "flows-sns"), Queue(client, "flows-sns-raw")
    topic = topics.create_topic(Name="flows", Attributes={"DisplayName": "d"}, Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    assert topics.create_topic(Name="flows")["TopicArn"] == topic
    refused("InvalidParameter", topics.create_topic, Name="flows", Attributes={"DisplayName": "other"})
    refused("NotImplemented", topics.create_topic, Name="flows.fifo", Attributes={"FifoTopic": "true"})
    assert topic in [t["TopicArn"] for p in topics.get_paginator("list_topics").paginate() for t in p["Topics"]]
    topics.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="e")
    assert topics.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "e"
    topics.tag_resource(ResourceArn=topic, Tags=[{"Key": "b", "Value": "2"}])
    topics.untag_resource(ResourceArn=topic, TagKeys=["a"])
    assert topics.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": "2"}]
    topics.add_permission(TopicArn=topic, Label="l", AWSAccountId=["111111111111"], ActionName=["Publish"])
    policy = json.loads(topics.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert policy["Statement"][-1]["Sid"] == "l", policy
    topics.remove_permission(TopicArn=topic, Label="l")

    plain = topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    filtered = topics.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=raw.arn, ReturnSubscriptionArn=True,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"kind": [{"prefix": "x"}]})},
    )["SubscriptionArn"]
    mail = topics.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com", ReturnSubscriptionArn=True)
    assert topics.get_subscription_attributes(SubscriptionArn=mail["SubscriptionArn"])["Attributes"]["PendingConfirmation"] == "true"
    refused("InvalidParameter", topics.confirm_subscription, TopicArn=topic, Token="none")
    refused("NotImplemented", topics.subscribe, TopicArn=topic, Protocol="https", Endpoint="https://example.com")
    topics.set_subscription_attributes(SubscriptionArn=plain, AttributeName="RedrivePolicy",
                                       AttributeValue=json.dumps({"deadLetterTargetArn": raw.arn}))
    listed = topics.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert {s["SubscriptionArn"] for s in listed} == {plain, filtered, "PendingConfirmation"}, listed
    assert len(topics.list_subscriptions()["Subscriptions"]) >= 3

    sent = topics.publish(TopicArn=topic, Message="m", Subject="s",
                          MessageAttributes={"kind": {"DataType": "String", "StringValue": "xy"},
                                             "b": {"DataType": "Binary", "BinaryValue": b"\x01"}})["MessageId"]
    envelope = json.loads(queue.next()["Body"])
    assert (envelope["Type"], envelope["MessageId"], envelope["Subject"], envelope["Message"]) == ("Notification", sent, "s", "m")
    assert envelope["MessageAttributes"]["kind"] == {"Type": "String", "Value": "xy"}
    got = raw.next()
    assert got["Body"] == "m" and got["MessageAttributes"]["b"]["BinaryValue"] == b"\x01", got
    topics.publish(TopicArn=topic, Message=json.dumps({"default": "d", "sqs": "for queues"}), MessageStructure="json")
    assert json.loads(queue.next()["Body"])["Message"] == "for queues"
    assert raw.is_empty()
    batch = topics.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "1", "Message": "one"}, {"Id": "2", "Message": "two", "Subject": "\n"}])
    assert [e["Id"] for e in batch["Successful"]] == ["1"] and batch["Failed"][0]["Code"] == "InvalidParameter", batch
    assert json.loads(queue.next()["Body"])["Message"] == "one"
    queue.sqs.delete_queue(QueueUrl=queue.url)
    topics.publish(TopicArn=topic, Message="lost")
    letter = raw.next()
    assert json.loads(letter["Body"])["Message"] == "lost" and "ErrorCode" in letter["MessageAttributes"], letter
    topics.unsubscribe(SubscriptionArn=plain)
    topics.delete_topic(TopicArn=topic)
    refused("NotFound", topics.publish, TopicArn=topic, Message="m")
    refused("NotFound", topics.get_topic_attributes, TopicArn=topic)


def scheduler(client):
    schedules, queue = client("scheduler"), Queue(client, "flows-scheduler")
    group = schedules.create_schedule_group(Name="flows", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    refused("ConflictException", schedules.create_schedule_group, Name="flows")
    assert schedules.get_schedule_group(Name="flows")["State"] == "ACTIVE"
    assert {"default", "flows"} <= {g["Name"] for g in schedules.list_schedule_groups()["ScheduleGroups"]}
    schedules.tag_resource(ResourceArn=group, Tags=[{"Key": "b", "Value": "2"}])
    schedules.untag_resource(ResourceArn=group, TagKeys=["a"])
    assert schedules.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "b", "Value": "2"}]
    target = {"Arn": queue.arn, "RoleArn": ROLE, "Input": "<aws.scheduler.schedule-arn> <aws.scheduler.attempt-number>"}
    common = {"Name": "s", "GroupName": "flows", "FlexibleTimeWindow": {"Mode": "OFF"}}
    refused("ValidationException", schedules.create_schedule, **common, ScheduleExpression="rate(1 second)", Target=target)
    arn = schedules.create_schedule(**common, ScheduleExpression="rate(1 hour)", Target=target)["ScheduleArn"]
    assert queue.next()["Body"] == f"{arn} 1"
    refused("ConflictException", schedules.create_schedule, **common, ScheduleExpression="rate(1 hour)", Target=target)
    schedules.update_schedule(**common, ScheduleExpression="cron(0 12 ? * MON-FRI *)", ScheduleExpressionTimezone="Europe/Berlin",
                              State="DISABLED", Target=target)
    told = schedules.get_schedule(Name="s", GroupName="flows")
    assert told["State"] == "DISABLED" and told["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 185, told
    listed = schedules.list_schedules(GroupName="flows", State="DISABLED")["Schedules"]
    assert [s["Name"] for s in listed] == ["s"] and listed[0]["Target"] == {"Arn": queue.arn}
    universal = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ROLE,
                 "Input": json.dumps({"QueueUrl": queue.url, "MessageBody": "universal"})}
    schedules.create_schedule(Name="u", FlexibleTimeWindow={"Mode": "OFF"}, ScheduleExpression="rate(1 day)", Target=universal)
    assert queue.next()["Body"] == "universal"
    schedules.delete_schedule(Name="u")
    refused("ResourceNotFoundException", schedules.get_schedule, Name="u")
    schedules.delete_schedule_group(Name="flows")
    refused("ResourceNotFoundException", schedules.get_schedule, Name="s", GroupName="flows")


def machine(states, name, definition, **more):
    made = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, **more)
    return made["stateMachineArn"]


def task(resource, parameters, **more):
    return {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **more}}}


def ended(states, execution):
    def read():
        told = states.describe_execution(executionArn=execution)
        return told if told["status"] != "RUNNING" else None

    return until(read)


def types(states, execution):
    return [e["type"] for e in states.get_execution_history(executionArn=execution)["events"]]


def step_functions(client):
    states, queue = client("stepfunctions"), Queue(client, "flows-states")
    made = []

    def run(name, definition, input="{}"):
        made.append(machine(states, f"flows-{name}", definition))
        return states.start_execution(stateMachineArn=made[-1], input=input)["executionArn"]

    # A token goes out in a message and comes back.
    token = {"QueueUrl": queue.url, "MessageBody": {"token.$": "$$.Task.Token"}}
    waiting = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    for outcome in ("SUCCEEDED", "FAILED"):
        execution = run(f"token-{outcome}", task(waiting, token, HeartbeatSeconds=60))
        held = json.loads(queue.next()["Body"])["token"]
        states.send_task_heartbeat(taskToken=held)
        if outcome == "FAILED":
            states.send_task_failure(taskToken=held, error="E", cause="C")
        else:
            refused("InvalidOutput", states.send_task_success, taskToken=held, output="{")
            states.send_task_success(taskToken=held, output='{"x": 1}')
        told = ended(states, execution)
        assert told["status"] == outcome, told
        assert types(states, execution)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", f"Task{outcome.capitalize()}"]
        refused("TaskTimedOut", states.send_task_heartbeat, taskToken=held)
    refused("InvalidToken", states.send_task_success, taskToken="none", output="1")

    # An activity and its worker.
    activity = states.create_activity(name="flows", tags=[{"key": "a", "value": "1"}])["activityArn"]
    assert states.describe_activity(activityArn=activity)["name"] == "flows"
    assert activity in [a["activityArn"] for p in states.get_paginator("list_activities").paginate() for a in p["activities"]]
    execution = run("activity", task(activity, {"n": 1}))
    work = states.get_activity_task(activityArn=activity, workerName="w")
    assert json.loads(work["input"]) == {"n": 1}
    states.send_task_success(taskToken=work["taskToken"], output='"done"')
    assert ended(states, execution)["output"] == '"done"'
    assert types(states, execution)[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    states.delete_activity(activityArn=activity)
    refused("ActivityDoesNotExist", states.get_activity_task, activityArn=activity)

    # An execution that another waits for, and one that fails.
    child = machine(states, "flows-child", {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"},
                                            "P": {"Type": "Pass", "Result": {"r": 1}, "End": True}}})
    broken = machine(states, "flows-broken", {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}})
    made += [child, broken]
    begin = "arn:aws:states:::states:startExecution"
    execution = run("sync", task(begin + ".sync", {"StateMachineArn": child, "Input": {"i": 1}}))
    output = json.loads(ended(states, execution)["output"])
    assert (output["Output"], output["Input"], output["Status"]) == ('{"r":1}', '{"i":1}', "SUCCEEDED"), output
    execution = run("sync2", task(begin + ".sync:2", {"StateMachineArn": child}))
    assert json.loads(ended(states, execution)["output"])["Output"] == {"r": 1}
    execution = run("sync-failed", task(begin + ".sync", {"StateMachineArn": broken}))
    told = ended(states, execution)
    assert told["error"] == "States.TaskFailed" and json.loads(told["cause"])["Error"] == "E", told
    execution = run("stopped", task(begin + ".sync", {"StateMachineArn": machine(states, "flows-long", {
        "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}})}))
    made.append(states.list_state_machines()["stateMachines"][0]["stateMachineArn"].rsplit(":", 1)[0] + ":flows-long")
    child_of = until(lambda: states.list_executions(stateMachineArn=made[-1])["executions"])[0]["executionArn"]
    states.stop_execution(executionArn=execution, error="E", cause="C")
    assert ended(states, execution)["status"] == "ABORTED" and ended(states, child_of)["status"] == "ABORTED"

    # Services, optimised and by their SDK.
    topic = client("sns").create_topic(Name="flows-states")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    output = ended(states, run("sns", task("arn:aws:states:::sns:publish", {"TopicArn": topic, "Message": {"a": 1}})))["output"]
    assert queue.next()["Body"] == '{"a":1}' and json.loads(output)["SdkHttpMetadata"]["HttpStatusCode"] == 200
    told = ended(states, run("no-topic", task("arn:aws:states:::sns:publish", {"TopicArn": topic + "x", "Message": "m"})))
    assert told["error"] == "SNS.NotFoundException", told
    output = ended(states, run("sdk", task("arn:aws:states:::aws-sdk:sfn:listActivities", {})))["output"]
    assert json.loads(output) == {"Activities": []}
    refused("InvalidDefinition", states.create_state_machine, name="flows-bad", roleArn=ROLE,
            definition=json.dumps(task("arn:aws:states:::sqs:sendMessage.sync", {})))

    # An EXPRESS machine whose caller waits.
    express = machine(states, "flows-express", {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}, type="EXPRESS")
    made.append(express)
    told = states.start_sync_execution(stateMachineArn=express, input='{"a": 1}')
    assert told["status"] == "SUCCEEDED" and json.loads(told["output"]) == {"a": 1}, told
    refused("StateMachineTypeNotSupported", states.start_sync_execution, stateMachineArn=child)
    for arn in made:
        states.delete_state_machine(stateMachineArn=arn)


def all_of(client):
    for flow in (sns, sns_over_http, scheduler, step_functions):
        flow(client)
