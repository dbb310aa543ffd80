//! Keys that change the target: deploy with its change set shown first, delete, jobs, time. What is under way is not asked
//! for again, and nothing is asked for where nothing may be changed.

use tui_input::Input;

use super::super::cmd::{Cmd, Page};
use super::super::state::change::Waiting;
use super::super::state::job_form::JobForm;
use super::super::state::{Overlay, State};
use super::super::{Effect, TargetKind};
use super::say;
use crate::model::StackKind;
use crate::model::preview::ChangePreview;
use crate::model::words::counted;

/// Rates that `[` and `]` go through.
const RATES: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0, 3_600.0, 10_000.0];
/// Simulated seconds of a step.
const STEP_SECONDS: u64 = 10;

/// Offers that can be observed, by their ids.
const OBSERVED: [&str; 2] = ["event-processing", "s3tar"];

const REPLAY: &str = "this is a replay: nothing stands behind it that could be changed";

/// Carries out a command that changes the target, where it may be changed.
pub(super) fn change(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    if state.replay.is_some() && cmd.changes().is_some() {
        say(state, REPLAY);
        return Vec::new();
    }
    if let Some(what) = cmd.changes()
        && state.setup.target.read_only
    {
        say(state, format!("READ-ONLY: start vaultscope with --write to {what}"));
        return Vec::new();
    }
    match cmd {
        Cmd::Deploy => return deploy(state),
        Cmd::Delete => delete(state),
        Cmd::Parameters => super::stacks::parameters(state),
        Cmd::StartJob | Cmd::Edit if state.kind() == StackKind::S3Tar => {
            say(state, "this stack takes no jobs: Enter on the Stacks page shows the event processing stack again");
        }
        Cmd::StartJob if state.is_deployed() => {
            state.overlay = Some(Overlay::Job(Box::new(JobForm::new(&state.setup.job))));
        }
        Cmd::Edit if state.is_deployed() => edit(state),
        Cmd::StartJob | Cmd::Edit => {
            let key = state.keymap.key_of(Page::Flow, Cmd::Deploy).map(|key| key.to_string()).unwrap_or_default();
            say(state, format!("a job needs the stack: press {key} on the Flow page to deploy it first"));
        }
        _ => {}
    }
    Vec::new()
}

/// Opens the form with what the selected scenario has.
fn edit(state: &mut State) {
    let offer = state.setup.scenarios.get(state.row(Page::Gateway, 0));
    match offer.and_then(JobForm::of) {
        Some(form) => state.overlay = Some(Overlay::Job(Box::new(form))),
        None => say(state, "there is no scenario to edit"),
    }
}

/// Why work cannot be sent off now.
fn refusal(state: &State, effect: &Effect) -> Option<String> {
    if state.replay.is_some() {
        return Some(REPLAY.to_owned());
    }
    // Dropping what was never executed changes nothing.
    if state.setup.target.read_only && !matches!(effect, Effect::Discard { .. }) {
        return Some("READ-ONLY: start vaultscope with --write to change anything".to_owned());
    }
    let stack_of = |effect: &Effect| match effect {
        Effect::Preview { offer, .. } | Effect::Deploy { offer } | Effect::Discard { offer } => {
            state.offer(offer).map(|known| known.stack.clone())
        }
        Effect::DeleteStack { name } => Some(name.clone()),
        _ => None,
    };
    let stack = stack_of(effect);
    let is_same = |busy: &Effect| busy == effect || (stack.is_some() && stack_of(busy) == stack);
    let busy = state.busy.iter().find(|busy| is_same(busy))?;
    Some(match (busy, stack) {
        (Effect::Preview { .. }, Some(stack)) => format!("what would change in {stack} is being asked for already"),
        (Effect::Deploy { .. }, Some(stack)) => format!("{stack} is being deployed already"),
        (Effect::Discard { .. }, Some(stack)) => format!("the change set of {stack} is being dropped: wait for that"),
        (Effect::DeleteStack { .. }, Some(stack)) => format!("{stack} is being deleted already"),
        _ => "this is under way already".to_owned(),
    })
}

/// Sends work off, once; says why not where it cannot be.
pub(super) fn start(state: &mut State, effect: Effect) -> Vec<Effect> {
    if let Some(why) = refusal(state, &effect) {
        say(state, why);
        return Vec::new();
    }
    let stack = |offer: &String| state.offer(offer).map_or(offer.clone(), |known| known.stack.clone());
    let text = match &effect {
        Effect::Preview { offer, .. } => format!("asking what would change in {} …", stack(offer)),
        Effect::Deploy { offer } => format!("deploying {} …", stack(offer)),
        Effect::Discard { offer } => format!("nothing is deployed: dropping the change set of {} …", stack(offer)),
        Effect::DeleteStack { name } => format!("deleting {name} …"),
        Effect::Play { scenario } => format!("playing scenario {scenario} …"),
        Effect::Fault(Some(_)) => "asking the endpoint for a fault …".to_owned(),
        Effect::Fault(None) => "taking all faults back …".to_owned(),
        Effect::StartJob(job) => format!("starting a job of {}, seed {} …", counted(job.files, "file"), job.seed),
        _ => String::new(),
    };
    say(state, text);
    state.busy.push(effect.clone());
    vec![effect]
}

/// Observes another stack: that changes nothing on the target, and a replay has none.
pub(super) fn watch(state: &mut State, stack: String) -> Vec<Effect> {
    if state.replay.is_some() {
        say(state, REPLAY);
        return Vec::new();
    }
    let effect = Effect::Observe { stack };
    if state.busy.contains(&effect) {
        return Vec::new();
    }
    if let Effect::Observe { stack } = &effect {
        let is_known = state.setup.stacks.iter().any(|offer| offer.stack == *stack && OBSERVED.contains(&&*offer.id));
        if is_known {
            state.page = Page::Flow;
        }
        say(state, format!("observing {stack} …"));
    }
    state.busy.push(effect.clone());
    vec![effect]
}

fn deploy(state: &mut State) -> Vec<Effect> {
    let shown = || state.setup.stacks.iter().position(|offer| state.main_name() == Some(offer.stack.as_str()));
    let at = if state.page == Page::Stacks { state.row(Page::Stacks, 0) } else { shown().unwrap_or(usize::MAX) };
    let Some(offer) = state.setup.stacks.get(at) else {
        say(state, "there is no template for this stack");
        return Vec::new();
    };
    if offer.parameters.is_none() {
        let text =
            format!("{} comes with the first stack that needs it: there is nothing to deploy by hand", offer.stack);
        say(state, text);
        return Vec::new();
    }
    let offer = offer.id.clone();
    start(state, Effect::Preview { offer, parameters: Vec::new() })
}

/// A change set was made and waits. One that waited before is dropped.
pub(super) fn waits(state: &mut State, offer: String, preview: ChangePreview) -> Vec<Effect> {
    let before = state.waiting.take().filter(|before| before.offer != offer);
    let dropped = before.map(|before| start(state, Effect::Discard { offer: before.offer }));
    let parameters = state.busy.iter().find_map(|busy| match busy {
        Effect::Preview { offer: of, parameters } if *of == offer => Some(parameters.clone()),
        _ => None,
    });
    state.waiting = Some(Waiting::new(offer, preview, parameters.unwrap_or_default()));
    if matches!(state.overlay, Some(Overlay::Change(_))) {
        state.overlay = None;
    }
    show(state);
    dropped.unwrap_or_default()
}

/// Shows the change set that waits, unless something else takes the keys: that is never taken away from under them.
pub(super) fn show(state: &mut State) {
    if state.overlay.is_some() {
        say(state, "a change set waits: it is shown when this is closed");
    } else if state.waiting.is_some() {
        state.overlay = Some(Overlay::Change(0));
    }
}

/// Executes the change set that waits (`true`) or drops it.
pub(super) fn decide(state: &mut State, execute: bool, selected: usize) -> Vec<Effect> {
    let Some(offer) = state.waiting.as_ref().map(|waiting| waiting.offer.clone()) else { return Vec::new() };
    // The preview has arrived: that its effect has not ended yet does not stand in the way.
    state.busy.retain(|busy| !matches!(busy, Effect::Preview { offer: of, .. } if *of == offer));
    let effects = start(state, if execute { Effect::Deploy { offer } } else { Effect::Discard { offer } });
    if effects.is_empty() {
        state.overlay = Some(Overlay::Change(selected));
    } else {
        state.waiting = None;
    }
    effects
}

fn delete(state: &mut State) {
    let name = state.selected_stack().map(str::to_owned);
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

/// Changes the target's time. Whether an endpoint elsewhere has a clock of ours is for it to answer.
pub(super) fn time(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    if let Some(replay) = &mut state.replay {
        let reading = &mut replay.reading;
        return turn(cmd, reading.paused, &mut reading.rate, true);
    }
    if state.setup.target.kind == TargetKind::Aws {
        say(state, "time on AWS runs as it does: only a clock of ours can be paused, stepped or scaled");
        return Vec::new();
    }
    let Some((reading, _)) = state.clock else {
        say(state, "the target's clock was not read yet");
        return Vec::new();
    };
    let is_ours = state.setup.target.kind == TargetKind::Embedded;
    let mut rate = reading.rate;
    let effects = turn(cmd, reading.paused, &mut rate, is_ours);
    if let Some((reading, _)) = &mut state.clock {
        reading.rate = rate;
    }
    effects
}

/// What a key does to a clock. A new rate is shown at once where it is sure to be taken, so that a key pressed twice goes
/// two rates on.
fn turn(cmd: Cmd, paused: bool, rate: &mut f64, is_sure: bool) -> Vec<Effect> {
    let next = match cmd {
        Cmd::Pause => return vec![Effect::Pause(!paused)],
        Cmd::Step => return vec![Effect::Step { seconds: STEP_SECONDS }],
        Cmd::Faster => RATES.into_iter().find(|next| *next > *rate * 1.001),
        _ => RATES.into_iter().rev().find(|next| *next < *rate * 0.999),
    };
    if is_sure && let Some(next) = next {
        *rate = next;
    }
    next.map(Effect::SetRate).into_iter().collect()
}
