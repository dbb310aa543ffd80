//! Intrinsic functions, `States.Name(argument, …)`: how a call is read and evaluated. What each one does is in the
//! files below.

mod arrays;
mod functions;
mod text;

use serde_json::Value;

use super::path::PathError;
use super::{EvalError, Expression, Scope};
use functions::Function;

/// Calls within calls that are read; AWS allows ten.
const DEEPEST_NESTING: usize = 10;

/// A compiled call.
#[derive(Debug, Clone)]
pub struct Call {
    source: String,
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
enum Argument {
    /// A number, `true`, `false` or `null`.
    Literal(Value),
    /// A quoted text as it was written, and with its escapes taken away.
    Text { written: String, plain: Value },
    /// A path or another call.
    Expression(Expression),
}

/// An argument's value; a quoted template keeps its escapes, so that `\{` is no placeholder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    value: Value,
    written: Option<String>,
}

impl Call {
    /// Reads a call.
    ///
    /// # Errors
    /// When the text is no call of a known function.
    pub fn parse(source: &str) -> Result<Self, PathError> {
        Self::parse_nested(source.trim(), DEEPEST_NESTING)
    }

    fn parse_nested(source: &str, depth: usize) -> Result<Self, PathError> {
        let depth = depth.checked_sub(1).ok_or(PathError)?;
        let open = source.find('(').ok_or(PathError)?;
        let function = Function::named(&source[..open]).ok_or(PathError)?;
        let inner = source[open + 1..].strip_suffix(')').ok_or(PathError)?;
        let arguments = split_arguments(inner)?
            .into_iter()
            .map(|text| Argument::parse(text, depth))
            .collect::<Result<Vec<_>, _>>()?;
        if !function.takes(arguments.len()) {
            return Err(PathError);
        }
        Ok(Self { source: source.to_owned(), function, arguments })
    }

    /// The value of the call.
    ///
    /// # Errors
    /// When a path leads nowhere or the function cannot work on its arguments.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvalError> {
        let mut given = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            given.push(match argument {
                Argument::Literal(value) => Given { value: value.clone(), written: None },
                Argument::Text { written, plain } => Given { value: plain.clone(), written: Some(written.clone()) },
                Argument::Expression(expression) => Given { value: expression.evaluate(scope)?, written: None },
            });
        }
        self.function
            .apply(&given, scope.fabric)
            .map_err(|problem| EvalError::Intrinsic { call: self.source.clone(), problem })
    }
}

impl Argument {
    fn parse(text: &str, depth: usize) -> Result<Self, PathError> {
        if let Some(inner) = text.strip_prefix('\'') {
            let written = inner.strip_suffix('\'').ok_or(PathError)?;
            return Ok(Self::Text { written: written.to_owned(), plain: Value::String(unescape(written)?) });
        }
        if text.starts_with("States.") {
            Call::parse_nested(text, depth)?;
            return Expression::compile(text).map(Self::Expression);
        }
        if text.starts_with('$') {
            return Expression::path(text).map(Self::Expression);
        }
        match serde_json::from_str(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => Ok(Self::Literal(value)),
            _ => Err(PathError),
        }
    }
}

/// Cuts the text between the parentheses at its top-level commas.
fn split_arguments(inner: &str) -> Result<Vec<&str>, PathError> {
    if inner.trim().is_empty() {
        return Ok(vec![]);
    }
    let mut arguments = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (0, 0_usize, false, false);
    for (at, c) in inner.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth = depth.checked_sub(1).ok_or(PathError)?,
            ',' if !quoted && depth == 0 => {
                arguments.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if quoted || depth != 0 {
        return Err(PathError);
    }
    arguments.push(inner[start..].trim());
    Ok(arguments)
}

/// Takes the escapes away that a quoted text may hold: of a quote, a brace and the backslash itself.
fn unescape(written: &str) -> Result<String, PathError> {
    let mut plain = String::with_capacity(written.len());
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\'' | '{' | '}' | '\\')) => plain.push(c),
                _ => return Err(PathError),
            },
            '\'' => return Err(PathError),
            c => plain.push(c),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::emulator::services::states::eval::{LazyContext, Variables};
    use crate::emulator::{Fabric, Identity};

    fn evaluate(source: &str, input: &Value) -> Result<Value, EvalError> {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 7);
        let context = LazyContext::new(|| json!({"State": {"Name": "S"}}));
        let mut variables = Variables::default();
        variables.set("v", json!({"list": [3, 4]}));
        let scope =
            Scope { input, result: None, error: None, context: &context, variables: &variables, fabric: &fabric };
        Call::parse(source).expect("a valid call").evaluate(&scope)
    }

    #[test]
    fn every_function_does_what_aws_says() {
        let input = json!({"a": [1, 2, 3, 4, 5], "d": [1, 2, 2, "x", "x"], "o": {"k": [1, null]}, "s": "a,b;c"});
        for (call, expected) in [
            ("States.Array()", json!([])),
            ("States.Array('x', 1, true, null, $.o)", json!(["x", 1, true, null, {"k": [1, null]}])),
            ("States.ArrayPartition($.a, 2)", json!([[1, 2], [3, 4], [5]])),
            ("States.ArrayContains($.a, 5)", json!(true)),
            ("States.ArrayContains($.a, '5')", json!(false)),
            ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
            ("States.ArrayRange(5, 1, -2)", json!([5, 3, 1])),
            ("States.ArrayGetItem($v.list, 1)", json!(4)),
            ("States.ArrayLength($.a)", json!(5)),
            ("States.ArrayUnique($.d)", json!([1, 2, "x"])),
            ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
            ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
            ("States.Hash('input data', 'MD5')", json!("812f45842bc6d66ee14572ce20db8e86")),
            ("States.Hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
            ("States.JsonMerge($.o, States.StringToJson('{\"k\": 2}'), false)", json!({"k": 2})),
            ("States.StringToJson('[1, {\"a\": null}]')", json!([1, {"a": null}])),
            ("States.JsonToString($.o)", json!("{\"k\":[1,null]}")),
            ("States.MathAdd(111, -1)", json!(110)),
            ("States.StringSplit($.s, ',;')", json!(["a", "b", "c"])),
            (
                "States.Format('{} is \\{{}\\} and \\'{}\\'', $$.State.Name, 1.5, $.o)",
                json!("S is {1.5} and '{k=[1, null]}'"),
            ),
        ] {
            assert_eq!(evaluate(call, &input), Ok(expected), "{call}");
        }
    }

    #[test]
    fn a_call_that_cannot_work_names_itself() {
        let error = evaluate("States.ArrayGetItem($.a, 9)", &json!({"a": [1]})).expect_err("the index is out of range");
        assert!(error.to_string().contains("States.ArrayGetItem($.a, 9)"), "{error}");
        assert!(evaluate("States.ArrayPartition($.a, 0)", &json!({"a": [1]})).is_err());
        assert!(evaluate("States.StringToJson('{')", &Value::Null).is_err());
        assert!(evaluate("States.Format('{} {}', 1)", &Value::Null).is_err());
    }

    #[test]
    fn random_numbers_stay_in_their_range_and_follow_a_seed() {
        for _ in 0..100 {
            let drawn = evaluate("States.MathRandom(3, 6)", &Value::Null).expect("a number");
            assert!((3..6).contains(&drawn.as_i64().expect("an integer")), "{drawn}");
        }
        let seeded = || evaluate("States.MathRandom(1, 1000, 42)", &Value::Null);
        assert_eq!(seeded(), seeded());
        let id = evaluate("States.UUID()", &Value::Null).expect("an id");
        assert_eq!(id.as_str().map(str::len), Some(36));
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for bad in [
            "States.Nothing()",
            "States.Array(",
            "States.Array('x)",
            "States.MathAdd(1)",
            "States.Format('an \\\"escaped\\\" quote')",
            "States.Array(hello)",
            "States.StringToJson('{\"text\":\"An \\\"escaped double quote\\\" here\"}')",
        ] {
            assert!(Call::parse(bad).is_err(), "{bad}");
        }
    }
}
