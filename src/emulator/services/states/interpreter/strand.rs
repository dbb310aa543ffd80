//! One line of execution: from state to state, with its own variables and its own place in the history.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::{Exit, Fault, LARGEST_PAYLOAD, Payload, Run, Visit};
use crate::emulator::services::states::asl::{Choice, Condition, Flow, Next, State, Work};
use crate::emulator::services::states::eval::{EvalError, Variables};
use crate::emulator::services::states::execution::{Execution, Resume, Standing};
use crate::emulator::services::states::history::What;
use crate::emulator::services::states::kept::{Kept, Pending, Progress};
use crate::model::Timestamp;

/// The state that a branch is in, for whoever has to report it as aborted.
#[derive(Debug, Default)]
pub(super) struct Open(Mutex<Option<(&'static str, u64)>>);

impl Open {
    pub fn get(&self) -> Option<(&'static str, u64)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: Option<(&'static str, u64)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// One line of execution.
pub(super) struct Strand<'r> {
    pub run: &'r Run,
    /// The event that the next one follows.
    pub cursor: u64,
    pub variables: Variables,
    pub item: Option<(usize, Arc<Value>)>,
    /// Whether other lines run beside this one: then each state gives them a turn.
    pub beside: bool,
    pub open: Arc<Open>,
    /// Where its place is kept, if it is: of the machine's own line alone.
    pub kept: Option<Arc<Kept>>,
}

impl<'r> Strand<'r> {
    /// The line that an execution begins with.
    pub fn first(run: &'r Run) -> Self {
        let (variables, open) = (Variables::default(), Arc::default());
        Self { run, cursor: 0, variables, item: None, beside: false, open, kept: None }
    }

    /// A line that runs beside others and begins at this one's place.
    pub fn branch(&self) -> Self {
        Self {
            run: self.run,
            cursor: self.cursor,
            variables: self.variables.clone(),
            item: self.item.clone(),
            beside: true,
            open: Arc::default(),
            kept: None,
        }
    }

    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Adds an event that the next one follows.
    pub fn advance(&mut self, what: What) -> Result<u64, Fault> {
        self.cursor = self.run.record(self.cursor, what)?;
        Ok(self.cursor)
    }

    /// Adds an event beside the line: the next one follows the one before it.
    pub fn note(&self, what: What) -> Result<u64, Fault> {
        self.run.record(self.cursor, what)
    }

    /// Runs a flow to its end.
    pub fn flow(&mut self, flow: &'r Flow, input: Payload) -> BoxFuture<'_, Result<Payload, Fault>> {
        async move {
            let (mut at, mut payload) = (flow.start, input);
            loop {
                let Some(state) = flow.states.get(at) else {
                    return Err(Fault::runtime("the definition leads to a state that is not there"));
                };
                let (output, next) = self.state(state, payload, None).await?;
                match next {
                    Next::End => return Ok(output),
                    Next::State(next) => (at, payload) = (next, output),
                }
            }
        }
        .boxed()
    }

    /// Runs the machine's own flow from a state of it to its end, and notes where it is, for a redrive. `standing` is how
    /// far it was in that state when the process before this one ended.
    pub async fn whole_flow(
        &mut self,
        flow: &'r Flow,
        (mut at, mut payload): (usize, Payload),
        mut standing: Option<Box<Standing>>,
        execution: &Execution,
    ) -> Result<Payload, Fault> {
        loop {
            let Some(state) = flow.states.get(at) else {
                return Err(Fault::runtime("the definition leads to a state that is not there"));
            };
            execution.reach(Resume { state: at, input: payload.clone(), variables: self.variables.clone() });
            let (output, next) = self.state(state, payload, standing.take()).await?;
            match next {
                Next::End => return Ok(output),
                Next::State(next) => (at, payload) = (next, output),
            }
        }
    }

    /// Notes how far the line is in its state, where its place is kept.
    pub fn note_progress(
        &self,
        visit: &Visit<'_>,
        retry_at: Option<Timestamp>,
        pending: impl FnOnce() -> Option<Pending>,
    ) {
        if let Some(kept) = &self.kept {
            kept.progress(&Progress {
                entered: visit.entered,
                events: self.run.events(),
                cursor: self.cursor,
                retries: visit.retries,
                spent: visit.spent.clone(),
                retry_at,
                pending: pending(),
            });
        }
    }

    /// Enters a state.
    fn enter(&mut self, state: &'r State, input: Payload) -> Result<Visit<'r>, Fault> {
        let before = self.cursor;
        let name = Arc::clone(&state.name);
        let entered = self.advance(What::Entered(state.work.name(), name, Arc::clone(&input.text)))?;
        if let Some(kept) = &self.kept {
            kept.enter(entered, &self.variables);
        }
        Ok(Visit::new(state, input, entered, before, self.run.fabric.clock().now()))
    }

    /// Is in a state as it was when the process before this one ended, and waits for the retry that was due.
    async fn enter_again(&mut self, state: &'r State, standing: Standing) -> Visit<'r> {
        let Standing { resume, entered: (entered, before, at), retries: (retries, spent), .. } = standing;
        let mut visit = Visit { retries, ..Visit::new(state, resume.input, entered, before, at) };
        if spent.len() == visit.spent.len() {
            visit.spent = spent;
        }
        visit.pending = standing.pending.map(|pending| (pending, standing.ticket));
        if let Some(due) = standing.retry_at {
            self.run.fabric.clock().sleep_until(due).await;
            visit.retries += 1;
            self.note_progress(&visit, None, || None);
        }
        visit
    }

    async fn state(
        &mut self,
        state: &'r State,
        input: Payload,
        standing: Option<Box<Standing>>,
    ) -> Result<(Payload, Next), Fault> {
        let kind = state.work.name();
        let mut visit = match standing {
            None => self.enter(state, input)?,
            Some(standing) => self.enter_again(state, *standing).await,
        };
        self.open.set(Some((kind, visit.entered)));
        // A machine that never waits still lets others have the thread, and can be stopped.
        tokio::task::consume_budget().await;
        if self.beside {
            tokio::task::yield_now().await;
        }
        let exit = loop {
            let fault = match self.perform(&mut visit).await {
                Ok(exit) => break exit,
                Err(fault) if fault.terminal => return Err(fault),
                Err(fault) => fault,
            };
            if let Some(wait) = self.retry(&mut visit, &fault) {
                let clock = self.run.fabric.clock();
                self.note_progress(&visit, Some(clock.now() + wait), || None);
                clock.sleep(wait).await;
                visit.retries += 1;
                self.note_progress(&visit, None, || None);
            } else {
                break self.catch(&visit, fault)?;
            }
        };
        if matches!(state.work, Work::Fail(_)) {
            return Ok((exit.output, exit.next));
        }
        let assigned = self.assign(exit.assigned);
        let name = Arc::clone(&state.name);
        self.advance(What::Exited(kind, name, Arc::clone(&exit.output.text), assigned))?;
        self.open.set(None);
        if self.beside {
            tokio::task::yield_now().await;
        }
        Ok((exit.output, exit.next))
    }

    /// Gives variables their new values, and returns them as a history shows them.
    fn assign(&mut self, assigned: Vec<(String, Value)>) -> Option<Box<Map<String, Value>>> {
        if assigned.is_empty() {
            return None;
        }
        let mut shown = Map::new();
        for (name, value) in assigned {
            shown.insert(name.clone(), value.to_string().into());
            self.variables.set(&name, value);
        }
        Some(Box::new(shown))
    }

    pub async fn perform(&mut self, visit: &mut Visit<'r>) -> Result<Exit, Fault> {
        let exit = match &visit.state.work {
            Work::Pass(result) => self.pass(visit, result.as_ref())?,
            Work::Succeed => self.hand_on(visit, visit.state.next)?,
            Work::Choice(choices, default) => self.choose(visit, choices, *default)?,
            Work::Wait(until) => self.wait(visit, until).await?,
            Work::Fail(failing) => return Err(self.fail(visit, failing)),
            Work::Task(task) => self.task(visit, task).await?,
            Work::Parallel(branches) => self.parallel(visit, branches).await?,
            Work::Map(map) => self.map(visit, map).await?,
        };
        if exit.output.text.len() > LARGEST_PAYLOAD {
            return Err(too_large(&visit.state.name));
        }
        Ok(exit)
    }

    fn pass(&mut self, visit: &Visit<'r>, result: Option<&Value>) -> Result<Exit, Fault> {
        let made = self.effective_input(visit)?;
        let made = result.map_or(made, |result| Arc::new(result.clone()));
        self.leave(visit, made, visit.state.next)
    }

    fn choose(&mut self, visit: &Visit<'r>, choices: &'r [Choice], default: Option<usize>) -> Result<Exit, Fault> {
        let input = self.effective_input(visit)?;
        for choice in choices {
            let holds = match &choice.condition {
                Condition::Rule(rule) => {
                    self.evaluate(visit, &input, |scope| rule.holds(scope)).map_err(|error| match error {
                        EvalError::Missing { path, .. } => visit.runtime(&format!(
                            "Invalid path '{path}': The choice state's condition path references an invalid value."
                        )),
                        other => self.fault(visit, other),
                    })?
                }
                Condition::Formula(template) => {
                    let value = self.make(visit, template, &input, None)?;
                    let Some(holds) = value.as_bool() else {
                        return Err(self.unexpected(visit, template, "Condition", "boolean", &value));
                    };
                    holds
                }
            };
            if holds {
                let next = Next::State(choice.next);
                return self.leave_by(visit, input, next, choice.assign.as_ref(), choice.output.as_ref());
            }
        }
        if let Some(default) = default {
            return self.hand_on(visit, Next::State(default));
        }
        let cause = "Failed to transition out of the state. The state does not point to a next state.";
        Err(Fault::named("States.NoChoiceMatched", visit.cause(cause)))
    }

    /// Leaves a state whose output is its input.
    pub fn hand_on(&mut self, visit: &Visit<'r>, next: Next) -> Result<Exit, Fault> {
        let input = self.effective_input(visit)?;
        self.leave_by(visit, input, next, visit.state.assign.as_ref(), None)
    }
}

/// A result that is larger than AWS lets it be.
pub(super) fn too_large(what: &str) -> Fault {
    let cause = format!(
        "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
    );
    Fault::named("States.DataLimitExceeded", cause)
}
