//! A stack made ready, datasets vaulted into it, and what came of them: what `run` and `sim --scenario` have in common.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::aws::Target;
use crate::clock::real_now;
use crate::deploy::{Sink, Stack};
use crate::model::SetId;
use crate::observe::{CHANNEL_CAPACITY, Observer, Verdict, verify};
use crate::sim::{Control, JobEnd, Load};

use super::args::StackArgs;
use super::job::Vaulted;
use super::landing::{self, Landing, Seen};
use super::memory::{self, Memory};
use super::pipeline::Pipeline;
use super::progress::Progress;
use super::report::Seconds;
use super::session::{EMBEDDED_RATE, Session};
use super::settings::Settings;
use super::{deploy, job, output};

/// How far before the job's begin its log lines may lie, for clocks that differ a little.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);

/// A stack that stands.
pub struct Stage {
    /// The stack.
    pub stack: Stack,
    /// The pipeline that it is.
    pub pipeline: Pipeline,
    seen: Seen,
    sink: Sink,
    quiet: bool,
    began: Instant,
    deploy_seconds: f64,
    measuring: Measuring,
}

/// How a stage is set.
pub struct Setting<'a> {
    /// The stack's parameters.
    pub stack: &'a StackArgs,
    /// Simulated seconds per real second; on the embedded endpoint [`EMBEDDED_RATE`] where it is left out.
    pub rate: Option<f64>,
    /// Nothing is told to a person.
    pub quiet: bool,
    /// What is seen is folded into this.
    pub progress: Progress,
}

/// Datasets that have landed.
pub struct Landed {
    /// The stack.
    pub stack: Stack,
    /// The pipeline that it is.
    pub pipeline: Pipeline,
    /// What the job came to.
    pub vaulted: Vaulted,
    /// What was seen.
    pub landing: Landing,
    /// Looks that the target throttled.
    pub throttled: u64,
    /// Real seconds, without those of the verification.
    pub seconds: Seconds,
    began: Instant,
    measuring: Measuring,
}

/// Memory that is being measured, until this is dropped.
struct Measuring {
    end: DropGuard,
    task: Option<JoinHandle<Option<Memory>>>,
}

impl Stage {
    /// Sets the clock, deploys the stack as it should be, and finds its parts.
    ///
    /// # Errors
    /// One sentence: what could not be done.
    pub async fn set(
        session: &Session,
        settings: &Settings,
        setting: Setting<'_>,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let began = real_now();
        let Setting { stack, rate, quiet, mut progress } = setting;
        if let Some(rate) = rate.or_else(|| session.emulator.as_ref().map(|_| EMBEDDED_RATE)) {
            session.set_rate(rate).await?;
        }
        let measuring = Measuring::begin(session);
        let (sink, mut events) = mpsc::channel(CHANNEL_CAPACITY);
        let deploying = deploy::stack(session, settings, stack, &sink, cancel);
        let stack = landing::fold(deploying, &mut events, &mut progress).await?;
        let deploy_seconds = began.elapsed().as_secs_f64();
        let mut pipeline = Pipeline::find(session, settings).await?;
        pipeline.watched.since = Some(session.clock.now().minus(CLOCK_DIFFERENCE));
        if !quiet {
            output::line(&format!(
                "stack {} is in {}: {} resources in {deploy_seconds:.1} s on {}",
                stack.seen.name, stack.status, pipeline.resources, settings.target
            ))?;
        }
        let seen = Seen { progress, events, sets: Vec::new() };
        Ok(Self { stack, pipeline, seen, sink, quiet, began, deploy_seconds, measuring })
    }

    /// Vaults a load and waits until each of its datasets has its outcome; `None` when it was interrupted.
    ///
    /// # Errors
    /// One sentence: what could not be done, or never came.
    pub async fn land(
        self,
        session: &Session,
        load: &Load,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Option<Landed>> {
        let Self { stack, pipeline, mut seen, sink, quiet, began, deploy_seconds, measuring } = self;
        let observer = Observer::start(&session.clients, &pipeline.watched, &session.clock, &sink);
        seen.sets = load.datasets().map_err(job::refuse)?.into_iter().map(|set| set.set_id).collect();
        for set in &seen.sets {
            observer.interest().add(set);
        }
        let job_began = real_now();
        let vaulting = job::vault(session, &pipeline, load, sink, cancel.clone(), Control::default());
        let mut landing = Landing::new(seen, session, &pipeline, quiet, cancel.clone());
        let vaulted = landing.until_vaulted(vaulting).await?;
        let job = job_began.elapsed().as_secs_f64();
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
        let seconds = Seconds { deploy: deploy_seconds, job, reconciliation, total: 0.0 };
        Ok(Some(Landed { stack, pipeline, vaulted, landing, throttled, seconds, began, measuring }))
    }
}

impl Landed {
    /// Datasets that have landed on a stack that somebody else has set, and that nobody measures.
    pub fn seen(pipeline: Pipeline, vaulted: Vaulted, landing: Landing) -> Self {
        let measuring = Measuring { end: CancellationToken::new().drop_guard(), task: None };
        let seconds = Seconds { deploy: 0.0, job: 0.0, reconciliation: 0.0, total: 0.0 };
        let stack = pipeline.stack.clone();
        Self { stack, pipeline, vaulted, landing, throttled: 0, seconds, began: real_now(), measuring }
    }

    /// Reads what came of each dataset afresh and whole.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn verify(&self, session: &Session) -> anyhow::Result<Vec<Verdict>> {
        let mut verdicts = Vec::with_capacity(self.vaulted.datasets.len());
        for dataset in &self.vaulted.datasets {
            let (set, manifest) = (&dataset.set_id, job::manifest_key(dataset));
            let execution = self.execution(set);
            let verdict = verify(&session.clients, &self.pipeline.watched, set, manifest, execution.as_deref())
                .await
                .with_context(|| {
                let reached = self.landing.progress.reached(set);
                format!("dataset {set} landed on {} ({reached}), but could not be verified", self.landing.target)
            })?;
            verdicts.push(verdict);
        }
        Ok(verdicts)
    }

    /// The ARN of the execution that reconciled a dataset.
    pub fn execution(&self, set: &SetId) -> Option<String> {
        let seen = self.landing.progress.datasets.get(set)?;
        seen.execution.as_ref().map(|(arn, _)| arn.clone())
    }

    /// Ends the measuring: the memory, and the seconds of everything.
    ///
    /// # Errors
    /// When the measuring broke.
    pub async fn measured(&mut self) -> anyhow::Result<(Option<Memory>, Seconds)> {
        let memory = self.measuring.end().await?;
        Ok((memory, Seconds { total: self.began.elapsed().as_secs_f64(), ..self.seconds }))
    }
}

impl Measuring {
    fn begin(session: &Session) -> Self {
        let end = CancellationToken::new();
        let task = session.emulator.as_ref().map(|_| tokio::spawn(memory::watch(end.clone())));
        Self { end: end.drop_guard(), task }
    }

    async fn end(&mut self) -> anyhow::Result<Option<Memory>> {
        // The guard that ends the measuring when it is dropped is dropped now.
        drop(std::mem::replace(&mut self.end, CancellationToken::new().drop_guard()));
        match self.task.take() {
            Some(task) => Ok(task.await?),
            None => Ok(None),
        }
    }
}

/// What fails because the embedded endpoint was interrupted is an interruption.
///
/// # Errors
/// Every other one.
pub fn interrupted_is_none<T>(
    settings: &Settings,
    cancel: &CancellationToken,
    ended: anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    match ended {
        Err(error) if cancel.is_cancelled() && settings.target == Target::Embedded => {
            tracing::debug!(%error, "interrupted");
            Ok(None)
        }
        ended => ended,
    }
}

/// What an interruption leaves, for a person.
pub fn left_behind(settings: &Settings) -> String {
    match &settings.target {
        Target::Embedded => "interrupted: the embedded endpoint ended, and everything on it with it".to_owned(),
        target => format!(
            "interrupted: stack {} stays on {target}; `vaultscope run` goes on from it, `vaultscope destroy` removes it",
            settings.stack
        ),
    }
}
