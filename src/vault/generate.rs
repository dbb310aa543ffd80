//! A plan made real: folders, then files of random bytes, several at a time.
//!
//! A file has its final name only once it is whole, so that whatever ends the work leaves no half file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::VaultError;
use super::plan::{Plan, PlannedFile};
use super::room::{Need, Room};
use super::{Watch, content, workers};

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generated {
    /// Folders.
    pub directories: u64,
    /// Files.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// It was ended before all was made.
    pub is_interrupted: bool,
}

/// Makes what `plan` says in the folder `target`, `batch` files at a time. The folder is made where it is not there.
///
/// # Errors
/// When the disk has no room for it, or refuses something.
pub fn generate(plan: &Plan, target: &Path, batch: usize, watch: &Watch<'_>) -> Result<Generated, VaultError> {
    let there = target.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let entries = (plan.folders.len() + plan.files.len()) as u64;
    Room::of(there)?.check(Need { entries, bytes: plan.bytes() }, there)?;
    fs::create_dir_all(target).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => VaultError::NoFolder { path: target.to_owned() },
        _ => VaultError::io("making", target, error),
    })?;
    for folder in &plan.folders {
        let path = target.join(folder);
        fs::create_dir(&path).map_err(|error| VaultError::io("making", &path, error))?;
    }
    let stop = watch.cancel.child_token();
    let failure = Mutex::new(None);
    let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    workers::each(&plan.files, batch.max(1), &stop, |_, file| {
        match write(file, &target.join(&plan.folders[file.folder]), &Watch { cancel: &stop, moved: watch.moved }) {
            Ok(true) => {
                files.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(file.size, Ordering::Relaxed);
            }
            Ok(false) => {}
            Err(error) => {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                stop.cancel();
            }
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let files = files.into_inner();
    Ok(Generated {
        directories: plan.folders.len() as u64,
        files,
        bytes: bytes.into_inner(),
        is_interrupted: files < plan.files.len() as u64,
    })
}

/// Makes one file; false when it was stopped before the end.
fn write(file: &PlannedFile, folder: &Path, watch: &Watch<'_>) -> Result<bool, VaultError> {
    let path = folder.join(&file.name);
    let failed = |error| VaultError::io("writing", &path, error);
    let mut unfinished = tempfile::Builder::new()
        .prefix(".")
        .suffix(".part")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    if !content::fill(unfinished.as_file_mut(), file.seed, file.size, watch.cancel, watch.moved).map_err(failed)? {
        return Ok(false);
    }
    unfinished.persist_noclobber(&path).map_err(|error| failed(error.error))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::super::plan::Sizes;
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        entries.map(|name| name.into_string().expect("text")).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes_however_many_are_made_at_once() {
        let plan = Plan::of(Sizes { total: 900_000, low: 1_000, high: 50_000 }, 3).expect("a plan");
        let folder = tempfile::tempdir().expect("a folder");
        let never = CancellationToken::new();
        let watch = Watch { cancel: &never, moved: &|_| {} };
        for (name, batch) in [("one", 1), ("many", 9)] {
            let made = generate(&plan, &folder.path().join(name), batch, &watch).expect("made");
            let all = (plan.folders.len() as u64, plan.files.len() as u64, 900_000, false);
            assert_eq!((made.directories, made.files, made.bytes, made.is_interrupted), all);
        }
        for file in &plan.files {
            let read = |name: &str| {
                let path = folder.path().join(name).join(&plan.folders[file.folder]).join(&file.name);
                fs::read(path).expect("a file")
            };
            assert_eq!(read("one").len() as u64, file.size);
            assert!(read("one") == read("many"), "{}", file.name);
        }
        let again = generate(&plan, &folder.path().join("one"), 1, &watch).expect_err("the names are taken");
        assert!(again.to_string().contains("give another --seed"), "{again}");
    }

    #[test]
    fn what_is_stopped_leaves_no_half_file_under_any_name() {
        let plan = Plan::of(Sizes { total: 40_000_000, low: 10_000_000, high: 10_000_000 }, 3).expect("a plan");
        let folder = tempfile::tempdir().expect("a folder");
        let cancel = CancellationToken::new();
        let moved = AtomicU64::new(0);
        let count = |more| {
            if moved.fetch_add(more, Ordering::Relaxed) > 12_000_000 {
                cancel.cancel();
            }
        };
        let made = generate(&plan, folder.path(), 1, &Watch { cancel: &cancel, moved: &count }).expect("an end");
        assert_eq!((made.files, made.bytes, made.is_interrupted), (1, 10_000_000, true));
        let files: Vec<_> = names(folder.path()).iter().flat_map(|inner| names(&folder.path().join(inner))).collect();
        assert_eq!(files, [plan.files[0].name.clone()]);
    }
}
