//! Activity: every call that was made of the target, by operation, with what it costs. The price is an estimate at list
//! prices: what is paid on AWS, and what it would be elsewhere.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::TargetKind;
use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::calls::Sum;
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::{ViewState, pane, row};
use crate::model::activity::CallRow;

/// A column: its title, its width, and the least width of a pane that shows it.
struct Column {
    title: &'static str,
    width: usize,
    from: usize,
}

const CALLS: Column = Column { title: "calls", width: 9, from: 0 };
const ERRORS: Column = Column { title: "errors", width: 8, from: 34 };
const THROTTLED: Column = Column { title: "throttled", width: 11, from: 64 };
const MEAN: Column = Column { title: "mean", width: 9, from: 46 };
const SLOWEST: Column = Column { title: "slowest", width: 9, from: 92 };
const PRICE: Column = Column { title: "", width: 12, from: 58 };

fn is_aws(state: &State) -> bool {
    state.setup.target.kind == TargetKind::Aws
}

fn time(micros: u64) -> String {
    text::time(Duration::from_micros(micros))
}

/// What calls cost, in a few words.
fn price(state: &State, nano_usd: u64, narrow: bool) -> String {
    let price = text::usd(nano_usd);
    match (is_aws(state), nano_usd, narrow) {
        (true, 0, _) => "free of charge".to_owned(),
        (true, ..) => format!("≈ {price} at list price"),
        (false, 0, _) => "free on this target, and on AWS".to_owned(),
        (false, _, true) => format!("on AWS it would be ≈ {price}"),
        (false, _, false) => format!("free on this target; on AWS it would be ≈ {price}"),
    }
}

/// The width below which words are left out.
const NARROW: usize = 66;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom {
        return if state.pane() == 0 { calls(frame, area, state, view) } else { call(frame, area, state, view) };
    }
    // A small screen keeps the list; the totals are its title there.
    let top = if area.height >= 14 { 5 } else { 0 };
    // What the list leaves free is the command's.
    let free = area.height.saturating_sub(top).saturating_sub(clamped(state.calls.now.rows.len()).saturating_add(3));
    let low = match area.height {
        ..19 => 0,
        19..26 => 7,
        _ => free.clamp(9, 18),
    };
    let [top, middle, low] =
        Layout::vertical([Constraint::Length(top), Constraint::Min(3), Constraint::Length(low)]).areas(area);
    if top.height > 0 {
        totals(frame, top, state, view);
    }
    if low.height == 0 && state.pane() == 1 {
        return call(frame, middle, state, view);
    }
    calls(frame, middle, state, view);
    if low.height > 0 {
        call(frame, low, state, view);
    }
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        0 => calls(frame, area, state, view),
        _ => call(frame, area, state, view),
    }
}

/// A number with a glyph where it is not nothing.
fn trouble(view: &ViewState, glyph: &str, number: u64, word: &str, role: Role) -> Span<'static> {
    if number == 0 {
        view.span(Role::Dim, format!("0 {word}"))
    } else {
        view.span(role, format!("{glyph} {} {word}", text::number(number)))
    }
}

fn totals(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    // No pane of the keys': its index is none of the page's.
    let inner = pane(frame, area, state, view, usize::MAX, "All calls so far");
    let sum = state.calls.sum();
    let width = usize::from(inner.width);
    let narrow = width < NARROW;
    let last_minute = text::number(state.calls.last_minute(state.real_ms));
    let mean = sum.mean_micros().map(|mean| format!(" · mean {}", time(mean))).unwrap_or_default();
    let line = |minute: &str| {
        vec![
            view.span(Role::Title, format!(" {}", text::counted(sum.calls, "call"))),
            view.span(Role::Text, format!(" · {last_minute}{minute}")),
            view.span(Role::Dim, " · "),
            trouble(view, "✗", sum.errors, if sum.errors == 1 { "error" } else { "errors" }, Role::Bad),
            view.span(Role::Dim, " · "),
            trouble(view, "⚠", sum.throttled, "throttled", Role::Warn),
            view.span(Role::Dim, mean.clone()),
        ]
    };
    let wide = |spans: &[Span]| spans.iter().map(Span::width).sum::<usize>();
    let mut first = line(" in the last minute");
    if wide(&first) > width {
        first = line("/min");
    }
    while wide(&first) > width && first.len() > 2 {
        first.truncate(first.len() - if first.len() > 6 { 1 } else { 2 });
    }
    row(frame, inner, 0, Line::from(first), None);
    let cost = if sum.calls == 0 { String::new() } else { format!(" {}", price(state, sum.nano_usd, narrow)) };
    let role = if is_aws(state) { Role::Title } else { Role::Text };
    row(frame, inner, 1, Line::from(view.span(role, text::cut(&cost, width))), None);
    let services: Vec<String> = state
        .calls
        .services()
        .into_iter()
        .map(|(service, sum)| format!("{service} {}", text::number(sum.calls)))
        .collect();
    let services = text::cut(&format!(" {}", services.join(" · ")), width);
    row(frame, inner, 2, Line::from(view.span(Role::Dim, services)), None);
}

fn right(content: &str, width: usize) -> String {
    let content = text::cut(content, width.saturating_sub(1));
    format!("{}{content}", " ".repeat(width.saturating_sub(text::width(&content))))
}

fn calls(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let sum = state.calls.sum();
    let title = if area.height < 8 || state.zoom {
        format!("Calls {} · {}/min", text::number(sum.calls), text::number(state.calls.last_minute(state.real_ms)))
    } else {
        format!("Calls by operation, {} first", state.calls.order())
    };
    let inner = pane(frame, area, state, view, 0, &title);
    let rows = state.calls.sorted();
    if rows.is_empty() {
        let text = " no call was counted yet";
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, text)), None);
    }
    let width = usize::from(inner.width);
    let price = Column { title: if is_aws(state) { "price" } else { "on AWS" }, ..PRICE };
    let columns: Vec<&Column> =
        [&CALLS, &ERRORS, &THROTTLED, &MEAN, &SLOWEST, &price].into_iter().filter(|c| width >= c.from).collect();
    let room = width.saturating_sub(columns.iter().map(|column| column.width).sum::<usize>() + 1);
    let mut head = vec![view.span(Role::Dim, text::cell(" operation", room))];
    head.extend(columns.iter().map(|column| view.span(Role::Dim, right(column.title, column.width))));
    row(frame, inner, 0, Line::from(head), None);
    let body = Rect { y: inner.y + 1.min(inner.height), height: inner.height.saturating_sub(1), ..inner };
    let place = state.calls.place();
    let shown =
        list::window(usize::from(body.height), rows.len(), place, &mut view.offsets[Page::Activity as usize][0]);
    let start = shown.start;
    let longest = |of: fn(&CallRow) -> &str| rows.iter().map(|row| text::width(of(row))).max().unwrap_or(0);
    let longest = (longest(|row| &row.service), longest(|row| &row.operation));
    for at in shown {
        let mut spans = operation(view, rows[at], room, longest);
        for column in &columns {
            let (role, content) = figure(rows[at], column.title);
            spans.push(view.span(role, right(&content, column.width)));
        }
        let marked = at == place && state.pane() == 0;
        row(frame, body, at - start, Line::from(spans), marked.then(|| view.style(Role::Selected)));
    }
}

/// Service and operation in `room` columns, services in a column of their own where there is room for one. `longest` are
/// the widths of both; of a service a part is enough, operations are told from each other by their beginnings and ends.
fn operation(view: &ViewState, of: &CallRow, room: usize, longest: (usize, usize)) -> Vec<Span<'static>> {
    let service = (longest.0 + 2).min(18).min(room.saturating_sub(longest.1 + 1).max(room / 4));
    if room < 26 {
        return vec![view.span(Role::Text, text::cell_middle(&format!(" {} {}", of.service, of.operation), room))];
    }
    vec![
        view.span(Role::Dim, text::cell(&format!(" {}", of.service), service)),
        view.span(Role::Text, format!(" {}", text::cell_middle(&of.operation, room - service - 1))),
    ]
}

fn figure(of: &CallRow, column: &str) -> (Role, String) {
    let marked = |glyph: &str, number: u64, role| {
        if number == 0 { (Role::Dim, "0".to_owned()) } else { (role, format!("{glyph} {}", text::number(number))) }
    };
    match column {
        "calls" => (Role::Text, text::number(of.calls)),
        "errors" => marked("✗", of.errors, Role::Bad),
        "throttled" => marked("⚠", of.throttled, Role::Warn),
        "mean" => (Role::Text, of.micros.checked_div(of.calls).map(time).unwrap_or_default()),
        "slowest" => (Role::Dim, time(of.slowest_micros)),
        _ if of.nano_usd == 0 => (Role::Dim, "free".to_owned()),
        _ => (Role::Text, text::usd(of.nano_usd)),
    }
}

/// Every figure of the selected row, in words: on a narrow screen the list shows only some.
fn call(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let selected = state.calls.row();
    let title = selected.map_or_else(|| "Call".to_owned(), |row| format!("{} {}", row.service, row.operation));
    let inner = pane(frame, area, state, view, 1, &title);
    let Some(selected) = selected else {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " j and k select a row")), None);
    };
    let all: Sum = state.calls.sum();
    let share = (selected.calls.saturating_mul(100)).checked_div(all.calls).unwrap_or(0);
    let mean = selected.micros.checked_div(selected.calls).unwrap_or(0);
    let each = selected.nano_usd.checked_div(selected.calls).unwrap_or(0);
    let mut cost = price(state, selected.nano_usd, usize::from(inner.width) < NARROW);
    if each > 0 {
        // List prices are told by the million.
        cost.push_str(&format!(", {} a million", text::usd(each.saturating_mul(1_000_000))));
    }
    let width = usize::from(inner.width).saturating_sub(2);
    let calls = format!("{}, {share} % of all", text::counted(selected.calls, "call"));
    let failed = selected.errors.saturating_sub(selected.throttled);
    let dot = || view.span(Role::Dim, " · ");
    let failed = vec![
        trouble(view, "✗", failed, "failed", Role::Bad),
        dot(),
        trouble(view, "⚠", selected.throttled, "throttled", Role::Warn),
    ];
    let mut at = 0;
    let mut line = |spans: Vec<Span<'static>>| {
        row(frame, inner, at, Line::from([vec![Span::raw(" ")], spans].concat()), None);
        at += 1;
    };
    let calls = view.span(Role::Text, calls);
    if calls.width() + 3 + failed.iter().map(Span::width).sum::<usize>() <= width {
        line([vec![calls, dot()], failed].concat());
    } else {
        line(vec![calls]);
        line(failed);
    }
    let times = format!("mean {}, slowest {}", time(mean), time(selected.slowest_micros));
    for part in [times, cost].iter().flat_map(|text| text::folded(text, width)) {
        line(vec![view.span(Role::Text, part)]);
    }
    let below =
        Rect { y: inner.y.saturating_add(clamped(at)), height: inner.height.saturating_sub(clamped(at)), ..inner };
    commands(frame, below, state, view);
}

fn clamped(rows: usize) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX)
}

/// What was asked last, and what was asked when it last failed.
fn commands(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    // Up to the frame, so that an account number that is folded is seen to be one.
    let (height, width) = (usize::from(area.height), usize::from(area.width).saturating_sub(1));
    let folded = |line: Option<String>| line.map(|line| text::folded(&line, width)).unwrap_or_default();
    let (called, failed) = (folded(state.aws_command()), folded(state.failed_aws_command()));
    let copy = |cmd| format!("{} copies it whole", state.key(cmd));
    let room = if failed.is_empty() { height } else { height.saturating_sub(failed.len() + 1).max(height / 2) };
    let at = command(frame, area, view, &called, room, &copy(Cmd::Copy));
    if !failed.is_empty() && at + 1 < height {
        let head = format!(" the last one that failed, {} copies it:", state.key(Cmd::CopyFailed));
        row(frame, area, at, Line::from(view.span(Role::Dim, text::cut(&head, width))), None);
        let area = Rect { y: area.y + clamped(at + 1), height: area.height - clamped(at + 1), ..area };
        command(frame, area, view, &failed, height - at - 1, &copy(Cmd::CopyFailed));
    }
}

/// Rows of a command, at most `room`: what does not fit is told in the last of them. Tells how many there are.
fn command(frame: &mut Frame, area: Rect, view: &ViewState, parts: &[String], room: usize, whole: &str) -> usize {
    if room == 1 && parts.len() > 1 {
        let line = text::cut(&format!(" {}", parts.join(" ")), area.width.into());
        row(frame, area, 0, Line::from(view.span(Role::Key, line)), None);
        return 1;
    }
    let shown = if parts.len() > room { room.saturating_sub(1) } else { parts.len() };
    for (at, part) in parts.iter().take(shown).enumerate() {
        row(frame, area, at, Line::from(view.span(Role::Key, format!(" {part}"))), None);
    }
    let left = parts.len() - shown;
    if left > 0 && room > 0 {
        let note = format!(" … {} more; {whole}", text::counted(left, "row"));
        row(frame, area, shown, Line::from(view.span(Role::Dim, text::cut(&note, area.width.into()))), None);
        return shown + 1;
    }
    shown
}
