//! What the terminal says of its background. The question is written with the first frame and nothing waits for the
//! answer: it arrives among the keys, is picked out of them, and the colours follow. No terminal has to answer.

use std::mem;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use xterm_color::Color;

/// OSC 11 with a question mark.
pub(super) const QUESTION: &str = "\x1b]11;?\x1b\\";
/// How an answer begins, after its escape character.
const HEAD: &str = "]11;rgb";
/// The characters of the longest answer.
const LONGEST: usize = 40;
/// An answer that comes later is none; milliseconds.
const PATIENCE_MS: u64 = 3_000;
/// An answer that has begun is whole after so many milliseconds, or it was a person at the keys.
const HELD_MS: u64 = 100;

/// Picks the answer out of the keys.
#[derive(Debug, Default)]
pub(super) struct Background {
    is_asked: bool,
    held: Vec<KeyEvent>,
    /// The answer so far, without its escape characters.
    text: String,
    held_since_ms: u64,
}

/// What a key turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// Keys of the user's, in their order; none while it is not known.
    Keys(Vec<KeyEvent>),
    /// The answer: whether the background is light.
    IsLight(bool),
}

impl Background {
    pub(super) fn asked() -> Self {
        Self { is_asked: true, ..Self::default() }
    }

    /// Takes in a key that was read at a moment.
    pub(super) fn hear(&mut self, key: KeyEvent, ms: u64) -> Heard {
        if !self.is_asked {
            return Heard::Keys(vec![key]);
        }
        if self.held.is_empty() {
            if ms > PATIENCE_MS {
                self.is_asked = false;
            }
            self.held_since_ms = ms;
        }
        self.held.push(key);
        match (key.code, key.modifiers) {
            // The escape character is an Alt of what follows it, or a key where the answer came in two parts.
            (KeyCode::Esc, KeyModifiers::NONE) if self.text.is_empty() && self.held.len() == 1 => {}
            (KeyCode::Char(']'), _) if self.text.is_empty() && self.begins() => self.text.push(']'),
            (KeyCode::Char('g'), KeyModifiers::CONTROL) | (KeyCode::Char('\\'), _) if self.text.len() > HEAD.len() => {
                return self.whole();
            }
            (KeyCode::Esc, KeyModifiers::NONE) if self.text.len() > HEAD.len() => {}
            (KeyCode::Char(char), KeyModifiers::NONE | KeyModifiers::SHIFT) if !self.text.is_empty() => {
                self.text.push(char);
                let is_head = HEAD.starts_with(&self.text) || self.text.starts_with(HEAD);
                if !is_head || self.text.len() > LONGEST {
                    return self.give_up();
                }
            }
            _ => return self.give_up(),
        }
        Heard::Keys(Vec::new())
    }

    /// Whether the keys that are held are those that an answer begins with.
    fn begins(&self) -> bool {
        match self.held.as_slice() {
            [bracket] => bracket.modifiers == KeyModifiers::ALT,
            [escape, bracket] => escape.code == KeyCode::Esc && bracket.modifiers == KeyModifiers::NONE,
            _ => false,
        }
    }

    /// The keys that were held for an answer that does not come.
    pub(super) fn pass(&mut self, ms: u64) -> Vec<KeyEvent> {
        let waits = if self.text.is_empty() { HELD_MS / 3 } else { HELD_MS };
        if self.held.is_empty() || ms.saturating_sub(self.held_since_ms) < waits {
            return Vec::new();
        }
        self.text.clear();
        mem::take(&mut self.held)
    }

    fn give_up(&mut self) -> Heard {
        self.text.clear();
        Heard::Keys(mem::take(&mut self.held))
    }

    fn whole(&mut self) -> Heard {
        let colour = self.text.strip_prefix("]11;").and_then(|text| Color::parse(text.as_bytes()).ok());
        match colour {
            Some(colour) => {
                *self = Self::default();
                Heard::IsLight(colour.perceived_lightness() > 0.5)
            }
            None => self.give_up(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that crossterm makes of bytes that arrive together.
    fn keys(text: &str) -> Vec<KeyEvent> {
        let mut keys = Vec::new();
        let mut is_escaped = false;
        for char in text.chars() {
            let modifiers = if is_escaped { KeyModifiers::ALT } else { KeyModifiers::NONE };
            is_escaped = char == '\x1b';
            match char {
                '\x1b' => {}
                '\x07' => keys.push(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL)),
                char => keys.push(KeyEvent::new(KeyCode::Char(char), modifiers)),
            }
        }
        keys
    }

    fn hear(background: &mut Background, keys: &[KeyEvent]) -> (Option<bool>, Vec<KeyEvent>) {
        let (mut light, mut passed) = (None, Vec::new());
        for key in keys {
            match background.hear(*key, 10) {
                Heard::Keys(keys) => passed.extend(keys),
                Heard::IsLight(is) => light = Some(is),
            }
        }
        (light, passed)
    }

    #[test]
    fn the_answer_is_picked_out_of_the_keys() {
        for (answer, is_light) in [
            ("\x1b]11;rgb:ffff/ffff/ffff\x1b\\", true),
            ("\x1b]11;rgb:1e1e/1e1e/2e2e\x07", false),
            ("\x1b]11;rgba:fa/f4/ed/ff\x1b\\", true),
        ] {
            let typed = [keys("j"), keys(answer), keys("k")].concat();
            let (light, passed) = hear(&mut Background::asked(), &typed);
            assert_eq!((light, passed), (Some(is_light), keys("jk")), "{answer:?}");
        }
        // In two parts, so that the escape characters are keys of their own.
        let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        let parts = [vec![escape], keys("]11;rgb:0000/0000/0000"), vec![escape], keys("\\q")].concat();
        assert_eq!(hear(&mut Background::asked(), &parts), (Some(false), keys("q")));
    }

    #[test]
    fn what_a_person_types_comes_through_whole() {
        let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        for typed in [keys("]]1"), keys("\x1b]q"), keys("\x1b]11;x"), [vec![escape], keys("q")].concat()] {
            let mut background = Background::asked();
            let (light, passed) = hear(&mut background, &typed);
            assert_eq!((light, passed), (None, typed));
        }
        let mut background = Background::asked();
        assert_eq!(background.hear(escape, 10), Heard::Keys(Vec::new()), "it may be the start of the answer");
        assert_eq!(background.pass(20), []);
        assert_eq!(background.pass(60), [escape], "a person pressed it");
        assert_eq!(hear(&mut Background::default(), &keys("\x1b]11;rgb:0/0/0\x07")).0, None, "nobody asked");
    }

    #[test]
    fn an_answer_that_comes_too_late_is_none() {
        let mut background = Background::asked();
        assert_eq!(background.hear(keys("j")[0], PATIENCE_MS + 1), Heard::Keys(keys("j")));
        let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        assert_eq!(background.hear(escape, PATIENCE_MS + 2), Heard::Keys(vec![escape]), "no key is held any more");
    }
}
