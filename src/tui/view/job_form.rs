//! The form of a job, over the page: its fields in groups, what the one with the keys means, and what is wrong with it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::TargetKind;
use super::super::state::State;
use super::super::state::job_form::{Field, JobForm, Kind};
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::overlay::{cursor, key_line, target_line, window};
use super::{ViewState, row};

const WIDTH: u16 = 62;
/// Where values begin.
const VALUE: usize = 22;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, form: &JobForm) {
    let room = usize::from(WIDTH.min(area.width).saturating_sub(2));
    let notes = notes(state, view, form, room);
    let below = notes.len() + 2;
    let fields: Vec<Result<Field, &str>> =
        Field::ALL.into_iter().flat_map(|field| field.heading().map(Err).into_iter().chain([Ok(field)])).collect();
    let height = u16::try_from(fields.len() + below + 2).unwrap_or(u16::MAX).min(area.height);
    let title = form.scenario.as_ref().map_or_else(|| "Start a job".to_owned(), |(name, _)| format!("Edit {name}"));
    let inner = window(frame, area, view, &title, WIDTH, height);
    let shown = usize::from(inner.height).saturating_sub(below).max(1);
    let selected = fields.iter().position(|field| *field == Ok(form.field())).unwrap_or(0);
    let mut offset = 0;
    let visible = list::window(shown, fields.len(), selected, &mut offset);
    let hidden = fields.len().saturating_sub(visible.end);
    for at in visible {
        let line = match fields[at] {
            Err(heading) => Line::from(view.span(Role::Dim, format!(" ── {heading} "))),
            Ok(field) => {
                if at == selected && !matches!(field.kind(), Kind::Choice(_)) {
                    cursor(frame, inner, VALUE + form.cursor(cells(room)).0, at - offset);
                }
                field_line(view, form, field, room)
            }
        };
        row(frame, inner, at - offset, line, None);
    }
    let hint = match &form.problem {
        Some(problem) => view.span(Role::Bad, format!(" ✗ {problem}")),
        None => view.span(Role::Dim, format!(" {}", form.field().hint())),
    };
    for (at, line) in notes.into_iter().chain([Line::from(hint)]).enumerate() {
        row(frame, inner, shown + at, line, None);
    }
    let mut keys = vec![("Enter", "start"), ("Tab", "next"), ("Esc", "leave")];
    if matches!(form.field().kind(), Kind::Choice(_)) {
        keys.insert(1, ("Space", "turn"));
    }
    let mut line = key_line(view, &keys);
    if hidden > 0 {
        line.push_span(view.span(Role::Dim, format!(" ▼ {hidden} more")));
    }
    row(frame, inner, shown + below - 1, line, None);
}

/// Cells for a value.
fn cells(room: usize) -> usize {
    room.saturating_sub(VALUE + 1)
}

fn field_line(view: &ViewState, form: &JobForm, field: Field, room: usize) -> Line<'static> {
    let here = form.field() == field;
    let mark = if here { "▸" } else { " " };
    let label = format!(" {mark} {}", text::cell(field.label(), VALUE - 3));
    let mut spans = vec![view.span(if here { Role::Key } else { Role::Text }, label)];
    let value = form.value(field);
    if let Kind::Choice(words) = field.kind() {
        for word in words {
            let (role, glyph) = if word == value { (Role::Title, "●") } else { (Role::Dim, "○") };
            spans.push(view.span(role, format!("{glyph} {word}  ")));
        }
    } else {
        let hidden = if here { form.cursor(cells(room)).1 } else { 0 };
        let seen: String = value.chars().skip(hidden).collect();
        spans.push(Span::styled(text::cell(&seen, cells(room)), view.style(Role::Title)));
    }
    Line::from(spans)
}

/// What of the scenario is left out, and where what is uploaded is paid for.
fn notes(state: &State, view: &ViewState, form: &JobForm, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some((_, left_out)) = form.scenario.as_ref().filter(|(_, left_out)| !left_out.is_empty()) {
        let words = text::folded(&format!("⚠ left out: {}", left_out.join(", ")), room.saturating_sub(2));
        lines.extend(words.into_iter().map(|part| Line::from(view.span(Role::Warn, format!(" {part}")))));
    }
    if state.setup.target.kind == TargetKind::Aws {
        lines.push(target_line(state, view, room));
    }
    lines
}
