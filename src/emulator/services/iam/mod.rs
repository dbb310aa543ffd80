//! AWS IAM: roles and policies are recorded and returned. Nothing is enforced: the endpoint has one user, its own
//! machine's.

mod error;
mod instance_profiles;
mod policies;
mod roles;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emulator::{Fabric, Interface, KeepError, QueryInterface, Service, Shelf};
use crate::model::Timestamp;
use error::Error;

static INTERFACE: Interface = Interface {
    id: "iam",
    title: "AWS IAM",
    target_prefix: None,
    json_version: "1.1",
    query: Some(QueryInterface {
        version: "2010-05-08",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
        flattened: &[],
    }),
    rest: false,
};

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Documents in answers are encoded as RFC 3986 says.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A tag.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// What kept rows are.
const ROLE: &str = "role";
const POLICY: &str = "policy";
const INSTANCE_PROFILE: &str = "instance profile";

#[derive(Serialize, Deserialize)]
struct Role {
    id: String,
    arn: String,
    path: String,
    created: Timestamp,
    trust: String,
    description: Option<String>,
    max_session: i64,
    boundary: Option<String>,
    inline: BTreeMap<String, String>,
    /// ARNs, in the order in which they were attached.
    attached: Vec<String>,
    tags: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Version {
    id: String,
    document: String,
    created: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Policy {
    id: String,
    name: String,
    path: String,
    created: Timestamp,
    updated: Timestamp,
    description: Option<String>,
    versions: Vec<Version>,
    default_version: String,
    next_version: u32,
}

#[derive(Serialize, Deserialize)]
struct InstanceProfile {
    id: String,
    arn: String,
    path: String,
    created: Timestamp,
    role: Option<String>,
    tags: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    instance_profiles: BTreeMap<String, InstanceProfile>,
    roles: BTreeMap<String, Role>,
    /// By ARN.
    policies: BTreeMap<String, Policy>,
}

/// The service.
pub struct Iam {
    fabric: Fabric,
    shelf: Shelf,
    state: Mutex<State>,
}

impl Iam {
    /// With the roles and policies that were kept.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let state = State {
            instance_profiles: shelf.all(INSTANCE_PROFILE)?.into_iter().collect(),
            roles: shelf.all(ROLE)?.into_iter().collect(),
            policies: shelf.all(POLICY)?.into_iter().collect(),
        };
        Ok(Arc::new(Self { fabric, shelf, state: Mutex::new(state) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arn(&self, kind: &str, path: &str, name: &str) -> String {
        format!("arn:aws:iam::{}:{kind}{path}{name}", self.fabric.identity().account)
    }

    fn id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.fabric.token(UPPER, 17))
    }
}

/// Refuses a document that is no policy.
fn check_document(document: &str) -> Result<(), Error> {
    match serde_json::from_str::<Value>(document) {
        Ok(Value::Object(members)) if members.contains_key("Statement") => Ok(()),
        Ok(Value::Object(_)) => {
            Err(Error::MalformedPolicy("Syntax errors in policy: there is no Statement.".to_owned()))
        }
        Ok(_) => Err(Error::MalformedPolicy("Syntax errors in policy: it is no JSON object.".to_owned())),
        Err(_) => Err(Error::MalformedPolicy("This policy contains invalid Json".to_owned())),
    }
}

fn encoded(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

fn check_name(name: &str, most: usize, member: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if name.is_empty() || name.len() > most || !name.bytes().all(fits) {
        return Err(Error::Validation(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )));
    }
    Ok(())
}

fn check_path(path: Option<String>) -> Result<String, Error> {
    let path = path.filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned());
    if path.starts_with('/') && path.ends_with('/') && path.len() <= 512 {
        return Ok(path);
    }
    Err(Error::Validation("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.".to_owned()))
}

impl Service for Iam {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let state = self.state();
        vec![
            ("roles", state.roles.len()),
            ("policies", state.policies.len()),
            ("instance profiles", state.instance_profiles.len()),
        ]
    }

    crate::operations! {
        AddRoleToInstanceProfile => instance_profiles::add_role_to_instance_profile,
        AttachRolePolicy => roles::attach_role_policy,
        CreateInstanceProfile => instance_profiles::create_instance_profile,
        CreatePolicy => policies::create_policy,
        CreatePolicyVersion => policies::create_policy_version,
        CreateRole => roles::create_role,
        DeleteInstanceProfile => instance_profiles::delete_instance_profile,
        DeletePolicy => policies::delete_policy,
        DeletePolicyVersion => policies::delete_policy_version,
        DeleteRole => roles::delete_role,
        DeleteRolePolicy => roles::delete_role_policy,
        DetachRolePolicy => roles::detach_role_policy,
        GetInstanceProfile => instance_profiles::get_instance_profile,
        GetPolicy => policies::get_policy,
        GetPolicyVersion => policies::get_policy_version,
        GetRole => roles::get_role,
        GetRolePolicy => roles::get_role_policy,
        ListAttachedRolePolicies => roles::list_attached_role_policies,
        ListInstanceProfiles => instance_profiles::list_instance_profiles,
        ListInstanceProfilesForRole => instance_profiles::list_instance_profiles_for_role,
        ListPolicies => policies::list_policies,
        ListPolicyVersions => policies::list_policy_versions,
        ListRolePolicies => roles::list_role_policies,
        ListRoleTags => roles::list_role_tags,
        ListRoles => roles::list_roles,
        PutRolePolicy => roles::put_role_policy,
        RemoveRoleFromInstanceProfile => instance_profiles::remove_role_from_instance_profile,
        TagRole => roles::tag_role,
        UntagRole => roles::untag_role,
        UpdateAssumeRolePolicy => roles::update_assume_role_policy,
        UpdateRole => roles::update_role,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::emulator::{Identity, ServiceError};

    const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

    async fn call(fabric: &Fabric, operation: &str, input: Value) -> Result<Value, ServiceError> {
        fabric.call("test", "iam", operation, input).await
    }

    fn started() -> Fabric {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        fabric.join(vec![Iam::new(fabric.clone()).expect("nothing is kept")]);
        fabric
    }

    #[tokio::test]
    async fn a_role_in_use_is_not_deleted() {
        let fabric = started();
        let role = json!({"RoleName": "r", "AssumeRolePolicyDocument": DOCUMENT});
        let created = call(&fabric, "CreateRole", role.clone()).await.expect("a role");
        assert_eq!(created["Role"]["Arn"], "arn:aws:iam::000000000000:role/r");
        assert_eq!(created["Role"]["AssumeRolePolicyDocument"], encoded(DOCUMENT));
        assert_eq!(call(&fabric, "CreateRole", role).await.expect_err("exists").code, "EntityAlreadyExists");
        let put = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": DOCUMENT});
        call(&fabric, "PutRolePolicy", put).await.expect("put");
        let refused = call(&fabric, "DeleteRole", json!({"RoleName": "r"})).await.expect_err("in use");
        assert_eq!((refused.code.as_ref(), refused.status.as_u16()), ("DeleteConflict", 409));
        call(&fabric, "DeleteRolePolicy", json!({"RoleName": "r", "PolicyName": "p"})).await.expect("deleted");
        call(&fabric, "DeleteRole", json!({"RoleName": "r"})).await.expect("deleted");
        let gone = call(&fabric, "GetRole", json!({"RoleName": "r"})).await.expect_err("gone");
        assert_eq!((gone.code.as_ref(), gone.status.as_u16()), ("NoSuchEntity", 404));
    }

    #[tokio::test]
    async fn an_instance_profile_holds_one_role_and_keeps_it() {
        let fabric = started();
        for role in ["r", "s"] {
            let input = json!({"RoleName": role, "AssumeRolePolicyDocument": DOCUMENT});
            call(&fabric, "CreateRole", input).await.expect("a role");
        }
        let profile = json!({"InstanceProfileName": "p"});
        call(&fabric, "CreateInstanceProfile", profile.clone()).await.expect("a profile");
        let with = |role: &str| json!({"InstanceProfileName": "p", "RoleName": role});
        call(&fabric, "AddRoleToInstanceProfile", with("r")).await.expect("added");
        let refused = call(&fabric, "AddRoleToInstanceProfile", with("s")).await.expect_err("one is the most");
        assert_eq!(refused.code, "LimitExceeded");
        let got = call(&fabric, "GetInstanceProfile", profile.clone()).await.expect("a profile");
        assert_eq!(got["InstanceProfile"]["Roles"][0]["RoleName"], "r");
        for (operation, input) in [("DeleteInstanceProfile", profile.clone()), ("DeleteRole", json!({"RoleName": "r"}))]
        {
            assert_eq!(call(&fabric, operation, input).await.expect_err(operation).code, "DeleteConflict");
        }
        let of_role = call(&fabric, "ListInstanceProfilesForRole", json!({"RoleName": "r"})).await.expect("a list");
        assert_eq!(of_role["InstanceProfiles"][0]["InstanceProfileName"], "p");
        call(&fabric, "RemoveRoleFromInstanceProfile", with("r")).await.expect("removed");
        call(&fabric, "DeleteInstanceProfile", profile).await.expect("deleted");
        call(&fabric, "DeleteRole", json!({"RoleName": "r"})).await.expect("deleted");
    }

    #[tokio::test]
    async fn a_policy_has_versions_and_must_be_json() {
        let fabric = started();
        for document in ["{", "[]", "{}"] {
            let input = json!({"PolicyName": "p", "PolicyDocument": document});
            let refused = call(&fabric, "CreatePolicy", input).await.expect_err(document);
            assert_eq!(refused.code, "MalformedPolicyDocument");
        }
        let input = json!({"PolicyName": "p", "PolicyDocument": DOCUMENT});
        let created = call(&fabric, "CreatePolicy", input).await.expect("a policy");
        let arn = &created["Policy"]["Arn"];
        let input = json!({"PolicyArn": arn, "PolicyDocument": DOCUMENT, "SetAsDefault": "true"});
        call(&fabric, "CreatePolicyVersion", input).await.expect("a version");
        let got = call(&fabric, "GetPolicy", json!({"PolicyArn": arn})).await.expect("a policy");
        assert_eq!(got["Policy"]["DefaultVersionId"], "v2");
        let conflict = call(&fabric, "DeletePolicy", json!({"PolicyArn": arn})).await.expect_err("has versions");
        assert_eq!(conflict.code, "DeleteConflict");
        call(&fabric, "DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": "v1"})).await.expect("deleted");
        call(&fabric, "DeletePolicy", json!({"PolicyArn": arn})).await.expect("deleted");
    }
}
