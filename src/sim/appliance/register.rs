//! What a share remembers over a restart: a folder beside its own, with a journal of what is uploaded and announced.
//!
//! A line is a key and what is known of it, the last one of a key counts; or something that was promised, until a line says
//! that it was kept. A line that was cut off by a crash costs one upload. The journal is written anew when a share is
//! opened.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::book::{Memory, Stamp, is_directory};
use super::disk::{self, Entry};
use super::error::ShareError;
use crate::model::Timestamp;

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Key {
        key: String,
        /// Size, modification time, file number, tag, last write; nothing for a key that is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<(u64, i64, u64, String, i64)>,
        #[serde(default)]
        announced: bool,
    },
    Folder {
        folder: Place,
    },
    Promised {
        promise: Promise,
    },
    Kept {
        kept: String,
    },
}

/// By what the folder of a journal is known: its number and, where the file system tells, the second and nanosecond at
/// which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place(u64, Option<(u64, u32)>);

/// An event that somebody was told will come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Promise {
    /// Once all that was written up to then is uploaded.
    Uploaded { id: String, received: Timestamp },
    /// Once these folders are as the bucket has them.
    Refreshed { id: String, started: Timestamp, folders: Vec<String>, recursive: bool },
}

impl Promise {
    fn id(&self) -> &str {
        match self {
            Self::Uploaded { id, .. } | Self::Refreshed { id, .. } => id,
        }
    }
}

/// What a journal tells.
#[derive(Debug, Default)]
struct Told {
    memories: HashMap<String, Memory>,
    promises: Vec<Promise>,
    folder: Option<Place>,
}

/// The folder beside a share's, which is locked as long as this is there.
#[derive(Debug)]
pub(super) struct Register {
    place: PathBuf,
    journal: BufWriter<File>,
    lines: u64,
    lock: File,
    folder: Place,
    /// What is promised and not kept yet.
    promises: Vec<Promise>,
}

/// The folder beside `folder`.
fn place_of(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.vaultscope"))
}

impl Register {
    /// Locks the folder beside `folder` and reads what is remembered. Where all of it was copied to where it is now, such
    /// as from a snapshot, files have other numbers than they had: then size and modification time tell them.
    ///
    /// # Errors
    /// When another share has it open, or it cannot be read or written.
    pub fn open(folder: &Path) -> Result<(Self, HashMap<String, Memory>), ShareError> {
        let place = place_of(folder);
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| ShareError::Io { path, source }
        };
        fs::create_dir_all(place.join("incoming")).map_err(at(&place))?;
        let lock = File::create(place.join("lock")).map_err(at(&place))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ShareError::InUse { folder: folder.to_owned() },
            TryLockError::Error(error) => at(&place)(error),
        })?;
        // What was being fetched when the last share ended is of no use.
        for left in fs::read_dir(place.join("incoming")).map_err(at(&place))?.flatten() {
            fs::remove_file(left.path()).map_err(at(&left.path()))?;
        }
        let path = place.join("journal.jsonl");
        let Told { mut memories, promises, folder: before } = read(&path).map_err(at(&path))?;
        let found = fs::metadata(folder).map_err(at(folder))?;
        let made = found.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        let here = Place(found.ino(), made.map(|made| (made.as_secs(), made.subsec_nanos())));
        if before.is_some_and(|before| before != here) {
            for (key, memory) in memories.iter_mut().filter(|(key, _)| !is_directory(key)) {
                if let Ok(Entry::File { stamp, .. }) = disk::look(&folder.join(key))
                    && (stamp.size, stamp.mtime) == (memory.stamp.size, memory.stamp.mtime)
                {
                    memory.stamp = stamp;
                }
            }
        }
        let journal = BufWriter::new(File::options().create(true).append(true).open(&path).map_err(at(&path))?);
        Ok((Self { place, journal, lines: 0, lock, folder: here, promises }, memories))
    }

    /// What is promised and not kept yet.
    pub fn promises(&self) -> &[Promise] {
        &self.promises
    }

    /// Notes a promise, so that it is known after a crash.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn promise(&mut self, promise: Promise) -> io::Result<()> {
        self.line(&Line::Promised { promise: promise.clone() })?;
        self.promises.push(promise);
        self.journal.flush()
    }

    /// Notes that a promise was kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kept(&mut self, id: &str) -> io::Result<()> {
        self.promises.retain(|promise| promise.id() != id);
        self.line(&Line::Kept { kept: id.to_owned() })?;
        self.journal.flush()
    }

    /// Where files that are fetched are put together.
    pub fn incoming(&self) -> PathBuf {
        self.place.join("incoming")
    }

    /// Writes the journal anew, with nothing but what counts.
    ///
    /// # Errors
    /// When it cannot be written; the old one stays.
    pub fn rewrite<'a>(&mut self, memories: impl Iterator<Item = (&'a str, Memory)>) -> io::Result<()> {
        let (path, fresh) = (self.place.join("journal.jsonl"), self.place.join("journal.new"));
        self.journal = BufWriter::new(File::create(&fresh)?);
        self.lines = 0;
        self.line(&Line::Folder { folder: self.folder })?;
        for promise in self.promises.clone() {
            self.line(&Line::Promised { promise })?;
        }
        for (key, memory) in memories {
            self.note(key, Some(&memory))?;
        }
        self.journal.flush()?;
        fs::rename(fresh, path)
    }

    /// Whether most lines say nothing any more, with so many keys in the books.
    pub const fn is_stale(&self, keys: u64) -> bool {
        self.lines > 50_000 + 4 * keys
    }

    /// Notes what is known of a key, or that it is gone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, key: &str, memory: Option<&Memory>) -> io::Result<()> {
        let held = memory.map(|it| (it.stamp.size, it.stamp.mtime, it.stamp.ino, it.etag.clone(), it.written.micros()));
        let announced = memory.is_some_and(|memory| memory.announced);
        self.line(&Line::Key { key: key.to_owned(), held, announced })
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.journal, line)?;
        self.lines += 1;
        self.journal.write_all(b"\n")
    }

    /// Hands what was noted to the system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.journal.flush()
    }

    /// Writes the rest down and lets others have the folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release(&mut self) -> io::Result<()> {
        self.journal.flush()?;
        self.lock.unlock()
    }

    #[cfg(test)]
    fn place(&self) -> &Path {
        &self.place
    }
}

/// The last line of each key, and what is still to be kept.
fn read(path: &Path) -> io::Result<Told> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Told::default()),
        Err(error) => return Err(error),
    };
    let mut told = Told::default();
    for line in BufReader::new(file).split(b'\n') {
        match serde_json::from_slice::<Line>(&line?) {
            Ok(Line::Key { key, held: Some((size, mtime, ino, etag, written)), announced }) => {
                let stamp = Stamp { size, mtime, ino };
                let written = Timestamp::from_micros(written);
                told.memories.insert(key, Memory { stamp, etag, written, announced });
            }
            Ok(Line::Key { key, held: None, .. }) => drop(told.memories.remove(&key)),
            Ok(Line::Folder { folder }) => told.folder = Some(folder),
            Ok(Line::Promised { promise }) => told.promises.push(promise),
            Ok(Line::Kept { kept }) => told.promises.retain(|promise| promise.id() != kept),
            Err(_) => {}
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(size: u64) -> Memory {
        let stamp = Stamp { size, mtime: -5, ino: 7 };
        Memory { stamp, etag: "e\"".to_owned(), written: Timestamp::from_secs(3), announced: size == 2 }
    }

    #[test]
    fn the_last_line_of_a_key_counts_and_a_broken_one_does_not() {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join("share");
        fs::create_dir(&folder).expect("a share");
        let (mut register, found) = Register::open(&folder).expect("opened");
        assert!(found.is_empty());
        for (key, memory) in [("a", Some(memory(1))), ("b\n", Some(memory(1))), ("a", Some(memory(2))), ("b\n", None)] {
            register.note(key, memory.as_ref()).expect("noted");
        }
        register.flush().expect("flushed");
        assert!(matches!(Register::open(&folder), Err(ShareError::InUse { .. })));
        let journal = register.place().join("journal.jsonl");
        drop(register);
        let mut text = fs::read(&journal).expect("a journal");
        text.extend_from_slice(b"{\"key\":\"a\",\"held\":[1,2");
        fs::write(&journal, text).expect("written");
        let (mut register, found) = Register::open(&folder).expect("opened");
        assert_eq!(found, HashMap::from([("a".to_owned(), memory(2))]));
        register.rewrite(found.iter().map(|(key, memory)| (key.as_str(), memory.clone()))).expect("rewritten");
        register.note("c", Some(&memory(3))).expect("noted");
        drop(register);
        assert_eq!(fs::read_to_string(&journal).expect("a journal").lines().count(), 3, "the folder and two keys");
    }

    #[test]
    fn promises_are_known_until_they_are_kept() {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join("share");
        fs::create_dir(&folder).expect("a share");
        let received = Timestamp::from_secs(9);
        let uploaded = |id: &str| Promise::Uploaded { id: id.to_owned(), received };
        let refreshed = Promise::Refreshed {
            id: "r".to_owned(),
            started: received,
            folders: vec!["/".to_owned()],
            recursive: true,
        };
        let (mut register, _) = Register::open(&folder).expect("opened");
        for promise in [uploaded("a"), refreshed.clone(), uploaded("b")] {
            register.promise(promise).expect("noted");
        }
        register.kept("a").expect("noted");
        drop(register);
        let (mut register, _) = Register::open(&folder).expect("opened");
        assert_eq!(register.promises(), [refreshed, uploaded("b")]);
        register.rewrite(std::iter::empty()).expect("rewritten");
        register.kept("r").expect("noted");
        drop(register);
        assert_eq!(Register::open(&folder).expect("opened").0.promises(), [uploaded("b")]);
    }

    #[test]
    fn files_of_a_folder_that_was_copied_are_known_by_size_and_time() {
        let top = tempfile::tempdir().expect("a folder");
        let (folder, copy) = (top.path().join("share"), top.path().join("copy"));
        for folder in [&folder, &copy] {
            fs::create_dir(folder).expect("a share");
        }
        let write = |folder: &Path, key: &str, text: &str, mtime: u64| {
            fs::write(folder.join(key), text).expect("written");
            let file = File::options().write(true).open(folder.join(key)).expect("opened");
            file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(mtime)).expect("set");
            disk::stamp(&file.metadata().expect("its stamp"))
        };
        let (mut register, _) = Register::open(&folder).expect("opened");
        let memory = |stamp| Memory { stamp, ..memory(1) };
        let notes = [("same", "text", 5), ("other", "text", 5), ("gone", "text", 5)];
        let noted: Vec<_> =
            notes.iter().map(|(key, text, at)| (*key, memory(write(&folder, key, text, *at)))).collect();
        register.rewrite(noted.iter().cloned()).expect("noted");
        drop(register);
        let journal = |folder: &Path| place_of(folder).join("journal.jsonl");
        fs::create_dir(place_of(&copy)).expect("a place");
        fs::copy(journal(&folder), journal(&copy)).expect("copied");
        let same = write(&copy, "same", "text", 5);
        write(&copy, "other", "text", 6);
        let (_register, found) = Register::open(&copy).expect("opened");
        assert_eq!(found["same"].stamp, same);
        assert_eq!(found["other"].stamp, noted[1].1.stamp, "it was written since: the books take it for another");
        assert_eq!(found["gone"].stamp, noted[2].1.stamp);
    }

    #[test]
    fn a_journal_that_says_little_in_many_lines_is_written_anew() {
        let top = tempfile::tempdir().expect("a folder");
        fs::create_dir(top.path().join("share")).expect("a share");
        let (mut register, _) = Register::open(&top.path().join("share")).expect("opened");
        assert!(!register.is_stale(0));
        for size in 0..50_005 {
            register.note("a", Some(&memory(size))).expect("noted");
        }
        assert!(register.is_stale(1) && !register.is_stale(2));
        register.rewrite([("a", memory(2))].into_iter()).expect("rewritten");
        assert!(!register.is_stale(0));
    }
}
