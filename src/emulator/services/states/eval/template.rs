//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign`. A field whose name ends in `.$` holds an
//! expression; everything else stands as it is. In the JSONata language every text between `{%` and `%}` is one.

use serde_json::{Map, Value};

use super::formula::Formula;
use super::{EvalError, Expression, Scope};

/// The language that a part of a definition is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Paths and intrinsic functions.
    Path,
    /// JSONata between `{%` and `%}`.
    Jsonata,
}

impl Language {
    /// The language that `QueryLanguage` names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "JSONPath" => Some(Self::Path),
            "JSONata" => Some(Self::Jsonata),
            _ => None,
        }
    }
}

/// Where in a state an expression stands: `Output/result[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location(String);

impl Location {
    /// A field of a state.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self(name.to_owned())
    }

    fn member(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    fn element(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

/// A compiled template.
#[derive(Debug, Clone)]
pub enum Template {
    /// Without any expression.
    Constant(Value),
    /// An object with expressions somewhere in it.
    Object(Vec<(String, Template)>),
    /// A list with expressions somewhere in it.
    Array(Vec<Template>),
    /// The value of a field whose name ended in `.$`.
    Dynamic {
        /// The field's name, with its `.$`.
        field: String,
        /// What yields the value.
        expression: Expression,
    },
    /// A text between `{%` and `%}`.
    Formula(Formula),
}

/// An expression of a template that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A field whose name ends in `.$` holds something else.
    #[error("The value for the field '{0}' must be a valid JSONPath or a valid intrinsic function call")]
    Field(String),
    /// The text between `{%` and `%}` is no JSONata.
    #[error("The JSONata expression '{expression}' specified for the field '{field}' is not valid: {problem}")]
    Formula {
        /// Where it stands.
        field: String,
        /// The expression.
        expression: String,
        /// What its parser says.
        problem: String,
    },
}

impl Template {
    /// Whether a text is a JSONata expression.
    #[must_use]
    pub fn is_formula(text: &str) -> bool {
        text.starts_with("{%") && text.ends_with("%}") && text.len() >= 4
    }

    /// Compiles a template, collecting what is wrong with it.
    pub fn compile(source: &Value, language: Language, at: &Location, problems: &mut Vec<TemplateError>) -> Self {
        let template = match source {
            Value::String(text) if language == Language::Jsonata && Self::is_formula(text) => {
                let expression = text[2..text.len() - 2].trim();
                match Formula::compile(expression, &at.0) {
                    Ok(formula) => Self::Formula(formula),
                    Err(problem) => {
                        let (field, expression) = (at.0.clone(), expression.to_owned());
                        problems.push(TemplateError::Formula { field, expression, problem });
                        Self::Constant(Value::Null)
                    }
                }
            }
            Value::Object(members) => {
                let fields = members.iter().filter_map(|(name, value)| {
                    let plain = name.strip_suffix(".$").filter(|_| language == Language::Path);
                    let Some(plain) = plain else {
                        return Some((name.clone(), Self::compile(value, language, &at.member(name), problems)));
                    };
                    let expression = value.as_str().and_then(|text| Expression::compile(text).ok());
                    let Some(expression) = expression else {
                        problems.push(TemplateError::Field(name.clone()));
                        return None;
                    };
                    Some((plain.to_owned(), Self::Dynamic { field: name.clone(), expression }))
                });
                Self::Object(fields.collect())
            }
            Value::Array(items) => {
                let each = items.iter().enumerate();
                Self::Array(
                    each.map(|(index, item)| Self::compile(item, language, &at.element(index), problems)).collect(),
                )
            }
            other => Self::Constant(other.clone()),
        };
        template.folded()
    }

    /// A template without expressions becomes a constant.
    fn folded(self) -> Self {
        let constant = |template: &Self| matches!(template, Self::Constant(_));
        let value = |template: Self| if let Self::Constant(value) = template { value } else { Value::Null };
        match self {
            Self::Object(fields) if fields.iter().all(|(_, field)| constant(field)) => {
                Self::Constant(Value::Object(fields.into_iter().map(|(name, field)| (name, value(field))).collect()))
            }
            Self::Array(items) if items.iter().all(constant) => Self::Constant(items.into_iter().map(value).collect()),
            other => other,
        }
    }

    /// The value that the template makes.
    ///
    /// # Errors
    /// When a path leads nowhere or an intrinsic function fails.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvalError> {
        Ok(match self {
            Self::Constant(value) => value.clone(),
            Self::Object(fields) => {
                let mut members = Map::with_capacity(fields.len());
                for (name, field) in fields {
                    members.insert(name.clone(), field.evaluate(scope)?);
                }
                Value::Object(members)
            }
            Self::Array(items) => items.iter().map(|item| item.evaluate(scope)).collect::<Result<Vec<_>, _>>()?.into(),
            Self::Formula(formula) => formula.evaluate(scope)?,
            Self::Dynamic { field, expression } => expression.evaluate(scope).map_err(|error| match error {
                EvalError::Missing { path, input } => EvalError::MissingField { path, field: field.clone(), input },
                other => other,
            })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::scope::tests::evaluate_in;
    use super::*;

    fn compile(source: &Value, language: Language) -> Result<Template, Vec<TemplateError>> {
        let mut problems = Vec::new();
        let template = Template::compile(source, language, &Location::field("Parameters"), &mut problems);
        if problems.is_empty() { Ok(template) } else { Err(problems) }
    }

    #[test]
    fn fields_that_end_in_a_dollar_are_evaluated_and_others_stand() {
        let source =
            json!({"a.$": "$.x", "b": "$.x", "c": [{"d.$": "States.MathAdd($.x, 1)"}], "e.$": "$$.State.Name"});
        let template = compile(&source, Language::Path).expect("a valid template");
        let made = evaluate_in(&json!({"x": 7}), |scope| template.evaluate(scope));
        assert_eq!(made, Ok(json!({"a": 7, "b": "$.x", "c": [{"d": 8}], "e": "S"})));
        let missing = evaluate_in(&json!({}), |scope| template.evaluate(scope)).expect_err("there is no x");
        assert_eq!(
            missing.to_string(),
            "The JSONPath '$.x' specified for the field 'a.$' could not be found in the input '{}'"
        );
    }

    #[test]
    fn a_field_that_promises_an_expression_must_hold_one() {
        assert_eq!(compile(&json!({"a.$": "x"}), Language::Path).err(), Some(vec![TemplateError::Field("a.$".into())]));
        assert!(compile(&json!({"a.$": 1}), Language::Path).is_err());
        assert!(compile(&json!("{% 1 + %}"), Language::Jsonata).is_err());
    }

    #[test]
    fn a_template_without_expressions_is_a_constant() {
        let source = json!({"a": [1, {"b": null}], "{%": "x %}"});
        for language in [Language::Path, Language::Jsonata] {
            assert!(matches!(compile(&source, language), Ok(Template::Constant(value)) if value == source));
        }
    }

    #[test]
    fn formulas_see_input_context_and_variables() {
        let source =
            json!({"a": "{% $states.input.x + $v %}", "b.$": "$.x", "c": ["{% $states.context.State.Name %}"]});
        let template = compile(&source, Language::Jsonata).expect("a valid template");
        let made = evaluate_in(&json!({"x": 7}), |scope| template.evaluate(scope));
        assert_eq!(made, Ok(json!({"a": 9, "b.$": "$.x", "c": ["S"]})));
    }
}
