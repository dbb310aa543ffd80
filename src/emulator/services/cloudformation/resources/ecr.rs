//! `AWS::ECR::Repository`.

use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

const REPOSITORY: &[Property] = &[
    property("EmptyOnDelete", Shape::Flag),
    property(
        "EncryptionConfiguration",
        Shape::Object(&[property("EncryptionType", Shape::Text).required(), property("KmsKey", Shape::Text)]),
    )
    .replaces(),
    property("ImageScanningConfiguration", Shape::Object(&[property("ScanOnPush", Shape::Flag)])),
    property("ImageTagMutability", Shape::Text),
    property(
        "LifecyclePolicy",
        Shape::Object(&[property("LifecyclePolicyText", Shape::Text), property("RegistryId", Shape::Text)]),
    ),
    property("RepositoryName", Shape::Text).replaces(),
    property("RepositoryPolicyText", Shape::Document),
    property("Tags", TAGS),
];

const TAGGING: Tagging =
    Tagging { service: "ecr", operations: UNTAG_AND_TAG, members: ["resourceArn", "tagKeys", "tags"] };

provider!(Repository, "AWS::ECR::Repository", REPOSITORY, Some("RepositoryName"), create, update, delete);

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.lower_name("RepositoryName", 256);
    let mut input = json!({"repositoryName": name, "tags": request.tag_list()});
    if let Some(mutability) = request.properties.get("ImageTagMutability") {
        input["imageTagMutability"] = mutability.clone();
    }
    if let Some(scanning) = request.properties.get("ImageScanningConfiguration") {
        input["imageScanningConfiguration"] = in_camel_case(scanning);
    }
    if let Some(encryption) = request.properties.get("EncryptionConfiguration") {
        input["encryptionConfiguration"] = in_camel_case(encryption);
    }
    let created = request.call("ecr", "CreateRepository", input).await?;
    set_policies(request, &name, &Value::Null).await.map_err(|failure| failure.after(&name))?;
    Ok(made(&name, &created["repository"]))
}

/// The service spells the members of the same names with a small first letter.
fn in_camel_case(value: &Value) -> Value {
    let renamed = value.as_object().into_iter().flatten().map(|(name, member)| {
        let mut letters = name.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        (first.into_iter().chain(letters).collect::<String>(), member.clone())
    });
    Value::Object(renamed.collect::<Map<String, Value>>())
}

/// Sets the policies that differ from `before`, and takes away those that are gone.
async fn set_policies(request: Request<'_>, name: &str, before: &Value) -> Result<(), Failure> {
    let policy = |properties: &Value| properties.get("RepositoryPolicyText").map(Value::to_string);
    let lifecycle = |properties: &Value| {
        properties.pointer("/LifecyclePolicy/LifecyclePolicyText").and_then(Value::as_str).map(str::to_owned)
    };
    for (old, new, set, member, unset) in [
        (policy(before), policy(request.properties), "SetRepositoryPolicy", "policyText", "DeleteRepositoryPolicy"),
        (
            lifecycle(before),
            lifecycle(request.properties),
            "PutLifecyclePolicy",
            "lifecyclePolicyText",
            "DeleteLifecyclePolicy",
        ),
    ] {
        let mut input = json!({"repositoryName": name});
        match new {
            new if new == old => {}
            Some(text) => {
                input[member] = Value::from(text);
                request.call("ecr", set, input).await?;
            }
            None => drop(request.call("ecr", unset, input).await?),
        }
    }
    Ok(())
}

async fn update(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    let differs = |property: &str| before.get(property) != request.properties.get(property);
    if differs("ImageTagMutability") {
        let mutability = request.properties.get("ImageTagMutability").cloned().unwrap_or_else(|| json!("MUTABLE"));
        let input = json!({"repositoryName": name, "imageTagMutability": mutability});
        request.call("ecr", "PutImageTagMutability", input).await?;
    }
    if differs("ImageScanningConfiguration") {
        let scanning = in_camel_case(request.get("ImageScanningConfiguration"));
        let input = json!({"repositoryName": name, "imageScanningConfiguration": scanning});
        request.call("ecr", "PutImageScanningConfiguration", input).await?;
    }
    set_policies(request, name, before).await?;
    let described = request.call("ecr", "DescribeRepositories", json!({"repositoryNames": [name]})).await?;
    let repository = &described["repositories"][0];
    request.retag(&TAGGING, repository["repositoryArn"].clone(), request.tag_list(), before).await?;
    Ok(made(name, repository))
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("ecr", "DeleteRepository", json!({"repositoryName": name})).await.map(|_| ())
}

fn made(name: &str, repository: &Value) -> Made {
    Made::new(name)
        .with("Arn", repository["repositoryArn"].clone())
        .with("RepositoryUri", repository["repositoryUri"].clone())
}
