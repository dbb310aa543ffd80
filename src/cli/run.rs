//! `vaultscope run`: deploy, vault a dataset, wait for its reconciliation, verify, and say what happened.

use std::time::Instant;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::model::{LogRole, Outcome};
use crate::observe::Verdict;

use super::args::RunArgs;
use super::memory::Memory;
use super::progress::Progress;
use super::report::{Calls, Counts, DatasetPart, ExecutionPart, Rates, Report, Seconds, StackPart, VERSION};
use super::session::Session;
use super::settings::Settings;
use super::stage::{Landed, Setting, Stage, interrupted_is_none, left_behind};
use super::steps::{self, Steps};
use super::{Exit, archiving, deploy, job, output};

/// Runs the command.
pub async fn run(settings: &Settings, args: &RunArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    if archiving::is_meant(settings).await? {
        return Box::pin(archiving::run(settings, args, cancel)).await;
    }
    archiving::refuse_flags(args)?;
    job::check(&args.dataset)?;
    settings.needs_write("running a job")?;
    deploy::check(settings, &args.stack).await?;
    let session = Session::open(settings).await?;
    let ended = Box::pin(everything(&session, settings, args, &cancel)).await;
    session.close().await;
    let Some(report) = interrupted_is_none(settings, &cancel, ended)? else {
        output::complain(&left_behind(settings));
        return Ok(Exit::Interrupted);
    };
    report.print(args.json)?;
    Ok(if report.reconciled { Exit::Done } else { Exit::Negative })
}

/// `None` when it was interrupted after the stack stood.
async fn everything(
    session: &Session,
    settings: &Settings,
    args: &RunArgs,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<Report>> {
    let setting =
        Setting { stack: &args.stack, rate: args.time_scale, quiet: args.json, progress: Progress::default() };
    let stage = Stage::set(session, settings, setting, cancel).await?;
    let load = job::spec(&args.dataset, &stage.pipeline, session);
    let Some(mut landed) = stage.land(session, &load, cancel).await? else { return Ok(None) };
    let verdict = landed.verify(session).await?.pop().context("the job has no dataset")?;
    let (memory, seconds) = landed.measured().await?;
    report(landed, verdict, memory, seconds, session).map(Some)
}

fn report(
    landed: Landed,
    verdict: Verdict,
    memory: Option<Memory>,
    seconds: Seconds,
    session: &Session,
) -> anyhow::Result<Report> {
    let Landed { stack, pipeline, vaulted, landing, throttled, .. } = landed;
    let progress = &landing.progress;
    let dataset = vaulted.dataset()?;
    let set = &dataset.set_id;
    let seen = progress.datasets.get(set);
    let iterations = seen.map_or(0, |dataset| dataset.iterations);
    let execution = seen.and_then(|dataset| {
        let (arn, status) = dataset.execution.clone()?;
        Some(ExecutionPart { arn, status: verdict.execution.unwrap_or(status), iterations })
    });
    let counts = Counts {
        notifications: progress.notified,
        expected: verdict.expected,
        present: verdict.present,
        missing: verdict.missing.len(),
        unexpected: verdict.unexpected.len(),
        dead_letters: progress.queue.dead,
    };
    let awaited = verdict.event_put.map_or(LogRole::ReconcileSuccessful, Outcome::log);
    let no_logs = progress.unavailable(awaited);
    let lines = [LogRole::DataFileUpload, LogRole::ManifestFileUpload];
    let steps = Steps::of(&steps::Found {
        stack: (&stack.status, pipeline.resources),
        keys: dataset.entries.iter().filter(|entry| !entry.is_missing()).count() as u64,
        uploaded: seen.map_or(0, |dataset| dataset.uploaded),
        counts: &counts,
        verdict: &verdict,
        iterations,
        lines: lines.iter().map(|&role| progress.lines(role, set)).sum(),
        no_logs,
    });
    let inferred = verdict.event_put.filter(|_| verdict.outcome.is_none() && no_logs.is_some());
    let rate = |count: u64, from: Option<Instant>, to: Option<Instant>| {
        let span = to?.checked_duration_since(from?)?.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        (span > 0.0).then(|| count as f64 / span)
    };
    let rates = Rates {
        notifications_per_second: rate(progress.notified, progress.first_notified, progress.last_notified),
        items_per_second: rate(verdict.present as u64, progress.first_notified, progress.last_item),
    };
    Ok(Report {
        version: VERSION,
        kind: "run",
        reconciled: steps.is_reconciled(),
        outcome: verdict.outcome.map(|(outcome, _)| outcome).or(inferred),
        outcome_inferred: inferred.is_some(),
        steps,
        throttled,
        calls: Calls::from(&session.clients.meter().activity()),
        stack: StackPart { name: stack.seen.name, status: stack.status, resources: pipeline.resources },
        counts,
        dataset: DatasetPart {
            set_id: set.clone(),
            keys: dataset.entries.len(),
            bytes: dataset.bytes(),
            manifest_key: job::manifest_key(dataset).to_owned(),
        },
        missing_keys: verdict.missing,
        unexpected_keys: verdict.unexpected,
        execution,
        seconds,
        rates,
        memory,
        route: vaulted.route,
        time_scale: session.clock.reading().rate,
        target: session.clients.target.to_string(),
    })
}
