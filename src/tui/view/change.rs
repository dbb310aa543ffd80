//! The change set that waits: what it does to each resource in glyph and word, what of it loses data first and in words.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::TargetKind;
use super::super::state::State;
use super::super::state::change::{Fate, Waiting, loss, lost};
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::overlay::{movers, target_line, window};
use super::{ViewState, row};
use crate::model::preview::ChangeRow;

/// On a screen of fewer rows the target is named only where it is AWS itself.
const LOW: u16 = 12;

fn look(row: &ChangeRow) -> (&'static str, Role) {
    match Fate::of(row) {
        Fate::Added => ("+", Role::Good),
        Fate::Changed => ("~", Role::Active),
        Fate::MaybeReplaced | Fate::Replaced => ("~", Role::Warn),
        Fate::Removed => ("−", Role::Bad),
        Fate::Other => ("?", Role::Warn),
    }
}

/// What happens to what is there; nothing where the action says it all.
fn manner(row: &ChangeRow) -> &'static str {
    match Fate::of(row) {
        Fate::Changed => "in place",
        Fate::MaybeReplaced => "may be made anew",
        Fate::Replaced => "made anew",
        Fate::Added | Fate::Removed | Fate::Other => "",
    }
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, selected: usize) {
    let Some(waiting) = &state.waiting else { return };
    let preview = &waiting.preview;
    let count = preview.changes.len();
    let width = 100.min(area.width.saturating_sub(2)).max(20);
    let room = usize::from(width.saturating_sub(2));
    let mut top = vec![summary(waiting, view, room)];
    if area.height >= LOW || state.setup.target.kind == TargetKind::Aws {
        top.push(target_line(state, view, room));
    }
    // What the selected row loses as a sentence: the list may be too narrow for it. Its place is kept for other rows.
    if waiting.losses() > 0 {
        let fold = |text: &str| text::folded(&format!("⚠ {text}"), room.saturating_sub(2));
        let sentence = preview.changes.get(selected).and_then(loss).unwrap_or_else(|| losses(waiting));
        let most = preview.changes.iter().filter_map(loss).map(|loss| fold(&loss).len()).max().unwrap_or(1).min(2);
        let mut rows = fold(&sentence);
        rows.resize(most, String::new());
        top.extend(rows.into_iter().map(|part| Line::from(view.span(Role::Bad, format!(" {part}")))));
    }
    let needs = u16::try_from(top.len() + count.max(1) + 3).unwrap_or(u16::MAX);
    let height = needs.min(area.height.saturating_sub(2)).max(6);
    let kind = if preview.is_new { "new stack" } else { "update" };
    let title = text::cut(&format!("Change set · {kind} {}", preview.stack), usize::from(width.saturating_sub(4)));
    let inner = window(frame, area, view, &title, width, height);
    let room = usize::from(inner.width);
    let (head, foot) = (top.len(), 1);
    for (at, line) in top.into_iter().enumerate() {
        row(frame, inner, at, line, None);
    }
    let skip = u16::try_from(head).unwrap_or(0).min(inner.height);
    let body = Rect { y: inner.y + skip, height: inner.height.saturating_sub(skip + foot), ..inner };
    if count == 0 {
        row(frame, body, 0, Line::from(view.span(Role::Dim, " no resource changes; outputs or tags may")), None);
    }
    let shown = list::window(usize::from(body.height), count, selected, &mut view.change_offset);
    let start = shown.start;
    for at in shown {
        let line = change(view, &preview.changes[at], room);
        row(frame, body, at - start, line, (at == selected).then(|| view.style(Role::Selected)));
    }
    let place = format!(" {} of {}", text::count((selected + 1).min(count)), text::count(count));
    let mut keys = vec![
        view.span(Role::Key, " Enter"),
        view.span(Role::Text, if preview.is_new { " deploy  " } else { " update  " }),
        view.span(Role::Key, "Esc"),
        view.span(Role::Text, " discard  "),
        view.span(Role::Key, "p"),
        view.span(Role::Text, " parameters "),
    ];
    let used: usize = keys.iter().map(|span| text::width(&span.content)).sum();
    let moves = format!(" {}", movers(state));
    if used + text::width(&moves) + text::width(&place) <= room {
        keys.push(view.span(Role::Key, moves));
    }
    keys.push(view.span(Role::Dim, place));
    let keys = Line::from(keys);
    row(frame, inner, usize::from(inner.height.saturating_sub(1)), keys, None);
}

fn losses(waiting: &Waiting) -> String {
    match waiting.losses() {
        1 => "1 change loses what a resource holds: it is the first".to_owned(),
        number => format!("{} changes lose what resources hold: they come first", text::count(number)),
    }
}

fn summary(waiting: &Waiting, view: &ViewState, room: usize) -> Line<'static> {
    let count = |fates: &[Fate]| text::count(waiting.count(fates));
    let modified = [Fate::Changed, Fate::MaybeReplaced, Fate::Replaced];
    let replaced = waiting.count(&[Fate::Replaced, Fate::MaybeReplaced]);
    let replaced = if replaced > 0 { format!(", {} replaced", text::count(replaced)) } else { String::new() };
    let parts = [
        (Role::Good, format!(" + {} add", count(&[Fate::Added]))),
        (Role::Active, format!("  ~ {} modify{replaced}", count(&modified))),
        (Role::Bad, format!("  − {} remove", count(&[Fate::Removed]))),
        (Role::Warn, format!("  ? {} other", count(&[Fate::Other]))),
    ];
    let mut used = 0;
    let mut spans = Vec::new();
    for (role, part) in parts {
        let is_none = part.contains(" 0 ");
        if role == Role::Warn && is_none {
            continue;
        }
        used += text::width(&part);
        if used <= room {
            spans.push(view.span(if is_none { Role::Dim } else { role }, part));
        }
    }
    Line::from(spans)
}

fn change(view: &ViewState, of: &ChangeRow, room: usize) -> Line<'static> {
    let (glyph, role) = look(of);
    let kind = of.resource_type.strip_prefix("AWS::").unwrap_or(&of.resource_type);
    let action = text::cell(&of.action, 7);
    let id = (room / 3).clamp(8, 34);
    let rest = room.saturating_sub(11 + id + 1);
    // What is lost comes before the type.
    let (tail_role, tail) = match (lost(of), manner(of)) {
        (Some(lost), "") => (Role::Bad, format!("⚠ {lost} · {kind}")),
        (Some(lost), manner) => (Role::Bad, format!("⚠ {manner}: {lost} · {kind}")),
        (None, "") => (Role::Dim, kind.to_owned()),
        (None, manner) => (Role::Dim, format!("{kind} · {manner}")),
    };
    Line::from(vec![
        view.span(role, format!(" {glyph} {action} ")),
        view.span(Role::Text, text::cell_middle(&of.logical_id, id)),
        view.span(tail_role, format!(" {}", text::cut(&tail, rest))),
    ])
}
