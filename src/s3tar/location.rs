//! `s3://bucket/key`, as users write places in S3.

use std::fmt;

use super::error::S3TarError;

/// A bucket and a key or prefix in it, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The bucket.
    pub bucket: String,
    /// The key or prefix, without a slash before it.
    pub key: String,
}

impl Location {
    /// The place that `s3://bucket/key` names.
    ///
    /// # Errors
    /// When it names none; `example` is what could stand after the bucket.
    pub fn parse(given: &str, example: &'static str) -> Result<Self, S3TarError> {
        given
            .strip_prefix("s3://")
            .and_then(Self::without_scheme)
            .ok_or_else(|| S3TarError::Location { given: given.to_owned(), example })
    }

    /// The same of a text such as `bucket/prefix`, as the original's configuration file has it.
    #[must_use]
    pub fn without_scheme(given: &str) -> Option<Self> {
        let (bucket, key) = given.split_once('/').unwrap_or((given, ""));
        let is_bucket = bucket.len() >= 3
            && bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        is_bucket.then(|| Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// A place of the same bucket.
    #[must_use]
    pub fn at(&self, key: impl Into<String>) -> Self {
        Self { bucket: self.bucket.clone(), key: key.into() }
    }

    /// The place of `name` below this one, with one slash between them.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let gap = if self.key.is_empty() || self.key.ends_with('/') { "" } else { "/" };
        self.at(format!("{}{gap}{name}", self.key))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_written_alike() {
        for (given, bucket, key) in [
            ("s3://logs/2026/a.tar", "logs", "2026/a.tar"),
            ("s3://logs/", "logs", ""),
            ("s3://logs//a b/ü", "logs", "/a b/ü"),
        ] {
            let place = Location::parse(given, "a.tar").expect(given);
            assert_eq!((place.bucket.as_str(), place.key.as_str()), (bucket, key));
            assert_eq!(place.to_string(), given);
        }
        assert_eq!(Location::parse("s3://logs", "").expect("a bucket").key, "");
        assert_eq!(Location::without_scheme("logs/s3tar").expect("a place").below("x").key, "s3tar/x");
    }

    #[test]
    fn what_is_no_place_is_refused_with_an_example() {
        for given in ["", "logs/a.tar", "s3://", "s3:///a", "s3://a?/b", "https://logs/a"] {
            let refused = Location::parse(given, "archive.tar").expect_err(given).to_string();
            assert!(refused.contains("s3://bucket/archive.tar"), "{refused}");
        }
    }
}
