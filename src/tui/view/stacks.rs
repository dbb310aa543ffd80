//! Stacks: which can be deployed, how far an operation is, each of their resources or events, what they give out.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;

use super::super::cmd::{Cmd, Page};
use super::super::state::{Stack, StackOffer, State};
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::header::status_look;
use super::{ViewState, pane, row, sources};
use crate::model::{Source, StackEvent, Timestamp};

/// Columns of the bar of an operation at the most.
const BAR: usize = 40;

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
    match index {
        0 => stacks(frame, area, state, view),
        1 => resources(frame, area, state, view),
        _ => outputs(frame, area, state, view),
    }
}

/// How a chosen row of a pane that has the keys looks.
fn chosen(state: &State, view: &ViewState, pane: usize, is_chosen: bool) -> Option<Style> {
    (is_chosen && state.pane() == pane).then(|| view.style(Role::Selected))
}

fn stacks(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let names = state.stack_names();
    let at = state.row(Page::Stacks, 0);
    let note = sources::title(state, &[Source::Stack]).map_or_else(String::new, |note| format!(" · {note}"));
    let inner = pane(frame, area, state, view, 0, &format!("Stacks{note}"));
    let shown = list::window(usize::from(inner.height / 2).max(1), names.len(), at, &mut view.offsets[1][0]);
    let start = shown.start;
    for at_row in shown {
        let name = names[at_row];
        let stack = state.stacks.get(name);
        let offer = state.setup.stacks.iter().find(|offer| offer.stack == name);
        let is_observed = names.len() > 1 && state.main_name() == Some(name);
        // A narrow screen keeps the place of the longest status while one is made.
        let room = 26.min(usize::from(inner.width).saturating_sub(23)).max(10);
        let line = name_line(view, text::cell_middle(name, room), stack, offer, is_observed);
        row(frame, inner, (at_row - start) * 2, line, chosen(state, view, 0, at_row == at));
        let room = usize::from(inner.width).saturating_sub(4);
        let second = second_line(state, view, stack, offer, room);
        row(frame, inner, (at_row - start) * 2 + 1, second, None);
    }
}

fn name_line(
    view: &ViewState,
    name: String,
    stack: Option<&Stack>,
    offer: Option<&StackOffer>,
    is_observed: bool,
) -> Line<'static> {
    let status = stack.and_then(|stack| stack.status.as_deref());
    let (glyph, role) = status.map_or(("○", Role::Dim), status_look);
    let standing = stack.map_or(0, Stack::standing);
    // Of a stack that nobody has looked into yet only the template says how many it has.
    let numbers = match (offer, stack) {
        (Some(offer), Some(stack)) if stack.resources.is_empty() && stack.status.is_some() => {
            text::counted(offer.resources, "resource")
        }
        (Some(offer), _) => format!("{standing}/{}", text::counted(offer.resources, "resource")),
        (None, _) => text::counted(standing, "resource"),
    };
    Line::from(vec![
        view.span(role, format!(" {glyph} ")),
        view.span(Role::Title, name),
        view.span(role, format!(" {} ", status.unwrap_or("not deployed"))),
        view.span(Role::Dim, format!(" {numbers}")),
        view.span(Role::Active, if is_observed { "  ◉ observed" } else { "" }),
    ])
}

/// How far an operation is while one is under way, else why the stack is as it is, else what it is for.
fn second_line(
    state: &State,
    view: &ViewState,
    stack: Option<&Stack>,
    offer: Option<&StackOffer>,
    room: usize,
) -> Line<'static> {
    let planned = offer.map(|offer| offer.resources);
    if let Some((done, whole)) = stack.and_then(|stack| stack.progress(planned)) {
        let (full, rest) = list::bar(done, whole, BAR.min(room.saturating_sub(24)));
        let failed = stack.map_or(0, Stack::failed);
        let mut spans = vec![
            view.span(Role::Active, format!("   {full}")),
            view.span(Role::Dim, rest),
            view.span(Role::Text, format!(" {done} of {whole}")),
        ];
        if failed > 0 {
            spans.push(view.span(Role::Bad, format!(" · ✗ {failed} failed: {}", state.key(Cmd::NextError))));
        }
        return Line::from(spans);
    }
    let reason = stack.and_then(|stack| stack.reason.as_deref());
    let (role, words) = match reason {
        Some(reason) => (Role::Bad, reason),
        None => (Role::Dim, offer.map_or("", |offer| &offer.purpose)),
    };
    Line::from(view.span(role, format!("   {}", text::cut(words, room))))
}

fn resources(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let stack = state.selected_stack().and_then(|name| state.stacks.get(name));
    let failed = stack.map_or(0, Stack::failed);
    let mut title = if state.shows_events { "Events".to_owned() } else { "Resources".to_owned() };
    if let Some(forgotten) = stack.map(|stack| stack.forgotten).filter(|count| *count > 0 && state.shows_events) {
        title.push_str(&format!(" · {} older ones are not kept", text::count(forgotten)));
    }
    if failed > 0 {
        title.push_str(&format!(" · ✗ {failed} failed: {}", state.key(Cmd::NextError)));
    }
    let inner = pane(frame, area, state, view, 1, &title);
    let count = stack.map_or(0, |stack| stack.rows(state.shows_events));
    let Some(stack) = stack.filter(|_| count > 0) else {
        let status = stack.and_then(|stack| stack.status.as_deref());
        let offers = &state.setup.stacks;
        let can_deploy = !state.setup.target.read_only
            && state
                .selected_stack()
                .is_some_and(|name| offers.iter().any(|offer| offer.stack == name && offer.parameters.is_some()));
        let hint = match (status, can_deploy) {
            (Some("REVIEW_IN_PROGRESS"), _) => " none yet: a change set waits to be executed".to_owned(),
            (Some("DELETE_COMPLETE") | None, false) => " none yet".to_owned(),
            (Some("DELETE_COMPLETE") | None, true) => {
                format!(" none yet: {} deploys the stack", state.key(Cmd::Deploy))
            }
            (Some(_), _) => " they are being read …".to_owned(),
        };
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, hint)), None);
    };
    // Until a row is chosen the newest is in sight.
    let at = state.rows[Page::Stacks as usize][1].unwrap_or(count - 1);
    let shown = list::window(usize::from(inner.height), count, at, &mut view.offsets[1][1]);
    let start = shown.start;
    for index in shown {
        let Some(event) = stack.at(state.shows_events, index) else { continue };
        let time = stack.events.get(index).map(|(at, _)| *at).filter(|_| state.shows_events);
        let line = event_line(view, event, time, usize::from(inner.width));
        row(frame, inner, index - start, line, chosen(state, view, 1, index == at));
    }
}

/// A resource as its last event left it; with its time one event of many.
fn event_line(view: &ViewState, event: &StackEvent, time: Option<Timestamp>, width: usize) -> Line<'static> {
    let (glyph, role) = status_look(&event.status);
    let kind = event.resource_type.strip_prefix("AWS::").unwrap_or(&event.resource_type);
    let time = time.map(|at| format!(" {}", at.clock_millis().get(..8).unwrap_or_default())).unwrap_or_default();
    let width = width.saturating_sub(text::width(&time));
    let is_failure = event.status.ends_with("FAILED");
    // A narrow screen has place for name and status only.
    let (id_room, status_room) = match width {
        100.. => (44, 27),
        56.. => (30.min(width / 2), 19),
        _ => (width.saturating_sub(22), 18),
    };
    let rest = width.saturating_sub(3 + id_room + 1 + status_room);
    let tail = event.reason.as_deref().filter(|_| is_failure).unwrap_or(kind);
    Line::from(vec![
        view.span(Role::Dim, time),
        view.span(role, format!(" {glyph} ")),
        view.span(Role::Text, text::cell_middle(&event.logical_id, id_room)),
        view.span(role, format!(" {}", text::cell(&event.status, status_room))),
        view.span(if is_failure { Role::Bad } else { Role::Dim }, text::cell(tail, rest)),
    ])
}

fn outputs(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let stack = state.selected_stack().and_then(|name| state.stacks.get(name));
    let inner = pane(frame, area, state, view, 2, "Outputs");
    let outputs = stack.map_or(&[][..], |stack| &stack.outputs);
    if outputs.is_empty() {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " none yet")), None);
    }
    let at = state.row(Page::Stacks, 2);
    let shown = list::window(usize::from(inner.height), outputs.len(), at, &mut view.offsets[1][2]);
    let start = shown.start;
    for index in shown {
        let (key, value) = &outputs[index];
        let line = Line::from(vec![
            view.span(Role::Title, format!(" {} ", text::cell(key, 24))),
            view.span(Role::Text, text::cut_middle(value, usize::from(inner.width).saturating_sub(27))),
        ]);
        row(frame, inner, index - start, line, chosen(state, view, 2, index == at));
    }
}
