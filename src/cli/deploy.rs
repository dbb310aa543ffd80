//! `vaultscope deploy`: the stack as it should be, made or changed; on AWS what will change is shown first.

use std::io::BufRead;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::clock::real_now;
use crate::deploy::{BOOTSTRAP, DATA_VAULTING, DeployError, EVENT_PROCESSING, Offer, S3TAR, Sink, Stack};
use crate::model::preview::{ChangePreview, ChangeRow};
use crate::model::words::counted;
use crate::model::{FlowEvent, Seen};

use super::args::{DeployArgs, StackArgs};
use super::rollout::{Draft, Drafted, Losses, Order};
use super::server::Server;
use super::session::{Session, needs_emulator};
use super::settings::Settings;
use super::{Exit, Usage, archiving, output};

/// Events of the stack that may wait to be printed.
const EVENTS: usize = 256;

/// Runs the command.
pub async fn run(settings: &Settings, args: &DeployArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    settings.needs_write("deploying")?;
    let offer = Offer::find(&args.template).unwrap_or(EVENT_PROCESSING);
    let order = Order::of_offer(settings, offer, &args.stack).await?;
    if offer != EVENT_PROCESSING {
        needs_emulator(&settings.target, &format!("deploy {}", offer.id))?;
    }
    if !order.ignored.is_empty() {
        output::remark(&format!("the context file's other keys are not used: {}", order.ignored.join(", ")));
    }
    let session = Session::open(settings).await?;
    if let Err(refused) = order.check_place(&session) {
        session.close().await;
        return Err(refused.into());
    }
    let ended = work(&session, settings, args, &order, &cancel).await;
    session.close().await;
    let exit = ended?;
    if settings.target == Target::Embedded && exit == Exit::Done && !args.preview {
        output::remark(
            "the embedded endpoint ends with this command, and the stack with it: `vaultscope emulator` keeps both",
        );
    }
    Ok(exit)
}

async fn work(
    session: &Session,
    settings: &Settings,
    args: &DeployArgs,
    order: &Order,
    cancel: &CancellationToken,
) -> anyhow::Result<Exit> {
    let is_aws = matches!(settings.target, Target::Aws { .. });
    let (sink, rows) = tell(args.json);
    let began = real_now();
    let deployed = if args.preview {
        let drafted = order.draft(session, &sink, cancel).await;
        finish(sink, rows).await?;
        return preview(session, drafted?, args.json).await;
    } else if args.yes || (!is_aws && !output::is_terminal()) {
        let losses = if args.yes { Losses::Agreed } else { Losses::Refused };
        order.deploy(session, losses, &sink, cancel).await.map(Some)
    } else {
        ask_and_deploy(session, settings, order, is_aws, &sink, cancel).await
    };
    finish(sink, rows).await?;
    let Some(stack) = of_target(settings, deployed)? else {
        output::remark(&format!("stack {} was left as it is", order.plan().stack));
        return Ok(Exit::Negative);
    };
    if order.offer() == S3TAR {
        archiving::provide_for(session, &stack).await?;
    }
    print(&stack, began.elapsed(), args.json)?;
    if order.offer() == DATA_VAULTING && session.server == Some(Server::Vaultscope) && !args.json {
        output::remark("next: `vaultscope gateway activate`, then `vaultscope gateway share`");
    }
    Ok(Exit::Done)
}

/// Deploys once the user has agreed, where there is something to agree to; `None` when the user did not.
async fn ask_and_deploy(
    session: &Session,
    settings: &Settings,
    order: &Order,
    is_aws: bool,
    sink: &Sink,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<Stack>> {
    if !output::is_terminal() {
        return Err(Usage(format!(
            "deploying stack {} on {} has to be confirmed, and there is no terminal to ask on: look at it with --preview, then add --yes",
            order.plan().stack, settings.target
        ))
        .into());
    }
    let draft = match order.draft(session, sink, cancel).await? {
        Drafted::Unchanged(stack) => return Ok(Some(*stack)),
        Drafted::Waits(draft) => draft,
    };
    if is_aws || !draft.changes.losses().is_empty() {
        for line in sentences(&draft) {
            output::remark(&line);
        }
        output::remark(&format!("deploy this on {}? type yes to go on:", settings.target));
        if !is_yes(cancel).await? {
            draft.discard(session).await?;
            return Ok(None);
        }
    }
    Ok(Some(draft.execute(session, sink, cancel).await?))
}

/// Shows what would change and takes the change set back.
async fn preview(session: &Session, drafted: Drafted, json: bool) -> anyhow::Result<Exit> {
    match drafted {
        Drafted::Unchanged(stack) if json => {
            let preview = ChangePreview { stack: stack.seen.name, is_new: false, changes: Vec::new() };
            output::document(&document(&preview, &[], false))?;
        }
        Drafted::Unchanged(stack) => output::line(&format!("stack {} would not change", stack.seen.name))?,
        Drafted::Waits(draft) => {
            let lines = if json { Vec::new() } else { sentences(&draft) };
            let document = document(&draft.changes.preview(), &draft.changes.losses(), draft.makes_bootstrap());
            // First taken back, then told: a reader that goes away must leave nothing behind.
            draft.discard(session).await?;
            if json {
                output::document(&document)?;
            }
            for line in lines {
                output::line(&line)?;
            }
        }
    }
    Ok(Exit::Done)
}

fn document(preview: &ChangePreview, losses: &[String], makes_bootstrap: bool) -> serde_json::Value {
    json!({
        "version": 1,
        "kind": "preview",
        "stack": preview.stack,
        "isNew": preview.is_new,
        "changes": preview.changes,
        "losses": losses,
        "bootstrap": makes_bootstrap.then_some(BOOTSTRAP.stack),
    })
}

/// What would change, for a person.
fn sentences(draft: &Draft) -> Vec<String> {
    let preview = draft.changes.preview();
    let count = preview.changes.len();
    let mut lines = vec![match (preview.is_new, count) {
        (true, _) => format!("stack {} would be made, with {}:", preview.stack, counted(count, "resource")),
        (false, 0) => format!("of stack {} only outputs or tags would change", preview.stack),
        (false, _) => format!("of stack {} {} would change:", preview.stack, counted(count, "resource")),
    }];
    lines.extend(preview.changes.iter().map(change));
    if draft.makes_bootstrap() {
        lines.push(format!("stack {} would be made too: it {}", BOOTSTRAP.stack, BOOTSTRAP.purpose));
    }
    let losses = draft.changes.losses();
    if !losses.is_empty() {
        lines.push(format!("DATA WOULD BE LOST, with everything in {}", losses.join(", ")));
    }
    lines
}

fn change(row: &ChangeRow) -> String {
    let replaced = match row.replacement.as_deref() {
        Some("True") => "  replaced by a new one",
        Some("Conditional") => "  perhaps replaced by a new one",
        _ => "",
    };
    format!("  {:<8} {:<34} {}{replaced}", row.action, row.resource_type, row.logical_id)
}

/// A sink whose events are printed as they come, until it is dropped.
fn tell(quiet: bool) -> (Sink, JoinHandle<std::io::Result<()>>) {
    let (sink, mut events) = mpsc::channel(EVENTS);
    let rows = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if !quiet && let Some(row) = row(&event) {
                output::line(&row)?;
            }
        }
        Ok(())
    });
    (sink, rows)
}

async fn finish(sink: Sink, rows: JoinHandle<std::io::Result<()>>) -> anyhow::Result<()> {
    drop(sink);
    Ok(rows.await??)
}

async fn is_yes(cancel: &CancellationToken) -> anyhow::Result<bool> {
    Ok(answer(cancel).await?.is_some_and(|answer| matches!(answer.as_str(), "y" | "yes")))
}

/// A line from the user, trimmed; `None` when they interrupted instead.
pub async fn answer(cancel: &CancellationToken) -> anyhow::Result<Option<String>> {
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        () = cancel.cancelled() => Ok(None),
        answer = answer => Ok(Some(answer??.trim().to_owned())),
    }
}

/// Refuses what cannot be deployed, before anything is called.
///
/// # Errors
/// [`Usage`] with what cannot be.
pub async fn check(settings: &Settings, args: &StackArgs) -> anyhow::Result<()> {
    Order::of(settings, args).await.map(|_| ())
}

/// Packages the functions, uploads them and deploys the stack, without asking: where a bucket or a table would go with
/// its data it refuses.
pub async fn stack(
    session: &Session,
    settings: &Settings,
    args: &StackArgs,
    sink: &Sink,
    cancel: &CancellationToken,
) -> anyhow::Result<Stack> {
    let order = Order::of(settings, args).await?;
    of_target(settings, Box::pin(order.deploy(session, Losses::Refused, sink, cancel)).await)
}

/// What an interruption leaves is said as it is for the target: with the embedded endpoint everything on it ends.
pub fn of_target<T>(settings: &Settings, deployed: anyhow::Result<T>) -> anyhow::Result<T> {
    deployed.map_err(|error| {
        let is_interrupted = matches!(error.downcast_ref(), Some(DeployError::Interrupted { .. }));
        if settings.target != Target::Embedded || !is_interrupted {
            return error;
        }
        let stack = &settings.stack;
        error.context(format!("stack {stack} ended with the embedded endpoint, so nothing is left of it"))
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
