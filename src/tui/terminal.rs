//! The terminal while the dashboard has it: taken over on the way in, given back on every way out, panics included.

use std::io::{self, Stdout, Write, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{Command, cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Whether the terminal is taken over right now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal; dropping it gives it back.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    pub(super) fn take(mouse: bool) -> io::Result<Self> {
        HOOK.call_once(|| {
            let earlier = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                earlier(info);
            }));
        });
        // Which colours there are is decided by the theme, NO_COLOR included.
        crossterm::style::force_color_output(true);
        TAKEN.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode()
            .and_then(|()| execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste))
            .and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        let terminal = taken.inspect_err(|_| give_back())?;
        let screen = Self { terminal };
        if mouse {
            mouse_capture(true)?;
        }
        Ok(screen)
    }
}

pub(super) fn mouse_capture(captured: bool) -> io::Result<()> {
    if captured { execute!(stdout(), EnableMouseCapture) } else { execute!(stdout(), DisableMouseCapture) }
}

/// Bytes of base64 that terminals and what multiplexes them take as one text for the clipboard.
const MOST_COPIED: usize = 74_994;

/// Asks the terminal to put text on the clipboard, with OSC 52. tmux hands it on where its `set-clipboard` is on; for the
/// others it is wrapped as well, which tmux hands on where its `allow-passthrough` is.
///
/// # Errors
/// One sentence.
pub(super) fn copy(text: &str, is_tmux: bool) -> Result<(), String> {
    let bytes = clipboard(text, is_tmux)?;
    let mut out = stdout();
    out.write_all(bytes.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("nothing was copied: the terminal cannot be written to: {error}"))
}

fn clipboard(text: &str, is_tmux: bool) -> Result<String, String> {
    let mut bytes = String::new();
    CopyToClipboard::to_clipboard_from(text)
        .write_ansi(&mut bytes)
        .map_err(|error| format!("nothing was copied: {error}"))?;
    if bytes.len() > MOST_COPIED {
        let most = MOST_COPIED / 4 * 3;
        return Err(format!(
            "nothing was copied: {} bytes are more than the {most} that terminals take; `vaultscope watch --json` prints them",
            text.len()
        ));
    }
    if is_tmux {
        // Each escape character inside is doubled.
        let inside = bytes.replace('\x1b', "\x1b\x1b");
        bytes += &format!("\x1bPtmux;{inside}\x1b\\");
    }
    Ok(bytes)
}

/// Asks the terminal for its background; the answer arrives among the keys.
pub(super) fn ask_background() -> io::Result<()> {
    let mut out = stdout();
    out.write_all(super::background::QUESTION.as_bytes())?;
    out.flush()
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Undoes what [`Screen::take`] did, once. What fails here has nobody left to be told.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_wrapped_for_tmux_and_bounded() {
        let plain = clipboard("item 1", false).expect("a short text");
        assert!(plain.starts_with("\x1b]52;c;") && plain.contains("aXRlbSAx"), "{plain:?}");
        let wrapped = clipboard("item 1", true).expect("a short text");
        let inside = wrapped.strip_prefix(&plain).expect("the plain one for set-clipboard first");
        let inside = inside.strip_prefix("\x1bPtmux;").and_then(|text| text.strip_suffix("\x1b\\")).expect("wrapped");
        assert_eq!(inside.replace("\x1b\x1b", "\x1b"), plain);
        let said = clipboard(&"x".repeat(60_000), false).expect_err("too long");
        assert!(said.contains("60000 bytes are more than the 56244"), "{said}");
    }
}
