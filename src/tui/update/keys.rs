//! What keys do: overlays first, then the keymap.

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::super::cmd::{Cmd, Page};
use super::super::keymap::Keymap;
use super::super::state::{JobForm, Overlay, State};
use super::super::{Effect, TargetKind};
use super::rows::{bottom, copy, enter, error, find, scroll};
use super::say;
use crate::model::LogRole;

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
                state.table_search = wanted;
            } else {
                state.logs.search = wanted;
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
        Cmd::Back | Cmd::Leave => {
            if state.zoom {
                state.zoom = false;
            } else if state.page == Page::Logs && state.logs.detail {
                state.logs.detail = false;
                state.focus[Page::Logs as usize] = 0;
            } else if state.page == Page::Flow {
                if cmd == Cmd::Leave {
                    return vec![Effect::Quit];
                }
                say(state, "q leaves");
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
                state.overlay = Some(Overlay::Job(Box::new(JobForm::new(&state.setup.job))));
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

/// Gives the keys to the pane that many further on.
pub(super) fn pane(state: &mut State, by: usize) {
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
