//! Presenting, holding the picture still, and the colours.

use crossterm::event::{KeyCode, KeyEvent};

use super::super::Effect;
use super::super::chord::Chord;
use super::super::cmd::Cmd;
use super::super::state::present::Frozen;
use super::super::state::{Overlay, State};
use super::super::theme::Theme;
use super::keys::quit;
use super::say;

/// Keeps a key for the audience, with a word for what it does where that is known.
pub(super) fn note(state: &mut State, key: KeyEvent) {
    if !state.present.is_on {
        return;
    }
    let binding = state.keymap.on(state.page).find(|binding| binding.keys.contains(&Chord::from(key)));
    let word = binding.filter(|_| state.overlay.is_none()).map_or("", |binding| match binding.cmd {
        Cmd::Show(page) => page.name(),
        _ => binding.short,
    });
    state.present.press(Chord::from(key).to_string(), word, state.real_ms);
}

/// Begins or ends presenting.
pub(super) fn present(state: &mut State) {
    state.present.is_on = !state.present.is_on;
    state.present.keys.clear();
    let words =
        if state.present.is_on { "presenting: account numbers are masked" } else { "account numbers are shown again" };
    say(state, words);
}

/// Holds the picture still.
pub(super) fn freeze(state: &mut State) {
    state.frozen = Some(Frozen { since_ms: state.real_ms, events: 0 });
}

/// A key while the picture is held still: what it would do could not be seen, so it does nothing but let go or leave.
pub(super) fn thaw(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    let cmd = state.keymap.cmd(state.page, key);
    if key.code == KeyCode::Esc || matches!(cmd, Some(Cmd::Freeze | Cmd::Leave | Cmd::Back)) {
        state.frozen = None;
    } else if cmd == Some(Cmd::Quit) {
        return quit(state);
    }
    Vec::new()
}

/// Opens the picker of colours.
pub(super) fn themes(state: &mut State) {
    let at = state.theme.and_then(|theme| Theme::ALL.iter().position(|other| *other == theme)).map_or(0, |at| at + 1);
    state.overlay = Some(Overlay::Themes(at, state.theme));
}

/// The scheme of a row of the picker; none for the first, which fits the terminal.
pub(super) fn theme_of(at: usize) -> Option<Theme> {
    at.checked_sub(1).and_then(|at| Theme::ALL.get(at).copied())
}

/// Draws in a scheme from now on.
pub(super) fn draw_in(state: &mut State, theme: Option<Theme>) -> Vec<Effect> {
    state.theme = theme;
    vec![Effect::Colours(theme)]
}
