//! What a share remembers over a restart: a folder beside its own, with a journal of what is uploaded and announced.
//!
//! A line is a key and what is known of it, the last one of a key counts. A line that was cut off by a crash costs one
//! upload. The journal is written anew when a share is opened.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::book::{Memory, Stamp};
use super::error::ShareError;
use crate::model::Timestamp;

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    key: String,
    /// Size, modification time, file number, tag, last write; nothing for a key that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<(u64, i64, u64, String, i64)>,
    #[serde(default)]
    announced: bool,
}

/// The folder beside a share's, which is locked as long as this is there.
#[derive(Debug)]
pub(super) struct Register {
    place: PathBuf,
    journal: BufWriter<File>,
    lines: u64,
    lock: File,
}

/// The folder beside `folder`.
fn place_of(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.vaultscope"))
}

impl Register {
    /// Locks the folder beside `folder` and reads what is remembered.
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
        let memories = read(&path).map_err(at(&path))?;
        let journal = BufWriter::new(File::options().create(true).append(true).open(&path).map_err(at(&path))?);
        Ok((Self { place, journal, lines: 0, lock }, memories))
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
        serde_json::to_writer(&mut self.journal, &Line { key: key.to_owned(), held, announced })?;
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

/// The last line of each key.
fn read(path: &Path) -> io::Result<HashMap<String, Memory>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error),
    };
    let mut memories = HashMap::new();
    for line in BufReader::new(file).split(b'\n') {
        let Ok(line) = serde_json::from_slice::<Line>(&line?) else { continue };
        match line.held {
            Some((size, mtime, ino, etag, written)) => {
                let stamp = Stamp { size, mtime, ino };
                let written = Timestamp::from_micros(written);
                memories.insert(line.key, Memory { stamp, etag, written, announced: line.announced });
            }
            None => drop(memories.remove(&line.key)),
        }
    }
    Ok(memories)
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
        assert_eq!(fs::read_to_string(&journal).expect("a journal").lines().count(), 2);
    }
    #[test]
    fn a_journal_that_says_little_in_many_lines_is_written_anew() {
        let top = tempfile::tempdir().expect("a folder");
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
