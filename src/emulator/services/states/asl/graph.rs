//! Whether every state of a flow can be reached.

use super::{Flow, Next, Problem, State, Work};

/// Notes every state that nothing leads to. `at` is where the flow's `States` are.
pub(super) fn unreachable(flow: &Flow, at: &str, problems: &mut Vec<Problem>) {
    let mut reached = vec![false; flow.states.len()];
    let mut open = vec![flow.start];
    while let Some(index) = open.pop() {
        let Some(state) = flow.states.get(index) else { continue };
        if std::mem::replace(&mut reached[index], true) {
            continue;
        }
        open.extend(ways(state));
    }
    for (state, _) in flow.states.iter().zip(&reached).filter(|(_, reached)| !**reached) {
        let message = format!("State \"{}\" is not reachable.", state.name);
        problems.push(Problem::transition(message, format!("{at}/{}", state.name)));
    }
}

fn ways(state: &State) -> Vec<usize> {
    let mut ways: Vec<usize> = state.catch.iter().map(|catcher| catcher.next).collect();
    match &state.work {
        Work::Choice(choices, default) => {
            ways.extend(choices.iter().map(|choice| choice.next));
            ways.extend(*default);
        }
        Work::Succeed | Work::Fail(_) => {}
        _ => {
            if let Next::State(next) = state.next {
                ways.push(next);
            }
        }
    }
    ways
}
