//! An upload event in, its item in the table out. An event that comes twice writes the same item twice.

use super::ports::{Items, PortError};
use super::upload_event::UploadEvent;

/// Writes the item of one event.
///
/// # Errors
/// When the table refuses it; Lambda then tries the event again.
pub async fn handler(event: UploadEvent, items: &impl Items) -> Result<(), PortError> {
    items.put(&event.detail).await
}

#[cfg(test)]
mod tests {
    use super::super::fakes::FakeItems;
    use super::*;

    fn event(key: &str) -> UploadEvent {
        let text = serde_json::json!({
            "id": "e", "source": "vault.application",
            "detail": {"set-id": "s", "event-time": 5, "bucket-name": "b", "object-key": key, "object-size": 9},
        });
        serde_json::from_value(text).expect("an upload event")
    }

    #[tokio::test]
    async fn an_event_becomes_an_item_and_a_duplicate_changes_nothing() {
        let items = FakeItems::default();
        for _ in 0..2 {
            handler(event("s-vaultjob/a"), &items).await.expect("an item is written");
        }
        assert_eq!(items.all("s"), ["s-vaultjob/a"]);
    }

    #[tokio::test]
    async fn a_table_that_refuses_fails_the_invocation() {
        let error = handler(event("s-vaultjob/a"), &FakeItems::refusing()).await.expect_err("the table refuses");
        assert_eq!(error.operation, "PutItem");
    }
}
