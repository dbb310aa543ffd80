//! The way of a file, hop by hop: where, when, how long after the hop before, and how that is known.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::state::State;
use super::super::state::opened::TraceView;
use super::super::theme::Role;
use super::super::widget::text;
use super::{ViewState, opened, row};
use crate::model::trace::{Known, Stage, Step, steps};

/// Columns from which on a hop is one row.
const WIDE: usize = 72;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, shown: &TraceView) {
    let course = state.courses.get(&shown.set);
    let file = course.and_then(|course| Some((course, course.file(&shown.key)?)));
    let low = "Enter timeline · Esc back";
    let inner = opened::border(frame, area, view, "Trace", &shown.key, low);
    let Some((course, file)) = file else {
        let text = " nothing is known of this file any more: too many came after it";
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, text)), None);
    };
    let steps = steps(course, file, shown.hops.as_deref().unwrap_or_default());
    let width = usize::from(inner.width);
    let mut lines = vec![head(view, shown, file, &steps), Line::default()];
    for (at, step) in steps.iter().enumerate() {
        let is_last = steps.get(at + 1).is_none();
        lines.extend(hop(view, step, is_last, width));
    }
    lines.push(Line::default());
    lines.extend(notes(view, shown, &steps, width));
    let most = lines.len().saturating_sub(usize::from(inner.height));
    for (at, line) in lines.into_iter().skip(shown.at.min(most)).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, at, line, None);
    }
}

/// What file it is, and how long its way took as far as it has come.
fn head(view: &ViewState, shown: &TraceView, file: &crate::model::journey::Journey, steps: &[Step]) -> Line<'static> {
    let what = if file.is_manifest { "manifest" } else { "file" };
    let moments = || steps.iter().filter(|step| step.error.is_none()).filter_map(|step| step.at);
    let took = moments().min().zip(moments().max()).and_then(|(first, last)| last.since(first));
    let took =
        took.filter(|took| !took.is_zero()).map_or_else(String::new, |took| format!(" · {} in all", text::time(took)));
    let words = format!(" {what} of {} · {}{took}", shown.set, text::bytes(file.size));
    Line::from(view.span(Role::Text, text::cut(&words, 400)))
}

/// One hop: a row, or two where there is no room for one.
fn hop(view: &ViewState, step: &Step, is_last: bool, width: usize) -> Vec<Line<'static>> {
    let (glyph, role) = match (step.known, &step.error) {
        (_, Some(_)) => ("✗", Role::Bad),
        (Known::Traced, None) => ("●", Role::Good),
        (Known::Seen, None) => ("◉", Role::Good),
        (Known::Inferred, None) => ("◌", Role::Warn),
        (Known::Awaited, None) => ("○", Role::Dim),
    };
    let branch = match step.stage {
        Stage::Log | Stage::Writer | Stage::Execution => "├─",
        Stage::Item | Stage::Outcome => "│ └",
        _ if is_last => "└─",
        _ => "│ ",
    };
    let clock = step.at.map_or_else(|| "-".to_owned(), crate::model::Timestamp::clock_millis);
    let after = step.after.map_or_else(String::new, |after| format!("+{}", text::time(after)));
    let known = step.known.word();
    let detail = match &step.error {
        Some(error) => error.clone(),
        None => step.detail.clone(),
    };
    let detail_role = if step.error.is_some() { Role::Bad } else { Role::Dim };
    let name = text::cell(step.stage.name(), 12);
    if width >= WIDE {
        let room = width.saturating_sub(1 + 4 + 2 + 12 + 14 + 9 + 10);
        return vec![Line::from(vec![
            view.span(Role::Dim, format!(" {branch:<3} ")),
            view.span(role, format!("{glyph} {name}")),
            view.span(Role::Text, text::cell(&clock, 14)),
            view.span(Role::Text, text::cell(&after, 9)),
            view.span(role, text::cell(known, 10)),
            view.span(detail_role, text::cut_middle(&detail, room)),
        ])];
    }
    let first = Line::from(vec![
        view.span(role, text::cell(&format!(" {glyph} {}", step.stage.name()), 15)),
        view.span(Role::Text, text::cell(&clock, 13)),
        view.span(Role::Text, text::cell(&after, 9)),
        view.span(role, known.to_owned()),
    ]);
    let second = text::cut_middle(&detail, width.saturating_sub(4));
    let second = Line::from(view.span(detail_role, format!("    {second}")));
    if detail.is_empty() { vec![first] } else { vec![first, second] }
}

/// What the words mean.
fn notes(view: &ViewState, shown: &TraceView, steps: &[Step], width: usize) -> Vec<Line<'static>> {
    let has = |known: Known| steps.iter().any(|step| step.known == known);
    let mut notes = Vec::new();
    if has(Known::Traced) {
        notes.push("● traced: the endpoint's own trace says so");
    }
    if has(Known::Seen) {
        notes.push("◉ seen: by the gateway, or in logs, table and history");
    }
    if has(Known::Inferred) {
        notes.push("◌ inferred: not seen itself, but what comes of it was");
    }
    if shown.hops.is_none() {
        notes.push("  this target has told no trace");
    }
    notes
        .into_iter()
        .flat_map(|note| text::folded(note, width.saturating_sub(1)))
        .map(|note| Line::from(view.span(Role::Dim, format!(" {note}"))))
        .collect()
}
