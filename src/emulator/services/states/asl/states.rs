//! From the JSON of one state to its compiled form.

use std::sync::Arc;

use serde_json::Value;

use super::super::choice::{Comparison, Operand, Rule, Test, Trait};
use super::super::eval::template::Language;
use super::super::eval::{Expression, Template};
use super::super::integration::Resource;
use super::super::moment::Moment;
use super::fields::Fields;
use super::reader::{Setting, language_problem, read_flow};
use super::{
    Catcher, Choice, Condition, DataFlow, Failing, FormulaFlow, Items, Map, Next, PathFlow, Placement, Problem,
    Retrier, Selection, State, Task, Text, Until, Work,
};

const ANY: &[&str] = &["Type", "Comment", "QueryLanguage"];
const ASSIGN: &[&str] = &["Assign"];
const TRANSITION: &[&str] = &["Next", "End"];
const PATHS: &[&str] = &["InputPath", "OutputPath"];
const RESULT: &[&str] = &["ResultPath"];
const ARGUMENTS: &[&str] = &["Arguments"];
const OUTPUT: &[&str] = &["Output"];
const RESULT_TEMPLATES: &[&str] = &["Parameters", "ResultSelector"];
const HANDLERS: &[&str] = &["Retry", "Catch"];
const MAP: &[&str] = &[
    "ItemProcessor",
    "Iterator",
    "ItemSelector",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "MaxConcurrency",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
    "Label",
];

/// Compiles one state; `None` when it is beyond that.
pub(super) fn read_state(
    name: &str,
    mut fields: Fields<'_>,
    setting: Setting<'_>,
    problems: &mut Vec<Problem>,
) -> Option<State> {
    if let Some(language) = fields.string("QueryLanguage", problems) {
        match Language::named(language) {
            Some(Language::Path) if setting.language == Language::Jsonata => {
                let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
                problems.push(Problem::schema(message, fields.at.clone()));
            }
            Some(language) => fields.language = language,
            None => problems.push(language_problem(fields.place("QueryLanguage"))),
        }
    }
    fields.require(&["Type"], problems);
    let kind = fields.string("Type", problems)?;
    let paths = fields.language == Language::Path;
    let io = if paths { PATHS } else { OUTPUT };
    let mut known: Vec<&[&str]> = vec![ANY];
    match kind {
        "Pass" if paths => known.extend([io, ASSIGN, TRANSITION, RESULT, &["Parameters", "Result"]]),
        "Pass" => known.extend([io, ASSIGN, TRANSITION]),
        "Task" => known.extend([
            io,
            ASSIGN,
            TRANSITION,
            HANDLERS,
            &["Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"],
        ]),
        "Choice" => known.extend([io, ASSIGN, &["Choices", "Default"]]),
        "Wait" => known.extend([io, ASSIGN, TRANSITION, &["Seconds", "Timestamp"]]),
        "Succeed" => known.push(io),
        "Fail" => known.push(&["Error", "Cause"]),
        "Parallel" => known.extend([io, ASSIGN, TRANSITION, HANDLERS, &["Branches"]]),
        "Map" => known.extend([io, ASSIGN, TRANSITION, HANDLERS, MAP]),
        _ => {
            let message = "The field 'Type' should have one of these values: \
                           [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]";
            problems.push(Problem::schema(message, fields.place("Type")));
            return None;
        }
    }
    match (kind, paths) {
        ("Task" | "Parallel" | "Map", true) => known.extend([RESULT, RESULT_TEMPLATES]),
        ("Task" | "Parallel", false) => known.push(ARGUMENTS),
        _ => {}
    }
    match (kind, paths) {
        ("Task", true) => known.push(&["TimeoutSecondsPath", "HeartbeatSecondsPath"]),
        ("Wait", true) => known.push(&["SecondsPath", "TimestampPath"]),
        ("Fail", true) => known.push(&["ErrorPath", "CausePath"]),
        ("Map", true) => known.push(&[
            "ItemsPath",
            "MaxConcurrencyPath",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentagePath",
        ]),
        ("Map", false) => known.push(&["Items"]),
        _ => {}
    }
    fields.only(&known, problems);
    let work = read_work(kind, &fields, setting, problems);
    let next = match kind {
        "Choice" | "Succeed" | "Fail" => Next::End,
        _ => read_next(&fields, setting, problems),
    };
    Some(State {
        name: Arc::from(name),
        data: read_data(kind, &fields, problems),
        assign: read_assign(&fields, problems),
        retry: read_list(&fields, "Retry", problems, read_retrier),
        catch: read_list(&fields, "Catch", problems, |fields, problems| read_catcher(fields, setting, problems)),
        work: work?,
        next,
    })
}

fn read_assign(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Option<Template> {
    if fields.get("Assign").is_some_and(|value| !value.is_object()) {
        problems.push(Problem::schema("Expected value of type Object", fields.place("Assign")));
        return None;
    }
    fields.template("Assign", problems)
}

fn read_data(kind: &str, fields: &Fields<'_>, problems: &mut Vec<Problem>) -> DataFlow {
    if fields.language == Language::Jsonata {
        let arguments = if kind == "Map" { None } else { fields.template("Arguments", problems) };
        return DataFlow::Jsonata(Box::new(FormulaFlow { arguments, output: fields.template("Output", problems) }));
    }
    let fail = kind == "Fail";
    DataFlow::Path(Box::new(PathFlow {
        input: if fail { Selection::Whole } else { fields.selection("InputPath", problems) },
        parameters: if kind == "Map" { None } else { fields.template("Parameters", problems) },
        selector: fields.template("ResultSelector", problems),
        result: fields.placement("ResultPath", problems),
        output: if fail { Selection::Whole } else { fields.selection("OutputPath", problems) },
    }))
}

fn read_next(fields: &Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Next {
    let end = fields.boolean("End", problems).unwrap_or(false);
    match (fields.has("Next"), end) {
        (true, true) => {
            problems.push(Problem::schema("Only one of these fields is allowed: [Next, End]", fields.at.clone()));
            Next::End
        }
        (false, true) => Next::End,
        (true, false) => target(fields, "Next", setting, problems).map_or(Next::End, Next::State),
        (false, false) => {
            let message = "Exactly one of these fields is required: [Next, End]";
            problems.push(Problem::schema(message, fields.at.clone()));
            Next::End
        }
    }
}

fn target(fields: &Fields<'_>, field: &str, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<usize> {
    let name = fields.string(field, problems)?;
    let found = setting.targets.get(name).copied();
    if found.is_none() {
        problems.push(Problem::transition(format!("Missing '{field}' target: {name}"), fields.place(field)));
    }
    found
}

fn read_work(kind: &str, fields: &Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<Work> {
    Some(match kind {
        "Pass" => Work::Pass(fields.get("Result").cloned()),
        "Task" => Work::Task(Box::new(read_task(fields, setting, problems)?)),
        "Choice" => {
            fields.require(&["Choices"], problems);
            let choices =
                read_list(fields, "Choices", problems, |fields, problems| read_choice(fields, setting, problems));
            if fields.get("Choices").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                problems.push(Problem::schema("A non-empty array is required", fields.place("Choices")));
            }
            let default = target(fields, "Default", setting, problems);
            Work::Choice(choices, default)
        }
        "Wait" => Work::Wait(read_wait(fields, problems)?),
        "Succeed" => Work::Succeed,
        "Fail" => Work::Fail(Box::new(Failing {
            error: fields.text("Error", problems),
            cause: fields.text("Cause", problems),
        })),
        "Parallel" => {
            fields.require(&["Branches"], problems);
            let branches = read_list(fields, "Branches", problems, |mut fields, problems| {
                fields.language = setting.language;
                fields.only(&[&["StartAt", "States", "Comment"]], problems);
                read_flow(&fields, setting.express, setting.depth, problems)
            });
            Work::Parallel(branches)
        }
        _ => Work::Map(Box::new(read_map(fields, setting, problems)?)),
    })
}

fn read_task(fields: &Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<Task> {
    fields.require(&["Resource"], problems);
    if let Some(credentials) = fields.get("Credentials") {
        let at = fields.place("Credentials");
        let has_role = |members: &serde_json::Map<String, Value>| {
            members.contains_key("RoleArn") || members.contains_key("RoleArn.$")
        };
        if !credentials.as_object().is_some_and(has_role) {
            problems.push(Problem::schema("The field 'RoleArn' is required but was missing", at));
        }
    }
    let timeout = fields.count("TimeoutSeconds", 1.0, problems);
    let heartbeat = fields.count("HeartbeatSeconds", 1.0, problems);
    let text = fields.string("Resource", problems)?;
    let Ok(resource) = text.parse::<Resource>() else {
        problems.push(Problem::schema("Value is not a valid resource ARN", fields.place("Resource")));
        return None;
    };
    if setting.express
        && let Some(pattern) = resource.pattern()
    {
        // AWS writes a space more after the one than after the other.
        let space = if pattern == ".waitForTaskToken" { " " } else { "" };
        let message = format!("Express state machine does not support '{pattern}' service integration{space}");
        problems.push(Problem::schema(message, fields.place("Resource")));
    }
    Some(Task { resource, timeout, heartbeat })
}

fn read_wait(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Option<Until> {
    let all = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
    let given: Vec<_> = all.iter().copied().filter(|field| fields.has(field)).collect();
    let [one] = given[..] else {
        let message = format!("Exactly one of these fields is required: [{}]", all.join(", "));
        problems.push(Problem::schema(message, fields.at.clone()));
        return None;
    };
    if one.starts_with("Seconds") {
        return fields.count("Seconds", 0.0, problems).map(Until::Seconds);
    }
    if one == "TimestampPath" {
        return fields.path(one, problems).map(|path| Until::Moment(Text::Path(path)));
    }
    let text = fields.text("Timestamp", problems)?;
    if let Text::Literal(literal) = &text
        && Moment::parse(literal).is_none()
    {
        problems.push(Problem::schema("String does not match RFC3339 timestamp", fields.place("Timestamp")));
    }
    Some(Until::Moment(text))
}

fn read_map(fields: &Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<Map> {
    let field = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
    if !fields.has(field) {
        fields.require(&["ItemProcessor"], problems);
    }
    if let Some(label) = fields.string("Label", problems) {
        read_label(label, &fields.place("Label"), problems);
    }
    let selector = if fields.has("ItemSelector") { "ItemSelector" } else { "Parameters" };
    let items = match fields.language {
        Language::Jsonata => fields.template("Items", problems).map_or(Items::Input, Items::Formula),
        Language::Path => fields.path("ItemsPath", problems).map_or(Items::Input, Items::Path),
    };
    let source = Fields::of(fields.get(field)?, fields.place(field), setting.language, problems)?;
    source.only(&[&["StartAt", "States", "ProcessorConfig", "Comment"]], problems);
    let mut distributed = false;
    if let Some(config) = source.get("ProcessorConfig") {
        let config = Fields::of(config, source.place("ProcessorConfig"), source.language, problems)?;
        config.only(&[&["Mode", "ExecutionType"]], problems);
        match config.string("Mode", problems) {
            Some("DISTRIBUTED") => distributed = true,
            Some("INLINE") | None => {}
            Some(_) => {
                let message = "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]";
                problems.push(Problem::schema(message, config.place("Mode")));
            }
        }
    }
    let lacking = ["ItemReader", "ItemBatcher", "ResultWriter"].into_iter().find(|field| fields.has(field));
    Some(Map {
        items,
        selector: fields.template(selector, problems),
        concurrency: fields.count("MaxConcurrency", 0.0, problems),
        tolerated_count: fields.count("ToleratedFailureCount", 0.0, problems),
        tolerated_percentage: fields.bounded_count("ToleratedFailurePercentage", 0.0, 100.0, false, problems),
        processor: read_flow(&source, setting.express, setting.depth, problems)?,
        distributed,
        label: fields.get("Label").and_then(Value::as_str).map(str::to_owned),
        lacking,
    })
}

fn read_label(label: &str, at: &str, problems: &mut Vec<Problem>) {
    const FORBIDDEN: &str = "?*<>{}[]:;,\\|^~$#%&`\"";
    if label.is_empty() {
        problems.push(Problem::schema("Label cannot be empty", at));
    } else if label.chars().count() > 40 {
        problems.push(Problem::schema("Label cannot exceed 40 characters", at));
    } else if let Some(bad) = label.chars().find(|c| c.is_whitespace() || c.is_control() || FORBIDDEN.contains(*c)) {
        problems.push(Problem::schema(format!("Label contains invalid character: '{}'", bad.escape_debug()), at));
    }
}

/// Reads each object of a list.
fn read_list<T>(
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

fn read_retrier(fields: Fields<'_>, problems: &mut Vec<Problem>) -> Option<Retrier> {
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
    Some(Retrier {
        errors: read_errors(&fields, problems),
        interval: fields.number("IntervalSeconds", 1.0, 99_999_999.0, true, problems).unwrap_or(1.0),
        attempts,
        backoff: fields.number("BackoffRate", 1.0, f64::MAX, false, problems).unwrap_or(2.0),
        longest: fields.number("MaxDelaySeconds", 1.0, 31_622_400.0, true, problems),
        jitter,
    })
}

fn read_catcher(fields: Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<Catcher> {
    let io = if fields.language == Language::Jsonata { OUTPUT } else { RESULT };
    fields.only(&[&["Comment", "ErrorEquals", "Next", "Assign"], io], problems);
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

fn read_choice(fields: Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<Choice> {
    fields.require(&["Next"], problems);
    let next = target(&fields, "Next", setting, problems);
    let condition = if fields.language == Language::Jsonata {
        fields.only(&[&["Comment", "Condition", "Next", "Assign", "Output"]], problems);
        fields.require(&["Condition"], problems);
        match fields.get("Condition")? {
            Value::Bool(_) => {}
            Value::String(text) if Template::is_formula(text) => {}
            _ => {
                let message = "Expected value of type Boolean or a JSONata expression";
                problems.push(Problem::schema(message, fields.place("Condition")));
            }
        }
        Condition::Formula(fields.template("Condition", problems)?)
    } else {
        Condition::Rule(read_rule(&fields, true, problems)?)
    };
    Some(Choice {
        condition,
        next: next?,
        assign: read_assign(&fields, problems),
        output: fields.template("Output", problems),
    })
}

fn read_rule(fields: &Fields<'_>, top: bool, problems: &mut Vec<Problem>) -> Option<Rule> {
    let beside = |name: &str| matches!(name, "Variable" | "Comment") || (top && matches!(name, "Next" | "Assign"));
    let operators: Vec<&str> = fields.members.keys().map(String::as_str).filter(|name| !beside(name)).collect();
    let [operator] = operators[..] else {
        problems.push(Problem::schema("Exactly one comparison is required in a choice rule", fields.at.clone()));
        return None;
    };
    let nested = |problems: &mut Vec<Problem>| {
        read_list(fields, operator, problems, |fields, problems| read_rule(&fields, false, problems))
    };
    match operator {
        "And" => return Some(Rule::And(nested(problems))),
        "Or" => return Some(Rule::Or(nested(problems))),
        "Not" => {
            let inner = Fields::of(fields.get("Not")?, fields.place("Not"), fields.language, problems)?;
            return read_rule(&inner, false, problems).map(|rule| Rule::Not(Box::new(rule)));
        }
        _ => {}
    }
    let test = if operator == "StringMatches" {
        Test::Matches(fields.string(operator, problems)?.to_owned())
    } else if let Some(kind) = Trait::named(operator) {
        Test::Is(kind, fields.boolean(operator, problems)?)
    } else if let Some((comparison, path)) = Comparison::named(operator) {
        if path {
            Test::Compare(comparison, Operand::Path(fields.path(operator, problems)?))
        } else {
            let literal = fields.get(operator)?;
            if !comparison.fits(literal) {
                let message = match comparison.domain {
                    super::super::choice::Domain::Text => "Expected value of type String",
                    super::super::choice::Domain::Number => "Expected value of type Number",
                    super::super::choice::Domain::Boolean => "Expected value of type Boolean",
                    super::super::choice::Domain::Moment => "String does not match RFC3339 timestamp",
                };
                problems.push(Problem::schema(message, fields.place(operator)));
            }
            Test::Compare(comparison, Operand::Literal(literal.clone()))
        }
    } else {
        problems.push(Problem::schema("Field is not supported", fields.place(operator)));
        return None;
    };
    fields.require(&["Variable"], problems);
    let variable: Expression = fields.path("Variable", problems)?;
    Some(Rule::Test { variable, test })
}
