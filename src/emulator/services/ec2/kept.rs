//! What EC2 keeps beyond the process: a row a resource, and one an answer to a request with a client token.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kind;
use super::store::{Change, Resource, Store};
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

const RESOURCE: &str = "resource";
const ANSWERED: &str = "answered";

#[derive(Serialize, Deserialize)]
struct Row {
    /// Its place among all resources.
    number: u64,
    kind: String,
    body: Value,
    hidden: Value,
    tags: std::collections::BTreeMap<String, String>,
    changes: Vec<(Timestamp, Change)>,
}

/// What was written down last, so that only what differs from it is written.
pub struct Kept {
    shelf: Shelf,
    resources: HashMap<String, (u64, Resource)>,
    added: u64,
}

impl Kept {
    /// What was kept, with the store that it makes; `None` in its place where there is nothing yet.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn load(shelf: Shelf) -> Result<(Self, Option<Store>), KeepError> {
        let mut rows = shelf.all::<Row>(RESOURCE)?;
        rows.sort_by_key(|(_, row)| row.number);
        let added = rows.last().map_or(0, |(_, row)| row.number);
        let mut resources = HashMap::new();
        let mut all = IndexMap::new();
        for (id, row) in rows {
            let Some(kind) = kind::ALL.iter().copied().find(|kind| kind.name == row.kind) else { continue };
            let Row { number, body, hidden, tags, changes, .. } = row;
            let resource = Resource { id: id.clone(), kind, body, hidden, tags, changes };
            resources.insert(id.clone(), (number, resource.clone()));
            all.insert(id, resource);
        }
        let mut answered = HashMap::new();
        for (id, answer) in shelf.all::<Value>(ANSWERED)? {
            if let Some((operation, token)) = id.split_once(' ') {
                answered.insert((operation.to_owned(), token.to_owned()), answer);
            }
        }
        let store = (!all.is_empty()).then(|| Store::restored(all, answered));
        Ok((Self { shelf, resources, added }, store))
    }

    /// Writes down what differs from what was written last; to be called under the store's lock.
    pub fn keep(&mut self, store: &Store) {
        if !self.shelf.is_kept() {
            return;
        }
        for resource in store.all() {
            let known = self.resources.get(&resource.id);
            if known.is_some_and(|(_, known)| known == resource) {
                continue;
            }
            let number = known.map_or_else(
                || {
                    self.added += 1;
                    self.added
                },
                |(number, _)| *number,
            );
            let Resource { kind, body, hidden, tags, changes, .. } = resource.clone();
            let row = Row { number, kind: kind.name.to_owned(), body, hidden, tags, changes };
            self.shelf.put(RESOURCE, &resource.id, &row);
            self.resources.insert(resource.id.clone(), (number, resource.clone()));
        }
        if self.resources.len() > store.len() {
            let shelf = &self.shelf;
            self.resources.retain(|id, _| {
                let is_there = store.has(id);
                if !is_there {
                    shelf.delete(RESOURCE, id);
                }
                is_there
            });
        }
    }

    /// Writes down the answer to a request with a client token.
    pub fn keep_answer(&self, (operation, token): &(String, String), answer: &Value) {
        self.shelf.put(ANSWERED, &format!("{operation} {token}"), answer);
    }
}
