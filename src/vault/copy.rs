//! A folder copied onto a file share as one dataset: five files at a time, the manifest last.
//!
//! Files are written under their final names, as `cp` does: a gateway would upload a temporary file too, and announce
//! it, and pay for its renaming with a copy in S3. What is not whole when the work ends is removed again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{Problem, VaultError};
use super::manifest::Names;
use super::room::{Need, Room};
use super::source::{self, FoundFile, Source};
use super::{Watch, workers};

/// Files that are copied at a time.
pub const WORKERS: usize = 5;

/// Bytes between two looks at whether to go on.
const CHUNK: u64 = 8 * 1024 * 1024;

/// A source that was looked through and fits on the share.
#[derive(Debug)]
pub struct Vaulting {
    from: PathBuf,
    root: PathBuf,
    names: Names,
    source: Source,
}

/// What was vaulted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vaulted {
    /// The dataset's root folder.
    pub root: PathBuf,
    /// Its manifest; none when the work was ended early.
    pub manifest: Option<PathBuf>,
    /// Folders, with the root.
    pub directories: u64,
    /// Files, without the manifest.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// What could not be vaulted.
    pub problems: Vec<Problem>,
}

impl Vaulting {
    /// Looks through `from` and at the room in `to`; nothing is written yet.
    ///
    /// # Errors
    /// When one of them is no folder, the target lies in the source, or its disk is too full.
    pub fn prepare(from: &Path, to: &Path, names: Names, watch: &Watch<'_>) -> Result<Self, VaultError> {
        let real = |path: &Path| match path.canonicalize() {
            Ok(real) if real.is_dir() => Ok(real),
            Ok(_) => Err(VaultError::NoFolder { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(VaultError::NoFolder { path: path.to_owned() })
            }
            Err(error) => Err(VaultError::io("reading", path, error)),
        };
        if real(to)?.starts_with(real(from)?) {
            return Err(VaultError::Inside { target: to.to_owned(), source_folder: from.to_owned() });
        }
        let source = source::scan(from, names.root.len(), watch.cancel)?;
        let entries = (source.directories.len() + source.files.len()) as u64 + 2;
        Room::of(to)?.check(Need { entries, bytes: source.bytes() }, to)?;
        Ok(Self { from: from.to_owned(), root: to.join(&names.root), names, source })
    }

    /// Bytes that will be copied.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.source.bytes()
    }
}

/// How the copy of one file ended.
enum Copied {
    /// With so many bytes, and perhaps a remark.
    Whole(u64, Option<String>),
    Stopped,
    Failed(String),
}

/// Copies what was prepared and writes the manifest of it.
///
/// # Errors
/// When the share refuses the dataset's folders or its manifest, or is full.
pub fn vault(vaulting: Vaulting, watch: &Watch<'_>) -> Result<Vaulted, VaultError> {
    let Vaulting { from, root, names, source } = vaulting;
    let Source { directories, files, mut problems } = source;
    for folder in [String::new()].iter().chain(&directories) {
        let path = if folder.is_empty() { root.clone() } else { root.join(folder) };
        fs::create_dir(&path).map_err(|error| VaultError::io("making", &path, error))?;
    }
    let stop = watch.cancel.child_token();
    // Which files are whole and how large they are, what was wrong with others, and what ended it all.
    let whole = Mutex::new(Vec::new());
    let named = Mutex::new(Vec::new());
    let failure = Mutex::new(None);
    let within = Watch { cancel: &stop, moved: watch.moved };
    workers::each(&files, WORKERS, &stop, |place, file| {
        let problem = match copy(&from.join(&file.key), &root.join(&file.key), file, &within) {
            Ok(Copied::Whole(bytes, remark)) => {
                hold(&whole).push((place, bytes));
                remark
            }
            Ok(Copied::Stopped) => None,
            Ok(Copied::Failed(problem)) => Some(problem),
            Err(error) => {
                hold(&failure).get_or_insert(error);
                stop.cancel();
                None
            }
        };
        if let Some(problem) = problem {
            hold(&named).push(Problem::of(&from.join(&file.key), problem));
        }
    });
    if let Some(error) = hold(&failure).take() {
        return Err(error);
    }
    problems.append(&mut hold(&named));
    problems.sort_by(|one, other| one.path.cmp(&other.path));
    let mut whole = std::mem::take(&mut *hold(&whole));
    whole.sort_unstable();
    let mut vaulted = Vaulted {
        manifest: None,
        directories: directories.len() as u64 + 1,
        files: whole.len() as u64,
        bytes: whole.iter().map(|(_, bytes)| bytes).sum(),
        problems,
        root,
    };
    if !watch.cancel.is_cancelled() {
        let copied = whole.iter().filter_map(|(place, _)| files.get(*place)).map(|file| file.key.as_str());
        let text = names.text(directories.iter().map(String::as_str), copied);
        let path = vaulted.root.join(&names.manifest);
        let written = File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            if error.kind() != io::ErrorKind::AlreadyExists {
                let _ = fs::remove_file(&path);
            }
            return Err(VaultError::io("writing", &path, error));
        }
        vaulted.manifest = Some(path);
    }
    Ok(vaulted)
}

fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies one file; what is not whole is removed.
fn copy(from: &Path, to: &Path, file: &FoundFile, watch: &Watch<'_>) -> Result<Copied, VaultError> {
    let opened = File::open(from).and_then(|source| source.metadata().map(|found| (source, found)));
    let (source, before) = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(Copied::Failed(error.to_string())),
    };
    let target = OpenOptions::new().write(true).create_new(true).mode(before.mode() & 0o777).open(to);
    let target = match target {
        Ok(target) => target,
        Err(error) => return broken(to, error),
    };
    let poured = pour(&source, &target, watch);
    drop(target);
    match poured {
        Ok(Some(bytes)) => {
            let is_same = source.metadata().is_ok_and(|after| {
                (after.len(), after.mtime(), after.mtime_nsec()) == (bytes, before.mtime(), before.mtime_nsec())
            });
            let remark = "it changed while it was copied: its copy may hold parts of both versions";
            Ok(Copied::Whole(bytes, (!is_same || bytes != file.size).then(|| remark.to_owned())))
        }
        Ok(None) => remove(to).map(|()| Copied::Stopped),
        Err(error) => {
            remove(to)?;
            broken(to, error)
        }
    }
}

fn remove(path: &Path) -> Result<(), VaultError> {
    fs::remove_file(path).map_err(|error| VaultError::io("removing the half copy", path, error))
}

/// A full disk ends everything, any other failure only this file.
fn broken(to: &Path, error: io::Error) -> Result<Copied, VaultError> {
    match VaultError::io("writing", to, error) {
        full @ VaultError::Full { .. } => Err(full),
        VaultError::Io { source, .. } => Ok(Copied::Failed(source.to_string())),
        other => Ok(Copied::Failed(other.to_string())),
    }
}

/// Copies to the end, in the kernel where it can; `None` when it was stopped before.
fn pour(source: &File, target: &File, watch: &Watch<'_>) -> io::Result<Option<u64>> {
    let mut bytes = 0;
    loop {
        if watch.cancel.is_cancelled() {
            return Ok(None);
        }
        let more = io::copy(&mut source.take(CHUNK), &mut &*target)?;
        bytes += more;
        (watch.moved)(more);
        if more < CHUNK {
            return Ok(Some(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::model::SetId;

    fn names() -> Names {
        Names::of(SetId::from("S"), "-vaultjob", ".manifest")
    }

    fn job(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(&to).expect("a folder");
        for (key, text) in files {
            let path = from.join(key);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        (folder, from, to)
    }

    #[test]
    fn what_arrives_is_what_was_there_and_the_manifest_lists_it() {
        let (_folder, from, to) = job(&[("a/b/one", "1"), ("a/two", "22"), ("three", ""), ("gone", "x")]);
        let never = CancellationToken::new();
        let watch = Watch { cancel: &never, moved: &|_| {} };
        let vaulting = Vaulting::prepare(&from, &to, names(), &watch).expect("prepared");
        assert_eq!(vaulting.bytes(), 4);
        // Between the look and the copy a file vanishes and another one grows.
        fs::remove_file(from.join("gone")).expect("removed");
        fs::write(from.join("three"), "333").expect("written");
        let vaulted = vault(vaulting, &watch).expect("vaulted");
        assert_eq!((vaulted.directories, vaulted.files, vaulted.bytes), (3, 3, 6));
        let problems: Vec<_> = vaulted.problems.iter().map(|it| it.problem.as_str()).collect();
        assert!(problems[0].contains("No such file") && problems[1].contains("changed while"), "{problems:?}");
        assert_eq!(fs::read(to.join("S-vaultjob/a/b/one")).expect("a copy"), b"1");
        assert_eq!(fs::read(to.join("S-vaultjob/three")).expect("a copy"), b"333");
        let manifest = fs::read_to_string(vaulted.manifest.expect("a manifest")).expect("a text");
        let lines = [
            "S-vaultjob",
            "S-vaultjob/a",
            "S-vaultjob/a/b",
            "S-vaultjob/S.manifest",
            "S-vaultjob/a/b/one",
            "S-vaultjob/a/two",
            "S-vaultjob/three",
        ];
        assert_eq!(manifest.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn an_interruption_leaves_whole_files_and_no_manifest() {
        let large = "x".repeat(20 * 1024 * 1024);
        let (_folder, from, to) = job(&[("a", "1"), ("large", &large), ("z", "1")]);
        let cancel = CancellationToken::new();
        let moved = AtomicU64::new(0);
        let count = |more| {
            if moved.fetch_add(more, Ordering::Relaxed) + more > CHUNK {
                cancel.cancel();
            }
        };
        let watch = Watch { cancel: &cancel, moved: &count };
        let vaulting = Vaulting::prepare(&from, &to, names(), &watch).expect("prepared");
        let vaulted = vault(vaulting, &watch).expect("an end");
        assert_eq!(vaulted.manifest, None);
        assert!(!to.join("S-vaultjob/large").exists());
        assert!(!to.join("S-vaultjob/S.manifest").exists());
        for small in ["a", "z"] {
            let copy = fs::read(to.join("S-vaultjob").join(small));
            assert!(copy.is_err() || copy.is_ok_and(|copy| copy == b"1"), "{small} is half");
        }
    }

    #[test]
    fn folders_that_lie_in_one_another_are_refused_and_datasets_never_mixed() {
        let (_folder, from, to) = job(&[("a/f", "1")]);
        let never = CancellationToken::new();
        let watch = Watch { cancel: &never, moved: &|_| {} };
        let refused =
            |from: &Path, to: &Path| Vaulting::prepare(from, to, names(), &watch).expect_err("refused").to_string();
        assert!(refused(&from, &from.join("a")).ends_with("vault to a folder outside the source"));
        assert!(refused(&from, &from.join(".")).ends_with("vault to a folder outside the source"));
        assert!(refused(&from, &to.join("nowhere")).ends_with("name one that is there"));
        assert!(refused(&from.join("a/f"), &to).ends_with("name one that is there"));
        let once = || vault(Vaulting::prepare(&from, &to, names(), &watch).expect("prepared"), &watch);
        once().expect("vaulted");
        assert!(once().expect_err("refused").to_string().ends_with("give another --seed, or none"));
    }
}
