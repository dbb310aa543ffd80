//! What lies over a page: help, problems, confirmation, the job form.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear};

use super::super::state::{JobForm, Overlay, State};
use super::super::theme::Role;
use super::super::update::keymap;
use super::super::widget::text;
use super::{ViewState, row};

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    match &state.overlay {
        Some(Overlay::Change(selected)) => super::change::render(frame, area, state, view, *selected),
        Some(Overlay::Help(at)) => {
            let mut lines = vec![Line::from(view.span(Role::Title, format!(" {}", state.page.name())))];
            let bindings: Vec<_> = keymap().on(state.page).collect();
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
            scrolled(frame, area, view, "Keys", lines, *at);
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
            scrolled(frame, area, view, "Problems, newest first", lines, *at);
        }
        Some(Overlay::Delete(name, typed)) => {
            let inner = window(frame, area, view, "Delete", 64, 7);
            let room = usize::from(inner.width);
            row(
                frame,
                inner,
                0,
                Line::from(view.span(Role::Text, text::cut(&format!(" Delete {name} and everything in it?"), room))),
                None,
            );
            row(
                frame,
                inner,
                1,
                Line::from(view.span(Role::Dim, " Its buckets are emptied first: what they hold is lost too.")),
                None,
            );
            match typed {
                None => row(
                    frame,
                    inner,
                    3,
                    Line::from(vec![
                        view.span(Role::Key, " y"),
                        view.span(Role::Text, " delete    "),
                        view.span(Role::Key, "N"),
                        view.span(Role::Text, " keep it"),
                    ]),
                    None,
                ),
                Some(input) => {
                    row(
                        frame,
                        inner,
                        3,
                        Line::from(view.span(Role::Bad, " Type the stack's name and Enter; Esc keeps it:")),
                        None,
                    );
                    row(
                        frame,
                        inner,
                        4,
                        Line::from(view.span(Role::Text, format!(" {}", text::cut(input.value(), room)))),
                        None,
                    );
                    cursor(frame, inner, 1 + input.visual_cursor(), 4);
                }
            }
        }
        Some(Overlay::Job(form)) => job(frame, area, view, form),
        Some(Overlay::Search(_) | Overlay::Filter(_)) | None => {}
    }
}

fn job(frame: &mut Frame, area: Rect, view: &ViewState, form: &JobForm) {
    let inner = window(frame, area, view, "Start a job", 58, 9);
    for (at, (label, field)) in JobForm::LABELS.iter().zip(&form.fields).enumerate() {
        let here = at == form.focus;
        let mark = if here { "▸" } else { " " };
        let line = Line::from(vec![
            view.span(if here { Role::Key } else { Role::Text }, format!(" {mark} {label:<15}")),
            view.span(Role::Title, text::cell(field.value(), 20)),
        ]);
        row(frame, inner, at, line, None);
        if here {
            cursor(frame, inner, 18 + field.visual_cursor(), at);
        }
    }
    let note = form.problem.clone().map_or_else(
        || view.span(Role::Dim, " missing files stand in the manifest and never arrive"),
        |problem| view.span(Role::Bad, format!(" ✗ {problem}")),
    );
    row(frame, inner, 5, Line::from(note), None);
    let keys = [("Enter", "start"), ("Tab", "next field"), ("Esc", "leave")];
    let spans: Vec<_> = keys
        .into_iter()
        .flat_map(|(key, what)| [view.span(Role::Key, format!(" {key}")), view.span(Role::Dim, format!(" {what} "))])
        .collect();
    row(frame, inner, 6, Line::from(spans), None);
}

fn cursor(frame: &mut Frame, inner: Rect, column: usize, at: usize) {
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
    frame.render_widget(block, place);
    frame.buffer_mut().set_style(inner, view.style(Role::Text));
    inner
}

fn scrolled(frame: &mut Frame, area: Rect, view: &ViewState, title: &str, lines: Vec<Line>, at: usize) {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height.saturating_sub(2));
    let hidden = lines.len().saturating_sub(usize::from(height.saturating_sub(2)));
    let title =
        if hidden > 0 { format!("{title} · j/k scroll · Esc closes") } else { format!("{title} · Esc closes") };
    let inner = window(frame, area, view, &title, 98.min(area.width.saturating_sub(2)).max(20), height.max(3));
    for (row_at, line) in lines.into_iter().skip(at.min(hidden)).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, row_at, line, None);
    }
}
