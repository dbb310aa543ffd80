//! The books against a folder and a bucket that are kept by definition.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SETTLING: Duration = Duration::from_secs(60);

/// A folder, a bucket and the announcements, driven at random.
struct World {
    book: Book<u32>,
    now: Timestamp,
    /// Path → (stamp, moment of the last write or rename).
    folder: BTreeMap<String, (Stamp, Timestamp)>,
    /// Key → the stamp that its bytes were put with.
    bucket: BTreeMap<String, Stamp>,
    under_way: Vec<Job>,
    /// What was announced: path, stamp and when.
    told: Vec<(String, Stamp, Timestamp)>,
    inos: u64,
    puts: u64,
}

/// What a client or the world does.
#[derive(Debug, Clone)]
enum Act {
    Write(usize),
    Remove(usize),
    Rename(usize, usize),
    RenameDirectory(usize, usize),
    Take,
    End(usize, bool),
    /// The job ends, and the file had changed while it was read.
    Torn(usize),
    Wait(u64),
    Announce(bool),
    Online(bool),
}

const FILES: [&str; 8] = ["a", "b", "d/a", "d/b", "d/e/a", "e/a", "e/d/a", "c"];
const DIRECTORIES: [&str; 3] = ["d/", "e/", "f/"];

impl World {
    fn new() -> Self {
        Self {
            book: Book::new(Some(SETTLING), 7),
            now: Timestamp::from_secs(1_000_000),
            folder: BTreeMap::new(),
            bucket: BTreeMap::new(),
            under_way: Vec::new(),
            told: Vec::new(),
            inos: 0,
            puts: 0,
        }
    }

    /// No two things happen at one moment, so that what was told before a change is told from what was told after it.
    fn tick(&mut self) {
        self.now = self.now + Duration::from_micros(1);
    }

    fn write(&mut self, path: &str) {
        self.tick();
        self.inos += 1;
        let stamp = Stamp { size: self.inos * 10, mtime: self.now.micros(), ino: self.inos };
        self.folder.insert(path.to_owned(), (stamp, self.now));
        self.book.wrote(path, stamp, Sight::Closed { racy: true }, self.now);
    }

    fn remove(&mut self, path: &str) {
        self.folder.remove(path);
        self.book.gone(path);
    }

    fn rename(&mut self, from: &str, to: &str) {
        if from == to {
            return;
        }
        let Some((stamp, _)) = self.folder.remove(from) else { return };
        self.tick();
        self.folder.insert(to.to_owned(), (stamp, self.now));
        assert!(self.book.renamed(from, to, stamp, self.now), "the books know {from}");
    }

    fn rename_directory(&mut self, from: &str, to: &str) {
        // As on a disk: the target must be empty, and not inside of the source.
        if from == to || self.folder.keys().any(|path| path.starts_with(to)) {
            return;
        }
        self.tick();
        let moved: Vec<String> = self.folder.keys().filter(|path| path.starts_with(from)).cloned().collect();
        for path in moved {
            let entry = self.folder.remove(&path).expect("a path that was listed");
            self.folder.insert(format!("{to}{}", &path[from.len()..]), (entry.0, self.now));
        }
        self.book.renamed_directory(from, to, self.now);
    }

    fn take(&mut self) {
        if let Some(job) = self.book.take(self.now) {
            assert!(self.under_way.iter().all(|other| other.key != job.key), "two jobs at {}", job.key);
            if let Task::CopyFrom(source) = &job.task {
                assert!(self.bucket.contains_key(&**source), "{source} cannot be copied: it is not there");
            }
            self.under_way.push(job);
        }
    }

    fn end(&mut self, place: usize, works: bool) {
        if self.under_way.is_empty() {
            return;
        }
        let job = self.under_way.swap_remove(place % self.under_way.len());
        let key = job.key.to_string();
        let outcome = match &job.task {
            _ if !works => Outcome::Failed { retryable: true },
            Task::Delete => {
                self.bucket.remove(&key);
                Outcome::Deleted
            }
            Task::Put(stamp) => {
                self.puts += 1;
                self.bucket.insert(key, *stamp);
                Outcome::Stored { etag: "e".to_owned(), stamp: *stamp, firm: true }
            }
            Task::PutDirectory => {
                self.bucket.insert(key, Stamp::default());
                Outcome::Stored { etag: "e".to_owned(), stamp: Stamp::default(), firm: true }
            }
            Task::CopyFrom(source) => {
                // The source has not changed since the copy began.
                let bytes = *self.bucket.get(&**source).expect("a source");
                self.bucket.insert(key, bytes);
                Outcome::Stored { etag: "e".to_owned(), stamp: bytes, firm: true }
            }
        };
        assert!(!self.book.finish(&job.key, outcome, self.now));
    }

    /// The file was being written while it was read; its writer closes it right after.
    fn torn(&mut self, place: usize) {
        if self.under_way.is_empty() {
            return;
        }
        let place = place % self.under_way.len();
        let Task::Put(noted) = self.under_way[place].task.clone() else { return };
        let job = self.under_way.swap_remove(place);
        let half = Stamp { size: noted.size + 1, ..noted };
        self.bucket.insert(job.key.to_string(), half);
        let is_current = self.folder.get(&*job.key).is_some_and(|(stamp, _)| *stamp == noted);
        let outcome = Outcome::Stored { etag: "e".to_owned(), stamp: half, firm: true };
        assert_eq!(self.book.finish(&job.key, outcome, self.now), is_current);
        if is_current {
            self.write(&job.key);
        }
    }

    fn announce(&mut self, accepted: bool) {
        for due in self.book.take_due(self.now, 10) {
            let path = due.key.to_string();
            let (stamp, written) = self.folder.get(&path).expect("only what is there is announced");
            assert_eq!(*stamp, due.stamp, "the last content is announced");
            assert_eq!(self.bucket.get(&path), Some(stamp), "only what is uploaded is announced");
            assert!(self.now >= *written + SETTLING, "{path} was announced before it settled");
            if accepted {
                self.told.push((path, due.stamp, self.now));
            }
            self.book.told(&due, accepted, self.now);
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Write(file) => self.write(FILES[*file]),
            Act::Remove(file) => self.remove(FILES[*file]),
            Act::Rename(from, to) => self.rename(FILES[*from], FILES[*to]),
            Act::RenameDirectory(from, to) => self.rename_directory(DIRECTORIES[*from], DIRECTORIES[*to]),
            Act::Take => self.take(),
            Act::End(place, works) => self.end(*place, *works),
            Act::Torn(place) => self.torn(*place),
            Act::Wait(secs) => self.now = self.now + Duration::from_secs(*secs),
            Act::Announce(accepted) => self.announce(*accepted),
            Act::Online(online) => self.book.set_online(*online),
        }
        let used: u64 = self.folder.values().map(|(stamp, _)| stamp.size).sum();
        assert_eq!((self.book.totals().files, self.book.totals().used), (self.folder.len() as u64, used));
    }

    /// Lets everything come to an end.
    fn drain(&mut self) {
        self.book.set_online(true);
        for _ in 0..10_000 {
            self.take();
            self.end(0, true);
            if self.under_way.is_empty() {
                self.announce(true);
                match self.book.next_moment() {
                    Some(moment) => self.now = self.now.max(moment),
                    None if self.book.is_idle() => return,
                    None => {}
                }
            }
        }
        panic!("it never ends: {:?}", self.book.totals());
    }
}

fn act() -> impl Strategy<Value = Act> {
    let file = 0..FILES.len();
    let directory = 0..DIRECTORIES.len();
    prop_oneof![
        4 => file.clone().prop_map(Act::Write),
        1 => file.clone().prop_map(Act::Remove),
        3 => (file.clone(), file).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => (directory.clone(), directory).prop_map(|(from, to)| Act::RenameDirectory(from, to)),
        5 => Just(Act::Take),
        5 => (0_usize..4, prop::bool::weighted(0.8)).prop_map(|(place, works)| Act::End(place, works)),
        1 => (0_usize..4).prop_map(Act::Torn),
        2 => (1_u64..50).prop_map(Act::Wait),
        2 => prop::bool::weighted(0.8).prop_map(Act::Announce),
        1 => prop::bool::weighted(0.7).prop_map(Act::Online),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn in_the_end_the_bucket_is_the_folder_and_every_last_content_was_announced(
        acts in prop::collection::vec(act(), 0..80),
    ) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        world.drain();
        let folder: BTreeMap<String, Stamp> =
            world.folder.iter().map(|(path, (stamp, _))| (path.clone(), *stamp)).collect();
        prop_assert_eq!(&world.bucket, &folder);
        for (path, (stamp, written)) in &world.folder {
            let after = world.told.iter().filter(|(told, what, at)| told == path && what == stamp && at >= written);
            prop_assert_eq!(after.count(), 1, "{} was not announced once for its last content", path);
        }
        let totals = world.book.totals();
        prop_assert_eq!((totals.dirty, totals.waiting, totals.at_work, totals.settling), (0, 0, 0, 0));
        prop_assert!(world.book.answered().is_empty());
    }
}

/// A world in which `file` is uploaded and announced.
fn settled(files: &[&str]) -> World {
    let mut world = World::new();
    for file in files {
        world.write(file);
    }
    world.drain();
    world
}

#[test]
fn writes_within_the_settling_time_give_one_announcement_and_later_ones_another() {
    let mut world = World::new();
    for _ in 0..3 {
        world.write("a");
        world.take();
        world.end(0, true);
        world.act(&Act::Wait(59));
        world.announce(true);
    }
    assert_eq!((world.told.len(), world.puts), (0, 3), "each write began the settling time anew");
    world.act(&Act::Wait(1));
    world.announce(true);
    assert_eq!(world.told.len(), 1);
    world.write("a");
    world.drain();
    assert_eq!(world.told.len(), 2);
}

#[test]
fn a_rename_copies_what_is_there_and_uploads_what_is_not() {
    let mut world = settled(&["d/a", "d/b"]);
    world.rename_directory("d/", "e/");
    world.drain();
    assert_eq!(world.puts, 2, "two files were copied");
    assert_eq!(world.bucket.keys().collect::<Vec<_>>(), ["e/a", "e/b"]);
    assert_eq!(world.told.len(), 4, "the new names are announced");
    world.write("c");
    world.rename("c", "b");
    world.rename("b", "a");
    world.drain();
    assert_eq!(world.puts, 3);
    // Back and forth before anything is done costs nothing.
    world.rename("a", "b");
    world.rename("b", "a");
    assert_eq!(world.book.totals().waiting, 0);
    // Two that change places by way of a third one.
    world.rename("e/a", "c");
    world.rename("e/b", "e/a");
    world.rename("c", "e/b");
    world.drain();
    let folder: Vec<Stamp> = world.folder.values().map(|(stamp, _)| *stamp).collect();
    assert_eq!(world.bucket.values().copied().collect::<Vec<_>>(), folder);
}

#[test]
fn a_file_that_comes_back_while_its_first_upload_is_under_way_leaves_nothing_behind() {
    let mut world = World::new();
    world.write("d/b");
    world.take();
    world.rename("d/b", "e/a");
    world.take();
    world.end(1, true);
    world.rename("e/a", "d/b");
    world.drain();
    assert_eq!(world.bucket.keys().collect::<Vec<_>>(), ["d/b"]);
}

#[test]
fn what_is_found_again_as_it_was_is_left_alone() {
    let mut world = settled(&["a"]);
    let stamp = world.folder["a"].0;
    world.book.wrote("a", stamp, Sight::Found, world.now);
    world.book.wrote("a", stamp, Sight::Closed { racy: false }, world.now);
    assert!(world.book.is_idle());
    world.book.wrote("a", Stamp { mtime: stamp.mtime + 1, ..stamp }, Sight::Found, world.now);
    assert_eq!(world.book.totals().waiting, 1);
}

#[test]
fn offline_nothing_is_handed_out_and_nothing_is_lost() {
    let mut world = World::new();
    world.book.set_online(false);
    world.write("a");
    world.act(&Act::Wait(600));
    assert_eq!((world.book.take(world.now), world.book.next_moment()), (None, None));
    assert_eq!(world.book.totals().dirty, 10);
    world.drain();
    assert_eq!(world.told.len(), 1);
}

#[test]
fn a_request_is_answered_when_all_that_was_there_is_uploaded() {
    let mut world = World::new();
    world.book.request(1);
    assert_eq!(world.book.answered(), [1]);
    world.write("a");
    world.write("b");
    world.book.request(2);
    world.write("c");
    for _ in 0..2 {
        assert_eq!(world.book.answered(), Vec::<u32>::new());
        while !["a", "b"].iter().any(|it| world.under_way.first().is_some_and(|job| *job.key == **it)) {
            world.under_way.clear();
            world.take();
        }
        world.end(0, true);
    }
    assert_eq!(world.book.answered(), [2]);
}

#[test]
fn what_is_refused_for_good_is_left_alone_until_it_changes() {
    let mut world = World::new();
    world.write("a");
    let job = world.book.take(world.now).expect("a job");
    world.book.finish(&job.key, Outcome::Failed { retryable: false }, world.now);
    world.act(&Act::Wait(3_600));
    assert_eq!(world.book.take(world.now), None);
    assert!(world.book.is_idle());
    assert_eq!(world.book.totals().refused, 1);
    world.write("a");
    world.drain();
    assert_eq!((world.told.len(), world.book.totals().refused), (1, 0));
}

#[test]
fn failures_are_tried_again_ever_more_rarely() {
    let mut world = World::new();
    world.write("a");
    for secs in [1, 2, 4, 8, 16, 32, 60, 60] {
        let job = world.book.take(world.now).expect("a job");
        world.book.finish(&job.key, Outcome::Failed { retryable: true }, world.now);
        assert_eq!(world.book.next_moment(), Some(world.now + Duration::from_secs(secs)));
        world.act(&Act::Wait(secs));
    }
}

#[test]
fn after_a_restart_only_what_differs_is_done() {
    let world = settled(&["a", "b"]);
    let memory = world.book.memory("a").expect("a is uploaded");
    let mut book: Book<()> = Book::new(Some(SETTLING), 1);
    book.restore("a", memory.clone());
    book.restore("b", memory.clone());
    book.gone("b");
    book.wrote("a", memory.stamp, Sight::Found, world.now);
    let job = book.take(world.now).expect("a job");
    assert_eq!((&*job.key, &job.task), ("b", &Task::Delete));
    assert_eq!(book.take(world.now), None);
    assert!(book.take_due(world.now, 10).is_empty(), "it was announced before");
    book.restore("a", Memory { announced: false, ..memory });
    assert_eq!(book.take_due(world.now, 10).len(), 1);
}
