//! Where the endpoint is, and what its account may have: zones, regions, account attributes.

use serde_json::{Value, json};

use super::describe::Filter;
use super::error::Error;
use super::input::Input;
use super::kind::VPC;
use super::store::Work;
use super::table::{Operation, op};
use super::vpcs;

pub const OPERATIONS: &[Operation] = &[
    op("DescribeAvailabilityZones", &["ZoneName", "ZoneId", "AllAvailabilityZones"], zones),
    op("DescribeRegions", &["RegionName", "AllRegions"], regions),
    op("DescribeAccountAttributes", &["AttributeName"], attributes),
];

const REGIONS: [&str; 17] = [
    "ap-south-1",
    "eu-north-1",
    "eu-west-3",
    "eu-west-2",
    "eu-west-1",
    "ap-northeast-3",
    "ap-northeast-2",
    "ap-northeast-1",
    "ca-central-1",
    "sa-east-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

fn filtered(all: Vec<Value>, filters: &[(&str, &str)], input: Input<'_>) -> Result<Vec<Value>, Error> {
    let given = Filter::read(input)?;
    given.iter().try_for_each(|filter| filter.check(filters))?;
    Ok(all.into_iter().filter(|one| given.iter().all(|filter| filter.accepts(filters, one))).collect())
}

fn zones(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let region = work.region().to_owned();
    let shown = |zone: &&str| {
        json!({
            "OptInStatus": "opt-in-not-required", "Messages": [], "RegionName": region,
            "ZoneName": format!("{region}{zone}"), "ZoneId": vpcs::zone_id(&region, zone), "GroupName": format!("{region}-zg-1"),
            "NetworkBorderGroup": region, "ZoneType": "availability-zone", "State": "available",
        })
    };
    let all: Vec<Value> = vpcs::ZONES.iter().map(shown).collect();
    for (member, given) in [("ZoneName", input.texts("ZoneName")), ("ZoneId", input.texts("ZoneId"))] {
        if let Some(unknown) = given.iter().find(|name| !all.iter().any(|zone| zone[member] == name.as_str())) {
            return Err(Error::new("InvalidParameterValue", format!("Invalid availability zone: [{unknown}]")));
        }
    }
    let (names, ids) = (input.texts("ZoneName"), input.texts("ZoneId"));
    let is_wanted = |zone: &Value| {
        let is_in = |list: &[String], member: &str| list.iter().any(|one| zone[member] == one.as_str());
        (names.is_empty() && ids.is_empty()) || is_in(&names, "ZoneName") || is_in(&ids, "ZoneId")
    };
    let all = all.into_iter().filter(is_wanted).collect();
    let filters = [
        ("group-name", "GroupName"),
        ("opt-in-status", "OptInStatus"),
        ("region-name", "RegionName"),
        ("state", "State"),
        ("zone-id", "ZoneId"),
        ("zone-name", "ZoneName"),
        ("zone-type", "ZoneType"),
    ];
    Ok(json!({ "AvailabilityZones": filtered(all, &filters, input)? }))
}

fn regions(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let own = work.region();
    let mut names: Vec<&str> = REGIONS.to_vec();
    if !names.contains(&own) {
        names.push(own);
    }
    let wanted = input.texts("RegionName");
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        let message = format!("Invalid region names provided: {unknown}");
        return Err(Error::new("InvalidParameterValue", message));
    }
    names.retain(|name| wanted.is_empty() || wanted.iter().any(|one| one == name));
    let shown = |name: &&str| json!({ "RegionName": name, "Endpoint": format!("ec2.{name}.amazonaws.com"), "OptInStatus": "opt-in-not-required" });
    let filters = [("endpoint", "Endpoint"), ("opt-in-status", "OptInStatus"), ("region-name", "RegionName")];
    Ok(json!({ "Regions": filtered(names.iter().map(shown).collect(), &filters, input)? }))
}

fn attributes(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let default = work.store.of(&VPC).find(|vpc| vpc.body["IsDefault"] == true).map_or("none", |vpc| vpc.id.as_str());
    let all = [
        ("supported-platforms", "VPC"),
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", "5"),
        ("max-instances", "20"),
        ("vpc-max-elastic-ips", "5"),
        ("default-vpc", default),
    ];
    let wanted = input.texts("AttributeName");
    if let Some(unknown) = wanted.iter().find(|name| !all.iter().any(|(known, _)| known == name)) {
        return Err(Error::new("InvalidParameterValue", format!("Invalid attribute name: {unknown}")));
    }
    let all = all.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|one| one == name));
    let shown =
        all.map(|(name, value)| json!({ "AttributeName": name, "AttributeValues": [{ "AttributeValue": value }] }));
    Ok(json!({ "AccountAttributes": shown.collect::<Value>() }))
}
