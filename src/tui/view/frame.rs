//! What stands around every page below its header: the tabs, and the footer with the keys that matter now.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::cmd::{Cmd, Page};
use super::super::state::item::ITEM;
use super::super::state::opened::Opened;
use super::super::state::{Overlay, State};
use super::super::theme::Role;
use super::super::widget::text;
use super::super::{Effect, Spot};
use super::ViewState;
use crate::model::StackKind;

pub(super) fn tabs(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let label =
        |page: Page| state.keymap.key_of(state.page, Cmd::Show(page)).map(|key| key.to_string()).unwrap_or_default();
    let problems = if state.unread > 0 {
        format!("  ✗ problems: {} ({})", state.unread, state.key(Cmd::Errors))
    } else {
        String::new()
    };
    let room = usize::from(area.width).saturating_sub(text::width(&problems));
    // With air around each name, without it, or with the name of this page alone: as much as there is room for.
    let name = |page: Page| if page == Page::Executions { "Runs" } else { page.name() };
    let aired = |page: Page| format!(" {} {} ", label(page), page.name());
    let tight = |page: Page| format!(" {} {}", label(page), name(page));
    let alone = |page: Page| if page == state.page { aired(page) } else { format!(" {} ", label(page)) };
    let fits = |form: &dyn Fn(Page) -> String| {
        Page::ALL.into_iter().map(|page| text::width(&form(page))).sum::<usize>() <= room
    };
    let (form, is_narrow): (&dyn Fn(Page) -> String, bool) = match (fits(&aired), fits(&tight)) {
        (true, _) => (&aired, false),
        (false, true) => (&tight, false),
        (false, false) => (&alone, true),
    };
    let mut spans = Vec::new();
    let mut from = 0_u16;
    for page in Page::ALL {
        let here = page == state.page;
        let label = form(page);
        let wide = u16::try_from(text::width(&label)).unwrap_or(0);
        view.note(Rect { x: area.x.saturating_add(from), width: wide, ..area }, Spot::Page(page));
        from = from.saturating_add(wide);
        spans.push(view.span(
            if here { Role::Tab } else { Role::Dim },
            if here && !is_narrow { label.replacen(' ', "▸", 1) } else { label },
        ));
    }
    if state.unread > 0 {
        spans.push(view.span(Role::Bad, problems));
    }
    let line = Line::from(spans);
    let room = usize::from(area.width).saturating_sub(line.width() + 2);
    frame.render_widget(line, area);
    // The Flow page has the notes whole, and so has the banner.
    let note = super::sources::notes(state).into_iter().find(|(role, _)| *role == Role::Warn);
    if let Some((role, note)) = note.filter(|_| state.page != Page::Flow && state.sources.away_since_ms().is_none())
        && room >= 12
    {
        frame.render_widget(Line::from(view.span(role, text::cut(&note, room))).right_aligned(), area);
    }
}

/// Commands that the footer shows for the state that things are in, the most useful first.
fn useful(state: &State) -> Vec<(Cmd, &'static str)> {
    let mut list = Vec::new();
    match &state.opened {
        Some(Opened::Trace(_)) => {
            list.extend([(Cmd::Back, "back"), (Cmd::Enter, "timeline"), (Cmd::Copy, "copy key")]);
        }
        Some(Opened::Timeline(_)) => list.extend([
            (Cmd::Back, "back"),
            (Cmd::Larger, ""),
            (Cmd::Smaller, ""),
            (Cmd::Left, "earlier"),
            (Cmd::Right, "later"),
            (Cmd::Enter, "execution"),
        ]),
        None => {}
    }
    if state.opened.is_some() {
        if state.is_embedded() {
            let paused = state.clock.is_some_and(|(reading, _)| reading.paused);
            list.extend([(Cmd::Pause, if paused { "resume" } else { "" }), (Cmd::Faster, ""), (Cmd::Slower, "")]);
        }
        return list;
    }
    let is_change =
        |effect: &Effect| matches!(effect, Effect::Preview { .. } | Effect::Deploy { .. } | Effect::DeleteStack { .. });
    if !state.is_deployed() && !state.busy.iter().any(is_change) && !matches!(state.page, Page::Logs | Page::Stacks) {
        list.push((Cmd::Deploy, ""));
    }
    if state.is_deployed() && state.kind() == StackKind::EventProcessing {
        list.push((Cmd::StartJob, ""));
    }
    match state.page {
        Page::Stacks => {
            let name = state.selected_stack().unwrap_or_default();
            let offer = state.setup.stacks.iter().find(|offer| offer.stack == name);
            let status = state.stacks.get(name).and_then(|stack| stack.status.as_deref());
            let stands = status.is_some_and(|status| status != "DELETE_COMPLETE");
            if offer.is_some_and(|offer| offer.parameters.is_some()) && !state.busy.iter().any(is_change) {
                list.extend([(Cmd::Deploy, if stands { "update" } else { "" }), (Cmd::Parameters, "")]);
            }
            if state.main_name() != Some(name) {
                list.push((Cmd::Enter, ""));
            }
            if stands {
                list.extend([(Cmd::Delete, ""), (Cmd::Events, if state.shows_events { "resources" } else { "" })]);
            }
        }
        Page::Logs => {
            if state.logs.is_narrow() {
                list.push((Cmd::Context, if state.logs.is_context() { "out of context" } else { "" }));
            }
            list.extend([
                (Cmd::Search, ""),
                (Cmd::Filter, ""),
                (Cmd::Group, ""),
                (Cmd::Wrap, ""),
                (Cmd::Enter, "detail"),
                (Cmd::Save, ""),
            ]);
        }
        Page::Table => list.extend([
            (Cmd::Search, ""),
            (Cmd::Filter, ""),
            (Cmd::Enter, if state.pane() == 0 { "timeline" } else { "trace" }),
            (Cmd::Item, if state.pane() == ITEM { "read again" } else { "" }),
        ]),
        Page::Flow => {
            let word = match state.pane() {
                1 => "timeline",
                3 => "trace",
                _ => "",
            };
            list.push((Cmd::Enter, word));
        }
        Page::Gateway => {
            list.retain(|(cmd, _)| *cmd == Cmd::StartJob);
            if state.pane() == 0 {
                list.extend([(Cmd::Play, ""), (Cmd::Edit, "")]);
            }
            if let Some(now) = state.gateway.now.as_ref().filter(|now| !now.is_over) {
                list.extend([
                    (Cmd::Hold, if now.is_paused { "go on" } else { "" }),
                    (Cmd::NextEvent, ""),
                    (Cmd::Connection, if now.is_online { "" } else { "online" }),
                    (Cmd::UploadFaster, ""),
                    (Cmd::Shuffle, ""),
                ]);
            }
            list.push((Cmd::Fault, ""));
        }
        Page::Executions => {
            if state.pane() == 1 {
                list.extend([(Cmd::Larger, ""), (Cmd::Smaller, ""), (Cmd::Enter, "state")]);
            }
        }
        Page::Objects => {
            list.extend([(Cmd::Enter, ""), (Cmd::Search, ""), (Cmd::Refresh, ""), (Cmd::Copy, "copy")]);
        }
        Page::Guide => list.extend([(Cmd::Enter, ""), (Cmd::Copy, "copy command"), (Cmd::Reset, "")]),
        Page::Activity => {
            list.extend([(Cmd::Copy, "copy as aws command"), (Cmd::Order, "")]);
            if state.calls.row().is_some_and(|row| row.failed_command.is_some()) {
                list.push((Cmd::CopyFailed, ""));
            }
        }
    }
    list.extend([(Cmd::NextPane, ""), (Cmd::Zoom, "")]);
    if state.is_embedded() {
        let paused = state.clock.is_some_and(|(reading, _)| reading.paused);
        list.extend([(Cmd::Pause, if paused { "resume" } else { "" }), (Cmd::Faster, ""), (Cmd::Slower, "")]);
        if paused {
            list.push((Cmd::Step, ""));
        }
    }
    if state.setup.target.read_only {
        list.retain(|(cmd, _)| cmd.changes().is_none());
    }
    list.extend([(Cmd::Errors, ""), (Cmd::Leave, if state.page == Page::Flow { "quit" } else { "back" })]);
    list.push((Cmd::Palette, ""));
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
        let more = if *bad { format!("   {} for all", state.key(Cmd::Errors)) } else { String::new() };
        let room = usize::from(area.width).saturating_sub(4 + more.len());
        frame.render_widget(Line::from(view.span(role, format!(" {glyph} {}{more}", text::cut(message, room)))), area);
        return;
    }
    let asked = state.busy.iter().find_map(|effect| match effect {
        Effect::Preview { .. } => Some(" ◐ asking what would change …"),
        _ => None,
    });
    if let Some(text) = asked.filter(|_| state.waiting.is_none()) {
        frame.render_widget(Line::from(view.span(Role::Active, text)), area);
        return;
    }
    let help = format!(" {}", state.key(Cmd::Help));
    let mut used = text::width(&help) + 5;
    let mut spans: Vec<Span> = vec![view.span(Role::Key, help), view.span(Role::Dim, " help")];
    for (cmd, word) in useful(state) {
        let Some(binding) = state.keymap.on(state.page).find(|binding| binding.cmd == cmd) else { continue };
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
