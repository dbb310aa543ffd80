//! `vaultscope guide`: the workshop's steps and which of them are done on the target, as the dashboard's Guide page has
//! them. It only reads. What somebody has read or looked at it cannot know, and says so.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::deploy::describe;
use crate::model::guide::{Facts, Guide, ModuleReport, StepReport, StepState};

use super::args::GuideArgs;
use super::pipeline::Pipeline;
use super::session::{Session, needs_endpoint};
use super::settings::Settings;
use super::{Exit, looks, output, past};

/// What goes on for longer than this is not waited for.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs the command.
pub async fn run(settings: &Settings, args: &GuideArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "guide")?;
    let session = Session::open(settings).await?;
    let modules = modules(&session, settings, &cancel).await;
    session.close().await;
    let modules = modules?;
    if args.json {
        let target = settings.target.to_string();
        output::document(&json!({ "version": 1, "kind": "guide", "target": target, "modules": modules }))?;
        return Ok(Exit::Done);
    }
    for module in &modules {
        output::line(&format!("{} {} ({} of {} done)", module.number, module.title, module.done, module.steps.len()))?;
        for step in &module.steps {
            output::line(&sentence(step))?;
        }
    }
    Ok(Exit::Done)
}

fn sentence(step: &StepReport) -> String {
    let word = match step.state {
        StepState::Done => "done",
        StepState::Next => "next",
        StepState::Open => "open",
        StepState::Unknown => "unknown",
    };
    let line = match (step.state, &step.command) {
        (StepState::Next, Some(command)) => format!("\n              {command}"),
        _ => String::new(),
    };
    format!("  {} {word:<8} {}: {}{line}", step.id, step.title, step.why)
}

async fn modules(
    session: &Session,
    settings: &Settings,
    cancel: &CancellationToken,
) -> anyhow::Result<Vec<ModuleReport>> {
    let stack = describe(&session.clients, &settings.stack).await?;
    let status = stack.as_ref().map(|stack| stack.status.clone());
    let outputs = stack.map(|stack| stack.seen.outputs).unwrap_or_default();
    let bucket = outputs.into_iter().find(|(key, _)| key == "fileUploadBucketName").map(|(_, value)| value);
    let url = session.url().map(|url| format!("--endpoint-url {url}"));
    let (flags, aws_flags) = match (&settings.target, url) {
        (Target::Aws { profile, .. }, _) => {
            let profile = profile.as_deref().map(|profile| format!("--profile {profile} ")).unwrap_or_default();
            let place = format!("{profile}--region {}", session.clients.region);
            (format!("--target aws {place}"), place)
        }
        (_, url) => (url.clone().unwrap_or_default(), url.unwrap_or_default()),
    };
    let facts = Facts {
        target: settings.target.to_string(),
        account: Some(session.account.id.clone()),
        is_read_only: session.clients.is_read_only(),
        stack: settings.stack.clone(),
        status,
        bucket,
        gateways: looks::gateways(session).await,
        has_screens: false,
        flags,
        aws_flags,
    };
    let mut guide = Guide::default();
    if let Ok(pipeline) = Pipeline::find(session, settings).await {
        past::so_far(session, &pipeline.watched, LONGEST, cancel, |event| guide.see(&event)).await;
    }
    guide.settle(&facts);
    Ok(guide.report(&facts))
}
