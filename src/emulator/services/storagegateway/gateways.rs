//! Gateways: activated with the key of an appliance, described, renamed, deleted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::StorageGateway;
use super::error::Error;
use super::page::page;
use super::state::Gateway;
use super::tags::{self, Tag};
use crate::emulator::Context;

/// The version that appliances say they run.
const SOFTWARE_VERSION: &str = "2.0.11";
const CAPACITIES: [&str; 3] = ["Small", "Medium", "Large"];
const MOST_GATEWAYS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ActivateGateway {
    activation_key: String,
    gateway_name: String,
    gateway_timezone: String,
    gateway_region: String,
    #[serde(default)]
    gateway_type: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// Printable ASCII without slashes, and not only spaces.
fn check_name(name: &str) -> Result<(), Error> {
    Error::length("gatewayName", name, 2, 255)?;
    if name.trim().is_empty() || !name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'/' && b != b'\\') {
        let constraint =
            "Member must satisfy regular expression pattern: ^[ -\\.0-\\[\\]-~]*[!-\\.0-\\[\\]-~][ -\\.0-\\[\\]-~]*$";
        return Err(Error::Constraint {
            member: "gatewayName",
            value: name.to_owned(),
            constraint: constraint.to_owned(),
        });
    }
    Ok(())
}

/// `GMT`, `GMT-5:00`, `GMT+09:30`
fn check_timezone(zone: &str) -> Result<(), Error> {
    Error::length("gatewayTimezone", zone, 3, 10)?;
    let offset = |rest: &str| {
        let (hours, minutes) = rest.strip_prefix(['+', '-'])?.split_once(':')?;
        let is_number = |text: &str, most: u8| {
            (1..=2).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_digit())
                && text.parse::<u8>().is_ok_and(|number| number <= most)
        };
        (is_number(hours, 14) && minutes.len() == 2 && is_number(minutes, 59)).then_some(())
    };
    match zone.strip_prefix("GMT") {
        Some("") => Ok(()),
        Some(rest) if offset(rest).is_some() => Ok(()),
        _ => Err(Error::parameter(format!("{zone} is no timezone: write GMT, GMT-hr:mm or GMT+hr:mm."))),
    }
}

pub(super) async fn activate_gateway(
    service: &StorageGateway,
    input: ActivateGateway,
    _: &Context,
) -> Result<Value, Error> {
    Error::length("activationKey", &input.activation_key, 1, 50)?;
    check_name(&input.gateway_name)?;
    check_timezone(&input.gateway_timezone)?;
    Error::length("gatewayRegion", &input.gateway_region, 1, 25)?;
    let mut own_tags = super::state::Tags::new();
    tags::add(&mut own_tags, input.tags)?;
    if input.gateway_type.as_deref() != Some("FILE_S3") {
        return Err(Error::unsupported("the embedded endpoint activates gateways of GatewayType FILE_S3 alone"));
    }
    let now = service.fabric.clock().now();
    let id = service.new_id("sgw");
    let arn = service.fabric.arn("storagegateway", format!("gateway/{id}")).to_string();
    let instance = {
        let mut registry = service.registry();
        let key = registry
            .keys
            .get(&input.activation_key)
            .ok_or_else(|| Error::invalid("ActivationKeyNotFound", "The specified activation key was not found."))?;
        if key.until < now {
            return Err(Error::invalid("ActivationKeyExpired", "The specified activation key has expired."));
        }
        if input.gateway_region != service.fabric.identity().region || key.region != input.gateway_region {
            return Err(Error::invalid("RegionInvalid", "The specified region is not valid for the activation key."));
        }
        let instance = key.instance.clone();
        let vpc_endpoint = key.vpc_endpoint.clone();
        if registry.appliances.get(&instance).is_none_or(|appliance| appliance.on_since.is_none()) {
            return Err(Error::not_connected());
        }
        if registry.gateways.len() >= MOST_GATEWAYS {
            return Err(Error::parameter(format!("An account can have {MOST_GATEWAYS} gateways in a region.")));
        }
        registry.keys.remove(&input.activation_key);
        let gateway = Gateway {
            id: id.clone(),
            arn: arn.clone(),
            name: input.gateway_name,
            timezone: input.gateway_timezone,
            instance: instance.clone(),
            vpc_endpoint,
            activated: now,
            cache: Vec::new(),
            log_group: None,
            capacity: "Small".to_owned(),
            maintenance: json!({ "HourOfDay": 3, "MinuteOfHour": 30, "DayOfWeek": 0 }),
            tags: own_tags,
        };
        registry.gateways.insert(id, gateway);
        instance
    };
    service.close_door(&instance).await?;
    Ok(json!({ "GatewayARN": arn }))
}

#[derive(Deserialize)]
pub(super) struct OfGateway {
    #[serde(rename = "GatewayARN")]
    gateway: String,
}

pub(super) async fn describe_gateway_information(
    service: &StorageGateway,
    input: OfGateway,
    _: &Context,
) -> Result<Value, Error> {
    let registry = service.registry();
    let gateway = registry.gateway(&input.gateway)?;
    let now = service.fabric.clock().now();
    let appliance = registry.appliances.get(&gateway.instance);
    let interfaces: Vec<Value> =
        appliance.into_iter().map(|one| json!({ "Ipv4Address": one.private_ip, "MacAddress": one.mac })).collect();
    let mut shown = json!({
        "GatewayARN": gateway.arn, "GatewayId": gateway.id, "GatewayName": gateway.name,
        "GatewayTimezone": gateway.timezone,
        "GatewayState": if registry.is_running(gateway, now) { "RUNNING" } else { "OFFLINE" },
        "GatewayNetworkInterfaces": interfaces, "GatewayType": "FILE_S3",
        "Ec2InstanceId": gateway.instance, "Ec2InstanceRegion": service.fabric.identity().region,
        "Tags": tags::shown(&gateway.tags),
        "HostEnvironment": "EC2", "HostEnvironmentId": gateway.instance,
        "EndpointType": if gateway.vpc_endpoint.is_some() { "VPC" } else { "STANDARD" },
        "GatewayCapacity": gateway.capacity, "SupportedGatewayCapacities": CAPACITIES,
        "SoftwareVersion": SOFTWARE_VERSION,
    });
    for (member, value) in [("VPCEndpoint", &gateway.vpc_endpoint), ("CloudWatchLogGroupARN", &gateway.log_group)] {
        if let Some(value) = value {
            shown[member] = Value::from(value.as_str());
        }
    }
    Ok(shown)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListGateways {
    marker: Option<String>,
    limit: Option<i64>,
}

pub(super) async fn list_gateways(service: &StorageGateway, input: ListGateways, _: &Context) -> Result<Value, Error> {
    let registry = service.registry();
    let region = &service.fabric.identity().region;
    let entry = |one: &Gateway| {
        json!({
            "GatewayId": one.id, "GatewayARN": one.arn, "GatewayType": "FILE_S3", "GatewayOperationalState": "ACTIVE",
            "GatewayName": one.name, "Ec2InstanceId": one.instance, "Ec2InstanceRegion": region,
            "HostEnvironment": "EC2", "HostEnvironmentId": one.instance, "SoftwareVersion": SOFTWARE_VERSION,
        })
    };
    let entries = registry.gateways.values().map(|one| (one.id.clone(), entry(one))).collect();
    let (gateways, next) = page(entries, input.limit, input.marker.as_deref())?;
    let mut answer = json!({ "Gateways": gateways });
    if let Some(next) = next {
        answer["Marker"] = Value::from(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateGateway {
    #[serde(rename = "GatewayARN")]
    gateway: String,
    gateway_name: Option<String>,
    gateway_timezone: Option<String>,
    #[serde(rename = "CloudWatchLogGroupARN")]
    log_group: Option<String>,
    gateway_capacity: Option<String>,
}

pub(super) async fn update_gateway_information(
    service: &StorageGateway,
    input: UpdateGateway,
    _: &Context,
) -> Result<Value, Error> {
    input.gateway_name.as_deref().map_or(Ok(()), check_name)?;
    input.gateway_timezone.as_deref().map_or(Ok(()), check_timezone)?;
    input.log_group.as_deref().map_or(Ok(()), |arn| Error::length("cloudWatchLogGroupARN", arn, 0, 562))?;
    let capacity = |given: &str| Error::one_of("gatewayCapacity", given, &CAPACITIES);
    input.gateway_capacity.as_deref().map_or(Ok(()), capacity)?;
    let mut registry = service.registry();
    let gateway = registry.gateway_mut(&input.gateway)?;
    for (member, value) in [
        (&mut gateway.name, input.gateway_name),
        (&mut gateway.timezone, input.gateway_timezone),
        (&mut gateway.capacity, input.gateway_capacity),
    ] {
        if let Some(value) = value {
            *member = value;
        }
    }
    if let Some(group) = input.log_group {
        // An empty one takes the group away.
        gateway.log_group = Some(group).filter(|group| !group.is_empty());
    }
    Ok(json!({ "GatewayARN": gateway.arn, "GatewayName": gateway.name }))
}

/// Its file shares go with it at once, and what they have not uploaded stays in their folders alone.
pub(super) async fn delete_gateway(service: &StorageGateway, input: OfGateway, _: &Context) -> Result<Value, Error> {
    let (gateway, shares) = {
        let mut registry = service.registry();
        let id = registry.gateway(&input.gateway)?.id.clone();
        let gateway = registry.gateways.shift_remove(&id).ok_or_else(Error::no_gateway)?;
        let ids: Vec<String> = registry.shares_of(&id).map(|share| share.id.clone()).collect();
        let shares: Vec<_> = ids.iter().filter_map(|id| registry.shares.shift_remove(id)).collect();
        (gateway, shares)
    };
    for share in shares {
        service.close(share, true).await;
    }
    // The machine is as it was before, and may be activated anew.
    service.open_door(&gateway.instance).await?;
    Ok(json!({ "GatewayARN": gateway.arn }))
}

/// What AWS does with tape and volume gateways alone.
pub(super) async fn of_other_types(service: &StorageGateway, input: OfGateway, _: &Context) -> Result<Value, Error> {
    service.registry().gateway(&input.gateway)?;
    let message =
        "This operation is not supported for the specified gateway type: stop and start its instance instead.";
    Err(Error::invalid("NotSupported", message))
}

pub(super) async fn describe_maintenance_start_time(
    service: &StorageGateway,
    input: OfGateway,
    _: &Context,
) -> Result<Value, Error> {
    let registry = service.registry();
    let gateway = registry.gateway(&input.gateway)?;
    let mut shown = gateway.maintenance.clone();
    shown["GatewayARN"] = Value::from(gateway.arn.as_str());
    shown["Timezone"] = Value::from(gateway.timezone.as_str());
    Ok(shown)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateMaintenance {
    #[serde(rename = "GatewayARN")]
    gateway: String,
    hour_of_day: Option<i64>,
    minute_of_hour: Option<i64>,
    day_of_week: Option<i64>,
    day_of_month: Option<i64>,
    software_update_preferences: Option<Value>,
}

pub(super) async fn update_maintenance_start_time(
    service: &StorageGateway,
    input: UpdateMaintenance,
    _: &Context,
) -> Result<Value, Error> {
    let ranges = [
        ("HourOfDay", "hourOfDay", input.hour_of_day, 0..=23),
        ("MinuteOfHour", "minuteOfHour", input.minute_of_hour, 0..=59),
        ("DayOfWeek", "dayOfWeek", input.day_of_week, 0..=6),
        ("DayOfMonth", "dayOfMonth", input.day_of_month, 1..=28),
    ];
    let mut registry = service.registry();
    let gateway = registry.gateway_mut(&input.gateway)?;
    let mut wanted = gateway.maintenance.clone();
    for (name, member, value, range) in ranges {
        let Some(value) = value else { continue };
        if !range.contains(&value) {
            let constraint = format!("Member must have value between {} and {}", range.start(), range.end());
            return Err(Error::Constraint { member, value: value.to_string(), constraint });
        }
        wanted[name] = Value::from(value);
    }
    if let Some(preferences) = input.software_update_preferences {
        let policy = preferences["AutomaticUpdatePolicy"].as_str().unwrap_or_default();
        Error::one_of("automaticUpdatePolicy", policy, &["ALL_VERSIONS", "EMERGENCY_VERSIONS_ONLY"])?;
        wanted["SoftwareUpdatePreferences"] = json!({ "AutomaticUpdatePolicy": policy });
    }
    gateway.maintenance = wanted;
    Ok(json!({ "GatewayARN": gateway.arn }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_timezones_are_those_that_aws_takes() {
        for zone in ["GMT", "GMT-5:00", "GMT+09:00", "GMT+5:30"] {
            assert!(check_timezone(zone).is_ok(), "{zone}");
        }
        for zone in ["", "UTC", "GMT+", "GMT5:00", "GMT+25:00", "GMT+1:60", "GMT+1:0", "GMT+001:00", "Europe/Berlin"] {
            assert!(check_timezone(zone).is_err(), "{zone}");
        }
        assert!(check_name("cdk-app").is_ok());
        for name in ["x", "  ", "a/b", "a\\b", "gäteway", "a\nb"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
