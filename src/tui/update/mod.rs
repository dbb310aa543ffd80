//! `(State, Event) → Effects`: pure, synchronous, a constant amount of work an event. It must not draw, wait or read a
//! clock.

mod changes;
mod flows;
mod gateway;
mod graph;
mod guide;
mod keys;
mod objects;
mod opened;
mod overlays;
mod rows;

pub(super) use guide::selected as selected_step;
pub(super) use keys::keymap;

use super::state::{KEPT_PROBLEMS, State};
use super::{Effect, Event, TargetKind};

/// How long a message stays, in milliseconds of real time.
const MESSAGE_MS: u64 = 6_000;

/// Takes in what happened and says what shall be done.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = take(state, event);
    effects.extend(objects::wants(state));
    effects.extend(guide::wants(state));
    effects
}

fn take(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => return keys::press(state, key),
        Event::Scroll(by) => rows::scroll(state, isize::from(by) * 3),
        Event::Paste(text) => keys::paste(state, &text),
        Event::Resize(columns, rows) => state.size = (columns, rows),
        Event::Tick(ms) => {
            state.real_ms = ms;
            state.pipeline.tick(ms);
            state.gateway.tick(ms);
            if state.message.as_ref().is_some_and(|(_, bad, since)| !bad && ms.saturating_sub(*since) > MESSAGE_MS) {
                state.message = None;
            }
            return opened::tick(state);
        }
        Event::Flows(events) => events.into_iter().for_each(|event| flows::see(state, event)),
        Event::Done(result) => {
            if let Some(at) = state.busy.iter().position(|effect| *effect == result.effect) {
                state.busy.remove(at);
            }
            // Whether the time of an endpoint elsewhere can be changed shows only when it is asked: no problem of its own.
            let asks = matches!(result.effect, Effect::SetRate(_) | Effect::Pause(_) | Effect::Step { .. })
                && state.setup.target.kind == TargetKind::Endpoint;
            match result.outcome {
                Ok(text) if text.is_empty() => {}
                Ok(text) => say(state, text),
                Err(text) if asks => say(state, text),
                Err(text) => problem(state, text),
            }
        }
        Event::Target(target) => state.setup.target = target,
        Event::Clock(reading) => state.clock = Some((reading, state.real_ms)),
        Event::Problem(text) => problem(state, text),
        Event::Preview { offer, preview } => return changes::waits(state, offer, preview),
        Event::Replayed(event) => replayed(state, *event),
        Event::Replay(reading) => {
            if let Some(replay) = &mut state.replay {
                replay.reading = reading;
            }
        }
        Event::Trace { about, hops } => opened::hops(state, &about, hops),
        Event::Found { look, found } => state.objects.answer(&look, found),
        Event::Gateways(gateways) => guide::gateways(state, gateways),
        Event::Share(share) => state.gateway.share = Some(share),
        Event::Judged { scenario, checks } => {
            state.gateway.judged.insert(scenario, checks);
        }
        Event::Activity(activity) => state.calls.see(activity, state.real_ms),
    }
    Vec::new()
}

/// Takes in what a recording says happened. The screen is as large as it is, whatever it was then.
fn replayed(state: &mut State, event: Event) {
    let is_key = matches!(event, Event::Key(_) | Event::Scroll(_) | Event::Paste(_));
    if matches!(event, Event::Resize(..)) || (is_key && state.replay.is_some_and(|replay| replay.has_keys)) {
        return;
    }
    // Without the replay in sight it does to the state what it did then; its effects were carried out then.
    let replay = state.replay.take();
    drop(take(state, event));
    state.replay = replay;
}

/// Shows a message for a while.
fn say(state: &mut State, text: impl Into<String>) {
    state.message = Some((text.into(), false, state.real_ms));
}

/// Shows a problem until a key is pressed, and keeps it in the list of problems.
fn problem(state: &mut State, text: String) {
    note(state, text.clone());
    state.message = Some((text, true, state.real_ms));
}

/// Keeps a problem in the list of problems.
fn note(state: &mut State, text: String) {
    if state.problems.len() == KEPT_PROBLEMS {
        state.problems.pop_front();
    }
    state.problems.push_back((state.now(), text));
    state.unread += 1;
}
