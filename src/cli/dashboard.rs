//! The dashboard: starts the target, opens the terminal, carries out what the dashboard asks for, and feeds it what is
//! seen. Drawing and state are the TUI's; nothing here decides what is shown.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::aws::{Meter, Target};
use crate::deploy::{BOOTSTRAP, CATALOGUE, EVENT_PROCESSING, Offer, choosable};
use crate::model::FlowEvent;
use crate::model::activity::Activity;
use crate::model::words::counted;
use crate::observe::CHANNEL_CAPACITY;
use crate::tui::{
    self, ClockReading, Event, JobRequest, Options, Setup, StackOffer, State, Summary, TargetInfo, TargetKind,
};

use super::args::StacksArgs;
use super::effects::Effects;
use super::look::LookArgs;
use super::play::{self, Taps};
use super::record::Recorder;
use super::server::Server;
use super::session::{EMBEDDED_RATE, Session};
use super::settings::Settings;
use super::{Exit, Usage, observed, output, stacks};

/// Events that may wait for the dashboard.
const EVENTS: usize = 1_024;
/// Flow events of one batch.
const BATCH: usize = 512;
/// How often the clock's reading is told.
const CLOCK_EVERY: Duration = Duration::from_millis(250);
/// How often the calls that were made are told.
const ACTIVITY_EVERY: Duration = Duration::from_secs(1);
/// What was begun has so long to end once the dashboard is left.
const GRACE: Duration = Duration::from_secs(5);

/// Opens the dashboard and stays until it is left.
pub async fn run(
    settings: &Settings,
    look: &LookArgs,
    record: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<Exit> {
    if !output::is_terminal() {
        if record.is_some() {
            return Err(Usage("--record needs a terminal, and there is none: leave it out".to_owned()).into());
        }
        // What can be said without one: what is deployed, and what the rest is called.
        output::remark(
            "vaultscope: no terminal, so these are the stacks; the dashboard needs one, `vaultscope watch` prints what happens, and \
             `vaultscope run` does everything at once",
        );
        return stacks::run(settings, &StacksArgs { json: false }).await;
    }
    let (settings, chosen) = observed::first_shown(settings);
    let settings = &settings;
    let session = Session::open(settings).await?;
    if session.emulator.is_some() {
        session.set_rate(EMBEDDED_RATE).await?;
    }
    let session = Arc::new(session);
    let setup = setup(settings, look, &session);
    let (events, shown) = mpsc::channel(EVENTS);
    let recorder = match record.map(|path| Recorder::begin(path, setup.clone(), events.clone())).transpose() {
        Ok(recorder) => recorder,
        Err(error) => {
            session.end().await;
            return Err(error);
        }
    };
    let state = State::new(setup);
    let (flows, seen) = mpsc::channel(CHANNEL_CAPACITY);
    let (asked, wanted) = mpsc::unbounded_channel();
    let end = cancel.child_token();
    let tasks = TaskTracker::new();
    let taps = Taps::default();
    tasks.spawn(pump(seen, events.clone(), taps.clone()));
    tasks.spawn(tell_clock(Arc::clone(&session), events.clone(), end.clone()));
    tasks.spawn(tell_activity(session.clients.meter().clone(), events.clone(), end.clone()));
    let effects = Effects::new(Arc::clone(&session), settings.clone(), chosen, flows, events, end.clone(), taps);
    tasks.spawn(effects.carry_out(wanted));
    tasks.close();
    let entries = recorder.as_ref().map(|recorder| recorder.entries.clone());
    let options = Options { recorder: entries, ..look.options(&settings.config) };
    let shown = tokio::select! {
        shown = tui::run(options, state, shown, asked) => Some(shown),
        () = cancel.cancelled() => None,
    };
    end.cancel();
    // What does not end in time ends with the process; the endpoint and its processes are ended in any case.
    let _ = tokio::time::timeout(GRACE, tasks.wait()).await;
    match Arc::try_unwrap(session) {
        Ok(session) => session.close().await,
        Err(session) => session.end().await,
    }
    if let Some(recorder) = recorder {
        recorder.end().await?;
    }
    match shown {
        Some(summary) => print(&summary?, settings)?,
        None => output::remark("interrupted: the dashboard was left"),
    }
    Ok(Exit::Done)
}

fn setup(settings: &Settings, look: &LookArgs, session: &Session) -> Setup {
    let url = session.url().unwrap_or_default();
    let target = TargetInfo {
        kind: match settings.target {
            Target::Embedded => TargetKind::Embedded,
            Target::Endpoint { .. } => TargetKind::Endpoint,
            Target::Aws { .. } => TargetKind::Aws,
        },
        is_tls: url.starts_with("https://"),
        address: url.split_once("://").map_or(url.as_str(), |(_, address)| address).to_owned(),
        server: session.server.as_ref().and_then(Server::word).map(str::to_owned),
        profile: match &settings.target {
            Target::Aws { profile, .. } => profile.clone(),
            Target::Embedded | Target::Endpoint { .. } => None,
        },
        region: session.clients.region.clone(),
        account: Some(session.account.id.clone()),
        read_only: session.clients.is_read_only(),
    };
    let name = |offer: Offer| if offer == EVENT_PROCESSING { settings.stack.clone() } else { offer.stack.to_owned() };
    let offer = |offer: Offer| StackOffer {
        id: offer.id.to_owned(),
        stack: name(offer),
        purpose: offer.purpose.to_owned(),
        resources: offer.template().map_or(0, |template| template.resource_count()),
        parameters: offer.template().filter(|_| offer != BOOTSTRAP).map(|template| choosable(&template)),
        chosen: settings.config.chosen(),
    };
    Setup {
        target,
        stacks: CATALOGUE.into_iter().map(offer).collect(),
        job: JobRequest::default(),
        scenarios: play::offers(),
        keys: settings.config.rebindings.clone(),
        presents: look.present,
    }
}

/// Hands flow events over in batches, so that a burst is folded and drawn at once.
async fn pump(mut seen: mpsc::Receiver<FlowEvent>, events: mpsc::Sender<Event>, taps: Taps) {
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        if seen.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        taps.pass(&batch).await;
        if events.send(Event::Flows(batch)).await.is_err() {
            return;
        }
    }
}

async fn tell_clock(session: Arc<Session>, events: mpsc::Sender<Event>, end: CancellationToken) {
    let mut beat = tokio::time::interval(CLOCK_EVERY);
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            _ = beat.tick() => {}
        }
        let reading = session.clock.reading();
        let reading = ClockReading { now: reading.now, rate: reading.rate, paused: reading.paused };
        if events.send(Event::Clock(reading)).await.is_err() {
            return;
        }
    }
}

/// Tells of the calls that were made, whenever there were more; what they asked is told once.
async fn tell_activity(meter: Meter, events: mpsc::Sender<Event>, end: CancellationToken) {
    let mut beat = tokio::time::interval(ACTIVITY_EVERY);
    let mut told = Activity::default();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            _ = beat.tick() => {}
        }
        let activity = meter.activity();
        if activity != told {
            let told_since = meter.activity_since(told.last());
            told = activity;
            if events.send(Event::Activity(told_since)).await.is_err() {
                return;
            }
        }
    }
}

/// What stays on the terminal once the dashboard is gone.
fn print(summary: &Summary, settings: &Settings) -> std::io::Result<()> {
    for stack in &summary.stacks {
        let status = stack.status.as_deref().unwrap_or("gone");
        let note = if settings.target == Target::Embedded { ", ended with the embedded endpoint" } else { "" };
        output::line(&format!("stack {}: {status}{note}", stack.name))?;
    }
    for set in &summary.datasets {
        let outcome = set.outcome.map_or_else(|| "not reconciled".to_owned(), |outcome| format!("{outcome:?}"));
        output::line(&format!(
            "dataset {}: {outcome}, {} of {} keys present after {}",
            set.set_id,
            set.tally.present,
            set.tally.expected,
            counted(set.iterations, "iteration")
        ))?;
        for key in &set.missing {
            output::line(&format!("  missing {key}"))?;
        }
    }
    for problem in &summary.problems {
        output::remark(&format!("problem: {problem}"));
    }
    Ok(())
}
