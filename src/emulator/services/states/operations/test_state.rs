//! `TestState`: tries one state of a definition without a machine or an execution.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::States;
use super::super::asl::{self, Flow, State, Work};
use super::super::error::StatesError;
use super::super::execution::{Execution, Revision};
use super::super::history::Failure;
use super::super::integration::Resource;
use super::super::interpreter::{Mock, Run, Trial};
use super::executions::check_input;
use super::required;
use crate::emulator::Context;

/// The name of a state that comes without one.
const NAMELESS: &str = "StateName";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestStateInput {
    definition: Option<String>,
    role_arn: Option<String>,
    input: Option<String>,
    inspection_level: Option<String>,
    #[serde(default)]
    reveal_secrets: bool,
    variables: Option<String>,
    state_name: Option<String>,
    mock: Option<MockInput>,
    context: Option<String>,
    #[serde(default)]
    state_configuration: StateConfiguration,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MockInput {
    result: Option<String>,
    error_output: Option<ErrorOutput>,
    field_validation_mode: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ErrorOutput {
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateConfiguration {
    retrier_retry_count: Option<u64>,
    error_caused_by_state: Option<String>,
    map_iteration_failure_count: Option<u64>,
    map_item_reader_data: Option<String>,
}

fn invalid(message: impl Into<String>) -> StatesError {
    StatesError::Validation(message.into())
}

/// A machine around a state that comes alone: whatever it leads to is there.
fn around(state: &Map<String, Value>) -> Value {
    let mut states = Map::from_iter([(NAMELESS.to_owned(), Value::Object(state.clone()))]);
    let mut lead_to = |target: Option<&Value>| {
        if let Some(name) = target.and_then(Value::as_str) {
            states.entry(name).or_insert_with(|| json!({"Type": "Succeed"}));
        }
    };
    lead_to(state.get("Next"));
    lead_to(state.get("Default"));
    for list in ["Catch", "Choices"] {
        let ways = state.get(list).and_then(Value::as_array);
        ways.into_iter().flatten().for_each(|way| lead_to(way.get("Next")));
    }
    json!({"StartAt": NAMELESS, "States": states})
}

/// The state of that name, wherever it is nested, and the flow that it is of.
fn find<'a>(flow: &'a Flow, name: &str) -> Option<(&'a Flow, &'a State)> {
    if let Some(state) = flow.states.iter().find(|state| &*state.name == name) {
        return Some((flow, state));
    }
    flow.states.iter().find_map(|state| match &state.work {
        Work::Parallel(branches) => branches.iter().find_map(|branch| find(branch, name)),
        Work::Map(map) => find(&map.processor, name),
        _ => None,
    })
}

fn object(member: &str, text: Option<&str>) -> Result<Option<Map<String, Value>>, StatesError> {
    let Some(text) = text else { return Ok(None) };
    let read = serde_json::from_str(text);
    read.map(Some).map_err(|_| invalid(format!("The field '{member}' must be a JSON object")))
}

/// Refuses what is no context object, or says more than one can.
fn check_context(context: &Map<String, Value>) -> Result<(), StatesError> {
    const TEXTS: &[(&str, &[&str])] = &[
        ("Execution", &["Id", "Name", "RoleArn", "StartTime", "RedriveTime"]),
        ("State", &["EnteredTime", "Name"]),
        ("StateMachine", &["Id", "Name"]),
        ("Task", &["Token"]),
    ];
    const OTHERS: &[(&str, &str)] = &[("Execution", "Input"), ("Execution", "RedriveCount"), ("State", "RetryCount")];
    let bad = |problem: String| Err(invalid(format!("Invalid Context object provided: {problem}")));
    for (group, members) in context {
        if group == "Map" {
            return bad("'Map' field is not supported when mocking a Context object".to_owned());
        }
        let Some((_, texts)) = TEXTS.iter().find(|(name, _)| name == group) else {
            return bad(format!("Field '{group}' is not allowed"));
        };
        let Some(members) = members.as_object() else { return bad(format!("{group} must be an object")) };
        for (name, value) in members {
            if texts.contains(&name.as_str()) {
                if !value.is_string() {
                    return bad(format!("{group}.{name} must be a string"));
                }
            } else if !OTHERS.contains(&(group.as_str(), name.as_str())) {
                return bad(format!("Field '{name}' is not allowed"));
            }
        }
    }
    Ok(())
}

/// What stands in for the state's work, checked against what it is to stand in for.
fn read_mock(input: &TestStateInput, state: &State) -> Result<Option<Mock>, StatesError> {
    let kind = state.work.name();
    let Some(mock) = &input.mock else {
        if input.state_configuration.map_iteration_failure_count.is_some() {
            return Err(invalid("TestState does not support MapIterationFailureCount when a mock is not specified."));
        }
        return match &state.work {
            Work::Map(_) | Work::Parallel(_) => {
                Err(invalid(format!("State type '{kind}' is not supported when a mock is not specified")))
            }
            Work::Task(task) if matches!(task.resource, Resource::Activity(_)) || task.resource.pattern().is_some() => {
                let message = "Activities, .sync and .waitForTaskToken are not supported when a mock is not specified";
                Err(invalid(message))
            }
            Work::Task(_) if input.role_arn.is_none() => {
                Err(invalid("RoleArn must be specified when testing a Task state"))
            }
            _ => Ok(None),
        };
    };
    if mock.result.is_some() && mock.error_output.is_some() {
        return Err(invalid("A test mock should have only one of the following fields: [result, errorOutput]."));
    }
    if input.reveal_secrets {
        return Err(invalid("TestState does not support RevealSecrets when a mock is specified."));
    }
    if !matches!(state.work, Work::Task(_) | Work::Map(_) | Work::Parallel(_)) {
        return Err(invalid(format!("State type '{kind}' is not supported when a mock is specified")));
    }
    if let Some(mode) =
        mock.field_validation_mode.as_deref().filter(|mode| !matches!(*mode, "STRICT" | "PRESENT" | "NONE"))
    {
        return Err(invalid(format!(
            "1 validation error detected: Value '{mode}' at 'mock.fieldValidationMode' failed to satisfy constraint: \
             Member must satisfy enum value set: [STRICT, PRESENT, NONE]"
        )));
    }
    if let Some(failure) = &mock.error_output {
        let (error, cause) = (failure.error.clone(), failure.cause.clone());
        return Ok(Some(Mock::Failure(Failure { error, cause })));
    }
    let Some(text) = &mock.result else {
        return Err(invalid("A test mock should have one of the following fields: [result, errorOutput]."));
    };
    let result: Value = serde_json::from_str(text).map_err(|_| invalid("Mocked result must be valid JSON"))?;
    match &state.work {
        Work::Map(map) if map.writer.is_some() && !result.is_object() => {
            return Err(invalid("Mocked result must be a JSON object."));
        }
        Work::Map(map) if map.writer.is_none() && !result.is_array() => {
            return Err(invalid("Mocked result must be an array."));
        }
        Work::Parallel(branches) if result.as_array().is_none_or(|results| results.len() != branches.len()) => {
            return Err(invalid("Mocked result must contain the same number of items as number of Parallel branches."));
        }
        _ => {}
    }
    Ok(Some(Mock::Result(result)))
}

impl States {
    pub(crate) async fn test_state(&self, input: TestStateInput, _: &Context) -> Result<Value, StatesError> {
        let text = required(input.definition.clone(), "definition")?;
        let document = input.input.clone().unwrap_or_else(|| "{}".to_owned());
        check_input(&document)?;
        let level = match input.inspection_level.as_deref() {
            None | Some("INFO") => "INFO",
            Some(level @ ("DEBUG" | "TRACE")) => level,
            Some(level) => {
                return Err(invalid(format!(
                    "1 validation error detected: Value '{level}' at 'inspectionLevel' failed to satisfy constraint: \
                     Member must satisfy enum value set: [INFO, DEBUG, TRACE]"
                )));
            }
        };
        let variables = object("variables", input.variables.as_deref())?.unwrap_or_default();
        let context = object("context", input.context.as_deref())?;
        context.as_ref().map_or(Ok(()), check_context)?;
        let alone = match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(members)) if !members.contains_key("States") => Some(around(&members).to_string()),
            _ => None,
        };
        let definition = asl::read(alone.as_deref().unwrap_or(&text), false)
            .map_err(|problems| StatesError::InvalidDefinition(asl::in_one_line(&problems)))?;
        let fabric = self.fabric();
        let (machine, name) = (fabric.uuid(), fabric.uuid());
        let now = fabric.clock().now();
        let role = input.role_arn.clone().unwrap_or_default();
        let revision = Arc::new(Revision {
            arn: Arc::from(fabric.arn("states", format!("stateMachine:{machine}")).to_string()),
            name: Arc::from(machine.as_str()),
            role: Arc::from(role),
            definition,
            kind: Arc::from("EXPRESS"),
            id: None,
            made: now,
            logging: None,
            tracing: None,
            encryption: None,
        });
        let wanted = match (&input.state_name, &alone) {
            (Some(name), None) => name.clone(),
            (_, Some(_)) => NAMELESS.to_owned(),
            (None, None) => match revision.definition.flow.states.as_slice() {
                [one] => one.name.to_string(),
                _ => {
                    return Err(invalid(
                        "stateName is required when the definition is a state machine with many states",
                    ));
                }
            },
        };
        let (flow, state) = find(&revision.definition.flow, &wanted)
            .ok_or_else(|| invalid(format!("State not found in definition: {wanted}")))?;
        let mock = read_mock(&input, state)?;
        let configuration = &input.state_configuration;
        if configuration.map_item_reader_data.is_some() && mock.is_none() {
            return Err(invalid("TestState does not support MapItemReaderData when a mock is not specified."));
        }
        if let Some(cause) = &configuration.error_caused_by_state
            && find(flow, cause).is_none()
        {
            return Err(invalid(format!("State not found in definition: {cause}")));
        }
        let arn = fabric.arn("states", format!("express:{machine}:{name}")).to_string();
        let execution =
            Execution::new(Arc::from(arn), Arc::from(name), Arc::clone(&revision), now, Arc::from(document.as_str()));
        let retries = configuration.retrier_retry_count.unwrap_or(0);
        let run = Run::for_trial(&self.shared, Arc::new(execution), context, &state.name, retries);
        let trial = Trial {
            flow,
            state,
            input: serde_json::from_str(&document).unwrap_or_default(),
            variables,
            mock,
            retries,
            failed_iterations: configuration.map_iteration_failure_count,
        };
        let tried = trial.attempt(&run).await;
        let mut answer = json!({ "status": tried.status });
        if let Some(output) = tried.output {
            answer["output"] = (&*output).into();
        }
        for (member, text) in
            [("error", tried.failure.error), ("cause", tried.failure.cause), ("nextState", tried.next)]
        {
            if let Some(text) = text {
                answer[member] = text.into();
            }
        }
        if level != "INFO" {
            answer["inspectionData"] = Value::Object(tried.inspection);
        }
        Ok(answer)
    }
}
