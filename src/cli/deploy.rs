//! `vaultscope deploy`: the stack as it should be, made or changed.

use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::clock::real_now;
use crate::deploy::{Artefact, DeployError, Plan, Sink, Stack, deploy};
use crate::model::{FlowEvent, Seen};

use super::args::{DeployArgs, StackArgs};
use super::session::Session;
use super::settings::Settings;
use super::{Exit, output};

/// Events of the stack that may wait to be printed.
const EVENTS: usize = 256;

/// Runs the command.
pub async fn run(settings: &Settings, args: &DeployArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    settings.needs_write("deploying")?;
    let session = Session::open(settings).await?;
    let (sink, mut events) = mpsc::channel(EVENTS);
    let json = args.json;
    let rows = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if !json && let Some(row) = row(&event) {
                output::line(&row)?;
            }
        }
        std::io::Result::Ok(())
    });
    let began = real_now();
    let deployed = stack(&session, settings, &args.stack, &sink, &cancel).await;
    drop(sink);
    rows.await??;
    let is_embedded = settings.target == Target::Embedded;
    session.close().await;
    let stack = deployed?;
    print(&stack, began.elapsed(), json)?;
    if is_embedded {
        output::remark(
            "the embedded endpoint ends with this command, and the stack with it: `vaultscope emulator` keeps both",
        );
    }
    Ok(Exit::Done)
}

/// Packages the functions, uploads them and deploys the stack; what an interruption leaves is said as it is for the
/// target: with the embedded endpoint everything on it ends.
pub async fn stack(
    session: &Session,
    settings: &Settings,
    args: &StackArgs,
    sink: &Sink,
    cancel: &CancellationToken,
) -> anyhow::Result<Stack> {
    let artefact = artefact(&settings.target, args).await?;
    let code = artefact.upload(&session.clients, &session.account).await?;
    let plan = Plan::event_processing(&settings.stack, args.parameters(), code);
    let deployed = deploy(&session.clients, &plan, sink, cancel).await;
    if settings.target == Target::Embedded
        && let Err(error @ DeployError::Interrupted { .. }) = deployed
    {
        let stack = &settings.stack;
        return Err(anyhow::Error::new(error)
            .context(format!("stack {stack} ended with the embedded endpoint, so nothing is left of it")));
    }
    Ok(deployed?)
}

async fn artefact(target: &Target, args: &StackArgs) -> anyhow::Result<Artefact> {
    Ok(match &args.bootstrap {
        Some(path) => Artefact::of_file(path).await?,
        None if target.is_local() => Artefact::of_running(&std::env::current_exe()?)?,
        None => return Err(DeployError::NotLocal { target: target.to_string() }.into()),
    })
}

/// One row of progress for a person.
pub fn row(event: &FlowEvent) -> Option<String> {
    let Seen::StackEvent(event) = &event.what else {
        return None;
    };
    let reason = event.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
    Some(format!("{:<28} {:<34} {}{reason}", event.status, event.resource_type, event.logical_id))
}

fn print(stack: &Stack, took: Duration, json: bool) -> std::io::Result<()> {
    if json {
        let outputs: serde_json::Map<_, _> =
            stack.seen.outputs.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        return output::document(&json!({
            "version": 1,
            "kind": "deploy",
            "stack": { "name": stack.seen.name, "id": stack.id, "status": stack.status, "outputs": outputs },
            "seconds": took.as_secs_f64(),
        }));
    }
    output::line(&format!("stack {} is in {} after {:.1} s", stack.seen.name, stack.status, took.as_secs_f64()))?;
    for (key, value) in &stack.seen.outputs {
        output::line(&format!("  {key} = {value}"))?;
    }
    Ok(())
}
