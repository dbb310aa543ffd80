//! Keys and news of what was opened in the place of a page: the way of a file, the time of a dataset.

use super::super::Effect;
use super::super::TargetKind;
use super::super::cmd::{Cmd, Page};
use super::super::state::opened::{Opened, TimelineView, TraceView};
use super::super::state::{Overlay, PANES, State};
use super::say;
use crate::model::SetId;
use crate::model::trace::{TraceHop, steps};
use crate::model::words::counted;

/// Milliseconds between two questions for the trace of a file that is on its way.
const ASK_EVERY_MS: u64 = 1_000;

/// Opens the way of a file, where anything is known of it.
pub(super) fn trace(state: &mut State, key: &str) -> Vec<Effect> {
    let Some(set) = state.courses.set_of(key).cloned() else {
        say(state, "nothing was seen of this file");
        return Vec::new();
    };
    let view = TraceView { set, key: key.to_owned(), hops: None, asked: (state.real_ms, false), at: 0 };
    state.opened = Some(Opened::Trace(view));
    ask(state)
}

/// Opens the time of a dataset.
pub(super) fn timeline(state: &mut State, set: Option<SetId>) {
    match set.filter(|set| state.courses.get(set).is_some()) {
        Some(set) => state.opened = Some(Opened::Timeline(TimelineView::new(set))),
        None => say(state, "nothing was seen of this dataset"),
    }
}

/// What the endpoint's trace says.
pub(super) fn hops(state: &mut State, about: &str, hops: Vec<TraceHop>) {
    if let Some(Opened::Trace(view)) = state.opened.as_mut().filter(|opened| is_about(opened, about)) {
        view.hops = Some(hops);
    }
}

fn is_about(opened: &Opened, about: &str) -> bool {
    matches!(opened, Opened::Trace(view) if view.key == about)
}

/// Asks the endpoint for the trace of the file that is open. Only an endpoint of ours has one.
fn ask(state: &mut State) -> Vec<Effect> {
    if state.replay.is_some() || state.setup.target.kind == TargetKind::Aws {
        return Vec::new();
    }
    let now = state.real_ms;
    let Some(Opened::Trace(view)) = &mut state.opened else { return Vec::new() };
    let course = state.courses.get(&view.set);
    let is_over = course
        .and_then(|course| Some((course, course.file(&view.key)?)))
        .is_some_and(|(course, file)| file.item_seen.is_some() && (!file.is_manifest || course.outcome.is_some()));
    view.asked = (now, is_over);
    vec![Effect::ReadTrace { about: view.key.clone() }]
}

/// Time passed: a file that is on its way is asked for again.
pub(super) fn tick(state: &mut State) -> Vec<Effect> {
    match &state.opened {
        Some(Opened::Trace(view)) if !view.asked.1 && state.real_ms.saturating_sub(view.asked.0) >= ASK_EVERY_MS => {
            ask(state)
        }
        _ => Vec::new(),
    }
}

/// Beyond which row there is nothing.
fn rows(state: &State) -> usize {
    match &state.opened {
        Some(Opened::Trace(view)) => {
            let course = state.courses.get(&view.set);
            let file = course.and_then(|course| Some((course, course.file(&view.key)?)));
            file.map_or(0, |(course, file)| steps(course, file, view.hops.as_deref().unwrap_or_default()).len())
        }
        Some(Opened::Timeline(view)) => state.courses.get(&view.set).map_or(0, |course| course.lanes().len() + 6),
        None => 0,
    }
}

/// Carries out a key on what is open; `None` where the key is the page's all the same.
pub(super) fn press(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    let page_rows = usize::from(state.size.1.saturating_sub(8).max(1));
    let most = rows(state);
    let opened = state.opened.as_mut()?;
    let at = match opened {
        Opened::Trace(view) => &mut view.at,
        Opened::Timeline(view) => &mut view.at,
    };
    match cmd {
        Cmd::Up => *at = at.saturating_sub(1),
        Cmd::Down => *at = at.saturating_add(1).min(most),
        Cmd::PageUp | Cmd::HalfUp => *at = at.saturating_sub(page_rows),
        Cmd::PageDown | Cmd::HalfDown => *at = at.saturating_add(page_rows).min(most),
        Cmd::Top => *at = 0,
        Cmd::Bottom => *at = most,
        Cmd::Left | Cmd::Right | Cmd::Larger | Cmd::Smaller => {
            if let Opened::Timeline(view) = opened {
                match cmd {
                    Cmd::Left => view.shift(-1),
                    Cmd::Right => view.shift(1),
                    _ => view.zoom(cmd == Cmd::Larger),
                }
            }
        }
        Cmd::Back | Cmd::Leave => state.opened = None,
        Cmd::Enter => enter(state),
        Cmd::Copy => {
            let text = match opened {
                Opened::Trace(view) => view.key.clone(),
                Opened::Timeline(view) => view.set.to_string(),
            };
            say(state, format!("copied {}", counted(text.chars().count(), "character")));
            return Some(vec![Effect::Copy(text)]);
        }
        Cmd::NextPane
        | Cmd::PreviousPane
        | Cmd::Zoom
        | Cmd::Search
        | Cmd::Filter
        | Cmd::NextFound
        | Cmd::PreviousFound => {}
        Cmd::Show(_) => {
            state.opened = None;
            return None;
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// From a file to the time of its dataset, from there to the execution.
fn enter(state: &mut State) {
    match state.opened.take() {
        Some(Opened::Trace(view)) => timeline(state, Some(view.set)),
        Some(Opened::Timeline(view)) => {
            let run = state.courses.get(&view.set).and_then(|course| course.execution.as_ref());
            if let Some(arn) = run.map(|(arn, ..)| arn.clone()) {
                execution(state, arn);
            } else {
                say(state, "no execution reconciles this dataset yet");
                state.opened = Some(Opened::Timeline(view));
            }
        }
        None => {}
    }
}

/// Opens an execution.
pub(super) fn execution(state: &mut State, arn: String) {
    state.selected_run = Some(arn);
    state.rows[Page::Executions as usize] = [None; PANES];
    state.graph.follow();
    state.page = Page::Executions;
    state.zoom = false;
}

/// The wheel on what is open, where nothing lies over it.
pub(super) fn wheel(state: &mut State, by: isize) -> bool {
    if matches!(state.overlay, Some(Overlay::Help(_) | Overlay::Errors(_) | Overlay::Change(_))) {
        return false;
    }
    let most = rows(state);
    match &mut state.opened {
        Some(Opened::Trace(TraceView { at, .. }) | Opened::Timeline(TimelineView { at, .. })) => {
            *at = at.saturating_add_signed(by).min(most);
            true
        }
        None => false,
    }
}
