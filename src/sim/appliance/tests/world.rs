//! A bucket and a bus in memory, and a share over a folder of its own between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::model::Timestamp;
use crate::sim::Share;
use crate::sim::appliance::{
    FileBytes, FileShare, FoundObject, Listing, Metadata, ObjectFetched, PartDone, ShareConfig, ShareStatus, Uplink,
    UplinkError, UploadId,
};

/// The settling time of every share here.
pub const SETTLING: Duration = Duration::from_secs(60);

/// An announcement: when, and its detail.
pub type Told = (Timestamp, Value);

/// Called before a part or an object is taken, with its key.
pub type Hook = Box<dyn FnMut(&str) -> Result<(), UplinkError> + Send>;

/// A bucket and a bus in memory, which remember what they were asked.
#[derive(Default)]
pub struct World {
    pub bucket: BTreeMap<String, Vec<u8>>,
    pub metadata: BTreeMap<String, Metadata>,
    pub parts: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    pub told: Vec<Told>,
    /// Events of other kinds.
    pub events: Vec<Value>,
    pub calls: Vec<String>,
    pub hook: Option<Hook>,
}

pub struct Memory {
    world: Mutex<World>,
    clock: Clock,
}

impl Memory {
    pub fn world(&self) -> MutexGuard<'_, World> {
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
pub struct Site {
    pub top: TempDir,
    pub memory: Arc<Memory>,
    pub clock: Clock,
    pub share: FileShare,
}

pub fn config(top: &Path) -> ShareConfig {
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
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut ShareConfig)) -> Self {
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
    pub async fn restart(self, force: bool) -> Self {
        let Self { top, memory, clock, share } = self;
        share.close(force).await.expect("closed");
        memory.world().calls.clear();
        let uplink: Arc<dyn Uplink> = Arc::<Memory>::clone(&memory);
        let share = FileShare::open(config(top.path()), uplink, clock.clone()).await.expect("a share");
        Self { top, memory, clock, share }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.share.folder().join(path)
    }

    pub fn write(&self, path: &str, text: &[u8]) {
        fs::write(self.path(path), text).expect("a file");
    }

    /// Waits until the share says what `met` wants; fails when that takes unreasonably long.
    pub async fn until(&self, what: &str, met: impl Fn(&ShareStatus) -> bool) -> ShareStatus {
        for _ in 0..12_000 {
            let status = self.share.status();
            if met(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {what}: {:#?}", self.share.status());
    }

    /// Waits until the bucket is as the folder is, which may change meanwhile.
    pub async fn until_uploaded(&self) {
        let agrees = || {
            let folder = self.folder();
            self.memory.world().bucket == folder
        };
        self.until("uploaded", |status| status.waiting == 0 && agrees()).await;
    }

    /// Lets the settling time pass and waits for all announcements.
    pub async fn settle(&self) {
        self.until_uploaded().await;
        self.clock.step(SETTLING);
        self.until("announced", |status| status.settling == 0).await;
    }

    /// What the bucket should hold: the folder's files, and its directories with a slash.
    pub fn folder(&self) -> BTreeMap<String, Vec<u8>> {
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
    pub fn told(&self) -> Vec<(String, u64)> {
        let world = self.memory.world();
        let of = |(_, detail): &Told| {
            (detail["object-key"].as_str().expect("a key").to_owned(), detail["object-size"].as_u64().expect("a size"))
        };
        let mut told: Vec<_> = world.told.iter().map(of).collect();
        told.sort();
        told
    }

    pub fn calls(&self, kind: &str) -> Vec<String> {
        let world = self.memory.world();
        world.calls.iter().filter_map(|call| call.strip_prefix(kind)).map(|key| key.trim().to_owned()).collect()
    }
}

pub fn told(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect()
}
