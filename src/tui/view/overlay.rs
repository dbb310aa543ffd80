//! What lies over a page: help, problems, confirmation, faults.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear};
use tui_input::Input;

use super::super::TargetKind;
use super::super::cmd::Cmd;
use super::super::state::gateway::faults;
use super::super::state::{Overlay, State};
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::{ViewState, row};

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    match &state.overlay {
        Some(Overlay::Change(selected)) => super::change::render(frame, area, state, view, *selected),
        Some(Overlay::Help(at)) => {
            let mut lines = vec![Line::from(view.span(Role::Title, format!(" {}", state.page.name())))];
            let bindings: Vec<_> = state.keymap.on(state.page).collect();
            let mut own = true;
            for binding in bindings {
                if own && binding.pages.is_empty() {
                    own = false;
                    lines.extend([Line::default(), Line::from(view.span(Role::Title, " Everywhere"))]);
                }
                lines.push(Line::from(vec![
                    view.span(Role::Key, format!("  {}", text::cell(&binding.names(), 14))),
                    view.span(Role::Text, binding.long.to_owned()),
                ]));
            }
            scrolled(frame, area, state, view, "Keys", lines, *at);
        }
        Some(Overlay::Errors(at)) => {
            let width = usize::from(area.width.saturating_sub(6)).min(94);
            let mut lines = Vec::new();
            for (at, problem) in state.problems.iter().rev() {
                let time = at.map(crate::model::Timestamp::clock_millis).unwrap_or_default();
                let text = format!("{} ✗ {problem}", time.get(..8).unwrap_or_default());
                lines
                    .extend(text::wrapped(&text, width).into_iter().map(|part| Line::from(view.span(Role::Bad, part))));
            }
            if lines.is_empty() {
                lines.push(Line::from(view.span(Role::Good, " ✓ no problem so far")));
            }
            scrolled(frame, area, state, view, "Problems, newest first", lines, *at);
        }
        Some(Overlay::Delete(name, typed)) => delete(frame, area, state, view, name, typed.as_ref()),
        Some(Overlay::Fault(at)) => fault(frame, area, state, view, *at),
        Some(Overlay::Parameters(form)) => super::parameters::render(frame, area, state, view, form),
        Some(Overlay::Job(form)) => super::job_form::render(frame, area, state, view, form),
        Some(Overlay::Palette(typed, at)) => super::palette::commands(frame, area, state, view, typed, *at),
        Some(Overlay::Themes(at, _)) => super::palette::themes(frame, area, state, view, *at),
        Some(Overlay::Search(_) | Overlay::Filter(_)) | None => {}
    }
}

/// The target's badge and place, for what changes it.
pub(super) fn target_line(state: &State, view: &ViewState, room: usize) -> Line<'static> {
    let (role, word) = match state.setup.target.kind {
        TargetKind::Aws => (Role::Aws, " REAL AWS "),
        TargetKind::Endpoint => (Role::Endpoint, " ENDPOINT "),
        TargetKind::Embedded => (Role::Embedded, " EMBEDDED "),
    };
    let place = text::cut(&state.place(), room.saturating_sub(13));
    Line::from(vec![Span::raw(" "), view.span(role, word), view.span(Role::Text, format!(" {place}"))])
}

fn delete(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, name: &str, typed: Option<&Input>) {
    let room = usize::from(64.min(area.width).saturating_sub(2));
    let fold = |role, text: &str| {
        let rows = text::folded(text, room.saturating_sub(2));
        rows.into_iter().map(move |part| Line::from(view.span(role, format!(" {part}"))))
    };
    let mut lines: Vec<Line> = fold(Role::Text, &format!("Delete {name} and everything in it?")).collect();
    lines.extend(fold(Role::Dim, "Its buckets are emptied first: what they hold is lost too."));
    lines.push(target_line(state, view, room));
    if typed.is_some() {
        lines.extend(fold(Role::Bad, "Type the stack's name and Enter; Esc keeps it:"));
    }
    let height = u16::try_from(lines.len() + 3).unwrap_or(u16::MAX);
    let inner = window(frame, area, view, "Delete", 64, height);
    // On a low screen the question's end is what the keys need.
    let last = usize::from(inner.height.saturating_sub(1));
    for (at, line) in lines.into_iter().take(last).enumerate() {
        row(frame, inner, at, line, None);
    }
    if let Some(input) = typed {
        row(
            frame,
            inner,
            last,
            Line::from(view.span(Role::Text, format!(" {}", text::cut(input.value(), room)))),
            None,
        );
        return cursor(frame, inner, 1 + input.visual_cursor(), last);
    }
    let keys = [(Role::Key, " y"), (Role::Text, " delete    "), (Role::Key, "N"), (Role::Text, " keep it")];
    row(frame, inner, last, Line::from(keys.map(|(role, text)| view.span(role, text)).to_vec()), None);
}

/// The faults that can be asked for.
fn fault(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, selected: usize) {
    let all = faults();
    let height = u16::try_from(all.len() + 4).unwrap_or(u16::MAX);
    let inner = window(frame, area, view, "A fault of the endpoint", 58, height);
    let shown = usize::from(inner.height).saturating_sub(2).max(1);
    let mut offset = 0;
    for at in list::window(shown, all.len(), selected, &mut offset) {
        let line = Line::from(view.span(Role::Text, format!(" {}", text::cut(all[at].0, usize::from(inner.width)))));
        row(frame, inner, at - offset, line, (at == selected).then(|| view.style(Role::Selected)));
    }
    row(frame, inner, shown, target_line(state, view, usize::from(inner.width)), None);
    row(
        frame,
        inner,
        shown + 1,
        key_line(view, &[("Enter", "ask for it"), (movers(state).as_str(), "choose"), ("Esc", "leave")]),
        None,
    );
}

pub(super) fn key_line(view: &ViewState, keys: &[(&str, &str)]) -> Line<'static> {
    let spans = keys
        .iter()
        .flat_map(|(key, what)| [view.span(Role::Key, format!(" {key}")), view.span(Role::Dim, format!(" {what} "))]);
    Line::from(spans.collect::<Vec<_>>())
}

pub(super) fn cursor(frame: &mut Frame, inner: Rect, column: usize, at: usize) {
    let column = u16::try_from(column).unwrap_or(u16::MAX).min(inner.width.saturating_sub(1));
    let at = u16::try_from(at).unwrap_or(0);
    if at < inner.height {
        frame.set_cursor_position(Position::new(inner.x + column, inner.y + at));
    }
}

/// A window in the middle; gives what is inside.
pub(super) fn window(frame: &mut Frame, area: Rect, view: &ViewState, title: &str, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let block = Block::bordered()
        .border_type(BorderType::Thick)
        .border_style(view.style(Role::Focus))
        .title(view.span(Role::Title, format!(" {title} ")));
    let inner = block.inner(place);
    frame.render_widget(Clear, place);
    frame.buffer_mut().set_style(place, view.style(Role::Text));
    frame.render_widget(block, place);
    inner
}

/// The keys that move a row down and up: `j/k`.
pub(super) fn movers(state: &State) -> String {
    format!("{}/{}", state.key(Cmd::Down), state.key(Cmd::Up))
}

fn scrolled(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, title: &str, lines: Vec<Line>, at: usize) {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height.saturating_sub(2));
    let hidden = lines.len().saturating_sub(usize::from(height.saturating_sub(2)));
    let scroll = if hidden > 0 { format!(" · {} scroll", movers(state)) } else { String::new() };
    let title = format!("{title}{scroll} · Esc closes");
    let inner = window(frame, area, view, &title, 98.min(area.width.saturating_sub(2)).max(20), height.max(3));
    for (row_at, line) in lines.into_iter().skip(at.min(hidden)).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, row_at, line, None);
    }
}
