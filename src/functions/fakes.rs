//! Stand-ins for AWS in the handlers' tests; they keep to the limits of the real services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::ports::{
    BYTES_PER_CALL, BusEntry, ENTRIES_PER_CALL, EventBus, Items, KeyPage, Manifest, PortError, Rejection,
};
use super::upload_event::UploadDetail;

/// Bytes of keys that one page of the fake table holds: as scarce as the table's own 1 MB.
const PAGE_KEYS: usize = 4_096;

/// A bus that keeps what it is given.
#[derive(Debug, Default)]
pub struct FakeBus {
    calls: Mutex<Vec<Vec<BusEntry>>>,
    refused_key: Option<String>,
    failing_call: Option<usize>,
}

impl FakeBus {
    /// A bus that refuses entries which name `key`.
    pub fn refusing(key: &str) -> Self {
        Self { refused_key: Some(key.to_owned()), ..Self::default() }
    }

    /// A bus whose call number `index` fails.
    pub fn failing_call(index: usize) -> Self {
        Self { failing_call: Some(index), ..Self::default() }
    }

    /// Entries a call.
    pub fn calls(&self) -> Vec<usize> {
        self.calls.lock().expect("no test panics in here").iter().map(Vec::len).collect()
    }

    /// Every entry.
    pub fn entries(&self) -> Vec<BusEntry> {
        self.calls.lock().expect("no test panics in here").concat()
    }
}

impl EventBus for FakeBus {
    async fn put_events(&self, entries: &[BusEntry]) -> Result<Vec<Option<Rejection>>, PortError> {
        let failed = |problem: &str| PortError { operation: "PutEvents", problem: problem.to_owned() };
        if entries.is_empty() || entries.len() > ENTRIES_PER_CALL {
            return Err(failed("1 to 10 entries are taken"));
        }
        if entries.iter().map(BusEntry::size).sum::<usize>() > BYTES_PER_CALL {
            return Err(failed("the entries are larger than 1 MB"));
        }
        let mut calls = self.calls.lock().expect("no test panics in here");
        calls.push(entries.to_vec());
        if self.failing_call == Some(calls.len() - 1) {
            return Err(failed("ThrottlingException"));
        }
        let refused = |entry: &BusEntry| self.refused_key.as_ref().is_some_and(|key| entry.detail.contains(key));
        let rejection = Rejection { code: "InternalFailure".to_owned(), message: "refused".to_owned() };
        Ok(entries.iter().map(|entry| refused(entry).then(|| rejection.clone())).collect())
    }
}

/// A table that pages.
#[derive(Debug, Default)]
pub struct FakeItems {
    sets: Mutex<BTreeMap<String, BTreeSet<String>>>,
    refuses: bool,
}

impl FakeItems {
    /// A table that holds a set.
    pub fn with(set_id: &str, keys: impl IntoIterator<Item = String>) -> Self {
        let sets = BTreeMap::from([(set_id.to_owned(), keys.into_iter().collect())]);
        Self { sets: Mutex::new(sets), refuses: false }
    }

    /// A table that takes nothing.
    pub fn refusing() -> Self {
        Self { refuses: true, ..Self::default() }
    }

    /// The keys of a set.
    pub fn all(&self, set_id: &str) -> Vec<String> {
        let sets = self.sets.lock().expect("no test panics in here");
        sets.get(set_id).into_iter().flatten().cloned().collect()
    }
}

impl Items for FakeItems {
    async fn put(&self, upload: &UploadDetail) -> Result<(), PortError> {
        if self.refuses {
            return Err(PortError { operation: "PutItem", problem: "ThrottlingException".to_owned() });
        }
        let mut sets = self.sets.lock().expect("no test panics in here");
        sets.entry(upload.set_id.clone()).or_default().insert(upload.object_key.clone());
        Ok(())
    }

    async fn keys(&self, set_id: &str, after: Option<&str>) -> Result<KeyPage, PortError> {
        let rest: Vec<String> =
            self.all(set_id).into_iter().filter(|key| after.is_none_or(|after| key.as_str() > after)).collect();
        let keys: Vec<String> = rest.iter().take(PAGE_KEYS).cloned().collect();
        let next = (rest.len() > keys.len()).then(|| keys.last().cloned()).flatten();
        Ok(KeyPage { keys, next })
    }
}

/// A bucket that holds one manifest.
#[derive(Debug)]
pub struct FakeManifest(String);

impl FakeManifest {
    /// The manifest with this text.
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Manifest for FakeManifest {
    type Reader = tokio::io::BufReader<std::io::Cursor<String>>;

    async fn read(&self, _bucket: &str, _key: &str) -> Result<Self::Reader, PortError> {
        // A small buffer cuts lines in the middle, as the network does.
        Ok(tokio::io::BufReader::with_capacity(7, std::io::Cursor::new(self.0.clone())))
    }
}
