//! The table's items of a dataset, the reconcile board by name, and the item that is looked at.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::item::ITEM;
use super::super::state::logs::holds;
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::flow::outcome_line;
use super::logs::marked;
use super::{ViewState, item, pane, row, sources};
use crate::model::board::Row;
use crate::model::{Source, Timestamp};

/// Milliseconds that an item counts as new, or as changed.
const NEW_MS: u64 = 3_000;
/// What the marks mean.
const LEGEND: &str = " · + new  ~ changed  ! unexpected";
/// Rows that reconcile board and item need below each other: the item has five attributes, its braces and a frame.
const BOTH: u16 = 19;
const ITEM_ROWS: u16 = 10;

/// A key without the root that all keys of a dataset share.
fn inside(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, rest)| rest)
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom {
        return part(frame, area, state, view, state.pane());
    }
    let sets =
        u16::try_from(state.datasets.iter().len()).unwrap_or(6).clamp(1, if area.height > 30 { 8 } else { 3 }) + 2;
    let [top, rest] = Layout::vertical([Constraint::Length(sets), Constraint::Min(3)]).areas(area);
    let is_wide = area.width >= 72;
    let has_both = is_wide && rest.height >= BOTH;
    // Where there is room for one of them, it is the one that has the keys, or the item that was asked for.
    let is_item = state.pane() == ITEM || (state.item.is_open && state.pane() != 2);
    let [left, right] = if is_wide {
        let part = if is_item && !has_both { 46 } else { 60 };
        Layout::horizontal([Constraint::Percentage(part), Constraint::Min(1)]).areas(rest)
    } else {
        Layout::vertical([Constraint::Percentage(if is_item { 30 } else { 55 }), Constraint::Min(3)]).areas(rest)
    };
    part(frame, top, state, view, 0);
    part(frame, left, state, view, 1);
    if has_both {
        let of_item = if is_item { rest.height / 2 } else { ITEM_ROWS };
        let [upper, lower] = Layout::vertical([Constraint::Min(1), Constraint::Length(of_item)]).areas(right);
        part(frame, upper, state, view, 2);
        part(frame, lower, state, view, ITEM);
    } else {
        part(frame, right, state, view, if is_item { ITEM } else { 2 });
    }
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        0 => datasets(frame, area, state, view),
        1 => items(frame, area, state, view),
        ITEM => item::render(frame, area, state, view),
        _ => reconcile(frame, area, state, view),
    }
}

fn datasets(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let inner = pane(frame, area, state, view, 0, "Datasets");
    let count = state.datasets.iter().len();
    if count == 0 {
        let hint = if state.setup.target.read_only {
            " none yet".to_owned()
        } else {
            format!(" none yet: {} starts a job", state.key(Cmd::StartJob))
        };
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, hint)), None);
    }
    let selected = state.set().and_then(|set| state.datasets.iter().rev().position(|(id, _)| id == set)).unwrap_or(0);
    let shown = list::window(usize::from(inner.height), count, selected, &mut view.offsets[3][0]);
    let start = shown.start;
    for (at, (id, set)) in state.datasets.iter().rev().enumerate().skip(start).take(shown.len()) {
        let tally = set.tally();
        let end = outcome_line(view, set).unwrap_or_else(|| Line::from(view.span(Role::Active, "  ◐ goes on")));
        let mut line = Line::from(vec![
            view.span(Role::Title, format!(" {} ", text::cell_middle(id.as_str(), 17))),
            view.span(Role::Text, format!("{:>8} items", text::count(set.items.len()))),
            view.span(Role::Dim, format!(" of {}", text::count(tally.expected))),
        ]);
        line.extend(end.spans);
        row(frame, inner, at - start, line, (at == selected).then(|| view.style(Role::Selected)));
    }
}

fn items(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let board = state.set().and_then(|set| state.boards.get(set));
    let count = board.map_or(0, |board| board.items.len());
    let mut title = format!("Items {}", text::count(count));
    if !state.table_filter.is_empty() {
        title.push_str(&format!(" · filter {:?}", state.table_filter));
    }
    if let Some(note) = sources::title(state, &[Source::Table]) {
        title.push_str(&format!(" · {note}"));
    }
    if count > 0 && text::width(&title) + text::width(LEGEND) + 4 <= usize::from(area.width) {
        title.push_str(LEGEND);
    }
    let inner = pane(frame, area, state, view, 1, &title);
    let Some(board) = board.filter(|board| !board.items.is_empty()) else {
        let text = sources::absent(state, &[Source::Table]).unwrap_or_else(|| " none yet".to_owned());
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, text)), None);
    };
    let chosen = state.rows[Page::Table as usize][1];
    let at = chosen.unwrap_or(count - 1).min(count - 1);
    let height = usize::from(inner.height);
    let shown: Vec<usize> = if state.table_filter.is_empty() {
        list::window(height, count, at, &mut view.offsets[3][1]).collect()
    } else {
        // From the selected row back, as many as fit.
        let fits = |at: &usize| board.items.get_index(*at).is_some_and(|(key, _)| holds(key, &state.table_filter));
        let mut rows: Vec<usize> = (0..=at).rev().filter(fits).take(height).collect();
        rows.reverse();
        rows
    };
    for (line, index) in shown.into_iter().enumerate() {
        let Some((key, item)) = board.items.get_index(index) else { continue };
        let is_unexpected = board.unexpected.contains(key);
        let (mark, role) = fresh(item, state.real_ms);
        let role = if is_unexpected { Role::Warn } else { role };
        let size = text::bytes(item.object_size);
        let time = Timestamp::from_secs(item.event_time).clock_millis();
        let time = time.get(..8).unwrap_or_default();
        let room = usize::from(inner.width).saturating_sub(3 + 9 + 9);
        let mut spans = vec![view.span(role, format!("{}{mark} ", if is_unexpected { '!' } else { ' ' }))];
        spans.extend(marked(view, text::cell_middle(inside(key), room), &state.table_search));
        spans.push(view.span(Role::Dim, format!("{size:>8} {time}")));
        let style = (state.pane() == 1 && chosen.is_some() && index == at).then(|| view.style(Role::Selected));
        row(frame, inner, line, Line::from(spans), style);
    }
}

/// Whether an item is new or changed, by its mark.
fn fresh(item: &Row, now_ms: u64) -> (char, Role) {
    let is_late = |ms: u64| now_ms.saturating_sub(ms) < NEW_MS;
    if item.changed_ms.is_some_and(is_late) {
        ('~', Role::New)
    } else if is_late(item.seen_ms) {
        ('+', Role::New)
    } else {
        (' ', Role::Text)
    }
}

fn reconcile(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let note = sources::title(state, &[Source::Bucket]).map_or_else(String::new, |note| format!(" · bucket {note}"));
    let inner = pane(frame, area, state, view, 2, &format!("Reconcile{note}"));
    let Some(board) = state.set().and_then(|set| state.boards.get(set)) else {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " nothing to compare yet")), None);
    };
    if board.expected == 0 {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " its manifest was not read yet")), None);
    }
    let counts = [
        ("expected", board.expected, Role::Text),
        ("present", board.present(), Role::Good),
        ("missing", board.missing.len(), if board.missing.is_empty() { Role::Dim } else { Role::Warn }),
        ("unexpected", board.unexpected.len(), if board.unexpected.is_empty() { Role::Dim } else { Role::Warn }),
    ];
    for (at, (name, count, role)) in counts.into_iter().enumerate() {
        row(frame, inner, at, Line::from(view.span(role, format!(" {name:<11}{:>9}", text::count(count)))), None);
    }
    let low = Rect { y: inner.y + 4.min(inner.height), height: inner.height.saturating_sub(4), ..inner };
    if board.is_equal() {
        return row(frame, low, 0, Line::from(view.span(Role::Good, " ✓ every item equals a line")), None);
    }
    let count = board.missing.len() + board.unexpected.len();
    let chosen = state.row(Page::Table, 2);
    let shown = list::window(usize::from(low.height), count, chosen, &mut view.offsets[3][2]);
    let (start, length) = (shown.start, shown.len());
    let names = board.missing.iter().map(|key| ("−", key)).chain(board.unexpected.iter().map(|key| ("!", key)));
    for (line, (mark, key)) in names.skip(start).take(length).enumerate() {
        let text = format!(" {mark} {}", text::cut_middle(inside(key), usize::from(low.width).saturating_sub(3)));
        let style = (state.pane() == 2 && start + line == chosen).then(|| view.style(Role::Selected));
        row(frame, low, line, Line::from(view.span(Role::Warn, text)), style);
    }
}
