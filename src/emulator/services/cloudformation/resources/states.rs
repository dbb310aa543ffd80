//! `AWS::StepFunctions::StateMachine`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

const MACHINE: &[Property] = &[
    property("Definition", Shape::Document),
    property(
        "DefinitionS3Location",
        Shape::Object(&[
            property("Bucket", Shape::Text).required(),
            property("Key", Shape::Text).required(),
            property("Version", Shape::Text),
        ]),
    ),
    property("DefinitionString", Shape::Text),
    property("DefinitionSubstitutions", Shape::Texts),
    property(
        "LoggingConfiguration",
        Shape::Object(&[
            property(
                "Destinations",
                Shape::List(&Shape::Object(&[property(
                    "CloudWatchLogsLogGroup",
                    Shape::Object(&[property("LogGroupArn", Shape::Text)]),
                )])),
            ),
            property("IncludeExecutionData", Shape::Flag),
            property("Level", Shape::Text),
        ]),
    ),
    property("RoleArn", Shape::Text).required(),
    property("StateMachineName", Shape::Text).replaces(),
    property("StateMachineType", Shape::Text).replaces(),
    property("Tags", TAGS),
    property("TracingConfiguration", Shape::Object(&[property("Enabled", Shape::Flag)])),
];

const TAGGING: Tagging =
    Tagging { service: "states", operations: UNTAG_AND_TAG, members: ["resourceArn", "tagKeys", "tags"] };

provider!(StateMachine, "AWS::StepFunctions::StateMachine", MACHINE, Some("StateMachineName"), create, update, delete);

/// The definition as text, with its substitutions made.
async fn definition(request: Request<'_>) -> Result<String, Failure> {
    let text = match (request.get("DefinitionString"), request.get("Definition"), request.get("DefinitionS3Location")) {
        (Value::String(text), Value::Null, Value::Null) => text.clone(),
        (Value::Null, document @ Value::Object(_), Value::Null) => document.to_string(),
        (Value::Null, Value::Null, location @ Value::Object(_)) => {
            let input = json!({"Bucket": location["Bucket"], "Key": location["Key"]});
            let object = request.call("s3", "GetObject", input).await?;
            let bytes = STANDARD.decode(object["Body"].as_str().unwrap_or_default()).unwrap_or_default();
            String::from_utf8(bytes).map_err(|_| Failure::new("the state machine definition on S3 is not UTF-8"))?
        }
        _ => {
            return Err(Failure::new(
                "Resource handler returned message: \"Exactly one of [DefinitionString, Definition, DefinitionS3Location] must be present.\" (HandlerErrorCode: InvalidRequest)",
            ));
        }
    };
    let substitutions = request.get("DefinitionSubstitutions").as_object().into_iter().flatten();
    Ok(substitutions
        .fold(text, |text, (name, value)| text.replace(&format!("${{{name}}}"), value.as_str().unwrap_or_default())))
}

/// The service's members begin in lower case.
fn lower(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let renamed = members.iter().map(|(name, member)| {
                let mut letters = name.chars();
                let first = letters.next().map(|letter| letter.to_ascii_lowercase());
                (first.into_iter().chain(letters).collect::<String>(), lower(member))
            });
            Value::Object(renamed.collect())
        }
        Value::Array(entries) => entries.iter().map(lower).collect(),
        other => other.clone(),
    }
}

async fn members(request: Request<'_>) -> Result<Map<String, Value>, Failure> {
    let mut input = Map::new();
    input.insert("definition".to_owned(), Value::from(definition(request).await?));
    for (from, to) in [
        ("RoleArn", "roleArn"),
        ("LoggingConfiguration", "loggingConfiguration"),
        ("TracingConfiguration", "tracingConfiguration"),
    ] {
        if let Some(value) = request.properties.get(from) {
            input.insert(to.to_owned(), lower(value));
        }
    }
    Ok(input)
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let mut input = members(request).await?;
    input.insert("name".to_owned(), Value::from(request.name_after("StateMachineName", "", 80)));
    if let Some(kind) = request.properties.get("StateMachineType") {
        input.insert("type".to_owned(), kind.clone());
    }
    if !request.tags().is_empty() {
        input.insert("tags".to_owned(), request.camel_case_tag_list());
    }
    let created = request.call("states", "CreateStateMachine", input).await?;
    Ok(made(created["stateMachineArn"].as_str().unwrap_or_default()))
}

async fn update(request: Request<'_>, arn: &str, before: &Value) -> Result<Made, Failure> {
    let mut input = members(request).await?;
    input.insert("stateMachineArn".to_owned(), Value::from(arn));
    request.call("states", "UpdateStateMachine", input).await?;
    request.retag(&TAGGING, arn, request.camel_case_tag_list(), before).await?;
    Ok(made(arn))
}

async fn delete(request: Request<'_>, arn: &str) -> Result<(), Failure> {
    request.call("states", "DeleteStateMachine", json!({"stateMachineArn": arn})).await.map(|_| ())
}

fn made(arn: &str) -> Made {
    let name = arn.rsplit(':').next().unwrap_or_default();
    Made::new(arn).with("Arn", arn).with("Name", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_names_begin_in_lower_case() {
        let logging = json!({"Level": "ALL", "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": "a"}}]});
        let expected = json!({"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "a"}}]});
        assert_eq!(lower(&logging), expected);
    }
}
