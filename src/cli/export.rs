//! A recorded session as a picture (SVG or text) or as an asciicast, drawn without a terminal.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use serde_json::json;

use crate::tui::{Entry, Event, Recording, State, Theme, ViewState, draw, update};

use super::Usage;
use super::args::ReplayArgs;
use super::config::Config;
use super::svg::{rows, svg};

/// Milliseconds between two frames of an asciicast.
const FRAME_MS: u64 = 100;
/// Milliseconds between two ticks of the dashboard.
const TICK_MS: u64 = 250;

/// Writes the picture that the file's ending names.
pub fn write(mut recording: Recording, path: &Path, args: &ReplayArgs, config: &Config) -> anyhow::Result<()> {
    let ending = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let theme = args.look.theme(config).unwrap_or(Theme::Dark);
    recording.setup.presents |= args.look.present;
    let size = args.size.or_else(|| size_of(&recording)).unwrap_or((120, 40));
    let until = args.at.map(|at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
    let made = match ending {
        "svg" => svg(&last_frame(recording, size, theme, until)?, theme),
        "txt" => text(&last_frame(recording, size, theme, until)?),
        "cast" => cast(recording, size, theme, until, args.speed)?,
        _ => {
            let message = format!("{} names no kind of picture: end it in .svg, .txt or .cast", path.display());
            return Err(Usage(message).into());
        }
    };
    fs::write(path, made).with_context(|| format!("cannot write {}", path.display()))
}

/// The size of the terminal at the start of the recording.
fn size_of(recording: &Recording) -> Option<(u16, u16)> {
    recording.entries.iter().find_map(|entry| match entry.1 {
        Event::Resize(columns, rows) => Some((columns, rows)),
        _ => None,
    })
}

/// A dashboard that sees a recording.
struct Film {
    state: State,
    view: ViewState,
    ticked_ms: u64,
}

impl Film {
    fn new(recording: &Recording, (columns, rows): (u16, u16), theme: Theme) -> Self {
        let mut state = State::new(recording.setup.clone());
        update(&mut state, Event::Resize(columns, rows));
        Self { state, view: ViewState::new(theme), ticked_ms: 0 }
    }

    /// Lets time pass up to a moment.
    fn pass(&mut self, ms: u64) {
        if ms >= self.ticked_ms + TICK_MS {
            self.ticked_ms = ms;
            update(&mut self.state, Event::Tick(ms));
        }
    }

    fn see(&mut self, Entry(ms, event): Entry) {
        self.pass(ms);
        if !matches!(event, Event::Resize(..)) {
            // What it asked for was carried out then.
            drop(update(&mut self.state, event));
        }
    }
}

/// The screen after the last thing that happened up to `until`.
fn last_frame(recording: Recording, size: (u16, u16), theme: Theme, until: Option<u64>) -> anyhow::Result<Buffer> {
    let mut film = Film::new(&recording, size, theme);
    let end = until.unwrap_or_else(|| recording.length_ms());
    // The key that ended the session changes nothing that could be seen.
    for entry in recording.entries.into_iter().take_while(|entry| entry.0 <= end) {
        film.see(entry);
    }
    film.pass(end);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1))?;
    terminal.draw(|frame| draw(frame, &film.state, &mut film.view))?;
    Ok(terminal.backend().buffer().clone())
}

fn text(buffer: &Buffer) -> String {
    let line = |row: Vec<(usize, &Cell)>| row.iter().map(|(_, cell)| cell.symbol()).collect::<String>();
    rows(buffer).map(|row| line(row).trim_end().to_owned() + "\n").collect()
}

/// What a terminal would have been sent since it was last looked at.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<u8>>>);

impl Sent {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An asciicast of version 2: a header, then `[seconds, "o", text]` for each frame that differs from the one before.
fn cast(
    recording: Recording,
    (columns, rows): (u16, u16),
    theme: Theme,
    until: Option<u64>,
    speed: f64,
) -> anyhow::Result<String> {
    let mut film = Film::new(&recording, (columns, rows), theme);
    let end = until.unwrap_or_else(|| recording.length_ms());
    let sent = Sent::default();
    let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
    let mut terminal = Terminal::with_options(CrosstermBackend::new(sent.clone()), TerminalOptions { viewport })?;
    let header = json!({ "version": 2, "width": columns, "height": rows, "title": "vaultscope" });
    let mut made = format!("{header}\n");
    let mut entries = recording.entries.into_iter().peekable();
    let mut now = 0;
    loop {
        while let Some(entry) = entries.next_if(|entry| entry.0 <= now) {
            film.see(entry);
        }
        film.pass(now);
        terminal.draw(|frame| draw(frame, &film.state, &mut film.view))?;
        let bytes = sent.take();
        if !bytes.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "a recording is shorter than 2^53 milliseconds")]
            let seconds = now as f64 / 1_000.0 / speed;
            made += &format!("{}\n", json!([seconds, "o", String::from_utf8_lossy(&bytes)]));
        }
        if now >= end {
            return Ok(made);
        }
        now = (now + FRAME_MS).min(end);
    }
}
