//! One state on its own, as `TestState` tries it: once, without waiting for retries, with a result in place of its work
//! where one is given.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::data::place_result;
use super::strand::Strand;
use super::{Exit, Fault, Payload, Run, Visit};
use crate::emulator::services::states::asl::{Count, DataFlow, Flow, Next, State, Work};
use crate::emulator::services::states::history::Failure;

/// What stands in for a state's work.
#[derive(Debug, Clone)]
pub enum Mock {
    /// Its result.
    Result(Value),
    /// Its failure.
    Failure(Failure),
}

/// What a state is tried with.
pub struct Trial<'r> {
    /// The flow that it is of.
    pub flow: &'r Flow,
    /// The state.
    pub state: &'r State,
    /// Its input.
    pub input: Value,
    /// Variables and their values.
    pub variables: Map<String, Value>,
    /// What stands in for its work.
    pub mock: Option<Mock>,
    /// Retries so far.
    pub retries: u64,
    /// Iterations of a map that have failed.
    pub failed_iterations: Option<u64>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tried {
    /// `SUCCEEDED`, `FAILED`, `RETRIABLE` or `CAUGHT_ERROR`.
    pub status: &'static str,
    /// The output, where there is one.
    pub output: Option<Arc<str>>,
    /// Error and cause, where it failed.
    pub failure: Failure,
    /// The state that would come next.
    pub next: Option<String>,
    /// What was seen on the way.
    pub inspection: Map<String, Value>,
}

impl Trial<'_> {
    /// Tries the state.
    pub async fn attempt(self, run: &Run) -> Tried {
        let mut strand = Strand::first(run);
        for (name, value) in &self.variables {
            strand.variables.set(name, value.clone());
        }
        let input = Payload::new(Arc::new(self.input));
        let mut tried = Tried { status: "SUCCEEDED", ..Tried::default() };
        tried.inspection.insert("input".to_owned(), (&*input.text).into());
        let at = run.fabric.clock().now();
        let retries = self.retries;
        let mut visit = Visit { retries, ..Visit::new(self.state, input, 1, 0, at) };
        inspect_before(&mut strand, &visit, &mut tried.inspection);
        let mocked = self.mock.is_some();
        let done = match self.mock {
            None => strand.perform(&mut visit).await,
            Some(mock) => mocked_work(&mut strand, &visit, mock, self.failed_iterations, &mut tried.inspection),
        };
        let name_of = |next: Next| match next {
            Next::State(index) => self.flow.states.get(index).map(|state| state.name.to_string()),
            Next::End => None,
        };
        let fault = match done {
            Ok(Exit { output, next, assigned }) => {
                // The result of other work without a mock is gone by now.
                if let (false, Work::Pass(result)) = (mocked, &self.state.work) {
                    let effective = strand.effective_input(&visit).unwrap_or_default();
                    let result = result.as_ref().unwrap_or(&effective);
                    inspect_result(&mut strand, &visit, result, &mut tried.inspection);
                }
                if !assigned.is_empty() {
                    let variables: Map<String, Value> = assigned.into_iter().collect();
                    tried.inspection.insert("variables".to_owned(), Value::Object(variables).to_string().into());
                }
                (tried.output, tried.next) = (Some(output.text), name_of(next));
                return tried;
            }
            Err(fault) => fault,
        };
        tried.failure = fault.failure.clone();
        tried.status = "FAILED";
        if fault.terminal {
            return tried;
        }
        if let Some((index, seconds)) = strand.would_retry(&visit, &fault) {
            tried.status = "RETRIABLE";
            tried.inspection.insert(
                "errorDetails".to_owned(),
                json!({"retryIndex": index, "retryBackoffIntervalSeconds": seconds}),
            );
            return tried;
        }
        let Some(index) = Strand::would_catch(&visit, &fault) else { return tried };
        match strand.catch(&visit, fault) {
            Ok(exit) => {
                tried.status = "CAUGHT_ERROR";
                tried.inspection.insert("errorDetails".to_owned(), json!({ "catchIndex": index }));
                (tried.output, tried.next) = (Some(exit.output.text), name_of(exit.next));
            }
            Err(fault) => tried.failure = fault.failure,
        }
        tried
    }
}

/// What the state's input becomes before its work; what fails here fails again, and is told, when the state is tried.
fn inspect_before<'r>(strand: &mut Strand<'r>, visit: &Visit<'r>, seen: &mut Map<String, Value>) {
    let paths = match &visit.state.data {
        DataFlow::Path(_) => true,
        DataFlow::Jsonata(flow) => {
            if flow.arguments.is_some()
                && let Ok(effective) = strand.effective_input(visit)
            {
                seen.insert("afterArguments".to_owned(), effective.to_string().into());
            }
            false
        }
    };
    let work = &visit.state.work;
    if paths && !matches!(work, Work::Pass(Some(_)) | Work::Parallel(_)) {
        if let Ok(selected) = strand.selected_input(visit) {
            seen.insert("afterInputPath".to_owned(), selected.to_string().into());
        }
        if matches!(work, Work::Pass(None) | Work::Task(_))
            && let Ok(effective) = strand.effective_input(visit)
        {
            seen.insert("afterParameters".to_owned(), effective.to_string().into());
        }
    }
    let Work::Map(map) = work else { return };
    if paths && map.reader.is_none() {
        let items = strand.selected_input(visit).and_then(|input| strand.items(visit, map, &input));
        let Ok(items) = items else { return };
        seen.insert("afterItemsPath".to_owned(), Value::from(items).to_string().into());
    }
    let mut number = |name: &str, count: Option<&Count>, default: Option<f64>| {
        let literal = match count {
            Some(Count::Literal(number)) => Some(*number),
            Some(_) => None,
            None => default,
        };
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked when the definition was read")]
        seen.extend(literal.map(|number| (name.to_owned(), Value::from(number as i64))));
    };
    number("maxConcurrency", map.concurrency.as_ref(), Some(0.0));
    number("toleratedFailureCount", map.tolerated_count.as_ref(), None);
}

/// What becomes of the result on the way to the output.
fn inspect_result<'r>(strand: &mut Strand<'r>, visit: &Visit<'r>, result: &Value, seen: &mut Map<String, Value>) {
    let work = &visit.state.work;
    if matches!(work, Work::Task(_) | Work::Pass(Some(_))) {
        seen.insert("result".to_owned(), result.to_string().into());
    }
    let DataFlow::Path(flow) = &visit.state.data else { return };
    let selected = match &flow.selector {
        Some(template) => match strand.make(visit, template, result, None) {
            Ok(selected) => selected,
            Err(_) => return,
        },
        None => result.clone(),
    };
    seen.insert("afterResultSelector".to_owned(), selected.to_string().into());
    if let Ok(placed) = place_result(&visit.input.value, &flow.result, Arc::new(selected)) {
        seen.insert("afterResultPath".to_owned(), placed.to_string().into());
    }
}

/// The state with a result in place of its work.
fn mocked_work<'r>(
    strand: &mut Strand<'r>,
    visit: &Visit<'r>,
    mock: Mock,
    failed_iterations: Option<u64>,
    seen: &mut Map<String, Value>,
) -> Result<Exit, Fault> {
    if let Work::Map(map) = &visit.state.work {
        let input = strand.selected_input(visit)?;
        let count = if map.reader.is_none() { strand.items(visit, map, &input)?.len() } else { 0 };
        let tolerance = strand.tolerance(visit, map, &input)?;
        let failed = failed_iterations.and_then(|failed| usize::try_from(failed).ok()).unwrap_or(0);
        if tolerance.is_given() && tolerance.exceeded(failed, count) {
            return Err(super::map::threshold_exceeded());
        }
    } else {
        strand.effective_input(visit)?;
    }
    match mock {
        Mock::Failure(failure) => Err(Fault { of_task: true, ..Fault::failed(failure) }),
        Mock::Result(result) => {
            inspect_result(strand, visit, &result, seen);
            strand.leave(visit, Arc::new(result), visit.state.next)
        }
    }
}
