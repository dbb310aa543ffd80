//! The network of a task: its subnets and security groups are asked of EC2, and its interface is one of EC2's.

use serde_json::{Value, json};

use super::definition::texts;
use super::error::Error;
use super::task::Attachment;
use crate::emulator::{Fabric, ServiceError};

const PRINCIPAL: &str = "ecs.amazonaws.com";

/// `awsvpcConfiguration`.
#[derive(Debug, Clone)]
pub struct Network {
    pub subnets: Vec<String>,
    pub groups: Vec<String>,
    public: bool,
}

impl Network {
    /// Reads a network configuration.
    ///
    /// # Errors
    /// `InvalidParameterException` in AWS's words.
    pub fn read(configuration: &Value) -> Result<Self, Error> {
        let vpc = &configuration["awsvpcConfiguration"];
        let subnets = texts(vpc.get("subnets"));
        if !vpc.is_object() {
            let problem = "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
            return Err(Error::invalid(problem));
        }
        if subnets.is_empty() || subnets.len() > 16 {
            return Err(Error::invalid("subnets can have at most 16 items and must have at least one."));
        }
        let groups = texts(vpc.get("securityGroups"));
        if groups.len() > 5 {
            return Err(Error::invalid("securityGroups can have at most 5 items."));
        }
        let public = match vpc.get("assignPublicIp").and_then(Value::as_str) {
            None | Some("DISABLED") => false,
            Some("ENABLED") => true,
            Some(other) => return Err(Error::invalid(format!("assignPublicIp {other} is not ENABLED or DISABLED."))),
        };
        Ok(Self { subnets, groups, public })
    }
}

fn words(what: &str, ids: &[String], error: &ServiceError) -> Error {
    let ids = ids.join(", ");
    Error::invalid(format!(
        "Error retrieving {what} information for [{ids}]: {} (ErrorCode: {})",
        error.message, error.code
    ))
}

/// The subnets, each with its availability zone.
///
/// # Errors
/// When a subnet or security group is not there.
pub async fn zones(fabric: &Fabric, network: &Network) -> Result<Vec<(String, String)>, Error> {
    let region = &fabric.identity().region;
    if fabric.service("ec2").is_none() {
        return Ok(network.subnets.iter().map(|id| (id.clone(), format!("{region}a"))).collect());
    }
    let found = fabric.call(PRINCIPAL, "ec2", "DescribeSubnets", json!({ "SubnetIds": network.subnets })).await;
    let found = found.map_err(|error| words("subnet", &network.subnets, &error))?;
    if !network.groups.is_empty() {
        let input = json!({ "GroupIds": network.groups });
        let groups = fabric.call(PRINCIPAL, "ec2", "DescribeSecurityGroups", input).await;
        groups.map_err(|error| words("security group", &network.groups, &error))?;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let zones = found["Subnets"].as_array().into_iter().flatten();
    Ok(zones.map(|one| (text(&one["SubnetId"]), text(&one["AvailabilityZone"]))).collect())
}

/// Makes the interface of a task.
///
/// # Errors
/// Why the task stops, as AWS words it.
pub async fn attach(
    fabric: &Fabric,
    task: &str,
    attachment: &Attachment,
    network: &Network,
) -> Result<[String; 4], String> {
    if fabric.service("ec2").is_none() {
        return Err("Unexpected EC2 error while attempting to Create Network Interface: there is no EC2".to_owned());
    }
    let input = json!({
        "SubnetId": attachment.subnet, "Groups": attachment.groups, "Description": task,
        "InterfaceType": "interface",
    });
    let made = fabric.call(PRINCIPAL, "ec2", "CreateNetworkInterface", input).await;
    let with_public = if network.public { "enabled" } else { "disabled" };
    let made = made.map_err(|error| {
        format!(
            "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment {with_public} in subnet '{}': {}",
            attachment.subnet, error.code
        )
    })?;
    let text = |member: &str| made["NetworkInterface"][member].as_str().unwrap_or_default().to_owned();
    Ok(["NetworkInterfaceId", "PrivateIpAddress", "PrivateDnsName", "MacAddress"].map(text))
}

/// Deletes the interface of a task that has ended.
pub async fn detach(fabric: &Fabric, interface: &str) {
    let input = json!({ "NetworkInterfaceId": interface });
    if let Err(error) = fabric.call(PRINCIPAL, "ec2", "DeleteNetworkInterface", input).await {
        tracing::debug!(interface, %error, "the interface of a task cannot be deleted");
    }
}
