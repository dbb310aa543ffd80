//! Change sets: made, described, executed, deleted, listed.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::CloudFormation;
use super::super::changes;
use super::super::error::Error;
use super::super::kept;
use super::super::stack::{ChangeSet, Stack, Status};
use super::super::state::{State, not_found};
use super::super::template::invalid;
use super::stacks::{begin_creation, begin_update, check_name, check_updatable, new_stack, operation};
use super::submission::Given;
use super::{listed, page};
use crate::emulator::{Context, form};

const NO_CHANGES: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateChangeSet {
    stack_name: String,
    change_set_name: String,
    #[serde(default)]
    change_set_type: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// Kept and shown: a template with nested stacks is refused by their type.
    #[serde(default, deserialize_with = "form::flag")]
    include_nested_stacks: Option<bool>,
    /// Kept and shown: a resource that is there already is not taken over, its creation fails as without the flag.
    #[serde(default, deserialize_with = "form::flag")]
    import_existing_resources: Option<bool>,
    #[serde(default)]
    deployment_mode: Option<String>,
    #[serde(flatten)]
    given: Given,
}

pub async fn create_change_set(service: &CloudFormation, input: CreateChangeSet, _: &Context) -> Result<Value, Error> {
    let shared = &service.shared;
    check_name(&input.change_set_name)?;
    let creates = match input.change_set_type.as_deref() {
        None | Some("UPDATE") => false,
        Some("CREATE") => true,
        Some(other) => {
            return Err(invalid(format!("the embedded endpoint does not implement change sets of type {other}")));
        }
    };
    if let Some(mode) = input.deployment_mode {
        return Err(invalid(format!("the embedded endpoint does not implement DeploymentMode {mode}")));
    }
    let existing =
        shared.stack(&input.stack_name, |stack| (stack.name.clone(), stack.status, stack.submission.clone()));
    let (name, previous) = match existing {
        Ok((name, Status::ReviewInProgress, _)) if creates => (name, None),
        Ok((name, ..)) if creates => return Err(Error::StackExists(name)),
        Ok((name, _, previous)) => (name, Some(previous)),
        Err(_) if creates => {
            check_name(&input.stack_name)?;
            (input.stack_name.clone(), None)
        }
        Err(_) => return Err(invalid(format!("Stack [{}] does not exist", input.stack_name))),
    };
    let submission = input.given.submission(shared, &name, previous.as_ref()).await?;
    let on_failure = input.given.on_failure()?;
    let mut state = shared.state();
    if creates && state.find(&name).is_none() {
        let mut stack = new_stack(shared, &name, submission.clone(), on_failure);
        stack.operation = Some(operation(shared, "CREATE_CHANGESET"));
        shared.record_stack(&mut stack, Status::ReviewInProgress, Some("User Initiated".to_owned()));
        state.add(stack, &shared.shelf);
    }
    let exports = state.exports().into_iter().map(|(export, (value, _))| (export, value)).collect();
    let stack = state.find_mut(&name).ok_or_else(|| not_found(&name))?;
    if stack.change_sets.values().any(|set| set.name == input.change_set_name) {
        return Err(Error::ChangeSetExists(input.change_set_name));
    }
    if !creates {
        check_updatable(stack)?;
    }
    let identity = shared.fabric.identity();
    let pseudo = stack.pseudo(&identity.account, &identity.region);
    let before = (!creates).then_some(&*stack);
    let found = changes::find(before, &submission, &pseudo, &exports, &shared.registry)?;
    let failure = (found.is_empty() && !creates).then(|| NO_CHANGES.to_owned());
    let token = shared.fabric.uuid();
    let id = shared.fabric.arn("cloudformation", format!("changeSet/{}/{token}", input.change_set_name)).to_string();
    let set = ChangeSet {
        id: id.clone(),
        name: input.change_set_name,
        description: input.description,
        created: shared.fabric.clock().now(),
        execution_status: if failure.is_some() { "UNAVAILABLE" } else { "AVAILABLE" },
        failure,
        submission,
        changes: found.resources,
        on_failure,
        nested: input.include_nested_stacks.unwrap_or(false),
        imports: input.import_existing_resources,
    };
    stack.change_sets.insert(id.clone(), set);
    kept::keep(&shared.shelf, stack);
    Ok(json!({"Id": id, "StackId": stack.id}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Named {
    change_set_name: String,
    #[serde(default)]
    stack_name: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    include_property_values: Option<bool>,
    #[serde(default, deserialize_with = "form::flag")]
    disable_rollback: Option<bool>,
    #[serde(default)]
    client_request_token: Option<String>,
}

impl Named {
    /// The stack that has the change set; a name needs the stack's name beside it, an ARN does not.
    fn stack_of(&self, state: &State) -> Result<String, Error> {
        let missing = || Error::ChangeSetNotFound(self.change_set_name.clone());
        match &self.stack_name {
            Some(name) => {
                let stack = state.find(name).ok_or_else(|| invalid(format!("Stack [{name}] does not exist")))?;
                stack.change_set(&self.change_set_name).map(|_| stack.id.clone()).ok_or_else(missing)
            }
            None if !self.change_set_name.starts_with("arn:") => {
                Err(invalid("StackName must be specified if ChangeSetName is not specified as an ARN."))
            }
            None => state
                .all()
                .find(|stack| stack.change_sets.contains_key(&self.change_set_name))
                .map(|stack| stack.id.clone())
                .ok_or_else(missing),
        }
    }

    fn with<T>(
        &self,
        service: &CloudFormation,
        work: impl FnOnce(&mut Stack, ChangeSet) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut state = service.shared.state();
        let id = self.stack_of(&state)?;
        let stack = state.find_mut(&id).ok_or_else(|| not_found(&id))?;
        let set = stack.change_set(&self.change_set_name).cloned();
        let answer = work(stack, set.ok_or_else(|| Error::ChangeSetNotFound(self.change_set_name.clone()))?);
        kept::keep(&service.shared.shelf, stack);
        answer
    }
}

fn status(set: &ChangeSet) -> &'static str {
    if set.failure.is_some() { "FAILED" } else { "CREATE_COMPLETE" }
}

pub async fn describe_change_set(service: &CloudFormation, input: Named, _: &Context) -> Result<Value, Error> {
    input.with(service, |stack, set| {
        let with_values = input.include_property_values.unwrap_or(false);
        let changes = set.changes.iter().map(|change| change.shown(with_values)).collect();
        let (changes, next) = page(changes, input.next_token.as_deref())?;
        let mut shown = json!({
            "ChangeSetName": set.name,
            "ChangeSetId": set.id,
            "StackId": stack.id,
            "StackName": stack.name,
            "CreationTime": set.created.iso_millis(),
            "ExecutionStatus": set.execution_status,
            "Status": status(&set),
            "NotificationARNs": set.submission.notification_arns,
            "RollbackConfiguration": {},
            "Capabilities": set.submission.capabilities,
            "Changes": changes,
            "IncludeNestedStacks": set.nested,
        });
        let parameters = set.submission.shown_parameters();
        let more = [
            ("Description", json!(set.description)),
            ("StatusReason", json!(set.failure)),
            ("Parameters", if set.submission.parameters.is_empty() { Value::Null } else { parameters }),
            ("Tags", if set.submission.tags.is_empty() { Value::Null } else { json!(set.submission.tags) }),
            ("NextToken", json!(next)),
            ("ImportExistingResources", json!(set.imports)),
        ];
        for (name, value) in more {
            if !value.is_null() {
                shown[name] = value;
            }
        }
        Ok(shown)
    })
}

pub async fn execute_change_set(service: &CloudFormation, input: Named, _: &Context) -> Result<Value, Error> {
    input.with(service, |stack, set| {
        if set.failure.is_some() || set.execution_status != "AVAILABLE" {
            return Err(Error::InvalidChangeSetStatus(format!(
                "ChangeSet [{}] cannot be executed in its current status of [{}]",
                set.id,
                if set.failure.is_some() { "FAILED" } else { set.execution_status }
            )));
        }
        let creates = stack.status == Status::ReviewInProgress;
        if !creates {
            check_updatable(stack)?;
        }
        // Once one is executed the others no longer fit the stack: AWS deletes them all.
        stack.change_sets.clear();
        stack.change_set_id = Some(set.id);
        stack.token.clone_from(&input.client_request_token);
        if creates {
            stack.submission = set.submission;
            let keeps = input.disable_rollback == Some(true);
            stack.on_failure = if keeps { super::super::stack::OnFailure::DoNothing } else { set.on_failure };
            stack.updated = Some(service.shared.fabric.clock().now());
            begin_creation(&service.shared, stack);
        } else {
            begin_update(&service.shared, stack, set.submission, input.disable_rollback.unwrap_or(false));
        }
        Ok(json!({}))
    })
}

pub async fn delete_change_set(service: &CloudFormation, input: Named, _: &Context) -> Result<Value, Error> {
    let deleted = input.with(service, |stack, set| {
        stack.change_sets.shift_remove(&set.id);
        Ok(json!({}))
    });
    match deleted {
        // One that is gone is deleted already.
        Err(Error::ChangeSetNotFound(_)) => Ok(json!({})),
        other => other,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListChangeSets {
    stack_name: String,
    #[serde(default)]
    next_token: Option<String>,
}

pub async fn list_change_sets(service: &CloudFormation, input: ListChangeSets, _: &Context) -> Result<Value, Error> {
    let sets = service.shared.stack(&input.stack_name, |stack| {
        let summary = |set: &ChangeSet| {
            json!({
                "StackId": stack.id,
                "StackName": stack.name,
                "ChangeSetId": set.id,
                "ChangeSetName": set.name,
                "ExecutionStatus": set.execution_status,
                "Status": status(set),
                "StatusReason": set.failure,
                "CreationTime": set.created.iso_millis(),
                "Description": set.description,
                "IncludeNestedStacks": set.nested,
            })
        };
        stack.change_sets.values().map(summary).collect()
    })?;
    listed("Summaries", sets, input.next_token.as_deref())
}
