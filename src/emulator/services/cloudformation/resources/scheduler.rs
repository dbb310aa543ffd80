//! `AWS::Scheduler::Schedule` and `AWS::Scheduler::ScheduleGroup`.

use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

const TARGET: Shape = Shape::Object(&[
    property("Arn", Shape::Text).required(),
    property("DeadLetterConfig", Shape::Object(&[property("Arn", Shape::Text)])),
    property("EcsParameters", Shape::Document),
    property(
        "EventBridgeParameters",
        Shape::Object(&[property("DetailType", Shape::Text).required(), property("Source", Shape::Text).required()]),
    ),
    property("Input", Shape::Text),
    property(
        "RetryPolicy",
        Shape::Object(&[
            property("MaximumEventAgeInSeconds", Shape::Integer),
            property("MaximumRetryAttempts", Shape::Integer),
        ]),
    ),
    property("RoleArn", Shape::Text).required(),
    property("SqsParameters", Shape::Object(&[property("MessageGroupId", Shape::Text)])),
]);

const SCHEDULE: &[Property] = &[
    property("ActionAfterCompletion", Shape::Text),
    property("Description", Shape::Text),
    property("EndDate", Shape::Text),
    property(
        "FlexibleTimeWindow",
        Shape::Object(&[property("MaximumWindowInMinutes", Shape::Integer), property("Mode", Shape::Text).required()]),
    )
    .required(),
    property("GroupName", Shape::Text).replaces(),
    property("KmsKeyArn", Shape::Text),
    property("Name", Shape::Text).replaces(),
    property("ScheduleExpression", Shape::Text).required(),
    property("ScheduleExpressionTimezone", Shape::Text),
    property("StartDate", Shape::Text),
    property("State", Shape::Text),
    property("Target", TARGET).required(),
];

provider!(Schedule, "AWS::Scheduler::Schedule", SCHEDULE, Some("Name"), create, update, delete);

fn members(request: Request<'_>, name: &str) -> Map<String, Value> {
    let mut input = request.properties.as_object().cloned().unwrap_or_default();
    input.insert("Name".to_owned(), name.into());
    input
}

fn made(name: &str, answer: &Value) -> Made {
    Made::new(name).with("Arn", answer["ScheduleArn"].clone())
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("Name", 64);
    let answer = request.call("scheduler", "CreateSchedule", members(request, &name)).await?;
    Ok(made(&name, &answer))
}

async fn update(request: Request<'_>, name: &str, _: &Value) -> Result<Made, Failure> {
    let answer = request.call("scheduler", "UpdateSchedule", members(request, name)).await?;
    Ok(made(name, &answer))
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    let mut input = request.members(&["GroupName"]);
    input.insert("Name".to_owned(), name.into());
    request.call("scheduler", "DeleteSchedule", input).await.map(|_| ())
}

const GROUP: &[Property] = &[property("Name", Shape::Text).replaces(), property("Tags", TAGS)];

const TAGGING: Tagging =
    Tagging { service: "scheduler", operations: UNTAG_AND_TAG, members: ["ResourceArn", "TagKeys", "Tags"] };

provider!(
    ScheduleGroup,
    "AWS::Scheduler::ScheduleGroup",
    GROUP,
    Some("Name"),
    create_group,
    update_group,
    delete_group
);

async fn group(request: Request<'_>, name: &str) -> Result<Made, Failure> {
    let told = request.call("scheduler", "GetScheduleGroup", json!({"Name": name})).await?;
    let attributes = ["Arn", "CreationDate", "LastModificationDate", "State"];
    Ok(attributes.into_iter().fold(Made::new(name), |made, name| made.with(name, told[name].clone())))
}

async fn create_group(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("Name", 64);
    request.call("scheduler", "CreateScheduleGroup", json!({"Name": name, "Tags": request.tag_list()})).await?;
    group(request, &name).await
}

async fn update_group(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    let made = group(request, name).await?;
    request.retag(&TAGGING, made.attributes["Arn"].clone(), request.tag_list(), before).await?;
    Ok(made)
}

async fn delete_group(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("scheduler", "DeleteScheduleGroup", json!({"Name": name})).await.map(|_| ())
}
