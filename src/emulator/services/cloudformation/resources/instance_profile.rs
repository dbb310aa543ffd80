//! `AWS::IAM::InstanceProfile`.

use serde_json::{Value, json};

use super::schema::{Property, Shape, TEXT_LIST, property};
use super::{Failure, Made, Request, provider};

const PROFILE: &[Property] = &[
    property("InstanceProfileName", Shape::Text).replaces(),
    property("Path", Shape::Text).replaces(),
    property("Roles", TEXT_LIST).required(),
];

provider!(InstanceProfile, "AWS::IAM::InstanceProfile", PROFILE, Some("InstanceProfileName"), create, update, delete);

fn roles(properties: &Value) -> Vec<&str> {
    properties["Roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

async fn set_roles(request: Request<'_>, name: &str, before: &Value) -> Result<(), Failure> {
    let (old, new) = (roles(before), roles(request.properties));
    for (operation, these, those) in
        [("RemoveRoleFromInstanceProfile", &old, &new), ("AddRoleToInstanceProfile", &new, &old)]
    {
        for role in these.iter().filter(|role| !those.contains(role)) {
            request.call("iam", operation, json!({ "InstanceProfileName": name, "RoleName": role })).await?;
        }
    }
    Ok(())
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("InstanceProfileName", 128);
    let mut input = request.members(&["Path"]);
    input.insert("InstanceProfileName".to_owned(), Value::from(name.as_str()));
    let created = request.call("iam", "CreateInstanceProfile", input).await?;
    set_roles(request, &name, &Value::Null).await.map_err(|failure| failure.after(&name))?;
    Ok(Made::new(name).with("Arn", created["InstanceProfile"]["Arn"].clone()))
}

async fn update(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    set_roles(request, name, before).await?;
    let found = request.call("iam", "GetInstanceProfile", json!({ "InstanceProfileName": name })).await?;
    Ok(Made::new(name).with("Arn", found["InstanceProfile"]["Arn"].clone()))
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    let found = request.call("iam", "GetInstanceProfile", json!({ "InstanceProfileName": name })).await?;
    for role in found["InstanceProfile"]["Roles"].as_array().into_iter().flatten() {
        let input = json!({ "InstanceProfileName": name, "RoleName": role["RoleName"] });
        request.call("iam", "RemoveRoleFromInstanceProfile", input).await?;
    }
    request.call("iam", "DeleteInstanceProfile", json!({ "InstanceProfileName": name })).await.map(drop)
}
