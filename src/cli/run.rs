//! `vaultscope run`: deploy, vault a dataset, wait for its reconciliation, verify, and say what happened.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::clock::real_now;
use crate::deploy::Stack;
use crate::model::{LogRole, Outcome, SetId};
use crate::observe::{CHANNEL_CAPACITY, Observer, Verdict, verify};
use crate::sim::{Control, JobEnd};

use super::args::RunArgs;
use super::job::Vaulted;
use super::landing::{self, Landing, Seen};
use super::memory::{self, Memory};
use super::pipeline::Pipeline;
use super::progress::Progress;
use super::report::{Calls, Counts, DatasetPart, ExecutionPart, Rates, Report, Seconds, StackPart, VERSION};
use super::session::{EMBEDDED_RATE, Session};
use super::settings::Settings;
use super::steps::{self, Steps};
use super::{Exit, deploy, job, output};

/// How far before the job's begin its log lines may lie, for clocks that differ a little.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);
/// Runs the command.
pub async fn run(settings: &Settings, args: &RunArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    job::check(&args.dataset)?;
    settings.needs_write("running a job")?;
    deploy::check(settings, &args.stack).await?;
    let session = Session::open(settings).await?;
    let ended = Box::pin(everything(&session, settings, args, &cancel)).await;
    session.close().await;
    let interrupted = cancel.is_cancelled();
    match ended {
        Ok(Some(report)) => {
            report.print(args.json)?;
            Ok(if report.reconciled { Exit::Done } else { Exit::Negative })
        }
        Ok(None) => {
            output::complain(&left_behind(settings));
            Ok(Exit::Interrupted)
        }
        Err(error) if interrupted && settings.target == Target::Embedded => {
            tracing::debug!(%error, "interrupted");
            output::complain(&left_behind(settings));
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(error),
    }
}

fn left_behind(settings: &Settings) -> String {
    match &settings.target {
        Target::Embedded => "interrupted: the embedded endpoint ended, and everything on it with it".to_owned(),
        target => format!(
            "interrupted: stack {} stays on {target}; `vaultscope run` goes on from it, `vaultscope destroy` removes it",
            settings.stack
        ),
    }
}

/// `None` when it was interrupted after the stack stood.
async fn everything(
    session: &Session,
    settings: &Settings,
    args: &RunArgs,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<Report>> {
    let began = real_now();
    let rate = args.time_scale.or_else(|| session.emulator.as_ref().map(|_| EMBEDDED_RATE));
    if let Some(rate) = rate {
        session.set_rate(rate).await?;
    }
    let measured = CancellationToken::new();
    let _end_measuring = measured.clone().drop_guard();
    let memory = session.emulator.as_ref().map(|_| tokio::spawn(memory::watch(measured.clone())));
    let (sink, mut events) = mpsc::channel(CHANNEL_CAPACITY);
    let mut progress = Progress::default();

    let stack =
        landing::fold(deploy::stack(session, settings, &args.stack, &sink, cancel), &mut events, &mut progress).await?;
    let deploy_seconds = began.elapsed().as_secs_f64();
    let mut pipeline = Pipeline::find(session, settings).await?;
    pipeline.watched.since = Some(session.clock.now().minus(CLOCK_DIFFERENCE));
    if !args.json {
        let Pipeline { resources, .. } = &pipeline;
        output::line(&format!(
            "stack {} is in {}: {resources} resources in {deploy_seconds:.1} s on {}",
            stack.seen.name, stack.status, settings.target
        ))?;
    }

    let observer = Observer::start(&session.clients, &pipeline.watched, &session.clock, &sink);
    let spec = job::spec(&args.dataset, &pipeline, session);
    let set = spec.datasets().map_err(job::refuse)?.into_iter().next().context("the job has no dataset")?.set_id;
    observer.interest().add(&set);
    let job_began = real_now();
    let vaulting = job::vault(session, &pipeline, &spec, sink.clone(), cancel.clone(), Control::default());
    drop(sink);
    let seen = Seen { progress, events, sets: vec![set.clone()] };
    let mut landing = Landing::new(seen, session, &pipeline, args.json, cancel.clone());
    let vaulted = landing.until_vaulted(vaulting).await?;
    let job_seconds = job_began.elapsed().as_secs_f64();
    match &vaulted.end {
        JobEnd::Finished => {}
        JobEnd::Cancelled => return Ok(None),
        JobEnd::Failed(error) => bail!("{}", landing.could_not_be_vaulted(error)),
    }
    if !landing.until_reconciled().await? {
        return Ok(None);
    }
    let dataset = vaulted.dataset()?;
    let reconciliation = job_began.elapsed().as_secs_f64();
    let throttled = observer.throttled();
    observer.stop().await;
    let seen = landing.progress.datasets.get(&set);
    let execution = seen.and_then(|seen| seen.execution.as_ref()).map(|(arn, _)| arn.clone());
    let verdict = verify(&session.clients, &pipeline.watched, &set, job::manifest_key(dataset), execution.as_deref())
        .await
        .with_context(|| {
            let reached = landing.progress.reached(&set);
            format!("dataset {set} landed on {} ({reached}), but could not be verified", landing.target)
        })?;
    measured.cancel();
    let memory = match memory {
        Some(measuring) => measuring.await?,
        None => None,
    };
    let seconds =
        Seconds { deploy: deploy_seconds, job: job_seconds, reconciliation, total: began.elapsed().as_secs_f64() };
    let found = Found { stack, pipeline, vaulted, verdict, memory, seconds, throttled };
    report(found, &set, &landing, session).map(Some)
}

/// Everything that a run found.
struct Found {
    stack: Stack,
    pipeline: Pipeline,
    vaulted: Vaulted,
    verdict: Verdict,
    memory: Option<Memory>,
    seconds: Seconds,
    throttled: u64,
}

fn report(found: Found, set: &SetId, landing: &Landing, session: &Session) -> anyhow::Result<Report> {
    let Found { stack, pipeline, vaulted, verdict, memory, seconds, throttled } = found;
    let progress = &landing.progress;
    let dataset = vaulted.dataset()?;
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
