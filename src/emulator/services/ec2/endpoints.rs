//! VPC endpoints: gateways in route tables, and interfaces in subnets; the services that have them, and prefix lists.

use std::time::Duration;

use serde_json::{Value, json};

use super::describe::{Filter, page};
use super::error::Error;
use super::input::Input;
use super::interfaces;
use super::kind::{ENDPOINT, INTERFACE, Kind, PREFIX_LIST, ROUTE_TABLE, SECURITY_GROUP, SUBNET, VPC};
use super::store::{Change, Store, Work};
use super::table::{Operation, op};
use super::view;

pub const OPERATIONS: &[Operation] = &[
    op(
        "CreateVpcEndpoint",
        &[
            "VpcEndpointType",
            "VpcId",
            "ServiceName",
            "PolicyDocument",
            "RouteTableId",
            "SubnetId",
            "SecurityGroupId",
            "IpAddressType",
            "PrivateDnsEnabled",
        ],
        create,
    ),
    op("DeleteVpcEndpoints", &["VpcEndpointId"], delete),
    op(
        "ModifyVpcEndpoint",
        &[
            "VpcEndpointId",
            "ResetPolicy",
            "PolicyDocument",
            "AddRouteTableId",
            "RemoveRouteTableId",
            "AddSubnetId",
            "RemoveSubnetId",
            "AddSecurityGroupId",
            "RemoveSecurityGroupId",
            "PrivateDnsEnabled",
        ],
        modify,
    ),
    op("DescribeVpcEndpointServices", &["ServiceName"], describe_services),
];

/// Services with an interface endpoint; those with a gateway as well, or alone, come second.
const INTERFACES: [&str; 22] = [
    "cloudformation",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "events",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "storagegateway",
    "sts",
];
const GATEWAYS: [&str; 2] = ["dynamodb", "s3"];

/// How long an interface endpoint takes to come.
const COMES: Duration = Duration::from_secs(1);

/// What a policy is when nobody says.
fn full_access() -> String {
    json!({ "Version": "2008-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" },
    ]})
    .to_string()
}

/// The prefix lists of gateway endpoints.
pub fn make_prefix_lists(work: &mut Work<'_>) {
    let region = work.region().to_owned();
    for (service, id, cidrs) in [
        ("s3", "pl-63a5400a", &["54.231.0.0/16", "52.216.0.0/15", "3.5.0.0/19"][..]),
        ("dynamodb", "pl-02cd2c6b", &["52.94.0.0/22", "52.119.224.0/20"]),
    ] {
        let body = json!({ "PrefixListName": format!("com.amazonaws.{region}.{service}"), "Cidrs": cidrs });
        let made = work.put(&PREFIX_LIST, &body, std::collections::BTreeMap::new()).id.clone();
        work.store.rename(&made, id);
    }
}

fn service_of<'a>(work: &Work<'_>, name: &'a str) -> Option<&'a str> {
    name.strip_prefix("com.amazonaws.")?.strip_prefix(work.region())?.strip_prefix('.')
}

fn known(store: &Store, kind: &'static Kind, ids: &[String], vpc: &str) -> Result<(), Error> {
    for id in ids {
        if !store.get(kind, id)?.is("VpcId", vpc) {
            let message = format!("{} {id} does not belong to {vpc}", kind.name);
            return Err(Error::new("InvalidParameter", message));
        }
    }
    Ok(())
}

fn create(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (vpc, name) = (input.required("VpcId")?, input.required("ServiceName")?);
    work.store.get(&VPC, &vpc)?;
    let kind = input.text("VpcEndpointType").unwrap_or_else(|| "Gateway".to_owned());
    let services: &[&str] = match kind.as_str() {
        "Gateway" => &GATEWAYS,
        "Interface" => &INTERFACES,
        other => return Err(Error::unsupported(format!("VPC endpoints of the type {other}"))),
    };
    if !service_of(work, &name).is_some_and(|service| services.contains(&service)) {
        let message = format!("The Vpc Endpoint Service '{name}' does not exist");
        return Err(Error::new("InvalidServiceName", message));
    }
    let (tables, subnets, groups) =
        (input.texts("RouteTableId"), input.texts("SubnetId"), input.texts("SecurityGroupId"));
    known(work.store, &ROUTE_TABLE, &tables, &vpc)?;
    known(work.store, &SUBNET, &subnets, &vpc)?;
    known(work.store, &SECURITY_GROUP, &groups, &vpc)?;
    let is_gateway = kind == "Gateway";
    let wrong = if is_gateway { !subnets.is_empty() || !groups.is_empty() } else { !tables.is_empty() };
    if wrong {
        let message = format!("Endpoint type ({kind}) does not match the parameters that were given");
        return Err(Error::new("InvalidParameter", message));
    }
    let private = input.flag("PrivateDnsEnabled")?.unwrap_or(!is_gateway);
    let vpc_found = work.store.get(&VPC, &vpc)?;
    let dns = vpc_found.hidden["EnableDnsSupport"] == true && vpc_found.hidden["EnableDnsHostnames"] == true;
    if !is_gateway && private && !dns {
        let message = format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc}"
        );
        return Err(Error::new("InvalidParameter", message));
    }
    let same = |one: &super::store::Resource| {
        one.is("VpcId", &vpc) && one.is("ServiceName", &name) && one.is("VpcEndpointType", &kind)
    };
    if is_gateway {
        let taken = work.store.of(&ENDPOINT).filter(|one| same(one));
        let taken: Vec<Value> =
            taken.flat_map(|one| one.body["RouteTableIds"].as_array().cloned().unwrap_or_default()).collect();
        if let Some(table) = tables.iter().find(|table| taken.contains(&Value::from(table.as_str()))) {
            let message = format!("route table {table} already has a route with destination-prefix-list-id of {name}");
            return Err(Error::new("RouteAlreadyExists", message));
        }
    } else if private && work.store.of(&ENDPOINT).any(|one| same(one) && one.body["PrivateDnsEnabled"] == true) {
        let message = format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {vpc}"
        );
        return Err(Error::new("InvalidParameter", message));
    }
    let policy = input.text("PolicyDocument").unwrap_or_else(full_access);
    if !serde_json::from_str::<Value>(&policy).is_ok_and(|policy| policy.is_object()) {
        return Err(Error::new("InvalidPolicyDocument", "The policy document is no JSON object."));
    }
    let now = work.now.iso_millis();
    let body = json!({
        "VpcEndpointType": kind, "VpcId": vpc, "ServiceName": name,
        "State": if is_gateway { "available" } else { "pending" },
        "PolicyDocument": policy, "RouteTableIds": tables, "SubnetIds": subnets, "Groups": [],
        "IpAddressType": "ipv4", "PrivateDnsEnabled": private, "RequesterManaged": false,
        "NetworkInterfaceIds": [], "DnsEntries": [], "CreationTimestamp": now, "OwnerId": work.account(),
    });
    let id = work.add(&ENDPOINT, &body, input)?.id.clone();
    let done = if is_gateway {
        route(work, &id, &tables)
    } else {
        let groups = if groups.is_empty() { default_group(work, &vpc) } else { groups };
        set_groups(work, &id, &groups).and_then(|()| join(work, &id, &subnets, &groups))
    };
    if let Err(error) = done {
        clear(work, &id);
        work.store.remove(&id);
        return Err(error);
    }
    let at = work.now + COMES;
    let endpoint = work.store.get_mut(&ENDPOINT, &id)?;
    if !is_gateway {
        endpoint.changes.push((at, Change::Becomes(json!({ "State": "available" }))));
    }
    Ok(json!({ "VpcEndpoint": view::of(work.store, work.store.get(&ENDPOINT, &id)?) }))
}

fn default_group(work: &Work<'_>, vpc: &str) -> Vec<String> {
    let groups = work.store.of(&SECURITY_GROUP);
    let found = groups.filter(|one| one.is("VpcId", vpc) && one.is("GroupName", "default"));
    found.map(|one| one.id.clone()).take(1).collect()
}

fn set_groups(work: &mut Work<'_>, id: &str, groups: &[String]) -> Result<(), Error> {
    let named: Result<Vec<Value>, Error> = groups
        .iter()
        .map(|group| {
            let name = work.store.get(&SECURITY_GROUP, group)?.text("GroupName");
            Ok(json!({ "GroupId": group, "GroupName": name }))
        })
        .collect();
    work.store.get_mut(&ENDPOINT, id)?.body["Groups"] = Value::Array(named?);
    let interfaces = texts(work.store.get(&ENDPOINT, id)?, "NetworkInterfaceIds");
    for interface in interfaces {
        work.store.get_mut(&INTERFACE, &interface)?.hidden["GroupIds"] = json!(groups);
    }
    Ok(())
}

fn texts(resource: &super::store::Resource, member: &str) -> Vec<String> {
    let all = resource.body[member].as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// Puts the route of a gateway endpoint into tables.
fn route(work: &mut Work<'_>, id: &str, tables: &[String]) -> Result<(), Error> {
    let name = work.store.get(&ENDPOINT, id)?.text("ServiceName").to_owned();
    let list = work.store.of(&PREFIX_LIST).find(|one| one.is("PrefixListName", &name)).map(|one| one.id.clone());
    for table in tables {
        let table = work.store.get_mut(&ROUTE_TABLE, table)?;
        if let Some(routes) = table.body["Routes"].as_array_mut() {
            routes.push(json!({
                "DestinationPrefixListId": list, "GatewayId": id, "Origin": "CreateRoute", "State": "active",
            }));
        }
    }
    Ok(())
}

/// Gives an interface endpoint an interface in each subnet, and their names.
fn join(work: &mut Work<'_>, id: &str, subnets: &[String], groups: &[String]) -> Result<(), Error> {
    for subnet in subnets {
        let wanted = interfaces::Wanted {
            subnet,
            description: &format!("VPC Endpoint Interface {id}"),
            address: None,
            groups: groups.to_vec(),
            kind: "vpc_endpoint",
            is_managed: true,
        };
        let interface = interfaces::make(work, &wanted)?;
        if let Some(all) = work.store.get_mut(&ENDPOINT, id)?.body["NetworkInterfaceIds"].as_array_mut() {
            all.push(Value::from(interface));
        }
    }
    names(work, id)
}

fn names(work: &mut Work<'_>, id: &str) -> Result<(), Error> {
    let region = work.region().to_owned();
    let endpoint = work.store.get(&ENDPOINT, id)?;
    let service = service_of(work, endpoint.text("ServiceName")).unwrap_or_default().to_owned();
    let random = id.rsplit('-').next().unwrap_or_default().chars().rev().take(8).collect::<String>();
    let domain = format!("{service}.{region}.vpce.amazonaws.com");
    let mut zones: Vec<String> = Vec::new();
    for interface in texts(endpoint, "NetworkInterfaceIds") {
        let zone = work.store.get(&INTERFACE, &interface)?.text("AvailabilityZone").to_owned();
        if !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    let mut entries = vec![format!("{id}-{random}.{domain}")];
    entries.extend(zones.iter().map(|zone| format!("{id}-{random}-{zone}.{domain}")));
    let mut entries: Vec<Value> =
        entries.iter().map(|name| json!({ "DnsName": name, "HostedZoneId": "Z7HUB22UULQXV" })).collect();
    if endpoint.body["PrivateDnsEnabled"] == true {
        let name = format!("{}.{region}.amazonaws.com", private_name(&service));
        entries.push(json!({ "DnsName": name, "HostedZoneId": "ZONEIDPENDING" }));
    }
    work.store.get_mut(&ENDPOINT, id)?.body["DnsEntries"] = Value::Array(entries);
    Ok(())
}

/// `api.ecr` of `ecr.api`.
fn private_name(service: &str) -> String {
    service.split('.').rev().collect::<Vec<_>>().join(".")
}

/// Takes away all that an endpoint has put into subnets and tables.
fn clear(work: &mut Work<'_>, id: &str) {
    let interfaces = work.store.get(&ENDPOINT, id).map(|one| texts(one, "NetworkInterfaceIds")).unwrap_or_default();
    for interface in interfaces {
        interfaces::forget(work, &interface);
    }
    for table in work.store.of_mut(&ROUTE_TABLE) {
        if let Some(routes) = table.body["Routes"].as_array_mut() {
            routes.retain(|route| route["GatewayId"] != id);
        }
    }
}

fn delete(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let ids = input.texts("VpcEndpointId");
    if ids.is_empty() {
        return Err(Error::missing("vpcEndpointId"));
    }
    let mut unsuccessful = Vec::new();
    for id in ids {
        match work.store.get(&ENDPOINT, &id).err() {
            None => {
                clear(work, &id);
                work.store.remove(&id);
            }
            Some(error) => {
                let error: crate::emulator::ServiceError = error.into();
                unsuccessful
                    .push(json!({ "ResourceId": id, "Error": { "Code": error.code, "Message": error.message } }));
            }
        }
    }
    Ok(json!({ "Unsuccessful": unsuccessful }))
}

fn modify(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("VpcEndpointId")?;
    let endpoint = work.store.get(&ENDPOINT, &id)?;
    let vpc = endpoint.text("VpcId").to_owned();
    let changed = |list: &str, entry: &str, kind: &'static Kind| -> Result<[Vec<String>; 3], Error> {
        let (added, removed) = (input.texts(&format!("Add{entry}")), input.texts(&format!("Remove{entry}")));
        known(work.store, kind, &added, &vpc)?;
        let mut all = texts(endpoint, list);
        all.retain(|one| !removed.contains(one));
        all.extend(added.iter().filter(|one| !all.contains(one)).cloned().collect::<Vec<_>>());
        Ok([all, added, removed])
    };
    let [tables, new_tables, old_tables] = changed("RouteTableIds", "RouteTableId", &ROUTE_TABLE)?;
    let [subnets, new_subnets, old_subnets] = changed("SubnetIds", "SubnetId", &SUBNET)?;
    let mut groups: Vec<String> = endpoint.body["Groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| group["GroupId"].as_str().map(str::to_owned))
        .collect();
    let [_, new_groups, old_groups] = changed("none", "SecurityGroupId", &SECURITY_GROUP)?;
    groups.retain(|group| !old_groups.contains(group));
    groups.extend(new_groups);
    let private = input.flag("PrivateDnsEnabled")?;
    let policy =
        if input.flag("ResetPolicy")? == Some(true) { Some(full_access()) } else { input.text("PolicyDocument") };

    let leaving: Vec<String> = texts(endpoint, "NetworkInterfaceIds")
        .into_iter()
        .filter(|one| {
            let subnet = work.store.get(&INTERFACE, one).map(|one| one.text("SubnetId").to_owned()).unwrap_or_default();
            old_subnets.contains(&subnet)
        })
        .collect();
    let kept: Vec<String> =
        texts(endpoint, "NetworkInterfaceIds").into_iter().filter(|one| !leaving.contains(one)).collect();
    let is_interface = endpoint.is("VpcEndpointType", "Interface");
    let endpoint = work.store.get_mut(&ENDPOINT, &id)?;
    endpoint.set(&json!({ "RouteTableIds": tables, "SubnetIds": subnets, "NetworkInterfaceIds": kept }));
    if let Some(policy) = policy {
        endpoint.body["PolicyDocument"] = Value::from(policy);
    }
    if let Some(private) = private {
        endpoint.body["PrivateDnsEnabled"] = Value::Bool(private);
    }
    for interface in leaving {
        interfaces::forget(work, &interface);
    }
    for table in work.store.of_mut(&ROUTE_TABLE).filter(|one| old_tables.contains(&one.id)) {
        if let Some(routes) = table.body["Routes"].as_array_mut() {
            routes.retain(|route| route["GatewayId"] != id.as_str());
        }
    }
    route(work, &id, &new_tables)?;
    if is_interface {
        set_groups(work, &id, &groups)?;
        join(work, &id, &new_subnets, &groups)?;
    }
    Ok(json!({ "Return": true }))
}

fn describe_services(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    const FILTERS: [(&str, &str); 3] =
        [("service-name", "ServiceName"), ("service-type", "ServiceType.ServiceType"), ("owner", "Owner")];
    let filters = Filter::read(input)?;
    filters.iter().try_for_each(|filter| filter.check(&FILTERS))?;
    let region = work.region().to_owned();
    let wanted = input.texts("ServiceName");
    let zones: Vec<String> = super::vpcs::ZONES.iter().map(|zone| format!("{region}{zone}")).collect();
    let all = GATEWAYS.iter().map(|name| (*name, "Gateway")).chain(INTERFACES.iter().map(|name| (*name, "Interface")));
    let mut details = Vec::new();
    for (name, kind) in all {
        let full = format!("com.amazonaws.{region}.{name}");
        let mut detail = json!({
            "ServiceName": full, "ServiceType": [{ "ServiceType": kind }], "AvailabilityZones": zones, "Owner": "amazon",
            "BaseEndpointDnsNames": [format!("{name}.{region}.vpce.amazonaws.com")], "VpcEndpointPolicySupported": true,
            "AcceptanceRequired": false, "ManagesVpcEndpoints": false, "Tags": [], "ServiceRegion": region,
            "SupportedIpAddressTypes": ["ipv4"],
        });
        if kind == "Interface" {
            let private = format!("{}.{region}.amazonaws.com", private_name(name));
            detail["PrivateDnsName"] = Value::from(private.as_str());
            detail["PrivateDnsNames"] = json!([{ "PrivateDnsName": private }]);
        }
        let fits = filters.iter().all(|filter| filter.accepts(&FILTERS, &detail));
        if fits && (wanted.is_empty() || wanted.contains(&full)) {
            details.push(detail);
        }
    }
    if let Some(missing) = wanted.iter().find(|name| !details.iter().any(|one| one["ServiceName"] == name.as_str())) {
        let message = format!("The Vpc Endpoint Service '{missing}' does not exist");
        return Err(Error::new("InvalidServiceName", message));
    }
    let mut names: Vec<Value> = details.iter().map(|one| one["ServiceName"].clone()).collect();
    names.dedup();
    let mut answer = page("ServiceDetails", details, input)?;
    answer["ServiceNames"] = Value::Array(names);
    Ok(answer)
}
