//! What is kept of an object besides its bytes: small, because a bucket holds tens of thousands of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use md5::{Digest, Md5};
use s3s::dto;
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::{Deserialize, Serialize};

use super::blob::Blob;
use super::checksum::Checksum;
use crate::model::Timestamp;

/// The version id of objects in buckets without versioning.
pub const NULL_VERSION: &str = "null";
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
/// Bytes of names and values of a user's metadata, at the most.
const LARGEST_METADATA: usize = 2 * 1024;
const MOST_TAGS: usize = 10;
const LARGEST_TAG_KEY: usize = 128;
const LARGEST_TAG_VALUE: usize = 256;

/// An entity tag: MD5 of the bytes, or of the parts' MD5s with their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ETag {
    md5: [u8; 16],
    parts: u32,
}

impl ETag {
    pub const fn of_bytes(md5: [u8; 16]) -> Self {
        Self { md5, parts: 0 }
    }

    pub fn of_parts<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let mut md5 = Md5::new();
        let mut count = 0;
        for part in parts {
            md5.update(part.md5);
            count += 1;
        }
        Self { md5: md5.finalize().into(), parts: count }
    }

    /// Whether it is that of a multipart upload.
    pub const fn is_multipart(&self) -> bool {
        self.parts > 0
    }

    pub fn to_dto(self) -> dto::ETag {
        dto::ETag::Strong(self.to_string())
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.md5 {
            write!(f, "{byte:02x}")?;
        }
        if self.parts > 0 {
            write!(f, "-{}", self.parts)?;
        }
        Ok(())
    }
}

/// Headers that come back as they were put.
#[expect(clippy::box_collection, reason = "few objects have metadata, and a pointer is all that the others should pay")]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    pub content_type: Option<Box<str>>,
    pub content_encoding: Option<Box<str>>,
    pub content_language: Option<Box<str>>,
    pub content_disposition: Option<Box<str>>,
    pub cache_control: Option<Box<str>>,
    pub expires: Option<Box<dto::Timestamp>>,
    pub website_redirect_location: Option<Box<str>>,
    pub storage_class: Option<Box<str>>,
    pub metadata: Option<Box<HashMap<String, String>>>,
}

impl Headers {
    pub fn content_type(&self) -> String {
        self.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE).to_owned()
    }

    /// The storage class as listings name it.
    pub fn storage_class(&self) -> &str {
        self.storage_class.as_deref().unwrap_or(dto::StorageClass::STANDARD)
    }

    /// # Errors
    /// `MetadataTooLarge`, or `InvalidStorageClass` for a class that S3 does not have.
    pub fn check(&self) -> S3Result<()> {
        let bytes: usize = self.metadata.iter().flat_map(|map| map.iter()).map(|(k, v)| k.len() + v.len()).sum();
        if bytes > LARGEST_METADATA {
            return Err(S3Error::with_message(
                S3ErrorCode::MetadataTooLarge,
                "Your metadata headers exceed the maximum allowed metadata size",
            ));
        }
        if let Some(class) = self.storage_class.as_deref()
            && !STORAGE_CLASSES.contains(&class)
        {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidStorageClass,
                "The storage class you specified is not valid",
            ));
        }
        Ok(())
    }
}

const STORAGE_CLASSES: [&str; 8] = [
    dto::StorageClass::STANDARD,
    dto::StorageClass::STANDARD_IA,
    dto::StorageClass::ONEZONE_IA,
    dto::StorageClass::INTELLIGENT_TIERING,
    dto::StorageClass::REDUCED_REDUNDANCY,
    dto::StorageClass::GLACIER,
    dto::StorageClass::GLACIER_IR,
    dto::StorageClass::DEEP_ARCHIVE,
];

/// Reads the headers to keep out of an input that has them as members.
macro_rules! s3_headers {
    ($input:expr) => {{
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        $crate::emulator::services::s3::object::Headers {
            content_type: boxed($input.content_type.take()),
            content_encoding: boxed($input.content_encoding.take()).filter(|encoding| !encoding.is_empty()),
            content_language: boxed($input.content_language.take()),
            content_disposition: boxed($input.content_disposition.take()),
            cache_control: boxed($input.cache_control.take()),
            expires: $input.expires.take().map(Box::new),
            website_redirect_location: boxed($input.website_redirect_location.take()),
            storage_class: $input
                .storage_class
                .take()
                .filter(|class| class.as_str() != s3s::dto::StorageClass::STANDARD)
                .map(|class| class.as_str().into()),
            metadata: $input.metadata.take().filter(|metadata| !metadata.is_empty()).map(Box::new),
        }
    }};
}
pub(super) use s3_headers;

/// Writes the kept headers into an answer.
macro_rules! s3_set_headers {
    ($output:expr, $headers:expr) => {{
        let owned = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        $output.content_type = Some($headers.content_type());
        $output.content_encoding = owned(&$headers.content_encoding);
        $output.content_language = owned(&$headers.content_language);
        $output.content_disposition = owned(&$headers.content_disposition);
        $output.cache_control = owned(&$headers.cache_control);
        $output.expires = $headers.expires.as_deref().cloned();
        $output.website_redirect_location = owned(&$headers.website_redirect_location);
        $output.storage_class = owned(&$headers.storage_class).map(s3s::dto::StorageClass::from);
        $output.metadata = $headers.metadata.as_deref().cloned();
    }};
}
pub(super) use s3_set_headers;

/// Tags of a bucket or an object, in the order in which they were put.
pub type Tags = Vec<(String, String)>;

/// Reads tags out of `Tagging` of an input.
///
/// # Errors
/// `InvalidTag` and `BadRequest` as S3 words them.
pub fn tags_of(set: dto::TagSet, most: usize) -> S3Result<Tags> {
    let tags: Tags = set.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect();
    let invalid = |message: &'static str| Err(S3Error::with_message(S3ErrorCode::InvalidTag, message));
    if tags.len() > most {
        let message = if most == MOST_TAGS {
            "Object tags cannot be greater than 10"
        } else {
            "Bucket tag count cannot be greater than 50"
        };
        return Err(S3Error::with_message(S3ErrorCode::Custom("BadRequest".into()), message)
            .with_status(http::StatusCode::BAD_REQUEST));
    }
    for (index, (key, value)) in tags.iter().enumerate() {
        if key.is_empty() || key.chars().count() > LARGEST_TAG_KEY {
            return invalid("The TagKey you have provided is invalid");
        }
        if value.chars().count() > LARGEST_TAG_VALUE {
            return invalid("The TagValue you have provided is invalid");
        }
        if tags[..index].iter().any(|(other, _)| other == key) {
            return invalid("Cannot provide multiple Tags with the same key");
        }
    }
    Ok(tags)
}

/// Reads object tags out of `x-amz-tagging`, which is written as a query.
///
/// # Errors
/// `InvalidArgument` when it is not, and as [`tags_of`].
pub fn tags_of_header(header: Option<&str>) -> S3Result<Tags> {
    let Some(header) = header else { return Ok(Vec::new()) };
    let malformed = || {
        S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
             name duplicates.",
        )
    };
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned)
    };
    let mut set = Vec::new();
    for pair in header.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key).map_err(|_| malformed())?, decode(value).map_err(|_| malformed())?);
        set.push(dto::Tag { key: Some(key), value: Some(value) });
    }
    tags_of(set, MOST_TAGS)
}

/// Tags of an object, checked.
///
/// # Errors
/// As [`tags_of`].
pub fn object_tags(set: dto::TagSet) -> S3Result<Tags> {
    tags_of(set, MOST_TAGS)
}

/// Tags as an answer has them.
pub fn to_tag_set(tags: &Tags) -> dto::TagSet {
    tags.iter().map(|(key, value)| dto::Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// An object's bytes and what is said of them.
#[derive(Debug, Clone)]
pub struct Object {
    pub size: u64,
    pub etag: ETag,
    pub blob: Blob,
    pub checksum: Checksum,
    pub headers: Option<Box<Headers>>,
    /// Sizes of the parts of a multipart upload.
    pub parts: Option<Arc<[u64]>>,
}

static NO_HEADERS: Headers = Headers {
    content_type: None,
    content_encoding: None,
    content_language: None,
    content_disposition: None,
    cache_control: None,
    expires: None,
    website_redirect_location: None,
    storage_class: None,
    metadata: None,
};

impl Object {
    pub fn headers(&self) -> &Headers {
        self.headers.as_deref().unwrap_or(&NO_HEADERS)
    }
}

/// A version of a key: an object, or a marker that it was deleted.
#[derive(Debug, Clone)]
pub struct Version {
    /// `None` is the null version.
    pub id: Option<Box<str>>,
    pub modified: Timestamp,
    /// `None` is a delete marker.
    pub object: Option<Object>,
    pub tags: Tags,
}

impl Version {
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(NULL_VERSION)
    }

    pub fn is_marker(&self) -> bool {
        self.object.is_none()
    }
}

/// A moment as S3 hands it out: whole seconds.
pub fn moment(at: Timestamp) -> dto::Timestamp {
    let at = time::OffsetDateTime::from_unix_timestamp(at.secs()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    dto::Timestamp::from(at)
}

/// [`S3Error`] with a status of its own, for codes that the protocol crate does not know.
pub trait WithStatus {
    fn with_status(self, status: http::StatusCode) -> Self;
}

impl WithStatus for S3Error {
    fn with_status(mut self, status: http::StatusCode) -> Self {
        self.set_status_code(status);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_written_as_s3_does() {
        let one = ETag::of_bytes(Md5::digest(b"hello").into());
        assert_eq!(one.to_string(), "5d41402abc4b2a76b9719d911017c592");
        let parts = ETag::of_parts([one, one].iter());
        assert!(parts.to_string().ends_with("-2"));
    }

    #[test]
    fn tags_are_checked() {
        assert_eq!(
            tags_of_header(Some("a=1&b+c=%C3%A9")).expect("valid tags"),
            [("a".to_owned(), "1".to_owned()), ("b c".to_owned(), "é".to_owned())]
        );
        let many = (0..11).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join("&");
        for bad in ["a=1&a=2", "=x", many.as_str(), "%ff=1"] {
            assert!(tags_of_header(Some(bad)).is_err(), "{bad}");
        }
    }
}
