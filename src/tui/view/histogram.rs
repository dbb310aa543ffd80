//! The strip over the log lines: how many there were when, where failures are, and which stretch of it is on the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::Spot;
use super::super::state::State;
use super::super::state::histogram::{Column, column, moment};
use super::super::theme::Role;
use super::super::widget::text;
use super::{ViewState, row};
use crate::model::Timestamp;

/// The least inside of a pane that gives a row to it, the height that gives a second one, the width that has times.
const LEAST: (u16, u16) = (30, 14);
const TALL: u16 = 26;
const TIMED: u16 = 60;
/// From an eighth of a cell to all of it.
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const FAILURE: &str = "✗";

/// A strip at the top of a pane's inside, where it has room for one, and the rest.
pub(super) fn split(inner: Rect) -> (Rect, Rect) {
    let height = match inner {
        Rect { width, height, .. } if width < LEAST.0 || height < LEAST.1 => 0,
        Rect { height, .. } if height < TALL => 1,
        _ => 2,
    };
    let rest = Rect { y: inner.y + height, height: inner.height - height, ..inner };
    (Rect { height, ..inner }, rest)
}

/// A time at an end of the strip: with its day where the ends have not the same one.
fn stamp(at: Timestamp, other: Timestamp) -> String {
    let (text, other) = (at.iso_seconds(), other.iso_seconds());
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    if text.get(..10) == other.get(..10) {
        part(11, 19).to_owned()
    } else {
        format!("{} {}", part(5, 10), part(11, 16))
    }
}

/// Draws it, with the stretch from the first line on the screen to the last one marked.
pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, window: (Timestamp, Timestamp)) {
    let Some((counts, first, last)) = state.logs.over_time().filter(|_| area.height > 0) else { return };
    let ends = if area.width < TIMED { Default::default() } else { (stamp(first, last), stamp(last, first)) };
    // A cell at either side of the columns is there for the marks of the window.
    let taken = if area.width < TIMED { 2 } else { text::width(&ends.0) + text::width(&ends.1) + 6 };
    let count = usize::from(area.width).saturating_sub(taken);
    let columns = counts.columns(first, last, count);
    let place = |at| column(at, first, last, count);
    // In its context a line may stand before all that the filter lets through, or after it.
    let is_seen = window.0.millis() <= last.millis() && window.1.millis() >= first.millis();
    let window = is_seen.then(|| (place(window.0), place(window.1)));
    let is_low = area.height < 2;
    let mut line = vec![view.span(Role::Dim, if ends.0.is_empty() { String::new() } else { format!(" {} ", ends.0) })];
    line.extend(bars(&columns, window, is_low).into_iter().map(|(role, cell)| view.span(role, cell)));
    line.push(view.span(Role::Dim, format!(" {}", ends.1)));
    row(frame, area, 0, Line::from(line), None);
    let margin = if ends.0.is_empty() { 0 } else { text::width(&ends.0) + 2 };
    if !is_low {
        let failures = counts.failures();
        let told = if failures == 0 { String::new() } else { format!("{FAILURE} {}", text::number(failures)) };
        let mut line = vec![view.span(Role::Dim, text::cell(&peak(&columns, first, last), margin))];
        line.extend(marks(&columns, window).into_iter().map(|(role, cell)| view.span(role, cell)));
        line.push(view.span(Role::Bad, text::cut(&format!(" {told}"), text::width(&ends.1) + 1)));
        row(frame, area, 1, Line::from(line), None);
    }
    if state.mouse {
        for (at, _) in columns.iter().enumerate().filter(|(_, column)| column.lines > 0.0) {
            let Some(key) = state.logs.since(moment(at, first, last, count)) else { continue };
            let x = u16::try_from(margin + 1 + at).unwrap_or(u16::MAX).saturating_add(area.x);
            view.note(Rect { x, width: 1, ..area }.intersection(area), Spot::Line(key.0, key.1));
        }
    }
}

/// The bars with a cell at either side. Where there is no row below them, failures and the window are marked among them.
fn bars(columns: &[Column], window: Option<(usize, usize)>, is_low: bool) -> Vec<(Role, &'static str)> {
    let highest = columns.iter().map(|column| column.lines).fold(0.0, f64::max);
    let bar = |(at, column): (usize, &Column)| {
        let is_seen = window.is_some_and(|(from, to)| (from..=to).contains(&at));
        let role = match (column.failed, is_seen) {
            (true, _) => Role::Bad,
            (false, true) => Role::Active,
            (false, false) => Role::Dim,
        };
        if column.failed && is_low {
            return (role, FAILURE);
        }
        if column.lines <= 0.0 {
            return (role, " ");
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of eight")]
        let eighths = (column.lines / highest * 8.0).ceil() as usize;
        (role, BARS[eighths.clamp(1, 8) - 1])
    };
    let mut cells = vec![(Role::Text, " ")];
    cells.extend(columns.iter().enumerate().map(bar));
    cells.push((Role::Text, " "));
    if let Some((from, to)) = window.filter(|_| is_low) {
        for (at, mark) in [(from, "["), (to + 2, "]")] {
            if let Some(cell) = cells.get_mut(at).filter(|cell| cell.1 != FAILURE) {
                *cell = (Role::Active, mark);
            }
        }
    }
    cells
}

/// What stands below the bars.
fn marks(columns: &[Column], window: Option<(usize, usize)>) -> Vec<(Role, &'static str)> {
    let mark = |(at, column): (usize, &Column)| {
        if column.failed {
            (Role::Bad, FAILURE)
        } else if window.is_some_and(|(from, to)| (from..=to).contains(&at)) {
            (Role::Active, "━")
        } else {
            (Role::Dim, " ")
        }
    };
    let blank = [(Role::Text, " ")];
    blank.into_iter().chain(columns.iter().enumerate().map(mark)).chain(blank).collect()
}

/// What the highest bar stands for.
fn peak(columns: &[Column], first: Timestamp, last: Timestamp) -> String {
    let highest = columns.iter().map(|column| column.lines).fold(0.0, f64::max);
    let span = last.since(first).unwrap_or_default().as_secs_f64();
    if span <= 0.0 || columns.is_empty() {
        return String::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "columns of a screen")]
    let each = span / columns.len() as f64;
    // Less than that is no rate that tells anything.
    if highest / each < 0.05 { String::new() } else { format!(" ≤{}", text::rate(highest / each)) }
}
