//! Carries out what the dashboard asks for, each as a task of its own, so that a slow call never keeps the screen.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::deploy::{Foreign, Sink, check_deletion, describe, destroy};
use crate::observe::{Observer, Watched};
use crate::sim::{JobEnd, JobSpec};
use crate::tui::{Effect, EffectResult, Event, JobRequest};

use super::args::StackArgs;
use super::pipeline::Pipeline;
use super::rollout::{Draft, Drafted, Losses, Order};
use super::session::Session;
use super::settings::Settings;
use super::{deploy, job};

/// The name of the one stack that is offered.
pub const OFFER: &str = "event-processing";
/// How often a stack that others deploy is looked for while none is observed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What effects work with.
#[derive(Clone)]
pub struct Effects {
    session: Arc<Session>,
    settings: Settings,
    flows: Sink,
    events: mpsc::Sender<Event>,
    end: CancellationToken,
    observed: Arc<tokio::sync::Mutex<Option<Observed>>>,
    /// Held while a stack is deployed or deleted: one at a time.
    changing: Arc<tokio::sync::Mutex<()>>,
    /// The change set that was shown and waits for the user's word.
    shown: Arc<tokio::sync::Mutex<Option<Box<Draft>>>>,
}

/// The pipeline that is observed.
struct Observed {
    pipeline: Pipeline,
    observer: Observer,
    /// Ends the jobs that run on it.
    jobs: CancellationToken,
}

impl Effects {
    /// Works on a session until `end`.
    pub fn new(
        session: Arc<Session>,
        settings: Settings,
        flows: Sink,
        events: mpsc::Sender<Event>,
        end: CancellationToken,
    ) -> Self {
        let (observed, changing, shown) = (Arc::default(), Arc::default(), Arc::default());
        Self { session, settings, flows, events, end, observed, changing, shown }
    }

    /// Carries out effects until the dashboard is left, then ends what is under way.
    pub async fn carry_out(self, mut wanted: mpsc::UnboundedReceiver<Effect>) {
        let tasks = TaskTracker::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = self.end.cancelled() => break,
                effect = wanted.recv() => {
                    let Some(effect) = effect else { break };
                    let work = self.clone();
                    tasks.spawn(async move {
                        let outcome = work.one(&effect).await.map_err(|error| format!("{error:#}"));
                        // The dashboard may have been left meanwhile.
                        let _ = work.events.send(Event::Done(EffectResult { effect, outcome })).await;
                    });
                }
                _ = look.tick(), if self.session.emulator.is_none() => self.attach().await,
            }
        }
        tasks.close();
        tasks.wait().await;
        if let Some(observed) = self.observed.lock().await.take() {
            observed.observer.stop().await;
        }
        // Nobody can execute it any more. An embedded endpoint ends with everything on it.
        if self.session.emulator.is_none()
            && let Err(error) = self.discard().await
        {
            tracing::warn!(%error, "the change set that was shown stays");
        }
    }

    async fn one(&self, effect: &Effect) -> anyhow::Result<String> {
        match effect {
            Effect::Preview { offer } if offer == OFFER => self.preview(offer).await,
            Effect::Deploy { offer } if offer == OFFER => self.deploy().await,
            Effect::Discard { offer } if offer == OFFER => {
                let _changing = self.begin(&self.settings.stack)?;
                self.discard().await
            }
            Effect::Deploy { offer } | Effect::Preview { offer } | Effect::Discard { offer } => {
                anyhow::bail!("there is no stack {offer:?} to deploy")
            }
            Effect::DeleteStack { name } => self.delete(name).await,
            Effect::StartJob(request) => self.start_job(request).await,
            Effect::SetRate(rate) => {
                self.session.set_rate(*rate).await?;
                Ok(format!("time runs ×{rate}"))
            }
            Effect::Pause(true) => {
                self.session.pause(true).await?;
                Ok("time stands still".to_owned())
            }
            Effect::Pause(false) => {
                self.session.pause(false).await?;
                Ok("time runs again".to_owned())
            }
            Effect::Step { seconds } => {
                self.session.step(Duration::from_secs(*seconds)).await?;
                Ok(format!("time went {seconds} s forward"))
            }
            Effect::Copy(_) | Effect::Mouse(_) | Effect::Quit => Ok(String::new()),
        }
    }

    /// Refuses a second change of stacks while one is under way.
    fn begin(&self, stack: &str) -> anyhow::Result<tokio::sync::MutexGuard<'_, ()>> {
        self.changing
            .try_lock()
            .map_err(|_| anyhow::anyhow!("stack {stack} is being changed already: wait until that has ended"))
    }

    async fn order(&self) -> anyhow::Result<Order> {
        Order::of(&self.settings, &StackArgs::default()).await
    }

    /// Makes the change set, keeps it and shows it; one that was shown before is dropped.
    async fn preview(&self, offer: &str) -> anyhow::Result<String> {
        let stack = &self.settings.stack;
        let _changing = self.begin(stack)?;
        self.discard().await?;
        let drafted = self.order().await?.draft(&self.session, &self.flows, &self.end).await;
        let Drafted::Waits(draft) = deploy::of_target(&self.settings, drafted)? else {
            return Ok(format!("stack {stack} would not change"));
        };
        let preview = draft.changes.preview();
        let said = format!("{} changes of stack {stack} wait for your word", preview.changes.len());
        *self.shown.lock().await = Some(draft);
        // The dashboard may have been left meanwhile.
        let _ = self.events.send(Event::Preview { offer: offer.to_owned(), preview }).await;
        Ok(said)
    }

    /// Drops the change set that was shown, where there is one.
    async fn discard(&self) -> anyhow::Result<String> {
        if let Some(draft) = self.shown.lock().await.take() {
            draft.discard(&self.session).await?;
        }
        Ok(format!("stack {} was left as it is", self.settings.stack))
    }

    /// Makes the change that was shown, or what there is to change where nothing was.
    async fn deploy(&self) -> anyhow::Result<String> {
        let _changing = self.begin(&self.settings.stack)?;
        let shown = self.shown.lock().await.take();
        let (session, flows, end) = (&self.session, &self.flows, &self.end);
        let deployed = match shown {
            Some(draft) => draft.execute(session, flows, end).await,
            None => self.order().await?.deploy(session, Losses::Refused, flows, end).await,
        };
        let stack = deploy::of_target(&self.settings, deployed)?;
        self.observe().await?;
        Ok(format!("stack {} is in {}", stack.seen.name, stack.status))
    }

    async fn delete(&self, name: &str) -> anyhow::Result<String> {
        let _changing = self.begin(name)?;
        let clients = &self.session.clients;
        if let Some(stack) = describe(clients, name).await? {
            // Said before anything that belongs to the stack is ended.
            check_deletion(clients, &stack, Foreign::Refused).await?;
        }
        if name == self.settings.stack {
            // It goes with its stack.
            self.shown.lock().await.take();
            if let Some(observed) = self.observed.lock().await.take() {
                observed.jobs.cancel();
                observed.observer.stop().await;
            }
        }
        let removed = destroy(clients, name, Foreign::Refused, &self.flows, &self.end).await?;
        Ok(if removed.existed {
            format!("stack {name} is gone, and {} objects of its buckets with it", removed.objects)
        } else {
            format!("there was no stack {name}")
        })
    }

    async fn start_job(&self, request: &JobRequest) -> anyhow::Result<String> {
        let (pipeline, cancel) = {
            let observed = self.observed.lock().await;
            let Some(observed) = observed.as_ref() else {
                anyhow::bail!("there is no stack to vault into: deploy {} first", self.settings.stack);
            };
            (observed.pipeline.clone(), observed.jobs.child_token())
        };
        let spec = JobSpec { settling_secs: job::settling(&self.session), ..spec(request, &pipeline)? };
        let set = crate::sim::Dataset::of(&spec)?.set_id;
        if let Some(observed) = self.observed.lock().await.as_ref() {
            observed.observer.interest().add(&set);
        }
        let vaulted = job::vault(&self.session, &pipeline, &spec, self.flows.clone(), cancel).await?;
        match vaulted.end {
            JobEnd::Finished => Ok(format!("dataset {set} is vaulted: {} keys", vaulted.dataset.entries.len())),
            JobEnd::Cancelled => anyhow::bail!("dataset {set} was vaulted in part: the job was ended"),
            JobEnd::Failed(error) => anyhow::bail!("dataset {set} could not be vaulted: {error}"),
        }
    }

    /// Observes a stack that is there already, or that somebody else has deployed.
    async fn attach(&self) {
        if self.observed.lock().await.is_some() || self.changing.try_lock().is_err() {
            return;
        }
        let found = describe(&self.session.clients, &self.settings.stack).await;
        let is_ready = |status: &str| status.ends_with("_COMPLETE") && !status.contains("DELETE");
        if let Ok(Some(stack)) = found
            && is_ready(&stack.status)
            && stack.status != "ROLLBACK_COMPLETE"
            && let Err(error) = self.observe().await
        {
            let _ = self.events.send(Event::Problem(format!("{error:#}"))).await;
        }
    }

    /// Observes the stack as it stands now; tailers of the same resources go on.
    async fn observe(&self) -> anyhow::Result<()> {
        let pipeline = Pipeline::find(&self.session, &self.settings).await?;
        let mut observed = self.observed.lock().await;
        let mut jobs = self.end.child_token();
        if let Some(before) = observed.take() {
            if before.pipeline.watched == pipeline.watched {
                *observed = Some(Observed { pipeline, ..before });
                return Ok(());
            }
            jobs = before.jobs;
            before.observer.stop().await;
        }
        let watched: &Watched = &pipeline.watched;
        let observer = Observer::start(&self.session.clients, watched, &self.session.clock, &self.flows);
        *observed = Some(Observed { pipeline, observer, jobs });
        Ok(())
    }
}

fn spec(request: &JobRequest, pipeline: &Pipeline) -> anyhow::Result<JobSpec> {
    let count = |what: &str, number: u64| {
        u32::try_from(number).map_err(|_| anyhow::anyhow!("{number} {what} are too many for one job"))
    };
    Ok(JobSpec {
        seed: request.seed,
        files: count("files", request.files)?,
        dirs: count("directories", request.dirs)?,
        missing: count("missing files", request.missing)?,
        job_dir_suffix: pipeline.watched.job_dir_suffix.clone(),
        manifest_suffix: pipeline.manifest_suffix.clone(),
        ..JobSpec::default()
    })
}
