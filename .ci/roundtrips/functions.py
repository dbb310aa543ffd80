"""AWS Lambda."""
import io
import json
import zipfile

from . import pages, refused, until

ROLE = "arn:aws:iam::000000000000:role/trips"


def package(source):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        files.writestr("index.py", source)
    return packed.getvalue()


def run(client):
    functions, sqs = client("lambda"), client("sqs")
    ready = lambda: functions.get_waiter("function_updated_v2").wait(FunctionName="trips", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    made = functions.create_function(FunctionName="trips", Runtime="python3.12", Role=ROLE, Handler="index.handler", Timeout=20,
                                     Environment={"Variables": {"A": "1"}}, Tags={"a": "1"},
                                     Code={"ZipFile": package("import os\ndef handler(event, context):\n    return {'got': event, 'a': os.environ['A']}\n")})
    arn = made["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName="trips", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    answer = functions.invoke(FunctionName="trips", Payload=b'{"e": 1}', LogType="Tail")
    assert json.loads(answer["Payload"].read()) == {"got": {"e": 1}, "a": "1"} and answer["LogResult"], answer
    refused("ResourceNotFoundException", functions.invoke, FunctionName="trips-none")
    functions.update_function_code(FunctionName="trips", ZipFile=package("def handler(event, context):\n    raise KeyError('x')\n"))
    ready()
    failed = functions.invoke(FunctionName="trips", Payload=b"{}")
    assert failed["FunctionError"] == "Unhandled" and json.loads(failed["Payload"].read())["errorType"] == "KeyError"
    changed = functions.update_function_configuration(FunctionName="trips", Timeout=9, Description="d")
    ready()
    assert (changed["Timeout"], changed["Description"], changed["Environment"]["Variables"]) == (9, "d", {"A": "1"})
    assert functions.get_function_configuration(FunctionName=arn)["Timeout"] == 9
    functions.tag_resource(Resource=arn, Tags={"b": "2"})
    functions.untag_resource(Resource=arn, TagKeys=["a"])
    assert functions.list_tags(Resource=arn)["Tags"] == functions.get_function(FunctionName="trips")["Tags"] == {"b": "2"}
    assert "trips" in [f["FunctionName"] for f in pages(functions, "list_functions", "Functions")]

    functions.add_permission(FunctionName="trips", StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
                             SourceArn="arn:aws:events:us-east-1:000000000000:rule/r")
    statement = json.loads(functions.get_policy(FunctionName="trips")["Policy"])["Statement"][0]
    assert (statement["Sid"], statement["Principal"]) == ("s", {"Service": "events.amazonaws.com"}), statement
    refused("ResourceConflictException", functions.add_permission, FunctionName="trips", StatementId="s",
            Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    functions.remove_permission(FunctionName="trips", StatementId="s")
    refused("ResourceNotFoundException", functions.get_policy, FunctionName="trips")
    functions.put_function_concurrency(FunctionName="trips", ReservedConcurrentExecutions=2)
    assert functions.get_function_concurrency(FunctionName="trips")["ReservedConcurrentExecutions"] == 2
    functions.delete_function_concurrency(FunctionName="trips")
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="trips")
    functions.put_function_event_invoke_config(FunctionName="trips", MaximumRetryAttempts=0)
    functions.update_function_event_invoke_config(FunctionName="trips", MaximumEventAgeInSeconds=60)
    config = functions.get_function_event_invoke_config(FunctionName="trips")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60), config
    functions.delete_function_event_invoke_config(FunctionName="trips")

    url = sqs.create_queue(QueueName="trips-lambda", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = functions.create_event_source_mapping(FunctionName="trips", EventSourceArn=queue, BatchSize=3, Enabled=False,
                                                    FunctionResponseTypes=["ReportBatchItemFailures"])["UUID"]
    state = lambda: functions.get_event_source_mapping(UUID=mapping)["State"]
    until(lambda: state() == "Disabled", "the mapping")
    assert functions.update_event_source_mapping(UUID=mapping, BatchSize=4, Enabled=True)["BatchSize"] == 4
    until(lambda: state() == "Enabled", "the enabled mapping")
    listed = pages(functions, "list_event_source_mappings", "EventSourceMappings", FunctionName="trips")
    assert [(m["UUID"], m["EventSourceArn"], m["BatchSize"]) for m in listed] == [(mapping, queue, 4)]
    functions.delete_event_source_mapping(UUID=mapping)
    until(lambda: not functions.list_event_source_mappings(FunctionName="trips")["EventSourceMappings"], "the end of the mapping")
    functions.delete_function(FunctionName="trips")
    refused("ResourceNotFoundException", functions.get_function, FunctionName="trips")
    sqs.delete_queue(QueueUrl=url)
