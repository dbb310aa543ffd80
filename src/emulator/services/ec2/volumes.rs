//! Volumes and what they are attached to.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::Error;
use super::input::Input;
use super::kind::{INSTANCE, VOLUME};
use super::store::{Change, Resource, Work, specified};
use super::table::{Operation, op};
use super::{view, vpcs};

pub const OPERATIONS: &[Operation] = &[
    op(
        "CreateVolume",
        &[
            "AvailabilityZone",
            "AvailabilityZoneId",
            "Encrypted",
            "Iops",
            "KmsKeyId",
            "Size",
            "VolumeType",
            "Throughput",
        ],
        create,
    ),
    op("DeleteVolume", &["VolumeId"], delete),
    op("AttachVolume", &["VolumeId", "InstanceId", "Device"], attach),
    op("DetachVolume", &["VolumeId", "InstanceId", "Device", "Force"], detach),
];

/// How long a new volume takes to be available.
const COMES: Duration = Duration::from_secs(1);

/// A type of volume: its name, least and most GiB, and the limits of its IOPS.
type Type = (&'static str, i64, i64, Option<(i64, i64, i64)>);

/// Types: least and most GiB, least and most IOPS where they are chosen, IOPS for each GiB at the most.
const TYPES: [Type; 7] = [
    ("gp2", 1, 16_384, None),
    ("gp3", 1, 65_536, Some((3_000, 80_000, 500))),
    ("io1", 4, 16_384, Some((100, 64_000, 50))),
    ("io2", 4, 65_536, Some((100, 256_000, 1_000))),
    ("st1", 125, 16_384, None),
    ("sc1", 125, 16_384, None),
    ("standard", 1, 1_024, None),
];

/// What a volume is to be.
struct Shape {
    kind: String,
    size: i64,
    iops: Option<i64>,
    throughput: Option<i64>,
    encrypted: bool,
    key: Option<String>,
}

impl Shape {
    fn read(input: Input<'_>, default_size: Option<i64>) -> Result<Self, Error> {
        let kind = input.text("VolumeType").unwrap_or_else(|| "gp2".to_owned());
        let found = TYPES.iter().find(|(name, ..)| *name == kind);
        let Some((_, least, most, limits)) = found else {
            return Err(Error::new("InvalidParameterValue", format!("Invalid volume type: {kind}")));
        };
        let size = input.integer("Size")?.or(input.integer("VolumeSize")?).or(default_size);
        let size =
            size.ok_or_else(|| Error::new("MissingParameter", "The request must contain the parameter size/snapshot"))?;
        if !(*least..=*most).contains(&size) {
            let message = format!("Volume of {size}GiB is not between {least} and {most} GiB for volume type {kind}.");
            return Err(Error::new("InvalidParameterValue", message));
        }
        let given = input.integer("Iops")?;
        let iops = match (limits, given) {
            (Some((least, most, each)), Some(iops)) => {
                if !(*least..=*most).contains(&iops) {
                    let message =
                        format!("Volume iops of {iops} is not between {least} and {most} for volume type {kind}.");
                    return Err(Error::new("InvalidParameterValue", message));
                }
                if iops > size * each && iops > *least {
                    let message = format!("Iops to volume size ratio of {iops}:{size} is too high; maximum is {each}");
                    return Err(Error::new("InvalidParameterValue", message));
                }
                Some(iops)
            }
            (Some(_), None) if kind == "gp3" => Some(3_000),
            (Some(_), None) => {
                return Err(Error::new(
                    "MissingParameter",
                    format!("The parameter iops must be specified for {kind} volumes."),
                ));
            }
            (None, Some(_)) => {
                let message = format!("The parameter iops is not supported for {kind} volumes.");
                return Err(Error::new("InvalidParameterCombination", message));
            }
            (None, None) if kind == "gp2" => Some((size * 3).clamp(100, 16_000)),
            (None, None) => None,
        };
        let throughput = input.integer("Throughput")?.or((kind == "gp3").then_some(125));
        let encrypted = input.flag("Encrypted")?.unwrap_or(false);
        Ok(Self { kind, size, iops, throughput, encrypted, key: input.text("KmsKeyId") })
    }

    fn body(&self, zone: &str, now: &str) -> Value {
        let mut body = json!({
            "Attachments": [], "AvailabilityZone": zone, "CreateTime": now, "Encrypted": self.encrypted,
            "Size": self.size, "SnapshotId": "", "State": "creating", "VolumeType": self.kind, "MultiAttachEnabled": false,
        });
        for (member, value) in [
            ("Iops", self.iops.map(Value::from)),
            ("Throughput", self.throughput.map(Value::from)),
            ("KmsKeyId", self.key.clone().map(Value::from)),
        ] {
            if let Some(value) = value {
                body[member] = value;
            }
        }
        body
    }
}

fn create(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let zone = input.required("AvailabilityZone")?;
    let known = zone.strip_prefix(work.region()).is_some_and(|letter| vpcs::ZONES.contains(&letter));
    if !known {
        return Err(Error::new("InvalidZone.NotFound", format!("The zone '{zone}' does not exist.")));
    }
    let shape = Shape::read(input, None)?;
    let (now, at) = (work.now.iso_millis(), work.now + COMES);
    let volume = work.add(&VOLUME, &shape.body(&zone, &now), input)?;
    volume.changes.push((at, Change::Becomes(json!({ "State": "available" }))));
    let id = volume.id.clone();
    Ok(view::of(work.store, work.store.get(&VOLUME, &id)?))
}

fn attachment(volume: &Resource) -> Option<&Value> {
    volume.body["Attachments"].as_array()?.first()
}

fn delete(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("VolumeId")?;
    if let Some(attachment) = attachment(work.store.get(&VOLUME, &id)?) {
        let instance = attachment["InstanceId"].as_str().unwrap_or_default();
        return Err(Error::new("VolumeInUse", format!("Volume {id} is currently attached to {instance}")));
    }
    work.store.remove(&id);
    Ok(json!({ "Return": true }))
}

fn attach(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (id, instance, device) =
        (input.required("VolumeId")?, input.required("InstanceId")?, input.required("Device")?);
    let volume = work.store.get(&VOLUME, &id)?;
    let shown = view::of(work.store, work.store.get(&INSTANCE, &instance)?);
    if attachment(volume).is_some() {
        return Err(Error::new("VolumeInUse", format!("{id} is already attached to an instance")));
    }
    if !volume.is("State", "available") {
        let message = format!("{id} is not 'available'.");
        return Err(Error::new("IncorrectState", message));
    }
    if shown["Placement"]["AvailabilityZone"] != volume.body["AvailabilityZone"] {
        let message = format!("The volume '{id}' is not in the same availability zone as instance '{instance}'");
        return Err(Error::new("InvalidVolume.ZoneMismatch", message));
    }
    let devices = shown["BlockDeviceMappings"].as_array().into_iter().flatten();
    if devices.into_iter().any(|one| one["DeviceName"] == device.as_str()) {
        let message = format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
        return Err(Error::new("InvalidParameterValue", message));
    }
    put_attachment(work, &id, &instance, &device, false)?;
    Ok(attachment(work.store.get(&VOLUME, &id)?).cloned().unwrap_or_default())
}

fn put_attachment(work: &mut Work<'_>, id: &str, instance: &str, device: &str, deletes: bool) -> Result<(), Error> {
    let now = work.now.iso_millis();
    let volume = work.store.get_mut(&VOLUME, id)?;
    volume.changes.clear();
    volume.set(&json!({ "State": "in-use", "Attachments": [{
        "AttachTime": now, "Device": device, "InstanceId": instance, "State": "attached", "VolumeId": id,
        "DeleteOnTermination": deletes,
    }]}));
    Ok(())
}

fn detach(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("VolumeId")?;
    let volume = work.store.get_mut(&VOLUME, &id)?;
    let instance = input.text("InstanceId");
    let found = attachment(volume).filter(|one| instance.as_ref().is_none_or(|id| one["InstanceId"] == id.as_str()));
    let Some(mut gone) = found.cloned() else {
        return Err(Error::new("IncorrectState", format!("Volume '{id}' is in the 'available' state.")));
    };
    volume.set(&json!({ "State": "available", "Attachments": [] }));
    gone["State"] = Value::from("detaching");
    Ok(gone)
}

/// Makes the volumes of a new instance: its root, and what its block device mappings ask for.
///
/// # Errors
/// When a mapping is none.
pub fn of_instance(
    work: &mut Work<'_>,
    instance: &str,
    image: &Resource,
    mappings: Vec<Input<'_>>,
    zone: &str,
    input: Input<'_>,
) -> Result<(), Error> {
    let root = image.text("RootDeviceName").to_owned();
    let default = image.body["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"].as_i64();
    let tags = specified(input, &VOLUME)?;
    let empty = serde_json::Map::new();
    let mut devices: Vec<(String, Input<'_>)> = Vec::new();
    for mapping in mappings {
        let device = mapping.required("DeviceName")?;
        if mapping.text("VirtualName").is_some() || mapping.get("NoDevice").is_some() {
            return Err(Error::unsupported(format!("instance store volumes, such as {device}")));
        }
        if devices.iter().any(|(known, _)| *known == device) {
            let message = format!("The device '{device}' is used in more than one block-device mapping");
            return Err(Error::new("InvalidBlockDeviceMapping", message));
        }
        devices.push((device, mapping.object("Ebs").unwrap_or(Input(&empty))));
    }
    if !devices.iter().any(|(device, _)| *device == root) {
        devices.insert(0, (root.clone(), Input(&empty)));
    }
    for (device, ebs) in devices {
        let is_root = device == root;
        if ebs.text("SnapshotId").is_some() {
            return Err(Error::unsupported("volumes from snapshots"));
        }
        let shape = Shape::read(ebs, if is_root { default } else { None })?;
        let now = work.now.iso_millis();
        let volume = work.put(&VOLUME, &shape.body(zone, &now), tags.clone()).id.clone();
        let deletes = ebs.flag("DeleteOnTermination")?.unwrap_or(true);
        put_attachment(work, &volume, instance, &device, deletes)?;
    }
    Ok(())
}

/// What becomes of an instance's volumes when it is terminated.
pub fn leave(work: &mut Work<'_>, instance: &str) {
    let own = |one: &Resource| attachment(one).is_some_and(|one| one["InstanceId"] == instance);
    let goes = |one: &Resource| attachment(one).is_some_and(|one| one["DeleteOnTermination"] == true);
    work.store.remove_where(|one| one.is_a(&VOLUME) && own(one) && goes(one));
    for volume in work.store.of_mut(&VOLUME).filter(|one| own(one)) {
        volume.set(&json!({ "State": "available", "Attachments": [] }));
    }
}

/// Changes whether a device goes with its instance.
///
/// # Errors
/// When there is no such device.
pub fn delete_on_termination(
    work: &mut Work<'_>,
    instance: &str,
    device: &str,
    deletes: Option<bool>,
) -> Result<(), Error> {
    let found = work
        .store
        .of_mut(&VOLUME)
        .find(|one| attachment(one).is_some_and(|one| one["InstanceId"] == instance && one["Device"] == device));
    let missing = || Error::new("InvalidInstanceAttributeValue", format!("No device is currently mapped at {device}"));
    let volume = found.ok_or_else(missing)?;
    if let Some(deletes) = deletes {
        volume.body["Attachments"][0]["DeleteOnTermination"] = Value::Bool(deletes);
    }
    Ok(())
}
