//! The properties of a resource type: their shapes, and what a change of one means for the physical resource.
//!
//! A value is checked before any service is called, and brought to its type: parameters make texts of everything.

use serde_json::{Map, Value};

/// What a change of a property does to the physical resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recreation {
    /// It is changed in place.
    Never,
    /// Another one takes its place.
    Always,
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text; numbers and flags are written as text.
    Text,
    /// A whole number, or text that is one.
    Integer,
    /// `true` or `false`, also as text.
    Flag,
    /// Any JSON object, or text that holds one.
    Document,
    /// Texts by name.
    Texts,
    /// A list of one shape.
    List(&'static Shape),
    /// An object of these members only.
    Object(&'static [Property]),
}

/// One property.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// As AWS spells it.
    pub name: &'static str,
    /// What it must be.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What its change does; of no meaning in nested objects.
    pub recreation: Recreation,
}

/// A property that can be changed in place.
pub const fn property(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, required: false, recreation: Recreation::Never }
}

impl Property {
    /// The same, and it must be there.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, and its change replaces the resource.
    pub const fn replaces(mut self) -> Self {
        self.recreation = Recreation::Always;
        self
    }
}

/// A tag as most types have it.
pub const TAGS: Shape =
    Shape::List(&Shape::Object(&[property("Key", Shape::Text).required(), property("Value", Shape::Text).required()]));

/// A list of texts.
pub const TEXT_LIST: Shape = Shape::List(&Shape::Text);

/// Brings `value` to the shape of `properties`; problems are added in the words of CloudFormation.
pub fn check(properties: &[Property], value: &Value, path: &str, problems: &mut Vec<String>) -> Value {
    let Value::Object(members) = value else {
        problems.push(format!("#{path}: expected type: JSONObject, found: {}", found(value)));
        return Value::Null;
    };
    let mut checked = Map::new();
    for (name, member) in members {
        match properties.iter().find(|property| property.name == name) {
            Some(property) => {
                checked.insert(name.clone(), shaped(property.shape, member, &format!("{path}/{name}"), problems));
            }
            None => problems.push(format!("#{path}: extraneous key [{name}] is not permitted")),
        }
    }
    for property in properties.iter().filter(|property| property.required && !members.contains_key(property.name)) {
        problems.push(format!("#{path}: required key [{}] not found", property.name));
    }
    Value::Object(checked)
}

fn shaped(shape: Shape, value: &Value, path: &str, problems: &mut Vec<String>) -> Value {
    let mut wrong = |expected: &str| {
        problems.push(format!("#{path}: expected type: {expected}, found: {}", found(value)));
        Value::Null
    };
    match (shape, value) {
        (Shape::Document, Value::Object(_)) | (Shape::Text, Value::String(_)) | (Shape::Flag, Value::Bool(_)) => {
            value.clone()
        }
        (Shape::Text, Value::Bool(_) | Value::Number(_)) => Value::from(value.to_string()),
        (Shape::Integer, Value::Number(number)) if number.is_i64() => value.clone(),
        (Shape::Integer, Value::String(text)) => text.parse::<i64>().map_or_else(|_| wrong("Integer"), Value::from),
        (Shape::Integer, _) => wrong("Integer"),
        (Shape::Flag, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => wrong("Boolean"),
        },
        (Shape::Flag, _) => wrong("Boolean"),
        (Shape::Text, _) => wrong("String"),
        (Shape::Document, Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(document @ Value::Object(_)) => document,
            _ => wrong("JSONObject"),
        },
        (Shape::Document | Shape::Texts | Shape::Object(_), Value::Null | Value::Bool(_) | Value::Number(_)) => {
            wrong("JSONObject")
        }
        (Shape::Texts, Value::Object(members)) => {
            let texts = members
                .iter()
                .map(|(name, text)| (name.clone(), shaped(Shape::Text, text, &format!("{path}/{name}"), problems)));
            Value::Object(texts.collect())
        }
        (Shape::List(entry), Value::Array(entries)) => entries
            .iter()
            .enumerate()
            .map(|(index, value)| shaped(*entry, value, &format!("{path}/{index}"), problems))
            .collect(),
        (Shape::List(_), _) => wrong("JSONArray"),
        (Shape::Object(properties), Value::Object(_)) => check(properties, value, path, problems),
        (Shape::Document | Shape::Texts | Shape::Object(_), _) => wrong("JSONObject"),
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(_) => "Number",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PROPERTIES: &[Property] = &[
        property("Name", Shape::Text).required().replaces(),
        property("Count", Shape::Integer),
        property("On", Shape::Flag),
        property("Tags", TAGS),
        property("Policy", Shape::Document),
    ];

    #[test]
    fn values_are_brought_to_their_type() {
        let mut problems = Vec::new();
        let value =
            json!({"Name": 12, "Count": "5", "On": "True", "Tags": [{"Key": "k", "Value": true}], "Policy": "{}"});
        let checked = check(PROPERTIES, &value, "", &mut problems);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            checked,
            json!({"Name": "12", "Count": 5, "On": true, "Tags": [{"Key": "k", "Value": "true"}], "Policy": {}})
        );
    }

    #[test]
    fn problems_name_the_place() {
        let mut problems = Vec::new();
        let value = json!({"Nam": 1, "Count": "x", "Tags": [{"Key": "k", "Valu": 1}], "Policy": "["});
        check(PROPERTIES, &value, "", &mut problems);
        assert_eq!(
            problems,
            [
                "#: extraneous key [Nam] is not permitted",
                "#/Count: expected type: Integer, found: String",
                "#/Tags/0: extraneous key [Valu] is not permitted",
                "#/Tags/0: required key [Value] not found",
                "#/Policy: expected type: JSONObject, found: String",
                "#: required key [Name] not found",
            ]
        );
    }
}
