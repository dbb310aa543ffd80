//! `AWS::IAM::Role`, `AWS::IAM::InstanceProfile`, `AWS::IAM::ManagedPolicy` and `AWS::IAM::Policy`.

use serde_json::{Value, json};

use super::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use super::tags::Tagging;
use super::{Failure, Made, Request, provider};

const INLINE: Shape = Shape::List(&Shape::Object(&[
    property("PolicyDocument", Shape::Document).required(),
    property("PolicyName", Shape::Text).required(),
]));

const ROLE: &[Property] = &[
    property("AssumeRolePolicyDocument", Shape::Document).required(),
    property("Description", Shape::Text),
    property("ManagedPolicyArns", TEXT_LIST),
    property("MaxSessionDuration", Shape::Integer),
    property("Path", Shape::Text).replaces(),
    property("PermissionsBoundary", Shape::Text).replaces(),
    property("Policies", INLINE),
    property("RoleName", Shape::Text).replaces(),
    property("Tags", TAGS),
];

const TAGGING: Tagging =
    Tagging { service: "iam", operations: ["UntagRole", "TagRole"], members: ["RoleName", "TagKeys", "Tags"] };

provider!(Role, "AWS::IAM::Role", ROLE, Some("RoleName"), create_role, update_role, delete_role);

fn texts<'a>(properties: &'a Value, name: &str) -> Vec<&'a str> {
    properties[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn inline(properties: &Value) -> Vec<(&str, String)> {
    let entries = properties["Policies"].as_array().into_iter().flatten();
    entries
        .map(|entry| (entry["PolicyName"].as_str().unwrap_or_default(), entry["PolicyDocument"].to_string()))
        .collect()
}

async fn create_role(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("RoleName", 64);
    let mut input = request.members(&["Description", "MaxSessionDuration", "Path", "PermissionsBoundary"]);
    input.insert("RoleName".to_owned(), Value::from(name.as_str()));
    let trust = request.get("AssumeRolePolicyDocument").to_string();
    input.insert("AssumeRolePolicyDocument".to_owned(), Value::from(trust));
    input.insert("Tags".to_owned(), request.tag_list());
    let created = request.call("iam", "CreateRole", input).await?;
    set_policies(request, &name, &Value::Null).await.map_err(|failure| failure.after(&name))?;
    Ok(role(&name, &created))
}

async fn update_role(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    if before.get("AssumeRolePolicyDocument") != request.properties.get("AssumeRolePolicyDocument") {
        let input = json!({"RoleName": name, "PolicyDocument": request.get("AssumeRolePolicyDocument").to_string()});
        request.call("iam", "UpdateAssumeRolePolicy", input).await?;
    }
    let changed =
        ["Description", "MaxSessionDuration"].iter().any(|one| before.get(one) != request.properties.get(one));
    if changed {
        let description = request.text("Description");
        let duration = request.properties.get("MaxSessionDuration").cloned().unwrap_or_else(|| json!(3_600));
        let input = json!({"RoleName": name, "Description": description, "MaxSessionDuration": duration});
        request.call("iam", "UpdateRole", input).await?;
    }
    set_policies(request, name, before).await?;
    request.retag(&TAGGING, name, request.tag_list(), before).await?;
    let answer = request.call("iam", "GetRole", json!({"RoleName": name})).await?;
    Ok(role(name, &answer))
}

/// Attaches and puts what is new, detaches and deletes what is gone.
async fn set_policies(request: Request<'_>, name: &str, before: &Value) -> Result<(), Failure> {
    let (old, new) = (texts(before, "ManagedPolicyArns"), texts(request.properties, "ManagedPolicyArns"));
    for arn in new.iter().filter(|arn| !old.contains(arn)) {
        request.call("iam", "AttachRolePolicy", json!({"RoleName": name, "PolicyArn": arn})).await?;
    }
    for arn in old.iter().filter(|arn| !new.contains(arn)) {
        request.call("iam", "DetachRolePolicy", json!({"RoleName": name, "PolicyArn": arn})).await?;
    }
    let (old, new) = (inline(before), inline(request.properties));
    for (policy, document) in new.iter().filter(|one| !old.contains(one)) {
        let input = json!({"RoleName": name, "PolicyName": policy, "PolicyDocument": document});
        request.call("iam", "PutRolePolicy", input).await?;
    }
    for (policy, _) in old.iter().filter(|(policy, _)| !new.iter().any(|(kept, _)| kept == policy)) {
        request.call("iam", "DeleteRolePolicy", json!({"RoleName": name, "PolicyName": policy})).await?;
    }
    Ok(())
}

async fn delete_role(request: Request<'_>, name: &str) -> Result<(), Failure> {
    // Policies that other resources of the stack attached are gone before: only the role's own are left.
    let attached = request.call("iam", "ListAttachedRolePolicies", json!({"RoleName": name})).await?;
    for policy in attached["AttachedPolicies"].as_array().into_iter().flatten() {
        let input = json!({"RoleName": name, "PolicyArn": policy["PolicyArn"]});
        request.call("iam", "DetachRolePolicy", input).await?;
    }
    let inline = request.call("iam", "ListRolePolicies", json!({"RoleName": name})).await?;
    for policy in inline["PolicyNames"].as_array().into_iter().flatten() {
        request.call("iam", "DeleteRolePolicy", json!({"RoleName": name, "PolicyName": policy})).await?;
    }
    request.call("iam", "DeleteRole", json!({"RoleName": name})).await.map(|_| ())
}

fn role(name: &str, answer: &Value) -> Made {
    Made::new(name).with("Arn", answer["Role"]["Arn"].clone()).with("RoleId", answer["Role"]["RoleId"].clone())
}

const PROFILE: &[Property] = &[
    property("InstanceProfileName", Shape::Text).replaces(),
    property("Path", Shape::Text).replaces(),
    property("Roles", TEXT_LIST).required(),
];

provider!(
    InstanceProfile,
    "AWS::IAM::InstanceProfile",
    PROFILE,
    Some("InstanceProfileName"),
    create_profile,
    update_profile,
    delete_profile
);

async fn create_profile(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("InstanceProfileName", 128);
    let mut input = request.members(&["Path"]);
    input.insert("InstanceProfileName".to_owned(), Value::from(name.as_str()));
    let created = request.call("iam", "CreateInstanceProfile", input).await?;
    fill_profile(request, &name, &Value::Null).await.map_err(|failure| failure.after(&name))?;
    Ok(profile(&name, &created))
}

/// Brings its role to what the properties say.
async fn fill_profile(request: Request<'_>, name: &str, before: &Value) -> Result<(), Failure> {
    let (old, new) = (texts(before, "Roles"), texts(request.properties, "Roles"));
    for (operation, roles, kept) in
        [("RemoveRoleFromInstanceProfile", &old, &new), ("AddRoleToInstanceProfile", &new, &old)]
    {
        for role in roles.iter().filter(|role| !kept.contains(role)) {
            request.call("iam", operation, json!({"InstanceProfileName": name, "RoleName": role})).await?;
        }
    }
    Ok(())
}

async fn update_profile(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    fill_profile(request, name, before).await?;
    let answer = request.call("iam", "GetInstanceProfile", json!({"InstanceProfileName": name})).await?;
    Ok(profile(name, &answer))
}

async fn delete_profile(request: Request<'_>, name: &str) -> Result<(), Failure> {
    let answer = request.call("iam", "GetInstanceProfile", json!({"InstanceProfileName": name})).await?;
    for role in answer["InstanceProfile"]["Roles"].as_array().into_iter().flatten() {
        let input = json!({"InstanceProfileName": name, "RoleName": role["RoleName"]});
        request.call("iam", "RemoveRoleFromInstanceProfile", input).await?;
    }
    request.call("iam", "DeleteInstanceProfile", json!({"InstanceProfileName": name})).await.map(|_| ())
}

fn profile(name: &str, answer: &Value) -> Made {
    Made::new(name).with("Arn", answer["InstanceProfile"]["Arn"].clone())
}

const MANAGED: &[Property] = &[
    property("Description", Shape::Text).replaces(),
    property("ManagedPolicyName", Shape::Text).replaces(),
    property("Path", Shape::Text).replaces(),
    property("PolicyDocument", Shape::Document).required(),
    property("Roles", TEXT_LIST),
];

provider!(
    ManagedPolicy,
    "AWS::IAM::ManagedPolicy",
    MANAGED,
    Some("ManagedPolicyName"),
    create_managed,
    update_managed,
    delete_managed
);

async fn create_managed(request: Request<'_>) -> Result<Made, Failure> {
    let mut input = request.members(&["Description", "Path"]);
    input.insert("PolicyName".to_owned(), Value::from(request.name("ManagedPolicyName", 128)));
    input.insert("PolicyDocument".to_owned(), Value::from(request.get("PolicyDocument").to_string()));
    let created = request.call("iam", "CreatePolicy", input).await?;
    let arn = created["Policy"]["Arn"].as_str().unwrap_or_default().to_owned();
    attach(request, &arn, &Value::Null).await.map_err(|failure| failure.after(&arn))?;
    Ok(Made::new(arn.as_str()).with("PolicyArn", arn))
}

async fn attach(request: Request<'_>, arn: &str, before: &Value) -> Result<(), Failure> {
    let (old, new) = (texts(before, "Roles"), texts(request.properties, "Roles"));
    for role in new.iter().filter(|role| !old.contains(role)) {
        request.call("iam", "AttachRolePolicy", json!({"RoleName": role, "PolicyArn": arn})).await?;
    }
    for role in old.iter().filter(|role| !new.contains(role)) {
        request.call("iam", "DetachRolePolicy", json!({"RoleName": role, "PolicyArn": arn})).await?;
    }
    Ok(())
}

async fn update_managed(request: Request<'_>, arn: &str, before: &Value) -> Result<Made, Failure> {
    if before.get("PolicyDocument") != request.properties.get("PolicyDocument") {
        let versions = request.call("iam", "ListPolicyVersions", json!({"PolicyArn": arn})).await?;
        let old = versions["Versions"].as_array().into_iter().flatten();
        let old: Vec<&Value> = old.filter(|one| one["IsDefaultVersion"] == json!(false)).collect();
        for version in old {
            let input = json!({"PolicyArn": arn, "VersionId": version["VersionId"]});
            request.call("iam", "DeletePolicyVersion", input).await?;
        }
        let document = request.get("PolicyDocument").to_string();
        let input = json!({"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": true});
        request.call("iam", "CreatePolicyVersion", input).await?;
    }
    attach(request, arn, before).await?;
    Ok(Made::new(arn).with("PolicyArn", arn))
}

async fn delete_managed(request: Request<'_>, arn: &str) -> Result<(), Failure> {
    for role in texts(request.properties, "Roles") {
        let detached = request.call("iam", "DetachRolePolicy", json!({"RoleName": role, "PolicyArn": arn})).await;
        if let Err(failure) = detached
            && !failure.is_not_found()
        {
            return Err(failure);
        }
    }
    let versions = request.call("iam", "ListPolicyVersions", json!({"PolicyArn": arn})).await?;
    for version in versions["Versions"].as_array().into_iter().flatten() {
        if version["IsDefaultVersion"] == json!(false) {
            let input = json!({"PolicyArn": arn, "VersionId": version["VersionId"]});
            request.call("iam", "DeletePolicyVersion", input).await?;
        }
    }
    request.call("iam", "DeletePolicy", json!({"PolicyArn": arn})).await.map(|_| ())
}

const POLICY: &[Property] = &[
    property("PolicyDocument", Shape::Document).required(),
    property("PolicyName", Shape::Text).required().replaces(),
    property("Roles", TEXT_LIST).required(),
];

provider!(Policy, "AWS::IAM::Policy", POLICY, None, create_policy, update_policy, delete_policy);

async fn put(request: Request<'_>) -> Result<(), Failure> {
    let (name, document) = (request.text("PolicyName"), request.get("PolicyDocument").to_string());
    for role in texts(request.properties, "Roles") {
        let input = json!({"RoleName": role, "PolicyName": name, "PolicyDocument": document});
        request.call("iam", "PutRolePolicy", input).await?;
    }
    Ok(())
}

async fn create_policy(request: Request<'_>) -> Result<Made, Failure> {
    put(request).await?;
    let id = request.name("", 128);
    Ok(Made::new(id.as_str()).with("Id", id))
}

async fn update_policy(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    put(request).await?;
    let kept = texts(request.properties, "Roles");
    for role in texts(before, "Roles").into_iter().filter(|role| !kept.contains(role)) {
        let input = json!({"RoleName": role, "PolicyName": request.text("PolicyName")});
        request.call("iam", "DeleteRolePolicy", input).await?;
    }
    Ok(Made::new(id).with("Id", id))
}

async fn delete_policy(request: Request<'_>, _: &str) -> Result<(), Failure> {
    for role in texts(request.properties, "Roles") {
        let input = json!({"RoleName": role, "PolicyName": request.text("PolicyName")});
        if let Err(failure) = request.call("iam", "DeleteRolePolicy", input).await
            && !failure.is_not_found()
        {
            return Err(failure);
        }
    }
    Ok(())
}
