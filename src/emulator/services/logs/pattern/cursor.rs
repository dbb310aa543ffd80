//! Reads a pattern from left to right.

use super::PatternError;

/// What is left of a pattern.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `text` if it comes next.
    pub fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes the word if it comes next and ends there; case does not matter.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let (Some(start), Some(rest)) = (self.rest.get(..word.len()), self.rest.get(word.len()..)) else {
            return false;
        };
        let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if ends && start.eq_ignore_ascii_case(word) {
            self.rest = rest;
            return true;
        }
        false
    }

    pub fn take_while(&mut self, taken: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !taken(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    /// Takes what stands between two of `quote`; a backslash before a quote or a backslash is dropped.
    pub fn quoted(&mut self, quote: char) -> Result<String, PatternError> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                c if c == quote => {
                    self.rest = self.rest.get(at + quote.len_utf8()..).unwrap_or_default();
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        PatternError::syntax("a quotation mark is not closed")
    }

    /// Takes what stands between two percent signs, escapes as they are.
    pub fn between_percents(&mut self) -> Result<&'a str, PatternError> {
        let inner = self.rest.get(1..).unwrap_or_default();
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            if c == '%' && !escaped {
                self.rest = inner.get(at + 1..).unwrap_or_default();
                return Ok(inner.get(..at).unwrap_or_default());
            }
            escaped = c == '\\' && !escaped;
        }
        PatternError::syntax("a regular expression is not closed by %")
    }

    pub fn expect(&mut self, text: &str) -> Result<(), PatternError> {
        if self.eat(text) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "the end".to_owned(), |c| format!("'{c}'"));
        PatternError::syntax(format!("'{text}' is expected where {found} stands"))
    }

    /// Nothing may follow but space.
    pub fn end(mut self) -> Result<(), PatternError> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(c) => PatternError::syntax(format!("nothing may follow where '{c}' stands")),
        }
    }
}
