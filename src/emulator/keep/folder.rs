//! The data folder: who holds it, what lies in it, and how all of it is replaced.
//!
//! `state.sqlite` holds the rows, a folder named after a service the files of that service, `snapshots` the copies of both.
//! What replaces the state is noted before it begins, so that a process that dies over it goes on at its next start.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{KeepError, database};

/// The ending of databases; every other file of a service never changes once it has its name.
const DATABASE: &str = "sqlite";
/// Says with what the state is being replaced: the name of a snapshot, or nothing for an empty state.
const REPLACING: &str = "replacing";
const SNAPSHOTS: &str = "snapshots";
/// In a service's folder, the folder of those that others write into as they like.
pub(super) const LIVE: &str = "live-folders";
/// How often the removal of a folder is begun that somebody writes into meanwhile.
const REMOVALS: usize = 100;
/// What says when a snapshot was taken.
pub(super) const ABOUT: &str = "snapshot.json";
const LOCK: &str = "lock";

/// A data folder of which this process has taken hold; it is let go with the last clone, if not before.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    /// The lock that keeps others out; the system lets go of it when the process ends, however it ends.
    held: Arc<File>,
}

impl Folder {
    /// Takes hold of a folder, which is made when it is not there.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be used.
    pub fn hold(path: &Path) -> Result<Self, KeepError> {
        let unusable = |error: io::Error| KeepError::Folder { folder: path.to_owned(), problem: error.to_string() };
        fs::create_dir_all(path).map_err(unusable)?;
        let held = File::options().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(unusable)?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(KeepError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let folder = Self { path: path.to_owned(), held: Arc::new(held) };
        if let Ok(with) = fs::read_to_string(path.join(REPLACING)) {
            folder.replace(Some(with.as_str()).filter(|name| !name.is_empty()))?;
        }
        Ok(folder)
    }

    /// Lets go of it, whoever still has a clone. Nobody may write to it any more.
    pub fn let_go(&self) {
        if let Err(error) = self.held.unlock() {
            tracing::warn!(%error, "the data folder is held until the process ends");
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("state").with_extension(DATABASE)
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.path.join(SNAPSHOTS)
    }

    pub(super) fn unusable(&self, problem: &impl ToString) -> KeepError {
        KeepError::Folder { folder: self.path.clone(), problem: problem.to_string() }
    }

    /// Puts the state of a snapshot in the place of the present one, or nothing. Nobody may have the state open.
    ///
    /// # Errors
    /// When a file cannot be removed, read or written; the next start tries again.
    pub fn replace(&self, snapshot: Option<&str>) -> Result<(), KeepError> {
        let marker = self.path.join(REPLACING);
        let replaced = || -> io::Result<()> {
            fs::write(&marker, snapshot.unwrap_or_default())?;
            for entry in self.state()? {
                if entry.is_dir() { remove_folder(&entry)? } else { fs::remove_file(entry)? }
            }
            if let Some(name) = snapshot {
                copy_into(&self.snapshots().join(name), &self.path, &|from, to| fs::copy(from, to).map(|_| ()))?;
                fs::remove_file(self.path.join(ABOUT))?;
            }
            fs::remove_file(&marker)
        };
        replaced().map_err(|error| self.unusable(&error))
    }

    /// Everything in the folder that is state.
    fn state(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if ![LOCK, REPLACING, SNAPSHOTS].iter().any(|own| entry.file_name() == *own) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Copies the services' files into `target`: databases as they stand at this moment, the others as further names of the
    /// same file.
    pub(super) fn copy_services(&self, target: &Path) -> io::Result<()> {
        for entry in self.state()?.into_iter().filter(|entry| entry.is_dir()) {
            if let Some(name) = entry.file_name() {
                copy_into(&entry, &target.join(name), &|from, to| {
                    database::copy_file(from, to).map_err(io::Error::other)
                })?;
            }
        }
        Ok(())
    }
}

/// Removes a folder with whatever clients of a share within put there meanwhile.
fn remove_folder(folder: &Path) -> io::Result<()> {
    for _ in 1..REMOVALS {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            removed => return removed,
        }
    }
    fs::remove_dir_all(folder)
}

/// Makes a copy of a folder that others write into: its files with the times of their last writes, by which they are known.
/// What is neither file, folder nor link holds nothing.
fn copy_live(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        let copied = if kind.is_dir() {
            copy_live(&path, &copy)
        } else if kind.is_file() {
            copy_with_time(&path, &copy)
        } else if kind.is_symlink() {
            fs::read_link(&path).and_then(|target| std::os::unix::fs::symlink(target, &copy))
        } else {
            Ok(())
        };
        match copied {
            // It went away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => copied?,
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

fn copy_with_time(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    // Read after its content: whatever was written meanwhile shows as a later write.
    let modified = fs::metadata(from)?.modified()?;
    File::open(to)?.set_modified(modified)
}

/// Makes a copy of a folder. Its databases are copied by `copy_database`.
fn copy_into(from: &Path, to: &Path, copy_database: &impl Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if entry.file_type()?.is_dir() && entry.file_name() == LIVE {
            copy_live(&path, &copy)?;
        } else if entry.file_type()?.is_dir() {
            copy_into(&path, &copy, copy_database)?;
        } else if extension == DATABASE {
            copy_database(&path, &copy)?;
        } else if !extension.starts_with(DATABASE) && fs::hard_link(&path, &copy).is_err() {
            // What lies beside a database while it is open is not copied; file systems without links copy.
            match fs::copy(&path, &copy) {
                // A file that went away meanwhile belongs to nothing that is kept.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => drop(copied?),
            }
        }
    }
    Ok(())
}
