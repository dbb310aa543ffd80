//! The share's folder over NFSv3, on loopback.
//!
//! What clients write goes into the folder's files, where the watch finds it as it finds everything else. NFS has no close:
//! a file counts as closed when nobody has written to it for a moment. When the cache is full of what is not uploaded yet,
//! writes wait. A file's handle is its number on the disk. Owners are not changed, and links not made, as on a gateway.

mod attributes;
mod files;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nfs3_server::nfs3_types::nfs3::{
    createverf3, fattr3, filename3, nfspath3, nfsstat3, sattr3, set_size3, stable_how,
};
use nfs3_server::tcp::{NFSTcp, NFSTcpListener};
use nfs3_server::vfs::{
    DirEntryPlus, FileHandleU64, NextResult, NfsFileSystem, NfsReadFileSystem, ReadDirPlusIterator,
};

use self::attributes::{attributes, set_attributes, status};
pub(super) use self::files::Files;
use super::announce::until;
use super::core::{Core, join};

/// How long a write waits for room before the client is asked to come again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves the folder; ends with the share.
///
/// # Errors
/// When the port cannot be had.
pub(super) async fn serve(core: &Arc<Core>, port: u16) -> io::Result<(SocketAddr, Arc<Files>)> {
    let files = Arc::new(Files::new(Arc::clone(core))?);
    let listener = NFSTcpListener::bind(&format!("{}:{port}", Ipv4Addr::LOCALHOST), Export(Arc::clone(&files))).await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.get_listen_port()));
    let stop = core.stop.clone();
    let served = Arc::clone(&files);
    tokio::spawn(async move {
        tokio::select! {
            ended = listener.handle_forever() => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "the NFS export has ended");
                }
            }
            () = files.close_quiet() => {}
            () = stop.cancelled() => {}
        }
        files.close_all();
    });
    Ok((address, served))
}

/// The folder as the protocol crate calls it.
struct Export(Arc<Files>);

type Handle = FileHandleU64;
type Answer<T> = Result<T, nfsstat3>;

impl Export {
    /// The path of a handle, which must still be that file's.
    fn path(&self, id: Handle) -> Answer<String> {
        if self.0.core.stop.is_cancelled() {
            return Err(nfsstat3::NFS3ERR_STALE);
        }
        self.0.path(id.as_u64()).ok_or(nfsstat3::NFS3ERR_STALE)
    }

    /// The path of a name in a directory.
    fn child(&self, directory: Handle, name: &filename3<'_>) -> Answer<String> {
        let name = std::str::from_utf8(name.as_ref()).map_err(|_| nfsstat3::NFS3ERR_INVAL)?;
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Err(nfsstat3::NFS3ERR_INVAL);
        }
        Ok(join(&self.path(directory)?, name))
    }

    /// What is at a path, whose handle is known from then on.
    fn found(&self, path: &str) -> Answer<(Handle, fattr3)> {
        let found = fs::symlink_metadata(self.0.core.path(path)).map_err(|error| status(&error))?;
        self.0.learn(found.ino(), path);
        Ok((Handle::new(found.ino()), attributes(&found)))
    }

    fn disk(&self, path: &str) -> PathBuf {
        self.0.core.path(path)
    }

    /// Waits until there is room in the cache for so many bytes.
    async fn room(&self, bytes: u64) -> Answer<()> {
        let core = &self.0.core;
        let has_room = |core: &Core| {
            let dirty = core.state().book.totals().dirty + core.unclosed.load(Ordering::Relaxed);
            dirty == 0 || dirty + bytes <= core.config.cache_bytes || core.stop.is_cancelled()
        };
        tokio::time::timeout(PATIENCE, until(core, has_room)).await.map_err(|_| nfsstat3::NFS3ERR_JUKEBOX)
    }
}

impl NfsReadFileSystem for Export {
    type Handle = Handle;

    fn root_dir(&self) -> Handle {
        Handle::new(self.0.root)
    }

    async fn lookup(&self, directory: &Handle, name: &filename3<'_>) -> Answer<Handle> {
        match name.as_ref() {
            b"." => return Ok(*directory),
            b".." => {
                let path = self.path(*directory)?;
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                return self.found(parent).map(|(handle, _)| handle);
            }
            _ => {}
        }
        self.found(&self.child(*directory, name)?).map(|(handle, _)| handle)
    }

    async fn getattr(&self, id: &Handle) -> Answer<fattr3> {
        let path = self.path(*id)?;
        self.found(&path).map(|(_, attributes)| attributes)
    }

    async fn read(&self, id: &Handle, offset: u64, count: u32) -> Answer<(Vec<u8>, bool)> {
        let path = self.disk(&self.path(*id)?);
        blocking(move || {
            let (file, found) = super::disk::open(&path)?;
            let left = found.size().saturating_sub(offset);
            let wanted = left.min(u64::from(count));
            let mut bytes = vec![0; usize::try_from(wanted).unwrap_or_default()];
            file.read_exact_at(&mut bytes, offset)?;
            Ok((bytes, wanted == left))
        })
        .await
    }

    async fn readdirplus(&self, directory: &Handle, cookie: u64) -> Answer<impl ReadDirPlusIterator<Handle>> {
        let path = self.path(*directory)?;
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.disk(&path)).map_err(|error| status(&error))?.flatten() {
            // Names that are not UTF-8 have no key: they are named in the share's status and not shown here.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(found) = fs::symlink_metadata(entry.path()) else { continue };
            if found.ino() <= cookie {
                continue;
            }
            self.0.learn(found.ino(), &join(&path, &name));
            entries.push(DirEntryPlus {
                fileid: found.ino(),
                name: filename3::from(name.into_bytes()),
                cookie: found.ino(),
                name_attributes: Some(attributes(&found)),
                name_handle: Some(Handle::new(found.ino())),
            });
        }
        // In the order of their numbers, which stays while entries come and go between two pages.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.cookie));
        Ok(Entries(entries))
    }

    async fn readlink(&self, id: &Handle) -> Answer<nfspath3<'_>> {
        use std::os::unix::ffi::OsStringExt;
        let path = self.path(*id)?;
        let target = fs::read_link(self.disk(&path)).map_err(|error| status(&error))?;
        Ok(nfspath3::from(target.into_os_string().into_vec()))
    }
}

/// Entries of a directory, the next one last.
struct Entries(Vec<DirEntryPlus<Handle>>);

impl ReadDirPlusIterator<Handle> for Entries {
    async fn next(&mut self) -> NextResult<DirEntryPlus<Handle>> {
        self.0.pop().map_or(NextResult::Eof, NextResult::Ok)
    }
}

impl NfsFileSystem for Export {
    async fn setattr(&self, id: &Handle, wanted: sattr3) -> Answer<fattr3> {
        let path = self.path(*id)?;
        if let set_size3::Some(size) = wanted.size {
            let file = self.0.open(id.as_u64(), &path).map_err(|error| status(&error))?;
            blocking(move || file.set_len(size)).await?;
        }
        set_attributes(&self.disk(&path), &wanted).map_err(|error| status(&error))?;
        self.found(&path).map(|(_, attributes)| attributes)
    }

    async fn write(&self, id: &Handle, offset: u64, data: &[u8], stable: stable_how) -> Answer<(fattr3, stable_how)> {
        self.room(data.len() as u64).await?;
        let path = self.path(*id)?;
        let file = self.0.open(id.as_u64(), &path).map_err(|error| status(&error))?;
        let (data, written) = (data.to_vec(), data.len() as u64);
        let found = blocking(move || {
            file.write_all_at(&data, offset)?;
            if stable != stable_how::UNSTABLE {
                file.sync_data()?;
            }
            file.metadata()
        })
        .await?;
        self.0.wrote(id.as_u64(), written);
        Ok((attributes(&found), stable))
    }

    async fn create(&self, directory: &Handle, name: &filename3<'_>, wanted: sattr3) -> Answer<(Handle, fattr3)> {
        let path = self.child(*directory, name)?;
        let number = self.0.create(&path, false).map_err(|error| status(&error))?;
        let handle = Handle::new(number);
        let attributes = self.setattr(&handle, wanted).await?;
        Ok((handle, attributes))
    }

    async fn create_exclusive(&self, directory: &Handle, name: &filename3<'_>, _: createverf3) -> Answer<Handle> {
        let path = self.child(*directory, name)?;
        self.0.create(&path, true).map(Handle::new).map_err(|error| status(&error))
    }

    async fn mkdir(&self, directory: &Handle, name: &filename3<'_>) -> Answer<(Handle, fattr3)> {
        let path = self.child(*directory, name)?;
        fs::create_dir(self.disk(&path)).map_err(|error| status(&error))?;
        self.found(&path)
    }

    async fn remove(&self, directory: &Handle, name: &filename3<'_>) -> Answer<()> {
        let path = self.child(*directory, name)?;
        let disk = self.disk(&path);
        let found = fs::symlink_metadata(&disk).map_err(|error| status(&error))?;
        self.0.close(found.ino());
        let removed = if found.is_dir() { fs::remove_dir(disk) } else { fs::remove_file(disk) };
        removed.map_err(|error| status(&error))
    }

    async fn rename<'a>(
        &self,
        from_directory: &Handle,
        from: &filename3<'a>,
        to_directory: &Handle,
        to: &filename3<'a>,
    ) -> Answer<()> {
        let (from, to) = (self.child(*from_directory, from)?, self.child(*to_directory, to)?);
        fs::rename(self.disk(&from), self.disk(&to)).map_err(|error| status(&error))?;
        self.0.renamed(&from, &to);
        Ok(())
    }

    async fn symlink<'a>(
        &self,
        _: &Handle,
        _: &filename3<'a>,
        _: &nfspath3<'a>,
        _: &sattr3,
    ) -> Answer<(Handle, fattr3)> {
        Err(nfsstat3::NFS3ERR_NOTSUPP)
    }

    async fn commit(&self, id: &Handle, _: u64, _: u32) -> Answer<()> {
        let path = self.disk(&self.path(*id)?);
        blocking(move || fs::File::open(path)?.sync_data()).await
    }
}

/// Does what waits for a disk on a thread for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Answer<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| nfsstat3::NFS3ERR_SERVERFAULT)?;
    done.map_err(|error| status(&error))
}
