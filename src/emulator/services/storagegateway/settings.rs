//! What a file share is asked to be, checked as AWS checks it. Nothing is looked up here.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;

/// Seconds that a settling time may have.
const SETTLING_SECS: std::ops::RangeInclusive<u64> = 60..=600;
/// Seconds after which a gateway may look into the bucket again by itself; 0 for never.
const STALE_SECS: std::ops::RangeInclusive<i64> = 300..=2_592_000;
const CLASSES: [&str; 4] = ["S3_STANDARD", "S3_INTELLIGENT_TIERING", "S3_STANDARD_IA", "S3_ONEZONE_IA"];
const ACLS: [&str; 7] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "aws-exec-read",
];
const SQUASHES: [&str; 3] = ["RootSquash", "NoSquash", "AllSquash"];

/// Modes and owners of objects that were not written through the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Defaults {
    #[serde(default = "file_mode")]
    file_mode: String,
    #[serde(default = "directory_mode")]
    directory_mode: String,
    #[serde(default = "nobody")]
    group_id: i64,
    #[serde(default = "nobody")]
    owner_id: i64,
}

fn file_mode() -> String {
    "0666".to_owned()
}

fn directory_mode() -> String {
    "0777".to_owned()
}

const fn nobody() -> i64 {
    65_534
}

/// `CacheAttributes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CacheAttributes {
    cache_stale_timeout_in_seconds: Option<i64>,
}

/// What may be given when a share is made and changed later on; `None` where nobody says anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Changeable {
    #[serde(rename = "NFSFileShareDefaults")]
    defaults: Option<Defaults>,
    encryption_type: Option<String>,
    #[serde(rename = "KMSEncrypted")]
    kms_encrypted: Option<bool>,
    #[serde(rename = "KMSKey")]
    kms_key: Option<String>,
    default_storage_class: Option<String>,
    #[serde(rename = "ObjectACL")]
    object_acl: Option<String>,
    client_list: Option<Vec<String>>,
    squash: Option<String>,
    read_only: Option<bool>,
    #[serde(rename = "GuessMIMETypeEnabled")]
    guess_mime_type_enabled: Option<bool>,
    requester_pays: Option<bool>,
    /// The name of the export.
    pub file_share_name: Option<String>,
    cache_attributes: Option<CacheAttributes>,
    notification_policy: Option<String>,
    #[serde(rename = "AuditDestinationARN")]
    audit_destination: Option<String>,
}

/// What a share is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Settings {
    /// The role that the gateway takes on.
    pub role: String,
    /// `arn:aws:s3:::bucket/prefix/`
    #[serde(rename = "LocationARN")]
    pub location: String,
    #[serde(rename = "VPCEndpointDNSName")]
    vpc_endpoint: Option<String>,
    /// Where the bucket is, where that is said.
    pub bucket_region: Option<String>,
    /// The rest.
    #[serde(flatten)]
    pub changeable: Changeable,
}

impl Changeable {
    /// Checks everything that is given.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(defaults) = &self.defaults {
            for (member, mode) in [("fileMode", &defaults.file_mode), ("directoryMode", &defaults.directory_mode)] {
                if mode.len() != 4 || !mode.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
                    let constraint = "Member must satisfy regular expression pattern: ^[0-7]{4}$".to_owned();
                    return Err(Error::Constraint { member, value: mode.clone(), constraint });
                }
            }
            for (member, id) in [("groupId", defaults.group_id), ("ownerId", defaults.owner_id)] {
                if !(0..=4_294_967_294).contains(&id) {
                    let constraint = "Member must have value between 0 and 4294967294".to_owned();
                    return Err(Error::Constraint { member, value: id.to_string(), constraint });
                }
            }
        }
        for (member, value, known) in [
            ("defaultStorageClass", &self.default_storage_class, &CLASSES[..]),
            ("objectACL", &self.object_acl, &ACLS),
            ("squash", &self.squash, &SQUASHES),
            ("encryptionType", &self.encryption_type, &["SseS3", "SseKms", "DsseKms"]),
        ] {
            value.as_deref().map_or(Ok(()), |value| Error::one_of(member, value, known))?;
        }
        let wants_key =
            self.kms_encrypted == Some(true) || matches!(self.encryption_type.as_deref(), Some("SseKms" | "DsseKms"));
        if wants_key && self.kms_key.is_none() {
            return Err(Error::parameter("KMSKey must be given when objects are encrypted with a key of AWS KMS."));
        }
        if self.read_only == Some(true) {
            return Err(Error::unsupported("the embedded endpoint does not simulate file shares that are read-only"));
        }
        if let Some(clients) = &self.client_list {
            if clients.is_empty() || clients.len() > 100 {
                let constraint = "Member must have length between 1 and 100".to_owned();
                return Err(Error::Constraint { member: "clientList", value: format!("{clients:?}"), constraint });
            }
            if let Some(wrong) = clients.iter().find(|client| !is_client(client)) {
                let constraint = "Member must be an IP address or a CIDR block".to_owned();
                return Err(Error::Constraint { member: "clientList", value: wrong.clone(), constraint });
            }
        }
        if let Some(name) = &self.file_share_name {
            Error::length("fileShareName", name, 1, 255)?;
            if name == "." || name == ".." || name.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
                return Err(Error::parameter(format!("{name:?} is no name of a file share.")));
            }
        }
        if let Some(CacheAttributes { cache_stale_timeout_in_seconds: Some(seconds) }) = self.cache_attributes
            && seconds != 0
            && !STALE_SECS.contains(&seconds)
        {
            return Err(Error::parameter(format!(
                "CacheStaleTimeoutInSeconds must be 0 or between {} and {} seconds.",
                STALE_SECS.start(),
                STALE_SECS.end()
            )));
        }
        settling(self.notification_policy.as_deref().unwrap_or("{}")).map(drop)
    }

    /// The same with what `change` says in its place.
    #[must_use]
    pub fn changed(&self, change: Self) -> Self {
        Self {
            defaults: change.defaults.or_else(|| self.defaults.clone()),
            encryption_type: change.encryption_type.or_else(|| self.encryption_type.clone()),
            kms_encrypted: change.kms_encrypted.or(self.kms_encrypted),
            kms_key: change.kms_key.or_else(|| self.kms_key.clone()),
            default_storage_class: change.default_storage_class.or_else(|| self.default_storage_class.clone()),
            object_acl: change.object_acl.or_else(|| self.object_acl.clone()),
            client_list: change.client_list.or_else(|| self.client_list.clone()),
            squash: change.squash.or_else(|| self.squash.clone()),
            read_only: change.read_only.or(self.read_only),
            guess_mime_type_enabled: change.guess_mime_type_enabled.or(self.guess_mime_type_enabled),
            requester_pays: change.requester_pays.or(self.requester_pays),
            file_share_name: change.file_share_name.or_else(|| self.file_share_name.clone()),
            cache_attributes: change.cache_attributes.or(self.cache_attributes),
            notification_policy: change.notification_policy.or_else(|| self.notification_policy.clone()),
            audit_destination: change.audit_destination.or_else(|| self.audit_destination.clone()),
        }
    }

    /// After how long without a write a file is announced; `None` when no file is.
    #[must_use]
    pub fn settling(&self) -> Option<Duration> {
        settling(self.notification_policy.as_deref().unwrap_or("{}")).ok().flatten()
    }
}

/// Reads `NotificationPolicy`.
fn settling(policy: &str) -> Result<Option<Duration>, Error> {
    Error::length("notificationPolicy", policy, 2, 100)?;
    let wrong = |what: &str| Error::parameter(format!("Invalid NotificationPolicy {policy}: {what}"));
    let policy: Value = serde_json::from_str(policy).map_err(|error| wrong(&format!("it is not JSON: {error}")))?;
    let Some(members) = policy.as_object() else { return Err(wrong("it is no object")) };
    if members.is_empty() {
        return Ok(None);
    }
    let upload = members.get("Upload").filter(|_| members.len() == 1).and_then(Value::as_object);
    let seconds = upload.filter(|upload| upload.len() == 1).and_then(|upload| upload.get("SettlingTimeInSeconds"));
    let Some(seconds) = seconds.and_then(Value::as_u64) else {
        return Err(wrong(r#"write {} or {"Upload": {"SettlingTimeInSeconds": 60}}"#));
    };
    if !SETTLING_SECS.contains(&seconds) {
        return Err(wrong(&format!(
            "SettlingTimeInSeconds must be between {} and {}",
            SETTLING_SECS.start(),
            SETTLING_SECS.end()
        )));
    }
    Ok(Some(Duration::from_secs(seconds)))
}

fn is_client(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.is_none_or(|bits| bits.len() <= 3 && bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

impl Settings {
    /// Checks everything that can be checked without looking anything up.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn check(&self) -> Result<(), Error> {
        Error::length("role", &self.role, 20, 2_048)?;
        Error::length("locationARN", &self.location, 16, 1_400)?;
        let is_role = self.role.split(':').nth(2) == Some("iam") && self.role_name().is_some();
        if !is_role {
            return Err(Error::parameter(format!("{} is no ARN of a role.", self.role)));
        }
        if self.place().is_none() {
            let words = if self.location.contains(":accesspoint/") {
                return Err(Error::unsupported("the embedded endpoint has no access points of Amazon S3"));
            } else {
                "is no ARN of a bucket, with or without a prefix that ends in a slash."
            };
            return Err(Error::parameter(format!("{} {words}", self.location)));
        }
        if let Some(name) = &self.vpc_endpoint {
            Error::length("vPCEndpointDNSName", name, 1, 255)?;
            if self.bucket_region.is_none() {
                return Err(Error::parameter("BucketRegion must be given together with VPCEndpointDNSName."));
            }
        }
        self.changeable.check()
    }

    /// Bucket and prefix.
    #[must_use]
    pub fn place(&self) -> Option<(&str, &str)> {
        let rest = self.location.strip_prefix("arn:")?.split_once(":s3:::")?.1;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let fits = !bucket.is_empty() && !bucket.contains(':') && (prefix.is_empty() || prefix.ends_with('/'));
        (fits && !prefix.starts_with('/')).then_some((bucket, prefix))
    }

    /// The role's name.
    #[must_use]
    pub fn role_name(&self) -> Option<&str> {
        self.role.split_once(":role/")?.1.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// What clients mount: the name of the share, else its bucket with the prefix.
    #[must_use]
    pub fn name(&self) -> String {
        let place = || {
            let (bucket, prefix) = self.place().unwrap_or_default();
            format!("{bucket}/{prefix}").trim_end_matches('/').replace('/', "-")
        };
        self.changeable.file_share_name.clone().unwrap_or_else(place)
    }

    /// The members of `NFSFileShareInfo` that follow from what was asked for.
    #[must_use]
    pub fn shown(&self) -> Value {
        let of = &self.changeable;
        let defaults = of.defaults.clone().unwrap_or_else(|| Defaults {
            file_mode: file_mode(),
            directory_mode: directory_mode(),
            group_id: nobody(),
            owner_id: nobody(),
        });
        let kms = of.kms_encrypted.unwrap_or(of.kms_key.is_some());
        let mut shown = json!({
            "NFSFileShareDefaults": {
                "FileMode": defaults.file_mode, "DirectoryMode": defaults.directory_mode,
                "GroupId": defaults.group_id, "OwnerId": defaults.owner_id,
            },
            "EncryptionType": of.encryption_type.as_deref().unwrap_or(if kms { "SseKms" } else { "SseS3" }),
            "KMSEncrypted": kms,
            "Path": format!("/{}", self.name()),
            "Role": self.role,
            "LocationARN": self.location,
            "DefaultStorageClass": of.default_storage_class.as_deref().unwrap_or("S3_STANDARD"),
            "ObjectACL": of.object_acl.as_deref().unwrap_or("private"),
            "ClientList": of.client_list.clone().unwrap_or_else(|| vec!["0.0.0.0/0".to_owned()]),
            "Squash": of.squash.as_deref().unwrap_or("RootSquash"),
            "ReadOnly": of.read_only.unwrap_or(false),
            "GuessMIMETypeEnabled": of.guess_mime_type_enabled.unwrap_or(true),
            "RequesterPays": of.requester_pays.unwrap_or(false),
            "FileShareName": self.name(),
            "NotificationPolicy": of.notification_policy.as_deref().unwrap_or("{}"),
        });
        for (member, value) in [
            ("KMSKey", &of.kms_key),
            ("VPCEndpointDNSName", &self.vpc_endpoint),
            ("BucketRegion", &self.bucket_region),
            ("AuditDestinationARN", &of.audit_destination),
        ] {
            if let Some(value) = value {
                shown[member] = Value::from(value.as_str());
            }
        }
        if let Some(CacheAttributes { cache_stale_timeout_in_seconds: Some(seconds) }) = of.cache_attributes {
            shown["CacheAttributes"] = json!({ "CacheStaleTimeoutInSeconds": seconds });
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &Value) -> Settings {
        let mut input = json!({
            "Role": "arn:aws:iam::000000000000:role/fileShareRole", "LocationARN": "arn:aws:s3:::bucket/a/b/",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        serde_json::from_value(input).expect("settings")
    }

    #[test]
    fn what_the_workshop_asks_for_is_taken_and_shown() {
        let asked = settings(&json!({
            "ClientList": ["192.168.0.10/32"], "FileShareName": "filegateway-fileshare",
            "NotificationPolicy": "{\"Upload\": {\"SettlingTimeInSeconds\": 60}}",
        }));
        asked.check().expect("it fits");
        assert_eq!(asked.changeable.settling(), Some(Duration::from_secs(60)));
        assert_eq!((asked.place(), asked.role_name()), (Some(("bucket", "a/b/")), Some("fileShareRole")));
        let shown = asked.shown();
        assert_eq!((&shown["Path"], &shown["Squash"]), (&json!("/filegateway-fileshare"), &json!("RootSquash")));
        assert_eq!(settings(&json!({})).name(), "bucket-a-b");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for more in [
            json!({"NotificationPolicy": "{\"Upload\": {\"SettlingTimeInSeconds\": 59}}"}),
            json!({"NotificationPolicy": "{\"Upload\": {\"SettlingTimeInSeconds\": 601}}"}),
            json!({"NotificationPolicy": "{\"Upload\": {}}"}),
            json!({"NotificationPolicy": "[]"}),
            json!({"NotificationPolicy": "{"}),
            json!({"ClientList": []}),
            json!({"ClientList": ["192.168.0.0/33"]}),
            json!({"ClientList": ["somewhere"]}),
            json!({"FileShareName": "a/b"}),
            json!({"FileShareName": ".."}),
            json!({"Squash": "Never"}),
            json!({"DefaultStorageClass": "GLACIER"}),
            json!({"NFSFileShareDefaults": {"FileMode": "0888"}}),
            json!({"NFSFileShareDefaults": {"OwnerId": -1}}),
            json!({"CacheAttributes": {"CacheStaleTimeoutInSeconds": 299}}),
            json!({"KMSEncrypted": true}),
            json!({"ReadOnly": true}),
            json!({"VPCEndpointDNSName": "vpce-1.s3.us-east-1.vpce.amazonaws.com"}),
            json!({"LocationARN": "arn:aws:s3:::bucket/no-slash"}),
            json!({"LocationARN": "arn:aws:s3:us-east-1:0:accesspoint/x"}),
            json!({"Role": "arn:aws:iam::000000000000:user/somebody"}),
        ] {
            assert!(settings(&more).check().is_err(), "{more}");
        }
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let before = settings(
            &json!({"Squash": "NoSquash", "NotificationPolicy": "{\"Upload\":{\"SettlingTimeInSeconds\":90}}"}),
        );
        let change: Changeable = serde_json::from_value(json!({"NotificationPolicy": "{}"})).expect("a change");
        let after = before.changeable.changed(change);
        assert_eq!((after.settling(), after.squash.as_deref()), (None, Some("NoSquash")));
    }
}
