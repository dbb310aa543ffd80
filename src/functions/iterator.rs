//! Counts the iterations of a reconciliation, one an invocation.

use serde::{Deserialize, Serialize};

/// How many iterations there may be and how many have begun; also what the state machine starts from, without
/// `continue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// The most iterations.
    pub count: u64,
    /// Iterations that have begun.
    pub ticker: u64,
    /// Whether this one may run.
    #[serde(default, rename = "continue")]
    pub proceed: bool,
}

/// The next iteration.
#[must_use]
pub fn handler(last: Iteration) -> Iteration {
    let ticker = last.ticker.saturating_add(1);
    Iteration { count: last.count, ticker, proceed: ticker <= last.count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_iterations_run_as_were_asked_for() {
        let mut state: Iteration = serde_json::from_str(r#"{"count":3,"ticker":0}"#).expect("a first state");
        let mut ran = 0;
        loop {
            state = handler(state);
            if !state.proceed {
                break;
            }
            ran += 1;
        }
        assert_eq!((ran, state.ticker), (3, 4));
        let text = serde_json::to_string(&state).expect("a state is JSON");
        assert_eq!(text, r#"{"count":3,"ticker":4,"continue":false}"#);
    }
}
