//! The home page of an archiving stack: its way as a picture, its executions, the latest archive with its members, the
//! task's log, and what was told.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use serde_json::Value;

use super::super::cmd::Page;
use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::archiving_way as way;
use super::executions::status;
use super::{ViewState, pane, row, sources};
use crate::model::archiving::{Archive, Notification};
use crate::model::execution::Execution;
use crate::model::{LogRole, Source, Timestamp};

/// Below this the panes stand above one another.
const NARROW: u16 = 72;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom {
        return part(frame, area, state, view, state.pane());
    }
    let notes = sources::notes(state).len();
    let most = if area.height >= 30 { 4 } else { 1 };
    let noted = u16::try_from(notes.min(most)).unwrap_or(0);
    let height = way::height(area.width, area.height);
    if area.width < NARROW {
        let [top, notes, runs, archive, log] = Layout::vertical([
            Constraint::Length(height.min(area.height)),
            Constraint::Length(noted),
            Constraint::Min(3),
            Constraint::Length(if area.height >= 26 { area.height / 4 } else { 0 }),
            Constraint::Length(if area.height >= 34 { area.height / 4 } else { 0 }),
        ])
        .areas(area);
        sources::strip(frame, notes, state, view);
        for (index, area) in [(0, top), (1, runs), (2, archive), (3, log)] {
            if area.height >= 3 {
                part(frame, area, state, view, index);
            }
        }
        return;
    }
    let rest = area.height.saturating_sub(height + noted);
    let [top, notes, middle, low] = Layout::vertical([
        Constraint::Length(height),
        Constraint::Length(noted),
        Constraint::Length(rest / 2),
        Constraint::Min(3),
    ])
    .areas(area);
    sources::strip(frame, notes, state, view);
    part(frame, top, state, view, 0);
    let halves = [Constraint::Percentage(52), Constraint::Percentage(48)];
    let [left, right] = Layout::horizontal(halves).areas(middle);
    part(frame, left, state, view, 1);
    part(frame, right, state, view, 2);
    let [left, right] = Layout::horizontal(halves).areas(low);
    part(frame, left, state, view, 3);
    part(frame, right, state, view, 4);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        0 => way::render(frame, area, state, view),
        1 => runs(frame, area, state, view),
        2 => archive(frame, area, state, view),
        3 => log(frame, area, state, view),
        _ => notifications(frame, area, state, view),
    }
}

/// `· ⚠ not answering …`, where something is to be said of the sources.
fn note(state: &State, of: &[Source]) -> String {
    sources::title(state, of).map_or_else(String::new, |note| format!(" · {note}"))
}

/// What stands in an empty pane.
fn dim(frame: &mut Frame, inner: Rect, view: &ViewState, text: &str) {
    let rows = text::folded(text, usize::from(inner.width).saturating_sub(2));
    for (at, text) in rows.into_iter().enumerate() {
        row(frame, inner, at, Line::from(view.span(Role::Dim, format!(" {text}"))), None);
    }
}

/// `11-22 00:00:12`.
pub(super) fn moment(at: Timestamp) -> String {
    at.iso_seconds().get(5..19).unwrap_or_default().replace('T', " ")
}

fn runs(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let count = state.executions.len();
    let title = format!("Executions {}{}", text::count(count), note(state, &[Source::Executions]));
    let inner = pane(frame, area, state, view, 1, &title);
    if count == 0 {
        return offer(frame, inner, state, view);
    }
    let selected = state.run().and_then(|arn| state.executions.age(arn)).unwrap_or(0);
    let offset = &mut view.offsets[Page::Flow as usize][1];
    let shown = list::window(usize::from(inner.height), count, selected, offset);
    let start = shown.start;
    for at in shown {
        let Some((arn, run)) = state.executions.newest(at) else { continue };
        let (glyph, word, role) = outcome(state, arn, run);
        let line = Line::from(vec![
            view.span(role, format!(" {glyph} ")),
            view.span(Role::Dim, run.started.map(moment).unwrap_or_default()),
            view.span(Role::Text, text::cell(&format!(" {:>7}", took(state, run)), 9)),
            view.span(role, text::cut(&word, usize::from(inner.width).saturating_sub(26))),
        ]);
        let marked = state.pane() == 1 && at == selected;
        row(frame, inner, at - start, line, marked.then(|| view.style(Role::Selected)));
    }
}

/// How long a run took, or takes so far.
fn took(state: &State, run: &Execution) -> String {
    let end = run.stopped.or_else(|| state.now().filter(|_| run.is_running()));
    let time = run.started.zip(end).and_then(|(started, end)| end.since(started));
    time.map(text::time).unwrap_or_default()
}

/// How an execution came out: one that tells of a failure succeeds all the same, as Step Functions sees it.
fn outcome(state: &State, arn: &str, run: &Execution) -> (&'static str, String, super::Role) {
    let (glyph, word, role) = status(run);
    let retries = match state.archiving.retries(arn) {
        0 => String::new(),
        1 => " · 1 retry".to_owned(),
        count => format!(" · {} retries", text::count(count)),
    };
    let (glyph, word, role) = match state.archiving.runs_of(arn).next_back() {
        Some(last) if way::has_failed(last) && !run.is_running() => ("✗", "the task failed", Role::Bad),
        Some(_) | None => (glyph, word, role),
    };
    (glyph, format!("{word}{retries}"), role)
}

/// What to do while nothing has run.
fn offer(frame: &mut Frame, inner: Rect, state: &State, view: &ViewState) {
    if let Some(absent) = sources::absent(state, &[Source::Executions]) {
        return dim(frame, inner, view, &absent);
    }
    let width = usize::from(inner.width).saturating_sub(2);
    let texts = match state.status() {
        _ if state.is_deployed() => {
            vec!["The stack stands. Its schedule starts it, or somebody who calls StartExecution.".to_owned()]
        }
        Some(status) => vec![format!("{status}: 2 shows the stacks and what CloudFormation says of them")],
        None => {
            let at = match state.setup.target.url() {
                Some(url) => format!(" --endpoint-url {url}"),
                None => " --target aws --write".to_owned(),
            };
            vec![
                "Nothing is deployed yet. It is shown here as soon as it stands:".to_owned(),
                format!("vaultscope deploy s3tar{at}"),
            ]
        }
    };
    let rows = texts.iter().flat_map(|text| text::folded(text, width));
    for (at, text) in rows.enumerate() {
        row(frame, inner, at, Line::from(view.span(Role::Text, format!(" {text}"))), None);
    }
}

fn archive(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let (count, _) = state.archiving.stored();
    let title = match count {
        0 => "Archive".to_owned(),
        1 => "Archive".to_owned() + &note(state, &[Source::Archives]),
        count => format!("Latest of {} archives{}", text::count(count), note(state, &[Source::Archives])),
    };
    let inner = pane(frame, area, state, view, 2, &title);
    let Some(latest) = state.archiving.latest() else {
        let absent = sources::absent(state, &[Source::Archives]);
        let text = absent.unwrap_or_else(|| "none yet: the task puts one under the destination prefix".to_owned());
        return dim(frame, inner, view, &text);
    };
    let width = usize::from(inner.width);
    let heads = heads(latest, width);
    let top = heads.len();
    for (at, (role, text)) in heads.into_iter().enumerate() {
        row(frame, inner, at, Line::from(view.span(role, text)), None);
    }
    let Some(contents) = &latest.seen.contents else { return };
    let members = &contents.members;
    let height = usize::from(inner.height).saturating_sub(top);
    if height == 0 || members.is_empty() {
        return;
    }
    let focused = state.pane() == 2;
    let selected = if focused { state.row(Page::Flow, 2) } else { 0 };
    let offset = &mut view.offsets[Page::Flow as usize][2];
    let shown = list::window(height, members.len(), selected, offset);
    let start = shown.start;
    for at in shown {
        let size = text::bytes(members[at].size);
        let line = Line::from(vec![
            view.span(Role::Text, format!("   {}", text::cell_middle(&members[at].name, width.saturating_sub(13)))),
            view.span(Role::Dim, format!(" {size:>8}")),
        ]);
        let style = (focused && at == selected).then(|| view.style(Role::Selected));
        row(frame, inner, top + at - start, line, style);
    }
}

/// The archive's name, its size and what it holds.
fn heads(latest: &Archive, width: usize) -> Vec<(Role, String)> {
    let seen = &latest.seen;
    let name = seen.key.rsplit('/').next().unwrap_or(&seen.key);
    let held = match (&seen.contents, &seen.unread) {
        (Some(held), _) => {
            let least = if held.is_whole { "" } else { "≥ " };
            let named = match held.members.len() as u64 {
                named if named < held.count => format!(", the first {}", text::number(named)),
                _ => String::new(),
            };
            format!("{least}{}{named}", text::counted(held.count, "member"))
        }
        (None, Some(why)) => why.clone(),
        (None, None) => "members not read".to_owned(),
    };
    vec![
        (Role::Title, format!(" {}", text::cut_middle(name, width.saturating_sub(2)))),
        (Role::Dim, text::cut(&format!(" {} · {} · {held}", moment(latest.at), text::bytes(seen.size)), width)),
    ]
}

fn log(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let of = [Source::Logs(LogRole::Task)];
    let mode = sources::log_mode(state, Some(LogRole::Task)).map_or_else(String::new, |mode| format!(" · {mode}"));
    let inner = pane(frame, area, state, view, 3, &format!("Task log{mode}{}", note(state, &of)));
    let (height, width) = (usize::from(inner.height), usize::from(inner.width));
    let chosen = state.rows[Page::Flow as usize][3];
    let (lines, selected): (Vec<_>, Option<usize>) = match chosen {
        // The end is followed.
        None => {
            let mut lines: Vec<_> = state.logs.of_role(LogRole::Task).rev().take(height).collect();
            lines.reverse();
            (lines, None)
        }
        Some(chosen) => {
            let count = state.logs.of_role(LogRole::Task).count();
            let shown = list::window(height, count, chosen, &mut view.offsets[Page::Flow as usize][3]);
            let selected = chosen.min(count.saturating_sub(1)).saturating_sub(shown.start);
            (state.logs.of_role(LogRole::Task).skip(shown.start).take(shown.len()).collect(), Some(selected))
        }
    };
    if lines.is_empty() {
        let absent = sources::absent(state, &of);
        return dim(frame, inner, view, &absent.unwrap_or_else(|| "a task that runs writes here".to_owned()));
    }
    for (at, (moment, line)) in lines.into_iter().enumerate() {
        let role = if line.message.starts_with("vaultscope: ") { Role::Bad } else { Role::Text };
        // The days of a narrow pane are told apart by their lines.
        let dated = self::moment(moment);
        let time = if width >= 56 { &*dated } else { dated.get(6..).unwrap_or_default() };
        let content = Line::from(vec![
            view.span(Role::Dim, format!(" {time} ")),
            view.span(role, text::cut(line.message.trim_end(), width.saturating_sub(text::width(time) + 3))),
        ]);
        let marked = state.pane() == 3 && selected == Some(at);
        row(frame, inner, at, content, marked.then(|| view.style(Role::Selected)));
    }
}

/// Glyph and role of a notification.
pub(super) const fn taken(told: &Notification) -> (&'static str, Role) {
    match told.seen.is_sent {
        None => ("◐", Role::Active),
        Some(true) => ("✓", Role::Good),
        Some(false) => ("✗", Role::Bad),
    }
}

fn notifications(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let told = &state.archiving;
    let count = told.notifications().len();
    let title = if count == 0 {
        "Notifications".to_owned()
    } else {
        format!("Notifications {} · from the history", text::count(count))
    };
    let inner = pane(frame, area, state, view, 4, &title);
    if count == 0 {
        let absent = sources::absent(state, &[Source::Executions]);
        return dim(frame, inner, view, &absent.unwrap_or_else(|| "none yet: each execution tells its end".to_owned()));
    }
    let focused = state.pane() == 4;
    let selected = if focused { state.row(Page::Flow, 4).min(count - 1) } else { 0 };
    let width = usize::from(inner.width);
    // With room enough the selected message stands below.
    let message = told.notifications().nth(selected).filter(|_| state.zoom && inner.height >= 6);
    let height = usize::from(inner.height);
    let height = if message.is_some() { (height / 3).min(count) } else { height };
    let shown = list::window(height, count, selected, &mut view.offsets[Page::Flow as usize][4]);
    let start = shown.start;
    for (at, told) in told.notifications().enumerate().skip(start).take(shown.len()) {
        let (glyph, role) = taken(told);
        let subject = if told.seen.subject.is_empty() { &told.seen.message } else { &told.seen.subject };
        let answer = told.seen.answer.as_deref().filter(|_| told.seen.is_sent == Some(false));
        let words = answer.map_or_else(|| subject.clone(), |answer| format!("{subject}: {answer}"));
        let line = Line::from(vec![
            view.span(role, format!(" {glyph} ")),
            view.span(Role::Dim, format!("{} ", moment(told.at))),
            view.span(Role::Text, text::cut(&words, width.saturating_sub(19))),
        ]);
        let marked = focused && at == selected;
        row(frame, inner, at - start, line, marked.then(|| view.style(Role::Selected)));
    }
    let Some(message) = message else { return };
    let pretty = serde_json::from_str::<Value>(&message.seen.message).ok();
    let pretty = pretty.and_then(|value| serde_json::to_string_pretty(&value).ok());
    let whole = pretty.as_deref().unwrap_or(&message.seen.message);
    let answer = message.seen.answer.as_deref().unwrap_or_default();
    let head = [format!("to {} {answer}", message.seen.topic)];
    let rows = head.iter().map(String::as_str).chain(whole.lines());
    let rows = rows.flat_map(|line| text::wrapped(line, width.saturating_sub(2)));
    for (at, text) in rows.take(usize::from(inner.height)).enumerate() {
        row(frame, inner, height + 1 + at, Line::from(view.span(Role::Text, format!(" {text}"))), None);
    }
}

/// The time until a moment, in words that fit a box: `2 d 09:12`, `9:12:33`.
pub(super) fn until(time: Duration) -> String {
    const DAY: u64 = 86_400;
    let seconds = time.as_secs();
    if seconds >= DAY {
        format!("{} d {:02}:{:02}", seconds / DAY, seconds % DAY / 3_600, seconds / 60 % 60)
    } else {
        text::countdown(time)
    }
}
