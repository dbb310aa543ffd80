//! The dashboard without a terminal: what it looks like, what keys do, and that no size or key makes it panic.

mod activity;
mod archiving;
mod changes;
mod form;
mod gateway;
mod guide;
mod journeys;
mod logs;
mod looks;
mod objects;
mod opened;
mod overlays;
mod sources;
mod stacks;
mod story;
mod table;
mod targets;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use vaultscope::tui::{Effect, Event, State, Theme, ViewState, draw, update};

/// The screen as text, drawn at a size.
fn screen(state: &mut State, width: u16, height: u16) -> String {
    update(state, Event::Resize(width, height));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let mut view = ViewState::new(Theme::Dark);
    terminal.draw(|frame| draw(frame, state, &mut view)).expect("a frame");
    terminal.backend().to_string()
}

fn key(code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

/// Presses keys: each character is one, `\n` Enter, `\t` Tab, `\u{1b}` Esc, arrows the arrows.
fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let code = |char| match char {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\u{1b}' => KeyCode::Esc,
        '\u{8}' => KeyCode::Backspace,
        '←' => KeyCode::Left,
        '→' => KeyCode::Right,
        '↑' => KeyCode::Up,
        '↓' => KeyCode::Down,
        char => KeyCode::Char(char),
    };
    keys.chars().flat_map(|char| update(state, key(code(char)))).collect()
}
