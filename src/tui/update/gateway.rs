//! Keys of the Gateway page: scenarios, what is wanted of a gateway that runs, faults of the endpoint.

use super::super::cmd::{Cmd, Page};
use super::super::state::gateway::faults;
use super::super::state::{Overlay, State};
use super::super::{Effect, GatewayWish, TargetKind};
use super::changes::start;
use super::keys::pane;
use super::say;

/// Speeds that `+` and `-` go through.
const SPEEDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0];

/// Carries out a command of the page.
pub(super) fn gateway(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    if let Some(what) = cmd.changes()
        && state.setup.target.read_only
    {
        say(state, format!("READ-ONLY: start vaultscope with --write to {what}"));
        return Vec::new();
    }
    match cmd {
        Cmd::Play if state.pane() == 0 => play(state),
        Cmd::Play => {
            let count = state.page.panes().len();
            let to_detail = count - 1 - state.pane();
            pane(state, to_detail);
            Vec::new()
        }
        Cmd::Fault => {
            if state.setup.target.kind == TargetKind::Aws {
                say(state, "AWS takes no faults: only an endpoint of ours does");
            } else {
                state.overlay = Some(Overlay::Fault(0));
            }
            Vec::new()
        }
        _ => wish(state, cmd).map(Effect::Gateway).into_iter().collect(),
    }
}

fn play(state: &mut State) -> Vec<Effect> {
    let Some(offer) = state.setup.scenarios.get(state.row(Page::Gateway, 0)) else {
        say(state, "there is no scenario to play");
        return Vec::new();
    };
    let scenario = offer.name.clone();
    if let Some(Effect::Play { scenario: other }) = state.busy.iter().find(|busy| matches!(busy, Effect::Play { .. })) {
        let text = format!("scenario {other} is being played: wait for its end");
        say(state, text);
        return Vec::new();
    }
    let effects = start(state, Effect::Play { scenario: scenario.clone() });
    if !effects.is_empty() {
        state.gateway.judged.shift_remove(&scenario);
    }
    effects
}

/// What is wanted of the gateway that runs.
fn wish(state: &mut State, cmd: Cmd) -> Option<GatewayWish> {
    let Some(now) = state.gateway.now.as_ref().filter(|now| !now.is_over) else {
        say(state, "no gateway is at work: play a scenario, or start a job");
        return None;
    };
    match cmd {
        Cmd::Hold => Some(GatewayWish::Hold(!now.is_paused)),
        Cmd::NextEvent => Some(GatewayWish::NextEvent),
        Cmd::Connection => Some(GatewayWish::Online(!now.is_online)),
        Cmd::Shuffle => Some(GatewayWish::InOrder(!now.is_in_order)),
        Cmd::UploadFaster | Cmd::UploadSlower => {
            let next = if cmd == Cmd::UploadFaster {
                SPEEDS.into_iter().find(|speed| *speed > now.speed * 1.001)
            } else {
                SPEEDS.into_iter().rev().find(|speed| *speed < now.speed * 0.999)
            };
            // Shown at once, so that a key pressed twice goes two speeds on.
            if let (Some(speed), Some(now)) = (next, &mut state.gateway.now) {
                now.speed = speed;
            }
            next.map(GatewayWish::Speed)
        }
        _ => None,
    }
}

/// Asks for the fault that was chosen.
pub(super) fn choose_fault(state: &mut State, at: usize) -> Vec<Effect> {
    let Some((_, fault)) = faults().into_iter().nth(at) else { return Vec::new() };
    start(state, Effect::Fault(fault))
}
