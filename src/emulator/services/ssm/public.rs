//! Public parameters: the newest image of a kind, which EC2 knows by name.

use serde_json::{Value, json};

use crate::emulator::Fabric;

const PRINCIPAL: &str = "ssm.amazonaws.com";

/// Parameters and the names of the images that they stand for.
const IMAGES: [(&str, &str); 14] = [
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64", "al2023-ami-2023.*-kernel-6.1-arm64"),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64", "al2023-ami-2023.*-kernel-6.1-x86_64"),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64", "al2023-ami-2023.*-kernel-6.12-x86_64"),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64", "al2023-ami-2023.*-kernel-6.1-arm64"),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", "al2023-ami-2023.*-kernel-6.1-x86_64"),
    (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-arm64",
        "al2023-ami-minimal-*-kernel-6.1-arm64",
    ),
    (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-x86_64",
        "al2023-ami-minimal-*-kernel-6.1-x86_64",
    ),
    (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-arm64",
        "al2023-ami-minimal-*-kernel-6.1-arm64",
    ),
    (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64",
        "al2023-ami-minimal-*-kernel-6.1-x86_64",
    ),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-arm64-gp2", "amzn2-ami-hvm-2.0.*-arm64-gp2"),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2", "amzn2-ami-hvm-2.0.*-x86_64-gp2"),
    (
        "/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2",
        "amzn2-ami-kernel-5.10-hvm-2.0.*-x86_64-gp2",
    ),
    (
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*",
    ),
    ("/aws/service/storagegateway/ami/FILE_S3/latest", "aws-storage-gateway-FILE_S3-*"),
];

/// Whether a name is one that AWS alone may have.
#[must_use]
pub(super) fn is_public(name: &str) -> bool {
    name.starts_with("/aws/service/")
}

/// The names below a path.
pub(super) fn below(path: &str, recursive: bool) -> impl Iterator<Item = &'static str> {
    let names = IMAGES.iter().map(|(name, _)| *name);
    names.filter(move |name| name.strip_prefix(path).is_some_and(|rest| recursive || !rest.contains('/')))
}

/// The parameter of that name, if there is one, as `GetParameter` shows it.
pub(super) async fn parameter(fabric: &Fabric, name: &str) -> Option<Value> {
    let (name, pattern) = IMAGES.iter().find(|(known, _)| *known == name)?;
    let input = json!({ "Filters": [{ "Name": "name", "Values": [pattern] }] });
    let found = fabric.call(PRINCIPAL, "ec2", "DescribeImages", input).await.ok()?;
    let images = found["Images"].as_array()?;
    let newest = images.iter().max_by_key(|image| image["CreationDate"].as_str())?;
    let published = crate::model::Timestamp::parse_rfc3339(newest["CreationDate"].as_str()?)?;
    Some(json!({
        "Name": name,
        "Type": "String",
        "Value": newest["ImageId"],
        "Version": 1,
        "LastModifiedDate": published.epoch_seconds(),
        "ARN": format!("arn:aws:ssm:{}::parameter{name}", fabric.identity().region),
        "DataType": "aws:ec2:image",
    }))
}
