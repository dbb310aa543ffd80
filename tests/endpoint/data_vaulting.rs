//! The stack with the gateway and its client, deployed on the endpoint and read back.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::operation::describe_stack_events::DescribeStackEventsOutput;
use aws_sdk_cloudformation::types::{Capability, OnFailure, Stack, StackEvent, StackStatus};
use serde_json::{Value, json};
use vaultscope::deploy::DATA_VAULTING;
use vaultscope::emulator::{Emulator, ServiceError};

use crate::support::{start, wait_for};

async fn call(emulator: &Emulator, service: &str, operation: &str, input: Value) -> Result<Value, ServiceError> {
    emulator.fabric().call("test", service, operation, input).await
}

async fn ec2(emulator: &Emulator, operation: &str, filter: &str, value: &str) -> Value {
    let input = json!({ "Filters": [{ "Name": filter, "Values": [value] }] });
    call(emulator, "ec2", operation, input).await.expect(operation)
}

async fn parameter(emulator: &Emulator, name: &str) -> Option<String> {
    let answer = call(emulator, "ssm", "GetParameter", json!({ "Name": name })).await.ok()?;
    answer["Parameter"]["Value"].as_str().map(str::to_owned)
}

async fn create(cloudformation: &Client) -> Result<(), String> {
    let created = cloudformation
        .create_stack()
        .stack_name(DATA_VAULTING.stack)
        .template_body(DATA_VAULTING.text)
        .capabilities(Capability::CapabilityIam)
        .on_failure(OnFailure::DoNothing)
        .send()
        .await;
    created.map(drop).map_err(|error| format!("{:?}", error.into_service_error()))
}

/// The stack in a status that lasts; `None` when there is none.
async fn settled(cloudformation: &Client) -> Option<Stack> {
    wait_for("an end of the change", async || {
        let Ok(answer) = cloudformation.describe_stacks().stack_name(DATA_VAULTING.stack).send().await else {
            return Some(None);
        };
        let stack = answer.stacks().first()?.clone();
        let lasts = !stack.stack_status()?.as_str().ends_with("IN_PROGRESS");
        lasts.then_some(Some(stack))
    })
    .await
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Ports and where they are open to, of a security group.
fn open(group: &Value) -> Vec<(i64, i64, String)> {
    let mut all = Vec::new();
    for rule in group["IpPermissions"].as_array().into_iter().flatten() {
        let ports = |from: &str| (rule["FromPort"].as_i64(), rule["ToPort"].as_i64(), from.to_owned());
        let cidrs = rule["IpRanges"].as_array().into_iter().flatten().map(|range| ports(text(range, "/CidrIp")));
        let groups = rule["UserIdGroupPairs"].as_array().into_iter().flatten();
        for (from, to, source) in cidrs.chain(groups.map(|pair| ports(text(pair, "/GroupId")))) {
            all.push((from.unwrap_or(-1), to.unwrap_or(-1), source));
        }
    }
    all.sort_unstable();
    all
}

#[tokio::test]
async fn the_workshops_network_stands_as_its_table_says_and_goes_again() {
    let (emulator, config) = start().await;
    let cloudformation = Client::new(&config);
    let refused = create(&cloudformation).await.expect_err("the event processing stack is not there");
    assert!(refused.contains("fileUploadBucketName"), "{refused}");
    let bucket = "eventprocessingstack-fileuploadbucket-test";
    let put = json!({ "Name": "fileUploadBucketName", "Type": "String", "Value": bucket });
    call(&emulator, "ssm", "PutParameter", put).await.expect("a parameter");
    create(&cloudformation).await.expect("accepted");
    let stack = settled(&cloudformation).await.expect("a stack");
    let events = cloudformation.describe_stack_events().stack_name(DATA_VAULTING.stack).send().await;
    let reasons: Vec<_> = events
        .iter()
        .flat_map(DescribeStackEventsOutput::stack_events)
        .filter_map(StackEvent::resource_status_reason)
        .collect();
    assert_eq!(stack.stack_status().map(StackStatus::as_str), Some("CREATE_COMPLETE"), "{reasons:?}");
    let output = |key: &str| {
        let found = stack.outputs().iter().find(|output| output.output_key() == Some(key));
        found.and_then(|output| output.output_value()).unwrap_or_else(|| panic!("no output {key}")).to_owned()
    };
    assert_eq!(output("fileUploadBucketName"), bucket);
    assert_eq!(output("gatewayIpAddress"), "192.168.1.10");
    for name in ["cdkApplicationScriptsBucketName", "dataVaultingStackVpcEndpointId"] {
        assert_eq!(parameter(&emulator, name).await.as_deref(), Some(output(name).as_str()));
    }

    let vpcs = ec2(&emulator, "DescribeVpcs", "cidr", "192.168.0.0/16").await;
    let vpc = text(&vpcs, "/Vpcs/0/VpcId").to_owned();
    let subnets = ec2(&emulator, "DescribeSubnets", "vpc-id", &vpc).await;
    let subnets = subnets["Subnets"].as_array().expect("subnets");
    let mut cidrs: Vec<_> = subnets.iter().map(|subnet| text(subnet, "/CidrBlock")).collect();
    cidrs.sort_unstable();
    assert_eq!(cidrs, ["192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"]);
    assert!(subnets.iter().all(|subnet| subnet["AvailabilityZone"] == subnets[0]["AvailabilityZone"]));

    let groups = ec2(&emulator, "DescribeSecurityGroups", "vpc-id", &vpc).await;
    let groups = groups["SecurityGroups"].as_array().expect("groups");
    let group = |described: &str| groups.iter().find(|it| it["Description"] == described).expect(described);
    let id = |described: &str| text(group(described), "/GroupId").to_owned();
    let (client, gateway) = (id("File Gateway client"), id("File Gateway"));
    let everywhere = "192.168.0.0/16".to_owned();
    assert_eq!(open(group("File Gateway client")), []);
    assert_eq!(open(group("File Gateway")), [(80, 80, client.clone()), (2_049, 2_049, client.clone())]);
    assert_eq!(
        open(group("VPC endpoint of AWS Storage Gateway")),
        [
            (443, 443, everywhere.clone()),
            (1_026, 1_028, gateway.clone()),
            (1_031, 1_031, gateway.clone()),
            (2_222, 2_222, gateway.clone()),
        ]
    );
    assert_eq!(open(group("VPC endpoints of Amazon EC2 and AWS Systems Manager")), [(443, 443, everywhere)]);

    let endpoints = ec2(&emulator, "DescribeVpcEndpoints", "vpc-id", &vpc).await;
    let endpoints = endpoints["VpcEndpoints"].as_array().expect("endpoints");
    let mut services: Vec<_> = endpoints
        .iter()
        .map(|it| (text(it, "/ServiceName").rsplit('.').next().unwrap_or_default(), text(it, "/VpcEndpointType")))
        .collect();
    services.sort_unstable();
    let interface = |service| (service, "Interface");
    let all = ["ec2", "ec2messages"].map(interface).into_iter().chain([("s3", "Gateway")]);
    let all: Vec<_> = all.chain(["ssm", "ssmmessages", "storagegateway"].map(interface)).collect();
    assert_eq!(services, all);
    let activation = output("dataVaultingStackVpcEndpointId");
    let activation = endpoints.iter().find(|it| it["VpcEndpointId"] == activation).expect("the endpoint");
    assert!(text(activation, "/ServiceName").ends_with(".storagegateway"), "{activation}");

    for (key, ip, groups, name) in [
        ("clientInstanceId", "192.168.0.10", &client, "CDK App - File Gateway Client"),
        ("gatewayInstanceId", "192.168.1.10", &gateway, "CDK App - File Gateway"),
    ] {
        let described = ec2(&emulator, "DescribeInstances", "instance-id", &output(key)).await;
        let instance = &described["Reservations"][0]["Instances"][0];
        assert_eq!(text(instance, "/State/Name"), "running");
        assert_eq!(text(instance, "/InstanceType"), "c5.4xlarge");
        assert_eq!(text(instance, "/PrivateIpAddress"), ip);
        assert_eq!(text(instance, "/SecurityGroups/0/GroupId"), groups);
        assert!(instance["Tags"].as_array().into_iter().flatten().any(|tag| tag["Value"] == name), "{instance}");
        let image = ec2(&emulator, "DescribeImages", "image-id", text(instance, "/ImageId")).await;
        let wanted = if key == "gatewayInstanceId" { "aws-storage-gateway-FILE_S3-" } else { "al2023-ami-2023." };
        assert!(text(&image, "/Images/0/Name").starts_with(wanted), "{image}");
        let volumes = ec2(&emulator, "DescribeVolumes", "attachment.instance-id", &output(key)).await;
        let volumes = volumes["Volumes"].as_array().into_iter().flatten();
        let data: Vec<_> = volumes.into_iter().filter(|it| text(it, "/Attachments/0/Device") == "/dev/sdf").collect();
        assert_eq!(data.len(), 1, "{data:?}");
        assert_eq!((&data[0]["Size"], &data[0]["Iops"]), (&json!(150), &json!(2_000)));
        assert_eq!(text(data[0], "/VolumeType"), "io1");
    }

    cloudformation.delete_stack().stack_name(DATA_VAULTING.stack).send().await.expect("accepted");
    assert!(
        settled(&cloudformation)
            .await
            .is_none_or(|stack| { stack.stack_status().is_some_and(|status| status.as_str() == "DELETE_COMPLETE") })
    );
    let left = ec2(&emulator, "DescribeVpcs", "cidr", "192.168.0.0/16").await;
    assert_eq!(left["Vpcs"].as_array().map(Vec::len), Some(0), "{left}");
    assert_eq!(parameter(&emulator, "dataVaultingStackVpcEndpointId").await, None);
    emulator.shutdown().await;
}
