//! Carries out what the dashboard asks for, each as a task of its own, so that a slow call never keeps the screen.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::deploy::{CATALOGUE, Foreign, Sink, all, check_deletion, describe, destroy};
use crate::model::{FlowEvent, Observed as Shown, Seen, StackKind, StackSeen};
use crate::observe::{Observer, whole_history};
use crate::sim::{Control, JobEnd};
use crate::tui::{Effect, EffectResult, Event, JobRequest};

use super::args::StackArgs;
use super::job_request::load;
use super::observed::{self, Subject};
use super::play::Taps;
use super::rollout::{Draft, Drafted, Losses, Order};
use super::scenario::fresh;
use super::server::Server;
use super::session::Session;
use super::settings::Settings;
use super::{control, deploy, job, save};

/// The name of the one stack that is offered.
pub const OFFER: &str = "event-processing";
/// How often a stack that others deploy is looked for while none is observed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The same over a network.
const LOOK_EVERY_AFAR: Duration = Duration::from_secs(15);
/// The stacks of the catalogue are listed at every so many looks.
const LIST_AT: u64 = 4;

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
    shown: Arc<tokio::sync::Mutex<Option<Box<Draft>>>>,
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
                anyhow::ensure!(
                    CATALOGUE.iter().any(|known| known.id == offer),
                    "there is no stack {offer:?} to deploy"
                );
                anyhow::bail!("stack {offer} is not deployed from here: `vaultscope deploy {offer}` does it")
            }
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
        }
        let mut observed = self.observed.lock().await;
        if let Some(gone) = observed.take_if(|observed| observed.subject.observed.stack == name) {
            gone.jobs.cancel();
            gone.observer.stop().await;
        }
        drop(observed);
        let removed = destroy(clients, name, Foreign::Refused, &self.flows, &self.end).await?;
        Ok(if removed.existed {
            format!("stack {name} is gone, and {} objects of its buckets with it", removed.objects)
        } else {
            format!("there was no stack {name}")
        })
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
            JobEnd::Finished => Ok(format!("dataset {set} is vaulted: {} keys", vaulted.dataset()?.entries.len())),
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
        let is_ours = self.session.emulator.is_some() || matches!(self.session.server, Some(Server::Vaultscope));
        let Some(url) = self.session.url().filter(|_| is_ours) else { return Ok(String::new()) };
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
    async fn watch(&self, name: &str) -> anyhow::Result<()> {
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
            let (name, outputs) = (gone.name.clone(), Vec::new());
            self.tell(Seen::Stack(StackSeen { name, status: None, reason: None, outputs })).await;
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

    fn chosen(&self) -> String {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_chosen(&self, name: &str) {
        name.clone_into(&mut self.chosen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::super::config;
    use super::*;
    use crate::aws::{Access, Target};
    use crate::model::preview::ChangePreview;
    use crate::observe::LiveTail;

    /// Effects on an embedded endpoint, driven as the dashboard does.
    struct Dashboard {
        session: Arc<Session>,
        asked: mpsc::UnboundedSender<Effect>,
        shown: mpsc::Receiver<Event>,
        flows: mpsc::Receiver<FlowEvent>,
        end: CancellationToken,
    }

    impl Dashboard {
        async fn open() -> Self {
            let chosen = ("logRetentionDays".to_owned(), config::Value::Number(3));
            let settings = Settings {
                target: Target::Embedded,
                access: Access::Write,
                stack: "EventProcessingStack".to_owned(),
                named: None,
                live_tail: LiveTail::Auto,
                data_dir: None,
                config: config::Config { parameters: [chosen].into(), ..config::Config::default() },
            };
            let session = Arc::new(Session::open(&settings).await.expect("the endpoint starts"));
            let (flow, flows) = mpsc::channel(4_096);
            let (event, shown) = mpsc::channel(64);
            let (asked, wanted) = mpsc::unbounded_channel();
            let end = CancellationToken::new();
            tokio::spawn(
                Effects::new(
                    Arc::clone(&session),
                    settings,
                    "EventProcessingStack".to_owned(),
                    flow,
                    event,
                    end.clone(),
                    Taps::default(),
                )
                .carry_out(wanted),
            );
            Self { session, asked, shown, flows, end }
        }

        /// Asks for something and waits until it is done; returns what was shown on the way.
        async fn ask(&mut self, effect: Effect) -> (Option<ChangePreview>, Result<String, String>) {
            self.asked.send(effect.clone()).expect("somebody listens");
            let mut preview = None;
            loop {
                match self.shown.recv().await.expect("an end") {
                    Event::Preview { preview: shown, .. } => preview = Some(shown),
                    Event::Done(done) if done.effect == effect => return (preview, done.outcome),
                    _ => {}
                }
            }
        }

        async fn status(&self) -> Option<String> {
            let stack = describe(&self.session.clients, "EventProcessingStack").await.expect("an answer");
            stack.map(|stack| stack.status)
        }

        fn stack_events(&mut self) -> usize {
            let mut count = 0;
            while let Ok(event) = self.flows.try_recv() {
                count += usize::from(matches!(event.what, Seen::StackEvent(_)));
            }
            count
        }

        async fn close(self) {
            self.end.cancel();
            self.session.end().await;
        }
    }

    fn offer() -> String {
        OFFER.to_owned()
    }

    #[tokio::test]
    async fn a_change_is_shown_then_dropped_or_made() {
        let mut dashboard = Dashboard::open().await;
        let (preview, outcome) = dashboard.ask(Effect::Preview { offer: offer() }).await;
        let preview = preview.expect("a preview");
        assert!(preview.is_new && preview.changes.len() > 30, "{preview:?}");
        assert!(outcome.is_ok_and(|said| said.contains("wait for your word")));
        let (_, outcome) = dashboard.ask(Effect::Discard { offer: offer() }).await;
        assert!(outcome.is_ok_and(|said| said.contains("left as it is")));
        assert_eq!(dashboard.status().await, None, "a preview leaves nothing behind");
        assert_eq!(dashboard.stack_events(), 0, "and makes nothing happen");

        dashboard.ask(Effect::Preview { offer: offer() }).await.1.expect("shown again");
        let (_, outcome) = dashboard.ask(Effect::Deploy { offer: offer() }).await;
        assert!(outcome.as_ref().is_ok_and(|said| said.contains("CREATE_COMPLETE")), "{outcome:?}");
        assert!(dashboard.stack_events() > 60);
        let stack = describe(&dashboard.session.clients, "EventProcessingStack").await.expect("an answer");
        let chosen = stack.expect("a stack").parameter("logRetentionDays").map(str::to_owned);
        assert_eq!(chosen.as_deref(), Some("3"), "the config file's parameters count");
        let (preview, outcome) = dashboard.ask(Effect::Preview { offer: offer() }).await;
        assert_eq!(preview, None);
        assert!(outcome.is_ok_and(|said| said.contains("would not change")));
        dashboard.close().await;
    }

    #[tokio::test]
    async fn a_stack_is_deployed_unseen_and_deleted_and_others_are_refused() {
        let mut dashboard = Dashboard::open().await;
        let (_, outcome) = dashboard.ask(Effect::Deploy { offer: offer() }).await;
        assert!(outcome.as_ref().is_ok_and(|said| said.contains("CREATE_COMPLETE")), "{outcome:?}");
        let (_, outcome) = dashboard.ask(Effect::Preview { offer: "else".to_owned() }).await;
        assert!(outcome.is_err_and(|said| said.contains("else")));
        let theirs = "Resources: {q: {Type: AWS::SQS::Queue}}";
        let request = dashboard.session.clients.cloudformation.create_stack().stack_name("theirs");
        request.template_body(theirs).send().await.expect("accepted");
        let (_, outcome) = dashboard.ask(Effect::DeleteStack { name: "theirs".to_owned() }).await;
        assert!(outcome.is_err_and(|said| said.contains("was not made by vaultscope")));
        let (_, outcome) = dashboard.ask(Effect::DeleteStack { name: "EventProcessingStack".to_owned() }).await;
        assert!(outcome.as_ref().is_ok_and(|said| said.contains("is gone")), "{outcome:?}");
        assert_eq!(dashboard.status().await, None);
        dashboard.close().await;
    }
}
