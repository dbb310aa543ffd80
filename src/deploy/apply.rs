//! Makes a stack as it was planned, through a change set: create, describe (the preview), execute, follow to the end.
//!
//! Nothing here is lost by an interruption: a change set has a name that follows from its content, and a stack that is
//! being worked on is followed first.

use tokio_util::sync::CancellationToken;

use super::Sink;
use super::change_set::{ChangeSet, create, wait_for};
use super::error::{DeployError, Left};
use super::events::{Followed, Follower};
use super::ownership;
use super::plan::{ChangeSetKind, NextStep, Plan};
use super::stack::{Stack, describe};
use crate::aws::{Clients, Kind, Problem};

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// The stack is so already.
    Unchanged(Box<Stack>),
    /// A change set waits to be executed.
    Changes(ChangeSet),
}

/// Makes the stack so, from whatever state it is in; returns it as it then stands.
///
/// # Errors
/// The first cause of a failure, or what an interruption leaves.
pub async fn deploy(
    clients: &Clients,
    plan: &Plan,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<Stack, DeployError> {
    match prepare(clients, plan, out, cancel).await? {
        Prepared::Unchanged(stack) => Ok(*stack),
        Prepared::Changes(changes) => execute(clients, &changes, out, cancel).await,
    }
}

/// Brings the stack to rest where it is not, and makes the change set.
///
/// # Errors
/// When the stack's status allows no change, the change set is refused, or the user interrupts.
pub async fn prepare(
    clients: &Clients,
    plan: &Plan,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<Prepared, DeployError> {
    let (kind, before) = loop {
        let stack = describe(clients, &plan.stack).await?;
        let status = stack.as_ref().map(|stack| stack.status.as_str());
        if let Some(stack) = &stack {
            ownership::check_change(clients, stack).await?;
        }
        match (NextStep::of(status), stack) {
            (NextStep::Create, _) => break (ChangeSetKind::Create, None),
            (NextStep::Update, stack) => break (ChangeSetKind::Update, stack),
            (NextStep::Follow, Some(stack)) => {
                let mut follower = Follower::resume(clients, &stack.id).await?;
                if let Followed::Interrupted = follower.follow(clients, out, cancel).await? {
                    return Err(interrupted(plan, Left::Deploying));
                }
            }
            (NextStep::DeleteThenCreate, Some(stack)) => delete_remains(clients, &stack, out, cancel).await?,
            (NextStep::ContinueRollback, Some(stack)) => {
                return Err(stuck(stack, "run `aws cloudformation continue-update-rollback` for it first"));
            }
            (_, Some(stack)) => return Err(stuck(stack, "run `vaultscope destroy` first")),
            (_, None) => break (ChangeSetKind::Create, None),
        }
    };
    let existing =
        before.iter().flat_map(|stack| stack.seen.parameters.iter().map(|(key, _)| key.clone())).collect::<Vec<_>>();
    let request = plan.request(kind, &existing);
    if cancel.is_cancelled() {
        return Err(interrupted(plan, Left::Nothing));
    }
    create(clients, &request).await?;
    let waited = wait_for(clients, &request, cancel).await;
    if let (Err(DeployError::Interrupted { .. } | DeployError::ChangeSet { .. }), None) = (&waited, &before) {
        // The shell of a stack that was never made would only be in the way.
        remove_shell(clients, &request.stack).await?;
    }
    match waited? {
        Some(changes) => Ok(Prepared::Changes(ChangeSet { before: before.map(Box::new), ..changes })),
        None => match before {
            Some(stack) => {
                stack.tell(out).await;
                Ok(Prepared::Unchanged(Box::new(stack)))
            }
            None => Err(DeployError::ChangeSet {
                stack: plan.stack.clone(),
                reason: "a new stack cannot be without changes".to_owned(),
            }),
        },
    }
}

/// Executes a change set and follows the stack to its end.
///
/// # Errors
/// The first cause of a failure, or that the user interrupted.
pub async fn execute(
    clients: &Clients,
    changes: &ChangeSet,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<Stack, DeployError> {
    let mut follower = Follower::begin(clients, &changes.stack_id).await?;
    clients
        .cloudformation
        .execute_change_set()
        .change_set_name(&changes.id)
        .send()
        .await
        .map_err(|error| Problem::of("cloudformation ExecuteChangeSet", &error))?;
    let ended = |status: &str, cause: Option<String>| DeployError::Ended {
        stack: changes.stack.clone(),
        status: status.to_owned(),
        cause: cause.unwrap_or_else(|| "no resource gave a reason".to_owned()),
    };
    match follower.follow(clients, out, cancel).await? {
        Followed::Ended(stack) if matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") => Ok(*stack),
        Followed::Ended(stack) => Err(ended(&stack.status, follower.cause().or(stack.seen.reason))),
        Followed::Gone => Err(ended("DELETE_COMPLETE", Some("somebody deleted it meanwhile".to_owned()))),
        Followed::Interrupted => Err(DeployError::Interrupted { stack: changes.stack.clone(), left: Left::Deploying }),
    }
}

/// Deletes a change set that nobody executes, and the shell of the stack that it would have made.
///
/// # Errors
/// When a call fails.
pub async fn discard(clients: &Clients, changes: &ChangeSet) -> Result<(), DeployError> {
    let deleted = clients.cloudformation.delete_change_set().stack_name(&changes.stack).change_set_name(&changes.id);
    match deleted.send().await.map_err(|error| Problem::of("cloudformation DeleteChangeSet", &error)) {
        // With its stack, or by somebody else.
        Err(problem) if problem.kind == Kind::NotFound || problem.is(&["ValidationError"]) => {}
        answer => drop(answer?),
    }
    if changes.before.is_none() {
        remove_shell(clients, &changes.stack).await?;
    }
    Ok(())
}

/// Deletes a stack that is only under review, unless somebody has another change set for it.
async fn remove_shell(clients: &Clients, stack: &str) -> Result<(), Problem> {
    let is_shell = describe(clients, stack).await?.is_some_and(|stack| stack.status == "REVIEW_IN_PROGRESS");
    if !is_shell || !ownership::change_sets(clients, stack).await?.is_empty() {
        return Ok(());
    }
    let deleted = clients.cloudformation.delete_stack().stack_name(stack).send().await;
    deleted.map(drop).map_err(|error| Problem::of("cloudformation DeleteStack", &error))
}

fn interrupted(plan: &Plan, left: Left) -> DeployError {
    DeployError::Interrupted { stack: plan.stack.clone(), left }
}

fn stuck(stack: Stack, remedy: &'static str) -> DeployError {
    DeployError::Stuck { stack: stack.seen.name, status: stack.status, remedy }
}

/// Deletes what a rolled back creation left: a stack without resources.
async fn delete_remains(
    clients: &Clients,
    stack: &Stack,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<(), DeployError> {
    let mut follower = Follower::begin(clients, &stack.id).await?;
    clients
        .cloudformation
        .delete_stack()
        .stack_name(&stack.id)
        .send()
        .await
        .map_err(|error| Problem::of("cloudformation DeleteStack", &error))?;
    match follower.follow(clients, out, cancel).await? {
        Followed::Interrupted => Err(DeployError::Interrupted { stack: stack.seen.name.clone(), left: Left::Deleting }),
        Followed::Ended(after) if after.status != "DELETE_COMPLETE" => {
            // Some servers say that they failed and forget the stack all the same: its name is free then.
            if describe(clients, &stack.seen.name).await?.is_none() {
                return Ok(());
            }
            Err(DeployError::Ended {
                stack: stack.seen.name.clone(),
                status: after.status.clone(),
                cause: follower.cause().or(after.seen.reason).unwrap_or_else(|| "it could not be deleted".to_owned()),
            })
        }
        Followed::Ended(_) | Followed::Gone => Ok(()),
    }
}
