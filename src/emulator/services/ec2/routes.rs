//! Route tables, their routes, and which subnets they serve.

use serde_json::{Value, json};

use super::cidr::Block;
use super::error::Error;
use super::input::Input;
use super::kind::{INSTANCE, INTERFACE, INTERNET_GATEWAY, Kind, NAT_GATEWAY, PREFIX_LIST, ROUTE_TABLE, SUBNET, VPC};
use super::store::{Resource, Work};
use super::table::{Operation, op};
use super::view;

const ROUTE: &[&str] = &[
    "RouteTableId",
    "DestinationCidrBlock",
    "DestinationPrefixListId",
    "GatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
];

pub const OPERATIONS: &[Operation] = &[
    op("CreateRouteTable", &["VpcId"], create),
    op("DeleteRouteTable", &["RouteTableId"], delete),
    op("CreateRoute", ROUTE, |work, input| put_route(work, input, false)),
    op("ReplaceRoute", ROUTE, |work, input| put_route(work, input, true)),
    op("DeleteRoute", ROUTE, delete_route),
    op("AssociateRouteTable", &["RouteTableId", "SubnetId"], associate),
    op("DisassociateRouteTable", &["AssociationId"], disassociate),
    op("ReplaceRouteTableAssociation", &["AssociationId", "RouteTableId"], replace_association),
];

/// The route that every table has.
#[must_use]
pub fn local(cidr: &str) -> Value {
    json!({ "DestinationCidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active" })
}

/// Whether a table is its VPC's main one.
#[must_use]
pub fn is_main(table: &Resource) -> bool {
    entries(table, "Associations").iter().any(|one| one["Main"] == true)
}

fn entries<'a>(table: &'a Resource, list: &str) -> &'a [Value] {
    table.body[list].as_array().map_or(&[], Vec::as_slice)
}

/// Changes a list of a table.
fn change<T>(table: &mut Resource, list: &str, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
    let mut entries = match table.body[list].take() {
        Value::Array(entries) => entries,
        _ => Vec::new(),
    };
    let result = change(&mut entries);
    table.body[list] = Value::Array(entries);
    result
}

fn create(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let vpc = input.required("VpcId")?;
    let cidr = work.store.get(&VPC, &vpc)?.text("CidrBlock").to_owned();
    let body = json!({
        "Associations": [], "PropagatingVgws": [], "Routes": [local(&cidr)], "VpcId": vpc, "OwnerId": work.account(),
    });
    let id = work.add(&ROUTE_TABLE, &body, input)?.id.clone();
    Ok(json!({ "RouteTable": view::of(work.store, work.store.get(&ROUTE_TABLE, &id)?) }))
}

fn delete(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("RouteTableId")?;
    let table = work.store.get(&ROUTE_TABLE, &id)?;
    if !entries(table, "Associations").is_empty() {
        return Err(Error::in_use("routeTable", &id));
    }
    work.store.remove(&id);
    Ok(json!({ "Return": true }))
}

/// The member that names a route's destination, and its value.
fn destination(input: Input<'_>) -> Result<(&'static str, String), Error> {
    if let Some(list) = input.text("DestinationPrefixListId") {
        return Ok(("DestinationPrefixListId", list));
    }
    let text = input.required("DestinationCidrBlock")?;
    let block = Block::parse(&text)
        .ok_or_else(|| Error::value("destinationCidrBlock", &text, "This is not a valid CIDR block."))?;
    Ok(("DestinationCidrBlock", block.to_string()))
}

/// What a route can lead to.
const TARGETS: [(&str, &Kind); 4] = [
    ("GatewayId", &INTERNET_GATEWAY),
    ("NatGatewayId", &NAT_GATEWAY),
    ("NetworkInterfaceId", &INTERFACE),
    ("InstanceId", &INSTANCE),
];

fn put_route(work: &mut Work<'_>, input: Input<'_>, replaces: bool) -> Result<Value, Error> {
    let id = input.required("RouteTableId")?;
    let (member, place) = destination(input)?;
    let table = work.store.get(&ROUTE_TABLE, &id)?;
    let vpc = table.text("VpcId").to_owned();
    if member == "DestinationPrefixListId" {
        work.store.get(&PREFIX_LIST, &place)?;
    }
    let target = TARGETS.iter().find_map(|(member, kind)| Some((*member, *kind, input.text(member)?)));
    let Some((name, kind, target)) = target else {
        return Err(Error::missing("gatewayId"));
    };
    let found = work.store.get(kind, &target)?;
    let is_here =
        found.is("VpcId", &vpc) || found.body["Attachments"][0]["VpcId"] == vpc.as_str() || kind.name == INSTANCE.name;
    if !is_here {
        return Err(Error::new(
            "InvalidParameterValue",
            format!("route table {id} and network gateway {target} belong to different networks"),
        ));
    }
    let route = json!({ member: place, name: target, "Origin": "CreateRoute", "State": "active" });
    let table = work.store.get_mut(&ROUTE_TABLE, &id)?;
    change(table, "Routes", |routes| {
        let index = routes.iter().position(|one| one[member] == place.as_str());
        match (index, replaces) {
            (Some(index), true) if routes[index]["GatewayId"] != "local" => routes[index] = route,
            (None, false) => routes.push(route),
            (Some(_), false) => {
                let message = format!("The route identified by {place} already exists.");
                return Err(Error::new("RouteAlreadyExists", message));
            }
            (_, true) => return Err(no_route(&id, &place, "replace")),
        }
        Ok(json!({ "Return": true }))
    })
}

fn no_route(table: &str, place: &str, verb: &str) -> Error {
    match verb {
        "replace" => Error::new(
            "InvalidParameterValue",
            format!("There is no route defined for '{place}' in the route table. Use CreateRoute instead."),
        ),
        _ => Error::new(
            "InvalidRoute.NotFound",
            format!("no route with destination-cidr-block {place} in route table {table}"),
        ),
    }
}

fn delete_route(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("RouteTableId")?;
    let (member, place) = destination(input)?;
    let table = work.store.get_mut(&ROUTE_TABLE, &id)?;
    change(table, "Routes", |routes| {
        let Some(index) = routes.iter().position(|one| one[member] == place.as_str()) else {
            return Err(no_route(&id, &place, "delete"));
        };
        if routes[index]["GatewayId"] == "local" {
            let message = format!("cannot remove local route {place} in route table {id}");
            return Err(Error::new("InvalidParameterValue", message));
        }
        routes.remove(index);
        Ok(json!({ "Return": true }))
    })
}

fn associate(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (id, subnet) = (input.required("RouteTableId")?, input.required("SubnetId")?);
    let vpc = work.store.get(&ROUTE_TABLE, &id)?.text("VpcId").to_owned();
    if !work.store.get(&SUBNET, &subnet)?.is("VpcId", &vpc) {
        let message = format!("route table {id} and subnet {subnet} belong to different networks");
        return Err(Error::new("InvalidParameterValue", message));
    }
    let other = work.store.of(&ROUTE_TABLE).find_map(|table| {
        entries(table, "Associations").iter().find(|one| one["SubnetId"] == subnet.as_str()).cloned()
    });
    if let Some(other) = other {
        let message = format!(
            "the specified association for route table {id} conflicts with an existing association: {}",
            other["RouteTableAssociationId"].as_str().unwrap_or_default()
        );
        return Err(Error::new("Resource.AlreadyAssociated", message));
    }
    let association = work.new_id("rtbassoc");
    add_association(work, &id, &association, &json!({ "SubnetId": subnet, "Main": false }))?;
    Ok(json!({ "AssociationId": association, "AssociationState": { "State": "associated" } }))
}

fn add_association(work: &mut Work<'_>, table: &str, association: &str, about: &Value) -> Result<(), Error> {
    let mut entry = about.clone();
    entry["RouteTableAssociationId"] = Value::from(association);
    entry["RouteTableId"] = Value::from(table);
    entry["AssociationState"] = json!({ "State": "associated" });
    change(work.store.get_mut(&ROUTE_TABLE, table)?, "Associations", |all| all.push(entry));
    Ok(())
}

/// Takes an association out of its table.
fn take(work: &mut Work<'_>, association: &str) -> Result<Value, Error> {
    for table in work.store.of_mut(&ROUTE_TABLE) {
        let taken = change(table, "Associations", |all| {
            let index = all.iter().position(|one| one["RouteTableAssociationId"] == association)?;
            Some(all.remove(index))
        });
        if let Some(taken) = taken {
            return Ok(taken);
        }
    }
    let message = format!("The association ID '{association}' does not exist");
    Err(Error::new("InvalidAssociationID.NotFound", message))
}

fn disassociate(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("AssociationId")?;
    let is_main = work.store.of(&ROUTE_TABLE).any(|table| {
        entries(table, "Associations")
            .iter()
            .any(|one| one["RouteTableAssociationId"] == id.as_str() && one["Main"] == true)
    });
    if is_main {
        let message = format!("cannot disassociate the main route table association {id}");
        return Err(Error::new("InvalidParameterValue", message));
    }
    take(work, &id)?;
    Ok(json!({ "Return": true }))
}

fn replace_association(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (association, table) = (input.required("AssociationId")?, input.required("RouteTableId")?);
    work.store.get(&ROUTE_TABLE, &table)?;
    let before = take(work, &association)?;
    let new = work.new_id("rtbassoc");
    let mut about = json!({ "Main": before["Main"] });
    if let Some(subnet) = before.get("SubnetId") {
        about["SubnetId"] = subnet.clone();
    }
    add_association(work, &table, &new, &about)?;
    Ok(json!({ "NewAssociationId": new, "AssociationState": { "State": "associated" } }))
}
