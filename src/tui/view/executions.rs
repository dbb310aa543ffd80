//! Executions: the list, the state machine as a live graph, its history, and what is said of one state or event.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::super::cmd::Page;
use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::graph::short;
use super::super::widget::{list, text};
use super::{ViewState, graph, pane, row, sources, step};
use crate::model::execution::{Execution, Progress};
use crate::model::{ExecutionStatus, Source};

pub(super) const fn glyph(progress: Progress) -> &'static str {
    match progress {
        Progress::NotVisited => "○",
        Progress::Current => "◐",
        Progress::Done => "✓",
        Progress::Caught => "↷",
        Progress::Failed => "✗",
        Progress::Cancelled => "⊘",
    }
}

pub(super) const fn word(progress: Progress) -> &'static str {
    match progress {
        Progress::NotVisited => "not visited",
        Progress::Current => "in progress",
        Progress::Done => "succeeded",
        Progress::Caught => "caught error",
        Progress::Failed => "failed",
        Progress::Cancelled => "cancelled",
    }
}

pub(super) const fn status(run: &Execution) -> (&'static str, &'static str, Role) {
    match run.status {
        None | Some(ExecutionStatus::Running) => ("◐", "running", Role::Active),
        Some(ExecutionStatus::Succeeded) => ("✓", "succeeded", Role::Good),
        Some(ExecutionStatus::Failed) => ("✗", "failed", Role::Bad),
        Some(ExecutionStatus::TimedOut) => ("✗", "timed out", Role::Bad),
        Some(ExecutionStatus::Aborted) => ("✗", "aborted", Role::Bad),
        Some(ExecutionStatus::PendingRedrive) => ("◐", "pending redrive", Role::Warn),
    }
}

/// How long the wait that is under way still lasts, in simulated time.
pub(super) fn wait(state: &State, run: &Execution) -> Option<Duration> {
    wait_in(state, run, run.waiting()?.0)
}

/// The same for the Wait state of that name.
pub(super) fn wait_in(state: &State, run: &Execution, name: &str) -> Option<Duration> {
    let (since, input) = run.waiting_in(name)?;
    let (_, machine) = state.machine_of(&run.arn)?;
    let deadline = machine.wait_deadline(name, since, input)?;
    Some(deadline.since(state.now()?).unwrap_or_default())
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom {
        return part(frame, area, state, view, state.pane());
    }
    let runs = u16::try_from(state.executions.len()).unwrap_or(9).clamp(1, if area.height > 30 { 7 } else { 2 }) + 2;
    let [top, rest] = Layout::vertical([Constraint::Length(runs), Constraint::Min(3)]).areas(area);
    part(frame, top, state, view, 0);
    let [left, right] = if area.width >= 72 {
        Layout::horizontal([Constraint::Percentage(54), Constraint::Percentage(46)]).areas(rest)
    } else {
        Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(rest)
    };
    part(frame, left, state, view, 1);
    if right.height < 9 {
        return part(frame, right, state, view, if state.pane() == 3 { 3 } else { 2 });
    }
    let [upper, lower] = Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(right);
    part(frame, upper, state, view, 2);
    part(frame, lower, state, view, 3);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        0 => runs(frame, area, state, view),
        1 => graph::render(frame, area, state, view),
        2 => history(frame, area, state, view),
        _ => step::render(frame, area, state, view),
    }
}

fn runs(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let count = state.executions.len();
    let note = sources::title(state, &[Source::Executions]).map_or_else(String::new, |note| format!(" · {note}"));
    let inner = pane(frame, area, state, view, 0, &format!("Executions {}{note}", text::count(count)));
    if count == 0 {
        let text = sources::absent(state, &[Source::Executions]);
        let text = text.unwrap_or_else(|| " none yet: one starts when a manifest arrives".to_owned());
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, text)), None);
    }
    let selected = state.run().and_then(|arn| state.executions.age(arn)).unwrap_or(0);
    let shown = list::window(usize::from(inner.height), count, selected, &mut view.offsets[4][0]);
    let start = shown.start;
    for at in shown {
        let Some((_, run)) = state.executions.newest(at) else { continue };
        let (glyph, word, role) = status(run);
        let set = run.set_id.as_ref().map_or("", |set| set.as_str());
        let begun = run.started.map(crate::model::Timestamp::clock_millis).unwrap_or_default();
        let room = usize::from(inner.width).saturating_sub(3 + 11 + 9 + 18 + 14);
        let line = Line::from(vec![
            view.span(role, format!(" {glyph} {}", text::cell(word, 11))),
            view.span(Role::Dim, text::cell(begun.get(..8).unwrap_or_default(), 9)),
            view.span(Role::Text, text::cell_middle(set, 17)),
            view.span(Role::Dim, format!(" round {:<7}", text::number(run.rounds()))),
            view.span(Role::Dim, text::cut_middle(&run.name, room)),
        ]);
        row(frame, inner, at - start, line, (at == selected).then(|| view.style(Role::Selected)));
    }
}

fn history(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let run = state.run().and_then(|arn| state.executions.get(arn));
    let mut title = "History".to_owned();
    if let Some(run) = run.filter(|run| run.dropped > 0) {
        title.push_str(&format!(" · {} older dropped", text::number(run.dropped)));
    }
    let inner = pane(frame, area, state, view, 2, &title);
    let Some(run) = run.filter(|run| !run.history.is_empty()) else {
        let is_asked = run.is_some_and(|_| state.run().is_some_and(|arn| state.graph.asked.contains(arn)));
        let text = if is_asked { " ◐ asking for its history …" } else { " no event yet" };
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, text)), None);
    };
    let chosen = state.rows[Page::Executions as usize][2];
    let at = chosen.unwrap_or(run.history.len() - 1).min(run.history.len() - 1);
    let shown = list::window(usize::from(inner.height), run.history.len(), at, &mut view.offsets[4][2]);
    let start = shown.start;
    for index in shown {
        let Some(past) = run.history.get(index) else { continue };
        let clock = past.at.clock_millis();
        let bad = past.event.kind.ends_with("Failed") || past.event.kind.ends_with("TimedOut");
        let name = past.event.state.as_deref().unwrap_or_default();
        // A narrow pane says who enters and leaves; a wide one has the event's own name.
        let kind = past.event.kind.as_str();
        let what = match (inner.width < 60, kind.ends_with("StateEntered"), kind.ends_with("StateExited")) {
            (true, true, _) => format!("→ {}", short(name)),
            (true, _, true) => format!("← {}", short(name)),
            _ => format!("{kind} {name}"),
        };
        let what =
            text::cut(&format!("{}{what}", if bad { "✗ " } else { "" }), usize::from(inner.width).saturating_sub(15));
        let line = Line::from(vec![
            view.span(Role::Dim, format!("{:>5} {} ", past.event.id, clock.get(..8).unwrap_or_default())),
            view.span(if bad { Role::Bad } else { Role::Text }, what),
        ]);
        let style = (state.pane() >= 2 && index == at).then(|| view.style(Role::Selected));
        row(frame, inner, index - start, line, style);
    }
}
