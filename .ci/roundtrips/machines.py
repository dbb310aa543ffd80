"""AWS Step Functions: definitions, tags, map runs. Executions, tokens and activities are in flows.py."""
import json

from . import pages, refused, until

ROLE = "arn:aws:iam::000000000000:role/trips"


def run(client):
    states = client("stepfunctions")
    machine = lambda **state: json.dumps({"StartAt": "A", "States": {"A": {**state, "End": True}}})
    arn = states.create_state_machine(name="trips", roleArn=ROLE, definition=machine(Type="Pass", Result=1),
                                      tags=[{"key": "a", "value": "1"}])["stateMachineArn"]
    states.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    states.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert states.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    mapped = machine(Type="Map", ItemsPath="$.list", ItemProcessor={
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "B",
        "States": {"B": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericGreaterThan": 2, "Next": "F"}], "Default": "S"},
                   "F": {"Type": "Fail", "Error": "TooBig"}, "S": {"Type": "Succeed"}}})
    states.update_state_machine(stateMachineArn=arn, definition=mapped)
    assert json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"]) == json.loads(mapped)
    execution = states.start_execution(stateMachineArn=arn, input='{"list": [1, 2, 3]}')["executionArn"]
    ended = until(lambda: (lambda one: one if one["status"] != "RUNNING" else None)(states.describe_execution(executionArn=execution)), "the execution")
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold"), ended
    of = states.describe_state_machine_for_execution(executionArn=execution)
    assert of["stateMachineArn"] == arn and json.loads(of["definition"]) == json.loads(mapped)
    runs = pages(states, "list_map_runs", "mapRuns", executionArn=execution)
    shown = states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
    assert (shown["executionArn"], shown["status"], shown["itemCounts"]["total"]) == (execution, "FAILED", 3), shown
    states.redrive_execution(executionArn=execution)
    again = until(lambda: (lambda one: one if one["status"] != "RUNNING" else None)(states.describe_execution(executionArn=execution)), "the redrive")
    assert (again["redriveCount"], again["status"]) == (1, "FAILED"), again
    tested = states.test_state(definition=json.dumps({"Type": "Pass", "Parameters": {"x.$": "$.a"}, "Next": "N"}), roleArn=ROLE, input='{"a": 5}')
    assert (tested["status"], json.loads(tested["output"]), tested["nextState"]) == ("SUCCEEDED", {"x": 5}, "N"), tested
    assert states.validate_state_machine_definition(definition=mapped)["result"] == "OK"
    assert states.validate_state_machine_definition(definition='{"StartAt": "A", "States": {}}')["result"] == "FAIL"
    refused("InvalidDefinition", states.create_state_machine, name="bad", roleArn=ROLE, definition="{}")
    states.delete_state_machine(stateMachineArn=arn)
