//! The gateway as a machine of events: clients write into its cache, it uploads several files at a time and not in the
//! order of the writes, and announces each once its settling time is over. Pure: the same load and the same
//! interventions at the same moments give the same steps.
//!
//! A large file stands in the bucket with a part of its bytes first. A notification is sent once the upload is complete
//! and the settling time since the client's last write is over; a file that is written again before that is announced
//! once, later ones twice. Without a connection uploads stand still where they are, and what is due is sent afterwards.
//! A full cache lets clients wait until uploads have made room.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::cache::Cache;
use super::dataset::{Dataset, Fate};
use super::gateway::{GatewaySpec, UploadOrder, secs, transfer};
use super::job::{JobSpec, ManifestOrder};
use super::load::Load;
use super::uploads::{Upload, Uploads};
use crate::model::{GatewayState, Uploading};

/// An entry of one of the datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct File {
    /// The position of its dataset.
    pub set: usize,
    /// Its position in the dataset.
    pub entry: usize,
}

/// Something that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The client has written a file to the share.
    Write(File),
    /// The client, of that dataset, has to wait for room in the cache.
    Blocked(usize),
    /// So many bytes of a file stand in the bucket.
    PartialUpload(File, u64),
    /// All of a file stands in the bucket.
    Upload(File),
    /// The upload of a file is given up: the rest never comes.
    Stalled(File),
    /// The notification of a file is sent.
    Notify(File),
    /// The connection to AWS is gone.
    Offline,
    /// The connection to AWS is back.
    Online,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Time of the gateway since the begin of everything.
    pub at: Duration,
    /// What is done.
    pub action: Action,
}

/// What happened in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How often a client had to wait for room in the cache.
    pub blocked_writes: u64,
    /// Notifications that were due while there was no connection.
    pub held_notifications: u64,
    /// The most bytes that the cache had to keep at any moment.
    pub most_dirty_bytes: u64,
    /// Uploads that will never complete.
    pub stalled: u64,
}

/// What is going to happen, those of one moment in the order in which they came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coming {
    /// The client of a dataset turns to its next file.
    Turn(usize),
    /// It has written it.
    Written(File),
    /// It wants to write a file again.
    Again(File),
    /// Half of an upload's time is over.
    Half(usize, u32),
    /// An upload's time is over.
    Ended(usize, u32),
    /// A file's settling time is over since that write of it.
    Settled(File, u32),
    /// A file is announced once more.
    Repeated(File, u32),
    /// The connection goes.
    Offline,
    /// The connection comes.
    Online,
}

/// Who waits for room in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Client(File),
    Again(File),
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// How often it was written.
    writes: u32,
    last_write: Duration,
    is_waiting: bool,
    is_uploading: bool,
    /// It was written while it was being uploaded: it has to be uploaded again.
    is_again: bool,
}

/// A client at its work.
#[derive(Debug, Clone)]
struct Client {
    order: Vec<usize>,
    next: usize,
    /// Files of `order` before the late ones.
    usual: usize,
}

/// The machine.
#[derive(Debug)]
pub struct Engine<'a> {
    gateway: &'a GatewaySpec,
    jobs: &'a [JobSpec],
    sets: &'a [Dataset],
    now: Duration,
    coming: BinaryHeap<Reverse<(Duration, u64, Coming)>>,
    made: u64,
    done: VecDeque<Step>,
    clients: Vec<Client>,
    files: Vec<Vec<Known>>,
    cache: Cache<Writer>,
    queue: VecDeque<File>,
    queue_bytes: u64,
    uploads: Uploads,
    order: UploadOrder,
    is_online: bool,
    /// Notifications that wait for the connection: the file, and its write.
    held: Vec<(File, u32)>,
    settling: u64,
    tally: Tally,
    rng: StdRng,
}

impl<'a> Engine<'a> {
    /// The machine at the begin of everything; `sets` were made from `load`.
    #[must_use]
    pub fn new(load: &'a Load, sets: &'a [Dataset]) -> Self {
        let mut engine = Self {
            gateway: &load.gateway,
            jobs: &load.jobs,
            sets,
            now: Duration::ZERO,
            coming: BinaryHeap::new(),
            made: 0,
            done: VecDeque::new(),
            clients: load.jobs.iter().zip(sets).map(|(job, set)| Client::of(job, set)).collect(),
            files: sets.iter().map(|set| vec![Known::default(); set.entries.len()]).collect(),
            cache: Cache::new(load.gateway.cache_bytes),
            queue: VecDeque::new(),
            queue_bytes: 0,
            uploads: Uploads::default(),
            order: load.gateway.upload_order,
            is_online: true,
            held: Vec::new(),
            settling: 0,
            tally: Tally::default(),
            rng: StdRng::seed_from_u64(load.seed()),
        };
        for window in &load.gateway.offline {
            engine.comes(secs(window.from_secs), Coming::Offline);
            engine.comes(secs(window.from_secs) + secs(window.for_secs), Coming::Online);
        }
        for (set, job) in load.jobs.iter().enumerate() {
            engine.comes(secs(job.start_secs), Coming::Turn(set));
        }
        engine
    }

    /// The next step, where it comes no later than `until`.
    pub fn next_until(&mut self, until: Duration) -> Option<Step> {
        while self.done.is_empty() {
            let Reverse((at, ..)) = self.coming.peek()?;
            if *at > until {
                return None;
            }
            let Reverse((at, _, coming)) = self.coming.pop()?;
            self.now = self.now.max(at);
            self.happen(coming);
        }
        self.done.pop_front()
    }

    /// When something happens next; `None` when everything is over.
    #[must_use]
    pub fn next_at(&self) -> Option<Duration> {
        match self.done.front() {
            Some(step) => Some(step.at),
            None => self.coming.peek().map(|Reverse((at, ..))| *at),
        }
    }

    /// When the last thing happened.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Whether nothing will happen any more, unless somebody gives the connection back where something waits for it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let is_waiting = !self.held.is_empty()
            || !self.queue.is_empty()
            || self.uploads.iter().next().is_some()
            || self.cache.waiting() > 0;
        self.next_at().is_none() && (self.is_online || !is_waiting)
    }

    /// Whether clients wait for room that nothing will ever make.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.next_at().is_none() && self.cache.waiting() > 0 && self.is_online
    }

    /// Takes the connection away, or gives it back.
    pub fn set_online(&mut self, at: Duration, is_online: bool) {
        self.turn_to(at);
        self.happen(if is_online { Coming::Online } else { Coming::Offline });
    }

    /// Lets uploads run so many times as fast as they were asked to.
    pub fn set_speed(&mut self, at: Duration, speed: f64) {
        self.turn_to(at);
        self.uploads.set_speed(self.now, speed);
        self.reschedule();
    }

    /// Chooses which file is uploaded next from now on.
    pub fn set_order(&mut self, order: UploadOrder) {
        self.order = order;
    }

    /// What happened in all so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally { blocked_writes: self.cache.waited(), most_dirty_bytes: self.cache.most_dirty(), ..self.tally }
    }

    /// What it is in the middle of.
    #[must_use]
    pub fn state(&self, at: Duration) -> GatewayState {
        let uploading = self.uploads.iter().map(|upload| Uploading {
            object_key: self.sets[upload.file.set].entries[upload.file.entry].object_key(),
            size: upload.size,
            done: self.uploads.done(upload, at),
        });
        GatewayState {
            is_online: self.is_online,
            is_over: self.is_over(),
            is_in_order: self.order == UploadOrder::Written,
            speed: self.uploads.speed(),
            settling_secs: self.gateway.settling_secs,
            cache: self.cache.state(),
            waiting: (self.queue.len() as u64, self.queue_bytes),
            uploading: uploading.collect(),
            settling: self.settling,
            held: self.held.len() as u64,
            blocked: self.cache.waiting() as u64,
            stalled: self.tally.stalled,
            ..GatewayState::default()
        }
    }

    /// An intervention cannot come before what has happened already.
    fn turn_to(&mut self, at: Duration) {
        self.now = self.now.max(at);
    }

    fn comes(&mut self, at: Duration, coming: Coming) {
        self.made += 1;
        self.coming.push(Reverse((at, self.made, coming)));
    }

    fn does(&mut self, action: Action) {
        self.done.push_back(Step { at: self.now, action });
    }

    fn size(&self, file: File) -> u64 {
        self.sets[file.set].entries[file.entry].content.size()
    }

    fn fate(&self, file: File) -> Fate {
        self.sets[file.set].entries[file.entry].fate
    }

    fn known(&mut self, file: File) -> &mut Known {
        &mut self.files[file.set][file.entry]
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::Turn(set) => self.turn(set),
            Coming::Written(file) => self.written(file),
            Coming::Again(file) => self.write_again(file),
            Coming::Half(upload, age) => self.half(upload, age),
            Coming::Ended(upload, age) => self.ended(upload, age),
            Coming::Settled(file, write) => {
                self.settling -= 1;
                self.announce(file, write);
            }
            Coming::Repeated(file, write) => self.announce(file, write),
            Coming::Offline if self.is_online => {
                self.is_online = false;
                self.uploads.stop(self.now);
                self.does(Action::Offline);
            }
            Coming::Online if !self.is_online => {
                self.is_online = true;
                self.does(Action::Online);
                self.uploads.go_on(self.now);
                self.reschedule();
                for (file, write) in std::mem::take(&mut self.held) {
                    self.announce(file, write);
                }
                self.start_uploads();
            }
            Coming::Offline | Coming::Online => {}
        }
    }

    /// The client begins its next file, once there is room for it.
    fn turn(&mut self, set: usize) {
        let client = &self.clients[set];
        let Some(entry) = client.order.get(client.next).copied() else { return };
        let file = File { set, entry };
        if self.cache.write(Writer::Client(file), self.size(file)) {
            self.begin_write(file);
        } else {
            self.does(Action::Blocked(set));
        }
    }

    fn begin_write(&mut self, file: File) {
        let job = &self.jobs[file.set];
        let takes = secs(job.copy_secs_per_file) + transfer(self.size(file), job.copy_bytes_per_sec);
        self.comes(self.now + takes, Coming::Written(file));
    }

    fn written(&mut self, file: File) {
        let job = &self.jobs[file.set];
        if self.known(file).writes == 0 {
            if self.fate(file) == Fate::Rewritten {
                self.comes(self.now + secs(job.rewrite_gap_secs), Coming::Again(file));
            }
            let client = &mut self.clients[file.set];
            client.next += 1;
            let pause = if client.next == client.usual { secs(job.late_by_secs) } else { Duration::ZERO };
            if client.next < client.order.len() {
                self.comes(self.now + pause, Coming::Turn(file.set));
            }
        }
        let now = self.now;
        let known = self.known(file);
        known.writes += 1;
        known.last_write = now;
        let (waits, uploads) = (known.is_waiting, known.is_uploading);
        known.is_again |= uploads;
        known.is_waiting |= !uploads;
        self.does(Action::Write(file));
        // A file that still waits is uploaded once, as it was written last.
        if !waits && !uploads {
            self.queue.push_back(file);
            self.queue_bytes += self.size(file);
        }
        self.start_uploads();
    }

    fn write_again(&mut self, file: File) {
        let (known, size) = (*self.known(file), self.size(file));
        if known.is_waiting || known.is_uploading {
            return self.written(file);
        }
        self.cache.forget_clean(size);
        if self.cache.write(Writer::Again(file), size) {
            self.written(file);
        } else {
            self.does(Action::Blocked(file.set));
        }
    }

    fn start_uploads(&mut self) {
        while self.is_online && self.uploads.len() < self.gateway.upload_workers.min(1_024) as usize {
            let next = match self.order {
                UploadOrder::Written => self.queue.pop_front(),
                UploadOrder::Shuffled if self.queue.is_empty() => None,
                UploadOrder::Shuffled => self.queue.swap_remove_back(self.rng.random_range(0..self.queue.len())),
            };
            let Some(file) = next else { return };
            let size = self.size(file);
            self.queue_bytes -= size;
            let known = self.known(file);
            (known.is_waiting, known.is_uploading) = (false, true);
            let write = known.writes;
            let is_stuck = self.fate(file) == Fate::Stuck;
            let from = self.gateway.partial_from_bytes;
            let has_part = size > 1 && (is_stuck || (from > 0 && size >= from));
            let part = has_part.then(|| self.rng.random_range(1..size));
            let upload = Upload::new(file, write, size, part, self.gateway.upload_time(size));
            let id = self.uploads.start(self.now, upload);
            self.schedule(id);
        }
    }

    fn reschedule(&mut self) {
        for id in self.uploads.ids() {
            self.schedule(id);
        }
    }

    fn schedule(&mut self, id: usize) {
        let Some((age, half, end)) = self.uploads.times(id) else { return };
        if let Some(half) = half {
            self.comes(half, Coming::Half(id, age));
        }
        self.comes(end, Coming::Ended(id, age));
    }

    fn half(&mut self, id: usize, age: u32) {
        if let Some((file, part)) = self.uploads.take_part(id, age) {
            self.does(Action::PartialUpload(file, part));
        }
    }

    fn ended(&mut self, id: usize, age: u32) {
        let Some(Upload { file, write, size, .. }) = self.uploads.end(id, age) else { return };
        if self.fate(file) == Fate::Stuck {
            // What is not uploaded has to stay in the cache.
            self.tally.stalled += 1;
            self.does(Action::Stalled(file));
            return self.start_uploads();
        }
        let now = self.now;
        let known = self.known(file);
        known.is_uploading = false;
        let is_again = std::mem::take(&mut known.is_again);
        // Written again meanwhile: its own time counts from that write.
        let written = if known.writes == write { known.last_write } else { Duration::ZERO };
        known.is_waiting |= is_again;
        self.does(Action::Upload(file));
        let due = now.max(written + secs(self.gateway.settling_secs));
        self.settling += 1;
        self.comes(due, Coming::Settled(file, write));
        if self.fate(file) == Fate::Repeated {
            let gap = secs(self.jobs[file.set].duplicate_gap_secs);
            self.comes(due + gap, Coming::Repeated(file, write));
        }
        if is_again {
            self.queue.push_back(file);
            self.queue_bytes += size;
        } else {
            self.cache.uploaded(size);
            while let Some(writer) = self.cache.wake() {
                match writer {
                    Writer::Client(file) => self.begin_write(file),
                    Writer::Again(file) => self.written(file),
                }
            }
        }
        self.start_uploads();
    }

    /// Announces a file, unless it was written again since: then that write is announced.
    fn announce(&mut self, file: File, write: u32) {
        if self.known(file).writes != write {
            return;
        }
        if self.is_online {
            self.does(Action::Notify(file));
        } else {
            self.tally.held_notifications += 1;
            self.held.push((file, write));
        }
    }
}

impl Client {
    /// What the client writes, in its order.
    fn of(job: &JobSpec, set: &Dataset) -> Self {
        use super::dataset::EntryKind;

        let mut order: Vec<usize> = (0..set.entries.len()).collect();
        if job.manifest == ManifestOrder::Early {
            // After the directories: the manifest stands in the root, which must be there.
            let directories = set.entries.iter().take_while(|entry| entry.kind == EntryKind::Directory).count();
            if let Some(manifest) = order.pop() {
                order.insert(directories, manifest);
            }
        }
        order.retain(|entry| !set.entries[*entry].is_missing());
        let is_late = |entry: &usize| set.entries[*entry].fate == Fate::Late;
        let (late, mut order): (Vec<usize>, Vec<usize>) = order.into_iter().partition(is_late);
        let usual = order.len();
        order.extend(late);
        Self { order, next: 0, usual }
    }
}
