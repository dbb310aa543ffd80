//! `AWS::EC2::VPCEndpoint`.

use serde_json::{Value, json};

use super::{creation, made, retag, settled, text};
use crate::emulator::services::cloudformation::resources::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use crate::emulator::services::cloudformation::resources::{Failure, Made, Request, provider};

const ENDPOINT: &[Property] = &[
    property("PolicyDocument", Shape::Document),
    property("PrivateDnsEnabled", Shape::Flag),
    property("RouteTableIds", TEXT_LIST),
    property("SecurityGroupIds", TEXT_LIST),
    property("ServiceName", Shape::Text).required().replaces(),
    property("SubnetIds", TEXT_LIST),
    property("Tags", TAGS),
    property("VpcEndpointType", Shape::Text).replaces(),
    property("VpcId", Shape::Text).required().replaces(),
];

provider!(VpcEndpoint, "AWS::EC2::VPCEndpoint", ENDPOINT, None, create, update, delete);

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let members = ["RouteTableIds", "SecurityGroupIds", "ServiceName", "SubnetIds", "VpcEndpointType", "VpcId"];
    let mut input = creation(request, &members, "vpc-endpoint");
    if request.get("PolicyDocument").is_object() {
        input.insert("PolicyDocument".to_owned(), Value::from(request.get("PolicyDocument").to_string()));
    }
    // A template that says nothing gets no private names, other than a caller of the API.
    let private = request.get("PrivateDnsEnabled").as_bool().unwrap_or_default();
    input.insert("PrivateDnsEnabled".to_owned(), Value::Bool(private));
    let created = request.call("ec2", "CreateVpcEndpoint", input).await?;
    let id = text(&created["VpcEndpoint"]["VpcEndpointId"]);
    endpoint(request, &id).await.map_err(|failure| failure.after(&id))
}

async fn endpoint(request: Request<'_>, id: &str) -> Result<Made, Failure> {
    let look = ["DescribeVpcEndpoints", "VpcEndpoints", "VpcEndpointIds"];
    let found = settled(request, look, id, ("/State", "pending")).await?;
    let entries = found["DnsEntries"].as_array().into_iter().flatten();
    let names: Value = entries
        .map(|one| format!("{}:{}", text(&one["HostedZoneId"]), text(&one["DnsName"])))
        .map(Value::from)
        .collect();
    let made = made(id, &found, &[("Id", "/VpcEndpointId"), ("CreationTimestamp", "/CreationTimestamp")]);
    Ok(made.with("DnsEntries", names).with("NetworkInterfaceIds", found["NetworkInterfaceIds"].clone()))
}

async fn update(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    let mut input = json!({ "VpcEndpointId": id });
    for (property, entry) in
        [("RouteTableIds", "RouteTableIds"), ("SubnetIds", "SubnetIds"), ("SecurityGroupIds", "SecurityGroupIds")]
    {
        let list = |properties: &Value| properties[property].as_array().cloned().unwrap_or_default();
        let (old, new) = (list(before), list(request.properties));
        let only = |these: &[Value], those: &[Value]| -> Vec<Value> {
            these.iter().filter(|one| !those.contains(one)).cloned().collect()
        };
        input[format!("Add{entry}")] = Value::Array(only(&new, &old));
        input[format!("Remove{entry}")] = Value::Array(only(&old, &new));
    }
    if before.get("PrivateDnsEnabled") != request.properties.get("PrivateDnsEnabled") {
        input["PrivateDnsEnabled"] = Value::Bool(request.get("PrivateDnsEnabled").as_bool().unwrap_or_default());
    }
    if before.get("PolicyDocument") != request.properties.get("PolicyDocument") {
        match request.get("PolicyDocument") {
            Value::Object(_) => input["PolicyDocument"] = Value::from(request.get("PolicyDocument").to_string()),
            _ => input["ResetPolicy"] = Value::Bool(true),
        }
    }
    request.call("ec2", "ModifyVpcEndpoint", input).await?;
    retag(request, id, before).await?;
    endpoint(request, id).await
}

async fn delete(request: Request<'_>, id: &str) -> Result<(), Failure> {
    let answer = request.call("ec2", "DeleteVpcEndpoints", json!({ "VpcEndpointIds": [id] })).await?;
    match answer["Unsuccessful"][0]["Error"]["Code"].as_str() {
        None => Ok(()),
        Some(code) if code.ends_with("NotFound") => Ok(()),
        Some(_) => Err(Failure::new(text(&answer["Unsuccessful"][0]["Error"]["Message"]))),
    }
}
