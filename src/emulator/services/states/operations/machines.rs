//! Creating, updating, deleting and describing state machines.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::States;
use super::super::asl;
use super::super::error::StatesError;
use super::super::execution::{Revision, Status};
use super::super::history::Failure;
use super::super::kept;
use super::super::registry::Machine;
use super::tags::{Tag, tag_map};
use super::{check_name, find_machine, machine_name, page_size, read_token, required, write_token};
use crate::emulator::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateStateMachineInput {
    name: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    logging_configuration: Option<Value>,
    tracing_configuration: Option<Value>,
    encryption_configuration: Option<Value>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    publish: bool,
    version_description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateStateMachineInput {
    state_machine_arn: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    logging_configuration: Option<Value>,
    tracing_configuration: Option<Value>,
    encryption_configuration: Option<Value>,
    #[serde(default)]
    publish: bool,
    version_description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateMachineInput {
    state_machine_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ForExecutionInput {
    execution_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListStateMachinesInput {
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn check_version(publish: bool, description: Option<&str>) -> Result<(), StatesError> {
    if publish {
        return Err(StatesError::Lacking("versions (publish)".to_owned()));
    }
    if description.is_some() {
        let message = "Version description can only be set when publish is true";
        return Err(StatesError::Validation(message.to_owned()));
    }
    Ok(())
}

fn compile(definition: &str, kind: &str) -> Result<asl::Definition, StatesError> {
    asl::read(definition, kind == "EXPRESS")
        .map_err(|problems| StatesError::InvalidDefinition(asl::in_one_line(&problems)))
}

impl States {
    pub(crate) async fn create_state_machine(
        &self,
        input: CreateStateMachineInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let name = required(input.name, "name")?;
        check_name(&name)?;
        let role = required(input.role_arn, "roleArn")?;
        let definition = required(input.definition, "definition")?;
        let kind = input.kind.unwrap_or_else(|| "STANDARD".to_owned());
        if !matches!(kind.as_str(), "STANDARD" | "EXPRESS") {
            return Err(StatesError::Validation(format!(
                "1 validation error detected: Value '{kind}' at 'type' failed to satisfy constraint: Member must satisfy \
                 enum value set: [STANDARD, EXPRESS]"
            )));
        }
        check_version(input.publish, input.version_description.as_deref())?;
        let definition = compile(&definition, &kind)?;
        let tags = tag_map(input.tags)?;
        let arn = self.fabric().arn("states", format!("stateMachine:{name}")).to_string();
        let now = self.fabric().clock().now();
        let mut registry = self.registry();
        if let Some(machine) = registry.machine(&name) {
            let known = &machine.revision;
            let same = *known.definition.text == *definition.text
                && *known.kind == *kind
                && known.logging == input.logging_configuration
                && known.tracing == input.tracing_configuration;
            if !same {
                return Err(StatesError::StateMachineAlreadyExists(arn));
            }
            return Ok(json!({"stateMachineArn": arn, "creationDate": machine.created.epoch_seconds()}));
        }
        let revision = Revision {
            arn: Arc::from(arn.as_str()),
            name: Arc::from(name.as_str()),
            role: Arc::from(role),
            definition,
            kind: Arc::from(kind),
            id: None,
            made: now,
            logging: input.logging_configuration,
            tracing: input.tracing_configuration,
            encryption: input.encryption_configuration,
        };
        registry.create(Arc::new(revision), now, tags);
        if let Some(machine) = registry.machine(&name) {
            kept::keep_machine(&self.shared.shelf, machine);
        }
        Ok(json!({"stateMachineArn": arn, "creationDate": now.epoch_seconds()}))
    }

    pub(crate) async fn update_state_machine(
        &self,
        input: UpdateStateMachineInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let arn = required(input.state_machine_arn, "stateMachineArn")?;
        check_version(input.publish, input.version_description.as_deref())?;
        let known = Arc::clone(&find_machine(&self.registry(), &arn)?.revision);
        let nothing = input.definition.is_none()
            && input.role_arn.is_none()
            && input.logging_configuration.is_none()
            && input.tracing_configuration.is_none()
            && input.encryption_configuration.is_none();
        if nothing {
            let message = "Either the definition, the role ARN, the LoggingConfiguration, the EncryptionConfiguration or \
                           the TracingConfiguration must be specified";
            return Err(StatesError::Validation(message.to_owned()));
        }
        let text = input.definition.as_deref().unwrap_or(&known.definition.text);
        let now = self.fabric().clock().now();
        let id = self.fabric().uuid();
        let revision = Revision {
            arn: Arc::clone(&known.arn),
            name: Arc::clone(&known.name),
            role: input.role_arn.map_or_else(|| Arc::clone(&known.role), Arc::from),
            definition: compile(text, &known.kind)?,
            kind: Arc::clone(&known.kind),
            id: Some(id.clone()),
            made: now,
            logging: input.logging_configuration.or_else(|| known.logging.clone()),
            tracing: input.tracing_configuration.or_else(|| known.tracing.clone()),
            encryption: input.encryption_configuration.or_else(|| known.encryption.clone()),
        };
        match self.registry().machine_mut(&known.name) {
            Some(machine) => {
                machine.revision = Arc::new(revision);
                kept::keep_machine(&self.shared.shelf, machine);
            }
            None => return Err(StatesError::StateMachineDoesNotExist(arn)),
        }
        Ok(json!({"updateDate": now.epoch_seconds(), "revisionId": id}))
    }

    /// Takes a machine away at once and stops its running executions. An unknown one is no error, as on AWS.
    pub(crate) async fn delete_state_machine(
        &self,
        input: StateMachineInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let arn = required(input.state_machine_arn, "stateMachineArn")?;
        let name = machine_name(&arn)?;
        let mut registry = self.registry();
        if registry.machine(&name).is_some_and(|machine| *machine.revision.arn == *arn)
            && let Some(machine) = registry.remove(&name)
        {
            kept::forget_machine(&self.shared.shelf, &machine);
            drop(registry);
            for (_, execution) in machine.newest(u64::MAX).filter(|(_, known)| known.status() == Status::Running) {
                execution.halt(Failure::default());
            }
        }
        Ok(json!({}))
    }

    pub(crate) async fn describe_state_machine(
        &self,
        input: StateMachineInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let arn = required(input.state_machine_arn, "stateMachineArn")?;
        let registry = self.registry();
        let machine = find_machine(&registry, &arn)?;
        let mut answer = description(&machine.revision);
        answer.insert("status".to_owned(), "ACTIVE".into());
        answer.insert("type".to_owned(), (&*machine.revision.kind).into());
        answer.insert("creationDate".to_owned(), machine.created.epoch_seconds().into());
        Ok(Value::Object(answer))
    }

    pub(crate) async fn describe_state_machine_for_execution(
        &self,
        input: ForExecutionInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let execution = self.execution(&required(input.execution_arn, "executionArn")?)?;
        let mut answer = description(&execution.revision);
        answer.insert("updateDate".to_owned(), execution.revision.made.epoch_seconds().into());
        Ok(Value::Object(answer))
    }

    pub(crate) async fn list_state_machines(
        &self,
        input: ListStateMachinesInput,
        _: &Context,
    ) -> Result<Value, StatesError> {
        let size = page_size(input.max_results)?;
        let after = input.next_token.map(|token| read_token("machines", &token)).transpose()?.unwrap_or_default();
        let registry = self.registry();
        let mut machines: Vec<&Machine> = registry.machines_after(&after).take(size + 1).collect();
        let more = machines.len() > size;
        machines.truncate(size);
        let entry = |machine: &&Machine| {
            json!({
                "stateMachineArn": &*machine.revision.arn, "name": &*machine.revision.name,
                "type": &*machine.revision.kind, "creationDate": machine.created.epoch_seconds(),
            })
        };
        let mut answer = json!({"stateMachines": machines.iter().map(entry).collect::<Vec<_>>()});
        if let Some(last) = machines.last().filter(|_| more) {
            answer["nextToken"] = write_token("machines", &last.revision.name).into();
        }
        Ok(answer)
    }
}

/// What both descriptions of a machine have.
fn description(revision: &Revision) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("stateMachineArn".to_owned(), (&*revision.arn).into());
    answer.insert("name".to_owned(), (&*revision.name).into());
    answer.insert("definition".to_owned(), (&*revision.definition.text).into());
    answer.insert("roleArn".to_owned(), (&*revision.role).into());
    let logging = revision.logging.clone().unwrap_or_else(|| json!({"level": "OFF", "includeExecutionData": false}));
    answer.insert("loggingConfiguration".to_owned(), logging);
    let tracing = revision.tracing.clone().unwrap_or_else(|| json!({"enabled": false}));
    answer.insert("tracingConfiguration".to_owned(), tracing);
    let encryption = revision.encryption.clone().unwrap_or_else(|| json!({"type": "AWS_OWNED_KEY"}));
    answer.insert("encryptionConfiguration".to_owned(), encryption);
    if let Some(id) = &revision.id {
        answer.insert("revisionId".to_owned(), id.as_str().into());
    }
    answer
}
