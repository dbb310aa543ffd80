//! The thread that notices what clients do: inotify on every directory, and whole looks where inotify cannot tell.
//!
//! A directory's watch stands before it is read, so what is written into it meanwhile is seen at least once. Events only say
//! where to look: what counts is what lies there. A file that was made and not closed is left alone until it is closed,
//! or has not changed for the share's patience.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::ops::Bound;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::sync::oneshot;

use super::core::{Core, Looked, join, shown};
use super::disk::{self, Entry};
use super::error::ShareError;
use crate::clock;

/// How long the second half of a rename may be away.
const PAIRING: Duration = Duration::from_millis(20);
/// Bytes of events that are read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// What the thread is asked to do.
#[derive(Debug)]
enum Wish {
    /// Look at a path again when it has not changed for a while.
    LookAfter(String),
    /// Say when all that has happened so far is in the books.
    CatchUp(oneshot::Sender<()>),
    Stop,
}

/// The way to the thread that watches.
#[derive(Debug, Clone)]
pub(super) struct Hand {
    wishes: Sender<Wish>,
    bell: Arc<OwnedFd>,
}

impl Hand {
    /// Asks to look at a path again when it has not changed for a while.
    pub fn look_after(&self, path: &str) {
        self.ask(Wish::LookAfter(path.to_owned()));
    }

    /// Returns when all that has happened so far is in the books.
    pub async fn catch_up(&self) {
        let (done, is_done) = oneshot::channel();
        self.ask(Wish::CatchUp(done));
        // A thread that has ended notices nothing any more.
        let _ = is_done.await;
    }

    /// Ends the thread.
    pub fn stop(&self) {
        self.ask(Wish::Stop);
    }

    fn ask(&self, wish: Wish) {
        // Both fail only when the thread has ended, and then nothing is to be done.
        let _ = self.wishes.send(wish);
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

/// Starts the thread; returns when the folder has been read through once.
///
/// # Errors
/// When the folder cannot be watched.
pub(super) async fn start(core: &Arc<Core>) -> Result<Hand, ShareError> {
    let (wishes, wanted) = channel();
    let failed = |error: Errno| ShareError::Io { path: core.config.folder.clone(), source: error.into() };
    let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(failed)?);
    let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(failed)?;
    let hand = Hand { wishes, bell: Arc::clone(&bell) };
    let (ready, is_ready) = oneshot::channel();
    let core = Arc::clone(core);
    let folder = core.config.folder.clone();
    let thread = std::thread::Builder::new().name("share-watch".to_owned());
    let watcher = Watcher {
        core,
        events,
        bell,
        wishes: wanted,
        directories: HashMap::new(),
        watches: BTreeMap::new(),
        open: HashMap::new(),
        checked: clock::real_now(),
        left: None,
        waiting: Vec::new(),
    };
    let failed = |source| ShareError::Io { path: folder.clone(), source };
    thread.spawn(move || watcher.run(ready)).map_err(failed)?;
    match is_ready.await {
        Ok(Ok(())) => Ok(hand),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(ShareError::Closed),
    }
}

/// An event with its name taken out of the buffer.
struct Event {
    watch: i32,
    what: ReadFlags,
    cookie: u32,
    name: Vec<u8>,
}

/// The first half of a rename.
struct Left {
    cookie: u32,
    path: String,
    is_directory: bool,
}

struct Watcher {
    core: Arc<Core>,
    events: OwnedFd,
    bell: Arc<OwnedFd>,
    wishes: Receiver<Wish>,
    directories: HashMap<i32, String>,
    watches: BTreeMap<String, i32>,
    /// Files that somebody writes, with what they looked like when they were looked at last.
    open: HashMap<String, Entry>,
    checked: Instant,
    left: Option<Left>,
    /// Who wants to know when all is in the books.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Watcher {
    fn run(mut self, ready: oneshot::Sender<io::Result<()>>) {
        let watched = self.watch("");
        if watched.is_ok() {
            self.read("");
            self.core.scanned.store(true, Ordering::Relaxed);
        }
        let is_over = watched.is_err();
        if ready.send(watched).is_err() || is_over {
            return;
        }
        while self.turn() {}
    }

    /// Waits for something and deals with it; `false` at the end.
    fn turn(&mut self) -> bool {
        let wait = if self.left.is_some() {
            Some(PAIRING)
        } else if self.open.is_empty() {
            None
        } else {
            let due = self.checked + self.core.config.patience;
            Some(due.saturating_duration_since(clock::real_now()))
        };
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut sources = [PollFd::new(&self.events, PollFlags::IN), PollFd::new(&*self.bell, PollFlags::IN)];
        match poll(&mut sources, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                self.core.problem(
                    "",
                    format!("changes are not noticed any more: {error}: open the share again"),
                    false,
                );
                return false;
            }
        }
        let mut ring = [0; 8];
        let _ = rustix::io::read(&*self.bell, &mut ring);
        while let Ok(wish) = self.wishes.try_recv() {
            match wish {
                Wish::Stop => return false,
                Wish::LookAfter(path) => self.note_open(&path),
                Wish::CatchUp(done) => self.waiting.push(done),
            }
        }
        let events = self.pending();
        if events.is_empty() {
            self.expire();
        }
        for event in events {
            if !self.handle(event) {
                return false;
            }
        }
        if self.left.is_none() {
            for done in self.waiting.drain(..) {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
        if !self.open.is_empty() && clock::real_now().duration_since(self.checked) >= self.core.config.patience {
            self.check_open();
        }
        true
    }

    /// The events that are there.
    fn pending(&self) -> Vec<Event> {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER_BYTES];
        let mut reader = inotify::Reader::new(&self.events, &mut buffer);
        let mut found = Vec::new();
        while let Ok(event) = reader.next() {
            found.push(Event {
                watch: event.wd(),
                what: event.events(),
                cookie: event.cookie(),
                name: event.file_name().map(|name| name.to_bytes().to_vec()).unwrap_or_default(),
            });
        }
        found
    }

    /// Deals with one event; `false` when the share's folder is gone.
    fn handle(&mut self, event: Event) -> bool {
        let is_directory = event.what.contains(ReadFlags::ISDIR);
        let is_arrival = event.what.contains(ReadFlags::MOVED_TO);
        if !(is_arrival && self.left.as_ref().is_some_and(|left| left.cookie == event.cookie)) {
            self.expire();
        }
        if event.what.contains(ReadFlags::QUEUE_OVERFLOW) {
            tracing::warn!("more happened in the share's folder than inotify could tell: it is read through");
            self.core.scanned.store(false, Ordering::Relaxed);
            self.read("");
            self.core.scanned.store(true, Ordering::Relaxed);
            return true;
        }
        let Some(directory) = self.directories.get(&event.watch).cloned() else { return true };
        if event.what.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) && directory.is_empty() {
            let problem = "the share's folder was moved or removed: nothing is taken up any more, open the share again";
            self.core.problem("", problem.to_owned(), false);
            return false;
        }
        if event.what.contains(ReadFlags::IGNORED) {
            self.directories.remove(&event.watch);
            if self.watches.get(&directory) == Some(&event.watch) {
                self.watches.remove(&directory);
            }
            return true;
        }
        if event.name.is_empty() {
            return true;
        }
        let Ok(name) = std::str::from_utf8(&event.name) else {
            self.refuse_name(&directory, &event);
            return true;
        };
        let path = join(&directory, name);
        if event.what.contains(ReadFlags::MOVED_FROM) {
            self.left = Some(Left { cookie: event.cookie, path, is_directory });
        } else if is_arrival {
            self.arrived(&path, is_directory);
        } else if event.what.contains(ReadFlags::DELETE) {
            self.open.remove(&path);
            self.core.look(&path, false);
        } else if is_directory {
            let was_closed = || self.core.state().notes.has(&format!("{path}/"));
            if event.what.contains(ReadFlags::CREATE) || was_closed() {
                self.read(&path);
            }
        } else if event.what.contains(ReadFlags::CLOSE_WRITE) {
            self.open.remove(&path);
            self.core.look(&path, true);
        } else if event.what.contains(ReadFlags::CREATE) {
            self.made(&path);
        } else if !self.open.contains_key(&path) {
            self.core.look(&path, false);
        }
        true
    }

    /// A file was made: somebody has it open, unless it is another name of one that is there.
    fn made(&mut self, path: &str) {
        match disk::look(&self.core.path(path)) {
            Ok(Entry::File { linked: false, .. }) => self.note_open(path),
            _ => drop(self.core.look(path, true)),
        }
    }

    fn note_open(&mut self, path: &str) {
        if self.open.is_empty() {
            self.checked = clock::real_now();
        }
        let entry = disk::look(&self.core.path(path)).unwrap_or(Entry::Absent);
        self.open.insert(path.to_owned(), entry);
    }

    /// Looks after a file that waits for the end of a write: whoever was asked to may know it by the name it had.
    fn look_after_renamed(&mut self, path: &str) {
        if !self.open.contains_key(path) && self.core.is_unsettled(path) {
            self.note_open(path);
        }
    }

    /// Takes up files that were not closed and have not changed for a while.
    fn check_open(&mut self) {
        self.checked = clock::real_now();
        let mut quiet = Vec::new();
        for (path, before) in &mut self.open {
            let now = disk::look(&self.core.path(path)).unwrap_or(Entry::Absent);
            let same = match (&*before, &now) {
                (Entry::File { stamp: before, .. }, Entry::File { stamp: now, .. }) => before == now,
                (_, now) => !matches!(now, Entry::File { .. }),
            };
            if same {
                quiet.push(path.clone());
            }
            *before = now;
        }
        for path in quiet {
            self.open.remove(&path);
            self.core.look(&path, true);
        }
    }

    /// The second half of a rename, or something that came from outside.
    fn arrived(&mut self, path: &str, is_directory: bool) {
        let Some(left) = self.left.take() else {
            if is_directory {
                self.read(path);
            } else {
                self.core.look(path, true);
            }
            return;
        };
        if is_directory {
            self.relabel(&left.path, path);
            self.core.renamed_directory(&left.path, path);
            self.read(path);
            self.core.look(&left.path, false);
            return;
        }
        if let Some(entry) = self.open.remove(&left.path) {
            self.open.insert(path.to_owned(), entry);
        } else {
            let known = self.core.renamed(&left.path, path);
            self.core.look(path, !known);
            self.look_after_renamed(path);
        }
        self.core.look(&left.path, false);
    }

    /// What left and did not arrive is gone.
    fn expire(&mut self) {
        let Some(left) = self.left.take() else { return };
        self.open.remove(&left.path);
        if left.is_directory {
            for watch in self.watches_below(&left.path).into_values() {
                let _ = inotify::remove_watch(&self.events, watch);
            }
        }
        self.core.look(&left.path, false);
    }

    fn watches_below(&self, path: &str) -> BTreeMap<String, i32> {
        let inside = format!("{path}/");
        let from = self.watches.range::<str, _>((Bound::Included(path), Bound::Unbounded));
        from.take_while(|(watched, _)| watched.starts_with(path))
            .filter(|(watched, _)| **watched == *path || watched.starts_with(&inside))
            .map(|(watched, watch)| (watched.clone(), *watch))
            .collect()
    }

    /// Watches stay with their directories when these are renamed.
    fn relabel(&mut self, from: &str, to: &str) {
        for (path, watch) in self.watches_below(from) {
            let renamed = format!("{to}{}", &path[from.len()..]);
            self.watches.remove(&path);
            self.directories.insert(watch, renamed.clone());
            self.watches.insert(renamed, watch);
        }
        let inside = format!("{from}/");
        let moved: Vec<String> = self.open.keys().filter(|path| path.starts_with(&inside)).cloned().collect();
        for path in moved {
            if let Some(entry) = self.open.remove(&path) {
                self.open.insert(format!("{to}{}", &path[from.len()..]), entry);
            }
        }
    }

    fn watch(&mut self, path: &str) -> io::Result<()> {
        let own = if path.is_empty() { WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF } else { WatchFlags::empty() };
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW
            | WatchFlags::EXCL_UNLINK;
        let watch = inotify::add_watch(&self.events, self.core.path(path), flags | own).map_err(|error| {
            if error == Errno::NOSPC {
                io::Error::other("the system has no inotify watch left for it: raise fs.inotify.max_user_watches")
            } else {
                error.into()
            }
        })?;
        if let Some(before) = self.directories.insert(watch, path.to_owned())
            && before != path
        {
            self.watches.remove(&before);
        }
        self.watches.insert(path.to_owned(), watch);
        Ok(())
    }

    /// Watches a directory with all below it and looks at whatever is there; what is not there any more is gone.
    fn read(&mut self, top: &str) {
        let mut seen = HashSet::new();
        let mut directories = vec![top.to_owned()];
        while let Some(directory) = directories.pop() {
            if !directory.is_empty() && self.core.look(&directory, false) != Looked::Directory {
                continue;
            }
            seen.insert(directory.clone());
            let entries = self.watch(&directory).and_then(|()| fs::read_dir(self.core.path(&directory)));
            let entries = match entries {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    // Its own object is another matter: hence the slash.
                    let problem = format!("this directory cannot be read: {error}");
                    self.core.problem(&format!("{directory}/"), problem, false);
                    continue;
                }
            };
            self.core.state().notes.clear(&format!("{directory}/"));
            for entry in entries.flatten() {
                let name = entry.file_name();
                let Some(name) = name.to_str() else {
                    self.refuse(&shown(&entry.path()));
                    continue;
                };
                let path = join(&directory, name);
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    directories.push(path);
                    continue;
                }
                if !self.open.contains_key(&path) {
                    self.core.look(&path, false);
                    self.look_after_renamed(&path);
                }
                seen.insert(path);
            }
        }
        for known in self.core.known_below(top) {
            if !seen.contains(&known) {
                self.core.look(&known, false);
            }
        }
    }

    fn refuse_name(&self, directory: &str, event: &Event) {
        let name = join(directory, &String::from_utf8_lossy(&event.name));
        if event.what.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
            self.core.state().notes.clear(&name);
        } else {
            self.refuse_path(&name);
        }
    }

    fn refuse(&self, path: &str) {
        let root = shown(&self.core.config.folder);
        self.refuse_path(path.strip_prefix(&root).unwrap_or(path).trim_start_matches('/'));
    }

    fn refuse_path(&self, path: &str) {
        self.core.problem(path, "its name is not UTF-8, as keys in S3 are: rename it".to_owned(), false);
    }
}
