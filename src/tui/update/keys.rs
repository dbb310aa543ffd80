//! What keys do: overlays first, then the keymap.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;

use super::super::cmd::{Cmd, Page};
use super::super::state::{Overlay, State};
use super::super::widget::graph::Direction;
use super::super::widget::text;
use super::super::{Effect, Spot};
use super::changes::{change, show, time};
use super::gateway::gateway;
use super::objects::fold;
use super::rows::{bottom, choose, copy, copy_failed, enter, error, find, scroll};
use super::{graph, opened, overlays, present, say};

pub(super) fn press(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
        return quit(state);
    }
    if state.frozen.is_some() {
        return present::thaw(state, key);
    }
    present::note(state, key);
    state.message = None;
    let Some(overlay) = state.overlay.take() else {
        let Some(cmd) = state.keymap.cmd(state.page, key) else { return Vec::new() };
        take_keys(state, cmd);
        let mut effects = run(state, cmd);
        effects.extend(graph::history(state));
        return effects;
    };
    let effects = overlays::press(state, overlay, key);
    if state.overlay.is_none() && state.waiting.is_some() {
        show(state);
    }
    effects
}

/// Whoever moves in a replay is not led about by the keys of the recording any more.
pub(super) fn take_keys(state: &mut State, cmd: Cmd) {
    let goes_on = matches!(
        cmd,
        Cmd::Pause
            | Cmd::Slower
            | Cmd::Faster
            | Cmd::Step
            | Cmd::Copy
            | Cmd::CopyFailed
            | Cmd::Mouse
            | Cmd::Leave
            | Cmd::Quit
            | Cmd::Present
            | Cmd::Freeze
    );
    if let Some(replay) = state.replay.as_mut().filter(|replay| !goes_on && !replay.has_keys) {
        replay.has_keys = true;
        say(state, "you have the keys now: those of the recording are left out");
    }
}

/// Leaves; a change set that waits for a word would wait for ever.
pub(super) fn quit(state: &mut State) -> Vec<Effect> {
    let waiting = state.waiting.take();
    waiting.map(|waiting| Effect::Discard { offer: waiting.offer }).into_iter().chain([Effect::Quit]).collect()
}

/// The mouse was clicked on something of the page: what lies over it takes keys only.
pub(super) fn click(state: &mut State, spot: Spot) -> Vec<Effect> {
    if state.overlay.is_some() {
        return Vec::new();
    }
    state.message = None;
    let cmd = if let Spot::Page(page) = spot { Cmd::Show(page) } else { Cmd::Down };
    take_keys(state, cmd);
    if matches!(spot, Spot::Page(_)) {
        return run(state, cmd);
    }
    choose(state, spot);
    Vec::new()
}

pub(super) fn paste(state: &mut State, text: &str) {
    let chars = text.chars().filter(|char| !char.is_control()).take(1_000);
    for char in chars {
        if let Some(
            Overlay::Job(_)
            | Overlay::Parameters(_)
            | Overlay::Search(_)
            | Overlay::Filter(_)
            | Overlay::Delete(_, Some(_)),
        ) = state.overlay
        {
            press(state, KeyEvent::new(KeyCode::Char(char), KeyModifiers::NONE));
        }
    }
}

pub(super) fn run(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    if let Some(effects) = opened::press(state, cmd) {
        return effects;
    }
    let page_rows = isize::try_from(state.size.1.saturating_sub(8).max(1)).unwrap_or(1);
    match cmd {
        Cmd::Show(page) => {
            state.page = page;
            state.zoom = false;
        }
        Cmd::NextPane => pane(state, 1),
        Cmd::PreviousPane => pane(state, state.panes().len() - 1),
        Cmd::Up | Cmd::Down | Cmd::Left | Cmd::Right if is_graph(state) => graph::walk(
            state,
            match cmd {
                Cmd::Up => Direction::Up,
                Cmd::Down => Direction::Down,
                Cmd::Left => Direction::Left,
                _ => Direction::Right,
            },
        ),
        Cmd::Up => scroll(state, -1),
        Cmd::Down => scroll(state, 1),
        Cmd::Larger | Cmd::Smaller if state.page == Page::Executions => graph::size(state, cmd),
        Cmd::ShiftLeft | Cmd::ShiftRight | Cmd::ShiftUp | Cmd::ShiftDown => graph::shift(state, cmd),
        Cmd::PageUp => scroll(state, -page_rows),
        Cmd::PageDown => scroll(state, page_rows),
        Cmd::HalfUp => scroll(state, -(page_rows / 2).max(1)),
        Cmd::HalfDown => scroll(state, (page_rows / 2).max(1)),
        Cmd::Top if state.page == Page::Logs => state.logs.top(),
        Cmd::Top if is_graph(state) => graph::first(state),
        Cmd::Top => scroll(state, isize::MIN / 2),
        Cmd::Bottom => bottom(state),
        Cmd::Left | Cmd::Right if (state.page, state.pane()) == (Page::Objects, 0) => fold(state, cmd == Cmd::Right),
        Cmd::Enter => return enter(state),
        Cmd::Back | Cmd::Leave => {
            if state.zoom {
                state.zoom = false;
            } else if state.page == Page::Logs && state.logs.detail {
                state.logs.detail = false;
                state.focus[Page::Logs as usize] = 0;
            } else if state.page == Page::Logs && state.logs.is_context() {
                state.logs.close_context();
            } else if state.page == Page::Objects && state.pane() == 1 {
                state.focus[Page::Objects as usize] = 0;
            } else if state.page == Page::Table && super::item::close(state) {
                // The item goes first, then the page.
            } else if state.page == Page::Flow {
                if cmd == Cmd::Leave {
                    return quit(state);
                }
                let leave = state.key(Cmd::Leave);
                say(state, format!("{leave} leaves"));
            } else {
                state.page = Page::Flow;
            }
        }
        Cmd::Quit => return quit(state),
        Cmd::Help => state.overlay = Some(Overlay::Help(0)),
        Cmd::Errors => {
            state.unread = 0;
            state.overlay = Some(Overlay::Errors(0));
        }
        Cmd::Pause | Cmd::Slower | Cmd::Faster | Cmd::Step => return time(state, cmd),
        Cmd::Deploy | Cmd::Delete | Cmd::Parameters | Cmd::StartJob | Cmd::Edit => return change(state, cmd),
        Cmd::Events => super::stacks::events(state),
        Cmd::Play
        | Cmd::Hold
        | Cmd::NextEvent
        | Cmd::Connection
        | Cmd::Shuffle
        | Cmd::UploadFaster
        | Cmd::UploadSlower
        | Cmd::Fault => return gateway(state, cmd),
        Cmd::Search => state.overlay = Some(Overlay::Search(Input::default())),
        Cmd::Filter => {
            let now = if state.page == Page::Table { &state.table_filter } else { &state.logs.filter };
            state.overlay = Some(Overlay::Filter(Input::new(now.clone())));
        }
        Cmd::NextFound | Cmd::PreviousFound => find(state, cmd == Cmd::NextFound),
        Cmd::Group => {
            let roles = state.log_roles();
            let next = match state.logs.group {
                None => roles.first().copied(),
                Some(role) => roles.iter().position(|r| *r == role).and_then(|at| roles.get(at + 1).copied()),
            };
            let filter = state.logs.filter.clone();
            state.logs.narrow(next, &filter);
        }
        Cmd::Context => context(state),
        Cmd::Save => return save(state),
        Cmd::Wrap => state.logs.wrap = !state.logs.wrap,
        Cmd::Timestamps => state.logs.hide_time = !state.logs.hide_time,
        Cmd::Left | Cmd::Right | Cmd::Larger | Cmd::Smaller => {}
        Cmd::Zoom => state.zoom = !state.zoom,
        Cmd::NextError | Cmd::PreviousError => error(state, cmd == Cmd::NextError),
        Cmd::Item => return super::item::open(state),
        Cmd::Refresh => return super::objects::refresh(state),
        Cmd::Reset => super::guide::reset(state),
        Cmd::Copy => return copy(state),
        Cmd::CopyFailed => return copy_failed(state),
        Cmd::Order => {
            state.calls.turn();
            say(state, format!("{} first", state.calls.order()));
        }
        Cmd::Mouse => {
            state.mouse = !state.mouse;
            say(state, if state.mouse { "the mouse chooses pages, panes and rows" } else { "the mouse selects text" });
            return vec![Effect::Mouse(state.mouse)];
        }
        Cmd::Palette => state.overlay = Some(Overlay::Palette(Input::default(), 0)),
        Cmd::Themes => present::themes(state),
        Cmd::Present => present::present(state),
        Cmd::Freeze => present::freeze(state),
    }
    Vec::new()
}

/// Shows the selected log line among its neighbours, or what the filter lets through again.
fn context(state: &mut State) {
    if state.logs.is_context() {
        state.logs.close_context();
    } else if !state.logs.is_narrow() {
        let (filter, group) = (state.key(Cmd::Filter), state.key(Cmd::Group));
        say(state, format!("every line stands among its neighbours: {filter} and {group} leave lines out"));
    } else if !state.logs.open_context() {
        say(state, "there is no line to show the context of");
    }
}

/// Writes the log lines that are shown to a file, which is named by the stack and the moment.
fn save(state: &mut State) -> Vec<Effect> {
    if state.replay.is_some() {
        say(state, "this is a replay: its lines are written where the session runs");
        return Vec::new();
    }
    let lines = state.logs.all();
    let Some(moment) = state.now().or(lines.last().map(|(at, _)| *at)).filter(|_| !lines.is_empty()) else {
        say(state, "there is no line to save");
        return Vec::new();
    };
    let moment = moment.iso_seconds().replace(['-', ':'], "");
    let stack = state.main_name().unwrap_or("none");
    let stack: String = stack.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    say(state, format!("writing {} to a file …", text::counted(lines.len(), "line")));
    vec![Effect::SaveLines { name: format!("vaultscope-logs-{stack}-{moment}"), lines }]
}

fn is_graph(state: &State) -> bool {
    (state.page, state.pane()) == (Page::Executions, 1)
}

/// Gives the keys to the pane that many further on.
pub(super) fn pane(state: &mut State, by: usize) {
    let count = if state.page == Page::Logs && !state.logs.detail { 1 } else { state.panes().len() };
    let focus = &mut state.focus[state.page as usize];
    *focus = (*focus + by) % count;
}
