//! `vaultscope cleanup`: module 7 of the workshop in its order. The gateway is deleted first, so that nothing writes any
//! more; then each stack with what its buckets hold; what is left is said.

use tokio_util::sync::CancellationToken;

use crate::deploy::{BOOTSTRAP, DATA_VAULTING, EVENT_PROCESSING, Foreign, Stack, check_deletion, describe};

use super::args::CleanupArgs;
use super::session::{Session, needs_emulator};
use super::settings::Settings;
use super::{Exit, Usage, deploy, destroy, gateway, output};

/// Runs the command.
pub async fn run(settings: &Settings, args: &CleanupArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_emulator(&settings.target, "cleanup")?;
    settings.needs_write("cleaning up")?;
    let session = Session::open(settings).await?;
    let ended = clean(&session, settings, args, &cancel).await;
    session.close().await;
    ended
}

async fn clean(
    session: &Session,
    settings: &Settings,
    args: &CleanupArgs,
    cancel: &CancellationToken,
) -> anyhow::Result<Exit> {
    let clients = &session.clients;
    // A name that is given is that of the event processing stack, as everywhere but in `deploy` and `destroy`.
    let vaulting = describe(clients, DATA_VAULTING.stack).await?;
    let processing = describe(clients, &settings.stack).await?;
    let stacks: Vec<&Stack> = vaulting.iter().chain(&processing).collect();
    let Some(last) = stacks.last() else {
        let (first, second) = (DATA_VAULTING.stack, &settings.stack);
        output::line(&format!("there is neither stack {first} nor {second} on {}", settings.target))?;
        return left(session).await;
    };
    // Refused before anything is begun: half a clean-up is worse than none.
    for stack in &stacks {
        check_deletion(clients, stack, Foreign::Refused).await?;
    }
    if !args.yes && !confirm(settings, &stacks, &last.seen.name, cancel).await? {
        output::remark("everything was left as it is");
        return Ok(Exit::Negative);
    }
    if let Some(stack) = &vaulting {
        gateway::leave(session, stack).await?;
    }
    for stack in stacks {
        destroy::stack_of(session, &stack.seen.name, Foreign::Refused, cancel).await?;
    }
    left(session).await
}

/// What is still there, and what takes it away.
async fn left(session: &Session) -> anyhow::Result<Exit> {
    for offer in [DATA_VAULTING, EVENT_PROCESSING] {
        if let Some(stack) = describe(&session.clients, offer.stack).await? {
            output::line(&format!("left: stack {} in {}", offer.stack, stack.status))?;
        }
    }
    if describe(&session.clients, BOOTSTRAP.stack).await?.is_some() {
        let name = BOOTSTRAP.stack;
        output::line(&format!(
            "left: stack {name} with the functions' zips; `vaultscope destroy --bootstrap` deletes it"
        ))?;
    }
    Ok(Exit::Done)
}

/// Asks for the name of the last stack; anything else means no.
async fn confirm(
    settings: &Settings,
    stacks: &[&Stack],
    last: &str,
    cancel: &CancellationToken,
) -> anyhow::Result<bool> {
    let target = &settings.target;
    let names: Vec<&str> = stacks.iter().map(|stack| stack.seen.name.as_str()).collect();
    let names = names.join(" and ");
    if !output::is_terminal() {
        return Err(Usage(format!(
            "deleting {names} on {target} has to be confirmed, and there is no terminal to ask on: add --yes"
        ))
        .into());
    }
    output::remark(&format!(
        "the gateway, {names} on {target} and everything in their buckets will be deleted. type {last} to go on:"
    ));
    Ok(deploy::answer(cancel).await?.is_some_and(|answer| answer == last))
}
