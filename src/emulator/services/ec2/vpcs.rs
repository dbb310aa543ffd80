//! VPCs and subnets, and what a VPC is born with: a main route table, a security group, a network ACL.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cidr::Block;
use super::error::Error;
use super::input::Input;
use super::kind::{
    DHCP_OPTIONS, ENDPOINT, INTERFACE, INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_ACL, ROUTE_TABLE, RULE, SECURITY_GROUP,
    SUBNET, VPC,
};
use super::store::{Store, Work, specified};
use super::table::{Operation, op};
use super::view;

pub const OPERATIONS: &[Operation] = &[
    op("CreateVpc", &["CidrBlock", "InstanceTenancy", "AmazonProvidedIpv6CidrBlock"], create_vpc),
    op("CreateDefaultVpc", &[], |work, _| create_default(work)),
    op("DeleteVpc", &["VpcId"], delete_vpc),
    op("DescribeVpcAttribute", &["VpcId", "Attribute"], describe_vpc_attribute),
    op("ModifyVpcAttribute", &["VpcId", "EnableDnsHostnames", "EnableDnsSupport"], modify_vpc_attribute),
    op("CreateSubnet", &["VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId"], create_subnet),
    op("DeleteSubnet", &["SubnetId"], delete_subnet),
    op("ModifySubnetAttribute", &["SubnetId", "MapPublicIpOnLaunch"], modify_subnet_attribute),
];

/// The zones that the region has.
pub const ZONES: [&str; 3] = ["a", "b", "c"];

fn block(text: &str, parameter: &str) -> Result<Block, Error> {
    Block::parse(text).ok_or_else(|| Error::value(parameter, text, "This is not a valid CIDR block."))
}

fn create_vpc(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let text = input.required("CidrBlock")?;
    let cidr = block(&text, "cidrBlock")?;
    if !(16..=28).contains(&cidr.prefix()) {
        return Err(Error::new("InvalidVpc.Range", format!("The CIDR '{text}' is invalid.")));
    }
    if input.flag("AmazonProvidedIpv6CidrBlock")? == Some(true) {
        return Err(Error::unsupported("IPv6 blocks of VPCs"));
    }
    let tenancy = input.text("InstanceTenancy").unwrap_or_else(|| "default".to_owned());
    if !["default", "dedicated"].contains(&tenancy.as_str()) {
        return Err(Error::value("instanceTenancy", tenancy, "Valid values are default and dedicated."));
    }
    let tags = specified(input, &VPC)?;
    let id = make_vpc(work, cidr, &tenancy, false, tags);
    Ok(json!({ "Vpc": view::of(work.store, work.store.get(&VPC, &id)?) }))
}

fn make_vpc(
    work: &mut Work<'_>,
    cidr: Block,
    tenancy: &str,
    is_default: bool,
    tags: BTreeMap<String, String>,
) -> String {
    let owner = work.account();
    let options = work.store.of(&DHCP_OPTIONS).next().map(|options| options.id.clone());
    let options = if let Some(options) = options {
        options
    } else {
        let domain = private_domain(work.region());
        let configurations = json!([
            { "Key": "domain-name", "Values": [{ "Value": domain }] },
            { "Key": "domain-name-servers", "Values": [{ "Value": "AmazonProvidedDNS" }] },
        ]);
        let body = json!({ "OwnerId": owner, "DhcpConfigurations": configurations });
        work.put(&DHCP_OPTIONS, &body, BTreeMap::new()).id.clone()
    };
    let association = work.new_id("vpc-cidr-assoc");
    let body = json!({
        "CidrBlock": cidr.to_string(), "DhcpOptionsId": options, "InstanceTenancy": tenancy, "IsDefault": is_default,
        "OwnerId": owner, "State": "available",
        "CidrBlockAssociationSet": [{
            "AssociationId": association, "CidrBlock": cidr.to_string(), "CidrBlockState": { "State": "associated" },
        }],
    });
    let vpc = work.put(&VPC, &body, tags);
    vpc.hidden = json!({ "EnableDnsSupport": true, "EnableDnsHostnames": is_default });
    let id = vpc.id.clone();
    let main = work.new_id("rtbassoc");
    let table =
        work.put(&ROUTE_TABLE, &json!({ "VpcId": id, "OwnerId": owner, "PropagatingVgws": [] }), BTreeMap::new());
    let table_id = table.id.clone();
    table.set(&json!({
        "Associations": [{
            "Main": true, "RouteTableAssociationId": main, "RouteTableId": table_id,
            "AssociationState": { "State": "associated" },
        }],
        "Routes": [super::routes::local(&cidr.to_string())],
    }));
    super::groups::make(work, &id, "default", "default VPC security group", BTreeMap::new());
    let group = work.store.of(&SECURITY_GROUP).find(|one| one.is("VpcId", &id)).map(|one| one.id.clone());
    if let Some(group) = group {
        // Members of the default group reach each other.
        super::groups::make_rule(
            work,
            &json!({
                "GroupId": group, "GroupOwnerId": owner, "IsEgress": false, "IpProtocol": "-1", "FromPort": -1,
                "ToPort": -1, "ReferencedGroupInfo": { "GroupId": group, "UserId": owner },
            }),
        );
    }
    let entry = |number: i64, action: &str, is_egress: bool| json!({ "CidrBlock": "0.0.0.0/0", "Egress": is_egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number });
    let entries: Vec<Value> =
        [true, false].into_iter().flat_map(|out| [entry(100, "allow", out), entry(32_767, "deny", out)]).collect();
    let acl = json!({ "VpcId": id, "OwnerId": owner, "IsDefault": true, "Associations": [], "Entries": entries });
    work.put(&NETWORK_ACL, &acl, BTreeMap::new());
    id
}

/// The VPC that every account has: a subnet in each zone, with a way to the internet.
///
/// # Errors
/// When there is one already.
pub fn create_default(work: &mut Work<'_>) -> Result<Value, Error> {
    if work.store.of(&VPC).any(|vpc| vpc.body["IsDefault"] == true) {
        return Err(Error::new(
            "DefaultVpcAlreadyExists",
            "A Default VPC already exists for this account in this region.",
        ));
    }
    let cidr = block("172.31.0.0/16", "cidrBlock")?;
    let id = make_vpc(work, cidr, "default", true, BTreeMap::new());
    for (index, zone) in ZONES.iter().enumerate() {
        let cidr = block(&format!("172.31.{}.0/20", index * 16), "cidrBlock")?;
        make_subnet(work, &id, cidr, zone, true, BTreeMap::new());
    }
    let owner = work.account();
    let body = json!({ "OwnerId": owner, "Attachments": [{ "State": "available", "VpcId": id }] });
    let gateway = work.put(&INTERNET_GATEWAY, &body, BTreeMap::new()).id.clone();
    if let Some(table) = work.store.of_mut(&ROUTE_TABLE).find(|one| one.is("VpcId", &id))
        && let Some(routes) = table.body["Routes"].as_array_mut()
    {
        routes.push(json!({
            "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway, "Origin": "CreateRoute", "State": "active",
        }));
    }
    Ok(json!({ "Vpc": view::of(work.store, work.store.get(&VPC, &id)?) }))
}

/// The domain of private names.
pub fn private_domain(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

fn delete_vpc(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("VpcId")?;
    work.store.get(&VPC, &id)?;
    let in_it = |one: &super::store::Resource| one.is("VpcId", &id);
    let store = &work.store;
    let is_used = store.of(&SUBNET).any(in_it)
        || store.of(&INTERFACE).any(in_it)
        || store.of(&ENDPOINT).any(|one| in_it(one) && !one.is("State", "deleted"))
        || store.of(&NAT_GATEWAY).any(|one| in_it(one) && !one.is("State", "deleted"))
        || store.of(&SECURITY_GROUP).any(|one| in_it(one) && !one.is("GroupName", "default"))
        || store.of(&ROUTE_TABLE).any(|one| in_it(one) && !super::routes::is_main(one))
        || store.of(&INTERNET_GATEWAY).any(|one| one.body["Attachments"][0]["VpcId"] == id.as_str());
    if is_used {
        return Err(Error::in_use("vpc", &id));
    }
    let groups: Vec<String> = store.of(&SECURITY_GROUP).filter(|one| in_it(one)).map(|one| one.id.clone()).collect();
    work.store.remove_where(|one| in_it(one) || one.is_a(&RULE) && groups.iter().any(|group| one.is("GroupId", group)));
    Ok(json!({ "Return": true }))
}

const ATTRIBUTES: [(&str, &str); 2] =
    [("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")];

fn describe_vpc_attribute(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("VpcId")?;
    let attribute = input.required("Attribute")?;
    let vpc = work.store.get(&VPC, &id)?;
    match ATTRIBUTES.iter().find(|(name, _)| *name == attribute) {
        Some((_, member)) => Ok(json!({ "VpcId": id, *member: { "Value": vpc.hidden[*member] } })),
        None => Err(Error::value("attribute", attribute, "Unknown VPC attribute.")),
    }
}

fn modify_vpc_attribute(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let vpc = work.store.get_mut(&VPC, &input.required("VpcId")?)?;
    for (_, member) in ATTRIBUTES {
        if let Some(value) = input.attribute(member)? {
            vpc.hidden[member] = Value::Bool(value);
        }
    }
    Ok(json!({ "Return": true }))
}

fn create_subnet(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let vpc_id = input.required("VpcId")?;
    let text = input.required("CidrBlock")?;
    let cidr = block(&text, "cidrBlock")?;
    let vpc = work.store.get(&VPC, &vpc_id)?;
    let whole = block(vpc.text("CidrBlock"), "cidrBlock")?;
    if !(16..=28).contains(&cidr.prefix()) || !whole.contains(cidr) {
        return Err(Error::new("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
    }
    let conflicts = |one: &super::store::Resource| {
        one.is("VpcId", &vpc_id) && Block::parse(one.text("CidrBlock")).is_some_and(|other| other.overlaps(cidr))
    };
    if work.store.of(&SUBNET).any(conflicts) {
        return Err(Error::new("InvalidSubnet.Conflict", format!("The CIDR '{text}' conflicts with another subnet")));
    }
    let zone = match (input.text("AvailabilityZone"), input.text("AvailabilityZoneId")) {
        (Some(name), _) => name.strip_prefix(work.region()).map(str::to_owned).ok_or(name),
        (None, Some(id)) => {
            let index = id.rsplit("-az").next().and_then(|number| number.parse::<usize>().ok());
            index.and_then(|n| ZONES.get(n.wrapping_sub(1))).map(|zone| (*zone).to_owned()).ok_or(id)
        }
        (None, None) => Ok(ZONES[0].to_owned()),
    };
    let known = |zone: &String| ZONES.contains(&zone.as_str());
    let zone = zone.and_then(|zone| if known(&zone) { Ok(zone) } else { Err(format!("{}{zone}", work.region())) });
    let zone = zone.map_err(|given| {
        let all: Vec<String> = ZONES.iter().map(|zone| format!("{}{zone}", work.region())).collect();
        let why =
            format!("Subnets can currently only be created in the following availability zones: {}.", all.join(", "));
        Error::value("availabilityZone", given, &why)
    })?;
    let tags = specified(input, &SUBNET)?;
    let id = make_subnet(work, &vpc_id, cidr, &zone, false, tags);
    Ok(json!({ "Subnet": view::of(work.store, work.store.get(&SUBNET, &id)?) }))
}

/// The id of a zone, as `use1-az1`.
pub fn zone_id(region: &str, zone: &str) -> String {
    let mut parts = region.split('-');
    let (area, direction, number) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let index = ZONES.iter().position(|one| *one == zone).unwrap_or_default() + 1;
    format!("{area}{}{number}-az{index}", direction.chars().next().unwrap_or('x'))
}

fn make_subnet(
    work: &mut Work<'_>,
    vpc: &str,
    cidr: Block,
    zone: &str,
    is_default: bool,
    tags: BTreeMap<String, String>,
) -> String {
    let owner = work.account();
    let region = work.region().to_owned();
    let body = json!({
        "AvailabilityZone": format!("{region}{zone}"), "AvailabilityZoneId": zone_id(&region, zone),
        "CidrBlock": cidr.to_string(), "DefaultForAz": is_default, "MapPublicIpOnLaunch": is_default,
        "AssignIpv6AddressOnCreation": false, "Ipv6CidrBlockAssociationSet": [], "EnableDns64": false, "Ipv6Native": false,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name", "EnableResourceNameDnsARecord": false, "EnableResourceNameDnsAAAARecord": false,
        },
        "OwnerId": owner, "State": "available", "VpcId": vpc,
    });
    let subnet = work.put(&SUBNET, &body, tags);
    let id = subnet.id.clone();
    subnet.body["SubnetArn"] =
        Value::from(format!("arn:aws:ec2:{region}:{}:subnet/{id}", owner.as_str().unwrap_or_default()));
    let association = work.new_id("aclassoc");
    let acl = work.store.of_mut(&NETWORK_ACL).find(|one| one.is("VpcId", vpc));
    if let Some(acl) = acl {
        let acl_id = acl.id.clone();
        if let Some(associations) = acl.body["Associations"].as_array_mut() {
            associations.push(json!({
                "NetworkAclAssociationId": association, "NetworkAclId": acl_id, "SubnetId": id,
            }));
        }
    }
    id
}

fn delete_subnet(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("SubnetId")?;
    work.store.get(&SUBNET, &id)?;
    if work.store.of(&INTERFACE).any(|one| one.is("SubnetId", &id)) {
        return Err(Error::in_use("subnet", &id));
    }
    work.store.remove(&id);
    for kind in [&ROUTE_TABLE, &NETWORK_ACL] {
        for one in work.store.of_mut(kind) {
            if let Some(associations) = one.body["Associations"].as_array_mut() {
                associations.retain(|association| association["SubnetId"] != id.as_str());
            }
        }
    }
    Ok(json!({ "Return": true }))
}

fn modify_subnet_attribute(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("SubnetId")?;
    let value = input.attribute("MapPublicIpOnLaunch")?;
    let subnet = work.store.get_mut(&SUBNET, &id)?;
    if let Some(value) = value {
        subnet.body["MapPublicIpOnLaunch"] = Value::Bool(value);
    }
    Ok(json!({ "Return": true }))
}

/// The subnet of that id with its block, and whether an instance in it gets a public address.
///
/// # Errors
/// When it is not there.
pub fn subnet<'a>(store: &'a Store, id: &str) -> Result<(&'a super::store::Resource, Block), Error> {
    let subnet = store.get(&SUBNET, id)?;
    Ok((subnet, block(subnet.text("CidrBlock"), "cidrBlock")?))
}
