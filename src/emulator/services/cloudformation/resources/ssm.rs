//! `AWS::SSM::Parameter`.

use serde_json::{Value, json};

use super::schema::{Property, Shape, property};
use super::{Failure, Made, Request, provider};

const PARAMETER: &[Property] = &[
    property("AllowedPattern", Shape::Text),
    property("DataType", Shape::Text),
    property("Description", Shape::Text),
    property("Name", Shape::Text).replaces(),
    property("Tags", Shape::Texts),
    property("Tier", Shape::Text),
    property("Type", Shape::Text).required(),
    property("Value", Shape::Text).required(),
];

provider!(Parameter, "AWS::SSM::Parameter", PARAMETER, Some("Name"), create, update, delete);

async fn put(request: Request<'_>, name: &str, overwrite: bool) -> Result<Made, Failure> {
    let mut input = request.members(&["AllowedPattern", "DataType", "Description", "Tier", "Type", "Value"]);
    input.insert("Name".to_owned(), Value::from(name));
    input.insert("Overwrite".to_owned(), Value::Bool(overwrite));
    if !overwrite {
        let own = request.get("Tags").as_object().into_iter().flatten();
        let mut tags: Vec<Value> = own.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        tags.extend(request.stack_tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})));
        if !tags.is_empty() {
            input.insert("Tags".to_owned(), Value::Array(tags));
        }
    }
    request.call("ssm", "PutParameter", input).await?;
    Ok(Made::new(name).with("Type", request.text("Type")).with("Value", request.text("Value")))
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    // AWS puts these letters, not the stack's name, in front.
    let name = request.name_after("Name", "CFN", 256);
    put(request, &name, false).await
}

async fn update(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    let made = put(request, name, true).await?;
    if before.get("Tags") != request.properties.get("Tags") {
        let id = json!({"ResourceType": "Parameter", "ResourceId": name});
        let keys: Vec<&String> = before["Tags"].as_object().into_iter().flatten().map(|(key, _)| key).collect();
        if !keys.is_empty() {
            let mut input = id.clone();
            input["TagKeys"] = json!(keys);
            request.call("ssm", "RemoveTagsFromResource", input).await?;
        }
        let own = request.get("Tags").as_object().into_iter().flatten();
        let tags: Vec<Value> = own.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        if !tags.is_empty() {
            let mut input = id;
            input["Tags"] = Value::Array(tags);
            request.call("ssm", "AddTagsToResource", input).await?;
        }
    }
    Ok(made)
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("ssm", "DeleteParameter", json!({"Name": name})).await.map(|_| ())
}
