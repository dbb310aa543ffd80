//! The item that is looked at on the Table page: one call when it is asked for. By itself it is read only where reading is
//! free, on the embedded endpoint.

use super::super::Effect;
use super::super::cmd::Page;
use super::super::state::State;
use super::super::state::item::{ITEM, ITEMS};
use super::say;
use crate::model::StackKind;
use crate::model::board::ItemKey;

/// Reads the item that is selected, and shows it.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    let Some(key) = state.meant_item() else {
        say(state, "there is no item to read");
        return Vec::new();
    };
    if state.replay.is_some() && state.read_item(&key).is_none() {
        say(state, "this is a replay: only what was read then can be seen");
        return Vec::new();
    }
    state.item.is_open = true;
    if state.item.of.as_ref() != Some(&key) {
        state.rows[Page::Table as usize][ITEM] = None;
    }
    state.item.of = Some(key.clone());
    read(state, key)
}

/// Leaves the item; tells whether there was one to leave.
pub(super) fn close(state: &mut State) -> bool {
    let focus = &mut state.focus[Page::Table as usize];
    let had_keys = *focus == ITEM;
    if had_keys {
        *focus = ITEMS;
    }
    std::mem::take(&mut state.item.is_open) || had_keys
}

fn read(state: &mut State, key: ItemKey) -> Vec<Effect> {
    // The answer to the same question is on its way.
    if state.replay.is_some() || state.reading_item() == Some(&key) {
        return Vec::new();
    }
    state.begin_item(key.clone());
    vec![Effect::ReadItem(key)]
}

/// What has to be read for what is shown: on the embedded endpoint the pane goes with the selection.
pub(super) fn wants(state: &mut State) -> Vec<Effect> {
    let is_seen = state.page == Page::Table && state.opened.is_none() && state.item.is_open;
    if !is_seen || !state.is_embedded() || state.kind() != StackKind::EventProcessing || state.reading_item().is_some()
    {
        return Vec::new();
    }
    let Some(key) = state.shown_item() else { return Vec::new() };
    let is_there = state.read_item(&key).is_some_and(|read| !state.is_outdated(read));
    if is_there {
        return Vec::new();
    }
    state.item.of = Some(key.clone());
    read(state, key)
}
