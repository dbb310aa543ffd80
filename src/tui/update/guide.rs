//! The Guide page: what is found to be done, and what its keys do. Nothing here changes a target.

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::guide::{page, screen};
use super::super::{Effect, TargetKind};
use super::say;
use crate::model::guide::{Gateways, MODULES, Press, StepReport, StepState};

/// Milliseconds between two questions to an endpoint about its gateways, while the page is open.
const ASK_EVERY_MS: u64 = 3_000;

/// Steps of all modules.
pub(super) fn rows() -> usize {
    MODULES.iter().map(|module| module.steps.len()).sum()
}

/// Finds out what is done, and asks for the gateways while somebody looks. AWS is not asked.
pub(super) fn wants(state: &mut State) -> Vec<Effect> {
    if let Some(screen) = screen(state.page) {
        state.guide.guide.look(screen);
    }
    let facts = state.facts();
    state.guide.guide.settle(&facts);
    let view = &mut state.guide;
    let asks = state.page == Page::Guide && state.replay.is_none() && state.setup.target.kind != TargetKind::Aws;
    let is_due =
        view.asked_ms.is_none_or(|asked| view.is_answered && state.real_ms.saturating_sub(asked) >= ASK_EVERY_MS);
    if !asks || view.is_mute || !is_due {
        return Vec::new();
    }
    (view.asked_ms, view.is_answered) = (Some(state.real_ms), false);
    vec![Effect::AskGateways]
}

/// The target told of its gateways, or does not tell.
pub(super) fn gateways(state: &mut State, gateways: Option<Gateways>) {
    let view = &mut state.guide;
    view.is_answered = true;
    // What it once told it does not unlearn: it is away.
    view.is_mute = gateways.is_none() && view.gateways.is_none();
    if gateways.is_some() {
        view.gateways = gateways;
    }
}

/// The step that the keys act on: the next one until another is selected.
pub(in crate::tui) fn selected(state: &State, steps: &[StepReport]) -> usize {
    let next = || steps.iter().position(|step| step.state == StepState::Next);
    state.rows[Page::Guide as usize][0].or_else(next).unwrap_or(0).min(steps.len().saturating_sub(1))
}

/// Says that a step is done where nothing else can, or opens the page on which it is done.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let steps = state.steps();
    let at = selected(state, &steps);
    let Some(step) = steps.get(at) else { return Vec::new() };
    let facts = state.facts();
    if state.guide.guide.tick(step.id, &facts) {
        // The next one is selected by itself unless another one was.
        let ticked = !step.is_ticked;
        if state.rows[Page::Guide as usize][0].is_some() && ticked && at + 1 < steps.len() {
            state.rows[Page::Guide as usize][0] = Some(at + 1);
        }
        say(state, format!("step {} is {}", step.id, if ticked { "done" } else { "open again" }));
        return Vec::new();
    }
    match step.press {
        Some(Press::Show(screen)) => state.page = page(screen),
        Some(Press::Deploy) => state.page = Page::Flow,
        Some(Press::StartJob) => return super::keys::run(state, Cmd::StartJob),
        Some(Press::Delete) => state.page = Page::Stacks,
        None if step.state == StepState::Done => say(state, format!("step {} is done: {}", step.id, step.why)),
        None => say(state, format!("step {} is found to be done by itself: run its command", step.id)),
    }
    Vec::new()
}

/// The command of the selected step.
pub(super) fn line(state: &State) -> Option<String> {
    let steps = state.steps();
    let step = steps.get(selected(state, &steps))?;
    step.command.clone().or_else(|| step.aws.clone())
}

/// Begins the guide anew.
pub(super) fn reset(state: &mut State) {
    state.guide.guide.reset();
    state.rows[Page::Guide as usize] = Default::default();
    say(state, "the guide begins anew: what stands on the target is left alone");
}
