//! One execution from its start to its end.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::strand::Strand;
use super::{Fault, Payload, Visit};
use crate::emulator::Fabric;
use crate::emulator::services::states::Shared;
use crate::emulator::services::states::execution::{Execution, Resume, Revision, Status};
use crate::emulator::services::states::history::{Failure, History, MOST_EVENTS, What};
use crate::model::Timestamp;

/// Where a run's events go.
enum Recorder {
    /// Into the execution's history.
    Kept(Arc<Execution>),
    /// Nowhere once the run has ended: a child of a distributed map.
    Passing(Mutex<History>),
}

/// What every line of one execution shares.
pub struct Run {
    pub(super) fabric: Fabric,
    pub(super) shared: Arc<Shared>,
    pub(super) revision: Arc<Revision>,
    pub(super) arn: Arc<str>,
    pub(super) name: Arc<str>,
    started: Timestamp,
    input: Arc<Value>,
    recorder: Recorder,
    /// The context object, where it is given and not made: of a state that is tried on its own.
    context: Option<Map<String, Value>>,
}

impl Run {
    /// A child of this run, as a distributed map starts one for each item.
    pub(super) fn child(&self, label: &str, input: Arc<Value>) -> Self {
        let name: Arc<str> = Arc::from(self.fabric.uuid());
        let arn = self.fabric.arn("states", format!("execution:{}/{label}:{name}", self.revision.name));
        Self {
            fabric: self.fabric.clone(),
            shared: Arc::clone(&self.shared),
            revision: Arc::clone(&self.revision),
            arn: Arc::from(arn.to_string()),
            name,
            started: self.fabric.clock().now(),
            input,
            recorder: Recorder::Passing(Mutex::default()),
            context: None,
        }
    }

    /// ARN, name and start.
    pub(super) fn identity(&self) -> (Arc<str>, Arc<str>, Timestamp) {
        (Arc::clone(&self.arn), Arc::clone(&self.name), self.started)
    }

    /// A run of one state that is tried on its own, in an execution that nobody knows.
    pub(in super::super) fn for_trial(
        shared: &Arc<Shared>,
        execution: Arc<Execution>,
        context: Option<Map<String, Value>>,
        state: &str,
        retries: u64,
    ) -> Self {
        let revision = Arc::clone(&execution.revision);
        let input: Arc<Value> = Arc::new(serde_json::from_str(&execution.input).unwrap_or_default());
        let made = || {
            let started = execution.started.iso_millis();
            Map::from_iter([
                (
                    "Execution".to_owned(),
                    json!({
                        "Id": &*execution.arn, "Input": &*input, "StartTime": started, "Name": &*execution.name,
                        "RoleArn": &*revision.role,
                    }),
                ),
                ("StateMachine".to_owned(), json!({"Id": &*revision.arn, "Name": &*revision.name})),
                ("State".to_owned(), json!({"Name": state, "EnteredTime": started, "RetryCount": retries})),
            ])
        };
        Self {
            fabric: shared.fabric.clone(),
            shared: Arc::clone(shared),
            arn: Arc::clone(&execution.arn),
            name: Arc::clone(&execution.name),
            started: execution.started,
            context: Some(context.unwrap_or_else(made)),
            recorder: Recorder::Kept(Arc::clone(&execution)),
            input,
            revision,
        }
    }

    /// Adds an event; the last one that a history can hold is kept for the execution's end.
    pub(super) fn record(&self, previous: u64, what: What) -> Result<u64, Fault> {
        let now = self.fabric.clock().now();
        let push = |history: &mut History| {
            (history.count() < MOST_EVENTS - 1).then(|| history.push(now, previous, what)).ok_or_else(|| {
                Fault::runtime(format!("The execution reached the maximum number of history events ({MOST_EVENTS})."))
            })
        };
        match &self.recorder {
            Recorder::Kept(execution) => push(&mut execution.history()),
            Recorder::Passing(history) => push(&mut history.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// How many events there are.
    pub(super) fn events(&self) -> usize {
        match &self.recorder {
            Recorder::Kept(execution) => execution.history().count(),
            Recorder::Passing(history) => history.lock().unwrap_or_else(PoisonError::into_inner).count(),
        }
    }

    fn redrives(&self) -> u64 {
        match &self.recorder {
            Recorder::Kept(execution) => execution.redrives().count,
            Recorder::Passing(_) => 0,
        }
    }

    /// The context object during a visit.
    pub(super) fn context(&self, visit: Option<&Visit<'_>>, item: Option<&(usize, Arc<Value>)>) -> Value {
        if let Some(context) = &self.context {
            return Value::Object(context.clone());
        }
        let mut context = Map::new();
        context.insert(
            "Execution".to_owned(),
            json!({
                "Id": &*self.arn, "Input": &*self.input, "StartTime": self.started.iso_millis(), "Name": &*self.name,
                "RoleArn": &*self.revision.role, "RedriveCount": self.redrives(),
            }),
        );
        context.insert("StateMachine".to_owned(), json!({"Id": &*self.revision.arn, "Name": &*self.revision.name}));
        if let Some(visit) = visit {
            let mut state = json!({"Name": &*visit.state.name, "EnteredTime": visit.at.iso_millis()});
            if visit.state.work.name() == "Task" {
                state["RetryCount"] = visit.retries.into();
            }
            context.insert("State".to_owned(), state);
            if let Some(token) = &visit.token {
                context.insert("Task".to_owned(), json!({"Token": &**token}));
            }
        }
        if let Some((index, value)) = item {
            context.insert("Map".to_owned(), json!({"Item": {"Index": index, "Value": &**value}}));
        }
        Value::Object(context)
    }
}

/// Runs an execution that has been registered, to its end.
pub(in super::super) async fn execute(shared: Arc<Shared>, execution: Arc<Execution>) {
    let fabric = shared.fabric.clone();
    let revision = Arc::clone(&execution.revision);
    let input = Arc::new(serde_json::from_str(&execution.input).unwrap_or(Value::Null));
    let run = Run {
        fabric: fabric.clone(),
        shared: Arc::clone(&shared),
        revision: Arc::clone(&revision),
        arn: Arc::clone(&execution.arn),
        name: Arc::clone(&execution.name),
        started: execution.started,
        input: Arc::clone(&input),
        recorder: Recorder::Kept(Arc::clone(&execution)),
        context: None,
    };
    let clock = fabric.clock().clone();
    let begun = execution.redrives().last.unwrap_or(execution.started);
    let deadline = revision.definition.timeout.map(|seconds| begun + std::time::Duration::from_secs(seconds));
    let timed_out = async {
        match deadline {
            Some(deadline) => clock.sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let mut strand = Strand::first(&run);
    strand.kept = execution.kept().cloned();
    let mut begin = (revision.definition.flow.start, Payload::new(input));
    let mut standing = execution.standing();
    if let Some(standing) = &mut standing {
        strand.cursor = standing.cursor;
        strand.variables = std::mem::take(&mut standing.resume.variables);
        begin = (standing.resume.state, standing.resume.input.clone());
    } else if let Some(Resume { state, input, variables }) = execution.resumed() {
        let count = execution.redrives().count;
        let mut history = execution.history();
        let last = history.count() as u64;
        strand.cursor = history.push(clock.now(), last, What::ExecutionRedriven(count));
        strand.variables = variables;
        begin = (state, input);
    } else {
        let started = What::ExecutionStarted(Arc::clone(&execution.input), Arc::clone(&revision.role));
        execution.history().push(execution.started, 0, started);
    }
    let stop = execution.stop();
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => Ended::Stopped,
        () = timed_out => Ended::TimedOut,
        result = strand.whole_flow(&revision.definition.flow, begin, standing, &execution) => Ended::Ran(result),
    };
    let now = clock.now();
    let cursor = strand.cursor();
    let mut history = execution.history();
    let (status, output, failure) = match ended {
        Ended::Ran(Ok(output)) => {
            history.push(now, cursor, What::ExecutionSucceeded(Arc::clone(&output.text)));
            (Status::Succeeded, Some(output.text), Failure::default())
        }
        Ended::Ran(Err(fault)) => {
            history.push(now, cursor, What::ExecutionFailed(Box::new(fault.failure.clone())));
            (Status::Failed, None, fault.failure)
        }
        Ended::Stopped => {
            let failure = execution.outcome().failure;
            history.push(now, 0, What::ExecutionAborted(Box::new(failure.clone())));
            (Status::Aborted, None, failure)
        }
        Ended::TimedOut => {
            history.push(now, 0, What::ExecutionTimedOut);
            (Status::TimedOut, None, Failure::default())
        }
    };
    drop(history);
    execution.end(status, now, output, failure);
}

enum Ended {
    Ran(Result<Payload, Fault>),
    Stopped,
    TimedOut,
}
