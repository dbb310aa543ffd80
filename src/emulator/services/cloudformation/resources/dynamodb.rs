//! `AWS::DynamoDB::Table`.

use serde_json::{Value, json};

use super::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

const KEYS: Shape = Shape::List(&Shape::Object(&[
    property("AttributeName", Shape::Text).required(),
    property("KeyType", Shape::Text).required(),
]));

const THROUGHPUT: Shape = Shape::Object(&[
    property("ReadCapacityUnits", Shape::Integer).required(),
    property("WriteCapacityUnits", Shape::Integer).required(),
]);

const PROJECTION: Shape =
    Shape::Object(&[property("NonKeyAttributes", TEXT_LIST), property("ProjectionType", Shape::Text)]);

const TABLE: &[Property] = &[
    property(
        "AttributeDefinitions",
        Shape::List(&Shape::Object(&[
            property("AttributeName", Shape::Text).required(),
            property("AttributeType", Shape::Text).required(),
        ])),
    ),
    property("BillingMode", Shape::Text),
    property("DeletionProtectionEnabled", Shape::Flag),
    property(
        "GlobalSecondaryIndexes",
        Shape::List(&Shape::Object(&[
            property("IndexName", Shape::Text).required(),
            property("KeySchema", KEYS).required(),
            property("Projection", PROJECTION).required(),
            property("ProvisionedThroughput", THROUGHPUT),
        ])),
    ),
    property("KeySchema", KEYS).required().replaces(),
    property(
        "LocalSecondaryIndexes",
        Shape::List(&Shape::Object(&[
            property("IndexName", Shape::Text).required(),
            property("KeySchema", KEYS).required(),
            property("Projection", PROJECTION).required(),
        ])),
    )
    .replaces(),
    property(
        "PointInTimeRecoverySpecification",
        Shape::Object(&[
            property("PointInTimeRecoveryEnabled", Shape::Flag),
            property("RecoveryPeriodInDays", Shape::Integer),
        ]),
    ),
    property("ProvisionedThroughput", THROUGHPUT),
    property(
        "SSESpecification",
        Shape::Object(&[
            property("KMSMasterKeyId", Shape::Text),
            property("SSEEnabled", Shape::Flag).required(),
            property("SSEType", Shape::Text),
        ]),
    ),
    property("StreamSpecification", Shape::Object(&[property("StreamViewType", Shape::Text).required()])),
    property("TableClass", Shape::Text),
    property("TableName", Shape::Text).replaces(),
    property("Tags", TAGS),
    property(
        "TimeToLiveSpecification",
        Shape::Object(&[property("AttributeName", Shape::Text), property("Enabled", Shape::Flag).required()]),
    ),
];

const TAGGING: Tagging =
    Tagging { service: "dynamodb", operations: UNTAG_AND_TAG, members: ["ResourceArn", "TagKeys", "Tags"] };

provider!(Table, "AWS::DynamoDB::Table", TABLE, Some("TableName"), create, update, delete);

/// Renames `SSEEnabled`, which the service calls `Enabled`, and adds the flag of a stream.
fn renamed(mut input: serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
    if let Some(Value::Object(encryption)) = input.get_mut("SSESpecification")
        && let Some(enabled) = encryption.remove("SSEEnabled")
    {
        encryption.insert("Enabled".to_owned(), enabled);
    }
    if let Some(Value::Object(stream)) = input.get_mut("StreamSpecification") {
        stream.insert("StreamEnabled".to_owned(), Value::Bool(true));
    }
    input
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("TableName", 255);
    let mut input = renamed(request.members(&[
        "AttributeDefinitions",
        "BillingMode",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "LocalSecondaryIndexes",
        "ProvisionedThroughput",
        "SSESpecification",
        "StreamSpecification",
        "TableClass",
    ]));
    input.insert("TableName".to_owned(), Value::from(name.as_str()));
    let tags = request.tag_list();
    if tags.as_array().is_some_and(|tags| !tags.is_empty()) {
        input.insert("Tags".to_owned(), tags);
    }
    let created = request.call("dynamodb", "CreateTable", input).await?;
    configure(request, &name, &Value::Null).await.map_err(|failure| failure.after(&name))?;
    Ok(made(request, &name, &created["TableDescription"]))
}

/// What the service sets apart from the table's description.
async fn configure(request: Request<'_>, name: &str, before: &Value) -> Result<(), Failure> {
    let changed = |property: &str| before.get(property) != request.properties.get(property);
    if changed("PointInTimeRecoverySpecification") {
        let specification = request.properties.get("PointInTimeRecoverySpecification").cloned();
        let specification = specification.unwrap_or_else(|| json!({"PointInTimeRecoveryEnabled": false}));
        let input = json!({"TableName": name, "PointInTimeRecoverySpecification": specification});
        request.call("dynamodb", "UpdateContinuousBackups", input).await?;
    }
    if changed("TimeToLiveSpecification") {
        let gone = json!({"AttributeName": before["TimeToLiveSpecification"]["AttributeName"], "Enabled": false});
        let specification = request.properties.get("TimeToLiveSpecification").cloned().unwrap_or(gone);
        if !before.is_null() || specification["Enabled"] == json!(true) {
            let input = json!({"TableName": name, "TimeToLiveSpecification": specification});
            request.call("dynamodb", "UpdateTimeToLive", input).await?;
        }
    }
    Ok(())
}

async fn update(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    let changed = |property: &&str| before.get(*property) != request.properties.get(*property);
    let simple: Vec<&str> = [
        "BillingMode",
        "DeletionProtectionEnabled",
        "ProvisionedThroughput",
        "SSESpecification",
        "StreamSpecification",
        "TableClass",
    ]
    .into_iter()
    .filter(changed)
    .collect();
    let mut input = renamed(request.members(&simple));
    let indexes = index_updates(&before["GlobalSecondaryIndexes"], request.get("GlobalSecondaryIndexes"));
    if !indexes.is_empty() {
        input.extend(request.members(&["AttributeDefinitions"]));
        input.insert("GlobalSecondaryIndexUpdates".to_owned(), Value::Array(indexes));
    }
    if simple.contains(&"DeletionProtectionEnabled") {
        input.entry("DeletionProtectionEnabled").or_insert(Value::Bool(false));
    }
    if simple.contains(&"StreamSpecification") {
        input.entry("StreamSpecification").or_insert(json!({"StreamEnabled": false}));
    }
    if !input.is_empty() {
        input.insert("TableName".to_owned(), Value::from(name));
        request.call("dynamodb", "UpdateTable", input).await?;
    }
    configure(request, name, before).await?;
    let described = request.call("dynamodb", "DescribeTable", json!({"TableName": name})).await?;
    let made = made(request, name, &described["Table"]);
    request.retag(&TAGGING, made.attributes["Arn"].clone(), request.tag_list(), before).await?;
    Ok(made)
}

fn index_updates(before: &Value, after: &Value) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (before, after) = (list(before), list(after));
    let named = |list: &[Value], name: &Value| list.iter().any(|index| index["IndexName"] == *name);
    let gone = before.iter().filter(|index| !named(&after, &index["IndexName"]));
    let new = after.iter().filter(|index| !named(&before, &index["IndexName"]));
    gone.map(|index| json!({"Delete": {"IndexName": index["IndexName"]}}))
        .chain(new.map(|index| json!({"Create": index})))
        .collect()
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("dynamodb", "DeleteTable", json!({"TableName": name})).await.map(|_| ())
}

fn made(request: Request<'_>, name: &str, description: &Value) -> Made {
    let arn = request.fabric.arn("dynamodb", format!("table/{name}")).to_string();
    let made = Made::new(name).with("Arn", description["TableArn"].as_str().unwrap_or(&arn));
    match description["LatestStreamArn"].as_str() {
        Some(stream) => made.with("StreamArn", stream),
        None => made,
    }
}
