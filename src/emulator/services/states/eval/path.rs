//! JSONPath as Step Functions has it: definite paths walk the value directly, everything else goes to `jsonpath-rust`.
//!
//! A definite path names one place and yields its value or nothing; an indefinite one (wildcards, slices, filters,
//! descent) yields the list of what it finds.

use std::borrow::Cow;

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::{Map, Value};

/// One step of a definite path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An element of an array; negative ones count from its end.
    Index(i64),
}

/// A function at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Length,
    Min,
    Max,
    Sum,
    Avg,
}

/// A compiled path, without its root (`$`, `$$` or `$name`).
#[derive(Debug, Clone)]
pub struct Query {
    kind: QueryKind,
    tail: Option<Tail>,
}

#[derive(Debug, Clone)]
enum QueryKind {
    Definite(Vec<Step>),
    Indefinite(Box<JpQuery>),
}

/// A text that is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is not a valid JSONPath")]
pub struct PathError;

impl Query {
    /// Compiles what follows the root of a path: `` (the root itself), `.a.b[0]`, `['x y']`, `..z`, `[?(@.n > 1)]`.
    ///
    /// # Errors
    /// When the text is no path.
    pub fn compile(rest: &str) -> Result<Self, PathError> {
        let (rest, tail) = split_tail(rest);
        let mut steps = Vec::new();
        let mut canonical = String::from("$");
        let mut definite = true;
        let mut left = rest;
        while !left.is_empty() {
            left = if let Some(after) = left.strip_prefix("..") {
                definite = false;
                canonical.push_str("..");
                if after.starts_with('[') {
                    after
                } else {
                    let (name, after) = take_name(after)?;
                    push_name(&mut canonical, name);
                    after
                }
            } else if let Some(after) = left.strip_prefix('.') {
                if after.starts_with('[') {
                    after
                } else {
                    let (name, after) = take_name(after)?;
                    if name == "*" {
                        definite = false;
                    } else {
                        steps.push(Step::Name(name.to_owned()));
                    }
                    push_name(&mut canonical, name);
                    after
                }
            } else if left.starts_with('[') {
                let end = bracket_end(left).ok_or(PathError)?;
                let inner = left[1..end].trim();
                match bracket_step(inner) {
                    Some(step) => steps.push(step),
                    None => definite = false,
                }
                canonical.push_str(&left[..=end]);
                &left[end + 1..]
            } else {
                return Err(PathError);
            };
        }
        let kind = if definite {
            QueryKind::Definite(steps)
        } else {
            QueryKind::Indefinite(Box::new(parse_json_path(&canonical).map_err(|_| PathError)?))
        };
        Ok(Self { kind, tail })
    }

    /// The steps of a definite path without a function at its end.
    #[must_use]
    pub fn steps(&self) -> Option<&[Step]> {
        match (&self.kind, self.tail) {
            (QueryKind::Definite(steps), None) => Some(steps),
            _ => None,
        }
    }

    /// What the path finds below `root`; `None` when it leads nowhere.
    #[must_use]
    pub fn find<'a>(&self, root: &'a Value) -> Option<Cow<'a, Value>> {
        let found = match &self.kind {
            QueryKind::Definite(steps) => Cow::Borrowed(walk(root, steps)?),
            QueryKind::Indefinite(query) => {
                let found = js_path_process(query, root).ok()?;
                Cow::Owned(found.into_iter().map(|hit| hit.val.clone()).collect())
            }
        };
        match self.tail {
            None => Some(found),
            Some(tail) => apply(tail, &found).map(Cow::Owned),
        }
    }
}

fn walk<'a>(root: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(root, |value, step| match step {
        Step::Name(name) => value.as_object()?.get(name),
        Step::Index(index) => {
            let items = value.as_array()?;
            items.get(position(*index, items.len())?)
        }
    })
}

fn position(index: i64, len: usize) -> Option<usize> {
    if index >= 0 { usize::try_from(index).ok() } else { len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?) }
}

fn apply(tail: Tail, value: &Value) -> Option<Value> {
    if tail == Tail::Length {
        let length = match value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            Value::String(text) => text.chars().count(),
            _ => return None,
        };
        return Some(Value::from(length));
    }
    let numbers: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
    if numbers.is_empty() {
        return None;
    }
    let sum: f64 = numbers.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a list is far shorter than 2^52")]
    let result = match tail {
        Tail::Length => return None,
        Tail::Sum => sum,
        Tail::Avg => sum / numbers.len() as f64,
        Tail::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Tail::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    Some(Value::from(result))
}

fn split_tail(text: &str) -> (&str, Option<Tail>) {
    let tails = [
        (".length()", Tail::Length),
        (".min()", Tail::Min),
        (".max()", Tail::Max),
        (".sum()", Tail::Sum),
        (".avg()", Tail::Avg),
    ];
    for (suffix, tail) in tails {
        if let Some(rest) = text.strip_suffix(suffix) {
            return (rest, Some(tail));
        }
    }
    (text, None)
}

fn take_name(text: &str) -> Result<(&str, &str), PathError> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let valid = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "(){}'\",@?\\".contains(c));
    if valid { Ok((name, rest)) } else { Err(PathError) }
}

fn push_name(canonical: &mut String, name: &str) {
    if name == "*" {
        canonical.push_str("[*]");
    } else {
        canonical.push_str("['");
        canonical.push_str(name);
        canonical.push_str("']");
    }
}

/// Where the bracket that opens `text` closes; quoted brackets do not count.
fn bracket_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, c) {
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn bracket_step(inner: &str) -> Option<Step> {
    if let Ok(index) = inner.parse::<i64>() {
        return Some(Step::Index(index));
    }
    let quote = inner.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let body = inner.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut name = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?),
            c if c == quote => return None,
            c => name.push(c),
        }
    }
    Some(Step::Name(name))
}

/// Puts `result` at the place that `steps` name below `input`, making objects on the way.
///
/// # Errors
/// The input back when a step does not apply: a member of something that is no object, an element out of range.
pub fn place(input: Value, steps: &[Step], result: Value) -> Result<Value, Value> {
    let mut root = input;
    if put(&mut root, steps, result) { Ok(root) } else { Err(root) }
}

fn put(target: &mut Value, steps: &[Step], result: Value) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        *target = result;
        return true;
    };
    match step {
        Step::Name(name) => {
            if target.is_null() {
                *target = Value::Object(Map::new());
            }
            let Some(members) = target.as_object_mut() else { return false };
            put(members.entry(name.as_str()).or_insert(Value::Null), rest, result)
        }
        Step::Index(index) => {
            let Some(items) = target.as_array_mut() else { return false };
            let Some(at) = position(*index, items.len()) else { return false };
            items.get_mut(at).is_some_and(|item| put(item, rest, result))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str, root: &Value) -> Option<Value> {
        Query::compile(path).expect("a valid path").find(root).map(Cow::into_owned)
    }

    #[test]
    fn a_definite_path_yields_one_value_or_nothing() {
        let root = json!({"a": {"b-c": [1, {"x y": 2}]}, "n": null});
        assert_eq!(find("", &root), Some(root.clone()));
        assert_eq!(find(".a.b-c[0]", &root), Some(json!(1)));
        assert_eq!(find(".a['b-c'][-1]['x y']", &root), Some(json!(2)));
        assert_eq!(find(".n", &root), Some(Value::Null));
        assert_eq!(find(".a.b-c[2]", &root), None);
        assert_eq!(find(".a.nothing", &root), None);
    }

    #[test]
    fn an_indefinite_path_yields_a_list() {
        let root = json!({"users": [{"id": 1, "on": true}, {"id": 2}, {"id": 3, "on": true}], "kebab-list": [5]});
        assert_eq!(find(".users[*].id", &root), Some(json!([1, 2, 3])));
        assert_eq!(find(".users[?(@.id == 2)].id", &root), Some(json!([2])));
        assert_eq!(find(".users[?(@.id > 7)]", &root), Some(json!([])));
        assert_eq!(find(".users[0:2].id", &root), Some(json!([1, 2])));
        assert_eq!(find("..on", &root), Some(json!([true, true])));
        assert_eq!(find(".kebab-list[*]", &root), Some(json!([5])));
        assert_eq!(find(".users.length()", &root), Some(json!(3)));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["a", ".", ".a..", "[", "['a'", ".a b", ".a(", "[?(@.]"] {
            assert!(Query::compile(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_result_is_placed_where_the_reference_path_says() {
        let steps = |path: &str| Query::compile(path).expect("a path").steps().expect("definite").to_vec();
        assert_eq!(place(json!({"a": 1}), &steps(".b.c"), json!(2)), Ok(json!({"a": 1, "b": {"c": 2}})));
        assert_eq!(place(json!({"a": [1, 2]}), &steps(".a[1]"), json!(3)), Ok(json!({"a": [1, 3]})));
        assert_eq!(place(json!({"a": 1}), &steps(".a.b"), json!(2)), Err(json!({"a": 1})));
        assert_eq!(place(json!([]), &steps(".a"), json!(2)), Err(json!([])));
    }
}
