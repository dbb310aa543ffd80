//! `AWS::Events::EventBus` and `AWS::Events::Rule`.

use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

const BUS: &[Property] = &[
    property("DeadLetterConfig", Shape::Object(&[property("Arn", Shape::Text)])),
    property("Description", Shape::Text),
    property("Name", Shape::Text).required().replaces(),
    property("Tags", TAGS),
];

const TAGGING: Tagging =
    Tagging { service: "events", operations: UNTAG_AND_TAG, members: ["ResourceARN", "TagKeys", "Tags"] };

provider!(EventBus, "AWS::Events::EventBus", BUS, Some("Name"), create_bus, update_bus, delete_bus);

async fn create_bus(request: Request<'_>) -> Result<Made, Failure> {
    let mut input = request.members(&["DeadLetterConfig", "Description", "Name"]);
    input.insert("Tags".to_owned(), request.tag_list());
    request.call("events", "CreateEventBus", input).await?;
    Ok(bus(request, request.text("Name")))
}

async fn update_bus(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    let changed = ["DeadLetterConfig", "Description"].iter().any(|one| before.get(one) != request.properties.get(one));
    if changed {
        request.call("events", "UpdateEventBus", request.members(&["DeadLetterConfig", "Description", "Name"])).await?;
    }
    let made = bus(request, name);
    request.retag(&TAGGING, made.attributes["Arn"].clone(), request.tag_list(), before).await?;
    Ok(made)
}

async fn delete_bus(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("events", "DeleteEventBus", json!({"Name": name})).await.map(|_| ())
}

fn bus(request: Request<'_>, name: &str) -> Made {
    let arn = request.fabric.arn("events", format!("event-bus/{name}")).to_string();
    Made::new(name).with("Arn", arn).with("Name", name)
}

const TARGET: Shape = Shape::Object(&[
    property("Arn", Shape::Text).required(),
    property("DeadLetterConfig", Shape::Object(&[property("Arn", Shape::Text)])),
    property("EcsParameters", Shape::Document),
    property("Id", Shape::Text).required(),
    property("Input", Shape::Text),
    property("InputPath", Shape::Text),
    property(
        "InputTransformer",
        Shape::Object(&[property("InputPathsMap", Shape::Texts), property("InputTemplate", Shape::Text).required()]),
    ),
    property(
        "RetryPolicy",
        Shape::Object(&[
            property("MaximumEventAgeInSeconds", Shape::Integer),
            property("MaximumRetryAttempts", Shape::Integer),
        ]),
    ),
    property("RoleArn", Shape::Text),
    property("SqsParameters", Shape::Object(&[property("MessageGroupId", Shape::Text).required()])),
]);

const RULE: &[Property] = &[
    property("Description", Shape::Text),
    property("EventBusName", Shape::Text).replaces(),
    property("EventPattern", Shape::Document),
    property("Name", Shape::Text).replaces(),
    property("RoleArn", Shape::Text),
    property("ScheduleExpression", Shape::Text),
    property("State", Shape::Text),
    property("Tags", TAGS),
    property("Targets", Shape::List(&TARGET)),
];

provider!(Rule, "AWS::Events::Rule", RULE, Some("Name"), create_rule, update_rule, delete_rule);

/// The name of the bus, also when the template gives its ARN.
fn bus_name(properties: &Value) -> &str {
    let bus = properties["EventBusName"].as_str().unwrap_or("default");
    bus.rsplit_once("event-bus/").map_or(bus, |(_, name)| name)
}

fn targets(properties: &Value) -> Vec<&Value> {
    properties["Targets"].as_array().into_iter().flatten().collect()
}

async fn put_rule(request: Request<'_>, name: &str, tags: bool) -> Result<String, Failure> {
    let mut input = request.members(&["Description", "RoleArn", "ScheduleExpression", "State"]);
    input.insert("Name".to_owned(), Value::from(name));
    input.insert("EventBusName".to_owned(), Value::from(bus_name(request.properties)));
    if let Some(pattern) = request.properties.get("EventPattern") {
        input.insert("EventPattern".to_owned(), Value::from(pattern.to_string()));
    }
    if tags {
        input.insert("Tags".to_owned(), request.tag_list());
    }
    let answer = request.call("events", "PutRule", input).await?;
    Ok(answer["RuleArn"].as_str().unwrap_or_default().to_owned())
}

async fn put_targets(request: Request<'_>, name: &str, targets: &[&Value]) -> Result<(), Failure> {
    if targets.is_empty() {
        return Ok(());
    }
    let input = json!({"Rule": name, "EventBusName": bus_name(request.properties), "Targets": targets});
    let answer = request.call("events", "PutTargets", input).await?;
    refuse_failed(&answer)
}

fn refuse_failed(answer: &Value) -> Result<(), Failure> {
    match answer["FailedEntries"].as_array().and_then(|entries| entries.first()) {
        Some(entry) => Err(Failure::new(format!(
            "Target {} could not be set: {}: {}",
            entry["TargetId"].as_str().unwrap_or_default(),
            entry["ErrorCode"].as_str().unwrap_or_default(),
            entry["ErrorMessage"].as_str().unwrap_or_default(),
        ))),
        None => Ok(()),
    }
}

async fn remove_targets(request: Request<'_>, name: &str, ids: &[&Value]) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let input = json!({"Rule": name, "EventBusName": bus_name(request.properties), "Ids": ids});
    let answer = request.call("events", "RemoveTargets", input).await?;
    refuse_failed(&answer)
}

fn rule_name(request: Request<'_>, physical_id: &str) -> String {
    let bus = bus_name(request.properties);
    physical_id.strip_prefix(bus).and_then(|rest| rest.strip_prefix('|')).unwrap_or(physical_id).to_owned()
}

async fn create_rule(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("Name", 64);
    let arn = put_rule(request, &name, true).await?;
    let bus = bus_name(request.properties);
    let id = if bus == "default" { name.clone() } else { format!("{bus}|{name}") };
    let set = put_targets(request, &name, &targets(request.properties)).await;
    set.map_err(|failure| failure.after(&id))?;
    Ok(Made::new(id).with("Arn", arn))
}

async fn update_rule(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    let name = rule_name(request, id);
    let arn = put_rule(request, &name, false).await?;
    let new = targets(request.properties);
    let kept = |id: &Value| new.iter().any(|target| target["Id"] == *id);
    let gone: Vec<&Value> = targets(before).into_iter().map(|target| &target["Id"]).filter(|id| !kept(id)).collect();
    remove_targets(request, &name, &gone).await?;
    put_targets(request, &name, &new).await?;
    request.retag(&TAGGING, arn.as_str(), request.tag_list(), before).await?;
    Ok(Made::new(id).with("Arn", arn))
}

async fn delete_rule(request: Request<'_>, id: &str) -> Result<(), Failure> {
    let name = rule_name(request, id);
    let mut input: Map<String, Value> = Map::new();
    input.insert("Rule".to_owned(), Value::from(name.as_str()));
    input.insert("EventBusName".to_owned(), Value::from(bus_name(request.properties)));
    let listed = request.call("events", "ListTargetsByRule", input).await?;
    let ids: Vec<&Value> = listed["Targets"].as_array().into_iter().flatten().map(|target| &target["Id"]).collect();
    remove_targets(request, &name, &ids).await?;
    let input = json!({"Name": name, "EventBusName": bus_name(request.properties)});
    request.call("events", "DeleteRule", input).await.map(|_| ())
}
