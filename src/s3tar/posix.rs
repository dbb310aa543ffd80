//! Permissions, owner and times of a file, as objects carry them in their metadata (the names that FSx for Lustre, File
//! Gateway and the original tool use) and as headers of tar carry them.

use std::collections::{BTreeMap, HashMap};

use super::error::S3TarError;
use super::header::BLOCK;
use super::location::Location;

const NANOS_A_MILLI: i64 = 1_000_000;
const NANOS_A_SECOND: i64 = 1_000_000_000;
/// Bits of a mode that a header has; what stands before them in metadata is the file's kind.
const MODE_BITS: u32 = 0o7777;
/// Bytes before a member's own that are searched for its header: an extension with the longest name fits.
pub const WINDOW: u64 = 8 << 10;

/// Names of the metadata.
const PERMISSIONS: &str = "file-permissions";
const OWNER: &str = "file-owner";
const GROUP: &str = "file-group";
const ACCESSED: &str = "file-atime";
const MODIFIED: &str = "file-mtime";
const CHANGED: &str = "file-ctime";

/// What is known of a file; times in nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Posix {
    /// Permissions.
    pub mode: Option<u32>,
    /// The owner's number.
    pub uid: Option<u32>,
    /// The group's number.
    pub gid: Option<u32>,
    /// When it was last read.
    pub accessed: Option<i64>,
    /// When its bytes were last changed.
    pub modified: Option<i64>,
    /// When anything about it was last changed.
    pub changed: Option<i64>,
}

impl Posix {
    /// What an object's metadata says; `None` where it says nothing of this.
    ///
    /// # Errors
    /// When a value is none.
    pub fn of_metadata(object: &Location, metadata: &HashMap<String, String>) -> Result<Option<Self>, S3TarError> {
        let number = |name: &str, radix: u32| {
            let read = |text: &String| u32::from_str_radix(text.trim(), radix).map_err(|_| wrong(object, name, text));
            metadata.get(name).map(read).transpose()
        };
        let moment = |name: &str| {
            metadata.get(name).map(|text| nanos(text).ok_or_else(|| wrong(object, name, text))).transpose()
        };
        let found = Self {
            mode: number(PERMISSIONS, 8)?.map(|mode| mode & MODE_BITS),
            uid: number(OWNER, 10)?,
            gid: number(GROUP, 10)?,
            accessed: moment(ACCESSED)?,
            modified: moment(MODIFIED)?,
            changed: moment(CHANGED)?,
        };
        Ok((found != Self::default()).then_some(found))
    }

    /// The metadata that says it. A time that nobody knows is the one of the last change, as the original has it.
    #[must_use]
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                all.insert(name.to_owned(), value);
            }
        };
        add(PERMISSIONS, self.mode.map(|mode| format!("0{mode:o}")));
        add(OWNER, self.uid.map(|uid| uid.to_string()));
        add(GROUP, self.gid.map(|gid| gid.to_string()));
        add(ACCESSED, self.accessed.or(self.modified).map(text));
        add(MODIFIED, self.modified.map(text));
        add(CHANGED, self.changed.or(self.modified).map(text));
        all
    }

    /// What the header says whose member begins where `before` ends; `None` where no header stands there.
    #[must_use]
    pub fn of_header(before: &[u8]) -> Option<Self> {
        let block = usize::try_from(BLOCK).ok()?;
        let before = &before[before.len() % block..];
        let header = header_at(before, before.len().checked_sub(block)?)?;
        let seconds = i64::try_from(header.mtime().ok()?).ok();
        let mut found = Self {
            mode: header.mode().ok().map(|mode| mode & MODE_BITS),
            uid: header.uid().ok().and_then(|uid| u32::try_from(uid).ok()),
            gid: header.gid().ok().and_then(|gid| u32::try_from(gid).ok()),
            modified: seconds.and_then(|seconds| seconds.checked_mul(NANOS_A_SECOND)),
            ..Self::default()
        };
        if let Some(gnu) = header.as_gnu() {
            let read = |time: std::io::Result<u64>| {
                let seconds = time.ok().filter(|seconds| *seconds > 0)?;
                i64::try_from(seconds).ok()?.checked_mul(NANOS_A_SECOND)
            };
            (found.accessed, found.changed) = (read(gnu.atime()), read(gnu.ctime()));
        }
        for (key, value) in extension(before, block) {
            let value = value.as_str();
            match key.as_str() {
                "mtime" => found.modified = seconds_of(value).or(found.modified),
                "atime" => found.accessed = seconds_of(value),
                "ctime" => found.changed = seconds_of(value),
                "uid" => found.uid = value.parse().ok().or(found.uid),
                "gid" => found.gid = value.parse().ok().or(found.gid),
                _ => {}
            }
        }
        Some(found)
    }
}

fn wrong(object: &Location, name: &str, text: &str) -> S3TarError {
    S3TarError::Corrupt {
        what: format!("the metadata of {object}"),
        problem: format!("its {name} is {text:?}; correct it, or leave --preserve-posix-metadata out"),
    }
}

/// Milliseconds, or nanoseconds with `ns` after them.
fn nanos(text: &str) -> Option<i64> {
    match text.trim().strip_suffix("ns") {
        Some(nanos) => nanos.parse().ok(),
        None => text.trim().parse::<i64>().ok()?.checked_mul(NANOS_A_MILLI),
    }
}

fn text(nanos: i64) -> String {
    if nanos % NANOS_A_MILLI == 0 { (nanos / NANOS_A_MILLI).to_string() } else { format!("{nanos}ns") }
}

/// A time as a record of PAX has it: seconds with a fraction.
#[must_use]
pub fn seconds(nanos: i64) -> String {
    let (whole, part) =
        (nanos.unsigned_abs() / NANOS_A_SECOND.unsigned_abs(), nanos.unsigned_abs() % NANOS_A_SECOND.unsigned_abs());
    let sign = if nanos < 0 { "-" } else { "" };
    if part == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", format!("{part:09}").trim_end_matches('0'))
}

/// The reverse of [`seconds`]; digits beyond nanoseconds are passed over.
fn seconds_of(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok().filter(|whole| *whole >= 0)?;
    let digits = part.get(..part.len().min(9))?;
    let part: i64 = if digits.is_empty() { 0 } else { format!("{digits:0<9}").parse().ok()? };
    whole.checked_mul(NANOS_A_SECOND)?.checked_add(part)?.checked_mul(sign)
}

/// The header in the block at `at`, if its checksum holds.
fn header_at(bytes: &[u8], at: usize) -> Option<&tar::Header> {
    let block = bytes.get(at..at.checked_add(usize::try_from(BLOCK).ok()?)?)?;
    let header = tar::Header::from_byte_slice(block);
    let sum: u32 =
        block.iter().enumerate().map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum();
    (header.cksum().ok()? == sum).then_some(header)
}

/// The records of the extension of PAX that stands before the last block: its own block, and as many blocks of records as
/// it says, which is how it is told from bytes that only look like one.
fn extension(before: &[u8], block: usize) -> Vec<(String, String)> {
    let blocks = before.len() / block;
    for count in 2..blocks {
        let at = (blocks - 1 - count) * block;
        let Some(header) = header_at(before, at) else { continue };
        let size = header.size().ok().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
        if header.entry_type().is_pax_local_extensions() && size.div_ceil(block) + 1 == count {
            let records = before.get(at + block..at + block + size).unwrap_or_default();
            return tar::PaxExtensions::new(records)
                .flatten()
                .filter_map(|record| Some((record.key().ok()?.to_owned(), record.value().ok()?.to_owned())))
                .collect();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::header::{self, Format};
    use super::super::member::Member;
    use super::*;

    fn place() -> Location {
        Location { bucket: "bucket".to_owned(), key: "key".to_owned() }
    }

    fn metadata(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn metadata_of_lustre_and_of_the_original_is_read() {
        let lustre = metadata(&[
            ("file-permissions", "0100644"),
            ("file-owner", "1000"),
            ("file-group", "100"),
            ("file-mtime", "1595002920000000001ns"),
            ("other", "x"),
        ]);
        let posix = Posix::of_metadata(&place(), &lustre).expect("metadata").expect("some");
        assert_eq!((posix.mode, posix.uid, posix.gid), (Some(0o644), Some(1_000), Some(100)));
        assert_eq!(posix.modified, Some(1_595_002_920_000_000_001));
        let original = metadata(&[("file-mtime", "1595002920123")]);
        let posix = Posix::of_metadata(&place(), &original).expect("metadata").expect("some");
        assert_eq!(posix.modified, Some(1_595_002_920_123_000_000));
        assert_eq!(posix.metadata()["file-atime"], "1595002920123");
        assert_eq!(Posix::of_metadata(&place(), &metadata(&[("other", "x")])).expect("metadata"), None);
    }

    #[test]
    fn a_value_that_is_none_is_refused_with_its_name_and_object() {
        for (name, value) in [("file-owner", "root"), ("file-permissions", "0999"), ("file-mtime", "9e9")] {
            let refused = Posix::of_metadata(&place(), &metadata(&[(name, value)])).expect_err(name).to_string();
            assert!(refused.contains(name) && refused.contains("s3://bucket/key"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn what_a_header_is_given_is_read_from_it_again(
            key in "[a-zü/]{1,300}x", mode in 0_u32..=MODE_BITS, uid: u32, gid: u32,
            times in (0_i64..i64::MAX, proptest::option::of(-i64::MAX..i64::MAX), proptest::option::of(0_i64..i64::MAX)),
            size in prop_oneof![0_u64..100, Just(9_u64 << 30)],
        ) {
            let (modified, accessed, changed) = times;
            let posix = Posix {
                mode: Some(mode), uid: Some(uid), gid: Some(gid), modified: Some(modified), accessed, changed,
            };
            let member = Member {
                bucket: "bucket".into(), key: key.into(), size, etag: "e".into(), modified: None,
                posix: Some(Box::new(posix.clone())),
            };
            let bytes = [vec![7; 700], header::of_member(&member, Format::Pax, 0).expect("a header")].concat();
            prop_assert_eq!(Posix::of_header(&bytes), Some(posix.clone()));
            let bytes = header::of_member(&member, Format::Gnu, 0).expect("a header");
            prop_assert_eq!(bytes.len() as u64, header::len_of(&member, Format::Gnu));
            // Whole seconds, and only of the last change.
            let seconds = modified / NANOS_A_SECOND * NANOS_A_SECOND;
            let plain = Posix { modified: Some(seconds), accessed: None, changed: None, ..posix };
            prop_assert_eq!(Posix::of_header(&bytes), Some(plain));
        }

        #[test]
        fn no_bytes_before_a_member_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            let _ = Posix::of_header(&bytes);
        }
    }
}
