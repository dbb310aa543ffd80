//! The handle of an open share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::book::{Book, Memory};
use super::config::ShareConfig;
use super::core::{Asked, Core, State};
use super::error::ShareError;
use super::notes::Notes;
use super::refresh::{self, Refresh, folder_key};
use super::register::{Promise, Register};
use super::status::ShareStatus;
use super::uplink::Uplink;
use super::watch::{self, Hand};
use super::{announce, nfs, upload};
use crate::clock::Clock;

/// Refreshes that a gateway takes at a time.
const MOST_REFRESHES: u32 = 2;

/// An open share. Dropping it ends its work, as [`FileShare::close`] with force does: what is not uploaded is taken up again
/// when the folder is opened the next time.
pub struct FileShare {
    core: Arc<Core>,
    hand: Hand,
    nfs: Option<(SocketAddr, Arc<nfs::Files>)>,
    tasks: TaskTracker,
}

impl FileShare {
    /// Opens a share: makes its folder where there is none, reads it through, compares it with the bucket, and goes on
    /// with whatever the bucket lacks. It needs a Tokio runtime, on which it works.
    ///
    /// # Errors
    /// When the settings cannot be, the folder cannot be used, or the bucket cannot be listed.
    pub async fn open(mut config: ShareConfig, uplink: Arc<dyn Uplink>, clock: Clock) -> Result<Self, ShareError> {
        config.check()?;
        let at = |source| ShareError::Io { path: config.folder.clone(), source };
        std::fs::create_dir_all(&config.folder).map_err(at)?;
        config.folder = config.folder.canonicalize().map_err(at)?;
        let (mut register, mut memories) = Register::open(&config.folder)?;
        confirm(&config, uplink.as_ref(), &mut memories).await?;
        let known = memories.iter().map(|(key, memory)| (key.as_str(), memory.clone()));
        register.rewrite(known).map_err(|source| ShareError::Io { path: config.folder.clone(), source })?;
        let mut book = Book::new(config.settling, config.seed);
        for (key, memory) in memories {
            // The endpoint's clock may have been set back since: nobody waits for longer than the settling time.
            let written = memory.written.min(clock.now());
            book.restore(&key, Memory { written, ..memory });
        }
        let state = State { book, notes: Notes::default(), register, events: 0, refreshes: 0 };
        let core = Core::new(config, uplink, clock, state);
        let hand = watch::start(&core).await?;
        let tasks = TaskTracker::new();
        for _ in 0..core.config.workers {
            tasks.spawn(upload::work(Arc::clone(&core), hand.clone()));
        }
        tasks.spawn(announce::keep_agenda(Arc::clone(&core)));
        let mut share = Self { core, hand, nfs: None, tasks };
        if let Some(port) = share.core.config.nfs_port {
            let served = nfs::serve(&share.core, port).await;
            share.nfs = Some(served.map_err(|source| ShareError::Nfs { port, source })?);
        }
        share.go_on();
        share.core.wake();
        Ok(share)
    }

    /// Goes on with what was promised when the folder was open the last time.
    fn go_on(&self) {
        let promises = self.core.state().register.promises().to_vec();
        for promise in promises {
            let mut state = self.core.state();
            match promise {
                // Whatever was written before is in the books: the folder was read through.
                Promise::Uploaded { id, received } => state.book.request(Asked { id, received }),
                Promise::Refreshed { id, started, folders, recursive } => {
                    state.refreshes += 1;
                    state.events += 1;
                    drop(state);
                    let wanted = Refresh { id, started, folders, recursive };
                    self.tasks.spawn(refresh::refresh(Arc::clone(&self.core), wanted));
                }
            }
        }
    }

    /// The folder that clients copy into.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.core.config.folder
    }

    /// What the share says of itself.
    #[must_use]
    pub fn status(&self) -> ShareStatus {
        self.core.status(self.nfs_address())
    }

    /// Asks for a `Storage Gateway File Upload Event` once all that has been written so far is in the bucket; answers
    /// the notification's id. Where the share ends before that, the event follows when it is opened again.
    ///
    /// # Errors
    /// [`ShareError::Closed`]; [`ShareError::Io`] when it cannot be written down.
    pub fn notify_when_uploaded(&self) -> Result<String, ShareError> {
        self.is_open()?;
        let asked = Asked { id: self.core.id(), received: self.core.clock.now() };
        let id = asked.id.clone();
        self.promise(Promise::Uploaded { id: id.clone(), received: asked.received })?;
        self.core.state().events += 1;
        self.close_files();
        let (core, hand) = (Arc::clone(&self.core), self.hand.clone());
        self.tasks.spawn(async move {
            hand.catch_up().await;
            let mut state = core.state();
            state.book.request(asked);
            state.events -= 1;
            drop(state);
            core.wake();
        });
        Ok(id)
    }

    /// Looks for objects that others have put, replaced or deleted in `folders` (`/` for the root), with `recursive` also
    /// below them, and brings the folder up to date; answers the id of the `Storage Gateway Refresh Cache Event` that
    /// follows. Objects are fetched whole as long as the cache has room for them.
    ///
    /// # Errors
    /// [`ShareError::NoFolder`], [`ShareError::Busy`] while two refreshes are under way, [`ShareError::Closed`],
    /// [`ShareError::Io`] when it cannot be written down.
    pub fn refresh_cache(&self, folders: &[String], recursive: bool) -> Result<String, ShareError> {
        self.is_open()?;
        if let Some(path) = folders.iter().find(|folder| folder_key(folder).is_none()) {
            return Err(ShareError::NoFolder { path: path.clone() });
        }
        let folders = if folders.is_empty() { vec!["/".to_owned()] } else { folders.to_vec() };
        {
            let mut state = self.core.state();
            if state.refreshes == MOST_REFRESHES {
                return Err(ShareError::Busy);
            }
            state.refreshes += 1;
            state.events += 1;
        }
        let id = self.core.id();
        let started = self.core.clock.now();
        let promised =
            self.promise(Promise::Refreshed { id: id.clone(), started, folders: folders.clone(), recursive });
        if let Err(error) = promised {
            let mut state = self.core.state();
            state.refreshes -= 1;
            state.events -= 1;
            return Err(error);
        }
        let wanted = Refresh { id: id.clone(), started, folders, recursive };
        self.tasks.spawn(refresh::refresh(Arc::clone(&self.core), wanted));
        Ok(id)
    }

    /// Cuts the gateway off from the bucket and the bus, or connects it again: what clients write meanwhile is kept. What
    /// is under way at that moment is ended.
    pub fn set_online(&self, online: bool) {
        self.core.state().book.set_online(online);
        self.core.wake();
    }

    /// Where the NFS export listens.
    #[must_use]
    pub fn nfs_address(&self) -> Option<SocketAddr> {
        self.nfs.as_ref().map(|(address, _)| *address)
    }

    /// The line with which a Linux client mounts the export at `target`; it needs root there.
    #[must_use]
    pub fn mount_line(&self, target: &Path) -> Option<String> {
        let address = self.nfs_address()?;
        Some(format!(
            "mount -t nfs -o nolock,hard,tcp,vers=3,port={port},mountport={port} {ip}:/ {target}",
            port = address.port(),
            ip = address.ip(),
            target = target.display(),
        ))
    }

    /// Ends the share. Without `force` it waits until everything is uploaded and announced, which never happens while it
    /// is offline; with it, what is left is taken up again when the folder is opened the next time.
    ///
    /// # Errors
    /// When what was done could not be written down; it is done again the next time.
    pub async fn close(&self, force: bool) -> Result<(), ShareError> {
        if !force {
            self.idle().await;
        }
        self.end();
        self.tasks.close();
        self.tasks.wait().await;
        let released = self.core.state().register.release();
        released.map_err(|source| ShareError::Io { path: self.core.config.folder.clone(), source })
    }

    /// Waits until everything that was written so far is uploaded and announced, which never happens offline. What a client
    /// has open in the folder is not written yet.
    pub async fn idle(&self) {
        self.close_files();
        self.hand.catch_up().await;
        let is_idle = |core: &Core| {
            let state = core.state();
            core.stop.is_cancelled() || state.book.is_idle() && state.events == 0
        };
        announce::until(&self.core, is_idle).await;
    }

    /// Takes what clients of the export have open for written.
    fn close_files(&self) {
        if let Some((_, files)) = &self.nfs {
            files.close_all();
        }
    }

    fn promise(&self, promise: Promise) -> Result<(), ShareError> {
        let noted = self.core.state().register.promise(promise);
        noted.map_err(|source| ShareError::Io { path: self.core.config.folder.clone(), source })
    }

    fn is_open(&self) -> Result<(), ShareError> {
        if self.core.stop.is_cancelled() { Err(ShareError::Closed) } else { Ok(()) }
    }

    fn end(&self) {
        self.core.stop.cancel();
        self.core.changes.send_modify(|count| *count += 1);
        self.hand.stop();
    }
}

impl Drop for FileShare {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps of the memories what the bucket still confirms.
async fn confirm(
    config: &ShareConfig,
    uplink: &dyn Uplink,
    memories: &mut HashMap<String, Memory>,
) -> Result<(), ShareError> {
    let mut confirmed = HashMap::new();
    let mut next = None;
    loop {
        let listing = uplink.list_objects(&config.prefix, false, next).await;
        let listing = listing.map_err(|source| ShareError::Bucket { bucket: config.share.bucket.clone(), source })?;
        for object in &listing.objects {
            let Some(key) = object.key.strip_prefix(config.prefix.as_str()) else { continue };
            // Directories that have no object of their own are there as long as something is below them.
            for (end, _) in key.match_indices('/') {
                let directory = &key[..=end];
                if memories.get(directory).is_some_and(|memory| memory.etag.is_empty()) {
                    confirmed.extend(memories.remove_entry(directory));
                }
            }
            if let Some((key, memory)) = memories.remove_entry(key).filter(|(_, memory)| memory.etag == object.etag) {
                confirmed.insert(key, memory);
            }
        }
        next = listing.next;
        if next.is_none() || memories.is_empty() {
            break;
        }
    }
    *memories = confirmed;
    Ok(())
}
