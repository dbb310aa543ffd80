//! Instance profiles: each holds at most one role, which an instance then has.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{INSTANCE_PROFILE, Iam, InstanceProfile, State, Tag, check_name, check_path, roles};
use crate::emulator::{Context, form};

fn shown(state: &State, name: &str, profile: &InstanceProfile) -> Value {
    let role = profile.role.as_ref().and_then(|role| Some(roles::shown(role, state.roles.get(role)?)));
    let tags = profile.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    json!({
        "Path": profile.path,
        "InstanceProfileName": name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created.iso_seconds(),
        "Roles": role.into_iter().collect::<Vec<Value>>(),
        "Tags": tags.collect::<Vec<Value>>(),
    })
}

fn missing(name: &str) -> Error {
    Error::NotFound(format!("Instance Profile {name} cannot be found."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    instance_profile_name: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default, deserialize_with = "form::list")]
    tags: Vec<Tag>,
}

pub(super) async fn create_instance_profile(iam: &Iam, input: Input, _: &Context) -> Result<Value, Error> {
    let name = input.instance_profile_name;
    check_name(&name, 128, "instanceProfileName")?;
    let path = check_path(input.path)?;
    let profile = InstanceProfile {
        id: iam.id("AIPA"),
        arn: iam.arn("instance-profile", &path, &name),
        path,
        created: iam.fabric.clock().now(),
        role: None,
        tags: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    };
    let mut state = iam.state();
    if state.instance_profiles.contains_key(&name) {
        return Err(Error::Exists(format!("Instance Profile {name}")));
    }
    let answer = json!({"InstanceProfile": shown(&state, &name, &profile)});
    iam.shelf.put(INSTANCE_PROFILE, &name, &profile);
    state.instance_profiles.insert(name, profile);
    Ok(answer)
}

pub(super) async fn get_instance_profile(iam: &Iam, input: Input, _: &Context) -> Result<Value, Error> {
    let (state, name) = (iam.state(), &input.instance_profile_name);
    let profile = state.instance_profiles.get(name).ok_or_else(|| missing(name))?;
    Ok(json!({"InstanceProfile": shown(&state, name, profile)}))
}

pub(super) async fn delete_instance_profile(iam: &Iam, input: Input, _: &Context) -> Result<Value, Error> {
    let (mut state, name) = (iam.state(), &input.instance_profile_name);
    let profile = state.instance_profiles.get(name).ok_or_else(|| missing(name))?;
    if profile.role.is_some() {
        return Err(Error::Conflict("Cannot delete entity, must remove roles from instance profile first.".to_owned()));
    }
    iam.shelf.delete(INSTANCE_PROFILE, name);
    state.instance_profiles.remove(name);
    Ok(Value::Null)
}

pub(super) async fn add_role_to_instance_profile(iam: &Iam, input: Input, _: &Context) -> Result<Value, Error> {
    let (mut state, name) = (iam.state(), &input.instance_profile_name);
    let role = input.role_name.unwrap_or_default();
    if !state.roles.contains_key(&role) {
        return Err(roles::missing(&role));
    }
    let profile = state.instance_profiles.get_mut(name).ok_or_else(|| missing(name))?;
    if profile.role.is_some() {
        return Err(Error::Limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".to_owned()));
    }
    profile.role = Some(role);
    iam.shelf.put(INSTANCE_PROFILE, name, profile);
    Ok(Value::Null)
}

pub(super) async fn remove_role_from_instance_profile(iam: &Iam, input: Input, _: &Context) -> Result<Value, Error> {
    let (mut state, name) = (iam.state(), &input.instance_profile_name);
    let profile = state.instance_profiles.get_mut(name).ok_or_else(|| missing(name))?;
    let role = input.role_name.unwrap_or_default();
    if profile.role.as_deref() != Some(role.as_str()) {
        return Err(roles::missing(&role));
    }
    profile.role = None;
    iam.shelf.put(INSTANCE_PROFILE, name, profile);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    role_name: Option<String>,
}

pub(super) async fn list_instance_profiles(iam: &Iam, input: List, _: &Context) -> Result<Value, Error> {
    let (state, prefix) = (iam.state(), input.path_prefix.unwrap_or_default());
    let profiles = state.instance_profiles.iter().filter(|(_, profile)| profile.path.starts_with(&prefix));
    let profiles: Vec<Value> = profiles.map(|(name, profile)| shown(&state, name, profile)).collect();
    Ok(json!({"InstanceProfiles": profiles, "IsTruncated": false}))
}

pub(super) async fn list_instance_profiles_for_role(iam: &Iam, input: List, _: &Context) -> Result<Value, Error> {
    let (state, role) = (iam.state(), input.role_name.unwrap_or_default());
    if !state.roles.contains_key(&role) {
        return Err(roles::missing(&role));
    }
    let profiles = state.instance_profiles.iter().filter(|(_, profile)| profile.role.as_deref() == Some(&role));
    let profiles: Vec<Value> = profiles.map(|(name, profile)| shown(&state, name, profile)).collect();
    Ok(json!({"InstanceProfiles": profiles, "IsTruncated": false}))
}
