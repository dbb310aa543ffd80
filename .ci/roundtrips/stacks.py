"""AWS CloudFormation."""
import json

from . import pages, refused


def template(timeout, imported=None):
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": timeout, "Tags": [{"Key": "t", "Value": {"Ref": "Name"}}]}}
    if imported:
        queue["Properties"]["RedrivePolicy"] = {"maxReceiveCount": 2, "deadLetterTargetArn": {"Fn::ImportValue": imported}}
    outputs = {} if imported else {"Arn": {"Value": {"Fn::GetAtt": "Q.Arn"}, "Export": {"Name": "trips-arn"}}}
    return json.dumps({"Parameters": {"Name": {"Type": "String", "Default": "n"}}, "Resources": {"Q": queue}, "Outputs": outputs or {
        "Url": {"Value": {"Ref": "Q"}}}})


def run(client):
    cf = client("cloudformation")
    wait = lambda what, name: cf.get_waiter(what).wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    checked = cf.validate_template(TemplateBody=template(5))
    assert [p["ParameterKey"] for p in checked["Parameters"]] == ["Name"]
    refused("ValidationError", cf.validate_template, TemplateBody='{"Resources": {}}')
    assert cf.get_template_summary(TemplateBody=template(5))["ResourceTypes"] == ["AWS::SQS::Queue"]
    stack = cf.create_stack(StackName="trips", TemplateBody=template(5), Parameters=[{"ParameterKey": "Name", "ParameterValue": "m"}])["StackId"]
    wait("stack_create_complete", "trips")
    refused("AlreadyExistsException", cf.create_stack, StackName="trips", TemplateBody=template(5))
    shown = cf.describe_stacks(StackName="trips")["Stacks"][0]
    assert shown["StackId"] == stack and shown["Parameters"] == [{"ParameterKey": "Name", "ParameterValue": "m"}], shown
    assert json.loads(json.dumps(cf.get_template(StackName="trips")["TemplateBody"])) == json.loads(template(5))
    resource = cf.describe_stack_resource(StackName="trips", LogicalResourceId="Q")["StackResourceDetail"]
    assert [r["PhysicalResourceId"] for r in cf.describe_stack_resources(StackName="trips")["StackResources"]] == [resource["PhysicalResourceId"]]
    assert [r["ResourceStatus"] for r in pages(cf, "list_stack_resources", "StackResourceSummaries", StackName="trips")] == ["CREATE_COMPLETE"]
    events = pages(cf, "describe_stack_events", "StackEvents", StackName="trips")
    assert (events[0]["ResourceStatus"], events[-1]["ResourceStatusReason"]) == ("CREATE_COMPLETE", "User Initiated"), events
    operation = shown["LastOperations"][0]["OperationId"]
    assert cf.describe_events(OperationId=operation)["OperationEvents"]
    assert [e["Value"] for e in pages(cf, "list_exports", "Exports") if e["Name"] == "trips-arn"] == [shown["Outputs"][0]["OutputValue"]]

    change = cf.create_change_set(StackName="trips", ChangeSetName="c", TemplateBody=template(6),
                                  Parameters=[{"ParameterKey": "Name", "UsePreviousValue": True}])
    wait_change = lambda: cf.get_waiter("change_set_create_complete").wait(ChangeSetName=change["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    wait_change()
    described = cf.describe_change_set(ChangeSetName="c", StackName="trips")["Changes"][0]["ResourceChange"]
    assert (described["Action"], described["LogicalResourceId"], described["Replacement"]) == ("Modify", "Q", "False"), described
    assert [c["ChangeSetName"] for c in cf.list_change_sets(StackName="trips")["Summaries"]] == ["c"]
    cf.delete_change_set(ChangeSetName="c", StackName="trips")
    change = cf.create_change_set(StackName="trips", ChangeSetName="d", TemplateBody=template(7))
    wait_change()
    cf.execute_change_set(ChangeSetName=change["Id"])
    wait("stack_update_complete", "trips")
    sqs = client("sqs")
    read = lambda: sqs.get_queue_attributes(QueueUrl=resource["PhysicalResourceId"], AttributeNames=["All"])["Attributes"]["VisibilityTimeout"]
    assert read() == "7"
    cf.update_stack(StackName="trips", TemplateBody=template(8))
    wait("stack_update_complete", "trips")
    assert read() == "8"
    assert "No updates" in refused("ValidationError", cf.update_stack, StackName="trips", TemplateBody=template(8))

    cf.create_stack(StackName="trips-importer", TemplateBody=template(5, "trips-arn"))
    wait("stack_create_complete", "trips-importer")
    assert pages(cf, "list_imports", "Imports", ExportName="trips-arn") == ["trips-importer"]
    cf.delete_stack(StackName="trips-importer")
    wait("stack_delete_complete", "trips-importer")
    cf.update_termination_protection(StackName="trips", EnableTerminationProtection=True)
    refused("ValidationError", cf.delete_stack, StackName="trips")
    cf.update_termination_protection(StackName="trips", EnableTerminationProtection=False)
    cf.delete_stack(StackName="trips")
    wait("stack_delete_complete", stack)
    assert stack in [s["StackId"] for s in pages(cf, "list_stacks", "StackSummaries", StackStatusFilter=["DELETE_COMPLETE"])]
    refused("ValidationError", cf.describe_stacks, StackName="trips")
