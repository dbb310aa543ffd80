//! Instance profiles: a role, wrapped for an instance.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{Iam, State, check_name, check_path, roles};
use crate::emulator::Context;
use crate::model::Timestamp;

/// An instance profile; it holds one role at the most.
pub(super) struct Profile {
    id: String,
    arn: String,
    path: String,
    created: Timestamp,
    role: Option<String>,
}

impl Profile {
    /// Whether it holds that role.
    pub(super) fn has(&self, role: &str) -> bool {
        self.role.as_deref() == Some(role)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfProfile {
    instance_profile_name: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    role_name: Option<String>,
}

fn shown(state: &State, name: &str, profile: &Profile) -> Value {
    let role = profile.role.as_ref().and_then(|role| Some(roles::shown(role, state.roles.get(role)?)));
    json!({
        "Path": profile.path,
        "InstanceProfileName": name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created.iso_seconds(),
        "Roles": role.into_iter().collect::<Value>(),
    })
}

fn missing(name: &str) -> Error {
    Error::NotFound(format!("Instance Profile {name} cannot be found."))
}

pub(super) async fn create_instance_profile(iam: &Iam, input: OfProfile, _: &Context) -> Result<Value, Error> {
    let name = input.instance_profile_name;
    check_name(&name, 128, "instanceProfileName")?;
    let path = check_path(input.path)?;
    let profile = Profile {
        id: iam.id("AIPA"),
        arn: iam.arn("instance-profile", &path, &name),
        path,
        created: iam.fabric.clock().now(),
        role: None,
    };
    let mut state = iam.state();
    if state.profiles.contains_key(&name) {
        return Err(Error::Exists(format!("Instance Profile {name}")));
    }
    let answer = json!({ "InstanceProfile": shown(&state, &name, &profile) });
    state.profiles.insert(name, profile);
    Ok(answer)
}

pub(super) async fn get_instance_profile(iam: &Iam, input: OfProfile, _: &Context) -> Result<Value, Error> {
    let name = input.instance_profile_name;
    let state = iam.state();
    let profile = state.profiles.get(&name).ok_or_else(|| missing(&name))?;
    Ok(json!({ "InstanceProfile": shown(&state, &name, profile) }))
}

pub(super) async fn delete_instance_profile(iam: &Iam, input: OfProfile, _: &Context) -> Result<Value, Error> {
    let name = input.instance_profile_name;
    let mut state = iam.state();
    let profile = state.profiles.get(&name).ok_or_else(|| missing(&name))?;
    if profile.role.as_ref().is_some_and(|role| state.roles.contains_key(role)) {
        return Err(Error::Conflict("Cannot delete entity, must remove roles from instance profile first.".to_owned()));
    }
    state.profiles.remove(&name);
    Ok(Value::Null)
}

pub(super) async fn add_role_to_instance_profile(iam: &Iam, input: OfProfile, _: &Context) -> Result<Value, Error> {
    let (name, role) = (input.instance_profile_name, input.role_name.unwrap_or_default());
    let mut state = iam.state();
    if !state.roles.contains_key(&role) {
        return Err(Error::NotFound(format!("The role with name {role} cannot be found.")));
    }
    let profile = state.profiles.get_mut(&name).ok_or_else(|| missing(&name))?;
    if profile.role.is_some() {
        return Err(Error::Limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".to_owned()));
    }
    profile.role = Some(role);
    Ok(Value::Null)
}

pub(super) async fn remove_role_from_instance_profile(
    iam: &Iam,
    input: OfProfile,
    _: &Context,
) -> Result<Value, Error> {
    let (name, role) = (input.instance_profile_name, input.role_name.unwrap_or_default());
    let mut state = iam.state();
    let profile = state.profiles.get_mut(&name).ok_or_else(|| missing(&name))?;
    if profile.role.as_ref() != Some(&role) {
        return Err(Error::NotFound(format!("The role with name {role} cannot be found.")));
    }
    profile.role = None;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListProfiles {
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    role_name: Option<String>,
}

pub(super) async fn list_instance_profiles(iam: &Iam, input: ListProfiles, _: &Context) -> Result<Value, Error> {
    let prefix = input.path_prefix.unwrap_or_default();
    let state = iam.state();
    let found = state.profiles.iter().filter(|(_, one)| one.path.starts_with(&prefix));
    let found: Vec<Value> = found.map(|(name, one)| shown(&state, name, one)).collect();
    Ok(json!({ "InstanceProfiles": found, "IsTruncated": false }))
}

pub(super) async fn list_instance_profiles_for_role(
    iam: &Iam,
    input: ListProfiles,
    _: &Context,
) -> Result<Value, Error> {
    let role = input.role_name.unwrap_or_default();
    let state = iam.state();
    if !state.roles.contains_key(&role) {
        return Err(Error::NotFound(format!("The role with name {role} cannot be found.")));
    }
    let found = state.profiles.iter().filter(|(_, one)| one.role.as_ref() == Some(&role));
    let found: Vec<Value> = found.map(|(name, one)| shown(&state, name, one)).collect();
    Ok(json!({ "InstanceProfiles": found, "IsTruncated": false }))
}
