//! What stands around every page: the header with the loud target, the tabs, the footer with the keys that matter now.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::cmd::{Cmd, Page};
use super::super::state::{Overlay, State};
use super::super::theme::Role;
use super::super::update::keymap;
use super::super::widget::text;
use super::super::{Effect, TargetKind};
use super::ViewState;

pub(super) fn status_look(status: &str) -> (&'static str, Role) {
    match status {
        _ if status.ends_with("FAILED") => ("✗", Role::Bad),
        _ if status.contains("ROLLBACK") && !status.contains("IN_PROGRESS") => ("✗", Role::Bad),
        _ if status.contains("ROLLBACK") => ("◐", Role::Warn),
        _ if status.ends_with("IN_PROGRESS") => ("◐", Role::Active),
        "DELETE_COMPLETE" => ("○", Role::Dim),
        _ => ("✓", Role::Good),
    }
}

pub(super) fn header(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let target = &state.setup.target;
    let (word, role) = match target.kind {
        TargetKind::Embedded => ("EMBEDDED", Role::Embedded),
        TargetKind::Endpoint => ("ENDPOINT", Role::Endpoint),
        TargetKind::Aws => ("REAL AWS", Role::Aws),
    };
    let mut place = vec![text::cut(&target.address, 40), text::cut(&target.region, 24)];
    if area.width >= 90 || target.kind == TargetKind::Aws {
        place.extend(target.account.as_ref().map(|account| text::cut(account, 12)));
    }
    place.retain(|part| !part.is_empty());
    let mut left = vec![
        view.span(Role::Title, if area.width >= 60 { " vaultscope  " } else { " " }),
        view.span(role, format!(" {word} ")),
        view.span(Role::Text, format!(" {}", place.join(" · "))),
    ];
    if target.read_only {
        left.push(view.span(Role::Warn, " READ-ONLY"));
    }
    let mut right = Vec::new();
    let status = state.status().unwrap_or("not deployed");
    let (glyph, role) =
        if state.main_stack().is_some_and(|s| s.status.is_some()) { status_look(status) } else { ("○", Role::Dim) };
    let name = state.setup.stacks.first().map_or("", |offer| offer.stack.as_str());
    let name = if area.width >= 110 { format!("{} ", text::cut(name, 32)) } else { String::new() };
    let status = if area.width < 100 { status.strip_prefix("CREATE_").unwrap_or(status) } else { status };
    right.push(view.span(role, format!("{glyph} {name}{status}  ")));
    if let Some((reading, _)) = state.clock {
        if reading.paused {
            right.push(view.span(Role::Found, " PAUSED "));
        } else {
            right.push(view.span(Role::Text, format!("×{}", reading.rate)));
        }
    }
    if let Some(now) = state.now() {
        let clock = now.clock_millis();
        right.push(view.span(Role::Text, format!("  {} ", clock.get(..8).unwrap_or(&clock))));
    }
    let line = Line::from(right);
    let last = Rect { y: area.y + area.height - 1, height: 1, ..area };
    let width = u16::try_from(line.width()).unwrap_or(u16::MAX).min(last.width);
    // Where both share a row the target is cut before the status is.
    let room = if area.height > 1 { area.width } else { (area.width - width).saturating_sub(1) };
    frame.render_widget(Line::from(left), Rect { width: room, height: 1, ..area });
    frame.render_widget(line, Rect { x: last.right() - width, width, ..last });
}

pub(super) fn tabs(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let narrow = area.width < 52;
    let mut spans = Vec::new();
    for (page, digit) in Page::ALL.into_iter().zip(1..) {
        let here = page == state.page;
        let label = match (narrow, here) {
            (false, _) | (true, true) => format!(" {digit} {} ", page.name()),
            (true, false) => format!(" {digit} "),
        };
        spans.push(view.span(
            if here { Role::Tab } else { Role::Dim },
            if here && !narrow { label.replacen(' ', "▸", 1) } else { label },
        ));
    }
    if state.unread > 0 {
        spans.push(view.span(Role::Bad, format!("  ✗ problems: {} (!)", state.unread)));
    }
    frame.render_widget(Line::from(spans), area);
    let trouble = state.sources.iter().find_map(|source| super::flow::trouble(state, source));
    if let Some(text) = trouble {
        let room = usize::from(area.width.saturating_sub(if narrow { 30 } else { 58 }));
        let line = Line::from(view.span(Role::Warn, text::cut(&text, room))).right_aligned();
        frame.render_widget(line, area);
    }
}

/// Commands that the footer shows for the state that things are in, the most useful first.
fn useful(state: &State) -> Vec<(Cmd, &'static str)> {
    let mut list = Vec::new();
    let busy = state.busy.iter().any(|effect| matches!(effect, Effect::Deploy { .. } | Effect::DeleteStack { .. }));
    if !state.is_deployed() && !busy && state.page != Page::Logs {
        list.push((Cmd::Deploy, ""));
    }
    if state.is_deployed() {
        list.push((Cmd::StartJob, ""));
    }
    match state.page {
        Page::Stacks => list.push((Cmd::Delete, "")),
        Page::Logs => list.extend([
            (Cmd::Search, ""),
            (Cmd::Filter, ""),
            (Cmd::Group, ""),
            (Cmd::Wrap, ""),
            (Cmd::Enter, "detail"),
        ]),
        Page::Table => list.extend([(Cmd::Search, ""), (Cmd::Filter, "")]),
        Page::Flow => list.push((Cmd::Enter, "")),
        Page::Executions => {}
    }
    list.extend([(Cmd::NextPane, ""), (Cmd::Zoom, "")]);
    if state.is_embedded() {
        let paused = state.clock.is_some_and(|(reading, _)| reading.paused);
        list.extend([(Cmd::Pause, if paused { "resume" } else { "" }), (Cmd::Faster, ""), (Cmd::Slower, "")]);
        if paused {
            list.push((Cmd::Step, ""));
        }
    }
    list.extend([(Cmd::Errors, ""), (Cmd::Leave, if state.page == Page::Flow { "quit" } else { "back" })]);
    list
}

pub(super) fn footer(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    if let Some(Overlay::Search(input) | Overlay::Filter(input)) = &state.overlay {
        let name = if matches!(state.overlay, Some(Overlay::Search(_))) { " search: " } else { " filter: " };
        let room = usize::from(area.width).saturating_sub(name.len() + 1).max(1);
        let start = input.visual_scroll(room);
        let value: String = input.value().chars().skip(start).collect();
        frame.render_widget(
            Line::from(vec![view.span(Role::Key, name), view.span(Role::Text, text::cut(&value, room))]),
            area,
        );
        let column = name.len() + input.visual_cursor().saturating_sub(start);
        let column = u16::try_from(column).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(area.x + column, area.y));
        return;
    }
    if let Some((message, bad, _)) = &state.message
        && !message.is_empty()
    {
        let (glyph, role) = if *bad { ("✗", Role::Bad) } else { ("•", Role::Active) };
        let more = if *bad { "   ! for all" } else { "" };
        let room = usize::from(area.width).saturating_sub(4 + more.len());
        frame.render_widget(Line::from(view.span(role, format!(" {glyph} {}{more}", text::cut(message, room)))), area);
        return;
    }
    let mut spans: Vec<Span> = vec![view.span(Role::Key, " ?"), view.span(Role::Dim, " help")];
    let mut used = 7;
    for (cmd, word) in useful(state) {
        let Some(binding) = keymap().on(state.page).find(|binding| binding.cmd == cmd) else { continue };
        let word = if word.is_empty() { binding.short } else { word };
        let Some(key) = binding.keys.first().map(ToString::to_string) else { continue };
        let width = text::width(&key) + text::width(word) + 3;
        if used + width > usize::from(area.width) {
            break;
        }
        used += width;
        spans.extend([view.span(Role::Key, format!("  {key}")), view.span(Role::Dim, format!(" {word}"))]);
    }
    frame.render_widget(Line::from(spans), area);
}
