//! Conditions on JSON: `{ $.a.b = "x*" && ($.n > 4 || $.q NOT EXISTS) }`.

use serde_json::Value;

use super::condition::{Comparison, Operator, Scanner};

/// Parentheses that an expression may nest.
const DEEPEST: usize = 64;

/// A condition.
#[derive(Debug)]
pub enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Is(Selector, Value),
    Absent(Selector),
    Compare(Selector, Comparison),
}

/// A path into a message.
#[derive(Debug)]
pub struct Selector(Vec<Step>);

#[derive(Debug)]
enum Step {
    Name(String),
    Index(usize),
    Every,
}

/// Reads what stands between the braces.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Expression, String> {
    let mut scanner = Scanner::new(text);
    let expression = any(&mut scanner, 0)?;
    scanner.skip_space();
    if scanner.is_done() { Ok(expression) } else { Err("something stands behind the condition".to_owned()) }
}

fn any(scanner: &mut Scanner<'_>, depth: usize) -> Result<Expression, String> {
    joined(scanner, "||", Expression::Any, |scanner| {
        joined(scanner, "&&", Expression::All, |scanner| single(scanner, depth))
    })
}

fn joined(
    scanner: &mut Scanner<'_>,
    operator: &str,
    join: fn(Vec<Expression>) -> Expression,
    mut part: impl FnMut(&mut Scanner<'_>) -> Result<Expression, String>,
) -> Result<Expression, String> {
    let first = part(scanner)?;
    let mut parts = vec![first];
    loop {
        scanner.skip_space();
        if !scanner.take(operator) {
            break;
        }
        parts.push(part(scanner)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
}

fn single(scanner: &mut Scanner<'_>, depth: usize) -> Result<Expression, String> {
    scanner.skip_space();
    if scanner.take("(") {
        if depth == DEEPEST {
            return Err("the parentheses nest too deep".to_owned());
        }
        let inner = any(scanner, depth + 1)?;
        scanner.skip_space();
        return if scanner.take(")") { Ok(inner) } else { Err("a parenthesis is not closed".to_owned()) };
    }
    let selector = selector(scanner)?;
    scanner.skip_space();
    if scanner.keyword("IS") {
        scanner.skip_space();
        for (word, value) in [("TRUE", Value::Bool(true)), ("FALSE", Value::Bool(false)), ("NULL", Value::Null)] {
            if scanner.keyword(word) {
                return Ok(Expression::Is(selector, value));
            }
        }
        return Err("IS is followed by TRUE, FALSE or NULL".to_owned());
    }
    if scanner.keyword("NOT") {
        scanner.skip_space();
        return if scanner.keyword("EXISTS") {
            Ok(Expression::Absent(selector))
        } else {
            Err("NOT is followed by EXISTS".to_owned())
        };
    }
    let operator = Operator::scan(scanner).ok_or("an operator is missing behind a property")?;
    Comparison::scan(operator, scanner).map(|comparison| Expression::Compare(selector, comparison))
}

fn selector(scanner: &mut Scanner<'_>) -> Result<Selector, String> {
    if !scanner.take("$") {
        return Err("a property begins with $".to_owned());
    }
    let mut steps = Vec::new();
    loop {
        if scanner.take(".") {
            let name = scanner.take_while(|c| !c.is_whitespace() && !".[]()=<>!&|,\"%".contains(c));
            if name.is_empty() {
                return Err("a property has no name".to_owned());
            }
            steps.push(Step::Name(name.to_owned()));
        } else if scanner.take("[") {
            let inner = scanner.take_while(|c| c != ']');
            let quoted = inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\''));
            steps.push(match (quoted, inner) {
                (Some(name), _) => Step::Name(name.to_owned()),
                (None, "*") => Step::Every,
                (None, index) => Step::Index(index.parse().map_err(|_| format!("[{index}] is no index"))?),
            });
            if !scanner.take("]") {
                return Err("an index is not closed".to_owned());
            }
        } else if steps.is_empty() {
            return Err("a property has no name".to_owned());
        } else {
            return Ok(Selector(steps));
        }
    }
}

impl Selector {
    fn find<'a>(&self, message: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![message], |found, step| {
            found
                .into_iter()
                .flat_map(|value| match (step, value) {
                    (Step::Name(name), value) => value.get(name).into_iter().collect(),
                    (Step::Index(index), value) => value.get(index).into_iter().collect(),
                    (Step::Every, Value::Array(entries)) => entries.iter().collect(),
                    (Step::Every, _) => Vec::new(),
                })
                .collect()
        })
    }
}

impl Expression {
    /// Whether a message fits.
    pub fn holds(&self, message: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(message)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(message)),
            Self::Is(selector, wanted) => selector.find(message).contains(&wanted),
            Self::Absent(selector) => selector.find(message).is_empty(),
            Self::Compare(selector, comparison) => selector.find(message).into_iter().any(|value| match value {
                Value::String(text) => comparison.holds_for_text(text),
                Value::Number(number) => {
                    number.as_f64().is_some_and(|value| comparison.holds_for_number(value, &number.to_string()))
                }
                Value::Bool(flag) => comparison.holds_for_text(if *flag { "true" } else { "false" }),
                _ => false,
            }),
        }
    }
}
