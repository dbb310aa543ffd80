//! What is said of one state of an execution, or of one event of its history: input and output as JSON, to be scrolled.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use serde_json::Value;

use super::super::cmd::Page;
use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::graph::short;
use super::super::widget::text;
use super::executions::{glyph, wait_in, word};
use super::{ViewState, pane, row};
use crate::model::execution::{Execution, PastEvent};
use crate::model::machine::Machine;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let run = state.run().and_then(|arn| state.executions.get(arn));
    let machine = state.machine().map(|(_, machine)| machine);
    let selected = state.graph.selected.as_deref().filter(|_| state.graph.is_told);
    let selected = selected.and_then(|name| Some((machine?, machine?.position(name)?)));
    let (title, lines) = match selected {
        Some((machine, at)) => (format!("State · {}", machine.states[at].name), of_state(state, machine, at, run)),
        None => of_event(state, run),
    };
    let inner = pane(frame, area, state, view, 3, &title);
    let width = usize::from(inner.width);
    let lines: Vec<(Role, String)> = lines
        .into_iter()
        .flat_map(|(role, line)| text::wrapped(&line, width).into_iter().map(move |line| (role, line)))
        .collect();
    let most = lines.len().saturating_sub(usize::from(inner.height));
    let skip = state.row(Page::Executions, 3).min(most);
    for (at, (role, line)) in lines.into_iter().skip(skip).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, at, Line::from(view.span(role, line)), None);
    }
}

fn of_event(state: &State, run: Option<&Execution>) -> (String, Vec<(Role, String)>) {
    let chosen = state.rows[Page::Executions as usize][2];
    let past = run.and_then(|run| run.history.get(chosen.unwrap_or(run.history.len().checked_sub(1)?)));
    let title = past.map_or_else(|| "Detail".to_owned(), |past| format!("Detail · event {}", past.event.id));
    let mut lines = Vec::new();
    lines.extend(run.and_then(|run| run.failure.as_deref()).map(|failure| (Role::Bad, format!("✗ {failure}"))));
    for (name, value) in past.and_then(|past| past.event.details.as_object()).into_iter().flatten() {
        lines.extend(pretty(name, value));
    }
    (title, lines)
}

fn of_state(state: &State, machine: &Machine, at: usize, run: Option<&Execution>) -> Vec<(Role, String)> {
    let step = &machine.states[at];
    let mut lines = Vec::new();
    let what = if step.detail.is_empty() { step.kind.clone() } else { format!("{} · {}", step.kind, step.detail) };
    lines.push((Role::Title, what));
    let progress = run.map(|run| run.progress(machine, at)).unwrap_or_default();
    let visit = run.map(|run| run.visit(&step.name)).unwrap_or_default();
    let mut words = format!("{} {}", glyph(progress), word(progress));
    if visit.entered > 0 {
        words.push_str(&format!(" · entered {}×", text::number(visit.entered)));
    }
    if let Some(left) = run.and_then(|run| wait_in(state, run, &step.name)) {
        words.push_str(&format!(" · {} left", text::countdown(left)));
    }
    lines.push((Role::Text, words));
    if let Some(since) = visit.since {
        let took = visit.left.and_then(|left| left.since(since)).map(text::time);
        let took = took.map_or_else(String::new, |took| format!(", left after {took}"));
        lines.push((Role::Dim, format!("entered {}{took}", since.clock_millis())));
    }
    for edge in machine.edges.iter().filter(|edge| edge.from == at) {
        let label = edge.way.label();
        let why = if label.is_empty() { String::new() } else { format!(" · {label}") };
        lines.push((Role::Dim, format!("→ {}{why}", short(&machine.states[edge.to].name))));
    }
    let Some(run) = run else { return lines };
    if visit.entered == 0 {
        return lines;
    }
    lines.extend(held("input", run.last(&step.name, "StateEntered")));
    let left = run.last(&step.name, "StateExited");
    // What it gave before is not what it gives now.
    let is_now = left.is_some_and(|left| visit.since.is_none_or(|since| left.at >= since));
    if is_now {
        lines.extend(held("output", left));
    }
    lines
}

/// Input or output, or that it is no longer known.
fn held(name: &str, past: Option<&PastEvent>) -> Vec<(Role, String)> {
    match past.map(|past| past.event.details.get(name)) {
        Some(Some(value)) => pretty(name, value),
        Some(None) => Vec::new(),
        None => vec![(Role::Dim, format!("{name}: its event is no longer kept"))],
    }
}

/// A value as JSON over several rows; input and output are JSON in a text.
fn pretty(name: &str, value: &Value) -> Vec<(Role, String)> {
    let value = match value {
        Value::String(inside) => serde_json::from_str(inside).unwrap_or_else(|_| value.clone()),
        other => other.clone(),
    };
    let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
    format!("{name}: {pretty}").lines().map(|line| (Role::Text, line.to_owned())).collect()
}
