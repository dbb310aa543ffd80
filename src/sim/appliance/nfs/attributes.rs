//! A file's attributes as NFS has them.

use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nfs3_server::nfs3_types::nfs3::{
    fattr3, ftype3, nfsstat3, nfstime3, sattr3, set_atime, set_mode3, set_mtime, specdata3,
};

use crate::clock;
use crate::model::Timestamp;

/// A file's attributes.
pub(super) fn attributes(found: &Metadata) -> fattr3 {
    let time = |seconds: i64, nanos: i64| nfstime3 {
        seconds: u32::try_from(seconds.max(0)).unwrap_or(u32::MAX),
        nseconds: u32::try_from(nanos).unwrap_or_default(),
    };
    let kind = found.file_type();
    fattr3 {
        type_: if kind.is_dir() {
            ftype3::NF3DIR
        } else if kind.is_symlink() {
            ftype3::NF3LNK
        } else {
            ftype3::NF3REG
        },
        mode: found.mode() & 0o7777,
        nlink: u32::try_from(found.nlink()).unwrap_or(u32::MAX),
        uid: found.uid(),
        gid: found.gid(),
        size: found.size(),
        used: found.blocks().saturating_mul(512),
        rdev: specdata3::default(),
        fsid: found.dev(),
        fileid: found.ino(),
        atime: time(found.atime(), found.atime_nsec()),
        mtime: time(found.mtime(), found.mtime_nsec()),
        ctime: time(found.ctime(), found.ctime_nsec()),
    }
}

/// Sets permissions and times; owners stay.
///
/// # Errors
/// When the system refuses.
pub(super) fn set_attributes(path: &Path, wanted: &sattr3) -> io::Result<()> {
    if let set_mode3::Some(mode) = wanted.mode {
        fs::set_permissions(path, Permissions::from_mode(mode & 0o777))?;
    }
    let given = |time: &nfstime3| {
        SystemTime::UNIX_EPOCH + Duration::from_secs(time.seconds.into()) + Duration::from_nanos(time.nseconds.into())
    };
    let now = || SystemTime::UNIX_EPOCH + clock::real_timestamp().since(Timestamp::default()).unwrap_or_default();
    let accessed = match &wanted.atime {
        set_atime::DONT_CHANGE => None,
        set_atime::SET_TO_SERVER_TIME => Some(now()),
        set_atime::SET_TO_CLIENT_TIME(time) => Some(given(time)),
    };
    let modified = match &wanted.mtime {
        set_mtime::DONT_CHANGE => None,
        set_mtime::SET_TO_SERVER_TIME => Some(now()),
        set_mtime::SET_TO_CLIENT_TIME(time) => Some(given(time)),
    };
    if accessed.is_none() && modified.is_none() {
        return Ok(());
    }
    let mut times = FileTimes::new();
    if let Some(accessed) = accessed {
        times = times.set_accessed(accessed);
    }
    if let Some(modified) = modified {
        times = times.set_modified(modified);
    }
    File::open(path)?.set_times(times)
}

/// What NFS calls an error of the system.
pub(super) fn status(error: &io::Error) -> nfsstat3 {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => nfsstat3::NFS3ERR_NOENT,
        ErrorKind::PermissionDenied => nfsstat3::NFS3ERR_ACCES,
        ErrorKind::AlreadyExists => nfsstat3::NFS3ERR_EXIST,
        ErrorKind::NotADirectory => nfsstat3::NFS3ERR_NOTDIR,
        ErrorKind::IsADirectory => nfsstat3::NFS3ERR_ISDIR,
        ErrorKind::DirectoryNotEmpty => nfsstat3::NFS3ERR_NOTEMPTY,
        ErrorKind::StorageFull => nfsstat3::NFS3ERR_NOSPC,
        ErrorKind::QuotaExceeded => nfsstat3::NFS3ERR_DQUOT,
        ErrorKind::FileTooLarge => nfsstat3::NFS3ERR_FBIG,
        ErrorKind::InvalidFilename => nfsstat3::NFS3ERR_NAMETOOLONG,
        ErrorKind::InvalidInput => nfsstat3::NFS3ERR_INVAL,
        ErrorKind::ReadOnlyFilesystem => nfsstat3::NFS3ERR_ROFS,
        _ => nfsstat3::NFS3ERR_IO,
    }
}
