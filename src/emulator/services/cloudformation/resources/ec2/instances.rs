//! `AWS::EC2::Instance`, `Volume`, `VolumeAttachment` and `NetworkInterface`.

use serde_json::{Value, json};

use super::{creation, deleted, described, made, retag, settled, tag_specification, text};
use crate::emulator::services::cloudformation::resources::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use crate::emulator::services::cloudformation::resources::{Failure, Made, Request, provider};

const DEVICES: Shape = Shape::List(&Shape::Object(&[
    property("DeviceName", Shape::Text).required(),
    property(
        "Ebs",
        Shape::Object(&[
            property("DeleteOnTermination", Shape::Flag),
            property("Encrypted", Shape::Flag),
            property("Iops", Shape::Integer),
            property("KmsKeyId", Shape::Text),
            property("Throughput", Shape::Integer),
            property("VolumeSize", Shape::Integer),
            property("VolumeType", Shape::Text),
        ]),
    ),
]));

const INTERFACES: Shape = Shape::List(&Shape::Object(&[
    property("AssociatePublicIpAddress", Shape::Flag),
    property("DeleteOnTermination", Shape::Flag),
    property("Description", Shape::Text),
    property("DeviceIndex", Shape::Text).required(),
    property("GroupSet", TEXT_LIST),
    property("NetworkInterfaceId", Shape::Text),
    property("PrivateIpAddress", Shape::Text),
    property("SubnetId", Shape::Text),
]));

const VOLUMES: Shape = Shape::List(&Shape::Object(&[
    property("Device", Shape::Text).required(),
    property("VolumeId", Shape::Text).required(),
]));

const INSTANCE: &[Property] = &[
    property("AvailabilityZone", Shape::Text).replaces(),
    property("BlockDeviceMappings", DEVICES).replaces(),
    property("DisableApiTermination", Shape::Flag),
    property("EbsOptimized", Shape::Flag).replaces(),
    property("IamInstanceProfile", Shape::Text).replaces(),
    property("ImageId", Shape::Text).required().replaces(),
    property("InstanceInitiatedShutdownBehavior", Shape::Text),
    property("InstanceType", Shape::Text).replaces(),
    property("KeyName", Shape::Text).replaces(),
    property("Monitoring", Shape::Flag).replaces(),
    property("NetworkInterfaces", INTERFACES).replaces(),
    property("PrivateIpAddress", Shape::Text).replaces(),
    property("PropagateTagsToVolumeOnCreation", Shape::Flag),
    property("SecurityGroupIds", TEXT_LIST),
    property("SecurityGroups", TEXT_LIST).replaces(),
    property("SourceDestCheck", Shape::Flag),
    property("SubnetId", Shape::Text).replaces(),
    property("Tags", TAGS),
    property("UserData", Shape::Text).replaces(),
    property("Volumes", VOLUMES).replaces(),
];

provider!(Instance, "AWS::EC2::Instance", INSTANCE, None, create_instance, update_instance, delete_instance);

const LOOK: [&str; 3] = ["DescribeInstances", "Instances", "InstanceIds"];

async fn instance(request: Request<'_>, id: &str) -> Result<Made, Failure> {
    let found = settled(request, LOOK, id, ("/State/Name", "pending")).await?;
    let attributes = [
        ("InstanceId", "/InstanceId"),
        ("AvailabilityZone", "/Placement/AvailabilityZone"),
        ("PrivateDnsName", "/PrivateDnsName"),
        ("PrivateIp", "/PrivateIpAddress"),
        ("PublicDnsName", "/PublicDnsName"),
        ("PublicIp", "/PublicIpAddress"),
        ("VpcId", "/VpcId"),
    ];
    Ok(made(id, &found, &attributes))
}

async fn create_instance(request: Request<'_>) -> Result<Made, Failure> {
    let mut input = request.members(&[
        "BlockDeviceMappings",
        "DisableApiTermination",
        "EbsOptimized",
        "ImageId",
        "InstanceInitiatedShutdownBehavior",
        "InstanceType",
        "KeyName",
        "PrivateIpAddress",
        "SecurityGroupIds",
        "SecurityGroups",
        "SubnetId",
        "UserData",
    ]);
    let mut put = |member: &str, value: Value| input.insert(member.to_owned(), value);
    put("MinCount", json!(1));
    put("MaxCount", json!(1));
    let mut tags = tag_specification(request, "instance").as_array().cloned().unwrap_or_default();
    if request.get("PropagateTagsToVolumeOnCreation").as_bool() == Some(true) {
        tags.extend(tag_specification(request, "volume").as_array().cloned().unwrap_or_default());
    }
    put("TagSpecifications", Value::Array(tags));
    if !request.text("AvailabilityZone").is_empty() {
        put("Placement", json!({ "AvailabilityZone": request.text("AvailabilityZone") }));
    }
    if !request.text("IamInstanceProfile").is_empty() {
        put("IamInstanceProfile", json!({ "Name": request.text("IamInstanceProfile") }));
    }
    if let Some(on) = request.get("Monitoring").as_bool() {
        put("Monitoring", json!({ "Enabled": on }));
    }
    if let Some(interfaces) = request.get("NetworkInterfaces").as_array() {
        let named = interfaces.iter().map(|one| {
            let mut one = one.clone();
            if let Some(groups) = one.as_object_mut().and_then(|members| members.shift_remove("GroupSet")) {
                one["Groups"] = groups;
            }
            one
        });
        put("NetworkInterfaces", named.collect());
    }
    let created = request.call("ec2", "RunInstances", input).await?;
    let id = text(&created["Instances"][0]["InstanceId"]);
    finish_instance(request, &id).await.map_err(|failure| failure.after(&id))
}

async fn finish_instance(request: Request<'_>, id: &str) -> Result<Made, Failure> {
    check_source(request, id).await?;
    let made = instance(request, id).await?;
    for volume in request.get("Volumes").as_array().into_iter().flatten() {
        let input = json!({ "VolumeId": volume["VolumeId"], "InstanceId": id, "Device": volume["Device"] });
        request.call("ec2", "AttachVolume", input).await?;
    }
    Ok(made)
}

async fn check_source(request: Request<'_>, id: &str) -> Result<(), Failure> {
    let Some(check) = request.get("SourceDestCheck").as_bool() else { return Ok(()) };
    let input = json!({ "InstanceId": id, "SourceDestCheck": { "Value": check } });
    request.call("ec2", "ModifyInstanceAttribute", input).await.map(drop)
}

async fn update_instance(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    check_source(request, id).await?;
    for (property, default) in
        [("DisableApiTermination", json!(false)), ("InstanceInitiatedShutdownBehavior", json!("stop"))]
    {
        if before.get(property) != request.properties.get(property) {
            let value = request.properties.get(property).cloned().unwrap_or(default);
            let input = json!({ "InstanceId": id, property: { "Value": value } });
            request.call("ec2", "ModifyInstanceAttribute", input).await?;
        }
    }
    let groups = request.get("SecurityGroupIds");
    if before.get("SecurityGroupIds") != request.properties.get("SecurityGroupIds") && groups.is_array() {
        let input = json!({ "InstanceId": id, "GroupIds": groups });
        request.call("ec2", "ModifyInstanceAttribute", input).await?;
    }
    retag(request, id, before).await?;
    instance(request, id).await
}

async fn delete_instance(request: Request<'_>, id: &str) -> Result<(), Failure> {
    request.call("ec2", "TerminateInstances", json!({ "InstanceIds": [id] })).await?;
    settled(request, LOOK, id, ("/State/Name", "shutting-down")).await.map(drop)
}

const VOLUME: &[Property] = &[
    property("AvailabilityZone", Shape::Text).required().replaces(),
    property("Encrypted", Shape::Flag).replaces(),
    property("Iops", Shape::Integer).replaces(),
    property("KmsKeyId", Shape::Text).replaces(),
    property("Size", Shape::Integer).replaces(),
    property("Tags", TAGS),
    property("Throughput", Shape::Integer).replaces(),
    property("VolumeType", Shape::Text).replaces(),
];

provider!(Volume, "AWS::EC2::Volume", VOLUME, None, create_volume, update_volume, delete_volume);

async fn create_volume(request: Request<'_>) -> Result<Made, Failure> {
    let members = ["AvailabilityZone", "Encrypted", "Iops", "KmsKeyId", "Size", "Throughput", "VolumeType"];
    let created = request.call("ec2", "CreateVolume", creation(request, &members, "volume")).await?;
    let id = text(&created["VolumeId"]);
    let look = ["DescribeVolumes", "Volumes", "VolumeIds"];
    settled(request, look, &id, ("/State", "creating")).await.map_err(|failure| failure.after(&id))?;
    Ok(Made::new(id.as_str()).with("VolumeId", id))
}

async fn update_volume(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    retag(request, id, before).await?;
    Ok(Made::new(id).with("VolumeId", id))
}

async fn delete_volume(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteVolume", "VolumeId", id).await
}

const VOLUME_ATTACHMENT: &[Property] = &[
    property("Device", Shape::Text).required().replaces(),
    property("InstanceId", Shape::Text).required().replaces(),
    property("VolumeId", Shape::Text).required().replaces(),
];

provider!(
    VolumeAttachment,
    "AWS::EC2::VolumeAttachment",
    VOLUME_ATTACHMENT,
    None,
    attach_volume,
    keep_attachment,
    detach_volume
);

async fn attach_volume(request: Request<'_>) -> Result<Made, Failure> {
    request.call("ec2", "AttachVolume", request.properties.clone()).await?;
    Ok(Made::new(format!("{}|{}", request.text("VolumeId"), request.text("InstanceId"))))
}

async fn keep_attachment(_: Request<'_>, id: &str, _: &Value) -> Result<Made, Failure> {
    Ok(Made::new(id))
}

async fn detach_volume(request: Request<'_>, _: &str) -> Result<(), Failure> {
    request.call("ec2", "DetachVolume", request.members(&["VolumeId", "InstanceId"])).await.map(drop)
}

const INTERFACE: &[Property] = &[
    property("Description", Shape::Text),
    property("GroupSet", TEXT_LIST),
    property("PrivateIpAddress", Shape::Text).replaces(),
    property("SourceDestCheck", Shape::Flag),
    property("SubnetId", Shape::Text).required().replaces(),
    property("Tags", TAGS),
];

provider!(
    NetworkInterface,
    "AWS::EC2::NetworkInterface",
    INTERFACE,
    None,
    create_interface,
    update_interface,
    delete_interface
);

async fn create_interface(request: Request<'_>) -> Result<Made, Failure> {
    let mut input = creation(request, &["Description", "PrivateIpAddress", "SubnetId"], "network-interface");
    if request.get("GroupSet").is_array() {
        input.insert("Groups".to_owned(), request.get("GroupSet").clone());
    }
    let created = request.call("ec2", "CreateNetworkInterface", input).await?;
    let id = text(&created["NetworkInterface"]["NetworkInterfaceId"]);
    modify_interface(request, &id).await.map_err(|failure| failure.after(&id))?;
    interface(request, &id).await
}

async fn modify_interface(request: Request<'_>, id: &str) -> Result<(), Failure> {
    for (property, member) in [("SourceDestCheck", "SourceDestCheck"), ("Description", "Description")] {
        if let Some(value) = request.properties.get(property) {
            let input = json!({ "NetworkInterfaceId": id, member: { "Value": value } });
            request.call("ec2", "ModifyNetworkInterfaceAttribute", input).await?;
        }
    }
    Ok(())
}

async fn interface(request: Request<'_>, id: &str) -> Result<Made, Failure> {
    let found = described(request, "DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterfaceIds", id).await?;
    let attributes =
        [("Id", "/NetworkInterfaceId"), ("PrimaryPrivateIpAddress", "/PrivateIpAddress"), ("VpcId", "/VpcId")];
    Ok(made(id, &found, &attributes).with("SecondaryPrivateIpAddresses", json!([])))
}

async fn update_interface(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    modify_interface(request, id).await?;
    if before.get("GroupSet") != request.properties.get("GroupSet") && request.get("GroupSet").is_array() {
        let input = json!({ "NetworkInterfaceId": id, "Groups": request.get("GroupSet") });
        request.call("ec2", "ModifyNetworkInterfaceAttribute", input).await?;
    }
    retag(request, id, before).await?;
    interface(request, id).await
}

async fn delete_interface(request: Request<'_>, id: &str) -> Result<(), Failure> {
    deleted(request, "DeleteNetworkInterface", "NetworkInterfaceId", id).await
}
