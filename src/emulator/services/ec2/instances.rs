//! Instances. They are resources only: no machine runs behind them, but their states come about as time goes on.

use std::time::Duration;

use serde_json::{Value, json};

use super::describe::{page, wanted};
use super::error::Error;
use super::input::Input;
use super::interfaces;
use super::kind::{ADDRESS, IMAGE, INSTANCE, INTERFACE, KEY_PAIR, PROFILE_ASSOCIATION, SUBNET};
use super::store::{Change, Resource, Work, specified};
use super::table::{Operation, op};
use super::{view, volumes, vpcs};

pub const OPERATIONS: &[Operation] = &[
    op(
        "RunInstances",
        &[
            "ImageId",
            "InstanceType",
            "MinCount",
            "MaxCount",
            "KeyName",
            "SecurityGroupId",
            "SecurityGroup",
            "SubnetId",
            "PrivateIpAddress",
            "NetworkInterface",
            "BlockDeviceMapping",
            "UserData",
            "IamInstanceProfile",
            "DisableApiTermination",
            "EbsOptimized",
            "Monitoring",
            "Placement",
            "MetadataOptions",
            "InstanceInitiatedShutdownBehavior",
        ],
        run,
    ),
    op("DescribeInstances", &["InstanceId"], describe),
    op("DescribeInstanceStatus", &["InstanceId", "IncludeAllInstances"], describe_status),
    op("StartInstances", &["InstanceId"], |work, input| switch(work, input, "start")),
    op("StopInstances", &["InstanceId", "Force", "SkipOsShutdown"], |work, input| switch(work, input, "stop")),
    op("TerminateInstances", &["InstanceId", "Force", "SkipOsShutdown"], |work, input| {
        switch(work, input, "terminate")
    }),
    op("RebootInstances", &["InstanceId"], reboot),
];

/// How long a state takes that leads to another, and how long a terminated instance is shown.
const PASSING: Duration = Duration::from_secs(1);
const SHOWN_TERMINATED: Duration = Duration::from_secs(3_600);

/// Codes of the states.
const STATES: [(&str, i64); 6] =
    [("pending", 0), ("running", 16), ("shutting-down", 32), ("terminated", 48), ("stopping", 64), ("stopped", 80)];

fn state(name: &str) -> Value {
    let code = STATES.iter().find(|(known, _)| *known == name).map_or(0, |(_, code)| *code);
    json!({ "Code": code, "Name": name })
}

/// What is made up from an instance type's size; families are not told apart.
pub fn cores(kind: &str) -> Option<i64> {
    let (family, size) = kind.split_once('.')?;
    let is_family =
        family.len() >= 2 && family.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let cores = match size {
        "nano" | "micro" | "small" | "medium" | "large" => 1,
        "xlarge" => 2,
        "metal" => 48,
        other => other.strip_suffix("xlarge").and_then(|count| count.parse::<i64>().ok()).map(|count| count * 2)?,
    };
    is_family.then_some(cores)
}

/// One interface that an instance is to have.
struct Slot {
    existing: Option<String>,
    subnet: Option<String>,
    groups: Vec<String>,
    address: Option<String>,
    index: i64,
    description: String,
    public: Option<bool>,
    deletes: bool,
}

fn slots(work: &Work<'_>, input: Input<'_>) -> Result<Vec<Slot>, Error> {
    let mut groups = input.texts("SecurityGroupId");
    for name in input.texts("SecurityGroup") {
        let vpc = super::groups::default_vpc(work)?;
        let all = work.store.of(&super::kind::SECURITY_GROUP);
        let found = all.filter(|one| one.is("VpcId", &vpc)).find(|one| one.is("GroupName", &name));
        let missing = || {
            Error::new(
                "InvalidGroup.NotFound",
                format!("The security group '{name}' does not exist in default VPC '{vpc}'"),
            )
        };
        groups.push(found.ok_or_else(missing)?.id.clone());
    }
    let given = input.objects("NetworkInterface");
    if given.is_empty() {
        return Ok(vec![Slot {
            existing: None,
            subnet: input.text("SubnetId"),
            groups,
            address: input.text("PrivateIpAddress"),
            index: 0,
            description: String::new(),
            public: None,
            deletes: true,
        }]);
    }
    if !groups.is_empty() || input.get("SubnetId").is_some() {
        let message = "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request";
        return Err(Error::new("InvalidParameterCombination", message));
    }
    let slot = |(position, one): (usize, Input<'_>)| {
        let existing = one.text("NetworkInterfaceId");
        let primary =
            one.objects("PrivateIpAddresses").into_iter().find_map(|address| address.text("PrivateIpAddress"));
        Ok(Slot {
            subnet: one.text("SubnetId"),
            groups: one.texts("SecurityGroupId"),
            address: one.text("PrivateIpAddress").or(primary),
            index: one.integer("DeviceIndex")?.unwrap_or(i64::try_from(position).unwrap_or_default()),
            description: one.text("Description").unwrap_or_default(),
            public: one.flag("AssociatePublicIpAddress")?,
            deletes: one.flag("DeleteOnTermination")?.unwrap_or(existing.is_none()),
            existing,
        })
    };
    given.into_iter().enumerate().map(slot).collect()
}

/// The subnet of the default VPC for those that name none.
fn default_subnet(work: &Work<'_>, zone: Option<&str>) -> Result<String, Error> {
    let fits =
        |one: &&Resource| one.body["DefaultForAz"] == true && zone.is_none_or(|zone| one.is("AvailabilityZone", zone));
    let found = work.store.of(&SUBNET).find(fits).map(|one| one.id.clone());
    let message = "No default subnet for availability zone: it has been deleted. Please use a subnet ID.";
    found.ok_or_else(|| Error::new("MissingInput", message))
}

pub fn profile(work: &Work<'_>, given: Input<'_>) -> Result<Value, Error> {
    let account = work.account();
    let account = account.as_str().unwrap_or_default();
    let arn = match (given.text("Arn"), given.text("Name")) {
        (Some(arn), None) => arn,
        (None, Some(name)) => format!("arn:aws:iam::{account}:instance-profile/{name}"),
        _ => {
            let message =
                "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'";
            return Err(Error::new("InvalidParameterCombination", message));
        }
    };
    Ok(json!({ "Arn": arn, "Id": format!("AIPA{}", work.fabric.token(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 17)) }))
}

fn run(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let count = |name: &str| input.integer(name)?.ok_or_else(|| Error::missing(name));
    let (least, most) = (count("MinCount")?, count("MaxCount")?);
    if least < 1 || most < least || most > 100 {
        return Err(Error::value(
            "minCount",
            least,
            "It must be at least 1, and at most maxCount, which is 100 at the most.",
        ));
    }
    let image = work.store.get(&IMAGE, &input.required("ImageId")?)?.clone();
    let kind = input.text("InstanceType").unwrap_or_else(|| "t2.micro".to_owned());
    let cores = cores(&kind)
        .ok_or_else(|| Error::new("InvalidParameterValue", format!("Invalid value '{kind}' for InstanceType.")))?;
    let key = input.text("KeyName");
    if let Some(key) = &key
        && !work.store.of(&KEY_PAIR).any(|one| one.is("KeyName", key))
    {
        return Err(KEY_PAIR.not_found(key));
    }
    if input.text("UserData").is_some_and(|data| data.len() > 25_600) {
        return Err(Error::new("InvalidParameterValue", "User data is limited to 16384 bytes"));
    }
    let profile = input.object("IamInstanceProfile").map(|given| profile(work, given)).transpose()?;
    let zone = input.object("Placement").and_then(|placement| placement.text("AvailabilityZone"));
    let tags = specified(input, &INSTANCE)?;
    let reservation = work.new_id("r");
    let mut ids = Vec::new();
    for index in 0..most {
        let slots = slots(work, input)?;
        let first = slots.iter().find(|slot| slot.index == 0).ok_or_else(|| {
            Error::new(
                "InvalidParameterValue",
                "When specifying network interfaces, you must include a device at index 0.",
            )
        })?;
        let subnet = match (&first.existing, &first.subnet) {
            (Some(interface), _) => work.store.get(&INTERFACE, interface)?.text("SubnetId").to_owned(),
            (None, Some(subnet)) => subnet.clone(),
            (None, None) => default_subnet(work, zone.as_deref())?,
        };
        let (found, _) = vpcs::subnet(work.store, &subnet)?;
        let place = found.text("AvailabilityZone").to_owned();
        let mut body = json!({
            "AmiLaunchIndex": index, "ImageId": image.id, "InstanceType": kind, "LaunchTime": work.now.iso_millis(),
            "Monitoring": { "State": if input.object("Monitoring").map(|one| one.flag("Enabled")).transpose()?.flatten() == Some(true) { "enabled" } else { "disabled" } },
            "Placement": { "AvailabilityZone": place, "GroupName": "", "Tenancy": "default" },
            "PrivateDnsName": "", "ProductCodes": [], "PublicDnsName": "", "State": state("pending"),
            "StateTransitionReason": "", "Architecture": image.body["Architecture"],
            "ClientToken": input.text("ClientToken").unwrap_or_default(),
            "EbsOptimized": input.flag("EbsOptimized")?.unwrap_or(false), "EnaSupport": true, "Hypervisor": "xen",
            "RootDeviceName": image.body["RootDeviceName"], "RootDeviceType": "ebs", "SourceDestCheck": true,
            "SecurityGroups": [], "VirtualizationType": "hvm", "CpuOptions": { "CoreCount": cores, "ThreadsPerCore": 2 },
            "HibernationOptions": { "Configured": false },
            "MetadataOptions": {
                "State": "applied", "HttpTokens": metadata(input, "HttpTokens", "required"),
                "HttpPutResponseHopLimit": metadata(input, "HttpPutResponseHopLimit", "2").parse::<i64>().unwrap_or(2),
                "HttpEndpoint": metadata(input, "HttpEndpoint", "enabled"), "HttpProtocolIpv6": "disabled",
                "InstanceMetadataTags": metadata(input, "InstanceMetadataTags", "disabled"),
            },
            "PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances",
        });
        if let Some(key) = &key {
            body["KeyName"] = Value::from(key.as_str());
        }
        if let Some(profile) = &profile {
            body["IamInstanceProfile"] = profile.clone();
        }
        let instance = work.put(&INSTANCE, &body, tags.clone());
        instance.hidden = json!({
            "ReservationId": reservation, "UserData": input.text("UserData"),
            "DisableApiTermination": input.flag("DisableApiTermination")?.unwrap_or(false),
            "InstanceInitiatedShutdownBehavior":
                input.text("InstanceInitiatedShutdownBehavior").unwrap_or_else(|| "stop".to_owned()),
        });
        let id = instance.id.clone();
        ids.push(id.clone());
        let equipped = equip(work, &id, slots, &subnet)
            .and_then(|()| volumes::of_instance(work, &id, &image, input.objects("BlockDeviceMapping"), &place, input));
        if let Err(error) = equipped {
            for id in ids {
                strip(work, &id);
                work.store.remove(&id);
            }
            return Err(error);
        }
        if let Some(profile) = &profile {
            let body = json!({ "InstanceId": id, "IamInstanceProfile": profile, "State": "associated" });
            work.put(&PROFILE_ASSOCIATION, &body, std::collections::BTreeMap::new());
        }
        become_later(work, &id, "running");
    }
    let shown: Vec<Value> =
        ids.iter().filter_map(|id| Some(view::of(work.store, work.store.get(&INSTANCE, id).ok()?))).collect();
    Ok(json!({ "ReservationId": reservation, "OwnerId": work.account(), "Groups": [], "Instances": shown }))
}

fn metadata(input: Input<'_>, name: &str, default: &str) -> String {
    input.object("MetadataOptions").and_then(|options| options.text(name)).unwrap_or_else(|| default.to_owned())
}

/// Gives an instance its interfaces, and public addresses where its subnet does.
fn equip(work: &mut Work<'_>, id: &str, slots: Vec<Slot>, default: &str) -> Result<(), Error> {
    for slot in slots {
        let interface = if let Some(existing) = slot.existing {
            existing
        } else {
            let subnet = slot.subnet.unwrap_or_else(|| default.to_owned());
            let wanted = interfaces::Wanted {
                subnet: &subnet,
                description: &slot.description,
                address: slot.address,
                groups: slot.groups,
                kind: "interface",
                is_managed: false,
            };
            interfaces::make(work, &wanted)?
        };
        let attached = interfaces::give(work, &interface, id, slot.index, slot.deletes);
        if let Err(error) = attached {
            interfaces::forget_if_free(work, &interface);
            return Err(error);
        }
        let subnet = work.store.get(&INTERFACE, &interface)?.text("SubnetId").to_owned();
        let public = slot.public.unwrap_or(work.store.get(&SUBNET, &subnet)?.body["MapPublicIpOnLaunch"] == true);
        if public && slot.index == 0 {
            let taken: Vec<&Value> = work.store.of(&INTERFACE).map(|one| &one.hidden["Public"]).collect();
            let free = (1..=u16::MAX).map(|n| format!("198.19.{}.{}", n >> 8, n & 0xFF));
            let free = free.map(Value::from).find(|address| !taken.contains(&address)).unwrap_or_default();
            work.store.get_mut(&INTERFACE, &interface)?.hidden["Public"] = free;
        }
    }
    Ok(())
}

/// Takes an instance's interfaces and volumes away.
fn strip(work: &mut Work<'_>, id: &str) {
    let own = |one: &Resource| one.body["Attachment"]["InstanceId"] == id;
    let all: Vec<(String, bool)> = work
        .store
        .of(&INTERFACE)
        .filter(|one| own(one))
        .map(|one| (one.id.clone(), one.body["Attachment"]["DeleteOnTermination"] == true))
        .collect();
    for (interface, deletes) in all {
        if deletes {
            interfaces::forget(work, &interface);
        } else if let Ok(interface) = work.store.get_mut(&INTERFACE, &interface) {
            if let Some(members) = interface.body.as_object_mut() {
                members.shift_remove("Attachment");
            }
            interface.body["Status"] = Value::from("available");
        }
    }
    for address in work.store.of_mut(&ADDRESS).filter(|one| one.is("InstanceId", id)) {
        if let Some(members) = address.body.as_object_mut() {
            members.shift_remove("InstanceId");
        }
    }
    volumes::leave(work, id);
    work.store.remove_where(|one| one.is_a(&PROFILE_ASSOCIATION) && one.is("InstanceId", id));
}

fn become_later(work: &mut Work<'_>, id: &str, name: &str) {
    let at = work.now + PASSING;
    if let Ok(instance) = work.store.get_mut(&INSTANCE, id) {
        instance.changes = vec![(at, Change::Becomes(json!({ "State": state(name) })))];
    }
}

/// Instances by reservation, as `DescribeInstances` shows them.
fn describe(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let mut reservations: Vec<Value> = Vec::new();
    let owner = work.account();
    for instance in wanted(work.store, &INSTANCE, input)? {
        let id = instance["InstanceId"].as_str().unwrap_or_default();
        let reservation = work.store.get(&INSTANCE, id)?.hidden["ReservationId"].clone();
        match reservations.iter_mut().find(|one| one["ReservationId"] == reservation) {
            Some(found) => found["Instances"].as_array_mut().into_iter().for_each(|all| all.push(instance.clone())),
            None => reservations.push(json!({
                "ReservationId": reservation, "OwnerId": owner, "Groups": [], "Instances": [instance],
            })),
        }
    }
    page("Reservations", reservations, input)
}

fn describe_status(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let all = input.flag("IncludeAllInstances")? == Some(true);
    let shown =
        wanted(work.store, &INSTANCE, input)?.into_iter().filter(|one| all || one["State"]["Name"] == "running");
    let ok = |is_running: bool| {
        if is_running {
            return json!({ "Status": "ok", "Details": [{ "Name": "reachability", "Status": "passed" }] });
        }
        json!({ "Status": "not-applicable", "Details": [] })
    };
    let statuses = shown.map(|one| {
        let health = ok(one["State"]["Name"] == "running");
        json!({
            "AvailabilityZone": one["Placement"]["AvailabilityZone"], "InstanceId": one["InstanceId"],
            "InstanceState": one["State"], "InstanceStatus": health, "SystemStatus": health,
        })
    });
    page("InstanceStatuses", statuses.collect(), input)
}

fn switch(work: &mut Work<'_>, input: Input<'_>, verb: &str) -> Result<Value, Error> {
    let ids = input.texts("InstanceId");
    if ids.is_empty() {
        return Err(Error::missing("InstanceId"));
    }
    let (passing, then, list) = match verb {
        "start" => ("pending", "running", "StartingInstances"),
        "stop" => ("stopping", "stopped", "StoppingInstances"),
        _ => ("shutting-down", "terminated", "TerminatingInstances"),
    };
    for id in &ids {
        let instance = work.store.get(&INSTANCE, id)?;
        let now = instance.body["State"]["Name"].as_str().unwrap_or_default();
        let fits = match verb {
            "start" => ["stopped", "pending", "running"].contains(&now),
            "stop" => ["running", "stopping", "stopped", "pending"].contains(&now),
            _ => true,
        };
        if !fits {
            let message = format!(
                "The instance '{id}' is not in a state from which it can be {verb}{}.",
                if verb == "stop" { "ped" } else { "ed" }
            );
            return Err(Error::new("IncorrectInstanceState", message));
        }
        if verb == "terminate" && instance.hidden["DisableApiTermination"] == true {
            let message = format!(
                "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."
            );
            return Err(Error::new("OperationNotPermitted", message));
        }
    }
    let mut changes = Vec::new();
    for id in ids {
        let (at, words) = (work.now + PASSING, format!("User initiated ({})", work.now.iso_seconds()));
        let before = work.store.get(&INSTANCE, &id)?.body["State"].clone();
        let is_there = before["Name"] == then || before["Name"] == passing || before["Name"] == "terminated";
        if !is_there {
            if verb == "terminate" {
                strip(work, &id);
            }
            let instance = work.store.get_mut(&INSTANCE, &id)?;
            instance.set(
                &json!({ "State": state(passing), "StateTransitionReason": if verb == "start" { "" } else { &words } }),
            );
            instance.changes = vec![(at, Change::Becomes(json!({ "State": state(then) })))];
            if verb == "terminate" {
                instance.changes.push((at + SHOWN_TERMINATED, Change::Goes));
            }
        }
        let after = work.store.get(&INSTANCE, &id)?.body["State"].clone();
        changes.push(json!({ "CurrentState": after, "InstanceId": id, "PreviousState": before }));
    }
    Ok(json!({ list: changes }))
}

fn reboot(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    for id in input.texts("InstanceId") {
        if work.store.get(&INSTANCE, &id)?.body["State"]["Name"] != "running" {
            return Err(Error::new("IncorrectState", format!("The instance '{id}' is not running.")));
        }
    }
    Ok(json!({ "Return": true }))
}
