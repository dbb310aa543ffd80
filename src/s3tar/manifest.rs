//! A manifest: lines of CSV with bucket, key, size and, where known, ETag and the moment of the last change.
//!
//! The original tool reads the first four fields and passes over the fifth, which gives members their time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Timestamp;

use super::error::S3TarError;
use super::member::{Member, bare_etag};
use super::toc::io_error;

/// How a manifest is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ManifestOptions {
    /// Its first line is no member.
    pub skip_header: bool,
    /// Its keys are encoded as in a URL, as those of an S3 Inventory are.
    pub url_decode: bool,
}

/// The members that a manifest names; `what` names the manifest in an error.
///
/// # Errors
/// The first line that is none.
pub fn read_manifest(bytes: &[u8], options: ManifestOptions, what: &str) -> Result<Vec<Member>, S3TarError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut buckets: HashMap<String, Arc<str>> = HashMap::new();
    let mut members = Vec::new();
    for (index, record) in reader.byte_records().enumerate() {
        let corrupt = |problem: String| S3TarError::Corrupt {
            what: what.to_owned(),
            problem: format!("line {}: {problem}", index + 1),
        };
        let record = record.map_err(|error| corrupt(error.to_string()))?;
        if index == 0 && options.skip_header {
            continue;
        }
        let field = |number: usize| {
            let bytes = record.get(number).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| corrupt(format!("field {} is no UTF-8", number + 1)))
        };
        if !(3..=5).contains(&record.len()) {
            return Err(corrupt(format!(
                "it has {} fields, and bucket, key, size and perhaps ETag and last change are 3 to 5",
                record.len()
            )));
        }
        let bucket = field(0)?.trim();
        let size = field(2)?.trim();
        let size = size.parse().map_err(|_| {
            let remedy = if index == 0 { ": skip a first line of names with --skip-manifest-header" } else { "" };
            corrupt(format!("{size:?} is no size{remedy}"))
        })?;
        let key = if options.url_decode {
            decode_key(field(1)?).ok_or_else(|| corrupt("its key decodes to no UTF-8".to_owned()))?
        } else {
            field(1)?.to_owned()
        };
        let modified = match field(4)?.trim() {
            "" => None,
            text => Some(
                Timestamp::parse_rfc3339(text).ok_or_else(|| corrupt(format!("{text:?} is no moment of RFC 3339")))?,
            ),
        };
        if bucket.is_empty() || key.is_empty() {
            return Err(corrupt("it names no object".to_owned()));
        }
        let bucket = buckets.entry(bucket.to_owned()).or_insert_with(|| bucket.into());
        members.push(Member {
            bucket: Arc::clone(bucket),
            key: key.into(),
            size,
            etag: bare_etag(field(3)?).into(),
            modified,
            posix: None,
        });
    }
    Ok(members)
}

/// A key as S3 Inventory writes it: `%2F` for a byte and `+` for a space.
#[must_use]
pub fn decode_key(encoded: &str) -> Option<String> {
    let spaced = encoded.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Writes the members, with five fields where any of them has a time, else with four.
///
/// # Errors
/// When `to` cannot be written.
pub fn write_manifest(members: &[Member], to: impl std::io::Write) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    let timed = members.iter().any(|member| member.modified.is_some());
    for member in members {
        let size = member.size.to_string();
        let mut record = vec![&*member.bucket, &*member.key, &size, &*member.etag];
        let moment = member.modified.map(Timestamp::iso_seconds).unwrap_or_default();
        if timed {
            record.push(&moment);
        }
        writer.write_record(record).map_err(io_error)?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn manifests_of_the_original_are_read() {
        let plain = "my-bucket,prefix/file.0001.exr,68365312\nmy-bucket,prefix/file.0002.exr,50172928,45d8e659\n";
        let members = read_manifest(plain.as_bytes(), ManifestOptions::default(), "m").expect("a manifest");
        assert_eq!((members[0].size, &*members[0].etag, &*members[1].etag), (68_365_312, "", "45d8e659"));
        let named = "\"bucket\",\"Key\",\"Size\"\n\"b\",\"a%2Fb+c%C3%BC\",\"12\"\n";
        let options = ManifestOptions { skip_header: true, url_decode: true };
        let members = read_manifest(named.as_bytes(), options, "m").expect("a manifest");
        assert_eq!((&*members[0].key, members[0].size), ("a/b cü", 12));
    }

    #[test]
    fn a_line_that_names_no_object_is_refused_with_its_number() {
        for (text, said) in [
            ("b,k,1\nb,k\n", "line 2: it has 2 fields"),
            ("bucket,key,size\n", "--skip-manifest-header"),
            ("b,k,-1\n", "\"-1\" is no size"),
            ("b,,1\n", "names no object"),
            ("b,k,1,e,yesterday\n", "RFC 3339"),
        ] {
            let refused = read_manifest(text.as_bytes(), ManifestOptions::default(), "m.csv").expect_err(text);
            assert!(refused.to_string().contains(said), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(keys in proptest::collection::vec("[^\0]{1,80}", 1..20), timed: bool) {
            let modified = timed.then(|| Timestamp::from_secs(1_700_000_000));
            let members: Vec<Member> = keys.iter().map(|key| Member {
                bucket: "bucket".into(), key: key.as_str().into(), size: 3, etag: "e".into(), modified, posix: None,
            }).collect();
            let mut bytes = Vec::new();
            write_manifest(&members, &mut bytes).expect("written");
            prop_assert_eq!(read_manifest(&bytes, ManifestOptions::default(), "m").expect("read"), members);
        }
    }
}
