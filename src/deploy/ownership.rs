//! Whether a stack is ours: what vaultscope did not make, it neither changes nor deletes.

use super::error::DeployError;
use super::plan::CHANGE_SET_PREFIX;
use super::stack::Stack;
use crate::aws::{Clients, Kind, Problem};

/// Refuses to change a stack that somebody else has made.
pub(super) async fn check_change(clients: &Clients, stack: &Stack) -> Result<(), DeployError> {
    if is_ours(clients, stack).await? {
        return Ok(());
    }
    let remedy = "deploy under another name with --stack NAME".to_owned();
    Err(DeployError::Foreign { stack: stack.seen.name.clone(), deed: "change", remedy })
}

/// Refuses to delete a stack that somebody else has made.
pub(super) async fn check_deletion(clients: &Clients, stack: &Stack) -> Result<(), DeployError> {
    if is_ours(clients, stack).await? {
        return Ok(());
    }
    let name = &stack.seen.name;
    let remedy = format!("if you are sure, say so with `vaultscope destroy --stack {name} --foreign {name}`");
    Err(DeployError::Foreign { stack: name.clone(), deed: "delete", remedy })
}

/// By its tag; a stack under review has none on some servers and holds nothing: there its change sets tell.
async fn is_ours(clients: &Clients, stack: &Stack) -> Result<bool, Problem> {
    if stack.is_tagged {
        return Ok(true);
    }
    if stack.status != "REVIEW_IN_PROGRESS" {
        return Ok(false);
    }
    Ok(change_sets(clients, &stack.id).await?.iter().all(|name| name.starts_with(CHANGE_SET_PREFIX)))
}

/// The names of a stack's change sets.
pub(super) async fn change_sets(clients: &Clients, stack: &str) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let listed = clients.cloudformation.list_change_sets().stack_name(stack).set_next_token(token).send().await;
        let answer = match listed.map_err(|error| Problem::of("cloudformation ListChangeSets", &error)) {
            Ok(answer) => answer,
            Err(problem) if problem.kind == Kind::Unsupported => return Ok(names),
            Err(problem) => return Err(problem),
        };
        names.extend(answer.summaries.unwrap_or_default().into_iter().filter_map(|set| set.change_set_name));
        token = answer.next_token;
        if token.is_none() {
            return Ok(names);
        }
    }
}
