//! Changes of stacks that the dashboard asks for: the change set is made and kept, shown, and executed or dropped.

use anyhow::Context as _;

use crate::deploy::{
    BOOTSTRAP, DATA_VAULTING, EVENT_PROCESSING, Foreign, Offer, S3TAR, check_deletion, describe, destroy, past_events,
};
use crate::model::words::counted;
use crate::tui::Event;

use super::args::StackArgs;
use super::effects::Effects;
use super::rollout::{Drafted, Losses, Order};
use super::server::Server;
use super::settings::Settings;
use super::{archiving, deploy};

/// Events of a stack that are read at the most: ten pages, each a call.
const PAST: usize = 1_000;

fn offered(id: &str) -> anyhow::Result<Offer> {
    let offer = Offer::find(id).with_context(|| format!("there is no stack {id:?} to deploy"))?;
    anyhow::ensure!(
        offer != BOOTSTRAP,
        "stack {} comes with the first stack that needs it: deploy that one",
        BOOTSTRAP.stack
    );
    Ok(offer)
}

impl Effects {
    /// What a stack of the catalogue is deployed with. A name on the command line is that of the event processing stack.
    async fn order(&self, offer: Offer, parameters: &[(String, String)]) -> anyhow::Result<Order> {
        let settings = Settings { named: None, ..self.settings.clone() };
        let args = StackArgs { parameters: parameters.to_vec(), ..StackArgs::default() };
        Order::of_offer(&settings, offer, &args).await
    }

    fn stack_of(&self, offer: Offer) -> String {
        if offer == EVENT_PROCESSING { self.settings.stack.clone() } else { offer.stack.to_owned() }
    }

    /// Makes the change set, keeps it and shows it; one that was shown before is dropped.
    pub(super) async fn preview(&self, id: &str, parameters: &[(String, String)]) -> anyhow::Result<String> {
        let offer = offered(id)?;
        let stack = self.stack_of(offer);
        let _changing = self.begin(&stack)?;
        self.discard_any().await?;
        let drafted = self.order(offer, parameters).await?.draft(&self.session, &self.flows, &self.end).await;
        let Drafted::Waits(draft) = deploy::of_target(&self.settings, drafted)? else {
            return Ok(format!("stack {stack} would not change"));
        };
        let preview = draft.changes.preview();
        let said = match preview.changes.len() {
            1 => format!("1 change of stack {stack} waits for your word"),
            count => format!("{count} changes of stack {stack} wait for your word"),
        };
        *self.shown.lock().await = Some((offer, draft));
        // The dashboard may have been left meanwhile.
        let _ = self.events.send(Event::Preview { offer: id.to_owned(), preview }).await;
        Ok(said)
    }

    /// Drops the change set of a stack that was shown, unless another one has taken its place.
    pub(super) async fn discard(&self, id: &str) -> anyhow::Result<String> {
        let offer = offered(id)?;
        let stack = self.stack_of(offer);
        let _changing = self.begin(&stack)?;
        if self.shown.lock().await.as_ref().is_some_and(|(of, _)| *of == offer) {
            self.discard_any().await?;
        }
        Ok(format!("stack {stack} was left as it is"))
    }

    /// Drops the change set that was shown, where there is one.
    pub(super) async fn discard_any(&self) -> anyhow::Result<()> {
        if let Some((_, draft)) = self.shown.lock().await.take() {
            draft.discard(&self.session).await?;
        }
        Ok(())
    }

    /// Makes the change that was shown, or what there is to change where nothing was.
    pub(super) async fn deploy(&self, id: &str) -> anyhow::Result<String> {
        let offer = offered(id)?;
        let _changing = self.begin(&self.stack_of(offer))?;
        let shown = self.shown.lock().await.take_if(|(of, _)| *of == offer);
        let (session, flows, end) = (&self.session, &self.flows, &self.end);
        let deployed = match shown {
            Some((_, draft)) => draft.execute(session, flows, end).await,
            None => self.order(offer, &[]).await?.deploy(session, Losses::Refused, flows, end).await,
        };
        let stack = deploy::of_target(&self.settings, deployed)?;
        let (name, status) = (&stack.seen.name, &stack.status);
        let mut said = format!("stack {name} is in {status}");
        if offer == EVENT_PROCESSING {
            self.observe().await?;
        } else if offer == S3TAR {
            archiving::provide_for(session, &stack).await?;
            if self.chosen() == *name {
                self.watch(name).await?;
            } else {
                said.push_str(": Enter on the Stacks page observes it");
            }
        } else if offer == DATA_VAULTING && self.is_ours() {
            let at = session.url().map(|url| format!(" --endpoint-url {url}")).unwrap_or_default();
            said = format!("next: vaultscope gateway activate{at}");
        }
        Ok(said)
    }

    /// Whether an endpoint of ours answers.
    pub(super) fn is_ours(&self) -> bool {
        self.session.emulator.is_some() || matches!(self.session.server, Some(Server::Vaultscope))
    }

    pub(super) async fn delete(&self, name: &str) -> anyhow::Result<String> {
        let _changing = self.begin(name)?;
        let clients = &self.session.clients;
        if let Some(stack) = describe(clients, name).await? {
            // Said before anything that belongs to the stack is ended.
            check_deletion(clients, &stack, Foreign::Refused).await?;
        }
        // What was shown of a stack goes with it.
        self.shown.lock().await.take_if(|(offer, _)| self.stack_of(*offer) == name);
        let mut observed = self.observed.lock().await;
        if let Some(gone) = observed.take_if(|observed| observed.subject.observed.stack == name) {
            gone.jobs.cancel();
            gone.observer.stop().await;
        }
        drop(observed);
        let removed = destroy(clients, name, Foreign::Refused, &self.flows, &self.end).await?;
        Ok(if removed.existed {
            format!("stack {name} is gone, and {} of its buckets with it", counted(removed.objects, "object"))
        } else {
            format!("there was no stack {name}")
        })
    }

    /// Reads what happened to a stack before anybody looked.
    pub(super) async fn read_past(&self, name: &str) -> anyhow::Result<String> {
        let events = past_events(&self.session.clients, name, PAST).await?;
        // The dashboard may have been left meanwhile.
        let _ = self.events.send(Event::StackPast { stack: name.to_owned(), events }).await;
        Ok(String::new())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::super::config;
    use super::super::play::Taps;
    use super::super::session::Session;
    use super::*;
    use crate::aws::{Access, Target};
    use crate::model::preview::ChangePreview;
    use crate::model::{FlowEvent, Seen};
    use crate::observe::LiveTail;
    use crate::tui::Effect;

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
        EVENT_PROCESSING.id.to_owned()
    }

    #[tokio::test]
    async fn a_change_is_shown_then_dropped_or_made() {
        let mut dashboard = Dashboard::open().await;
        let (preview, outcome) = dashboard.ask(Effect::Preview { offer: offer(), parameters: Vec::new() }).await;
        let preview = preview.expect("a preview");
        assert!(preview.is_new && preview.changes.len() > 30, "{preview:?}");
        assert!(outcome.is_ok_and(|said| said.contains("wait for your word")));
        let (_, outcome) = dashboard.ask(Effect::Discard { offer: offer() }).await;
        assert!(outcome.is_ok_and(|said| said.contains("left as it is")));
        assert_eq!(dashboard.status().await, None, "a preview leaves nothing behind");
        assert_eq!(dashboard.stack_events(), 0, "and makes nothing happen");

        dashboard.ask(Effect::Preview { offer: offer(), parameters: Vec::new() }).await.1.expect("shown again");
        let (_, outcome) = dashboard.ask(Effect::Deploy { offer: offer() }).await;
        assert!(outcome.as_ref().is_ok_and(|said| said.contains("CREATE_COMPLETE")), "{outcome:?}");
        assert!(dashboard.stack_events() > 60);
        let stack = describe(&dashboard.session.clients, "EventProcessingStack").await.expect("an answer");
        let chosen = stack.expect("a stack").parameter("logRetentionDays").map(str::to_owned);
        assert_eq!(chosen.as_deref(), Some("3"), "the config file's parameters count");
        let (preview, outcome) = dashboard.ask(Effect::Preview { offer: offer(), parameters: Vec::new() }).await;
        assert_eq!(preview, None);
        assert!(outcome.is_ok_and(|said| said.contains("would not change")));

        let wait = vec![("reconcileWaitIterations".to_owned(), "5".to_owned())];
        let (preview, _) = dashboard.ask(Effect::Preview { offer: offer(), parameters: wait }).await;
        assert!(preview.is_some_and(|preview| !preview.is_new), "the form's parameters count");
        dashboard.ask(Effect::Deploy { offer: offer() }).await.1.expect("updated");
        let stack = describe(&dashboard.session.clients, "EventProcessingStack").await.expect("an answer");
        let chosen = stack.expect("a stack").parameter("reconcileWaitIterations").map(str::to_owned);
        assert_eq!(chosen.as_deref(), Some("5"));
        let wrong = vec![("reconcileWaitIterations".to_owned(), "soon".to_owned())];
        let (_, outcome) = dashboard.ask(Effect::Preview { offer: offer(), parameters: wrong }).await;
        assert!(outcome.is_err_and(|said| said.contains("must be a number")));
        dashboard.close().await;
    }

    #[tokio::test]
    async fn every_stack_of_the_catalogue_is_deployed_and_what_happened_to_it_is_read() {
        let mut dashboard = Dashboard::open().await;
        let (_, outcome) =
            dashboard.ask(Effect::Preview { offer: "bootstrap".to_owned(), parameters: Vec::new() }).await;
        assert!(outcome.is_err_and(|said| said.contains("comes with the first stack that needs it")));
        for (offer, next) in [(EVENT_PROCESSING, ""), (DATA_VAULTING, "gateway activate"), (S3TAR, "Enter")] {
            let id = offer.id.to_owned();
            let (preview, outcome) = dashboard.ask(Effect::Preview { offer: id.clone(), parameters: Vec::new() }).await;
            assert_eq!(preview.expect("a preview").stack, offer.stack, "{outcome:?}");
            let (_, outcome) = dashboard.ask(Effect::Deploy { offer: id }).await;
            let said = outcome.expect(offer.id);
            assert!(said.contains(next) && (said.contains("CREATE_COMPLETE") || offer == DATA_VAULTING), "{said}");
        }
        let wanted = Effect::ReadStack { name: S3TAR.stack.to_owned() };
        dashboard.asked.send(wanted).expect("somebody listens");
        let events = loop {
            if let Event::StackPast { events, .. } = dashboard.shown.recv().await.expect("an answer") {
                break events;
            }
        };
        let all = past_events(&dashboard.session.clients, S3TAR.stack, PAST).await.expect("events");
        assert_eq!(events, all);
        assert!(events.first().is_some_and(|(_, event)| event.logical_id == S3TAR.stack), "oldest first");
        assert!(events.len() > 58 && events.is_sorted_by_key(|(at, _)| *at), "{}", events.len());
        let newest = past_events(&dashboard.session.clients, S3TAR.stack, 3).await.expect("events");
        assert_eq!(newest, events[events.len() - 3..]);
        let gone = past_events(&dashboard.session.clients, "NoSuchStack", 3).await.expect("an answer");
        assert_eq!(gone, [], "a stack that was dropped meanwhile is no problem");
        dashboard.close().await;
    }

    #[tokio::test]
    async fn a_change_set_is_dropped_for_its_own_stack_only() {
        let mut dashboard = Dashboard::open().await;
        let preview = |offer: Offer| Effect::Preview { offer: offer.id.to_owned(), parameters: Vec::new() };
        dashboard.ask(preview(EVENT_PROCESSING)).await.1.expect("shown");
        dashboard.ask(preview(S3TAR)).await.1.expect("shown in its place");
        dashboard.ask(Effect::Discard { offer: offer() }).await.1.expect("nothing to drop");
        let (_, outcome) = dashboard.ask(Effect::Deploy { offer: S3TAR.id.to_owned() }).await;
        assert!(outcome.is_ok_and(|said| said.contains("CREATE_COMPLETE")));
        assert_eq!(dashboard.status().await, None, "the first one was dropped");
        dashboard.close().await;
    }

    #[tokio::test]
    async fn a_stack_is_deployed_unseen_and_deleted_and_others_are_refused() {
        let mut dashboard = Dashboard::open().await;
        let (_, outcome) = dashboard.ask(Effect::Deploy { offer: offer() }).await;
        assert!(outcome.as_ref().is_ok_and(|said| said.contains("CREATE_COMPLETE")), "{outcome:?}");
        let (_, outcome) = dashboard.ask(Effect::Preview { offer: "else".to_owned(), parameters: Vec::new() }).await;
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
