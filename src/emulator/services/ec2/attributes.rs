//! Attributes of instances that can be asked for and changed one by one, and the profiles that they have.

use serde_json::{Value, json};

use super::error::Error;
use super::input::Input;
use super::instances::{cores, profile};
use super::kind::{INSTANCE, INTERFACE, PROFILE_ASSOCIATION};
use super::store::{Resource, Work};
use super::table::{Operation, op};
use super::{view, volumes};

pub const OPERATIONS: &[Operation] = &[
    op("DescribeInstanceAttribute", &["InstanceId", "Attribute"], describe_attribute),
    op(
        "ModifyInstanceAttribute",
        &[
            "InstanceId",
            "InstanceType",
            "DisableApiTermination",
            "UserData",
            "SourceDestCheck",
            "GroupId",
            "EbsOptimized",
            "InstanceInitiatedShutdownBehavior",
            "BlockDeviceMapping",
        ],
        modify_attribute,
    ),
    op("AssociateIamInstanceProfile", &["InstanceId", "IamInstanceProfile"], associate_profile),
    op("DisassociateIamInstanceProfile", &["AssociationId"], disassociate_profile),
];

/// Attributes: (as they are asked for, the member of the answer, whether it is hidden otherwise).
const ATTRIBUTES: [(&str, &str, bool); 7] = [
    ("userData", "UserData", true),
    ("disableApiTermination", "DisableApiTermination", true),
    ("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior", true),
    ("instanceType", "InstanceType", false),
    ("ebsOptimized", "EbsOptimized", false),
    ("rootDeviceName", "RootDeviceName", false),
    ("sourceDestCheck", "SourceDestCheck", false),
];

fn describe_attribute(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (id, attribute) = (input.required("InstanceId")?, input.required("Attribute")?);
    let instance = work.store.get(&INSTANCE, &id)?;
    let shown = view::of(work.store, instance);
    let mut answer = json!({ "InstanceId": id });
    match attribute.as_str() {
        "groupSet" => answer["Groups"] = shown["SecurityGroups"].clone(),
        "blockDeviceMapping" => answer["BlockDeviceMappings"] = shown["BlockDeviceMappings"].clone(),
        name => match ATTRIBUTES.iter().find(|(known, _, _)| *known == name) {
            Some((_, member, hidden)) => {
                let value = if *hidden { &instance.hidden[*member] } else { &shown[*member] };
                answer[*member] = if value.is_null() { json!({}) } else { json!({ "Value": value }) };
            }
            None => return Err(Error::unsupported(format!("the instance attribute {name}"))),
        },
    }
    Ok(answer)
}

fn modify_attribute(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("InstanceId")?;
    let text = |name: &str| input.object(name).and_then(|one| one.text("Value"));
    let stopped = work.store.get(&INSTANCE, &id)?.body["State"]["Name"] == "stopped";
    let kind = text("InstanceType");
    let protected = input.attribute("DisableApiTermination")?;
    let check = input.attribute("SourceDestCheck")?;
    let optimized = input.attribute("EbsOptimized")?;
    if let Some(kind) = &kind {
        if !stopped {
            return Err(Error::new(
                "IncorrectInstanceState",
                format!("The instance '{id}' is not in the 'stopped' state."),
            ));
        }
        if cores(kind).is_none() {
            return Err(Error::new("InvalidParameterValue", format!("Invalid value '{kind}' for InstanceType.")));
        }
    }
    let groups = input.texts("GroupId");
    for group in &groups {
        work.store.get(&super::kind::SECURITY_GROUP, group)?;
    }
    for mapping in input.objects("BlockDeviceMapping") {
        let device = mapping.required("DeviceName")?;
        let deletes = mapping.object("Ebs").map(|ebs| ebs.flag("DeleteOnTermination")).transpose()?.flatten();
        volumes::delete_on_termination(work, &id, &device, deletes)?;
    }
    let first = |one: &&mut Resource| {
        one.body["Attachment"]["InstanceId"] == id.as_str() && one.body["Attachment"]["DeviceIndex"] == 0
    };
    if let Some(interface) = work.store.of_mut(&INTERFACE).find(first) {
        if !groups.is_empty() {
            interface.hidden["GroupIds"] = json!(groups);
        }
        if let Some(check) = check {
            interface.body["SourceDestCheck"] = Value::Bool(check);
        }
    }
    let instance = work.store.get_mut(&INSTANCE, &id)?;
    if let Some(kind) = kind {
        instance.body["CpuOptions"]["CoreCount"] = json!(cores(&kind));
        instance.body["InstanceType"] = Value::from(kind);
    }
    for (member, value) in [("DisableApiTermination", protected)] {
        if let Some(value) = value {
            instance.hidden[member] = Value::Bool(value);
        }
    }
    if let Some(optimized) = optimized {
        instance.body["EbsOptimized"] = Value::Bool(optimized);
    }
    for member in ["UserData", "InstanceInitiatedShutdownBehavior"] {
        if let Some(value) = text(member) {
            instance.hidden[member] = Value::from(value);
        }
    }
    Ok(json!({ "Return": true }))
}

fn associate_profile(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("InstanceId")?;
    let given = input.object("IamInstanceProfile").ok_or_else(|| Error::missing("iamInstanceProfile"))?;
    work.store.get(&INSTANCE, &id)?;
    if work.store.of(&PROFILE_ASSOCIATION).any(|one| one.is("InstanceId", &id)) {
        let message = format!("There is an existing association for instance {id}");
        return Err(Error::new("IncorrectState", message));
    }
    let profile = profile(work, given)?;
    work.store.get_mut(&INSTANCE, &id)?.body["IamInstanceProfile"] = profile.clone();
    let body = json!({ "InstanceId": id, "IamInstanceProfile": profile, "State": "associated" });
    let made = work.put(&PROFILE_ASSOCIATION, &body, std::collections::BTreeMap::new());
    Ok(json!({ "IamInstanceProfileAssociation": made.body }))
}

fn disassociate_profile(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let id = input.required("AssociationId")?;
    let mut gone = work.store.get(&PROFILE_ASSOCIATION, &id)?.body.clone();
    work.store.remove(&id);
    let instance = gone["InstanceId"].as_str().unwrap_or_default().to_owned();
    if let Some(members) = work.store.get_mut(&INSTANCE, &instance)?.body.as_object_mut() {
        members.shift_remove("IamInstanceProfile");
    }
    gone["State"] = Value::from("disassociating");
    Ok(json!({ "IamInstanceProfileAssociation": gone }))
}
