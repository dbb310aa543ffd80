//! The books of a share: what the folder holds, what the bucket holds, and what there is to do about the difference.
//!
//! Pure: events and the time go in, jobs and announcements come out. At a key at most one thing is under way, so that the
//! bucket ends as the folder does whatever the order in which jobs end. A rename is done by copying the object that is
//! there already, as long as it is; else the file is put anew.

mod slot;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexSet;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::slot::{Class, FOREIGN, Held, Slot, Wanted, Work};
pub(super) use self::slot::{Content, Key, Stamp};
use crate::model::Timestamp;

/// The wait after a first failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How a file came to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Its writer closed it. `racy`: another write could have left the same stamp.
    Closed {
        /// See above.
        racy: bool,
    },
    /// It was found while a directory was read.
    Found,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The key.
    pub key: Key,
    /// What.
    pub task: Task,
}

/// What there is to do at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// Put the file, which looked like this when it was noted.
    Put(Stamp),
    /// Put the empty object of a directory.
    PutDirectory,
    /// Copy the object of that key.
    CopyFrom(Key),
    /// Delete the object.
    Delete,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The object is there.
    Stored {
        /// Its entity tag.
        etag: String,
        /// What the file looked like after it was read; the job's own where nothing is read.
        stamp: Stamp,
        /// A later write would leave another stamp.
        firm: bool,
    },
    /// The file changed while it was read, and nothing was put.
    Changed,
    /// The object is gone.
    Deleted,
    /// It failed.
    Failed {
        /// Whether to try again.
        retryable: bool,
    },
}

/// An announcement to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// The key.
    pub key: Key,
    /// Which content it is for.
    pub content: Content,
    /// What the file looks like.
    pub stamp: Stamp,
}

/// What the share remembers of a key over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    /// What the file looked like when it was uploaded.
    pub stamp: Stamp,
    /// The object's entity tag.
    pub etag: String,
    /// The client's last write.
    pub written: Timestamp,
    /// Whether it was announced.
    pub announced: bool,
}

/// Numbers for the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub files: u64,
    pub directories: u64,
    pub used: u64,
    pub dirty: u64,
    pub waiting: u64,
    pub at_work: u64,
    pub settling: u64,
    pub refused: u64,
}

/// Somebody who wants to know when all that was written so far is uploaded.
#[derive(Debug)]
struct Request<T> {
    about: T,
    left: HashSet<Key>,
}

/// The books of a share; `T` is what a request for a notification is known by.
#[derive(Debug)]
pub(super) struct Book<T> {
    slots: BTreeMap<Key, Slot>,
    ready: IndexSet<Key>,
    delayed: BTreeSet<(Timestamp, Key)>,
    due: BTreeSet<(Timestamp, Key)>,
    requests: Vec<Request<T>>,
    totals: Totals,
    contents: Content,
    page: u64,
    order: StdRng,
    settling: Option<Duration>,
    online: bool,
}

/// Whether a key is a directory's.
pub(super) fn is_directory(key: &str) -> bool {
    key.ends_with('/')
}

impl<T> Book<T> {
    /// Empty books; `seed` is where the gateway's own order comes from.
    pub fn new(settling: Option<Duration>, seed: u64) -> Self {
        Self {
            slots: BTreeMap::new(),
            ready: IndexSet::new(),
            delayed: BTreeSet::new(),
            due: BTreeSet::new(),
            requests: Vec::new(),
            totals: Totals::default(),
            contents: FOREIGN,
            page: 0,
            order: StdRng::seed_from_u64(seed),
            settling,
            online: true,
        }
    }

    /// Numbers for the status.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether jobs are handed out.
    pub const fn online(&self) -> bool {
        self.online
    }

    /// Hands jobs and announcements out, or keeps them. What failed while it was cut off is tried at once.
    pub fn set_online(&mut self, online: bool) {
        self.online = online;
        if online {
            let delayed: Vec<Key> = self.delayed.iter().map(|(_, key)| Arc::clone(key)).collect();
            for key in delayed {
                self.slot(&key).not_before = None;
                self.refile(&key);
            }
        }
    }

    /// A file or directory is there and looks like this.
    pub fn wrote(&mut self, key: &str, stamp: Stamp, sight: Sight, now: Timestamp) {
        if let Some(slot) = self.slots.get(key)
            && let Some(wanted) = &slot.wanted
        {
            let same = is_directory(key) || wanted.stamp == stamp;
            let told = matches!(sight, Sight::Closed { .. });
            if same && (is_directory(key) || !told || !(wanted.racy || slot.unsettled)) {
                return;
            }
        }
        let key = self.key(key);
        self.contents += 1;
        let content = self.contents;
        let racy = matches!(sight, Sight::Closed { racy: true });
        self.want(&key, Wanted::new(content, stamp, racy, now, None));
    }

    /// Nothing is at a path any more.
    pub fn gone(&mut self, key: &str) {
        let Some((key, slot)) = self.slots.get_key_value(key) else { return };
        if slot.wanted.is_none() {
            return;
        }
        let key = Arc::clone(key);
        let before = self.slot(&key).wanted.take();
        self.slot(&key).forgive();
        self.release(before, &key);
        self.refile(&key);
    }

    /// A directory is gone with all that was in it; `directory` ends in a slash.
    pub fn gone_below(&mut self, directory: &str) {
        for key in self.below(directory) {
            self.gone(&key);
        }
    }

    /// A file was renamed and looks like this now; `false` when it is not the one that the books know.
    pub fn renamed(&mut self, from: &str, to: &str, stamp: Stamp, now: Timestamp) -> bool {
        let Some((from, slot)) = self.slots.get_key_value(from) else { return false };
        if slot.wanted.as_ref().is_none_or(|wanted| wanted.stamp != stamp) || **from == *to {
            return false;
        }
        let (from, to) = (Arc::clone(from), self.key(to));
        let unsettled = slot.unsettled;
        let Some(wanted) = self.slot(&from).wanted.take() else { return false };
        let content = wanted.content;
        let racy = wanted.racy;
        let holds = |book: &mut Self, key: &Key| book.slot(key).held.as_ref().is_some_and(|it| it.content == content);
        let source = if holds(self, &to) {
            None
        } else if holds(self, &from) {
            Some(Arc::clone(&from))
        } else {
            wanted.source.clone().filter(|source| **source != *to)
        };
        self.release(Some(wanted), &from);
        if let Some(source) = &source {
            let pins = &mut self.slot(source).pins;
            if !pins.contains(&to) {
                pins.push(Arc::clone(&to));
            }
        }
        self.slot(&from).forgive();
        let pinned = source.clone();
        self.want(&to, Wanted::new(content, stamp, racy, now, source));
        self.slot(&to).unsettled = unsettled;
        for key in [&from, &to].into_iter().chain(&pinned) {
            self.refile(key);
        }
        true
    }

    /// Whether a file waits for the end of a write that was seen while it was read.
    pub fn is_unsettled(&self, key: &str) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.unsettled)
    }

    /// A directory was renamed with all that is in it; both end in a slash.
    pub fn renamed_directory(&mut self, from: &str, to: &str, now: Timestamp) {
        for key in self.below(from) {
            let Some(stamp) = self.slots.get(&key).and_then(|slot| slot.wanted.as_ref()).map(|it| it.stamp) else {
                continue;
            };
            let renamed = format!("{to}{}", &key[from.len()..]);
            if is_directory(&key) {
                self.gone(&key);
                self.wrote(&renamed, stamp, Sight::Found, now);
            } else {
                self.renamed(&key, &renamed, stamp, now);
            }
        }
    }

    /// The next thing to do, in an order of the gateway's own.
    pub fn take(&mut self, now: Timestamp) -> Option<Job> {
        if !self.online {
            return None;
        }
        self.mature(now);
        if self.ready.is_empty() {
            return None;
        }
        let place = self.order.random_range(0..self.ready.len());
        let key = Arc::clone(self.ready.get_index(place)?);
        let (task, work) = self.task(&key);
        self.slot(&key).work = Some(work);
        self.refile(&key);
        Some(Job { key, task })
    }

    /// What was to wait until now is to be done; `true` when there is something to do.
    pub fn mature(&mut self, now: Timestamp) -> bool {
        while let Some((_, key)) = self.delayed.first().filter(|(moment, _)| *moment <= now).cloned() {
            self.slot(&key).not_before = None;
            self.refile(&key);
        }
        self.online && !self.ready.is_empty()
    }

    fn task(&mut self, key: &Key) -> (Task, Work) {
        let Some(wanted) = self.slot(key).wanted.clone() else { return (Task::Delete, Work::Delete) };
        let content = wanted.content;
        let put = Work::Put { content, stamp: wanted.stamp };
        if is_directory(key) {
            return (Task::PutDirectory, put);
        }
        let Some(source) = wanted.source else { return (Task::Put(wanted.stamp), put) };
        let slot = self.slot(&source);
        if slot.work.is_none() && slot.held.as_ref().is_some_and(|held| held.content == content) {
            return (Task::CopyFrom(Arc::clone(&source)), Work::Copy { content, from: source });
        }
        self.drop_source(key);
        (Task::Put(wanted.stamp), put)
    }

    /// A job has ended. `true` when the file is to be looked after: somebody was writing it.
    pub fn finish(&mut self, key: &Key, outcome: Outcome, now: Timestamp) -> bool {
        self.page += 1;
        let page = self.page;
        let slot = self.slot(key);
        let Some(work) = slot.work.take() else { return false };
        let mut look_after = false;
        let is_current = |slot: &Slot, content| slot.wanted.as_ref().is_some_and(|wanted| wanted.content == content);
        match (outcome, &work) {
            (Outcome::Stored { etag, stamp, firm }, Work::Put { content, stamp: noted }) => {
                let whole = stamp == *noted || is_directory(key);
                let held = if whole { *content } else { FOREIGN };
                slot.held = Some(Held { content: held, etag: etag.into(), page });
                slot.attempts = 0;
                if is_current(slot, *content) {
                    look_after = !whole;
                    slot.unsettled = !whole;
                    if let Some(wanted) = slot.wanted.as_mut().filter(|_| firm) {
                        wanted.racy = false;
                    }
                }
            }
            (Outcome::Changed, Work::Put { content, .. }) => {
                look_after = is_current(slot, *content);
                slot.unsettled = look_after;
            }
            (Outcome::Stored { etag, .. }, Work::Copy { content, .. }) => {
                slot.held = Some(Held { content: *content, etag: etag.into(), page });
                slot.attempts = 0;
            }
            (Outcome::Deleted, _) => {
                slot.held = None;
                slot.attempts = 0;
            }
            (Outcome::Failed { retryable }, _) => {
                slot.attempts += 1;
                slot.refused = !retryable && !matches!(work, Work::Copy { .. });
                slot.not_before = Some(now + wait(slot.attempts));
            }
            (Outcome::Stored { .. } | Outcome::Changed, _) => {}
        }
        if let Work::Copy { from, .. } = &work {
            if self.slot(key).wanted.as_ref().is_some_and(|wanted| wanted.source.as_ref() == Some(from)) {
                self.drop_source(key);
            } else {
                self.unpin(from, key);
            }
        }
        // An upload that began under an earlier name can have brought what was to be copied.
        let slot = self.slot(key);
        if slot.wanted.as_ref().is_some_and(|wanted| slot.holds(wanted.content)) {
            self.drop_source(key);
        }
        self.refile(key);
        look_after
    }

    /// Announcements that are due, `most` at the most.
    pub fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<Due> {
        let mut found = Vec::new();
        while self.online && found.len() < most {
            let Some((_, key)) = self.due.first().filter(|(moment, _)| *moment <= now).cloned() else { break };
            if let Some(wanted) = &mut self.slot(&key).wanted {
                wanted.announcing = true;
                found.push(Due { key: Arc::clone(&key), content: wanted.content, stamp: wanted.stamp });
            }
            self.refile(&key);
        }
        found
    }

    /// What became of an announcement.
    pub fn told(&mut self, due: &Due, accepted: bool, now: Timestamp) {
        if let Some(slot) = self.slots.get_mut(&due.key)
            && let Some(wanted) = slot.wanted.as_mut().filter(|wanted| wanted.content == due.content)
        {
            wanted.announcing = false;
            wanted.announced |= accepted;
            wanted.again = (!accepted).then(|| now + FIRST_WAIT);
            self.refile(&due.key);
        }
    }

    /// When there will be something to do or to announce, if nothing happens before.
    pub fn next_moment(&self) -> Option<Timestamp> {
        let firsts = [self.delayed.first(), self.due.first()];
        firsts.into_iter().flatten().map(|(moment, _)| *moment).min().filter(|_| self.online)
    }

    /// Whether there is nothing to do, now or later; what the bucket refuses for good does not count.
    pub fn is_idle(&self) -> bool {
        let is_answered = self.requests.iter().any(|request| request.left.is_empty());
        self.totals.waiting == 0 && self.totals.settling == 0 && !is_answered
    }

    /// Keeps `about` until all that the folder holds now is in the bucket.
    pub fn request(&mut self, about: T) {
        let open = self.slots.iter().filter(|(_, slot)| slot.class.is_open());
        let left = open.map(|(key, _)| Arc::clone(key)).collect();
        self.requests.push(Request { about, left });
    }

    /// Requests whose moment has come.
    pub fn answered(&mut self) -> Vec<T> {
        let done = self.requests.extract_if(.., |request| request.left.is_empty());
        done.map(|request| request.about).collect()
    }

    /// A key as it was before a restart: the file looks the same, and so does the object.
    pub fn restore(&mut self, key: &str, memory: Memory) {
        let key = self.key(key);
        self.contents += 1;
        let content = self.contents;
        let page = self.page;
        let slot = self.slot(&key);
        slot.held = Some(Held { content, etag: memory.etag.into(), page });
        let mut wanted = Wanted::new(content, memory.stamp, false, memory.written, None);
        wanted.announced = memory.announced;
        slot.wanted = Some(wanted);
        self.refile(&key);
    }

    /// Tries again what the bucket refused for good.
    pub fn retry(&mut self, key: &str) {
        let Some((key, _)) = self.slots.get_key_value(key).filter(|(_, slot)| slot.refused) else { return };
        let key = Arc::clone(key);
        self.slot(&key).forgive();
        self.refile(&key);
    }

    /// What is to be remembered of a key: what is uploaded as the folder has it.
    pub fn memory(&self, key: &str) -> Option<Memory> {
        let slot = self.slots.get(key)?;
        let (wanted, held) = (slot.wanted.as_ref()?, slot.held.as_ref()?);
        (wanted.content == held.content).then(|| Memory {
            stamp: wanted.stamp,
            etag: held.etag.to_string(),
            written: wanted.written,
            announced: wanted.announced,
        })
    }

    /// Everything that is to be remembered.
    pub fn memories(&self) -> impl Iterator<Item = (&str, Memory)> {
        self.slots.keys().filter_map(|key| self.memory(key).map(|memory| (&**key, memory)))
    }

    /// The page that the books are on: what is written later is on a later one.
    pub const fn page(&self) -> u64 {
        self.page
    }

    /// The keys at which folder and bucket agree since that page or before.
    pub fn clean_since(&self, prefix: &str, page: u64) -> Vec<Key> {
        let clean = |slot: &Slot| !slot.class.is_open() && slot.held.as_ref().is_some_and(|held| held.page <= page);
        self.range(prefix).filter(|(_, slot)| clean(slot)).map(|(key, _)| Arc::clone(key)).collect()
    }

    /// Whether the object at a key is the one that the share put or fetched, or the share is about to replace it.
    pub fn is_own(&self, key: &str, etag: &str) -> bool {
        self.slots.get(key).is_some_and(|slot| {
            slot.class.is_open() || slot.wanted.is_some() && slot.held.as_ref().is_some_and(|held| *held.etag == *etag)
        })
    }

    /// Takes over an object of others, whose file will look like this; `false` when a client wrote the file meanwhile.
    pub fn adopt(&mut self, key: &str, stamp: Stamp, etag: &str, now: Timestamp) -> bool {
        if self.slots.get(key).is_some_and(|slot| slot.class.is_open()) {
            return false;
        }
        let memory = Memory { stamp, etag: etag.to_owned(), written: now, announced: true };
        self.restore(key, memory);
        true
    }

    /// Forgets a key whose object others have deleted; `false` when the client wrote the file since that page.
    pub fn forget(&mut self, key: &Key, page: u64) -> bool {
        let Some(slot) = self.slots.get_mut(key) else { return false };
        if slot.class.is_open() || slot.held.as_ref().is_none_or(|held| held.page > page) || !slot.pins.is_empty() {
            return false;
        }
        slot.wanted = None;
        slot.held = None;
        self.refile(key);
        true
    }

    /// Every key that the folder holds at or below a prefix.
    pub fn wanted_below(&self, prefix: &str) -> Vec<Key> {
        self.range(prefix).filter(|(_, slot)| slot.wanted.is_some()).map(|(key, _)| Arc::clone(key)).collect()
    }

    fn below(&self, directory: &str) -> Vec<Key> {
        self.range(directory).map(|(key, _)| Arc::clone(key)).collect()
    }

    /// The slots whose keys begin with `prefix`.
    fn range<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Key, &'a Slot)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.slots.range::<str, _>(from).take_while(move |(key, _)| key.starts_with(prefix))
    }

    fn key(&self, key: &str) -> Key {
        self.slots.get_key_value(key).map_or_else(|| Arc::from(key), |(key, _)| Arc::clone(key))
    }

    fn slot(&mut self, key: &Key) -> &mut Slot {
        self.slots.entry(Arc::clone(key)).or_insert_with(Slot::empty)
    }

    /// Notes what the folder holds at a key.
    fn want(&mut self, key: &Key, wanted: Wanted) {
        let before = self.slot(key).wanted.replace(wanted);
        self.release(before, key);
        self.slot(key).forgive();
        // Who waited for a copy of what was here puts its file anew; a copy that is under way is waited for.
        let pins = self.slot(key).pins.clone();
        let content = self.slot(key).wanted.as_ref().map(|wanted| wanted.content);
        let stays = self.slot(key).held.as_ref().map(|held| held.content) == content;
        for pin in pins.into_iter().filter(|_| !stays) {
            if !matches!(&self.slot(&pin).work, Some(Work::Copy { from, .. }) if from == key) {
                self.drop_source(&pin);
                self.refile(&pin);
            }
        }
        self.refile(key);
    }

    /// What was wanted at a key is not any more: its source is free.
    fn release(&mut self, before: Option<Wanted>, key: &Key) {
        if let Some(source) = before.and_then(|wanted| wanted.source)
            && !matches!(&self.slot(key).work, Some(Work::Copy { from, .. }) if *from == source)
        {
            self.unpin(&source, key);
        }
    }

    fn drop_source(&mut self, key: &Key) {
        let source = self.slot(key).wanted.as_mut().and_then(|wanted| wanted.source.take());
        if let Some(source) = source {
            self.unpin(&source, key);
        }
    }

    fn unpin(&mut self, source: &Key, by: &Key) {
        if let Some(place) = self.slot(source).pins.iter().position(|pin| pin == by) {
            self.slot(source).pins.swap_remove(place);
        }
        self.refile(source);
    }

    /// Puts a slot where it belongs, and counts it.
    fn refile(&mut self, key: &Key) {
        let settling = self.settling;
        let Some(slot) = self.slots.get_mut(key) else { return };
        let (before, class) = (slot.class, slot.classify(settling));
        slot.class = class;
        let size = slot.wanted.as_ref().map_or(0, |wanted| wanted.stamp.size);
        let counted = (size, if class.is_open() { size } else { 0 });
        let old = std::mem::replace(&mut slot.counted, counted);
        let totals = &mut self.totals;
        totals.used = totals.used + counted.0 - old.0;
        totals.dirty = totals.dirty + counted.1 - old.1;
        if before != class {
            for (class, counts) in [(before, false), (class, true)] {
                self.file(key, class, counts);
            }
        }
        let is_there = self.slots.get(key).is_some_and(|slot| slot.wanted.is_some());
        self.count_entry(key, is_there);
        if class == Class::Gone {
            self.slots.remove(key);
        }
        if !class.is_open() {
            for request in &mut self.requests {
                request.left.remove(key);
            }
        }
    }

    fn file(&mut self, key: &Key, class: Class, into: bool) {
        let step = |count: &mut u64| *count = if into { *count + 1 } else { *count - 1 };
        let totals = &mut self.totals;
        match class {
            Class::Refused => step(&mut totals.refused),
            Class::Clean { due: Some(_) } | Class::Announcing => step(&mut totals.settling),
            Class::AtWork => step(&mut totals.at_work),
            _ => {}
        }
        if class.is_open() && class != Class::Refused {
            step(&mut totals.waiting);
        }
        let moments = match class {
            Class::Ready if into => {
                self.ready.insert(Arc::clone(key));
                return;
            }
            Class::Ready => {
                self.ready.swap_remove(key);
                return;
            }
            Class::Delayed(moment) => Some((&mut self.delayed, moment)),
            Class::Clean { due: Some(moment) } => Some((&mut self.due, moment)),
            _ => None,
        };
        match moments {
            Some((set, moment)) if into => {
                set.insert((moment, Arc::clone(key)));
            }
            Some((set, moment)) => {
                set.remove(&(moment, Arc::clone(key)));
            }
            None => {}
        }
    }

    fn count_entry(&mut self, key: &Key, is_there: bool) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if slot.is_counted == is_there {
            return;
        }
        slot.is_counted = is_there;
        let count = if is_directory(key) { &mut self.totals.directories } else { &mut self.totals.files };
        *count = if is_there { *count + 1 } else { *count - 1 };
    }
}

/// How long to wait after so many failures in a row.
fn wait(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(6)).min(LONGEST_WAIT)
}
