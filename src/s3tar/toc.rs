//! The table of contents, an archive's first member: a line of CSV a member with its name, where its bytes begin, how many
//! they are, and its ETag. The form is the original tool's.

use super::error::S3TarError;
use super::header::{self, BLOCK, Format, padding};
use super::member::{Member, bare_etag};

/// Its name in the archive.
pub const NAME: &str = "toc.csv";

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The member's name.
    pub name: String,
    /// Where its bytes begin in the archive.
    pub start: u64,
    /// How many they are.
    pub len: u64,
    /// The object's ETag, without quotes; empty where nobody knows it.
    pub etag: String,
}

/// Writes lines.
///
/// # Errors
/// When `to` cannot be written.
pub fn write_toc<'a>(entries: impl Iterator<Item = &'a Entry>, to: impl std::io::Write) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    for entry in entries {
        let record = [&entry.name, &entry.start.to_string(), &entry.len.to_string(), &entry.etag];
        writer.write_record(record).map_err(io_error)?;
    }
    writer.flush()
}

/// What the system said, so that a pipe that was closed is known as one.
pub fn io_error(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// Reads lines; `what` names the table in an error.
///
/// # Errors
/// When a line has other than four fields, or its numbers are none.
pub fn read_toc(bytes: &[u8], what: &str) -> Result<Vec<Entry>, S3TarError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut entries = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let corrupt = |problem: String| S3TarError::Corrupt {
            what: what.to_owned(),
            problem: format!("line {}: {problem}", index + 1),
        };
        let record = record.map_err(|error| corrupt(error.to_string()))?;
        let [name, start, len, etag] = [0, 1, 2, 3].map(|field| record.get(field).unwrap_or_default());
        if record.len() != 4 {
            return Err(corrupt(format!("it has {} fields, and name, offset, length and ETag are four", record.len())));
        }
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| corrupt(format!("{text:?} is no number")));
        let (start, len) = (number(start)?, number(len)?);
        if start.checked_add(len).is_none() {
            return Err(corrupt("it ends beyond any archive".to_owned()));
        }
        entries.push(Entry { name: name.to_owned(), start, len, etag: bare_etag(etag).to_owned() });
    }
    Ok(entries)
}

/// What stands before the first member: the table with its header and padding, and the lines.
///
/// The table's own length moves every offset, and longer offsets lengthen the table: it is made anew until both agree.
///
/// # Errors
/// When a line cannot be written, which memory never refuses.
pub fn front(members: &[Member], format: Format, seconds: i64) -> Result<Vec<u8>, S3TarError> {
    let mut guess = 0;
    loop {
        let table = table(members, format, BLOCK + guess)?;
        let len = table.len() as u64 + padding(table.len() as u64);
        // Offsets only grow with the guess and have a most of digits, so this ends, with both the same.
        if len <= guess {
            let mut bytes = header::of_toc(NAME, table.len() as u64, seconds, format);
            bytes.extend_from_slice(&table);
            bytes.resize(bytes.len() + usize::try_from(padding(table.len() as u64)).unwrap_or_default(), 0);
            return Ok(bytes);
        }
        guess = len;
    }
}

/// The most bytes that a member adds to an archive: header, data, padding and its line.
#[must_use]
pub fn weight(member: &Member, format: Format) -> u64 {
    const DIGITS: u64 = 20;
    let quoted = 2 + member.key.len() as u64 + member.key.bytes().filter(|byte| *byte == b'"').count() as u64;
    let line = quoted + 2 * DIGITS + member.etag.len() as u64 + 4;
    header::len_of(member, format) + member.size + padding(member.size) + line
}

fn table(members: &[Member], format: Format, front: u64) -> Result<Vec<u8>, S3TarError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut at = front;
    for member in members {
        at += header::len_of(member, format);
        let record = [&*member.key, &at.to_string(), &member.size.to_string(), &*member.etag];
        writer.write_record(record).map_err(|error| S3TarError::Layout(error.to_string()))?;
        at += member.size + padding(member.size);
    }
    writer.into_inner().map_err(|error| S3TarError::Layout(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(key: &str, size: u64) -> Member {
        Member { bucket: "source".into(), key: key.into(), size, etag: "0a1b".into(), modified: None, posix: None }
    }

    #[test]
    fn tables_of_the_original_are_read_with_quoted_etags() {
        let table = b"a.txt,2048,5,\"\"\"900150983cd24fb0d6963f7d28e17f72\"\"\"\n\"b,\"\"c\"\"\",3584,0,\n";
        let entries = read_toc(table, "toc.csv").expect("a table");
        assert_eq!(entries[0].etag, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!((entries[1].name.as_str(), entries[1].start, entries[1].len), ("b,\"c\"", 3_584, 0));
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        for (table, said) in [
            ("a,1,2,e\nb,1,2\n", "line 2: it has 3"),
            ("a,x,2,e\n", "\"x\" is no"),
            ("a,1,18446744073709551615,e\n", "ends"),
        ] {
            let refused = read_toc(table.as_bytes(), "toc.csv").expect_err(table).to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn places_beyond_six_gib_are_said() {
        let members: Vec<Member> = (0..100).map(|number| member(&format!("o-{number}"), 64 << 20)).collect();
        let front = front(&members, Format::Pax, 0).expect("a table");
        let len = usize::try_from(tar::Header::from_byte_slice(&front[..512]).size().expect("a size")).expect("small");
        let entries = read_toc(&front[512..512 + len], "toc.csv").expect("a table");
        let last = entries.last().expect("a line");
        assert_eq!(last.start, front.len() as u64 + 99 * (512 + (64 << 20)) + 512);
        assert!(last.start + last.len > 6 << 30);
    }

    proptest! {
        #[test]
        fn every_line_says_where_its_members_bytes_begin(
            members in proptest::collection::vec(("[a-z\",ü/]{1,150}", 0_u64..1 << 40), 1..60),
            gnu: bool,
        ) {
            let format = if gnu { Format::Gnu } else { Format::Pax };
            let members: Vec<Member> = members.iter().map(|(key, size)| member(key, *size)).collect();
            let front = front(&members, format, 0).expect("a table");
            prop_assert_eq!(front.len() as u64 % BLOCK, 0);
            let header = tar::Header::from_byte_slice(&front[..512]);
            let len = usize::try_from(header.size().expect("a size")).expect("small");
            let entries = read_toc(&front[512..512 + len], "toc.csv").expect("a table");
            prop_assert_eq!(entries.len(), members.len());
            let mut at = front.len() as u64;
            for (entry, member) in entries.iter().zip(&members) {
                at += header::len_of(member, format);
                prop_assert_eq!((&*entry.name, entry.start, entry.len), (&*member.key, at, member.size));
                at += member.size + padding(member.size);
            }
            let weights: u64 = members.iter().map(|member| weight(member, format)).sum();
            prop_assert!(at <= weights + 2 * BLOCK, "{at} bytes, and {weights} were reckoned with");
        }
    }
}
