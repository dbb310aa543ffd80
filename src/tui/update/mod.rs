//! `(State, Event) → Effects`: pure, synchronous, a constant amount of work an event. It must not draw, wait or read a
//! clock.

mod changes;
mod flows;
mod gateway;
mod graph;
mod guide;
mod item;
mod keys;
mod objects;
mod opened;
mod overlays;
mod present;
mod rows;
mod stacks;

pub(super) use guide::selected as selected_step;

use super::state::present::Frozen;
use super::state::{KEPT_PROBLEMS, State};
use super::{Effect, Event, TargetKind};

/// How long a message stays, in milliseconds of real time.
const MESSAGE_MS: u64 = 6_000;

/// Takes in what happened and says what shall be done.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = take(state, event);
    effects.extend(objects::wants(state));
    effects.extend(guide::wants(state));
    effects.extend(stacks::wants(state));
    effects.extend(item::wants(state));
    effects
}

fn take(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => return keys::press(state, key),
        Event::Scroll(by) if state.frozen.is_none() => rows::scroll(state, isize::from(by) * 3),
        Event::Click(spot) if state.frozen.is_none() => return keys::click(state, spot),
        Event::Scroll(_) | Event::Click(_) => {}
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
        Event::Flows(events) => {
            if let Some(frozen) = &mut state.frozen {
                frozen.events += u64::try_from(events.len()).unwrap_or_default();
            }
            for event in events {
                flows::see(state, event);
            }
        }
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
        Event::Item { key, found } => state.keep_item(key, found),
        Event::Gateways(gateways) => guide::gateways(state, gateways),
        Event::Share(share) => state.gateway.share = Some(share),
        Event::Judged { scenario, checks } => {
            state.gateway.judged.insert(scenario, checks);
        }
        Event::StackPast { stack, events } => state.stacks.entry(stack).or_default().past(events),
        Event::Activity(activity) => state.calls.see(activity, state.real_ms),
    }
    Vec::new()
}

/// Takes in what a recording says happened. The screen is as large as it is, whatever it was then.
fn replayed(state: &mut State, event: Event) {
    let is_key = matches!(event, Event::Key(_) | Event::Scroll(_) | Event::Click(_) | Event::Paste(_));
    let has_keys = state.replay.as_ref().is_some_and(|replay| replay.has_keys);
    if matches!(event, Event::Resize(..)) || (is_key && has_keys) {
        return;
    }
    // Without the replay in sight it does to the state what it did then; its effects were carried out then. What the user
    // of the replay holds still or masks stays so.
    let (mut replay, frozen, presents) = (state.replay.take(), state.frozen.take(), state.present.is_on);
    let count = if let Event::Flows(events) = &event { events.len() } else { 0 };
    if let Some(replay) = &mut replay {
        std::mem::swap(&mut replay.keymap, &mut state.keymap);
    }
    drop(take(state, event));
    if let Some(replay) = &mut replay {
        std::mem::swap(&mut replay.keymap, &mut state.keymap);
    }
    state.replay = replay;
    state.present.is_on |= presents;
    state.frozen = frozen.map(|frozen| Frozen { events: frozen.events + u64::try_from(count).unwrap_or(0), ..frozen });
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
