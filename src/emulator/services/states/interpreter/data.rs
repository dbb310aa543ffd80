//! How a state's input becomes what it works on, and its result its output.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::strand::Strand;
use super::{Exit, Fault, Payload, Visit};
use crate::emulator::services::states::asl::{Count, DataFlow, Next, Placement, Selection, Text, Work};
use crate::emulator::services::states::eval::path::place;
use crate::emulator::services::states::eval::{EvalError, LazyContext, Scope, Template};
use crate::emulator::services::states::history::{Failure, What};

/// What a state's result is made with, beside its input.
#[derive(Clone, Copy, Default)]
pub(super) struct Results<'a> {
    /// `$states.result`.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`.
    pub error: Option<&'a Value>,
}

impl<'r> Strand<'r> {
    /// Evaluates something in the scope of a visit, with `input` as `$`.
    pub fn evaluate<T>(
        &self,
        visit: &Visit<'_>,
        input: &Value,
        evaluate: impl FnOnce(&Scope<'_>) -> Result<T, EvalError>,
    ) -> Result<T, EvalError> {
        self.evaluate_with(visit, input, Results::default(), evaluate)
    }

    pub fn evaluate_with<T>(
        &self,
        visit: &Visit<'_>,
        input: &Value,
        results: Results<'_>,
        evaluate: impl FnOnce(&Scope<'_>) -> Result<T, EvalError>,
    ) -> Result<T, EvalError> {
        let context = LazyContext::new(|| self.run.context(Some(visit), self.item.as_ref()));
        let Results { result, error } = results;
        let (variables, fabric) = (&self.variables, &self.run.fabric);
        evaluate(&Scope { input, result, error, context: &context, variables, fabric })
    }

    /// What a template makes of `input`.
    pub fn make(
        &mut self,
        visit: &Visit<'_>,
        template: &Template,
        input: &Value,
        result: Option<&Value>,
    ) -> Result<Value, Fault> {
        self.make_with(visit, template, input, Results { result, error: None })
    }

    pub fn make_with(
        &mut self,
        visit: &Visit<'_>,
        template: &Template,
        input: &Value,
        results: Results<'_>,
    ) -> Result<Value, Fault> {
        self.evaluate_with(visit, input, results, |scope| template.evaluate(scope))
            .map_err(|error| self.fault(visit, error))
    }

    /// The fault that an expression makes; that of a JSONata expression is an event of its own.
    pub fn fault(&mut self, visit: &Visit<'_>, error: EvalError) -> Fault {
        let cause = visit.cause(&error.to_string());
        match error {
            EvalError::Missing { .. } | EvalError::MissingField { .. } => Fault::runtime(cause),
            EvalError::Intrinsic { .. } => Fault::named("States.IntrinsicFailure", cause),
            EvalError::Formula { field, .. } => {
                self.cursor = visit.before;
                self.evaluation_failed(visit, Some(field), cause)
            }
        }
    }

    /// The fault of a value that a JSONata state cannot use, after its event.
    pub fn evaluation_failed(&mut self, visit: &Visit<'_>, location: Option<String>, cause: String) -> Fault {
        let failure = Failure { error: Some("States.QueryEvaluationError".to_owned()), cause: Some(cause) };
        let name = Arc::clone(&visit.state.name);
        match self.advance(What::EvaluationFailed(name, location, Box::new(failure.clone()))) {
            Ok(_) => Fault::failed(failure),
            Err(full) => full,
        }
    }

    /// The fault of a JSONata expression that yields a value of the wrong type.
    pub fn unexpected(
        &mut self,
        visit: &Visit<'_>,
        template: &Template,
        field: &str,
        expected: &str,
        value: &Value,
    ) -> Fault {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let problem =
            format!("returned an unexpected result type. Expected '{expected}', but was '{found}' for value: {value}");
        let error = match template {
            Template::Formula(formula) => formula.error(problem),
            _ => EvalError::Formula { expression: value.to_string(), field: field.to_owned(), problem },
        };
        self.fault(visit, error)
    }

    /// What the state works on: its input after `InputPath` and `Parameters`, or `Arguments`.
    pub fn effective_input(&mut self, visit: &Visit<'r>) -> Result<Arc<Value>, Fault> {
        match &visit.state.data {
            DataFlow::Path(flow) => {
                let input = self.select(visit, &flow.input, &visit.input.value)?;
                match &flow.parameters {
                    Some(template) => Ok(Arc::new(self.make(visit, template, &input, None)?)),
                    None => Ok(input),
                }
            }
            DataFlow::Jsonata(flow) => match &flow.arguments {
                Some(template) => Ok(Arc::new(self.make(visit, template, &visit.input.value, None)?)),
                None => Ok(Arc::clone(&visit.input.value)),
            },
        }
    }

    /// The input after `InputPath` alone.
    pub fn selected_input(&mut self, visit: &Visit<'r>) -> Result<Arc<Value>, Fault> {
        match &visit.state.data {
            DataFlow::Path(flow) => self.select(visit, &flow.input, &visit.input.value),
            DataFlow::Jsonata(_) => Ok(Arc::clone(&visit.input.value)),
        }
    }

    fn select(&mut self, visit: &Visit<'_>, selection: &Selection, value: &Arc<Value>) -> Result<Arc<Value>, Fault> {
        match selection {
            Selection::Whole => Ok(Arc::clone(value)),
            Selection::Nothing => Ok(Arc::new(Value::Object(Map::new()))),
            Selection::At(path) => match self.evaluate(visit, value, |scope| path.evaluate(scope)) {
                Ok(found) => Ok(Arc::new(found)),
                Err(EvalError::Missing { path, .. }) => {
                    Err(visit.runtime(&format!("Invalid path '{path}': No results for path: {path}")))
                }
                Err(error) => Err(self.fault(visit, error)),
            },
        }
    }

    /// Leaves a state with the result of its work.
    pub fn leave(&mut self, visit: &Visit<'r>, result: Arc<Value>, next: Next) -> Result<Exit, Fault> {
        let assign = visit.state.assign.as_ref();
        match &visit.state.data {
            DataFlow::Jsonata(_) => self.leave_by(visit, result, next, assign, None),
            DataFlow::Path(flow) => {
                let result = match &flow.selector {
                    Some(template) => Arc::new(self.make(visit, template, &result, None)?),
                    None => result,
                };
                let assigned = self.assigned(visit, assign, &result, Results::default())?;
                let placed = place_result(&visit.input.value, &flow.result, result)
                    .map_err(|problem| Fault::named("States.ResultPathMatchFailure", visit.cause(&problem)))?;
                let output = self.select(visit, &flow.output, &placed)?;
                Ok(Exit { output: visit.payload(output), next, assigned })
            }
        }
    }

    /// Leaves a state with `result`; `output` is the `Output` of the way that it takes, where that has one.
    pub fn leave_by(
        &mut self,
        visit: &Visit<'r>,
        result: Arc<Value>,
        next: Next,
        assign: Option<&Template>,
        output: Option<&Template>,
    ) -> Result<Exit, Fault> {
        match &visit.state.data {
            DataFlow::Path(flow) => {
                let assigned = self.assigned(visit, assign, &result, Results::default())?;
                let output = self.select(visit, &flow.output, &result)?;
                Ok(Exit { output: visit.payload(output), next, assigned })
            }
            DataFlow::Jsonata(flow) => {
                // Only these states have a result beside their input.
                let worked = matches!(visit.state.work, Work::Task(_) | Work::Parallel(_) | Work::Map(_));
                let results = Results { result: Some(&*result).filter(|_| worked), error: None };
                let input = &visit.input.value;
                let assigned = self.assigned(visit, assign, input, results)?;
                let made = match output.or(flow.output.as_ref()) {
                    Some(template) => Arc::new(self.make_with(visit, template, input, results)?),
                    None => Arc::clone(&result),
                };
                Ok(Exit { output: visit.payload(made), next, assigned })
            }
        }
    }

    /// The variables that an `Assign` gives new values.
    pub fn assigned(
        &mut self,
        visit: &Visit<'_>,
        assign: Option<&Template>,
        input: &Value,
        results: Results<'_>,
    ) -> Result<Vec<(String, Value)>, Fault> {
        let Some(template) = assign else { return Ok(vec![]) };
        match self.make_with(visit, template, input, results)? {
            Value::Object(members) => Ok(members.into_iter().collect()),
            _ => Ok(vec![]),
        }
    }

    /// A number of the definition; the path that it was found at, for errors.
    pub fn count(
        &mut self,
        visit: &Visit<'_>,
        field: &str,
        count: &Count,
        input: &Value,
    ) -> Result<(Value, Option<String>), Fault> {
        match count {
            Count::Literal(number) => Ok((whole(*number), None)),
            Count::Path(path) => {
                let value = self.evaluate(visit, input, |scope| path.evaluate(scope));
                let value = value.map_err(|error| self.fault(visit, error))?;
                Ok((value, Some(path.source().to_owned())))
            }
            Count::Formula(template) => {
                let value = self.make(visit, template, input, None)?;
                if value.is_number() {
                    return Ok((value, None));
                }
                Err(self.unexpected(visit, template, field, "number", &value))
            }
        }
    }

    /// A positive number of seconds, such as `TimeoutSeconds`.
    pub fn seconds(
        &mut self,
        visit: &Visit<'_>,
        field: &str,
        count: Option<&Count>,
        input: &Value,
    ) -> Result<Option<u64>, Fault> {
        let Some(count) = count else { return Ok(None) };
        let (value, path) = self.count(visit, field, count, input)?;
        if let Some(seconds) = value.as_u64().filter(|seconds| *seconds > 0) {
            return Ok(Some(seconds));
        }
        let at = path.map_or_else(String::new, |path| format!(": {path}"));
        let problem = format!("The {field} field refers to value \"{value}\" which is not a positive integer{at}");
        Err(visit.runtime(&problem))
    }

    /// A text of the definition.
    pub fn text(&mut self, visit: &Visit<'_>, field: &str, text: &Text, input: &Value) -> Result<String, Fault> {
        let (value, template) = match text {
            Text::Literal(text) => return Ok(text.clone()),
            Text::Path(expression) => {
                let found = self.evaluate(visit, input, |scope| expression.evaluate(scope));
                (found.map_err(|error| self.fault(visit, error))?, None)
            }
            Text::Formula(template) => (self.make(visit, template, input, None)?, Some(template)),
        };
        match (value, template) {
            (Value::String(text), _) => Ok(text),
            (value, Some(template)) => Err(self.unexpected(visit, template, field, "string", &value)),
            (value, None) => {
                let problem = format!("The {field}Path field refers to value {value} which is not a string");
                Err(visit.runtime(&problem))
            }
        }
    }
}

impl Visit<'_> {
    /// A payload of `value`; the state's input is not written again when it is handed on.
    fn payload(&self, value: Arc<Value>) -> Payload {
        if Arc::ptr_eq(&value, &self.input.value) { self.input.clone() } else { Payload::new(value) }
    }
}

/// Puts a result into an input as `ResultPath` says.
pub(super) fn place_result(input: &Arc<Value>, at: &Placement, result: Arc<Value>) -> Result<Arc<Value>, String> {
    match at {
        Placement::Replace => Ok(result),
        Placement::Discard => Ok(Arc::clone(input)),
        Placement::At(path, steps) => place((**input).clone(), steps, Arc::unwrap_or_clone(result))
            .map(Arc::new)
            .map_err(|input| format!("Unable to apply ReferencePath {path} to input {input}")),
    }
}

fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "a number without a fraction, from a checked range")]
    if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) }
}
