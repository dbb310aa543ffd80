//! `vaultscope replay`: a recorded session in the dashboard again, or as a picture.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::model::Timestamp;
use crate::tui::{self, Effect, EffectResult, Entry, Event, Recording, ReplayReading, State};

use super::args::ReplayArgs;
use super::settings::Settings;
use super::{Exit, Usage, export, output};

/// Events that may wait for the dashboard.
const EVENTS: usize = 1_024;
/// How often it is told how far the replay is.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// Runs the command.
pub async fn run(args: &ReplayArgs, settings: &Settings, cancel: CancellationToken) -> anyhow::Result<Exit> {
    let file = args.file.display();
    let text = fs::read_to_string(&args.file).with_context(|| format!("cannot read {file}"))?;
    let recording = Recording::read(&text).with_context(|| format!("cannot replay {file}"))?;
    drop(text);
    if recording.is_cut {
        output::remark(&format!("the last line of {file} is cut off and left out"));
    }
    if let Some(path) = &args.export {
        export::write(recording, path, args, &settings.config)?;
        return Ok(Exit::Done);
    }
    if !output::is_terminal() {
        return Err(Usage(
            "a replay needs a terminal, and there is none: --export FILE makes a picture (.svg, .txt) or an asciicast (.cast) of it"
                .to_owned(),
        )
        .into());
    }
    let clock = Clock::starting_at(Timestamp::default());
    clock.set_rate(args.speed).map_err(|error| Usage(error.to_string()))?;
    let state = State::replaying(recording.setup).with_keys(settings.config.keymap()).presenting(args.look.present);
    let length_ms = recording.entries.last().map_or(0, |entry| entry.0);
    let (events, shown) = mpsc::channel(EVENTS);
    let (asked, wanted) = mpsc::unbounded_channel();
    let end = cancel.child_token();
    let tasks = TaskTracker::new();
    let watched = |work| end.clone().run_until_cancelled_owned(work);
    tasks.spawn(watched(Box::pin(feed(recording.entries, clock.clone(), events.clone())) as Work));
    tasks.spawn(watched(Box::pin(turn(wanted, clock.clone(), events.clone())) as Work));
    tasks.spawn(watched(Box::pin(tell(clock, length_ms, events)) as Work));
    tasks.close();
    let ended = tokio::select! {
        ended = tui::run(args.look.options(&settings.config), state, shown, asked) => Some(ended),
        () = cancel.cancelled() => None,
    };
    end.cancel();
    tasks.wait().await;
    match ended {
        Some(ended) => ended.map(|_| Exit::Done).map_err(Into::into),
        None => Ok(Exit::Interrupted),
    }
}

type Work = futures::future::BoxFuture<'static, ()>;

/// Has everything happen again when its time comes.
async fn feed(entries: Vec<Entry>, clock: Clock, events: mpsc::Sender<Event>) {
    for Entry(ms, event) in entries {
        clock.sleep_until(moment(ms)).await;
        if events.send(Event::Replayed(Box::new(event))).await.is_err() {
            return;
        }
    }
}

/// Pauses, steps and scales the replay.
async fn turn(mut wanted: mpsc::UnboundedReceiver<Effect>, clock: Clock, events: mpsc::Sender<Event>) {
    while let Some(effect) = wanted.recv().await {
        let outcome = match &effect {
            Effect::Pause(true) => {
                clock.pause();
                Ok(String::new())
            }
            Effect::Pause(false) => {
                clock.resume();
                Ok(String::new())
            }
            Effect::Step { seconds } => {
                clock.step(Duration::from_secs(*seconds));
                Ok(String::new())
            }
            Effect::SetRate(rate) => clock.set_rate(*rate).map(|()| String::new()).map_err(|error| error.to_string()),
            _ => Err("this is a replay: nothing stands behind it".to_owned()),
        };
        if events.send(Event::Done(EffectResult { effect, outcome })).await.is_err() {
            return;
        }
    }
}

async fn tell(clock: Clock, length_ms: u64, events: mpsc::Sender<Event>) {
    let mut beat = tokio::time::interval(TELL_EVERY);
    loop {
        beat.tick().await;
        let reading = clock.reading();
        let at_ms = u64::try_from(reading.now.millis()).unwrap_or_default().min(length_ms);
        let reading = ReplayReading { at_ms, length_ms, rate: reading.rate, paused: reading.paused };
        if events.send(Event::Replay(reading)).await.is_err() {
            return;
        }
    }
}

fn moment(ms: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}
