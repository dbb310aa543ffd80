//! Roles, with their inline policies, attached policies and tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{Iam, ROLE, Role, Tag, check_document, check_name, check_path, encoded};
use crate::emulator::{Context, form};

/// The session that a role has when nobody says, in seconds.
const DEFAULT_SESSION: i64 = 3_600;

pub(super) fn shown(name: &str, role: &Role) -> Value {
    let mut shown = json!({
        "Path": role.path,
        "RoleName": name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created.iso_seconds(),
        "AssumeRolePolicyDocument": encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.max_session,
    });
    if let Some(arn) = &role.boundary {
        shown["PermissionsBoundary"] = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
    }
    if !role.tags.is_empty() {
        shown["Tags"] = tags(role);
    }
    shown
}

fn tags(role: &Role) -> Value {
    role.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

impl Iam {
    fn role<T>(&self, name: &str, read: impl FnOnce(&Role) -> Result<T, Error>) -> Result<T, Error> {
        self.state().roles.get(name).ok_or_else(|| missing(name)).and_then(read)
    }

    fn change_role<T>(&self, name: &str, work: impl FnOnce(&mut Role) -> Result<T, Error>) -> Result<T, Error> {
        let mut state = self.state();
        let role = state.roles.get_mut(name).ok_or_else(|| missing(name))?;
        let answer = work(role)?;
        self.shelf.put(ROLE, name, role);
        Ok(answer)
    }
}

pub(super) fn missing(name: &str) -> Error {
    Error::NotFound(format!("The role with name {name} cannot be found."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateRole {
    role_name: String,
    assume_role_policy_document: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "form::integer")]
    max_session_duration: Option<i64>,
    #[serde(default)]
    permissions_boundary: Option<String>,
    #[serde(default, deserialize_with = "form::list")]
    tags: Vec<Tag>,
}

fn check_session(seconds: Option<i64>) -> Result<i64, Error> {
    let seconds = seconds.unwrap_or(DEFAULT_SESSION);
    if (3_600..=43_200).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Error::Validation(format!("MaxSessionDuration {seconds} is not between 3600 and 43200")))
}

pub(super) async fn create_role(iam: &Iam, input: CreateRole, _: &Context) -> Result<Value, Error> {
    check_name(&input.role_name, 64, "roleName")?;
    check_document(&input.assume_role_policy_document)?;
    let path = check_path(input.path)?;
    let role = Role {
        id: iam.id("AROA"),
        arn: iam.arn("role", &path, &input.role_name),
        path,
        created: iam.fabric.clock().now(),
        trust: input.assume_role_policy_document,
        description: input.description,
        max_session: check_session(input.max_session_duration)?,
        boundary: input.permissions_boundary,
        inline: std::collections::BTreeMap::new(),
        attached: Vec::new(),
        tags: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    };
    let mut state = iam.state();
    if state.roles.contains_key(&input.role_name) {
        return Err(Error::Exists(format!("Role with name {}", input.role_name)));
    }
    let answer = json!({"Role": shown(&input.role_name, &role)});
    iam.shelf.put(ROLE, &input.role_name, &role);
    state.roles.insert(input.role_name, role);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfRole {
    role_name: String,
    #[serde(default)]
    policy_name: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
    #[serde(default)]
    policy_arn: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "form::integer")]
    max_session_duration: Option<i64>,
    #[serde(default, deserialize_with = "form::list")]
    tags: Vec<Tag>,
    #[serde(default, deserialize_with = "form::list")]
    tag_keys: Vec<String>,
}

impl OfRole {
    fn required(value: Option<&str>, member: &str) -> Result<String, Error> {
        value.map(str::to_owned).ok_or_else(|| {
            Error::Validation(format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"))
        })
    }
}

pub(super) async fn get_role(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    iam.role(&input.role_name, |role| Ok(json!({"Role": shown(&input.role_name, role)})))
}

pub(super) async fn update_role(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    let session = input.max_session_duration.map(|seconds| check_session(Some(seconds))).transpose()?;
    iam.change_role(&input.role_name, |role| {
        role.description = input.description.clone().or_else(|| role.description.take());
        role.max_session = session.unwrap_or(role.max_session);
        Ok(json!({}))
    })
}

pub(super) async fn delete_role(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    iam.role(&input.role_name, |role| match (role.inline.is_empty(), role.attached.is_empty()) {
        (false, _) => Err(Error::Conflict("Cannot delete entity, must delete policies first.".to_owned())),
        (_, false) => Err(Error::Conflict("Cannot delete entity, must detach all policies first.".to_owned())),
        _ => Ok(()),
    })?;
    let mut state = iam.state();
    if state.instance_profiles.values().any(|profile| profile.role.as_deref() == Some(&input.role_name)) {
        return Err(Error::Conflict("Cannot delete entity, must remove roles from instance profile first.".to_owned()));
    }
    iam.shelf.delete(ROLE, &input.role_name);
    state.roles.remove(&input.role_name);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRoles {
    #[serde(default)]
    path_prefix: Option<String>,
}

pub(super) async fn list_roles(iam: &Iam, input: ListRoles, _: &Context) -> Result<Value, Error> {
    let prefix = input.path_prefix.unwrap_or_default();
    let state = iam.state();
    let roles = state.roles.iter().filter(|(_, role)| role.path.starts_with(&prefix));
    let roles: Vec<Value> = roles.map(|(name, role)| shown(name, role)).collect();
    Ok(json!({"Roles": roles, "IsTruncated": false}))
}

pub(super) async fn update_assume_role_policy(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    let document = OfRole::required(input.policy_document.as_deref(), "policyDocument")?;
    check_document(&document)?;
    iam.change_role(&input.role_name, |role| {
        role.trust = document;
        Ok(Value::Null)
    })
}

pub(super) async fn put_role_policy(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    let name = OfRole::required(input.policy_name.as_deref(), "policyName")?;
    let document = OfRole::required(input.policy_document.as_deref(), "policyDocument")?;
    check_name(&name, 128, "policyName")?;
    check_document(&document)?;
    iam.change_role(&input.role_name, |role| {
        role.inline.insert(name, document);
        Ok(Value::Null)
    })
}

fn no_policy(name: &str) -> Error {
    Error::NotFound(format!("The role policy with name {name} cannot be found."))
}

pub(super) async fn get_role_policy(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    let name = OfRole::required(input.policy_name.as_deref(), "policyName")?;
    iam.role(&input.role_name, |role| {
        let document = role.inline.get(&name).ok_or_else(|| no_policy(&name))?;
        Ok(json!({"RoleName": input.role_name, "PolicyName": name, "PolicyDocument": encoded(document)}))
    })
}

pub(super) async fn delete_role_policy(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    let name = OfRole::required(input.policy_name.as_deref(), "policyName")?;
    iam.change_role(&input.role_name, |role| {
        role.inline.remove(&name).map(|_| Value::Null).ok_or_else(|| no_policy(&name))
    })
}

pub(super) async fn list_role_policies(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    iam.role(&input.role_name, |role| {
        let names: Vec<&String> = role.inline.keys().collect();
        Ok(json!({"PolicyNames": names, "IsTruncated": false}))
    })
}

pub(super) async fn attach_role_policy(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    let arn = OfRole::required(input.policy_arn.as_deref(), "policyArn")?;
    // Policies that AWS manages are taken by name: the endpoint holds no copy of them.
    let is_known = arn.starts_with("arn:aws:iam::aws:policy/") || iam.state().policies.contains_key(&arn);
    if !is_known {
        return Err(Error::NotFound(format!("Policy {arn} does not exist or is not attachable.")));
    }
    iam.change_role(&input.role_name, |role| {
        if !role.attached.contains(&arn) {
            role.attached.push(arn);
        }
        Ok(Value::Null)
    })
}

pub(super) async fn detach_role_policy(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    let arn = OfRole::required(input.policy_arn.as_deref(), "policyArn")?;
    iam.change_role(&input.role_name, |role| match role.attached.iter().position(|one| *one == arn) {
        Some(index) => {
            role.attached.remove(index);
            Ok(Value::Null)
        }
        None => Err(Error::NotFound(format!("Policy {arn} was not found."))),
    })
}

pub(super) async fn list_attached_role_policies(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    iam.role(&input.role_name, |role| {
        let shown = |arn: &String| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn});
        let attached: Vec<Value> = role.attached.iter().map(shown).collect();
        Ok(json!({"AttachedPolicies": attached, "IsTruncated": false}))
    })
}

pub(super) async fn tag_role(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    iam.change_role(&input.role_name, |role| {
        role.tags.extend(input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
        Ok(Value::Null)
    })
}

pub(super) async fn untag_role(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    iam.change_role(&input.role_name, |role| {
        role.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(Value::Null)
    })
}

pub(super) async fn list_role_tags(iam: &Iam, input: OfRole, _: &Context) -> Result<Value, Error> {
    iam.role(&input.role_name, |role| Ok(json!({"Tags": tags(role), "IsTruncated": false})))
}
