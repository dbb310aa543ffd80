//! The Stacks page: the form of a stack's parameters, its events, and what happened to it before anybody looked.

use super::super::Effect;
use super::super::cmd::Page;
use super::super::state::{Overlay, ParameterForm, State};
use super::changes::{decide, start};
use super::flows::is_changing;
use super::say;

/// Opens the form of the selected stack's parameters.
pub(super) fn parameters(state: &mut State) {
    let offer = state.selected_stack().and_then(|name| state.setup.stacks.iter().find(|offer| offer.stack == name));
    let Some(offer) = offer.map(|offer| offer.id.clone()) else {
        return say(state, "there is no template for this stack");
    };
    open(state, &offer, &[]);
}

fn open(state: &mut State, offer: &str, given: &[(String, String)]) {
    let Some(offer) = state.offer(offer) else { return };
    if let Some(form) = ParameterForm::new(offer, state.stacks.get(&offer.stack), given) {
        state.overlay = Some(Overlay::Parameters(Box::new(form)));
    } else {
        let text = format!("{} has no parameters to choose", offer.stack);
        say(state, text);
    }
}

/// Drops the change set that waits and goes back to the parameters that it was made with.
pub(super) fn reconsider(state: &mut State, selected: usize) -> Vec<Effect> {
    let Some((offer, given)) = state.waiting.as_ref().map(|it| (it.offer.clone(), it.parameters.clone())) else {
        return Vec::new();
    };
    let effects = decide(state, false, selected);
    if !effects.is_empty() {
        open(state, &offer, &given);
    }
    effects
}

/// Asks what would change with the parameters of the form; wrong ones are gone to.
pub(super) fn submit(state: &mut State, mut form: Box<ParameterForm>) -> Vec<Effect> {
    let Some(parameters) = form.chosen() else {
        state.overlay = Some(Overlay::Parameters(form));
        return Vec::new();
    };
    let effects = start(state, Effect::Preview { offer: form.offer.clone(), parameters });
    if effects.is_empty() {
        state.overlay = Some(Overlay::Parameters(form));
    }
    effects
}

/// Shows events in the place of resources, or these again.
pub(super) fn events(state: &mut State) {
    state.shows_events = !state.shows_events;
    state.rows[Page::Stacks as usize][1] = None;
    state.focus[Page::Stacks as usize] = 1;
}

/// What happened to the selected stack is read once, where it stands and nothing is known of it.
pub(super) fn wants(state: &mut State) -> Vec<Effect> {
    if state.page != Page::Stacks || state.replay.is_some() {
        return Vec::new();
    }
    let Some(name) = state.selected_stack().map(str::to_owned) else { return Vec::new() };
    let is_busy = is_changing(state, &name);
    let Some(stack) = state.stacks.get_mut(&name).filter(|stack| !stack.is_read && !is_busy) else { return Vec::new() };
    if stack.status.as_deref().is_none_or(|status| status == "DELETE_COMPLETE") {
        return Vec::new();
    }
    stack.is_read = true;
    vec![Effect::ReadStack { name }]
}
