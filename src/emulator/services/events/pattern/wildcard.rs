//! Wildcard patterns: `*` stands for any characters, `\*` and `\\` for themselves.

use std::collections::{BTreeSet, HashSet};

/// A wildcard pattern, cut at its wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// Literal pieces; between any two of them stands a `*`.
    pieces: Vec<Vec<u8>>,
}

/// Positions that a match may be in at once before EventBridge finds the pattern too complex.
const MOST_POSITIONS: usize = 10;
/// Sets of positions that are looked at; more of them would not change the verdict of any sensible pattern.
const MOST_SETS: usize = 1_000;

/// Why a wildcard pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WildcardError {
    /// Something is wrong at a place: the message.
    Malformed(String),
    /// It would cost too much to match.
    TooComplex,
}

impl Wildcard {
    /// Reads a pattern.
    ///
    /// # Errors
    /// For `**`, an unknown escape, or a pattern that is too complex.
    pub fn parse(text: &str) -> Result<Self, WildcardError> {
        let mut pieces = vec![Vec::new()];
        let bytes = text.as_bytes();
        let mut at = 0;
        // Places count from the quote before the text, as EventBridge's do.
        while let Some(byte) = bytes.get(at) {
            match (byte, bytes.get(at + 1)) {
                (b'*', Some(b'*')) => {
                    return Err(WildcardError::Malformed(format!("Consecutive wildcard characters at pos {}", at + 1)));
                }
                (b'*', _) => pieces.push(Vec::new()),
                (b'\\', Some(escaped @ (b'*' | b'\\'))) => {
                    push(&mut pieces, *escaped);
                    at += 1;
                }
                (b'\\', _) => {
                    return Err(WildcardError::Malformed(format!("Invalid escape character at pos {}", at + 1)));
                }
                _ => push(&mut pieces, *byte),
            }
            at += 1;
        }
        let wildcard = Self { pieces };
        if wildcard.is_too_complex() { Err(WildcardError::TooComplex) } else { Ok(wildcard) }
    }

    /// Whether the whole text fits.
    pub fn matches(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        let (Some(first), Some(last)) = (self.pieces.first(), self.pieces.last()) else { return rest.is_empty() };
        if self.pieces.len() == 1 {
            return rest == first.as_slice();
        }
        let Some(after) = rest.strip_prefix(first.as_slice()) else { return false };
        let Some(before) = after.strip_suffix(last.as_slice()) else { return false };
        rest = before;
        for piece in &self.pieces[1..self.pieces.len() - 1] {
            let Some(found) = find(rest, piece) else { return false };
            rest = &rest[found + piece.len()..];
        }
        true
    }

    /// Walks through the sets of positions that some text can put a match into at once.
    fn is_too_complex(&self) -> bool {
        if self.pieces.len() < 3 && self.pieces.iter().all(|piece| piece.len() < MOST_POSITIONS) {
            return false;
        }
        // `None` is a wildcard.
        let mut pattern: Vec<Option<u8>> = Vec::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                pattern.push(None);
            }
            pattern.extend(piece.iter().map(|byte| Some(*byte)));
        }
        let close = |positions: &mut BTreeSet<usize>| {
            let skipped: Vec<usize> =
                positions.iter().filter(|at| pattern.get(**at) == Some(&None)).map(|at| at + 1).collect();
            positions.extend(skipped);
        };
        let mut start = BTreeSet::from([0]);
        close(&mut start);
        let mut seen = HashSet::from([start.clone()]);
        let mut open = vec![start];
        while let Some(positions) = open.pop() {
            let bytes: BTreeSet<u8> = positions.iter().filter_map(|at| pattern.get(*at).copied().flatten()).collect();
            for byte in bytes {
                let mut next = BTreeSet::new();
                for at in &positions {
                    match pattern.get(*at) {
                        Some(Some(wanted)) if *wanted == byte => {
                            next.insert(at + 1);
                        }
                        _ => {}
                    }
                    // Behind a wildcard a match can stay where it is.
                    if *at > 0 && pattern[at - 1].is_none() {
                        next.insert(*at);
                    }
                }
                close(&mut next);
                if next.len() > MOST_POSITIONS {
                    return true;
                }
                if seen.len() < MOST_SETS && seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        false
    }
}

fn push(pieces: &mut [Vec<u8>], byte: u8) {
    if let Some(last) = pieces.last_mut() {
        last.push(byte);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Wildcard::parse(pattern).expect("a valid pattern").matches(text)
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in
            [("*", ""), ("a*", "a"), ("*a", "bca"), ("a*b*c", "aXbYc"), ("*/x/*", "/x/"), ("a\\*b", "a*b"), ("", "")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*a", "a"), ("a*b*c", "acb"), ("a\\*b", "aXb"), ("", "a"), ("*ab*ba*", "aba")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn malformed_and_costly_patterns_are_refused() {
        assert_eq!(
            Wildcard::parse("a**"),
            Err(WildcardError::Malformed("Consecutive wildcard characters at pos 2".to_owned()))
        );
        assert_eq!(
            Wildcard::parse("a\\b"),
            Err(WildcardError::Malformed("Invalid escape character at pos 2".to_owned()))
        );
        assert_eq!(Wildcard::parse("*a*a*a*a*a*a*a*"), Err(WildcardError::TooComplex));
    }
}
