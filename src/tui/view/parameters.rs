//! The form of a stack's parameters.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::state::{ParameterForm, State};
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::overlay::{cursor, key_line, target_line, window};
use super::{ViewState, row};

/// Columns of a parameter's name.
const NAME: usize = 26;
/// Rows below the list: two of the description, one each of what is wrong, the target and the keys.
const BELOW: usize = 5;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, form: &ParameterForm) {
    let count = form.fields.len();
    let width = 90.min(area.width.saturating_sub(2)).max(20);
    let height = u16::try_from(count + BELOW + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(2)).max(6);
    let title = text::cut(&format!("Parameters of {}", form.stack), usize::from(width.saturating_sub(4)));
    let inner = window(frame, area, view, &title, width, height);
    let room = usize::from(inner.width);
    let below = BELOW.min(usize::from(inner.height).saturating_sub(1));
    let shown = usize::from(inner.height).saturating_sub(below).max(1);
    let name = NAME.min(room / 2);
    let mut offset = 0;
    for at in list::window(shown, count, form.focus, &mut offset) {
        let field = &form.fields[at];
        let here = at == form.focus;
        let mark = if here { "▸" } else { " " };
        let changed = if field.is_changed() { "~" } else { " " };
        // What is typed may be longer than its place: the end with the cursor is shown.
        let value_room = room.saturating_sub(name + 7);
        let skip = if here { field.input.visual_scroll(value_room.max(1)) } else { 0 };
        let value: String = field.input.value().chars().skip(skip).collect();
        let value = if value.is_empty() && !here { "(empty)".to_owned() } else { value };
        let line = Line::from(vec![
            view.span(if here { Role::Key } else { Role::Text }, format!(" {mark} ")),
            view.span(Role::Warn, changed),
            view.span(
                if here { Role::Key } else { Role::Text },
                format!(" {} ", text::cell_middle(&field.definition.name, name)),
            ),
            view.span(Role::Title, text::cut(&value, value_room)),
        ]);
        row(frame, inner, at - offset, line, None);
        if here {
            cursor(frame, inner, name + 6 + field.input.visual_cursor().saturating_sub(skip), at - offset);
        }
    }
    let Some(field) = form.fields.get(form.focus) else { return };
    let mut lines: Vec<Line> = Vec::new();
    let description = text::folded(&described(form), room.saturating_sub(2));
    lines.extend((0..2).map(|at| {
        let part = description.get(at).map_or("", String::as_str);
        Line::from(view.span(Role::Dim, format!(" {part}")))
    }));
    lines.push(match &form.problem {
        Some(problem) => Line::from(view.span(Role::Bad, format!(" ✗ {}", text::cut(problem, room.saturating_sub(4))))),
        None => Line::default(),
    });
    lines.push(target_line(state, view, room));
    let mut keys = vec![("Enter", "preview"), ("↓↑", "choose")];
    if !field.definition.allowed.is_empty() {
        keys.push(("←→", "value"));
    }
    keys.push(("Esc", "leave"));
    lines.push(key_line(view, &keys));
    // On a low screen what is wrong and the keys are what matters.
    let skip = lines.len().saturating_sub(below);
    for (at, line) in lines.into_iter().skip(skip).enumerate() {
        row(frame, inner, shown + at, line, None);
    }
}

/// What the focused parameter is, with its default and its allowed values.
fn described(form: &ParameterForm) -> String {
    let Some(field) = form.fields.get(form.focus) else { return String::new() };
    let definition = &field.definition;
    let mut words = definition.description.clone().unwrap_or_default();
    match definition.default.as_deref() {
        Some("") => words.push_str(" Empty unless chosen."),
        Some(default) => words.push_str(&format!(" {default} unless chosen.")),
        None => {}
    }
    if !definition.allowed.is_empty() {
        words.push_str(&format!(" One of {}.", definition.allowed.join(", ")));
    }
    words.trim().to_owned()
}
