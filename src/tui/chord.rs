//! A key with its modifiers, and how it is written: in the footer, in the help and in the configuration file alike.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::{Deserialize, Serialize};

/// A key with its modifiers. Shift is part of the key: `N`, `Shift+Tab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Whether Ctrl is held.
    pub control: bool,
    /// Whether Alt is held.
    pub alt: bool,
}

impl Chord {
    pub(super) const fn plain(code: KeyCode) -> Self {
        Self { code, control: false, alt: false }
    }

    pub(super) const fn char(char: char) -> Self {
        Self::plain(KeyCode::Char(char))
    }

    pub(super) const fn control(char: char) -> Self {
        Self { code: KeyCode::Char(char), control: true, alt: false }
    }
}

impl From<KeyEvent> for Chord {
    fn from(key: KeyEvent) -> Self {
        let has = |modifier| key.modifiers.contains(modifier);
        let code = match key.code {
            KeyCode::Tab if has(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        Self { code, control: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT) }
    }
}

/// Keys that have a name, the one that is shown first.
const NAMES: [(KeyCode, &[&str]); 16] = [
    (KeyCode::Char(' '), &["Space"]),
    (KeyCode::Enter, &["Enter", "Return"]),
    (KeyCode::Esc, &["Esc", "Escape"]),
    (KeyCode::Tab, &["Tab"]),
    (KeyCode::BackTab, &["Shift+Tab", "BackTab"]),
    (KeyCode::Backspace, &["Backspace"]),
    (KeyCode::Delete, &["Delete", "Del"]),
    (KeyCode::Insert, &["Insert", "Ins"]),
    (KeyCode::Up, &["↑", "Up"]),
    (KeyCode::Down, &["↓", "Down"]),
    (KeyCode::Left, &["←", "Left"]),
    (KeyCode::Right, &["→", "Right"]),
    (KeyCode::PageUp, &["PgUp", "PageUp"]),
    (KeyCode::PageDown, &["PgDn", "PageDown"]),
    (KeyCode::Home, &["Home"]),
    (KeyCode::End, &["End"]),
];

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            f.write_str("Ctrl+")?;
        }
        if self.alt {
            f.write_str("Alt+")?;
        }
        match self.code {
            KeyCode::Char(char) if char != ' ' && self.control => write!(f, "{}", char.to_ascii_uppercase()),
            KeyCode::Char(char) if char != ' ' => write!(f, "{char}"),
            code => match NAMES.iter().find(|(named, _)| *named == code) {
                Some((_, names)) => f.write_str(names[0]),
                None => write!(f, "{code}"),
            },
        }
    }
}

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no key: write a character, F1 to F12, or Space, Enter, Esc, Tab, Shift+Tab, Backspace, Delete, Insert, Up, \
     Down, Left, Right, PgUp, PgDn, Home or End, with Ctrl+ or Alt+ before it"
)]
pub struct NoKey(String);

/// `text` without a modifier that it begins with, whatever its case.
fn without<'a>(text: &'a str, modifier: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(modifier.len())?;
    (head.eq_ignore_ascii_case(modifier) && !rest.is_empty()).then_some(rest)
}

impl FromStr for Chord {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let none = || NoKey(text.to_owned());
        let (mut control, mut alt) = (false, false);
        let mut rest = text;
        loop {
            if let Some(key) = without(rest, "Ctrl+") {
                (control, rest) = (true, key);
            } else if let Some(key) = without(rest, "Alt+") {
                (alt, rest) = (true, key);
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            // A terminal does not tell Ctrl+U from Ctrl+Shift+U, and has no code for other characters with Ctrl.
            (Some(char), None) if control && !char.is_ascii_alphabetic() => return Err(none()),
            (Some(char), None) if control => KeyCode::Char(char.to_ascii_lowercase()),
            (Some(char), None) if !char.is_control() => named(rest).unwrap_or(KeyCode::Char(char)),
            _ => named(rest).ok_or_else(none)?,
        };
        Ok(Self { code, control, alt })
    }
}

fn named(text: &str) -> Option<KeyCode> {
    let number = text.strip_prefix(['F', 'f']).and_then(|number| number.parse().ok());
    if let Some(number @ 1..=12) = number {
        return Some(KeyCode::F(number));
    }
    let is_so_called = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
    NAMES.iter().find(|(_, names)| is_so_called(names)).map(|(code, _)| *code)
}

impl TryFrom<String> for Chord {
    type Error = NoKey;

    fn try_from(text: String) -> Result<Self, NoKey> {
        text.parse()
    }
}

impl From<Chord> for String {
    fn from(chord: Chord) -> Self {
        chord.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for (text, shown) in [
            ("d", "d"),
            ("N", "N"),
            ("ctrl+u", "Ctrl+U"),
            ("Ctrl+U", "Ctrl+U"),
            ("alt+Enter", "Alt+Enter"),
            ("Ctrl+Alt+x", "Ctrl+Alt+X"),
            ("+", "+"),
            ("Alt++", "Alt++"),
            ("space", "Space"),
            ("Up", "↑"),
            ("↑", "↑"),
            ("pageup", "PgUp"),
            ("Shift+Tab", "Shift+Tab"),
            ("f12", "F12"),
            ("日", "日"),
        ] {
            let chord: Chord = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(chord.to_string(), shown);
            assert_eq!(chord.to_string().parse(), Ok(chord), "it is read back");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_would_be_one() {
        for text in ["", "dd", "Ctrl+", "Hyper+x", "F13", "Ctrl+1", "\u{7}", "Shift+x"] {
            let said = text.parse::<Chord>().expect_err(text).to_string();
            assert!(said.contains("is no key") && said.contains("Ctrl+"), "{said}");
        }
    }

    #[test]
    fn a_key_of_the_terminal_is_its_chord() {
        let chord = |code, modifiers| Chord::from(KeyEvent::new(code, modifiers)).to_string();
        assert_eq!(chord(KeyCode::Char('u'), KeyModifiers::CONTROL), "Ctrl+U");
        assert_eq!(chord(KeyCode::Char('N'), KeyModifiers::SHIFT), "N");
        assert_eq!(chord(KeyCode::Tab, KeyModifiers::SHIFT), "Shift+Tab");
        assert_eq!(chord(KeyCode::Char('x'), KeyModifiers::ALT), "Alt+x");
    }
}
