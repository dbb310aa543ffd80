//! Stacks: which can be deployed, how each of their resources is, what they give out.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::header::status_look;
use super::{ViewState, pane, row, sources};
use crate::model::Source;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom {
        return part(frame, area, state, view, state.pane());
    }
    let names =
        u16::try_from(state.stack_names().len()).unwrap_or(3).clamp(1, if area.height >= 26 { 4 } else { 3 }) * 2 + 2;
    let outputs = if area.height >= 30 { 7 } else { 4 };
    let [top, middle, low] =
        Layout::vertical([Constraint::Length(names), Constraint::Min(3), Constraint::Length(outputs)]).areas(area);
    part(frame, top, state, view, 0);
    part(frame, middle, state, view, 1);
    part(frame, low, state, view, 2);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    let names = state.stack_names();
    let at = state.row(Page::Stacks, 0);
    let name = names.get(at).copied().unwrap_or_default();
    let stack = state.stacks.get(name);
    let focused = state.pane() == index;
    let selected = view.style(Role::Selected);
    let chosen = state.row(Page::Stacks, index);
    if index == 0 {
        let note = sources::title(state, &[Source::Stack]).map_or_else(String::new, |note| format!(" · {note}"));
        let inner = pane(frame, area, state, view, 0, &format!("Stacks{note}"));
        let shown = list::window(usize::from(inner.height / 2).max(1), names.len(), at, &mut view.offsets[1][0]);
        let start = shown.start;
        for at_row in shown {
            let name = names[at_row];
            let stack = state.stacks.get(name);
            let offer = state.setup.stacks.iter().find(|offer| offer.stack == name);
            let status = stack.and_then(|stack| stack.status.as_deref());
            let (glyph, role) = status.map_or(("○", Role::Dim), status_look);
            let count = stack.map_or(0, |stack| {
                stack
                    .resources
                    .values()
                    .filter(|row| row.status.ends_with("COMPLETE") && !row.status.starts_with("DELETE"))
                    .count()
            });
            // Resources are counted by their events, which only who deploys is told of.
            let numbers = match (offer, stack) {
                (Some(offer), Some(stack)) if stack.resources.is_empty() && stack.status.is_some() => {
                    text::counted(offer.resources, "resource")
                }
                (Some(offer), _) => format!("{count}/{}", text::counted(offer.resources, "resource")),
                (None, _) => text::counted(count, "resource"),
            };
            let is_observed = names.len() > 1 && state.main_name() == Some(name);
            let line = Line::from(vec![
                view.span(role, format!(" {glyph} ")),
                view.span(Role::Title, text::cell(name, 26)),
                view.span(role, format!(" {} ", status.unwrap_or("not deployed"))),
                view.span(Role::Dim, format!(" {numbers}")),
                view.span(Role::Active, if is_observed { "  ◉ observed" } else { "" }),
            ]);
            row(frame, inner, (at_row - start) * 2, line, (at_row == at && focused).then_some(selected));
            let reason = stack.and_then(|stack| stack.reason.as_deref());
            let second = match (reason, offer) {
                (Some(reason), _) => view
                    .span(Role::Bad, format!("   {}", text::cut(reason, usize::from(inner.width).saturating_sub(4)))),
                (None, offer) => view.span(
                    Role::Dim,
                    format!(
                        "   {}",
                        text::cut(offer.map_or("", |o| &o.purpose), usize::from(inner.width).saturating_sub(4))
                    ),
                ),
            };
            row(frame, inner, (at_row - start) * 2 + 1, Line::from(second), None);
        }
        return;
    }
    if index == 1 {
        let failed =
            stack.map_or(0, |stack| stack.resources.values().filter(|row| row.status.ends_with("FAILED")).count());
        let title = if failed > 0 {
            format!("Resources · ✗ {failed} failed: {}", state.key(Cmd::NextError))
        } else {
            "Resources".to_owned()
        };
        let inner = pane(frame, area, state, view, 1, &title);
        let Some(stack) = stack.filter(|it| !it.resources.is_empty()) else {
            let stands = stack.is_some_and(|stack| stack.status.is_some());
            let hint = match (stands, state.setup.target.read_only) {
                (true, _) => " each is listed here while the stack is changed".to_owned(),
                (false, true) => " none yet".to_owned(),
                (false, false) => format!(" none yet: {} deploys the stack", state.key(Cmd::Deploy)),
            };
            return row(frame, inner, 0, Line::from(view.span(Role::Dim, hint)), None);
        };
        let count = stack.resources.len();
        // Until a row is chosen the newest is in sight.
        let at = if state.rows[1][1].is_none() { count - 1 } else { chosen };
        let shown = list::window(usize::from(inner.height), count, at, &mut view.offsets[1][1]);
        let start = shown.start;
        let width = usize::from(inner.width);
        for index in shown {
            let Some((id, event)) = stack.resources.get_index(index) else { continue };
            let (glyph, role) = status_look(&event.status);
            let kind = event.resource_type.strip_prefix("AWS::").unwrap_or(&event.resource_type);
            let id_room = if width >= 100 { 44 } else { 30.min(width / 2) };
            let status_room = 19;
            let rest = width.saturating_sub(3 + id_room + 1 + status_room);
            let tail = event.reason.as_deref().filter(|_| event.status.ends_with("FAILED")).unwrap_or(kind);
            let line = Line::from(vec![
                view.span(role, format!(" {glyph} ")),
                view.span(Role::Text, text::cell_middle(id, id_room)),
                view.span(role, format!(" {}", text::cell(&event.status, status_room))),
                view.span(if event.status.ends_with("FAILED") { Role::Bad } else { Role::Dim }, text::cell(tail, rest)),
            ]);
            row(frame, inner, index - start, line, (focused && index == at).then_some(selected));
        }
        return;
    }
    let inner = pane(frame, area, state, view, 2, "Outputs");
    let outputs = stack.map_or(&[][..], |stack| &stack.outputs);
    if outputs.is_empty() {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " none yet")), None);
    }
    let shown = list::window(usize::from(inner.height), outputs.len(), chosen, &mut view.offsets[1][2]);
    let start = shown.start;
    for index in shown {
        let (key, value) = &outputs[index];
        let line = Line::from(vec![
            view.span(Role::Title, format!(" {} ", text::cell(key, 24))),
            view.span(Role::Text, text::cut_middle(value, usize::from(inner.width).saturating_sub(27))),
        ]);
        row(frame, inner, index - start, line, (focused && index == chosen).then_some(selected));
    }
}
