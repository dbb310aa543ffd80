//! Amazon DynamoDB over a restart.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    ScalarAttributeType,
};

use super::Life;

#[tokio::test]
async fn tables_with_their_items_and_settings_are_there_again() {
    let life = Life::begin().await;
    let client = Client::new(&life.config);
    for table in ["kept", "gone"] {
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().expect("a key");
        let attribute = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest).key_schema(key);
        create.attribute_definitions(attribute.build().expect("an attribute")).send().await.expect("made");
    }
    for n in 0..50 {
        let id = AttributeValue::S(format!("id-{n}"));
        client.put_item().table_name("kept").item("id", id).send().await.expect("put");
    }
    let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
    let update = client.update_continuous_backups().table_name("kept");
    update.point_in_time_recovery_specification(recovery.expect("a setting")).send().await.expect("switched on");
    client.delete_table().table_name("gone").send().await.expect("deleted");
    let before = client.describe_table().table_name("kept").send().await.expect("described").table.expect("a table");

    let life = life.killed().await;
    let client = Client::new(&life.config);
    let tables = client.list_tables().send().await.expect("listed");
    assert_eq!(tables.table_names(), ["kept"]);
    let after = client.describe_table().table_name("kept").send().await.expect("described").table.expect("a table");
    assert_eq!(after.creation_date_time(), before.creation_date_time());
    assert_eq!(after.table_id(), before.table_id());
    let scan = client.scan().table_name("kept").send().await.expect("scanned");
    assert_eq!(scan.count(), 50);
    let backups = client.describe_continuous_backups().table_name("kept").send().await.expect("described");
    let recovery = backups.continuous_backups_description.expect("a description");
    let recovery = recovery.point_in_time_recovery_description.expect("a setting");
    assert_eq!(recovery.point_in_time_recovery_status.expect("a status").as_str(), "ENABLED");
}
