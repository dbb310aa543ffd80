//! What a target gets: the event, a part of it, a constant text, or a template filled from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::error::EventsError;
use super::path::InputPath;
use super::target::{InputTransformerInput, TargetInput};

/// Variables of a template at the most.
const MOST_VARIABLES: usize = 100;

/// How a target's input is made.
#[derive(Debug, Clone)]
pub enum Input {
    /// The event as it is.
    Event,
    Constant(Arc<str>),
    Path(InputPath),
    Template(Template),
}

/// A template and where its variables come from.
#[derive(Debug, Clone)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    /// A variable, and whether it stands inside a JSON text.
    Variable {
        source: Source,
        quoted: bool,
    },
}

#[derive(Debug, Clone)]
enum Source {
    Path(InputPath),
    RuleArn,
    RuleName,
    IngestionTime,
    EventWithoutDetail,
    Event,
}

/// What a template can name besides the event.
pub struct Surroundings<'a> {
    pub rule_arn: &'a str,
    pub rule_name: &'a str,
    pub ingestion_time: &'a str,
}

impl Input {
    /// Reads the input of a target; at most one of its forms may be given.
    pub fn read(target: &TargetInput) -> Result<Self, EventsError> {
        match (&target.input, &target.input_path, &target.input_transformer) {
            (None, None, None) => Ok(Self::Event),
            (Some(constant), None, None) => {
                if serde_json::from_str::<Value>(constant).is_err() {
                    return Err(EventsError::validation(format!(
                        "JSON syntax error in Input for target {}.",
                        target.id
                    )));
                }
                Ok(Self::Constant(constant.as_str().into()))
            }
            (None, Some(path), None) if path == "$" => Ok(Self::Event),
            (None, Some(path), None) => InputPath::parse(path)
                .map(Self::Path)
                .ok_or_else(|| EventsError::validation(format!("Invalid InputPath for target {}.", target.id))),
            (None, None, Some(transformer)) => Template::read(&target.id, transformer).map(Self::Template),
            _ => Err(EventsError::validation(format!(
                "Only one of Input, InputPath, or InputTransformer must be provided for target {}.",
                target.id
            ))),
        }
    }

    /// The text that the target gets for an event.
    pub fn of(&self, event: &Arc<str>, parsed: impl FnOnce() -> Arc<Value>, around: &Surroundings<'_>) -> Arc<str> {
        match self {
            Self::Event => Arc::clone(event),
            Self::Constant(constant) => Arc::clone(constant),
            Self::Path(path) => path.find(&parsed()).unwrap_or(Value::Null).to_string().into(),
            Self::Template(template) => template.fill(event, &parsed(), around).into(),
        }
    }
}

impl Template {
    fn read(id: &str, input: &InputTransformerInput) -> Result<Self, EventsError> {
        if input.input_paths_map.len() > MOST_VARIABLES {
            return Err(EventsError::validation(format!(
                "InputPathsMap of target {id} has more than {MOST_VARIABLES} entries."
            )));
        }
        let mut variables = BTreeMap::new();
        for (name, path) in &input.input_paths_map {
            let path = InputPath::parse(path).ok_or_else(|| {
                EventsError::validation(format!("Invalid InputPathsMap for target {id}: {path} is no path."))
            })?;
            variables.insert(name.as_str(), path);
        }
        let mut pieces = Vec::new();
        let (mut literal, mut quoted, mut escaped) = (String::new(), false, false);
        let mut rest = input.input_template.as_str();
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            let placeholder = (c == '<' && !escaped).then(|| after.split_once('>')).flatten();
            if let Some((name, behind)) = placeholder.filter(|(name, _)| is_name(name)) {
                let source = source_of(name, &variables).ok_or_else(|| {
                    EventsError::validation(format!(
                        "Invalid InputTemplate for target {id} : [Placeholder {name} is not defined in InputPathsMap]."
                    ))
                })?;
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                pieces.push(Piece::Variable { source, quoted });
                rest = behind;
                continue;
            }
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            literal.push(c);
            rest = after;
        }
        pieces.push(Piece::Literal(literal));
        Ok(Self { pieces })
    }

    fn fill(&self, event: &str, parsed: &Value, around: &Surroundings<'_>) -> String {
        let mut filled = String::new();
        for piece in &self.pieces {
            let (source, quoted) = match piece {
                Piece::Literal(text) => {
                    filled.push_str(text);
                    continue;
                }
                Piece::Variable { source, quoted } => (source, *quoted),
            };
            let value = match source {
                Source::Path(path) => path.find(parsed).unwrap_or_else(|| Value::from("")),
                Source::RuleArn => Value::from(around.rule_arn),
                Source::RuleName => Value::from(around.rule_name),
                Source::IngestionTime => Value::from(around.ingestion_time),
                Source::Event if !quoted => {
                    filled.push_str(event);
                    continue;
                }
                Source::Event => parsed.clone(),
                Source::EventWithoutDetail => {
                    let mut value = parsed.clone();
                    if let Some(members) = value.as_object_mut() {
                        members.shift_remove("detail");
                    }
                    value
                }
            };
            if quoted {
                // Inside a JSON text the value stands without quotes of its own.
                let text = if let Value::String(text) = value { text } else { value.to_string() };
                let escaped = Value::from(text).to_string();
                filled.push_str(&escaped[1..escaped.len() - 1]);
            } else {
                filled.push_str(&value.to_string());
            }
        }
        filled
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn source_of(name: &str, variables: &BTreeMap<&str, InputPath>) -> Option<Source> {
    Some(match name {
        "aws.events.rule-arn" => Source::RuleArn,
        "aws.events.rule-name" => Source::RuleName,
        "aws.events.event.ingestion-time" => Source::IngestionTime,
        "aws.events.event" => Source::EventWithoutDetail,
        "aws.events.event.json" => Source::Event,
        _ => Source::Path(variables.get(name)?.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str) -> Result<String, EventsError> {
        let input = InputTransformerInput {
            input_paths_map: [("who", "$.detail.who"), ("n", "$.detail.n"), ("gone", "$.detail.gone")]
                .map(|(name, path)| (name.to_owned(), path.to_owned()))
                .into(),
            input_template: template.to_owned(),
        };
        let event = json!({"id": "1", "detail": {"who": "a \"b\"", "n": 7}});
        let around = Surroundings { rule_arn: "arn", rule_name: "rule", ingestion_time: "now" };
        Ok(Template::read("t", &input)?.fill(&event.to_string(), &event, &around))
    }

    #[test]
    fn variables_fit_where_they_stand() {
        for (template, expected) in [
            (r#"{"w": <who>, "n": <n>, "g": <gone>}"#, r#"{"w": "a \"b\"", "n": 7, "g": ""}"#),
            (r#""<who> has <n><gone>""#, r#""a \"b\" has 7""#),
            (r#"{"r": <aws.events.rule-name>, "e": <aws.events.event>}"#, r#"{"r": "rule", "e": {"id":"1"}}"#),
            (r#""1 < 2 <who>""#, r#""1 < 2 a \"b\"""#),
        ] {
            assert_eq!(filled(template).as_deref(), Ok(expected));
        }
        assert!(matches!(filled("<other>"), Err(EventsError::Validation(_))));
    }
}
