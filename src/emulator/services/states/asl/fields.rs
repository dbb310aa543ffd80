//! Reading the fields of one JSON object of a definition, noting what is wrong with them.

use serde_json::{Map, Value};

use super::super::eval::template::{Language, Location};
use super::super::eval::{Expression, Template};
use super::{Count, Placement, Problem, Selection, Text};

/// The largest number of seconds that a definition may name.
const MOST_SECONDS: f64 = 99_999_999.0;

/// One object of a definition, where it is, and the language that it is written in.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    pub members: &'a Map<String, Value>,
    pub at: String,
    pub language: Language,
}

impl<'a> Fields<'a> {
    /// The object at `at`; a problem when there is none.
    pub fn of(value: &'a Value, at: String, language: Language, problems: &mut Vec<Problem>) -> Option<Self> {
        let Some(members) = value.as_object() else {
            problems.push(Problem::schema("Expected value of type Object", at));
            return None;
        };
        Some(Self { members, at, language })
    }

    pub fn place(&self, field: &str) -> String {
        format!("{}/{field}", self.at)
    }

    pub fn get(&self, field: &str) -> Option<&'a Value> {
        self.members.get(field)
    }

    pub fn has(&self, field: &str) -> bool {
        self.members.contains_key(field)
    }

    /// Notes every field that is not in `known`.
    pub fn only(&self, known: &[&[&str]], problems: &mut Vec<Problem>) {
        for name in self.members.keys() {
            if !known.iter().any(|group| group.contains(&name.as_str())) {
                problems.push(Problem::schema("Field is not supported", self.place(name)));
            }
        }
    }

    /// Notes the fields of `needed` that are missing.
    pub fn require(&self, needed: &[&str], problems: &mut Vec<Problem>) {
        let missing: Vec<_> = needed.iter().copied().filter(|field| !self.has(field)).collect();
        if !missing.is_empty() {
            let at = if self.at.is_empty() { "/" } else { &self.at };
            problems.push(Problem::schema(format!("These fields are required: [{}]", missing.join(", ")), at));
        }
    }

    pub fn string(&self, field: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
        let value = self.get(field)?;
        if let Some(text) = value.as_str() {
            return Some(text);
        }
        problems.push(Problem::schema("Expected value of type String", self.place(field)));
        None
    }

    pub fn boolean(&self, field: &str, problems: &mut Vec<Problem>) -> Option<bool> {
        let value = self.get(field)?;
        if let Some(truth) = value.as_bool() {
            return Some(truth);
        }
        problems.push(Problem::schema("Expected value of type Boolean", self.place(field)));
        None
    }

    /// A number that is written as one, between `least` and `most`.
    pub fn number(&self, field: &str, least: f64, most: f64, whole: bool, problems: &mut Vec<Problem>) -> Option<f64> {
        let value = self.get(field)?;
        let kind = if whole { "Integer" } else { "Number" };
        let Some(number) = value.as_f64().filter(|number| !whole || number.fract() == 0.0) else {
            problems.push(Problem::schema(format!("Expected value of type {kind}"), self.place(field)));
            return None;
        };
        if !(least..=most).contains(&number) {
            let message = if number < least {
                format!("Value should be greater than or equal to {least}")
            } else {
                format!("Value should be less than or equal to {most}")
            };
            problems.push(Problem::schema(message, self.place(field)));
            return None;
        }
        Some(number)
    }

    /// A number, or the path or the JSONata expression that yields it.
    pub fn count(&self, field: &str, least: f64, problems: &mut Vec<Problem>) -> Option<Count> {
        self.bounded_count(field, least, MOST_SECONDS, true, problems)
    }

    pub fn bounded_count(
        &self,
        field: &str,
        least: f64,
        most: f64,
        whole: bool,
        problems: &mut Vec<Problem>,
    ) -> Option<Count> {
        let path_field = format!("{field}Path");
        if self.language == Language::Jsonata {
            if let Some(Value::String(text)) = self.get(field) {
                return if Template::is_formula(text) {
                    Some(Count::Formula(self.template(field, problems)?))
                } else {
                    problems.push(Problem::schema("Expected value of type Integer", self.place(field)));
                    None
                };
            }
            return self.number(field, least, most, whole, problems).map(Count::Literal);
        }
        if self.has(field) && self.has(&path_field) {
            let message = format!("Only one of these fields is allowed: [{field}, {path_field}]");
            problems.push(Problem::schema(message, self.at.clone()));
        }
        if self.has(&path_field) {
            return self.path(&path_field, problems).map(Count::Path);
        }
        self.number(field, least, most, whole, problems).map(Count::Literal)
    }

    /// A text, or the path, intrinsic function or JSONata expression that yields it.
    pub fn text(&self, field: &str, problems: &mut Vec<Problem>) -> Option<Text> {
        let path_field = format!("{field}Path");
        if self.language == Language::Path && self.has(&path_field) {
            if self.has(field) {
                let message = format!("Only one of these fields is allowed: [{field}, {path_field}]");
                problems.push(Problem::schema(message, self.at.clone()));
            }
            let source = self.string(&path_field, problems)?;
            if let Ok(expression) = Expression::compile(source) {
                return Some(Text::Path(expression));
            }
            let message = "Value is not a valid JSONPath or a valid intrinsic function call";
            problems.push(Problem::schema(message, self.place(&path_field)));
            return None;
        }
        let text = self.string(field, problems)?;
        if self.language == Language::Jsonata && Template::is_formula(text) {
            return self.template(field, problems).map(Text::Formula);
        }
        Some(Text::Literal(text.to_owned()))
    }

    /// A path.
    pub fn path(&self, field: &str, problems: &mut Vec<Problem>) -> Option<Expression> {
        let text = self.string(field, problems)?;
        let path = Expression::path(text).ok();
        if path.is_none() {
            problems.push(Problem::schema("Value is not a valid JSONPath", self.place(field)));
        }
        path
    }

    /// `InputPath` or `OutputPath`.
    pub fn selection(&self, field: &str, problems: &mut Vec<Problem>) -> Selection {
        match self.get(field) {
            None => Selection::Whole,
            Some(Value::Null) => Selection::Nothing,
            Some(Value::String(text)) if text == "$" => Selection::Whole,
            Some(_) => self.path(field, problems).map_or(Selection::Whole, Selection::At),
        }
    }

    /// `ResultPath`.
    pub fn placement(&self, field: &str, problems: &mut Vec<Problem>) -> Placement {
        match self.get(field) {
            None => Placement::Replace,
            Some(Value::Null) => Placement::Discard,
            Some(_) => {
                let Some(path) = self.path(field, problems) else { return Placement::Replace };
                match path.reference_steps() {
                    Some([]) => Placement::Replace,
                    Some(steps) => Placement::At(path.source().to_owned(), steps.to_vec()),
                    None => {
                        problems.push(Problem::schema("Value is not a Reference Path", self.place(field)));
                        Placement::Replace
                    }
                }
            }
        }
    }

    /// A payload template.
    pub fn template(&self, field: &str, problems: &mut Vec<Problem>) -> Option<Template> {
        let source = self.get(field)?;
        let mut bad = Vec::new();
        let template = Template::compile(source, self.language, &Location::field(field), &mut bad);
        for problem in bad {
            problems.push(Problem::schema(problem.to_string(), self.place(field)));
        }
        Some(template)
    }
}
