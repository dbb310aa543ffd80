//! From the JSON of one state to its compiled form.

use std::sync::Arc;

use serde_json::Value;

use super::super::eval::template::Language;
use super::super::integration::Resource;
use super::super::moment::Moment;
use super::fields::Fields;
use super::handlers::{read_assign, read_catcher, read_list, read_retrier, target};
use super::items::{read_batcher, read_reader, read_writer};
use super::reader::{Setting, language_problem, read_flow};
use super::rules::read_choice;
use super::{
    DataFlow, Failing, FormulaFlow, Items, Map, Next, PathFlow, Problem, Selection, State, Task, Text, Until, Work,
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
        retry: read_list(&fields, "Retry", problems, |fields, problems| Some(read_retrier(&fields, problems))),
        catch: read_list(&fields, "Catch", problems, |fields, problems| read_catcher(fields, setting, problems)),
        work: work?,
        next,
    })
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
    if !resource.is_possible() {
        let message = format!(
            "The resource provided {text} is not recognized. The value is not a valid resource ARN, or the resource is \
             not available in this region."
        );
        problems.push(Problem::schema(message, fields.place("Resource")));
    }
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
    let mut lacking = None;
    if !distributed {
        lacking = ["ItemReader", "ItemBatcher", "ResultWriter"].into_iter().find(|field| fields.has(field));
    }
    let reader = read_reader(fields, &mut lacking, problems);
    let writer = read_writer(fields, &mut lacking, problems);
    Some(Map {
        items,
        selector: fields.template(selector, problems),
        concurrency: fields.count("MaxConcurrency", 0.0, problems),
        tolerated_count: fields.count("ToleratedFailureCount", 0.0, problems),
        tolerated_percentage: fields.bounded_count("ToleratedFailurePercentage", 0.0, 100.0, false, problems),
        processor: read_flow(&source, setting.express, setting.depth, problems)?,
        distributed,
        reader,
        batcher: read_batcher(fields, problems),
        writer,
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
