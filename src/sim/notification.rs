//! The upload notification, as the gateway puts it on the default event bus.

use serde_json::{Value, json};

use crate::model::Timestamp;

/// The detail type of an upload notification.
pub const DETAIL_TYPE: &str = "Storage Gateway Object Upload Event";
/// The source that AWS alone may use, and the endpoint's own simulated gateway.
pub const REAL_SOURCE: &str = "aws.storagegateway";
/// The source of simulated notifications everywhere else.
pub const SIMULATOR_SOURCE: &str = "vaultscope.storagegateway";

/// The file share that is simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The share's ARN.
    pub share_arn: String,
    /// The gateway's ARN.
    pub gateway_arn: String,
    /// The bucket behind the share.
    pub bucket: String,
}

impl Share {
    /// The simulated share of a bucket in an account and region.
    #[must_use]
    pub fn of(bucket: &str, region: &str, account: &str) -> Self {
        Self {
            share_arn: format!("arn:aws:storagegateway:{region}:{account}:share/share-5C09E7A1"),
            gateway_arn: format!("arn:aws:storagegateway:{region}:{account}:gateway/sgw-7A05C0DE"),
            bucket: bucket.to_owned(),
        }
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
            "Resources": [share.share_arn, share.gateway_arn, format!("arn:aws:s3:::{}", share.bucket)],
        })
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
}
