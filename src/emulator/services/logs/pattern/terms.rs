//! Patterns of terms: `ERROR "exact phrase" -excluded ?either ?or %regex%`. Terms are found anywhere in a message, case
//! matters.

use regex::bytes::Regex;

use super::cursor::Cursor;
use super::{PatternError, value};

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Term {
    fn found_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message.as_bytes()),
        }
    }
}

/// Terms by what they ask for.
#[derive(Debug, Default)]
pub struct Terms {
    included: Vec<Term>,
    excluded: Vec<Term>,
    /// One of them suffices; AWS ignores them beside terms of the other kinds.
    optional: Vec<Term>,
}

impl Terms {
    pub fn matches(&self, message: &str) -> bool {
        if self.included.is_empty() && self.excluded.is_empty() {
            return self.optional.iter().any(|term| term.found_in(message));
        }
        self.included.iter().all(|term| term.found_in(message))
            && !self.excluded.iter().any(|term| term.found_in(message))
    }
}

/// Reads terms up to the end.
pub fn parse(mut cursor: Cursor) -> Result<Terms, PatternError> {
    let mut terms = Terms::default();
    loop {
        cursor.skip_space();
        if cursor.peek().is_none() {
            return Ok(terms);
        }
        let kind = if cursor.eat("-") {
            &mut terms.excluded
        } else if cursor.eat("?") {
            &mut terms.optional
        } else {
            &mut terms.included
        };
        kind.push(term(&mut cursor)?);
    }
}

fn term(cursor: &mut Cursor) -> Result<Term, PatternError> {
    match cursor.peek() {
        Some('"') => Ok(Term::Text(cursor.quoted('"')?)),
        Some('%') => Ok(Term::Regex(value::regex(cursor)?)),
        _ => {
            let text = cursor.take_while(|c| !c.is_whitespace());
            if text.is_empty() || !text.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(PatternError::Term(text.to_owned()));
            }
            Ok(Term::Text(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::parse(pattern).expect("a valid pattern").matches(message)
    }

    #[test]
    fn every_term_must_be_there_and_no_excluded_one() {
        let message = "[ERROR 401] UNAUTHORIZED \"REQUEST\"";
        for pattern in
            ["", " ", "ERROR", "ERROR REQUEST", "\"ERROR 401\"", "ERROR -WARN", "-WARN", "\"\\\"REQUEST\\\"\""]
        {
            assert!(matches(pattern, message), "{pattern}");
        }
        for pattern in ["error", "ERROR WARN", "ERROR -REQUEST", "-ERROR", "\"ERROR  401\"", "-\"ERROR 401\""] {
            assert!(!matches(pattern, message), "{pattern}");
        }
    }

    #[test]
    fn one_optional_term_suffices_and_beside_others_they_are_ignored() {
        assert!(matches("?ERROR ?WARN", "a WARN"));
        assert!(!matches("?ERROR ?WARN", "an INFO"));
        assert!(matches("?ERROR INFO", "an INFO"));
        assert!(!matches("?ERROR -INFO", "ERROR and INFO"));
    }

    #[test]
    fn a_regular_expression_is_found_anywhere() {
        assert!(matches("%AUTHORIZED%", "UNAUTHORIZED"));
        assert!(matches("%^ERROR|WARN$%", "a WARN"));
        assert!(matches("%10\\.10\\.0\\.1%", "from 10.10.0.1"));
        assert!(matches("ERROR %[45]\\d{2}%", "ERROR 503"));
        assert!(!matches("%10\\.10\\.0\\.1%", "from 10a10.0.1"));
    }

    #[test]
    fn what_must_be_quoted_is_refused_bare() {
        for pattern in ["a:b", "foo-bar", "-", "?", "a \"", "%a", "%a(b)%", "%a b%", "%ü%", "%[%", "a}"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        let refused = Pattern::parse("foo-bar").expect_err("refused");
        assert_eq!(refused.to_string(), "Invalid character(s) in term 'foo-bar'");
    }
}
