//! Comparisons of a value with a number, a word with wildcards or a regular expression.

use std::cmp::Ordering;

use regex::bytes::{Regex, RegexBuilder};

use super::PatternError;
use super::cursor::Cursor;
use crate::emulator::glob;

/// The largest program that a regular expression may become, in bytes.
const LARGEST_REGEX: usize = 1 << 20;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
enum Operand {
    Word { text: String, wild: bool, number: Option<f64> },
    Regex(Regex),
}

/// An operator with what stands on its right.
#[derive(Debug)]
pub struct Comparison {
    operator: Operator,
    operand: Operand,
}

impl Comparison {
    /// Reads an operator and its operand; `None` when no operator comes next. A bare operand ends at space or where
    /// `ends` says.
    pub fn read(cursor: &mut Cursor, ends: impl Fn(char) -> bool) -> Result<Option<Self>, PatternError> {
        cursor.skip_space();
        let operators = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let Some((_, operator)) = operators.into_iter().find(|(sign, _)| cursor.eat(sign)) else {
            return Ok(None);
        };
        cursor.skip_space();
        let operand = match cursor.peek() {
            Some(quote @ ('"' | '\'')) => Operand::word(cursor.quoted(quote)?, false),
            Some('%') => Operand::Regex(regex(cursor)?),
            _ => {
                let text = cursor.take_while(|c| !c.is_whitespace() && !ends(c));
                if text.is_empty() {
                    return PatternError::syntax("a value is missing after an operator");
                }
                Operand::word(text.to_owned(), true)
            }
        };
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        if !equality && !matches!(operand, Operand::Word { number: Some(_), .. }) {
            return PatternError::syntax("<, >, <= and >= compare numbers");
        }
        Ok(Some(Self { operator, operand }))
    }

    /// Whether it holds for a value: its text, and its number where it is one.
    pub fn holds(&self, text: &str, number: Option<f64>) -> bool {
        let equal = || match &self.operand {
            Operand::Regex(regex) => regex.is_match(text.as_bytes()),
            Operand::Word { number: Some(wanted), .. } if let Some(number) = number => {
                number.partial_cmp(wanted) == Some(Ordering::Equal)
            }
            Operand::Word { text: wanted, wild: true, .. } => glob::word(wanted, text),
            Operand::Word { text: wanted, .. } => wanted == text,
        };
        let ordering = || match (&self.operand, number) {
            (Operand::Word { number: Some(wanted), .. }, Some(number)) => number.partial_cmp(wanted),
            _ => None,
        };
        match self.operator {
            Operator::Equal => equal(),
            Operator::NotEqual => !equal(),
            Operator::Less => ordering().is_some_and(Ordering::is_lt),
            Operator::LessOrEqual => ordering().is_some_and(Ordering::is_le),
            Operator::Greater => ordering().is_some_and(Ordering::is_gt),
            Operator::GreaterOrEqual => ordering().is_some_and(Ordering::is_ge),
        }
    }
}

impl Operand {
    fn word(text: String, bare: bool) -> Self {
        let number = if bare { number(&text) } else { None };
        Self::Word { wild: text.contains('*'), text, number }
    }
}

/// The number that a word is.
pub fn number(text: &str) -> Option<f64> {
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    text.parse().ok().filter(|number: &f64| starts && number.is_finite())
}

/// Reads `%expression%`; of regular expressions CloudWatch Logs has no groups and no characters beyond ASCII.
pub fn regex(cursor: &mut Cursor) -> Result<Regex, PatternError> {
    let text = cursor.between_percents()?;
    if text.is_empty() {
        return PatternError::syntax("a regular expression is empty");
    }
    let mut escaped = false;
    for c in text.chars() {
        let supported =
            c.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(c) || (escaped && c.is_ascii_punctuation());
        if !supported {
            return PatternError::syntax(format!("'{c}' is not supported in a regular expression"));
        }
        escaped = c == '\\' && !escaped;
    }
    RegexBuilder::new(text)
        .unicode(false)
        .size_limit(LARGEST_REGEX)
        .dfa_size_limit(LARGEST_REGEX)
        .build()
        .or_else(|error| PatternError::syntax(error.to_string()))
}
