//! From the text of a definition to its compiled form, or to everything that is wrong with it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::eval::template::Language;
use super::fields::Fields;
use super::states::read_state;
use super::{Definition, Flow, LARGEST_DEFINITION, LONGEST_STATE_NAME, Problem, graph};

/// Flows within flows that are read; a definition has no sensible use for more.
const DEEPEST_NESTING: usize = 32;

/// What the reader knows besides the object that it reads.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    /// The language of the whole machine, which states have unless they say otherwise, nested ones too.
    pub language: Language,
    /// Whether the machine is an EXPRESS one.
    pub express: bool,
    /// How many flows may still be nested.
    pub depth: usize,
    /// Where each state of the flow is.
    pub targets: &'a HashMap<&'a str, usize>,
}

/// Compiles a definition.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(text: &str, express: bool) -> Result<Definition, Vec<Problem>> {
    let mut problems = Vec::new();
    if text.len() > LARGEST_DEFINITION {
        return Err(vec![whole(format!("Definition must not be larger than {LARGEST_DEFINITION} bytes"))]);
    }
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(text) else {
        return Err(vec![whole("Definition must be a valid JSON object".to_owned())]);
    };
    let mut fields = Fields { members: &members, at: String::new(), language: Language::Path };
    fields.only(&[&["Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"]], &mut problems);
    if let Some(language) = fields.string("QueryLanguage", &mut problems) {
        match Language::named(language) {
            Some(language) => fields.language = language,
            None => problems.push(language_problem("/QueryLanguage".to_owned())),
        }
    }
    fields.string("Version", &mut problems);
    let timeout = fields.number("TimeoutSeconds", 1.0, 99_999_999.0, true, &mut problems);
    let flow = read_flow(&fields, express, DEEPEST_NESTING, &mut problems);
    match flow {
        Some(flow) if problems.is_empty() => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
            let timeout = timeout.map(|seconds| seconds as u64);
            Ok(Definition { text: Arc::from(text), flow, timeout })
        }
        _ => Err(problems),
    }
}

fn whole(message: String) -> Problem {
    Problem { location: None, ..Problem::schema(message, "") }
}

pub(super) fn language_problem(at: String) -> Problem {
    Problem::schema("The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]", at)
}

/// Compiles `StartAt` and `States` of an object.
pub(super) fn read_flow(fields: &Fields<'_>, express: bool, depth: usize, problems: &mut Vec<Problem>) -> Option<Flow> {
    let before = problems.len();
    fields.require(&["States", "StartAt"], problems);
    let Some(depth) = depth.checked_sub(1) else {
        problems.push(Problem::schema("States are nested too deeply", fields.at.clone()));
        return None;
    };
    let states_at = fields.place("States");
    let start = fields.string("StartAt", problems);
    let sources = Fields::of(fields.get("States")?, states_at.clone(), fields.language, problems)?;
    if sources.members.is_empty() {
        problems.push(Problem::schema("States must not be empty", states_at.clone()));
    }
    let targets: HashMap<&str, usize> =
        sources.members.keys().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let setting = Setting { language: fields.language, express, depth, targets: &targets };
    let mut states = Vec::with_capacity(targets.len());
    for (name, source) in sources.members {
        let at = format!("{states_at}/{name}");
        if name.chars().count() > LONGEST_STATE_NAME {
            let message = format!("State names must not be longer than {LONGEST_STATE_NAME} characters");
            problems.push(Problem::schema(message, at.clone()));
        }
        if let Some(state) = Fields::of(source, at, fields.language, problems) {
            states.extend(read_state(name, state, setting, problems));
        }
    }
    let start = start.and_then(|start| {
        let found = targets.get(start).copied();
        if found.is_none() {
            problems.push(Problem::transition(format!("Missing 'StartAt' target: {start}"), fields.place("StartAt")));
        }
        found
    })?;
    let flow = Flow { start, states };
    if problems.len() == before {
        graph::unreachable(&flow, &states_at, problems);
    }
    Some(flow)
}
