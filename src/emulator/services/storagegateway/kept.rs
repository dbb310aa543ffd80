//! What Storage Gateway keeps beyond the process: a row an appliance, an activation key, a gateway, a file share and a client
//! token. What works on a share's folder keeps books of its own beside it.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::state::{Appliance, Gateway, Key, Registry, Share, Status, Tags};
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

const APPLIANCE: &str = "appliance";
const KEY: &str = "key";
const GATEWAY: &str = "gateway";
const SHARE: &str = "share";
const TOKEN: &str = "token";

/// An entity with its place among those of its kind.
#[derive(Serialize, Deserialize)]
struct Row<T> {
    number: u64,
    what: T,
}

/// An appliance without its activation web server, which listens on another port at each start.
#[derive(Serialize, Deserialize)]
struct KeptAppliance {
    private_ip: String,
    mac: String,
    on_since: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct KeptShare {
    arn: String,
    gateway: String,
    settings: Settings,
    status: Status,
    problem: Option<String>,
    /// Below the folder for shares, where it is there: the data folder may lie elsewhere at the next start.
    folder: PathBuf,
    tags: Tags,
}

/// What was written down last, so that only what differs from it is written.
pub struct Kept {
    shelf: Shelf,
    rows: HashMap<(&'static str, String), (u64, Vec<u8>)>,
    added: u64,
}

impl Kept {
    /// What was kept, and the registry that it makes; `folders` is where the folders of shares are that named none.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn load(shelf: Shelf, folders: Option<&Path>) -> Result<(Self, Registry), KeepError> {
        let mut kept = Self { shelf, rows: HashMap::new(), added: 0 };
        let mut registry = Registry::default();
        for (instance, KeptAppliance { private_ip, mac, on_since }) in kept.all(APPLIANCE)? {
            registry.appliances.insert(instance, Appliance { private_ip, mac, on_since, door: None });
        }
        registry.keys.extend(kept.all::<Key>(KEY)?);
        registry.gateways.extend(kept.all::<Gateway>(GATEWAY)?);
        for (id, share) in kept.all::<KeptShare>(SHARE)? {
            let KeptShare { arn, gateway, settings, status, problem, folder, mut tags } = share;
            // An absolute one stays as it is.
            let folder = folders.map_or_else(|| folder.clone(), |folders| folders.join(&folder));
            tags.insert(super::shares::FOLDER_TAG.to_owned(), folder.display().to_string());
            let share = Share { id: id.clone(), arn, gateway, settings, status, problem, folder, open: None, tags };
            registry.shares.insert(id, share);
        }
        registry.tokens.extend(kept.all::<(String, Settings)>(TOKEN)?);
        Ok((kept, registry))
    }

    fn all<T: DeserializeOwned>(&mut self, kind: &'static str) -> Result<Vec<(String, T)>, KeepError> {
        let mut rows = self.shelf.all::<Row<T>>(kind)?;
        rows.sort_by_key(|(_, row)| row.number);
        for (id, row) in &rows {
            self.added = self.added.max(row.number);
            self.rows.insert((kind, id.clone()), (row.number, Vec::new()));
        }
        Ok(rows.into_iter().map(|(id, row)| (id, row.what)).collect())
    }

    fn put<T: Serialize>(&mut self, kind: &'static str, id: &str, what: &T) {
        let written = serde_json::to_vec(what).unwrap_or_default();
        let added = &mut self.added;
        let known = self.rows.entry((kind, id.to_owned())).or_insert_with(|| {
            *added += 1;
            (*added, Vec::new())
        });
        if known.1 != written || written.is_empty() {
            known.1 = written;
            self.shelf.put(kind, id, &Row { number: known.0, what });
        }
    }

    /// Writes down what differs from what was written last.
    fn keep(&mut self, registry: &Registry, folders: Option<&Path>) {
        for (instance, one) in &registry.appliances {
            let row =
                KeptAppliance { private_ip: one.private_ip.clone(), mac: one.mac.clone(), on_since: one.on_since };
            self.put(APPLIANCE, instance, &row);
        }
        for (code, key) in &registry.keys {
            self.put(KEY, code, key);
        }
        for (id, gateway) in &registry.gateways {
            self.put(GATEWAY, id, gateway);
        }
        for (id, share) in &registry.shares {
            let below = folders.and_then(|folders| share.folder.strip_prefix(folders).ok());
            let row = KeptShare {
                arn: share.arn.clone(),
                gateway: share.gateway.clone(),
                settings: share.settings.clone(),
                status: share.status,
                problem: share.problem.clone(),
                folder: below.unwrap_or(&share.folder).to_owned(),
                tags: share.tags.clone(),
            };
            self.put(SHARE, id, &row);
        }
        for (token, made) in &registry.tokens {
            self.put(TOKEN, token, made);
        }
        let shelf = &self.shelf;
        self.rows.retain(|(kind, id), _| {
            let is_there = match *kind {
                APPLIANCE => registry.appliances.contains_key(id),
                KEY => registry.keys.contains_key(id),
                GATEWAY => registry.gateways.contains_key(id),
                SHARE => registry.shares.contains_key(id),
                _ => registry.tokens.contains_key(id),
            };
            if !is_there {
                shelf.delete(kind, id);
            }
            is_there
        });
    }
}

/// The registry, locked; what was changed is written down when it is let go.
pub struct Locked<'a> {
    guard: MutexGuard<'a, (Registry, Kept)>,
    folders: Option<&'a Path>,
    changed: bool,
}

impl<'a> Locked<'a> {
    pub fn new(guard: MutexGuard<'a, (Registry, Kept)>, folders: Option<&'a Path>) -> Self {
        Self { guard, folders, changed: false }
    }
}

impl Deref for Locked<'_> {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.guard.0
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Registry {
        self.changed = true;
        &mut self.guard.0
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let (registry, kept) = &mut *self.guard;
        if self.changed && kept.shelf.is_kept() {
            kept.keep(registry, self.folders);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_share_are_read_as_they_were_written() {
        let asked = serde_json::json!({
            "Role": "arn:aws:iam::000000000000:role/shares", "LocationARN": "arn:aws:s3:::uploads/a/",
            "ClientList": ["10.0.0.0/8"], "NFSFileShareDefaults": { "FileMode": "0600" },
            "CacheAttributes": { "CacheStaleTimeoutInSeconds": 300 }, "KMSEncrypted": false,
            "NotificationPolicy": "{\"Upload\": {\"SettlingTimeInSeconds\": 60}}",
        });
        let settings: Settings = serde_json::from_value(asked).expect("settings");
        let written = serde_json::to_vec(&settings).expect("JSON");
        assert_eq!(serde_json::from_slice::<Settings>(&written).expect("settings"), settings);
    }
}
