//! Template text to JSON: YAML with CloudFormation's short forms, or JSON. Positions are kept for messages only.
//!
//! A plain scalar becomes a number or a boolean only when writing it back gives the same text, so that account ids,
//! dates and versions stay what they were.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

/// Collections nested deeper than this are refused: readers of a template recurse.
const DEEPEST: usize = 64;

/// How many values aliases may add: a few nested anchors can expand without end.
const ALIAS_BUDGET: usize = 100_000;

/// A text that is no template, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// Not YAML.
    #[error("Template format error: YAML not well-formed. (line {line}, column {column}): {problem}")]
    Yaml {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What the reader says.
        problem: String,
    },
    /// Not JSON.
    #[error("Template format error: JSON not well-formed. (line {line}, column {column}): {problem}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What the reader says.
        problem: String,
    },
}

/// Reads a template's text.
///
/// # Errors
/// Where and why the text is neither YAML nor JSON.
pub fn read(text: &str) -> Result<Value, SyntaxError> {
    let Some(after_brace) = text.trim_start().strip_prefix('{') else { return read_yaml(text) };
    let json = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // YAML's flow style begins as JSON does; a quoted first key says that JSON is meant.
    read_yaml(text).map_err(|yaml| {
        if !after_brace.trim_start().starts_with('"') {
            return yaml;
        }
        let problem = json.to_string();
        let problem = problem.split(" at line").next().unwrap_or_default().to_owned();
        SyntaxError::Json { line: json.line(), column: json.column(), problem }
    })
}

fn at(mark: Marker, problem: impl Into<String>) -> SyntaxError {
    SyntaxError::Yaml { line: mark.line(), column: mark.col() + 1, problem: problem.into() }
}

/// A collection whose end has not come.
struct Open {
    value: Collection,
    anchor: usize,
    form: Option<String>,
    mark: Marker,
}

enum Collection {
    List(Vec<Value>),
    Map { members: Map<String, Value>, key: Option<String> },
}

fn read_yaml(text: &str) -> Result<Value, SyntaxError> {
    let mut stack: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, Value> = HashMap::new();
    let mut budget = ALIAS_BUDGET;
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| at(*error.marker(), error.info()))?;
        let mark = span.start;
        let done = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let form = short_form(tag.as_deref(), mark)?;
                let value = if style == ScalarStyle::Plain && tag.is_none() {
                    plain(&text)
                } else {
                    Value::from(text.as_ref())
                };
                Some((apply(form, value), anchor))
            }
            Event::SequenceStart(anchor, tag) => {
                open(&mut stack, Collection::List(Vec::new()), anchor, tag.as_deref(), mark)?;
                None
            }
            Event::MappingStart(anchor, tag) => {
                let value = Collection::Map { members: Map::new(), key: None };
                open(&mut stack, value, anchor, tag.as_deref(), mark)?;
                None
            }
            Event::SequenceEnd | Event::MappingEnd => stack.pop().map(|open| {
                let value = match open.value {
                    Collection::List(entries) => Value::Array(entries),
                    Collection::Map { members, .. } => Value::Object(members),
                };
                (apply(open.form, value), open.anchor)
            }),
            Event::Alias(anchor) => {
                let value = anchors.get(&anchor).ok_or_else(|| at(mark, "an alias refers to no anchor"))?.clone();
                budget =
                    budget.checked_sub(size(&value)).ok_or_else(|| at(mark, "aliases expand to too many values"))?;
                Some((value, 0))
            }
            Event::DocumentStart(_) if root.is_some() => return Err(at(mark, "a template is one document")),
            _ => None,
        };
        let Some((value, anchor)) = done else { continue };
        if anchor > 0 {
            anchors.insert(anchor, value.clone());
        }
        match stack.last_mut() {
            None => root = Some(value),
            Some(parent) => add(parent, value, mark)?,
        }
    }
    Ok(root.unwrap_or(Value::Null))
}

fn open(
    stack: &mut Vec<Open>,
    value: Collection,
    anchor: usize,
    tag: Option<&Tag>,
    mark: Marker,
) -> Result<(), SyntaxError> {
    if stack.len() == DEEPEST {
        return Err(at(mark, format!("more than {DEEPEST} collections are nested")));
    }
    stack.push(Open { value, anchor, form: short_form(tag, mark)?, mark });
    Ok(())
}

fn add(parent: &mut Open, value: Value, mark: Marker) -> Result<(), SyntaxError> {
    match &mut parent.value {
        Collection::List(entries) => entries.push(value),
        Collection::Map { members, key } => match key.take() {
            None => {
                let name = match value {
                    Value::String(name) => name,
                    Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
                    Value::Array(_) | Value::Object(_) => return Err(at(mark, "a key must be a scalar")),
                };
                if members.contains_key(&name) {
                    return Err(at(
                        mark,
                        format!("duplicate key {name:?} in the mapping of line {}", parent.mark.line()),
                    ));
                }
                *key = Some(name);
            }
            Some(name) => {
                members.insert(name, value);
            }
        },
    }
    Ok(())
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(entries) => 1 + entries.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(integer) = text.parse::<i64>()
        && integer.to_string() == text
    {
        return Value::from(integer);
    }
    match text.parse::<f64>().ok().filter(|float| float.is_finite()).and_then(Number::from_f64) {
        Some(number) if number.to_string() == text => Value::Number(number),
        _ => Value::from(text),
    }
}

/// The long form of a short one: `!Sub` is `Fn::Sub`.
fn short_form(tag: Option<&Tag>, mark: Marker) -> Result<Option<String>, SyntaxError> {
    let Some(tag) = tag else { return Ok(None) };
    if tag.is_yaml_core_schema() || tag.suffix.is_empty() {
        return Ok(None);
    }
    match tag.suffix.as_str() {
        "Ref" | "Condition" => Ok(Some(tag.suffix.clone())),
        "And" | "Base64" | "Cidr" | "Equals" | "FindInMap" | "GetAtt" | "GetAZs" | "If" | "ImportValue" | "Join"
        | "Not" | "Or" | "Select" | "Split" | "Sub" | "Transform" => Ok(Some(format!("Fn::{}", tag.suffix))),
        _ => Err(at(mark, format!("the tag !{} is not one of CloudFormation's short forms", tag.suffix))),
    }
}

fn apply(form: Option<String>, value: Value) -> Value {
    let Some(form) = form else { return value };
    let value = match (form.as_str(), value) {
        ("Fn::GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => Value::from(vec![resource, attribute]),
            None => Value::String(path),
        },
        (_, value) => value,
    };
    Value::Object(Map::from_iter([(form, value)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_forms_nest() {
        let text = "A: !Join ['-', [!Ref B, !GetAtt C.D.E, !Sub '${F}']]\nG: !If [H, !Ref AWS::NoValue, !GetAZs '']\n";
        assert_eq!(
            read(text).expect("a template"),
            json!({
                "A": {"Fn::Join": ["-", [{"Ref": "B"}, {"Fn::GetAtt": ["C", "D.E"]}, {"Fn::Sub": "${F}"}]]},
                "G": {"Fn::If": ["H", {"Ref": "AWS::NoValue"}, {"Fn::GetAZs": ""}]},
            })
        );
    }

    #[test]
    fn scalars_change_their_type_only_when_nothing_is_lost() {
        let text = "a: 012345678901\nb: 2012-10-17\nc: 1.10\nd: 1.5\ne: 30\nf: true\ng: '30'\nh: ~\ni: 1e3\n";
        assert_eq!(
            read(text).expect("a template"),
            json!({"a": "012345678901", "b": "2012-10-17", "c": "1.10", "d": 1.5, "e": 30, "f": true, "g": "30",
                   "h": null, "i": "1e3"})
        );
    }

    #[test]
    fn anchors_are_expanded_within_a_budget() {
        assert_eq!(read("a: &x [1]\nb: *x\n").expect("a template"), json!({"a": [1], "b": [1]}));
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let alias = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", "));
        }
        let refused = read(&bomb).expect_err("too many values").to_string();
        assert!(refused.contains("too many values"), "{refused}");
    }

    #[test]
    fn a_malformed_text_is_refused_with_its_position() {
        let cases = [
            ("Resources:\n  A: [1, 2\n  B: 3\n", "YAML not well-formed. (line"),
            ("A: 1\nA: 2\n", "(line 2, column 1): duplicate key \"A\""),
            ("A: !Nope x\n", "the tag !Nope is not"),
            ("{\"A\": 1,,}", "JSON not well-formed. (line 1, column 9)"),
            ("? [a]\n: b\n", "a key must be a scalar"),
        ];
        for (text, expected) in cases {
            let refused = read(text).expect_err(text).to_string();
            assert!(refused.contains(expected), "{text:?}: {refused}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        let refused = read(&"[".repeat(100)).expect_err("too deep").to_string();
        assert!(refused.contains("more than 64"), "{refused}");
        assert!(read(&"[".repeat(500_000)).is_err());
        assert!(read(&"- ".repeat(500_000)).is_err());
    }
}
