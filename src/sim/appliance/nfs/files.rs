//! Which path a handle is of, and the files that clients write at the moment.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use tokio::sync::Notify;

use crate::clock;
use crate::sim::appliance::core::Core;

/// After how long without a write a file counts as closed.
const QUIET: Duration = Duration::from_millis(500);

/// A file that a client writes.
struct Open {
    file: Arc<File>,
    written: Instant,
    bytes: u64,
}

#[derive(Default)]
struct Table {
    /// Paths by file number.
    paths: HashMap<u64, String>,
    open: HashMap<u64, Open>,
}

/// The export's files.
pub(in crate::sim::appliance) struct Files {
    pub core: Arc<Core>,
    /// The number of the folder itself.
    pub root: u64,
    table: Mutex<Table>,
    /// A file was opened.
    opened: Notify,
}

impl Files {
    /// # Errors
    /// When the folder cannot be looked at.
    pub fn new(core: Arc<Core>) -> io::Result<Self> {
        let root = fs::metadata(&core.config.folder)?.ino();
        let table = Table { paths: HashMap::from([(root, String::new())]), open: HashMap::new() };
        Ok(Self { core, root, table: Mutex::new(table), opened: Notify::new() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers which path a file number is of.
    pub fn learn(&self, number: u64, path: &str) {
        let mut table = self.table();
        if number != self.root && table.paths.get(&number).is_none_or(|known| known != path) {
            table.paths.insert(number, path.to_owned());
        }
    }

    /// The path of a file number, as long as that file is there.
    pub fn path(&self, number: u64) -> Option<String> {
        let path = self.table().paths.get(&number)?.clone();
        let found = fs::symlink_metadata(self.core.path(&path)).ok()?;
        (found.ino() == number).then_some(path)
    }

    /// A client has renamed something: what is inside of it has other paths now.
    pub fn renamed(&self, from: &str, to: &str) {
        let inside = format!("{from}/");
        for path in self.table().paths.values_mut() {
            if path == from {
                to.clone_into(path);
            } else if let Some(rest) = path.strip_prefix(&inside) {
                *path = format!("{to}/{rest}");
            }
        }
    }

    /// Makes a file and opens it; answers its number. One that is there is taken unless it must be new.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn create(&self, path: &str, must_be_new: bool) -> io::Result<u64> {
        let mut options = File::options();
        options.write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = if must_be_new { options.create_new(true) } else { options.create(true) };
        let file = file.open(self.core.path(path))?;
        let number = file.metadata()?.ino();
        self.learn(number, path);
        self.hold(number, Arc::new(file));
        Ok(number)
    }

    /// The open file of a number.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(&self, number: u64, path: &str) -> io::Result<Arc<File>> {
        if let Some(open) = self.table().open.get_mut(&number) {
            open.written = clock::real_now();
            return Ok(Arc::clone(&open.file));
        }
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = File::options().write(true).custom_flags(flags.bits().cast_signed()).open(self.core.path(path))?;
        Ok(self.hold(number, Arc::new(file)))
    }

    fn hold(&self, number: u64, file: Arc<File>) -> Arc<File> {
        let fresh = Open { file, written: clock::real_now(), bytes: 0 };
        let file = Arc::clone(&self.table().open.entry(number).or_insert(fresh).file);
        self.opened.notify_one();
        file
    }

    /// So many bytes were written to a file.
    pub fn wrote(&self, number: u64, bytes: u64) {
        if let Some(open) = self.table().open.get_mut(&number) {
            open.written = clock::real_now();
            open.bytes += bytes;
            self.core.unclosed.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Closes a file, which the watch sees.
    pub fn close(&self, number: u64) {
        let closed = self.table().open.remove(&number);
        self.forget(closed);
    }

    /// Closes everything.
    pub fn close_all(&self) {
        let closed: Vec<Open> = self.table().open.drain().map(|(_, open)| open).collect();
        self.forget(closed);
    }

    fn forget(&self, closed: impl IntoIterator<Item = Open>) {
        let bytes = closed.into_iter().map(|open| open.bytes).sum();
        self.core.unclosed.fetch_sub(bytes, Ordering::Relaxed);
        self.core.changes.send_modify(|count| *count += 1);
    }

    /// Closes files that nobody has written to for a moment, for ever.
    pub async fn close_quiet(&self) {
        loop {
            let next = self.table().open.values().map(|open| open.written + QUIET).min();
            let Some(next) = next else {
                self.opened.notified().await;
                continue;
            };
            tokio::time::sleep_until(next.into()).await;
            let now = clock::real_now();
            let mut table = self.table();
            let quiet: Vec<Open> =
                table.open.extract_if(|_, open| open.written + QUIET <= now).map(|(_, open)| open).collect();
            drop(table);
            self.forget(quiet);
        }
    }
}
