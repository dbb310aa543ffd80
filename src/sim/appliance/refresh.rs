//! RefreshCache: the folder is brought up to what others have done to the bucket.
//!
//! A plain folder has no files without their bytes, so objects of others are fetched at the refresh, as long as the cache
//! has room for them; what has none is named. What a client wrote and is not uploaded yet is left alone.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::announce;
use super::book::{Stamp, is_directory};
use super::core::{Core, path_of};
use super::disk::{self, Entry};
use super::uplink::{FoundObject, Metadata, UplinkError};
use crate::model::Timestamp;

/// The wait before a listing is tried again.
const WAIT: Duration = Duration::from_secs(1);
/// The longest name that a file system takes, in bytes.
const LONGEST_NAME: usize = 255;

/// What somebody asked for.
#[derive(Debug)]
pub(super) struct Refresh {
    pub id: String,
    pub started: Timestamp,
    /// As the caller named them.
    pub folders: Vec<String>,
    pub recursive: bool,
}

/// The key of a folder that a caller names: empty for the root.
pub(super) fn folder_key(named: &str) -> Option<String> {
    let path = named.strip_prefix('/')?.trim_end_matches('/');
    let is_path = path.is_empty() || is_path(path);
    is_path.then(|| if path.is_empty() { String::new() } else { format!("{path}/") })
}

/// Whether a file can have this path below the share's root.
fn is_path(path: &str) -> bool {
    path.split('/').all(|name| !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME && !name.contains('\0'))
}

/// Brings the folder up to date and says so.
pub(super) async fn refresh(core: Arc<Core>, refresh: Refresh) {
    let mut is_done = true;
    for folder in refresh.folders.iter().filter_map(|folder| folder_key(folder)) {
        if let Err(error) = refresh_folder(&core, &folder, refresh.recursive).await {
            core.problem(path_of(&folder), format!("it cannot be refreshed: {error}"), false);
            is_done = false;
        }
    }
    core.state().refreshes -= 1;
    if core.stop.is_cancelled() {
        // It is gone through again when the share is opened the next time.
    } else if is_done {
        let detail = json!({
            "event-type": "refresh-complete",
            "notification-id": refresh.id,
            "started": refresh.started.iso_seconds(),
            "completed": core.clock.now().iso_seconds(),
            "folderList": refresh.folders,
        });
        let entry = core.entry("Storage Gateway Refresh Cache Event", &detail);
        announce::send(&core, &refresh.id, entry).await;
    } else {
        core.kept(&refresh.id);
    }
    core.state().events -= 1;
    core.wake();
}

async fn refresh_folder(core: &Arc<Core>, folder: &str, recursive: bool) -> Result<(), UplinkError> {
    let page = core.state().book.page();
    let mut names = BTreeSet::new();
    let mut next = None;
    loop {
        announce::until(core, |core| core.stop.is_cancelled() || core.state().book.online()).await;
        if core.stop.is_cancelled() {
            return Ok(());
        }
        let listing = match core.uplink.list_objects(&core.object_key(folder), !recursive, next.clone()).await {
            Ok(listing) => listing,
            Err(error) if error.retryable => {
                core.clock.sleep(WAIT).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let own = |key: &str| key.strip_prefix(core.config.prefix.as_str()).map(str::to_owned);
        for key in listing.prefixes.iter().filter_map(|prefix| own(prefix)) {
            if is_path(path_of(&key)) {
                make_directories(core, path_of(&key), None);
            }
            names.insert(key);
        }
        for object in listing.objects {
            let Some(key) = own(&object.key).filter(|key| *key != folder) else { continue };
            take_over(core, &key, &object).await;
            names.insert(key);
        }
        match listing.next {
            Some(token) => next = Some(token),
            None => break,
        }
    }
    remove_deleted(core, folder, recursive, page, &names);
    Ok(())
}

/// Fetches an object of others.
async fn take_over(core: &Arc<Core>, key: &str, object: &FoundObject) {
    let path = path_of(key);
    if core.state().book.is_own(key, &object.etag) {
        return;
    }
    if !is_path(path) {
        let problem = "an object has this key, which no file can have as its path: it stays in the bucket alone";
        core.problem(path, problem.to_owned(), false);
        return;
    }
    if is_directory(key) {
        make_directories(core, path, Some(&object.etag));
        return;
    }
    if !is_as_noted(core, key) {
        return;
    }
    let room = core.config.cache_bytes.saturating_sub(core.state().book.totals().used);
    if object.size > room {
        let problem = format!("it is not fetched: it has {} bytes and the cache has room for {room}", object.size);
        core.problem(path, problem, false);
        return;
    }
    if let Some((parent, _)) = path.rsplit_once('/') {
        make_directories(core, parent, None);
    }
    if let Err(problem) = fetch(core, key).await {
        core.problem(path, format!("it cannot be fetched: {problem}"), false);
    }
}

/// Whether the file at a key is the one that was uploaded last, or there is none as the books say.
fn is_as_noted(core: &Core, key: &str) -> bool {
    let noted = core.state().book.memory(key).map(|memory| memory.stamp);
    match disk::look(&core.path(key)) {
        Ok(Entry::File { stamp, .. }) => noted == Some(stamp),
        Ok(Entry::Directory { .. }) => noted.is_some() && is_directory(key),
        Ok(Entry::Absent) => noted.is_none(),
        Ok(Entry::Other(_)) | Err(_) => false,
    }
}

/// Makes a directory and those above it; what is there stays.
fn make_directories(core: &Core, path: &str, etag: Option<&str>) {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    for end in ends {
        let directory = &path[..end];
        let key = format!("{directory}/");
        let etag = etag.filter(|_| end == path.len()).unwrap_or_default();
        let now = core.clock.now();
        match disk::look(&core.path(directory)) {
            Ok(Entry::Absent) => {
                // Known before it is there, so that it is not taken for a client's.
                if core.state().book.adopt(&key, Stamp::default(), etag, now)
                    && let Err(error) = fs::create_dir(core.path(directory))
                {
                    core.problem(directory, format!("this directory cannot be made: {error}"), false);
                    core.look(directory, false);
                }
                let mut state = core.state();
                core.remember(&mut state, &key);
            }
            Ok(Entry::Directory { .. }) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

async fn fetch(core: &Arc<Core>, key: &str) -> Result<(), String> {
    let path = core.path(key);
    let incoming = core.state().register.incoming().join(core.id());
    let fetched = fetch_into(core, key, &incoming).await;
    let placed = fetched.and_then(|(stamp, etag, size)| {
        if !is_as_noted(core, key) || !core.state().book.adopt(key, stamp, &etag, core.clock.now()) {
            return Ok(());
        }
        if let Err(error) = fs::rename(&incoming, &path) {
            core.look(key, false);
            return Err(error.to_string());
        }
        let now = core.clock.now();
        let mut state = core.state();
        state.notes.clear(key);
        state.notes.done("fetched", key, size, now);
        core.remember(&mut state, key);
        Ok(())
    });
    match fs::remove_file(&incoming) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::debug!(%error, "a fetched file stays"),
        _ => {}
    }
    placed
}

async fn fetch_into(core: &Arc<Core>, key: &str, incoming: &Path) -> Result<(Stamp, String, u64), String> {
    let file = Arc::new(File::create_new(incoming).map_err(|error| error.to_string())?);
    let fetched = core.uplink.fetch_object(&core.object_key(key), Arc::clone(&file)).await;
    let fetched = fetched.map_err(|error| error.to_string())?;
    let found = apply(&file, &fetched.metadata).and_then(|()| file.metadata()).map_err(|error| error.to_string())?;
    Ok((disk::stamp(&found), fetched.etag, fetched.size))
}

/// Gives a file the times and permissions that its object's metadata name.
fn apply(file: &File, metadata: &Metadata) -> io::Result<()> {
    let named = |name: &str| metadata.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if let Some(nanos) = named("file-mtime").and_then(|text| text.strip_suffix("ns")?.parse().ok()) {
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))?;
    }
    if let Some(mode) = named("file-permissions").and_then(|text| u32::from_str_radix(text, 8).ok()) {
        file.set_permissions(Permissions::from_mode(mode & 0o777))?;
    }
    Ok(())
}

/// Removes files whose objects others have deleted.
fn remove_deleted(core: &Core, folder: &str, recursive: bool, page: u64, names: &BTreeSet<String>) {
    let clean = core.state().book.clean_since(folder, page);
    // What is inside goes before its directory.
    for key in clean.iter().rev() {
        let inside = &key[folder.len()..];
        let is_child = !inside.is_empty() && !path_of(inside).contains('/');
        let first = names.range::<str, _>((Bound::Included(&**key), Bound::Unbounded)).next();
        let is_there = first.is_some_and(|name| **name == **key || is_directory(key) && name.starts_with(&**key));
        if is_there || inside.is_empty() || !(recursive || is_child) || !is_as_noted(core, key) {
            continue;
        }
        if !core.state().book.forget(key, page) {
            continue;
        }
        let path = core.path(key);
        let removed = if is_directory(key) { fs::remove_dir(path) } else { fs::remove_file(path) };
        if removed.is_err() {
            // Whatever is there now is a client's.
            core.look(path_of(key), false);
        }
        let mut state = core.state();
        core.remember(&mut state, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_from_the_root() {
        for (named, key) in [("/", ""), ("/a", "a/"), ("/a/b/", "a/b/")] {
            assert_eq!(folder_key(named).as_deref(), Some(key));
        }
        for named in ["", "a", "/../a", "/a//b", "/./a"] {
            assert_eq!(folder_key(named), None, "{named}");
        }
    }
}
