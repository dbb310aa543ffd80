//! `Retry`, `Catch`, and what the other readers share: lists, targets, `Assign`.

use super::super::eval::Template;
use super::super::eval::template::Language;
use super::fields::Fields;
use super::reader::Setting;
use super::{Catcher, Placement, Problem, Retrier};

/// Reads each object of a list.
pub(super) fn read_list<T>(
    fields: &Fields<'_>,
    field: &str,
    problems: &mut Vec<Problem>,
    mut read: impl FnMut(Fields<'_>, &mut Vec<Problem>) -> Option<T>,
) -> Vec<T> {
    let Some(value) = fields.get(field) else { return vec![] };
    let Some(items) = value.as_array() else {
        problems.push(Problem::schema("Expected value of type Array", fields.place(field)));
        return vec![];
    };
    let mut list = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = format!("{}[{index}]", fields.place(field));
        if let Some(item) = Fields::of(item, at, fields.language, problems) {
            list.extend(read(item, problems));
        }
    }
    list
}

pub(super) fn read_assign(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Option<Template> {
    if fields.get("Assign").is_some_and(|value| !value.is_object()) {
        problems.push(Problem::schema("Expected value of type Object", fields.place("Assign")));
        return None;
    }
    for name in fields.get("Assign").and_then(serde_json::Value::as_object).into_iter().flat_map(serde_json::Map::keys)
    {
        let plain = if fields.language == Language::Path { name.strip_suffix(".$").unwrap_or(name) } else { name };
        if !is_variable_name(plain) {
            let message = format!("'{plain}' is not a valid variable name");
            problems.push(Problem::schema(message, fields.place("Assign")));
        }
    }
    fields.template("Assign", problems)
}

/// Whether a variable can have that name: an identifier of at most 80 characters, but not `states`.
fn is_variable_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && name.chars().count() <= 80
        && name != "states"
}

/// The state that a field names.
pub(super) fn target(
    fields: &Fields<'_>,
    field: &str,
    setting: Setting<'_>,
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let name = fields.string(field, problems)?;
    let found = setting.targets.get(name).copied();
    if found.is_none() {
        problems.push(Problem::transition(format!("Missing '{field}' target: {name}"), fields.place(field)));
    }
    found
}

fn read_errors(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Vec<String> {
    fields.require(&["ErrorEquals"], problems);
    let Some(value) = fields.get("ErrorEquals") else { return vec![] };
    let names: Option<Vec<String>> =
        value.as_array().and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
    match names {
        Some(names) if !names.is_empty() => names,
        _ => {
            problems.push(Problem::schema("A non-empty array of strings is required", fields.place("ErrorEquals")));
            vec![]
        }
    }
}

pub(super) fn read_retrier(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Retrier {
    let known: &[&str] = &[
        "Comment",
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
    ];
    fields.only(&[known], problems);
    let jitter = match fields.string("JitterStrategy", problems) {
        Some("FULL") => true,
        Some("NONE") | None => false,
        Some(_) => {
            let message = "The field 'JitterStrategy' should have one of these values: [FULL, NONE]";
            problems.push(Problem::schema(message, fields.place("JitterStrategy")));
            false
        }
    };
    let attempts = fields.number("MaxAttempts", 0.0, 99_999_999.0, true, problems).unwrap_or(3.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let attempts = attempts as u64;
    Retrier {
        errors: read_errors(fields, problems),
        interval: fields.number("IntervalSeconds", 1.0, 99_999_999.0, true, problems).unwrap_or(1.0),
        attempts,
        backoff: fields.number("BackoffRate", 1.0, f64::MAX, false, problems).unwrap_or(2.0),
        longest: fields.number("MaxDelaySeconds", 1.0, 31_622_400.0, true, problems),
        jitter,
    }
}

pub(super) fn read_catcher(fields: Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<Catcher> {
    let io = if fields.language == Language::Jsonata { "Output" } else { "ResultPath" };
    fields.only(&[&["Comment", "ErrorEquals", "Next", "Assign", io]], problems);
    fields.require(&["Next"], problems);
    Some(Catcher {
        errors: read_errors(&fields, problems),
        result: if fields.language == Language::Path {
            fields.placement("ResultPath", problems)
        } else {
            Placement::Replace
        },
        assign: read_assign(&fields, problems),
        output: fields.template("Output", problems),
        next: target(&fields, "Next", setting, problems)?,
    })
}
