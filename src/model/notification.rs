//! The upload notification, as the gateway puts it on the default event bus.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Timestamp;

/// The detail type of an upload notification.
pub const DETAIL_TYPE: &str = "Storage Gateway Object Upload Event";
/// The source that AWS alone may use, and the endpoint's own simulated gateway.
pub const REAL_SOURCE: &str = "aws.storagegateway";
/// The source of simulated notifications everywhere else.
pub const SIMULATOR_SOURCE: &str = "vaultscope.storagegateway";

/// The file share that is simulated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The share's ARN.
    pub share_arn: String,
    /// The gateway's ARN.
    pub gateway_arn: String,
    /// The bucket behind the share.
    pub bucket: String,
    /// Where the gateway is.
    pub region: String,
    /// Whose it is.
    pub account: String,
}

impl Share {
    /// The simulated share of a bucket in an account and region.
    #[must_use]
    pub fn of(bucket: &str, region: &str, account: &str) -> Self {
        Self {
            share_arn: format!("arn:aws:storagegateway:{region}:{account}:share/share-5C09E7A1"),
            gateway_arn: format!("arn:aws:storagegateway:{region}:{account}:gateway/sgw-7A05C0DE"),
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        }
    }

    /// The ARNs that a notification is about.
    #[must_use]
    pub fn resources(&self) -> [String; 3] {
        [self.share_arn.clone(), self.gateway_arn.clone(), format!("arn:aws:s3:::{}", self.bucket)]
    }
}

/// One upload notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The key without a trailing slash.
    pub object_key: String,
    /// Bytes; 0 for a directory.
    pub object_size: u64,
    /// When the client wrote the file.
    pub modified: Timestamp,
}

impl Notification {
    /// The event's `detail`.
    #[must_use]
    pub fn detail(&self, share: &Share) -> Value {
        json!({
            "object-size": self.object_size,
            "modification-time": self.modified.iso_seconds(),
            "object-key": self.object_key,
            "event-type": "object-upload-complete",
            "prefix": "",
            "bucket-name": share.bucket,
        })
    }

    /// The entry of a `PutEvents` call; `Time` is left to the bus, which stamps it on arrival.
    #[must_use]
    pub fn put_events_entry(&self, share: &Share, source: &str) -> Value {
        json!({
            "Source": source,
            "DetailType": DETAIL_TYPE,
            "Detail": self.detail(share).to_string(),
            "Resources": share.resources(),
        })
    }

    /// The whole event as the event bus delivers it to a queue, `at` being the moment of its arrival there.
    #[must_use]
    pub fn event(&self, share: &Share, source: &str, at: Timestamp) -> Value {
        json!({
            "version": "0",
            "id": self.id(share),
            "detail-type": DETAIL_TYPE,
            "source": source,
            "account": share.account,
            "time": at.iso_seconds(),
            "region": share.region,
            "resources": share.resources(),
            "detail": self.detail(share),
        })
    }

    /// The event's id: the same notification has the same one however often it is sent.
    fn id(&self, share: &Share) -> String {
        let written =
            format!("{}\n{}\n{}\n{}", share.share_arn, self.object_key, self.object_size, self.modified.micros());
        let digest = Sha256::digest(written.as_bytes());
        let bytes = std::array::from_fn(|at| digest[at]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_has_the_shape_of_the_gateways() {
        let share = Share::of("bucket", "eu-west-1", "123456789012");
        let sent = Notification {
            object_key: "a \"b\"\\c".to_owned(),
            object_size: 1024,
            modified: Timestamp::from_secs(1_604_579_696),
        };
        let entry = sent.put_events_entry(&share, REAL_SOURCE);
        assert_eq!(entry["Source"], "aws.storagegateway");
        assert_eq!(entry["DetailType"], "Storage Gateway Object Upload Event");
        assert_eq!(entry["Resources"][2], "arn:aws:s3:::bucket");
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().expect("text")).expect("valid JSON");
        assert_eq!(
            detail,
            json!({
                "object-size": 1024, "modification-time": "2020-11-05T12:34:56Z", "object-key": "a \"b\"\\c",
                "event-type": "object-upload-complete", "prefix": "", "bucket-name": "bucket",
            })
        );
    }

    #[test]
    fn the_event_of_a_queue_is_the_one_that_a_bus_would_deliver() {
        let share = Share::of("bucket", "eu-west-1", "123456789012");
        let sent = Notification {
            object_key: "s-vaultjob/\"a\"".to_owned(),
            object_size: 7,
            modified: Timestamp::from_secs(1_604_579_696),
        };
        let event = sent.event(&share, REAL_SOURCE, Timestamp::from_secs(1_604_579_756));
        let names: Vec<&str> = event.as_object().expect("an object").keys().map(String::as_str).collect();
        let all = ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];
        assert_eq!(names, all);
        assert_eq!((&event["version"], &event["time"]), (&json!("0"), &json!("2020-11-05T12:35:56Z")));
        assert_eq!((&event["account"], &event["region"]), (&json!("123456789012"), &json!("eu-west-1")));
        assert_eq!(event["detail"], sent.detail(&share), "an object, not a text");
        let id = |sent: &Notification| sent.event(&share, REAL_SOURCE, Timestamp::default())["id"].clone();
        assert_eq!(id(&sent), event["id"], "sent again it is the same event");
        let rewritten = Notification { modified: Timestamp::from_secs(1_604_579_700), ..sent.clone() };
        assert_ne!(id(&rewritten), event["id"]);
        assert!(event["id"].as_str().is_some_and(|id| id.len() == 36 && id.as_bytes()[14] == b'4'), "{event}");
    }
}
