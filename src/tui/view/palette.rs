//! The command palette, and the picker of colours.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::super::state::State;
use super::super::state::palette::{Entry, entries};
use super::super::theme::{Role, Theme};
use super::super::widget::{list, text};
use super::overlay::{cursor, key_line, movers, window};
use super::{ViewState, row};

/// Columns of a key.
const KEY: usize = 10;
/// From so many columns on there is room for the names of the configuration file.
const NAMED: usize = 76;

pub(super) fn commands(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, typed: &Input, at: usize) {
    let entries = entries(state, typed.value());
    let most = state.keymap.on(state.page).count();
    // As high as it is with everything in it, so that it does not jump while somebody types.
    let height = u16::try_from(most + 3).unwrap_or(u16::MAX).min(area.height.saturating_sub(2)).clamp(5, 24);
    let width = 96.min(area.width.saturating_sub(2)).max(20);
    let title = format!("Commands · {}", state.page.name());
    let inner = window(frame, area, view, &title, width, height);
    let room = usize::from(inner.width);
    let start = typed.visual_scroll(room.saturating_sub(4).max(1));
    let value: String = typed.value().chars().skip(start).collect();
    let prompt = if typed.value().is_empty() {
        view.span(Role::Dim, "type what you want to do")
    } else {
        view.span(Role::Title, text::cut(&value, room.saturating_sub(4)))
    };
    row(frame, inner, 0, Line::from(vec![view.span(Role::Key, " ▸ "), prompt]), None);
    let column = text::width(&value.chars().take(typed.visual_cursor().saturating_sub(start)).collect::<String>());
    cursor(frame, inner, 3 + column, 0);
    let below = 1.min(inner.height);
    let body = Rect { y: inner.y + below, height: inner.height - below, ..inner };
    if entries.is_empty() {
        return row(frame, body, 0, Line::from(view.span(Role::Dim, " no command is like this")), None);
    }
    let at = at.min(entries.len() - 1);
    let mut offset = 0;
    for index in list::window(usize::from(body.height), entries.len(), at, &mut offset) {
        let style = (index == at).then(|| view.style(Role::Selected));
        row(frame, body, index - offset, line(state, view, &entries[index], room, index == at), style);
    }
}

fn line(state: &State, view: &ViewState, entry: &Entry, room: usize, is_selected: bool) -> Line<'static> {
    let names = entry.binding.names();
    let refused = state.setup.target.read_only && entry.binding.cmd.changes().is_some();
    let note = if refused { "  READ-ONLY" } else { "" };
    let name = if room >= NAMED { format!(" {}", entry.name) } else { String::new() };
    let wide = room.saturating_sub(KEY + 3 + text::width(&name) + text::width(note) + 1);
    let mark = if is_selected { "▸" } else { " " };
    let mut spans = vec![view.span(Role::Key, format!(" {mark} {}", text::cell(&names, KEY)))];
    let role = if refused { Role::Dim } else { Role::Text };
    let shown = text::cell(&entry.text, wide);
    spans.extend(marked(view, &shown, &entry.hits, role));
    spans.push(view.span(Role::Warn, note));
    let length = entry.text.chars().count();
    let inside: Vec<usize> = entry.hits.iter().filter_map(|hit| hit.checked_sub(length)).collect();
    spans.extend(marked(view, &name, &inside, Role::Dim));
    Line::from(spans)
}

/// `text` with the characters that fit what was typed marked.
fn marked(view: &ViewState, text: &str, hits: &[usize], role: Role) -> Vec<Span<'static>> {
    let mut spans: Vec<Span> = Vec::new();
    let mut was_hit = None;
    for (at, char) in text.chars().enumerate() {
        let is_hit = hits.contains(&at);
        if let Some(span) = spans.last_mut().filter(|_| was_hit == Some(is_hit)) {
            span.content.to_mut().push(char);
        } else {
            let mut span = view.span(if is_hit { Role::Key } else { role }, char.to_string());
            if is_hit {
                span.style = span.style.add_modifier(Modifier::UNDERLINED);
            }
            spans.push(span);
        }
        was_hit = Some(is_hit);
    }
    spans
}

pub(super) fn themes(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, at: usize) {
    let count = Theme::ALL.len() + 1;
    let height = u16::try_from(count + 3).unwrap_or(u16::MAX);
    let inner = window(frame, area, view, "Colours", 58, height);
    let shown = usize::from(inner.height).saturating_sub(1).max(1);
    let mut offset = 0;
    for index in list::window(shown, count, at, &mut offset) {
        let theme = index.checked_sub(1).and_then(|index| Theme::ALL.get(index));
        let (name, about) = theme.map_or(("auto", "what fits the terminal"), |theme| (theme.name(), theme.about()));
        let mark = if index == at { "▸" } else { " " };
        let line = Line::from(vec![
            view.span(Role::Key, format!(" {mark} ")),
            view.span(Role::Title, text::cell(name, 14)),
            view.span(Role::Text, text::cut(&format!(" {about}"), usize::from(inner.width).saturating_sub(18))),
        ]);
        row(frame, inner, index - offset, line, (index == at).then(|| view.style(Role::Selected)));
    }
    row(
        frame,
        inner,
        shown,
        key_line(view, &[(movers(state).as_str(), "try"), ("Enter", "take it"), ("Esc", "as before")]),
        None,
    );
}
