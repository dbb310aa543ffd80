//! What Step Functions keeps beyond the process: machines and their revisions, activities, and the executions of Standard
//! Workflows, each with its events and with the place in its machine's own flow that it can go on from.
//!
//! - An execution's row changes when it starts, is stopped, ends or is redriven; its events are rows that are only added.
//! - The place is a row that names the event which entered the state, and one that says how far the state's work is: the
//!   retries, and what is waited for. Beside a place everything that came after it in the history is done again.
//!
//! What runs inside of a Parallel or Map state has no place of its own: the whole state is done again. Executions of
//! Express Workflows are not kept: AWS too promises no more of them than it has told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Shared;
use super::asl;
use super::callbacks::{Activity, Callbacks, Signal};
use super::eval::Variables;
use super::execution::{Execution, Outcome, Redrives, Resume, Revision, Standing, Status};
use super::history::{Event, Failure, Scheduled, What};
use super::interpreter::Payload;
use super::map_run::MapRuns;
use super::registry::{Machine, Registry};
use crate::emulator::fabric::Fabric;
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

const MACHINE: &str = "machine";
const REVISION: &str = "revision";
const ACTIVITY: &str = "activity";
const EXECUTION: &str = "execution";
const EVENT: &str = "event";
/// The state that an execution is in.
const STATE: &str = "state";
/// How far it is in that state.
const PROGRESS: &str = "progress";
/// What was said of a task whose execution has not yet heard of it.
pub const SIGNAL: &str = "signal";

#[derive(Serialize, Deserialize)]
struct MachineRow {
    revision: String,
    created: Timestamp,
    tags: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct RevisionRow {
    arn: Arc<str>,
    name: Arc<str>,
    role: Arc<str>,
    definition: Arc<str>,
    kind: Arc<str>,
    id: Option<String>,
    made: Timestamp,
    logging: Option<Value>,
    tracing: Option<Value>,
    encryption: Option<Value>,
}

#[derive(Serialize, Deserialize)]
struct ActivityRow {
    name: String,
    created: Timestamp,
    tags: BTreeMap<String, String>,
}

/// An execution as it is written down, without its events.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecutionRow {
    /// Its place among all executions.
    pub number: u64,
    /// Its revision's key.
    pub revision: String,
    /// When it started.
    pub started: Timestamp,
    /// Its input.
    pub input: Arc<str>,
    /// How it stands.
    pub outcome: Outcome,
    /// Whether somebody has stopped it.
    pub stopping: bool,
    /// How often it was redriven.
    pub redrives: Redrives,
}

#[derive(Serialize, Deserialize)]
struct StateRow {
    entered: u64,
    variables: Vec<(String, Value)>,
}

/// How far an execution is in the state that it is in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The event that entered the state.
    pub entered: u64,
    /// Events of the history that stand.
    pub events: usize,
    /// The event that the next one follows.
    pub cursor: u64,
    /// Retries so far.
    pub retries: u64,
    /// The same by retrier.
    pub spent: Vec<u64>,
    /// When it is tried again, if it waits for that.
    pub retry_at: Option<Timestamp>,
    /// What it waits for, if it does.
    pub pending: Option<Pending>,
}

/// What a Task state waits for beyond an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Pending {
    /// It has given a token out, or is about to: the call is to be made again, with the same token.
    Called {
        /// The token.
        token: Arc<str>,
    },
    /// The call was made.
    Submitted {
        /// The token, where what it started is not looked at but tells of itself.
        token: Option<Arc<str>>,
        /// What was called.
        scheduled: Arc<Scheduled>,
        /// What the call answered.
        answer: Value,
        /// Until when it waits.
        deadline: Option<Timestamp>,
    },
    /// It was left for the workers of an activity.
    Activity {
        /// The token.
        token: Arc<str>,
        /// What was left.
        scheduled: Arc<Scheduled>,
        /// Until when it waits.
        deadline: Option<Timestamp>,
        /// Whether a worker took it.
        taken: bool,
    },
}

impl Pending {
    fn token(&self) -> Option<&Arc<str>> {
        match self {
            Self::Called { token } | Self::Activity { token, .. } => Some(token),
            Self::Submitted { token, .. } => token.as_ref(),
        }
    }
}

/// The last word about a task, as it is written down.
#[derive(Serialize, Deserialize)]
pub enum SignalRow {
    /// Its result.
    Succeeded(Value),
    /// Its failure.
    Failed(Failure),
}

/// The rows of one execution.
#[derive(Debug)]
pub struct Kept {
    shelf: ShelfOf,
    id: String,
    number: OnceLock<u64>,
    /// Whether the execution was dropped: then nothing of it is written any more.
    gone: Mutex<bool>,
}

/// A shelf that can be shown.
struct ShelfOf(Shelf);

impl std::fmt::Debug for ShelfOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shelf")
    }
}

impl Kept {
    /// The rows of an execution; `None` where none are kept.
    #[must_use]
    pub fn of(shelf: &Shelf, revision: &Revision, name: &str) -> Option<Arc<Self>> {
        let id = format!("{}:{name}", revision.name);
        (shelf.is_kept() && &*revision.kind != "EXPRESS").then(|| Arc::new(Self::new(shelf, id)))
    }

    fn new(shelf: &Shelf, id: String) -> Self {
        Self { shelf: ShelfOf(shelf.clone()), id, number: OnceLock::new(), gone: Mutex::default() }
    }

    fn write(&self, write: impl FnOnce(&Shelf)) {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if !*gone {
            write(&self.shelf.0);
        }
    }

    /// Says its place among all executions, once.
    pub fn place(&self, number: u64) {
        self.number.get_or_init(|| number);
    }

    /// Writes the execution; nothing before its place is known.
    pub fn execution(&self, row: impl FnOnce(u64) -> ExecutionRow) {
        if let Some(number) = self.number.get() {
            self.write(|shelf| shelf.put(EXECUTION, &self.id, &row(*number)));
        }
    }

    fn event_id(&self, index: usize) -> String {
        format!("{}/{index:05}", self.id)
    }

    /// Adds an event.
    pub fn event(&self, index: usize, event: &Event) {
        self.write(|shelf| shelf.put(EVENT, &self.event_id(index), event));
    }

    /// Takes events out.
    pub fn cut(&self, events: Range<usize>) {
        self.write(|shelf| events.for_each(|index| shelf.delete(EVENT, &self.event_id(index))));
    }

    /// Notes the state that it has entered.
    pub fn enter(&self, entered: u64, variables: &Variables) {
        let variables = variables.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        self.write(|shelf| shelf.put(STATE, &self.id, &StateRow { entered, variables }));
    }

    /// Notes how far it is in that state.
    pub fn progress(&self, progress: &Progress) {
        self.write(|shelf| shelf.put(PROGRESS, &self.id, progress));
    }

    /// Forgets where it was: it has ended for good.
    pub fn leave(&self) {
        self.write(|shelf| {
            shelf.delete(STATE, &self.id);
            shelf.delete(PROGRESS, &self.id);
        });
    }

    /// Takes everything of it out, of so many events.
    pub fn forget(&self, events: usize) {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *gone, true) {
            return;
        }
        let shelf = &self.shelf.0;
        shelf.delete(EXECUTION, &self.id);
        shelf.delete(STATE, &self.id);
        shelf.delete(PROGRESS, &self.id);
        (0..events).for_each(|index| shelf.delete(EVENT, &self.event_id(index)));
    }
}

/// Writes a machine down with its revision of now.
pub fn keep_machine(shelf: &Shelf, machine: &Machine) {
    if !shelf.is_kept() {
        return;
    }
    let revision = &machine.revision;
    let row = RevisionRow {
        arn: Arc::clone(&revision.arn),
        name: Arc::clone(&revision.name),
        role: Arc::clone(&revision.role),
        definition: Arc::from(&*revision.definition.text),
        kind: Arc::clone(&revision.kind),
        id: revision.id.clone(),
        made: revision.made,
        logging: revision.logging.clone(),
        tracing: revision.tracing.clone(),
        encryption: revision.encryption.clone(),
    };
    let key = revision.key();
    shelf.put(REVISION, &key, &row);
    let row = MachineRow { revision: key, created: machine.created, tags: machine.tags.clone() };
    shelf.put(MACHINE, &revision.name, &row);
}

/// Takes a machine out with all its executions.
pub fn forget_machine(shelf: &Shelf, machine: &Machine) {
    if !shelf.is_kept() {
        return;
    }
    shelf.delete(MACHINE, &machine.revision.name);
    let mut revisions = HashSet::from([machine.revision.key()]);
    for (_, execution) in machine.newest(u64::MAX) {
        execution.forget();
        revisions.insert(execution.revision.key());
    }
    for key in &revisions {
        shelf.delete(REVISION, key);
    }
}

/// Writes an activity down.
pub fn keep_activity(shelf: &Shelf, arn: &str, activity: &Activity) {
    if shelf.is_kept() {
        let Activity { name, created, tags, .. } = activity;
        shelf.put(ACTIVITY, arn, &ActivityRow { name: name.clone(), created: *created, tags: tags.clone() });
    }
}

/// Takes an activity out.
pub fn forget_activity(shelf: &Shelf, arn: &str) {
    shelf.delete(ACTIVITY, arn);
}

/// Executions by the order in which they were started.
type Running = Vec<(u64, Arc<Execution>)>;

/// What was kept, with the executions that run.
///
/// # Errors
/// When a row cannot be read.
pub fn load(fabric: Fabric) -> Result<(Shared, Running), KeepError> {
    let shelf = fabric.keep().shelf("states");
    let callbacks = Arc::new(Callbacks::kept(shelf.clone(), fabric.shutdown_token().clone()));
    for (arn, ActivityRow { name, created, tags }) in shelf.all(ACTIVITY)? {
        callbacks.activities().insert(arn, Activity::new(name, created, tags));
    }
    let mut registry = Registry::default();
    let revisions = revisions(&shelf)?;
    let mut used = HashSet::new();
    for (name, row) in shelf.all::<MachineRow>(MACHINE)? {
        let Some(revision) = revisions.get(&row.revision) else {
            shelf.delete(MACHINE, &name);
            continue;
        };
        used.insert(row.revision);
        registry.create(Arc::clone(revision), row.created, row.tags);
    }
    let mut signals: HashMap<String, SignalRow> = shelf.all(SIGNAL)?.into_iter().collect();
    let mut load = Load { fabric: &fabric, shelf: &shelf, callbacks: &callbacks, signals: &mut signals };
    let mut executions = load.executions(&revisions)?;
    executions.sort_by_key(|(number, _)| *number);
    executions.retain(|(number, execution)| {
        used.insert(execution.revision.key());
        let is_known = registry.restore(*number, execution);
        if !is_known {
            execution.forget();
        }
        is_known
    });
    for token in signals.keys() {
        shelf.delete(SIGNAL, token);
    }
    revisions.keys().filter(|key| !used.contains(*key)).for_each(|key| shelf.delete(REVISION, key));
    let (running, mut ended): (Vec<_>, Vec<_>) =
        executions.into_iter().partition(|(_, execution)| execution.status() == Status::Running);
    ended.sort_by_key(|(_, execution)| execution.outcome().stopped);
    let now = fabric.clock().now();
    for (number, execution) in ended {
        registry.end(number, &execution, now);
    }
    let map_runs = MapRuns::kept(shelf.clone())?;
    Ok((Shared { fabric, shelf, registry: Mutex::new(registry), callbacks, map_runs }, running))
}

fn revisions(shelf: &Shelf) -> Result<HashMap<String, Arc<Revision>>, KeepError> {
    let mut revisions = HashMap::new();
    for (key, row) in shelf.all::<RevisionRow>(REVISION)? {
        let RevisionRow { arn, name, role, definition, kind, id, made, logging, tracing, encryption } = row;
        let definition = match asl::read(&definition, &*kind == "EXPRESS") {
            Ok(definition) => definition,
            Err(problems) => {
                tracing::warn!(%arn, problem = asl::in_one_line(&problems), "a definition is not valid any more");
                continue;
            }
        };
        let revision = Revision { arn, name, role, definition, kind, id, made, logging, tracing, encryption };
        revisions.insert(key, Arc::new(revision));
    }
    Ok(revisions)
}

/// What executions are put together from.
struct Load<'a> {
    fabric: &'a Fabric,
    shelf: &'a Shelf,
    callbacks: &'a Arc<Callbacks>,
    signals: &'a mut HashMap<String, SignalRow>,
}

impl Load<'_> {
    fn executions(&mut self, revisions: &HashMap<String, Arc<Revision>>) -> Result<Running, KeepError> {
        let rows = self.shelf.all::<ExecutionRow>(EXECUTION)?;
        let mut states: HashMap<String, StateRow> = self.shelf.all(STATE)?.into_iter().collect();
        let mut progress: HashMap<String, Progress> = self.shelf.all(PROGRESS)?.into_iter().collect();
        let mut events: HashMap<String, Vec<Event>> = HashMap::new();
        for (id, event) in self.shelf.all::<Event>(EVENT)? {
            let Some((execution, _)) = id.rsplit_once('/') else { continue };
            match events.get_mut(execution) {
                Some(events) => events.push(event),
                None => drop(events.insert(execution.to_owned(), vec![event])),
            }
        }
        let mut executions = Vec::new();
        for (id, row) in rows {
            let events = events.remove(&id).unwrap_or_default();
            let kept = Arc::new(Kept::new(self.shelf, id.clone()));
            let (Some(revision), Some((_, name))) = (revisions.get(&row.revision), id.split_once(':')) else {
                kept.forget(events.len());
                continue;
            };
            let arn = self.fabric.arn("states", format!("execution:{id}")).to_string();
            let number = row.number;
            kept.place(number);
            let identity = (Arc::from(arn), Arc::from(name));
            let execution = Execution::restored(identity, Arc::clone(revision), kept, row, events);
            self.place(&execution, states.remove(&id), progress.remove(&id));
            executions.push((number, Arc::new(execution)));
        }
        // Of executions that were dropped when the process ended.
        for (id, events) in events {
            Kept::new(self.shelf, id).forget(events.len());
        }
        Ok(executions)
    }

    /// Puts an execution where it can go on: in the state that it was in, before the first one, or before its redrive.
    fn place(&mut self, execution: &Execution, state: Option<StateRow>, progress: Option<Progress>) {
        let mut history = execution.history();
        let runs = execution.status() == Status::Running;
        let Some((state, at)) = state.and_then(|row| resume(execution, &history, row)) else {
            if runs {
                history.cut(0);
            }
            return;
        };
        if !runs {
            drop(history);
            return execution.reach(state);
        }
        let is_redrive = |event: &Event| matches!(event.what, What::ExecutionRedriven(_));
        let redriven = history.events().rposition(is_redrive);
        let told = history.events().filter(|event| is_redrive(event)).count() as u64;
        let ended = history.events().rposition(|event| {
            matches!(event.what, What::ExecutionFailed(_) | What::ExecutionAborted(_) | What::ExecutionTimedOut)
        });
        // An end after the state was entered is one that a redrive has overcome, of which the history may not yet tell.
        if let Some(ended) = ended.filter(|ended| *ended as u64 >= at.event) {
            let overcome = redriven.filter(|redriven| *redriven > ended);
            if overcome.is_some() || told < execution.redrives().count {
                history.cut(overcome.unwrap_or(ended + 1));
                drop(history);
                return execution.reach(state);
            }
        }
        let Entered { event: entered, before, moment } = at;
        let progress = progress.filter(|progress| progress.entered == entered).unwrap_or_else(|| Progress {
            entered,
            events: usize::try_from(entered).unwrap_or(usize::MAX),
            cursor: entered,
            retries: 0,
            spent: Vec::new(),
            retry_at: None,
            pending: None,
        });
        history.cut(progress.events);
        drop(history);
        let token = progress.pending.as_ref().and_then(Pending::token);
        let ticket = token.map(|token| {
            let said = self.signals.remove(&**token).map(|row| match row {
                SignalRow::Succeeded(value) => Signal::Succeeded(value),
                SignalRow::Failed(failure) => Signal::Failed(failure),
            });
            self.callbacks.reopened(Arc::clone(token), said)
        });
        execution.stand(Standing {
            resume: state,
            entered: (entered, before, moment),
            cursor: progress.cursor,
            retries: (progress.retries, progress.spent),
            retry_at: progress.retry_at,
            pending: progress.pending,
            ticket,
        });
    }
}

/// The event that entered a state.
struct Entered {
    event: u64,
    before: u64,
    moment: Timestamp,
}

/// The state that a row names, as its event tells of it.
fn resume(execution: &Execution, history: &super::history::History, row: StateRow) -> Option<(Resume, Entered)> {
    let event = history.event(row.entered)?;
    let What::Entered(_, name, input) = &event.what else { return None };
    let states = &execution.revision.definition.flow.states;
    let state = states.iter().position(|state| state.name == *name)?;
    let value = Arc::new(serde_json::from_str(input).ok()?);
    let mut variables = Variables::default();
    for (name, value) in row.variables {
        variables.set(&name, value);
    }
    let input = Payload { value, text: Arc::clone(input) };
    let at = Entered { event: row.entered, before: event.previous, moment: event.at };
    Some((Resume { state, input, variables }, at))
}
