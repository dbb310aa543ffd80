//! The loop: terminal events, ticks and what the composition root sends go into one queue; each batch is folded into
//! the state and drawn once. Nothing in it waits for an effect.

use std::io;
use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, EventStream, MouseButton, MouseEventKind};
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::background::{Background, Heard};
use super::terminal::{self, Screen};
use super::theme::{Depth, Surroundings, Theme};
use super::view::{ViewState, draw};
use super::{Effect, Entry, Event, Spot, State, update};
use crate::model::{Outcome, Tally};

/// The beat of frames: 30 a second at most.
const FRAME: Duration = Duration::from_millis(33);
/// Milliseconds between two ticks. Each draws a frame: while nothing happens these are all there are.
const TICK_MS: u64 = 500;
/// Events that are folded before the terminal is looked at again.
const BATCH: usize = 64;

/// How the terminal is used.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether the mouse chooses panes and rows from the start; the terminal's own selection needs it off.
    pub mouse: bool,
    /// The colour scheme; the one that fits the terminal where it is not named.
    pub theme: Option<Theme>,
    /// Who is told of everything that happens, ticks left out, to write it down.
    pub recorder: Option<mpsc::UnboundedSender<Entry>>,
}

/// Why the dashboard could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be set up, read or drawn on.
    #[error("the terminal cannot be used: {0}; run a headless command such as `vaultscope run` instead")]
    Terminal(#[from] io::Error),
}

/// What a session did, to be printed once the screen is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The stacks that were seen.
    pub stacks: Vec<StackSummary>,
    /// The datasets that were seen, oldest first.
    pub datasets: Vec<DatasetSummary>,
    /// Problems that were shown, oldest first, one sentence each.
    pub problems: Vec<String>,
}

/// A stack and its last known status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackSummary {
    /// The stack's name.
    pub name: String,
    /// `CREATE_COMPLETE`, …; `None` when it is gone.
    pub status: Option<String>,
}

/// A dataset and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetSummary {
    /// The set-id.
    pub set_id: String,
    /// Manifest lines and items.
    pub tally: Tally,
    /// How its reconciliation ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// Checks so far.
    pub iterations: u64,
    /// A few of the keys that are missing, in order.
    pub missing: Vec<String>,
}

/// Shows the dashboard until the user leaves or `events` closes.
///
/// Effects are handed to `effects` except [`Effect::Copy`], [`Effect::Mouse`], [`Effect::Colours`] and [`Effect::Quit`],
/// which are done here.
///
/// # Errors
/// When the terminal cannot be set up, read or drawn on. The terminal is restored in every case.
pub async fn run(
    options: Options,
    mut state: State,
    mut events: mpsc::Receiver<Event>,
    effects: mpsc::UnboundedSender<Effect>,
) -> Result<Summary, TuiError> {
    let mut screen = Screen::take(options.mouse)?;
    state.mouse = options.mouse;
    let size = screen.terminal.size()?;
    let recorder = options.recorder;
    let record = |ms, event: &Event| {
        if let Some(recorder) = &recorder {
            // Whoever wrote it down and cannot any more has said so.
            drop(recorder.send(Entry(ms, event.clone())));
        }
    };
    let event = Event::Resize(size.width, size.height);
    record(0, &event);
    update(&mut state, event);
    let surroundings = Surroundings::read();
    let mut fitting = Theme::for_terminal(&surroundings);
    state.theme = options.theme;
    let mut view = ViewState::new(options.theme.unwrap_or(fitting)).with_depth(Depth::of(&surroundings));
    let mut background = Background::default();
    let mut keys = EventStream::new();
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let opened = frames.tick().await;
    let (mut last_tick, mut beat) = (0, 0);
    screen.terminal.draw(|frame| draw(frame, &state, &mut view))?;
    // The first frame does not wait for it.
    if surroundings.has_to_ask() {
        terminal::ask_background()?;
        background = Background::asked();
    }
    let mut dirty = false;
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            key = keys.next() => match key {
                Some(event) => match event? {
                    TerminalEvent::Key(key) => match background.hear(key, beat) {
                        Heard::Keys(keys) => batch.extend(keys.into_iter().map(Event::Key)),
                        Heard::IsLight(is_light) => {
                            fitting = Theme::on(is_light);
                            view.set_theme(state.theme.unwrap_or(fitting));
                            dirty = true;
                        }
                    },
                    event => batch.extend(translate(event, &view, &state)),
                },
                None => return Ok(state.summary()),
            },
            now = frames.tick() => {
                beat = u64::try_from(now.duration_since(opened).as_millis()).unwrap_or(u64::MAX);
                batch.extend(background.pass(beat).into_iter().map(Event::Key));
                if beat - last_tick >= TICK_MS {
                    last_tick = beat;
                    batch.push(Event::Tick(beat));
                }
            }
            event = events.recv() => match event {
                Some(event) => {
                    batch.push(event);
                    while batch.len() < BATCH && let Ok(event) = events.try_recv() {
                        batch.push(event);
                    }
                }
                None => return Ok(state.summary()),
            },
        }
        let idle = batch.is_empty();
        let ticked = batch.iter().any(|event| matches!(event, Event::Tick(_)));
        dirty |= batch.iter().any(|event| !goes_on(&state, event));
        for event in batch {
            if !matches!(event, Event::Tick(_)) {
                record(beat, &event);
            }
            for effect in update(&mut state, event) {
                match effect {
                    Effect::Quit => return Ok(state.summary()),
                    Effect::Copy(text) => {
                        if let Err(problem) = terminal::copy(&text, surroundings.is_tmux) {
                            let event = Event::Problem(problem);
                            record(beat, &event);
                            update(&mut state, event);
                        }
                    }
                    Effect::Mouse(captured) => terminal::mouse_capture(captured)?,
                    Effect::Colours(theme) => view.set_theme(theme.unwrap_or(fitting)),
                    // A root that no longer listens is leaving; its event channel closes next.
                    other => drop(effects.send(other)),
                }
            }
        }
        // Frames are drawn on the beat only: at most one for whatever came since the last.
        if dirty && idle || ticked {
            screen.terminal.draw(|frame| draw(frame, &state, &mut view))?;
            dirty = false;
        }
    }
}

/// Whether it says that time goes on as it did: the next tick's frame shows it.
fn goes_on(state: &State, event: &Event) -> bool {
    let Event::Clock(now) = event else { return false };
    state.clock.as_ref().is_some_and(|(before, _)| (before.rate, before.paused) == (now.rate, now.paused))
}

/// What a terminal event that is no key means to the dashboard.
fn translate(event: TerminalEvent, view: &ViewState, state: &State) -> Vec<Event> {
    match event {
        TerminalEvent::Paste(text) => vec![Event::Paste(text)],
        TerminalEvent::Resize(columns, rows) => vec![Event::Resize(columns, rows)],
        TerminalEvent::Mouse(mouse) => {
            let spot = view.spot(mouse.column, mouse.row);
            let by = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => return spot.map(Event::Click).into_iter().collect(),
                MouseEventKind::ScrollDown => 1,
                MouseEventKind::ScrollUp => -1,
                _ => return Vec::new(),
            };
            // The wheel scrolls the pane that it is over, which gets the keys too.
            let over = match spot {
                Some(Spot::Pane { pane, .. }) if pane != state.pane() => {
                    Some(Event::Click(Spot::Pane { pane, row: None }))
                }
                _ => None,
            };
            over.into_iter().chain([Event::Scroll(by)]).collect()
        }
        TerminalEvent::Key(_) | TerminalEvent::FocusGained | TerminalEvent::FocusLost => Vec::new(),
    }
}
