//! `vaultscope run`: deploy, vault a dataset, wait for its reconciliation, verify, and say what happened.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::clock::real_now;
use crate::deploy::Stack;
use crate::model::{ExecutionStatus, FlowEvent, LogRole, Outcome, SetId};
use crate::observe::{CHANNEL_CAPACITY, Observer, Verdict, verify};
use crate::sim::{Dataset, JobEnd, PortError};

use super::args::RunArgs;
use super::job::Vaulted;
use super::memory::{self, Memory};
use super::pipeline::Pipeline;
use super::progress::{Progress, execution_status};
use super::report::{Calls, Counts, DatasetPart, ExecutionPart, Rates, Report, Seconds, StackPart, VERSION};
use super::session::{EMBEDDED_RATE, Session};
use super::settings::Settings;
use super::steps::{self, Steps};
use super::{Exit, deploy, job, output};

/// How far before the job's begin its log lines may lie, for clocks that differ a little.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);
/// A run is given up when nothing at all is seen for so long, or for four waits of the state machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A run is given up when nothing answers for so long: an endpoint that is started again is back sooner, and a job that
/// is far from its end would fail of itself.
const OUTAGE_PATIENCE: Duration = Duration::from_secs(15);
/// Once the execution has put its event, the event's line has so long to come; longer than it takes to see that the
/// target brings no events to log groups.
const LOG_PATIENCE: Duration = Duration::from_secs(45);
/// Once the outcome is logged, its execution has so long to be seen to end.
const EXECUTION_PATIENCE: Duration = Duration::from_secs(5);
/// How often a person is told how it goes.
const SAY_EVERY: Duration = Duration::from_secs(1);

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

    let stack = fold(deploy::stack(session, settings, &args.stack, &sink, cancel), &mut events, &mut progress).await?;
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
    let set = Dataset::of(&spec).map_err(|error| super::Usage(error.to_string()))?.set_id;
    observer.interest().add(&set);
    let job_began = real_now();
    let vaulting = job::vault(session, &pipeline, &spec, sink.clone(), cancel.clone());
    drop(sink);
    let mut landing = Landing {
        progress,
        events,
        set,
        cancel: cancel.clone(),
        quiet: args.json,
        said: String::new(),
        patience: patience(&pipeline, session),
        target: session.clients.target.to_string(),
        stack: settings.stack.clone(),
    };
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
    let reconciliation = job_began.elapsed().as_secs_f64();
    let throttled = observer.throttled();
    observer.stop().await;
    let seen = landing.progress.datasets.get(&landing.set);
    let execution = seen.and_then(|seen| seen.execution.as_ref()).map(|(arn, _)| arn.clone());
    let verdict =
        verify(&session.clients, &pipeline.watched, &landing.set, vaulted.manifest_key(), execution.as_deref())
            .await
            .with_context(|| {
            let reached = landing.progress.reached(&landing.set);
            format!("dataset {} landed on {} ({reached}), but could not be verified", landing.set, landing.target)
        })?;
    measured.cancel();
    let memory = match memory {
        Some(measuring) => measuring.await?,
        None => None,
    };
    let seconds =
        Seconds { deploy: deploy_seconds, job: job_seconds, reconciliation, total: began.elapsed().as_secs_f64() };
    let found = Found { stack, pipeline, vaulted, verdict, memory, seconds, throttled };
    Ok(Some(report(found, &landing, session)))
}

/// Carries something out while what is seen on the way is folded.
async fn fold<T>(work: impl Future<Output = T>, events: &mut mpsc::Receiver<FlowEvent>, progress: &mut Progress) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            Some(event) = events.recv() => progress.see(&event),
        }
    }
}

/// Four waits of the state machine in real time, or the usual patience, whichever is longer.
fn patience(pipeline: &Pipeline, session: &Session) -> Duration {
    let wait = pipeline.stack.parameter("reconcileWaitIterations").and_then(|text| text.parse().ok()).unwrap_or(30.0);
    let rate = session.clock.reading().rate;
    Duration::try_from_secs_f64(4.0 * wait / rate).unwrap_or(PATIENCE).max(PATIENCE)
}

/// A dataset on its way.
struct Landing {
    progress: Progress,
    events: mpsc::Receiver<FlowEvent>,
    set: SetId,
    cancel: CancellationToken,
    quiet: bool,
    /// What was said last.
    said: String,
    patience: Duration,
    target: String,
    stack: String,
}

impl Landing {
    async fn until_vaulted(
        &mut self,
        vaulting: impl Future<Output = anyhow::Result<Vaulted>>,
    ) -> anyhow::Result<Vaulted> {
        tokio::pin!(vaulting);
        let mut say = tokio::time::interval(SAY_EVERY);
        loop {
            tokio::select! {
                ended = &mut vaulting => return ended,
                Some(event) = self.events.recv() => self.progress.see(&event),
                _ = say.tick() => self.say(),
            }
            self.check_target("uploaded")?;
        }
    }

    /// `false` when it was interrupted.
    async fn until_reconciled(&mut self) -> anyhow::Result<bool> {
        let mut say = tokio::time::interval(SAY_EVERY);
        let mut outcome_since: Option<Instant> = None;
        let mut failed_since: Option<Instant> = None;
        let mut put_since: Option<Instant> = None;
        let waiting_since = real_now();
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => return Ok(false),
                event = self.events.recv() => match event {
                    Some(event) => self.progress.see(&event),
                    None => bail!("every source of events ended while dataset {} was waited for", self.set),
                },
                _ = say.tick() => self.say(),
            }
            self.check_target("reconciled")?;
            let dataset = self.progress.datasets.get(&self.set);
            let status = dataset.and_then(execution_status);
            let is_over = status.is_some_and(|status| status != ExecutionStatus::Running);
            if dataset.is_some_and(|dataset| dataset.outcome.is_some()) {
                let since = *outcome_since.get_or_insert_with(real_now);
                if is_over || since.elapsed() > EXECUTION_PATIENCE {
                    return Ok(true);
                }
            } else if let Some(status) =
                status.filter(|status| !matches!(status, ExecutionStatus::Running | ExecutionStatus::Succeeded))
            {
                // The history is read after the status: what it says of the cause is on its way.
                let since = *failed_since.get_or_insert_with(real_now);
                if self.progress.failure.is_some() || since.elapsed() > EXECUTION_PATIENCE {
                    let cause = self.progress.failure.as_deref().unwrap_or("its history does not say why");
                    bail!("the execution that reconciles dataset {} ended in {status:?}: {cause}", self.set);
                }
            }
            if is_over && dataset.is_some_and(|dataset| dataset.event_put.is_some()) {
                // What is wrong then is said by the report, which knows the rest as well.
                if put_since.get_or_insert_with(real_now).elapsed() > LOG_PATIENCE {
                    return Ok(true);
                }
                continue;
            }
            let last = self.progress.last_seen.unwrap_or(waiting_since).max(waiting_since);
            if last.elapsed() > self.patience {
                let trouble = self.progress.trouble.as_deref().unwrap_or("no source of events reports a fault");
                bail!(
                    "nothing was seen of dataset {} for {} s ({}; {trouble}): it is given up",
                    self.set,
                    self.patience.as_secs(),
                    self.progress.sentence(&self.set)
                );
            }
        }
    }

    /// Gives up when the target is gone, or what was deployed there.
    fn check_target(&self, done: &str) -> anyhow::Result<()> {
        let Self { progress, set, target, .. } = self;
        if let Some(stack) = &progress.lost_stack {
            bail!(
                "stack {stack} is gone from {target} while dataset {set} was {done} ({}); `vaultscope run` deploys it anew",
                progress.reached(set)
            );
        }
        match progress.outage() {
            Some((since, cause)) if since.elapsed() > OUTAGE_PATIENCE => {
                bail!("{}", self.outage_sentence(done, cause))
            }
            _ => Ok(()),
        }
    }

    fn outage_sentence(&self, done: &str, cause: &str) -> String {
        let Self { progress, set, target, stack, .. } = self;
        format!(
            "{target} stopped answering while dataset {set} was {done} ({}; {cause}); once it answers again, `vaultscope run` goes on with stack {stack} as it stands there",
            progress.reached(set)
        )
    }

    fn could_not_be_vaulted(&self, error: &PortError) -> String {
        match self.progress.outage() {
            Some(_) => self.outage_sentence("uploaded", &error.message),
            None => {
                format!("dataset {} could not be vaulted ({}): {error}", self.set, self.progress.reached(&self.set))
            }
        }
    }

    fn say(&mut self) {
        let is_begun = self.progress.datasets.get(&self.set).is_some_and(|dataset| dataset.uploaded > 0);
        if self.quiet || !is_begun {
            return;
        }
        let sentence = match self.progress.outage() {
            Some((_, cause)) => format!("{} does not answer: {cause}", self.target),
            None => self.progress.sentence(&self.set),
        };
        if sentence != self.said {
            output::remark(&sentence);
            self.said = sentence;
        }
    }
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

fn report(found: Found, landing: &Landing, session: &Session) -> Report {
    let Found { stack, pipeline, vaulted, verdict, memory, seconds, throttled } = found;
    let progress = &landing.progress;
    let seen = progress.datasets.get(&landing.set);
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
        keys: vaulted.dataset.entries.iter().filter(|entry| !entry.is_missing).count() as u64,
        uploaded: seen.map_or(0, |dataset| dataset.uploaded),
        counts: &counts,
        verdict: &verdict,
        iterations,
        lines: lines.iter().map(|&role| progress.lines(role, &landing.set)).sum(),
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
    Report {
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
            set_id: landing.set.clone(),
            keys: vaulted.dataset.entries.len(),
            bytes: vaulted.dataset.bytes(),
            manifest_key: vaulted.manifest_key().to_owned(),
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
    }
}
