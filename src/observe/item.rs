//! One item of the table, whole, when somebody asks for it: one consistent GetItem, so that what is shown is what the table
//! holds, with the types that it has there. It must not change anything.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::aws::{Clients, Kind, Problem};
use crate::model::board::ItemKey;

/// What names an item, in the order in which it is shown.
const KEYS: [&str; 2] = ["setId", "objectKey"];

/// The attributes of an item with their types, as DynamoDB's JSON writes them, its keys first; `None` where there is none.
///
/// # Errors
/// One sentence that names the table and says what to do.
pub async fn item(clients: &Clients, table: &str, key: &ItemKey) -> Result<Option<Value>, String> {
    let names = KEYS.into_iter().zip([key.set_id.to_string(), key.object_key.clone()]);
    let names = names.map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).collect();
    let request = clients.dynamodb.get_item().table_name(table).set_key(Some(names)).consistent_read(true);
    match request.send().await {
        Ok(answer) => Ok(answer.item.filter(|item| !item.is_empty()).map(typed)),
        Err(error) => Err(sentence(table, &Problem::of("dynamodb GetItem", &error))),
    }
}

/// What went wrong, for whoever asked.
fn sentence(table: &str, problem: &Problem) -> String {
    match (problem.kind, problem.code.as_deref()) {
        (Kind::Throttled, _) => {
            format!("table {table} is throttled: it is asked for more than it may answer now, ask again in a while")
        }
        (_, Some("ResourceNotFoundException")) => format!("there is no table {table} any more: deploy its stack again"),
        (_, Some("AccessDeniedException")) => {
            format!("these credentials may not read an item of table {table}: they need dynamodb:GetItem on it")
        }
        (_, Some("ValidationException")) => {
            format!("table {table} has other keys than setId and objectKey: {}", problem.sentence)
        }
        _ => problem.sentence.clone(),
    }
}

/// Attributes by name, the keys first and the others in the order of their names.
fn typed(mut item: HashMap<String, AttributeValue>) -> Value {
    let mut all = Map::new();
    for key in KEYS {
        if let Some(value) = item.remove(key) {
            all.insert(key.to_owned(), attribute(value));
        }
    }
    all.extend(members(item));
    Value::Object(all)
}

fn members(item: HashMap<String, AttributeValue>) -> impl Iterator<Item = (String, Value)> {
    let mut members: Vec<_> = item.into_iter().collect();
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members.into_iter().map(|(name, value)| (name, attribute(value)))
}

fn attribute(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(is) => json!({ "BOOL": is }),
        AttributeValue::Null(is) => json!({ "NULL": is }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(all) => json!({ "BS": all.iter().map(|one| STANDARD.encode(one)).collect::<Vec<_>>() }),
        AttributeValue::L(values) => json!({ "L": values.into_iter().map(attribute).collect::<Vec<_>>() }),
        AttributeValue::M(map) => json!({ "M": members(map).collect::<Map<_, _>>() }),
        // A type that DynamoDB has learned since.
        _ => json!({ "UNKNOWN": null }),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;

    #[test]
    fn every_type_is_written_as_dynamodb_writes_it_and_the_keys_come_first() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let map = HashMap::from([("z".to_owned(), text("1")), ("a".to_owned(), AttributeValue::Null(true))]);
        let item = HashMap::from([
            ("bucketName".to_owned(), text("b")),
            ("objectKey".to_owned(), text("k")),
            ("setId".to_owned(), text("s")),
            ("objectSize".to_owned(), AttributeValue::N("12345678901234567890".to_owned())),
            ("l".to_owned(), AttributeValue::L(vec![AttributeValue::Bool(true), AttributeValue::M(map)])),
            ("bytes".to_owned(), AttributeValue::B(Blob::new([0, 255]))),
            ("set".to_owned(), AttributeValue::Ns(vec!["1".to_owned()])),
        ]);
        let wanted = r#"{"setId":{"S":"s"},"objectKey":{"S":"k"},"bucketName":{"S":"b"},"bytes":{"B":"AP8="},"#
            .to_owned()
            + r#""l":{"L":[{"BOOL":true},{"M":{"a":{"NULL":true},"z":{"S":"1"}}}]},"#
            + r#""objectSize":{"N":"12345678901234567890"},"set":{"NS":["1"]}}"#;
        assert_eq!(typed(item).to_string(), wanted);
    }

    #[test]
    fn what_went_wrong_is_one_sentence_that_names_the_table() {
        let problem = |kind, code: &str| Problem {
            kind,
            code: Some(code.to_owned()),
            message: None,
            sentence: format!("dynamodb GetItem was refused with {code}"),
        };
        for (kind, code, said) in [
            (Kind::Throttled, "ProvisionedThroughputExceededException", "is throttled"),
            (Kind::NotFound, "ResourceNotFoundException", "there is no table t"),
            (Kind::Refused, "AccessDeniedException", "dynamodb:GetItem"),
            (Kind::Refused, "ValidationException", "other keys"),
            (Kind::Outage, "InternalServerError", "InternalServerError"),
        ] {
            let sentence = sentence("t", &problem(kind, code));
            assert!(sentence.contains(said), "{sentence}");
        }
    }
}
