//! The pane of one item: its attributes with their types as they were read, and what is wrong where they were not.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::item::ITEM;
use super::super::theme::Role;
use super::super::widget::{json, text};
use super::{ViewState, fold, pane, scrolled};
use crate::model::board::ItemKey;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let shown = state.shown_item();
    let read = shown.as_ref().and_then(|key| state.read_item(key));
    let mut title = "Item".to_owned();
    if let Some(at) = read.and_then(|read| read.at) {
        title.push_str(&format!(" · read {}", at.clock_millis().get(..8).unwrap_or_default()));
    }
    let inner = pane(frame, area, state, view, ITEM, &title);
    let room = usize::from(inner.width).saturating_sub(1);
    let lines = lines(state, view, shown.as_ref(), room);
    scrolled(frame, (area, inner), view, lines, state.row(Page::Table, ITEM));
}

fn lines(state: &State, view: &ViewState, shown: Option<&ItemKey>, room: usize) -> Vec<Line<'static>> {
    let fold = |role, words: &str| fold(view, role, words, room.saturating_sub(1));
    let key = state.key(Cmd::Item);
    let Some(shown) = shown else {
        return fold(Role::Dim, &format!("{key} reads the selected item as the table holds it: one GetItem call"));
    };
    let name = shown.object_key.split_once('/').map_or(shown.object_key.as_str(), |(_, rest)| rest);
    let Some(read) = state.read_item(shown) else {
        let (role, words) = if state.reading_item() == Some(shown) {
            (Role::Active, "◐ reading …".to_owned())
        } else if state.replay.is_some() {
            (Role::Dim, "it was not read in this recording".to_owned())
        } else {
            (Role::Dim, format!("not read: {key} reads it, one GetItem call"))
        };
        let head = Line::from(view.span(Role::Title, format!(" {}", text::cut_middle(name, room.saturating_sub(1)))));
        return std::iter::once(head).chain(fold(role, &words)).collect();
    };
    let mut lines = Vec::new();
    if state.is_outdated(read) {
        lines.extend(fold(Role::New, &format!("~ written again since it was read: {key} reads it again")));
    }
    match &read.found {
        Ok(Some(item)) => {
            let rows = json::typed(item, room.saturating_sub(1)).into_iter();
            lines.extend(rows.map(|pieces| {
                let pieces = pieces.into_iter().map(|(role, text)| view.span(role, text));
                Line::from(std::iter::once(Span::raw(" ")).chain(pieces).collect::<Vec<_>>())
            }));
        }
        Ok(None) => lines.extend(fold(Role::Warn, &format!("− the table holds no item {name}"))),
        Err(problem) => lines.extend(fold(Role::Bad, &format!("✗ {problem}"))),
    }
    lines
}
