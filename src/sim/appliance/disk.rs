//! What lies at a path, without following links.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

use super::book::Stamp;
use crate::clock;
use crate::model::Timestamp;

/// Two writes within this time may leave the same modification time: the clock of a file system has ticks.
const TICK: Duration = Duration::from_millis(20);

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A regular file.
    File {
        /// By what its content is known.
        stamp: Stamp,
        /// Another write could leave the same stamp.
        racy: bool,
        /// It has another name as well.
        linked: bool,
    },
    Directory {
        stamp: Stamp,
    },
    /// Something that has no object.
    Other(&'static str),
    Absent,
}

/// Looks at a path.
///
/// # Errors
/// When the system does not say.
pub(super) fn look(path: &Path) -> io::Result<Entry> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Entry::Absent);
        }
        Err(error) => return Err(error),
    };
    let kind = found.file_type();
    Ok(if kind.is_file() {
        Entry::File { stamp: stamp(&found), racy: is_racy(&found), linked: found.nlink() > 1 }
    } else if kind.is_dir() {
        Entry::Directory { stamp: Stamp { size: 0, ..stamp(&found) } }
    } else if kind.is_symlink() {
        Entry::Other("a symbolic link")
    } else if kind.is_socket() {
        Entry::Other("a socket")
    } else if kind.is_fifo() {
        Entry::Other("a pipe")
    } else {
        Entry::Other("a device")
    })
}

/// Opens a regular file for reading; never waits for anybody, as opening a pipe would.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if found.is_file() { Ok((file, found)) } else { Err(io::Error::other("it is no regular file any more")) }
}

/// By what a file's content is known.
pub(super) fn stamp(found: &Metadata) -> Stamp {
    let mtime = found.mtime().saturating_mul(1_000_000_000).saturating_add(found.mtime_nsec());
    Stamp { size: found.size(), mtime, ino: found.ino() }
}

/// Whether another write could leave the same stamp.
pub(super) fn is_racy(found: &Metadata) -> bool {
    let modified = Timestamp::from_micros(stamp(found).mtime / 1_000);
    clock::real_timestamp().since(modified).is_none_or(|age| age < TICK)
}

/// The modification time of a stamp.
pub(super) fn modified(stamp: Stamp) -> Timestamp {
    Timestamp::from_micros(stamp.mtime.div_euclid(1_000))
}

/// What the gateway keeps of a file as its object's metadata.
pub(super) fn metadata(found: &Metadata, gateway: &str) -> super::uplink::Metadata {
    let named = |name: &str, value: String| (name.to_owned(), value);
    vec![
        named("file-permissions", format!("{:07o}", found.mode())),
        named("file-owner", found.uid().to_string()),
        named("file-group", found.gid().to_string()),
        named("file-mtime", format!("{}ns", stamp(found).mtime)),
        named("user-agent", "aws-storage-gateway".to_owned()),
        named("user-agent-id", gateway.to_owned()),
    ]
}
