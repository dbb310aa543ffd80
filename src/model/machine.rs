//! A state machine's definition read into nodes and edges, to be drawn and to tell how long a wait lasts.
//!
//! It reads what Amazon States Language says and judges nothing: what is not understood is left out.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Timestamp;

/// How deep branches of Parallel and Map states are followed.
const MAX_DEPTH: usize = 16;

/// A state machine, drawn from its definition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The states, the first one first; those of a branch follow the state that holds them.
    pub states: Vec<MachineState>,
    /// The ways from state to state.
    pub edges: Vec<MachineEdge>,
}

/// A state of a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineState {
    /// Its name, as history names it.
    pub name: String,
    /// `Task`, `Choice`, `Wait`, … as the definition has it.
    pub kind: String,
    /// Whether an execution may end here.
    pub end: bool,
    /// The Parallel or Map state that it belongs to, as an index of [`Machine::states`].
    pub parent: Option<usize>,
    /// How long it waits; of Wait states only.
    pub wait: Option<WaitFor>,
    /// A few words on what it does: `λ reconcileCheck`, `30 s`, `2 branches`; empty where its kind says it all.
    pub detail: String,
}

/// How long a Wait state waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WaitFor {
    /// `Seconds`.
    Seconds(u64),
    /// `SecondsPath`, a path into the state's input.
    SecondsPath(String),
    /// `Timestamp`.
    Until(Timestamp),
    /// `TimestampPath`, a path into the state's input.
    UntilPath(String),
}

/// A way from one state to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineEdge {
    /// Index of the state that is left.
    pub from: usize,
    /// Index of the state that is entered.
    pub to: usize,
    /// Why this way is taken.
    pub way: Way,
}

/// Why a way is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// `Next`.
    Next,
    /// A rule of a Choice state, in short words.
    Rule(String),
    /// `Default` of a Choice state.
    Default,
    /// An error that is caught: the names of the errors.
    Catch(String),
    /// Into a branch of a Parallel or Map state.
    Branch,
}

impl Way {
    /// A few words for a drawing; empty for a plain way.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Next | Self::Branch => "",
            Self::Rule(rule) => rule,
            Self::Default => "else",
            Self::Catch(errors) => errors,
        }
    }
}

impl Machine {
    /// Reads a definition; `None` when it has no `States` and `StartAt`.
    #[must_use]
    pub fn read(definition: &Value) -> Option<Self> {
        let mut machine = Self::default();
        machine.add(definition, None, 0)?;
        Some(machine)
    }

    /// The index of the state of that name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.states.iter().position(|state| state.name == name)
    }

    /// The branches of each state, and the states of each branch in their order; none of states that hold none.
    #[must_use]
    pub fn branches(&self) -> Vec<Vec<Vec<usize>>> {
        let mut branches: Vec<Vec<Vec<usize>>> = vec![Vec::new(); self.states.len()];
        let is_first: HashSet<usize> =
            self.edges.iter().filter(|edge| edge.way == Way::Branch).map(|edge| edge.to).collect();
        for (at, state) in self.states.iter().enumerate() {
            let Some(held) = state.parent.and_then(|parent| branches.get_mut(parent)) else { continue };
            match held.last_mut() {
                Some(branch) if !is_first.contains(&at) => branch.push(at),
                _ => held.push(vec![at]),
            }
        }
        branches
    }

    /// When the Wait state `name`, entered at `entered` with `input`, is over; `None` when that cannot be told.
    #[must_use]
    pub fn wait_deadline(&self, name: &str, entered: Timestamp, input: &Value) -> Option<Timestamp> {
        match self.states[self.position(name)?].wait.as_ref()? {
            WaitFor::Seconds(seconds) => Some(entered + Duration::from_secs(*seconds)),
            WaitFor::SecondsPath(path) => {
                at_path(input, path)?.as_u64().map(|secs| entered + Duration::from_secs(secs))
            }
            WaitFor::Until(moment) => Some(*moment),
            WaitFor::UntilPath(path) => at_path(input, path)?.as_str().and_then(Timestamp::parse_rfc3339),
        }
    }

    /// Adds the states of one level and returns the index of its first one.
    fn add(&mut self, level: &Value, parent: Option<usize>, depth: usize) -> Option<usize> {
        let states = level.get("States")?.as_object()?;
        let start = level.get("StartAt")?.as_str()?;
        if depth > MAX_DEPTH || !states.contains_key(start) {
            return None;
        }
        let first = self.states.len();
        let rest = states.iter().filter(|(name, _)| *name != start);
        let ordered: Vec<(&String, &Value)> = states.get_key_value(start).into_iter().chain(rest).collect();
        for &(name, state) in &ordered {
            self.states.push(MachineState {
                name: name.clone(),
                kind: text(state, "Type").unwrap_or_default().to_owned(),
                end: state.get("End") == Some(&Value::Bool(true))
                    || matches!(text(state, "Type"), Some("Succeed" | "Fail")),
                parent,
                wait: wait_of(state),
                detail: describe(state),
            });
        }
        let index = |name: &str| ordered.iter().position(|(other, _)| *other == name).map(|at| first + at);
        for (at, (_, state)) in ordered.iter().enumerate() {
            for (target, way) in ways(state) {
                if let Some(to) = index(target) {
                    self.edges.push(MachineEdge { from: first + at, to, way });
                }
            }
        }
        for (at, (_, state)) in ordered.iter().enumerate() {
            let many = state.get("Branches").and_then(Value::as_array).into_iter().flatten();
            let one = state.get("ItemProcessor").or_else(|| state.get("Iterator"));
            for branch in many.chain(one) {
                if let Some(to) = self.add(branch, Some(first + at), depth + 1) {
                    self.edges.push(MachineEdge { from: first + at, to, way: Way::Branch });
                }
            }
        }
        Some(first)
    }
}

fn text<'a>(state: &'a Value, member: &str) -> Option<&'a str> {
    state.get(member)?.as_str()
}

/// What stands inside `{% … %}`.
fn expression(text: &str) -> Option<&str> {
    Some(text.trim().strip_prefix("{%")?.strip_suffix("%}")?.trim())
}

/// A few words on what a state does.
fn describe(state: &Value) -> String {
    let count = |member: &str| state.get(member).and_then(Value::as_array).map_or(0, Vec::len);
    let words = match text(state, "Type").unwrap_or_default() {
        "Task" => text(state, "Resource").map(|resource| call(resource, state)).unwrap_or_default(),
        "Wait" => ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]
            .into_iter()
            .find_map(|member| Some((member, state.get(member)?)))
            .map(|(member, value)| match value.as_u64() {
                Some(seconds) if member == "Seconds" => format!("{seconds} s"),
                _ => short(value),
            })
            .unwrap_or_default(),
        "Parallel" => format!("{} branches", count("Branches")),
        "Map" => text(state, "ItemsPath")
            .or_else(|| text(state, "Items"))
            .map(|of| format!("each of {of}"))
            .unwrap_or_default(),
        "Choice" if count("Choices") > 1 => format!("{} rules", count("Choices")),
        "Fail" => text(state, "Error").unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    if count("Retry") > 0 { format!("{words}{}retries", if words.is_empty() { "" } else { ", " }) } else { words }
}

/// What a Task calls: a function by its name, else service and operation.
fn call(resource: &str, state: &Value) -> String {
    let function = |name: &str| {
        let parts: Vec<&str> = name.split(':').collect();
        // An ARN of a function, perhaps with a version behind it, or a mere name.
        let name = if parts.len() > 6 { parts[6] } else { name };
        format!("λ {name}")
    };
    if resource.contains(":lambda:") && resource.contains(":function:") {
        return function(resource);
    }
    let integration = resource.rsplit_once(":::").map_or(resource, |(_, integration)| integration);
    let integration = integration.strip_prefix("aws-sdk:").unwrap_or(integration);
    let given = state.get("Parameters").or_else(|| state.get("Arguments")).and_then(|given| given.get("FunctionName"));
    match given.and_then(Value::as_str).filter(|_| integration.starts_with("lambda:invoke")) {
        Some(name) => function(name),
        None => integration.to_owned(),
    }
}

fn wait_of(state: &Value) -> Option<WaitFor> {
    if text(state, "Type") != Some("Wait") {
        return None;
    }
    if let Some(seconds) = state.get("Seconds").and_then(Value::as_u64) {
        return Some(WaitFor::Seconds(seconds));
    }
    if let Some(moment) = text(state, "Timestamp").and_then(Timestamp::parse_rfc3339) {
        return Some(WaitFor::Until(moment));
    }
    let path = |member| text(state, member).map(str::to_owned);
    // JSONata writes the same as an expression; one that only names a member of the input is a path.
    let named = |member| text(state, member).and_then(expression).and_then(|inner| inner.strip_prefix("$states.input"));
    let named = |member| named(member).filter(|rest| !rest.contains(['(', '[', ' '])).map(|rest| format!("${rest}"));
    if let Some(path) = named("Seconds") {
        return Some(WaitFor::SecondsPath(path));
    }
    if let Some(path) = named("Timestamp") {
        return Some(WaitFor::UntilPath(path));
    }
    path("SecondsPath").map(WaitFor::SecondsPath).or_else(|| path("TimestampPath").map(WaitFor::UntilPath))
}

/// Where a state leads to, in the order of the definition.
fn ways(state: &Value) -> Vec<(&str, Way)> {
    let mut found = Vec::new();
    found.extend(text(state, "Next").map(|next| (next, Way::Next)));
    for rule in state.get("Choices").and_then(Value::as_array).into_iter().flatten() {
        found.extend(text(rule, "Next").map(|next| (next, Way::Rule(condition(rule, 0)))));
    }
    found.extend(text(state, "Default").map(|next| (next, Way::Default)));
    for catcher in state.get("Catch").and_then(Value::as_array).into_iter().flatten() {
        let errors = catcher.get("ErrorEquals").and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&str> =
            errors.filter_map(Value::as_str).map(|name| name.strip_prefix("States.").unwrap_or(name)).collect();
        found.extend(text(catcher, "Next").map(|next| (next, Way::Catch(names.join(", ")))));
    }
    found
}

/// A Choice rule in short words: the last step of the path, the comparison, the value.
fn condition(rule: &Value, depth: usize) -> String {
    if let Some(condition) = text(rule, "Condition") {
        return expression(condition).unwrap_or(condition).to_owned();
    }
    if depth > MAX_DEPTH {
        return "…".to_owned();
    }
    let join = |member: &str, word: &str| {
        let parts = rule.get(member)?.as_array()?;
        Some(parts.iter().map(|part| condition(part, depth + 1)).collect::<Vec<_>>().join(word))
    };
    if let Some(words) = join("And", " and ").or_else(|| join("Or", " or ")) {
        return words;
    }
    if let Some(inner) = rule.get("Not") {
        return format!("not {}", condition(inner, depth + 1));
    }
    let variable = text(rule, "Variable").unwrap_or_default();
    let name = variable.rsplit(['.', '$']).next().unwrap_or_default();
    let comparison = rule
        .as_object()
        .into_iter()
        .flatten()
        .find(|(member, _)| !matches!(member.as_str(), "Variable" | "Next" | "Comment" | "Assign" | "Output"));
    match comparison {
        Some((operator, Value::Bool(true))) if operator == "BooleanEquals" => name.to_owned(),
        Some((operator, Value::Bool(false))) if operator == "BooleanEquals" => format!("not {name}"),
        Some((operator, value)) => format!("{name} {} {}", sign(operator), short(value)),
        None => name.to_owned(),
    }
}

fn sign(operator: &str) -> &str {
    let operator = operator.strip_suffix("Path").unwrap_or(operator);
    for (ending, sign) in [
        ("LessThanEquals", "≤"),
        ("GreaterThanEquals", "≥"),
        ("LessThan", "<"),
        ("GreaterThan", ">"),
        ("Equals", "="),
        ("Matches", "~"),
    ] {
        if operator.ends_with(ending) {
            return sign;
        }
    }
    operator
}

fn short(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The value that a reference path (`$`, `$.a.b`) names.
fn at_path<'a>(input: &'a Value, path: &str) -> Option<&'a Value> {
    let mut steps = path.split('.');
    if steps.next() != Some("$") {
        return None;
    }
    steps.try_fold(input, |value, step| value.get(step))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reconcile() -> Machine {
        let task = |next: &str| json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": next});
        Machine::read(&json!({
            "StartAt": "configureCountState",
            "States": {
                "iteratorState": task("isCountReachedState"),
                "configureCountState": {"Type": "Pass", "Next": "iteratorState"},
                "isCountReachedState": {
                    "Type": "Choice",
                    "Choices": [
                        {"Variable": "$.iterator.Payload.continue", "BooleanEquals": true, "Next": "reconcileCheckState"}
                    ],
                    "Default": "reconcileNotifyState"
                },
                "reconcileCheckState": task("isReconcileCompleteState"),
                "isReconcileCompleteState": {
                    "Type": "Choice",
                    "Choices": [
                        {"Not": {"Variable": "$.check.reconcileDone", "BooleanEquals": true}, "Next": "waitState"}
                    ],
                    "Default": "reconcileNotifyState"
                },
                "waitState": {"Type": "Wait", "Seconds": 30, "Next": "iteratorState"},
                "reconcileNotifyState": task("doneState"),
                "doneState": {"Type": "Pass", "End": true}
            }
        }))
        .expect("a definition with states")
    }

    #[test]
    fn the_first_state_comes_first_and_every_way_is_found() {
        let machine = reconcile();
        assert_eq!(machine.states[0].name, "configureCountState");
        assert_eq!((machine.states.len(), machine.edges.len()), (8, 9));
        let labels: Vec<&str> = machine.edges.iter().map(|edge| edge.way.label()).filter(|l| !l.is_empty()).collect();
        assert_eq!(labels, ["continue", "else", "not reconcileDone", "else"]);
        let ends: Vec<&str> = machine.states.iter().filter(|s| s.end).map(|s| s.name.as_str()).collect();
        assert_eq!(ends, ["doneState"]);
    }

    #[test]
    fn a_wait_ends_when_its_seconds_are_over() {
        let entered = Timestamp::from_secs(100);
        let machine = reconcile();
        assert_eq!(machine.wait_deadline("waitState", entered, &Value::Null), Some(Timestamp::from_secs(130)));
        assert_eq!(machine.wait_deadline("doneState", entered, &Value::Null), None);
        let by_path = Machine::read(&json!({
            "StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.waitTimeSeconds", "End": true}}
        }))
        .expect("a definition");
        let input = json!({"waitTimeSeconds": 4});
        assert_eq!(by_path.wait_deadline("W", entered, &input), Some(Timestamp::from_secs(104)));
        assert_eq!(by_path.wait_deadline("W", entered, &json!({})), None);
    }

    #[test]
    fn branches_and_catchers_are_ways_too() {
        let machine = Machine::read(&json!({
            "StartAt": "Both",
            "States": {
                "Both": {
                    "Type": "Parallel",
                    "Branches": [
                        {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}},
                        {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}
                    ],
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}],
                    "End": true
                },
                "Broken": {"Type": "Fail"}
            }
        }))
        .expect("a definition");
        let names: Vec<(&str, Option<usize>)> = machine.states.iter().map(|s| (s.name.as_str(), s.parent)).collect();
        assert_eq!(names, [("Both", None), ("Broken", None), ("A", Some(0)), ("B", Some(0))]);
        let ways: Vec<(usize, usize, &str)> =
            machine.edges.iter().map(|edge| (edge.from, edge.to, edge.way.label())).collect();
        assert_eq!(ways, [(0, 1, "ALL"), (0, 2, ""), (0, 3, "")]);
    }

    #[test]
    fn each_state_says_in_a_few_words_what_it_does() {
        let machine = Machine::read(&json!({
            "StartAt": "A",
            "QueryLanguage": "JSONata",
            "States": {
                "A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:check:3", "Next": "B", "Retry": [{}]},
                "B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "arn:aws:lambda:us-east-1:0:function:write"}, "Next": "C"},
                "C": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2", "Next": "D"},
                "D": {"Type": "Wait", "Seconds": "{% $states.input.pause %}", "Next": "E"},
                "E": {"Type": "Map", "Items": "{% $states.input.keys %}", "ItemProcessor": {"StartAt": "F", "States": {"F": {"Type": "Pass", "Next": "G"}, "G": {"Type": "Pass", "End": true}}}, "Next": "H"},
                "H": {"Type": "Fail", "Error": "Broken"}
            }
        }))
        .expect("a definition");
        let words: Vec<&str> = machine.states.iter().map(|state| state.detail.as_str()).collect();
        let each = "each of {% $states.input.keys %}";
        assert_eq!(
            words,
            ["λ check, retries", "λ write", "s3:listObjectsV2", "{% $states.input.pause %}", each, "Broken", "", ""]
        );
        assert_eq!(machine.branches()[4], [[6, 7]]);
        let input = json!({"pause": 9});
        assert_eq!(machine.wait_deadline("D", Timestamp::from_secs(1), &input), Some(Timestamp::from_secs(10)));
    }

    #[test]
    fn what_is_no_definition_is_not_drawn() {
        for value in
            [json!(null), json!({}), json!({"StartAt": "A", "States": {}}), json!({"StartAt": 1, "States": []})]
        {
            assert_eq!(Machine::read(&value), None, "{value}");
        }
    }
}
