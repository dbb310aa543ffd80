//! Snapshots: named copies of the whole state in the data folder.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::KeepError;
use super::database::Database;
use super::folder::{ABOUT, Folder};
use crate::model::Timestamp;

/// A copy of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What it was called.
    pub name: String,
    /// When it was taken, in simulated time.
    pub taken: Timestamp,
}

/// Refuses a name that could be a path, or is none.
///
/// # Errors
/// When it is not 1 to 64 letters, digits, `-`, `_` or `.`, or begins with a dot.
pub fn check_name(name: &str) -> Result<(), KeepError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(());
    }
    Err(KeepError::SnapshotName(name.to_owned()))
}

/// Writes a snapshot. To be called on the writer's thread, where no row and no file of the state changes meanwhile.
pub fn take(folder: &Folder, database: &Database, snapshot: &Snapshot) -> Result<(), KeepError> {
    let write = |error: io::Error| folder.unusable(&format!("snapshot {}: {error}", snapshot.name));
    let made = folder.snapshots().join(&snapshot.name);
    // Nobody finds half a snapshot: it gets its name when it is whole.
    let part = folder.snapshots().join(format!(".{}", snapshot.name));
    if part.exists() {
        fs::remove_dir_all(&part).map_err(write)?;
    }
    fs::create_dir_all(&part).map_err(write)?;
    database.copy_to(&part.join("state.sqlite"))?;
    folder.copy_services(&part).map_err(write)?;
    let about = serde_json::to_vec(snapshot).map_err(io::Error::other).map_err(write)?;
    fs::write(part.join(ABOUT), about).map_err(write)?;
    fs::rename(part, made).map_err(write)
}

/// The snapshots of a folder by name.
pub fn list(folder: &Folder) -> Result<Vec<Snapshot>, KeepError> {
    let entries = match fs::read_dir(folder.snapshots()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| folder.unusable(&error))?,
    };
    let mut found: Vec<Snapshot> = entries.filter_map(Result::ok).filter_map(|entry| about(&entry.path())).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn about(path: &Path) -> Option<Snapshot> {
    let is_whole = !path.file_name()?.to_str()?.starts_with('.');
    let text = fs::read(path.join(ABOUT)).ok().filter(|_| is_whole)?;
    serde_json::from_slice(&text).ok()
}

/// Whether there is a snapshot of that name.
pub fn exists(folder: &Folder, name: &str) -> bool {
    about(&folder.snapshots().join(name)).is_some()
}

/// Removes a snapshot.
pub fn remove(folder: &Folder, name: &str) -> Result<(), KeepError> {
    fs::remove_dir_all(folder.snapshots().join(name)).map_err(|error| folder.unusable(&error))
}
