//! The resource types of EC2: each is made by one call, deleted by another, and told about by a `Describe`.
//!
//! A type's table says which properties its calls take and what `Fn::GetAtt` gives; what does not fit in a table stands
//! in the type's own functions.

mod endpoints;
mod instances;
mod network;
mod security;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Failure, Made, Request};

pub use endpoints::VpcEndpoint;
pub use instances::{Instance, NetworkInterface, Volume, VolumeAttachment};
pub use network::{
    Eip, EipAssociation, InternetGateway, NatGateway, Route, RouteTable, Subnet, SubnetRouteTableAssociation, Vpc,
    VpcGatewayAttachment,
};
pub use security::{SecurityGroup, SecurityGroupEgress, SecurityGroupIngress};

/// How often a resource is looked at that takes time to come, by the endpoint's clock.
const LOOK: Duration = Duration::from_millis(200);
/// How often at the most.
const LOOKS: u32 = 300;

/// The tags of a resource in the way that its creation takes them.
fn tag_specification(request: Request<'_>, kind: &str) -> Value {
    let tags = request.tag_list();
    if tags.as_array().is_none_or(Vec::is_empty) {
        return json!([]);
    }
    json!([{ "ResourceType": kind, "Tags": tags }])
}

/// The input of a creation: these properties under their own names, and the tags.
fn creation(request: Request<'_>, properties: &[&str], kind: &str) -> Map<String, Value> {
    let mut input = request.members(properties);
    input.insert("TagSpecifications".to_owned(), tag_specification(request, kind));
    input
}

/// Brings the tags of a resource from those of `before` to those of the request.
async fn retag(request: Request<'_>, id: &str, before: &Value) -> Result<(), Failure> {
    if before.get("Tags") == request.properties.get("Tags") {
        return Ok(());
    }
    let now = request.tags();
    let old = before["Tags"].as_array().into_iter().flatten().map(|tag| &tag["Key"]);
    let gone: Vec<Value> = old
        .filter(|key| !now.iter().any(|(kept, _)| **key == kept.as_str()))
        .map(|key| json!({ "Key": key }))
        .collect();
    if !gone.is_empty() {
        request.call("ec2", "DeleteTags", json!({ "Resources": [id], "Tags": gone })).await?;
    }
    if !now.is_empty() {
        request.call("ec2", "CreateTags", json!({ "Resources": [id], "Tags": request.tag_list() })).await?;
    }
    Ok(())
}

/// The one resource of that id, as it is described.
async fn described(
    request: Request<'_>,
    operation: &str,
    list: &str,
    member: &str,
    id: &str,
) -> Result<Value, Failure> {
    let answer = request.call("ec2", operation, json!({ member: [id] })).await?;
    // Instances stand in reservations.
    let all = answer.pointer("/Reservations/0").unwrap_or(&answer);
    let found = all[list].as_array().and_then(|all| all.first()).cloned();
    found.ok_or_else(|| Failure::new(format!("{id} is not there")))
}

/// Waits while the state of a resource is one that passes, by the endpoint's clock; `look` is what [`described`] takes.
async fn settled(
    request: Request<'_>,
    look: [&str; 3],
    id: &str,
    (pointer, passing): (&str, &str),
) -> Result<Value, Failure> {
    let [operation, list, member] = look;
    for _ in 0..LOOKS {
        let found = described(request, operation, list, member, id).await?;
        if found.pointer(pointer).and_then(Value::as_str) != Some(passing) {
            return Ok(found);
        }
        request.fabric.clock().sleep(LOOK).await;
    }
    Err(Failure::new(format!("{} did not stabilize", request.logical_id)))
}

/// Deletes by one call with the physical id.
async fn deleted(request: Request<'_>, operation: &str, member: &str, id: &str) -> Result<(), Failure> {
    request.call("ec2", operation, json!({ member: id })).await.map(drop)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A `Made` with these members of a described resource as attributes.
fn made(id: &str, described: &Value, attributes: &[(&str, &str)]) -> Made {
    let mut made = Made::new(id);
    for (attribute, pointer) in attributes {
        if let Some(value) = described.pointer(pointer) {
            made = made.with(attribute, value.clone());
        }
    }
    made
}
