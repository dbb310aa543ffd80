//! Security groups and their rules.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cidr::Block;
use super::error::Error;
use super::input::Input;
use super::kind::{INTERFACE, PREFIX_LIST, RULE, SECURITY_GROUP, VPC};
use super::store::{Work, specified};
use super::table::{Operation, op};
use super::view;

const RULES: &[&str] =
    &["GroupId", "GroupName", "IpPermissions", "IpProtocol", "FromPort", "ToPort", "CidrIp", "SecurityGroupRuleId"];

pub const OPERATIONS: &[Operation] = &[
    op("CreateSecurityGroup", &["GroupName", "GroupDescription", "VpcId"], create),
    op("DeleteSecurityGroup", &["GroupId", "GroupName"], delete),
    op("AuthorizeSecurityGroupIngress", RULES, |work, input| authorize(work, input, false)),
    op("AuthorizeSecurityGroupEgress", RULES, |work, input| authorize(work, input, true)),
    op("RevokeSecurityGroupIngress", RULES, |work, input| revoke(work, input, false)),
    op("RevokeSecurityGroupEgress", RULES, |work, input| revoke(work, input, true)),
];

fn create(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (name, description) = (input.required("GroupName")?, input.required("GroupDescription")?);
    let fits = |text: &str| {
        text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:/()#,@[]+=&;{}!$* ".contains(&b))
    };
    if !fits(&name) || name.starts_with("sg-") {
        return Err(Error::value("groupName", name, "Group names may not be in the format sg-*."));
    }
    if !fits(&description) {
        let why = "Character sets beyond ASCII are not supported.";
        return Err(Error::value("GroupDescription", description, why));
    }
    let vpc = match input.text("VpcId") {
        Some(vpc) => work.store.get(&VPC, &vpc)?.id.clone(),
        None => default_vpc(work)?,
    };
    if work.store.of(&SECURITY_GROUP).any(|one| one.is("VpcId", &vpc) && one.is("GroupName", &name)) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Error::new("InvalidGroup.Duplicate", message));
    }
    let tags = specified(input, &SECURITY_GROUP)?;
    let id = make(work, &vpc, &name, &description, tags);
    let shown = view::of(work.store, work.store.get(&SECURITY_GROUP, &id)?);
    Ok(json!({ "GroupId": id, "Tags": shown["Tags"], "SecurityGroupArn": shown["SecurityGroupArn"] }))
}

/// The default VPC, where an input names none.
///
/// # Errors
/// When there is none.
pub fn default_vpc(work: &Work<'_>) -> Result<String, Error> {
    let found = work.store.of(&VPC).find(|vpc| vpc.body["IsDefault"] == true).map(|vpc| vpc.id.clone());
    found.ok_or_else(|| Error::new("VPCIdNotSpecified", "No default VPC for this user"))
}

/// Makes a group that lets everything out.
pub fn make(work: &mut Work<'_>, vpc: &str, name: &str, description: &str, tags: BTreeMap<String, String>) -> String {
    let (owner, region) = (work.account(), work.region().to_owned());
    let body = json!({ "GroupName": name, "Description": description, "VpcId": vpc, "OwnerId": owner });
    let group = work.put(&SECURITY_GROUP, &body, tags);
    let id = group.id.clone();
    let account = owner.as_str().unwrap_or_default();
    group.body["SecurityGroupArn"] = Value::from(format!("arn:aws:ec2:{region}:{account}:security-group/{id}"));
    make_rule(
        work,
        &json!({
            "GroupId": id, "GroupOwnerId": owner, "IsEgress": true, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1,
            "CidrIpv4": "0.0.0.0/0",
        }),
    );
    id
}

/// Makes a rule.
pub fn make_rule(work: &mut Work<'_>, body: &Value) -> String {
    let (region, owner) = (work.region().to_owned(), work.account());
    let rule = work.put(&RULE, body, BTreeMap::new());
    let id = rule.id.clone();
    let account = owner.as_str().unwrap_or_default();
    rule.body["SecurityGroupRuleArn"] = Value::from(format!("arn:aws:ec2:{region}:{account}:security-group-rule/{id}"));
    id
}

/// The group that an input names.
fn named(work: &Work<'_>, input: Input<'_>) -> Result<String, Error> {
    if let Some(id) = input.text("GroupId") {
        return Ok(work.store.get(&SECURITY_GROUP, &id)?.id.clone());
    }
    let name = input.required("GroupName").map_err(|_| Error::missing("groupId"))?;
    let vpc = default_vpc(work)?;
    let found = work.store.of(&SECURITY_GROUP).find(|one| one.is("VpcId", &vpc) && one.is("GroupName", &name));
    found.map(|one| one.id.clone()).ok_or_else(|| {
        let message = format!("The security group '{name}' does not exist in default VPC '{vpc}'");
        Error::new("InvalidGroup.NotFound", message)
    })
}

fn delete(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = named(work, input)?;
    if work.store.get(&SECURITY_GROUP, &id)?.is("GroupName", "default") {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Error::new("CannotDelete", message));
    }
    let used = work
        .store
        .of(&INTERFACE)
        .any(|one| one.hidden["GroupIds"].as_array().into_iter().flatten().any(|group| *group == id.as_str()));
    let referenced = work
        .store
        .of(&RULE)
        .any(|rule| rule.body["ReferencedGroupInfo"]["GroupId"] == id.as_str() && !rule.is("GroupId", &id));
    if used || referenced {
        return Err(Error::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    work.store.remove_where(|one| one.is_a(&RULE) && one.is("GroupId", &id));
    work.store.remove(&id);
    Ok(json!({ "Return": true, "GroupId": id }))
}

/// A protocol as EC2 shows it.
fn protocol(text: &str) -> Result<String, Error> {
    let known = match text.to_ascii_lowercase().as_str() {
        "-1" | "all" => "-1",
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "58" | "icmpv6" => "icmpv6",
        other if other.parse::<u8>().is_ok() => return Ok(other.to_owned()),
        other => return Err(Error::value("ipProtocol", other, "Unrecognized protocol.")),
    };
    Ok(known.to_owned())
}

fn ports(input: Input<'_>, protocol: &str) -> Result<(i64, i64), Error> {
    let (from, to) = (input.integer("FromPort")?, input.integer("ToPort")?);
    if protocol == "-1" {
        return Ok((-1, -1));
    }
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (None, None) if !["tcp", "udp"].contains(&protocol) => (-1, -1),
        _ => {
            let message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
            return Err(Error::new("InvalidParameterValue", message));
        }
    };
    let limits = if ["tcp", "udp"].contains(&protocol) { 0..=65_535 } else { -1..=255 };
    if !limits.contains(&from) || !limits.contains(&to) || (from > to && protocol != "icmp" && protocol != "icmpv6") {
        let message = format!("Invalid value '{from}-{to}' for portRange. Must be within 0-65535 and in order.");
        return Err(Error::new("InvalidParameterValue", message));
    }
    Ok((from, to))
}

/// The rules that an input describes, each as a rule's body.
fn described(work: &Work<'_>, group: &str, input: Input<'_>, is_egress: bool) -> Result<Vec<Value>, Error> {
    let mut permissions = input.objects("IpPermissions");
    if permissions.is_empty() && input.get("IpProtocol").is_some() {
        permissions.push(input);
    }
    let owner = work.account();
    let mut rules = Vec::new();
    for permission in permissions {
        let protocol = protocol(&permission.required("IpProtocol")?)?;
        let (from, to) = ports(permission, &protocol)?;
        let rule = json!({
            "GroupId": group, "GroupOwnerId": owner, "IsEgress": is_egress, "IpProtocol": protocol, "FromPort": from,
            "ToPort": to,
        });
        let before = rules.len();
        let mut add = |member: &str, value: Value, entry: Option<Input<'_>>| {
            let mut rule = rule.clone();
            rule[member] = value;
            if let Some(description) = entry.and_then(|entry| entry.text("Description")) {
                rule["Description"] = Value::from(description);
            }
            rules.push(rule);
        };
        let cidr = |text: String| {
            let block = Block::parse(&text).filter(|block| block.to_string() == text);
            block
                .map(|_| Value::from(text.as_str()))
                .ok_or_else(|| Error::new("InvalidParameterValue", format!("CIDR block {text} is malformed")))
        };
        if let Some(text) = permission.text("CidrIp") {
            add("CidrIpv4", cidr(text)?, None);
        }
        for range in permission.objects("IpRanges") {
            add("CidrIpv4", cidr(range.required("CidrIp")?)?, Some(range));
        }
        for range in permission.objects("Ipv6Ranges") {
            add("CidrIpv6", Value::from(range.required("CidrIpv6")?), Some(range));
        }
        for list in permission.objects("PrefixListIds") {
            let id = list.required("PrefixListId")?;
            work.store.get(&PREFIX_LIST, &id)?;
            add("PrefixListId", Value::from(id), Some(list));
        }
        for pair in permission.objects("Groups") {
            let other = match pair.text("GroupId") {
                Some(id) => work.store.get(&SECURITY_GROUP, &id)?.id.clone(),
                None => named(work, pair)?,
            };
            let reference = json!({ "GroupId": other, "UserId": owner });
            add("ReferencedGroupInfo", reference, Some(pair));
        }
        if rules.len() == before {
            return Err(Error::missing("ipRanges"));
        }
    }
    if rules.is_empty() { Err(Error::missing("ipPermissions")) } else { Ok(rules) }
}

const IDENTITY: [&str; 9] = [
    "GroupId",
    "IsEgress",
    "IpProtocol",
    "FromPort",
    "ToPort",
    "CidrIpv4",
    "CidrIpv6",
    "PrefixListId",
    "ReferencedGroupInfo",
];

fn is_same(one: &Value, other: &Value) -> bool {
    IDENTITY.iter().all(|member| one.get(member) == other.get(member))
}

/// The rule in words, as errors show it.
fn words(rule: &Value) -> String {
    let text = |member: &str| rule[member].as_str().map_or_else(|| rule[member].to_string(), str::to_owned);
    let peer = ["CidrIpv4", "CidrIpv6", "PrefixListId"].into_iter().find(|member| rule.get(*member).is_some());
    let peer =
        peer.map_or_else(|| rule["ReferencedGroupInfo"]["GroupId"].as_str().unwrap_or_default().to_owned(), text);
    match text("IpProtocol").as_str() {
        "-1" => format!("peer: {peer}, ALL, ALLOW"),
        protocol => {
            let upper = protocol.to_uppercase();
            format!("peer: {peer}, {upper}, from port: {}, to port: {}, ALLOW", rule["FromPort"], rule["ToPort"])
        }
    }
}

fn authorize(work: &mut Work<'_>, input: Input<'_>, is_egress: bool) -> Result<Value, Error> {
    let group = named(work, input)?;
    let rules = described(work, &group, input, is_egress)?;
    for (index, rule) in rules.iter().enumerate() {
        if work.store.of(&RULE).any(|one| is_same(&one.body, rule))
            || rules[..index].iter().any(|one| is_same(one, rule))
        {
            let message = format!("the specified rule \"{}\" already exists", words(rule));
            return Err(Error::new("InvalidPermission.Duplicate", message));
        }
    }
    let tags = specified(input, &RULE)?;
    let mut made = Vec::new();
    for rule in &rules {
        let id = make_rule(work, rule);
        let rule = work.store.get_mut(&RULE, &id)?;
        rule.tags.clone_from(&tags);
        made.push(view::of(work.store, work.store.get(&RULE, &id)?));
    }
    Ok(json!({ "Return": true, "SecurityGroupRules": made }))
}

fn revoke(work: &mut Work<'_>, input: Input<'_>, is_egress: bool) -> Result<Value, Error> {
    let group = named(work, input)?;
    let ids = input.texts("SecurityGroupRuleId");
    let mut gone = Vec::new();
    if ids.is_empty() {
        for rule in described(work, &group, input, is_egress)? {
            let found = work.store.of(&RULE).find(|one| is_same(&one.body, &rule)).map(|one| one.id.clone());
            gone.push(found.ok_or_else(|| {
                let message = "The specified rule does not exist in this security group.";
                Error::new("InvalidPermission.NotFound", message)
            })?);
        }
    }
    for id in ids {
        let rule = work.store.get(&RULE, &id)?;
        if !rule.is("GroupId", &group) || rule.body["IsEgress"] != is_egress {
            return Err(RULE.not_found(&id));
        }
        gone.push(id);
    }
    let mut revoked = Vec::new();
    for id in gone {
        revoked.extend(work.store.remove(&id).map(|rule| rule.body));
    }
    Ok(json!({ "Return": true, "RevokedSecurityGroupRules": revoked }))
}
