//! A resource as it is shown: what it holds, its tags, and what other resources tell of it.

use serde_json::{Map, Value, json};

use super::cidr::Block;
use super::kind::{ADDRESS, INSTANCE, INTERFACE, RULE, SECURITY_GROUP, SUBNET, VOLUME};
use super::store::{Resource, Store};

/// The resource as answers and filters see it.
#[must_use]
pub fn of(store: &Store, resource: &Resource) -> Value {
    let mut shown = resource.body.clone();
    if resource.is_a(&SUBNET) {
        shown["AvailableIpAddressCount"] = json!(free_addresses(store, resource));
    } else if resource.is_a(&SECURITY_GROUP) {
        for (member, is_egress) in [("IpPermissions", false), ("IpPermissionsEgress", true)] {
            shown[member] = permissions(store, &resource.id, is_egress);
        }
    } else if resource.is_a(&INTERFACE) {
        complete_interface(store, resource, &mut shown);
    } else if resource.is_a(&INSTANCE) {
        complete_instance(store, resource, &mut shown);
    }
    shown["Tags"] = resource.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    shown
}

fn free_addresses(store: &Store, subnet: &Resource) -> u64 {
    let size = Block::parse(subnet.text("CidrBlock")).map_or(0, Block::size);
    let used = store.of(&INTERFACE).filter(|one| one.is("SubnetId", &subnet.id));
    let used: usize = used.map(|one| one.body["PrivateIpAddresses"].as_array().map_or(0, Vec::len)).sum();
    size.saturating_sub(5 + used as u64)
}

/// The rules of a group as permissions: one for each protocol and range of ports.
fn permissions(store: &Store, group: &str, is_egress: bool) -> Value {
    let mut permissions: Vec<Value> = Vec::new();
    let rules = store.of(&RULE).filter(|rule| rule.is("GroupId", group) && rule.body["IsEgress"] == is_egress);
    for rule in rules {
        let rule = &rule.body;
        let mut key = json!({ "IpProtocol": rule["IpProtocol"] });
        if rule["IpProtocol"] != "-1" {
            key["FromPort"] = rule["FromPort"].clone();
            key["ToPort"] = rule["ToPort"].clone();
        }
        let same = |one: &Value| key.as_object().into_iter().flatten().all(|(name, value)| one[name] == *value);
        let index = permissions.iter().position(same).unwrap_or_else(|| {
            let mut new = key.clone();
            for list in ["IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"] {
                new[list] = json!([]);
            }
            permissions.push(new);
            permissions.len() - 1
        });
        let (list, mut entry) = if let Some(cidr) = rule.get("CidrIpv4") {
            ("IpRanges", json!({ "CidrIp": cidr }))
        } else if let Some(cidr) = rule.get("CidrIpv6") {
            ("Ipv6Ranges", json!({ "CidrIpv6": cidr }))
        } else if let Some(prefix_list) = rule.get("PrefixListId") {
            ("PrefixListIds", json!({ "PrefixListId": prefix_list }))
        } else {
            ("UserIdGroupPairs", rule["ReferencedGroupInfo"].clone())
        };
        if let Some(description) = rule.get("Description") {
            entry["Description"] = description.clone();
        }
        if let Some(entries) = permissions[index][list].as_array_mut() {
            entries.push(entry);
        }
    }
    Value::Array(permissions)
}

/// The groups of an interface, with their names.
fn groups(store: &Store, interface: &Resource) -> Value {
    let ids = interface.hidden["GroupIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named = ids.map(|id| {
        let name = store.get(&SECURITY_GROUP, id).map_or("", |group| group.text("GroupName"));
        json!({ "GroupId": id, "GroupName": name })
    });
    named.collect()
}

fn complete_interface(store: &Store, resource: &Resource, shown: &mut Value) {
    shown["Groups"] = groups(store, resource);
    let address = store.of(&ADDRESS).find(|one| one.is("NetworkInterfaceId", &resource.id));
    if let Some(address) = address {
        let association = json!({
            "AllocationId": address.id, "AssociationId": address.body["AssociationId"],
            "IpOwnerId": resource.body["OwnerId"], "PublicDnsName": public_name(address.text("PublicIp")),
            "PublicIp": address.body["PublicIp"],
        });
        if let Some(primary) = shown["PrivateIpAddresses"].get_mut(0) {
            primary["Association"] = association.clone();
        }
        shown["Association"] = association;
    } else if let Some(public) = resource.hidden["Public"].as_str().filter(|_| is_running(store, resource)) {
        // An address of the subnet's own, which lasts as long as the instance runs.
        shown["Association"] =
            json!({ "IpOwnerId": "amazon", "PublicDnsName": public_name(public), "PublicIp": public });
    }
    shown["TagSet"] = resource.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
}

fn is_running(store: &Store, interface: &Resource) -> bool {
    let instance = interface.body["Attachment"]["InstanceId"].as_str().unwrap_or_default();
    store
        .get(&INSTANCE, instance)
        .is_ok_and(|one| matches!(one.body["State"]["Name"].as_str(), Some("running" | "pending")))
}

/// `ec2-1-2-3-4.compute-1.amazonaws.com`.
#[must_use]
pub fn public_name(address: &str) -> String {
    format!("ec2-{}.compute-1.amazonaws.com", address.replace('.', "-"))
}

/// Members of an instance's interface that are the interface's own.
const OF_INTERFACE: [&str; 14] = [
    "Association",
    "Attachment",
    "Description",
    "Groups",
    "Ipv6Addresses",
    "MacAddress",
    "NetworkInterfaceId",
    "OwnerId",
    "PrivateDnsName",
    "PrivateIpAddress",
    "PrivateIpAddresses",
    "SourceDestCheck",
    "Status",
    "SubnetId",
];

fn complete_instance(store: &Store, resource: &Resource, shown: &mut Value) {
    let own = |one: &&Resource| one.body["Attachment"]["InstanceId"] == resource.id.as_str();
    let mut interfaces: Vec<Value> = store.of(&INTERFACE).filter(own).map(|one| of(store, one)).collect();
    interfaces.sort_by_key(|one| one["Attachment"]["DeviceIndex"].as_i64());
    if let Some(first) = interfaces.first() {
        for (member, from) in [("PrivateIpAddress", "PrivateIpAddress"), ("PrivateDnsName", "PrivateDnsName")] {
            shown[member] = first[from].clone();
        }
        for member in ["SubnetId", "VpcId", "SourceDestCheck"] {
            shown[member] = first[member].clone();
        }
        shown["SecurityGroups"] = first["Groups"].clone();
        if let Some(association) = first.get("Association") {
            shown["PublicIpAddress"] = association["PublicIp"].clone();
            shown["PublicDnsName"] = association["PublicDnsName"].clone();
        }
    }
    let trimmed = interfaces.into_iter().map(|one| {
        let mut kept: Map<String, Value> =
            OF_INTERFACE.iter().filter_map(|name| Some(((*name).to_owned(), one.get(*name)?.clone()))).collect();
        kept.insert("InterfaceType".to_owned(), json!("interface"));
        kept.insert("VpcId".to_owned(), one["VpcId"].clone());
        Value::Object(kept)
    });
    shown["NetworkInterfaces"] = trimmed.collect();
    let volumes = store.of(&VOLUME).flat_map(|volume| {
        let attachments = volume.body["Attachments"].as_array().into_iter().flatten();
        attachments.filter(|one| one["InstanceId"] == resource.id.as_str()).map(|one| {
            json!({ "DeviceName": one["Device"], "Ebs": {
                "AttachTime": one["AttachTime"], "DeleteOnTermination": one["DeleteOnTermination"],
                "Status": one["State"], "VolumeId": volume.id,
            }})
        })
    });
    shown["BlockDeviceMappings"] = volumes.collect();
}
