//! The way of a day's archive as a picture: schedule, state machine, task, archive, topic; and the way round that a failure
//! takes. In boxes where there is room, in rows on a small screen, from top to bottom on a narrow one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::state::State;
use super::super::state::sources::Sight;
use super::super::theme::Role;
use super::super::widget::{graph, text};
use super::archiving::{moment, taken, until};
use super::executions::{glyph, status, wait};
use super::{ViewState, pane, row};
use crate::model::Source;
use crate::model::archiving::{Run, TaskStatus};
use crate::model::execution::{Execution, Progress};

/// What a hop is called and two lines about it.
struct Hop {
    name: &'static str,
    lines: [(Role, String); 2],
}

/// Rows of the picture with its frame.
pub(super) const fn height(width: u16, height: u16) -> u16 {
    if width < 72 {
        if height < 16 { 8 } else { 11 }
    } else if boxed(width, height) {
        11
    } else {
        8
    }
}

const fn boxed(width: u16, height: u16) -> bool {
    width >= 100 && height >= 30
}

/// Whether a run of the task ended, and not well.
pub(super) fn has_failed(run: &Run) -> bool {
    run.seen.status == TaskStatus::Failed
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let inner = pane(frame, area, state, view, 0, "Archiving");
    let hops = [schedule(state), machine(state), task(state), archive(state), topic(state)];
    let low = [failure(state), when(state), inventory(state)];
    let lines = if inner.width < 70 {
        portrait(view, &hops, &low)
    } else if inner.height >= 9 {
        boxes(view, &hops, &low, usize::from(inner.width))
    } else {
        in_rows(view, &hops, &low, usize::from(inner.width))
    };
    for (at, line) in lines.into_iter().enumerate() {
        row(frame, inner, at, line, None);
    }
}

fn in_rows(view: &ViewState, hops: &[Hop; 5], low: &[(Role, String); 3], width: usize) -> Vec<Line<'static>> {
    let cell = width.saturating_sub(1) / 5;
    let mut rows = [vec![Span::raw(" ")], vec![Span::raw(" ")], vec![Span::raw(" ")]];
    for (at, hop) in hops.iter().enumerate() {
        rows[0].push(view.span(Role::Title, hop.name));
        if at + 1 < hops.len() {
            let way = cell.saturating_sub(text::width(hop.name) + 3);
            rows[0].push(view.span(Role::Dim, format!(" {}▶ ", "─".repeat(way))));
        }
        for (line, (role, words)) in hop.lines.iter().enumerate() {
            let room = if at + 1 < hops.len() { cell - 1 } else { cell };
            let gap = if at + 1 < hops.len() { " " } else { "" };
            rows[line + 1].push(view.span(*role, format!("{}{gap}", text::cell(words, room))));
        }
    }
    let mut lines: Vec<Line> = rows.into_iter().map(Line::from).collect();
    lines.extend(low.iter().map(|(role, words)| Line::from(view.span(*role, text::cut(&format!(" {words}"), width)))));
    lines
}

fn boxes(view: &ViewState, hops: &[Hop; 5], low: &[(Role, String); 3], width: usize) -> Vec<Line<'static>> {
    let cell = width.saturating_sub(4 * 4) / 5;
    let dim = |text: String| view.span(Role::Dim, text);
    let bar = "─".repeat(cell.saturating_sub(2));
    let each = |make: &dyn Fn(&Hop) -> Vec<Span<'static>>, join: &str| {
        let mut spans = Vec::new();
        for (at, hop) in hops.iter().enumerate() {
            if at > 0 {
                spans.push(dim(join.to_owned()));
            }
            spans.extend(make(hop));
        }
        Line::from(spans)
    };
    let content = |role: Role, words: &str| {
        let words = text::cell(&format!(" {words}"), cell.saturating_sub(2));
        vec![dim("│".to_owned()), view.span(role, words), dim("│".to_owned())]
    };
    let mut lines = vec![
        each(&|_| vec![dim(format!("╭{bar}╮"))], "    "),
        each(&|hop| content(Role::Title, hop.name), " ─▶ "),
        each(&|hop| content(hop.lines[0].0, &hop.lines[0].1), "    "),
        each(&|hop| content(hop.lines[1].0, &hop.lines[1].1), "    "),
    ];
    // The way round begins below the state machine.
    let half = cell.saturating_sub(2) / 2;
    let open = format!("╰{}┬{}╯", "─".repeat(half), "─".repeat(cell.saturating_sub(3 + half)));
    let flat = format!("╰{bar}╯");
    lines.push(Line::from(dim(format!("{flat}    {open}    {flat}    {flat}    {flat}"))));
    let under = cell + 4 + half + 1;
    let (role, words) = &low[0];
    let words = text::cut(words, width.saturating_sub(under));
    lines.push(Line::from(vec![Span::raw(" ".repeat(under)), view.span(*role, words)]));
    lines.push(Line::default());
    lines.extend(
        low[1..].iter().map(|(role, words)| Line::from(view.span(*role, text::cut(&format!(" {words}"), width)))),
    );
    lines
}

fn portrait(view: &ViewState, hops: &[Hop; 5], low: &[(Role, String); 3]) -> Vec<Line<'static>> {
    let mut lines: Vec<Line> = hops
        .iter()
        .enumerate()
        .map(|(at, hop)| {
            Line::from(vec![
                view.span(Role::Dim, if at == 0 { "  " } else { "▼ " }),
                view.span(Role::Title, text::cell(hop.name, 14)),
                view.span(hop.lines[0].0, hop.lines[0].1.clone()),
                view.span(Role::Dim, "  "),
                view.span(hop.lines[1].0, hop.lines[1].1.clone()),
            ])
        })
        .collect();
    lines.extend(low.iter().map(|(role, words)| Line::from(view.span(*role, format!(" {words}")))));
    lines
}

/// What is said of a hop whose source is not there, or a number that is from before.
fn seen(state: &State, of: Source, line: (Role, String)) -> (Role, String) {
    match state.sources.sight(&[of]) {
        Sight::Never => (Role::Dim, "n/a".to_owned()),
        Sight::Stale => (Role::Warn, format!("⚠ {}", line.1)),
        Sight::Clear | Sight::Part => line,
    }
}

fn schedule(state: &State) -> Hop {
    let known = state.archiving.schedule.as_ref();
    let next = known.zip(state.now()).and_then(|(known, now)| Some((known.next_run(now)?, now)));
    let lines = match (known, next) {
        (None, _) => [(Role::Dim, "not read yet".to_owned()), (Role::Dim, String::new())],
        (Some(known), _) if !known.is_enabled => [(Role::Warn, "○ disabled".to_owned()), (Role::Dim, String::new())],
        (Some(_), None) => [(Role::Warn, "no further run".to_owned()), (Role::Dim, String::new())],
        (Some(_), Some((next, now))) => {
            let left = next.since(now).unwrap_or_default();
            let at = moment(next);
            let at = at.get(..11).unwrap_or_default();
            [(Role::Active, format!("in {}", until(left))), (Role::Dim, format!("{at}Z"))]
        }
    };
    let [first, second] = lines;
    Hop { name: "schedule", lines: [seen(state, Source::Schedule, first), second] }
}

/// The execution that the picture tells of: the selected one, else the newest.
fn shown(state: &State) -> Option<(&str, &Execution)> {
    let arn = state.run()?;
    Some((arn, state.executions.get(arn)?))
}

fn machine(state: &State) -> Hop {
    let count = state.executions.len();
    let running =
        (0..count.min(50)).filter_map(|at| state.executions.newest(at)).filter(|(_, run)| run.is_running()).count();
    let first = match shown(state) {
        None => (Role::Dim, "no run yet".to_owned()),
        Some((_, run)) => {
            let (sign, word, role) = status(run);
            let words = current(run).map_or_else(
                || format!("{sign} {word}"),
                |name| format!("{} {}", glyph(Progress::Current), graph::short(name)),
            );
            (role, words)
        }
    };
    let second = match (count, running) {
        (0, _) => String::new(),
        (count, 0) => text::counted(count, "execution"),
        (count, running) => format!("{} of {} run", text::count(running), text::count(count)),
    };
    Hop { name: "state machine", lines: [seen(state, Source::Executions, first), (Role::Dim, second)] }
}

/// The state that an execution is in: the one that it entered last, unless it has left it.
fn current(run: &Execution) -> Option<&str> {
    let entered = run.history.iter().rev().find(|past| past.event.kind.ends_with("StateEntered"))?;
    let name = entered.event.state.as_deref()?;
    (run.is_running() && run.visit(name).progress == Progress::Current).then_some(name)
}

fn task(state: &State) -> Hop {
    let runs: Vec<&Run> = shown(state).map(|(arn, _)| state.archiving.runs_of(arn).collect()).unwrap_or_default();
    let Some(last) = runs.last() else {
        let first = seen(state, Source::Executions, (Role::Dim, "not run yet".to_owned()));
        return Hop { name: "task", lines: [first, (Role::Dim, String::new())] };
    };
    let code = |word: &str| last.seen.exit_code.map_or_else(|| word.to_owned(), |code| format!("exit code {code}"));
    let first = match last.seen.status {
        TaskStatus::Asked => (Role::Active, "◐ asked for".to_owned()),
        TaskStatus::Running => (Role::Active, "◐ runs".to_owned()),
        TaskStatus::Succeeded => (Role::Good, format!("✓ {}", code("ended"))),
        TaskStatus::Failed => (Role::Bad, format!("✗ {}", code("did not run"))),
    };
    // Why it failed says more than how often it ran.
    let reason = last.seen.reason.as_deref().filter(|_| has_failed(last) && last.seen.exit_code.is_none());
    let second = match (reason, runs.len()) {
        (Some(reason), _) => reason.to_owned(),
        (None, 1) => "1 run".to_owned(),
        (None, runs) => format!("run {}", text::count(runs)),
    };
    Hop { name: "task", lines: [seen(state, Source::Executions, first), (Role::Dim, second)] }
}

fn archive(state: &State) -> Hop {
    let (count, bytes) = state.archiving.stored();
    let first = match count {
        0 => (Role::Dim, "none yet".to_owned()),
        count => (Role::Text, format!("{} · {}", text::count(count), text::bytes(bytes))),
    };
    let second = match state.archiving.latest().and_then(|latest| latest.seen.contents.as_ref()) {
        Some(held) if held.is_whole => text::counted(held.count, "member"),
        Some(held) => format!("≥ {}", text::counted(held.count, "member")),
        None => String::new(),
    };
    Hop { name: "archive", lines: [seen(state, Source::Archives, first), (Role::Dim, second)] }
}

fn topic(state: &State) -> Hop {
    let told = &state.archiving;
    let first = match told.notifications().next() {
        None => (Role::Dim, "nothing told".to_owned()),
        Some(last) => {
            let (glyph, role) = taken(last);
            (role, format!("{glyph} {} told", text::count(told.notifications().len())))
        }
    };
    let second = told.notifications().next().map(|last| last.seen.subject.clone()).unwrap_or_default();
    Hop { name: "topic", lines: [seen(state, Source::Executions, first), (Role::Dim, second)] }
}

/// The way round that a failure takes, and how often this execution took it.
fn failure(state: &State) -> (Role, String) {
    const WAY: &str = "╰─✗▶ error handler";
    let Some((arn, run)) = shown(state) else {
        return (Role::Dim, format!("{WAY}: judges whether a failure is tried again"));
    };
    let failures = state.archiving.runs_of(arn).filter(|run| has_failed(run)).count();
    let retries = state.archiving.retries(arn);
    if failures == 0 {
        return (Role::Dim, format!("{WAY}: not needed, 0 retries"));
    }
    let counted = match retries {
        1 => "1 retry".to_owned(),
        retries => format!("{} retries", text::count(retries)),
    };
    let failed = match failures {
        1 => "1 failure".to_owned(),
        failures => format!("{} failures", text::count(failures)),
    };
    let last_failed = state.archiving.runs_of(arn).next_back().is_some_and(has_failed);
    match (wait(state, run), run.is_running(), last_failed) {
        (Some(left), ..) => {
            (Role::Warn, format!("{WAY}: {failed}, {counted} ─▶ next try in {} ─▶ task", text::countdown(left)))
        }
        (None, true, _) => (Role::Warn, format!("{WAY}: {failed}, {counted}")),
        (None, false, true) => (Role::Bad, format!("{WAY}: {failed}, {counted} ─▶ ✗ given up, told as a failure")),
        (None, false, false) => (Role::Good, format!("{WAY}: {failed}, {counted} ─▶ ✓ then it went well")),
    }
}

/// The schedule in its own words.
fn when(state: &State) -> (Role, String) {
    let Some(schedule) = &state.archiving.schedule else {
        let is_absent = state.sources.sight(&[Source::Schedule]) == Sight::Never;
        return (Role::Dim, format!("schedule: {}", if is_absent { "n/a" } else { "not read yet" }));
    };
    let enabled = if schedule.is_enabled { "enabled" } else { "disabled" };
    let next = state.now().and_then(|now| schedule.next_run(now));
    let next = next.map_or_else(|| ", no further run".to_owned(), |next| format!(", next run {}", next.iso_seconds()));
    let window = match schedule.window_minutes {
        0 => String::new(),
        minutes => format!(" or up to {minutes} min later"),
    };
    let words = format!("schedule: {} {}, {enabled}{next}{window}", schedule.expression, schedule.timezone);
    (Role::Text, words)
}

/// The inventories that were delivered.
fn inventory(state: &State) -> (Role, String) {
    let (count, last) = state.archiving.inventories();
    match last {
        None if state.sources.sight(&[Source::Archives]) == Sight::Never => (Role::Dim, "inventory: n/a".to_owned()),
        None => (Role::Dim, "inventory: none delivered yet".to_owned()),
        Some(folder) => {
            let name = folder.trim_end_matches('/').rsplit('/').next().unwrap_or(folder);
            (Role::Text, format!("inventory: {name}, {} delivered", text::count(count)))
        }
    }
}
