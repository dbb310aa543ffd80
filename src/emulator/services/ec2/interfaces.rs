//! Network interfaces: each has an address of its subnet, and belongs to an instance, a service, or nobody.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::error::Error;
use super::gateways::unmap_interface;
use super::input::Input;
use super::kind::{INSTANCE, INTERFACE, SECURITY_GROUP};
use super::store::Work;
use super::table::{Operation, op};
use super::{view, vpcs};

pub const OPERATIONS: &[Operation] = &[
    op(
        "CreateNetworkInterface",
        &["SubnetId", "Description", "PrivateIpAddress", "SecurityGroupId", "InterfaceType"],
        create,
    ),
    op("DeleteNetworkInterface", &["NetworkInterfaceId"], delete),
    op(
        "ModifyNetworkInterfaceAttribute",
        &["NetworkInterfaceId", "Description", "SourceDestCheck", "SecurityGroupId", "Attachment"],
        modify,
    ),
    op("AttachNetworkInterface", &["NetworkInterfaceId", "InstanceId", "DeviceIndex"], attach),
    op("DetachNetworkInterface", &["AttachmentId", "Force"], detach),
];

/// An interface that is to be made.
pub struct Wanted<'a> {
    pub subnet: &'a str,
    pub description: &'a str,
    pub address: Option<String>,
    pub groups: Vec<String>,
    pub kind: &'a str,
    pub is_managed: bool,
}

/// A free address of a subnet, or the one that is wanted.
fn address(work: &Work<'_>, subnet: &str, wanted: Option<String>) -> Result<Ipv4Addr, Error> {
    let (_, block) = vpcs::subnet(work.store, subnet)?;
    let taken: std::collections::HashSet<&str> = work
        .store
        .of(&INTERFACE)
        .filter(|one| one.is("SubnetId", subnet))
        .map(|one| one.text("PrivateIpAddress"))
        .collect();
    let is_free = |address: &Ipv4Addr| !taken.contains(address.to_string().as_str());
    match wanted {
        Some(text) => {
            let address: Ipv4Addr =
                text.parse().map_err(|_| Error::value("privateIpAddress", &text, "It is no address."))?;
            if !block.has(address) || !block.usable().any(|one| one == address) {
                return Err(Error::new(
                    "InvalidParameterValue",
                    format!("Address {text} does not fall within the subnet's address range"),
                ));
            }
            if is_free(&address) {
                Ok(address)
            } else {
                Err(Error::new("InvalidIPAddress.InUse", format!("Address {text} is in use.")))
            }
        }
        None => block.usable().find(is_free).ok_or_else(|| {
            Error::new(
                "InsufficientFreeAddressesInSubnet",
                format!("Insufficient free addresses in subnet '{subnet}'."),
            )
        }),
    }
}

/// The groups of an interface: those that are named, or its VPC's default one.
fn groups(work: &Work<'_>, vpc: &str, named: Vec<String>) -> Result<Vec<String>, Error> {
    if named.is_empty() {
        let is_default = |one: &&super::store::Resource| one.is("VpcId", vpc) && one.is("GroupName", "default");
        return Ok(work.store.of(&SECURITY_GROUP).find(is_default).map(|one| one.id.clone()).into_iter().collect());
    }
    for id in &named {
        if !work.store.get(&SECURITY_GROUP, id)?.is("VpcId", vpc) {
            let message =
                format!("You have specified two resources that belong to different networks: {id} is not in {vpc}.");
            return Err(Error::new("InvalidGroup.NotFound", message));
        }
    }
    Ok(named)
}

/// Makes an interface.
///
/// # Errors
/// When the subnet, a group or the address is not to be had.
pub fn make(work: &mut Work<'_>, wanted: &Wanted<'_>) -> Result<String, Error> {
    let (subnet, _) = vpcs::subnet(work.store, wanted.subnet)?;
    let (vpc, zone) = (subnet.text("VpcId").to_owned(), subnet.text("AvailabilityZone").to_owned());
    let groups = groups(work, &vpc, wanted.groups.clone())?;
    let address = address(work, wanted.subnet, wanted.address.clone())?.to_string();
    let name = format!("ip-{}.{}", address.replace('.', "-"), vpcs::private_domain(work.region()));
    let random = work.fabric.token(b"0123456789abcdef", 10);
    let mac: Vec<&str> = (0..5).filter_map(|n| random.get(n * 2..n * 2 + 2)).collect();
    let owner = work.account();
    let body = json!({
        "AvailabilityZone": zone, "Description": wanted.description, "InterfaceType": wanted.kind, "Ipv6Addresses": [],
        "MacAddress": format!("0e:{}", mac.join(":")), "OwnerId": owner, "PrivateDnsName": name,
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{ "Primary": true, "PrivateDnsName": name, "PrivateIpAddress": address }],
        "RequesterManaged": wanted.is_managed, "SourceDestCheck": wanted.kind != "nat_gateway",
        "Status": if wanted.is_managed { "in-use" } else { "available" }, "SubnetId": wanted.subnet, "VpcId": vpc,
    });
    let interface = work.put(&INTERFACE, &body, std::collections::BTreeMap::new());
    interface.hidden = json!({ "GroupIds": groups });
    Ok(interface.id.clone())
}

/// Takes an interface out, and addresses off it.
pub fn forget(work: &mut Work<'_>, id: &str) {
    unmap_interface(work, id);
    work.store.remove(id);
}

/// Takes an interface out that nobody has.
pub fn forget_if_free(work: &mut Work<'_>, id: &str) {
    if work.store.get(&INTERFACE, id).is_ok_and(|one| one.body.get("Attachment").is_none()) {
        forget(work, id);
    }
}

fn create(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let subnet = input.required("SubnetId")?;
    let kind = input.text("InterfaceType").unwrap_or_else(|| "interface".to_owned());
    if kind != "interface" {
        return Err(Error::unsupported(format!("network interfaces of the type {kind}")));
    }
    let description = input.text("Description").unwrap_or_default();
    let wanted = Wanted {
        subnet: &subnet,
        description: &description,
        address: input.text("PrivateIpAddress"),
        groups: input.texts("SecurityGroupId"),
        kind: &kind,
        is_managed: false,
    };
    let tags = super::store::specified(input, &INTERFACE)?;
    let id = make(work, &wanted)?;
    work.store.get_mut(&INTERFACE, &id)?.tags = tags;
    Ok(json!({ "NetworkInterface": view::of(work.store, work.store.get(&INTERFACE, &id)?) }))
}

fn delete(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("NetworkInterfaceId")?;
    if work.store.get(&INTERFACE, &id)?.is("Status", "in-use") {
        let message = format!("Network interface '{id}' is currently in use.");
        return Err(Error::new("InvalidParameterValue", message));
    }
    forget(work, &id);
    Ok(json!({ "Return": true }))
}

fn modify(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("NetworkInterfaceId")?;
    let vpc = work.store.get(&INTERFACE, &id)?.text("VpcId").to_owned();
    let named = input.texts("SecurityGroupId");
    let groups = if named.is_empty() { None } else { Some(groups(work, &vpc, named)?) };
    let check = input.attribute("SourceDestCheck")?;
    let deletes = input.object("Attachment").map(|one| one.flag("DeleteOnTermination")).transpose()?.flatten();
    let interface = work.store.get_mut(&INTERFACE, &id)?;
    if let Some(groups) = groups {
        interface.hidden["GroupIds"] = json!(groups);
    }
    if let Some(check) = check {
        interface.body["SourceDestCheck"] = Value::Bool(check);
    }
    if let Some(description) = input.object("Description").and_then(|one| one.text("Value")) {
        interface.body["Description"] = Value::from(description);
    }
    if let Some(deletes) = deletes.filter(|_| interface.body.get("Attachment").is_some()) {
        interface.body["Attachment"]["DeleteOnTermination"] = Value::Bool(deletes);
    }
    Ok(json!({ "Return": true }))
}

/// Has an instance have an interface.
///
/// # Errors
/// When the interface is not there or has one already.
pub fn give(work: &mut Work<'_>, id: &str, instance: &str, index: i64, deletes: bool) -> Result<String, Error> {
    let attachment = work.new_id("eni-attach");
    let (now, owner) = (work.now.iso_millis(), work.account());
    let interface = work.store.get_mut(&INTERFACE, id)?;
    if interface.body.get("Attachment").is_some() || interface.is("Status", "in-use") {
        let message = format!("Interface: [{id}] in use.");
        return Err(Error::new("InvalidNetworkInterface.InUse", message));
    }
    interface.set(&json!({ "Status": "in-use", "Attachment": {
        "AttachTime": now, "AttachmentId": attachment, "DeleteOnTermination": deletes, "DeviceIndex": index,
        "InstanceId": instance, "InstanceOwnerId": owner, "NetworkCardIndex": 0, "Status": "attached",
    }}));
    Ok(attachment)
}

fn attach(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (id, instance) = (input.required("NetworkInterfaceId")?, input.required("InstanceId")?);
    let index = input.integer("DeviceIndex")?.ok_or_else(|| Error::missing("deviceIndex"))?;
    let shown = view::of(work.store, work.store.get(&INSTANCE, &instance)?);
    let others = shown["NetworkInterfaces"].as_array().into_iter().flatten();
    if others.into_iter().any(|one| one["Attachment"]["DeviceIndex"] == index) {
        let message = format!("Instance '{instance}' already has an interface attached at device index '{index}'.");
        return Err(Error::new("InvalidParameterValue", message));
    }
    let attachment = give(work, &id, &instance, index, false)?;
    Ok(json!({ "AttachmentId": attachment, "NetworkCardIndex": 0 }))
}

fn detach(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let attachment = input.required("AttachmentId")?;
    let found = work.store.of_mut(&INTERFACE).find(|one| one.body["Attachment"]["AttachmentId"] == attachment.as_str());
    let Some(interface) = found else {
        let message = format!("The attachment '{attachment}' does not exist");
        return Err(Error::new("InvalidAttachmentID.NotFound", message));
    };
    if interface.body["Attachment"]["DeviceIndex"] == 0 {
        let message = "The network interface at device index 0 cannot be detached.";
        return Err(Error::new("OperationNotPermitted", message));
    }
    if let Some(members) = interface.body.as_object_mut() {
        members.shift_remove("Attachment");
    }
    interface.body["Status"] = Value::from("available");
    Ok(json!({ "Return": true }))
}
