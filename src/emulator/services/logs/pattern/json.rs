//! Patterns over JSON messages: `{ $.detail.size > 3 && ($.a[0].b = "x*" || $.c NOT EXISTS) }`.

use serde_json::Value;

use super::PatternError;
use super::cursor::Cursor;
use super::value::Comparison;

/// How deep parentheses may be nested.
const DEEPEST: usize = 32;

/// A condition on a JSON message.
#[derive(Debug)]
pub enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Test(Vec<Step>, Test),
}

/// One step of a selector.
#[derive(Debug)]
pub enum Step {
    Member(String),
    Index(usize),
    /// Every element or member.
    Each,
}

/// What is asked of the selected value.
#[derive(Debug)]
pub enum Test {
    Compare(Comparison),
    IsNull,
    Is(bool),
    Exists,
    NotExists,
}

/// Whether a message is JSON for which the expression holds.
pub fn matches(expression: &Expression, message: &str) -> bool {
    // Most lines that are no JSON are known by their first character.
    message.trim_start().starts_with(['{', '['])
        && serde_json::from_str(message).is_ok_and(|value: Value| expression.holds(&value))
}

impl Expression {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(value)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(value)),
            Self::Test(selector, test) => test.holds(value, selector),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value, selector: &[Step]) -> bool {
        match self {
            Self::Compare(comparison) => any(value, selector, &|value| match value {
                Value::String(text) => comparison.holds(text, None),
                Value::Number(number) => comparison.holds(&number.to_string(), number.as_f64()),
                Value::Bool(flag) => comparison.holds(if *flag { "true" } else { "false" }, None),
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            }),
            Self::IsNull => any(value, selector, &Value::is_null),
            Self::Is(wanted) => any(value, selector, &|value| value.as_bool() == Some(*wanted)),
            Self::Exists => any(value, selector, &|_| true),
            Self::NotExists => !any(value, selector, &|_| true),
        }
    }
}

/// Whether one of the values that a selector names passes.
fn any(value: &Value, selector: &[Step], passes: &dyn Fn(&Value) -> bool) -> bool {
    let Some((step, rest)) = selector.split_first() else {
        return passes(value);
    };
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => members.get(name).is_some_and(|value| any(value, rest, passes)),
        (Step::Index(index), Value::Array(elements)) => {
            elements.get(*index).is_some_and(|value| any(value, rest, passes))
        }
        (Step::Each, Value::Array(elements)) => elements.iter().any(|value| any(value, rest, passes)),
        (Step::Each, Value::Object(members)) => members.values().any(|value| any(value, rest, passes)),
        _ => false,
    }
}

/// Reads `{ expression }` up to the end.
pub fn parse(mut cursor: Cursor) -> Result<Expression, PatternError> {
    cursor.expect("{")?;
    let expression = alternatives(&mut cursor, 0)?;
    cursor.skip_space();
    cursor.expect("}")?;
    cursor.end()?;
    Ok(expression)
}

fn alternatives(cursor: &mut Cursor, depth: usize) -> Result<Expression, PatternError> {
    let mut parts = vec![conjunction(cursor, depth)?];
    while follows(cursor, "||") {
        parts.push(conjunction(cursor, depth)?);
    }
    Ok(Expression::Any(parts))
}

fn conjunction(cursor: &mut Cursor, depth: usize) -> Result<Expression, PatternError> {
    let mut parts = vec![unit(cursor, depth)?];
    while follows(cursor, "&&") {
        parts.push(unit(cursor, depth)?);
    }
    Ok(Expression::All(parts))
}

fn follows(cursor: &mut Cursor, sign: &str) -> bool {
    cursor.skip_space();
    cursor.eat(sign)
}

fn unit(cursor: &mut Cursor, depth: usize) -> Result<Expression, PatternError> {
    cursor.skip_space();
    if cursor.eat("(") {
        if depth == DEEPEST {
            return PatternError::syntax(format!("parentheses are nested deeper than {DEEPEST}"));
        }
        let inner = alternatives(cursor, depth + 1)?;
        cursor.skip_space();
        cursor.expect(")")?;
        return Ok(inner);
    }
    let selector = selector(cursor)?;
    Ok(Expression::Test(selector, test(cursor)?))
}

fn selector(cursor: &mut Cursor) -> Result<Vec<Step>, PatternError> {
    cursor.expect("$")?;
    let mut steps = Vec::new();
    loop {
        let dotted = cursor.eat(".");
        if cursor.eat("[") {
            steps.push(bracketed(cursor)?);
            cursor.expect("]")?;
        } else if dotted {
            if cursor.eat("*") {
                steps.push(Step::Each);
                continue;
            }
            let name = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | ':' | '/' | '#'));
            if name.is_empty() {
                return PatternError::syntax("a name is missing in a selector");
            }
            steps.push(Step::Member(name.to_owned()));
        } else if steps.is_empty() {
            return PatternError::syntax("a selector is $ and a path, such as $.name");
        } else {
            return Ok(steps);
        }
    }
}

fn bracketed(cursor: &mut Cursor) -> Result<Step, PatternError> {
    match cursor.peek() {
        Some('*') => {
            cursor.eat("*");
            Ok(Step::Each)
        }
        Some(quote @ ('"' | '\'')) => Ok(Step::Member(cursor.quoted(quote)?)),
        Some(digit) if digit.is_ascii_digit() => {
            let index = cursor.take_while(|c| c.is_ascii_digit());
            index.parse().map(Step::Index).or_else(|_| PatternError::syntax(format!("the index {index} is too large")))
        }
        // `$.['a.b']` and `$.[a.b]` are the same name.
        _ => {
            let name = cursor.take_while(|c| c != ']');
            if name.is_empty() {
                PatternError::syntax("a selector's brackets are empty")
            } else {
                Ok(Step::Member(name.to_owned()))
            }
        }
    }
}

fn test(cursor: &mut Cursor) -> Result<Test, PatternError> {
    cursor.skip_space();
    if cursor.eat_word("IS") {
        cursor.skip_space();
        return match () {
            () if cursor.eat_word("NULL") => Ok(Test::IsNull),
            () if cursor.eat_word("TRUE") => Ok(Test::Is(true)),
            () if cursor.eat_word("FALSE") => Ok(Test::Is(false)),
            () => PatternError::syntax("NULL, TRUE or FALSE must follow IS"),
        };
    }
    if cursor.eat_word("NOT") {
        cursor.skip_space();
        return if cursor.eat_word("EXISTS") {
            Ok(Test::NotExists)
        } else {
            PatternError::syntax("EXISTS must follow NOT")
        };
    }
    if cursor.eat_word("EXISTS") {
        return Ok(Test::Exists);
    }
    match Comparison::read(cursor, |c| matches!(c, ')' | '}' | '&' | '|'))? {
        Some(comparison) => Ok(Test::Compare(comparison)),
        None => PatternError::syntax("an operator is missing after a selector"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;

    const EVENT: &str = r#"{"detail-type": "Data File Upload Event", "detail": {"set-id": "a1", "object-size": 1024, "ok": true,
        "none": null, "key.with.dots": 1, "tags": ["x", "y"], "files": [{"name": "m.txt"}, {"name": "n.txt"}], "quoted": "a\"b"}}"#;

    fn matches(pattern: &str) -> bool {
        Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(EVENT)
    }

    #[test]
    fn conditions_look_into_the_message() {
        for pattern in [
            r#"{ $.detail-type = "Data File Upload Event" }"#,
            r#"{ $.detail-type = "Data*" && $.detail.object-size > 3 }"#,
            "{$.detail.set-id=a1}",
            "{ $.detail.object-size = 1.024e3 }",
            "{ $.detail.object-size >= 1024 && $.detail.object-size <= 1024 }",
            "{ $.detail.set-id != b* }",
            "{ $.detail.none IS NULL }",
            "{ $.detail.ok IS TRUE }",
            "{ $.detail.ok = true }",
            "{ $.detail.absent NOT EXISTS }",
            "{ $.detail.none EXISTS }",
            "{ $.detail.['key.with.dots'] = 1 }",
            "{ $.detail[\"key.with.dots\"] = 1 }",
            "{ $.detail.tags[1] = y }",
            "{ $.detail.tags[*] = x }",
            "{ $.detail.files[0].name = %^m\\.txt$% }",
            "{ $.detail.files[*].name = n.txt }",
            "{ $.detail.quoted = \"a\\\"b\" }",
            "{ ($.detail.ok IS FALSE) || ($.detail.set-id = a1) && ($.detail.ok IS TRUE) }",
        ] {
            assert!(matches(pattern), "{pattern}");
        }
        for pattern in [
            "{ $.detail.object-size > 1024 }",
            "{ $.detail.set-id > 1 }",
            "{ $.detail.absent IS NULL }",
            "{ $.detail.absent != 1 }",
            "{ $.detail.none NOT EXISTS }",
            "{ $.detail.ok IS FALSE }",
            "{ $.detail = 1 }",
            "{ $.detail.tags[2] = y }",
            "{ ($.detail.ok IS FALSE || $.detail.set-id = a1) && $.detail.ok IS FALSE }",
            "{ $.detail.object-size = \"10*5\" }",
        ] {
            assert!(!matches(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_message_that_is_no_json_never_matches() {
        let pattern = Pattern::parse("{ $.a NOT EXISTS }").expect("a valid pattern");
        for message in ["", "plain", "{\"a\":", "3", "{} x"] {
            assert!(!pattern.matches(message), "{message}");
        }
        assert!(pattern.matches("{}"));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for pattern in [
            "{",
            "{}",
            "{ $ }",
            "{ $.a }",
            "{ $.a = }",
            "{ a = 1 }",
            "{ $.a > x }",
            "{ $.a = 1 } x",
            "{ ($.a = 1 }",
            "{ $.a IS 1 }",
            "{ $.a NOT NULL }",
            "{ $.a[99999999999999999999] = 1 }",
            "{ $.a[] = 1 }",
            "{ $.a = 1 && }",
            "{ $.a = \"x }",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
