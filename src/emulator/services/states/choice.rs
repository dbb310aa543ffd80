//! The rules of a Choice state: how they are written and when they hold.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::eval::{EvalError, Expression, Scope};
use super::moment::Moment;

/// A boolean expression over the state's input.
#[derive(Debug, Clone)]
pub enum Rule {
    /// All of them hold.
    And(Vec<Rule>),
    /// One of them holds.
    Or(Vec<Rule>),
    /// It does not hold.
    Not(Box<Rule>),
    /// One value is tested.
    Test {
        /// Where the value is.
        variable: Expression,
        /// What it is tested for.
        test: Test,
    },
}

/// A test of one value.
#[derive(Debug, Clone)]
pub enum Test {
    /// `IsNull`, `IsPresent` and so on, and whether it is to hold.
    Is(Trait, bool),
    /// A comparison with a value, or with what a path leads to.
    Compare(Comparison, Operand),
    /// `StringMatches` with `*`.
    Matches(String),
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    /// `IsNull`
    Null,
    /// `IsPresent`
    Present,
    /// `IsNumeric`
    Numeric,
    /// `IsString`
    String,
    /// `IsBoolean`
    Boolean,
    /// `IsTimestamp`
    Timestamp,
}

/// The kind of values that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// `String…`
    Text,
    /// `Numeric…`
    Number,
    /// `BooleanEquals`
    Boolean,
    /// `Timestamp…`
    Moment,
}

/// How values are compared.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// The kind of values.
    pub domain: Domain,
    /// Which order makes the test hold.
    pub accepts: Accepts,
}

/// What a value is compared with.
#[derive(Debug, Clone)]
pub enum Operand {
    /// A value of the definition.
    Literal(Value),
    /// What a path leads to.
    Path(Expression),
}

/// Whether a comparison that comes out so makes a test hold.
pub type Accepts = fn(Ordering) -> bool;

/// What follows the kind of values in a field name, and the order that it stands for.
const ORDERS: [(&str, Accepts); 5] = [
    ("Equals", Ordering::is_eq),
    ("LessThanEquals", Ordering::is_le),
    ("LessThan", Ordering::is_lt),
    ("GreaterThanEquals", Ordering::is_ge),
    ("GreaterThan", Ordering::is_gt),
];

impl Comparison {
    /// The comparison that a field such as `NumericLessThanPath` names, and whether its value is a path.
    #[must_use]
    pub fn named(field: &str) -> Option<(Self, bool)> {
        let (plain, path) = field.strip_suffix("Path").map_or((field, false), |plain| (plain, true));
        let domains = [
            ("String", Domain::Text),
            ("Numeric", Domain::Number),
            ("Boolean", Domain::Boolean),
            ("Timestamp", Domain::Moment),
        ];
        let (order, domain) =
            domains.iter().find_map(|(prefix, domain)| Some((plain.strip_prefix(prefix)?, *domain)))?;
        let (_, accepts) = *ORDERS.iter().find(|(name, _)| *name == order)?;
        (domain != Domain::Boolean || order == "Equals").then_some((Self { domain, accepts }, path))
    }

    /// Whether a literal is of the kind that is compared.
    #[must_use]
    pub fn fits(self, literal: &Value) -> bool {
        match self.domain {
            Domain::Text => literal.is_string(),
            Domain::Number => literal.is_number(),
            Domain::Boolean => literal.is_boolean(),
            Domain::Moment => literal.as_str().is_some_and(|text| Moment::parse(text).is_some()),
        }
    }

    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = match self.domain {
            Domain::Text => left.as_str().zip(right.as_str()).map(|(left, right)| left.cmp(right)),
            Domain::Boolean => left.as_bool().zip(right.as_bool()).map(|(left, right)| left.cmp(&right)),
            Domain::Number => numbers(left, right),
            Domain::Moment => {
                let moment = |value: &Value| value.as_str().and_then(Moment::parse);
                moment(left).zip(moment(right)).map(|(left, right)| left.cmp(&right))
            }
        };
        order.is_some_and(self.accepts)
    }
}

impl Trait {
    /// The trait that a field such as `IsNull` names.
    #[must_use]
    pub fn named(field: &str) -> Option<Self> {
        Some(match field {
            "IsNull" => Self::Null,
            "IsPresent" => Self::Present,
            "IsNumeric" => Self::Numeric,
            "IsString" => Self::String,
            "IsBoolean" => Self::Boolean,
            "IsTimestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    fn of(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Present => true,
            Self::Numeric => value.is_number(),
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => value.as_str().is_some_and(|text| Moment::parse(text).is_some()),
        }
    }
}

impl Rule {
    /// Whether the rule holds.
    ///
    /// # Errors
    /// When a path that it needs leads nowhere.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, EvalError> {
        match self {
            Self::And(rules) => every(rules, scope, true),
            Self::Or(rules) => every(rules, scope, false).map(|all_false| !all_false),
            Self::Not(rule) => rule.holds(scope).map(|holds| !holds),
            Self::Test { variable, test } => {
                let found = variable.find(scope)?;
                if let Test::Is(Trait::Present, wanted) = test {
                    return Ok(found.is_some() == *wanted);
                }
                let value = found.ok_or_else(|| missing(variable, scope))?;
                match test {
                    Test::Is(kind, wanted) => Ok(kind.of(&value) == *wanted),
                    Test::Matches(pattern) => Ok(value.as_str().is_some_and(|text| matches(pattern, text))),
                    Test::Compare(comparison, operand) => {
                        let right = match operand {
                            Operand::Literal(literal) => Cow::Borrowed(literal),
                            Operand::Path(path) => path.find(scope)?.ok_or_else(|| missing(path, scope))?,
                        };
                        Ok(comparison.holds(&value, &right))
                    }
                }
            }
        }
    }
}

fn missing(path: &Expression, scope: &Scope<'_>) -> EvalError {
    EvalError::Missing { path: path.source().to_owned(), input: scope.input.to_string() }
}

/// Whether all rules come out as `wanted`; the first that does not ends the look.
fn every(rules: &[Rule], scope: &Scope<'_>, wanted: bool) -> Result<bool, EvalError> {
    for rule in rules {
        if rule.holds(scope)? != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

fn numbers(left: &Value, right: &Value) -> Option<Ordering> {
    let (Value::Number(left), Value::Number(right)) = (left, right) else { return None };
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// Whether two JSON values are equal; 1 and 1.0 are.
#[must_use]
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => numbers(left, right).is_some_and(Ordering::is_eq),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| equal(value, other)))
        }
        _ => left == right,
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any characters and a backslash takes that away.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts: Vec<String> = vec![String::new()];
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        };
        if let Some(part) = parts.last_mut() {
            part.push(literal);
        }
    }
    let Some((first, rest)) = parts.split_first() else { return text.is_empty() };
    let Some((last, middle)) = rest.split_last() else { return text == first };
    let Some(mut left) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some(at) = left.find(part.as_str()) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::emulator::services::states::eval::{LazyContext, Variables};
    use crate::emulator::{Fabric, Identity};

    fn test(field: &str, literal: Value, value: &Value) -> bool {
        let (comparison, path) = Comparison::named(field).expect("a comparison");
        assert!(!path);
        comparison.holds(value, &literal)
    }

    #[test]
    fn values_are_compared_within_their_kind_only() {
        assert!(test("NumericEquals", json!(1), &json!(1.0)));
        assert!(test("NumericLessThan", json!(2), &json!(1.5)));
        assert!(!test("NumericEquals", json!(1), &json!("1")));
        assert!(!test("NumericEquals", json!(1), &json!(true)));
        assert!(test("StringGreaterThanEquals", json!("A"), &json!("AB")));
        assert!(test("BooleanEquals", json!(false), &json!(false)));
        assert!(!test("BooleanEquals", json!(false), &json!(null)));
        assert!(test("TimestampEquals", json!("2012-10-09T19:00:55Z"), &json!("2012-10-09T21:00:55+02:00")));
        assert!(!test("TimestampEquals", json!("2012-10-09T19:00:55Z"), &json!("2012-10-09 19:00:55")));
        assert!(Comparison::named("BooleanLessThan").is_none());
        assert!(Comparison::named("StringMatches").is_none());
        assert!(Comparison::named("NumericLessThanEqualsPath").is_some_and(|(_, path)| path));
    }

    #[test]
    fn stars_match_and_escaped_ones_do_not() {
        assert!(matches("log-*.txt", "log-1.txt"));
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("a*a", "a"));
        assert!(matches("\\*.\\\\", "*.\\"));
        assert!(!matches("\\*", "x"));
    }

    #[test]
    fn a_missing_variable_is_an_error_unless_presence_is_asked() {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        let context = LazyContext::new(|| json!({}));
        let (variables, input) = (Variables::default(), json!({"a": 1}));
        let scope = Scope {
            input: &input,
            result: None,
            error: None,
            context: &context,
            variables: &variables,
            fabric: &fabric,
        };
        let rule = |path: &str, test: Test| Rule::Test { variable: Expression::path(path).expect("a path"), test };
        assert_eq!(rule("$.b", Test::Is(Trait::Present, false)).holds(&scope), Ok(true));
        assert!(rule("$.b", Test::Is(Trait::Null, true)).holds(&scope).is_err());
        let guarded =
            Rule::And(vec![rule("$.b", Test::Is(Trait::Present, true)), rule("$.b", Test::Is(Trait::Null, true))]);
        assert_eq!(guarded.holds(&scope), Ok(false));
        let either =
            Rule::Or(vec![rule("$.a", Test::Is(Trait::Numeric, true)), rule("$.b", Test::Is(Trait::Null, true))]);
        assert_eq!(either.holds(&scope), Ok(true));
        assert_eq!(Rule::Not(Box::new(either)).holds(&scope), Ok(false));
    }
}
