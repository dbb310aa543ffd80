//! Images that AWS publishes, as far as its public parameters name them. Their ids are the endpoint's own, the same at
//! every start, so that a template may hold one.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::describe::{page, wanted};
use super::error::Error;
use super::input::Input;
use super::kind::IMAGE;
use super::store::Work;
use super::table::{Operation, op};

pub const OPERATIONS: &[Operation] =
    &[op("DescribeImages", &["ImageId", "Owner", "ExecutableBy", "IncludeDeprecated", "IncludeDisabled"], describe)];

/// What is published: name, description, architecture, root device, root size in GiB, owner, moment.
type Published =
    (&'static str, &'static str, &'static str, &'static str, i64, (&'static str, &'static str), &'static str);

const AMAZON: (&str, &str) = ("137112412989", "amazon");
const GATEWAY: (&str, &str) = ("540655126412", "amazon");
const CANONICAL: (&str, &str) = ("099720109477", "");

const PUBLISHED: [Published; 10] = [
    (
        "al2023-ami-2023.9.20251027.0-kernel-6.1-x86_64",
        "Amazon Linux 2023 AMI 2023.9.20251027.0 x86_64 HVM kernel-6.1",
        "x86_64",
        "/dev/xvda",
        8,
        AMAZON,
        "2025-10-27T19:51:00.000Z",
    ),
    (
        "al2023-ami-2023.9.20251027.0-kernel-6.1-arm64",
        "Amazon Linux 2023 AMI 2023.9.20251027.0 arm64 HVM kernel-6.1",
        "arm64",
        "/dev/xvda",
        8,
        AMAZON,
        "2025-10-27T19:51:00.000Z",
    ),
    (
        "al2023-ami-2023.9.20251027.0-kernel-6.12-x86_64",
        "Amazon Linux 2023 AMI 2023.9.20251027.0 x86_64 HVM kernel-6.12",
        "x86_64",
        "/dev/xvda",
        8,
        AMAZON,
        "2025-10-27T19:50:00.000Z",
    ),
    (
        "al2023-ami-minimal-2023.9.20251027.0-kernel-6.1-x86_64",
        "Amazon Linux 2023 AMI 2023.9.20251027.0 x86_64 Minimal HVM kernel-6.1",
        "x86_64",
        "/dev/xvda",
        2,
        AMAZON,
        "2025-10-27T19:49:00.000Z",
    ),
    (
        "al2023-ami-minimal-2023.9.20251027.0-kernel-6.1-arm64",
        "Amazon Linux 2023 AMI 2023.9.20251027.0 arm64 Minimal HVM kernel-6.1",
        "arm64",
        "/dev/xvda",
        2,
        AMAZON,
        "2025-10-27T19:49:00.000Z",
    ),
    (
        "amzn2-ami-hvm-2.0.20251014.0-x86_64-gp2",
        "Amazon Linux 2 AMI 2.0.20251014.0 x86_64 HVM gp2",
        "x86_64",
        "/dev/xvda",
        8,
        AMAZON,
        "2025-10-14T20:00:00.000Z",
    ),
    (
        "amzn2-ami-kernel-5.10-hvm-2.0.20251014.0-x86_64-gp2",
        "Amazon Linux 2 Kernel 5.10 AMI 2.0.20251014.0 x86_64 HVM gp2",
        "x86_64",
        "/dev/xvda",
        8,
        AMAZON,
        "2025-10-14T20:00:00.000Z",
    ),
    (
        "amzn2-ami-hvm-2.0.20251014.0-arm64-gp2",
        "Amazon Linux 2 LTS Arm64 AMI 2.0.20251014.0 arm64 HVM gp2",
        "arm64",
        "/dev/xvda",
        8,
        AMAZON,
        "2025-10-14T20:00:00.000Z",
    ),
    (
        "aws-storage-gateway-FILE_S3-2.0.11",
        "AWS Storage Gateway, S3 File Gateway 2.0.11",
        "x86_64",
        "/dev/xvda",
        80,
        GATEWAY,
        "2025-09-02T12:00:00.000Z",
    ),
    (
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251022",
        "Canonical, Ubuntu, 24.04, amd64 noble image",
        "x86_64",
        "/dev/sda1",
        8,
        CANONICAL,
        "2025-10-22T10:00:00.000Z",
    ),
];

/// An id that follows from a name alone.
fn id_of(name: &str) -> String {
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    format!("ami-0{}", digest.get(..16).unwrap_or_default())
}

/// Whether that is the id of a File Gateway's image.
#[must_use]
pub fn is_gateway(id: &str) -> bool {
    PUBLISHED.iter().any(|image| image.5 == GATEWAY && id_of(image.0) == id)
}

/// Puts what is published into a new store.
pub fn publish(work: &mut Work<'_>) {
    for (name, description, architecture, root, size, (owner, alias), created) in PUBLISHED {
        let body = json!({
            "Architecture": architecture, "CreationDate": created, "Description": description, "EnaSupport": true,
            "Hypervisor": "xen", "ImageLocation": format!("{}/{name}", if alias.is_empty() { owner } else { alias }),
            "ImageOwnerAlias": if alias.is_empty() { Value::Null } else { Value::from(alias) }, "ImageType": "machine",
            "Name": name, "OwnerId": owner, "PlatformDetails": "Linux/UNIX", "Public": true, "RootDeviceName": root,
            "RootDeviceType": "ebs", "SriovNetSupport": "simple", "State": "available", "UsageOperation": "RunInstances",
            "VirtualizationType": "hvm", "BootMode": "uefi-preferred",
            "BlockDeviceMappings": [{ "DeviceName": root, "Ebs": {
                "DeleteOnTermination": true, "Encrypted": false, "VolumeSize": size, "VolumeType": "gp3",
            }}],
        });
        let made = work.put(&IMAGE, &body, std::collections::BTreeMap::new()).id.clone();
        work.store.rename(&made, &id_of(name));
    }
}

fn describe(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let owners = input.texts("Owner");
    let account = work.account();
    let owned = |image: &Value| {
        owners.is_empty()
            || owners.iter().any(|owner| match owner.as_str() {
                "self" => image["OwnerId"] == account,
                owner => image["OwnerId"] == owner || image["ImageOwnerAlias"] == owner,
            })
    };
    let by = input.texts("ExecutableBy");
    let executable = by.is_empty() || by.iter().any(|one| one == "all");
    let found = wanted(work.store, &IMAGE, input)?.into_iter().filter(|image| owned(image) && executable);
    page("Images", found.collect(), input)
}
