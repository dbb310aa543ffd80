//! Shares over real folders, with a bucket and a bus in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::model::Timestamp;
use crate::sim::Share;

const SETTLING: Duration = Duration::from_secs(60);

/// An announcement: when, and its detail.
type Told = (Timestamp, Value);

/// Called before a part or an object is taken, with its key.
type Hook = Box<dyn FnMut(&str) -> Result<(), UplinkError> + Send>;

/// A bucket and a bus in memory, which remember what they were asked.
#[derive(Default)]
struct World {
    bucket: BTreeMap<String, Vec<u8>>,
    metadata: BTreeMap<String, Metadata>,
    parts: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    told: Vec<Told>,
    /// Events of other kinds.
    events: Vec<Value>,
    calls: Vec<String>,
    hook: Option<Hook>,
}

struct Memory {
    world: Mutex<World>,
    clock: Clock,
}

impl Memory {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic before")
    }

    fn ask(&self, call: String, key: &str) -> Result<(), UplinkError> {
        let mut world = self.world();
        world.calls.push(call);
        let Some(mut hook) = world.hook.take() else { return Ok(()) };
        drop(world);
        let answer = hook(key);
        self.world().hook.get_or_insert(hook);
        answer
    }
}

fn read(body: &FileBytes) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(body.len).expect("a small file")];
    body.file.read_exact_at(&mut bytes, body.offset).expect("the bytes");
    bytes
}

fn etag(bytes: &[u8]) -> String {
    use md5::{Digest, Md5};
    hex::encode(Md5::digest(bytes))
}

#[async_trait]
impl Uplink for Memory {
    async fn put_object(&self, key: &str, body: Option<FileBytes>, metadata: &Metadata) -> Result<String, UplinkError> {
        let bytes = body.as_ref().map(read).unwrap_or_default();
        self.ask(format!("put {key}"), key)?;
        let mut world = self.world();
        let etag = etag(&bytes);
        world.bucket.insert(key.to_owned(), bytes);
        world.metadata.insert(key.to_owned(), metadata.clone());
        Ok(etag)
    }

    async fn create_multipart(&self, key: &str, metadata: &Metadata) -> Result<UploadId, UplinkError> {
        self.ask(format!("create {key}"), key)?;
        let mut world = self.world();
        let id = format!("{key}#{}", world.calls.len());
        world.parts.insert(id.clone(), BTreeMap::new());
        world.metadata.insert(key.to_owned(), metadata.clone());
        Ok(UploadId(id))
    }

    async fn upload_part(
        &self,
        key: &str,
        id: &UploadId,
        number: u32,
        body: FileBytes,
    ) -> Result<PartDone, UplinkError> {
        let bytes = read(&body);
        self.ask(format!("part {key}"), key)?;
        let etag = etag(&bytes);
        self.world().parts.get_mut(&id.0).expect("the upload").insert(number, bytes);
        Ok(PartDone { number, etag })
    }

    async fn complete(&self, key: &str, id: &UploadId, parts: Vec<PartDone>) -> Result<String, UplinkError> {
        self.ask(format!("complete {key}"), key)?;
        let mut world = self.world();
        let held = world.parts.remove(&id.0).expect("the upload");
        assert!(parts.iter().map(|part| part.number).eq(held.keys().copied()), "parts in order");
        let bytes = held.into_values().flatten().collect::<Vec<u8>>();
        let etag = etag(&bytes);
        world.bucket.insert(key.to_owned(), bytes);
        Ok(etag)
    }

    async fn abort(&self, key: &str, id: &UploadId) -> Result<(), UplinkError> {
        self.ask(format!("abort {key}"), key)?;
        self.world().parts.remove(&id.0).expect("the upload");
        Ok(())
    }

    async fn delete_object(&self, key: &str) -> Result<(), UplinkError> {
        self.ask(format!("delete {key}"), key)?;
        self.world().bucket.remove(key);
        Ok(())
    }

    async fn copy_object(&self, from: &str, to: &str) -> Result<String, UplinkError> {
        self.ask(format!("copy {from} {to}"), to)?;
        let mut world = self.world();
        let bytes = world.bucket.get(from).expect("a source").clone();
        let etag = etag(&bytes);
        world.bucket.insert(to.to_owned(), bytes);
        Ok(etag)
    }

    async fn list_objects(&self, prefix: &str, shallow: bool, from: Option<String>) -> Result<Listing, UplinkError> {
        let world = self.world();
        let mut listing = Listing::default();
        let mut prefixes = BTreeSet::new();
        for (key, bytes) in &world.bucket {
            let Some(rest) = key.strip_prefix(prefix) else { continue };
            match rest.find('/').filter(|_| shallow) {
                Some(at) => drop(prefixes.insert(format!("{prefix}{}", &rest[..=at]))),
                None if from.as_ref().is_some_and(|from| key <= from) => {}
                None if listing.objects.len() == 3 => {
                    listing.next = listing.objects.last().map(|last: &FoundObject| last.key.clone());
                    break;
                }
                None => {
                    listing.objects.push(FoundObject { key: key.clone(), size: bytes.len() as u64, etag: etag(bytes) });
                }
            }
        }
        listing.prefixes = prefixes.into_iter().collect();
        Ok(listing)
    }

    async fn fetch_object(&self, key: &str, into: Arc<File>) -> Result<ObjectFetched, UplinkError> {
        let world = self.world();
        let bytes = world.bucket.get(key).expect("an object");
        into.write_all_at(bytes, 0).expect("written");
        let metadata = world.metadata.get(key).cloned().unwrap_or_default();
        Ok(ObjectFetched { size: bytes.len() as u64, etag: etag(bytes), metadata })
    }

    async fn announce(&self, entries: Vec<Value>) -> Result<Vec<usize>, UplinkError> {
        self.ask(format!("announce {}", entries.len()), "")?;
        let now = self.clock.now();
        let mut world = self.world();
        for entry in entries {
            assert_eq!(entry["Source"], "aws.storagegateway");
            let detail: Value = serde_json::from_str(entry["Detail"].as_str().expect("text")).expect("JSON");
            if entry["DetailType"] == "Storage Gateway Object Upload Event" {
                world.told.push((now, detail));
            } else {
                world.events.push(entry);
            }
        }
        Ok(Vec::new())
    }
}

/// A share over a folder of its own, on a clock that stands until it is moved.
struct Site {
    top: TempDir,
    memory: Arc<Memory>,
    clock: Clock,
    share: FileShare,
}

fn config(top: &Path) -> ShareConfig {
    ShareConfig {
        settling: Some(SETTLING),
        multipart_from_bytes: 6 * 1024 * 1024,
        part_bytes: 5 * 1024 * 1024,
        patience: Duration::from_millis(200),
        nfs_port: None,
        ..ShareConfig::new(Share::of("bucket", "eu-west-1", "123456789012"), top.join("share"))
    }
}

impl Site {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut ShareConfig)) -> Self {
        let top = tempfile::tempdir().expect("a folder");
        let clock = Clock::starting_at(Timestamp::from_secs(1_000_000));
        clock.pause();
        let memory = Arc::new(Memory { world: Mutex::default(), clock: clock.clone() });
        let mut config = config(top.path());
        change(&mut config);
        let uplink: Arc<dyn Uplink> = Arc::<Memory>::clone(&memory);
        let share = FileShare::open(config, uplink, clock.clone()).await.expect("a share");
        Self { top, memory, clock, share }
    }

    /// Closes the share and opens another one over the same folder.
    async fn restart(self, force: bool) -> Self {
        let Self { top, memory, clock, share } = self;
        share.close(force).await.expect("closed");
        memory.world().calls.clear();
        let uplink: Arc<dyn Uplink> = Arc::<Memory>::clone(&memory);
        let share = FileShare::open(config(top.path()), uplink, clock.clone()).await.expect("a share");
        Self { top, memory, clock, share }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.share.folder().join(path)
    }

    fn write(&self, path: &str, text: &[u8]) {
        fs::write(self.path(path), text).expect("a file");
    }

    /// Waits until the share says what `met` wants; fails when that takes unreasonably long.
    async fn until(&self, what: &str, met: impl Fn(&ShareStatus) -> bool) -> ShareStatus {
        for _ in 0..2_000 {
            let status = self.share.status();
            if met(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {what}: {:#?}", self.share.status());
    }

    /// Waits until the bucket is as the folder is.
    async fn until_uploaded(&self) {
        let folder = self.folder();
        self.until("uploaded", |_| self.memory.world().bucket == folder).await;
        self.until("quiet", |status| status.waiting == 0).await;
    }

    /// Lets the settling time pass and waits for all announcements.
    async fn settle(&self) {
        self.until_uploaded().await;
        self.clock.step(SETTLING);
        self.until("announced", |status| status.settling == 0).await;
    }

    /// What the bucket should hold: the folder's files, and its directories with a slash.
    fn folder(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut directories = vec![self.share.folder().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")) {
                let path = entry.path();
                let Some(key) = path.strip_prefix(self.share.folder()).expect("inside").to_str() else { continue };
                let kind = entry.file_type().expect("a type");
                if kind.is_dir() {
                    found.insert(format!("{key}/"), Vec::new());
                    directories.push(path);
                } else if kind.is_file() {
                    found.insert(key.to_owned(), fs::read(&path).expect("bytes"));
                }
            }
        }
        found
    }

    /// Paths that were announced, with their sizes, sorted.
    fn told(&self) -> Vec<(String, u64)> {
        let world = self.memory.world();
        let of = |(_, detail): &Told| {
            (detail["object-key"].as_str().expect("a key").to_owned(), detail["object-size"].as_u64().expect("a size"))
        };
        let mut told: Vec<_> = world.told.iter().map(of).collect();
        told.sort();
        told
    }

    fn calls(&self, kind: &str) -> Vec<String> {
        let world = self.memory.world();
        world.calls.iter().filter_map(|call| call.strip_prefix(kind)).map(|key| key.trim().to_owned()).collect()
    }
}

fn told(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_in_is_uploaded_and_announced_once_it_has_settled() {
    let site = Site::new().await;
    fs::create_dir_all(site.path("s-vaultjob/dir-1/deep")).expect("directories");
    site.write("s-vaultjob/dir-1/deep/one", b"1");
    site.write("s-vaultjob/two \"quoted\" \\ 東京", b"22");
    site.write("s-vaultjob/empty", b"");
    site.until_uploaded().await;
    site.clock.step(SETTLING - Duration::from_millis(1));
    let status = site.until("settling", |status| status.settling == 6).await;
    assert_eq!((status.files, status.directories, status.cache_used_bytes, status.cache_dirty_bytes), (3, 3, 3, 0));
    assert!(site.told().is_empty(), "nothing before it has settled");
    site.clock.step(Duration::from_millis(1));
    site.until("announced", |status| status.settling == 0).await;
    let expected = [
        ("s-vaultjob", 0),
        ("s-vaultjob/dir-1", 0),
        ("s-vaultjob/dir-1/deep", 0),
        ("s-vaultjob/dir-1/deep/one", 1),
        ("s-vaultjob/empty", 0),
        ("s-vaultjob/two \"quoted\" \\ 東京", 2),
    ];
    assert_eq!(site.told(), told(&expected));
    let metadata = site.memory.world().metadata["s-vaultjob/empty"].clone();
    assert!(metadata.contains(&("user-agent-id".to_owned(), "sgw-7A05C0DE".to_owned())), "{metadata:?}");
    assert!(site.share.status().errors.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_write_within_the_settling_time_is_announced_once_and_a_later_one_again() {
    let site = Site::new().await;
    site.write("a", b"1");
    site.until_uploaded().await;
    site.clock.step(SETTLING - Duration::from_secs(1));
    site.write("a", b"22");
    site.settle().await;
    assert_eq!(site.told(), told(&[("a", 2)]));
    site.write("a", b"333");
    site.settle().await;
    assert_eq!(site.told(), told(&[("a", 2), ("a", 3)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_delete_and_renames_copy_and_announce_the_new_names() {
    let site = Site::new().await;
    fs::create_dir_all(site.path("d/e")).expect("directories");
    for path in ["d/a", "d/e/b", "c", "gone"] {
        site.write(path, path.as_bytes());
    }
    site.settle().await;
    site.memory.world().calls.clear();
    site.memory.world().told.clear();
    fs::rename(site.path("d"), site.path("f")).expect("renamed");
    fs::rename(site.path("c"), site.path("f/c")).expect("renamed");
    fs::remove_file(site.path("gone")).expect("removed");
    site.settle().await;
    let copies: BTreeSet<String> = site.calls("copy").into_iter().collect();
    assert_eq!(copies, ["d/a f/a", "d/e/b f/e/b", "c f/c"].map(str::to_owned).into());
    assert_eq!(site.told(), told(&[("f", 0), ("f/a", 3), ("f/c", 1), ("f/e", 0), ("f/e/b", 5)]));
    // Out of the share, and in again; and over one that is there.
    fs::rename(site.path("f"), site.top.path().join("outside")).expect("renamed");
    site.until_uploaded().await;
    assert!(site.memory.world().bucket.is_empty());
    fs::rename(site.top.path().join("outside"), site.path("g")).expect("renamed");
    site.until_uploaded().await;
    site.write("g/a2", b"over");
    fs::rename(site.path("g/a2"), site.path("g/a")).expect("renamed");
    site.settle().await;
    fs::remove_dir_all(site.path("g")).expect("removed");
    site.until_uploaded().await;
    assert_eq!(site.share.status().cache_used_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_open_is_left_alone_until_it_is_closed_or_nobody_has_touched_it_for_long() {
    let site = Site::with(|config| config.patience = Duration::from_secs(3_600)).await;
    let mut file = File::create(site.path("slow")).expect("a file");
    file.write_all(b"half").expect("written");
    site.write("other", b"1");
    site.until("the other one", |status| status.uploaded == 1).await;
    assert_eq!(site.calls("put"), ["other"]);
    file.write_all(b" and half").expect("written");
    drop(file);
    site.until_uploaded().await;

    let site = Site::new().await;
    let _open = File::create(site.path("never closed")).expect("a file");
    site.until("it is taken up", |status| status.uploaded == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_uploads_is_uploaded_again() {
    let site = Site::new().await;
    for (path, len) in [("small", 10), ("large", 16 * 1024 * 1024)] {
        let target = site.path(path);
        let mut left = 1;
        site.memory.world().hook = Some(Box::new(move |key| {
            if key == path && left > 0 {
                left -= 1;
                let file = File::options().append(true).open(&target).expect("the file");
                (&file).write_all(b"more").expect("written");
            }
            Ok(())
        }));
        site.write(path, &vec![7; len]);
        site.until("as the folder", |status| status.files > 0 && status.waiting == 0).await;
        site.until_uploaded().await;
        site.memory.world().hook = None;
    }
    assert_eq!(site.calls("abort"), ["large"], "a large file is given up before it is an object");
    assert!(site.memory.world().parts.is_empty());
    site.settle().await;
    assert_eq!(site.told(), told(&[("large", 16 * 1024 * 1024 + 4), ("small", 14)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_all_is_kept_and_caught_up_with_later() {
    let site = Site::new().await;
    site.share.set_online(false);
    site.write("a", b"1");
    let id = site.share.notify_when_uploaded().expect("an id");
    site.clock.step(SETTLING * 2);
    let status = site.until("noticed", |status| status.waiting == 1).await;
    assert!(!status.online && status.cache_dirty_bytes == 1);
    assert!(site.memory.world().calls.is_empty());
    site.write("b", b"2");
    site.until("noticed", |status| status.waiting == 2).await;
    site.share.set_online(true);
    site.clock.resume();
    site.clock.set_rate(10_000.0).expect("a rate");
    site.share.close(false).await.expect("closed");
    assert_eq!(site.told(), told(&[("a", 1), ("b", 1)]));
    let world = site.memory.world();
    let detail: Value = serde_json::from_str(world.events[0]["Detail"].as_str().expect("text")).expect("JSON");
    assert_eq!((&detail["event-type"], &detail["notification-id"]), (&"upload-complete".into(), &id.into()));
    drop(world);
    assert!(matches!(site.share.notify_when_uploaded(), Err(ShareError::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_only_what_changed_is_done() {
    let site = Site::new().await;
    fs::create_dir(site.path("d")).expect("a directory");
    for path in ["d/a", "b", "c", "lost"] {
        site.write(path, b"1");
    }
    site.settle().await;
    site.memory.world().told.clear();
    site.write("unsettled", b"1");
    site.until_uploaded().await;
    site.share.close(true).await.expect("closed");
    fs::remove_file(site.path("b")).expect("removed");
    site.write("c", b"changed");
    site.write("new", b"1");
    site.memory.world().bucket.remove("lost");
    let site = site.restart(true).await;
    site.settle().await;
    let puts: BTreeSet<String> = site.calls("put").into_iter().collect();
    assert_eq!(puts, ["c", "lost", "new"].map(str::to_owned).into());
    assert_eq!(site.calls("delete"), ["b"]);
    assert_eq!(site.told(), told(&[("c", 7), ("lost", 1), ("new", 1), ("unsettled", 1)]));
    let memory: Arc<dyn Uplink> = Arc::<Memory>::clone(&site.memory);
    let again = FileShare::open(config(site.top.path()), memory, site.clock.clone()).await;
    assert!(matches!(again, Err(ShareError::InUse { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_object_is_named_and_the_rest_goes_on() {
    let site = Site::with(|config| config.prefix = "p/".to_owned()).await;
    symlink("..", site.path("loop")).expect("a link");
    symlink("nowhere", site.path("dangling")).expect("a link");
    let _socket = UnixListener::bind(site.path("socket")).expect("a socket");
    fs::write(site.share.folder().join(OsStr::from_bytes(b"not \xff utf-8")), b"1").expect("a file");
    let deep = (0..5).map(|_| "x".repeat(200)).collect::<Vec<_>>().join("/");
    fs::create_dir_all(site.path(&deep)).expect("directories");
    let long = format!("{deep}/{}", "y".repeat(40));
    site.write(&long, b"too long");
    site.write("good", b"1");
    let status = site.until("all named", |status| status.errors.len() == 5 && status.waiting == 0).await;
    for (path, said) in [
        ("loop", "a symbolic link"),
        ("dangling", "a symbolic link"),
        ("socket", "a socket"),
        ("not \u{fffd} utf-8", "not UTF-8"),
        (&long, "1047 bytes"),
    ] {
        let error = status.errors.get(path).unwrap_or_else(|| panic!("{path} is not named: {:#?}", status.errors));
        assert!(error.problem.contains(said), "{}", error.problem);
    }
    assert_eq!(site.memory.world().bucket.get("p/good"), Some(&b"1".to_vec()));
    site.clock.step(SETTLING);
    site.until("announced", |status| status.settling == 0).await;
    assert!(site.told().contains(&("good".to_owned(), 1)));
    assert!(site.memory.world().told.iter().all(|(_, detail)| detail["prefix"] == "p/"));
    // What is mended is well again.
    fs::remove_file(site.path("loop")).expect("removed");
    fs::remove_file(site.path("dangling")).expect("removed");
    site.write("dangling", b"2");
    fs::rename(site.path(&long), site.path("short")).expect("renamed");
    site.until("mended", |status| status.errors.len() == 2 && status.waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_named_and_tried_again_and_others_go_on() {
    let site = Site::new().await;
    site.memory.world().hook = Some(Box::new(|key| match key {
        "full" => Err(UplinkError { message: "no space left".to_owned(), retryable: true }),
        "never" => Err(UplinkError { message: "no such thing".to_owned(), retryable: false }),
        _ => Ok(()),
    }));
    for path in ["full", "never", "good"] {
        site.write(path, b"1");
    }
    let status = site.until("named", |status| status.errors.len() == 2 && status.uploaded == 1).await;
    let full = &status.errors["full"];
    assert!(full.retried && full.problem.contains("no space left"), "{full:?}");
    assert!(!status.errors["never"].retried);
    site.memory.world().hook = None;
    site.clock.step(Duration::from_secs(1));
    let status = site.until("tried again", |status| status.uploaded == 2).await;
    assert_eq!(status.errors.keys().collect::<Vec<_>>(), ["never"]);
    site.write("never", b"2");
    site.until("well again", |status| status.errors.is_empty() && status.uploaded == 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_brings_what_others_did_and_leaves_what_clients_wrote() {
    let site = Site::with(|config| config.cache_bytes = 1_000).await;
    fs::create_dir(site.path("d")).expect("a directory");
    for path in ["d/kept", "d/deleted", "replaced"] {
        site.write(path, b"mine");
    }
    site.settle().await;
    site.memory.world().told.clear();
    site.share.set_online(false);
    site.write("dirty", b"the client's");
    site.until("noticed", |status| status.waiting == 1).await;
    {
        let mut world = site.memory.world();
        world.bucket.remove("d/deleted");
        for (key, text) in [("replaced", "theirs"), ("dirty", "theirs"), ("e/f/new", "new"), ("../evil", "x")] {
            world.bucket.insert(key.to_owned(), text.as_bytes().to_vec());
        }
        world.bucket.insert("large".to_owned(), vec![0; 1_001]);
        world.bucket.insert("empty/".to_owned(), Vec::new());
        let mtime = ("file-mtime".to_owned(), "1600000000000000001ns".to_owned());
        world.metadata.insert("e/f/new".to_owned(), vec![mtime]);
        world.calls.clear();
    }
    let id = site.share.refresh_cache(&["/".to_owned()], true).expect("an id");
    site.share.set_online(true);
    site.until("refreshed", |_| !site.memory.world().events.is_empty()).await;
    let event = site.memory.world().events[0].clone();
    assert_eq!(event["DetailType"], "Storage Gateway Refresh Cache Event");
    let detail: Value = serde_json::from_str(event["Detail"].as_str().expect("text")).expect("JSON");
    assert_eq!((&detail["notification-id"], &detail["folderList"][0]), (&id.into(), &"/".into()));
    let read = |path: &str| fs::read_to_string(site.path(path)).unwrap_or_default();
    assert_eq!(
        (read("replaced").as_str(), read("e/f/new").as_str(), read("d/kept").as_str()),
        ("theirs", "new", "mine")
    );
    assert!(!site.path("d/deleted").exists() && site.path("empty").is_dir());
    assert_eq!(read("dirty"), "the client's");
    let status = site.until("uploaded", |status| status.waiting == 0).await;
    assert!(status.errors["large"].problem.contains("cache has room"), "{:?}", status.errors);
    assert!(status.errors["../evil"].problem.contains("no file can have"), "{:?}", status.errors);
    assert_eq!(site.calls("put"), ["dirty"], "nothing that was fetched is uploaded again");
    site.clock.step(SETTLING);
    site.until("announced", |status| status.settling == 0).await;
    assert_eq!(site.told(), told(&[("dirty", 12)]));
    assert!(matches!(site.share.refresh_cache(&["d".to_owned()], true), Err(ShareError::NoFolder { .. })));
    // Only what lies in the folder itself, and nothing that is fetched twice.
    site.memory.world().bucket.insert("d/x/y".to_owned(), b"deep".to_vec());
    site.memory.world().bucket.insert("d/near".to_owned(), b"near".to_vec());
    site.share.refresh_cache(&["/d".to_owned()], false).expect("an id");
    site.until("refreshed", |_| site.memory.world().events.len() == 2).await;
    assert!(site.path("d/x").is_dir() && !site.path("d/x/y").exists() && site.path("d/near").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_at_once_and_much_at_one_name_end_as_the_folder_is() {
    let site = Site::new().await;
    let folder = site.share.folder().to_owned();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let folder = folder.clone();
            std::thread::spawn(move || {
                for n in 0..300_u32 {
                    // Others may have renamed or removed what this one works on, as clients do.
                    let directory = folder.join(format!("d{}/e{}", n % 7, n % 3));
                    let path = directory.join(format!("f{}", n % 40));
                    let _ = fs::create_dir_all(&directory).and_then(|()| fs::write(&path, format!("{writer} {n}")));
                    let _ = match n % 11 {
                        3 => fs::rename(&path, folder.join(format!("r{}", n % 13))),
                        5 => fs::remove_file(&path),
                        7 => fs::rename(&directory, folder.join(format!("d{}/m{writer}{n}", n % 7))),
                        _ => Ok(()),
                    };
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("a writer");
    }
    site.until_uploaded().await;
    site.settle().await;
    let folder = site.folder();
    let world = site.memory.world();
    for (key, bytes) in &folder {
        let path = key.trim_end_matches('/');
        let last = world.told.iter().rev().find(|(_, detail)| detail["object-key"] == path);
        let size = last.map(|(_, detail)| detail["object-size"].as_u64());
        assert_eq!(size, Some(Some(bytes.len() as u64)), "{key} was not announced for its last content");
    }
}
