//! `vaultscope destroy`: the stack and what its buckets hold, removed. What vaultscope did not make it leaves, unless the
//! user insists.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::deploy::{BOOTSTRAP, DATA_VAULTING, EVENT_PROCESSING, Foreign, Offer, check_deletion, describe, destroy};
use crate::model::words::counted;

use super::args::DestroyArgs;
use super::session::{Session, needs_endpoint};
use super::settings::Settings;
use super::{Exit, Usage, deploy, gateway, output};

/// Events of the stack that may wait to be printed.
const EVENTS: usize = 256;

/// Runs the command.
pub async fn run(settings: &Settings, args: &DestroyArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "destroy")?;
    settings.needs_write("destroying a stack")?;
    let offer = Offer::find(&args.template).unwrap_or(EVENT_PROCESSING);
    let name = if args.bootstrap { BOOTSTRAP.stack.to_owned() } else { settings.stack_of(offer) };
    let name = name.as_str();
    let foreign = match args.foreign.as_deref() {
        None => Foreign::Refused,
        Some(again) if again == name => Foreign::Agreed,
        Some(again) => {
            return Err(Usage(format!(
                "--foreign {again} does not name the stack that would be deleted, {name}: nothing was deleted"
            ))
            .into());
        }
    };
    let session = Session::open(settings).await?;
    let ended = remove(&session, settings, args, (name, foreign), &cancel).await;
    session.close().await;
    ended
}

async fn remove(
    session: &Session,
    settings: &Settings,
    args: &DestroyArgs,
    (name, foreign): (&str, Foreign),
    cancel: &CancellationToken,
) -> anyhow::Result<Exit> {
    let Some(stack) = describe(&session.clients, name).await? else {
        output::line(&format!("there is no stack {name} on {}: nothing to destroy", settings.target))?;
        return Ok(Exit::Done);
    };
    check_deletion(&session.clients, &stack, foreign).await?;
    if !args.yes && !confirm(settings, name, cancel).await? {
        output::remark(&format!("stack {name} was left as it is"));
        return Ok(Exit::Negative);
    }
    if name == settings.stack_of(DATA_VAULTING) {
        gateway::leave(session, &stack).await?;
    }
    stack_of(session, name, foreign, cancel).await?;
    Ok(Exit::Done)
}

/// Removes a stack, and tells of it as it goes.
///
/// # Errors
/// The first cause of a failure, or what an interruption leaves.
pub async fn stack_of(
    session: &Session,
    name: &str,
    foreign: Foreign,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let (sink, mut events) = mpsc::channel(EVENTS);
    let rows = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let Some(row) = deploy::row(&event) {
                output::line(&row)?;
            }
        }
        std::io::Result::Ok(())
    });
    let removed = destroy(&session.clients, name, foreign, &sink, cancel).await;
    drop(sink);
    rows.await??;
    let objects = removed?.objects;
    output::line(&format!("stack {name} is gone, and {} of its buckets with it", counted(objects, "object")))?;
    Ok(())
}

/// Asks for the stack's name; anything else means no.
async fn confirm(settings: &Settings, stack: &str, cancel: &CancellationToken) -> anyhow::Result<bool> {
    let target = &settings.target;
    if !output::is_terminal() {
        return Err(Usage(format!(
            "destroying stack {stack} on {target} has to be confirmed, and there is no terminal to ask on: add --yes"
        ))
        .into());
    }
    output::remark(&format!(
        "stack {stack} on {target} and everything in its buckets will be deleted. type its name to go on:"
    ));
    Ok(deploy::answer(cancel).await?.is_some_and(|answer| answer == stack))
}
