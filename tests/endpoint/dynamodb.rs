//! Amazon DynamoDB through the SDK.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PutRequest, ScalarAttributeType,
    TableStatus, WriteRequest,
};

use crate::support;

const TABLE: &str = "events";

async fn with_table() -> (vaultscope::emulator::Emulator, Client) {
    let (emulator, config) = support::start().await;
    let client = Client::new(&config);
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key element")
    };
    let attribute = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build().expect("an attribute")
    };
    let create = client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let create = create.key_schema(key("setId", KeyType::Hash)).key_schema(key("objectKey", KeyType::Range));
    let create = create.attribute_definitions(attribute("setId")).attribute_definitions(attribute("objectKey"));
    create.send().await.expect("the table is made");
    (emulator, client)
}

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

#[tokio::test]
async fn a_table_is_usable_at_once_and_known_by_arn() {
    let (_emulator, client) = with_table().await;
    let table = client.describe_table().table_name(TABLE).send().await.expect("described").table.expect("a table");
    assert_eq!(table.table_status(), Some(&TableStatus::Active));
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/events";
    assert_eq!(table.table_arn(), Some(arn));
    client.describe_table().table_name(arn).send().await.expect("described by arn");
    let tag = aws_sdk_dynamodb::types::Tag::builder().key("k").value("v").build().expect("a tag");
    client.tag_resource().resource_arn(arn).tags(tag).send().await.expect("tagged");
    let tags = client.list_tags_of_resource().resource_arn(arn).send().await.expect("tags");
    assert_eq!(tags.tags().len(), 1);
    let again = client.describe_table().table_name("nowhere").send().await.expect_err("unknown");
    assert_eq!(again.code(), Some("ResourceNotFoundException"));
}

#[tokio::test]
async fn a_query_pages_at_one_megabyte() {
    let (_emulator, client) = with_table().await;
    let body = "x".repeat(100 * 1024);
    for batch in (0..30).collect::<Vec<_>>().chunks(10) {
        let requests: Vec<WriteRequest> = batch
            .iter()
            .map(|n| {
                let put = PutRequest::builder().item("setId", s("one")).item("objectKey", s(format!("k{n:02}")));
                let put = put.item("body", s(&body)).item("n", AttributeValue::N("1e2".into()));
                WriteRequest::builder().put_request(put.build().expect("an item")).build()
            })
            .collect();
        client.batch_write_item().request_items(TABLE, requests).send().await.expect("written");
    }
    let query = client.query().table_name(TABLE).key_condition_expression("setId = :s");
    let query = query.expression_attribute_values(":s", s("one"));
    let first = query.clone().send().await.expect("a page");
    assert!(first.last_evaluated_key().is_some());
    assert_eq!(first.count(), 10, "an eleventh item of 100 KB would make the page larger than 1 MB");
    let items: Vec<_> = query.into_paginator().items().send().try_collect().await.expect("all pages");
    assert_eq!(items.len(), 30);
    assert_eq!(items[0]["n"], AttributeValue::N("100".into()));
}

#[tokio::test]
async fn conditions_and_limits_are_dynamodbs() {
    let (_emulator, client) = with_table().await;
    let put = || client.put_item().table_name(TABLE).item("setId", s("one")).item("objectKey", s("k"));
    put().item("empty", s("")).send().await.expect("an empty string is a value");
    let twice = put().condition_expression("attribute_not_exists(setId)").send().await.expect_err("it is there");
    assert_eq!(twice.code(), Some("ConditionalCheckFailedException"));
    let large = put().item("body", s("x".repeat(400 * 1024))).send().await.expect_err("too large");
    assert_eq!(large.code(), Some("ValidationException"));
    assert_eq!(large.message(), Some("Item size has exceeded the maximum allowed size"));
    let keyless = client.put_item().table_name(TABLE).item("setId", s("one")).send().await.expect_err("no key");
    assert_eq!(keyless.code(), Some("ValidationException"));
    let nowhere = client.put_item().table_name("nowhere").item("a", s("b")).send().await.expect_err("no table");
    assert_eq!(nowhere.code(), Some("ResourceNotFoundException"));
    let number = put().item("n", AttributeValue::N("1".repeat(39))).send().await.expect_err("39 digits");
    assert_eq!(number.code(), Some("ValidationException"));
}
