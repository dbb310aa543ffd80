//! Filter patterns of CloudWatch Logs: terms, space-delimited fields and JSON conditions.
//!
//! A pattern is read once and matched often; matching never fails and never backtracks.

mod cursor;
mod fields;
mod json;
mod terms;
mod value;

use cursor::Cursor;
use fields::Fields;
use json::Expression;
use terms::Terms;

/// A text that is no filter pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("Invalid character(s) in term '{0}'")]
    Term(String),
    #[error("Invalid filter pattern: {0}")]
    Syntax(String),
}

impl PatternError {
    fn syntax<T>(problem: impl Into<String>) -> Result<T, Self> {
        Err(Self::Syntax(problem.into()))
    }
}

/// A filter pattern.
#[derive(Debug)]
pub enum Pattern {
    /// Every event.
    All,
    Terms(Terms),
    Fields(Fields),
    Json(Expression),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the text is not of the language, or a part of it is not supported.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        match cursor.peek() {
            None => Ok(Self::All),
            Some('{') => json::parse(cursor).map(Self::Json),
            Some('[') => fields::parse(cursor).map(Self::Fields),
            Some(_) => terms::parse(cursor).map(Self::Terms),
        }
    }

    /// Whether an event's message matches.
    pub fn matches(&self, message: &str) -> bool {
        match self {
            Self::All => true,
            Self::Terms(terms) => terms.matches(message),
            Self::Fields(fields) => fields.matches(message),
            Self::Json(expression) => json::matches(expression, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_pattern_and_no_message_panics(pattern in "\\PC{0,80}", message in "\\PC{0,80}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&message);
            }
        }

        #[test]
        fn nothing_made_of_the_languages_own_parts_panics(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", "(", ")", "$", ".", "..", "...", "a", "b1", "*", "?", "-", "\"", "\\", "%", "=", "!=",
                    "<", ">=", "&&", "||", "&", "|", ",", " ", "IS", "NULL", "NOT", "EXISTS", "TRUE", "1", "-2.5e3", "ü", "'",
                ]),
                0..40,
            ),
            wrap in 0..3_u8,
            message in "(\\{\"a\": ?(1|null|\\[1,2\\]|\"b1\")\\})|([a-b1 \"\\[\\]ü]{0,20})",
        ) {
            let inner = parts.concat();
            let text = match wrap { 0 => inner, 1 => format!("{{ $.a {inner} }}"), _ => format!("[a{inner}]") };
            if let Ok(pattern) = Pattern::parse(&text) {
                pattern.matches(&message);
            }
        }

        #[test]
        fn a_quoted_phrase_finds_itself(before in "\\PC{0,9}", phrase in "[a-z \"\\\\{}%$ü]{1,20}", after in "\\PC{0,9}") {
            let quoted = format!("\"{}\"", phrase.replace('\\', "\\\\").replace('"', "\\\""));
            let pattern = Pattern::parse(&quoted).expect("a valid phrase");
            let message = format!("{before}{phrase}{after}");
            prop_assert!(pattern.matches(&message));
        }
    }

    #[test]
    fn a_deep_or_large_pattern_is_refused_not_overflowed() {
        let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(500), ")".repeat(500));
        assert!(Pattern::parse(&deep).is_err());
        assert!(Pattern::parse("%[a-z]{900}[a-z]{900}[a-z]{900}[a-z]{900}.{99999}%").is_err());
    }
}
