//! What an audience is shown: the keys that were pressed, and a picture that is held still.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Keys that are kept.
const KEPT: usize = 6;
/// How long a key is shown, in milliseconds of real time.
pub(crate) const SHOWN_MS: u64 = 4_000;
/// From when on it fades.
pub(crate) const FADES_MS: u64 = 2_000;

/// Presenting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Present {
    pub(crate) is_on: bool,
    /// The last keys, oldest first.
    pub(crate) keys: VecDeque<Pressed>,
}

/// A key that was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pressed {
    pub(crate) key: String,
    /// A word for what it did; empty where there is none.
    pub(crate) word: String,
    pub(crate) times: usize,
    pub(crate) at_ms: u64,
}

impl Present {
    pub(crate) fn press(&mut self, key: String, word: &str, at_ms: u64) {
        match self.keys.back_mut() {
            Some(last) if last.key == key && last.word == word && at_ms.saturating_sub(last.at_ms) < SHOWN_MS => {
                last.times += 1;
                last.at_ms = at_ms;
            }
            _ => {
                if self.keys.len() == KEPT {
                    self.keys.pop_front();
                }
                self.keys.push_back(Pressed { key, word: word.to_owned(), times: 1, at_ms });
            }
        }
    }

    /// The keys that are still shown, oldest first.
    pub(crate) fn shown(&self, now_ms: u64) -> impl Iterator<Item = &Pressed> {
        self.keys.iter().filter(move |key| now_ms.saturating_sub(key.at_ms) < SHOWN_MS)
    }
}

/// A picture that is held still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frozen {
    pub(crate) since_ms: u64,
    /// What was seen since.
    pub(crate) events: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_pressed_again_is_counted_and_an_old_one_is_gone() {
        let mut present = Present::default();
        present.press("j".to_owned(), "", 0);
        present.press("j".to_owned(), "", 1_000);
        present.press("d".to_owned(), "deploy", 2_000);
        let shown = |now| present.shown(now).map(|key| (key.key.as_str(), key.times)).collect::<Vec<_>>();
        assert_eq!(shown(2_000), [("j", 2), ("d", 1)]);
        assert_eq!(shown(5_500), [("d", 1)]);
        assert_eq!(shown(6_000), []);
        for n in 0..20 {
            present.press(n.to_string(), "", 7_000);
        }
        assert_eq!(present.keys.len(), KEPT);
    }
}
