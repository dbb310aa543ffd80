//! `AWS::EC2::SecurityGroup`, and rules as resources of their own.

use serde_json::{Map, Value, json};

use super::{creation, deleted, described, made, retag, text};
use crate::emulator::services::cloudformation::resources::schema::{Property, Shape, TAGS, property};
use crate::emulator::services::cloudformation::resources::{Failure, Made, Request, provider};

const INGRESS_RULE: Shape = Shape::List(&Shape::Object(&[
    property("CidrIp", Shape::Text),
    property("CidrIpv6", Shape::Text),
    property("Description", Shape::Text),
    property("FromPort", Shape::Integer),
    property("IpProtocol", Shape::Text).required(),
    property("SourcePrefixListId", Shape::Text),
    property("SourceSecurityGroupId", Shape::Text),
    property("ToPort", Shape::Integer),
]));

const EGRESS_RULE: Shape = Shape::List(&Shape::Object(&[
    property("CidrIp", Shape::Text),
    property("CidrIpv6", Shape::Text),
    property("Description", Shape::Text),
    property("DestinationPrefixListId", Shape::Text),
    property("DestinationSecurityGroupId", Shape::Text),
    property("FromPort", Shape::Integer),
    property("IpProtocol", Shape::Text).required(),
    property("ToPort", Shape::Integer),
]));

const GROUP: &[Property] = &[
    property("GroupDescription", Shape::Text).required().replaces(),
    property("GroupName", Shape::Text).replaces(),
    property("SecurityGroupEgress", EGRESS_RULE),
    property("SecurityGroupIngress", INGRESS_RULE),
    property("Tags", TAGS),
    property("VpcId", Shape::Text).replaces(),
];

provider!(SecurityGroup, "AWS::EC2::SecurityGroup", GROUP, Some("GroupName"), create_group, update_group, delete_group);

/// The rule that a group without egress rules of its own has.
const EVERYTHING: &str = "0.0.0.0/0";

/// A rule of a template as a permission.
fn permission(rule: &Value) -> Value {
    let mut permission = json!({ "IpProtocol": rule["IpProtocol"] });
    for port in ["FromPort", "ToPort"] {
        if let Some(value) = rule.get(port) {
            permission[port] = value.clone();
        }
    }
    for (property, list, member) in [
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
        ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
        ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ] {
        if let Some(value) = rule.get(property) {
            let mut entry = Map::from_iter([(member.to_owned(), value.clone())]);
            if let Some(description) = rule.get("Description") {
                entry.insert("Description".to_owned(), description.clone());
            }
            permission[list] = json!([entry]);
        }
    }
    permission
}

fn rules<'a>(properties: &'a Value, list: &str) -> &'a [Value] {
    properties[list].as_array().map_or(&[], Vec::as_slice)
}

/// Adds a permission to a group, or takes it away.
async fn change_rule(request: Request<'_>, id: &str, operation: &str, permission: &Value) -> Result<(), Failure> {
    let input = json!({ "GroupId": id, "IpPermissions": [permission] });
    request.call("ec2", operation, input).await.map(drop)
}

/// Adds the rules that are new and takes those away that are gone.
async fn set_rules(request: Request<'_>, id: &str, before: &Value) -> Result<(), Failure> {
    for (list, authorize, revoke) in [
        ("SecurityGroupIngress", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"),
        ("SecurityGroupEgress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"),
    ] {
        let (old, new) = (rules(before, list), rules(request.properties, list));
        // A group without egress rules of its own lets everything out.
        let open = json!({ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": EVERYTHING }] });
        let is_egress = list == "SecurityGroupEgress";
        if is_egress && old.is_empty() && !new.is_empty() {
            change_rule(request, id, revoke, &open).await?;
        }
        for rule in old.iter().filter(|rule| !new.contains(rule)) {
            change_rule(request, id, revoke, &permission(rule)).await?;
        }
        for rule in new.iter().filter(|rule| !old.contains(rule)) {
            change_rule(request, id, authorize, &permission(rule)).await?;
        }
        if is_egress && !old.is_empty() && new.is_empty() {
            change_rule(request, id, authorize, &open).await?;
        }
    }
    Ok(())
}

async fn group(request: Request<'_>, id: &str) -> Result<Made, Failure> {
    let found = described(request, "DescribeSecurityGroups", "SecurityGroups", "GroupIds", id).await?;
    Ok(made(id, &found, &[("GroupId", "/GroupId"), ("Id", "/GroupId"), ("VpcId", "/VpcId")]))
}

async fn create_group(request: Request<'_>) -> Result<Made, Failure> {
    let mut input = creation(request, &["VpcId", "GroupDescription"], "security-group");
    input.insert("GroupName".to_owned(), Value::from(request.name("GroupName", 255)));
    let created = request.call("ec2", "CreateSecurityGroup", input).await?;
    let id = text(&created["GroupId"]);
    set_rules(request, &id, &Value::Null).await.map_err(|failure| failure.after(&id))?;
    group(request, &id).await
}

async fn update_group(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    set_rules(request, id, before).await?;
    retag(request, id, before).await?;
    group(request, id).await
}

async fn delete_group(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteSecurityGroup", "GroupId", id).await
}

const INGRESS: &[Property] = &[
    property("CidrIp", Shape::Text).replaces(),
    property("CidrIpv6", Shape::Text).replaces(),
    property("Description", Shape::Text).replaces(),
    property("FromPort", Shape::Integer).replaces(),
    property("GroupId", Shape::Text).required().replaces(),
    property("IpProtocol", Shape::Text).required().replaces(),
    property("SourcePrefixListId", Shape::Text).replaces(),
    property("SourceSecurityGroupId", Shape::Text).replaces(),
    property("ToPort", Shape::Integer).replaces(),
];

provider!(
    SecurityGroupIngress,
    "AWS::EC2::SecurityGroupIngress",
    INGRESS,
    None,
    create_ingress,
    keep_rule,
    delete_ingress
);

const EGRESS: &[Property] = &[
    property("CidrIp", Shape::Text).replaces(),
    property("CidrIpv6", Shape::Text).replaces(),
    property("Description", Shape::Text).replaces(),
    property("DestinationPrefixListId", Shape::Text).replaces(),
    property("DestinationSecurityGroupId", Shape::Text).replaces(),
    property("FromPort", Shape::Integer).replaces(),
    property("GroupId", Shape::Text).required().replaces(),
    property("IpProtocol", Shape::Text).required().replaces(),
    property("ToPort", Shape::Integer).replaces(),
];

provider!(SecurityGroupEgress, "AWS::EC2::SecurityGroupEgress", EGRESS, None, create_egress, keep_rule, delete_egress);

async fn create_rule(request: Request<'_>, operation: &str) -> Result<Made, Failure> {
    let input = json!({ "GroupId": request.text("GroupId"), "IpPermissions": [permission(request.properties)] });
    let answer = request.call("ec2", operation, input).await?;
    let id = text(&answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]);
    Ok(Made::new(id.as_str()).with("Id", id))
}

async fn create_ingress(request: Request<'_>) -> Result<Made, Failure> {
    create_rule(request, "AuthorizeSecurityGroupIngress").await
}

async fn create_egress(request: Request<'_>) -> Result<Made, Failure> {
    create_rule(request, "AuthorizeSecurityGroupEgress").await
}

async fn keep_rule(_: Request<'_>, id: &str, _: &Value) -> Result<Made, Failure> {
    Ok(Made::new(id).with("Id", id))
}

async fn delete_rule(request: Request<'_>, operation: &str, id: &str) -> Result<(), Failure> {
    let input = json!({ "GroupId": request.text("GroupId"), "SecurityGroupRuleIds": [id] });
    request.call("ec2", operation, input).await.map(drop)
}

async fn delete_ingress(request: Request<'_>, id: &str) -> Result<(), Failure> {
    delete_rule(request, "RevokeSecurityGroupIngress", id).await
}

async fn delete_egress(request: Request<'_>, id: &str) -> Result<(), Failure> {
    delete_rule(request, "RevokeSecurityGroupEgress", id).await
}
