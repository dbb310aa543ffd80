//! The table of contents of an archive: its own, or one that is made by reading its headers, for archives of other programs.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tar::EntryType;
use tokio::runtime::Handle;

use super::error::S3TarError;
use super::fetch::read_range;
use super::header::BLOCK;
use super::location::Location;
use super::port::{Head, Port};
use super::toc::{self, Entry, read_toc};

/// Bytes that are read at once while members are small, and where a member was large.
const WINDOW: (u64, u64) = (1 << 20, 8 << 10);
/// A member up to this size is passed over within what was read already.
const SMALL: u64 = 256 << 10;
/// The largest table of contents that is believed.
const LARGEST_TOC: u64 = 4 << 30;

/// What an archive says it holds, and what it was when it said so.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Its files.
    pub entries: Vec<Entry>,
    /// The archive.
    pub head: Head,
    /// Whether they come from a table of its own.
    pub has_toc: bool,
}

impl Contents {
    /// What a table that was made before says of an archive.
    ///
    /// # Errors
    /// When the archive is not there.
    pub async fn external(port: &Port, archive: &Location, entries: Vec<Entry>) -> Result<Self, S3TarError> {
        match port.head(archive).await? {
            Some(head) => Ok(Self { entries, head, has_toc: true }),
            None => Err(S3TarError::Missing { object: archive.clone(), remedy: "check the archive's name" }),
        }
    }
}

/// Reads the table of contents of an archive on S3: its own, or with `scan` (or where it has none) from its headers.
///
/// # Errors
/// When it is not there, or no archive of tar that can be read without unpacking it.
pub async fn open_toc(port: &Port, archive: &Location, scan: bool) -> Result<Contents, S3TarError> {
    let Some(head) = port.head(archive).await? else {
        return Err(S3TarError::Missing { object: archive.clone(), remedy: "check the archive's name" });
    };
    if !scan && let Some(entries) = own_toc(port, archive, &head).await? {
        return Ok(Contents { entries, head, has_toc: true });
    }
    let failure = Slot::default();
    let reader = Remote {
        port: port.clone(),
        place: archive.clone(),
        head: head.clone(),
        handle: Handle::current(),
        at: 0,
        last: 0,
        window: bytes::Bytes::new(),
        start: 0,
        failure: Arc::clone(&failure),
    };
    let name = archive.to_string();
    let size = head.size;
    let entries = tokio::task::spawn_blocking(move || scan_headers(reader, &failure, size, &name));
    let entries = entries.await.map_err(|error| S3TarError::Layout(error.to_string()))??;
    Ok(Contents { entries, head, has_toc: false })
}

/// The files of an archive on this machine.
///
/// # Errors
/// When it cannot be read, or is no archive.
pub fn scan_file(path: &Path) -> Result<Vec<Entry>, S3TarError> {
    let failed = |error| S3TarError::File { path: path.display().to_string(), error };
    let file = std::fs::File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    scan_headers(file, &Slot::default(), size, &path.display().to_string())
}

/// The archive's own table: its first member, if that is called so and every line lies within the archive.
async fn own_toc(port: &Port, archive: &Location, head: &Head) -> Result<Option<Vec<Entry>>, S3TarError> {
    // The original writes it with one block in GNU's format and three in PAX's.
    let start = read_range(port, archive, &head.etag, 0, head.size.min(8 * BLOCK)).await?;
    let found = {
        let mut reader = tar::Archive::new(&*start);
        let first = reader.entries().ok().and_then(|mut entries| entries.next()).and_then(Result::ok);
        first.map(|first| (first.path_bytes().into_owned(), first.raw_file_position(), first.size()))
    };
    let Some((name, at, len)) = found else { return Ok(None) };
    if name != toc::NAME.as_bytes() || len > LARGEST_TOC || at.checked_add(len).is_none_or(|end| end > head.size) {
        return Ok(None);
    }
    let table = read_range(port, archive, &head.etag, at, len).await?;
    let entries = read_toc(&table, &format!("{} of {archive}", toc::NAME)).ok();
    // A file that happens to have this name is no table.
    Ok(entries.filter(|entries| entries.iter().all(|entry| entry.start + entry.len <= head.size)))
}

fn scan_headers(reader: impl Read + Seek, failure: &Slot, size: u64, what: &str) -> Result<Vec<Entry>, S3TarError> {
    let corrupt = |problem: String| S3TarError::Corrupt { what: what.to_owned(), problem };
    let failed = |error: io::Error| {
        let cause = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        cause.unwrap_or_else(|| corrupt(format!("{error}; an archive that is compressed has to be unpacked first")))
    };
    let mut archive = tar::Archive::new(reader);
    let mut found = Vec::new();
    for entry in archive.entries_with_seek().map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|error| corrupt(format!("a member's name is no UTF-8: {:?}", error.as_bytes())))?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::GNUSparse => {
                return Err(corrupt(format!("{name:?} is a sparse file, whose bytes do not stand in a row")));
            }
            // Folders, links and devices have no bytes of their own.
            _ => continue,
        }
        let (start, len) = (entry.raw_file_position(), entry.size());
        if start.checked_add(len).is_none_or(|end| end > size) {
            return Err(corrupt(format!("it ends in the middle of {name:?}")));
        }
        found.push(Entry { name, start, len, etag: String::new() });
    }
    Ok(found)
}

/// What kept a reader from reading: `io::Error` cannot carry it through the reader of tar.
type Slot = Arc<Mutex<Option<S3TarError>>>;

/// An object on S3 as a file that can be sought in, for a thread that may block.
struct Remote {
    port: Port,
    place: Location,
    head: Head,
    handle: Handle,
    at: u64,
    /// How far the last seek went.
    last: u64,
    window: bytes::Bytes,
    start: u64,
    failure: Slot,
}

impl Read for Remote {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.head.size || buffer.is_empty() {
            return Ok(0);
        }
        let end = self.start + self.window.len() as u64;
        if self.at < self.start || self.at >= end {
            let wanted = if self.last <= SMALL { WINDOW.0 } else { WINDOW.1 };
            let len = wanted.min(self.head.size - self.at);
            let read = read_range(&self.port, &self.place, &self.head.etag, self.at, len);
            self.window = self.handle.block_on(read).map_err(|error| {
                let words = io::Error::other(error.to_string());
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                words
            })?;
            self.start = self.at;
        }
        let offset = usize::try_from(self.at - self.start).unwrap_or(usize::MAX);
        let rest = self.window.get(offset..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Remote {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.head.size.checked_add_signed(by),
        };
        let target = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.last = target.abs_diff(self.at);
        self.at = target;
        Ok(target)
    }
}
