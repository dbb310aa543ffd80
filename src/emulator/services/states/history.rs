//! What happened in an execution, event by event, as AWS records it. Events are kept in their own compact form and
//! written as JSON a page at a time, so that following a long history stays cheap.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::kept::Kept;
use crate::model::Timestamp;

/// Events that a history has at most.
pub const MOST_EVENTS: usize = 25_000;

/// A word of AWS's own: a type of states, or of events without details.
type Word = &'static str;

/// Every [`Word`].
const WORDS: [Word; 18] = [
    "Choice",
    "Fail",
    "Map",
    "MapRunSucceeded",
    "MapStateAborted",
    "MapStateFailed",
    "MapStateSucceeded",
    "Parallel",
    "ParallelStateAborted",
    "ParallelStateFailed",
    "ParallelStateStarted",
    "ParallelStateSucceeded",
    "Pass",
    "Succeed",
    "Task",
    "TaskStateAborted",
    "Wait",
    "WaitStateAborted",
];

/// Reads a word that was written down.
fn word<'a, D: Deserializer<'a>>(from: D) -> Result<Word, D::Error> {
    let text = String::deserialize(from)?;
    let known = WORDS.iter().find(|word| **word == text).copied();
    known.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no word of a history")))
}

/// Writes down what a later event of a task needs of it: its parameters are those of the event that scheduled it.
fn in_brief<S: Serializer>(task: &Arc<Scheduled>, to: S) -> Result<S::Ok, S::Error> {
    Scheduled { parameters: Arc::from(""), ..Scheduled::clone(task) }.serialize(to)
}

/// One event; its id is its place in the history, from 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// The event that led to it; 0 for the first ones.
    pub previous: u64,
    /// What happened.
    pub what: What,
}

/// Error and cause of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error's name.
    pub error: Option<String>,
    /// What caused it.
    pub cause: Option<String>,
}

/// The words after `MapIteration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Iteration {
    /// It began.
    Started,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
    /// Another one failed before it ended.
    Aborted,
}

/// What a scheduled task was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scheduled {
    /// Such as `invoke`.
    pub resource: Arc<str>,
    /// Such as `lambda`; `None` for a function or an activity by its ARN.
    pub kind: Option<Arc<str>>,
    /// Whether it is the task of an activity.
    pub activity: bool,
    /// What it is called with.
    pub parameters: Arc<str>,
    /// The region it is called in.
    pub region: Arc<str>,
    /// Seconds that it may take.
    pub timeout: Option<u64>,
    /// Seconds between two heartbeats.
    pub heartbeat: Option<u64>,
}

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum What {
    /// `ExecutionStarted`
    ExecutionStarted(Arc<str>, Arc<str>),
    /// `ExecutionSucceeded`
    ExecutionSucceeded(Arc<str>),
    /// `ExecutionFailed`
    ExecutionFailed(Box<Failure>),
    /// `ExecutionAborted`
    ExecutionAborted(Box<Failure>),
    /// `ExecutionTimedOut`
    ExecutionTimedOut,
    /// `…StateEntered`: type, name, input.
    Entered(#[serde(deserialize_with = "word")] Word, Arc<str>, Arc<str>),
    /// `…StateExited`: type, name, output, assigned variables.
    Exited(#[serde(deserialize_with = "word")] Word, Arc<str>, Arc<str>, Option<Box<Map<String, Value>>>),
    /// An event without details: `ParallelStateStarted`, `TaskStateAborted`, …
    Bare(#[serde(deserialize_with = "word")] Word),
    /// `MapStateStarted` with the number of items.
    MapStarted(usize),
    /// `MapIteration…`: which, the state's name, the item's index.
    Iteration(Iteration, Arc<str>, usize),
    /// `MapRunStarted`
    MapRunStarted(Arc<str>),
    /// `MapRunFailed`
    MapRunFailed(Box<Failure>),
    /// `LambdaFunctionScheduled`, `TaskScheduled`, `ActivityScheduled`
    Scheduled(Arc<Scheduled>),
    /// `LambdaFunctionStarted`, `TaskStarted`
    Started(#[serde(serialize_with = "in_brief")] Arc<Scheduled>),
    /// `ActivityStarted`: the worker's name.
    ActivityStarted(Option<String>),
    /// `ActivityScheduleFailed`
    ActivityScheduleFailed(Box<Failure>),
    /// `TaskSubmitted`: what the call answered.
    Submitted(#[serde(serialize_with = "in_brief")] Arc<Scheduled>, Arc<str>),
    /// `TaskSubmitFailed`: the call of a task that was to wait for more failed.
    SubmitFailed(#[serde(serialize_with = "in_brief")] Arc<Scheduled>, Box<Failure>),
    /// `LambdaFunctionSucceeded`, `TaskSucceeded`, `ActivitySucceeded`
    Succeeded(#[serde(serialize_with = "in_brief")] Arc<Scheduled>, Arc<str>),
    /// `LambdaFunctionFailed`, `TaskFailed`, `ActivityFailed`
    Failed(#[serde(serialize_with = "in_brief")] Arc<Scheduled>, Box<Failure>),
    /// `LambdaFunctionTimedOut`, `TaskTimedOut`, `ActivityTimedOut`
    TimedOut(#[serde(serialize_with = "in_brief")] Arc<Scheduled>, Box<Failure>),
    /// `ExecutionRedriven`: how often it was by now.
    ExecutionRedriven(u64),
    /// `EvaluationFailed`: state, location, failure.
    EvaluationFailed(Arc<str>, Option<String>, Box<Failure>),
}

/// The events of one execution.
#[derive(Debug, Default)]
pub struct History {
    events: Vec<Event>,
    bytes: usize,
    kept: Option<Arc<Kept>>,
}

impl History {
    /// A history that is kept, with what it was so far.
    #[must_use]
    pub fn kept(kept: Arc<Kept>, events: Vec<Event>) -> Self {
        let bytes = events.iter().map(|event| size_of::<Event>() + event.what.payload()).sum();
        Self { events, bytes, kept: Some(kept) }
    }

    /// The event of that id.
    #[must_use]
    pub fn event(&self, id: u64) -> Option<&Event> {
        self.events.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    /// Every event, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> + ExactSizeIterator {
        self.events.iter()
    }

    /// Forgets every event beyond the first `count`.
    pub fn cut(&mut self, count: usize) {
        for event in self.events.iter().skip(count) {
            self.bytes -= size_of::<Event>() + event.what.payload();
        }
        if let Some(kept) = &self.kept {
            kept.cut(count..self.events.len());
        }
        self.events.truncate(count);
    }

    /// How many events there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.events.len()
    }

    /// About how many bytes the events hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event and returns its id.
    pub fn push(&mut self, at: Timestamp, previous: u64, what: What) -> u64 {
        self.bytes += size_of::<Event>() + what.payload();
        self.events.push(Event { at, previous, what });
        if let (Some(kept), Some(event)) = (&self.kept, self.events.last()) {
            kept.event(self.events.len() - 1, event);
        }
        self.events.len() as u64
    }

    /// Up to `count` events as `GetExecutionHistory` has them, beginning with the one that has `skip` before it (after
    /// it, when `reverse`).
    #[must_use]
    pub fn page(&self, skip: usize, count: usize, reverse: bool, data: bool) -> Vec<Value> {
        let write = |(index, event): (usize, &Event)| event.to_json(index as u64 + 1, data);
        let events = self.events.iter().enumerate();
        if reverse {
            events.rev().skip(skip).take(count).map(write).collect()
        } else {
            events.skip(skip).take(count).map(write).collect()
        }
    }

    /// Gives back memory that was set aside for events to come.
    pub fn finish(&mut self) {
        self.events.shrink_to_fit();
    }
}

fn failure_details(failure: &Failure, details: &mut Map<String, Value>, data: bool) {
    if let Some(error) = failure.error.as_deref().filter(|_| data) {
        details.insert("error".to_owned(), error.into());
    }
    if let Some(cause) = failure.cause.as_deref().filter(|_| data) {
        details.insert("cause".to_owned(), cause.into());
    }
}

impl Scheduled {
    fn prefix(&self) -> &'static str {
        match (&self.kind, self.activity) {
            (Some(_), _) => "Task",
            (None, true) => "Activity",
            (None, false) => "LambdaFunction",
        }
    }

    fn name(&self) -> Map<String, Value> {
        let mut details = Map::new();
        if let Some(kind) = &self.kind {
            details.insert("resourceType".to_owned(), (&**kind).into());
            details.insert("resource".to_owned(), (&*self.resource).into());
        }
        details
    }
}

impl What {
    /// The event's type as AWS spells it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::ExecutionStarted(..) => "ExecutionStarted".to_owned(),
            Self::ExecutionSucceeded(_) => "ExecutionSucceeded".to_owned(),
            Self::ExecutionFailed(_) => "ExecutionFailed".to_owned(),
            Self::ExecutionAborted(_) => "ExecutionAborted".to_owned(),
            Self::ExecutionTimedOut => "ExecutionTimedOut".to_owned(),
            Self::Entered(kind, ..) => format!("{kind}StateEntered"),
            Self::Exited(kind, ..) => format!("{kind}StateExited"),
            Self::Bare(name) => (*name).to_owned(),
            Self::MapStarted(_) => "MapStateStarted".to_owned(),
            Self::Iteration(iteration, ..) => format!("MapIteration{iteration:?}"),
            Self::MapRunStarted(_) => "MapRunStarted".to_owned(),
            Self::MapRunFailed(_) => "MapRunFailed".to_owned(),
            Self::Scheduled(task) => format!("{}Scheduled", task.prefix()),
            Self::Started(task) => format!("{}Started", task.prefix()),
            Self::ActivityStarted(_) => "ActivityStarted".to_owned(),
            Self::ActivityScheduleFailed(_) => "ActivityScheduleFailed".to_owned(),
            Self::Submitted(..) => "TaskSubmitted".to_owned(),
            Self::SubmitFailed(..) => "TaskSubmitFailed".to_owned(),
            Self::ExecutionRedriven(_) => "ExecutionRedriven".to_owned(),
            Self::Succeeded(task, _) => format!("{}Succeeded", task.prefix()),
            Self::Failed(task, _) => format!("{}Failed", task.prefix()),
            Self::TimedOut(task, _) => format!("{}TimedOut", task.prefix()),
            Self::EvaluationFailed(..) => "EvaluationFailed".to_owned(),
        }
    }

    /// The member that holds the event's details, and the details; `None` where there are none.
    fn details(&self, data: bool) -> Option<(String, Map<String, Value>)> {
        let mut details = Map::new();
        let payload = |details: &mut Map<String, Value>, name: &str, text: &Arc<str>| {
            if data {
                details.insert(name.to_owned(), (&**text).into());
            }
            details.insert(format!("{name}Details"), json!({"truncated": false}));
        };
        let member = match self {
            Self::ExecutionStarted(input, role) => {
                payload(&mut details, "input", input);
                details.insert("roleArn".to_owned(), (&**role).into());
                "executionStarted".to_owned()
            }
            Self::ExecutionSucceeded(output) => {
                payload(&mut details, "output", output);
                "executionSucceeded".to_owned()
            }
            Self::ExecutionFailed(failure) | Self::ExecutionAborted(failure) => {
                failure_details(failure, &mut details, data);
                let aborted = matches!(self, Self::ExecutionAborted(_));
                if aborted { "executionAborted" } else { "executionFailed" }.to_owned()
            }
            Self::ExecutionTimedOut => "executionTimedOut".to_owned(),
            Self::Entered(_, name, input) => {
                details.insert("name".to_owned(), (&**name).into());
                payload(&mut details, "input", input);
                "stateEntered".to_owned()
            }
            Self::Exited(_, name, output, assigned) => {
                details.insert("name".to_owned(), (&**name).into());
                payload(&mut details, "output", output);
                if let Some(assigned) = assigned {
                    if data {
                        details.insert("assignedVariables".to_owned(), Value::Object((**assigned).clone()));
                    }
                    details.insert("assignedVariablesDetails".to_owned(), json!({"truncated": false}));
                }
                "stateExited".to_owned()
            }
            Self::Bare(_) => return None,
            Self::MapStarted(length) => {
                details.insert("length".to_owned(), (*length).into());
                "mapStateStarted".to_owned()
            }
            Self::Iteration(iteration, name, index) => {
                details.insert("name".to_owned(), (&**name).into());
                details.insert("index".to_owned(), (*index).into());
                format!("mapIteration{iteration:?}")
            }
            Self::MapRunStarted(arn) => {
                details.insert("mapRunArn".to_owned(), (&**arn).into());
                "mapRunStarted".to_owned()
            }
            Self::MapRunFailed(failure) => {
                failure_details(failure, &mut details, data);
                "mapRunFailed".to_owned()
            }
            Self::Scheduled(task) => {
                details = task.name();
                if let Some(timeout) = task.timeout {
                    details.insert("timeoutInSeconds".to_owned(), timeout.into());
                }
                if task.kind.is_some() {
                    details.insert("region".to_owned(), (&*task.region).into());
                    details.insert("parameters".to_owned(), (if data { &*task.parameters } else { "" }).into());
                } else {
                    details.insert("resource".to_owned(), (&*task.resource).into());
                    payload(&mut details, "input", &task.parameters);
                }
                if let Some(heartbeat) = task.heartbeat.filter(|_| task.kind.is_some() || task.activity) {
                    details.insert("heartbeatInSeconds".to_owned(), heartbeat.into());
                }
                decapitalised(task.prefix(), "Scheduled")
            }
            Self::Started(task) if task.kind.is_none() => return None,
            Self::Started(task) => {
                details = task.name();
                decapitalised(task.prefix(), "Started")
            }
            Self::ActivityStarted(worker) => {
                details.extend(worker.as_deref().map(|worker| ("workerName".to_owned(), worker.into())));
                "activityStarted".to_owned()
            }
            Self::ActivityScheduleFailed(failure) => {
                failure_details(failure, &mut details, data);
                "activityScheduleFailed".to_owned()
            }
            Self::Submitted(task, output) | Self::Succeeded(task, output) => {
                details = task.name();
                payload(&mut details, "output", output);
                let submitted = matches!(self, Self::Submitted(..));
                decapitalised(task.prefix(), if submitted { "Submitted" } else { "Succeeded" })
            }
            Self::SubmitFailed(task, failure) => {
                details = task.name();
                failure_details(failure, &mut details, data);
                "taskSubmitFailed".to_owned()
            }
            Self::ExecutionRedriven(count) => {
                details.insert("redriveCount".to_owned(), (*count).into());
                "executionRedriven".to_owned()
            }
            Self::Failed(task, failure) | Self::TimedOut(task, failure) => {
                details = task.name();
                failure_details(failure, &mut details, data);
                let timed_out = matches!(self, Self::TimedOut(..));
                decapitalised(task.prefix(), if timed_out { "TimedOut" } else { "Failed" })
            }
            Self::EvaluationFailed(state, location, failure) => {
                failure_details(failure, &mut details, data);
                details.extend(location.as_deref().map(|location| ("location".to_owned(), location.into())));
                details.insert("state".to_owned(), (&**state).into());
                "evaluationFailed".to_owned()
            }
        };
        Some((format!("{member}EventDetails"), details))
    }

    /// Bytes of texts that come with this event; those that it shares with the one before it are not counted.
    fn payload(&self) -> usize {
        match self {
            Self::ExecutionStarted(text, _)
            | Self::Exited(_, _, text, _)
            | Self::Submitted(_, text)
            | Self::Succeeded(_, text) => text.len(),
            Self::Scheduled(task) => task.parameters.len(),
            Self::Failed(_, failure) => failure.cause.as_ref().map_or(0, String::len),
            _ => 0,
        }
    }
}

fn decapitalised(prefix: &str, rest: &str) -> String {
    let prefix = match prefix {
        "Task" => "task",
        "Activity" => "activity",
        _ => "lambdaFunction",
    };
    format!("{prefix}{rest}")
}

impl Event {
    /// The event as `GetExecutionHistory` has it; without inputs, outputs and causes unless `data`.
    #[must_use]
    pub fn to_json(&self, id: u64, data: bool) -> Value {
        let mut event = Map::new();
        event.insert("timestamp".to_owned(), self.at.epoch_seconds().into());
        event.insert("type".to_owned(), self.what.name().into());
        event.insert("id".to_owned(), id.into());
        event.insert("previousEventId".to_owned(), self.previous.into());
        if let Some((member, details)) = self.what.details(data) {
            event.insert(member, Value::Object(details));
        }
        Value::Object(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(count: usize) -> History {
        let mut history = History::default();
        for at in 0..count {
            let text = Arc::from(format!("{{\"n\":{at}}}"));
            history.push(Timestamp::from_millis(1_500), at as u64, What::Entered("Pass", Arc::from("P"), text));
        }
        history
    }

    #[test]
    fn a_page_is_cut_from_either_end() {
        let history = history(10);
        let ids = |page: Vec<Value>| page.iter().map(|event| event["id"].as_u64().expect("an id")).collect::<Vec<_>>();
        assert_eq!(ids(history.page(0, 3, false, true)), [1, 2, 3]);
        assert_eq!(ids(history.page(8, 5, false, true)), [9, 10]);
        assert_eq!(ids(history.page(0, 3, true, true)), [10, 9, 8]);
        assert_eq!(ids(history.page(9, 3, true, true)), [1]);
        assert!(history.page(10, 3, false, true).is_empty());
    }

    #[test]
    fn an_event_is_written_as_aws_writes_it() {
        let event = &history(1).page(0, 1, false, true)[0];
        let expected = json!({
            "timestamp": 1.5, "type": "PassStateEntered", "id": 1, "previousEventId": 0,
            "stateEnteredEventDetails": {"name": "P", "input": "{\"n\":0}", "inputDetails": {"truncated": false}},
        });
        assert_eq!(event, &expected);
        let bare = &history(1).page(0, 1, false, false)[0];
        assert_eq!(bare["stateEnteredEventDetails"].get("input"), None);
    }

    #[test]
    fn tasks_and_functions_have_members_of_their_own() {
        let task = |kind: Option<&str>| Scheduled {
            resource: Arc::from("invoke"),
            kind: kind.map(Arc::from),
            activity: false,
            parameters: Arc::from("{}"),
            region: Arc::from("us-east-1"),
            timeout: Some(30),
            heartbeat: None,
        };
        let written = |what: What| Event { at: Timestamp::default(), previous: 2, what }.to_json(3, true);
        let scheduled = written(What::Scheduled(Arc::new(task(Some("lambda")))));
        assert_eq!(scheduled["type"], "TaskScheduled");
        assert_eq!(
            scheduled["taskScheduledEventDetails"],
            json!({"resourceType": "lambda", "resource": "invoke", "timeoutInSeconds": 30, "region": "us-east-1",
                   "parameters": "{}"})
        );
        let scheduled = written(What::Scheduled(Arc::new(task(None))));
        assert_eq!(
            scheduled["lambdaFunctionScheduledEventDetails"],
            json!({"timeoutInSeconds": 30, "resource": "invoke", "input": "{}", "inputDetails": {"truncated": false}})
        );
        let started = written(What::Started(Arc::new(task(None))));
        assert_eq!(
            (started["type"].as_str(), started.as_object().map(Map::len)),
            (Some("LambdaFunctionStarted"), Some(4))
        );
        let failure = Failure { error: Some("E".into()), cause: None };
        let failed = written(What::Failed(Arc::new(task(Some("lambda"))), Box::new(failure)));
        assert_eq!(
            failed["taskFailedEventDetails"],
            json!({"resourceType": "lambda", "resource": "invoke", "error": "E"})
        );
    }
}
