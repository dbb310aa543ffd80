//! Amazon EC2 and the stacks that are made of it: a VPC with endpoints and instances, and a cluster with a task definition.

use std::time::Duration;

use serde_json::{Value, json};
use vaultscope::clock::real_now;
use vaultscope::emulator::{Emulator, ServiceError};

use crate::support::start;

const LIMIT: Duration = Duration::from_secs(60);

async fn call(emulator: &Emulator, service: &str, operation: &str, input: Value) -> Result<Value, ServiceError> {
    emulator.fabric().call("test", service, operation, input).await
}

async fn ec2(emulator: &Emulator, operation: &str, input: Value) -> Value {
    call(emulator, "ec2", operation, input).await.expect(operation)
}

/// The stack once it is in a state that lasts.
async fn settled(emulator: &Emulator, stack: &str) -> Value {
    let began = real_now();
    loop {
        let answer = call(emulator, "cloudformation", "DescribeStacks", json!({"StackName": stack})).await;
        let shown = answer.expect("a stack")["Stacks"][0].clone();
        if !shown["StackStatus"].as_str().is_some_and(|status| status.ends_with("IN_PROGRESS")) {
            return shown;
        }
        assert!(began.elapsed() < LIMIT, "{shown}");
        tokio::task::yield_now().await;
    }
}

async fn problems(emulator: &Emulator, stack: &str) -> Vec<String> {
    let answer = call(emulator, "cloudformation", "DescribeStackEvents", json!({"StackName": stack})).await;
    let answer = answer.expect("events");
    let events = answer["StackEvents"].as_array().into_iter().flatten();
    let failed =
        events.filter(|event| event["ResourceStatus"].as_str().is_some_and(|status| status.contains("FAILED")));
    failed.map(|event| format!("{}: {}", event["LogicalResourceId"], event["ResourceStatusReason"])).collect()
}

fn output(stack: &Value, key: &str) -> String {
    let outputs = stack["Outputs"].as_array().into_iter().flatten();
    let found = outputs.into_iter().find(|output| output["OutputKey"] == key);
    found.map(|output| output["OutputValue"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
}

const VAULT: &str = r"
Parameters:
  Image: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64}
  Size: {Type: String, Default: c5.4xlarge}
Resources:
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 192.168.0.0/16, EnableDnsHostnames: true, EnableDnsSupport: true, Tags: [{Key: Name, Value: vault}]}}
  Client: {Type: 'AWS::EC2::Subnet', Properties: {VpcId: !Ref Vpc, AvailabilityZone: !Select [0, !GetAZs ''], CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 3, 8]]}}
  Gateway: {Type: 'AWS::EC2::Subnet', Properties: {VpcId: !Ref Vpc, AvailabilityZone: !Select [0, !GetAZs ''], CidrBlock: !Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 3, 8]]}}
  Table: {Type: 'AWS::EC2::RouteTable', Properties: {VpcId: !Ref Vpc}}
  ClientTable: {Type: 'AWS::EC2::SubnetRouteTableAssociation', Properties: {RouteTableId: !Ref Table, SubnetId: !Ref Client}}
  S3: {Type: 'AWS::EC2::VPCEndpoint', Properties: {VpcId: !Ref Vpc, ServiceName: !Sub 'com.amazonaws.${AWS::Region}.s3', RouteTableIds: [!Ref Table]}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: storage gateway
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 1026, ToPort: 1028, CidrIp: !GetAtt Gateway.CidrBlock}
        - {IpProtocol: tcp, FromPort: 2222, ToPort: 2222, CidrIp: !GetAtt Gateway.CidrBlock}
      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]
  FromClient: {Type: 'AWS::EC2::SecurityGroupIngress', Properties: {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 2049, ToPort: 2049, SourceSecurityGroupId: !GetAtt Group.GroupId}}
  Endpoint: {Type: 'AWS::EC2::VPCEndpoint', Properties: {VpcId: !Ref Vpc, VpcEndpointType: Interface, PrivateDnsEnabled: true, ServiceName: !Sub 'com.amazonaws.${AWS::Region}.storagegateway', SubnetIds: [!Ref Gateway], SecurityGroupIds: [!Ref Group]}}
  Role: {Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}}}
  Profile: {Type: 'AWS::IAM::InstanceProfile', Properties: {Roles: [!Ref Role]}}
  Instance:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      InstanceType: !Ref Size
      SubnetId: !Ref Gateway
      PrivateIpAddress: 192.168.1.10
      SecurityGroupIds: [!Ref Group]
      IamInstanceProfile: !Ref Profile
      UserData: !Base64 '#!/bin/sh'
      BlockDeviceMappings: [{DeviceName: /dev/sdf, Ebs: {VolumeSize: 150, VolumeType: io1, Iops: 2000}}]
      Tags: [{Key: Name, Value: gateway}]
  Volume: {Type: 'AWS::EC2::Volume', Properties: {AvailabilityZone: !GetAtt Instance.AvailabilityZone, Size: 20, VolumeType: gp3}}
  Attached: {Type: 'AWS::EC2::VolumeAttachment', Properties: {Device: /dev/sdg, InstanceId: !Ref Instance, VolumeId: !Ref Volume}}
  Spare: {Type: 'AWS::EC2::NetworkInterface', Properties: {SubnetId: !Ref Client, GroupSet: [!Ref Group]}}
  Internet: {Type: 'AWS::EC2::InternetGateway'}
  InternetAttached: {Type: 'AWS::EC2::VPCGatewayAttachment', Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Internet}}
  Address: {Type: 'AWS::EC2::EIP', DependsOn: InternetAttached, Properties: {Domain: vpc}}
  Nat: {Type: 'AWS::EC2::NatGateway', Properties: {SubnetId: !Ref Gateway, AllocationId: !GetAtt Address.AllocationId}}
  Default: {Type: 'AWS::EC2::Route', Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}}
Outputs:
  Instance: {Value: !Ref Instance}
  Ip: {Value: !GetAtt Instance.PrivateIp}
  Vpc: {Value: !Ref Vpc}
  Group: {Value: !Ref Group}
  Names: {Value: !Select [0, !GetAtt Endpoint.DnsEntries]}
";

#[tokio::test]
async fn a_vpc_with_endpoints_and_instances_is_made_changed_and_deleted() {
    let (emulator, _) = start().await;
    let create = json!({"StackName": "vault", "TemplateBody": VAULT, "Capabilities": ["CAPABILITY_IAM"]});
    call(&emulator, "cloudformation", "CreateStack", create).await.expect("accepted");
    let stack = settled(&emulator, "vault").await;
    assert_eq!(stack["StackStatus"], "CREATE_COMPLETE", "{:?}", problems(&emulator, "vault").await);
    assert_eq!(output(&stack, "Ip"), "192.168.1.10");
    assert!(
        output(&stack, "Names").contains("storagegateway.us-east-1.vpce.amazonaws.com"),
        "{}",
        output(&stack, "Names")
    );
    let instance = output(&stack, "Instance");
    let described = ec2(&emulator, "DescribeInstances", json!({"InstanceIds": [instance]})).await;
    let shown = &described["Reservations"][0]["Instances"][0];
    assert_eq!((&shown["State"]["Name"], &shown["InstanceType"]), (&json!("running"), &json!("c5.4xlarge")));
    assert_eq!(shown["BlockDeviceMappings"].as_array().map(Vec::len), Some(3));
    assert!(
        shown["IamInstanceProfile"]["Arn"].as_str().is_some_and(|arn| arn.contains(":instance-profile/vault-Profile-"))
    );
    let tagged = json!({"Filters": [{"Name": "tag:aws:cloudformation:stack-name", "Values": ["*"]}]});
    let _ = ec2(&emulator, "DescribeVpcs", tagged).await;
    let group = json!({"GroupIds": [output(&stack, "Group")]});
    let before = ec2(&emulator, "DescribeSecurityGroups", group.clone()).await;
    assert_eq!(before["SecurityGroups"][0]["IpPermissions"].as_array().map(Vec::len), Some(3));
    assert_eq!(before["SecurityGroups"][0]["IpPermissionsEgress"].as_array().map(Vec::len), Some(1));

    let changed = VAULT.replace("ToPort: 1028", "ToPort: 1031").replace("Value: gateway", "Value: renamed");
    let update = json!({"StackName": "vault", "TemplateBody": changed, "Capabilities": ["CAPABILITY_IAM"]});
    call(&emulator, "cloudformation", "UpdateStack", update).await.expect("accepted");
    let stack = settled(&emulator, "vault").await;
    assert_eq!(stack["StackStatus"], "UPDATE_COMPLETE", "{:?}", problems(&emulator, "vault").await);
    assert_eq!(output(&stack, "Instance"), instance);
    let after = ec2(&emulator, "DescribeSecurityGroups", group).await;
    let ports = after["SecurityGroups"][0]["IpPermissions"].as_array().into_iter().flatten();
    assert!(ports.into_iter().any(|one| one["ToPort"] == 1_031), "{after}");
    let named = json!({"Filters": [{"Name": "tag:Name", "Values": ["renamed"]}]});
    assert_eq!(ec2(&emulator, "DescribeInstances", named).await["Reservations"].as_array().map(Vec::len), Some(1));

    call(&emulator, "cloudformation", "DeleteStack", json!({"StackName": "vault"})).await.expect("accepted");
    let id = stack["StackId"].as_str().expect("an id");
    let stack = settled(&emulator, id).await;
    assert_eq!(stack["StackStatus"], "DELETE_COMPLETE", "{:?}", problems(&emulator, id).await);
    let vpcs = ec2(&emulator, "DescribeVpcs", json!({})).await;
    assert_eq!(vpcs["Vpcs"].as_array().map(Vec::len), Some(1), "the default one is left");
    for (operation, list) in [
        ("DescribeVolumes", "Volumes"),
        ("DescribeNetworkInterfaces", "NetworkInterfaces"),
        ("DescribeAddresses", "Addresses"),
        ("DescribeVpcEndpoints", "VpcEndpoints"),
    ] {
        assert_eq!(ec2(&emulator, operation, json!({})).await[list], json!([]), "{operation}");
    }
    emulator.shutdown().await;
}

const CLUSTER: &str = r"
Resources:
  Cluster: {Type: 'AWS::ECS::Cluster', Properties: {ClusterSettings: [{Name: containerInsights, Value: enabled}]}}
  Providers: {Type: 'AWS::ECS::ClusterCapacityProviderAssociations', Properties: {Cluster: !Ref Cluster, CapacityProviders: [FARGATE], DefaultCapacityProviderStrategy: [{CapacityProvider: FARGATE, Weight: 1}]}}
  Logs: {Type: 'AWS::Logs::LogGroup'}
  Role: {Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}}}
  Definition:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: 1024
      Memory: 2048
      ExecutionRoleArn: !GetAtt Role.Arn
      TaskRoleArn: !GetAtt Role.Arn
      ContainerDefinitions:
        - Name: s3tar
          Image: !Sub '${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/s3tar:latest'
          Environment: [{Name: SOURCE_BUCKET_NAME, Value: bucket}]
          DockerLabels: {Team: a}
          LogConfiguration: {LogDriver: awslogs, Options: {awslogs-group: !Ref Logs, awslogs-region: !Ref AWS::Region, awslogs-stream-prefix: s3tar}}
Outputs:
  Cluster: {Value: !GetAtt Cluster.Arn}
  Definition: {Value: !Ref Definition}
";

#[tokio::test]
async fn a_cluster_with_a_task_definition_is_made_and_deleted() {
    let (emulator, _) = start().await;
    let create = json!({"StackName": "s3-tar", "TemplateBody": CLUSTER, "Capabilities": ["CAPABILITY_IAM"]});
    call(&emulator, "cloudformation", "CreateStack", create).await.expect("accepted");
    let stack = settled(&emulator, "s3-tar").await;
    assert_eq!(stack["StackStatus"], "CREATE_COMPLETE", "{:?}", problems(&emulator, "s3-tar").await);
    let arn = output(&stack, "Definition");
    assert!(arn.contains(":task-definition/s3tarDefinition") && arn.ends_with(":1"), "{arn}");
    let described = call(&emulator, "ecs", "DescribeTaskDefinition", json!({"taskDefinition": arn})).await;
    let described = described.expect("a definition");
    let container = &described["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(container["environment"], json!([{"name": "SOURCE_BUCKET_NAME", "value": "bucket"}]));
    assert_eq!(container["dockerLabels"], json!({"Team": "a"}));
    assert!(
        container["logConfiguration"]["options"]["awslogs-group"]
            .as_str()
            .is_some_and(|name| name.starts_with("s3-tar-Logs-"))
    );
    let id = stack["StackId"].as_str().expect("an id");
    call(&emulator, "cloudformation", "DeleteStack", json!({"StackName": id})).await.expect("accepted");
    assert_eq!(settled(&emulator, id).await["StackStatus"], "DELETE_COMPLETE", "{:?}", problems(&emulator, id).await);
    let left = call(&emulator, "ecs", "ListClusters", json!({})).await.expect("clusters");
    assert_eq!(left["clusterArns"], json!([]));
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_in_use_or_unknown_is_refused_as_ec2_words_it() {
    let (emulator, _) = start().await;
    let vpcs = ec2(&emulator, "DescribeVpcs", json!({})).await;
    let vpc = &vpcs["Vpcs"][0]["VpcId"];
    for (operation, input, code, words) in [
        ("DeleteVpc", json!({"VpcId": vpc}), "DependencyViolation", "has dependencies and cannot be deleted."),
        (
            "DeleteVpc",
            json!({"VpcId": "vpc-0123456789abcdef0"}),
            "InvalidVpcID.NotFound",
            "The vpc ID 'vpc-0123456789abcdef0' does not exist",
        ),
        ("DeleteVpc", json!({}), "MissingParameter", "The request must contain the parameter vpcId"),
        ("CreateVpc", json!({"CidrBlock": "10.0.0.0/8"}), "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
        (
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16", "DryRun": true}),
            "DryRunOperation",
            "Request would have succeeded",
        ),
        (
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16", "Ipv6Pool": "p"}),
            "UnknownParameter",
            "The parameter Ipv6Pool is not recognized",
        ),
        (
            "DescribeVpcs",
            json!({"Filters": [{"Name": "x", "Values": ["y"]}]}),
            "InvalidParameterValue",
            "The filter 'x' is invalid",
        ),
        ("DescribeVpcs", json!({"MaxResults": 1}), "InvalidParameterValue", "Expecting a value greater than 5."),
        (
            "CreateSubnet",
            json!({"VpcId": vpc, "CidrBlock": "172.31.0.0/24"}),
            "InvalidSubnet.Conflict",
            "conflicts with another subnet",
        ),
        (
            "RunInstances",
            json!({"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}),
            "InvalidAMIID.NotFound",
            "does not exist",
        ),
    ] {
        let refused = call(&emulator, "ec2", operation, input).await.expect_err(words);
        assert_eq!(refused.code, code, "{refused}");
        assert!(refused.message.contains(words), "{refused}");
    }
    assert_eq!(ec2(&emulator, "DescribeVpcs", json!({})).await["Vpcs"].as_array().map(Vec::len), Some(1));
    let lacking = call(&emulator, "ec2", "CreateFleet", json!({})).await.expect_err("lacking");
    assert_eq!(lacking.status.as_u16(), 501);
    emulator.shutdown().await;
}
