//! What a folder holds that can be vaulted, and what of it cannot be. Symbolic links are followed, for what counts is
//! the data; one that leads back to where it stands is named instead.

use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

use super::error::{Problem, VaultError};

/// Bytes that an S3 key has at most.
const LONGEST_KEY: usize = 1_024;

/// A file that can be vaulted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path below the source, with slashes.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

/// What a folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Folders below it, each after the one that it is in.
    pub directories: Vec<String>,
    /// Files.
    pub files: Vec<FoundFile>,
    /// What cannot be vaulted.
    pub problems: Vec<Problem>,
}

impl Source {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// A folder on the way down to another one.
struct Above {
    device: u64,
    inode: u64,
    parent: Option<Rc<Above>>,
}

impl Above {
    fn new(found: &Metadata, parent: Option<Rc<Self>>) -> Rc<Self> {
        Rc::new(Self { device: found.dev(), inode: found.ino(), parent })
    }

    fn is_or_is_in(&self, found: &Metadata) -> bool {
        let mut folder = Some(self);
        while let Some(here) = folder {
            if (here.device, here.inode) == (found.dev(), found.ino()) {
                return true;
            }
            folder = here.parent.as_deref();
        }
        false
    }
}

struct Folder {
    path: PathBuf,
    key: String,
    above: Rc<Above>,
}

/// Looks through `folder`. Keys will stand below a root whose name has `root_len` bytes.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn scan(folder: &Path, root_len: usize, cancel: &CancellationToken) -> Result<Source, VaultError> {
    let found = fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => VaultError::NoFolder { path: folder.to_owned() },
        _ => VaultError::io("reading", folder, error),
    })?;
    if !found.is_dir() {
        return Err(VaultError::NoFolder { path: folder.to_owned() });
    }
    let mut source = Source::default();
    let mut open = vec![Folder { path: folder.to_owned(), key: String::new(), above: Above::new(&found, None) }];
    while let Some(here) = open.pop() {
        if cancel.is_cancelled() {
            break;
        }
        let entries = match fs::read_dir(&here.path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) if here.key.is_empty() => return Err(VaultError::io("reading", folder, error)),
            Err(error) => {
                source.problems.push(Problem::of(&here.path, error.to_string()));
                continue;
            }
        };
        for entry in entries {
            match look(&entry, &here, root_len) {
                Ok((key, found)) if found.is_dir() => {
                    source.directories.push(key.clone());
                    let above = Above::new(&found, Some(Rc::clone(&here.above)));
                    open.push(Folder { path: entry.path(), key, above });
                }
                Ok((key, found)) => source.files.push(FoundFile { key, size: found.len() }),
                Err(problem) => source.problems.push(Problem::of(&entry.path(), problem)),
            }
        }
    }
    // A folder's key is a prefix of those below it, and so stands before them.
    source.directories.sort_unstable();
    source.files.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    source.problems.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(source)
}

/// The key and the nature of an entry, or why it cannot be vaulted.
fn look(entry: &DirEntry, here: &Folder, root_len: usize) -> Result<(String, Metadata), String> {
    let Ok(name) = entry.file_name().into_string() else {
        return Err("its name is not UTF-8, as an S3 key has to be: rename it".to_owned());
    };
    if name.contains(['\n', '\r']) {
        return Err("its name has a line break, which no line of a manifest can hold: rename it".to_owned());
    }
    let key = if here.key.is_empty() { name } else { format!("{}/{name}", here.key) };
    let is_link = entry.file_type().is_ok_and(|kind: FileType| kind.is_symlink());
    let found = fs::metadata(entry.path()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if is_link => "a symbolic link that leads nowhere".to_owned(),
        // ELOOP: the kind for it is not stable yet.
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            "a loop of symbolic links".to_owned()
        }
        _ => error.to_string(),
    })?;
    if !found.is_dir() && !found.is_file() {
        return Err("neither a file nor a folder".to_owned());
    }
    if is_link && found.is_dir() && here.above.is_or_is_in(&found) {
        return Err("a symbolic link to a folder that it is in: a loop".to_owned());
    }
    // A folder's object ends in a slash.
    let len = root_len + 1 + key.len() + usize::from(found.is_dir());
    if len > LONGEST_KEY {
        return Err(format!("its key would have {len} bytes, and S3 takes {LONGEST_KEY}: shorten its path"));
    }
    Ok((key, found))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn what_cannot_be_vaulted_is_named_and_the_rest_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).expect("folders");
        fs::create_dir(at("a-b")).expect("a folder");
        fs::write(at("a/b/deep"), "12345").expect("a file");
        fs::write(at("top"), "1").expect("a file");
        fs::write(at("line\nbreak"), "1").expect("a file");
        fs::write(folder.path().join(OsStr::from_bytes(b"not\xfftext")), "1").expect("a file");
        symlink("b", at("a/to-b")).expect("a link");
        symlink("top", at("to-top")).expect("a link");
        symlink("..", at("a/up")).expect("a link");
        symlink("itself", at("itself")).expect("a link");
        symlink("gone", at("dangling")).expect("a link");
        let _socket = UnixListener::bind(at("socket")).expect("a socket");
        let source = scan(folder.path(), 25, &CancellationToken::new()).expect("a source");
        assert_eq!(source.directories, ["a", "a-b", "a/b", "a/to-b"]);
        let files: Vec<_> = source.files.iter().map(|file| (file.key.as_str(), file.size)).collect();
        assert_eq!(files, [("a/b/deep", 5), ("a/to-b/deep", 5), ("to-top", 1), ("top", 1)]);
        assert_eq!(source.bytes(), 12);
        let mut said: Vec<_> = source.problems.iter().map(|it| it.problem.split(':').next().expect("words")).collect();
        said.sort_unstable();
        let all = [
            "a loop of symbolic links",
            "a symbolic link that leads nowhere",
            "a symbolic link to a folder that it is in",
            "its name has a line break, which no line of a manifest can hold",
            "its name is not UTF-8, as an S3 key has to be",
            "neither a file nor a folder",
        ];
        assert_eq!(said, all);
    }

    #[test]
    fn keys_that_s3_does_not_take_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = [&"x".repeat(200)[..]; 4].join("/");
        fs::create_dir_all(folder.path().join(&long)).expect("folders");
        // 25 + 1 + 803 + 1 = 830 bytes before the name.
        let at = |len: usize| folder.path().join(&long).join("y".repeat(len));
        fs::write(at(194), "").expect("a file");
        fs::write(at(195), "").expect("a file");
        let source = scan(folder.path(), 25, &CancellationToken::new()).expect("a source");
        assert_eq!(source.files.len(), 1);
        assert_eq!(source.problems.len(), 1);
        assert!(source.problems[0].problem.contains("would have 1025 bytes"), "{:?}", source.problems);
    }

    #[test]
    fn a_source_that_is_no_folder_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for path in [file.path(), Path::new("/nonexistent")] {
            let refused = scan(path, 25, &CancellationToken::new()).expect_err("refused").to_string();
            assert!(refused.ends_with("is no folder: name one that is there"), "{refused}");
        }
    }
}
