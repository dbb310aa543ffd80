//! Ways out of a VPC: internet gateways, NAT gateways, and elastic addresses.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::Error;
use super::input::Input;
use super::interfaces;
use super::kind::{ADDRESS, INSTANCE, INTERFACE, INTERNET_GATEWAY, NAT_GATEWAY, SUBNET, VPC};
use super::store::{Change, Work};
use super::table::{Operation, op};
use super::view;

pub const OPERATIONS: &[Operation] = &[
    op("CreateInternetGateway", &[], create_internet_gateway),
    op("DeleteInternetGateway", &["InternetGatewayId"], delete_internet_gateway),
    op("AttachInternetGateway", &["InternetGatewayId", "VpcId"], attach),
    op("DetachInternetGateway", &["InternetGatewayId", "VpcId"], detach),
    op("CreateNatGateway", &["SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress"], create_nat),
    op("DeleteNatGateway", &["NatGatewayId"], delete_nat),
    op("AllocateAddress", &["Domain"], allocate),
    op("ReleaseAddress", &["AllocationId", "PublicIp"], release),
    op(
        "AssociateAddress",
        &["AllocationId", "PublicIp", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress", "AllowReassociation"],
        associate,
    ),
    op("DisassociateAddress", &["AssociationId", "PublicIp"], disassociate),
];

/// How long a NAT gateway takes to come, and to be forgotten after it has gone.
const NAT_COMES: Duration = Duration::from_secs(1);
const NAT_IS_FORGOTTEN: Duration = Duration::from_secs(3_600);

fn create_internet_gateway(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let body = json!({ "Attachments": [], "OwnerId": work.account() });
    let id = work.add(&INTERNET_GATEWAY, &body, input)?.id.clone();
    Ok(json!({ "InternetGateway": view::of(work.store, work.store.get(&INTERNET_GATEWAY, &id)?) }))
}

fn attached_to(gateway: &super::store::Resource) -> Option<&str> {
    gateway.body["Attachments"][0]["VpcId"].as_str()
}

fn delete_internet_gateway(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("InternetGatewayId")?;
    if attached_to(work.store.get(&INTERNET_GATEWAY, &id)?).is_some() {
        return Err(Error::in_use("internetGateway", &id));
    }
    work.store.remove(&id);
    Ok(json!({ "Return": true }))
}

fn attach(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (id, vpc) = (input.required("InternetGatewayId")?, input.required("VpcId")?);
    work.store.get(&VPC, &vpc)?;
    if let Some(other) = attached_to(work.store.get(&INTERNET_GATEWAY, &id)?) {
        let message = format!("resource {id} is already attached to network {other}");
        return Err(Error::new("Resource.AlreadyAssociated", message));
    }
    if work.store.of(&INTERNET_GATEWAY).any(|one| attached_to(one) == Some(&vpc)) {
        let message = format!("Network {vpc} already has an internet gateway attached");
        return Err(Error::new("InvalidParameterValue", message));
    }
    let attachments = json!([{ "State": "available", "VpcId": vpc }]);
    work.store.get_mut(&INTERNET_GATEWAY, &id)?.body["Attachments"] = attachments;
    Ok(json!({ "Return": true }))
}

fn detach(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (id, vpc) = (input.required("InternetGatewayId")?, input.required("VpcId")?);
    work.store.get(&VPC, &vpc)?;
    if attached_to(work.store.get(&INTERNET_GATEWAY, &id)?) != Some(&vpc) {
        let message = format!("resource {id} is not attached to network {vpc}");
        return Err(Error::new("Gateway.NotAttached", message));
    }
    let mapped = |one: &&super::store::Resource| {
        let interface = work.store.get(&INTERFACE, one.text("NetworkInterfaceId"));
        interface.is_ok_and(|interface| interface.is("VpcId", &vpc))
    };
    if work.store.of(&ADDRESS).any(|one| mapped(&one)) {
        let message = format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        );
        return Err(Error::new("DependencyViolation", message));
    }
    work.store.get_mut(&INTERNET_GATEWAY, &id)?.body["Attachments"] = json!([]);
    Ok(json!({ "Return": true }))
}

fn create_nat(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let subnet_id = input.required("SubnetId")?;
    let vpc = work.store.get(&SUBNET, &subnet_id)?.text("VpcId").to_owned();
    let kind = input.text("ConnectivityType").unwrap_or_else(|| "public".to_owned());
    let address = match (kind.as_str(), input.text("AllocationId")) {
        ("public", Some(allocation)) => {
            let address = work.store.get(&ADDRESS, &allocation)?;
            if address.body.get("AssociationId").is_some() {
                let message = format!("Elastic IP address [{allocation}] is already associated");
                return Err(Error::new("InvalidIPAddress.InUse", message));
            }
            Some((allocation, address.text("PublicIp").to_owned()))
        }
        ("public", None) => return Err(Error::missing("AllocationId")),
        ("private", None) => None,
        ("private", Some(_)) => {
            let message = "AllocationId cannot be given for a private NAT gateway.";
            return Err(Error::new("InvalidParameterCombination", message));
        }
        (other, _) => return Err(Error::value("connectivityType", other, "Valid values are public and private.")),
    };
    let now = work.now.iso_millis();
    let body = json!({
        "SubnetId": subnet_id, "VpcId": vpc, "State": "pending", "CreateTime": now, "ConnectivityType": kind,
        "NatGatewayAddresses": [],
    });
    let id = work.add(&NAT_GATEWAY, &body, input)?.id.clone();
    let wanted = interfaces::Wanted {
        subnet: &subnet_id,
        description: &format!("Interface for NAT Gateway {id}"),
        address: input.text("PrivateIpAddress"),
        groups: Vec::new(),
        kind: "nat_gateway",
        is_managed: true,
    };
    let made = interfaces::make(work, &wanted);
    let interface = match made {
        Ok(interface) => interface,
        Err(error) => {
            work.store.remove(&id);
            return Err(error);
        }
    };
    let private = work.store.get(&INTERFACE, &interface)?.text("PrivateIpAddress").to_owned();
    let mut shown =
        json!({ "NetworkInterfaceId": interface, "PrivateIp": private, "IsPrimary": true, "Status": "succeeded" });
    if let Some((allocation, public)) = address {
        let association = work.new_id("eipassoc");
        map(work, &allocation, &interface, &association)?;
        shown["AllocationId"] = Value::from(allocation);
        shown["PublicIp"] = Value::from(public);
        shown["AssociationId"] = Value::from(association);
    }
    let at = work.now + NAT_COMES;
    let gateway = work.store.get_mut(&NAT_GATEWAY, &id)?;
    gateway.body["NatGatewayAddresses"] = json!([shown]);
    gateway.changes.push((at, Change::Becomes(json!({ "State": "available" }))));
    Ok(json!({ "NatGateway": view::of(work.store, work.store.get(&NAT_GATEWAY, &id)?) }))
}

fn delete_nat(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("NatGatewayId")?;
    let (gone, at) = (work.now.iso_millis(), work.now + NAT_IS_FORGOTTEN);
    let gateway = work.store.get_mut(&NAT_GATEWAY, &id)?;
    gateway.set(&json!({ "State": "deleted", "DeleteTime": gone }));
    gateway.changes = vec![(at, Change::Goes)];
    let interface =
        gateway.body["NatGatewayAddresses"][0]["NetworkInterfaceId"].as_str().unwrap_or_default().to_owned();
    interfaces::forget(work, &interface);
    Ok(json!({ "NatGatewayId": id }))
}

fn allocate(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    match input.text("Domain").as_deref() {
        None | Some("vpc") => {}
        Some(other) => return Err(Error::value("domain", other, "Valid value is vpc.")),
    }
    // Addresses of a block that is kept for documentation and tests, each once.
    let used: Vec<String> = work.store.of(&ADDRESS).map(|one| one.text("PublicIp").to_owned()).collect();
    let free = (0..=u16::MAX).map(|n| u32::from(Ipv4Addr::new(198, 18, 0, 1)) + u32::from(n));
    let free = free.map(|n| Ipv4Addr::from(n).to_string()).find(|address| !used.contains(address));
    let Some(public) = free else {
        return Err(Error::new("AddressLimitExceeded", "The maximum number of addresses has been reached."));
    };
    let region = work.region().to_owned();
    let body = json!({
        "PublicIp": public, "Domain": "vpc", "PublicIpv4Pool": "amazon", "NetworkBorderGroup": region,
    });
    let id = work.add(&ADDRESS, &body, input)?.id.clone();
    Ok(json!({
        "AllocationId": id, "PublicIp": public, "Domain": "vpc", "PublicIpv4Pool": "amazon", "NetworkBorderGroup": region,
    }))
}

/// The address that an input names.
fn allocation(work: &Work<'_>, input: Input<'_>) -> Result<String, Error> {
    if let Some(id) = input.text("AllocationId") {
        return Ok(work.store.get(&ADDRESS, &id)?.id.clone());
    }
    let public = input.required("PublicIp").map_err(|_| Error::missing("allocationId"))?;
    let found = work.store.of(&ADDRESS).find(|one| one.is("PublicIp", &public));
    found
        .map(|one| one.id.clone())
        .ok_or_else(|| Error::new("InvalidAddress.NotFound", format!("Address '{public}' not found.")))
}

fn release(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = allocation(work, input)?;
    let address = work.store.get(&ADDRESS, &id)?;
    if address.body.get("AssociationId").is_some() {
        let message = format!("Address {} is in use.", address.text("PublicIp"));
        return Err(Error::new("InvalidIPAddress.InUse", message));
    }
    work.store.remove(&id);
    Ok(json!({ "Return": true }))
}

/// Has an address stand for an interface.
fn map(work: &mut Work<'_>, allocation: &str, interface: &str, association: &str) -> Result<(), Error> {
    let found = work.store.get(&INTERFACE, interface)?;
    let mut members = json!({
        "AssociationId": association, "NetworkInterfaceId": interface, "NetworkInterfaceOwnerId": found.body["OwnerId"],
        "PrivateIpAddress": found.body["PrivateIpAddress"],
    });
    if let Some(instance) = found.body["Attachment"].get("InstanceId") {
        members["InstanceId"] = instance.clone();
    }
    work.store.get_mut(&ADDRESS, allocation)?.set(&members);
    Ok(())
}

/// Takes an address off its interface.
fn unmap(address: &mut super::store::Resource) {
    if let Some(members) = address.body.as_object_mut() {
        for member in
            ["AssociationId", "NetworkInterfaceId", "NetworkInterfaceOwnerId", "PrivateIpAddress", "InstanceId"]
        {
            members.shift_remove(member);
        }
    }
}

/// Takes every address off an interface that goes.
pub fn unmap_interface(work: &mut Work<'_>, interface: &str) {
    work.store.of_mut(&ADDRESS).filter(|one| one.is("NetworkInterfaceId", interface)).for_each(unmap);
}

fn associate(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = allocation(work, input)?;
    let interface = match (input.text("NetworkInterfaceId"), input.text("InstanceId")) {
        (Some(interface), _) => interface,
        (None, Some(instance)) => {
            let shown = view::of(work.store, work.store.get(&INSTANCE, &instance)?);
            let first = shown["NetworkInterfaces"][0]["NetworkInterfaceId"].as_str().map(str::to_owned);
            first.ok_or_else(|| {
                Error::new("InvalidInstanceID", format!("The instance '{instance}' has no network interface"))
            })?
        }
        (None, None) => return Err(Error::missing("instanceId")),
    };
    work.store.get(&INTERFACE, &interface)?;
    let address = work.store.get(&ADDRESS, &id)?;
    if address.body.get("AssociationId").is_some() && input.flag("AllowReassociation")? == Some(false) {
        let message =
            format!("resource {id} is already associated with associate-id {}", address.text("AssociationId"));
        return Err(Error::new("Resource.AlreadyAssociated", message));
    }
    let association = work.new_id("eipassoc");
    unmap(work.store.get_mut(&ADDRESS, &id)?);
    map(work, &id, &interface, &association)?;
    Ok(json!({ "AssociationId": association, "Return": true }))
}

fn disassociate(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let found = match input.text("AssociationId") {
        Some(id) => {
            let found = work.store.of(&ADDRESS).find(|one| one.is("AssociationId", &id)).map(|one| one.id.clone());
            found.ok_or_else(|| {
                Error::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
            })?
        }
        None => allocation(work, input)?,
    };
    unmap(work.store.get_mut(&ADDRESS, &found)?);
    Ok(json!({ "Return": true }))
}
