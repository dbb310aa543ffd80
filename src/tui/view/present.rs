//! What an audience sees: one pane in the light and the others beside it in the shade, the keys that were pressed, and a
//! picture that is held still with what it is behind.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::present::{FADES_MS, Frozen};
use super::super::theme::Role;
use super::super::widget::text;
use super::{
    ViewState, activity, archiving, executions, flow, gateway, guide, logs, objects, opened, row, stacks, table,
};
use crate::model::StackKind;

/// A pane beside the one in the light has at least so many rows.
const LEAST: u16 = 6;

fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match state.page {
        Page::Flow if state.kind() == StackKind::S3Tar => archiving::part(frame, area, state, view, index),
        Page::Flow => flow::part(frame, area, state, view, index),
        Page::Stacks => stacks::part(frame, area, state, view, index),
        Page::Logs => logs::part(frame, area, state, view, index),
        Page::Table => table::part(frame, area, state, view, index),
        Page::Executions => executions::part(frame, area, state, view, index),
        Page::Objects => objects::part(frame, area, state, view, index),
        Page::Guide => guide::part(frame, area, state, view, index),
        Page::Gateway => gateway::part(frame, area, state, view, index),
        Page::Activity => activity::part(frame, area, state, view, index),
    }
}

/// The panes of the page but the one in the light, from the next one on.
fn others(state: &State) -> Vec<usize> {
    let count = if state.page == Page::Logs && !state.logs.detail { 1 } else { state.panes().len() };
    (1..count).map(|by| (state.pane() + by) % count).collect()
}

/// Draws the page with the focused pane large.
pub(super) fn page(frame: &mut Frame, body: Rect, state: &State, view: &mut ViewState) {
    if opened::render(frame, body, state, view) {
        return;
    }
    let others = others(state);
    if state.zoom || others.is_empty() || body.height < 4 {
        return part(frame, body, state, view, state.pane());
    }
    if body.width < 110 || body.height < LEAST {
        // No room beside it: the others are named.
        let [main, low] = Layout::vertical([Constraint::Min(3), Constraint::Length(1)]).areas(body);
        part(frame, main, state, view, state.pane());
        let names: Vec<&str> = others.iter().filter_map(|at| state.panes().get(*at)).copied().collect();
        let line = Line::from(vec![
            view.span(Role::Key, format!(" {}", state.key(Cmd::NextPane))),
            view.span(Role::Dim, format!(" {}", names.join(" · "))),
        ]);
        return row(frame, low, 0, line, None);
    }
    let [main, rail] = Layout::horizontal([Constraint::Percentage(68), Constraint::Percentage(32)]).areas(body);
    part(frame, main, state, view, state.pane());
    let fit = usize::from(rail.height / LEAST).clamp(1, others.len());
    let places = Layout::vertical(vec![Constraint::Fill(1); fit]).split(rail);
    for (place, index) in places.iter().zip(others) {
        part(frame, *place, state, view, index);
    }
    shade(frame, rail, view);
}

/// Takes the light from what was drawn.
fn shade(frame: &mut Frame, area: Rect, view: &ViewState) {
    let dim = view.style(Role::Dim);
    for position in area.positions() {
        if let Some(cell) = frame.buffer_mut().cell_mut(position) {
            cell.modifier.remove(Modifier::BOLD | Modifier::REVERSED);
            cell.set_style(dim);
        }
    }
}

/// The keys that were pressed last, over the right end of the row above the footer.
pub(super) fn keys(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    if area.height < 3 {
        return;
    }
    let mut spans: Vec<Span> = Vec::new();
    let mut used = 0;
    let shown: Vec<_> = state.present.shown(state.real_ms).collect();
    // The newest is always there.
    for pressed in shown.iter().rev() {
        let is_old = state.real_ms.saturating_sub(pressed.at_ms) >= FADES_MS;
        let times = if pressed.times > 1 { format!(" ×{}", pressed.times) } else { String::new() };
        let key = format!(" {}{times} ", pressed.key);
        let word = if pressed.word.is_empty() { String::new() } else { format!(" {}", pressed.word) };
        let wide = text::width(&key) + text::width(&word) + 1;
        if used + wide > usize::from(area.width.saturating_sub(2)) {
            break;
        }
        used += wide;
        let (chip, about) = if is_old { (Role::Dim, Role::Dim) } else { (Role::Tab, Role::Title) };
        let parts = [view.span(chip, key), view.span(about, word), view.span(Role::Text, " ")];
        drop(spans.splice(0..0, parts));
    }
    let width = u16::try_from(used).unwrap_or(0);
    if width == 0 {
        return;
    }
    let place = Rect { x: area.right() - width - 1, y: area.bottom() - 2, width, height: 1 };
    clear(frame, place, view);
    frame.render_widget(Line::from(spans), place);
}

fn clear(frame: &mut Frame, place: Rect, view: &ViewState) {
    frame.render_widget(ratatui::widgets::Clear, place);
    frame.buffer_mut().set_style(place, view.style(Role::Text));
}

/// Draws the picture that is held still.
pub(super) fn held(frame: &mut Frame, view: &ViewState) {
    let Some(picture) = &view.picture else { return };
    let buffer = frame.buffer_mut();
    // A screen of another size shows what of it there is.
    for position in buffer.area.intersection(picture.area).positions() {
        if let (Some(to), Some(from)) = (buffer.cell_mut(position), picture.cell(position)) {
            to.clone_from(from);
        }
    }
}

/// Says how far the picture is behind.
pub(super) fn badge(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, frozen: Frozen) {
    let seconds = state.real_ms.saturating_sub(frozen.since_ms) / 1_000;
    let events = text::number(frozen.events);
    let key = state.key(Cmd::Freeze);
    let ways = [
        format!(" ■ FROZEN {seconds} s · {} behind · {key} goes on ", text::counted(frozen.events, "event")),
        format!(" ■ FROZEN {seconds} s · {events} behind · {key} "),
        format!(" FROZEN {seconds} s "),
        " FROZEN ".to_owned(),
    ];
    let Some(words) = ways.into_iter().find(|words| text::width(words) <= usize::from(area.width)) else { return };
    let width = u16::try_from(text::width(&words)).unwrap_or(area.width);
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.bottom().saturating_sub(1), width, height: 1 };
    if area.height == 0 {
        return;
    }
    // The keys that stand there do nothing now.
    clear(frame, Rect { x: area.x, width: area.width, ..place }, view);
    frame.render_widget(Line::from(view.span(Role::Found, words)), place);
}
