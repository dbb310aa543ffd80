//! Repositories and their settings.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{Ecr, KIND, Repository};
use crate::emulator::Context;

/// Repositories that one answer lists when nobody says how many, and at the most.
const PAGE: usize = 100;
const MOST_A_PAGE: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Scanning {
    #[serde(default)]
    scan_on_push: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateRepository {
    repository_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    image_tag_mutability: Option<String>,
    #[serde(default)]
    image_scanning_configuration: Scanning,
    #[serde(default)]
    encryption_configuration: Option<Value>,
}

/// `[a-z0-9]+` in parts between `.`, `_`, `__` or `-`, and those between slashes; 2 to 256 characters.
fn check_name(name: &str) -> Result<(), Error> {
    let is_part = |part: &str| {
        let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        ends(part.bytes().next())
            && ends(part.bytes().last())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
    };
    if (1..=256).contains(&name.len()) && name.split('/').all(is_part) {
        return Ok(());
    }
    Err(Error::Parameter {
        member: "repositoryName",
        constraint: "must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'"
            .to_owned(),
    })
}

fn mutability(given: Option<String>) -> Result<String, Error> {
    match given.as_deref() {
        None => Ok("MUTABLE".to_owned()),
        Some("MUTABLE" | "IMMUTABLE") => Ok(given.unwrap_or_default()),
        Some(other) => Err(Error::Parameter {
            member: "imageTagMutability",
            constraint: format!("Member must satisfy enum value set: [IMMUTABLE, MUTABLE], not {other}"),
        }),
    }
}

pub(super) async fn create_repository(ecr: &Ecr, input: CreateRepository, _: &Context) -> Result<Value, Error> {
    check_name(&input.repository_name)?;
    let repository = Repository {
        created: ecr.fabric.clock().now(),
        mutability: mutability(input.image_tag_mutability)?,
        scan_on_push: input.image_scanning_configuration.scan_on_push,
        encryption: input.encryption_configuration.unwrap_or_else(|| json!({"encryptionType": "AES256"})),
        policy: None,
        lifecycle: None,
        tags: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    };
    let answer = json!({"repository": ecr.shown(&input.repository_name, &repository)});
    let mut repositories = ecr.repositories();
    if repositories.contains_key(&input.repository_name) {
        return Err(Error::Exists { name: input.repository_name, registry: ecr.registry() });
    }
    ecr.shelf.put(KIND, &input.repository_name, &repository);
    repositories.insert(input.repository_name, repository);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfRepository {
    repository_name: String,
    #[serde(default)]
    registry_id: Option<String>,
    #[serde(default)]
    image_tag_mutability: Option<String>,
    #[serde(default)]
    image_scanning_configuration: Scanning,
}

/// Without images a repository is always empty: `force` makes no difference.
pub(super) async fn delete_repository(ecr: &Ecr, input: OfRepository, _: &Context) -> Result<Value, Error> {
    let name = &input.repository_name;
    let shown = ecr.repository(input.registry_id.as_deref(), name, |repository| Ok(ecr.shown(name, repository)))?;
    let mut repositories = ecr.repositories();
    repositories.remove(name);
    ecr.shelf.delete(KIND, name);
    Ok(json!({"repository": shown}))
}

pub(super) async fn put_image_tag_mutability(ecr: &Ecr, input: OfRepository, _: &Context) -> Result<Value, Error> {
    let wanted = mutability(input.image_tag_mutability)?;
    ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        repository.mutability.clone_from(&wanted);
        Ok(())
    })?;
    Ok(json!({
        "registryId": ecr.registry(),
        "repositoryName": input.repository_name,
        "imageTagMutability": wanted,
    }))
}

pub(super) async fn put_image_scanning_configuration(
    ecr: &Ecr,
    input: OfRepository,
    _: &Context,
) -> Result<Value, Error> {
    let scan = input.image_scanning_configuration.scan_on_push;
    ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        repository.scan_on_push = scan;
        Ok(())
    })?;
    Ok(json!({
        "registryId": ecr.registry(),
        "repositoryName": input.repository_name,
        "imageScanningConfiguration": {"scanOnPush": scan},
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeRepositories {
    #[serde(default)]
    registry_id: Option<String>,
    #[serde(default)]
    repository_names: Vec<String>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    max_results: Option<usize>,
}

pub(super) async fn describe_repositories(ecr: &Ecr, input: DescribeRepositories, _: &Context) -> Result<Value, Error> {
    if !input.repository_names.is_empty() {
        let named = input.repository_names.iter().map(|name| {
            ecr.repository(input.registry_id.as_deref(), name, |repository| Ok(ecr.shown(name, repository)))
        });
        return Ok(json!({"repositories": named.collect::<Result<Vec<Value>, Error>>()?}));
    }
    let page = input.max_results.unwrap_or(PAGE).clamp(1, MOST_A_PAGE);
    // The token is the name that the next page begins with.
    let from = input.next_token.unwrap_or_default();
    let repositories = ecr.repositories();
    let mut rest = repositories.range(from..);
    let shown: Vec<Value> = rest.by_ref().take(page).map(|(name, repository)| ecr.shown(name, repository)).collect();
    let mut answer = json!({"repositories": shown});
    if let Some((next, _)) = rest.next() {
        answer["nextToken"] = Value::from(next.as_str());
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tagging {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Ecr {
    fn tagged<T>(&self, arn: &str, work: impl FnOnce(&mut Repository) -> T) -> Result<T, Error> {
        match arn.split_once(":repository/") {
            Some((_, name)) => self.repository(None, name, |repository| Ok(work(repository))),
            None => Err(Error::Parameter {
                member: "resourceArn",
                constraint: format!("{arn} is not the ARN of a repository"),
            }),
        }
    }
}

pub(super) async fn tag_resource(ecr: &Ecr, input: Tagging, _: &Context) -> Result<Value, Error> {
    ecr.tagged(&input.resource_arn, |repository| {
        repository.tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value)));
        json!({})
    })
}

pub(super) async fn untag_resource(ecr: &Ecr, input: Tagging, _: &Context) -> Result<Value, Error> {
    ecr.tagged(&input.resource_arn, |repository| {
        repository.tags.retain(|key, _| !input.tag_keys.contains(key));
        json!({})
    })
}

pub(super) async fn list_tags_for_resource(ecr: &Ecr, input: Tagging, _: &Context) -> Result<Value, Error> {
    ecr.tagged(&input.resource_arn, |repository| {
        let tags = repository.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        json!({"tags": tags.collect::<Value>()})
    })
}
