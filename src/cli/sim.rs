//! `vaultscope sim`: a dataset vaulted into a stack that is deployed already, or a scenario played.

use anyhow::bail;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::real_now;
use crate::model::words::counted;
use crate::model::{FlowEvent, GatewayStepKind, Seen};
use crate::observe::CHANNEL_CAPACITY;
use crate::sim::scenario::{NAMES, Scenario};
use crate::sim::{Control, JobEnd};

use super::args::SimArgs;
use super::pipeline::Pipeline;
use super::session::{Session, needs_endpoint};
use super::settings::Settings;
use super::{Exit, archiving, job, output, scenario};

/// Runs the command.
pub async fn run(settings: &Settings, args: &SimArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    if args.list {
        list(args.json)?;
        return Ok(Exit::Done);
    }
    if let Some(wanted) = &args.scenario {
        if let Some(found) = archiving::find_scenario(wanted)? {
            return Box::pin(archiving::run_scenario(settings, &found, args, cancel)).await;
        }
        return scenario::run(settings, wanted, args, cancel).await;
    }
    needs_endpoint(settings, "sim")?;
    job::check(&args.dataset)?;
    settings.needs_write("vaulting a dataset")?;
    let session = Session::open(settings).await?;
    let ended = vault(&session, settings, args, cancel).await;
    session.close().await;
    ended
}

fn list(json: bool) -> anyhow::Result<()> {
    let all = NAMES.iter().map(|name| Scenario::named(name)).collect::<Result<Vec<_>, _>>()?;
    let all = all.into_iter().map(|known| (known.name, known.about)).chain(archiving::scenarios());
    if json {
        let all: Vec<_> = all.map(|(name, about)| json!({ "name": name, "about": about })).collect();
        output::document(&json!({ "version": 1, "kind": "scenarios", "scenarios": all }))?;
        return Ok(());
    }
    for (name, about) in all {
        output::line(&format!("{name:<18} {about}"))?;
    }
    Ok(())
}

async fn vault(
    session: &Session,
    settings: &Settings,
    args: &SimArgs,
    cancel: CancellationToken,
) -> anyhow::Result<Exit> {
    let pipeline = Pipeline::find(session, settings).await?;
    if let Some(rate) = args.time_scale {
        session.set_rate(rate).await?;
    }
    let job = job::spec(&args.dataset, &pipeline, session);
    let (sink, mut events) = mpsc::channel::<FlowEvent>(CHANNEL_CAPACITY);
    let counting = tokio::spawn(async move {
        let mut notified = 0_u64;
        while let Some(event) = events.recv().await {
            if let Seen::Gateway(step) = event.what
                && step.step == GatewayStepKind::Notified
            {
                notified += 1;
            }
        }
        notified
    });
    let began = real_now();
    let vaulted = job::vault(session, &pipeline, &job, sink, cancel, Control::default()).await?;
    let notified = counting.await?;
    let dataset = vaulted.dataset()?;
    match &vaulted.end {
        JobEnd::Finished => {}
        JobEnd::Cancelled => {
            output::complain(&format!(
                "interrupted: dataset {} is vaulted in part, its {notified} notifications stay sent",
                dataset.set_id
            ));
            return Ok(Exit::Interrupted);
        }
        JobEnd::Failed(error) => bail!("dataset {} could not be vaulted: {error}", dataset.set_id),
    }
    let seconds = began.elapsed().as_secs_f64();
    if args.json {
        output::document(&json!({
            "version": 1,
            "kind": "sim",
            "dataset": {
                "setId": dataset.set_id,
                "keys": dataset.entries.len(),
                "bytes": dataset.bytes(),
                "manifestKey": job::manifest_key(dataset),
                "leftOut": dataset.missing().collect::<Vec<_>>(),
            },
            "notifications": notified,
            "route": vaulted.route,
            "seconds": seconds,
        }))?;
    } else {
        output::line(&format!(
            "dataset {} is vaulted: {}, {} bytes, {} in {seconds:.1} s",
            dataset.set_id,
            counted(dataset.entries.len(), "key"),
            dataset.bytes(),
            counted(notified, "notification")
        ))?;
        if let Some(route) = &vaulted.route {
            output::line(&format!("notifications went {}", job::way(route)))?;
        }
    }
    Ok(Exit::Done)
}
