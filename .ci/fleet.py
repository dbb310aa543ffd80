#!/usr/bin/env python3
"""EC2 and ECS with boto3: every operation of both once, read back. A task's process and its log are looked at too.

usage: fleet.py ENDPOINT AWS
AWS is the path of the AWS CLI.
"""
import base64
import json
import subprocess
import sys
import time
import urllib.request

from botocore.exceptions import ClientError

import called

endpoint, aws = sys.argv[1:]


def client(service):
    return called.client(service, endpoint)


def cli(*words):
    done = subprocess.run([aws, "--endpoint-url", endpoint, "--output", "json", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error)
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected of {call}")


def until(what, look):
    for _ in range(300):
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come about")


ec2, ecs, logs = client("ec2"), client("ecs"), client("logs")

# Where we are.
assert [z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]] == ["us-east-1a", "us-east-1b", "us-east-1c"]
assert ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"][0]["Endpoint"] == "ec2.eu-west-1.amazonaws.com"
default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
attributes = {a["AttributeName"]: a["AttributeValues"][0]["AttributeValue"] for a in ec2.describe_account_attributes()["AccountAttributes"]}
assert attributes["default-vpc"] == default["VpcId"] and default["CidrBlock"] == "172.31.0.0/16"
assert len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [default["VpcId"]]}])["Subnets"]) == 3

# A VPC with subnets.
spec = lambda kind, name: [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc", "lab"))["Vpc"]["VpcId"]
refused("InvalidVpc.Range", ec2.create_vpc, CidrBlock="10.0.0.0/8")
refused("InvalidParameterValue", ec2.create_vpc, CidrBlock="ten")
refused("DryRunOperation", ec2.create_vpc, CidrBlock="10.9.0.0/16", DryRun=True)
assert ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["l?b"]}])["Vpcs"][0]["VpcId"] == vpc
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"] is True
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b")["Subnet"]
assert subnet["AvailableIpAddressCount"] == 251 and subnet["AvailabilityZoneId"] == "use1-az2", subnet
subnet = subnet["SubnetId"]
refused("InvalidSubnet.Conflict", ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.128/25")
refused("InvalidSubnet.Range", ec2.create_subnet, VpcId=vpc, CidrBlock="10.1.0.0/24")
refused("InvalidVpcID.NotFound", ec2.create_subnet, VpcId="vpc-0123456789abcdef0", CidrBlock="10.0.2.0/24")
assert "does not exist" in refused("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=["subnet-0123456789abcdef0"])
refused("InvalidParameterValue", ec2.describe_subnets, Filters=[{"Name": "nonsense", "Values": ["x"]}])
ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})

# Gateways, addresses, routes.
igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
refused("Resource.AlreadyAssociated", ec2.attach_internet_gateway, InternetGatewayId=igw, VpcId=vpc)
assert ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"][0]["Attachments"] == [{"State": "available", "VpcId": vpc}]
eip = ec2.allocate_address(Domain="vpc")
nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=eip["AllocationId"])["NatGateway"]
assert nat["State"] == "pending"
until("the NAT gateway", lambda: ec2.describe_nat_gateways(NatGatewayIds=[nat["NatGatewayId"]])["NatGateways"][0]["State"] == "available")
refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=eip["AllocationId"])
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
refused("RouteAlreadyExists", ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGatewayId"])
association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
found = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"][0]
assert {r["DestinationCidrBlock"]: r.get("NatGatewayId") for r in found["Routes"]} == {"10.0.0.0/16": None, "0.0.0.0/0": nat["NatGatewayId"]}
other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
association = ec2.replace_route_table_association(AssociationId=association, RouteTableId=other)["NewAssociationId"]

# Security groups.
group = ec2.create_security_group(GroupName="web", Description="the web", VpcId=vpc)["GroupId"]
refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="web", Description="again", VpcId=vpc)
https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "in"}], "UserIdGroupPairs": [{"GroupId": group}]}
rules = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])["SecurityGroupRules"]
assert len(rules) == 2
refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[https])
ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.2/32"}]}])
shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
assert shown["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8", "Description": "in"}] and shown["Description"] == "the web"
assert shown["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group and len(shown["IpPermissionsEgress"]) == 2
assert len(ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]) == 4
ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rules[0]["SecurityGroupRuleId"]])
refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[https])

# Endpoints.
gateway = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])["VpcEndpoint"]["VpcEndpointId"]
prefix = ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": ["*.s3"]}])["PrefixLists"][0]["PrefixListId"]
assert any(r.get("DestinationPrefixListId") == prefix and r["GatewayId"] == gateway for r in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"])
interface = ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.storagegateway", SubnetIds=[subnet], SecurityGroupIds=[group])["VpcEndpoint"]["VpcEndpointId"]
until("the endpoint", lambda: ec2.describe_vpc_endpoints(VpcEndpointIds=[interface])["VpcEndpoints"][0]["State"] == "available")
shown = ec2.describe_vpc_endpoints(VpcEndpointIds=[interface])["VpcEndpoints"][0]
assert shown["Groups"] == [{"GroupId": group, "GroupName": "web"}] and len(shown["NetworkInterfaceIds"]) == 1 and len(shown["DnsEntries"]) == 3, shown
refused("InvalidServiceName", ec2.create_vpc_endpoint, VpcId=vpc, ServiceName="com.amazonaws.us-east-1.nothing")
ec2.modify_vpc_endpoint(VpcEndpointId=gateway, AddRouteTableIds=[other], RemoveRouteTableIds=[table])
assert "com.amazonaws.us-east-1.ssm" in ec2.describe_vpc_endpoint_services()["ServiceNames"]

# Interfaces, instances, volumes.
eni = ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress="10.0.1.77", Description="spare")["NetworkInterface"]["NetworkInterfaceId"]
refused("InvalidIPAddress.InUse", ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.0.1.77")
ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": False})
assert ec2.describe_network_interfaces(Filters=[{"Name": "addresses.private-ip-address", "Values": ["10.0.1.77"]}])["NetworkInterfaces"][0]["SourceDestCheck"] is False
images = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-2023.*-x86_64"]}])["Images"]
image = max(images, key=lambda i: i["CreationDate"])["ImageId"]
assert client("ssm").get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")["Parameter"]["Value"] == image
key = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode()
ec2.import_key_pair(KeyName="lab", PublicKeyMaterial=f"ssh-ed25519 {key} me".encode())
assert ec2.describe_key_pairs(KeyNames=["lab"])["KeyPairs"][0]["KeyType"] == "ed25519"
made = ec2.run_instances(
    ImageId=image, InstanceType="c5.4xlarge", MinCount=2, MaxCount=2, KeyName="lab", SubnetId=subnet, SecurityGroupIds=[group],
    UserData="#!/bin/sh\ntrue", IamInstanceProfile={"Name": "role"}, TagSpecifications=spec("instance", "pair"),
    BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 150, "VolumeType": "io1", "Iops": 2000, "DeleteOnTermination": True}}])
ids = [i["InstanceId"] for i in made["Instances"]]
assert [i["State"]["Name"] for i in made["Instances"]] == ["pending", "pending"] and made["Instances"][0]["PublicIpAddress"]
until("the instances", lambda: len(ec2.describe_instance_status(InstanceIds=ids)["InstanceStatuses"]) == 2)
reservations = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["pair"]}, {"Name": "instance-state-name", "Values": ["running"]}])["Reservations"]
shown = reservations[0]["Instances"][0]
assert len(reservations) == 1 and shown["SecurityGroups"][0]["GroupName"] == "web" and len(shown["BlockDeviceMappings"]) == 2, shown
assert base64.b64decode(ec2.describe_instance_attribute(InstanceId=ids[0], Attribute="userData")["UserData"]["Value"]) == b"#!/bin/sh\ntrue"
volumes = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": ids}, {"Name": "volume-type", "Values": ["io1"]}])["Volumes"]
assert [(v["Size"], v["Iops"], v["State"]) for v in volumes] == [(150, 2000, "in-use")] * 2, volumes
ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=ids[0], DeviceIndex=1)
attachment = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]
refused("InvalidParameterValue", ec2.delete_network_interface, NetworkInterfaceId=eni)
ec2.detach_network_interface(AttachmentId=attachment)
eip2 = ec2.allocate_address(Domain="vpc")["AllocationId"]
mapping = ec2.associate_address(AllocationId=eip2, InstanceId=ids[0])["AssociationId"]
assert ec2.describe_addresses(AllocationIds=[eip2])["Addresses"][0]["InstanceId"] == ids[0]
ec2.disassociate_address(AssociationId=mapping)
ec2.release_address(AllocationId=eip2)
volume = ec2.create_volume(AvailabilityZone="us-east-1b", Size=10, VolumeType="gp3")["VolumeId"]
until("the volume", lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available")
ec2.attach_volume(VolumeId=volume, InstanceId=ids[1], Device="/dev/sdg")
refused("VolumeInUse", ec2.delete_volume, VolumeId=volume)
ec2.detach_volume(VolumeId=volume)
ec2.delete_volume(VolumeId=volume)
associations = ec2.describe_iam_instance_profile_associations(Filters=[{"Name": "instance-id", "Values": ids}])["IamInstanceProfileAssociations"]
assert len(associations) == 2
ec2.disassociate_iam_instance_profile(AssociationId=associations[0]["AssociationId"])
ec2.associate_iam_instance_profile(InstanceId=associations[0]["InstanceId"], IamInstanceProfile={"Name": "other"})
ec2.reboot_instances(InstanceIds=ids)
ec2.modify_instance_attribute(InstanceId=ids[0], DisableApiTermination={"Value": True})
refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[ids[0]])
ec2.modify_instance_attribute(InstanceId=ids[0], DisableApiTermination={"Value": False})
assert ec2.stop_instances(InstanceIds=ids)["StoppingInstances"][0]["CurrentState"]["Name"] == "stopping"
state = lambda: {i["State"]["Name"] for r in ec2.describe_instances(InstanceIds=ids)["Reservations"] for i in r["Instances"]}
until("the stop", lambda: state() == {"stopped"})
ec2.start_instances(InstanceIds=ids)
until("the start", lambda: state() == {"running"})
assert len(cli("ec2", "describe-instances", "--filters", "Name=tag:Name,Values=pa*")["Reservations"][0]["Instances"]) == 2

# Tags and pages.
ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "team", "Value": "a"}])
assert {t["ResourceId"] for t in ec2.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"]} == {vpc, subnet}
ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "team"}])
assert [t["ResourceId"] for t in ec2.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"]] == [subnet]
pages = list(ec2.get_paginator("describe_security_group_rules").paginate(PaginationConfig={"PageSize": 5}))
assert len(pages) > 1 and all(len(p["SecurityGroupRules"]) <= 5 for p in pages)
assert ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"][0]["IsDefault"] is True
assert ec2.describe_dhcp_options()["DhcpOptions"][0]["DhcpConfigurations"]

# ECS: a task is a process.
body = json.dumps({"shell:1": ["/bin/sh", "-c"]}).encode()
urllib.request.urlopen(urllib.request.Request(f"{endpoint}/_vaultscope/images", data=body, method="POST")).read()
ecs.create_cluster(clusterName="lab", settings=[{"name": "containerInsights", "value": "enabled"}], tags=[{"key": "k", "value": "v"}])
ecs.update_cluster(cluster="lab", settings=[{"name": "containerInsights", "value": "disabled"}])
ecs.put_cluster_capacity_providers(cluster="lab", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}])
assert ecs.describe_clusters(clusters=["lab", "none"], include=["TAGS"])["failures"][0]["reason"] == "MISSING"
assert len(ecs.list_clusters()["clusterArns"]) == 1
logs.create_log_group(logGroupName="/lab")
definition = dict(
    family="lab", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
    executionRoleArn="arn:aws:iam::000000000000:role/execution",
    containerDefinitions=[{
        "name": "main", "image": "shell:1", "command": ["echo out $GREETING; echo err >&2; exit 3"],
        "environment": [{"name": "GREETING", "value": "hello"}], "stopTimeout": 2,
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/lab", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}},
    }])
arn = ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
refused("ClientException", ecs.register_task_definition, **{**definition, "memory": "513"})
assert arn.endswith("task-definition/lab:1") and ecs.list_task_definitions(familyPrefix="lab")["taskDefinitionArns"] == [arn]
assert ecs.describe_task_definition(taskDefinition="lab")["taskDefinition"]["compatibilities"] == ["EC2", "FARGATE"]
assert ecs.list_task_definition_families()["families"] == ["lab"]
network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}}
run = lambda **more: ecs.run_task(cluster="lab", taskDefinition="lab", launchType="FARGATE", networkConfiguration=network, **more)["tasks"][0]["taskArn"]
task = run(overrides={"containerOverrides": [{"name": "main", "environment": [{"name": "GREETING", "value": "again"}]}]}, clientToken="t", startedBy="ci")
assert run(overrides={"containerOverrides": [{"name": "main", "environment": [{"name": "GREETING", "value": "again"}]}]}, clientToken="t", startedBy="ci") == task
ecs.get_waiter("tasks_stopped").wait(cluster="lab", tasks=[task], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
shown = ecs.describe_tasks(cluster="lab", tasks=[task])["tasks"][0]
assert (shown["stopCode"], shown["stoppedReason"], shown["containers"][0]["exitCode"]) == ("EssentialContainerExited", "Essential container in task exited", 3), shown
events = logs.get_log_events(logGroupName="/lab", logStreamName=f"p/main/{task.rsplit('/', 1)[1]}", startFromHead=True)["events"]
assert [e["message"] for e in events] == ["out again", "err"], events
long = run(overrides={"containerOverrides": [{"name": "main", "command": ["exec sleep 600"]}]})
until("the task", lambda: ecs.describe_tasks(cluster="lab", tasks=[long])["tasks"][0]["lastStatus"] == "RUNNING")
assert ecs.list_tasks(cluster="lab")["taskArns"] == [long]
refused("ClusterContainsTasksException", ecs.delete_cluster, cluster="lab")
refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnet)
ecs.stop_task(cluster="lab", task=long, reason="enough")
until("the stop", lambda: ecs.describe_tasks(cluster="lab", tasks=[long])["tasks"][0]["lastStatus"] == "STOPPED")
shown = ecs.describe_tasks(cluster="lab", tasks=[long])["tasks"][0]
assert (shown["stopCode"], shown["stoppedReason"], shown["containers"][0]["exitCode"]) == ("UserInitiated", "enough", 143), shown
ecs.register_task_definition(**{**definition, "containerDefinitions": [{**definition["containerDefinitions"][0], "image": "python:3.12"}]})
missing = run()
until("the end", lambda: ecs.describe_tasks(cluster="lab", tasks=[missing])["tasks"][0]["lastStatus"] == "STOPPED")
shown = ecs.describe_tasks(cluster="lab", tasks=[missing])["tasks"][0]
assert shown["stopCode"] == "TaskFailedToStart" and shown["stoppedReason"].startswith("CannotPullContainerError: pull image manifest"), shown
assert "exitCode" not in shown["containers"][0]
ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
assert ecs.deregister_task_definition(taskDefinition="lab:1")["taskDefinition"]["status"] == "INACTIVE"
assert len(cli("ecs", "list-tasks", "--cluster", "lab", "--desired-status", "STOPPED")["taskArns"]) == 3
assert ecs.delete_cluster(cluster="lab")["cluster"]["status"] == "INACTIVE"

# Everything goes again, in the one order in which it can.
assert [i["PreviousState"]["Name"] for i in ec2.terminate_instances(InstanceIds=ids)["TerminatingInstances"]] == ["running"] * 2
until("the end", lambda: state() == {"terminated"})
assert ec2.describe_volumes(VolumeIds=[])["Volumes"] == []
ec2.delete_key_pair(KeyName="lab")
ec2.delete_network_interface(NetworkInterfaceId=eni)
assert ec2.delete_vpc_endpoints(VpcEndpointIds=[gateway, interface])["Unsuccessful"] == []
refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnet)
ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
ec2.release_address(AllocationId=eip["AllocationId"])
refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
refused("DependencyViolation", ec2.delete_route_table, RouteTableId=other)
ec2.disassociate_route_table(AssociationId=association)
ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
for one in (table, other):
    ec2.delete_route_table(RouteTableId=one)
ec2.delete_subnet(SubnetId=subnet)
ec2.delete_security_group(GroupId=group)
ec2.detach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
ec2.delete_internet_gateway(InternetGatewayId=igw)
ec2.delete_vpc(VpcId=vpc)
refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc])
refused("DefaultVpcAlreadyExists", ec2.create_default_vpc)
for one in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [default["VpcId"]]}])["Subnets"]:
    ec2.delete_subnet(SubnetId=one["SubnetId"])
for one in ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [default["VpcId"]]}])["InternetGateways"]:
    ec2.detach_internet_gateway(InternetGatewayId=one["InternetGatewayId"], VpcId=default["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=one["InternetGatewayId"])
ec2.delete_vpc(VpcId=default["VpcId"])
made = ec2.create_default_vpc()["Vpc"]
assert made["IsDefault"] and made["CidrBlock"] == "172.31.0.0/16" and made["VpcId"] != default["VpcId"], made
assert len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [made["VpcId"]]}])["Subnets"]) == 3

print(f"boto3 called {len(called.succeeded)} operations of EC2, ECS and the logs of its tasks")
