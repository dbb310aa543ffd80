//! Keys on the graph of a state machine: from state to state, larger and smaller, the window moved.

use super::super::Effect;
use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::widget::graph::{Direction, Drawing, Level};
use super::say;
use crate::model::execution::Progress;

/// Columns of a move to the side.
const ASIDE: isize = 8;
/// Rows of a move up or down.
const ROWS: isize = 4;

/// Walks to the state that is next in a direction.
pub(super) fn walk(state: &mut State, direction: Direction) {
    let Some((_, machine)) = state.machine() else { return };
    let Some(drawing) = Drawing::of(machine, state.graph.level.unwrap_or(Level::Names)) else {
        return step(state, matches!(direction, Direction::Down | Direction::Right));
    };
    let selected = state.graph.selected.as_deref().and_then(|name| machine.position(name));
    let next = match selected {
        Some(at) => drawing.next(at, direction).unwrap_or(at),
        None => current(state).unwrap_or(0),
    };
    select(state, next);
}

/// The same where nothing is drawn: to the next state of the list.
fn step(state: &mut State, forwards: bool) {
    let Some((_, machine)) = state.machine() else { return };
    let last = machine.states.len().saturating_sub(1);
    let next = match state.graph.selected.as_deref().and_then(|name| machine.position(name)) {
        Some(at) if forwards => (at + 1).min(last),
        Some(at) => at.saturating_sub(1),
        None => current(state).unwrap_or(0),
    };
    select(state, next);
}

/// The state that is under way.
fn current(state: &State) -> Option<usize> {
    let (_, machine) = state.machine()?;
    let run = state.executions.get(state.run()?)?;
    // What a state holds comes after it, and is nearer.
    (0..machine.states.len()).rev().find(|at| run.progress(machine, *at) == Progress::Current)
}

fn select(state: &mut State, at: usize) {
    let name = state.machine().and_then(|(_, machine)| machine.states.get(at)).map(|step| step.name.clone());
    state.graph.selected = name;
    state.graph.moved = (0, 0);
    state.graph.is_told = true;
    state.rows[Page::Executions as usize][3] = None;
}

/// To the first state.
pub(super) fn first(state: &mut State) {
    select(state, 0);
}

/// Larger or smaller.
pub(super) fn size(state: &mut State, cmd: Cmd) {
    let now = state.graph.level.unwrap_or_else(|| fitting(state));
    let level = if cmd == Cmd::Larger { now.larger() } else { now.smaller() };
    state.graph.level = Some(level);
    state.focus[Page::Executions as usize] = 1;
    say(state, format!("the graph in {}", level.word()));
}

/// About the level that is drawn while none was chosen: the page's own division is the view's.
fn fitting(state: &State) -> Level {
    let Some((_, machine)) = state.machine() else { return Level::default() };
    let (columns, rows) = (usize::from(state.size.0), usize::from(state.size.1));
    let width = if state.zoom || columns < 72 { columns } else { columns * 54 / 100 };
    let rest = rows.saturating_sub(6);
    let height = if state.zoom { rest } else { rest.saturating_sub(state.executions.len().clamp(1, 7) + 2) };
    let fits = |level: &Level| {
        Drawing::of(machine, *level).is_some_and(|drawing| drawing.width + 2 <= width && drawing.height < height)
    };
    Level::ALL.into_iter().rev().find(fits).unwrap_or(Level::Names)
}

/// Moves the window.
pub(super) fn pan(state: &mut State, columns: isize, rows: isize) {
    let Some((_, machine)) = state.machine() else { return };
    let level = state.graph.level.unwrap_or_default();
    let (width, height) = Drawing::of(machine, level).map_or((0, 0), |drawing| (drawing.width, drawing.height));
    let within = |now: isize, by: isize, most: usize| {
        let most = most.cast_signed();
        now.saturating_add(by).clamp(-most, most)
    };
    let (x, y) = state.graph.moved;
    state.graph.moved = (within(x, columns, width), within(y, rows, height));
}

/// Moves the window by the keys for it.
pub(super) fn shift(state: &mut State, cmd: Cmd) {
    match cmd {
        Cmd::ShiftLeft => pan(state, -ASIDE, 0),
        Cmd::ShiftRight => pan(state, ASIDE, 0),
        Cmd::ShiftUp => pan(state, 0, -ROWS),
        _ => pan(state, 0, ROWS),
    }
}

/// Asks once for the history of the execution that is open, where it was left aside because it was over.
pub(super) fn history(state: &mut State) -> Option<Effect> {
    if state.page != Page::Executions || state.replay.is_some() {
        return None;
    }
    let arn = state.run()?;
    let run = state.executions.get(arn)?;
    if run.is_running() || !run.history.is_empty() || state.graph.asked.contains(arn) {
        return None;
    }
    let execution = arn.to_owned();
    state.graph.asked.insert(execution.clone());
    Some(Effect::ReadHistory { execution })
}
