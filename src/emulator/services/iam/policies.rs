//! Managed policies and their versions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{Iam, POLICY, Policy, State, Version, check_document, check_name, check_path, encoded};
use crate::emulator::{Context, form};

/// Versions that a policy may have.
const MOST_VERSIONS: usize = 5;

fn attachments(state: &State, arn: &str) -> usize {
    state.roles.values().filter(|role| role.attached.iter().any(|one| one == arn)).count()
}

fn shown(state: &State, arn: &str, policy: &Policy) -> Value {
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": attachments(state, arn),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "Description": policy.description,
        "CreateDate": policy.created.iso_seconds(),
        "UpdateDate": policy.updated.iso_seconds(),
    })
}

fn version_of(policy: &Policy, version: &Version, with_document: bool) -> Value {
    let mut shown = json!({
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default_version,
        "CreateDate": version.created.iso_seconds(),
    });
    if with_document {
        shown["Document"] = Value::from(encoded(&version.document));
    }
    shown
}

fn missing(arn: &str) -> Error {
    Error::NotFound(format!("Policy {arn} was not found."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreatePolicy {
    policy_name: String,
    policy_document: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

pub(super) async fn create_policy(iam: &Iam, input: CreatePolicy, _: &Context) -> Result<Value, Error> {
    check_name(&input.policy_name, 128, "policyName")?;
    check_document(&input.policy_document)?;
    let path = check_path(input.path)?;
    let arn = iam.arn("policy", &path, &input.policy_name);
    let now = iam.fabric.clock().now();
    let policy = Policy {
        id: iam.id("ANPA"),
        name: input.policy_name,
        path,
        created: now,
        updated: now,
        description: input.description,
        versions: vec![Version { id: "v1".to_owned(), document: input.policy_document, created: now }],
        default_version: "v1".to_owned(),
        next_version: 2,
    };
    let mut state = iam.state();
    if state.policies.contains_key(&arn) {
        return Err(Error::Exists(format!("A policy called {}", policy.name)));
    }
    let answer = json!({"Policy": shown(&state, &arn, &policy)});
    iam.shelf.put(POLICY, &arn, &policy);
    state.policies.insert(arn, policy);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfPolicy {
    policy_arn: String,
    #[serde(default)]
    version_id: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    set_as_default: Option<bool>,
}

pub(super) async fn get_policy(iam: &Iam, input: OfPolicy, _: &Context) -> Result<Value, Error> {
    let state = iam.state();
    let policy = state.policies.get(&input.policy_arn).ok_or_else(|| missing(&input.policy_arn))?;
    Ok(json!({"Policy": shown(&state, &input.policy_arn, policy)}))
}

pub(super) async fn delete_policy(iam: &Iam, input: OfPolicy, _: &Context) -> Result<Value, Error> {
    let mut state = iam.state();
    let policy = state.policies.get(&input.policy_arn).ok_or_else(|| missing(&input.policy_arn))?;
    if attachments(&state, &input.policy_arn) > 0 {
        return Err(Error::Conflict("Cannot delete a policy attached to entities.".to_owned()));
    }
    if policy.versions.len() > 1 {
        let problem = "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.";
        return Err(Error::Conflict(problem.to_owned()));
    }
    iam.shelf.delete(POLICY, &input.policy_arn);
    state.policies.remove(&input.policy_arn);
    Ok(Value::Null)
}

pub(super) async fn create_policy_version(iam: &Iam, input: OfPolicy, _: &Context) -> Result<Value, Error> {
    let document = input.policy_document.unwrap_or_default();
    check_document(&document)?;
    let now = iam.fabric.clock().now();
    let mut state = iam.state();
    let policy = state.policies.get_mut(&input.policy_arn).ok_or_else(|| missing(&input.policy_arn))?;
    if policy.versions.len() >= MOST_VERSIONS {
        return Err(Error::Limit("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.".to_owned()));
    }
    let version = Version { id: format!("v{}", policy.next_version), document, created: now };
    policy.next_version += 1;
    policy.updated = now;
    if input.set_as_default == Some(true) {
        policy.default_version.clone_from(&version.id);
    }
    let answer = json!({"PolicyVersion": version_of(policy, &version, false)});
    policy.versions.push(version);
    iam.shelf.put(POLICY, &input.policy_arn, policy);
    Ok(answer)
}

pub(super) async fn get_policy_version(iam: &Iam, input: OfPolicy, _: &Context) -> Result<Value, Error> {
    let state = iam.state();
    let policy = state.policies.get(&input.policy_arn).ok_or_else(|| missing(&input.policy_arn))?;
    let wanted = input.version_id.unwrap_or_default();
    let version = policy.versions.iter().find(|one| one.id == wanted);
    let version = version.ok_or_else(|| no_version(&input.policy_arn, &wanted))?;
    Ok(json!({"PolicyVersion": version_of(policy, version, true)}))
}

fn no_version(arn: &str, version: &str) -> Error {
    Error::NotFound(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

pub(super) async fn delete_policy_version(iam: &Iam, input: OfPolicy, _: &Context) -> Result<Value, Error> {
    let mut state = iam.state();
    let policy = state.policies.get_mut(&input.policy_arn).ok_or_else(|| missing(&input.policy_arn))?;
    let wanted = input.version_id.unwrap_or_default();
    if wanted == policy.default_version {
        return Err(Error::Conflict("Cannot delete the default version of a policy.".to_owned()));
    }
    let before = policy.versions.len();
    policy.versions.retain(|one| one.id != wanted);
    if policy.versions.len() == before {
        return Err(no_version(&input.policy_arn, &wanted));
    }
    iam.shelf.put(POLICY, &input.policy_arn, policy);
    Ok(Value::Null)
}

pub(super) async fn list_policy_versions(iam: &Iam, input: OfPolicy, _: &Context) -> Result<Value, Error> {
    let state = iam.state();
    let policy = state.policies.get(&input.policy_arn).ok_or_else(|| missing(&input.policy_arn))?;
    let versions: Vec<Value> = policy.versions.iter().rev().map(|one| version_of(policy, one, false)).collect();
    Ok(json!({"Versions": versions, "IsTruncated": false}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListPolicies {
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    only_attached: Option<bool>,
}

pub(super) async fn list_policies(iam: &Iam, input: ListPolicies, _: &Context) -> Result<Value, Error> {
    let prefix = input.path_prefix.unwrap_or_default();
    let state = iam.state();
    let wanted = |(arn, policy): &(&String, &Policy)| {
        policy.path.starts_with(&prefix) && (input.only_attached != Some(true) || attachments(&state, arn) > 0)
    };
    let policies = state.policies.iter().filter(wanted);
    let policies: Vec<Value> = policies.map(|(arn, policy)| shown(&state, arn, policy)).collect();
    Ok(json!({"Policies": policies, "IsTruncated": false}))
}
