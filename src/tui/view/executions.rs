//! Executions: the list, the state machine as a live graph, its history, and input or output of one event.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use serde_json::Value;

use super::super::cmd::Page;
use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::graph::{Drawing, Look, short};
use super::super::widget::{list, text};
use super::{ViewState, pane, row, sources};
use crate::model::execution::{Execution, Progress};
use crate::model::{ExecutionStatus, Source};

pub(super) const fn glyph(progress: Progress) -> &'static str {
    match progress {
        Progress::NotVisited => "○",
        Progress::Current => "◐",
        Progress::Done => "✓",
        Progress::Caught => "↷",
        Progress::Failed => "✗",
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
    let (name, since, input) = run.waiting()?;
    let deadline = state.machine.as_ref()?.1.wait_deadline(name, since, input)?;
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
        return part(frame, right, state, view, 2);
    }
    let [upper, lower] = Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(right);
    part(frame, upper, state, view, 2);
    part(frame, lower, state, view, 3);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        0 => runs(frame, area, state, view),
        1 => graph(frame, area, state, view),
        2 => history(frame, area, state, view),
        _ => detail(frame, area, state, view),
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

fn graph(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let run = state.run().and_then(|arn| state.executions.get(arn));
    let round = run.map_or_else(String::new, |run| {
        let limit = run.limit.map_or_else(String::new, |limit| format!("/{}", text::number(limit)));
        let left = wait(state, run).map_or_else(String::new, |left| format!(" · wait {}", text::countdown(left)));
        format!(" · iteration {}{limit}{left}", text::number(run.rounds()))
    });
    let inner = pane(frame, area, state, view, 1, &format!("Graph{round}"));
    let Some((arn, machine)) = &state.machine else {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " the definition was not read yet")), None);
    };
    if view.drawings.as_ref().is_none_or(|(of, _)| of != arn) {
        view.drawings = Some((arn.clone(), [Drawing::of(machine, false), Drawing::of(machine, true)]));
    }
    let Some((_, drawings)) = &view.drawings else { return };
    let (height, width) = (usize::from(inner.height), usize::from(inner.width));
    let drawing = if drawings[0].height <= height { &drawings[0] } else { &drawings[1] };
    let mut current = None;
    let looks: Vec<Look> = machine
        .states
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let visit = run.map(|run| run.visit(&step.name)).unwrap_or_default();
            if visit.progress == Progress::Current {
                current = Some(at);
            }
            let left = run.filter(|_| visit.progress == Progress::Current).and_then(|run| wait(state, run));
            Look {
                glyph: glyph(visit.progress),
                note: left.map_or_else(String::new, |left| format!(" {}", text::countdown(left))),
                style: view.theme.progress(visit.progress),
                visited: visit.entered > 0,
                current: visit.progress == Progress::Current,
            }
        })
        .collect();
    // What goes on is kept in the middle, until somebody scrolls.
    let limit = |at: usize, whole: usize, part: usize| at.min(whole.saturating_sub(part));
    let (x, y) = state.graph_scroll.unwrap_or_else(|| {
        let (x, y) = current.or(Some(0)).and_then(|at| drawing.centre(at)).unwrap_or_default();
        (x.saturating_sub(width / 2), y.saturating_sub(height / 2))
    });
    let at = (limit(x, drawing.width, width), limit(y, drawing.height, height));
    let pad = u16::try_from(width.saturating_sub(drawing.width) / 2).unwrap_or(0);
    let place = Rect { x: inner.x + pad, width: inner.width - pad, ..inner };
    drawing.draw(machine, &looks, at, place, frame.buffer_mut(), view.style(Role::Dim));
}

fn history(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let run = state.run().and_then(|arn| state.executions.get(arn));
    let mut title = "History".to_owned();
    if let Some(run) = run.filter(|run| run.dropped > 0) {
        title.push_str(&format!(" · {} older dropped", text::number(run.dropped)));
    }
    let inner = pane(frame, area, state, view, 2, &title);
    let Some(run) = run.filter(|run| !run.history.is_empty()) else {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " no event yet")), None);
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

fn detail(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let run = state.run().and_then(|arn| state.executions.get(arn));
    let chosen = state.rows[Page::Executions as usize][2];
    let past = run.and_then(|run| run.history.get(chosen.unwrap_or(run.history.len().checked_sub(1)?)));
    let title = past.map_or_else(|| "Detail".to_owned(), |past| format!("Detail · event {}", past.event.id));
    let inner = pane(frame, area, state, view, 3, &title);
    let mut lines = Vec::new();
    if let Some(failure) = run.and_then(|run| run.failure.as_deref()) {
        lines.extend(text::wrapped(&format!("✗ {failure}"), usize::from(inner.width)));
    }
    if let Some(past) = past {
        for (name, value) in past.event.details.as_object().into_iter().flatten() {
            // Input and output are JSON in a text.
            let value = match value {
                Value::String(inside) => serde_json::from_str(inside).unwrap_or_else(|_| value.clone()),
                other => other.clone(),
            };
            let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
            lines.extend(
                format!("{name}: {pretty}").lines().flat_map(|line| text::wrapped(line, usize::from(inner.width))),
            );
        }
    }
    let most = lines.len().saturating_sub(usize::from(inner.height));
    let skip = if state.pane() == 3 { state.row(Page::Executions, 3).min(most) } else { 0 };
    for (at, line) in lines.into_iter().skip(skip).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, at, Line::from(view.span(Role::Text, line)), None);
    }
}
