//! JSONata expressions. The evaluator's values are reference-counted without locks, so they live within one call here
//! and never across a wait.

use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Number, Value};
use sha2::Digest;

use super::{EvalError, Scope};

/// Milliseconds that an evaluation may take.
const LONGEST_EVALUATION_MS: u64 = 1_000;
/// Elements that `$range` makes at most.
const LONGEST_RANGE: f64 = 1_000.0;

/// An expression, known to be well formed.
#[derive(Debug, Clone)]
pub struct Formula {
    expression: String,
    field: String,
}

impl Formula {
    /// Reads an expression that stands at `field` of a state, such as `Output/result`.
    ///
    /// # Errors
    /// What the parser says.
    pub fn compile(expression: &str, field: &str) -> Result<Self, String> {
        parser::parse(expression).map_err(|error| error.to_string())?;
        Ok(Self { expression: expression.to_owned(), field: field.to_owned() })
    }

    /// The error that says `problem` of this expression.
    #[must_use]
    pub fn error(&self, problem: String) -> EvalError {
        EvalError::Formula { expression: self.expression.clone(), field: self.field.clone(), problem }
    }

    /// The value of the expression.
    ///
    /// # Errors
    /// When it throws, yields nothing, or yields a function.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvalError> {
        let thrown = |error: String| self.error(format!("threw an error during evaluation. {error}"));
        let ast = parser::parse(&self.expression).map_err(|error| thrown(error.to_string()))?;
        let mut context = Context::new();
        context.bind("states".to_owned(), JValue::from(self.states(scope)));
        for (name, value) in scope.variables.iter() {
            context.bind(name.to_owned(), JValue::from(value.clone()));
        }
        let limits = EvaluatorOptions { timeout_ms: Some(LONGEST_EVALUATION_MS), ..EvaluatorOptions::default() };
        let mut evaluator = Evaluator::with_options(context, limits);
        register(&mut evaluator, scope).map_err(|error| thrown(error.to_string()))?;
        let found = evaluator.evaluate(&ast, &JValue::Undefined).map_err(|error| thrown(message(&error)))?;
        match found {
            JValue::Undefined => Err(self.error("returned nothing (undefined).".to_owned())),
            JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => {
                Err(self.error("returned an unsupported result type.".to_owned()))
            }
            found => {
                let text = found.to_json_string().map_err(|error| thrown(error.to_string()))?;
                let value = serde_json::from_str(&text).map_err(|error| thrown(error.to_string()))?;
                Ok(whole_numbers(value))
            }
        }
    }

    /// `$states`; the context object only where the expression names it.
    fn states(&self, scope: &Scope<'_>) -> Value {
        let mut states = Map::new();
        states.insert("input".to_owned(), scope.input.clone());
        if self.expression.contains("context") || !self.expression.contains("$states.") {
            states.insert("context".to_owned(), scope.context.value().clone());
        }
        if let Some(result) = scope.result {
            states.insert("result".to_owned(), result.clone());
        }
        if let Some(error) = scope.error {
            states.insert("errorOutput".to_owned(), error.clone());
        }
        Value::Object(states)
    }
}

/// The error as AWS words it, with its JSONata code before it.
fn message(error: &EvaluatorError) -> String {
    // The evaluator names the function too.
    const NO_FUNCTION: &str = "T1006: Attempted to invoke a non-function";
    let message = error.message();
    if message.starts_with(NO_FUNCTION) { NO_FUNCTION.to_owned() } else { message.to_owned() }
}

/// Writes 3.0 as 3: the evaluator knows one kind of number only.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number)),
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, whole_numbers(value))).collect())
        }
        other => other,
    }
}

fn whole(number: Number) -> Number {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9.0e15 => Number::from(float as i64),
        _ => number,
    }
}

/// Adds the functions that Step Functions has besides those of JSONata.
fn register(evaluator: &mut Evaluator, scope: &Scope<'_>) -> Result<(), EvaluatorError> {
    let (id, fraction) = (scope.fabric.uuid(), scope.fabric.fraction());
    evaluator.register_fn("uuid", move |_: &[JValue]| Ok(JValue::from(id.as_str())))?;
    evaluator.register_fn("partition", |given: &[JValue]| {
        let list = given.first().and_then(JValue::as_array).ok_or_else(|| wrong("partition", "an array"))?;
        let size = given.get(1).and_then(JValue::as_f64).filter(|size| *size >= 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1")]
        let size = size.ok_or_else(|| wrong("partition", "a positive size"))? as usize;
        Ok(JValue::array(list.chunks(size).map(|chunk| JValue::array(chunk.to_vec())).collect::<Vec<_>>()))
    })?;
    evaluator.register_fn("range", |given: &[JValue]| {
        let number = |at: usize| given.get(at).and_then(JValue::as_f64).ok_or_else(|| wrong("range", "three numbers"));
        let (first, last, step) = (number(0)?, number(1)?, number(2)?);
        if step == 0.0 || ((last - first) / step) >= LONGEST_RANGE {
            return Err(wrong("range", "a step other than 0 and at most 1,000 elements"));
        }
        let mut values = Vec::new();
        let mut next = first;
        while if step > 0.0 { next <= last } else { next >= last } {
            values.push(JValue::from(next));
            next += step;
        }
        Ok(if values.len() == 1 { values.remove(0) } else { JValue::array(values) })
    })?;
    evaluator.register_fn("hash", |given: &[JValue]| {
        let data = given.first().and_then(JValue::as_str).ok_or_else(|| wrong("hash", "a string"))?;
        let digest = match given.get(1).and_then(JValue::as_str) {
            Some("MD5") => hex::encode(md5::Md5::digest(data)),
            Some("SHA-1") => hex::encode(sha1::Sha1::digest(data)),
            Some("SHA-256") => hex::encode(sha2::Sha256::digest(data)),
            Some("SHA-384") => hex::encode(sha2::Sha384::digest(data)),
            Some("SHA-512") => hex::encode(sha2::Sha512::digest(data)),
            _ => return Err(wrong("hash", "an algorithm")),
        };
        Ok(JValue::from(digest))
    })?;
    evaluator.register_fn("parse", |given: &[JValue]| {
        let text = given.first().and_then(JValue::as_str).ok_or_else(|| wrong("parse", "a string"))?;
        JValue::from_json_str(text).map_err(|_| wrong("parse", "valid JSON"))
    })?;
    evaluator.register_fn_override("random", move |given: &[JValue]| {
        #[expect(clippy::cast_possible_truncation, reason = "any seed will do")]
        let seeded = |seed: f64| StdRng::seed_from_u64((seed as i64).cast_unsigned()).random::<f64>();
        Ok(JValue::from(given.first().and_then(JValue::as_f64).map_or(fraction, seeded)))
    })
}

fn wrong(function: &str, expected: &str) -> EvaluatorError {
    EvaluatorError::TypeError(format!("T0410: the function {function} needs {expected}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::scope::tests::evaluate_in;
    use super::*;

    fn evaluate(expression: &str, input: &Value) -> Result<Value, String> {
        let formula = Formula::compile(expression, "Output").expect("a valid expression");
        evaluate_in(input, |scope| formula.evaluate(scope)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_functions_of_step_functions_are_there() {
        let input = json!({"list": [1, 2, 3, 4, 5]});
        for (expression, expected) in [
            ("$partition($states.input.list, 2)", json!([[1, 2], [3, 4], [5]])),
            ("$range(0, 9, 3)", json!([0, 3, 6, 9])),
            ("$range(1, 9, 9)", json!(1)),
            ("$hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
            ("$parse('{\"a\": [1.5]}')", json!({"a": [1.5]})),
            ("$random(7) = $random(7)", json!(true)),
            ("$length($uuid())", json!(36)),
            ("$sum($states.input.list) + $v", json!(17)),
        ] {
            assert_eq!(evaluate(expression, &input), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn what_yields_nothing_says_so() {
        assert_eq!(
            evaluate("$nothing", &Value::Null),
            Err("The JSONata expression '$nothing' specified for the field 'Output' returned nothing (undefined)."
                .into())
        );
        assert_eq!(
            evaluate("function($x){$x}", &Value::Null),
            Err("The JSONata expression 'function($x){$x}' specified for the field 'Output' returned an unsupported \
                 result type."
                .into())
        );
        assert!(evaluate("$partition(1, 2)", &Value::Null).is_err());
    }

    #[test]
    fn an_expression_without_an_end_is_cut_off() {
        let deep = evaluate("($f := function($x){1 + $f($x)}; $f(1))", &Value::Null).expect_err("it has no end");
        assert!(deep.contains("threw an error during evaluation."), "{deep}");
        let long = evaluate("($f := function($x){$f($x + 1)}; $f(1))", &Value::Null).expect_err("it has no end");
        assert!(long.contains("D1012"), "{long}");
    }
}
