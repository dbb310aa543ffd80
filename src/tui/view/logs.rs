//! Log lines: the end is followed until somebody looks back; then nothing moves what is looked at.

use std::ops::Bound;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::Spot;
use super::super::cmd::Cmd;
use super::super::state::State;
use super::super::state::logs::{KEPT_LINES, Key};
use super::super::theme::Role;
use super::super::widget::text;
use super::{ViewState, histogram, pane, row, sources};
use crate::model::{LogLine, LogRole, Source, StackKind};

/// Marks the lines that a filter lets through among those that it does not.
const HIT: &str = "▌";

fn word(role: LogRole) -> (&'static str, Role) {
    match role {
        LogRole::DataFileUpload => ("data", Role::Active),
        LogRole::ManifestFileUpload => ("manifest", Role::Key),
        LogRole::ReconcileSuccessful => ("✓ success", Role::Good),
        LogRole::ReconcileTimeout => ("✗ timeout", Role::Bad),
        LogRole::Task => ("task", Role::Active),
        LogRole::ErrorHandler => ("handler", Role::Warn),
        LogRole::StateMachine => ("machine", Role::Key),
    }
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let logs = &state.logs;
    if !logs.detail {
        return lines(frame, area, state, view);
    }
    if state.zoom {
        return if state.pane() == 1 { detail(frame, area, state, view) } else { lines(frame, area, state, view) };
    }
    let parts = [Constraint::Percentage(50), Constraint::Percentage(50)];
    let [first, second] =
        if area.width >= 110 { Layout::horizontal(parts).areas(area) } else { Layout::vertical(parts).areas(area) };
    lines(frame, first, state, view);
    detail(frame, second, state, view);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        0 => lines(frame, area, state, view),
        _ => detail(frame, area, state, view),
    }
}

/// The rows that a line takes.
fn rows(state: &State, view: &ViewState, line: &LogLine, key: Key, width: usize) -> Vec<Line<'static>> {
    let (name, role) = word(line.role);
    let time = if state.logs.hide_time { String::new() } else { format!(" {}", key.0.clock_millis()) };
    let head = text::width(&time) + 11;
    // Among its neighbours, what group and filter let through is marked, and they are dim.
    let passes = state.logs.passes(key);
    let mark = if state.logs.is_context() && passes { Some(HIT) } else { None };
    let (role, words) = if passes { (role, Role::Text) } else { (Role::Dim, Role::Dim) };
    let room = width.saturating_sub(head).max(2);
    let texts = if state.logs.wrap { text::wrapped(&line.message, room) } else { vec![summary(line, room)] };
    texts
        .into_iter()
        .enumerate()
        .map(|(at, part)| {
            let mut head = if at == 0 { format!("{time} {} ", text::cell(name, 9)) } else { " ".repeat(head) };
            let mut spans = Vec::with_capacity(4);
            // Each begins with a blank: there is room for the mark.
            if let Some(mark) = mark {
                head.remove(0);
                spans.push(view.span(Role::Key, mark));
            }
            let name = head.split_off(if at == 0 { time.len().saturating_sub(usize::from(mark.is_some())) } else { 0 });
            spans.push(view.span(Role::Dim, head));
            spans.push(view.span(role, name));
            spans.extend(marked_in(view, part, &state.logs.search, words));
            Line::from(spans)
        })
        .collect()
}

/// One row of a line: the upload that it tells of, or as much of it as fits.
fn summary(line: &LogLine, room: usize) -> String {
    let Some(upload) = &line.upload else { return text::cut(&line.message, room) };
    let size = format!("{:>8}", text::bytes(upload.object_size));
    format!("{}{size}", text::cell_middle(&upload.object_key, room.saturating_sub(size.len())))
}

/// `text` with what is searched for marked.
pub(super) fn marked(view: &ViewState, text: String, wanted: &str) -> Vec<Span<'static>> {
    marked_in(view, text, wanted, Role::Text)
}

fn marked_in(view: &ViewState, text: String, wanted: &str, role: Role) -> Vec<Span<'static>> {
    let lower = text.to_ascii_lowercase();
    if wanted.is_empty() || !lower.contains(wanted) {
        return vec![view.span(role, text)];
    }
    let mut spans = Vec::new();
    let mut from = 0;
    for (at, hit) in lower.match_indices(wanted) {
        spans.push(view.span(role, &text[from..at]));
        from = at + hit.len();
        spans.push(view.span(Role::Found, &text[at..from]));
    }
    spans.push(view.span(role, &text[from..]));
    spans
}

fn lines(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let logs = &state.logs;
    let group = logs.group.map_or("all groups", LogRole::stem);
    let context = if logs.is_context() { format!("CONTEXT of {HIT} · ") } else { String::new() };
    let mut title = format!("{context}{group} · {}", text::counted(logs.passing(), "line"));
    if logs.is_context() && logs.filter.is_empty() {
        title.push_str(&format!(" of {}", text::count(logs.kept())));
    }
    if !logs.filter.is_empty() {
        title.push_str(&format!(" of {} · filter {:?}", text::count(logs.kept()), logs.filter));
    }
    let roles = state.log_roles();
    let shown: Vec<Source> =
        roles.iter().copied().filter(|role| logs.group.is_none_or(|only| only == *role)).map(Source::Logs).collect();
    if let Some(mode) = sources::log_mode(state, logs.group) {
        title.push_str(&format!(" · {mode}"));
    }
    if let Some(note) = sources::title(state, &shown) {
        title.push_str(&format!(" · {note}"));
    }
    if logs.dropped > 0 {
        title.push_str(&format!(" · {} older dropped, {} kept", text::number(logs.dropped), text::count(KEPT_LINES)));
    }
    let inner = pane(frame, area, state, view, 0, &title);
    // One moment is nothing over time.
    let is_long = logs.over_time().is_some_and(|(_, first, last)| first.millis() < last.millis());
    let (strip, inner) = if is_long { histogram::split(inner) } else { (Rect::ZERO, inner) };
    if let Some(names) = sources::sampled(state, logs.group) {
        let text = text::cut(&format!(" SAMPLED: {names} "), usize::from(area.width.saturating_sub(22)));
        let width = u16::try_from(text::width(&text)).unwrap_or(0);
        if area.height > 1 && width > 0 {
            let place = Rect { x: area.x + 1, y: area.bottom() - 1, width, height: 1 };
            frame.render_widget(Line::from(view.span(Role::Found, text)), place);
        }
    }
    let follow = if logs.cursor.is_none() {
        " following ".to_owned()
    } else {
        format!(" ▼ {} new · {} follows ", text::number(logs.fresh), state.key(Cmd::Bottom))
    };
    let width = u16::try_from(text::width(&follow)).unwrap_or(0);
    if width + 4 < area.width && area.height > 1 {
        let role = if logs.fresh > 0 { Role::New } else { Role::Dim };
        frame.render_widget(
            Line::from(view.span(role, follow)),
            Rect { x: area.right() - width - 2, y: area.bottom() - 1, width, height: 1 },
        );
    }
    let Some((selected, _)) = logs.selected() else {
        let text = match (sources::absent(state, &shown), logs.kept()) {
            (Some(absent), _) => absent,
            (None, 0) if state.kind() == StackKind::S3Tar => " no line yet: a task that runs writes here".to_owned(),
            (None, 0) => " no line yet: start a job, and its events stand here".to_owned(),
            (None, _) => format!(" no line holds this: {} and Esc show all again", state.key(Cmd::Filter)),
        };
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, text)), None);
    };
    let has_turned = std::mem::replace(&mut view.log_context, logs.is_context()) != logs.is_context();
    let (height, wide) = (usize::from(inner.height), usize::from(inner.width));
    let count = |key: Key, line: &LogLine| if logs.wrap { rows(state, view, line, key, wide).len() } else { 1 };
    // The top row stays where it was, unless the selected line would be off the screen.
    let back = |height: usize| {
        let mut left = height;
        let mut top = selected;
        for (key, line) in logs.between(Bound::Unbounded, Bound::Included(selected)).rev() {
            let needs = count(key, line);
            if needs > left {
                break;
            }
            left -= needs;
            top = key;
        }
        top
    };
    let top = match view.log_top.filter(|_| logs.cursor.is_some()) {
        // Into its context and out of it, a line has as many neighbours before it as after it.
        _ if has_turned && logs.cursor.is_some() => {
            let mut after = 0;
            for (key, line) in logs.between(Bound::Excluded(selected), Bound::Unbounded).take(height / 2) {
                after += count(key, line);
            }
            back(height - after.min(height / 2))
        }
        Some(top) if top > selected => selected,
        Some(top) => {
            let mut used = 0;
            let mut seen = false;
            for (key, line) in logs.between(Bound::Included(top), Bound::Included(selected)) {
                used += count(key, line);
                if used > height {
                    break;
                }
                seen = key == selected;
            }
            if seen { top } else { back(height) }
        }
        None => back(height),
    };
    let (mut at, mut lowest) = (0, top);
    for (key, line) in logs.between(Bound::Included(top), Bound::Unbounded) {
        lowest = key;
        let style = (logs.cursor == Some(key)).then(|| view.style(Role::Selected));
        for content in rows(state, view, line, key, wide) {
            row(frame, inner, at, content, style);
            if let Ok(line) = u16::try_from(at) {
                let place = Rect { y: inner.y.saturating_add(line), height: 1, ..inner };
                view.note(place.intersection(inner), Spot::Line(key.0, key.1));
            }
            at += 1;
        }
        if at >= height {
            break;
        }
    }
    view.log_top = Some(top);
    histogram::render(frame, strip, state, view, (top.0, lowest.0));
}

fn detail(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let inner = pane(frame, area, state, view, 1, "Detail");
    let Some((key, line)) = state.logs.selected() else { return };
    let pretty = serde_json::from_str::<serde_json::Value>(&line.message)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    let mut texts = vec![format!("{}  {}", key.0.iso_millis(), line.role.stem())];
    texts.extend(
        pretty
            .as_deref()
            .unwrap_or(&line.message)
            .lines()
            .flat_map(|line| text::wrapped(line, usize::from(inner.width))),
    );
    let skip = if state.pane() == 1 {
        state.row(super::Page::Logs, 1).min(texts.len().saturating_sub(usize::from(inner.height)))
    } else {
        0
    };
    for (at, text) in texts.into_iter().skip(skip).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, at, Line::from(marked(view, text, &state.logs.search)), None);
    }
}
