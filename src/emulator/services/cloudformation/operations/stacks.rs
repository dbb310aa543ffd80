//! `CreateStack`, `UpdateStack` and `DeleteStack`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::CloudFormation;
use super::super::changes;
use super::super::engine::Run;
use super::super::error::Error;
use super::super::kept;
use super::super::stack::{Kept, OnFailure, Operation, Stack, Status, Submission, Tracked, Under};
use super::super::state::{Shared, not_found};
use super::super::template::invalid;
use super::submission::Given;
use crate::emulator::{Context, form};

const USER_INITIATED: &str = "User Initiated";

/// Checks a stack's name.
pub fn check_name(name: &str) -> Result<(), Error> {
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_name {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
    )))
}

/// A stack without resources.
pub fn new_stack(shared: &Shared, name: &str, submission: Submission, on_failure: OnFailure) -> Stack {
    let id = shared.fabric.arn("cloudformation", format!("stack/{name}/{}", shared.fabric.uuid())).to_string();
    Stack {
        id,
        name: name.to_owned(),
        status: Status::ReviewInProgress,
        reason: None,
        submission,
        on_failure,
        termination_protection: false,
        created: shared.fabric.clock().now(),
        updated: None,
        deleted: None,
        outputs: Vec::new(),
        imports: BTreeSet::new(),
        resources: Tracked::default(),
        events: Vec::new(),
        change_sets: Tracked::default(),
        change_set_id: None,
        token: None,
        operation: None,
        gate: Arc::default(),
        cancel: CancellationToken::new(),
        under: Under::default(),
        kept: Kept::default(),
    }
}

/// A new operation of that kind.
pub fn operation(shared: &Shared, kind: &'static str) -> Operation {
    Operation { id: shared.fabric.uuid(), kind }
}

/// Begins a creation: the event is there when the call returns, the rest follows.
pub fn begin_creation(shared: &Arc<Shared>, stack: &mut Stack) {
    stack.operation = Some(operation(shared, "CREATE_STACK"));
    shared.record_stack(stack, Status::CreateInProgress, Some(USER_INITIATED.to_owned()));
    spawn(shared, stack, |run| async move { run.create().await });
}

/// Begins an update.
pub fn begin_update(shared: &Arc<Shared>, stack: &mut Stack, submission: Submission, disable_rollback: bool) {
    stack.updated = Some(shared.fabric.clock().now());
    stack.operation = Some(operation(shared, "UPDATE_STACK"));
    stack.under = Under { disable_rollback, ..Under::default() };
    let imports = std::mem::take(&mut stack.imports);
    let before = (std::mem::replace(&mut stack.submission, submission), imports);
    kept::keep_before(&shared.shelf, &stack.id, &before);
    shared.record_stack(stack, Status::UpdateInProgress, Some(USER_INITIATED.to_owned()));
    spawn(shared, stack, move |run| async move { run.update(before, disable_rollback).await });
    kept::keep(&shared.shelf, stack);
}

/// Runs `work` once the stack's gate is free; ends with the endpoint.
pub fn spawn<Work, Done>(shared: &Arc<Shared>, stack: &Stack, work: Work)
where
    Work: FnOnce(Run) -> Done + Send + 'static,
    Done: Future<Output = Result<(), Error>> + Send,
{
    let (shared, id, gate) = (Arc::clone(shared), stack.id.clone(), Arc::clone(&stack.gate));
    tokio::spawn(async move {
        let shutdown = shared.fabric.shutdown_token().clone();
        let work = async {
            let _one_at_a_time = gate.lock().await;
            work(Run::new(&shared, &id)).await
        };
        tokio::select! {
            done = work => if let Err(error) = done { tracing::error!(stack = id, %error, "a run ended early") },
            () = shutdown.cancelled() => {}
        }
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateStack {
    stack_name: String,
    #[serde(default, deserialize_with = "form::flag")]
    enable_termination_protection: Option<bool>,
    #[serde(flatten)]
    given: Given,
}

pub async fn create_stack(service: &CloudFormation, input: CreateStack, _: &Context) -> Result<Value, Error> {
    let shared = &service.shared;
    check_name(&input.stack_name)?;
    let again = |stack: &Stack| {
        let token = input.given.client_request_token.as_ref();
        token.is_some() && stack.token.as_ref() == token && stack.name == input.stack_name
    };
    let existing = shared.stack(&input.stack_name, |stack| again(stack).then(|| stack.id.clone()));
    match existing {
        Ok(Some(id)) => return Ok(json!({"StackId": id})),
        Ok(None) => return Err(Error::StackExists(input.stack_name)),
        Err(_) => {}
    }
    let on_failure = input.given.on_failure()?;
    let submission = input.given.submission(shared, &input.stack_name, None).await?;
    let mut stack = new_stack(shared, &input.stack_name, submission, on_failure);
    stack.token.clone_from(&input.given.client_request_token);
    stack.termination_protection = input.enable_termination_protection.unwrap_or(false);
    let id = stack.id.clone();
    let mut state = shared.state();
    if state.find(&input.stack_name).is_some() {
        return Err(Error::StackExists(input.stack_name));
    }
    begin_creation(shared, &mut stack);
    state.add(stack, &shared.shelf);
    Ok(json!({"StackId": id}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateStack {
    stack_name: String,
    #[serde(flatten)]
    given: Given,
}

pub async fn update_stack(service: &CloudFormation, input: UpdateStack, _: &Context) -> Result<Value, Error> {
    let shared = &service.shared;
    let (name, previous) = shared
        .stack(&input.stack_name, |stack| (stack.name.clone(), stack.submission.clone()))
        .map_err(|_| invalid(format!("Stack [{}] does not exist", input.stack_name)))?;
    let submission = input.given.submission(shared, &name, Some(&previous)).await?;
    let mut state = shared.state();
    let exports = state.exports().into_iter().map(|(export, (value, _))| (export, value)).collect();
    let stack = state.find_mut(&input.stack_name).ok_or_else(|| not_found(&input.stack_name))?;
    check_updatable(stack)?;
    let identity = shared.fabric.identity();
    let pseudo = stack.pseudo(&identity.account, &identity.region);
    let changes = changes::find(Some(stack), &submission, &pseudo, &exports, &shared.registry)?;
    if changes.is_empty() && stack.status != Status::UpdateFailed && stack.status != Status::CreateFailed {
        return Err(invalid("No updates are to be performed."));
    }
    stack.token.clone_from(&input.given.client_request_token);
    begin_update(shared, stack, submission, input.given.disable_rollback.unwrap_or(false));
    Ok(json!({"StackId": stack.id}))
}

/// Refuses an update that the stack's status does not allow.
pub fn check_updatable(stack: &Stack) -> Result<(), Error> {
    if stack.status.is_updatable() {
        return Ok(());
    }
    Err(invalid(format!("Stack:{} is in {} state and can not be updated.", stack.id, stack.status.as_str())))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteStack {
    stack_name: String,
    #[serde(default, deserialize_with = "form::list")]
    retain_resources: Vec<String>,
    #[serde(default)]
    client_request_token: Option<String>,
    #[serde(default)]
    deletion_mode: Option<String>,
}

pub async fn delete_stack(service: &CloudFormation, input: DeleteStack, _: &Context) -> Result<Value, Error> {
    let shared = &service.shared;
    let mut state = shared.state();
    // A stack that is not there is deleted already.
    let Some(stack) = state.find_mut(&input.stack_name) else { return Ok(Value::Null) };
    if stack.termination_protection {
        return Err(invalid(format!(
            "Stack [{}] cannot be deleted while TerminationProtection is enabled",
            stack.name
        )));
    }
    match stack.status {
        Status::DeleteInProgress | Status::DeleteComplete => return Ok(Value::Null),
        Status::CreateInProgress | Status::ReviewInProgress | Status::RollbackInProgress => stack.cancel.cancel(),
        status if status.is_in_progress() => {
            let (id, status) = (&stack.id, status.as_str());
            return Err(invalid(format!("Stack [{id}] cannot be deleted while in status {status}")));
        }
        _ => {}
    }
    let retain = input.retain_resources;
    if !retain.is_empty() && stack.status != Status::DeleteFailed {
        return Err(invalid(
            "Invalid operation on stack. Specify which resources to retain only when the stack is in the DELETE_FAILED state.",
        ));
    }
    if let Some(unknown) = retain.iter().find(|logical| !stack.resources.contains_key(*logical)) {
        return Err(invalid(format!("Resource {unknown} to retain does not belong to stack {}", stack.name)));
    }
    stack.token = input.client_request_token;
    stack.deleted = Some(shared.fabric.clock().now());
    stack.operation = Some(operation(shared, "DELETE_STACK"));
    let force = input.deletion_mode.as_deref() == Some("FORCE_DELETE_STACK");
    shared.record_stack(stack, Status::DeleteInProgress, Some(USER_INITIATED.to_owned()));
    stack.under = Under { retain: retain.clone(), force, ..Under::default() };
    kept::keep(&shared.shelf, stack);
    spawn(shared, stack, move |run| async move { run.delete_everything(&retain, force).await });
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateTerminationProtection {
    stack_name: String,
    #[serde(default, deserialize_with = "form::flag")]
    enable_termination_protection: Option<bool>,
}

pub async fn update_termination_protection(
    service: &CloudFormation,
    input: UpdateTerminationProtection,
    _: &Context,
) -> Result<Value, Error> {
    let Some(enabled) = input.enable_termination_protection else {
        return Err(invalid("EnableTerminationProtection must be given"));
    };
    service.shared.stack(&input.stack_name, |stack| {
        stack.termination_protection = enabled;
        json!({"StackId": stack.id})
    })
}
