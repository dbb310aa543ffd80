//! `AWS::EC2::VPC`, subnets, gateways, addresses, route tables and routes.

use serde_json::{Value, json};

use super::{creation, deleted, described, made, retag, settled, text};
use crate::emulator::services::cloudformation::resources::schema::{Property, Shape, TAGS, property};
use crate::emulator::services::cloudformation::resources::{Failure, Made, Request, provider};

const VPC: &[Property] = &[
    property("CidrBlock", Shape::Text).replaces(),
    property("EnableDnsHostnames", Shape::Flag),
    property("EnableDnsSupport", Shape::Flag),
    property("InstanceTenancy", Shape::Text),
    property("Tags", TAGS),
];

provider!(Vpc, "AWS::EC2::VPC", VPC, None, create_vpc, update_vpc, delete_vpc);

async fn create_vpc(request: Request<'_>) -> Result<Made, Failure> {
    let input = creation(request, &["CidrBlock", "InstanceTenancy"], "vpc");
    let created = request.call("ec2", "CreateVpc", input).await?;
    let id = text(&created["Vpc"]["VpcId"]);
    dns(request, &id).await.map_err(|failure| failure.after(&id))?;
    vpc(request, &id).await
}

async fn dns(request: Request<'_>, id: &str) -> Result<(), Failure> {
    for (name, default) in [("EnableDnsSupport", true), ("EnableDnsHostnames", false)] {
        let value = request.get(name).as_bool().unwrap_or(default);
        request.call("ec2", "ModifyVpcAttribute", json!({ "VpcId": id, name: { "Value": value } })).await?;
    }
    Ok(())
}

async fn vpc(request: Request<'_>, id: &str) -> Result<Made, Failure> {
    let found = described(request, "DescribeVpcs", "Vpcs", "VpcIds", id).await?;
    let mut vpc = made(id, &found, &[("VpcId", "/VpcId"), ("CidrBlock", "/CidrBlock")]);
    let blocks = found["CidrBlockAssociationSet"].as_array().into_iter().flatten();
    vpc = vpc.with("CidrBlockAssociations", blocks.map(|one| one["AssociationId"].clone()).collect::<Value>());
    vpc = vpc.with("Ipv6CidrBlocks", json!([]));
    for (attribute, operation, list, member) in [
        ("DefaultSecurityGroup", "DescribeSecurityGroups", "SecurityGroups", "GroupId"),
        ("DefaultNetworkAcl", "DescribeNetworkAcls", "NetworkAcls", "NetworkAclId"),
    ] {
        let name = if list == "NetworkAcls" { ("default", "true") } else { ("group-name", "default") };
        let filters = json!([{ "Name": "vpc-id", "Values": [id] }, { "Name": name.0, "Values": [name.1] }]);
        let answer = request.call("ec2", operation, json!({ "Filters": filters })).await?;
        vpc = vpc.with(attribute, answer[list][0][member].clone());
    }
    Ok(vpc)
}

async fn update_vpc(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    dns(request, id).await?;
    retag(request, id, before).await?;
    vpc(request, id).await
}

async fn delete_vpc(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteVpc", "VpcId", id).await
}

const SUBNET: &[Property] = &[
    property("AvailabilityZone", Shape::Text).replaces(),
    property("AvailabilityZoneId", Shape::Text).replaces(),
    property("CidrBlock", Shape::Text).replaces(),
    property("MapPublicIpOnLaunch", Shape::Flag),
    property("Tags", TAGS),
    property("VpcId", Shape::Text).required().replaces(),
];

provider!(Subnet, "AWS::EC2::Subnet", SUBNET, None, create_subnet, update_subnet, delete_subnet);

async fn create_subnet(request: Request<'_>) -> Result<Made, Failure> {
    let input = creation(request, &["AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "VpcId"], "subnet");
    let created = request.call("ec2", "CreateSubnet", input).await?;
    let id = text(&created["Subnet"]["SubnetId"]);
    map_public(request, &id).await.map_err(|failure| failure.after(&id))?;
    subnet(request, &id).await
}

async fn map_public(request: Request<'_>, id: &str) -> Result<(), Failure> {
    let value = request.get("MapPublicIpOnLaunch").as_bool().unwrap_or_default();
    let input = json!({ "SubnetId": id, "MapPublicIpOnLaunch": { "Value": value } });
    request.call("ec2", "ModifySubnetAttribute", input).await.map(drop)
}

async fn subnet(request: Request<'_>, id: &str) -> Result<Made, Failure> {
    let found = described(request, "DescribeSubnets", "Subnets", "SubnetIds", id).await?;
    let attributes = [
        ("SubnetId", "/SubnetId"),
        ("AvailabilityZone", "/AvailabilityZone"),
        ("AvailabilityZoneId", "/AvailabilityZoneId"),
        ("CidrBlock", "/CidrBlock"),
        ("VpcId", "/VpcId"),
    ];
    let filters = json!([{ "Name": "association.subnet-id", "Values": [id] }]);
    let acls = request.call("ec2", "DescribeNetworkAcls", json!({ "Filters": filters })).await?;
    let associations = acls["NetworkAcls"][0]["Associations"].as_array().into_iter().flatten();
    let own = associations.into_iter().find(|one| one["SubnetId"] == id);
    let association = own.map(|one| one["NetworkAclAssociationId"].clone()).unwrap_or_default();
    Ok(made(id, &found, &attributes).with("NetworkAclAssociationId", association).with("Ipv6CidrBlocks", json!([])))
}

async fn update_subnet(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    map_public(request, id).await?;
    retag(request, id, before).await?;
    subnet(request, id).await
}

async fn delete_subnet(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteSubnet", "SubnetId", id).await
}

const TAGGED: &[Property] = &[property("Tags", TAGS)];

provider!(
    InternetGateway,
    "AWS::EC2::InternetGateway",
    TAGGED,
    None,
    create_internet_gateway,
    update_internet_gateway,
    delete_internet_gateway
);

async fn create_internet_gateway(request: Request<'_>) -> Result<Made, Failure> {
    let created = request.call("ec2", "CreateInternetGateway", creation(request, &[], "internet-gateway")).await?;
    Ok(internet_gateway(&text(&created["InternetGateway"]["InternetGatewayId"])))
}

fn internet_gateway(id: &str) -> Made {
    Made::new(id).with("InternetGatewayId", id)
}

async fn update_internet_gateway(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    retag(request, id, before).await?;
    Ok(internet_gateway(id))
}

async fn delete_internet_gateway(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteInternetGateway", "InternetGatewayId", id).await
}

const ATTACHMENT: &[Property] = &[
    property("InternetGatewayId", Shape::Text).required().replaces(),
    property("VpcId", Shape::Text).required().replaces(),
];

provider!(
    VpcGatewayAttachment,
    "AWS::EC2::VPCGatewayAttachment",
    ATTACHMENT,
    None,
    attach_gateway,
    keep_attachment,
    detach_gateway
);

fn attachment(request: Request<'_>) -> Made {
    Made::new(format!("IGW|{}", request.text("VpcId"))).with("AttachmentType", "IGW")
}

async fn attach_gateway(request: Request<'_>) -> Result<Made, Failure> {
    let input = request.members(&["InternetGatewayId", "VpcId"]);
    request.call("ec2", "AttachInternetGateway", input).await?;
    Ok(attachment(request))
}

async fn keep_attachment(request: Request<'_>, _: &str, _: &Value) -> Result<Made, Failure> {
    Ok(attachment(request))
}

async fn detach_gateway(request: Request<'_>, _: &str) -> Result<(), Failure> {
    let input = request.members(&["InternetGatewayId", "VpcId"]);
    request.call("ec2", "DetachInternetGateway", input).await.map(drop)
}

const EIP: &[Property] =
    &[property("Domain", Shape::Text), property("InstanceId", Shape::Text), property("Tags", TAGS)];

provider!(Eip, "AWS::EC2::EIP", EIP, None, create_eip, update_eip, delete_eip);

async fn create_eip(request: Request<'_>) -> Result<Made, Failure> {
    let created = request.call("ec2", "AllocateAddress", creation(request, &["Domain"], "elastic-ip")).await?;
    let (address, allocation) = (text(&created["PublicIp"]), text(&created["AllocationId"]));
    if !request.text("InstanceId").is_empty() {
        let input = json!({ "AllocationId": allocation, "InstanceId": request.text("InstanceId") });
        request.call("ec2", "AssociateAddress", input).await.map_err(|failure| failure.after(&address))?;
    }
    Ok(Made::new(address.as_str()).with("AllocationId", allocation).with("PublicIp", address))
}

async fn update_eip(request: Request<'_>, address: &str, before: &Value) -> Result<Made, Failure> {
    let found = described(request, "DescribeAddresses", "Addresses", "PublicIps", address).await?;
    let allocation = text(&found["AllocationId"]);
    if before.get("InstanceId") != request.properties.get("InstanceId") {
        if found.get("AssociationId").is_some() {
            let input = json!({ "AssociationId": found["AssociationId"] });
            request.call("ec2", "DisassociateAddress", input).await?;
        }
        if !request.text("InstanceId").is_empty() {
            let input = json!({ "AllocationId": allocation, "InstanceId": request.text("InstanceId") });
            request.call("ec2", "AssociateAddress", input).await?;
        }
    }
    retag(request, &allocation, before).await?;
    Ok(Made::new(address).with("AllocationId", allocation).with("PublicIp", address))
}

async fn delete_eip(request: Request<'_>, address: &str) -> Result<(), Failure> {
    let found = described(request, "DescribeAddresses", "Addresses", "PublicIps", address).await?;
    if !request.text("InstanceId").is_empty() && found.get("AssociationId").is_some() {
        let input = json!({ "AssociationId": found["AssociationId"] });
        request.call("ec2", "DisassociateAddress", input).await?;
    }
    request.call("ec2", "ReleaseAddress", json!({ "AllocationId": found["AllocationId"] })).await.map(drop)
}

const EIP_ASSOCIATION: &[Property] = &[
    property("AllocationId", Shape::Text).replaces(),
    property("InstanceId", Shape::Text).replaces(),
    property("NetworkInterfaceId", Shape::Text).replaces(),
    property("PrivateIpAddress", Shape::Text).replaces(),
];

provider!(
    EipAssociation,
    "AWS::EC2::EIPAssociation",
    EIP_ASSOCIATION,
    None,
    associate_eip,
    keep_eip_association,
    disassociate_eip
);

async fn associate_eip(request: Request<'_>) -> Result<Made, Failure> {
    let input = request.members(&["AllocationId", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"]);
    let made = request.call("ec2", "AssociateAddress", input).await?;
    let id = text(&made["AssociationId"]);
    Ok(Made::new(id.as_str()).with("Id", id))
}

async fn keep_eip_association(_: Request<'_>, id: &str, _: &Value) -> Result<Made, Failure> {
    Ok(Made::new(id).with("Id", id))
}

async fn disassociate_eip(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DisassociateAddress", "AssociationId", id).await
}

const NAT: &[Property] = &[
    property("AllocationId", Shape::Text).replaces(),
    property("ConnectivityType", Shape::Text).replaces(),
    property("PrivateIpAddress", Shape::Text).replaces(),
    property("SubnetId", Shape::Text).required().replaces(),
    property("Tags", TAGS),
];

provider!(NatGateway, "AWS::EC2::NatGateway", NAT, None, create_nat, update_nat, delete_nat);

fn nat(id: &str, found: &Value) -> Made {
    let attributes = [
        ("NatGatewayId", "/NatGatewayId"),
        ("EniId", "/NatGatewayAddresses/0/NetworkInterfaceId"),
        ("VpcId", "/VpcId"),
    ];
    made(id, found, &attributes)
}

async fn create_nat(request: Request<'_>) -> Result<Made, Failure> {
    let input = creation(request, &["AllocationId", "ConnectivityType", "PrivateIpAddress", "SubnetId"], "natgateway");
    let created = request.call("ec2", "CreateNatGateway", input).await?;
    let id = text(&created["NatGateway"]["NatGatewayId"]);
    let look = ["DescribeNatGateways", "NatGateways", "NatGatewayIds"];
    let found = settled(request, look, &id, ("/State", "pending")).await.map_err(|failure| failure.after(&id))?;
    Ok(nat(&id, &found))
}

async fn update_nat(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    retag(request, id, before).await?;
    Ok(nat(id, &described(request, "DescribeNatGateways", "NatGateways", "NatGatewayIds", id).await?))
}

async fn delete_nat(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteNatGateway", "NatGatewayId", id).await
}

const TABLE: &[Property] = &[property("Tags", TAGS), property("VpcId", Shape::Text).required().replaces()];

provider!(RouteTable, "AWS::EC2::RouteTable", TABLE, None, create_table, update_table, delete_table);

async fn create_table(request: Request<'_>) -> Result<Made, Failure> {
    let created = request.call("ec2", "CreateRouteTable", creation(request, &["VpcId"], "route-table")).await?;
    let id = text(&created["RouteTable"]["RouteTableId"]);
    Ok(Made::new(id.as_str()).with("RouteTableId", id))
}

async fn update_table(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    retag(request, id, before).await?;
    Ok(Made::new(id).with("RouteTableId", id))
}

async fn delete_table(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteRouteTable", "RouteTableId", id).await
}

const ROUTE: &[Property] = &[
    property("DestinationCidrBlock", Shape::Text).replaces(),
    property("DestinationPrefixListId", Shape::Text).replaces(),
    property("GatewayId", Shape::Text),
    property("InstanceId", Shape::Text),
    property("NatGatewayId", Shape::Text),
    property("NetworkInterfaceId", Shape::Text),
    property("RouteTableId", Shape::Text).required().replaces(),
];

provider!(Route, "AWS::EC2::Route", ROUTE, None, create_route, update_route, delete_route);

fn route(request: Request<'_>) -> Made {
    let place = match request.text("DestinationCidrBlock") {
        "" => request.text("DestinationPrefixListId"),
        block => block,
    };
    Made::new(format!("{}|{place}", request.text("RouteTableId")))
        .with("CidrBlock", request.text("DestinationCidrBlock"))
}

async fn create_route(request: Request<'_>) -> Result<Made, Failure> {
    request.call("ec2", "CreateRoute", request.properties.clone()).await?;
    Ok(route(request))
}

async fn update_route(request: Request<'_>, _: &str, _: &Value) -> Result<Made, Failure> {
    request.call("ec2", "ReplaceRoute", request.properties.clone()).await?;
    Ok(route(request))
}

async fn delete_route(request: Request<'_>, _: &str) -> Result<(), Failure> {
    let input = request.members(&["DestinationCidrBlock", "DestinationPrefixListId", "RouteTableId"]);
    request.call("ec2", "DeleteRoute", input).await.map(drop)
}

const ASSOCIATION: &[Property] =
    &[property("RouteTableId", Shape::Text).required(), property("SubnetId", Shape::Text).required().replaces()];

provider!(
    SubnetRouteTableAssociation,
    "AWS::EC2::SubnetRouteTableAssociation",
    ASSOCIATION,
    None,
    associate_table,
    replace_table,
    disassociate_table
);

async fn associate_table(request: Request<'_>) -> Result<Made, Failure> {
    let made = request.call("ec2", "AssociateRouteTable", request.properties.clone()).await?;
    let id = text(&made["AssociationId"]);
    Ok(Made::new(id.as_str()).with("Id", id))
}

async fn replace_table(request: Request<'_>, id: &str, _: &Value) -> Result<Made, Failure> {
    let input = json!({ "AssociationId": id, "RouteTableId": request.text("RouteTableId") });
    let made = request.call("ec2", "ReplaceRouteTableAssociation", input).await?;
    let id = text(&made["NewAssociationId"]);
    Ok(Made::new(id.as_str()).with("Id", id))
}

async fn disassociate_table(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DisassociateRouteTable", "AssociationId", id).await
}
