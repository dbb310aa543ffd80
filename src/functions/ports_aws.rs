//! The ports on the real AWS SDK clients.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::error::display::DisplayErrorContext;
use tokio::io::{AsyncBufRead, BufReader};

use super::ports::{BusEntry, EventBus, Items, KeyPage, Manifest, PortError, Rejection};
use super::upload_event::{SOURCE, UploadDetail};

fn failed(operation: &'static str) -> impl Fn(&dyn std::error::Error) -> PortError {
    move |error| PortError { operation, problem: DisplayErrorContext(error).to_string() }
}

/// The custom bus.
#[derive(Debug, Clone)]
pub struct Bus {
    /// The client.
    pub client: aws_sdk_eventbridge::Client,
    /// Name or ARN of the bus.
    pub name: String,
}

impl EventBus for Bus {
    async fn put_events(&self, entries: &[BusEntry]) -> Result<Vec<Option<Rejection>>, PortError> {
        let entries = entries.iter().map(|entry| {
            PutEventsRequestEntry::builder()
                .event_bus_name(self.name.as_str())
                .source(SOURCE)
                .detail_type(entry.detail_type)
                .detail(entry.detail.as_str())
                .build()
        });
        let answer = self
            .client
            .put_events()
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| failed("PutEvents")(&error))?;
        let outcome = |entry: &aws_sdk_eventbridge::types::PutEventsResultEntry| {
            entry
                .error_code
                .as_ref()
                .map(|code| Rejection { code: code.clone(), message: entry.error_message.clone().unwrap_or_default() })
        };
        Ok(answer.entries().iter().map(outcome).collect())
    }
}

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The client.
    pub client: aws_sdk_dynamodb::Client,
    /// Name or ARN of the table.
    pub name: String,
}

impl Items for Table {
    async fn put(&self, upload: &UploadDetail) -> Result<(), PortError> {
        self.client
            .put_item()
            .table_name(self.name.as_str())
            .item("setId", AttributeValue::S(upload.set_id.clone()))
            .item("objectKey", AttributeValue::S(upload.object_key.clone()))
            .item("bucketName", AttributeValue::S(upload.bucket_name.clone()))
            .item("objectSize", AttributeValue::N(upload.object_size.to_string()))
            .item("eventTime", AttributeValue::N(upload.event_time.to_string()))
            .send()
            .await
            .map_err(|error| failed("PutItem")(&error))?;
        Ok(())
    }

    async fn keys(&self, set_id: &str, after: Option<&str>) -> Result<KeyPage, PortError> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let start = after
            .map(|key| [("setId".to_owned(), text(set_id)), ("objectKey".to_owned(), text(key))].into_iter().collect());
        let page = self
            .client
            .query()
            .table_name(self.name.as_str())
            .consistent_read(true)
            .key_condition_expression("setId = :setId")
            .expression_attribute_values(":setId", text(set_id))
            .projection_expression("objectKey")
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| failed("Query")(&error))?;
        let key_of = |mut item: std::collections::HashMap<String, AttributeValue>| match item.remove("objectKey") {
            Some(AttributeValue::S(key)) => Ok(key),
            _ => Err(PortError { operation: "Query", problem: "an item has no objectKey of type S".to_owned() }),
        };
        let next = page.last_evaluated_key.map(key_of).transpose()?;
        let keys = page.items.unwrap_or_default().into_iter().map(key_of).collect::<Result<_, _>>()?;
        Ok(KeyPage { keys, next })
    }
}

/// The bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// The client.
    pub client: aws_sdk_s3::Client,
}

impl Manifest for Bucket {
    type Reader = Box<dyn AsyncBufRead + Unpin + Send>;

    async fn read(&self, bucket: &str, key: &str) -> Result<Self::Reader, PortError> {
        let object = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .map_err(|error| failed("GetObject")(&error))?;
        Ok(Box::new(BufReader::with_capacity(64 * 1024, object.body.into_async_read())))
    }
}
