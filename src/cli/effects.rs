//! Carries out what the dashboard asks for, each as a task of its own, so that a slow call never keeps the screen.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::deploy::{CATALOGUE, Offer, Sink, all};
use crate::model::words::counted;
use crate::model::{FlowEvent, Observed as Shown, Seen, StackKind, StackSeen};
use crate::observe::{Observer, whole_history};
use crate::sim::{Control, JobEnd};
use crate::tui::{Effect, EffectResult, Event, JobRequest};

use super::job_request::load;
use super::observed::{self, Subject};
use super::play::Taps;
use super::rollout::Draft;
use super::scenario::fresh;
use super::session::Session;
use super::settings::Settings;
use super::{control, job, save};

/// How often a stack that others deploy is looked for while none is observed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The same over a network.
const LOOK_EVERY_AFAR: Duration = Duration::from_secs(15);
/// The stacks of the catalogue are listed at every so many looks.
const LIST_AT: u64 = 4;

/// A change set of a stack of the catalogue that was shown.
type ShownChange = Option<(Offer, Box<Draft>)>;

/// What effects work with.
#[derive(Clone)]
pub struct Effects {
    pub(super) session: Arc<Session>,
    pub(super) settings: Settings,
    pub(super) flows: Sink,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) end: CancellationToken,
    pub(super) observed: Arc<tokio::sync::Mutex<Option<Observed>>>,
    /// The stack that is to be observed, as soon as it stands.
    chosen: Arc<std::sync::Mutex<String>>,
    /// How the stacks of the catalogue were when they were listed last.
    listed: Arc<std::sync::Mutex<Vec<StackSeen>>>,
    /// Held while a stack is deployed or deleted: one at a time.
    changing: Arc<tokio::sync::Mutex<()>>,
    /// The gateway whose job was begun last.
    pub(super) control: Arc<std::sync::Mutex<Option<Control>>>,
    /// Who reads what is shown as well.
    pub(super) taps: Taps,
    /// The change set that was shown and waits for the user's word.
    pub(super) shown: Arc<tokio::sync::Mutex<ShownChange>>,
}

/// The stack that is observed.
pub(super) struct Observed {
    pub(super) subject: Subject,
    pub(super) observer: Observer,
    /// Ends the jobs that run on it.
    pub(super) jobs: CancellationToken,
}

impl Effects {
    /// Works on a session until `end`; the stack `chosen` is observed first.
    pub fn new(
        session: Arc<Session>,
        settings: Settings,
        chosen: String,
        flows: Sink,
        events: mpsc::Sender<Event>,
        end: CancellationToken,
        taps: Taps,
    ) -> Self {
        let (observed, changing, shown, control, listed) = Default::default();
        let chosen = Arc::new(std::sync::Mutex::new(chosen));
        Self { session, settings, flows, events, end, observed, chosen, listed, changing, control, taps, shown }
    }

    /// Carries out effects until the dashboard is left, then ends what is under way.
    pub async fn carry_out(self, mut wanted: mpsc::UnboundedReceiver<Effect>) {
        let tasks = TaskTracker::new();
        let every = if self.session.clients.target.is_local() { LOOK_EVERY } else { LOOK_EVERY_AFAR };
        let mut look = tokio::time::interval(every);
        let mut looks = 0;
        self.announce().await;
        loop {
            tokio::select! {
                () = self.end.cancelled() => break,
                effect = wanted.recv() => {
                    let Some(effect) = effect else { break };
                    let work = self.clone();
                    tasks.spawn(async move {
                        let outcome = work.one(&effect).await.map_err(|error| format!("{error:#}"));
                        // The lines have been written or not: nobody needs them any more.
                        let effect = match effect {
                            Effect::SaveLines { name, .. } => Effect::SaveLines { name, lines: Vec::new() },
                            effect => effect,
                        };
                        // The dashboard may have been left meanwhile.
                        let _ = work.events.send(Event::Done(EffectResult { effect, outcome })).await;
                    });
                }
                _ = look.tick() => {
                    self.attach().await;
                    if looks % LIST_AT == 0 {
                        self.list().await;
                    }
                    looks += 1;
                }
            }
        }
        tasks.close();
        tasks.wait().await;
        if let Some(observed) = self.observed.lock().await.take() {
            observed.observer.stop().await;
        }
        // Nobody can execute it any more. An embedded endpoint ends with everything on it.
        if self.session.emulator.is_none()
            && let Err(error) = self.discard_any().await
        {
            tracing::warn!(%error, "the change set that was shown stays");
        }
    }

    async fn one(&self, effect: &Effect) -> anyhow::Result<String> {
        match effect {
            Effect::Preview { offer, parameters } => Box::pin(self.preview(offer, parameters)).await,
            Effect::Deploy { offer } => Box::pin(self.deploy(offer)).await,
            Effect::Discard { offer } => self.discard(offer).await,
            Effect::ReadStack { name } => self.read_past(name).await,
            Effect::DeleteStack { name } => self.delete(name).await,
            Effect::Observe { stack } => self.choose(stack).await,
            Effect::StartJob(request) => self.start_job(request).await,
            Effect::Play { scenario } => Box::pin(self.play(scenario)).await,
            Effect::Gateway(wish) => self.intervene(*wish),
            Effect::Look(look) => {
                self.look(look).await;
                Ok(String::new())
            }
            Effect::ReadItem(key) => {
                self.read_item(key).await;
                Ok(String::new())
            }
            Effect::AskGateways => {
                self.tell_gateways().await;
                Ok(String::new())
            }
            Effect::SaveLines { name, lines } => save::lines(name.clone(), lines.clone()).await,
            Effect::Fault(fault) => self.fault(fault.as_ref()).await,
            Effect::ReadTrace { about } => self.trace(about).await,
            Effect::ReadHistory { execution } => {
                for event in whole_history(&self.session.clients, execution).await? {
                    self.flows.send(event).await?;
                }
                Ok(String::new())
            }
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
            Effect::Copy(_) | Effect::Mouse(_) | Effect::Colours(_) | Effect::Quit => Ok(String::new()),
        }
    }

    /// Refuses a second change of stacks while one is under way.
    pub(super) fn begin(&self, stack: &str) -> anyhow::Result<tokio::sync::MutexGuard<'_, ()>> {
        self.changing
            .try_lock()
            .map_err(|_| anyhow::anyhow!("stack {stack} is being changed already: wait until that has ended"))
    }

    async fn start_job(&self, request: &JobRequest) -> anyhow::Result<String> {
        let (pipeline, cancel) = self.pipeline().await?;
        let mut load = job::name(load(request, job::settling(&self.session))?, &pipeline);
        if request.set_id.is_none() {
            load = fresh(&self.session, &pipeline, load).await?;
        }
        let set = load.datasets()?.remove(0).set_id;
        self.attend(std::slice::from_ref(&set)).await;
        let control = self.take_control(&pipeline).await?;
        #[expect(clippy::cast_precision_loss, reason = "a speed has a few digits")]
        control.set_speed(request.speed as f64 / 100.0);
        let vaulted = job::vault(&self.session, &pipeline, &load, self.flows.clone(), cancel, control).await?;
        match vaulted.end {
            JobEnd::Finished => {
                Ok(format!("dataset {set} is vaulted: {}", counted(vaulted.dataset()?.entries.len(), "key")))
            }
            JobEnd::Cancelled => anyhow::bail!("dataset {set} was vaulted in part: the job was ended"),
            JobEnd::Failed(error) => anyhow::bail!("dataset {set} could not be vaulted: {error}"),
        }
    }

    /// Observes the chosen stack where it stands already, or once somebody else has deployed it.
    async fn attach(&self) {
        if self.observed.lock().await.is_some() || self.changing.try_lock().is_err() {
            return;
        }
        let found = observed::standing(&self.session, &self.chosen()).await;
        let is_ready = |status: &str| status.ends_with("_COMPLETE") && !status.contains("DELETE");
        if let Ok(Some(stack)) = found
            && is_ready(&stack.status)
            && stack.status != "ROLLBACK_COMPLETE"
            && let Err(error) = self.watch(&stack.seen.name).await
        {
            let _ = self.events.send(Event::Problem(format!("{error:#}"))).await;
        }
    }

    /// Asks an endpoint of ours for its trace of an object.
    async fn trace(&self, about: &str) -> anyhow::Result<String> {
        let Some(url) = self.session.url().filter(|_| self.is_ours()) else { return Ok(String::new()) };
        let key = percent_encoding::utf8_percent_encode(about, percent_encoding::NON_ALPHANUMERIC);
        let mut answer = control::get(&url, &format!("/_vaultscope/trace?about={key}")).await?;
        let hops = serde_json::from_value(answer["hops"].take())?;
        // The dashboard may have been left meanwhile.
        let _ = self.events.send(Event::Trace { about: about.to_owned(), hops }).await;
        Ok(String::new())
    }

    /// Observes the event processing stack as it stands now; tailers of the same resources go on.
    pub(super) async fn observe(&self) -> anyhow::Result<()> {
        self.watch(&self.settings.stack).await
    }

    /// Observes the stack of that name from now on; what was observed before ends first.
    pub(super) async fn watch(&self, name: &str) -> anyhow::Result<()> {
        let subject = Subject::find(&self.session, &self.settings, name).await?;
        let mut observed = self.observed.lock().await;
        self.set_chosen(&subject.observed.stack);
        let mut jobs = self.end.child_token();
        if let Some(before) = observed.take() {
            if before.subject.watched == subject.watched {
                *observed = Some(Observed { subject, ..before });
                return Ok(());
            }
            // What runs on the stack that is left goes on.
            if before.subject.observed == subject.observed {
                jobs = before.jobs;
            }
            before.observer.stop().await;
        }
        self.tell(Seen::Observed(subject.observed.clone())).await;
        let observer = Observer::start(&self.session.clients, &subject.watched, &self.session.clock, &self.flows);
        *observed = Some(Observed { subject, observer, jobs });
        Ok(())
    }

    /// Observes another stack: at once where it stands, else as soon as it does.
    async fn choose(&self, name: &str) -> anyhow::Result<String> {
        if let Some(stack) = observed::standing(&self.session, name).await? {
            let name = stack.seen.name;
            self.watch(&name).await?;
            return Ok(format!("stack {name} is observed"));
        }
        let name = observed::usual(name);
        let Some(kind) = self.expected(name) else {
            anyhow::bail!("there is no stack {name}, and of its kind there is nothing to be observed");
        };
        let mut observed = self.observed.lock().await;
        self.set_chosen(name);
        if let Some(before) = observed.take() {
            before.observer.stop().await;
        }
        self.tell(Seen::Observed(Shown { stack: name.to_owned(), kind })).await;
        Ok(format!("stack {name} is observed as soon as it stands"))
    }

    /// Says which stack is shown where it is another one than the dashboard shows unasked.
    async fn announce(&self) {
        let stack = self.chosen();
        if stack != self.settings.stack
            && let Some(kind) = self.expected(&stack)
        {
            self.tell(Seen::Observed(Shown { stack, kind })).await;
        }
    }

    fn expected(&self, name: &str) -> Option<StackKind> {
        if name == self.settings.stack { Some(StackKind::EventProcessing) } else { observed::expected(name) }
    }

    /// Tells how the stacks of the catalogue are, as far as that has changed.
    async fn list(&self) {
        // Whether the target answers is for the tailers to say.
        let Ok(stacks) = all(&self.session.clients).await else { return };
        let is_offered = |name: &str| name == self.settings.stack || CATALOGUE.iter().any(|offer| offer.stack == name);
        let now: Vec<StackSeen> =
            stacks.into_iter().map(|stack| stack.seen).filter(|seen| is_offered(&seen.name)).collect();
        let before = std::mem::replace(&mut *self.listed.lock().unwrap_or_else(PoisonError::into_inner), now.clone());
        for gone in before.iter().filter(|seen| now.iter().all(|other| other.name != seen.name)) {
            self.tell(Seen::Stack(StackSeen::gone(&gone.name))).await;
        }
        for seen in now.into_iter().filter(|seen| !before.contains(seen)) {
            self.tell(Seen::Stack(seen)).await;
        }
    }

    /// In the order in which tailers tell: what comes after belongs to the stack that was named last.
    async fn tell(&self, what: Seen) {
        // The dashboard may have been left meanwhile.
        let _ = self.flows.send(FlowEvent { at: self.session.clock.now(), what }).await;
    }

    pub(super) fn chosen(&self) -> String {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_chosen(&self, name: &str) {
        name.clone_into(&mut self.chosen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
