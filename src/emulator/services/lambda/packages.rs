//! Where packages are unpacked: a temporary folder, or where state is kept one that outlives the process.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::error::LambdaError;
use super::package::Package;
use crate::emulator::keep::Shelf;

/// The place of all packages.
pub enum Packages {
    /// It goes with the endpoint.
    Temporary(TempDir),
    /// It stays.
    Kept(Arc<KeptFolder>),
}

/// A folder of packages that stays.
#[derive(Clone)]
pub struct KeptFolder {
    path: PathBuf,
    shelf: Shelf,
    /// Set when the endpoint ends: from then on a package that nobody uses is still one that a row names.
    ended: Arc<AtomicBool>,
}

impl std::fmt::Debug for KeptFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptFolder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl KeptFolder {
    /// Removes the folder of a package once nothing that is committed names it.
    pub fn let_go(&self, package: PathBuf) {
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        // A package may have thousands of files: nobody waits for their removal.
        self.shelf.afterwards(move || drop(std::thread::spawn(move || remove(&package))));
    }
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, folder = %folder.display(), "the folder of a package cannot be removed");
    }
}

impl Packages {
    /// Below `folder` where state is kept, else a temporary one.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: Option<&Path>, shelf: &Shelf) -> io::Result<Self> {
        let Some(folder) = folder else {
            return Ok(Self::Temporary(tempfile::Builder::new().prefix("vaultscope-lambda-").tempdir()?));
        };
        let path = folder.join("code");
        fs::create_dir_all(&path)?;
        Ok(Self::Kept(Arc::new(KeptFolder { path, shelf: shelf.clone(), ended: Arc::default() })))
    }

    /// Where packages are.
    pub fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => &folder.path,
        }
    }

    /// The folder that stays, where state is kept.
    pub fn kept(&self) -> Option<&Arc<KeptFolder>> {
        match self {
            Self::Temporary(_) => None,
            Self::Kept(folder) => Some(folder),
        }
    }

    /// Unpacks a zip.
    ///
    /// # Errors
    /// As [`Package::unpack`].
    pub fn unpack(&self, zip: &[u8]) -> Result<Package, LambdaError> {
        let package = Package::unpack(zip, self.path())?;
        Ok(match self {
            Self::Temporary(_) => package,
            Self::Kept(folder) => package.kept(folder),
        })
    }

    /// Removes the folders that are not among `known`: packages of functions that were not made before the process ended.
    pub fn sweep(&self, known: &HashSet<String>) {
        if let Self::Kept(folder) = self {
            let entries = fs::read_dir(&folder.path).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| !known.contains(&*entry.file_name().to_string_lossy())) {
                remove(&entry.path());
            }
        }
    }

    /// From now on nothing is removed: what goes, goes with the process.
    pub fn end(&self) {
        if let Self::Kept(folder) = self {
            folder.ended.store(true, Ordering::Release);
        }
    }
}
