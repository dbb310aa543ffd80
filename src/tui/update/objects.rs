//! The Objects page: what it reads, and when. Nothing is read before it is opened; by itself it reads only where reading is
//! free, on the embedded endpoint.

use super::super::Effect;
use super::super::cmd::Page;
use super::super::state::State;
use super::super::state::objects::Kind;
use super::say;
use crate::model::objects::Look;

/// Milliseconds between two readings of what is open, on the embedded endpoint.
const AGAIN_MS: u64 = 10_000;

fn effects(looks: impl IntoIterator<Item = Look>) -> Vec<Effect> {
    looks.into_iter().map(Effect::Look).collect()
}

/// What has to be read for what is shown.
pub(super) fn wants(state: &mut State) -> Vec<Effect> {
    if state.page != Page::Objects {
        return Vec::new();
    }
    let main = state.setup.stacks.first().map_or("", |offer| offer.stack.as_str());
    state.objects.know(&state.stacks, main);
    if state.replay.is_some() {
        return Vec::new();
    }
    let mut looks = state.objects.unread();
    if state.is_embedded() {
        looks.extend(state.objects.again_by_itself(state.real_ms, AGAIN_MS));
        looks.extend(state.objects.look_into());
    }
    effects(looks)
}

/// Opens or folds what is selected, reads on, or looks into an object.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let focus = &mut state.focus[Page::Objects as usize];
    if *focus == 1 {
        *focus = 0;
        return Vec::new();
    }
    let rows = state.objects.rows();
    let Some(row) = state.objects.selected(&rows) else { return Vec::new() };
    match row.kind {
        Kind::More | Kind::Object(_) if state.replay.is_some() => {
            say(state, "this is a replay: only what was read then can be seen");
            Vec::new()
        }
        Kind::More => effects(state.objects.more()),
        Kind::Object(_) => {
            if state.objects.peek_of(row.bucket, row.name).is_some() {
                state.focus[Page::Objects as usize] = 1;
            }
            effects(state.objects.look_into())
        }
        _ => {
            state.objects.turn(None);
            Vec::new()
        }
    }
}

/// To the right: opens what is folded, else goes into it. To the left: folds what is open, else goes out of it.
pub(super) fn fold(state: &mut State, open: bool) {
    if state.objects.turn(Some(open)) {
        return;
    }
    if !open {
        return state.objects.leave();
    }
    let rows = state.objects.rows();
    let at = state.objects.place(&rows);
    let goes_in = rows.get(at).zip(rows.get(at + 1)).is_some_and(|(row, next)| next.depth > row.depth);
    if goes_in {
        state.objects.select(at + 1);
    }
}

/// Reads again what is selected.
pub(super) fn refresh(state: &mut State) -> Vec<Effect> {
    if state.replay.is_some() {
        say(state, "this is a replay: only what was read then can be seen");
        return Vec::new();
    }
    effects(state.objects.refresh())
}
