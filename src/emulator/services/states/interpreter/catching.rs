//! `Retry` and `Catch`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::data::{Results, place_result};
use super::strand::Strand;
use super::{Exit, Fault, Payload, Visit};
use crate::emulator::services::states::asl::{Catcher, DataFlow, Next, Retrier};

/// Whether one of the names stands for the error.
fn matches(names: &[String], error: Option<&str>, without_heartbeat: bool) -> bool {
    // These two are caught by their own name only.
    let plain = !matches!(error, Some("States.Runtime" | "States.DataLimitExceeded"));
    names.iter().any(|name| match name.as_str() {
        "States.ALL" => plain,
        "States.TaskFailed" if plain && error != Some("States.Timeout") => true,
        "States.HeartbeatTimeout" if without_heartbeat => true,
        name => Some(name) == error,
    })
}

/// How long to wait before the retry that has `spent` retries before it.
fn interval(retrier: &Retrier, spent: u64, fraction: impl FnOnce() -> f64) -> Duration {
    let growth = retrier.backoff.powf(f64::from(u32::try_from(spent).unwrap_or(u32::MAX)));
    let mut seconds = retrier.interval * growth;
    if let Some(longest) = retrier.longest {
        seconds = seconds.min(longest);
    }
    if retrier.jitter {
        seconds *= fraction();
    }
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

impl<'r> Strand<'r> {
    /// How long to wait before the state is tried again; `None` when it is not.
    pub(super) fn retry(&self, visit: &mut Visit<'_>, fault: &Fault) -> Option<Duration> {
        let error = fault.failure.error.as_deref();
        let at =
            visit.state.retry.iter().position(|retrier| matches(&retrier.errors, error, fault.without_heartbeat))?;
        let (retrier, spent) = (visit.state.retry.get(at)?, visit.spent.get_mut(at)?);
        if *spent >= retrier.attempts {
            return None;
        }
        let wait = interval(retrier, *spent, || self.run.fabric.fraction());
        *spent += 1;
        Some(wait)
    }

    /// Which retrier would try the state again, and after how many seconds, when `visit.retries` were made before.
    pub(super) fn would_retry(&self, visit: &Visit<'_>, fault: &Fault) -> Option<(usize, u64)> {
        let error = fault.failure.error.as_deref();
        let fits = |retrier: &Retrier| matches(&retrier.errors, error, fault.without_heartbeat);
        let at = visit.state.retry.iter().position(fits)?;
        let retrier = visit.state.retry.get(at)?;
        let wait = interval(retrier, visit.retries, || self.run.fabric.fraction());
        (visit.retries < retrier.attempts).then_some((at, wait.as_secs()))
    }

    /// Which catcher would catch the fault.
    pub(super) fn would_catch(visit: &Visit<'_>, fault: &Fault) -> Option<usize> {
        let error = fault.failure.error.as_deref();
        visit.state.catch.iter().position(|catcher| matches(&catcher.errors, error, fault.without_heartbeat))
    }

    /// The way out that a catcher of the state opens.
    pub(super) fn catch(&mut self, visit: &Visit<'r>, fault: Fault) -> Result<Exit, Fault> {
        let error = fault.failure.error.as_deref();
        let caught = |catcher: &&Catcher| matches(&catcher.errors, error, fault.without_heartbeat);
        let Some(catcher) = visit.state.catch.iter().find(caught) else {
            return Err(fault);
        };
        let caught = Arc::new(json!({"Error": fault.failure.error, "Cause": fault.failure.cause}));
        let next = Next::State(catcher.next);
        let input = &visit.input.value;
        match visit.state.data {
            DataFlow::Path(_) => {
                let assigned = self.assigned(visit, catcher.assign.as_ref(), &caught, Results::default())?;
                let output = place_result(input, &catcher.result, caught)
                    .map_err(|problem| Fault::named("States.ResultPathMatchFailure", visit.cause(&problem)))?;
                Ok(Exit { output: Payload::new(output), next, assigned })
            }
            DataFlow::Jsonata(_) => {
                let results = Results { result: None, error: Some(&caught) };
                let assigned = self.assigned(visit, catcher.assign.as_ref(), input, results)?;
                let output: Value = match &catcher.output {
                    Some(template) => self.make_with(visit, template, input, results)?,
                    None => (*caught).clone(),
                };
                Ok(Exit { output: Payload::new(Arc::new(output)), next, assigned })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_errors_as_aws_says() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(matches(&names(&["States.ALL"]), Some("Anything"), false));
        assert!(matches(&names(&["States.ALL"]), None, false));
        assert!(matches(&names(&["States.HeartbeatTimeout"]), Some("States.Timeout"), true));
        assert!(!matches(&names(&["States.HeartbeatTimeout"]), Some("States.Timeout"), false));
        assert!(matches(&names(&["A", "B"]), Some("B"), false));
        assert!(!matches(&names(&["A"]), Some("B"), false));
        assert!(matches(&names(&["States.TaskFailed"]), Some("Lambda.Unknown"), false));
        assert!(!matches(&names(&["States.TaskFailed"]), Some("States.Timeout"), false));
        assert!(!matches(&names(&["States.ALL"]), Some("States.DataLimitExceeded"), false));
        assert!(matches(&names(&["States.DataLimitExceeded"]), Some("States.DataLimitExceeded"), false));
    }

    #[test]
    fn intervals_grow_up_to_the_longest_and_are_drawn_with_jitter() {
        let retrier =
            |jitter| Retrier { errors: vec![], interval: 3.0, attempts: 9, backoff: 2.0, longest: Some(10.0), jitter };
        let seconds = |spent| interval(&retrier(false), spent, || 0.5).as_secs_f64();
        assert!((seconds(0) - 3.0).abs() < 1e-9 && (seconds(1) - 6.0).abs() < 1e-9 && (seconds(2) - 10.0).abs() < 1e-9);
        assert!((interval(&retrier(true), 1, || 0.5).as_secs_f64() - 3.0).abs() < 1e-9);
        assert_eq!(interval(&Retrier { longest: None, ..retrier(false) }, u64::MAX, || 0.5), Duration::MAX);
    }
}
