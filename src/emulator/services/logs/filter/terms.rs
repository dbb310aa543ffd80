//! Terms: all of them, any of those with `?`, none of those with `-`.

use regex::Regex;

use super::condition::Scanner;

/// A term.
#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}

/// The terms of a pattern.
#[derive(Debug, Default)]
pub struct Terms {
    required: Vec<Term>,
    optional: Vec<Term>,
    excluded: Vec<Term>,
}

impl Terms {
    /// Reads terms.
    ///
    /// # Errors
    /// When a quote or regular expression is not closed.
    pub fn parse(mut scanner: Scanner<'_>) -> Result<Self, String> {
        let mut terms = Self::default();
        loop {
            scanner.skip_space();
            if scanner.is_done() {
                return Ok(terms);
            }
            let list = if scanner.take("?") {
                &mut terms.optional
            } else if scanner.take("-") {
                &mut terms.excluded
            } else {
                &mut terms.required
            };
            list.push(match scanner.peek() {
                Some('"') => Term::Text(scanner.quoted()?),
                Some('%') => Term::Regex(scanner.regex()?),
                _ => {
                    let word = scanner.take_while(|c| !c.is_whitespace() && c != '"');
                    if word.is_empty() {
                        return Err("a term is missing".to_owned());
                    }
                    Term::Text(word.to_owned())
                }
            });
        }
    }

    /// Whether a message fits; beside required terms the optional ones mean nothing.
    pub fn match_text(&self, message: &str) -> bool {
        self.required.iter().all(|term| term.is_in(message))
            && !self.excluded.iter().any(|term| term.is_in(message))
            && (!self.required.is_empty()
                || self.optional.is_empty()
                || self.optional.iter().any(|term| term.is_in(message)))
    }
}
