//! The one item of the table that is looked at: what was read of it, and whether it was written again since.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use crate::model::Timestamp;
use crate::model::board::ItemKey;
use crate::tui::cmd::Page;

/// The pane of the items, that of what is missing or unexpected, and that of the item.
pub(crate) const ITEMS: usize = 1;
pub(crate) const RECONCILE: usize = 2;
pub(crate) const ITEM: usize = 3;

/// Size and event time, as the table's query told them.
type Values = (u64, i64);

/// What was read of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReadItem {
    pub(crate) key: ItemKey,
    pub(crate) found: Result<Option<Value>, String>,
    /// Simulated time then.
    pub(crate) at: Option<Timestamp>,
    /// What the list said of it when it was asked for.
    values: Option<Values>,
}

/// The item that is looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ItemView {
    /// Whether somebody wants to see it: where there is room for one of two, it is there.
    pub(crate) is_open: bool,
    /// The one that was asked for last.
    pub(crate) of: Option<ItemKey>,
    /// The one that is being read, and what the list said of it when it was asked for.
    reading: Option<(ItemKey, Option<Values>)>,
    /// The one that was read last.
    pub(crate) read: Option<ReadItem>,
}

/// A key as DynamoDB's JSON writes it.
pub(crate) fn typed_key(key: &ItemKey) -> String {
    json!({"setId": {"S": key.set_id}, "objectKey": {"S": key.object_key}}).to_string()
}

impl State {
    /// The item that is selected in a pane of the Table page; in lists that are followed nothing is, unless `or_newest`.
    fn item_in(&self, pane: usize, or_newest: bool) -> Option<ItemKey> {
        let set = self.set()?;
        let board = self.boards.get(set)?;
        let row = self.rows[Page::Table as usize][pane];
        let object_key = if pane == RECONCILE {
            board.missing.iter().chain(&board.unexpected).nth(row.or(or_newest.then_some(0))?)?
        } else {
            let last = board.items.len().checked_sub(1)?;
            board.items.get_index(row.or(or_newest.then_some(last))?)?.0
        };
        Some(ItemKey { set_id: set.clone(), object_key: object_key.clone() })
    }

    /// The item that a key of the Table page is meant for.
    pub(crate) fn meant_item(&self) -> Option<ItemKey> {
        match self.focus[Page::Table as usize] {
            ITEM => self.item.of.clone().or_else(|| self.item_in(ITEMS, true)),
            RECONCILE => self.item_in(RECONCILE, true),
            _ => self.item_in(ITEMS, true),
        }
    }

    /// The item that the pane is about: the one that is selected by hand, else the one that was asked for.
    pub(crate) fn shown_item(&self) -> Option<ItemKey> {
        let selected = match self.focus[Page::Table as usize] {
            pane @ (ITEMS | RECONCILE) => self.item_in(pane, false),
            _ => None,
        };
        selected.or_else(|| self.item.of.clone())
    }

    /// What was read of an item, where that is the one.
    pub(crate) fn read_item(&self, key: &ItemKey) -> Option<&ReadItem> {
        self.item.read.as_ref().filter(|read| read.key == *key)
    }

    fn values_of(&self, key: &ItemKey) -> Option<Values> {
        let row = self.boards.get(&key.set_id)?.items.get(&key.object_key)?;
        Some((row.object_size, row.event_time))
    }

    /// Whether the list says something else of an item than when it was read.
    pub(crate) fn is_outdated(&self, read: &ReadItem) -> bool {
        self.values_of(&read.key) != read.values
    }

    /// The item that is being read.
    pub(crate) fn reading_item(&self) -> Option<&ItemKey> {
        self.item.reading.as_ref().map(|(key, _)| key)
    }

    /// Notes that an item is being read.
    pub(crate) fn begin_item(&mut self, key: ItemKey) {
        let values = self.values_of(&key);
        self.item.reading = Some((key, values));
    }

    /// Keeps what was read of an item.
    pub(crate) fn keep_item(&mut self, key: ItemKey, found: Result<Option<Value>, String>) {
        let asked = self.item.reading.take_if(|(reading, _)| *reading == key);
        let values = asked.map_or_else(|| self.values_of(&key), |(_, values)| values);
        let at = self.now();
        self.item.read = Some(ReadItem { key, found, at, values });
    }
}
