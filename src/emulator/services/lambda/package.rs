//! Unpacks a function's zip into a folder of its own. It never writes outside that folder, makes no symbolic link and
//! stops at AWS's size limit, whatever the archive claims of itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::error::LambdaError;
use super::packages::KeptFolder;

/// The most bytes that a package may have unpacked.
pub const UNPACKED_LIMIT: u64 = 262_144_000;
/// The most bytes of a zip that is given in the request itself or in a bucket.
pub const ZIP_LIMIT: usize = 262_144_000;
/// The most files of a package: AWS has no such limit, a machine's inodes do.
const MOST_ENTRIES: usize = 50_000;

/// An unpacked package; its folder goes when the last user of it goes.
#[derive(Debug)]
pub struct Package {
    folder: Folder,
    /// `CodeSha256`: the zip's digest in base64.
    pub sha256: String,
    /// `CodeSize`: the zip's bytes.
    pub size: usize,
}

/// The folder of a package.
#[derive(Debug)]
enum Folder {
    Temporary(TempDir),
    /// One that outlives the process as long as a function has it.
    Kept(PathBuf, Arc<KeptFolder>),
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Kept(path, folder) = self {
            folder.let_go(std::mem::take(path));
        }
    }
}

impl Package {
    /// A package that was unpacked before.
    pub fn restored(folder: &Arc<KeptFolder>, path: PathBuf, sha256: String, size: usize) -> Self {
        Self { folder: Folder::Kept(path, Arc::clone(folder)), sha256, size }
    }

    /// The package in a folder that outlives the process.
    pub fn kept(mut self, folder: &Arc<KeptFolder>) -> Self {
        if let Folder::Temporary(temporary) = &mut self.folder {
            temporary.disable_cleanup(true);
            self.folder = Folder::Kept(temporary.path().to_owned(), Arc::clone(folder));
        }
        self
    }

    /// Unpacks a zip below `root`.
    ///
    /// # Errors
    /// `InvalidParameterValueException` when the archive is none, holds what a package may not hold or is too large.
    pub fn unpack(zip: &[u8], root: &Path) -> Result<Self, LambdaError> {
        if zip.len() > ZIP_LIMIT {
            return Err(too_large());
        }
        let folder = tempfile::Builder::new().prefix("code-").tempdir_in(root).map_err(|error| failed(&error))?;
        extract(zip, folder.path())?;
        let folder = Folder::Temporary(folder);
        Ok(Self { folder, sha256: STANDARD.encode(Sha256::digest(zip)), size: zip.len() })
    }

    /// Where it is unpacked: `LAMBDA_TASK_ROOT`.
    pub fn path(&self) -> &Path {
        match &self.folder {
            Folder::Temporary(folder) => folder.path(),
            Folder::Kept(path, _) => path,
        }
    }
}

fn extract(zip: &[u8], folder: &Path) -> Result<(), LambdaError> {
    let mut archive = zip::ZipArchive::new(io::Cursor::new(zip)).map_err(|_| not_a_zip())?;
    if archive.len() > MOST_ENTRIES {
        return Err(refused(&format!("it holds more than {MOST_ENTRIES} files")));
    }
    let mut room = UNPACKED_LIMIT;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| not_a_zip())?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_symlink() {
            return Err(refused(&format!("{name:?} is a symbolic link")));
        }
        let Some(relative) = entry.enclosed_name() else {
            return Err(refused(&format!("{name:?} leads out of the package")));
        };
        let path = folder.join(relative);
        if entry.is_dir() {
            fs::create_dir_all(&path).map_err(|error| failed(&error))?;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        }
        let mode = entry.unix_mode().unwrap_or(0o644) & 0o777 | 0o400;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|error| {
            match error.kind() {
                io::ErrorKind::AlreadyExists => refused(&format!("{name:?} is in it twice")),
                _ => failed(&error),
            }
        })?;
        let written = copy(&mut entry, &mut file, room).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => not_a_zip(),
            _ => failed(&error),
        })?;
        room = room.checked_sub(written).ok_or_else(too_large)?;
        file.set_permissions(fs::Permissions::from_mode(mode)).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Copies at most one byte more than there is room for.
fn copy(from: &mut impl Read, to: &mut impl Write, room: u64) -> io::Result<u64> {
    io::copy(&mut from.take(room + 1), to)
}

fn not_a_zip() -> LambdaError {
    LambdaError::InvalidParameter(
        "Could not unzip uploaded file. Please check your file, then try to upload again.".to_owned(),
    )
}

fn too_large() -> LambdaError {
    LambdaError::InvalidParameter(format!("Unzipped size must be smaller than {UNPACKED_LIMIT} bytes"))
}

fn refused(why: &str) -> LambdaError {
    LambdaError::InvalidParameter(format!("the package is refused: {why}"))
}

fn failed(error: &io::Error) -> LambdaError {
    LambdaError::Service(crate::emulator::ServiceError::internal(format!("cannot unpack the package: {error}")))
}

#[cfg(test)]
mod tests {
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip_of(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, mode, content) in entries {
            let options = SimpleFileOptions::default().unix_permissions(*mode);
            writer.start_file(*name, options).expect("an entry");
            writer.write_all(content).expect("its content");
        }
        writer.finish().expect("an archive").into_inner()
    }

    fn unpack(zip: &[u8]) -> Result<Package, LambdaError> {
        Package::unpack(zip, &std::env::temp_dir())
    }

    #[test]
    fn executable_bits_and_folders_are_kept() {
        let package = unpack(&zip_of(&[("bootstrap", 0o755, b"#!/bin/sh\n"), ("lib/a.txt", 0o640, b"a")]))
            .expect("a package that unpacks");
        let mode = |name: &str| fs::metadata(package.path().join(name)).expect("a file").permissions().mode() & 0o777;
        assert_eq!((mode("bootstrap"), mode("lib/a.txt")), (0o755, 0o640));
        assert_eq!(fs::read(package.path().join("lib/a.txt")).expect("a file"), b"a");
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for name in ["../evil", "a/../../evil", "/etc/evil"] {
            let zip = zip_of(&[(name, 0o644, b"x")]);
            match unpack(&zip) {
                Err(error) => assert!(error.to_string().contains("refused"), "{name}: {error}"),
                Ok(package) => {
                    // An absolute name may be taken as relative, never as it is.
                    assert!(package.path().join("etc/evil").exists(), "{name} went elsewhere");
                }
            }
        }
    }

    #[test]
    fn symbolic_links_are_refused() {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        writer.add_symlink("bootstrap", "/bin/sh", SimpleFileOptions::default()).expect("a link");
        let zip = writer.finish().expect("an archive").into_inner();
        assert!(unpack(&zip).expect_err("a link is refused").to_string().contains("symbolic link"));
    }

    #[test]
    fn what_is_no_zip_or_is_cut_short_is_refused() {
        let zip = zip_of(&[("bootstrap", 0o755, &[7; 4096])]);
        for bad in [&b""[..], b"PK", b"no zip at all", &zip[..zip.len() / 2]] {
            assert!(matches!(unpack(bad), Err(LambdaError::InvalidParameter(_))));
        }
    }

    #[test]
    fn no_more_is_written_than_there_is_room_for() {
        let mut written = Vec::new();
        let count = copy(&mut io::repeat(1), &mut written, 10).expect("a copy");
        assert_eq!((count, written.len()), (11, 11));
    }
}
