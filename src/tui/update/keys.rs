//! What keys do: overlays first, then the keymap.

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::super::cmd::{Cmd, Page};
use super::super::keymap::Keymap;
use super::super::state::logs::holds;
use super::super::state::{JobForm, Overlay, State};
use super::super::{Effect, TargetKind};
use super::say;
use crate::model::{LogLine, LogRole};

/// Rates that `[` and `]` go through.
const RATES: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0, 3_600.0, 10_000.0];
/// Simulated seconds of a step.
const STEP_SECONDS: u64 = 10;

pub(super) fn press(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
        return vec![Effect::Quit];
    }
    state.message = None;
    match state.overlay.take() {
        Some(overlay) => press_overlay(state, overlay, key),
        None => match keymap().cmd(state.page, key) {
            Some(cmd) => run(state, cmd),
            None => Vec::new(),
        },
    }
}

/// The bindings; one table for keys, footer and help.
pub(crate) fn keymap() -> &'static Keymap {
    static KEYMAP: std::sync::OnceLock<Keymap> = std::sync::OnceLock::new();
    KEYMAP.get_or_init(Keymap::default)
}

pub(super) fn paste(state: &mut State, text: &str) {
    let chars = text.chars().filter(|char| !char.is_control()).take(1_000);
    for char in chars {
        if let Some(Overlay::Job(_) | Overlay::Search(_) | Overlay::Filter(_) | Overlay::Delete(_, Some(_))) =
            state.overlay
        {
            press(state, KeyEvent::new(KeyCode::Char(char), KeyModifiers::NONE));
        }
    }
}

fn press_overlay(state: &mut State, overlay: Overlay, key: KeyEvent) -> Vec<Effect> {
    let event = TerminalEvent::Key(key);
    match (overlay, key.code) {
        (Overlay::Filter(_), KeyCode::Esc) => filter(state, ""),
        (_, KeyCode::Esc) => {}
        (Overlay::Help(at), code) => state.overlay = moved(at, code).map(Overlay::Help),
        (Overlay::Errors(at), code) => state.overlay = moved(at, code).map(Overlay::Errors),
        (Overlay::Delete(name, None), KeyCode::Char('y' | 'Y')) => return start(state, Effect::DeleteStack { name }),
        (Overlay::Delete(_, None), _) => say(state, "nothing was deleted"),
        (Overlay::Delete(name, Some(input)), KeyCode::Enter) => {
            if input.value() == name {
                return start(state, Effect::DeleteStack { name });
            }
            say(state, "nothing was deleted: the name typed is another one");
        }
        (Overlay::Delete(name, Some(mut input)), _) => {
            input.handle_event(&event);
            state.overlay = Some(Overlay::Delete(name, Some(input)));
        }
        (Overlay::Job(mut form), code) => {
            match code {
                KeyCode::Enter => match form.request() {
                    Ok(request) => {
                        state.setup.job = request.clone();
                        state.setup.job.seed = request.seed.wrapping_add(1);
                        return start(state, Effect::StartJob(request));
                    }
                    Err(problem) => form.problem = Some(problem),
                },
                KeyCode::Tab | KeyCode::Down => form.focus = (form.focus + 1) % 4,
                KeyCode::BackTab | KeyCode::Up => form.focus = (form.focus + 3) % 4,
                KeyCode::Char(char) if !char.is_ascii_digit() && key.modifiers.is_empty() => {}
                _ => {
                    form.problem = None;
                    form.fields[form.focus].handle_event(&event);
                }
            }
            state.overlay = Some(Overlay::Job(form));
        }
        (Overlay::Search(input), KeyCode::Enter) => {
            let wanted = input.value().to_lowercase();
            if state.page == Page::Table {
                state.table_search = wanted
            } else {
                state.logs.search = wanted
            }
            return run(state, Cmd::NextFound);
        }
        (Overlay::Search(mut input), _) => {
            input.handle_event(&event);
            state.overlay = Some(Overlay::Search(input));
        }
        (Overlay::Filter(input), KeyCode::Enter) => filter(state, input.value()),
        (Overlay::Filter(mut input), _) => {
            input.handle_event(&event);
            state.overlay = Some(Overlay::Filter(input));
        }
    }
    Vec::new()
}

/// Where a scrolled overlay is after a key; `None` where the key closes it.
fn moved(at: usize, code: KeyCode) -> Option<usize> {
    match code {
        KeyCode::Char('j') | KeyCode::Down => Some(at + 1),
        KeyCode::Char('k') | KeyCode::Up => Some(at.saturating_sub(1)),
        KeyCode::PageDown => Some(at + 10),
        KeyCode::PageUp => Some(at.saturating_sub(10)),
        KeyCode::Char('g') | KeyCode::Home => Some(0),
        KeyCode::Char('G') | KeyCode::End => Some(10_000),
        _ => None,
    }
}

fn filter(state: &mut State, text: &str) {
    if state.page == Page::Table {
        state.table_filter = text.to_lowercase();
        state.rows[Page::Table as usize][1] = None;
    } else {
        let group = state.logs.group;
        state.logs.narrow(group, text);
    }
}

/// Sends work off, once: what is under way is not asked for again.
fn start(state: &mut State, effect: Effect) -> Vec<Effect> {
    let target = &state.setup.target;
    if target.read_only {
        say(state, "the target is read-only: start vaultscope with writing allowed");
        return Vec::new();
    }
    if state.busy.contains(&effect) {
        say(state, "this is under way already");
        return Vec::new();
    }
    say(
        state,
        match &effect {
            Effect::Deploy { offer } => format!("deploying {offer} …"),
            Effect::DeleteStack { name } => format!("deleting {name} …"),
            Effect::StartJob(job) => format!("starting a job of {} files, seed {} …", job.files, job.seed),
            _ => String::new(),
        },
    );
    state.busy.push(effect.clone());
    vec![effect]
}

fn run(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    let page_rows = isize::try_from(state.size.1.saturating_sub(8).max(1)).unwrap_or(1);
    match cmd {
        Cmd::Show(page) => {
            state.page = page;
            state.zoom = false;
        }
        Cmd::NextPane => pane(state, 1),
        Cmd::PreviousPane => pane(state, state.page.panes().len() - 1),
        Cmd::Up => scroll(state, -1),
        Cmd::Down => scroll(state, 1),
        Cmd::PageUp => scroll(state, -page_rows),
        Cmd::PageDown => scroll(state, page_rows),
        Cmd::HalfUp => scroll(state, -(page_rows / 2).max(1)),
        Cmd::HalfDown => scroll(state, (page_rows / 2).max(1)),
        Cmd::Top if state.page == Page::Logs => state.logs.top(),
        Cmd::Top => scroll(state, isize::MIN / 2),
        Cmd::Bottom => bottom(state),
        Cmd::Left | Cmd::Right => {
            if (state.page, state.pane()) == (Page::Executions, 1) {
                let (x, y) = state.graph_scroll.unwrap_or_default();
                let x = if cmd == Cmd::Left { x.saturating_sub(4) } else { x + 4 };
                state.graph_scroll = Some((x, y));
            }
        }
        Cmd::Enter => enter(state),
        Cmd::Back => {
            if state.zoom {
                state.zoom = false;
            } else if state.page == Page::Logs && state.logs.detail {
                state.logs.detail = false;
                state.focus[Page::Logs as usize] = 0;
            } else if state.page == Page::Flow {
                return vec![Effect::Quit];
            } else {
                state.page = Page::Flow;
            }
        }
        Cmd::Quit => return vec![Effect::Quit],
        Cmd::Help => state.overlay = Some(Overlay::Help(0)),
        Cmd::Errors => {
            state.unread = 0;
            state.overlay = Some(Overlay::Errors(0));
        }
        Cmd::Pause | Cmd::Slower | Cmd::Faster | Cmd::Step => return time(state, cmd),
        Cmd::Deploy => return deploy(state),
        Cmd::Delete => delete(state),
        Cmd::StartJob => {
            if state.is_deployed() {
                state.overlay = Some(Overlay::Job(JobForm::new(&state.setup.job)));
            } else {
                say(state, "a job needs the stack: press d on the Flow page to deploy it first");
            }
        }
        Cmd::Search => state.overlay = Some(Overlay::Search(Input::default())),
        Cmd::Filter => {
            let now = if state.page == Page::Table { &state.table_filter } else { &state.logs.filter };
            state.overlay = Some(Overlay::Filter(Input::new(now.clone())));
        }
        Cmd::NextFound | Cmd::PreviousFound => find(state, cmd == Cmd::NextFound),
        Cmd::Group => {
            let next = match state.logs.group {
                None => Some(LogRole::ALL[0]),
                Some(role) => {
                    LogRole::ALL.iter().position(|r| *r == role).and_then(|at| LogRole::ALL.get(at + 1).copied())
                }
            };
            let filter = state.logs.filter.clone();
            state.logs.narrow(next, &filter);
        }
        Cmd::Wrap => state.logs.wrap = !state.logs.wrap,
        Cmd::Timestamps => state.logs.hide_time = !state.logs.hide_time,
        Cmd::Zoom => state.zoom = !state.zoom,
        Cmd::NextError | Cmd::PreviousError => error(state, cmd == Cmd::NextError),
        Cmd::Copy => return copy(state),
        Cmd::Mouse => {
            state.mouse = !state.mouse;
            say(state, if state.mouse { "the wheel scrolls panes" } else { "the mouse selects text" });
            return vec![Effect::Mouse(state.mouse)];
        }
    }
    Vec::new()
}

fn pane(state: &mut State, by: usize) {
    let count = if state.page == Page::Logs && !state.logs.detail { 1 } else { state.page.panes().len() };
    let focus = &mut state.focus[state.page as usize];
    *focus = (*focus + by) % count;
}

fn time(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    let Some((reading, _)) = state.clock.filter(|_| state.is_embedded()) else {
        say(state, "only the embedded endpoint's time can be changed");
        return Vec::new();
    };
    match cmd {
        Cmd::Pause => vec![Effect::Pause(!reading.paused)],
        Cmd::Step => vec![Effect::Step { seconds: STEP_SECONDS }],
        _ => {
            let next = if cmd == Cmd::Faster {
                RATES.into_iter().find(|rate| *rate > reading.rate * 1.001)
            } else {
                RATES.into_iter().rev().find(|rate| *rate < reading.rate * 0.999)
            };
            // Shown at once, so that a key pressed twice goes two rates on.
            if let (Some(rate), Some((reading, _))) = (next, &mut state.clock) {
                reading.rate = rate;
            }
            next.map(Effect::SetRate).into_iter().collect()
        }
    }
}

fn deploy(state: &mut State) -> Vec<Effect> {
    let at = if state.page == Page::Stacks { state.row(Page::Stacks, 0) } else { 0 };
    let Some(offer) = state.setup.stacks.get(at).map(|offer| offer.id.clone()) else {
        say(state, "there is no template for this stack");
        return Vec::new();
    };
    start(state, Effect::Deploy { offer })
}

fn delete(state: &mut State) {
    let name = state.stack_names().get(state.row(Page::Stacks, 0)).map(|name| (*name).to_owned());
    match name.filter(|name| {
        state.stacks.get(name).is_some_and(|stack| stack.status.as_deref().is_some_and(|s| s != "DELETE_COMPLETE"))
    }) {
        Some(name) => {
            let typed = (state.setup.target.kind == TargetKind::Aws).then(Input::default);
            state.overlay = Some(Overlay::Delete(name, typed));
        }
        None => say(state, "there is nothing to delete"),
    }
}

/// Rows of the focused list.
fn rows(state: &State) -> usize {
    let board = || state.set().and_then(|set| state.boards.get(set));
    match (state.page, state.pane()) {
        (Page::Flow, 1) | (Page::Table, 0) => state.datasets.iter().len(),
        (Page::Flow, 3) => state.latest.len(),
        (Page::Stacks, 0) => state.stack_names().len(),
        (Page::Stacks, pane) => {
            let names = state.stack_names();
            let stack = names.get(state.row(Page::Stacks, 0)).and_then(|name| state.stacks.get(*name));
            stack.map_or(0, |stack| if pane == 1 { stack.resources.len() } else { stack.outputs.len() })
        }
        (Page::Table, 1) => board().map_or(0, |board| board.items.len()),
        (Page::Table, 2) => board().map_or(0, |board| board.missing.len() + board.unexpected.len()),
        (Page::Executions, 0) => state.executions.len(),
        (Page::Executions, 2) => {
            state.run().and_then(|arn| state.executions.get(arn)).map_or(0, |run| run.history.len())
        }
        _ => 1_000,
    }
}

/// Whether the list grows at its end and is followed while no row is selected.
fn grows(state: &State) -> bool {
    matches!((state.page, state.pane()), (Page::Table, 1) | (Page::Executions, 2))
}

pub(super) fn scroll(state: &mut State, by: isize) {
    if let Some(Overlay::Help(at) | Overlay::Errors(at)) = &mut state.overlay {
        *at = at.saturating_add_signed(by);
        return;
    }
    let (page, pane) = (state.page, state.pane());
    match (page, pane) {
        (Page::Logs, 0) => return state.logs.step(by),
        (Page::Executions, 1) => {
            let (x, y) = state.graph_scroll.unwrap_or_default();
            state.graph_scroll = Some((x, y.saturating_add_signed(by).min(1_000)));
            return;
        }
        _ => {}
    }
    let count = rows(state);
    let default = if grows(state) { count.saturating_sub(1) } else { 0 };
    let now = match (page, pane) {
        (Page::Executions, 0) => state.run().and_then(|arn| state.executions.age(arn)).unwrap_or(0),
        _ => state.rows[page as usize][pane].unwrap_or(default),
    };
    let row = now.saturating_add_signed(by).min(count.saturating_sub(1));
    state.rows[page as usize][pane] = Some(row);
    match (page, pane) {
        (Page::Flow, 1) | (Page::Table, 0) => {
            state.selected_set = state.datasets.iter().rev().nth(row).map(|(id, _)| id.clone());
            state.rows[Page::Flow as usize][1] = Some(row);
            state.rows[Page::Table as usize] = [Some(row), None, None, None];
        }
        (Page::Executions, 0) => {
            state.selected_run = state.executions.newest(row).map(|(arn, _)| arn.to_owned());
            state.rows[Page::Executions as usize] = [Some(row), None, None, None];
            state.graph_scroll = None;
        }
        _ => {}
    }
}

fn bottom(state: &mut State) {
    match (state.page, state.pane()) {
        (Page::Logs, 0) => state.logs.follow(),
        (Page::Executions, 1) => state.graph_scroll = None,
        (page, pane) if grows(state) => state.rows[page as usize][pane] = None,
        _ => scroll(state, isize::MAX / 2),
    }
}

fn enter(state: &mut State) {
    match (state.page, state.pane()) {
        (Page::Flow, 1) => state.page = Page::Table,
        (Page::Flow, 2) => state.page = Page::Executions,
        (Page::Flow, 3) => state.page = Page::Logs,
        (Page::Flow, _) => state.page = Page::Stacks,
        (Page::Logs, 0) => state.logs.detail = !state.logs.detail,
        _ => pane(state, 1),
    }
}

fn find(state: &mut State, forwards: bool) {
    let found = if state.page == Page::Table {
        let wanted = state.table_search.clone();
        let Some(board) = state.set().and_then(|set| state.boards.get(set)) else { return };
        let now = state.rows[Page::Table as usize][1];
        let hit = |at: &usize| board.items.get_index(*at).is_some_and(|(key, _)| holds(key, &wanted));
        let found = if forwards {
            (now.map_or(0, |now| now + 1)..board.items.len()).find(hit)
        } else {
            (0..now.unwrap_or(board.items.len())).rev().find(hit)
        };
        if found.is_some() {
            state.rows[Page::Table as usize][1] = found;
            state.focus[Page::Table as usize] = 1;
        }
        found.is_some()
    } else {
        let wanted = state.logs.search.clone();
        let hit = |line: &LogLine| !wanted.is_empty() && holds(&line.message, &wanted);
        // While the end is followed, the newest hit is the next one.
        let forwards = forwards && state.logs.cursor.is_some();
        state.logs.seek(forwards, hit)
    };
    if !found {
        say(state, "no further hit");
    }
}

fn error(state: &mut State, forwards: bool) {
    let found = match state.page {
        Page::Logs => {
            state.logs.seek(forwards && state.logs.cursor.is_some(), |line| line.role == LogRole::ReconcileTimeout)
        }
        Page::Stacks => {
            let names = state.stack_names();
            let stack = names.get(state.row(Page::Stacks, 0)).and_then(|name| state.stacks.get(*name));
            let Some(stack) = stack else { return };
            let failed =
                |at: &usize| stack.resources.get_index(*at).is_some_and(|(_, row)| row.status.ends_with("FAILED"));
            let now = state.rows[Page::Stacks as usize][1];
            let found = if forwards {
                (now.map_or(0, |now| now + 1)..stack.resources.len()).find(failed)
            } else {
                (0..now.unwrap_or(0)).rev().find(failed)
            };
            if found.is_some() {
                state.rows[Page::Stacks as usize][1] = found;
                state.focus[Page::Stacks as usize] = 1;
            }
            found.is_some()
        }
        _ => {
            let Some(run) = state.run().and_then(|arn| state.executions.get(arn)) else { return };
            let failed = |at: &usize| {
                run.history
                    .get(*at)
                    .is_some_and(|past| past.event.kind.ends_with("Failed") || past.event.kind.ends_with("TimedOut"))
            };
            let now = state.rows[Page::Executions as usize][2];
            let found = if forwards {
                (now.map_or(0, |now| now + 1)..run.history.len()).find(failed)
            } else {
                (0..now.unwrap_or(run.history.len())).rev().find(failed)
            };
            if found.is_some() {
                state.rows[Page::Executions as usize][2] = found;
                state.focus[Page::Executions as usize] = 2;
            }
            found.is_some()
        }
    };
    if !found {
        say(state, "no further failure");
    }
}

fn copy(state: &mut State) -> Vec<Effect> {
    let board = || state.set().and_then(|set| state.boards.get(set));
    let (page, pane) = (state.page, state.pane());
    let row = state.rows[page as usize][pane];
    let text = match (page, pane) {
        (Page::Logs, _) => state.logs.selected().map(|(_, line)| line.message.clone()),
        (Page::Flow, _) | (Page::Table, 0) => state.set().map(ToString::to_string),
        (Page::Table, 1) => board()
            .and_then(|b| b.items.get_index(row.unwrap_or(b.items.len().checked_sub(1)?)).map(|(key, _)| key.clone())),
        (Page::Table, _) => board().and_then(|b| b.missing.iter().chain(&b.unexpected).nth(row.unwrap_or(0)).cloned()),
        (Page::Stacks, _) => {
            let names = state.stack_names();
            let name = names.get(state.row(Page::Stacks, 0)).copied();
            let stack = name.and_then(|name| state.stacks.get(name));
            match pane {
                1 => stack.and_then(|s| {
                    s.resources
                        .get_index(row.unwrap_or(0))
                        .map(|(id, e)| e.physical_id.clone().unwrap_or_else(|| id.clone()))
                }),
                2 => stack.and_then(|s| s.outputs.get(row.unwrap_or(0)).map(|(_, value)| value.clone())),
                _ => name.map(str::to_owned),
            }
        }
        (Page::Executions, 2 | 3) => {
            let run = state.run().and_then(|arn| state.executions.get(arn));
            run.and_then(|run| {
                run.history.get(state.rows[Page::Executions as usize][2].unwrap_or(run.history.len().checked_sub(1)?))
            })
            .map(|past| past.event.details.to_string())
        }
        (Page::Executions, _) => state.run().map(str::to_owned),
    };
    match text {
        Some(text) => {
            say(state, format!("copied {} characters", text.chars().count()));
            vec![Effect::Copy(text)]
        }
        None => Vec::new(),
    }
}
