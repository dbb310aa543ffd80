//! A state machine's definition, compiled once when it is created: names are looked up, paths and templates are read, so
//! that running it costs no parsing.

mod fields;
mod graph;
mod handlers;
mod items;
mod problem;
mod reader;
mod rules;
mod states;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

pub use items::{Batcher, Format, Headers, Reader, Source};
pub use problem::{Problem, in_one_line};
pub use reader::read;

use super::choice::Rule;
use super::eval::path::Step;
use super::eval::{Expression, Template};
use super::integration::Resource;

/// Characters that a state's name may have.
pub const LONGEST_STATE_NAME: usize = 80;
/// Bytes that a definition may have.
pub const LARGEST_DEFINITION: usize = 1_048_576;

/// A compiled definition.
#[derive(Debug)]
pub struct Definition {
    /// The definition as it was given.
    pub text: Arc<str>,
    /// Its states.
    pub flow: Flow,
    /// Seconds that an execution may take.
    pub timeout: Option<u64>,
}

/// States that run one after the other: a whole machine, a branch, an item processor.
#[derive(Debug)]
pub struct Flow {
    /// Where it starts, in `states`.
    pub start: usize,
    /// Its states, in the order of the definition.
    pub states: Vec<State>,
}

/// One state.
#[derive(Debug)]
pub struct State {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub work: Work,
    /// How its input and output are made.
    pub data: DataFlow,
    /// What it assigns to variables.
    pub assign: Option<Template>,
    /// When it is tried again.
    pub retry: Vec<Retrier>,
    /// Where it goes when it fails.
    pub catch: Vec<Catcher>,
    /// Where it goes next; unused by Choice, Succeed and Fail.
    pub next: Next,
}

/// Where a state goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The flow ends.
    End,
    /// To another state of the same flow.
    State(usize),
}

/// What a state does.
#[derive(Debug)]
pub enum Work {
    /// Hands its input on, or a fixed result.
    Pass(Option<Value>),
    /// Calls something.
    Task(Box<Task>),
    /// Chooses where to go.
    Choice(Vec<Choice>, Option<usize>),
    /// Waits.
    Wait(Until),
    /// Ends the flow well.
    Succeed,
    /// Ends the flow badly.
    Fail(Box<Failing>),
    /// Runs branches at the same time.
    Parallel(Vec<Flow>),
    /// Runs a flow for each item of a list.
    Map(Box<Map>),
}

/// How input and output of a state are made.
#[derive(Debug)]
pub enum DataFlow {
    /// `InputPath`, `Parameters`, `ResultSelector`, `ResultPath`, `OutputPath`.
    Path(Box<PathFlow>),
    /// `Arguments`, `Output`.
    Jsonata(Box<FormulaFlow>),
}

/// The five fields of the JSONPath language.
#[derive(Debug)]
pub struct PathFlow {
    /// `InputPath`.
    pub input: Selection,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub selector: Option<Template>,
    /// `ResultPath`.
    pub result: Placement,
    /// `OutputPath`.
    pub output: Selection,
}

/// The two fields of the JSONata language.
#[derive(Debug)]
pub struct FormulaFlow {
    /// `Arguments`.
    pub arguments: Option<Template>,
    /// `Output`.
    pub output: Option<Template>,
}

/// What `InputPath` or `OutputPath` takes.
#[derive(Debug)]
pub enum Selection {
    /// Everything.
    Whole,
    /// `null`: an empty object.
    Nothing,
    /// What a path leads to.
    At(Expression),
}

/// Where `ResultPath` puts a result.
#[derive(Debug)]
pub enum Placement {
    /// It replaces the input.
    Replace,
    /// `null`: it is thrown away.
    Discard,
    /// At a place in the input.
    At(String, Vec<Step>),
}

/// A number of the definition, or where it is found.
#[derive(Debug)]
pub enum Count {
    /// A number.
    Literal(f64),
    /// What a path leads to.
    Path(Expression),
    /// What a JSONata expression yields.
    Formula(Template),
}

/// A text of the definition, or where it is found.
#[derive(Debug)]
pub enum Text {
    /// A text.
    Literal(String),
    /// What a path or an intrinsic function yields.
    Path(Expression),
    /// What a JSONata expression yields.
    Formula(Template),
}

/// A Fail state.
#[derive(Debug)]
pub struct Failing {
    /// `Error` or `ErrorPath`.
    pub error: Option<Text>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Text>,
}

/// One way out of a Choice state.
#[derive(Debug)]
pub struct Choice {
    /// When it is taken.
    pub condition: Condition,
    /// Where it leads.
    pub next: usize,
    /// What it assigns to variables.
    pub assign: Option<Template>,
    /// `Output`, in the JSONata language.
    pub output: Option<Template>,
}

/// When a way out of a Choice state is taken.
#[derive(Debug)]
pub enum Condition {
    /// A rule of the JSONPath language.
    Rule(Rule),
    /// A JSONata expression, or a fixed boolean.
    Formula(Template),
}

/// What a Wait state waits for.
#[derive(Debug)]
pub enum Until {
    /// Seconds to pass.
    Seconds(Count),
    /// A moment.
    Moment(Text),
}

/// A Task state.
#[derive(Debug)]
pub struct Task {
    /// What is called.
    pub resource: Resource,
    /// `TimeoutSeconds`.
    pub timeout: Option<Count>,
    /// `HeartbeatSeconds`.
    pub heartbeat: Option<Count>,
}

/// A Map state.
#[derive(Debug)]
pub struct Map {
    /// `ItemsPath`, or `Items` of the JSONata language.
    pub items: Items,
    /// `ItemSelector`, or the old `Parameters`.
    pub selector: Option<Template>,
    /// `MaxConcurrency`.
    pub concurrency: Option<Count>,
    /// `ToleratedFailureCount`.
    pub tolerated_count: Option<Count>,
    /// `ToleratedFailurePercentage`.
    pub tolerated_percentage: Option<Count>,
    /// What runs for each item.
    pub processor: Flow,
    /// Whether items run as executions of their own.
    pub distributed: bool,
    /// `Label` of a distributed map.
    pub label: Option<String>,
    /// `ItemReader`.
    pub reader: Option<Reader>,
    /// `ItemBatcher`.
    pub batcher: Option<Batcher>,
    /// `ResultWriter`: the parameters of its call.
    pub writer: Option<Template>,
    /// A field that the endpoint lacks: the state fails by its name.
    pub lacking: Option<&'static str>,
}

/// Where the items of a Map state are.
#[derive(Debug)]
pub enum Items {
    /// The state's input is the list.
    Input,
    /// What a path leads to.
    Path(Expression),
    /// What a template of the JSONata language makes.
    Formula(Template),
}

/// When a state is tried again.
#[derive(Debug)]
pub struct Retrier {
    /// Names of errors.
    pub errors: Vec<String>,
    /// Seconds before the first retry.
    pub interval: f64,
    /// Retries at most.
    pub attempts: u64,
    /// What the interval is multiplied with at each retry.
    pub backoff: f64,
    /// Seconds that an interval has at most.
    pub longest: Option<f64>,
    /// Whether the interval is drawn between 0 and its length.
    pub jitter: bool,
}

/// Where a failed state goes.
#[derive(Debug)]
pub struct Catcher {
    /// Names of errors.
    pub errors: Vec<String>,
    /// Where it leads.
    pub next: usize,
    /// Where the error is put in the state's input.
    pub result: Placement,
    /// What it assigns to variables.
    pub assign: Option<Template>,
    /// `Output`, in the JSONata language.
    pub output: Option<Template>,
}

impl Work {
    /// The state's type as AWS spells it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass(_) => "Pass",
            Self::Task(_) => "Task",
            Self::Choice(..) => "Choice",
            Self::Wait(_) => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail(_) => "Fail",
            Self::Parallel(_) => "Parallel",
            Self::Map(_) => "Map",
        }
    }
}
