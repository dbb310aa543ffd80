//! An execution as its history tells it: which state is current, what is done, what failed, how often round. Folded
//! from history events in their order; an event that was seen before changes nothing.

use std::collections::{HashMap, HashSet, VecDeque};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::flow::{ExecutionSeen, ExecutionStatus, HistoryEvent};
use super::machine::Machine;
use super::{SetId, Timestamp};

/// History events that are kept of one execution; a full reconciliation has 15,378, which a screen need not hold.
const KEPT_EVENTS: usize = 4_000;

/// Executions that are kept; the oldest one that has ended makes room.
const KEPT_EXECUTIONS: usize = 500;

/// How far an execution is with a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Progress {
    /// Never entered.
    #[default]
    NotVisited,
    /// Entered and not yet left.
    Current,
    /// Left, the last time without an error.
    Done,
    /// Left by an error that was caught.
    Caught,
    /// The execution ended in it, and not well.
    Failed,
    /// It was under way when what it belongs to ended.
    Cancelled,
}

/// What is known of one state of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Visit {
    /// How far it is.
    pub progress: Progress,
    /// How often it was entered.
    pub entered: u64,
    /// When it was entered last.
    pub since: Option<Timestamp>,
    /// When it was left last.
    pub left: Option<Timestamp>,
    /// How often it is under way at once; more than once in a Map only.
    active: u64,
    /// Whether an error came up since it was entered.
    troubled: bool,
}

/// An event of a history and when it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastEvent {
    /// When it happened.
    pub at: Timestamp,
    /// The event.
    pub event: HistoryEvent,
}

/// One execution.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// Its name; the end of its ARN until it was listed.
    pub name: String,
    /// The dataset that it reconciles.
    pub set_id: Option<SetId>,
    /// Its status, once it was listed.
    pub status: Option<ExecutionStatus>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// The newest events, oldest first.
    pub history: VecDeque<PastEvent>,
    /// Older events that are no longer kept.
    pub dropped: u64,
    /// Error and cause, where it did not end well.
    pub failure: Option<String>,
    /// The largest number of rounds, where the input of a state tells it (`iterator.Payload.count`).
    pub limit: Option<u64>,
    states: HashMap<String, Visit>,
    /// Wait states that are under way, when they were entered, and their input.
    waiting: Vec<(String, Timestamp, Value)>,
    /// From which state which one was entered.
    taken: HashSet<(String, String)>,
    furthest: i64,
}

impl Execution {
    /// What is known of the state of that name.
    #[must_use]
    pub fn visit(&self, state: &str) -> Visit {
        self.states.get(state).copied().unwrap_or_default()
    }

    /// Rounds so far: how often the state that was entered most was entered.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.states.values().map(|visit| visit.entered).max().unwrap_or(0)
    }

    /// The Wait state that was entered last and is under way, when it was entered and its input.
    #[must_use]
    pub fn waiting(&self) -> Option<(&str, Timestamp, &Value)> {
        self.waiting.last().map(|(state, since, input)| (state.as_str(), *since, input))
    }

    /// Since when the Wait state of that name is under way, and its input.
    #[must_use]
    pub fn waiting_in(&self, state: &str) -> Option<(Timestamp, &Value)> {
        self.waiting.iter().find(|(name, ..)| name == state).map(|(_, since, input)| (*since, input))
    }

    /// Whether one state was left for another.
    #[must_use]
    pub fn took(&self, from: &str, to: &str) -> bool {
        // A pair of owned texts cannot be looked up by borrowed ones.
        self.taken.iter().any(|(left, entered)| left == from && entered == to)
    }

    /// How far it is with a state of its machine: what is under way in a branch that has ended was cancelled, or failed.
    #[must_use]
    pub fn progress(&self, machine: &Machine, at: usize) -> Progress {
        let Some(state) = machine.states.get(at) else { return Progress::NotVisited };
        let visit = self.visit(&state.name);
        let mut parent = state.parent;
        while visit.progress == Progress::Current
            && let Some(holder) = parent.and_then(|parent| machine.states.get(parent))
        {
            if self.visit(&holder.name).progress != Progress::Current {
                return if visit.troubled { Progress::Failed } else { Progress::Cancelled };
            }
            parent = holder.parent;
        }
        visit.progress
    }

    /// The last event of that kind (`StateEntered`, `StateExited`) of a state, where it is still kept.
    #[must_use]
    pub fn last(&self, state: &str, kind: &str) -> Option<&PastEvent> {
        self.history
            .iter()
            .rev()
            .find(|past| past.event.state.as_deref() == Some(state) && past.event.kind.ends_with(kind))
    }

    /// Whether it goes on as far as is known.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status.is_none_or(|status| status == ExecutionStatus::Running)
    }

    fn list(&mut self, seen: &ExecutionSeen) {
        self.name.clone_from(&seen.name);
        if seen.set_id.is_some() {
            self.set_id.clone_from(&seen.set_id);
        }
        self.status = Some(seen.status);
        self.started = Some(seen.started);
        self.stopped = seen.stopped;
        match seen.status {
            ExecutionStatus::Running | ExecutionStatus::Succeeded => {}
            ExecutionStatus::Aborted => self.end_current(Progress::Cancelled),
            _ => self.end_current(Progress::Failed),
        }
    }

    fn see(&mut self, at: Timestamp, event: &HistoryEvent) -> bool {
        if event.id <= self.furthest {
            return false;
        }
        self.furthest = event.id;
        let kind = event.kind.as_str();
        if let Some(state) = &event.state {
            if kind.ends_with("StateEntered") {
                self.enter(state, at, event);
            } else if kind.ends_with("StateExited") {
                self.leave(state, at);
            }
        }
        match kind {
            "ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted" => {
                let text = |member: &str| event.details.get(member).and_then(Value::as_str);
                let words: Vec<&str> = text("error").into_iter().chain(text("cause")).collect();
                self.failure = Some(if words.is_empty() { kind.to_owned() } else { words.join(": ") });
                self.end_current(if kind == "ExecutionAborted" { Progress::Cancelled } else { Progress::Failed });
            }
            _ if kind.ends_with("Failed") || kind.ends_with("TimedOut") => self.trouble(event, true),
            // A retry that went well leaves nothing to catch.
            _ if kind.ends_with("Succeeded") => self.trouble(event, false),
            _ => {}
        }
        if self.history.len() == KEPT_EVENTS {
            self.history.pop_front();
            self.dropped += 1;
        }
        self.history.push_back(PastEvent { at, event: event.clone() });
        true
    }

    fn enter(&mut self, state: &str, at: Timestamp, event: &HistoryEvent) {
        if let Some(before) = self.past(event.previous_id)
            && before.event.kind.ends_with("StateExited")
            && let Some(left) = &before.event.state
        {
            let way = (left.clone(), state.to_owned());
            self.taken.insert(way);
        }
        let visit = self.states.entry(state.to_owned()).or_default();
        visit.progress = Progress::Current;
        visit.troubled = false;
        visit.entered += 1;
        visit.active += 1;
        visit.since = Some(at);
        let waits = event.kind == "WaitStateEntered";
        if waits || self.limit.is_none() {
            let input = parsed(event.details.get("input"));
            self.limit = self.limit.or_else(|| input.pointer("/iterator/Payload/count").and_then(Value::as_u64));
            if waits {
                self.waiting.retain(|(name, ..)| name != state);
                self.waiting.push((state.to_owned(), at, input));
            }
        }
    }

    fn leave(&mut self, state: &str, at: Timestamp) {
        let visit = self.states.entry(state.to_owned()).or_default();
        visit.active = visit.active.saturating_sub(1);
        visit.left = Some(at);
        if visit.active == 0 {
            visit.progress = if visit.troubled { Progress::Caught } else { Progress::Done };
            visit.troubled = false;
            self.waiting.retain(|(name, ..)| name != state);
        }
    }

    /// An event of that number, where it is still kept.
    fn past(&self, id: i64) -> Option<&PastEvent> {
        let at = self.history.binary_search_by_key(&id, |past| past.event.id).ok()?;
        self.history.get(at)
    }

    /// The state that an event belongs to, by the events that led to it: `Err` where these are not known.
    fn owner(&self, event: &HistoryEvent) -> Result<Option<String>, ()> {
        // What is said of a whole Parallel or Map comes after the events of its branches.
        let holder = ["ParallelState", "MapState"].into_iter().find(|holder| event.kind.starts_with(holder));
        let mut inner = 0_usize;
        let mut id = event.previous_id;
        // A task that is tried again has a few events for each time.
        for _ in 0..KEPT_EVENTS {
            let past = self.past(id).ok_or(())?;
            let kind = past.event.kind.as_str();
            let is_meant = holder.is_none_or(|holder| kind.starts_with(holder));
            if is_meant && kind.ends_with("StateEntered") {
                if inner == 0 {
                    return Ok(past.event.state.clone());
                }
                inner -= 1;
            } else if is_meant && kind.ends_with("StateExited") {
                if holder.is_none() {
                    return Ok(None);
                }
                inner += 1;
            }
            id = past.event.previous_id;
        }
        Err(())
    }

    /// Notes that an error came up, or that it was got over, in the state that an event belongs to.
    fn trouble(&mut self, event: &HistoryEvent, is_troubled: bool) {
        match self.owner(event) {
            Ok(Some(state)) => {
                if let Some(visit) = self.states.get_mut(&state) {
                    visit.troubled = is_troubled;
                }
            }
            Ok(None) => {}
            Err(()) => {
                let current = self.states.values_mut().filter(|visit| visit.progress == Progress::Current);
                current.for_each(|visit| visit.troubled = is_troubled);
            }
        }
    }

    fn end_current(&mut self, end: Progress) {
        self.waiting.clear();
        for visit in self.states.values_mut().filter(|visit| visit.progress == Progress::Current) {
            visit.progress = end;
        }
    }
}

/// A value that may be written as JSON in a text, as Step Functions writes input and output.
fn parsed(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(other) => other.clone(),
        None => Value::Null,
    }
}

/// Every execution that was seen, in the order in which they were.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Executions {
    by_arn: IndexMap<String, Execution>,
}

impl Executions {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_arn.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_arn.is_empty()
    }

    /// Number `index`, newest first.
    #[must_use]
    pub fn newest(&self, index: usize) -> Option<(&str, &Execution)> {
        let position = self.by_arn.len().checked_sub(index + 1)?;
        self.by_arn.get_index(position).map(|(arn, execution)| (arn.as_str(), execution))
    }

    /// How many newer ones than that of `arn` there are.
    #[must_use]
    pub fn age(&self, arn: &str) -> Option<usize> {
        Some(self.by_arn.len() - 1 - self.by_arn.get_index_of(arn)?)
    }

    /// The execution of that ARN.
    #[must_use]
    pub fn get(&self, arn: &str) -> Option<&Execution> {
        self.by_arn.get(arn)
    }

    /// Takes in a status; tells whether it is another one than before.
    pub fn list(&mut self, seen: &ExecutionSeen) -> bool {
        let execution = self.of(&seen.arn);
        let before = execution.status;
        execution.list(seen);
        before != execution.status
    }

    /// Takes in an event of a history; tells whether it is new.
    pub fn see(&mut self, at: Timestamp, event: &HistoryEvent) -> bool {
        self.of(&event.execution).see(at, event)
    }

    fn of(&mut self, arn: &str) -> &mut Execution {
        if self.by_arn.len() >= KEPT_EXECUTIONS && !self.by_arn.contains_key(arn) {
            let ended = self.by_arn.values().position(|execution| !execution.is_running()).unwrap_or(0);
            self.by_arn.shift_remove_index(ended);
        }
        self.by_arn.entry(arn.to_owned()).or_insert_with(|| Execution {
            arn: arn.to_owned(),
            name: arn.rsplit(':').next().unwrap_or(arn).to_owned(),
            ..Execution::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: i64, kind: &str, state: Option<&str>, details: Value) -> HistoryEvent {
        HistoryEvent {
            execution: "arn:x:run".to_owned(),
            id,
            previous_id: id - 1,
            kind: kind.to_owned(),
            state: state.map(str::to_owned),
            details,
        }
    }

    fn fold(events: &[HistoryEvent]) -> Executions {
        let mut executions = Executions::default();
        for event in events {
            executions.see(Timestamp::from_secs(event.id), event);
        }
        executions
    }

    #[test]
    fn a_wait_is_current_until_it_is_left() {
        let input = json!({"input": "{\"iterator\":{\"Payload\":{\"count\":960,\"ticker\":1}}}"});
        let mut events = vec![
            event(1, "ExecutionStarted", None, json!({})),
            event(2, "TaskStateEntered", Some("iteratorState"), json!({})),
            event(3, "TaskStateExited", Some("iteratorState"), json!({})),
            event(4, "WaitStateEntered", Some("wait"), input),
        ];
        let executions = fold(&events);
        let run = executions.get("arn:x:run").expect("seen");
        assert_eq!(run.waiting().map(|(state, since, _)| (state, since)), Some(("wait", Timestamp::from_secs(4))));
        assert_eq!(run.visit("iteratorState").progress, Progress::Done);
        assert_eq!((run.visit("wait").progress, run.limit), (Progress::Current, Some(960)));
        events.push(event(5, "WaitStateExited", Some("wait"), json!({})));
        events.push(event(6, "TaskStateEntered", Some("iteratorState"), json!({})));
        events.extend(events.clone());
        let executions = fold(&events);
        let run = executions.get("arn:x:run").expect("seen");
        assert_eq!((run.waiting(), run.rounds(), run.history.len()), (None, 2, 6));
        assert_eq!(run.visit("iteratorState").progress, Progress::Current);
        assert_eq!(run.visit("never").progress, Progress::NotVisited);
    }

    #[test]
    fn an_error_is_caught_retried_or_fatal() {
        let failed = [
            event(1, "TaskStateEntered", Some("a"), json!({})),
            event(2, "LambdaFunctionFailed", None, json!({"error": "E"})),
        ];
        let then = |more: &[HistoryEvent]| fold(&[&failed[..], more].concat());
        let progress = |all: &Executions| all.get("arn:x:run").expect("seen").visit("a").progress;
        let caught = then(&[event(3, "TaskStateExited", Some("a"), json!({}))]);
        assert_eq!(progress(&caught), Progress::Caught);
        let retried =
            then(&[event(3, "TaskSucceeded", None, json!({})), event(4, "TaskStateExited", Some("a"), json!({}))]);
        assert_eq!(progress(&retried), Progress::Done);
        let fatal = then(&[event(3, "ExecutionFailed", None, json!({"error": "E", "cause": "why"}))]);
        assert_eq!(progress(&fatal), Progress::Failed);
        assert_eq!(fatal.get("arn:x:run").and_then(|run| run.failure.as_deref()), Some("E: why"));
    }

    #[test]
    fn branches_that_run_at_once_are_told_apart() {
        let machine = Machine::read(&json!({
            "StartAt": "Both",
            "States": {
                "Both": {
                    "Type": "Parallel",
                    "Branches": [
                        {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "r", "End": true}}},
                        {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 9, "End": true}}}
                    ],
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}],
                    "End": true
                },
                "Broken": {"Type": "Fail"}
            }
        }))
        .expect("a definition");
        let after = |id: i64, previous_id: i64, kind: &str, state: Option<&str>| HistoryEvent {
            previous_id,
            ..event(id, kind, state, json!({}))
        };
        let mut events = vec![
            after(1, 0, "ExecutionStarted", None),
            after(2, 1, "ParallelStateEntered", Some("Both")),
            after(3, 2, "ParallelStateStarted", None),
            after(4, 3, "TaskStateEntered", Some("A")),
            after(5, 3, "WaitStateEntered", Some("B")),
            after(6, 4, "TaskScheduled", None),
            after(7, 6, "TaskFailed", None),
        ];
        let progress = |events: &[HistoryEvent]| {
            let all = fold(events);
            let run = all.get("arn:x:run").expect("seen").clone();
            let progress: Vec<Progress> = (0..machine.states.len()).map(|at| run.progress(&machine, at)).collect();
            (progress, run)
        };
        let (now, run) = progress(&events);
        assert_eq!(now, [Progress::Current, Progress::NotVisited, Progress::Current, Progress::Current]);
        assert_eq!(run.waiting_in("B").map(|(since, _)| since), Some(Timestamp::from_secs(5)));
        events.extend([
            after(8, 7, "ParallelStateFailed", None),
            after(9, 8, "ParallelStateExited", Some("Both")),
            after(10, 9, "FailStateEntered", Some("Broken")),
        ]);
        let (now, run) = progress(&events);
        assert_eq!(now, [Progress::Caught, Progress::Current, Progress::Failed, Progress::Cancelled]);
        assert!(run.took("Both", "Broken") && !run.took("A", "B"));
    }

    #[test]
    fn a_state_of_a_map_is_under_way_until_its_last_item_has_left_it() {
        let mut events = vec![
            event(1, "TaskStateEntered", Some("a"), json!({})),
            event(2, "TaskStateEntered", Some("a"), json!({})),
            event(3, "TaskStateExited", Some("a"), json!({})),
        ];
        let progress = |events: &[HistoryEvent]| fold(events).get("arn:x:run").expect("seen").visit("a");
        assert_eq!((progress(&events).progress, progress(&events).entered), (Progress::Current, 2));
        events.push(event(4, "TaskStateExited", Some("a"), json!({})));
        assert_eq!(progress(&events).progress, Progress::Done);
    }

    #[test]
    fn only_the_newest_events_are_kept() {
        let last = i64::try_from(KEPT_EVENTS).expect("a small number") + 10;
        let events: Vec<HistoryEvent> =
            (1..=last).map(|id| event(id, "PassStateEntered", Some("a"), json!({}))).collect();
        let executions = fold(&events);
        let run = executions.get("arn:x:run").expect("seen");
        assert_eq!((run.history.len(), run.dropped), (KEPT_EVENTS, 10));
        assert_eq!(run.history.back().map(|past| past.event.id), Some(last));
    }
}
