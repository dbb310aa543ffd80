//! The blocks before a member: one of ustar where it can say everything, else an extension of PAX or GNU before it.

use tar::{EntryType, Header};

use super::error::S3TarError;
use super::member::Member;
use super::posix::{self, Posix};

/// Bytes of a block; headers are made of whole blocks and data is filled up to them.
pub const BLOCK: u64 = 512;
/// Bytes that a block's name field holds.
const NAME: usize = 100;
/// The first size that eleven octal digits cannot say.
const OCTAL_END: u64 = 1 << 33;
/// The first number of an owner that seven octal digits cannot say.
const ID_END: u32 = 1 << 21;
const NANOS_A_SECOND: i64 = 1_000_000_000;
const MODE: u32 = 0o600;

/// How names and sizes are written that a plain header cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// POSIX.1-2001.
    #[default]
    Pax,
    /// GNU tar.
    Gnu,
}

impl Format {
    /// Its name, as the flag has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pax => "pax",
            Self::Gnu => "gnu",
        }
    }
}

/// Zeros after `len` bytes of data up to the next block.
#[must_use]
pub const fn padding(len: u64) -> u64 {
    (BLOCK - len % BLOCK) % BLOCK
}

/// The header of an object.
///
/// # Errors
/// When the name cannot be a member's.
pub fn of_member(member: &Member, format: Format, fallback: i64) -> Result<Vec<u8>, S3TarError> {
    member.check()?;
    let seconds = member.modified.map_or(fallback, crate::model::Timestamp::secs);
    Ok(build(&Facts { seconds, ..Facts::of(member) }, format))
}

/// The header of the table of contents: one block, which the original tool finds in both formats.
#[must_use]
pub fn of_toc(name: &str, size: u64, seconds: i64, format: Format) -> Vec<u8> {
    build(&Facts { name, size, seconds, is_folder: false, posix: None }, format)
}

/// How many bytes [`of_member`] gives, without building them.
#[must_use]
pub fn len_of(member: &Member, format: Format) -> u64 {
    let facts = Facts::of(member);
    BLOCK
        + match format {
            Format::Pax => {
                let records = pax_records(&facts).len() as u64;
                if records == 0 { 0 } else { BLOCK + records + padding(records) }
            }
            Format::Gnu if is_long(&member.key) => {
                let name = member.key.len() as u64 + 1;
                BLOCK + name + padding(name)
            }
            Format::Gnu => 0,
        }
}

/// What a header says.
struct Facts<'a> {
    name: &'a str,
    size: u64,
    seconds: i64,
    is_folder: bool,
    posix: Option<&'a Posix>,
}

impl<'a> Facts<'a> {
    fn of(member: &'a Member) -> Self {
        let posix = member.posix.as_deref();
        Self { name: &member.key, size: member.size, seconds: 0, is_folder: member.is_folder(), posix }
    }
}

/// The fields of a block.
struct Fields {
    size: u64,
    seconds: i64,
    mode: u32,
    uid: u32,
    gid: u32,
    kind: EntryType,
}

fn build(facts: &Facts<'_>, format: Format) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let known = |pick: fn(&Posix) -> Option<u32>| facts.posix.and_then(pick);
    let default = if facts.is_folder { 0o700 } else { MODE };
    let mut fields = Fields {
        size: facts.size,
        seconds: facts.posix.and_then(|it| it.modified).map_or(facts.seconds, |nanos| nanos / NANOS_A_SECOND),
        mode: known(|it| it.mode).unwrap_or(default),
        uid: known(|it| it.uid).unwrap_or_default(),
        gid: known(|it| it.gid).unwrap_or_default(),
        kind: if facts.is_folder { EntryType::Directory } else { EntryType::Regular },
    };
    match format {
        Format::Pax => {
            let records = pax_records(facts);
            if !records.is_empty() {
                extension(&mut bytes, EntryType::XHeader, "./PaxHeaders/member", &records, format, facts.seconds);
            }
            // The records say what the fields cannot, which are to be zero then.
            fields.size = if fields.size < OCTAL_END { fields.size } else { 0 };
            fields.uid = if fields.uid < ID_END { fields.uid } else { 0 };
            fields.gid = if fields.gid < ID_END { fields.gid } else { 0 };
        }
        Format::Gnu if is_long(facts.name) => {
            let text = [facts.name.as_bytes(), b"\0"].concat();
            extension(&mut bytes, EntryType::GNULongName, "././@LongLink", &text, format, facts.seconds);
        }
        Format::Gnu => {}
    }
    let short = match format {
        Format::Pax => ascii_start(facts.name),
        Format::Gnu => facts.name.as_bytes()[..facts.name.len().min(NAME)].to_vec(),
    };
    block(&mut bytes, &short, &fields, format);
    bytes
}

fn is_long(name: &str) -> bool {
    name.len() > NAME
}

/// What stands in the block's own name field beside a record that has the name whole.
fn ascii_start(name: &str) -> Vec<u8> {
    name.chars().map(|c| if c.is_ascii() { c as u8 } else { b'_' }).take(NAME).collect()
}

/// `<length> <key>=<value>\n`, where the length counts itself.
fn pax_records(facts: &Facts<'_>) -> Vec<u8> {
    let mut records = Vec::new();
    let mut add = |key: &str, value: &str| {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while rest + length.to_string().len() != length {
            length = rest + length.to_string().len();
        }
        records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
    };
    if is_long(facts.name) || !facts.name.is_ascii() {
        add("path", facts.name);
    }
    if facts.size >= OCTAL_END {
        add("size", &facts.size.to_string());
    }
    let Some(posix) = facts.posix else { return records };
    for (key, id) in [("uid", posix.uid), ("gid", posix.gid)] {
        if let Some(id) = id.filter(|id| *id >= ID_END) {
            add(key, &id.to_string());
        }
    }
    let is_plain = |nanos: &i64| *nanos >= 0 && nanos % NANOS_A_SECOND == 0;
    let modified = posix.modified.filter(|nanos| !is_plain(nanos));
    for (key, nanos) in [("mtime", modified), ("atime", posix.accessed), ("ctime", posix.changed)] {
        if let Some(nanos) = nanos {
            add(key, &posix::seconds(nanos));
        }
    }
    records
}

fn extension(bytes: &mut Vec<u8>, kind: EntryType, name: &str, content: &[u8], format: Format, seconds: i64) {
    let fields = Fields { size: content.len() as u64, seconds, mode: MODE, uid: 0, gid: 0, kind };
    block(bytes, name.as_bytes(), &fields, format);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len() + usize::try_from(padding(content.len() as u64)).unwrap_or_default(), 0);
}

fn block(bytes: &mut Vec<u8>, name: &[u8], fields: &Fields, format: Format) {
    let mut header = match format {
        Format::Pax => Header::new_ustar(),
        Format::Gnu => Header::new_gnu(),
    };
    let len = name.len().min(NAME);
    // The crate's own setter refuses names that keys may have, such as `/a` and `../a`.
    header.as_old_mut().name[..len].copy_from_slice(&name[..len]);
    header.set_entry_type(fields.kind);
    header.set_mode(fields.mode);
    header.set_uid(fields.uid.into());
    header.set_gid(fields.gid.into());
    header.set_size(fields.size);
    header.set_mtime(u64::try_from(fields.seconds).unwrap_or_default());
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Timestamp;

    fn member(key: &str, size: u64) -> Member {
        Member {
            bucket: "source".into(),
            key: key.into(),
            size,
            etag: "e".into(),
            modified: Some(Timestamp::from_secs(1_700_000_000)),
            posix: None,
        }
    }

    /// Name, size and time as a reader of tar sees them.
    fn read(bytes: Vec<u8>) -> (String, u64, u64) {
        let mut archive = tar::Archive::new(Cursor::new(bytes));
        let entry = archive.entries().expect("an archive").next().expect("an entry").expect("a header");
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("a text");
        (name, entry.size(), entry.header().mtime().expect("a time"))
    }

    #[test]
    fn a_plain_name_takes_one_block_in_both_formats() {
        for format in [Format::Pax, Format::Gnu] {
            let header = of_member(&member("logs/a.txt", 7), format, 0).expect("a header");
            assert_eq!(header.len(), 512, "{format:?}");
            assert_eq!(read(header), ("logs/a.txt".to_owned(), 7, 1_700_000_000));
        }
    }

    #[test]
    fn a_size_over_8_gib_is_said_in_both_formats() {
        for format in [Format::Pax, Format::Gnu] {
            let header = of_member(&member("big", 6 << 40), format, 0).expect("a header");
            assert_eq!(read(header).1, 6 << 40, "{format:?}");
        }
    }

    #[test]
    fn what_no_tar_program_could_extract_is_refused() {
        for (key, size) in [("", 1), ("a\0b", 1), ("folder/", 1)] {
            let refused = of_member(&member(key, size), Format::Pax, 0).expect_err(key).to_string();
            assert!(refused.contains("leave it out"), "{refused}");
        }
        let folder = of_member(&member("folder/", 0), Format::Pax, 0).expect("a header");
        assert_eq!(Header::from_byte_slice(&folder).entry_type(), EntryType::Directory);
    }

    proptest! {
        // Without line feeds: the crate's reader ends a record there, whatever length the record says it has.
        #[test]
        fn any_name_comes_back_whole(name in "[a-zü/. 字\"=,]{1,400}", size in 0_u64..1 << 41, gnu: bool) {
            let format = if gnu { Format::Gnu } else { Format::Pax };
            let name = name.trim_end_matches('/').to_owned();
            prop_assume!(!name.is_empty());
            let member = member(&name, size);
            let header = of_member(&member, format, 0).expect("a header");
            prop_assert_eq!(header.len() as u64, len_of(&member, format));
            prop_assert_eq!(read(header), (name, size, 1_700_000_000));
        }
    }
}
